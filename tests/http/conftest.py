"""A server in this process that tests share, and a real uvicorn for tests with raw sockets."""

import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import uvicorn

from imagevault.asgi import create
from imagevault.config.settings import load
from imagevault.http.edge import Edge
from imagevault.http.protocol import LimitedHttpProtocol
from imagevault.http.types import Receive, Scope, Send
from imagevault.runtime.services import Services
from tests.support.tokens import token_of
from tests.support.waiting import EVENT_LIMIT

PASSWORD = "violet-harbour-71"
SECRET = "a test secret of more than thirty-two bytes"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop, the same for the server and all tests that share it."""
    return "asyncio"


@pytest.fixture(scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Any]:
    """A server with default settings except for the limits. The tests of a module share it. `headers` are ada's."""
    settings = load(
        {"SECRET_KEY": SECRET, "IMAGEVAULT_LIMITS_REQUESTS": "1000000/second", "IMAGEVAULT_LIMITS_SIGNUP": "1000/hour"},
        tmp_path_factory.mktemp("api"),
    )
    services = Services(settings)
    async with services.running():
        app = create(services)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
            await services.accounts.create("ada", PASSWORD)
            headers = {"Authorization": f"Bearer {await token_of(services.accounts, 'ada', PASSWORD)}"}
            yield SimpleNamespace(
                app=app, services=services, client=client, get=client.get, post=client.post, headers=headers
            )


@pytest.fixture
def edge_of() -> Callable[[Any], Edge]:
    """The edge that a client of `api` or `start` talks to: `edge_of(api)`."""

    def edge_of(api: Any) -> Edge:
        edge: Edge = api.client._transport.app
        return edge

    return edge_of


@pytest.fixture
def ask(raw_scope: Callable[..., dict[str, Any]]) -> Callable[..., Awaitable[int]]:
    """Sends a request with raw headers, returns the status, and passes each message of the response to `send`.

    `status = await ask(app, headers=[(b"host", b"127.0.0.1")], path="/docs")`
    """

    async def ask(app: Any, *, headers: list[tuple[bytes, bytes]], send: Send | None = None, **more: Any) -> int:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def keep(message: Any) -> None:
            sent.append(message)
            if send is not None:
                await send(message)

        await app(raw_scope(headers, **more), receive, keep)
        return int(sent[0]["status"])

    return ask


class Answer:
    """A response, parsed from its bytes."""

    def __init__(self, raw: bytes) -> None:
        head, _, self.body = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split()[1]) if first else 0
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


class Wire:
    """A server as `imagevault serve` runs it. `reached`: method and path of each request that uvicorn passed on."""

    def __init__(self, folder: Path) -> None:
        self.reached: list[tuple[str, str]] = []
        services = Services(load({"SECRET_KEY": SECRET}, folder))
        self.app = create(services)
        # Connections wait in the queue of this socket until the server accepts them, so no test waits for the start.
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            self._count,
            interface="asgi3",
            http=LimitedHttpProtocol,
            server_header=False,
            proxy_headers=False,
            log_config=None,
            access_log=False,
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, args=[[listener]], name="server")
        self.thread.start()
        self.host = f"Host: 127.0.0.1:{self.port}\r\n".encode()

    async def _count(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.reached.append((scope["method"], scope["path"]))
        await self.app(scope, receive, send)

    def connect(self) -> socket.socket:
        """Opens a connection to the server."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=EVENT_LIMIT)

    def send(self, *parts: bytes) -> Answer:
        """Sends the parts, then reads until the server closes the connection."""
        with self.connect() as connection:
            for part in parts:
                connection.sendall(part)
            return read(connection)

    def stop(self) -> None:
        """Stops the server and waits until it has stopped."""
        self.server.should_exit = True
        self.thread.join(EVENT_LIMIT)


def read(connection: socket.socket) -> Answer:
    """Reads until the server closes the connection."""
    received = bytearray()
    while part := connection.recv(65536):
        received += part
    return Answer(bytes(received))


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real server. `wire.send(b"GET / HTTP/1.1...")` returns its response."""
    wire = Wire(tmp_path_factory.mktemp("wire"))
    yield wire
    wire.stop()
