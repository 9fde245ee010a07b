"""Whether one more call to a provider may be made, and what a finished flight changes.

Pure functions: no clock, no I/O. They take a state and return another one, so a test can run thousands of random
schedules. `now` is in seconds of the clock that all workers share.
"""

import math

from imagevault.upstream import breaker, fair_share, quota
from imagevault.upstream.models import Call, Decision, Limits, Outcome, State, copy_of
from imagevault.upstream.quota import SLACK

LEASE = 10.0  # seconds for which a worker may fetch a page exclusively; the lease of a crashed worker expires
COMPLETED = 10.0  # seconds for which it is remembered that a page has just arrived
RECHECK = 0.05  # seconds until a call that waits asks again


def admit(state: State, limits: Limits, call: Call, now: float) -> tuple[Decision, State]:
    """Decide on a call. If it may be made, it is counted and its lease begins in the state that is returned."""
    state = _up_to_date(state, limits, now)
    fair_share.note_caller(state, call, now)
    refusal = (
        _fetched_elsewhere(state, call, now)
        or breaker.refusal(state, call, now)
        or quota.refusal(state, limits, call, now)
        or fair_share.refusal(state, limits, call, now)
        or _too_many_at_once(state, limits, call)
    )
    if refusal is not None:
        return refusal, state
    quota.count_call(state, limits, now)
    fair_share.count_call(state, call)
    breaker.start_probe(state, call, now)
    state.in_flight[call.key] = (call.owner, now + LEASE)
    return Decision("go"), state


def observe(state: State, limits: Limits, call: Call, outcome: Outcome, now: float) -> State:
    """Return the state after a flight: its lease ends, and quotas and breaker take in the outcome."""
    state = _up_to_date(state, limits, now)
    if _owns_lease(state, call):
        del state.in_flight[call.key]
    quota.record_reports(state, limits, outcome, now)
    breaker.record(state, call, outcome, now)
    if outcome.error is not None:
        state.last_error = outcome.error
        state.last_error_at = now
    if outcome.verdict == "ok":
        state.completed[call.key] = now
    return state


def renew_lease(state: State, call: Call, now: float) -> State:
    """Return the state with the lease of this call's flight renewed."""
    state = copy_of(state)
    if _owns_lease(state, call):
        state.in_flight[call.key] = (call.owner, now + LEASE)
    return state


def reset_breaker(state: State) -> State:
    """Return the state for a provider that is reached in a new way: no failures, no leases; every count stays."""
    state = copy_of(state)
    breaker.reset(state)
    state.in_flight = {}
    return state


def _up_to_date(state: State, limits: Limits, now: float) -> State:
    """A copy of the state without what is over."""
    state = copy_of(state)
    quota.forget_old_calls(state, now)
    fair_share.forget_old_callers(state, limits, now)
    breaker.shorten_deadlines(state, now)
    breaker.forget_lost_probe(state, now)
    latest = now + LEASE + 1  # what lies beyond it was noted before the clock was set back
    state.in_flight = {key: lease for key, lease in state.in_flight.items() if now < lease[1] <= latest}
    state.completed = {key: at for key, at in state.completed.items() if now - COMPLETED < at <= latest}
    return state


def _fetched_elsewhere(state: State, call: Call, now: float) -> Decision | None:
    """A wait if another flight is fetching this page, or has fetched it and the caller may not have looked since."""
    completed_at = state.completed.get(call.key, -math.inf)
    if _may_be_news(call, completed_at):
        return Decision("wait", 0.0, "in_flight", completed_at)
    if call.key not in state.in_flight or _owns_lease(state, call):
        return None
    _, lease_end = state.in_flight[call.key]
    return Decision("wait", min(RECHECK, lease_end - now), "in_flight")


def _may_be_news(call: Call, completed_at: float) -> bool:
    """Whether a page may have come into the cache after the caller looked.

    The page and this time are written together, some time after the clock was read. So the times say little of which
    came first. A caller that knows of the page and looks once more is certain. A background call does not look again:
    there, at worst, a page is refreshed twice.
    """
    if call.background:
        return completed_at >= call.checked_at - SLACK
    return completed_at > call.known_completion and call.checked_at < math.inf


def _too_many_at_once(state: State, limits: Limits, call: Call) -> Decision | None:
    if call.key in state.in_flight or len(state.in_flight) < limits.concurrency:
        return None
    return Decision("wait", RECHECK, "concurrency")


def _owns_lease(state: State, call: Call) -> bool:
    return call.key in state.in_flight and state.in_flight[call.key][0] == call.owner
