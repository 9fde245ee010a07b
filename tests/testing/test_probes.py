"""The probe that measures how long a plugin holds the event loop."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from imagevault.testing.checks import probes
from imagevault.testing.checks.probes import longest_pause


def steps(*values: float) -> Iterator[float]:
    """The readings of a clock, of which the last one stays."""
    yield from values
    while True:
        yield values[-1]


def test_a_wait_for_the_processor_between_two_readings_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread waits for 50 ms after it read the one clock and before it reads the other."""
    waited = steps(3.0, 3.05)
    monkeypatch.setattr(probes, "_waited_for_processor", lambda: next(waited))
    monkeypatch.setattr(time, "monotonic", lambda: 10.05)

    assert probes._time_with_processor() == pytest.approx(7.0)


def test_a_machine_without_rest_gets_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread waits for the processor between any two readings."""
    waited = iter(range(1000))
    monkeypatch.setattr(probes, "_waited_for_processor", lambda: next(waited))

    assert probes._time_with_processor() < time.monotonic()


async def test_a_call_that_blocks_is_measured() -> None:
    async def block() -> str:
        await asyncio.sleep(0)
        time.sleep(0.05)  # noqa: ASYNC251 -- what is measured
        return "done"

    pause, result = await longest_pause(block())

    assert pause >= 0.05
    assert result == "done"
