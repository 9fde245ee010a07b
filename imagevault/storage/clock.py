"""The clock that all workers share."""

import time

from imagevault.storage.database import current


class SharedClock:
    """Unix time that all workers agree on and that no step of a host's clock moves: the database's, then monotonic."""

    def __init__(self) -> None:
        self.offset = time.time() - time.monotonic()

    async def set(self) -> None:
        """Takes the time of the app's database."""
        self.offset = await current().time() - time.monotonic()

    def __call__(self) -> float:
        """The time now, in seconds since 1970."""
        return self.offset + time.monotonic()
