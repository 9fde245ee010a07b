"""What the call limiter decides on: the state of one provider, a call, a decision, an outcome.

The state is stored as JSON, in one row for each provider. Old and new workers share that row during a rolling upgrade,
so its keys never change; where a better word was found later, the field says under which name it is stored.
"""

import math
from typing import Literal

import msgspec

from imagevault.records import Quota

Reason = Literal["quota", "paused", "circuit_open", "share", "burst", "concurrency", "in_flight", "scarce"]
Report = tuple[int, float | None]
"""What an answer's headers say of one quota: the calls left, and the Unix time of the reset where it is known."""


class Limits(msgspec.Struct, frozen=True):
    """What a provider allows, as declared and configured.

    Attributes:
        quotas: its quotas, at most one for each period.
        concurrency: calls at once.
        keeps_reserve: a part of each quota is kept for calls that its terms demand (download events).

    """

    quotas: tuple[Quota, ...] = ()
    concurrency: int = 4
    keeps_reserve: bool = False


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request to make one upstream call.

    Attributes:
        key: the cache key of the page, or of the image, that it fetches.
        owner: the flight that it belongs to.
        checked_at: when the worker last saw that the page is not cached.
        caller: the account or address on whose behalf it is made; empty for the server's own calls.
        background: it refreshes a stale page, and nobody waits for it.
        reserved: it may use the reserve.

    """

    key: str
    owner: str
    checked_at: float = math.inf
    caller: str = ""
    background: bool = False
    reserved: bool = False


class Decision(msgspec.Struct, frozen=True):
    """The answer to a call: `go`; `wait` for some seconds and ask again; or `no`, for some seconds."""

    verdict: Literal["go", "wait", "no"]
    seconds: float = 0.0
    reason: Reason | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a flight ended.

    Attributes:
        verdict: `ok`; `limited` by the upstream; `failed`; or `refused`, which says nothing about the provider.
        retry_after: seconds that the upstream asked us to wait.
        reported: what the upstream's headers said, by the period of the quota.
        error: the message of the error, fit to be shown.

    """

    verdict: Literal["ok", "limited", "failed", "refused"]
    retry_after: float | None = None
    reported: dict[str, Report] = {}
    error: str | None = None


class ReportedQuota(msgspec.Struct):
    """The calls left of a quota by the upstream's own count, less those that left since. Forgotten at `until`."""

    left: int
    until: float


class CallerUsage(msgspec.Struct):
    """How many calls were made for a caller since `since`, and when the caller last asked (`seen`)."""

    count: int
    since: float
    seen: float


class State(msgspec.Struct, omit_defaults=True):
    """What is known of a provider. All times are seconds of the clock that all workers share.

    Attributes:
        windows: period -> step of the sliding window -> calls that were made in it.
        reported: period -> what the upstream said is left.
        in_flight: cache key -> (flight, end of its lease).
        completed: cache key -> when its page arrived, for workers that looked just before.
        callers: caller -> its use of the quota.
        paused_until: Unix time before which the upstream must not be called, as it requested.
        throttles: 429 answers in a row that named no time.
        failures: failures in a row.
        trips: how often the circuit breaker opened since it last closed.
        open_until: until when it is open.
        probe: the flight that tests whether the provider works again, until `probe_until`.
        last_error: the message of the last error, and when it happened.

    """

    windows: dict[str, dict[int, int]] = {}
    reported: dict[str, ReportedQuota] = msgspec.field(default_factory=dict, name="learned")
    in_flight: dict[str, tuple[str, float]] = msgspec.field(default_factory=dict, name="flights")
    completed: dict[str, float] = msgspec.field(default_factory=dict, name="landed")
    callers: dict[str, CallerUsage] = {}
    paused_until: float = msgspec.field(default=0.0, name="cooling_until")
    throttles: int = 0
    failures: int = 0
    trips: int = msgspec.field(default=0, name="openings")
    open_until: float = 0.0
    probe: str | None = None
    probe_until: float = 0.0
    last_error: str | None = None
    last_error_at: float = 0.0


def copy_of(state: State) -> State:
    """Return an equal state that shares nothing with this one. `copy.deepcopy` takes nine times as long."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=State)
