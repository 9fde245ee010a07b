"""What an API key opens: the routes of its scopes, with its providers, at its rate."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from imagevault.accounts.tables import ApiKey
from imagevault.http.app import create_app
from imagevault.security.caller import SCOPES

FOX = "local:fox-in-snow.jpg"
# Each route once, with the scopes of which a key needs one. None: no key passes. The others are open to anybody.
ROUTES: dict[tuple[str, str], set[str] | None] = {
    ("GET", "/search?q=fox&provider=local"): {"search"},
    ("GET", f"/images/{FOX}"): {"search"},
    ("GET", f"/images?ids={FOX}"): {"search"},
    ("GET", "/providers"): {"search", "admin"},
    ("POST", "/download"): {"downloads"},
    ("GET", "/downloads"): {"downloads"},
    ("GET", "/protected"): set(SCOPES),
    ("GET", "/api-keys"): None,
    ("POST", "/api-keys"): None,
    ("PUT", "/account/password"): None,
    ("POST", "/logout"): None,
    ("DELETE", "/api-keys/7f0e8a4c-52b1-4a57-9d0c-8a1f3e6b9c25"): None,
}
# How the paths of a family begin, and the scopes of which a key needs one.
FAMILIES: dict[str, set[str]] = {
    "/search": {"search"},
    "/images": {"search"},
    "/providers": {"search", "admin"},
    "/download": {"downloads"},
    "/projects": {"downloads"},
    "/protected": set(SCOPES),
    "/credits": {"search", "downloads"},
    "/usage": set(SCOPES),
}
BODIES = {"/download": {"image": FOX}, "/api-keys": {"name": "another", "scopes": ["search"]}}


@pytest.fixture
async def make_key(api: Any) -> AsyncIterator[Any]:
    """A maker of keys that belong to ada.

    `headers = await make_key(["search"], providers=["local"])`
    """

    async def make_key(scopes: list[str], headers: dict[str, str] | None = None, **more: Any) -> dict[str, str]:
        body = {"name": "a test", "scopes": scopes, **more}
        answer = await api.post("/api-keys", json=body, headers=headers or api.headers)
        assert answer.status_code == 201, answer.text
        return {"Authorization": f"Bearer {answer.json()['key']}"}

    yield make_key
    await ApiKey.delete(force=True)
    api.services.credentials.verified.clear()


@contextlib.asynccontextmanager
async def admin(api: Any) -> AsyncIterator[None]:
    """Ada is an admin inside."""
    await api.services.accounts.set_admin("ada", is_admin=True)
    api.services.credentials.verified.clear()
    yield
    await api.services.accounts.set_admin("ada", is_admin=False)
    api.services.credentials.verified.clear()


class TestScopes:
    async def test_a_key_opens_the_routes_of_its_scopes_only(self, api: Any, make_key: Any) -> None:
        """Every route with a key of each scope; what refuses says which scope it needs (RFC 6750, 3.1)."""
        async with admin(api):
            keys = {scope: await make_key([scope]) for scope in SCOPES}
            for (method, path), scopes in ROUTES.items():
                body = BODIES.get(path) if method == "POST" else None
                for scope, headers in keys.items():
                    answer = await api.client.request(method, path, json=body, headers=headers)
                    is_open = scopes is not None and scope in scopes

                    assert (answer.status_code == 403) != is_open, (method, path, scope, answer.text)
                    if not is_open and scopes:
                        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
                        assert "lacks the scope" in answer.json()["detail"]
                    elif not is_open:
                        assert "sign in" in answer.json()["detail"]

    async def test_every_route_says_who_may_call_it(self, api: Any) -> None:
        """A new route is closed to keys, unless it belongs to a family that keys of a scope may use."""
        handlers = [
            handler
            for route in create_app(api.services).routes
            for handler in getattr(route, "route_handlers", ())
            if handler.include_in_schema and handler.opt.get("open") is not True
        ]
        assert len(handlers) >= len(ROUTES)
        for handler in handlers:
            for path in handler.paths:
                family = next((family for family in FAMILIES if path.startswith(family)), None)
                expected = FAMILIES[family] if family else set()

                assert set(handler.opt.get("scopes", ())) == expected, path

    async def test_pages_are_for_people(self, api: Any, make_key: Any) -> None:
        """A page searches too, so a key would pass by its scopes and providers there."""
        headers = await make_key(["downloads"])

        for path in ("/", "/?q=fox", f"/picture/{FOX}"):
            assert (await api.get(path, headers=headers)).status_code == 403, path

    async def test_a_persons_token_opens_all_of_them(self, api: Any) -> None:
        for method, path in ROUTES.keys() - {("POST", "/logout"), ("PUT", "/account/password")}:
            body = BODIES.get(path) if method == "POST" else None

            answer = await api.client.request(method, path, json=body, headers=api.headers)

            assert answer.status_code < 300 or path.startswith("/api-keys/"), (method, path, answer.text)
        await ApiKey.delete(force=True)

    async def test_admin_shows_the_admins_list(self, api: Any, make_key: Any) -> None:
        """A key of an admin without the scope sees what everybody sees."""
        async with admin(api):
            with_scope = await api.get("/providers", headers=await make_key(["admin"]))
            without = await api.get("/providers", headers=await make_key(["search"]))

            assert with_scope.json()["cache"] is not None
            assert without.json()["cache"] is None

    async def test_says_who_it_is(self, api: Any, make_key: Any) -> None:
        answer = await api.get("/protected", headers=await make_key(["interactive"]))

        assert (answer.json()["username"], answer.json()["is_admin"]) == ("ada", False)


class TestLifeOfAKey:
    async def test_is_made_listed_used_and_revoked(self, api: Any, make_key: Any) -> None:
        """As a client does it. The list never shows the key."""
        body = {"name": "catalogue", "scopes": ["search"], "rate": "60/minute", "expires_at": "2999-01-01T00:00:00Z"}
        made = await api.post("/api-keys", json=body, headers=api.headers)
        key = {"Authorization": f"bearer {made.json()['key']}"}
        listed = await api.get("/api-keys", headers=api.headers)
        used = await api.get("/protected", headers=key)
        revoked = await api.client.delete(f"/api-keys/{made.json()['id']}", headers=api.headers)
        refused = await api.get("/protected", headers=key)
        again = await api.client.delete(f"/api-keys/{made.json()['id']}", headers=api.headers)

        statuses = [answer.status_code for answer in (made, listed, used, revoked, refused, again)]
        assert statuses == [201, 200, 200, 204, 401, 404]
        assert (made.headers["cache-control"], revoked.content) == ("no-store", b"")
        [shown] = listed.json()["keys"]
        assert made.json() == {**shown, "key": made.json()["key"]}
        assert made.json()["key"].startswith(shown["prefix"])

    async def test_every_bad_credential_gets_the_same_answer(self, api: Any, make_key: Any) -> None:
        """Unknown, revoked, malformed: nobody learns which."""
        good = (await make_key(["search"]))["Authorization"]
        await ApiKey.delete(force=True)
        api.services.credentials.verified.clear()
        letter = "a" if good[-10] != "a" else "b"
        bad = [good, good[:-10] + letter + good[-9:], good[:-1], "Bearer iv_", f"Bearer {'iv_' + 'a' * 36}", "Bearer x"]
        answers = [await api.get("/protected", headers={"Authorization": header}) for header in bad]

        assert {answer.status_code for answer in answers} == {401}
        assert len({answer.json()["detail"] for answer in answers}) == 1
        assert {answer.headers["www-authenticate"] for answer in answers} == {'Bearer error="invalid_token"'}

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"scopes": ["search"]}, "name"),
            ({"name": "x"}, "scopes"),
            ({"name": "x", "scopes": "search"}, "scopes"),
            ({"name": "x", "scopes": ["root"]}, "scopes"),
            ({"name": "x\0", "scopes": ["search"]}, "body"),
            ({"name": "x\u202e", "scopes": ["search"]}, "name"),
            ({"name": "x", "scopes": ["search"], "is_admin": True}, "is_admin"),
            ({"name": "x", "scopes": ["search"], "rate": 60}, "rate"),
            ({"name": "x", "scopes": ["search"], "providers": ["nosuch"]}, "providers"),
            ({"name": "x", "scopes": ["search"], "expires_at": "tomorrow"}, "expires_at"),
            ({"name": "x", "scopes": ["search"], "expires_at": "2999-01-01T00:00:00"}, "expires_at"),
            ({"name": "x", "scopes": ["search"], "expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at"),
        ],
    )
    async def test_bad_input_names_the_field(self, api: Any, body: dict[str, Any], field: str) -> None:
        answer = await api.post("/api-keys", json=body, headers=api.headers)

        assert answer.status_code == 400
        assert field in answer.json()["errors"][0]["field"]

    async def test_a_body_beyond_its_limit_is_not_read(self, api: Any) -> None:
        answer = await api.post("/api-keys", json={"name": "x" * 5000, "scopes": ["search"]}, headers=api.headers)

        assert answer.status_code == 413

    async def test_an_id_that_is_none_is_refused(self, api: Any) -> None:
        answer = await api.client.delete("/api-keys/1", headers=api.headers)

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "id")


class TestProviders:
    """A key that is limited to providers."""

    @pytest.fixture
    async def local_only(self, make_key: Any) -> dict[str, str]:
        return dict(await make_key(["search", "downloads"], providers=["local"]))

    @pytest.mark.parametrize(
        "path",
        [
            "/search?q=fox&provider=met",
            "/search?q=fox&provider=local,met",
            "/search?q=fox&provider=met&page=1",
            "/images/met:436535",
        ],
    )
    async def test_another_one_is_forbidden(self, api: Any, local_only: dict[str, str], path: str) -> None:
        """The answer says what the key is limited to."""
        answer = await api.get(path, headers=local_only)

        assert answer.status_code == 403
        assert answer.json()["detail"] == "This API key is limited to local. It does not allow met."

    async def test_the_only_one_may_be_switched_off(self, start: Any) -> None:
        """Then there is no other name to offer."""
        api = await start({"MET_ENABLED": "false"})
        wanted = {"name": "x", "scopes": ["search"], "providers": ["met"]}
        key = (await api.post("/api-keys", json=wanted, headers=await api.sign_in())).json()["key"]

        answer = await api.get("/search?q=fox&provider=met", headers={"Authorization": f"Bearer {key}"})

        assert answer.json()["errors"] == [{"field": "provider", "message": "met is switched off here."}]

    async def test_all_and_the_default_chain_mean_the_allowed_ones(self, api: Any, local_only: dict[str, str]) -> None:
        for query in ("q=fox", "q=fox&provider=all", "q=fox&provider=local"):
            answer = await api.get(f"/search?{query}", headers=local_only)

            assert [status["name"] for status in answer.json()["providers"]] == ["local"], query

    async def test_without_one_of_the_default_chain_all_allowed_ones_are_the_chain(
        self, api: Any, make_key: Any
    ) -> None:
        """The default chain is pexels and local here; neither is allowed."""
        answer = await api.get("/search?q=fox", headers=await make_key(["search"], providers=["unsplash", "nasa"]))

        assert answer.status_code != 403
        assert [status["name"] for status in answer.json()["providers"]] == ["nasa", "unsplash"]

    async def test_a_cursor_of_another_one_is_forbidden(self, api: Any, make_key: Any) -> None:
        """Also the walk that somebody else began."""
        page = await api.get("/search?q=mountain&provider=local&per_page=1", headers=api.headers)
        elsewhere = await make_key(["search"], providers=["met"])

        answer = await api.get(f"/search?cursor={page.json()['next']}", headers=elsewhere)

        assert answer.status_code == 403

    async def test_its_own_walk_goes_on(self, api: Any, local_only: dict[str, str]) -> None:
        page = await api.get("/search?q=mountain&provider=all&per_page=1", headers=local_only)

        for more in ("", "&provider=all", "&provider=local"):
            answer = await api.get(f"/search?cursor={page.json()['next']}{more}", headers=local_only)

            assert answer.status_code == 200

    async def test_of_several_images_those_of_others_are_forbidden(self, api: Any, local_only: dict[str, str]) -> None:
        """Each has its own status."""
        answer = await api.get(f"/images?ids={FOX},met:436535", headers=local_only)

        assert [image["status"] for image in answer.json()["images"]] == ["ok", "forbidden"]

    async def test_a_download_of_another_one_is_forbidden(self, api: Any, local_only: dict[str, str]) -> None:
        """By its id, and by the address of its file; an address of nobody is nobody's."""
        bodies = [
            {"image": "met:436535"},
            {"url": "https://images.metmuseum.org/CRDImages/ep/original/DT1567.jpg"},
            {"image": FOX},
            {"url": "https://a.example/b.jpg"},
        ]
        answers = [await api.post("/download", json=body, headers=local_only) for body in bodies]

        assert [answer.status_code for answer in answers] == [403, 403, 201, 201]

    async def test_the_list_shows_the_allowed_ones(self, api: Any, local_only: dict[str, str]) -> None:
        answer = await api.get("/providers", headers=local_only)

        assert [provider["name"] for provider in answer.json()["providers"]] == ["local"]

    async def test_errors_name_the_allowed_ones_only(self, api: Any, local_only: dict[str, str]) -> None:
        answer = await api.get("/search?q=fox&provider=locl", headers=local_only)

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["message"].endswith("There are: local.")


class TestRate:
    async def test_a_key_has_its_own_limit_beside_the_accounts(self, api: Any, make_key: Any) -> None:
        """Two requests, then 429 with the time; the account goes on. Both limits stand in the headers."""
        slow = await make_key(["search"], rate="2/hour")

        answers = [await api.get("/protected", headers=slow) for _ in range(3)]
        account = await api.get("/protected", headers=api.headers)

        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[0].headers["ratelimit-policy"].startswith('"key";q=2;w=3600, "requests";')
        assert answers[0].headers["ratelimit"].startswith('"key";r=1;t=')
        assert 1 <= int(answers[2].headers["retry-after"]) <= 1800
        assert account.status_code == 200

    async def test_its_requests_count_for_the_account_too(self, start: Any) -> None:
        """A hundred keys send no more than one account may."""
        api = await start({"IMAGEVAULT_LIMITS_REQUESTS": "6/hour"})
        headers = await api.sign_in()
        body = {"name": "x", "scopes": ["search"], "rate": "1000/second"}
        keys = [(await api.post("/api-keys", json=body, headers=headers)).json()["key"] for _ in range(2)]

        statuses = [
            (await api.get("/protected", headers={"Authorization": f"Bearer {key}"})).status_code
            for key in keys
            for _ in range(3)
        ]

        assert statuses == [200, 200, 200, 200, 429, 429]
