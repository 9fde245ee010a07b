"""The outermost layer: what every request and every answer has."""

import asyncio
from typing import Any

import pytest

from imagevault.http.edge import MAX_BODY, MAX_HEADERS, MAX_TARGET

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ORIGIN = "https://app.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
# One of each kind of answer: method, path, status.
ANSWERS = [
    ("GET", "/health/live", 200),
    ("GET", "/health/ready", 200),
    ("GET", "/docs", 200),
    ("GET", "/docs/openapi.json", 200),
    ("GET", "/docs-assets/docs.js", 200),
    ("GET", "/docs-assets/nothing", 404),
    ("GET", "/nothing", 404),
    ("GET", "/a%ff", 400),
    ("GET", "/?" + "a" * 9000, 414),
    ("GET", "/protected", 401),
    ("GET", "/media/local/original/fox?expires=1&signature=x", 403),
    ("POST", "/protected", 405),
    ("POST", "/health/live", 405),
    ("OPTIONS", "/protected", 204),
    ("POST", "/signup", 415),
    ("HEAD", "/protected", 401),
]


async def ask(
    app: Any, *, headers: list[tuple[bytes, bytes]], path: str = "/health/live", send: Any = None, **more: Any
) -> int:
    """The status that a request of these raw headers gets; `send` is given every message."""
    sent: list[Any] = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "state": {},
        **more,
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def keep(message: Any) -> None:
        sent.append(message)
        if send is not None:
            await send(message)

    await app(scope, receive, keep)
    return int(sent[0]["status"])


def app_of(api: Any) -> Any:
    """The server itself, behind its client."""
    return api.client._transport.app


class TestEveryAnswer:
    @pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
    async def test_has_the_headers_of_every_answer(self, api: Any, method: str, path: str, status: int) -> None:
        """Errors, health and pages too: an id, a timing, and what keeps a browser from guessing."""
        answer = await api.client.request(method, path)

        assert answer.status_code == status
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["permissions-policy"].startswith("camera=(), geolocation=()")
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cache-control"] in {"no-store", "public, max-age=86400"}
        assert answer.headers["server-timing"].startswith("total;dur=")
        assert answer.headers["x-request-id"]
        assert not {"server", "strict-transport-security", "access-control-allow-origin"} & answer.headers.keys()

    @pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
    async def test_has_each_header_once(self, api: Any, method: str, path: str, status: int) -> None:
        """What a route sets itself is not set again."""
        names = [name.lower() for name, _ in (await api.client.request(method, path)).headers.raw]

        assert sorted(names) == sorted(set(names))

    async def test_tells_browsers_to_stay_on_https(self, start: Any) -> None:
        """Where the public address is https, HSTS is sent."""
        api = await start({"IMAGEVAULT_PUBLIC_URL": "https://images.example"})

        answer = await api.get("/health/live")

        assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


class TestRequestId:
    @pytest.mark.parametrize("given", ["a", "A.b-c_9", "x" * 64])
    async def test_a_well_formed_one_is_taken(self, api: Any, given: str) -> None:
        """A proxy's id goes through, so that logs can be joined."""
        answer = await api.get("/nothing", headers={"X-Request-ID": given})

        assert (answer.headers["x-request-id"], answer.json()["request_id"]) == (given, given)

    @pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a;b", "a\tb", "ä", '"a"', "<script>"])
    async def test_any_other_is_replaced(self, api: Any, given: str) -> None:
        """What could break a log or a page is not repeated."""
        answer = await api.get("/nothing", headers={"X-Request-ID": given.encode("latin-1")})

        assert len(answer.headers["x-request-id"]) == 16
        assert answer.headers["x-request-id"] == answer.json()["request_id"]

    async def test_each_request_gets_its_own(self, api: Any) -> None:
        """No two requests share one."""
        ids = {(await api.get("/health/live")).headers["x-request-id"] for _ in range(20)}

        assert len(ids) == 20


class TestHost:
    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1:8000",
            "127.0.0.1",
            "127.0.0.1:9",
            "localhost",
            "LOCALHOST:8000",
            "localhost.",
            "[::1]",
            "[::1]:8000",
            "images.example",
            "Images.Example:443",
            "other.example",
            "[2001:db8::7]:8080",
        ],
    )
    async def test_own_names_are_answered(self, start: Any, host: str) -> None:
        """Loopback, the public address and `allowed_hosts`, whatever the port and letter case."""
        hosts = {"IMAGEVAULT_ALLOWED_HOSTS": "other.example, [2001:db8::7]"}
        api = await start({"IMAGEVAULT_PUBLIC_URL": "http://images.example:8443", **hosts})

        answer = await api.get("/health/live", headers={"Host": host})

        assert answer.status_code == 200

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "imagesXexample",
            "images.example.evil.example",
            "evil-images.example",
            "images.example@evil.example",
            "evil.example:80@images.example",
            "images.example:80:80",
            "images.example:http",
            "images.example/",
            "images.example,evil.example",
            "127.0.0.2",
            "[::2]",
            "::1",
            "[::1",
            "0x7f000001",
            "",
            ".",
            ":8000",
            "imäges.example",
        ],
    )
    async def test_any_other_is_refused(self, start: Any, host: str) -> None:
        """A name that somebody else pointed at this server (DNS rebinding) gets nothing."""
        api = await start({"IMAGEVAULT_PUBLIC_URL": "https://images.example"})

        answer = await api.get("/health/live", headers={"Host": host.encode()})

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "Host"

    @pytest.mark.parametrize("hosts", [[], ["127.0.0.1", "127.0.0.1"], ["127.0.0.1", "evil.example"]])
    async def test_none_or_two_are_refused(self, api: Any, hosts: list[str]) -> None:
        """One request, one host."""
        status = await ask(app_of(api), headers=[(b"host", host.encode()) for host in hosts])

        assert status == 400

    async def test_links_are_made_from_the_public_address(self, start: Any) -> None:
        """The Host header never gets into an answer."""
        api = await start({"IMAGEVAULT_PUBLIC_URL": "https://images.example"})
        headers = await api.sign_in()

        answer = await api.get("/search?q=mountain&provider=local&per_page=1", headers=headers)

        assert "127.0.0.1" not in answer.text + answer.headers["link"]
        assert "https://images.example/media/local/" in answer.text


class TestOwnSecret:
    """A server that made its secret itself is for this machine only."""

    @pytest.mark.parametrize("server", ["127.0.0.1", "127.8.9.1", "::1"])
    async def test_loopback_is_served(self, start: Any, server: str) -> None:
        """Connections that arrive at a loopback address are answered."""
        api = await start({"SECRET_KEY": ""})

        assert await ask(app_of(api), headers=[(b"host", b"127.0.0.1")], server=(server, 8000)) == 200

    @pytest.mark.parametrize("server", [("192.0.2.1", 8000), ("0.0.0.0", 8000), ("2001:db8::1", 8000), None])
    async def test_any_other_address_is_refused(self, start: Any, server: tuple[str, int] | None) -> None:
        """`uvicorn --host 0.0.0.0` starts, but serves no other machine."""
        api = await start({"SECRET_KEY": ""})

        assert await ask(app_of(api), headers=[(b"host", b"127.0.0.1")], server=server) == 503

    async def test_with_a_given_secret_every_address_is_served(self, api: Any) -> None:
        """The rule is about the secret, not about the address."""
        assert await ask(app_of(api), headers=[(b"host", b"127.0.0.1")], server=("192.0.2.1", 8000)) == 200


class TestCaps:
    async def test_headers(self, api: Any) -> None:
        """431 above the cap, and not at it."""
        rest = len("host127.0.0.1:8000")
        fits = [(b"host", b"127.0.0.1:8000"), (b"x", b"a" * (MAX_HEADERS - rest - 1))]

        assert await ask(app_of(api), headers=fits) == 200
        assert await ask(app_of(api), headers=[*fits, (b"y", b"")]) == 431

    async def test_target(self, api: Any) -> None:
        """414 above the cap, and not at it; path and query count together."""
        half = MAX_TARGET // 2

        fits = await api.get("/" + "a" * (half - 1) + "?" + "b" * half)
        longer = await api.get("/" + "a" * (half - 1) + "?" + "b" * (half + 1))

        assert (fits.status_code, longer.status_code) == (404, 414)

    @pytest.mark.parametrize("declared", [True, False])
    async def test_body(self, api: Any, declared: bool) -> None:
        """413 above the cap, and not at it, whether the length is declared or not."""

        async def body(size: int) -> Any:
            for _ in range(0, size, 1024):
                yield b" " * 1024
            yield b" " * (size % 1024)

        def content(size: int) -> Any:
            return b" " * size if declared else body(size)

        fits = await api.post("/signup", content=content(MAX_BODY), headers=JSON)
        larger = await api.post("/signup", content=content(MAX_BODY + 1024), headers=JSON)

        assert (fits.status_code, larger.status_code) == (400, 413)

    @pytest.mark.parametrize(
        ("length", "status"), [(b"65537", 413), (b"9" * 5000, 413), (b"-1", 400), (b"1e3", 400), (b"", 400)]
    )
    async def test_declared_lengths(self, api: Any, length: bytes, status: int) -> None:
        """A length that is none is 400; a huge one is 413, however many digits it has."""
        headers = [(b"host", b"127.0.0.1"), (b"content-length", length)]

        assert await ask(app_of(api), headers=headers) == status


class TestCharacters:
    @pytest.mark.parametrize(
        "target", ["/a%ff", "/%c3", "/images/local:%ed%a0%80", "/search?q=%ff", "/search?%ff=q", "/search?q=a%c0%af"]
    )
    async def test_what_is_not_utf_8_is_refused(self, api: Any, target: str) -> None:
        """Never replaced silently: 400 says what would be right."""
        answer = await api.get(target)

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["message"] == "must be UTF-8, percent-encoded"

    @pytest.mark.parametrize("target", ["/a%00", "/%00", "/search?q=%00", "/search?q=a%00b", "/search?%00=q"])
    async def test_nul_is_refused_in_path_and_query(self, api: Any, target: str) -> None:
        """PostgreSQL keeps no NUL: 400 here, not an error there."""
        answer = await api.get(target)

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["message"] == "a NUL character is not allowed"

    @pytest.mark.parametrize("note", [rb"\u0000", rb"a\\\u0000b", b"\0", rb"\\\\\u0000"])
    async def test_nul_is_refused_in_json(self, api: Any, note: bytes) -> None:
        """Raw or escaped."""
        headers = {**api.headers, **JSON}

        answer = await api.post(
            "/download", content=b'{"url": "https://a.example/", "note": "' + note + b'"}', headers=headers
        )

        assert (answer.status_code, answer.json()["detail"]) == (400, "body: a NUL character is not allowed")

    @pytest.mark.parametrize("note", ["100%00", r"\u0000", "\\\\u0000", "%2500", "ä\U0001f600"])
    async def test_what_only_looks_like_nul_is_kept(self, api: Any, note: str) -> None:
        """In JSON, a percent sign is one, and an escaped backslash escapes nothing else."""
        answer = await api.post("/download", json={"url": "https://a.example/", "note": note}, headers=api.headers)

        assert (answer.status_code, answer.json()["note"]) == (201, note)

    @pytest.mark.parametrize("password", [b"%00", b"a%00b", b"\0"])
    async def test_nul_is_refused_in_forms(self, api: Any, password: bytes) -> None:
        """Percent-encoded or raw."""
        answer = await api.post("/token", content=b"username=ada&password=" + password, headers=FORM)

        assert (answer.status_code, answer.json()["detail"]) == (400, "body: a NUL character is not allowed")

    async def test_what_only_looks_like_nul_in_forms_is_read(self, api: Any) -> None:
        """In a form, a JSON escape is six characters, and %2500 is a percent sign and two digits."""
        answer = await api.post("/token", content=rb"username=ada&password=\u0000%2500", headers=FORM)

        assert answer.status_code == 401

    @pytest.mark.parametrize("form", [b"username=%ff&password=a", b"username=ada&password=\xff", b"%ff=&username=a"])
    async def test_a_form_that_is_not_utf_8_is_refused(self, api: Any, form: bytes) -> None:
        """400, not a password with replaced characters."""
        answer = await api.post("/token", content=form, headers=FORM)

        assert (answer.status_code, answer.json()["detail"]) == (400, "The body is not valid UTF-8.")


class TestMethods:
    @pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/docs", "/nothing", "/docs-assets/docs.js"])
    async def test_head_is_get_without_a_body(self, api: Any, path: str) -> None:
        """The same status and headers, the length included."""
        head, get = await api.client.head(path), await api.get(path)

        told = ("content-type", "content-length", "cache-control", "content-security-policy")
        assert (head.status_code, head.content) == (get.status_code, b"")
        assert [head.headers.get(name) for name in told] == [get.headers.get(name) for name in told]

    async def test_head_sends_no_body_whatever_the_server_does(self, api: Any) -> None:
        """It is we who leave it out; a server that left it to us would send it."""
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        for path in ("/health/live", "/docs", "/nothing"):
            await ask(api.app, headers=[(b"host", b"127.0.0.1")], path=path, method="HEAD", send=send)

        assert b"".join(message.get("body", b"") for message in sent) == b""
        assert len([message for message in sent if message["type"] == "http.response.start"]) == 3

    async def test_head_asks_for_a_credential_too(self, api: Any) -> None:
        """A HEAD is a GET for guards as well."""
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
        """405 comes with Allow."""
        answer = await api.client.request(method, path, headers=api.headers)

        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == allowed

    @pytest.mark.parametrize("path", ["/protected", "/search?q=fox", "/signup", "/downloads?limit=3", "/docs"])
    async def test_options_says_what_is_possible(self, api: Any, path: str) -> None:
        """To anyone, with nothing else in it."""
        answer = await api.client.options(path)

        assert (answer.status_code, answer.content) == (204, b"")
        assert "OPTIONS" in answer.headers["allow"]

    async def test_websockets_are_closed(self, api: Any) -> None:
        """There are none here."""
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        await app_of(api)({"type": "websocket", "path": "/", "headers": []}, asyncio.Event().wait, send)

        assert sent == [{"type": "websocket.close", "code": 1000}]


class TestCors:
    async def test_is_off_by_default(self, api: Any) -> None:
        """No other origin may read an answer."""
        for answer in (
            await api.get("/health/live", headers={"Origin": ORIGIN}),
            await api.client.options("/download", headers={"Origin": ORIGIN, **PREFLIGHT}),
        ):
            assert not [name for name in answer.headers if name.startswith("access-control-")]
            assert "vary" not in answer.headers

    async def test_a_preflight_of_an_allowed_origin(self, start: Any) -> None:
        """It is told the methods and headers, without a credential, and never that cookies may come."""
        api = await start({"IMAGEVAULT_CORS_ORIGINS": ORIGIN})

        answer = await api.client.options("/download", headers={"Origin": ORIGIN, **PREFLIGHT})

        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "POST" in answer.headers["access-control-allow-methods"].split(", ")
        assert {"Authorization", "Content-Type"} <= set(answer.headers["access-control-allow-headers"].split(", "))
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in answer.headers

    @pytest.mark.parametrize(
        ("path", "status"), [("/health/live", 200), ("/protected", 401), ("/nothing", 404), ("/search?q=%ff", 400)]
    )
    async def test_an_allowed_origin_may_read_the_answer(self, start: Any, path: str, status: int) -> None:
        """Errors too: a page that cannot read why cannot tell its user."""
        api = await start({"IMAGEVAULT_CORS_ORIGINS": f"https://other.example, {ORIGIN}"})

        answer = await api.get(path, headers={"Origin": ORIGIN})

        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "X-Request-ID" in answer.headers["access-control-expose-headers"].split(", ")
        assert answer.headers["vary"] == "Origin"

    @pytest.mark.parametrize(
        "origin",
        [
            "https://appXexample",
            "https://app.example.evil.example",
            "http://app.example",
            "https://app.example:8443",
            "https://APP.example",
            "https://evil.example",
            "null",
            "*",
            "",
        ],
    )
    async def test_another_origin_may_not(self, start: Any, origin: str) -> None:
        """Origins are compared as they are, letter by letter; caches are told that the answer depends on it."""
        api = await start({"IMAGEVAULT_CORS_ORIGINS": ORIGIN})

        plain = await api.get("/health/live", headers={"Origin": origin})
        preflight = await api.client.options("/download", headers={"Origin": origin, **PREFLIGHT})

        for answer in (plain, preflight):
            assert not [name for name in answer.headers if name.startswith("access-control-")]
            assert answer.headers["vary"] == "Origin"

    async def test_the_answer_depends_on_the_origin_also_where_none_is_given(self, start: Any) -> None:
        """A cache must not hand an answer without the headers to a page that needs them."""
        api = await start({"IMAGEVAULT_CORS_ORIGINS": ORIGIN})

        assert (await api.get("/health/live")).headers["vary"] == "Origin"


class TestUnexpected:
    async def test_an_error_after_the_answer_began_is_passed_on(
        self, start: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        """What has been sent cannot be taken back: the server must cut the connection, and the log tells why."""
        api = await start()
        envelope = app_of(api)

        async def failing(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            raise KeyError("the cause")

        envelope.app = failing
        with pytest.raises(KeyError):
            await ask(envelope, headers=[(b"host", b"127.0.0.1")])

        assert "failed after the answer began" in caplog.text
        assert "the cause" in caplog.text

    async def test_an_error_in_the_edge_itself_is_a_problem(
        self, start: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Also where no route is reached yet, a caller is told no more than the id, which the log knows."""
        api = await start()

        def failing() -> None:
            raise KeyError("the cause")

        monkeypatch.setattr(app_of(api), "use_database", failing)
        answer = await api.get("/health/live")

        assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
        assert "the cause" not in answer.text
        assert "the cause" in caplog.text
        assert answer.json()["request_id"] in caplog.text

    async def test_a_client_that_leaves_in_the_middle_of_its_body(
        self, start: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It is no error of ours: nothing is done, and nothing is logged."""
        api = await start()
        messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])

        async def receive() -> Any:
            return next(messages)

        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/signup",
            "raw_path": b"/signup",
            "query_string": b"",
            "headers": [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8000),
            "state": {},
        }
        await app_of(api)(scope, receive, send)

        assert [message["status"] for message in sent if "status" in message] == [400]
        assert not caplog.records
