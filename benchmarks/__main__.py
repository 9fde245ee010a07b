"""Prints what a request costs, on SQLite and on PostgreSQL: `python -m benchmarks [--requests 1000] [--rounds 7]`."""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import costs, misses
from benchmarks.servers import bare_asgi, imagevault, postgresql
from imagevault.testing.upstreams.pexels import SimulatedPexels

PAUSE = 0.03  # seconds after an uncached search, for the writes that follow it
QUOTA = '[providers.pexels]\nquota = ["1000000/second", "10000000/hour", "10000000/month"]\n'


def report(text: str) -> None:
    """Say what is under way."""
    print(text, file=sys.stderr)


def print_costs(engine: str, environ: Mapping[str, str], options: argparse.Namespace) -> None:
    """Measure and print the table of one engine."""
    with (
        bare_asgi() as bare,
        imagevault(environ) as server,
        imagevault({**environ, "IMAGEVAULT_DATA": "quiet", "IMAGEVAULT_LOG_LEVEL": "warning"}) as quiet,
    ):
        todo = costs.measurements(bare, server, quiet)
        found = costs.measure(todo, options.requests, options.rounds, report)
    print(f"\n### {engine}: CPU microseconds of the server per request\n")
    print("| request | us (min to max) | of bare (min to max) | above bare |")
    print("|---|--:|--:|--:|")
    for name, cost in found.items():
        median, low, high = cost.microseconds
        ratio, least, most = cost.ratio
        print(f"| {name} | {median:.1f} ({low:.1f} to {high:.1f}) | {ratio:.2f} ({least:.2f} to {most:.2f}) ", end="")
        print(f"| {cost.above[0]:+.1f} |")
    for name in ("/protected", "cached search"):
        line = found[name].microseconds[0] - found[f"{name}, no log line"].microseconds[0]
        print(f"| a log line of {name} | {line:.1f} | | |")


def print_misses(engine: str, environ: Mapping[str, str], upstream: SimulatedPexels, count: int) -> None:
    """Measure and print uncached searches on one engine, and the memory of the worker after them."""
    with imagevault(environ) as server:
        memory = server.memory_megabytes()
        found = misses.measure(server, upstream, count, lambda: time.sleep(PAUSE))
        after = server.memory_megabytes()
    low, high = found.quartiles
    print(f"| {engine} | {found.direct:.2f} ms | +{found.added:.2f} ms (+{low:.2f} to +{high:.2f}) ", end="")
    print(f"| {found.cpu:.0f} us | {memory:.0f} MB, {after:.0f} MB |")


def main() -> None:
    """Run all benchmarks on both engines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1000, help="of each kind in one round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--misses", type=int, default=200, help="uncached searches on each engine")
    options = parser.parse_args()
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, ", end="")
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    with tempfile.TemporaryDirectory() as folder, SimulatedPexels(quota=10_000_000) as upstream, postgresql() as url:
        config = Path(folder) / "imagevault.toml"
        config.write_text(QUOTA)
        environ = {
            "PEXELS_API_KEY": upstream.key,
            "PEXELS_BASE_URL": upstream.url,
            "IMAGEVAULT_CONFIG": str(config),
        }
        engines = {"SQLite": environ, "PostgreSQL": {**environ, "DATABASE_URL": url}}
        for engine, its_environ in engines.items():
            print_costs(engine, its_environ, options)
        print("\n### Uncached search, one at a time: time beside the same call by httpx\n")
        print("| engine | direct | added, median (quartiles) | CPU | memory after sign-in, after all |")
        print("|---|--:|--:|--:|--:|")
        for engine, its_environ in engines.items():
            print_misses(engine, its_environ, upstream, options.misses)


if __name__ == "__main__":
    main()
