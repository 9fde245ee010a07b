"""What an uncached search adds to the call of the upstream: time beside the same call by httpx alone, and CPU."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import httpx
import msgspec

from benchmarks.costs import MICROSECONDS
from benchmarks.servers import Server
from imagevault.testing.upstreams.pexels import SimulatedPexels

MILLISECONDS = 1000  # in a second
WARM_UP = 20  # searches before the first that counts


class Misses(msgspec.Struct, frozen=True):
    """Medians over all uncached searches.

    Attributes:
        direct: milliseconds of the call by httpx.
        added: milliseconds that ImageVault adds.
        quartiles: of `added`, the lower and the upper.
        cpu: CPU microseconds of the server for one search, with what it does after the response.
    """

    direct: float
    added: float
    quartiles: tuple[float, float]
    cpu: float


def measure(server: Server, upstream: SimulatedPexels, count: int, pause: Callable[[], Any]) -> Misses:
    """Send searches for new words, one after the other, in turn with the same call by httpx alone.

    `pause` lets the server finish what it does after a response, which the next search would otherwise meet.
    """
    direct: list[float] = []
    through: list[float] = []
    agent = {"Authorization": upstream.key, "User-Agent": "benchmark"}
    with httpx.Client() as client:
        for number in range(count + WARM_UP):
            if number == WARM_UP:
                before = server.cpu_seconds()
            direct.append(_seconds(client, f"{upstream.url}search?query=direct+{number}&per_page=80", agent))
            missed = f"{server.url}/search?q=missed+{server.pid}+{number}&provider=pexels"
            through.append(_seconds(client, missed, server.headers))
            pause()
    cpu = (server.cpu_seconds() - before) / count * MICROSECONDS
    pairs = list(zip(direct, through, strict=True))[WARM_UP:]
    added = sorted((own - call) * MILLISECONDS for call, own in pairs)
    lower, middle, upper = statistics.quantiles(added, n=4)
    return Misses(statistics.median(direct[WARM_UP:]) * MILLISECONDS, middle, (lower, upper), cpu)


def _seconds(client: httpx.Client, url: str, headers: Any) -> float:
    begun = time.perf_counter()
    client.get(url, headers=headers).raise_for_status()
    return time.perf_counter() - begun
