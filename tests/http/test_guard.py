"""What every route demands unless it says otherwise."""

from types import SimpleNamespace
from typing import Annotated, Any

import msgspec
import pytest
from litestar import Litestar, get
from litestar.params import CookieParameter, HeaderParameter, QueryParameter

from imagevault.http import openapi
from imagevault.http.guard import QueryParameters, query_parameters
from tests.support.linear_time import is_linear, is_linear_async

PASSWORD = "violet-harbour-71"
# The routes that anyone may call. A new open route is added here on purpose.
OPEN = {
    ("POST", "/signup"),
    ("POST", "/token"),
    ("POST", "/password-reset"),
    ("POST", "/session"),
    ("POST", "/session/end"),
    ("GET", "/session"),
    ("GET", "/session/end"),
    ("GET", "/media/{provider}/{rendition}/{id}"),
    ("GET", "/media/{provider}"),
    ("GET", "/"),
    ("GET", "/docs"),
    ("GET", "/docs/openapi.json"),
    ("GET", "/docs-assets/{name}"),
    ("GET", "/assets/{version}/{file}"),
    ("GET", "/my/sign-in"),
    ("GET", "/my/sign-up"),
    ("POST", "/my/sign-up"),
    ("GET", "/my/password-reset"),
    ("POST", "/my/password-reset"),
}
PAGES = {
    "/",
    "/picture/{id}",
    "/my/providers",
    "/my/downloads",
    "/my/downloads/{id}",
    "/my/downloads/forgotten",
    "/my/sign-in",
    "/my/sign-up",
    "/my/account",
    "/my/keys",
    "/my/keys/{id}",
    "/my/password",
    "/my/password-reset",
}  # they ignore unknown parameters, which links collect on their way
LEADING_TO_PAGES = {("GET", "/session"), ("GET", "/session/end")}
UNDOCUMENTED = PAGES | {"/media/{provider}"}  # its signed links are written for the pages
PATHS = {
    "provider": "local",
    "rendition": "original",
    "id": "local:fox-in-snow.jpg",
    "name": "docs.js",
    "version": "0",
    "file": "page.js",
}
UNKNOWN_DOWNLOAD = "00000000-0000-4000-8000-000000000000"


def routes(api: Any) -> list[tuple[str, str]]:
    """Method and path of every route, as the app knows them."""
    app = api.client._transport.app
    while not hasattr(app, "routes"):
        app = app.app
    return sorted(
        (method, route.path_format)
        for route in app.routes
        for handler in route.route_handlers
        for method in handler.http_methods
        if method != "OPTIONS" and not route.path_format.startswith("/schema")  # nothing is there: test_docs
    )


def target(path: str) -> str:
    """A path with values in its places. The id of a download is a UUID, of which the account has none."""
    return path.format(**{**PATHS, "id": UNKNOWN_DOWNLOAD} if "/downloads/" in path else PATHS)


class TestAllRoutes:
    async def test_each_wants_a_credential_unless_it_is_known_to_be_open(self, api: Any) -> None:
        """No credential and a bad credential get the same 401, before the rest of the request is read."""
        walked = routes(api)

        for method, path in walked:
            for headers in ({}, {"Authorization": "Bearer forged"}):
                answer = await api.client.request(method, target(path), headers=headers)
                expected = (method, path) not in OPEN

                assert (answer.status_code == 401) == expected, (method, path)
                assert ("www-authenticate" in answer.headers) == expected, (method, path)
        assert set(walked) >= OPEN
        assert len(walked) > len(OPEN)

    async def test_each_is_a_route_that_a_signed_in_caller_reaches(self, api: Any) -> None:
        """Control of the test above: with a good credential, no route answers 401."""
        headers = api.headers

        for method, path in routes(api):
            if path in {"/logout", "/account"}:  # they end the credential of this test
                continue
            answer = await api.client.request(method, target(path), headers=headers)

            unreached = {401, 405, 500} if "/downloads/{id}" in path else {401, 404, 405, 500}
            assert answer.status_code not in unreached, (method, path)

    async def test_each_refuses_parameters_that_it_does_not_have(self, api: Any) -> None:
        """A 400 names the parameter."""
        headers = {**api.headers, "Content-Type": "application/json"}  # a form gets a page

        for method, path in routes(api):
            if path in PAGES or (method, path) in LEADING_TO_PAGES:
                continue
            answer = await api.client.request(method, target(path) + "?serach=1", headers=headers)

            assert answer.status_code == 400, (method, path)
            assert answer.json()["errors"][0]["field"] == "serach"

    async def test_each_refuses_parameters_given_twice(self, api: Any) -> None:
        """It is ambiguous which of two counts, even if both are equal, empty, or spelled differently."""
        headers = api.headers
        document = (await api.get("/docs/openapi.json")).json()
        known = [
            (method, path, parameter["name"])
            for path, item in document["paths"].items()
            for method, operation in item.items()
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "query"
        ]

        for method, path, name in known:
            for again in (name, f"%{ord(name[0]):02x}{name[1:]}"):
                for values in (("1", "1"), ("1", "2"), ("", "")):
                    url = f"{target(path)}?{name}={values[0]}&{again}={values[1]}"
                    answer = await api.client.request(method, url, headers=headers)

                    assert (answer.status_code, answer.json()["detail"]) == (400, f"{name}: must be given once"), url
        assert ("get", "/search", "q") in known

    async def test_search_can_be_opened(self, start: Any) -> None:
        """Then anyone may search and look up, except with an invalid credential. All other routes stay closed."""
        api = await start({"IMAGEVAULT_SEARCH": "open"})
        opened = [
            ("GET", "/search?q=fox"),
            ("GET", "/images?ids=local:fox-in-snow.jpg"),
            ("GET", "/images/local:fox-in-snow.jpg"),
            ("GET", "/picture/local:fox-in-snow.jpg"),
        ]
        open_paths = {"/search", "/images", "/images/{id}", "/picture/{id}"}
        shut = [route for route in routes(api) if route not in OPEN and route[1] not in open_paths]

        for method, path in opened:
            assert (await api.client.request(method, path)).status_code == 200
            assert (await api.client.request(method, path, headers={"Authorization": "Bearer x"})).status_code == 401
        for method, path in shut:
            assert (await api.client.request(method, target(path))).status_code == 401
        assert len(shut) > 2


class TestParameters:
    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("qq=fox", "there is no such parameter. Did you mean q?"),
            ("q=fox&per-page=3", "there is no such parameter. Did you mean per_page?"),
            ("q=fox&orientaton=portrait", "there is no such parameter. Did you mean orientation?"),
            ("Q=fox", "there is no such parameter. There are: ai, color, cursor, license, locale, orientation, page,"),
            ("q[]=fox", "there is no such parameter."),
            ("=fox", "there is no such parameter."),
        ],
    )
    async def test_the_nearest_is_named(self, api: Any, query: str, message: str) -> None:
        """All are listed if none is near."""
        answer = await api.get(f"/search?{query}", headers=api.headers)

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["message"].startswith(message)

    async def test_a_semicolon_separates_nothing(self, api: Any) -> None:
        """It is part of the value, as it is for a cache in front of the server."""
        answer = await api.get("/search?q=fox;q=bear&provider=local", headers=api.headers)

        assert (answer.status_code, answer.json()["images"]) == (200, [])

    async def test_thousands_of_parameters_are_refused_in_linear_time(self, api: Any) -> None:
        """The check stops at the first wrong one."""

        async def refuse(size: int) -> None:
            answer = await api.get("/search?" + "&".join(["q"] * size), headers=api.headers)
            assert answer.status_code == 400

        assert await is_linear_async(refuse, 2000)

    def test_thousands_of_the_parameters_of_providers_take_linear_time(self) -> None:
        """The search knows which there are, so each of them is looked at."""

        @get("/", opt={"provider_parameters": True})
        async def handler() -> None:
            """A route without parameters of its own."""

        Litestar([handler])

        def check(size: int) -> None:
            query = "&".join(f"a.b{number}=" for number in range(size)).encode()
            request = SimpleNamespace(scope={"query_string": query}, method="GET", route_handler=handler)
            QueryParameters().check(request)  # type: ignore[arg-type]

        assert is_linear(check, 2000)

    async def test_are_those_of_the_openapi_document(self, api: Any) -> None:
        """For every route, the signature of its handler and the document name the same query parameters.

        Those of a provider, such as `pixabay.category`, are in the document only.
        """
        app = api.app.app
        document = msgspec.json.decode(openapi.document(app))
        handlers = [
            (method, route.path_format, handler)
            for route in app.routes
            for handler in route.route_handlers
            for method in handler.http_methods
        ]

        for method, path, handler in handlers:
            if path in UNDOCUMENTED:
                continue
            operation = document["paths"].get(path, {}).get(method.lower(), {})
            parameters = operation.get("parameters", [])
            documented = {parameter["name"] for parameter in parameters if parameter["in"] == "query"}
            if handler.opt.get("provider_parameters"):
                documented = {name for name in documented if "." not in name}

            assert query_parameters(handler).keys() == documented, (method, path)
        found = {(method, path): query_parameters(handler).keys() for method, path, handler in handlers}
        assert found["GET", "/search"] >= {"q", "provider", "cursor"}
        assert not found["GET", "/docs"]

    async def test_no_request_builds_the_openapi_document(self, start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Building it takes tens of milliseconds, and the first search would wait for it."""
        api = await start({"IMAGEVAULT_SEARCH": "open"})

        def fail(_: Litestar) -> None:
            raise AssertionError("the document was built")

        monkeypatch.setattr(Litestar, "openapi_schema", property(fail))

        assert (await api.get("/search?q=fox&provider=local")).status_code == 200
        assert (await api.get("/search?qq=fox")).status_code == 400

    @pytest.mark.parametrize("name", ["per_page", "page"])
    async def test_null_is_no_number(self, start: Any, name: str) -> None:
        """Litestar takes the word for a parameter that was left out."""
        api = await start({"IMAGEVAULT_SEARCH": "open"})

        response = await api.get(f"/search?q=fox&provider=local&{name}=null")

        assert (response.status_code, response.json()["errors"][0]["field"]) == (400, name)
        assert (await api.get("/search?q=null&provider=local")).status_code == 200

    @pytest.mark.parametrize(
        ("path", "field", "remedy"),
        [
            ("/downloads/export?format=null", "format", "must be csv, json, markdown, html or jsonld"),
            ("/downloads/export?format=pdf", "format", "must be csv, json, markdown, html or jsonld"),
            ("/downloads?status=Gone", "status", "must be unchanged, license_changed, withdrawn or gone"),
            ("/downloads?status=null", "status", "must be unchanged, license_changed, withdrawn or gone"),
            ("/downloads?limit=abc", "limit", "must be a whole number"),
            ("/downloads?limit=null", "limit", "must be a whole number"),
            ("/downloads?limit=0", "limit", "must be at least 1"),
            ("/search?q=%C3%A9&per_page=1.5", "per_page", "must be a whole number"),
        ],
    )
    async def test_the_remedy_is_named(self, start: Any, path: str, field: str, remedy: str) -> None:
        """In words of its own, not in those of a library."""
        api = await start()

        answer = await api.get(path, headers=await api.sign_in())

        assert (answer.status_code, answer.json()["errors"]) == (400, [{"field": field, "message": remedy}])

    async def test_a_query_that_is_not_utf_8(self, start: Any, raw_scope: Any) -> None:
        api = await start({"IMAGEVAULT_SEARCH": "open"})
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = raw_scope([(b"host", b"127.0.0.1")], path="/search", query_string=b"q=\xc3%A9")
        await api.client._transport.app(scope, receive, send)

        problem = msgspec.json.decode(sent[1]["body"])
        assert problem["errors"] == [{"field": "query", "message": "must be UTF-8, percent-encoded"}]

    async def test_a_name_of_its_own_counts(self) -> None:
        """A parameter may have another name than its argument. Headers and cookies are no query parameters."""

        @get("/a")
        async def handler(
            kind: Annotated[str, QueryParameter(name="type")],
            token: Annotated[str, HeaderParameter(name="x-token")],
            session: Annotated[str, CookieParameter(name="session")],
            limit: Annotated[int, QueryParameter()] = 1,
        ) -> None:
            pass

        handlers = Litestar([handler]).route_handler_method_map["/a"]

        assert query_parameters(handlers["GET"]) == {"type": str, "limit": int}


class TestContentTypes:
    @pytest.mark.parametrize(
        "content_type",
        [
            None,
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonp",
            "application/json2; charset=utf-8",
            "text/json",
            "application/xml",
            "application/msgpack",
            "*/*",
            "text/plain; application/json",
            "application/x-www-form-urlencoded, application/json",
        ],
    )
    @pytest.mark.parametrize("path", ["/signup", "/download"])
    async def test_json_is_called_json(self, api: Any, path: str, content_type: str | None) -> None:
        """A page of another site can send a form or text without a preflight, so both are refused with 415."""
        headers = api.headers if content_type is None else {**api.headers, "Content-Type": content_type}
        body = b'{"username": "bob", "password": "violet-harbour-71", "url": "https://a.example/"}'

        answer = await api.post(path, content=body, headers=headers)

        assert (answer.status_code, answer.headers["accept"]) == (415, "application/json")
        assert answer.json()["detail"] == "The body must be application/json, named in the Content-Type header."
        assert (await api.get("/downloads", headers=api.headers)).json()["downloads"] == []
        api.services.database.use()
        assert [account["username"] for account in await api.services.accounts.list_all()] == ["ada"]

    @pytest.mark.parametrize(
        "content_type", [None, "application/json", "text/plain", "multipart/form-data; boundary=x"]
    )
    async def test_a_form_is_called_a_form(self, api: Any, content_type: str | None) -> None:
        """/token takes forms only."""
        headers = {"Content-Type": content_type} if content_type else {}

        answer = await api.post("/token", content=b"username=ada&password=violet-harbour-71", headers=headers)

        assert (answer.status_code, answer.headers["accept"]) == (415, "application/x-www-form-urlencoded")

    @pytest.mark.parametrize(
        "content_type",
        ["application/json", "Application/JSON", "application/json; charset=utf-8", "application/json ;a=b"],
    )
    async def test_parameters_and_letter_case_do_not_matter(self, start: Any, content_type: str) -> None:
        """RFC 9110 demands it."""
        api = await start()
        body = b'{"username": "ada", "password": "violet-harbour-71"}'

        answer = await api.post("/signup", content=body, headers={"Content-Type": content_type})

        assert answer.status_code == 201

    async def test_it_is_refused_before_the_body_is_read(self, api: Any) -> None:
        """The server does not wait for a body of the wrong type."""
        read = 0

        async def body() -> Any:
            nonlocal read
            for _ in range(50):
                read += 1024
                yield b"a" * 1024

        answer = await api.post("/signup", content=body(), headers={"Content-Type": "text/plain"})

        assert (answer.status_code, read) == (415, 0)

    @pytest.mark.parametrize(
        ("begin", "unit", "end"),
        [
            ("multipart/form-data; ", "boundary=a; ", ""),
            ("multipart/form-data; boundary=", "a", ""),
            ('multipart/form-data; boundary="', "\\", ""),
            ("multipart/form-data; ", ";", ""),
            ("application/x-www-form-urlencoded; !=", '"\\', ""),
            ("", " ", "x"),
        ],
    )
    @pytest.mark.parametrize("path", ["/signup", "/token"])
    async def test_a_hostile_one_is_answered_in_linear_time(
        self, api: Any, path: str, begin: str, unit: str, end: str
    ) -> None:
        """No parser backtracks (CVE-2024-24762, CVE-2026-28356)."""

        async def refuse(size: int) -> None:
            hostile = begin + unit * (size // len(unit)) + end
            answer = await api.post(path, content=b"{}", headers={"Content-Type": hostile})
            assert answer.status_code in {400, 415}

        assert await is_linear_async(refuse, 6000)

    async def test_one_of_60_kb_is_refused_as_a_header(self, api: Any) -> None:
        """It never reaches a parser."""
        answer = await api.post(
            "/signup", content=b"{}", headers={"Content-Type": "multipart/form-data; " + "=" * 60_000}
        )

        assert answer.status_code == 431

    async def test_a_body_that_nobody_asked_for_is_not_read(self, api: Any) -> None:
        """A GET is answered whatever its body is."""
        answer = await api.client.request("GET", "/protected", content=b"[" * 9000, headers=api.headers)

        assert answer.status_code == 200
