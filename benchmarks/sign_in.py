"""What signing in does to others, and what its time tells: `python -m benchmarks.sign_in [--seconds 60] [--tries 400]`.

The first part sends sign-ins without a pause and measures how long `/health/live` takes meanwhile. The second tells
known from unknown usernames by the time of a refusal, as well as an attacker on the same machine could.
"""

import argparse
import asyncio
import math
import os
import platform
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Self
from urllib.parse import urlencode

import httpx

from benchmarks.costs import spread
from benchmarks.servers import PASSWORD, Server, imagevault

SIGN_INS = 4  # that run at once
PROBE_INTERVAL = 0.02  # seconds between two probes
MILLISECONDS = 1000  # in a second
NAMES = 20  # of accounts, and as many that nobody has; each gets its share of the wrong passwords
LIMITS = {
    "IMAGEVAULT_LIMITS_SIGNUP": "1000/hour",
    "IMAGEVAULT_LIMITS_WRONG_PASSWORDS": "100",
    "IMAGEVAULT_LIMITS_WRONG_PASSWORDS_PER_ACCOUNT": "10000",
    "IMAGEVAULT_LIMITS_WRONG_PASSWORDS_PER_ADDRESS": "10000",
}


async def probe(server: Server, seconds: float, sign_ins: int) -> tuple[list[float], int]:
    """Probe `/health/live` for some seconds while so many sign-ins run without a pause.

    Returns the milliseconds of each probe, and how many sign-ins succeeded.
    """
    ends_at = time.perf_counter() + seconds
    succeeded = 0

    async def sign_in(number: int) -> None:
        nonlocal succeeded
        form = urlencode({"username": f"busy{number}", "password": PASSWORD}).encode()
        async with Connection(server) as connection:
            while time.perf_counter() < ends_at:
                assert await connection.send("POST /token", form) == 200
                succeeded += 1

    async def ask() -> list[float]:
        times = []
        async with Connection(server) as connection:
            while time.perf_counter() < ends_at:
                begun = time.perf_counter()
                assert await connection.send("GET /health/live") == 200
                times.append((time.perf_counter() - begun) * MILLISECONDS)
                await asyncio.sleep(PROBE_INTERVAL)
        return times

    async with asyncio.TaskGroup() as group:
        asked = group.create_task(ask())
        for number in range(sign_ins):
            group.create_task(sign_in(number))
    return asked.result(), succeeded


async def refusals(server: Server, tries: int) -> dict[str, list[float]]:
    """Send wrong passwords, in turn for a known and an unknown name. Returns the milliseconds of each."""
    times: dict[str, list[float]] = {"known": [], "unknown": []}
    async with Connection(server) as connection:
        for number in range(tries // 2):
            for kind in ("known", "unknown") if number % 2 else ("unknown", "known"):
                name = f"{kind}{number % NAMES}"
                form = urlencode({"username": name, "password": "a wrong password"}).encode()
                begun = time.perf_counter()
                status = await connection.send("POST /token", form)
                times[kind].append((time.perf_counter() - begun) * MILLISECONDS)
                assert status == 401, status
    return times


def chance(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """Return how likely a value of the first is above one of the second, and how far that is from one half.

    One half means that nobody can tell them apart (the U statistic of Mann and Whitney). The distance is in standard
    errors: chance alone exceeds 2 in one of 22 runs.
    """
    above = sum((one > other) + (one == other) / 2 for one in first for other in second)
    pairs = len(first) * len(second)
    error = math.sqrt((len(first) + len(second) + 1) / (12 * pairs))
    return above / pairs, (above / pairs - 0.5) / error


class Connection:
    """One keep-alive connection."""

    def __init__(self, server: Server) -> None:
        self._server = httpx.URL(server.url)

    async def __aenter__(self) -> Self:
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection(self._server.host, self._server.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection."""
        self._writer.close()

    async def send(self, target: str, form: bytes = b"") -> int:
        """Send a request and read the response. Returns its status."""
        kind = "Content-Type: application/x-www-form-urlencoded\r\n" if form else ""
        head = f"{target} HTTP/1.1\r\nHost: {self._server.host}:{self._server.port}\r\n{kind}"
        self._writer.write(f"{head}Content-Length: {len(form)}\r\n\r\n".encode() + form)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = answer.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await self._reader.readexactly(int(length or 0))
        return int(answer.split(b" ", 2)[1])


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that so many percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(len(ordered) * percent / 100) - 1)]


def print_probes(name: str, times: Sequence[float]) -> None:
    """Print one row of the table of probes."""
    figures = " | ".join(f"{percentile(times, percent):.1f} ms" for percent in (50, 95, 99, 100))
    print(f"| {name} | {len(times)} | {figures} |")


def main() -> None:
    """Run both parts on SQLite."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="for which sign-ins run")
    parser.add_argument("--tries", type=int, default=400, help="wrong passwords")
    options = parser.parse_args()
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, ", end="")
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    with imagevault(LIMITS) as server:
        # Who signed in from an address before meets fewer counters there, so the names of both parts differ.
        for name in [f"busy{number}" for number in range(SIGN_INS)] + [f"known{number}" for number in range(NAMES)]:
            account = {"username": name, "password": PASSWORD}
            httpx.post(f"{server.url}/signup", json=account).raise_for_status()
        idle, _ = asyncio.run(probe(server, options.seconds / 6, 0))
        asyncio.run(probe(server, options.seconds / 6, SIGN_INS))  # warms up
        memory = [server.memory_megabytes()]
        busy: list[float] = []
        succeeded = 0
        for _ in range(3):
            times, count = asyncio.run(probe(server, options.seconds / 3, SIGN_INS))
            busy += times
            succeeded += count
            memory.append(server.memory_megabytes())
        print("\n| /health/live | probes | median | 95 % | 99 % | longest |\n|---|--:|--:|--:|--:|--:|")
        print_probes("nothing else", idle)
        print_probes(f"{SIGN_INS} sign-ins without a pause", busy)
        print(f"\n{succeeded / options.seconds:.1f} sign-ins a second; memory {memory} MB")
        times_of = asyncio.run(refusals(server, options.tries))
    known, unknown = times_of["known"], times_of["unknown"]
    print("\n| refusal | tries | median (fastest to slowest) |\n|---|--:|--:|")
    for name, times in times_of.items():
        median, low, high = spread(times)
        print(f"| {name} | {len(times)} | {median:.2f} ms ({low:.2f} to {high:.2f}) |")
    likelihood, errors = chance(known, unknown)
    difference = statistics.median(known) / statistics.median(unknown) - 1
    print(f"\na known one takes longer with likelihood {likelihood:.3f} ({errors:+.1f} standard errors from 0.5), ")
    print(f"medians differ by {difference:+.1%}")


if __name__ == "__main__":
    main()
