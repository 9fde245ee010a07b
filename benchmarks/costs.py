"""What one request costs: CPU microseconds of the server, beside a bare ASGI application with as many bytes.

The measurements take turns, round by round, so that what else the machine does meets all of them. A ratio compares two
measurements of one round.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import httpx
import msgspec

from benchmarks.load import send
from benchmarks.servers import Server

MICROSECONDS = 1e6  # in a second
WARM_UP = 100  # requests before the first round
SEARCH = "/search?q=nature+landscape&provider=pexels"
SPELLINGS = 4096  # of one search, so that no answer to the same address is kept


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of request.

    Attributes:
        name: as the table prints it.
        server: which receives it.
        targets: paths with their queries, sent in turn.
        floor: name of the measurement that its ratio and its difference compare with.
        headers: of each request, besides those of the signed-in caller.
        status: of each response.
    """

    name: str
    server: Server
    targets: Sequence[str]
    floor: str
    headers: Mapping[str, str] = {}
    status: int = 200

    def run(self, count: int) -> float:
        """Send so many requests. Returns the CPU microseconds of the server for one."""
        before = self.server.cpu_seconds()
        send(self.server.url, self.targets, count, {**self.server.headers, **self.headers}, self.status)
        return (self.server.cpu_seconds() - before) / count * MICROSECONDS


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a measurement found: medians over the rounds, with the smallest and the largest value.

    Attributes:
        microseconds: of CPU for one request.
        ratio: of the floor's cost to this one; 1 is as cheap as the floor.
        above: microseconds above the floor.
    """

    microseconds: tuple[float, float, float]
    ratio: tuple[float, float, float]
    above: tuple[float, float, float]


def measurements(bare: Server, server: Server, quiet: Server) -> list[Measurement]:
    """Return all measurements. `quiet` is a server that logs warnings only."""
    signed_in = httpx.get(f"{server.url}/protected", headers=server.headers)
    live = httpx.get(f"{server.url}/health/live")
    for each in (server, quiet):  # the first is a miss, which says so in its body
        httpx.get(f"{each.url}{SEARCH}", headers=each.headers).raise_for_status()
    search = httpx.get(f"{server.url}{SEARCH}", headers=server.headers)
    compressed = httpx.get(f"{server.url}{SEARCH}", headers={**server.headers, "Accept-Encoding": "gzip"})
    sizes = {
        "live": len(live.content),
        "protected": len(signed_in.content),
        "search": len(search.content),
        "gzip": int(compressed.headers.get("content-length", 0)),
    }
    found = [
        Measurement(name=f"bare, {size} bytes", server=bare, targets=[f"/{size}"], floor=f"bare, {size} bytes")
        for size in dict.fromkeys([0, *sizes.values()])
    ]
    floors = {name: f"bare, {size} bytes" for name, size in sizes.items()}
    found += [
        Measurement(name="/health/live", server=server, targets=["/health/live"], floor=floors["live"]),
        Measurement(name="/protected", server=server, targets=["/protected"], floor=floors["protected"]),
        Measurement(name="/protected, no log line", server=quiet, targets=["/protected"], floor=floors["protected"]),
        Measurement(name="cached search", server=server, targets=[SEARCH], floor=floors["search"]),
        Measurement(name="cached search, no log line", server=quiet, targets=[SEARCH], floor=floors["search"]),
        Measurement(name="cached search, ordinary way", server=server, targets=spellings(), floor=floors["search"]),
        Measurement(
            name="cached search, gzip",
            server=server,
            targets=[SEARCH],
            floor=floors["gzip"],
            headers={"Accept-Encoding": "gzip"},
        ),
    ]
    if "etag" in search.headers:
        found.append(
            Measurement(
                name="cached search, 304",
                server=server,
                targets=[SEARCH],
                floor="bare, 0 bytes",
                headers={"If-None-Match": search.headers["etag"]},
                status=304,
            )
        )
    return found


def spellings() -> list[str]:
    """Return the search in many spellings: each is another address of the same page."""
    letters = [(letter, f"%{ord(letter):02x}") for letter in "landscape"]
    endings = ["".join(choice) for choice in product(*letters)]
    starts = [f"nature{'+' * blanks}" for blanks in range(1, 1 + SPELLINGS // len(endings))]
    return [f"/search?q={start}{ending}&provider=pexels" for start in starts for ending in endings]


def measure(todo: Sequence[Measurement], count: int, rounds: int, report: Callable[[str], Any]) -> dict[str, Cost]:
    """Run all measurements in turn, so many rounds of so many requests. Returns the costs by name."""
    for measurement in todo:
        measurement.run(WARM_UP)
    found: dict[str, list[float]] = {measurement.name: [] for measurement in todo}
    for number in range(rounds):
        report(f"round {number + 1} of {rounds}")
        for measurement in todo:
            found[measurement.name].append(measurement.run(count))
    return {
        measurement.name: Cost(
            microseconds=spread(found[measurement.name]),
            ratio=spread([floor / own for floor, own in _pairs(found, measurement)]),
            above=spread([own - floor for floor, own in _pairs(found, measurement)]),
        )
        for measurement in todo
    }


def _pairs(found: Mapping[str, list[float]], measurement: Measurement) -> list[tuple[float, float]]:
    return list(zip(found[measurement.floor], found[measurement.name], strict=True))


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the median, the smallest and the largest value."""
    return statistics.median(values), min(values), max(values)
