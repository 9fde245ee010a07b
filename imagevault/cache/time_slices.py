"""Long work on the event loop, in slices: between two of them, other requests run."""

import asyncio
import time

SLICE = 0.01  # seconds


class TimeSlices:
    """The slices of one piece of work, such as the records of a page. Call `pause` after each record."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    async def pause(self) -> None:
        """Let other tasks run, if the slice is over. Ordinary pages need one slice and cost nothing here."""
        if time.monotonic() - self._began >= SLICE:
            await asyncio.sleep(0)
            self._began = time.monotonic()
