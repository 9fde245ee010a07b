"""A clock on which all workers agree."""

import time

from imagevault.storage.database import current


class SharedClock:
    """Unix time in seconds. After `sync` it follows the database's clock, which all workers share.

    Between two calls of `sync` it advances with this host's monotonic clock, which no correction of the host's time
    moves.
    """

    def __init__(self) -> None:
        self.offset = time.time() - time.monotonic()

    async def sync(self) -> None:
        """Set the clock by the database of the running app. Raises DatabaseUnavailable if it does not answer."""
        self.offset = await current().time() - time.monotonic()

    def __call__(self) -> float:
        """Return the time now, in seconds since 1970."""
        return self.offset + time.monotonic()
