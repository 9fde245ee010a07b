"""Deletes what guards accounts when its time is over: events, counters and codes."""

import math
import time
from collections.abc import Callable

from imagevault.accounts import audit, one_time_codes
from imagevault.accounts.throttle import SignInThrottle
from imagevault.config.settings import Settings

INTERVAL = 3600.0  # seconds between two rounds of a worker


class Retention:
    """Deletes once an hour.

    Args:
        throttle: knows which of its counters mean nothing any more.
        clock: seconds, monotonic.

    """

    def __init__(self, throttle: SignInThrottle, clock: Callable[[], float] = time.monotonic) -> None:
        self.throttle = throttle
        self.clock = clock
        self.ran_at = -math.inf

    async def run(self, settings: Settings) -> None:
        """Delete what is too old, unless this was done within the last hour."""
        if self.clock() - self.ran_at < INTERVAL:
            return
        await audit.prune(settings.audit_days)
        await self.throttle.prune()
        await one_time_codes.prune()
        self.ran_at = self.clock()
