"""The circuit breaker, and the pauses that an upstream asks for.

Pure functions: no clock, no I/O. `now` is in seconds of the clock that all workers share. The later of two deadlines
holds: a short `Retry-After` never ends a longer pause.
"""

from imagevault.upstream.models import Call, Decision, Outcome, State

FAILURES = 5  # in a row, and the breaker opens (Envoy's outlier detection: 5, 30 s longer each time, at most 300 s)
OPEN, MAX_OPEN = 30.0, 300.0  # seconds
PROBE_LIMIT = 35.0  # seconds after which a probe counts as lost
THROTTLED, MAX_THROTTLED = 2.0, 60.0  # seconds after a 429 that names no time; doubled each time
MAX_THROTTLES = 10  # that are counted: more of them make the pause no longer
MAX_RETRY_AFTER = 86400.0  # seconds


def refusal(state: State, call: Call, now: float) -> Decision | None:
    """Return why this call may not be made now: a pause, an open breaker, or another flight's probe."""
    if now < state.paused_until:
        return Decision("no", state.paused_until - now, "paused")
    if now < state.open_until:
        return Decision("no", state.open_until - now, "circuit_open")
    if state.trips and state.probe not in {None, call.owner}:
        return Decision("no", max(1.0, min(OPEN, state.probe_until - now)), "circuit_open")
    return None


def start_probe(state: State, call: Call, now: float) -> None:
    """Make this call the probe, where the breaker needs one."""
    if state.trips and state.probe is None:
        state.probe = call.owner
        state.probe_until = now + PROBE_LIMIT


def shorten_deadlines(state: State, now: float) -> None:
    """Shorten deadlines that lie further ahead than any may: they were set before the clock was set back."""
    latest = now + MAX_RETRY_AFTER + 1
    state.paused_until = min(state.paused_until, latest)
    state.open_until = min(state.open_until, latest)
    state.probe_until = min(state.probe_until, now + PROBE_LIMIT + 1)


def forget_lost_probe(state: State, now: float) -> None:
    """Drop a probe that nobody heard from, so that another flight may try."""
    if state.probe is not None and now >= state.probe_until:
        state.probe = None


def record(state: State, call: Call, outcome: Outcome, now: float) -> None:
    """Take in how a flight ended."""
    is_probe = state.probe == call.owner
    if is_probe:
        state.probe = None
    if outcome.verdict != "limited" and outcome.retry_after:
        _pause(state, outcome, now)
    if outcome.verdict == "ok":
        state.failures = 0
        state.throttles = 0
        if is_probe:
            state.trips = 0
    elif outcome.verdict == "limited":
        _pause(state, outcome, now)
    elif outcome.verdict == "failed":
        _count_failure(state, outcome, now, is_probe=is_probe)


def reset(state: State) -> None:
    """Close the breaker. A pause that the upstream asked for stays."""
    state.failures = 0
    state.trips = 0
    state.open_until = 0.0
    state.probe = None


def _pause(state: State, outcome: Outcome, now: float) -> None:
    seconds = outcome.retry_after or 0.0
    if seconds <= 0:  # a wait of 0 names no time
        seconds = min(THROTTLED * 2 ** min(state.throttles, MAX_THROTTLES), MAX_THROTTLED)
        state.throttles = min(state.throttles + 1, MAX_THROTTLES)
    seconds = min(seconds, MAX_RETRY_AFTER)
    state.paused_until = max(state.paused_until, now + seconds)


def _count_failure(state: State, outcome: Outcome, now: float, *, is_probe: bool) -> None:
    state.failures += 1
    if state.failures < FAILURES and not is_probe:
        return
    state.failures = 0
    state.trips += 1
    seconds = max(min(OPEN * state.trips, MAX_OPEN), outcome.retry_after or 0.0)
    state.open_until = max(state.open_until, now + min(seconds, MAX_RETRY_AFTER))
