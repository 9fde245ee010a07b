"""The server conforms to its OpenAPI document with every credential, on both engines, and tells nobody too much."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import checks
from schemathesis.generation import GenerationMode
from schemathesis.python import asgi

from imagevault.asgi import create
from imagevault.config.settings import load
from imagevault.runtime.services import Services
from imagevault.security.caller import SCOPES
from tests.support.offline import OFFLINE

PASSWORD = "copper-lantern-93"  # the document has other ones in its examples
SECRET = "a test secret of more than thirty-two bytes"
CREDENTIALS = {"none", "token", "token of an admin", *SCOPES}
CHECKS = [checks.not_a_server_error, checks.status_code_conformance, checks.response_schema_conformance]
# A person who calls them has no credential afterwards, so they are called with the others only.
ENDING = {("post", "/logout"), ("put", "/account/password"), ("delete", "/account")}
BOBS = "a-thing-of-bob"


class Conforming:
    """A server in this process, bound to its document, and everybody who calls it.

    Attributes:
        schema: the document.
        headers: the headers of each credential, all of them of ada, except those of the admin root.
        secrets: what no answer may say.
        ids_of_bob: the paths of what belongs to bob.

    """

    def __init__(self, environ: dict[str, str], folder: Path) -> None:
        services = Services(load(environ, folder))
        asyncio.run(_create_admin(services))
        self.schema: Any = schemathesis.openapi.from_asgi("/docs/openapi.json", create(Services(load(environ, folder))))
        with asgi.get_client(self.schema.app) as client:
            self._meet(client)

    def _meet(self, client: Any) -> None:
        for name in ("ada", "bob"):
            assert client.post("/signup", json={"username": name, "password": PASSWORD}).status_code == 201
        ada, bob, root = (_sign_in(client, name) for name in ("ada", "bob", "root"))
        keys: dict[str, dict[str, str]] = {
            scope: _make_key(client, root if scope == "admin" else ada, scope) for scope in SCOPES
        }
        taken = client.post("/download", json={"url": "https://a.example/b.jpg", "project": BOBS}, headers=bob)
        made = client.post("/api-keys", json={"name": BOBS, "scopes": ["search"]}, headers=bob)
        self.ids_of_bob = {"/downloads/{id}": taken.json()["id"], "/api-keys/{id}": made.json()["id"]}
        self.bob = bob
        self.headers: dict[str, dict[str, str]] = {"none": {}, "token": ada, "token of an admin": root, **keys}
        sent = [*self.headers.values(), bob]
        self.secrets = {SECRET, PASSWORD, "$argon2", made.json()["key"]}
        self.secrets |= {headers["Authorization"].removeprefix("Bearer ") for headers in sent if headers}

    def assert_discreet(self, answer: str) -> None:
        """Fails if an answer to somebody else tells of bob, or of a secret."""
        assert BOBS not in answer
        assert not [secret for secret in self.secrets if secret in answer]


async def _create_admin(services: Services) -> None:
    async with services.running():
        await services.accounts.create("root", PASSWORD, is_admin=True)


def _sign_in(client: Any, username: str) -> dict[str, str]:
    answer = client.post("/token", data={"username": username, "password": PASSWORD})
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def _make_key(client: Any, headers: dict[str, str], scope: str) -> dict[str, str]:
    answer = client.post("/api-keys", json={"name": scope, "scopes": [scope]}, headers=headers)
    return {"Authorization": f"Bearer {answer.json()['key']}"}


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[Conforming]:
    """The server of this test."""
    environ = {
        **OFFLINE,
        "SECRET_KEY": SECRET,
        "DATABASE_URL": database_url,
        "IMAGEVAULT_ALLOWED_HOSTS": "testserver",
        "IMAGEVAULT_LIMITS_REQUESTS": "1000000/second",
        "IMAGEVAULT_LIMITS_SIGNUP": "1000000/second",
    }
    yield Conforming(environ, tmp_path)
    asgi.shutdown_lifespans()


@pytest.mark.soak
def test_every_operation_with_every_credential(server: Conforming) -> None:
    """No 5xx, no status or body that is not documented, nothing of another account, and no secret in an answer."""
    assert set(server.headers) == CREDENTIALS
    for result in server.schema.get_all_operations():
        operation = result.ok()
        is_ending = (operation.method, operation.path) in ENDING
        callers = [name for name in server.headers if not (is_ending and name.startswith("token"))]
        for mode in GenerationMode:
            _conforms(server, operation.as_strategy(mode), callers)
    with asgi.get_client(server.schema.app) as client:
        for name, headers in server.headers.items():  # nothing has ended one of them in the meantime
            assert client.get("/protected", headers=headers).status_code == (401 if name == "none" else 200), name


def _conforms(server: Conforming, strategy: Any, callers: list[str]) -> None:
    @given(case=strategy)
    @settings(max_examples=5, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    def run(case: Any) -> None:
        for name in callers:
            answer = case.call_and_validate(headers=server.headers[name], checks=CHECKS)
            server.assert_discreet(answer.text)

    with contextlib.suppress(Unsatisfiable):  # the operation takes no input that could be wrong
        run()


def test_what_belongs_to_another_is_not_there(server: Conforming) -> None:
    """Every operation on one thing, with its right id and every credential: nobody reads, changes or deletes it."""
    with asgi.get_client(server.schema.app) as client:
        for result in server.schema.get_all_operations():
            operation = result.ok()
            if operation.path not in server.ids_of_bob:
                continue
            path = operation.path.replace("{id}", server.ids_of_bob[operation.path])
            body = {"json": {"note": "mine now"}} if operation.method == "patch" else {}
            for name, headers in server.headers.items():
                answer = client.request(operation.method, path, headers=headers, **body)

                assert answer.status_code in {401, 403, 404}, (operation.method, path, name)
                server.assert_discreet(answer.text)
        mine = client.get("/downloads", headers=server.bob).json()["downloads"]
        assert [(download["project"], download["note"]) for download in mine] == [(BOBS, None)]
        assert [key["name"] for key in client.get("/api-keys", headers=server.bob).json()["keys"]] == [BOBS]
