"""Every error is a problem (RFC 9457) that says what would be right and discloses nothing else."""

from typing import Any

import msgspec
import pytest

from imagevault import errors
from imagevault.errors import DatabaseUnavailable
from imagevault.http.problems import Problem, describe
from imagevault.http.request import RequestContext, RequestHead
from tests.support.linear_time import is_linear_async

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
LONG = "a" * 20_000


def check(answer: Any, status: int, title: str) -> Any:
    """Checks what all problems have in common, and returns the problem of a response."""
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["title"] == title
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem.keys() <= {"title", "status", "detail", "request_id", "type", "errors", "providers"}
    assert answer.headers["cache-control"] == "no-store"
    for word in ("Traceback", "imagevault/", "site-packages", "Error(", "litestar", "msgspec"):
        assert word not in answer.text
    return problem


def with_context(scope: dict[str, Any]) -> dict[str, Any]:
    """The scope as the edge passes it on, with the request id `a`."""
    return {**scope, "imagevault": RequestContext(head=RequestHead.read(scope), request_id="a", network="192.0.2.1")}


class TestEachStatus:
    """One example of each status. Titles are the status phrases, as `about:blank` demands."""

    @pytest.mark.parametrize(
        ("method", "path", "more", "status", "title"),
        [
            ("GET", "/search?q=", {}, 400, "Bad Request"),
            ("GET", "/downloads", {"headers": {"Authorization": "Bearer x"}}, 401, "Unauthorized"),
            ("GET", "/media/local/original/fox?expires=1&signature=x", {}, 403, "Forbidden"),
            ("GET", "/images/local:nothing", {}, 404, "Not Found"),
            ("GET", "/nothing", {}, 404, "Not Found"),
            ("PATCH", "/downloads", {}, 405, "Method Not Allowed"),
            ("POST", "/signup", {"json": {"username": "ada", "password": "violet-harbour-71"}}, 409, "Conflict"),
            ("POST", "/signup", {"content": b" " * 70_000, "headers": JSON}, 413, "Content Too Large"),
            ("GET", f"/{LONG}", {}, 414, "URI Too Long"),
            ("POST", "/signup", {"content": b"{}"}, 415, "Unsupported Media Type"),
            ("GET", "/docs", {"headers": {"X-Long": LONG}}, 431, "Request Header Fields Too Large"),
        ],
    )
    async def test_refusals(
        self, start: Any, method: str, path: str, more: dict[str, Any], status: int, title: str
    ) -> None:
        """Errors that the caller made."""
        api = await start({"IMAGEVAULT_LIMITS_SIGNUP": "100/hour"})
        headers = {**await api.sign_in(), **more.pop("headers", {})}

        answer = await api.client.request(method, path, headers=headers, **more)

        problem = check(answer, status, title)
        assert problem["detail"]
        assert "type" not in problem  # about:blank, the default of RFC 9457

    async def test_a_provider_that_cannot_do_it(self, api: Any) -> None:
        """422 lists the status of each provider."""
        answer = await api.get("/search?q=fox&provider=local&color=red", headers=api.headers)

        problem = check(answer, 422, "Unprocessable Content")
        assert [provider["status"] for provider in problem["providers"]] == ["unsupported"]

    async def test_a_database_that_is_away(self, start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """503 has Retry-After and does not name the host of the database."""
        api = await start()

        async def away(*_: Any) -> None:
            raise DatabaseUnavailable("could not connect to server db.internal:5432")

        monkeypatch.setattr(api.services.accounts, "check_password", away)
        answer = await api.post("/token", data={"username": "ada", "password": "violet-harbour-71"})

        problem = check(answer, 503, "Service Unavailable")
        assert problem["detail"] == "The database does not answer; try again soon."
        assert answer.headers["retry-after"] == "1"

    async def test_what_nobody_expected(
        self, start: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """500 discloses the request id only, and the log has the trace under that id."""
        api = await start()

        async def broken(*_: Any) -> None:
            raise ZeroDivisionError("secret detail")

        monkeypatch.setattr(api.services.accounts, "check_password", broken)
        answer = await api.post("/token", data={"username": "ada", "password": "violet-harbour-71"})

        problem = check(answer, 500, "Internal Server Error")
        assert problem["detail"] == "Something went wrong here; it is logged under this request_id."
        assert "secret detail" not in answer.text
        [record] = [record for record in caplog.records if record.exc_info]
        assert problem["request_id"] in record.getMessage()
        assert "ZeroDivisionError: secret detail" in caplog.text

    async def test_a_plugin_that_breaks_in_a_lookup(self, start: Any, tmp_path: Any) -> None:
        """If the code of a provider fails, the response is 502, because the provider failed."""
        (tmp_path / "plugins").mkdir()
        (tmp_path / "plugins" / "broken.py").write_text(
            "from imagevault import Image, Page, ProviderInfo, hookimpl\n"
            "@hookimpl\n"
            "def provider_info():\n"
            "    return ProviderInfo(title='Broken', homepage='https://broken.example', page_size=10)\n"
            "@hookimpl\n"
            "async def search_images(query):\n"
            "    raise ZeroDivisionError('secret detail')\n"
            "@hookimpl\n"
            "async def fetch_image(image_id):\n"
            "    raise ZeroDivisionError('secret detail')\n"
        )
        api = await start({"IMAGEVAULT_PLUGINS_DIR": "plugins"})
        headers = await api.sign_in()

        lookup = await api.get("/images/broken:1", headers=headers)
        saved = await api.post("/download", json={"image": "broken:1"}, headers=headers)

        check(lookup, 502, "Bad Gateway")
        check(saved, 502, "Bad Gateway")

    async def test_an_image_of_a_provider_without_its_key(self, api: Any) -> None:
        """503 names the variable and says when to try again."""
        headers = api.headers

        lookup = await api.get("/images/pexels:1", headers=headers)
        saved = await api.post("/download", json={"image": "pexels:1"}, headers=headers)

        for answer in (lookup, saved):
            problem = check(answer, 503, "Service Unavailable")
            assert "PEXELS_API_KEY is not set" in problem["detail"]
            assert answer.headers["retry-after"] == "60"

    @pytest.mark.parametrize(
        ("error", "status", "wait"),
        [
            (errors.ProviderError("it broke"), 502, None),
            (errors.Unavailable("down"), 502, None),
            (errors.InvalidResponse("HTML"), 502, None),
            (errors.Unauthorized("the key"), 502, None),
            (errors.NotFound("no image"), 404, None),
            (errors.TimedOut("4 s"), 504, None),
            (errors.RateLimited("slow down", 1.2), 503, "2"),
            (errors.RateLimited("slow down"), 503, "60"),
            (errors.RateLimited("slow down", 0.0), 503, "1"),
            (errors.Unconfigured("no key"), 503, "60"),
            (errors.Busy("queue"), 503, "1"),
            (errors.TooMany("limit", 0.01), 429, "1"),
        ],
    )
    def test_errors_of_ours(self, raw_scope: Any, error: Exception, status: int, wait: str | None) -> None:
        """Each error has its status, and Retry-After in whole seconds, rounded up, where a retry helps."""
        problem, headers = describe(error, with_context(raw_scope([])))

        assert (problem.status, problem.detail, headers.get("Retry-After")) == (status, str(error), wait)
        assert problem.request_id == "a"

    def test_every_error_of_the_tree_has_a_status(self, raw_scope: Any) -> None:
        """The base class alone has none, because nothing raises it."""
        kinds: list[Any] = [
            kind
            for kind in vars(errors).values()
            if isinstance(kind, type) and issubclass(kind, errors.Refused | errors.ProviderError)
        ]
        given = {"message": "m", "field": "f", "retry_after": 1.0, "title": "Acme", "url": "u", "size": 9}
        statuses = {}
        for kind in kinds:
            names = kind.__init__.__code__.co_varnames[1:] if hasattr(kind.__init__, "__code__") else ("message",)
            error = kind(*(given[name] for name in names if name in given))
            problem, _ = describe(error, with_context(raw_scope([])))
            statuses[kind.__name__] = problem.status

        assert [name for name, status in statuses.items() if status == 500] == ["Refused"]


class TestBodies:
    """The response to an unreadable body says why, at /signup and at /download alike."""

    @pytest.mark.parametrize("path", ["/signup", "/download"])
    @pytest.mark.parametrize(
        ("body", "detail"),
        [
            (b"[" * 4_000, "body: is nested too deeply"),
            (b'{"username": "\xff"}', "body: must be UTF-8"),
            (b'{"url": "\xed\xa0\x80"}', "body: must be UTF-8"),
            (b"", "body: is missing"),
            (b"null", "body: must be an object"),
            (b"[]", "body: must be an object"),
            (b'"text"', "body: must be an object"),
            (b'{"username": "ada"', "body: is no JSON: Expecting ',' delimiter: line 1 column 19 (char 18)"),
            (b'{"a": 1,}', "body: is no JSON: "),
            (b"{} {}", "body: is no JSON: Extra data: line 1 column 4 (char 3)"),
            (b"username=ada", "body: is no JSON: Expecting value: line 1 column 1 (char 0)"),
            (b'{"note": "\\ud800"}', "note: must be text; an escape such as \\ud83d alone is half of a character"),
            (b'{"note": "\\ud800x"}', "note: must be text; an escape such as \\ud83d alone is half of a character"),
            (b'{"a": ["\\ud800"]}', "body: cannot be read: "),
            (b'{"note": 1e999}', "body: cannot be read: Number out of range"),
            (b"\xef\xbb\xbf{}", "body: is no JSON: Unexpected UTF-8 BOM"),
            (b'{"username": "a", "username": "b"}', "username: must be given once"),
            (b'{"a": [{"b": 1, "b": 1}]}', "b: must be given once"),
        ],
    )
    @pytest.mark.parametrize("media_type", ["application/json", "Application/JSON; charset=utf-8"])
    async def test_json_that_cannot_be_read(
        self, api: Any, path: str, body: bytes, detail: str, media_type: str
    ) -> None:
        """400 gives the reason, and names the body or the field. Letter case of the media type makes no difference."""
        answer = await api.post(path, content=body, headers={**api.headers, "Content-Type": media_type})

        problem = check(answer, 400, "Bad Request")
        assert problem["detail"].startswith(detail)
        assert [error["field"] for error in problem["errors"]] == [detail.partition(":")[0]]

    @pytest.mark.parametrize(
        ("path", "body", "detail"),
        [
            ("/api-keys", {"name": "x", "scopes": ["search"], "expires_at": 1900000000}, "expires_at: must be a time "),
            (
                "/api-keys",
                {"name": "x", "scopes": ["search"], "expires_at": "1900000000"},
                "expires_at: must be a time ",
            ),
            ("/api-keys", {"name": "x", "scopes": ["search"], "expires_at": 190000000000000}, "expires_at: must be "),
            (
                "/account/password",
                {"current_password": "x", "new_password": "y", "revoke_keys": 1},
                "revoke_keys: must ",
            ),
        ],
    )
    async def test_json_of_another_type_is_not_converted(
        self, api: Any, path: str, body: dict[str, Any], detail: str
    ) -> None:
        method = "PUT" if path == "/account/password" else "POST"

        answer = await api.client.request(method, path, json=body, headers=api.headers)

        assert check(answer, 400, "Bad Request")["detail"].startswith(detail)

    async def test_percent_signs_in_json_are_text(self, api: Any) -> None:
        body = b'{"url": "https://a.example/b.jpg", "note": "100%ff sure"}'

        answer = await api.post("/download", content=body, headers={**api.headers, "Content-Type": "APPLICATION/JSON"})

        assert (answer.status_code, answer.json()["note"]) == (201, "100%ff sure")

    @pytest.mark.parametrize("path", ["/download", "/token"])
    async def test_a_compressed_body_is_refused(self, api: Any, path: str) -> None:
        """415 names the coding that is possible (RFC 9110, section 15.5.16), and not the bytes of the body."""
        answer = await api.post(path, content=b"\x1f\x8b\x08\x00", headers={**api.headers, "Content-Encoding": "gzip"})

        check(answer, 415, "Unsupported Media Type")
        assert answer.headers["accept-encoding"] == "identity"

    @pytest.mark.parametrize(
        "body",
        [b"[" * 20_000, b'{"username":' * 5_000, b'{"url": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"],
        ids=["lists", "objects", "a list in an object"],
    )
    async def test_json_that_is_nested_deeply(self, api: Any, body: bytes) -> None:
        """400 gives the reason, however deep it is."""
        answer = await api.post("/download", content=body, headers={**api.headers, **JSON})

        assert check(answer, 400, "Bad Request")["detail"] == "body: is nested too deeply"

    @pytest.mark.parametrize(
        ("body", "field", "message"),
        [
            (
                {"usrname": "ada"},
                "usrname",
                "there is no such field. Did you mean username? There are: username, password, invitation.",
            ),
            ({"user-name": "a"}, "user-name", "there is no such field. Did you mean username?"),
            ({"is_admin": True}, "is_admin", "there is no such field. There are: username, password, invitation."),
            ({"a b`c": 1}, "a b`c", "there is no such field."),
            ({"`": 1}, "`", "there is no such field."),
            ({"username": "ada"}, "password", "is missing"),
            ({"password": "ada"}, "username", "is missing"),
            ({"username": 1, "password": "x"}, "username", "must be text"),
            ({"username": "ada", "password": None}, "password", "must be text"),
            ({"username": ["ada"], "password": "x"}, "username", "must be text"),
        ],
    )
    async def test_fields_that_are_wrong(self, api: Any, body: dict[str, Any], field: str, message: str) -> None:
        """The response names each field and says what would be right. It offers the nearest name for an unknown one."""
        answer = await api.post("/signup", json=body)

        problem = check(answer, 400, "Bad Request")
        assert [error["field"] for error in problem["errors"]] == [field]
        assert problem["errors"][0]["message"].startswith(message)
        assert problem["detail"].startswith(f"{field}: {message}")

    async def test_several_wrong_fields(self, api: Any) -> None:
        """A download is checked like a signup, length limits included."""
        headers = api.headers

        answer = await api.post("/download", json={"url": "https://a.example/" + "a" * 2048}, headers=headers)

        assert check(answer, 400, "Bad Request")["errors"] == [
            {"field": "url", "message": "must have at most 2048 characters"}
        ]

    @pytest.mark.parametrize(
        ("form", "field", "message"),
        [
            (b"", "username", "is missing"),
            (b"username=ada", "password", "is missing"),
            (b"password=x", "username", "is missing"),
            (b"username=ada&username=bob&password=x", "username", "must be given once"),
            (b"username=ada&password=x&password=y", "password", "must be given once"),
            (b'{"username": "ada"}', "username", "is missing"),
        ],
    )
    async def test_forms_that_are_wrong(self, api: Any, form: bytes, field: str, message: str) -> None:
        """The response names a field that is missing or repeated."""
        answer = await api.post("/token", content=form, headers=FORM)

        assert check(answer, 400, "Bad Request")["errors"] == [{"field": field, "message": message}]

    @pytest.mark.parametrize(
        ("begin", "unit"),
        [(b"", b"["), (b"", b"\\"), (b"", b'{"a":'), (b"", b"\\\\u0000"), (b'"', b"\\u0000")],
        ids=["lists", "backslashes", "objects", "escaped backslashes", "NULs"],
    )
    async def test_what_can_be_wrong_is_refused_in_linear_time(self, api: Any, begin: bytes, unit: bytes) -> None:
        """The worst of the bodies above cost in proportion to their length."""

        async def refuse(size: int) -> None:
            content = begin + unit * (size // len(unit))
            answer = await api.post("/download", content=content, headers={**api.headers, **JSON})
            assert answer.status_code == 400

        assert await is_linear_async(refuse, 32_000)


class TestShape:
    def test_absent_members_are_left_out(self) -> None:
        """An absent `type` means `about:blank`. `errors` and `providers` are left out if they are empty."""
        problem = Problem(title="Not Found", status=404, detail="d", request_id="a")

        assert msgspec.json.decode(msgspec.json.encode(problem)).keys() == {"title", "status", "detail", "request_id"}
