"""Responses with a whole body, written at once: they are what uvicorn writes, and as safe."""

import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from imagevault.http.protocol import LimitedHttpProtocol
from imagevault.http.types import Message, Receive, Scope, Send
from tests.http.conftest import read
from tests.support.waiting import EVENT_LIMIT

PLAIN = (b"content-type", b"text/plain")
FIVE = (b"content-length", b"5")
DATE = re.compile(rb"date: [^\r]*\r\n")


def start(*headers: tuple[bytes, bytes], status: int = 200) -> Message:
    """The start of a response."""
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(content: bytes, *, more: bool = False) -> Message:
    """A part of a body, the last one unless there is `more`."""
    return {"type": "http.response.body", "body": content, "more_body": more}


class Answering:
    """An application that answers with the messages that a test chooses, and a server of it for each protocol."""

    def __init__(self) -> None:
        self.messages: list[Message | Exception] = []
        self.ports: dict[type, int] = {}
        self._servers: list[tuple[uvicorn.Server, threading.Thread]] = []
        for protocol in (HttpToolsProtocol, LimitedHttpProtocol):
            listener = socket.create_server(("127.0.0.1", 0))
            self.ports[protocol] = listener.getsockname()[1]
            config = uvicorn.Config(
                self, interface="asgi3", lifespan="off", http=protocol, log_config=None, access_log=False
            )
            server = uvicorn.Server(config)
            thread = threading.Thread(target=server.run, args=[[listener]], name=protocol.__name__)
            thread.start()
            self._servers.append((server, thread))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for message in self.messages:
            if isinstance(message, Exception):
                raise message
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


@pytest.fixture(scope="module")
def answering() -> Iterator[Any]:
    answering = Answering()
    yield answering
    answering.stop()


def request(method: str = "GET", version: str = "1.1", connection: str = "close") -> bytes:
    """A request."""
    return f"{method} / HTTP/{version}\r\nHost: a.example\r\nConnection: {connection}\r\n\r\n".encode()


class TestSame:
    """What is written is what uvicorn writes."""

    @pytest.mark.parametrize(
        ("messages", "sent"),
        [
            pytest.param([start(PLAIN, FIVE), body(b"whole")], request(), id="whole"),
            pytest.param([start(PLAIN, (b"content-length", b"0")), body(b"")], request(), id="empty"),
            pytest.param([start(PLAIN, FIVE), body(b"wh", more=True), body(b"ole")], request(), id="in parts"),
            pytest.param([start(PLAIN), body(b"wh", more=True), body(b"ole")], request(), id="chunked"),
            pytest.param([start(PLAIN, FIVE), body(b"")], request("HEAD"), id="HEAD"),
            pytest.param([start(PLAIN), body(b"")], request("HEAD"), id="HEAD without a length"),
            pytest.param([start(status=204), body(b"")], request("DELETE"), id="204"),
            pytest.param([start((b"etag", b'"a"'), status=304), body(b"")], request(), id="304"),
            pytest.param([start(PLAIN, FIVE), body(b"whole")], request(version="1.0"), id="HTTP/1.0"),
            pytest.param(
                [start(PLAIN, FIVE, (b"connection", b"close")), body(b"whole")],
                request(connection="keep-alive"),
                id="the application closes",
            ),
            pytest.param(
                [start(PLAIN, FIVE), body(b"whole")], request(connection="keep-alive") + request(), id="two at once"
            ),
            pytest.param(
                [start(FIVE, (b"vary", b"Origin"), (b"vary", b"Cookie")), body(b"whole")], request(), id="repeated"
            ),
            pytest.param([start((b"x-tab", b"a\tb"), FIVE), body(b"whole")], request(), id="a tab"),
            pytest.param([start((b"x-latin", b"\xe9"), FIVE), body(b"whole")], request(), id="not ASCII"),
        ],
    )
    def test_as_uvicorn(self, answering: Any, messages: list[Message], sent: bytes) -> None:
        answering.messages = messages
        ours = answering.ask(LimitedHttpProtocol, sent)
        assert ours == answering.ask(HttpToolsProtocol, sent)
        assert ours.startswith(b"HTTP/1.1 ")

    def test_a_length_that_is_left_out_is_added(self, answering: Any) -> None:
        answering.messages = [start(PLAIN), body(b"whole")]
        answer = answering.ask(LimitedHttpProtocol, request())
        assert b"\r\ncontent-length: 5\r\n" in answer
        assert answer.endswith(b"\r\n\r\nwhole")
        assert b"transfer-encoding" not in answer

    def test_a_body_of_megabytes_arrives_whole(self, answering: Any) -> None:
        content = bytes(range(256)) * 40_000
        answering.messages = [start(PLAIN, (b"content-length", b"%d" % len(content))), body(content)]
        with socket.create_connection(("127.0.0.1", answering.ports[LimitedHttpProtocol])) as connection:
            connection.settimeout(EVENT_LIMIT)
            connection.sendall(request())
            assert read(connection).body == content


class TestRefused:
    """What would break the response, or smuggle a second one into it, becomes 500."""

    @pytest.mark.parametrize(
        "header",
        [
            (b"x-name", b"a\r\nset-cookie: stolen=1"),
            (b"x-name", b"a\r\n\r\nHTTP/1.1 200 OK"),
            (b"x-name", b"a\nset-cookie: stolen=1"),
            (b"x-name", b"a\rset-cookie: stolen=1"),
            (b"x-name", b"a\0b"),
            (b"x-name", b"a\x7fb"),
            (b"x-na\r\nset-cookie", b"stolen=1"),
            (b"x-na\nset-cookie", b"stolen=1"),
        ],
    )
    def test_control_characters(self, answering: Any, header: tuple[bytes, bytes]) -> None:
        answering.messages = [start(PLAIN, FIVE, header), body(b"whole")]
        answer = answering.ask(LimitedHttpProtocol, request())
        assert answer.startswith(b"HTTP/1.1 500 ")
        assert b"stolen" not in answer
        assert answer.count(b"HTTP/1.1") == 1

    @pytest.mark.parametrize("length", [b"4", b"6", b"-5", b"+5", b"five"])
    def test_another_length(self, answering: Any, length: bytes) -> None:
        answering.messages = [start(PLAIN, (b"content-length", length)), body(b"whole")]
        answer = answering.ask(LimitedHttpProtocol, request())
        assert answer.startswith(b"HTTP/1.1 500 ")
        assert b"whole" not in answer

    def test_an_application_that_fails_before_the_body(self, answering: Any) -> None:
        answering.messages = [start(PLAIN, FIVE), RuntimeError("a test")]
        answer = answering.ask(LimitedHttpProtocol, request())
        assert answer.startswith(b"HTTP/1.1 500 ")
        assert answer.count(b"HTTP/1.1") == 1

    def test_an_application_that_sends_no_body(self, answering: Any) -> None:
        answering.messages = [start(PLAIN, FIVE)]
        assert answering.ask(LimitedHttpProtocol, request()).startswith(b"HTTP/1.1 500 ")
