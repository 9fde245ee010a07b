"""Quotas: how many calls were made, how many are left, and whether one more may be made now.

Windows slide in steps of a fiftieth of their length, and a call counts until some slack after its window is over. So no
stretch of that length, however aligned, holds more calls than the limit, also where a call takes a while to leave.

Pure functions: no clock, no I/O. `now` is in seconds of the clock that all workers share.
"""

import math

from imagevault.quotas import Quota, length_of
from imagevault.upstream.models import Call, Decision, Limits, Outcome, ReportedQuota, State

STEPS = 50  # steps of a sliding window
SLACK = 0.25  # seconds between the decision and the moment a call leaves, or between two clocks
LONGEST_BURST = 5.0  # seconds; a call waits while a window up to this length is full
LOW = 0.2  # the part of a quota below which no page is refreshed in the background
RESERVE = 0.05  # the part of a quota that is kept for calls which the provider's terms demand
SCARCE_RETRY = 60.0  # seconds until a background refresh may be tried again


def used(state: State, quota: Quota, now: float) -> int:
    """Return the number of calls that count against a quota."""
    oldest = _step(quota.length, now) - _counted_steps(quota.length)
    steps = state.counts(quota.key).get(quota.key, {})
    return sum(count for step, count in steps.items() if step >= oldest)


def left(state: State, quota: Quota, now: float) -> int:
    """Return the number of calls left: the smaller of our own count and what the upstream reported."""
    by_our_count = quota.limit - used(state, quota, now)
    reported = state.reports(quota.key).get(quota.key)
    if reported is None or now >= reported.until:
        return max(0, by_our_count)
    return max(0, min(by_our_count, reported.left))


def reserve(state: State, limits: Limits, quota: Quota, now: float) -> int:
    """Return how many of the calls that are left are kept for those which the provider's terms demand."""
    if not limits.keeps_reserve or is_burst(quota):
        return 0
    return int(_true_limit(state, quota, now) * RESERVE)


def seconds_until_more(state: State, quota: Quota, now: float) -> int | None:
    """Return the seconds, rounded up, until more calls are left than now; None if the whole quota is left."""
    left_now = left(state, quota, now)
    if left_now >= quota.limit:
        return None
    ends = [_end_of(step, quota.length) for step in state.counts(quota.key).get(quota.key, {})]
    if (reported := state.reports(quota.key).get(quota.key)) is not None:
        ends.append(reported.until)
    for end in sorted(ends):
        if end > now and left(state, quota, end) > left_now:
            return max(1, math.ceil(end - now))
    return None


def fraction_left(state: State, limits: Limits, now: float) -> float:
    """Return the part that is left of the scarcest quota, from 0 to 1; bursts aside, and 1 where there is no quota."""
    return min((left(state, quota, now) / quota.limit for quota in long_quotas(limits)), default=1.0)


def is_burst(quota: Quota) -> bool:
    """Return whether a call waits while this quota is used up, because its period is so short."""
    return quota.length <= LONGEST_BURST


def long_quotas(limits: Limits) -> list[Quota]:
    """Return the quotas that are no bursts."""
    return [quota for quota in limits.quotas if not is_burst(quota)]


def refusal(state: State, limits: Limits, call: Call, now: float) -> Decision | None:
    """Return why this call may not be made now, None if every quota has room for it. Of several waits the longest."""
    decisions = [
        decision for quota in limits.quotas if (decision := _refusal_by(quota, state, limits, call, now)) is not None
    ]
    if decisions:
        return max(decisions, key=lambda decision: (decision.verdict == "no", decision.seconds))
    if call.background and fraction_left(state, limits, now) < LOW:
        return Decision("no", SCARCE_RETRY, "scarce")
    return None


def count_call(state: State, limits: Limits, now: float) -> None:
    """Count one call against every quota."""
    for quota in limits.quotas:
        steps = state.counts(quota.key).setdefault(quota.key, {})
        step = _step(quota.length, now)
        steps[step] = steps.get(step, 0) + 1
        if quota.key in state.reports(quota.key):
            state.reports(quota.key)[quota.key].left -= 1


def record_reports(state: State, limits: Limits, outcome: Outcome, now: float) -> None:
    """Take in what the upstream reported. It only ever lowers what is left."""
    for quota in limits.quotas:
        if quota.key not in outcome.reported:
            continue
        left_upstream, reset = outcome.reported[quota.key]
        left_upstream = min(left_upstream, quota.limit)
        if reset is not None and reset <= now:
            continue  # that window is over, and nothing is known about the new one
        latest = now + quota.length
        until = latest if reset is None else min(reset, latest)
        known = state.reports(quota.key).get(quota.key)
        if known is None:
            state.reports(quota.key)[quota.key] = ReportedQuota(left_upstream, until)
        elif left_upstream < known.left:
            state.reports(quota.key)[quota.key] = ReportedQuota(left_upstream, max(known.until, until))


def forget_old_calls(state: State, now: float) -> None:
    """Drop what counts no more. Windows of quotas that are not configured here stay: another host may count them."""
    for windows in (state.windows, state.other_windows):
        for key in list(windows):
            steps = _counted(windows[key], length_of(key), now)
            if steps:
                windows[key] = steps
            else:
                del windows[key]
    state.reported = _in_force(state.reported, now)
    state.other_reported = _in_force(state.other_reported, now)


def _counted(steps: dict[int, int], length: float, now: float) -> dict[int, int]:
    """Return the steps whose calls still count."""
    newest = _step(length, now)
    counted: dict[int, int] = {}
    for step, count in steps.items():
        if step < newest - _counted_steps(length):
            continue
        step_or_now = min(step, newest)  # a step in the future: the clock was set back
        counted[step_or_now] = counted.get(step_or_now, 0) + count
    return counted


def _in_force(reports: dict[str, ReportedQuota], now: float) -> dict[str, ReportedQuota]:
    """Return the reports that are not over. None lasts longer than its quota: it would where the clock was set back."""
    return {
        key: ReportedQuota(reported.left, min(reported.until, now + length_of(key) + 1))
        for key, reported in reports.items()
        if now < reported.until
    }


def _refusal_by(quota: Quota, state: State, limits: Limits, call: Call, now: float) -> Decision | None:
    kept = 0 if call.reserved else reserve(state, limits, quota, now)
    if left(state, quota, now) > kept:
        return None
    seconds = _seconds_until_free(state, quota, now, kept)
    reported = state.reports(quota.key).get(quota.key)
    if reported is not None and reported.left <= kept:
        seconds = max(seconds, reported.until - now)
    return Decision("wait", seconds, "burst") if is_burst(quota) else Decision("no", seconds, "quota")


def _true_limit(state: State, quota: Quota, now: float) -> int:
    """The limit, or the upstream's own limit if that is lower: the calls it reports as left plus those we counted."""
    reported = state.reports(quota.key).get(quota.key)
    if reported is None or now >= reported.until:
        return quota.limit
    return min(quota.limit, reported.left + used(state, quota, now))


def _seconds_until_free(state: State, quota: Quota, now: float, reserve: int) -> float:
    """The seconds until enough of the counted calls are forgotten for one more."""
    too_many = used(state, quota, now) - (quota.limit - reserve) + 1
    if too_many <= 0:
        return 0.0
    steps = state.counts(quota.key).get(quota.key, {})
    for step in sorted(steps):
        too_many -= steps[step]
        if too_many <= 0:
            return max(0.0, _end_of(step, quota.length) - now)
    return 0.0


def _step(length: float, now: float) -> int:
    return int(now / (length / STEPS))


def _counted_steps(length: float) -> int:
    """For how many steps a call counts, besides the step that it was made in."""
    return STEPS + math.ceil(max(1.0, SLACK * STEPS / length))


def _end_of(step: int, length: float) -> float:
    """When the calls of a step stop counting."""
    return (step + _counted_steps(length) + 1) * length / STEPS
