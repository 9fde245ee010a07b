"""Admission by numbers: quotas, shares, flights, pauses and the circuit breaker, at times that the test chooses."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagevault.quotas import Quota
from imagevault.upstream.admission import LEASE, admit, observe, renew_lease, reset_breaker
from imagevault.upstream.breaker import FAILURES, MAX_OPEN, MAX_RETRY_AFTER, OPEN, PROBE_LIMIT
from imagevault.upstream.fair_share import DOWNLOAD_EVENTS
from imagevault.upstream.models import Call, CallerUsage, Decision, Limits, Outcome, ReportedQuota, State
from imagevault.upstream.quota import fraction_left, left

HOUR = Quota(10, "hour", remaining="X-Remaining", reset="X-Reset")
LIMITS = Limits((HOUR,))
NOW = 1_000_000.0


def call(key: str = "page", owner: str = "", **more: object) -> Call:
    return Call(key=key, owner=owner or key, **more)  # type: ignore[arg-type]


def made(state: State, count: int, limits: Limits = LIMITS, now: float = NOW, caller: str = "") -> State:
    """The state after so many calls that went well."""
    for number in range(count):
        one_call = call(f"{now} {number}", caller=caller)
        decision, state = admit(state, limits, one_call, now)
        assert decision.verdict == "go", decision
        state = observe(state, limits, one_call, Outcome(verdict="ok"), now)
    return state


def failing(state: State, count: int, now: float = NOW, limits: Limits = LIMITS) -> State:
    for number in range(count):
        state = observe(state, limits, call(f"f{number}"), Outcome(verdict="failed"), now)
    return state


class TestQuota:
    def test_the_next_call_says_when(self) -> None:
        """The eleventh of ten an hour is refused until the first is forgotten: an hour and at most two steps."""
        decision, _ = admit(made(State(), 10), LIMITS, call(), NOW + 60)

        assert (decision.verdict, decision.reason) == ("no", "quota")
        assert 3540 < decision.seconds <= 3540 + 2 * 72
        assert admit(made(State(), 10), LIMITS, call(), NOW + 60 + decision.seconds)[0].verdict == "go"

    @given(
        limit=st.integers(1, 6),
        seconds=st.sampled_from([1, 10, 60, 90, 3600]),
        gaps=st.lists(st.floats(0, 0.6), min_size=5, max_size=60),
    )
    def test_no_stretch_of_its_length_holds_more(self, limit: int, seconds: int, gaps: list[float]) -> None:
        """However the calls are spread and the window is aligned, and whatever the length of the period."""
        quota = Quota(limit, seconds=seconds)
        limits, state, now, gone = Limits((quota,)), State(), NOW, []
        for number, gap in enumerate(gaps):
            now += gap * quota.length
            decision, state = admit(state, limits, call(str(number)), now)
            if decision.verdict == "go":
                gone.append(now)
                state = observe(state, limits, call(str(number)), Outcome(verdict="ok"), now)

        for begin in gone:
            assert sum(begin <= at < begin + quota.length for at in gone) <= limit

    def test_a_burst_is_waited_out(self) -> None:
        """Two a second: the third waits, it is not refused."""
        limits = Limits((Quota(2, "second"),))
        decision, _ = admit(made(State(), 2, limits), limits, call(), NOW)

        assert (decision.verdict, decision.reason) == ("wait", "burst")
        assert 1 < decision.seconds < 1.4

    def test_what_the_upstream_says_only_lowers(self) -> None:
        """Less than we counted is believed; more is not, until its reset."""
        state = observe(State(), LIMITS, call(), Outcome(verdict="ok", reported={"hour": (3, NOW + 600)}), NOW)
        state = observe(state, LIMITS, call(), Outcome(verdict="ok", reported={"hour": (8, NOW + 600)}), NOW)

        assert left(state, HOUR, NOW) == 3
        assert left(made(state, 3), HOUR, NOW) == 0
        assert admit(made(state, 3), LIMITS, call(), NOW)[0] == Decision("no", 600.0, "quota")
        assert left(made(state, 3), HOUR, NOW + 601) == 7

    def test_another_limit_forgets_no_call(self) -> None:
        """A quota that was lowered, or that another host sets differently, counts what left before."""
        state = made(State(), 8)

        assert left(state, Quota(9, "hour"), NOW) == 1
        assert left(admit(state, Limits((Quota(9, "hour"),)), call(), NOW)[1], HOUR, NOW) == 1

    @pytest.mark.parametrize("reset", [NOW - 1, NOW, 0.0])
    def test_a_reset_that_is_over_says_nothing(self, reset: float) -> None:
        """Clocks differ; nobody is locked out for a month by one second."""
        state = observe(State(), LIMITS, call(), Outcome(verdict="ok", reported={"hour": (0, reset)}), NOW)

        assert admit(state, LIMITS, call(), NOW)[0].verdict == "go"

    def test_a_reset_that_is_over_lowers_nothing(self) -> None:
        """What was left of the last period is not what is left of this one."""
        state = observe(State(), LIMITS, call(), Outcome(verdict="ok", reported={"hour": (5, NOW + 600)}), NOW)
        state = observe(state, LIMITS, call(), Outcome(verdict="ok", reported={"hour": (0, NOW - 1)}), NOW)

        assert left(state, HOUR, NOW) == 5

    def test_a_reset_is_at_most_one_period_away(self) -> None:
        """Whatever an upstream says."""
        state = observe(State(), LIMITS, call(), Outcome(verdict="ok", reported={"hour": (0, NOW * 1000)}), NOW)

        assert admit(state, LIMITS, call(), NOW + 3601)[0].verdict == "go"

    def test_a_clock_that_was_set_back_counts_what_is_yet_to_come(self) -> None:
        """As if it had just been, so nothing is exceeded, and nobody waits for the clock to catch up."""
        state = made(State(), 10)
        decision, _ = admit(state, LIMITS, call(), NOW - 7200)

        assert decision.reason == "quota"
        assert decision.seconds <= 3600 + 2 * 72

    def test_a_reserve_is_kept_for_duties(self) -> None:
        """A download event still goes when searches no longer do."""
        quota = Quota(100, "hour")
        limits = Limits((quota,), keeps_reserve=True)
        state = made(State(), 95, limits)

        assert admit(state, limits, call(), NOW)[0].reason == "quota"
        assert admit(state, limits, call(reserved=True), NOW)[0].verdict == "go"

    def test_the_reserve_is_a_part_of_what_there_really_is(self) -> None:
        """An upstream that says that 49 of 1000 are left does not lock all searches out."""
        quota = Quota(1000, "hour")
        limits = Limits((quota,), keeps_reserve=True)
        state = observe(State(), limits, call(), Outcome(verdict="ok", reported={"hour": (49, NOW + 600)}), NOW)

        searched = made(state, 47, limits)

        assert admit(searched, limits, call(), NOW)[0].reason == "quota"
        assert admit(searched, limits, call(reserved=True), NOW)[0].verdict == "go"

    def test_a_report_beyond_the_limit_is_cut(self) -> None:
        """One header of 2**64 must not end up in the stored state."""
        state = observe(State(), LIMITS, call(), Outcome(verdict="ok", reported={"hour": (2**64, None)}), NOW)

        assert state.reported["hour"].left == HOUR.limit
        assert admit(state, LIMITS, call(), NOW)[0].verdict == "go"

    def test_the_scarcer_the_less_is_refreshed(self) -> None:
        """Below a fifth nothing is got in the background any more."""
        state = made(State(), 9)

        assert fraction_left(state, LIMITS, NOW) == pytest.approx(0.1)
        assert admit(state, LIMITS, call(background=True), NOW)[0].reason == "scarce"
        assert admit(state, LIMITS, call(), NOW)[0].verdict == "go"


class TestShare:
    def test_one_alone_may_use_all(self) -> None:
        """Nobody else wants it."""
        made(State(), 10, caller="ada")

    def test_two_have_half_each(self) -> None:
        """Once another caller has asked, five of ten are the most for one."""
        state = made(made(State(), 1, caller="bob"), 5, now=NOW + 1, caller="ada")

        assert admit(state, LIMITS, call(caller="ada"), NOW + 2)[0].reason == "share"
        assert admit(state, LIMITS, call(caller="bob"), NOW + 2)[0].verdict == "go"

    def test_what_nobody_claims_is_used(self) -> None:
        """Ten calls, four callers: two each, and the two that are left over go to whoever asks first."""
        state = State()
        for second, caller in enumerate(["ada", "bob", "cyd", "dan"] * 2):
            state = made(state, 1, now=NOW + second, caller=caller)

        state = made(state, 2, now=NOW + 8, caller="ada")

        assert left(state, HOUR, NOW + 9) == 0
        assert admit(state, LIMITS, call(caller="bob"), NOW + 9)[0].reason == "quota"

    def test_what_others_may_still_claim_stays(self) -> None:
        """Five of ten are used by one caller; the other's five are not the first one's."""
        state = made(State(), 1, caller="bob")
        state = made(state, 5, now=NOW + 1, caller="ada")

        assert left(state, HOUR, NOW + 2) == 4
        assert admit(state, LIMITS, call(caller="ada"), NOW + 2)[0].reason == "share"

    def test_the_reserve_is_nobodys_share(self) -> None:
        """Of twenty calls one is kept: three callers have six each, and the one that is over goes to the first."""
        limits = Limits((Quota(20, "hour"),), keeps_reserve=True)
        state = made(State(), 1, limits, now=NOW - 1, caller="cyd")
        state = made(state, 6, limits, caller="bob")
        state = made(state, 7, limits, now=NOW + 1, caller="ada")

        assert admit(state, limits, call(caller="ada"), NOW + 2)[0].reason == "share"
        state = made(state, 5, limits, now=NOW + 2, caller="cyd")
        assert admit(state, limits, call(caller="cyd"), NOW + 3)[0].reason == "quota"
        assert admit(state, limits, call(reserved=True), NOW + 3)[0].verdict == "go"

    def test_many_downloads_leave_half_of_the_quota_to_searches(self) -> None:
        """The events wait while somebody searches; the reserve, which no search may use, is theirs beside it."""
        limits = Limits((Quota(40, "hour"),), keeps_reserve=True)
        state = made(State(), 1, limits, caller="ada")
        for number in range(20):
            event = call(f"event {number}", caller=DOWNLOAD_EVENTS, reserved=True)
            decision, state = admit(state, limits, event, NOW + 1)
            assert decision.verdict == "go"
            state = observe(state, limits, event, Outcome(verdict="ok"), NOW + 1)
        event = call("one more", caller=DOWNLOAD_EVENTS, reserved=True)

        assert admit(state, limits, event, NOW + 2)[0].reason == "share"
        state = made(state, 17, limits, now=NOW + 2, caller="ada")
        assert admit(state, limits, call(caller="ada"), NOW + 3)[0].reason == "quota"

    def test_without_searches_downloads_may_use_all(self) -> None:
        state = State()
        for number in range(10):
            event = call(f"event {number}", caller=DOWNLOAD_EVENTS, reserved=True)
            decision, state = admit(state, LIMITS, event, NOW)
            assert decision.verdict == "go"
            state = observe(state, LIMITS, event, Outcome(verdict="ok"), NOW)

    def test_download_events_take_no_share_from_searches(self) -> None:
        _, state = admit(State(), LIMITS, call("event", caller=DOWNLOAD_EVENTS, reserved=True), NOW)

        made(state, 9, now=NOW + 1, caller="ada")

    def test_who_was_refused_shares_too(self) -> None:
        """He has asked: the other one's part is half from then on."""
        state = made(State(), 10, caller="ada")
        _, state = admit(state, LIMITS, call(caller="bob"), NOW + 1)
        later = NOW + 3600 + 2 * 72
        state = made(state, 5, now=later, caller="ada")
        _, state = admit(state, LIMITS, call(caller="bob"), later)

        assert admit(state, LIMITS, call("next", caller="ada"), later)[0].reason == "share"


class TestLeases:
    def test_a_long_flight_keeps_its_lease(self) -> None:
        """As long as its worker renews it."""
        _, state = admit(State(), LIMITS, call("page", "one"), NOW)
        state = renew_lease(state, call("page", "one"), NOW + LEASE / 2)

        assert admit(state, LIMITS, call("page", "two"), NOW + LEASE)[0].reason == "in_flight"

    def test_one_page_is_got_once(self) -> None:
        """Another worker waits for it; when that worker died, not for ever."""
        _, state = admit(State(), LIMITS, call("page", "one"), NOW)

        assert admit(state, LIMITS, call("page", "two"), NOW)[0].reason == "in_flight"
        assert admit(state, LIMITS, call("page", "one"), NOW)[0].verdict == "go"
        assert admit(state, LIMITS, call("page", "two"), NOW + LEASE)[0].verdict == "go"

    def test_a_page_that_arrived_is_looked_for_once_more(self) -> None:
        """However long its write took: the caller looked after it arrived by the clock, and before it was there."""
        state = observe(State(), LIMITS, call("page", "one"), Outcome(verdict="ok"), NOW)
        looked = call("page", "two", checked_at=NOW + 3)
        knows = call("page", "two", checked_at=NOW + 3, known_completion=NOW)
        later = observe(state, LIMITS, call("page", "three"), Outcome(verdict="ok"), NOW + 4)

        assert admit(state, LIMITS, looked, NOW + 3)[0] == Decision("wait", 0.0, "in_flight", NOW)
        assert admit(state, LIMITS, knows, NOW + 3)[0].verdict == "go"
        assert admit(later, LIMITS, knows, NOW + 4)[0].completed_at == NOW + 4

    def test_a_page_that_arrived_does_not_concern_all(self) -> None:
        """A caller that wants a new call, and one that refreshes what it found stale after that."""
        state = observe(State(), LIMITS, call("page", "one"), Outcome(verdict="ok"), NOW)

        assert admit(state, LIMITS, call("page", "two"), NOW)[0].verdict == "go"
        for checked_at, verdict in ((NOW - 1, "wait"), (NOW + 1, "go")):
            refresh = call("page", "two", checked_at=checked_at, background=True)
            assert admit(state, LIMITS, refresh, NOW + 1)[0].verdict == verdict

    def test_no_more_at_once_than_allowed(self) -> None:
        """The third of two waits until one has landed."""
        limits = Limits((), concurrency=2)
        _, state = admit(State(), limits, call("a"), NOW)
        _, state = admit(state, limits, call("b"), NOW)

        assert admit(state, limits, call("c"), NOW)[0].reason == "concurrency"
        state = observe(state, limits, call("a"), Outcome(verdict="ok"), NOW)
        assert admit(state, limits, call("c"), NOW)[0].verdict == "go"


class TestPause:
    def test_its_own_time_counts(self) -> None:
        """What a 429 asks for, no more, no less, and a day at most."""
        state = observe(State(), LIMITS, call(), Outcome(verdict="limited", retry_after=17), NOW)
        long = observe(State(), LIMITS, call(), Outcome(verdict="limited", retry_after=10**9), NOW)

        assert admit(state, LIMITS, call(), NOW + 1)[0] == Decision("no", 16.0, "paused")
        assert admit(state, LIMITS, call(), NOW + 17)[0].verdict == "go"
        assert long.paused_until == NOW + MAX_RETRY_AFTER

    @pytest.mark.parametrize("pauses", [(1, 60), (60, 1)])
    def test_of_two_the_longer_holds(self, pauses: tuple[int, int]) -> None:
        """Whichever came first."""
        state = State()
        for pause in pauses:
            state = observe(state, LIMITS, call(), Outcome(verdict="limited", retry_after=pause), NOW)

        assert state.paused_until == NOW + 60

    def test_a_thousand_of_them_still_pause(self) -> None:
        """The doubling has an end, and so has its arithmetic."""
        state = State()
        for _ in range(1100):
            state = observe(state, LIMITS, call(), Outcome(verdict="limited"), NOW)

        assert state.paused_until == NOW + 60

    def test_without_a_time_it_doubles(self) -> None:
        """From two seconds to a minute; a success begins anew. A pause of 0 names no time either."""
        state, pauses = State(), []
        for _ in range(7):
            state = observe(state, LIMITS, call(), Outcome(verdict="limited"), NOW)
            pauses.append(state.paused_until - NOW)
        state = observe(state, LIMITS, call(), Outcome(verdict="ok"), NOW)

        assert pauses == [2, 4, 8, 16, 32, 60, 60]
        assert state.throttles == 0
        assert observe(State(), LIMITS, call(), Outcome(verdict="limited", retry_after=0), NOW).paused_until == NOW + 2


class TestBreaker:
    def test_opens_after_so_many_in_a_row(self) -> None:
        """One success in between begins anew."""
        almost = observe(failing(State(), FAILURES - 1), LIMITS, call(), Outcome(verdict="ok"), NOW)

        assert admit(failing(almost, FAILURES - 1), LIMITS, call(), NOW)[0].verdict == "go"
        assert admit(failing(State(), FAILURES), LIMITS, call(), NOW)[0] == Decision("no", OPEN, "circuit_open")

    def test_our_own_refusals_never_count(self) -> None:
        """Nor what a caller asked for that is not there."""
        state = State()
        for _ in range(3 * FAILURES):
            state = observe(state, LIMITS, call(), Outcome(verdict="refused"), NOW)

        assert admit(state, LIMITS, call(), NOW)[0].verdict == "go"

    def test_a_failure_that_names_a_time_pauses_at_once(self) -> None:
        """As a 429 does, before the breaker opens; a time of 0 is none."""
        named = observe(State(), LIMITS, call(), Outcome(verdict="failed", retry_after=120), NOW)
        unnamed = observe(State(), LIMITS, call(), Outcome(verdict="failed", retry_after=0), NOW)

        refused = observe(State(), LIMITS, call(), Outcome(verdict="refused", retry_after=120), NOW)
        missing = observe(State(), LIMITS, call(), Outcome(verdict="ok", retry_after=120), NOW)

        assert admit(named, LIMITS, call(), NOW)[0] == Decision("no", 120.0, "paused")
        assert admit(refused, LIMITS, call(), NOW)[0] == Decision("no", 120.0, "paused")
        assert admit(missing, LIMITS, call(), NOW)[0] == Decision("no", 120.0, "paused")
        assert admit(unnamed, LIMITS, call(), NOW)[0].verdict == "go"

    def test_one_probe_reopens_it(self) -> None:
        """When it cooled, one call may try; the others wait for that one, which closes the breaker."""
        state = failing(State(), FAILURES)
        decision, state = admit(state, LIMITS, call("a"), NOW + OPEN)

        assert decision.verdict == "go"
        assert admit(state, LIMITS, call("b"), NOW + OPEN)[0].reason == "circuit_open"
        state = observe(state, LIMITS, call("a"), Outcome(verdict="ok"), NOW + OPEN + 1)
        assert admit(state, LIMITS, call("b"), NOW + OPEN + 1)[0].verdict == "go"

    def test_a_failed_probe_opens_it_for_longer(self) -> None:
        """Thirty seconds more each time, five minutes at most."""
        state, now, waits = failing(State(), FAILURES), NOW, []
        for _ in range(12):
            waits.append(state.open_until - now)
            now = state.open_until
            _, state = admit(state, LIMITS, call("probe"), now)
            state = observe(state, LIMITS, call("probe"), Outcome(verdict="failed"), now)

        assert waits[:4] == [30, 60, 90, 120]
        assert max(waits) == MAX_OPEN

    def test_a_lost_probe_is_not_waited_for(self) -> None:
        """Its worker died; another may try."""
        _, state = admit(failing(State(), FAILURES), LIMITS, call("a"), NOW + OPEN)

        assert admit(state, LIMITS, call("b"), NOW + OPEN + PROBE_LIMIT)[0].verdict == "go"

    def test_of_two_deadlines_the_longer_holds(self) -> None:
        """A server that asks for an hour is left alone for an hour."""
        state = failing(State(), FAILURES - 1)
        state = observe(state, LIMITS, call(), Outcome(verdict="failed", retry_after=3600), NOW)

        assert state.open_until == NOW + 3600


def test_a_refusal_changes_nothing_that_counts() -> None:
    """What was not allowed to leave is not counted."""
    state = made(State(), 10)
    _, after = admit(state, LIMITS, call(), NOW)

    assert (after.windows, after.in_flight) == (state.windows, {})


class TestStoredState:
    """The row is shared by old and new workers during an upgrade."""

    ROW = (
        b'{"windows":{"hour":{"13888":2}},"learned":{"hour":{"left":7,"until":1000600.0}},'
        b'"flights":{"page":["one",1000010.0]},"landed":{"other":1000000.0},'
        b'"callers":{"ada":{"count":1,"since":1000000.0,"seen":1000000.0}},"cooling_until":1000005.0,"throttles":1,'
        b'"failures":2,"openings":1,"open_until":1000030.0,"probe":"one","probe_until":1000035.0,'
        b'"last_error":"it failed","last_error_at":1000000.0}'
    )

    def test_its_keys_stay(self) -> None:
        """Whatever the fields are called in the code."""
        state = State(
            windows={"hour": {13888: 2}},
            reported={"hour": ReportedQuota(7, 1_000_600.0)},
            in_flight={"page": ("one", 1_000_010.0)},
            completed={"other": 1_000_000.0},
            callers={"ada": CallerUsage(1, 1_000_000.0, 1_000_000.0)},
            paused_until=1_000_005.0,
            throttles=1,
            failures=2,
            trips=1,
            open_until=1_000_030.0,
            probe="one",
            probe_until=1_000_035.0,
            last_error="it failed",
            last_error_at=1_000_000.0,
        )

        assert msgspec.json.encode(state) == self.ROW
        assert msgspec.json.decode(self.ROW, type=State) == state

    def test_an_earlier_worker_reads_no_window_of_another_length(self) -> None:
        """It would fail on one. What it drops of the row, it could not count anyway."""
        limits = Limits((Quota(5, seconds=10, remaining="X-Left"), Quota(100, "hour")))
        _, state = admit(State(), limits, call(), NOW)
        state = observe(state, limits, call(), Outcome(verdict="ok", reported={"10s": (3, NOW + 5)}), NOW)

        row = msgspec.json.decode(msgspec.json.encode(state))

        assert (row["windows"].keys(), row.get("learned")) == ({"hour"}, None)
        assert (row["other_windows"].keys(), row["other_reported"].keys()) == ({"10s"}, {"10s"})
        assert left(msgspec.convert(row, State, strict=False), limits.quotas[0], NOW) == 3

    def test_another_address_closes_the_breaker_and_keeps_the_counts(self) -> None:
        state = msgspec.json.decode(self.ROW, type=State)

        after = reset_breaker(state)

        assert (after.failures, after.trips, after.open_until, after.probe, after.in_flight) == (0, 0, 0.0, None, {})
        assert (after.windows, after.reported, after.paused_until) == (state.windows, state.reported, 1_000_005.0)


class TestClockSetBack:
    """Whatever was noted before lies far ahead then. It holds for as long as it could have held, and no longer."""

    YEAR = 365 * 86_400
    AHEAD = NOW + YEAR  # the clock before it was set back

    def state(self) -> State:
        """A provider that is out of quota, paused, whose breaker is open, and that another flight is fetching from."""
        state = made(State(), 10, now=self.AHEAD, caller="ada")
        limited = Outcome(verdict="limited", retry_after=3000, reported={"hour": (0, self.AHEAD + 3500)})
        state = observe(state, LIMITS, call(), limited, self.AHEAD)
        state = failing(state, FAILURES, self.AHEAD)
        _, state = admit(state, Limits(), call("probe"), self.AHEAD + 3001)
        return state

    @pytest.mark.parametrize("seconds", [60, 7200, YEAR])
    def test_nobody_waits_for_the_clock_to_catch_up(self, seconds: float) -> None:
        now = self.AHEAD - seconds
        longest = MAX_RETRY_AFTER + 3600 + 2 * 72 + 3

        decision, _ = admit(self.state(), LIMITS, call("page"), now)

        assert decision.verdict == "no"
        assert decision.seconds <= longest
        assert admit(self.state(), LIMITS, call("page"), now)[1].paused_until <= now + longest

    def test_all_is_over_after_a_while(self) -> None:
        """As if the clock had always been right."""
        now = NOW
        _, state = admit(self.state(), LIMITS, call("page"), now)
        later = now + MAX_RETRY_AFTER + 3600

        assert admit(state, LIMITS, call("page"), later)[0].verdict == "go"
        assert left(admit(state, LIMITS, call("page"), later)[1], HOUR, later) == 9

    def test_a_page_that_arrived_before_is_no_reason_to_wait(self) -> None:
        state = observe(State(), LIMITS, call("page"), Outcome(verdict="ok"), self.AHEAD)

        assert admit(state, LIMITS, call("page", checked_at=NOW), NOW)[0].verdict == "go"

    def test_shares_begin_anew(self) -> None:
        """After the period, not after a year."""
        state = made(made(State(), 1, now=self.AHEAD, caller="bob"), 5, now=self.AHEAD, caller="ada")
        now = NOW
        _, state = admit(state, LIMITS, call(caller="ada"), now)
        later = now + 3600 + 2 * 72

        assert admit(state, LIMITS, call(caller="ada"), later)[0].verdict == "go"
        assert state.callers["ada"].since <= now
