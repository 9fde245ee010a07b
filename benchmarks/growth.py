"""What a request costs as things grow: `python -m benchmarks.growth [--plot FILE.svg]`.

Four things grow: the rows of the ledger, the pages in the cache, the providers that a search asks, and the callers at
once. The cost is the CPU time of the server and, on PostgreSQL, of the processes that serve its connections.
"""

import argparse
import asyncio
import contextlib
import os
import platform
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count as numbers_from
from itertools import cycle, islice, product, repeat
from pathlib import Path
from typing import Any

import httpx
import msgspec

from benchmarks.costs import MICROSECONDS, spread
from benchmarks.load import CONNECTIONS, post, send
from benchmarks.plot import Panel, draw
from benchmarks.servers import Server, imagevault, postgresql
from imagevault.cache.database_store import DatabasePageStore
from imagevault.cache.store import CacheEntry
from imagevault.cache.tables import CachedPage
from imagevault.config.database_url import is_postgres
from imagevault.config.settings import load
from imagevault.downloads import finding
from imagevault.downloads.tables import Download
from imagevault.storage.database import Database
from imagevault.testing.simulated import SIMULATED, environment

ROWS = (0, 10_000, 100_000)
PAGES = (0, 1_000, 10_000)
PROVIDERS = (1, 2, 4, 8, 12)
CALLERS = (1, 8, 64, 256)
CHUNK = 500  # rows of one statement
WARM_UP = 50  # requests
START = datetime(2026, 1, 1, tzinfo=UTC)
BODY = b'{"url": "https://a.example/1.jpg", "title": "Lily", "author": "Ann", "project": "atlas"}'
FIRST_PAGE = "/downloads?limit=50"
PAGE_SIZE = 4096  # bytes of a filled page; its 80 images weigh more
IMAGES = 80
SPELLINGS = 4  # times 256
WORDS = numbers_from(1)  # so that no two searches are equal


class Row(msgspec.Struct, frozen=True):
    """One measurement.

    Attributes:
        grows: what grows.
        request: what is sent.
        engine: of the database.
        size: of what grows.
        microseconds: of CPU for one request: the median over the rounds, the smallest and the largest.
    """

    grows: str
    request: str
    engine: str
    size: int
    microseconds: tuple[float, float, float]


Work = Callable[[int], None]
"""Sends so many requests."""


class Engine(msgspec.Struct, frozen=True):
    """A database, and how much is measured."""

    name: str
    database_url: str
    requests: int
    rounds: int

    @contextlib.contextmanager
    def server(self, environ: Mapping[str, str]) -> Iterator[Server]:
        """Run a server on this database."""
        with imagevault({"DATABASE_URL": self.database_url, **environ}) as server:
            yield server


def measure(engine: Engine, server: Server, grows: str, size: int, works: Mapping[str, Work]) -> list[Row]:
    """Send each kind of request in turn, round by round."""
    for work in works.values():
        work(WARM_UP)
    processes = [server, *(Server("", pid) for pid in asyncio.run(backends(engine.database_url)))]
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(engine.rounds):
        for name, work in works.items():
            before = cpu_seconds(processes)
            work(engine.requests)
            found[name].append((cpu_seconds(processes) - before) / engine.requests * MICROSECONDS)
    rows = [Row(grows, name, engine.name, size, spread(values)) for name, values in found.items()]
    for row in rows:
        print_row(row)
    return rows


def cpu_seconds(processes: Sequence[Server]) -> float:
    """Return the CPU time of those processes that still run."""
    return sum(process.cpu_seconds() for process in processes if Path(f"/proc/{process.pid}").exists())


def ledger(engine: Engine) -> Iterator[Row]:
    """Yield what a save and the first page cost in a ledger of so many rows, all of one account."""
    with engine.server({}) as server:
        account = uuid.UUID(httpx.get(f"{server.url}/protected", headers=server.headers).json()["id"])
        works: dict[str, Work] = {
            "`POST /download`": lambda count: post(server.url, "/download", BODY, count, server.headers),
            "`GET /downloads`": lambda count: send(server.url, [FIRST_PAGE], count, server.headers),
        }
        written = 0
        for size in ROWS:
            asyncio.run(fill_ledger(engine.database_url, account, range(written, size)))
            written = size
            yield from measure(engine, server, "rows in the ledger", size, works)


def cache(engine: Engine) -> Iterator[Row]:
    """Yield what an uncached search costs, with its writes, beside so many cached pages."""
    with simulated(["pexels"]) as environ, engine.server(environ) as server:

        def uncached(count: int) -> None:
            targets = [f"/search?q=word+{next(WORDS)}&provider=pexels" for _ in range(count)]
            send(server.url, targets, count, server.headers)

        written = 0
        for size in PAGES:
            asyncio.run(fill_cache(engine.database_url, range(written, size)))
            written = size
            yield from measure(engine, server, "pages in the cache", size, {"uncached search": uncached})


def providers(engine: Engine) -> Iterator[Row]:
    """Yield what a cached search over so many providers costs: a kept answer, and one that is made anew."""
    names = ["pexels", *sorted(set(SIMULATED) - {"pexels"})][: max(PROVIDERS)]
    with simulated(names) as environ, engine.server(environ) as server:
        for size in PROVIDERS:
            asked = f"/search?q=mountain&per_page=20&provider={','.join(names[:size])}"
            spelt = cycle([asked.replace("mountain", word) for word in spellings("mountain")])
            works: dict[str, Work] = {
                "cached search": partial(search, server, repeat(asked)),
                "cached search, ordinary way": partial(search, server, spelt),
            }
            yield from measure(engine, server, "providers asked", size, works)


def callers(engine: Engine) -> Iterator[Row]:
    """Yield what a cached search costs where so many connections send one after the other."""
    asked = "/search?q=mountain&provider=pexels"
    with simulated(["pexels"]) as environ, engine.server(environ) as server:
        for size in CALLERS:
            works: dict[str, Work] = {"cached search": partial(search, server, repeat(asked), connections=size)}
            more = msgspec.structs.replace(engine, requests=max(engine.requests, 10 * size))  # so each sends ten
            yield from measure(more, server, "callers at once", size, works)


def search(server: Server, targets: Iterator[str], count: int, connections: int = CONNECTIONS) -> None:
    """Send so many searches, each to the next target."""
    send(server.url, list(islice(targets, count)), count, server.headers, connections=connections)


def spellings(word: str) -> list[str]:
    """Return a word in many spellings of its address: more than there are answers that a worker keeps."""
    letters = [(letter, f"%{ord(letter):02x}") for letter in word]
    return [f"{'+' * blanks}{''.join(choice)}" for blanks in range(SPELLINGS) for choice in product(*letters)]


@contextlib.contextmanager
def simulated(names: Sequence[str]) -> Iterator[dict[str, str]]:
    """Run simulated upstreams, and yield the variables that make a server use them, without a limit of calls."""
    with contextlib.ExitStack() as stack:
        environ: dict[str, str] = {}
        for name in names:
            upstream = stack.enter_context(SIMULATED[name]())
            environ |= environment(name, upstream)
            environ[f"{name.upper()}_QUOTA"] = "100000/second, 1000000/hour, 1000000/day, 10000000/month"
            environ[f"{name.upper()}_TIMEOUT"] = "30"
            environ[f"{name.upper()}_ENABLED"] = "true"
        yield environ | {"IMAGEVAULT_DEADLINE": "30"}  # a slow disk shows in the cost, and ends no measurement


async def fill_ledger(database_url: str, account: uuid.UUID, numbers: range) -> None:
    """Write rows of an account, a minute apart."""
    async with opened(database_url):
        for first in range(numbers.start, numbers.stop, CHUNK):
            rows = [_row(account, number) for number in range(first, min(first + CHUNK, numbers.stop))]
            await Download.insert(*rows)
        await Download.raw("ANALYZE")  # PostgreSQL does so within minutes; until then it guesses


async def fill_cache(database_url: str, numbers: range) -> None:
    """Store pages that nobody asks for, with the ids of their images."""
    store = DatabasePageStore()
    async with opened(database_url):
        for number in numbers:
            entry = CacheEntry(os.urandom(PAGE_SIZE), datetime.now(UTC).timestamp())
            ids = [f"filled-{number}-{image}" for image in range(IMAGES)]
            for write in store.writes_of(uuid.uuid4().hex, "pexels", entry, ids):
                await CachedPage.raw("{}", write)


async def backends(database_url: str) -> list[int]:
    """Return the processes that serve connections of PostgreSQL; none for SQLite, which has no processes."""
    if not is_postgres(database_url):
        return []
    async with opened(database_url):
        rows = await Download.raw("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'")
        own = await Download.raw("SELECT pg_backend_pid() AS pid")
        return [row["pid"] for row in rows if row["pid"] != own[0]["pid"]]


@contextlib.asynccontextmanager
async def opened(database_url: str) -> AsyncIterator[None]:
    """Use a database inside the block."""
    database = Database(load({"DATABASE_URL": database_url}, Path(tempfile.gettempdir())))
    await database.open()
    database.use()
    try:
        yield
    finally:
        await database.close()


def print_row(row: Row) -> None:
    """Print a row of the table."""
    median, low, high = row.microseconds
    cells = [row.grows, row.request, row.engine, f"{row.size:,}".replace(",", " ")]
    print(f"| {' | '.join(cells)} | {median:.0f} ({low:.0f} to {high:.0f}) |", flush=True)


def panels(rows: Sequence[Row]) -> list[Panel]:
    """Return one panel for each kind of request, with a line for each engine."""
    kinds = dict.fromkeys((row.grows, row.request) for row in rows)
    return [
        Panel(
            title=request.replace("`", ""),
            across=grows,
            lines={
                engine: [
                    (row.size, row.microseconds[0])
                    for row in rows
                    if (row.grows, row.request, row.engine) == (grows, request, engine)
                ]
                for engine in dict.fromkeys(row.engine for row in rows)
            },
        )
        for grows, request in kinds
    ]


def main() -> None:
    """Measure both engines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200, help="of each kind in one round, at most 900")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--plot", type=Path, help="the file to draw, such as docs/images/growth.svg")
    options = parser.parse_args()
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, ", end="")
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}\n")
    print("| what grows | request | engine | size | us of CPU (min to max) |")
    print("|---|---|---|--:|--:|", flush=True)
    rows: list[Row] = []
    for series in (ledger, cache, providers, callers):
        with tempfile.TemporaryDirectory() as folder, postgresql() as url:
            for name, database_url in (("SQLite", f"sqlite:///{folder}/growth.sqlite"), ("PostgreSQL", url)):
                rows += series(Engine(name, database_url, options.requests, options.rounds))
    if options.plot is not None:
        options.plot.write_text(draw("CPU microseconds of the server for one request", panels(rows)))


def _row(account: uuid.UUID, number: int) -> Download:
    values: dict[str, Any] = {
        "title": f"Picture {number}",
        "author_name": "Ann",
        "project": "atlas",
        "provider": "pexels",
        "license_id": "pexels",
        "license_name": "Pexels License",
        "url": f"https://a.example/{number}.jpg",
    }
    created_at = START + timedelta(minutes=number)
    search_text = finding.search_text(values)
    return Download(id=uuid.uuid4(), account=account, created_at=created_at, search_text=search_text, **values)


if __name__ == "__main__":
    main()
