"""A thin HTTP client over raw keep-alive connections, which leaves the server to be what is measured."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import cycle, islice

import httpx

CONNECTIONS = 8


def send(
    url: str,
    targets: Sequence[str],
    count: int,
    headers: Mapping[str, str],
    status: int = 200,
    connections: int = CONNECTIONS,
) -> None:
    """Send `count` GET requests to the targets in turn. Raises AssertionError at another status."""
    server = httpx.URL(url)
    choices = [_request("GET", server, target, headers) for target in targets]
    asyncio.run(_send(server, choices, count, status, connections))


def post(url: str, target: str, body: bytes, count: int, headers: Mapping[str, str], status: int = 201) -> None:
    """Send `count` equal POST requests with a body of JSON. Raises AssertionError at another status."""
    server = httpx.URL(url)
    described = {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}
    asyncio.run(_send(server, [_request("POST", server, target, described) + body], count, status, CONNECTIONS))


def _request(method: str, server: httpx.URL, target: str, headers: Mapping[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {target} HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n{lines}\r\n".encode()


async def _send(server: httpx.URL, choices: Sequence[bytes], count: int, status: int, connections: int) -> None:
    requests = islice(cycle(choices), count)  # shared by all connections

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        for request in requests:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(f"HTTP/1.1 {status} ".encode()), (request, head)
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or 0))
        writer.close()

    await asyncio.gather(*(connection() for _ in range(connections)))
