"""A flight: fetching one page or one image from an upstream, in one or more calls."""

import contextvars

import msgspec

from imagevault.plugins.provider import Provider
from imagevault.upstream.models import Call, Report


class Flight(msgspec.Struct, kw_only=True):
    """One flight of this worker.

    Attributes:
        call: what its calls ask the limiter for.
        provider: the provider as it was when the flight began.
        deadline: until when a call may wait to leave, by the clock of the event loop.
        calls: how many calls left.
        checks: how often the page of another worker's flight was looked for.
        from_elsewhere: another worker fetched the page.
        is_recorded: how it ended is recorded, or is being recorded.
        reported: what the upstream's headers said, by the key of the quota.
        retry_after: the longest wait in seconds that the upstream's errors stated, whatever the plugin made of them.

    """

    call: Call
    provider: Provider
    deadline: float
    calls: int = 0
    checks: int = 0
    from_elsewhere: bool = False
    is_recorded: bool = False
    reported: dict[str, Report] = {}
    retry_after: float | None = None


current_flight: contextvars.ContextVar[Flight | None] = contextvars.ContextVar("imagevault_flight", default=None)
"""The flight whose code is running; None outside of flights, in a plugin's tests for example.

`SingleFlight` sets it, and the transport passes it to `CallLimiter.admit`. An `InFlightElsewhere` raised there travels
back through the plugin's code to `SingleFlight`.
"""
