"""Raw bytes, sent to a real server."""

import threading
from typing import Any

import httpx
import msgspec
import pytest

from imagevault.http import request_limits

CLOSE = b"Connection: close\r\n"
JSON = b"Content-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


class TestSmuggling:
    """Requests whose end a proxy and this server might see in different places."""

    @pytest.fixture(autouse=True)
    def begin(self, wire: Any) -> None:
        wire.reached.clear()

    @pytest.mark.parametrize(
        "headers",
        [
            pytest.param(b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", id="length and chunked"),
            pytest.param(b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", id="chunked and length"),
            pytest.param(b"Content-Length: 4\r\nContent-Length: 40\r\n", id="two lengths"),
            pytest.param(b"Content-Length: 4, 40\r\n", id="a list of lengths"),
            pytest.param(b"Content-Length: +4\r\n", id="a signed length"),
            pytest.param(b"Content-Length: -4\r\n", id="a negative length"),
            pytest.param(b"Content-Length: 0x4\r\n", id="a hexadecimal length"),
            pytest.param(b"Content-Length: 4\r\n Transfer-Encoding: chunked\r\n", id="a folded line"),
            pytest.param(b"Transfer-Encoding: xchunked\r\n", id="another coding"),
            pytest.param(b"Transfer-Encoding: chunked, identity\r\n", id="chunked is not the last coding"),
            pytest.param(b"Transfer-Encoding : chunked\r\n", id="a blank before the colon"),
            pytest.param(b"Transfer-Encoding: chunked\nContent-Length: 4\n", id="bare line feeds"),
            pytest.param(b"Content-Length: 4\rX: y\r\n", id="a bare carriage return"),
        ],
    )
    def test_an_ambiguous_request_is_refused_and_the_connection_closed(self, wire: Any, headers: bytes) -> None:
        """The response is 400, and the following bytes of the connection never become a request."""
        smuggled = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\n" + wire.host + CLOSE + b"\r\n"

        answer = wire.send(b"POST /signup HTTP/1.1\r\n" + wire.host + JSON + headers + b"\r\n" + smuggled)

        assert answer.status == 400
        assert ("GET", "/smuggled") not in wire.reached
        assert len(wire.reached) <= 1

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b"2\r\n{}XX0\r\n\r\n", id="no line end after a chunk"),
            pytest.param(b"2;\n{}\r\n0\r\n\r\n", id="a bare line feed after the size"),
            pytest.param(b"0x2\r\n{}\r\n0\r\n\r\n", id="a size with a prefix"),
            pytest.param(b"-2\r\n{}\r\n0\r\n\r\n", id="a negative size"),
            pytest.param(b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n", id="a size that overflows"),
        ],
    )
    def test_a_broken_chunk_is_refused(self, wire: Any, body: bytes) -> None:
        """The connection ends, and nothing after the broken chunk is read as a request."""
        smuggled = b"GET /smuggled HTTP/1.1\r\n" + wire.host + CLOSE + b"\r\n"

        answer = wire.send(b"POST /signup HTTP/1.1\r\n" + wire.host + JSON + CHUNKED + b"\r\n" + body + smuggled)

        assert answer.status == 400
        assert ("GET", "/smuggled") not in wire.reached

    @pytest.mark.parametrize(
        "request_line",
        [
            b"GET /pro\x00tected HTTP/1.1",
            b"GET /pro\x1b[31mtected HTTP/1.1",
            b"GET / HTTP/1.1 x",
            b"GET\t/ HTTP/1.1",
            b"G",
        ],
    )
    def test_a_request_line_that_is_none(self, wire: Any, request_line: bytes) -> None:
        """Control characters are refused before they reach the application or a log."""
        answer = wire.send(request_line + b"\r\n" + wire.host + CLOSE + b"\r\n")

        assert (answer.status, wire.reached) == (400, [])

    def test_two_good_requests_in_one_connection_are_two(self, wire: Any) -> None:
        """Control: pipelined requests are answered one by one."""
        one = b"GET /health/live HTTP/1.1\r\n" + wire.host

        answer = wire.send(one + b"\r\n" + one + CLOSE + b"\r\n")

        assert wire.reached == [("GET", "/health/live")] * 2
        assert answer.body.count(b'{"status":"ok"}') == 2

    def test_a_chunked_request_is_read(self, wire: Any) -> None:
        """Control: a valid chunked body reaches its route."""
        body = chunk(b'{"username": "wire", ') + chunk(b'"password": "violet-harbour-71"}') + b"0\r\n\r\n"

        answer = wire.send(b"POST /signup HTTP/1.1\r\n" + wire.host + CLOSE + JSON + CHUNKED + b"\r\n" + body)

        assert answer.status == 201


class TestBodies:
    def test_a_declared_body_of_50_mb_is_refused_unread(self, wire: Any) -> None:
        """The header alone decides."""
        answer = wire.send(
            b"POST /signup HTTP/1.1\r\n" + wire.host + CLOSE + JSON + b"Content-Length: 52428800\r\n\r\n"
        )

        assert answer.status == 413
        assert msgspec.json.decode(answer.body)["detail"] == "A body must be at most 65536 bytes."

    def test_a_client_that_sends_50_mb_gets_its_answer(self, wire: Any) -> None:
        """An ordinary client reads the 413 even if it goes on sending."""
        headers = {"Content-Type": "application/json"}

        answer = httpx.post(f"http://127.0.0.1:{wire.port}/signup", content=bytes(50 * 1024 * 1024), headers=headers)

        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"

    def test_a_chunked_body_of_50_mb_is_refused_at_its_cap(self, wire: Any) -> None:
        """Without a declared length, the bytes are counted as they arrive."""
        with wire.connect() as connection:
            connection.sendall(b"POST /signup HTTP/1.1\r\n" + wire.host + JSON + CHUNKED + b"\r\n")
            sent = 0
            connection.setblocking(False)
            data = chunk(b" " * 16384)
            while sent < 50 * 1024 * 1024:
                try:
                    begin = connection.recv(16)
                except BlockingIOError:
                    connection.setblocking(True)
                    connection.sendall(data)
                    connection.setblocking(False)
                    sent += len(data)
                else:
                    break

        assert begin == b"HTTP/1.1 413 Req"

    def test_a_slow_body_ends_at_its_deadline(self, wire: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """A client that sends a byte now and then gets 408, and its connection is closed."""
        monkeypatch.setattr(request_limits, "BODY_DEADLINE", 0.5)
        with wire.connect() as connection:
            connection.sendall(b"POST /signup HTTP/1.1\r\n" + wire.host + JSON + b"Content-Length: 100\r\n\r\n{")
            stop = threading.Event()

            def drip() -> None:
                while not stop.wait(0.1):
                    try:
                        connection.sendall(b" ")
                    except OSError:
                        return

            thread = threading.Thread(target=drip)
            thread.start()
            received = bytearray()
            try:
                while part := connection.recv(65536):
                    received += part
            finally:
                stop.set()
                thread.join()

        assert received.startswith(b"HTTP/1.1 408 ")
        assert b'"status":408' in received

    def test_500_slow_clients_do_not_keep_others_out(self, wire: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Other clients are served in the meantime. At the deadline, all slow clients get 408."""
        monkeypatch.setattr(request_limits, "BODY_DEADLINE", 2.0)
        head = b"POST /signup HTTP/1.1\r\n" + wire.host + JSON + b"Content-Length: 100\r\n\r\n{"
        slow = [wire.connect() for _ in range(500)]
        try:
            for connection in slow:
                connection.sendall(head)

            answer = wire.send(b"GET /health/ready HTTP/1.1\r\n" + wire.host + CLOSE + b"\r\n")
            statuses = {connection.recv(12) for connection in slow}

            assert (answer.status, statuses) == (200, {b"HTTP/1.1 408"})
        finally:
            for connection in slow:
                connection.close()


class TestHeaders:
    def test_no_word_on_what_runs_here(self, wire: Any) -> None:
        """Neither the server nor the framework names itself."""
        answer = wire.send(b"GET /health/live HTTP/1.1\r\n" + wire.host + CLOSE + b"\r\n")

        assert not {"server", "x-powered-by"} & answer.headers.keys()

    @pytest.mark.parametrize(
        ("target", "filler", "status"),
        [
            (b"/", b"X-Long: " + b"a" * 17_000 + b"\r\n", 431),
            (b"/", b"X-Some: a\r\n" * 3_000, 431),
            (b"/" + b"a" * 9_000, b"", 414),
            (b"/?" + b"a" * 9_000, b"", 414),
            (b"/%ff", b"", 400),
            (b"/%00", b"", 400),
            (b"/\xff", b"", 400),
            (b"/search?q=%ff", b"", 400),
        ],
    )
    def test_caps_and_characters(self, wire: Any, target: bytes, filler: bytes, status: int) -> None:
        """A real server refuses the same requests as the server in this process."""
        answer = wire.send(b"GET " + target + b" HTTP/1.1\r\n" + wire.host + CLOSE + filler + b"\r\n")

        assert answer.status == status

    @pytest.mark.parametrize("path", [b"/health/live", b"/docs", b"/nothing", b"/protected", b"/docs/openapi.json"])
    def test_head_is_get_without_a_body(self, wire: Any, path: bytes) -> None:
        """Status, type and length are the same, and no byte follows the headers."""
        rest = path + b" HTTP/1.1\r\n" + wire.host + CLOSE + b"X-Request-ID: a\r\n\r\n"

        head, get = wire.send(b"HEAD " + rest), wire.send(b"GET " + rest)

        told = ("content-type", "content-length", "content-security-policy", "www-authenticate")
        assert (head.status, head.body) == (get.status, b"")
        assert [head.headers.get(name) for name in told] == [get.headers.get(name) for name in told]
        assert len(get.body) == int(get.headers["content-length"])

    def test_http_1_0_without_a_host_is_told_so(self, wire: Any) -> None:
        """The response to an old client gives the reason."""
        answer = wire.send(b"GET /health/live HTTP/1.0\r\n\r\n")

        assert (answer.status, msgspec.json.decode(answer.body)["detail"]) == (400, "Host: must be sent once")

    def test_another_host_in_the_request_line_changes_nothing(self, wire: Any) -> None:
        """Of the absolute form, only the path counts. The Host header decides."""
        line = b"GET http://evil.example/health/live HTTP/1.1\r\n"

        assert wire.send(line + wire.host + CLOSE + b"\r\n").status == 200
        assert wire.send(line + b"Host: evil.example\r\n" + CLOSE + b"\r\n").status == 400
