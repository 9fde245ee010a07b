"""The watchdog names who blocks the event loop."""

import asyncio
import sys
import threading
from pathlib import Path
from types import ModuleType

from imagevault.plugins.watchdog import Watchdog

BLOCKING = """
def block(released):
    released.wait(10)
"""


def module(tmp_path: Path) -> ModuleType:
    made = ModuleType("a_blocking_plugin")
    exec(compile(BLOCKING, "a_blocking_plugin.py", "exec"), made.__dict__)  # noqa: S102
    sys.modules[made.__name__] = made
    return made


async def test_names_the_plugin_and_the_line(tmp_path: Path) -> None:
    """While the loop stands still, from a thread of its own; the block ends when it has been named."""
    released = threading.Event()
    said: list[str] = []

    def report(message: str) -> None:
        said.append(message)
        released.set()

    async with Watchdog({"a_blocking_plugin": "blocker"}, report).running():
        await asyncio.sleep(0)
        module(tmp_path).block(released)

    assert len(said) == 1
    assert said[0].startswith("plugin blocker blocks the server at a_blocking_plugin.py:3")


async def test_says_nothing_of_a_loop_that_runs() -> None:
    """Nor of what is not a plugin."""
    said: list[str] = []

    async with Watchdog({"a_blocking_plugin": "blocker"}, said.append).running():
        await asyncio.sleep(1.0)  # the time itself is what is looked at: longer than the watchdog's patience

    assert said == []
