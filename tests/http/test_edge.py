"""The edge as a whole: methods, its single pass over the request, and unexpected errors."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest


class TestMethods:
    @pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/docs", "/nothing", "/docs-assets/docs.js"])
    async def test_head_is_get_without_a_body(self, api: Any, path: str) -> None:
        """Status and headers are the same, the length included."""
        head, get = await api.client.head(path), await api.get(path)

        told = ("content-type", "content-length", "cache-control", "content-security-policy")
        assert (head.status_code, head.content) == (get.status_code, b"")
        assert [head.headers.get(name) for name in told] == [get.headers.get(name) for name in told]

    async def test_head_sends_no_body_whatever_the_server_does(self, api: Any, ask: Any) -> None:
        """The edge leaves the body out, in case the ASGI server does not."""
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        for path in ("/health/live", "/docs", "/nothing"):
            await ask(api.app, headers=[(b"host", b"127.0.0.1")], path=path, method="HEAD", send=send)

        assert b"".join(message.get("body", b"") for message in sent) == b""
        assert len([message for message in sent if message["type"] == "http.response.start"]) == 3

    async def test_head_asks_for_a_credential_too(self, api: Any) -> None:
        """Guards treat HEAD like GET."""
        assert (await api.client.head("/protected")).status_code == 401
        assert (await api.client.head("/protected", headers=api.headers)).status_code == 200

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("POST", "/protected", {"GET", "HEAD", "OPTIONS"}),
            ("DELETE", "/search", {"GET", "HEAD", "OPTIONS"}),
            ("GET", "/signup", {"POST", "OPTIONS"}),
            ("HEAD", "/signup", {"POST", "OPTIONS"}),
            ("TRACE", "/docs", {"GET", "HEAD", "OPTIONS"}),
            ("BREW", "/downloads", {"GET", "HEAD", "OPTIONS"}),
            ("POST", "/health/live", {"GET", "HEAD"}),
            ("OPTIONS", "/health/ready", {"GET", "HEAD"}),
        ],
    )
    async def test_what_is_not_possible_names_what_is(
        self, api: Any, method: str, path: str, allowed: set[str]
    ) -> None:
        """A 405 has an Allow header."""
        answer = await api.client.request(method, path, headers=api.headers)

        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == allowed

    @pytest.mark.parametrize(
        ("path", "allowed"),
        [
            ("/protected", "GET, HEAD, OPTIONS"),
            ("/search?q=fox", "GET, HEAD, OPTIONS"),
            ("/signup", "OPTIONS, POST"),
            ("/downloads?limit=3", "GET, HEAD, OPTIONS"),
            ("/docs", "GET, HEAD, OPTIONS"),
        ],
    )
    async def test_options_says_what_is_possible(self, api: Any, path: str, allowed: str) -> None:
        """Anyone may ask, and the response has no body."""
        answer = await api.client.options(path)

        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["allow"] == allowed

    async def test_websockets_are_closed(self, api: Any, edge_of: Any) -> None:
        """The server has none."""
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        await edge_of(api)({"type": "websocket", "path": "/", "headers": []}, asyncio.Event().wait, send)

        assert sent == [{"type": "websocket.close", "code": 1000}]


class TestUnexpected:
    async def test_an_error_after_the_answer_began_is_passed_on(
        self, start: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, ask: Any, edge_of: Any
    ) -> None:
        """The server must cut the connection, because the response has begun, and the log has the cause."""
        edge = edge_of(await start())

        async def failing(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"a part", "more_body": True})
            raise KeyError("the cause")

        monkeypatch.setattr(edge, "app", failing)
        with pytest.raises(KeyError):
            await ask(edge, headers=[(b"host", b"127.0.0.1")], path="/docs")

        assert "failed after the answer began" in caplog.text
        assert "the cause" in caplog.text

    async def test_an_error_before_the_body_is_a_problem(
        self, start: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, edge_of: Any
    ) -> None:
        """Nothing was sent yet, so the caller gets the whole problem, and the log names the status that was sent."""
        api = await start()
        edge = edge_of(api)

        async def failing(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"x-of", b"the response")]})
            raise KeyError("the cause")

        monkeypatch.setattr(edge, "app", failing)
        with caplog.at_level(logging.INFO, "imagevault.http.access_log"):
            answer = await api.get("/docs")

        assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
        assert answer.headers["x-request-id"] == answer.json()["request_id"]
        assert "x-of" not in answer.headers
        assert "the cause" in caplog.text
        assert edge.access_log._waiting[-1].status == 500

    async def test_an_error_in_the_edge_itself_is_a_problem(
        self, start: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, edge_of: Any
    ) -> None:
        """The caller learns the request id only, and the log has the cause under that id."""
        api = await start()

        def failing() -> None:
            raise KeyError("the cause")

        monkeypatch.setattr(edge_of(api), "use_database", failing)
        answer = await api.get("/health/live")

        assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
        assert "the cause" not in answer.text
        assert "the cause" in caplog.text
        assert answer.json()["request_id"] in caplog.text

    async def test_a_client_that_leaves_in_the_middle_of_its_body(
        self, start: Any, caplog: pytest.LogCaptureFixture, edge_of: Any, raw_scope: Any
    ) -> None:
        """It is no error of the server: nothing is logged but the request."""
        api = await start()
        messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])

        async def receive() -> Any:
            return next(messages)

        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]
        scope = raw_scope(headers, method="POST", path="/signup")
        await edge_of(api)(scope, receive, send)

        assert [message["status"] for message in sent if "status" in message] == [400]
        assert [record for record in caplog.records if record.levelno > logging.INFO] == []


class CountedHeaders(list[tuple[bytes, bytes]]):
    """Headers that count how often they are iterated."""

    reads = 0

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        self.reads += 1
        return super().__iter__()


class TestOnePass:
    @pytest.mark.parametrize(
        ("path", "host", "status"),
        [("/health/live", b"127.0.0.1", 200), ("/health/ready", b"127.0.0.1", 200), ("/docs", b"evil.example", 400)],
    )
    async def test_the_headers_are_read_once(self, api: Any, ask: Any, path: str, host: bytes, status: int) -> None:
        """All duties work on the one `RequestHead`."""
        headers = CountedHeaders([(b"host", host), (b"x-request-id", b"a"), (b"origin", b"https://a.example")])

        assert await ask(api.app, headers=headers, path=path) == status
        assert headers.reads == 1

    async def test_the_scope_of_the_server_stays_as_it_was(self, api: Any, raw_scope: Any) -> None:
        """The scope belongs to the ASGI server, so the edge works on a copy."""
        scope = raw_scope([(b"host", b"127.0.0.1")], method="HEAD")
        before = dict(scope)

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            pass

        await api.app(scope, receive, send)

        assert scope == before

    async def test_routes_find_one_context(self, api: Any, monkeypatch: pytest.MonkeyPatch, ask: Any) -> None:
        """It holds the results of all duties. Litestar reads `user`."""
        credential = api.headers["Authorization"].encode()
        scopes: list[Any] = []

        async def answer(scope: Any, receive: Any, send: Any) -> None:
            scopes.append(scope)
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        monkeypatch.setattr(api.app, "app", answer)
        headers = [(b"host", b"127.0.0.1"), (b"authorization", credential), (b"x-request-id", b"mine")]
        await ask(api.app, headers=headers, path="/docs", method="HEAD", client=("2001:db8::7", 1))

        [scope] = scopes
        context = scope["imagevault"]
        assert (context.request_id, context.network, context.status) == ("mine", "2001:db8::", 200)
        assert (context.caller.username, context.bad_credential) == ("ada", False)
        assert scope["user"] is context.caller
        assert (context.head.method, scope["method"]) == ("HEAD", "GET")
        assert not [key for key in scope if key.startswith("imagevault.")]
