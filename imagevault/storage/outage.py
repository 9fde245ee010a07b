"""What of a database does not work now: for `/health/ready`, and for the log."""

import logging
import time
from collections.abc import Callable
from typing import Literal

log = logging.getLogger(__name__)

LOG_INTERVAL = 60.0  # seconds between two lines that say that an outage began

Access = Literal["read", "write"]


class Outage:
    """The accesses to one database that failed and have not worked since. One for each worker.

    One line says that an outage begins, and one that it is over. An access that fails and works in turns begins an
    outage in the log at most once in `LOG_INTERVAL`.

    Attributes:
        is_logged: whether to write these lines. A command prints its error itself.
        refusals: requests that were refused since the last line that an outage was over.
    """

    def __init__(self, place: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Make one for a database that works.

        Args:
            place: where the database is, for messages.
            clock: seconds, monotonic.
        """
        self.is_logged = False
        self.refusals = 0
        self._place = place
        self._clock = clock
        self._failing: dict[Access, str] = {}  # with the last reason
        self._damage: str | None = None
        self._began_at = 0.0
        self._announced_at: float | None = None
        self._is_announced = False

    def reason(self, access: Access) -> str | None:
        """Return why this access failed when it was tried last; None if it worked."""
        return self._damage or self._failing.get(access)

    def fail(self, access: Access, reason: str) -> None:
        """Take in that an access failed."""
        if not self._failing and self._damage is None:
            self._began_at = self._clock()
        self._failing[access] = reason
        self._announce(reason)

    def damage(self, reason: str) -> None:
        """Take in that the database is damaged. Only a restart ends this, because some of its parts may still work."""
        self._damage = reason
        self._announce(reason)

    def succeed(self, access: Access) -> None:
        """Take in that an access worked. A write proves that reads work too."""
        if not self._failing:
            return
        self._failing.pop(access, None)
        if access == "write":
            self._failing.clear()
        if not self._failing and self._damage is None:
            self._announce_end()

    def _announce(self, reason: str) -> None:
        if self._is_announced or not self.is_logged:
            return
        now = self._clock()
        if self._announced_at is not None and now - self._announced_at < LOG_INTERVAL:
            return
        self._announced_at = now
        self._is_announced = True
        log.error("database unavailable: %s: %s", self._place, reason)

    def _announce_end(self) -> None:
        if not self._is_announced:
            return
        self._is_announced = False
        seconds = self._clock() - self._began_at
        log.warning("database available again after %.0f s; %d requests were refused", seconds, self.refusals)
        self.refusals = 0
