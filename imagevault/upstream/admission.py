"""What a provider allows now: one state per provider, and two pure functions on it.

`admit` answers whether one more call may leave, `observe` takes in how it went. Neither does I/O nor looks at a clock,
so thousands of random schedules run in a test. All times are seconds of one clock shared by all workers.

Windows slide in steps of a fiftieth of their length, and a call is forgotten some slack after its window is over: no
stretch of that length, however aligned, holds more calls than the limit, also where a call took a while to leave.
"""

import math
from typing import Literal

import msgspec

from imagevault.records import Quota

STEPS = 50
SLACK = 0.25  # seconds that a call may take from being admitted to leaving, and that two clocks may differ
# A month is taken as its longest, 31 days: nobody's month has fewer calls than the limit then.
PERIODS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0, "month": 31 * 86400.0}
SHORT = 5.0  # seconds: windows up to this long are bursts, which a call waits out
LANDED = 10.0  # seconds for which it is remembered that a page has just been got
LEASE = 10.0  # seconds for which a flight is another worker's; a worker that died holds it no longer
PROBE = 35.0  # seconds after which a probe counts as lost
FAILURES = 5  # in a row, and the breaker opens (Envoy's outlier detection: 5, then 30 s longer each time, at most 300)
COOLING, MAX_COOLING = 30.0, 300.0
THROTTLED, MAX_THROTTLED = 2.0, 60.0  # seconds after a 429 that does not say how long; doubled each time
MAX_RETRY_AFTER = 86400.0
LOW = 0.2  # part of a quota below which nothing is refreshed in the background
RESERVE = 0.05  # part of a quota kept for duties, where a provider has any
SHARE = 600.0  # seconds for which a caller who asked counts as one who shares
CALLERS = 64

Why = Literal["quota", "cooling", "failing", "share", "burst", "concurrency", "flying", "scarce"]


class Rules(msgspec.Struct, frozen=True):
    """What the provider allows, as declared and configured. `duties`: whether a reserve is kept for them."""

    quotas: tuple[Quota, ...] = ()
    concurrency: int = 4
    duties: bool = False


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call that wants to leave: for the flight of which page, by which worker's flight, for which caller.

    `looked`: when the worker last saw that the page is not kept.
    """

    key: str
    owner: str
    looked: float = math.inf
    caller: str = ""
    background: bool = False
    duty: bool = False


class Decision(msgspec.Struct, frozen=True):
    """`go`, `wait` some seconds and ask again, or `no` for some seconds."""

    word: Literal["go", "wait", "no"]
    seconds: float = 0.0
    why: Why | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a flight went. `learned`: per period of a quota what the upstream says is left, and until when."""

    word: Literal["ok", "limited", "failed", "refused"]
    retry_after: float | None = None
    learned: dict[str, tuple[int, float | None]] = {}
    error: str | None = None


class Learned(msgspec.Struct):
    """What an upstream said is left of a quota, less the calls that left since; forgotten at `until`."""

    left: int
    until: float


class Caller(msgspec.Struct):
    """How many calls a caller made `since` then, and when he last asked."""

    count: int
    since: float
    seen: float


class State(msgspec.Struct, omit_defaults=True):
    """What is known of a provider. `windows`: per period the calls of each step; `flights`: page -> (owner, until).

    `landed`: when a page was got, for those who looked for it just before that.
    """

    windows: dict[str, dict[int, int]] = {}
    learned: dict[str, Learned] = {}
    flights: dict[str, tuple[str, float]] = {}
    landed: dict[str, float] = {}
    callers: dict[str, Caller] = {}
    cooling_until: float = 0.0
    throttles: int = 0
    failures: int = 0
    openings: int = 0
    open_until: float = 0.0
    probe: str | None = None
    probe_until: float = 0.0
    last_error: str | None = None
    last_error_at: float = 0.0


def copied(state: State) -> State:
    """Another state that says the same; `copy.deepcopy` takes nine times as long."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=State)


def forgive(state: State) -> State:
    """The state with its breaker closed, no failures and no flights; a pause asked for, and every count, stay."""
    state = copied(state)
    state.failures = state.openings = 0
    state.open_until, state.probe, state.flights = 0.0, None, {}
    return state


def used(state: State, quota: Quota, now: float) -> int:
    """The calls that count against a quota now."""
    oldest = _step(quota.period, now) - _kept_steps(quota.period)
    return sum(count for step, count in state.windows.get(quota.period, {}).items() if step >= oldest)


def left(state: State, quota: Quota, now: float) -> int:
    """The calls left of a quota, by our count and by what the upstream said."""
    by_count = quota.limit - used(state, quota, now)
    learned = state.learned.get(quota.period)
    return max(0, min(by_count, learned.left) if learned and now < learned.until else by_count)


def more_in(state: State, quota: Quota, now: float) -> int | None:
    """The seconds until there is more left of a quota than now, rounded up; None if all of it is left."""
    before = left(state, quota, now)
    if before >= quota.limit:
        return None
    learned = state.learned.get(quota.period)
    ends = [learned.until] if learned else []
    ends += [
        (step + _kept_steps(quota.period) + 1) * PERIODS[quota.period] / STEPS
        for step in state.windows.get(quota.period, {})
    ]
    later = (end for end in sorted(ends) if end > now and left(state, quota, end) > before)
    return next((max(1, math.ceil(end - now)) for end in later), None)


def fraction(state: State, rules: Rules, now: float) -> float:
    """The part left of the scarcest quota, bursts aside: 1 when there is none."""
    return min((left(state, quota, now) / quota.limit for quota in rules.quotas if not _short(quota)), default=1.0)


def admit(state: State, rules: Rules, call: Call, now: float) -> tuple[Decision, State]:
    """Whether this call may leave now, and the state with it counted; the state is the same if it may not."""
    state = _tidied(state, rules, now)
    if call.caller:
        state.callers.setdefault(call.caller, Caller(0, now, now)).seen = now
    refusal = _flying(state, call, now) or _cooling(state, now) or _failing(state, call, now)
    refusal = refusal or _over_quota(state, rules, call, now) or _over_share(state, rules, call, now)
    if refusal is None and call.key not in state.flights and len(state.flights) >= rules.concurrency:
        refusal = Decision("wait", 0.05, "concurrency")
    if refusal is not None:
        return refusal, state
    for quota in rules.quotas:
        steps = state.windows.setdefault(quota.period, {})
        steps[_step(quota.period, now)] = steps.get(_step(quota.period, now), 0) + 1
        if quota.period in state.learned:
            state.learned[quota.period].left -= 1
    state.flights[call.key] = (call.owner, now + LEASE)
    if call.caller:
        state.callers[call.caller].count += 1
    if state.openings and state.probe is None:
        state.probe, state.probe_until = call.owner, now + PROBE
    return Decision("go"), state


def observe(state: State, rules: Rules, call: Call, outcome: Outcome, now: float) -> State:
    """The state after a flight. Of two deadlines the later one holds, and what is left only ever gets less."""
    state = _tidied(state, rules, now)
    if state.flights.get(call.key, ("", 0.0))[0] == call.owner:
        del state.flights[call.key]
    probing = state.probe == call.owner
    if probing:
        state.probe = None
    _learn(state, rules, outcome, now)
    if outcome.error is not None:
        state.last_error, state.last_error_at = outcome.error, now
    if outcome.word == "ok":
        state.landed[call.key] = now
        state.failures = state.throttles = 0
        state.openings = 0 if probing else state.openings
    elif outcome.word == "limited":
        _cool(state, outcome, now)
    elif outcome.word == "failed":
        _fail(state, outcome, now, probing=probing)
    return state  # "refused", by ourselves or for what the caller asked, says nothing of the provider


def renew(state: State, call: Call, now: float) -> State:
    """The state with this flight's mark good for another while."""
    state = copied(state)
    if state.flights.get(call.key, ("", 0.0))[0] == call.owner:
        state.flights[call.key] = (call.owner, now + LEASE)
    return state


def _cool(state: State, outcome: Outcome, now: float) -> None:
    wait = outcome.retry_after
    if wait is None:
        wait = min(THROTTLED * 2**state.throttles, MAX_THROTTLED)
        state.throttles += 1
    state.cooling_until = max(state.cooling_until, now + min(max(wait, 0.0), MAX_RETRY_AFTER))


def _fail(state: State, outcome: Outcome, now: float, *, probing: bool) -> None:
    state.failures += 1
    if probing or state.failures >= FAILURES:
        state.openings += 1
        state.failures = 0
        cooling = max(min(COOLING * state.openings, MAX_COOLING), outcome.retry_after or 0.0)
        state.open_until = max(state.open_until, now + min(cooling, MAX_RETRY_AFTER))


def _learn(state: State, rules: Rules, outcome: Outcome, now: float) -> None:
    for quota in rules.quotas:
        says, reset = outcome.learned.get(quota.period, (None, None))
        if says is None or (reset is not None and reset <= now):
            continue  # that period is over, and nothing is known of the new one
        longest = now + PERIODS[quota.period]
        until = longest if reset is None else min(reset, longest)
        known = state.learned.get(quota.period)
        if known is None or says < known.left:
            state.learned[quota.period] = Learned(says, until if known is None else max(known.until, until))


def _tidied(state: State, rules: Rules, now: float) -> State:
    state = copied(state)
    for period in list(state.windows):  # also those that these rules do not know: another host's may
        newest = _step(period, now)
        steps: dict[int, int] = {}
        for step, count in state.windows[period].items():
            if step >= newest - _kept_steps(period):  # one that is yet to come: the clock was set back
                steps[min(step, newest)] = steps.get(min(step, newest), 0) + count
        state.windows[period] = steps
        if not steps:
            del state.windows[period]
    state.learned = {period: learned for period, learned in state.learned.items() if now < learned.until}
    state.flights = {key: flight for key, flight in state.flights.items() if now < flight[1] <= now + LEASE + 1}
    state.landed = {key: at for key, at in state.landed.items() if now - at < LANDED}
    state.callers = _recent_callers(state, rules, now)
    if state.probe is not None and now >= state.probe_until:
        state.probe = None  # lost: another may try
    return state


def _recent_callers(state: State, rules: Rules, now: float) -> dict[str, Caller]:
    tightest = _tightest(rules)
    for caller in state.callers.values():
        if tightest is not None and now - caller.since >= PERIODS[tightest.period]:
            caller.count, caller.since = 0, now
    known = {id: each for id, each in state.callers.items() if each.count or now - each.seen < SHARE}
    return dict(sorted(known.items(), key=lambda item: -item[1].seen)[:CALLERS])


def _tightest(rules: Rules) -> Quota | None:
    """The quota with the fewest calls, bursts aside."""
    return min((quota for quota in rules.quotas if not _short(quota)), key=lambda quota: quota.limit, default=None)


def _flying(state: State, call: Call, now: float) -> Decision | None:
    if state.landed.get(call.key, -math.inf) >= call.looked - SLACK:
        return Decision("wait", 0.0, "flying")
    owner, until = state.flights.get(call.key, (call.owner, 0.0))
    return Decision("wait", min(0.05, until - now), "flying") if owner != call.owner else None


def _cooling(state: State, now: float) -> Decision | None:
    return Decision("no", state.cooling_until - now, "cooling") if now < state.cooling_until else None


def _failing(state: State, call: Call, now: float) -> Decision | None:
    if now < state.open_until:
        return Decision("no", state.open_until - now, "failing")
    if state.openings and state.probe not in {None, call.owner}:
        return Decision("no", max(1.0, min(COOLING, state.probe_until - now)), "failing")
    return None


def _over_quota(state: State, rules: Rules, call: Call, now: float) -> Decision | None:
    waits: list[Decision] = []
    for quota in rules.quotas:
        reserve = int(quota.limit * RESERVE) if rules.duties and not call.duty and not _short(quota) else 0
        if left(state, quota, now) > reserve:
            continue
        learned = state.learned.get(quota.period)
        wait = _until_free(state, quota, now, reserve)
        if learned is not None and learned.left <= reserve:
            wait = max(wait, learned.until - now)
        waits.append(Decision("wait" if _short(quota) else "no", wait, "burst" if _short(quota) else "quota"))
    if waits:
        return max(waits, key=lambda each: (each.word == "no", each.seconds))
    if call.background and fraction(state, rules, now) < LOW:
        return Decision("no", 60.0, "scarce")
    return None


def _until_free(state: State, quota: Quota, now: float, reserve: int) -> float:
    """The seconds until enough of the counted calls are forgotten for one more."""
    steps = state.windows.get(quota.period, {})
    over = used(state, quota, now) - (quota.limit - reserve) + 1
    if over <= 0:
        return 0.0
    width = PERIODS[quota.period] / STEPS
    for step in sorted(steps):
        over -= steps[step]
        if over <= 0:
            return max(0.0, (step + _kept_steps(quota.period) + 1) * width - now)
    return 0.0


def _over_share(state: State, rules: Rules, call: Call, now: float) -> Decision | None:
    """While several callers want a provider, each may have its part of the tightest quota that is no burst."""
    tightest = _tightest(rules)
    if not call.caller or tightest is None:
        return None
    mine = state.callers[call.caller]
    sharing = sum(now - each.seen < SHARE for each in state.callers.values())
    if sharing > 1 and mine.count >= max(1, tightest.limit // sharing):
        return Decision("no", max(1.0, mine.since + PERIODS[tightest.period] - now), "share")
    return None


def _step(period: str, now: float) -> int:
    return int(now / (PERIODS[period] / STEPS))


def _kept_steps(period: str) -> int:
    """For how many steps a call counts, besides the one that it is in."""
    return STEPS + math.ceil(max(1.0, SLACK * STEPS / PERIODS[period]))


def _short(quota: Quota) -> bool:
    return PERIODS[quota.period] <= SHORT
