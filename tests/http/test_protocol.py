"""Heads that never end or never come, sent to a real server."""

import contextlib
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagevault.http import protocol, request_limits
from imagevault.http.protocol import MAX_HEAD
from imagevault.http.request_limits import MAX_FIELDS
from imagevault.http.types import Receive, Scope, Send
from tests.support.waiting import EVENT_LIMIT, until, wait_until

CLOSE = b"Connection: close\r\n"
GET = b"GET /health/live HTTP/1.1\r\n"
POST = b"POST /signup HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
MUCH = 64 * 1024 * 1024  # bytes; far more than what the sockets of both sides buffer
PIECE = 8 * 1024  # bytes that are sent at once


class Endless(threading.Thread):
    """Sends a beginning and then the same bytes again and again, until the server ends the connection.

    Attributes:
        sent: how many bytes left.
        received: what the server answered.
    """

    def __init__(self, port: int, begin: bytes, again: bytes, most: int = MUCH) -> None:
        super().__init__()
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=EVENT_LIMIT)
        self.begin = begin
        self.piece = again * max(1, PIECE // len(again))
        self.most = most
        self.sent = 0
        self.received = b""

    def run(self) -> None:
        with self.connection:
            try:
                self.connection.sendall(self.begin)
                while self.sent < self.most:
                    self.connection.sendall(self.piece)
                    self.sent += len(self.piece)
            except OSError:
                pass
            with contextlib.suppress(ConnectionResetError):  # as more and more arrives
                while part := self.connection.recv(65536):
                    self.received += part


def _received(connection: socket.socket) -> bytes:
    """What the server sends until it ends the connection."""
    received = b""
    while part := connection.recv(65536):
        received += part
    return received


class TestSize:
    @pytest.fixture(autouse=True)
    def begin(self, wire: Any) -> None:
        wire.reached.clear()

    @pytest.mark.parametrize(
        ("begin", "again"),
        [
            pytest.param(GET, b"X-Some: aaaaaaaaaaaaaaaa\r\n", id="headers"),
            pytest.param(GET, b"a:\r\n", id="empty headers"),
            pytest.param(GET + b"X-Some: ", b"a", id="one value"),
            pytest.param(GET, b"a", id="one name"),
            pytest.param(b"GET /", b"a", id="a path"),
            pytest.param(b"GET /?", b"a", id="a query"),
            pytest.param(b"", b"\r\n", id="empty lines"),
            pytest.param(GET + b"Host: 127.0.0.1\r\n\r\n" + GET, b"a:b\r\n", id="a second head"),
        ],
    )
    def test_an_endless_head_ends_the_connection(self, wire: Any, begin: bytes, again: bytes) -> None:
        """The client gets 431 or a reset, and other clients are served in the meantime."""
        endless = Endless(wire.port, begin, again)
        endless.start()

        answer = wire.send(GET + wire.host + CLOSE + b"\r\n")
        endless.join(EVENT_LIMIT)

        assert answer.status == 200
        assert not endless.is_alive()
        assert endless.sent < MUCH
        assert b"HTTP/1.1 2" not in endless.received.rpartition(b'{"status":"ok"}')[2]

    @pytest.mark.parametrize(
        ("begin", "again"),
        [
            pytest.param(CHUNKED + b"0\r\n", b"X-Some: aaaaaaaaaaaaaaaa\r\n", id="trailers"),
            pytest.param(CHUNKED + b"1;", b"a", id="a chunk extension"),
        ],
    )
    def test_nor_does_the_rest_of_a_body_without_bytes_of_a_body(self, wire: Any, begin: bytes, again: bytes) -> None:
        endless = Endless(wire.port, begin.replace(b"Host: 127.0.0.1\r\n", wire.host), again)
        endless.start()
        endless.join(EVENT_LIMIT)

        assert not endless.is_alive()
        assert endless.sent < MUCH

    def test_a_head_at_the_limit_is_the_edges(self, wire: Any) -> None:
        """The edge refuses what is complete, in one piece or in two, and says its own limit."""
        filler = b"X-Some: " + b"a" * (request_limits.MAX_HEADERS + 1) + b"\r\n"
        head = GET + wire.host + CLOSE + filler + b"\r\n"

        for cut in (0, 9000):
            answer = wire.send(head[:cut], head[cut:])

            assert (answer.status, b"16384 bytes" in answer.body) == (431, True)

    def test_a_larger_head_is_431_before_its_end(self, wire: Any) -> None:
        """The problem says the limit, as any other problem does."""
        with wire.connect() as connection:
            connection.sendall(GET + wire.host + b"X-Some: " + b"a" * MAX_HEAD)
            raw = _received(connection)

        head, _, body = raw.partition(b"\r\n\r\n")
        answer = httpx.Response(431, content=body)
        assert head.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
        assert b"content-type: application/problem+json" in head
        assert f"content-length: {len(body)}".encode() in head
        assert answer.json()["detail"] == protocol.TOO_LARGE.detail
        assert f"x-request-id: {answer.json()['request_id']}".encode() in head
        assert wire.reached == []

    def test_so_are_too_many_fields(self, wire: Any) -> None:
        """An empty field takes more memory than its bytes."""
        with wire.connect() as connection:
            connection.sendall(GET + wire.host + b"a:\r\n" * (MAX_FIELDS + 1))
            raw = _received(connection)

        assert raw.startswith(b"HTTP/1.1 431 ")

    @pytest.mark.parametrize(("fields", "status"), [(MAX_FIELDS - 2, 200), (MAX_FIELDS - 1, 431)])
    def test_fields_of_a_whole_head_are_counted_too(self, wire: Any, fields: int, status: int) -> None:
        """`Host` and `Connection` are two of them."""
        answer = wire.send(GET + wire.host + CLOSE + b"a:\r\n" * fields + b"\r\n")

        assert answer.status == status

    def test_a_large_body_is_no_head(self, wire: Any) -> None:
        """Bytes of a body complete something, so only the limits of bodies hold."""
        body = b" " * (request_limits.MAX_BODY - 2) + b"{}"
        lines = b"Content-Length: %d\r\n" % len(body)

        answer = wire.send(POST.replace(b"Host: 127.0.0.1\r\n", wire.host) + CLOSE + lines + b"\r\n", body)

        assert answer.status != 431

    def test_many_requests_on_one_connection_are_no_head(self, wire: Any) -> None:
        """More bytes than the limit, in one piece and in heads that are cut anywhere."""
        one = GET + wire.host + b"\r\n"
        last = GET + wire.host + CLOSE + b"\r\n"
        all_of_them = one * (3 * MAX_HEAD // len(one)) + last

        answer = wire.send(*(all_of_them[start : start + 5000] for start in range(0, len(all_of_them), 5000)))

        assert len(wire.reached) == all_of_them.count(b"GET ")
        assert answer.status == 200


class TestTime:
    @pytest.fixture(autouse=True)
    def short(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(protocol, "HEAD_DEADLINE", 0.3)

    @pytest.fixture
    def drip(self, wire: Any) -> Callable[..., bytes]:
        """Sends a beginning, then a byte now and then. Returns what the server sends until it ends the connection."""

        def drip(begin: bytes, byte: bytes) -> bytes:
            stop = threading.Event()
            with wire.connect() as connection:
                connection.sendall(begin)

                def send() -> None:
                    while not stop.wait(0.05):
                        try:
                            connection.sendall(byte)
                        except OSError:
                            return

                thread = threading.Thread(target=send)
                thread.start()
                try:
                    return _received(connection)
                finally:
                    stop.set()
                    thread.join()

        return drip

    @pytest.mark.parametrize(
        "begin",
        [
            pytest.param(b"GET /", id="a path"),
            pytest.param(GET, id="a request line"),
            pytest.param(GET + b"X-Some: a", id="a value"),
            pytest.param(GET + b"Host: 127.0.0.1\r\n\r\n" + GET + b"X-Some: a", id="a second head"),
        ],
    )
    def test_a_slow_head_is_408(self, drip: Callable[..., bytes], begin: bytes) -> None:
        answers = drip(begin, b"a")

        assert b"HTTP/1.1 408 Request Timeout\r\n" in answers
        assert answers.endswith(b"}")

    def test_a_silent_connection_ends_without_a_word(self, wire: Any) -> None:
        """A browser opens connections before it needs them, and would take an answer for that to its next request."""
        with wire.connect() as connection:
            assert _received(connection) == b""

    def test_empty_lines_are_no_request(self, drip: Callable[..., bytes]) -> None:
        """Neither do they keep a connection open that had one."""
        one = GET + b"Host: 127.0.0.1\r\n\r\n"

        assert drip(b"", b"\r\n") == b""
        assert drip(one, b"\r\n").count(b"HTTP/1.1 ") == 1

    def test_the_rest_of_a_body_after_its_response_has_the_same_time(self, drip: Callable[..., bytes]) -> None:
        """A client that is refused early may not hold its connection by sending on."""
        begin = b"GET /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n"

        answers = drip(begin, b"a")

        assert answers.count(b"HTTP/1.1 ") == 1
        assert answers.startswith(b"HTTP/1.1 404 ")

    def test_the_time_of_a_response_does_not_count(self, wire: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """A client may send an empty line or a part of its next head while it waits."""
        go_on = threading.Event()

        async def slow(scope: Scope, _receive: Receive, send: Send) -> None:
            await until(go_on.is_set)
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        monkeypatch.setattr(wire, "app", slow)
        with wire.connect() as connection, wire.connect() as silent:
            connection.sendall(GET + wire.host + b"\r\n\r\n" + GET)
            assert _received(silent) == b""  # the deadline of a connection that began later is over
            with wire.connect() as another:
                assert _received(another) == b""
            go_on.set()
            connection.sendall(wire.host + CLOSE + b"\r\n")

            assert _received(connection).count(b"HTTP/1.1 204 ") == 2

    def test_a_connection_may_wait_for_its_next_request(self, wire: Any) -> None:
        """The deadline of a first head says nothing about the time between two requests."""
        with wire.connect() as connection, wire.connect() as silent:
            connection.sendall(GET + wire.host + b"\r\n")
            first = connection.recv(65536)
            assert _received(silent) == b""
            connection.sendall(GET + wire.host + CLOSE + b"\r\n")

            assert first.startswith(b"HTTP/1.1 200 ")
            assert _received(connection).startswith(b"HTTP/1.1 200 ")


class TestServe:
    """`imagevault serve` in a process of its own."""

    @pytest.mark.parametrize("workers", ["1", "2"])
    def test_endless_headers_take_no_memory(self, serve: Any, workers: str) -> None:
        """Ten connections send 40 MB of headers, and the server still answers. Without the limit it takes 640 MB."""
        server = serve({}, "--workers", workers).wait_until_ready()
        before = _peak_memory(server.process.pid)
        attack = [
            Endless(server.port, GET, b"X-Some: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", most=4 * 1024 * 1024)
            for _ in range(10)
        ]
        for endless in attack:
            endless.start()
        while any(endless.is_alive() for endless in attack):
            assert httpx.get(f"{server.url}/health/live", timeout=EVENT_LIMIT).status_code == 200
        for endless in attack:
            endless.join()

        assert _peak_memory(server.process.pid) - before < 64 * 1024
        assert {endless.received[:12] for endless in attack} <= {b"", b"HTTP/1.1 431"}

    def test_the_log_says_that_a_connection_was_refused(self, serve: Any) -> None:
        server = serve({"IMAGEVAULT_LOG": "json"}).wait_until_ready()
        with socket.create_connection(("127.0.0.1", server.port), timeout=EVENT_LIMIT) as connection:
            connection.sendall(GET + b"a:\r\n" * (MAX_FIELDS + 2))
            _received(connection)

        wait_until(lambda: server.lines("connection refused"), "the line")
        [line] = server.lines("connection refused")

        assert (line["status"], line["level"]) == (431, "info")


def _peak_memory(pid: int) -> int:
    """The most that a process and its children ever had resident, in KB."""
    pids = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    statuses = [Path(f"/proc/{each}/status").read_text() for each in pids]
    return sum(int(found[1]) for status in statuses if (found := re.search(r"VmHWM:\s+(\d+) kB", status)))
