"""The clock that workers share: a step of the host's clock opens no window of a quota early."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from imagevault.config.settings import load
from imagevault.runtime.services import Services
from imagevault.search.outcome import SearchFailed
from imagevault.search.search import SearchRequest
from imagevault.storage import clock
from imagevault.storage.clock import SharedClock, uptime
from imagevault.storage.database import Database
from imagevault.storage.tables import HostBoot
from imagevault.testing.upstreams.pexels import SimulatedPexels
from tests.support.offline import OFFLINE

DAY = 86_400.0
TWO_AN_HOUR = '[providers.pexels]\nquota = ["1000/second", "2/hour", "20000/month"]\n'
Step = Callable[[float], None]
Boot = Callable[[str | None], None]


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> Step:
    """Put the clock of this host forward by some seconds, or back."""
    really = time.time
    ahead = 0.0

    def stepped() -> float:
        return really() + ahead

    def put(seconds: float) -> None:
        nonlocal ahead
        ahead += seconds

    monkeypatch.setattr(time, "time", stepped)
    return put


@pytest.fixture
def boot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Boot:
    """Let this host boot: its boots are named in a file of the test; None is a system that names none."""
    file = tmp_path / "boot_id"
    monkeypatch.setattr(clock, "BOOT_ID", file)

    def boot(name: str | None) -> None:
        if name is None:
            file.unlink()
        else:
            file.write_text(f"{name}\n")

    boot("3f1d0c52-0000-4000-8000-000000000001")
    return boot


@contextlib.asynccontextmanager
async def opened(url: str, folder: Path) -> AsyncIterator[Database]:
    database = Database(load({"DATABASE_URL": url}, folder))
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def synchronized(url: str, folder: Path) -> SharedClock:
    """The clock of a worker that starts now."""
    async with opened(url, folder):
        shared = SharedClock()
        await shared.sync()
        return shared


class TestSQLite:
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/clock.sqlite"

    @pytest.mark.parametrize("seconds", [3 * 3600, -3 * 3600, 400 * DAY])
    @pytest.mark.usefixtures("boot")
    async def test_a_step_of_the_clock_moves_no_later_worker(
        self, url: str, tmp_path: Path, step: Step, seconds: float
    ) -> None:
        """Workers that started before and after it agree."""
        before = await synchronized(url, tmp_path)
        step(seconds)

        after = await synchronized(url, tmp_path)

        assert after() == pytest.approx(before(), abs=0.01)
        assert after() == pytest.approx(time.time() - seconds, abs=60)

    async def test_the_clock_is_read_anew_after_a_boot(self, url: str, tmp_path: Path, step: Step, boot: Boot) -> None:
        """Nobody knows how long the host was off, so its clock counts."""
        await synchronized(url, tmp_path)
        step(DAY)
        boot("another boot")

        after = await synchronized(url, tmp_path)

        assert after() == pytest.approx(time.time(), abs=60)

    async def test_a_system_that_names_no_boots(self, url: str, tmp_path: Path, step: Step, boot: Boot) -> None:
        """The clock of the host counts, and nothing is stored."""
        boot(None)
        await synchronized(url, tmp_path)
        step(DAY)

        after = await synchronized(url, tmp_path)

        assert after() == pytest.approx(time.time(), abs=60)
        async with opened(url, tmp_path):
            assert await HostBoot.count() == 0

    @pytest.mark.usefixtures("boot")
    async def test_workers_that_start_together_agree(self, url: str, tmp_path: Path, step: Step) -> None:
        async with opened(url, tmp_path):
            pass

        async def start(seconds: float) -> float:
            step(seconds)
            shared = await synchronized(url, tmp_path)
            return shared.offset

        offsets = await asyncio.gather(*(start(3600.0) for _ in range(6)))

        assert len(set(offsets)) == 1

    @pytest.mark.usefixtures("boot")
    async def test_a_restart_after_a_step_opens_no_window_early(
        self, tmp_path: Path, pexels: SimulatedPexels, configured: dict[str, str], step: Step
    ) -> None:
        """The quota of the hour is used up; two hours later by the host's clock, it still is."""
        (tmp_path / "imagevault.toml").write_text(TWO_AN_HOUR)
        environ = {**configured, **OFFLINE, "SECRET_KEY": "a test secret of more than thirty-two bytes"}

        async def search(*words: str) -> list[Any]:
            services = Services(load(environ, tmp_path))
            found = []
            async with services.running():
                for word in words:
                    with contextlib.suppress(SearchFailed):
                        answer = await services.gateway.search(SearchRequest(text=word, providers="pexels"))
                        found.append(answer.providers[0].status)
                    await services.gateway.pages.drain()
            return found

        assert await search("one", "two", "three") == ["ok", "ok"]
        step(2 * 3600)

        assert await search("four", "five") == []
        assert len(pexels.calls) == 2


async def test_a_step_moves_no_running_worker(database_url: str, tmp_path: Path, step: Step) -> None:
    """On either engine."""
    shared = await synchronized(database_url, tmp_path)
    before = shared()
    step(DAY)

    assert 0 <= shared() - before < 60


async def test_postgresql_is_asked_for_the_time(postgres: Any, tmp_path: Path, step: Step) -> None:
    """The clock of this host does not count, not even at the start."""
    url = postgres.make_migrated_database()
    really = time.time()
    step(DAY)

    shared = await synchronized(url, tmp_path)

    assert shared() == pytest.approx(really, abs=60)


def test_the_uptime_only_grows() -> None:
    times = [uptime() for _ in range(1000)]

    assert times == sorted(times)


class TestLateAnswers:
    """The database says what time it is, and a busy host reads that late."""

    @pytest.fixture
    def answers_after(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
        """Let answers of the database, which reads its clock at once, come after these seconds. The last one stays."""
        now = 1000.0
        monkeypatch.setattr(clock, "uptime", lambda: now)

        def late(*seconds: float) -> None:
            waits = [*seconds]

            async def read() -> float:
                nonlocal now
                at = now
                now += waits.pop(0) if len(waits) > 1 else waits[0]
                return 5000.0 + at

            engine = SimpleNamespace(engine_type="postgres")
            monkeypatch.setattr(clock, "current", lambda: SimpleNamespace(time=read, engine=engine))

        return late

    @pytest.mark.parametrize(
        "seconds", [(0.001,), (0.9, 0.4, 0.01), (0.5, 0.03, 0.5), (2.0, 0.05, 1.0), (0.8, 0.8, 0.03, 0.8)]
    )
    async def test_the_fastest_counts(self, answers_after: Callable[..., None], seconds: tuple[float, ...]) -> None:
        """The clock errs by half of its time at most: workers agree to within what windows of quotas allow for."""
        answers_after(*seconds)
        shared = SharedClock()

        await shared.sync()

        assert abs(shared.offset - 5000.0) <= min(seconds) / 2 + 1e-6
