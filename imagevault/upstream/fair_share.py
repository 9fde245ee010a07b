"""Fair shares: while several callers want a provider, each may use its part of the tightest quota, and what is spare.

A caller that has used its share may continue while the remaining calls exceed the others' unused shares. No call is
wasted.

Download events share one caller. While anybody searches, they take half of the quota at most: they can wait for days.

Pure functions: no clock, no I/O. `now` is in seconds of the clock that all workers share.
"""

from imagevault.quotas import Quota
from imagevault.upstream.models import Call, CallerUsage, Decision, Limits, State
from imagevault.upstream.quota import left, long_quotas, reserve

ACTIVE = 600.0  # seconds for which a caller who asked counts as one who shares
MAX_CALLERS = 64  # remembered for each provider
DOWNLOAD_EVENTS = "download events"  # the caller of them all; the others are account ids and addresses


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
    usage = state.callers[call.caller]
    searching = {
        caller: other
        for caller, other in state.callers.items()
        if caller != DOWNLOAD_EVENTS and now - other.seen < ACTIVE
    }
    others = [other for caller, other in searching.items() if caller != call.caller]
    if not others:
        return None
    if call.caller == DOWNLOAD_EVENTS:
        may_go = usage.count < max(1, quota.limit // 2)
    else:
        kept = reserve(state, limits, quota, now)
        share = max(1, (quota.limit - kept) // len(searching))
        unused_by_others = sum(max(0, share - other.count) for other in others)
        may_go = usage.count < share or left(state, quota, now) - kept > unused_by_others
    if may_go:
        return None
    return Decision("no", max(1.0, usage.since + quota.length - now), "share")


def forget_old_callers(state: State, limits: Limits, now: float) -> None:
    """Restart each caller's count after a period, and drop callers with no counted call and no recent activity."""
    quota = _tightest(limits)
    for usage in state.callers.values():
        usage.since = min(usage.since, now)  # it is later where the clock was set back
        usage.seen = min(usage.seen, now)
        if quota is not None and now - usage.since >= quota.length:
            usage.count = 0
            usage.since = now
    active = {caller: usage for caller, usage in state.callers.items() if usage.count or now - usage.seen < ACTIVE}
    latest_first = sorted(active.items(), key=lambda item: -item[1].seen)
    state.callers = dict(latest_first[:MAX_CALLERS])


def _tightest(limits: Limits) -> Quota | None:
    """The quota with the fewest calls, bursts aside."""
    return min(long_quotas(limits), key=lambda quota: quota.limit, default=None)
