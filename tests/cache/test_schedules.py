"""The engine under thousands of random schedules: four workers, delays, crashes, failing upstreams, in virtual time."""

import asyncio
import json
import logging
import random
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import msgspec
import pytest
from piccolo.querystring import QueryString

from imagevault import Image, Page, ProviderInfo, Quota, Rendition, SearchQuery, hookimpl
from imagevault.cache.keys import PageKey
from imagevault.cache.page_cache import make_page_cache
from imagevault.cache.page_digests import PageDigests
from imagevault.cache.statistics import CacheStatistics
from imagevault.cache.store import CacheEntry
from imagevault.config.settings import Settings
from imagevault.errors import DatabaseUnavailable, InvalidResponse, ProviderError
from imagevault.plugins.provider import Provider
from imagevault.plugins.registry import PluginRegistry
from imagevault.upstream import admission, quota
from imagevault.upstream.clients import Clients
from imagevault.upstream.limiter import CallLimiter
from imagevault.upstream.models import State
from imagevault.upstream.store import UnreadableState

QUICK = 400  # schedules of every test run
THOROUGH = 10_000  # of `make soak`
PARTS = 8  # tests that share them, for the workers of the test run
WORKERS = 4
BASE = 1_000_000.0  # the shared clock when a schedule begins
PATIENCE = 4.0  # seconds that a caller waits


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop whose time jumps to the next thing to do; it has no files to wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._selector = self

    def time(self) -> float:
        return self.now

    def select(self, _timeout: float | None) -> tuple[()]:
        return ()

    def _process_events(self, _events: object) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def _run_once(self) -> None:
        if not self._ready:  # type: ignore[attr-defined]
            due = (each._when for each in self._scheduled if not each._cancelled)  # type: ignore[attr-defined]
            self.now = max(self.now, min(due, default=0.0))
        super()._run_once()  # type: ignore[misc]


class Database:
    """What workers share. Every access is one atomic moment, some time after it was asked and before it is known."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.states: dict[str, tuple[bytes, int]] = {}
        self.pages: dict[str, CacheEntry] = {}


class Connection:
    """One worker's connection to the database. A worker that crashed has lost it: nothing more of it is written."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.is_lost = False

    async def travel(self) -> None:
        if self.is_lost:
            raise DatabaseUnavailable("gone")
        await asyncio.sleep(self.database.dice.choice((0, 0.001, 0.004, 0.015)))
        if self.is_lost:
            raise DatabaseUnavailable("gone")


class States:
    """The provider states behind a connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.states = connection.database.states

    async def read(self, provider: str) -> tuple[State, int]:
        await self.connection.travel()
        content, version = self.states.setdefault(provider, (b"{}", 0))
        await self.connection.travel()
        return msgspec.json.decode(content, type=State), version

    async def changes(self, known: Mapping[str, int]) -> list[tuple[str, State | UnreadableState, int]]:
        raise AssertionError("no flight needs this")

    async def clear(self, provider: str) -> None:
        raise AssertionError("no flight does this")

    async def swap(self, provider: str, version: int, state: State, before: Sequence[QueryString] = ()) -> bool:
        await self.connection.travel()
        for write in before:
            self._store_page(*write.args)
        swapped = self.states[provider][1] == version
        if swapped:
            self.states[provider] = (msgspec.json.encode(state), version + 1)
        await self.connection.travel()
        return swapped

    def _store_page(self, key: str, entry: CacheEntry) -> None:
        pages = self.connection.database.pages
        replaced = pages.get(key)
        pages[key] = msgspec.structs.replace(
            entry,
            previous=replaced.content if replaced else None,
            previous_stored_at=replaced.stored_at if replaced else 0.0,
        )


class StoredPages:
    """The pages behind a connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.pages = connection.database.pages

    async def read(self, key: str) -> CacheEntry | None:
        await self.connection.travel()
        return self.pages.get(key)

    async def read_digests(self, keys: Sequence[str]) -> dict[str, PageDigests]:
        return {key: self.pages[key].page_digests for key in keys if key in self.pages}

    def writes_of(self, key: str, provider: str, entry: CacheEntry, ids: Sequence[str]) -> list[QueryString]:
        return [QueryString("{} {}", key, entry)]

    async def find(self, provider: str, id: str, revision: str) -> tuple[str, CacheEntry] | None:
        return None

    async def mark_used(self, keys: Sequence[str], now: float) -> None:
        return None


class Upstream(httpx.AsyncBaseTransport):
    """Counts the calls that leave, and answers late, wrongly, not at all, or well."""

    def __init__(self, dice: random.Random, trouble: float) -> None:
        self.dice = dice
        self.trouble = trouble
        self.left: list[float] = []
        self.flying: defaultdict[str, int] = defaultdict(int)
        self.doubled: list[str] = []
        self.answered: dict[str, float] = {}
        self.cache_for = 0.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        loop = asyncio.get_running_loop()
        key = str(request.url)
        self.left.append(loop.time())
        if self.flying[key] or loop.time() - self.answered.get(key, -1e9) < self.cache_for - 0.1:
            self.doubled.append(key)
        self.flying[key] += 1
        try:
            await asyncio.sleep(self.dice.choice((0.01, 0.05, 0.3, 1.5, 1.5, 14)))
            if self.dice.random() < self.trouble:
                return await self._trouble(request)
            self.answered[key] = loop.time()
            return httpx.Response(200, json={"q": request.url.params["q"]})
        finally:
            self.flying[key] -= 1

    async def _trouble(self, request: httpx.Request) -> httpx.Response:
        kind = self.dice.randrange(6)
        if kind == 0:
            raise httpx.ConnectError("down", request=request)
        if kind == 1:
            return httpx.Response(429, headers={"Retry-After": str(self.dice.randint(1, 5))})
        if kind == 2:
            return httpx.Response(429)
        if kind == 3:
            await asyncio.sleep(6)
        return httpx.Response(self.dice.choice((500, 502, 503)) if kind != 4 else 200, content=b"<html>")


def provider(dice: random.Random) -> Provider:
    """A provider with some quotas."""
    quotas = dice.choice(
        (
            (Quota(3, "second"),),
            (Quota(5, "minute"),),
            (Quota(10, "minute"), Quota(2, "second")),
            (Quota(20, "hour"), Quota(8, "minute"), Quota(2, "second")),
        )
    )
    concurrency, cache_for = dice.choice((1, 2, 4)), dice.choice((2, 60, 3600))

    @hookimpl
    def provider_info() -> ProviderInfo:
        return ProviderInfo(
            title="Test",
            page_size=5,
            base_url="https://upstream.example/",
            file_hosts={"upstream.example"},
            quotas=quotas,
            concurrency=concurrency,
            cache_for=cache_for,
        )

    @hookimpl
    async def search_images(query: SearchQuery, http: httpx.AsyncClient) -> Page:
        response = await http.get("search", params={"q": query.text, "page": query.page})
        response.raise_for_status()
        json.loads(response.content)
        image = Image(id=query.text, renditions=[Rendition(name="original", url="https://upstream.example/1")])
        return Page([image], last=True)

    plugin = ModuleType("simulated")
    plugin.__dict__.update(provider_info=provider_info, search_images=search_images)
    plugins = PluginRegistry()
    plugins.add("simulated", lambda: plugin, "here")
    plugins.configure(Settings())
    return plugins.providers["simulated"]


class Worker:
    """One worker: its connection to the database, and its page cache."""

    def __init__(self, database: Database, clock: Callable[[], float], upstream: "Upstream") -> None:
        self.connection = Connection(database)
        limiter = CallLimiter(States(self.connection), clock)
        statistics = CacheStatistics()
        clients = Clients(limiter, {"simulated": upstream})
        self.pages = make_page_cache(StoredPages(self.connection), limiter, statistics, clients)

    def crash(self) -> None:
        """Lose everything that it has in mind, from one moment to the next."""
        self.connection.is_lost = True
        for task in [*self.pages._writes.tasks, *self.pages._flights.in_flight]:
            task.cancel()


class World:
    """One schedule: its workers, what they share, and what is true of it in the end."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.database = Database(self.dice)
        self.upstream = Upstream(self.dice, self.dice.choice((0.0, 0.0, 0.2, 0.6)))
        self.provider = provider(self.dice)
        self.upstream.cache_for = self.provider.info.cache_for
        self.everyone: list[Worker] = []
        self.disturbed = False
        self.set_back = 0.0
        self.workers = [self._worker() for _ in range(WORKERS)]
        self.callers: list[tuple[Worker, asyncio.Task[None]]] = []

    def _worker(self) -> Worker:
        loop = asyncio.get_running_loop()
        behind = self.dice.choice((0, 0, 0, 0.02)) + self.set_back
        self.everyone.append(Worker(self.database, lambda: BASE + loop.time() - behind, self.upstream))
        return self.everyone[-1]

    async def run(self) -> None:
        for _ in range(self.dice.randint(4, 14)):
            await asyncio.sleep(self.dice.choice((0, 0, 0.01, 0.3, 2, 20)))
            number = self.dice.randrange(WORKERS)
            if self.dice.random() < 0.08:
                self._crash(number)
            if self.dice.random() < 0.01:  # the host starts again, its clock an hour behind
                self.set_back += 3600
                for each in range(WORKERS):
                    self._crash(each)
            worker = self.workers[number]
            caller = asyncio.create_task(self._call(worker, self.dice.choice("abcde")))
            self.callers.append((worker, caller))
            if self.dice.random() < 0.1:
                caller.cancel()
        for ended in await asyncio.gather(*(task for _, task in self.callers), return_exceptions=True):
            if isinstance(ended, AssertionError):
                raise ended
            assert ended is None or isinstance(ended, asyncio.CancelledError), repr(ended)
        for worker in self.everyone:
            await worker.pages.drain()
        self._check_windows()
        if not self.disturbed:
            assert self.upstream.doubled == [], "two flights for one page, or one for a fresh page"
        await self._check_nothing_lost()

    async def _call(self, worker: Worker, text: str) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        key = PageKey("simulated", text, (), 5, 1)
        try:
            result = await worker.pages.read(self.provider, key, PATIENCE, caller=self.dice.choice(("ada", "bob")))
            assert [image.id for image in result.page.images] == [text]
        except InvalidResponse:
            if not self.upstream.trouble:
                raise
        except ProviderError:
            pass
        except asyncio.CancelledError:
            return
        assert loop.time() - begun <= PATIENCE + 0.2, "answered too late"

    def _crash(self, number: int) -> None:
        """A worker is gone from one moment to the next; another takes its place, remembering nothing."""
        dead = self.workers[number]
        self.workers[number] = self._worker()
        self.disturbed = True
        for worker, task in self.callers:
            if worker is dead:
                task.cancel()
        dead.crash()

    def _check_windows(self) -> None:
        for limit in self.provider.info.quotas:
            length = limit.length
            for first, begin in enumerate(self.upstream.left):
                inside = [at for at in self.upstream.left[first:] if at < begin + length]
                assert len(inside) <= limit.limit, f"{len(inside)} calls in one {limit.words}"

    async def _check_nothing_lost(self) -> None:
        """A new worker serves every page that was kept, and no call leaves for those that are fresh."""
        loop = asyncio.get_running_loop()
        worker, calls = self._worker(), len(self.upstream.left)
        for text in "abcde":
            key = PageKey("simulated", text, (), 5, 1)
            entry = self.database.pages.get(key.digest)
            if entry is not None and BASE + loop.time() - entry.stored_at < self.provider.info.cache_for - 0.1:
                assert (await worker.pages.read(self.provider, key, PATIENCE)).status == "hit"
        assert len(self.upstream.left) == calls


def in_parts(seeds: range, count: int) -> list[range]:
    """The seeds, dealt out to `count` tests."""
    return [seeds[part::count] for part in range(count)]


def simulate(seed: int) -> None:
    """Runs one schedule; the seed makes it again."""
    loop = VirtualLoop()

    async def world() -> None:
        await World(seed).run()

    def unhandled(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        raise AssertionError(context["message"])

    loop.set_exception_handler(unhandled)
    try:
        _run(loop, world())
    finally:
        loop.close()


def _run(loop: VirtualLoop, work: Coroutine[Any, Any, None]) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(work)
    finally:
        asyncio.set_event_loop(None)


def check(seeds: Sequence[int]) -> None:
    """Runs these schedules; the first that breaks a rule is named, so that `simulate(seed)` can run it again."""
    for seed in seeds:
        try:
            simulate(seed)
        except AssertionError as error:
            raise AssertionError(f"schedule {seed}: {error}") from error


@pytest.fixture(autouse=True)
def _without_log() -> Iterator[None]:
    """What each caller was refused fills a log that nobody reads."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


class TestSchedules:
    """No window holds more calls than allowed, one flight a page, nothing kept is lost, every caller is answered."""

    @pytest.mark.parametrize("seeds", in_parts(range(QUICK), PARTS), ids=str)
    def test_some(self, seeds: range) -> None:
        check(seeds)

    @pytest.mark.soak
    @pytest.mark.parametrize("seeds", in_parts(range(THOROUGH), 5 * PARTS), ids=str)
    def test_thousands(self, seeds: range) -> None:
        check(seeds)


def test_the_page_names_these_numbers() -> None:
    """`docs/gateway.md` says how many schedules `make test` and `make soak` run."""
    page = " ".join((Path(__file__).parents[2] / "docs" / "gateway.md").read_text().split())

    assert f"{QUICK} in `make test` and {THOROUGH:_} in `make soak`".replace("_", " ") in page
    assert sum(map(len, in_parts(range(QUICK), PARTS))) == QUICK
    assert {seed for part in in_parts(range(THOROUGH), 5 * PARTS) for seed in part} == set(range(THOROUGH))


@pytest.mark.parametrize(
    ("module", "broken", "instead"),
    [
        (quota, "refusal", lambda *_: None),
        (admission, "_fetched_elsewhere", lambda *_: None),
        (quota, "_counted_steps", lambda _: 40),
    ],
    ids=["no quota", "no lease", "short windows"],
)
def test_a_broken_engine_is_found(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, broken: str, instead: Any
) -> None:
    """Without one of its rules, the schedules find it."""
    monkeypatch.setattr(module, broken, instead)

    def search() -> None:
        for seed in range(2_000):
            simulate(seed)

    with pytest.raises(AssertionError, match=r"calls in one|two flights"):
        search()
