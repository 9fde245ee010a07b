"""Waiting for an event in another process or thread, which cannot report it.

Where the event is in reach, a test awaits an `asyncio.Event` or a `threading.Event` instead. The limit is generous
because it only ends a test that fails: a busy machine must not fail one that is right.
"""

import asyncio
import time
from collections.abc import Callable

EVENT_LIMIT = 60.0  # seconds
COMMAND_LIMIT = 300.0  # seconds for pip, or for one command
SCRIPT_LIMIT = 900.0  # seconds for a page of commands
PAUSE = 0.01  # seconds between two checks


def wait_until(condition: Callable[[], object], what: str = "", seconds: float = EVENT_LIMIT) -> None:
    """Returns once the condition holds. Raises AssertionError, which names `what`, after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for: {what or 'a condition'}"
        time.sleep(PAUSE)


async def until(condition: Callable[[], object], what: str = "", seconds: float = EVENT_LIMIT) -> None:
    """The same for a test in an event loop, which runs on between two checks."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for: {what or 'a condition'}"
        await asyncio.sleep(PAUSE)
