"""The circuit breaker after the provider is reached in another way, by another key or address."""

import copy

from imagevault.quotas import Quota
from imagevault.upstream import quota
from imagevault.upstream.admission import admit, observe, reset_breaker
from imagevault.upstream.models import Call, CallerUsage, Limits, Outcome, ReportedQuota, State

NOW = 1_800_000_000.0
HOUR = Quota(20, "hour")


class TestReset:
    LIMITS = Limits((HOUR,), 4)

    def failed(self) -> State:
        """A state after five failed calls, a pause that was asked for, and a probe that is out."""
        known = State(callers={"ada": CallerUsage(3, NOW, NOW)}, reported={"hour": ReportedQuota(12, NOW + 3000)})
        for number in range(5):
            call = Call(key=f"k{number}", owner="me")
            decision, known = admit(known, self.LIMITS, call, NOW)
            assert decision.verdict == "go"
            known = observe(known, self.LIMITS, call, Outcome(verdict="failed", error="it failed"), NOW)
        call = Call(key="probe", owner="me")
        decision, known = admit(known, self.LIMITS, call, NOW + 31)
        assert (decision.verdict, known.probe) == ("go", "me")
        limited = Call(key="limited", owner="other")
        return observe(known, self.LIMITS, limited, Outcome(verdict="limited", retry_after=60.0), NOW + 31)

    def test_closes_the_breaker_and_lets_all_leave(self) -> None:
        """Not one after the other."""
        known = reset_breaker(self.failed())
        after = NOW + 92

        for number in range(3):
            call = Call(key=f"new {number}", owner=f"owner {number}")
            decision, known = admit(known, self.LIMITS, call, after)
            assert decision.verdict == "go"
        assert (known.trips, known.failures, known.probe, known.open_until) == (0, 0, None, 0.0)

    def test_counts_failures_anew(self) -> None:
        """Four before and four after make no eight."""
        known = State()
        for number in range(8):
            call = Call(key=f"k{number}", owner="me")
            known = observe(known, self.LIMITS, call, Outcome(verdict="failed"), NOW)
            known = reset_breaker(known) if number == 3 else known

        assert known.open_until == 0.0
        assert observe(known, self.LIMITS, call, Outcome(verdict="failed"), NOW).open_until == NOW + 30

    def test_a_probe_that_was_out_decides_nothing_any_more(self) -> None:
        """It failed by the former key: that is one failure, and does not open the breaker again."""
        known = reset_breaker(self.failed())

        known = observe(known, self.LIMITS, Call(key="probe", owner="me"), Outcome(verdict="failed"), NOW + 32)

        assert (known.open_until, known.failures) == (0.0, 1)

    def test_keeps_every_count_and_a_pause(self) -> None:
        """They belong to the account with the upstream, not to how it is reached."""
        before = self.failed()
        after = reset_breaker(before)

        decision, _ = admit(after, self.LIMITS, Call(key="new", owner="me"), NOW + 60)

        assert (decision.verdict, decision.reason) == ("no", "paused")
        assert quota.used(after, HOUR, NOW + 31) == 6
        assert (after.windows, after.reported, after.callers) == (before.windows, before.reported, before.callers)
        assert (after.last_error, after.in_flight) == ("it failed", {})

    def test_leaves_the_former_state_alone(self) -> None:
        """It is compared with the new one, and may have to be tried again."""
        before = self.failed()
        untouched = copy.deepcopy(before)

        assert reset_breaker(before) != before
        assert before == untouched
        assert reset_breaker(State()) == State()
