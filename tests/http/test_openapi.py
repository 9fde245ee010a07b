"""The OpenAPI document: it is complete and valid, and the server conforms to it."""

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.generation import GenerationMode
from schemathesis.python import asgi

from imagevault.asgi import create
from imagevault.config.settings import Settings, load
from imagevault.errors import DatabaseUnavailable, RangeNotSatisfiable, TooMany
from imagevault.http.openapi import DETAILS, STATUSES
from imagevault.http.problems import describe
from imagevault.http.request import RequestContext, RequestHead
from imagevault.runtime.services import Services
from imagevault.search.filters import NO_FILTER, VALUES
from imagevault.search.outcome import ProviderStatus, SearchFailed, status_for
from imagevault.security.token_bucket import TokenBuckets
from imagevault.upstream.provider_errors import to_provider_error
from tests.support.clock import Clock
from tests.support.offline import OFFLINE

OPERATIONS = {
    "POST /signup",
    "POST /token",
    "POST /password-reset",
    "GET /usage",
    "GET /account/export",
    "DELETE /account",
    "GET /protected",
    "POST /api-keys",
    "GET /api-keys",
    "DELETE /api-keys/{id}",
    "POST /logout",
    "PUT /account/password",
    "GET /search",
    "GET /images",
    "GET /images/{id}",
    "GET /providers",
    "GET /media/{provider}/{rendition}/{id}",
    "POST /download",
    "GET /downloads",
    "GET /downloads/taken",
    "GET /downloads/export",
    "POST /credits",
    "GET /downloads/{id}",
    "GET /downloads/{id}/file",
    "PATCH /downloads/{id}",
    "DELETE /downloads/{id}",
    "GET /projects",
    "GET /health/live",
    "GET /health/ready",
}
WITH_INPUT = {
    "POST /signup",
    "POST /token",
    "POST /password-reset",
    "POST /api-keys",
    "PUT /account/password",
    "GET /search",
    "GET /media/{provider}/{rendition}/{id}",
    "POST /download",
    "GET /downloads",
    "PATCH /downloads/{id}",
}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CONDITIONAL = {
    "/search",
    "/images",
    "/images/{id}",
    "/media/{provider}/{rendition}/{id}",
    "/downloads/{id}/file",
}
OPEN = {"signup", "token", "reset_password", "media", "health_live", "health_ready"}


@pytest.fixture
async def document(start: Any) -> Any:
    """The document as a caller gets it."""
    api = await start()
    return (await api.get("/docs/openapi.json")).json()


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    """Path, method and content of every operation."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def resolved(document: Any, value: Any) -> Any:
    """The schema with every reference followed."""
    if isinstance(value, dict):
        if "$ref" in value:
            name = value["$ref"].removeprefix("#/components/schemas/")
            return resolved(document, document["components"]["schemas"][name])
        return {key: resolved(document, member) for key, member in value.items()}
    return [resolved(document, item) for item in value] if isinstance(value, list) else value


class TestDocument:
    async def test_is_of_the_version_it_says(self, document: Any) -> None:
        """OpenAPI 3.1, named and versioned, with the address of this server."""
        assert document["openapi"] == "3.1.0"
        assert document["info"]["title"] == "ImageVault"
        assert document["servers"] == [{"url": "/"}, {"url": "http://127.0.0.1:8000"}]
        assert re.fullmatch(r"\d+\.\d+\.\d+", document["info"]["version"])
        assert document["info"]["license"] == {"name": "MIT", "identifier": "MIT"}

    async def test_is_valid(self, document: Any) -> None:
        """By the schema of OpenAPI 3.1, and every schema in it by JSON Schema 2020-12."""
        account = document["components"]["securitySchemes"]["account"]
        account["flows"]["password"]["tokenUrl"] = "https://a.example/token"  # relative is right (4.6), but not there
        schemathesis.openapi.from_dict(document).validate()
        for schema in document["components"]["schemas"].values():
            jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})

    async def test_has_every_route(self, document: Any) -> None:
        """It lists all operations and nothing else."""
        assert {f"{method.upper()} {path}" for path, method, _ in operations(document)} == OPERATIONS

    async def test_each_operation_says_what_it_does(self, document: Any) -> None:
        """It has a summary, a description, a unique id and a tag, and describes each parameter and response."""
        ids = [operation["operationId"] for _, _, operation in operations(document)]
        for path, method, operation in operations(document):
            assert operation["summary"], (method, path)
            assert len(operation["description"]) > 30, (method, path)
            assert operation["tags"], (method, path)
            for parameter in operation.get("parameters", ()):
                assert parameter["description"], (method, path, parameter["name"])
            for status, answer in operation["responses"].items():
                assert answer["description"], (method, path, status)
        assert len(set(ids)) == len(ids)

    async def test_each_good_answer_has_an_example_of_its_schema(self, document: Any) -> None:
        """Each example is valid by its own schema."""
        for path, method, operation in operations(document):
            if operation["operationId"] in {"media", "download_file"}:  # a picture
                continue
            good = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
            assert len(good) == 1, (method, path)
            for content in good[0].get("content", {}).values():
                schema = resolved(document, content.get("schema", {"type": "object"}))

                assert content["example"], (method, path)
                jsonschema_rs.validate(schema, content["example"])

    async def test_what_answers_if_none_match_says_so(self, start: Any, document: Any) -> None:
        """The operations with 304 are those that have an `ETag`, and their second answer is 304."""
        api = await start()
        headers = await api.sign_in("ada")
        found = await api.get("/search?q=fox&provider=local", headers=headers)
        image = found.json()["images"][0]
        urls = ["/search?q=fox&provider=local", f"/images/{image['id']}", f"/images?ids={image['id']}"]

        taken = await api.post("/download", json={"image": image["id"]}, headers=headers)
        urls.append(f"/downloads/{taken.json()['id']}/file")

        for url in [*urls, image["renditions"][0]["url"]]:
            tag = (await api.get(url, headers=headers)).headers["etag"]
            again = await api.get(url, headers={**headers, "If-None-Match": tag})
            assert (again.status_code, again.headers["etag"], again.content) == (304, tag, b""), url
        described = {path for path, _, operation in operations(document) if "304" in operation["responses"]}
        assert described == CONDITIONAL

    async def test_each_body_has_examples(self, document: Any) -> None:
        """A reader of the page can try each call at once."""
        for path, method, operation in operations(document):
            for content in operation.get("requestBody", {}).get("content", {}).values():
                schema = resolved(document, content["schema"])

                assert operation["requestBody"]["required"] is True
                for name in schema.get("required", ()):
                    assert schema["properties"][name]["examples"], (method, path, name)

    async def test_each_problem_is_one(self, document: Any) -> None:
        """All errors have one schema and media type. Each operation lists the errors that any caller may meet."""
        for path, method, operation in operations(document):
            problems = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
            common = {"503"} if path == "/health/ready" else set() if path == "/health/live" else {"400", "429", "503"}
            signed_in = set() if operation["operationId"] in OPEN else {"401", "403"}

            assert common | signed_in <= problems.keys(), (method, path)
            for answer in problems.values():
                content = answer["content"]["application/problem+json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
                jsonschema_rs.validate(resolved(document, content["schema"]), content["example"])
        assert {"title", "status", "detail", "request_id"} == set(
            document["components"]["schemas"]["Problem"]["required"]
        )

    async def test_each_uniform_filter_names_its_values_and_its_default(self, document: Any) -> None:
        """A client generator makes a type of each."""
        found = {
            parameter["name"]: parameter["schema"] for parameter in document["paths"]["/search"]["get"]["parameters"]
        }

        for name, values in VALUES.items():
            assert found[name]["enum"] == list(values), name
            assert found[name].get("default") == NO_FILTER.get(name), name
        assert (found["per_page"]["default"], found["per_page"]["maximum"]) == (30, 100)

    async def test_no_parameter_is_null(self, document: Any) -> None:
        """Each has one type, and its values are of it."""
        for path, method, operation in operations(document):
            for parameter in operation.get("parameters", ()):
                schema = parameter["schema"]
                assert schema["type"] in {"string", "integer", "boolean"}, (method, path, parameter["name"])
                for value in schema.get("enum", ()):
                    jsonschema_rs.validate({"type": schema["type"]}, value)

    async def test_each_field_says_what_it_is(self, document: Any) -> None:
        """Of every record, also those that extend another."""
        undescribed = [
            f"{name}.{field}"
            for name, schema in document["components"]["schemas"].items()
            for field, described in schema.get("properties", {}).items()
            if len(described.get("description", "")) < 5
        ]

        assert undescribed == []

    @pytest.mark.parametrize("name", ["Rendition", "Preview"])
    async def test_each_file_has_an_address(self, document: Any, name: str) -> None:
        """A plugin may leave it out for a file that the provider holds; a consumer always gets a link."""
        schema = document["components"]["schemas"][name]

        assert "url" in schema["required"]
        assert (schema["properties"]["url"]["type"], schema["properties"]["url"]["format"]) == ("string", "uri")

    async def test_says_who_may_call_what(self, document: Any) -> None:
        """There is one way to sign in, for the Authorize button of the page, and there are keys, with their scopes."""
        schemes = document["components"]["securitySchemes"]

        assert (schemes["account"]["type"], schemes["key"]["scheme"]) == ("oauth2", "bearer")
        assert schemes["account"]["flows"] == {"password": {"tokenUrl": "/token", "scopes": {}}}
        assert document["security"] == [{"account": []}]
        for path, method, operation in operations(document):
            needed = operation.get("security", document["security"])

            assert (needed == [{}]) == (operation["operationId"] in OPEN), (method, path)
        paths = document["paths"]
        assert paths["/search"]["get"]["security"] == [{"account": []}, {"key": ["search"]}]
        assert paths["/api-keys"]["post"]["security"] == [{"account": []}]

    async def test_the_button_really_signs_in(self, start: Any, document: Any) -> None:
        """What Swagger UI sends to `tokenUrl` gets a token that opens the rest."""
        api = await start()
        await api.sign_in("ada")
        scheme = document["components"]["securitySchemes"]["account"]
        form = {"grant_type": "password", "username": "ada", "password": "violet-harbour-71", "scope": ""}
        headers = {"X-Requested-With": "XMLHttpRequest", "Origin": "http://127.0.0.1:8000"}

        token = (await api.post(scheme["flows"]["password"]["tokenUrl"], data=form, headers=headers)).json()
        answer = await api.get(
            "/protected", headers={"Authorization": f"{token['token_type']} {token['access_token']}"}
        )

        assert answer.status_code == 200

    async def test_the_examples_of_bodies_work(self, start: Any, document: Any) -> None:
        """Signing up and in works with the values that the page fills in."""
        api = await start()
        values = {
            operation["operationId"]: {
                name: field["examples"][0]
                for content in operation["requestBody"]["content"].values()
                for name, field in resolved(document, content["schema"])["properties"].items()
                if "examples" in field
            }
            for _, _, operation in operations(document)
            if "requestBody" in operation
        }

        made = await api.post("/signup", json=values["signup"])
        token = await api.post("/token", data=values["token"])

        assert (made.status_code, token.status_code) == (201, 200)

    async def test_says_the_public_address(self, start: Any) -> None:
        """Behind a proxy, the document names the public address."""
        api = await start({"IMAGEVAULT_PUBLIC_URL": "https://images.example/"})

        document = (await api.get("/docs/openapi.json")).json()

        assert document["servers"] == [{"url": "/"}, {"url": "https://images.example"}]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The document, bound to a server in this process."""
    folder: Path = tmp_path_factory.mktemp("openapi")
    environ = {
        "SECRET_KEY": "a test secret of more than thirty-two bytes",
        "IMAGEVAULT_ALLOWED_HOSTS": "testserver",
        "IMAGEVAULT_LIMITS_REQUESTS": "1000000/second",
        "IMAGEVAULT_LIMITS_SIGNUP": "1000000/second",
        "IMAGEVAULT_LIMITS_WRONG_PASSWORDS_PER_ADDRESS": "10000",
        **OFFLINE,  # no search fails because of an upstream
    }
    app = create(Services(load(environ, folder)))
    yield schemathesis.openapi.from_asgi("/docs/openapi.json", app)
    asgi.shutdown_lifespans()


@pytest.fixture
def signed_in(kept: Any) -> dict[str, str]:
    """The headers of an account on that server, whose access no other test has ended."""
    with asgi.get_client(kept.app) as client:
        account = {"username": f"ada-{uuid.uuid4().hex}", "password": "violet-harbour-71"}
        client.post("/signup", json=account)
        return {"Authorization": f"Bearer {client.post('/token', data=account).json()['access_token']}"}


def keeps_to_it(strategy: Any, **call: Any) -> None:
    """Calls the server with what the strategy draws, and checks each answer against the document."""

    @given(case=strategy)
    @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def run(case: Any) -> None:
        case.call_and_validate(**call)

    run()


class TestExamplesOfProblems:
    """The `detail` of each example is what the server says in that case, so the cases below cover every status."""

    OVER_HTTP: dict[int, tuple[str, str, dict[str, Any]]] = {
        400: ("GET", "/search?q=%20", {}),
        401: ("GET", "/downloads", {"headers": {"Authorization": "Bearer x"}}),
        403: ("POST", "/signup", {"json": {"username": "bob", "password": "violet-harbour-71"}}),
        404: ("GET", "/images/pexels:1", {}),
        413: ("POST", "/token", {"content": b" " * 5000, "headers": FORM}),
        415: ("PUT", "/account/password", {"content": b"{}"}),
        422: ("GET", "/search?q=fox&provider=nasa&color=red", {}),
    }

    @pytest.mark.parametrize("status", OVER_HTTP)
    async def test_over_http(self, start: Any, configured: dict[str, str], status: int) -> None:
        method, path, more = self.OVER_HTTP[status]
        api = await start({"IMAGEVAULT_SIGNUP": "closed", "NASA_ENABLED": "true", **configured})
        headers = {**await api.sign_in("ada"), **more.get("headers", {})}

        answer = await api.client.request(method, path, **{**more, "headers": headers})

        assert (answer.status_code, answer.json()["detail"]) == (status, DETAILS[status])

    async def test_a_taken_name(self, start: Any) -> None:
        api = await start()
        await api.sign_in("ada")

        answer = await api.post("/signup", json={"username": "ada", "password": "violet-harbour-71"})

        assert (answer.status_code, answer.json()["detail"]) == (409, DETAILS[409])

    def test_too_many_requests(self, clock: Clock) -> None:
        buckets = TokenBuckets(Settings().limits.requests, clock)
        for _ in range(600):
            buckets.take("ada")

        with pytest.raises(TooMany, match=re.escape(DETAILS[429])):
            buckets.take("ada")

    @pytest.mark.parametrize(
        ("status", "error"), [(416, RangeNotSatisfiable(48213)), (503, DatabaseUnavailable("db.internal:5432"))]
    )
    def test_of_an_error(self, raw_scope: Any, status: int, error: Exception) -> None:
        scope = raw_scope([])
        scope["imagevault"] = RequestContext(head=RequestHead.read(scope), request_id="a", network="192.0.2.1")

        problem, _ = describe(error, scope)

        assert (problem.status, problem.detail) == (status, DETAILS[status])

    @pytest.mark.parametrize(("status", "error"), [(502, httpx.DecodingError("")), (504, httpx.ReadTimeout(""))])
    async def test_of_a_failed_search(self, start: Any, status: int, error: Exception) -> None:
        api = await start()
        failure = to_provider_error(error, api.services.plugins.providers["pexels"])
        pexels = ProviderStatus(name="pexels", status=status_for(failure), detail=str(failure))

        failed = SearchFailed([pexels])

        assert (failed.http_status, str(failed)) == (status, DETAILS[status])

    def test_there_is_one_for_each_problem(self) -> None:
        tested = {*self.OVER_HTTP, 409, 429, 416, 502, 503, 504}

        assert tested == DETAILS.keys() == {status for status in STATUSES if status >= 400}


class TestServer:
    """The server never answers 5xx, and each response has a status, type and shape of the document."""

    @pytest.mark.parametrize("operation", sorted(OPERATIONS))
    def test_with_what_the_document_allows(self, kept: Any, signed_in: dict[str, str], operation: str) -> None:
        """Some rules are beyond a schema, so 400 is allowed."""
        method, _, path = operation.partition(" ")
        beyond = [schemathesis.checks.positive_data_acceptance]

        keeps_to_it(kept[path][method].as_strategy(), headers=signed_in, excluded_checks=beyond)

    @pytest.mark.parametrize("operation", sorted(WITH_INPUT))
    def test_with_what_it_forbids(self, kept: Any, signed_in: dict[str, str], operation: str) -> None:
        """Wrong types, missing fields and unknown parameters are refused with 4xx."""
        method, _, path = operation.partition(" ")

        keeps_to_it(kept[path][method].as_strategy(GenerationMode.NEGATIVE), headers=signed_in)

    def test_good_answers(self, kept: Any, signed_in: dict[str, str]) -> None:
        """A search, a look-up, a download and the ledger have the shape of the document."""
        with asgi.get_client(kept.app) as client:
            client.headers.update(signed_in)

            def ask(method: str, path: str, url: str = "", **more: Any) -> Any:
                answer = client.request(method, url or path, **more)
                assert answer.ok, answer.text
                kept[path][method].validate_response(answer)
                return answer

            image = ask("GET", "/search", "/search?q=mountain&provider=local").json()["images"][0]
            ask("GET", "/search", "/search?q=mountain&per_page=1&orientation=landscape")
            ask("GET", "/search", "/search?q=nothing-like-it")
            ask("GET", "/images/{id}", f"/images/{image['id']}")
            ask("POST", "/download", json={"image": image["id"], "project": "p"})
            ask("POST", "/download", json={"url": "https://a.example/b.jpg"})
            ask("GET", "/downloads", "/downloads?limit=1")
            ask("GET", "/downloads/taken", f"/downloads/taken?ids={image['id']}")
            ask("GET", "/projects")
            ask("POST", "/credits", json={"ids": [image["id"], "local:none.jpg"]})
            own = f"/downloads/{client.get('/downloads').json()['downloads'][0]['id']}"
            ask("GET", "/downloads/{id}", own)
            ask("PATCH", "/downloads/{id}", own, json={"note": None})
            ask("DELETE", "/downloads/{id}", own)
            link = urlsplit(image["renditions"][0]["url"])
            ask("GET", "/media/{provider}/{rendition}/{id}", f"{link.path}?{link.query}")
            for path in ("/providers", "/protected", "/health/live", "/health/ready"):
                ask("GET", path)
