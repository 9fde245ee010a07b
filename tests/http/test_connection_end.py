"""Connections that the server ends while the client is still sending: the client gets the response."""

import json
import socket
import threading
from typing import Any

import pytest

from imagevault.http import protocol, request_limits
from imagevault.http.request_limits import MAX_FIELDS
from imagevault.http.types import Receive, Scope, Send
from tests.http.conftest import read
from tests.support.waiting import EVENT_LIMIT, until, wait_until

CLOSE = b"Connection: close\r\n"
GET = b"GET /health/live HTTP/1.1\r\n"
CHUNKED = b"POST /signup HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
BODY = b"a" * 60_000  # bytes; within the limit of a body
AHEAD = b"a" * 70_000  # bytes; uvicorn reads 65 536 ahead
MUCH = 64 * 1024 * 1024  # bytes; far more than what the sockets of both sides buffer


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "LINGER", 10 * EVENT_LIMIT)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        pytest.param(b"POST /nothing HTTP/1.1\r\nContent-Length: 60000\r\n" + CLOSE, 404, id="close"),
        pytest.param(b"POST /nothing HTTP/1.0\r\nContent-Length: 60000\r\n", 404, id="HTTP/1.0"),
        pytest.param(b"POST /signup HTTP/1.1\r\nContent-Length: 99999999\r\n" + CLOSE, 413, id="too large"),
    ],
)
def test_the_rest_of_a_body_does_not_reset_it(wire: Any, head: bytes, status: int) -> None:
    with wire.connect() as connection:
        connection.sendall(head + wire.host + b"\r\n")
        answer = read(connection)
        connection.sendall(BODY)
        connection.sendall(BODY)

        assert answer.status == status
        _assert_ends_in_order(wire, connection)


@pytest.mark.parametrize(
    "begin",
    [
        pytest.param(b"GET http://[::bad HTTP/1.1\r\n\r\n", id="no address"),
        pytest.param(b"FROB / HTTP/1.1\r\n\r\n", id="no method"),
        pytest.param(b"\x16\x03\x01", id="no HTTP"),
    ],
)
def test_what_is_no_request_is_400(wire: Any, begin: bytes) -> None:
    """As a problem, like any other error."""
    with wire.connect() as connection:
        connection.sendall(begin)
        answer = read(connection)
        connection.sendall(BODY)

        assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
        assert json.loads(answer.body)["detail"] == protocol.MALFORMED.detail
        _assert_ends_in_order(wire, connection)


def test_a_malformed_body_is_400(wire: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app is reading it, and has not answered: it ends as for a client that is gone."""
    monkeypatch.setattr(request_limits, "BODY_DEADLINE", 10 * EVENT_LIMIT)

    with wire.connect() as connection:
        wire.reached.clear()
        connection.sendall(CHUNKED + wire.host + b"\r\n")
        wait_until(lambda: wire.reached, "the app")
        connection.sendall(b"zz\r\n")
        answer = read(connection)

        assert (answer.status, json.loads(answer.body)["detail"]) == (400, protocol.MALFORMED.detail)
        wait_until(lambda: not wire.server.server_state.tasks, "the end of the app")


def test_a_body_that_breaks_after_more_than_is_read_ahead(wire: Any) -> None:
    """Reading pauses while the app has not taken what is there. After the response, it goes on."""
    chunk = b"%x\r\n" % len(AHEAD) + AHEAD + b"\r\n"
    with wire.connect() as connection:
        connection.sendall(CHUNKED + wire.host + b"\r\n" + chunk + b"zz\r\n")
        answer = read(connection)
        connection.sendall(BODY)

        assert answer.status in {400, 413}  # 413 where the app sees the chunk before the rest arrives
        _assert_ends_in_order(wire, connection)


def test_a_body_that_breaks_after_its_response_gets_no_second_one(wire: Any) -> None:
    head = b"POST /nothing HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
    with wire.connect() as connection:
        connection.sendall(head + wire.host + b"\r\n")
        received = connection.recv(65536)
        connection.sendall(b"zz\r\n")
        while part := connection.recv(65536):
            received += part

        assert received.startswith(b"HTTP/1.1 404 ")
        assert received.count(b"HTTP/1.1 ") == 1
        _assert_ends_in_order(wire, connection)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(b"FROB / HTTP/1.1\r\n\r\n", id="no method"),
        pytest.param(GET + b"a:\r\n" * (MAX_FIELDS + 2), id="too many fields"),
    ],
)
def test_requests_before_a_wrong_one_are_answered(wire: Any, wrong: bytes) -> None:
    """The wrong one only ends the connection: the client would take words about it for another response."""
    one = GET + wire.host + b"\r\n"
    with wire.connect() as connection:
        connection.sendall(one + one + one + wrong)
        answers = bytearray()
        while part := connection.recv(65536):
            answers += part
        connection.sendall(BODY)

        assert answers.count(b"HTTP/1.1 200 ") == answers.count(b"HTTP/1.1 ") == 3
        assert answers.endswith(b'{"status":"ok"}')
        assert answers.count(b"connection: close") == 1
        _assert_ends_in_order(wire, connection)


def test_what_follows_a_wrong_request_is_not_read(wire: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while the response to an earlier one is under way."""
    go_on = threading.Event()

    async def slow(_scope: Scope, _receive: Receive, send: Send) -> None:
        await until(go_on.is_set)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    monkeypatch.setattr(wire, "app", slow)
    with wire.connect() as connection:
        connection.sendall(GET + wire.host + b"\r\nFROB / HTTP/1.1\r\n\r\n")
        server_side = _server_side(wire, connection)
        wait_until(lambda: server_side._is_discarding, "the wrong request")
        connection.sendall(BODY)
        wait_until(lambda: server_side._discarded == len(BODY), "what follows it")
        go_on.set()

        assert read(connection).status == 204
        _assert_ends_in_order(wire, connection)


def test_a_client_that_stays_is_closed(wire: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "LINGER", 0.2)
    with wire.connect() as connection:
        connection.sendall(b"FROB")
        assert read(connection).status == 400

        wait_until(lambda: _is_reset(connection), "the end of the connection")


def test_a_client_that_sends_on_is_closed(wire: Any) -> None:
    with wire.connect() as connection:
        connection.sendall(b"FROB")
        assert read(connection).status == 400

        with pytest.raises(OSError, match=r"Connection reset|Broken pipe"):
            connection.sendall(MUCH * b"a")


def _server_side(wire: Any, connection: socket.socket) -> Any:
    """Return the server's protocol of a connection, as soon as there is one."""
    address = connection.getsockname()

    def of_connection() -> list[Any]:
        return [each for each in list(wire.server.server_state.connections) if each.client == address]

    wait_until(of_connection, "the connection")
    return of_connection()[0]


def _is_reset(connection: socket.socket) -> bool:
    """Send a byte. Return whether the server has closed the connection."""
    try:
        connection.sendall(b"a")
    except OSError:
        return True
    return False


def _assert_ends_in_order(wire: Any, connection: socket.socket) -> None:
    """Close our side: the server closes its own without a reset, and no byte follows."""
    connection.shutdown(socket.SHUT_WR)
    assert connection.recv(1) == b""
    wait_until(lambda: not wire.server.server_state.connections, "the end of the connection")
    assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
