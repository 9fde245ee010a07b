"""Responses as our protocol writes them: always the bytes that uvicorn writes, also where something is wrong."""

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from imagevault.http.protocol import LimitedHttpProtocol, PlainResponseCycle
from imagevault.http.types import Message, Receive, Scope, Send
from tests.support.waiting import EVENT_LIMIT

PLAIN = (b"content-type", b"text/plain")
FIVE = (b"content-length", b"5")
CLOSE = (b"connection", b"close")
VARY = (b"vary", b"Origin")
READ: Message = {"type": "a test: read the request"}  # the application reads in between, and sends nothing
NO_BODY: Message = {"type": "http.response.body"}  # ASGI lets a body away that is empty
DATE = re.compile(rb"date: [^\r]*\r\n")


def start(*headers: tuple[bytes, bytes], status: int = 200) -> Message:
    """The start of a response."""
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(content: bytes, *, more: bool = False) -> Message:
    """A part of a body, the last one unless there is `more`."""
    return {"type": "http.response.body", "body": content, "more_body": more}


class Answering:
    """An application that answers with the messages that a test chooses, and a server of it for each protocol.

    Attributes:
        cycles: the classes whose `send` the application was given.

    """

    def __init__(self, loop: Any) -> None:
        self.messages: list[Message | Exception] = []
        self.cycles: set[type] = set()
        self.ports: dict[type, int] = {}
        self._servers: list[tuple[uvicorn.Server, threading.Thread]] = []
        for protocol in (HttpToolsProtocol, LimitedHttpProtocol):
            listener = socket.create_server(("127.0.0.1", 0))
            self.ports[protocol] = listener.getsockname()[1]
            config = uvicorn.Config(
                self, interface="asgi3", lifespan="off", http=protocol, loop=loop, log_config=None, access_log=False
            )
            server = uvicorn.Server(config)
            thread = threading.Thread(target=server.run, args=[[listener]], name=protocol.__name__)
            thread.start()
            self._servers.append((server, thread))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.cycles.add(type(send.__self__))  # type: ignore[attr-defined]
        for message in self.messages:
            if isinstance(message, Exception):
                raise message
            if message is READ:
                async with asyncio.timeout(EVENT_LIMIT):
                    await receive()
                continue
            await send(message)

    def ask(self, protocol: type, request: bytes) -> bytes:
        """All that the server with this protocol sends until it ends the connection, without the date."""
        with socket.create_connection(("127.0.0.1", self.ports[protocol]), timeout=EVENT_LIMIT) as connection:
            connection.sendall(request)
            received = bytearray()
            while part := connection.recv(65536):
                received += part
        return DATE.sub(b"", bytes(received))

    def stop(self) -> None:
        """Stop both servers."""
        for server, thread in self._servers:
            server.should_exit = True
            thread.join(EVENT_LIMIT)


@pytest.fixture(scope="module", params=["asyncio", "uvloop"])
def answering(request: pytest.FixtureRequest) -> Iterator[Any]:
    answering = Answering(request.param)
    yield answering
    answering.stop()


def asked(method: str = "GET", version: str = "1.1", *, kept: bool = False) -> bytes:
    """A request, after which the connection ends unless it is `kept`."""
    connection = "keep-alive" if kept else "close"
    return f"{method} / HTTP/{version}\r\nHost: a.example\r\nConnection: {connection}\r\n\r\n".encode()


def asked_twice(method: str = "GET") -> bytes:
    """Two requests: one whose response may be plain, and one whose response ends the connection."""
    return asked(method, kept=True) + asked(method)


KEPT = asked(kept=True)
EXPECTING = (
    b"POST / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab"  # kept, as by default
)


class TestSame:
    """What is written is what uvicorn writes."""

    @pytest.mark.parametrize(
        ("messages", "sent"),
        [
            pytest.param([start(PLAIN, FIVE), body(b"whole")], asked_twice(), id="whole"),
            pytest.param([start(PLAIN, (b"content-length", b"0")), body(b"")], asked_twice(), id="empty"),
            pytest.param([start(PLAIN, (b"content-length", b"0")), NO_BODY], asked_twice(), id="no body"),
            pytest.param([start(PLAIN, FIVE), body(b"wh", more=True), body(b"ole")], asked_twice(), id="in parts"),
            pytest.param([start(PLAIN), body(b"wh", more=True), body(b"ole")], asked_twice(), id="chunked"),
            pytest.param([start(PLAIN), body(b"whole")], asked_twice(), id="no length"),
            pytest.param([start(PLAIN, FIVE), body(b"")], asked_twice("HEAD"), id="HEAD"),
            pytest.param([start(PLAIN, FIVE), body(b"whole")], asked_twice("HEAD"), id="HEAD with a body"),
            pytest.param([start(PLAIN), body(b"")], asked_twice("HEAD"), id="HEAD without a length"),
            pytest.param([start(status=204), body(b"")], asked_twice("DELETE"), id="204"),
            pytest.param([start((b"etag", b'"a"'), status=304), body(b"")], asked_twice(), id="304"),
            pytest.param([start(PLAIN, FIVE), body(b"whole")], asked(version="1.0"), id="HTTP/1.0"),
            pytest.param([start(PLAIN, FIVE, CLOSE), body(b"whole")], KEPT, id="the application closes"),
            pytest.param([start(PLAIN, FIVE), body(b"whole")], KEPT * 3 + asked(), id="four at once"),
            pytest.param([start(FIVE, VARY, (b"vary", b"Cookie")), body(b"whole")], asked_twice(), id="repeated"),
            pytest.param([start((b"x-tab", b"a\tb"), FIVE), body(b"whole")], asked_twice(), id="a tab"),
            pytest.param([start((b"x-latin", b"\xe9"), FIVE), body(b"whole")], asked_twice(), id="not ASCII"),
            pytest.param([start((b"X-Case", b"a"), FIVE), body(b"whole")], asked_twice(), id="upper case"),
            pytest.param([start((b"Content-Length", b"5")), body(b"whole")], asked_twice(), id="a length in capitals"),
            pytest.param([start((b"x-empty", b""), FIVE), body(b"whole")], asked_twice(), id="an empty value"),
            pytest.param([start(FIVE, status=599), body(b"whole")], asked_twice(), id="an unknown status"),
            pytest.param([READ, start(PLAIN, FIVE), body(b"whole")], EXPECTING + asked(), id="read, then start"),
            pytest.param([start(PLAIN, FIVE), READ, body(b"whole")], EXPECTING + asked(), id="start, then read"),
        ],
    )
    def test_what_is_right(self, answering: Any, messages: list[Message], sent: bytes) -> None:
        answering.messages = messages
        ours = answering.ask(LimitedHttpProtocol, sent)
        assert ours == answering.ask(HttpToolsProtocol, sent)
        assert ours.startswith(b"HTTP/1.1 ")

    @pytest.mark.parametrize(
        "messages",
        [
            pytest.param([start(FIVE, (b"x-name", b"a\r\nset-cookie: stolen=1")), body(b"whole")], id="CR LF"),
            pytest.param([start(FIVE, (b"x-name", b"a\r\n\r\nHTTP/1.1 200 stolen")), body(b"whole")], id="an end"),
            pytest.param([start(FIVE, (b"x-name", b"a\nset-cookie: stolen=1")), body(b"whole")], id="LF"),
            pytest.param([start(FIVE, (b"x-name", b"a\rset-cookie: stolen=1")), body(b"whole")], id="CR"),
            pytest.param([start(FIVE, (b"x-name", b"stolen\0")), body(b"whole")], id="NUL"),
            pytest.param([start(FIVE, (b"x-name", b"stolen\x7f")), body(b"whole")], id="DEL"),
            pytest.param([start(FIVE, (b"x\r\nset-cookie", b"stolen=1")), body(b"whole")], id="CR LF in a name"),
            pytest.param([start(FIVE, (b"x\nset-cookie", b"stolen=1")), body(b"whole")], id="LF in a name"),
            pytest.param([start(FIVE, (b"x stolen", b"1")), body(b"whole")], id="a blank in a name"),
            pytest.param([start(FIVE, (b"x:stolen", b"1")), body(b"whole")], id="a colon in a name"),
            pytest.param([start((b"content-length", b"4")), body(b"whole")], id="a short length"),
            pytest.param([start((b"content-length", b"6")), body(b"whole")], id="a long length"),
            pytest.param([start((b"content-length", b"-5")), body(b"whole")], id="a length below 0"),
            pytest.param([start((b"content-length", b"five")), body(b"whole")], id="no number"),
            pytest.param([start((b"content-length", b"6"), FIVE), body(b"whole")], id="two lengths"),
            pytest.param([start(FIVE, (b"content-length", b"6")), body(b"whole")], id="two other lengths"),
            pytest.param([start(FIVE, (b"transfer-encoding", b"chunked")), body(b"whole")], id="chunked with a length"),
            pytest.param([start((b"transfer-encoding", b"chunked")), body(b"whole")], id="chunked"),
            pytest.param([start(status=204), body(b"HTTP/1.1 200 stolen\r\n\r\n")], id="204 with a body"),
            pytest.param([start(status=304), body(b"HTTP/1.1 200 stolen\r\n\r\n")], id="304 with a body"),
            pytest.param([start(FIVE, CLOSE, (b"connection", b"keep-alive")), body(b"whole")], id="close and keep"),
            pytest.param([start(PLAIN, FIVE), start(PLAIN), body(b"whole")], id="two starts"),
            pytest.param([body(b"whole")], id="no start"),
            pytest.param([start(PLAIN, FIVE), body(b"whole"), body(b"more")], id="a body too many"),
            pytest.param([], id="nothing"),
        ],
    )
    def test_what_is_wrong(self, answering: Any, messages: list[Message]) -> None:
        """And nothing gets into the response, or behind it, that its sender did not mean."""
        answering.messages = messages
        sent = asked_twice()
        ours = answering.ask(LimitedHttpProtocol, sent)
        assert ours == answering.ask(HttpToolsProtocol, sent)
        assert b"\r\nset-cookie" not in ours
        assert b"200 stolen" not in ours

    def test_a_body_of_megabytes_arrives_whole(self, answering: Any) -> None:
        content = bytes(range(256)) * 40_000
        answering.messages = [start(PLAIN, (b"content-length", b"%d" % len(content))), body(content)]
        received = answering.ask(LimitedHttpProtocol, asked_twice())
        assert received == answering.ask(HttpToolsProtocol, asked_twice())
        assert received.count(content) == 2

    def test_our_cycle_is_in_force(self, answering: Any) -> None:
        """A version of uvicorn may rename what we override."""
        answering.messages = [start(PLAIN, FIVE), body(b"whole")]
        answering.cycles.clear()
        answering.ask(LimitedHttpProtocol, asked())
        assert answering.cycles == {PlainResponseCycle}


class TestBeforeTheBody:
    """An application that ends between the start of its response and its body has sent nothing: that is 500."""

    @pytest.mark.parametrize("messages", [[start(PLAIN, FIVE), RuntimeError("a test")], [start(PLAIN, FIVE)]])
    def test_is_500(self, answering: Any, messages: list[Message]) -> None:
        answering.messages = messages
        answer = answering.ask(LimitedHttpProtocol, asked())
        assert answer.startswith(b"HTTP/1.1 500 ")
        assert answer.count(b"HTTP/1.1") == 1
