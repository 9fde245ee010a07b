"""Noting which pages are used: a hit costs no write, and nothing that was noted is lost while the database is away."""

from collections.abc import Sequence

import pytest

from imagevault.cache import uses
from imagevault.cache.uses import BATCH, MAX_PAGES, STEP, WRITE_INTERVAL, PageUses, last_use
from tests.support.clock import Clock

Written = list[tuple[list[str], float]]


@pytest.fixture
def clock() -> Clock:
    """A clock at the beginning of a step."""
    return Clock(1_000.0 * STEP)


@pytest.fixture
def written() -> Written:
    """What is written: the keys of a statement, and the time."""
    return []


@pytest.fixture
def used(clock: Clock, written: Written) -> PageUses:
    async def mark(keys: Sequence[str], now: float) -> None:
        written.append((list(keys), now))

    return PageUses(mark, clock)


class TestNote:
    async def test_a_thousand_hits_are_one_write(self, used: PageUses, clock: Clock, written: Written) -> None:
        """In one step of ten minutes, however often it is flushed; in the next step one more."""
        for _ in range(1000):
            used.note("a")
            await used.flush(now=True)
        clock.advance(STEP)
        for _ in range(1000):
            used.note("a")
            await used.flush(now=True)

        assert [keys for keys, _ in written] == [["a"], ["a"]]

    async def test_writes_at_most_twice_a_minute(self, used: PageUses, clock: Clock, written: Written) -> None:
        used.note("a")
        await used.flush()
        clock.advance(WRITE_INTERVAL - 1)
        await used.flush()
        assert written == []

        clock.advance(1)
        used.note("b")
        await used.flush()

        assert written == [(["a", "b"], clock())]

    async def test_writes_nothing_where_nothing_was_used(self, used: PageUses, clock: Clock, written: Written) -> None:
        clock.advance(10 * WRITE_INTERVAL)
        await used.flush(now=True)

        assert written == []

    async def test_writes_in_batches(self, used: PageUses, written: Written) -> None:
        """No statement holds a lock for long."""
        keys = [f"{number:04}" for number in range(2 * BATCH + 1)]
        for key in reversed(keys):
            used.note(key)

        await used.flush(now=True)

        assert [len(batch) for batch, _ in written] == [BATCH, BATCH, 1]
        assert [key for batch, _ in written for key in batch] == keys

    async def test_is_bounded(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        """Also while nothing can be written."""
        monkeypatch.setattr(uses, "MAX_PAGES", 10)

        async def fail(keys: Sequence[str], now: float) -> None:
            raise ConnectionError

        used = PageUses(fail, clock)
        for step in range(20):
            clock.advance(STEP)
            for number in range(100):
                used.note(f"{step} {number}")
            with pytest.raises(ConnectionError):
                await used.flush(now=True)

        assert len(used._waiting) <= 20
        assert MAX_PAGES > 1000

    async def test_a_failure_loses_nothing(self, clock: Clock) -> None:
        """What was not written goes with the next flush, and what was written does not."""
        written: list[str] = []
        is_away = True

        async def mark(keys: Sequence[str], now: float) -> None:
            if is_away and len(written) >= BATCH:
                raise ConnectionError
            written.extend(keys)

        used = PageUses(mark, clock)
        keys = [f"{number:04}" for number in range(3 * BATCH)]
        for key in keys:
            used.note(key)
        with pytest.raises(ConnectionError):
            await used.flush(now=True)
        used.note("more")
        is_away = False

        await used.flush(now=True)

        assert written == [*keys, "more"]


def test_a_use_is_stored_as_the_beginning_of_its_step() -> None:
    assert {last_use(1_000.0 * STEP + seconds) for seconds in (0, 0.5, STEP - 0.1)} == {1_000_000 * STEP}
    assert last_use(1_001.0 * STEP) == 1_001_000 * STEP
