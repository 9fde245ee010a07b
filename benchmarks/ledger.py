"""What a save and the first page of the ledger cost, with few and many rows: `python -m benchmarks.ledger`.

The cost is the CPU time of the server and, on PostgreSQL, of the processes that serve its connections. The account that
is measured owns all rows.
"""

import argparse
import asyncio
import os
import platform
import statistics
import sys
import tempfile
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from benchmarks.load import post, send
from benchmarks.servers import Server, imagevault, postgresql
from imagevault.config.database_url import is_postgres
from imagevault.config.settings import load
from imagevault.downloads import finding
from imagevault.downloads.tables import Download
from imagevault.storage.database import Database

SIZES = (0, 10_000, 100_000)  # rows
CHUNK = 500  # rows of one statement
MICROSECONDS = 1e6  # in a second
WARM_UP = 50  # requests
START = datetime(2026, 1, 1, tzinfo=UTC)
BODY = b'{"url": "https://a.example/1.jpg", "title": "Lily", "author": "Ann", "project": "atlas"}'
PAGE = "/downloads?limit=50"


async def fill(database_url: str, account: uuid.UUID, numbers: range) -> None:
    """Write rows of an account, a minute apart."""
    database = Database(load({"DATABASE_URL": database_url}, Path(tempfile.gettempdir())))
    await database.open()
    database.use()
    for first in range(numbers.start, numbers.stop, CHUNK):
        rows = [_row(account, number) for number in numbers[first - numbers.start : first - numbers.start + CHUNK]]
        await Download.insert(*rows)
    await database.close()


async def backends(database_url: str) -> list[int]:
    """Return the processes that serve connections of PostgreSQL; none for SQLite, which has no processes."""
    if not is_postgres(database_url):
        return []
    database = Database(load({"DATABASE_URL": database_url}, Path(tempfile.gettempdir())))
    await database.open()
    database.use()
    rows = await Download.raw("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'")
    own = await Download.raw("SELECT pg_backend_pid() AS pid")
    await database.close()
    return [row["pid"] for row in rows if row["pid"] != own[0]["pid"]]


def cost(server: Server, others: Sequence[int], work: Callable[[int], None], count: int) -> float:
    """Return the CPU microseconds of one of `count` requests."""
    processes = [server, *(Server("", pid) for pid in others if Path(f"/proc/{pid}").exists())]
    before = sum(process.cpu_seconds() for process in processes)
    work(count)
    return (sum(process.cpu_seconds() for process in processes) - before) / count * MICROSECONDS


def print_engine(engine: str, database_url: str, options: argparse.Namespace) -> None:
    """Measure one engine at each size, and print a row for each."""
    with imagevault({"DATABASE_URL": database_url}) as server:
        account = uuid.UUID(httpx.get(f"{server.url}/protected", headers=server.headers).json()["id"])
        works: dict[str, Callable[[int], None]] = {
            "save": lambda count: post(server.url, "/download", BODY, count, server.headers),
            "page": lambda count: send(server.url, [PAGE], count, server.headers),
        }
        written = 0
        for size in SIZES:
            asyncio.run(fill(database_url, account, range(written, size)))
            written = size
            for work in works.values():
                work(WARM_UP)
            others = asyncio.run(backends(database_url))
            found: dict[str, list[float]] = {name: [] for name in works}
            for _ in range(options.rounds):
                for name, work in works.items():
                    found[name].append(cost(server, others, work, options.requests))
            print(f"| {engine} | {size} | {_spread(found['save'])} | {_spread(found['page'])} |", flush=True)


def main() -> None:
    """Measure both engines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200, help="of each kind in one round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, ", end="")
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}\n")
    print("| engine | rows | `POST /download`, us (min to max) | `GET /downloads`, us (min to max) |")
    print("|---|--:|--:|--:|", flush=True)
    with tempfile.TemporaryDirectory() as folder, postgresql() as url:
        print_engine("SQLite", f"sqlite:///{folder}/ledger.sqlite", options)
        print_engine("PostgreSQL", url, options)


def _row(account: uuid.UUID, number: int) -> Download:
    values = {
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


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.0f} ({min(values):.0f} to {max(values):.0f})"


if __name__ == "__main__":
    sys.exit(main())
