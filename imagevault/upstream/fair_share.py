"""Fair shares: while several callers want a provider, each may use its part of the tightest quota, and what is spare.

A caller that has used its share may continue while the remaining calls exceed the others' unused shares. No call is
wasted.

Pure functions: no clock, no I/O. `now` is in seconds of the clock that all workers share.
"""

from imagevault.records import Quota
from imagevault.upstream.models import Call, CallerUsage, Decision, Limits, State
from imagevault.upstream.quota import PERIODS, left, long_quotas

ACTIVE = 600.0  # seconds for which a caller who asked counts as one who shares
MAX_CALLERS = 64  # remembered for each provider


def note_caller(state: State, call: Call, now: float) -> None:
    """Note that the caller wants the provider."""
    if call.caller:
        usage = state.callers.setdefault(call.caller, CallerUsage(count=0, since=now, seen=now))
        usage.seen = now


def count_call(state: State, call: Call) -> None:
    """Count one call for its caller."""
    if call.caller:
        state.callers[call.caller].count += 1


def refusal(state: State, limits: Limits, call: Call, now: float) -> Decision | None:
    """Return a refusal if the caller's share is used, and None otherwise. `note_caller` comes first."""
    quota = _tightest(limits)
    if not call.caller or quota is None:
        return None
    sharing = sum(now - usage.seen < ACTIVE for usage in state.callers.values())
    if sharing <= 1:
        return None
    share = max(1, quota.limit // sharing)
    usage = state.callers[call.caller]
    if usage.count < share:
        return None
    unused_by_others = sum(
        max(0, share - other.count)
        for caller, other in state.callers.items()
        if caller != call.caller and now - other.seen < ACTIVE
    )
    if left(state, quota, now) > unused_by_others:
        return None
    return Decision("no", max(1.0, usage.since + PERIODS[quota.period] - now), "share")


def forget_old_callers(state: State, limits: Limits, now: float) -> None:
    """Restart each caller's count after a period, and drop callers with no counted call and no recent activity."""
    quota = _tightest(limits)
    for usage in state.callers.values():
        if quota is not None and now - usage.since >= PERIODS[quota.period]:
            usage.count = 0
            usage.since = now
    active = {caller: usage for caller, usage in state.callers.items() if usage.count or now - usage.seen < ACTIVE}
    latest_first = sorted(active.items(), key=lambda item: -item[1].seen)
    state.callers = dict(latest_first[:MAX_CALLERS])


def _tightest(limits: Limits) -> Quota | None:
    """The quota with the fewest calls, bursts aside."""
    return min(long_quotas(limits), key=lambda quota: quota.limit, default=None)
