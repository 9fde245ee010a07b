"""What the call limiter decides on: the state of one provider, a call, a decision, an outcome.

The state is stored as JSON, in one row for each provider. Old and new workers share that row during a rolling upgrade,
so its keys never change; where a better word was found later, the field says under which name it is stored.
"""

import math
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from imagevault.quotas import PERIODS, Quota

Reason = Literal["quota", "paused", "circuit_open", "share", "burst", "concurrency", "in_flight", "scarce"]
Number = Annotated[int, Meta(ge=-(2**53), le=2**53)]
"""A count or a step. JSON readers and floats keep whole numbers of this size exactly."""
Windows = dict[str, dict[Number, Number]]
Report = tuple[int, float | None]
"""What an answer's headers say of one quota: the calls left, and the Unix time of the reset where it is known."""


class Limits(msgspec.Struct, frozen=True):
    """What a provider allows, as declared and configured.

    Attributes:
        quotas: its quotas, at most one for each length of time.
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
        checked_at: when the worker last saw that the page is not cached, or is stale; `inf` if it did not look.
        known_completion: when a page arrived that the worker did not find in the cache, although it looked after that.
        caller: the account or address on whose behalf it is made; empty for the server's own calls.
        background: it refreshes a stale page, and nobody waits for it.
        reserved: it may use the reserve.

    """

    key: str
    owner: str
    checked_at: float = math.inf
    known_completion: float = -math.inf
    caller: str = ""
    background: bool = False
    reserved: bool = False


class Decision(msgspec.Struct, frozen=True):
    """The answer to a call: `go`; `wait` for some seconds and ask again; or `no`, for some seconds.

    Attributes:
        verdict: one of these.
        seconds: how long to wait.
        reason: why.
        completed_at: when the page arrived that another flight has fetched. It is in the cache by now.

    """

    verdict: Literal["go", "wait", "no"]
    seconds: float = 0.0
    reason: Reason | None = None
    completed_at: float | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a flight ended.

    Attributes:
        verdict: `ok`; `limited` by the upstream; `failed`; or `refused`, which says nothing about the provider.
        retry_after: seconds that the upstream asked us to wait.
        reported: what the upstream's headers said, by the key of the quota.
        error: the message of the error, fit to be shown.

    """

    verdict: Literal["ok", "limited", "failed", "refused"]
    retry_after: float | None = None
    reported: dict[str, Report] = {}
    error: str | None = None


class ReportedQuota(msgspec.Struct):
    """The calls left of a quota by the upstream's own count, less those that left since. Forgotten at `until`."""

    left: Number
    until: float


class CallerUsage(msgspec.Struct):
    """How many calls were made for a caller since `since`, and when the caller last asked (`seen`)."""

    count: Number
    since: float
    seen: float


class State(msgspec.Struct, omit_defaults=True):
    """What is known of a provider. All times are seconds of the clock that all workers share.

    Attributes:
        windows: period -> step of the sliding window -> calls that were made in it.
        reported: period -> what the upstream said is left.
        other_windows: the windows of quotas of another length, by their keys. Earlier workers, which know no such
            quota, cannot read a window of it; they drop this field.
        other_reported: what the upstream said is left of those.
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

    windows: Windows = {}
    reported: dict[str, ReportedQuota] = msgspec.field(default_factory=dict, name="learned")
    in_flight: dict[str, tuple[str, float]] = msgspec.field(default_factory=dict, name="flights")
    completed: dict[str, float] = msgspec.field(default_factory=dict, name="landed")
    callers: dict[str, CallerUsage] = {}
    paused_until: float = msgspec.field(default=0.0, name="cooling_until")
    throttles: Number = 0
    failures: Number = 0
    trips: Number = msgspec.field(default=0, name="openings")
    open_until: float = 0.0
    probe: str | None = None
    probe_until: float = 0.0
    last_error: str | None = None
    last_error_at: float = 0.0
    other_windows: Windows = {}
    other_reported: dict[str, ReportedQuota] = {}

    def counts(self, key: str) -> Windows:
        """The windows among which those of the quotas with this key are."""
        return self.windows if key in PERIODS else self.other_windows

    def reports(self, key: str) -> dict[str, ReportedQuota]:
        """What the upstream said is left, where that of the quotas with this key is."""
        return self.reported if key in PERIODS else self.other_reported


def copy_of(state: State) -> State:
    """Return an equal state that shares nothing with this one. `copy.deepcopy` takes nine times as long."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=State)
