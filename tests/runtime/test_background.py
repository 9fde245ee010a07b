"""The background tasks: the poll of the config file, and the exchange of state with the database."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from imagevault.config.settings import load
from imagevault.errors import DatabaseUnavailable
from imagevault.plugins.registry import PluginRegistry
from imagevault.runtime.background import BackgroundTasks
from imagevault.runtime.reload import LiveSettings
from tests.support.waiting import EVENT_LIMIT


class VirtualSleep:
    """A sleep without a delay, which adds up the seconds and calls `at_sleep` before each."""

    def __init__(self, at_sleep: Callable[[], None]) -> None:
        self.seconds = 0.0
        self.at_sleep = at_sleep

    async def __call__(self, seconds: float) -> None:
        self.at_sleep()
        self.seconds += seconds
        await asyncio.sleep(0)


async def do_nothing() -> None:
    """An exchange with a database that has nothing new."""


class TestBackgroundTasks:
    async def test_a_database_that_hangs_delays_no_poll(self) -> None:
        third_poll = asyncio.Event()
        polls = 0

        def poll() -> bool:
            nonlocal polls
            polls += 1
            if polls == 3:
                third_poll.set()
            return True

        async def hang() -> None:
            await asyncio.Event().wait()

        async with BackgroundTasks(poll, hang).running():
            await asyncio.wait_for(third_poll.wait(), EVENT_LIMIT)

    async def test_an_error_ends_neither_task(self, caplog: pytest.LogCaptureFixture) -> None:
        third_round = asyncio.Event()
        rounds = 0

        async def synchronize() -> None:
            nonlocal rounds
            rounds += 1
            if rounds == 3:
                third_round.set()
            raise ValueError(rounds)

        def poll() -> bool:
            raise OSError("disk on fire")

        async with BackgroundTasks(poll, synchronize).running():
            await asyncio.wait_for(third_round.wait(), EVENT_LIMIT)

        assert "a background task failed" in caplog.text
        assert "the config file could not be polled" in caplog.text

    async def test_an_outage_of_the_database_is_logged_elsewhere(self, caplog: pytest.LogCaptureFixture) -> None:
        """The database itself says once that it is away; a round that fails is only tried again."""
        fourth_round = asyncio.Event()
        rounds = 0

        async def synchronize() -> None:
            nonlocal rounds
            rounds += 1
            if rounds == 4:
                fourth_round.set()
            raise DatabaseUnavailable("gone")

        async with BackgroundTasks(lambda: True, synchronize, VirtualSleep(lambda: None)).running():
            await asyncio.wait_for(fourth_round.wait(), EVENT_LIMIT)

        assert caplog.records == []

    @pytest.mark.parametrize("text", ["deadline = 3.0\n", ""])
    async def test_a_change_is_in_force_within_a_second(self, tmp_path: Path, text: str) -> None:
        """Also if the file changes just after a poll, and if it becomes empty, which takes more readings."""
        file = tmp_path / "imagevault.toml"
        file.write_text("deadline = 2.0\n")
        settings = load({}, tmp_path)
        live = LiveSettings(settings, PluginRegistry.load(settings))
        while live.poll():
            pass
        in_force: list[float] = []
        measured = asyncio.Event()
        live.subscribe(lambda *_: in_force.append(sleep.seconds))

        def change_after_the_poll() -> None:
            file.write_text(text)
            if in_force:
                measured.set()

        sleep = VirtualSleep(change_after_the_poll)
        async with BackgroundTasks(live.poll, do_nothing, sleep).running():
            await asyncio.wait_for(measured.wait(), EVENT_LIMIT)

        assert 0 < in_force[0] <= 1.0
