"""Quotas: how many calls were made, how many are left, and whether one more may be made now.

Windows slide in steps of a fiftieth of their length, and a call counts until some slack after its window is over. So no
stretch of that length, however aligned, holds more calls than the limit, also where a call takes a while to leave.

Pure functions: no clock, no I/O. `now` is in seconds of the clock that all workers share.
"""

import math

from imagevault.records import Quota
from imagevault.upstream.models import Call, Decision, Limits, Outcome, ReportedQuota, State

STEPS = 50  # steps of a sliding window
SLACK = 0.25  # seconds between the decision and the moment a call leaves, or between two clocks
# A month is taken as 31 days: no month has fewer calls than the limit then.
PERIODS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0, "month": 31 * 86400.0}
LONGEST_BURST = 5.0  # seconds; a call waits while a window up to this length is full
LOW = 0.2  # the part of a quota below which no page is refreshed in the background
RESERVE = 0.05  # the part of a quota that is kept for calls which the provider's terms demand
SCARCE_RETRY = 60.0  # seconds until a background refresh may be tried again


def used(state: State, quota: Quota, now: float) -> int:
    """Return the number of calls that count against a quota."""
    oldest = _step(quota.period, now) - _counted_steps(quota.period)
    steps = state.windows.get(quota.period, {})
    return sum(count for step, count in steps.items() if step >= oldest)


def left(state: State, quota: Quota, now: float) -> int:
    """Return the number of calls left: the smaller of our own count and what the upstream reported."""
    by_our_count = quota.limit - used(state, quota, now)
    reported = state.reported.get(quota.period)
    if reported is None or now >= reported.until:
        return max(0, by_our_count)
    return max(0, min(by_our_count, reported.left))


def seconds_until_more(state: State, quota: Quota, now: float) -> int | None:
    """Return the seconds, rounded up, until more calls are left than now; None if the whole quota is left."""
    left_now = left(state, quota, now)
    if left_now >= quota.limit:
        return None
    ends = [_end_of(step, quota.period) for step in state.windows.get(quota.period, {})]
    if (reported := state.reported.get(quota.period)) is not None:
        ends.append(reported.until)
    for end in sorted(ends):
        if end > now and left(state, quota, end) > left_now:
            return max(1, math.ceil(end - now))
    return None


def fraction_left(state: State, limits: Limits, now: float) -> float:
    """Return the part that is left of the scarcest quota, from 0 to 1; bursts aside, and 1 where there is no quota."""
    return min((left(state, quota, now) / quota.limit for quota in long_quotas(limits)), default=1.0)


def long_quotas(limits: Limits) -> list[Quota]:
    """Return the quotas that are no bursts."""
    return [quota for quota in limits.quotas if not _is_burst(quota)]


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
        steps = state.windows.setdefault(quota.period, {})
        step = _step(quota.period, now)
        steps[step] = steps.get(step, 0) + 1
        if quota.period in state.reported:
            state.reported[quota.period].left -= 1


def record_reports(state: State, limits: Limits, outcome: Outcome, now: float) -> None:
    """Take in what the upstream reported. It only ever lowers what is left."""
    for quota in limits.quotas:
        if quota.period not in outcome.reported:
            continue
        left_upstream, reset = outcome.reported[quota.period]
        left_upstream = min(left_upstream, quota.limit)
        if reset is not None and reset <= now:
            continue  # that window is over, and nothing is known about the new one
        latest = now + PERIODS[quota.period]
        until = latest if reset is None else min(reset, latest)
        known = state.reported.get(quota.period)
        if known is None:
            state.reported[quota.period] = ReportedQuota(left_upstream, until)
        elif left_upstream < known.left:
            state.reported[quota.period] = ReportedQuota(left_upstream, max(known.until, until))


def forget_old_calls(state: State, now: float) -> None:
    """Drop what counts no more. Windows of periods that are not configured here stay: another host may count them."""
    for period in list(state.windows):
        newest = _step(period, now)
        steps: dict[int, int] = {}
        for step, count in state.windows[period].items():
            if step < newest - _counted_steps(period):
                continue
            step_or_now = min(step, newest)  # a step in the future: the clock was set back
            steps[step_or_now] = steps.get(step_or_now, 0) + count
        if steps:
            state.windows[period] = steps
        else:
            del state.windows[period]
    state.reported = {period: reported for period, reported in state.reported.items() if now < reported.until}


def _refusal_by(quota: Quota, state: State, limits: Limits, call: Call, now: float) -> Decision | None:
    is_burst = _is_burst(quota)
    reserve = 0
    if limits.keeps_reserve and not call.reserved and not is_burst:
        reserve = int(_true_limit(state, quota, now) * RESERVE)
    if left(state, quota, now) > reserve:
        return None
    seconds = _seconds_until_free(state, quota, now, reserve)
    reported = state.reported.get(quota.period)
    if reported is not None and reported.left <= reserve:
        seconds = max(seconds, reported.until - now)
    return Decision("wait", seconds, "burst") if is_burst else Decision("no", seconds, "quota")


def _true_limit(state: State, quota: Quota, now: float) -> int:
    """The limit, or the upstream's own limit if that is lower: the calls it reports as left plus those we counted."""
    reported = state.reported.get(quota.period)
    if reported is None or now >= reported.until:
        return quota.limit
    return min(quota.limit, reported.left + used(state, quota, now))


def _seconds_until_free(state: State, quota: Quota, now: float, reserve: int) -> float:
    """The seconds until enough of the counted calls are forgotten for one more."""
    too_many = used(state, quota, now) - (quota.limit - reserve) + 1
    if too_many <= 0:
        return 0.0
    steps = state.windows.get(quota.period, {})
    for step in sorted(steps):
        too_many -= steps[step]
        if too_many <= 0:
            return max(0.0, _end_of(step, quota.period) - now)
    return 0.0


def _step(period: str, now: float) -> int:
    return int(now / (PERIODS[period] / STEPS))


def _counted_steps(period: str) -> int:
    """For how many steps a call counts, besides the step that it was made in."""
    return STEPS + math.ceil(max(1.0, SLACK * STEPS / PERIODS[period]))


def _end_of(step: int, period: str) -> float:
    """When the calls of a step stop counting."""
    return (step + _counted_steps(period) + 1) * PERIODS[period] / STEPS


def _is_burst(quota: Quota) -> bool:
    return PERIODS[quota.period] <= LONGEST_BURST
