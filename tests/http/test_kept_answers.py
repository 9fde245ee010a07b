"""Kept answers beside the ordinary way: nobody can tell which of the two answered."""

from collections.abc import AsyncIterator, Mapping
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from imagevault.asgi import create
from imagevault.config.settings import load
from imagevault.runtime.services import Services
from imagevault.testing.upstreams.pexels import SimulatedPexels
from tests.support.offline import OFFLINE
from tests.support.patience import PATIENT
from tests.support.tokens import token_of
from tests.support.waiting import EVENT_LIMIT, wait_until

PASSWORD = "violet-harbour-71"
SECRET = "a test secret of more than thirty-two bytes"
OWN = {"x-request-id", "server-timing", "ratelimit", "date"}  # differ from request to request
ORIGIN = "https://app.example"
PEXELS = "/search?q=fox&provider=pexels"
LOCAL = "/search?q=fox&provider=local"
TARGETS = [PEXELS, f"{PEXELS}&per_page=7", LOCAL, "/search?q=FOX", "/search?q=fox&provider=pexels,local,unsplash"]
ENCODINGS = [None, "gzip", "br, GZIP;q=0.5", "gzip;q=0", "*", "*;q=0, identity", "x-gzip", "gzip;q=0.000, br"]
REFUSED: list[tuple[str, str, dict[str, str]]] = [
    ("GET", PEXELS, {"Host": "evil.example"}),
    ("GET", PEXELS, {"Authorization": "Bearer wrong"}),
    ("GET", PEXELS, {"Authorization": "Basic YTpi"}),
    ("GET", PEXELS, {"Authorization": ""}),
    ("GET", f"{PEXELS}&x=1", {}),
    ("GET", f"{PEXELS}&q=fox", {}),
    ("GET", f"{PEXELS}%00", {}),
    ("GET", f"{PEXELS}%ff", {}),
    ("GET", PEXELS + "&" * 9000, {}),
    ("GET", PEXELS, {"X-Long": "x" * 20_000}),
    ("GET", PEXELS, {"Content-Length": "many"}),
    ("GET", PEXELS, {"Content-Length": "99999999"}),
    ("POST", PEXELS, {}),
    ("PUT", PEXELS, {}),
    ("DELETE", PEXELS, {}),
    ("OPTIONS", PEXELS, {}),
    ("OPTIONS", PEXELS, {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}),
]
pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Any]:
    """One gateway behind two edges: `kept` answers by kept answers where it can, `ordinary` never does.

    Its clock stands still unless a test moves it, so that no page is too old on a busy machine.
    """
    with SimulatedPexels() as pexels, pytest.MonkeyPatch.context() as patch:
        patch.setattr("imagevault.storage.clock.uptime", lambda: 1000.0)
        environ = {
            **OFFLINE,
            "SECRET_KEY": SECRET,
            **PATIENT,
            "UNSPLASH_ENABLED": "true",  # without its key
            "IMAGEVAULT_LIMITS_REQUESTS": "100000/second",
            "IMAGEVAULT_DEFAULT": "unsplash,pexels",
            "IMAGEVAULT_CORS_ORIGINS": ORIGIN,
            "PEXELS_API_KEY": pexels.key,
            "PEXELS_BASE_URL": pexels.url,
            "PEXELS_QUOTA": "1000/second",  # a call that waits would wait for this clock
        }
        folder = tmp_path_factory.mktemp("kept")
        services = Services(load(environ, folder))
        async with services.running():
            edges = {"kept": create(services), "ordinary": create(services)}
            edges["ordinary"].kept_answers = None
            await services.accounts.create("ada", PASSWORD)
            token = await token_of(services.accounts, "ada", PASSWORD)
            clients = {
                name: httpx.AsyncClient(transport=httpx.ASGITransport(edge), base_url="http://127.0.0.1:8000")
                for name, edge in edges.items()
            }
            yield SimpleNamespace(
                **clients,
                folder=folder,
                pexels=pexels,
                services=services,
                answers=services.gateway.pages.answers,
                headers={"Authorization": f"Bearer {token}"},
            )
            for client in clients.values():
                await client.aclose()


async def ask(client: httpx.AsyncClient, method: str, target: str, headers: Mapping[str, str]) -> httpx.Response:
    """Sends a request with exactly these headers, besides Host."""
    request = client.build_request(method, target, headers=headers)
    for name in ("accept-encoding", "accept", "user-agent", "connection"):
        if name not in {given.lower() for given in headers}:
            request.headers.pop(name, None)
    return await client.send(request)


async def assert_same(server: Any, method: str, target: str, headers: Mapping[str, str]) -> httpx.Response:
    """Asks both ways and compares all that a client sees. Returns the response of kept answers."""
    ordinary = await ask(server.ordinary, method, target, headers)
    kept = await ask(server.kept, method, target, headers)
    same = [response.headers.multi_items() for response in (ordinary, kept)]
    left, right = (sorted(item for item in items if item[0] not in OWN) for items in same)

    assert kept.status_code == ordinary.status_code, kept.text
    assert right == left
    assert {name for name, _ in same[0]} == {name for name, _ in same[1]}
    if kept.headers.get("content-type") == "application/problem+json" and method != "HEAD":
        assert {**kept.json(), "request_id": ""} == {**ordinary.json(), "request_id": ""}
    else:
        assert kept.content == ordinary.content
    return kept


def served_by(server: Any) -> int:
    """How many searches were answered by a kept answer."""
    return int(server.services.counters.counts.get(("kept_answers",), 0))


@pytest.fixture
async def warm(server: Any) -> Any:
    """The same, after each search was answered twice: the first answer was no hit, and the second is kept."""
    for target in TARGETS:
        for _ in range(2):
            response = await server.ordinary.get(target, headers=server.headers)
            assert response.status_code == 200
    return server


class TestBothWays:
    async def test_answer_searches_alike(self, warm: Any) -> None:
        """GET and HEAD, every encoding, from pages of all origins."""
        served = served_by(warm)
        cases = list(product(TARGETS, ("GET", "HEAD"), ENCODINGS, (None, ORIGIN, "https://other.example")))
        for target, method, encoding, origin in cases:
            headers = {**warm.headers}
            if encoding is not None:
                headers["Accept-Encoding"] = encoding
            if origin is not None:
                headers["Origin"] = origin
            response = await assert_same(warm, method, target, headers)
            assert response.status_code == 200
            compressed = encoding in {"gzip", "br, GZIP;q=0.5", "*", "x-gzip"}
            assert response.headers.get("content-encoding") == ("gzip" if compressed else None)
            assert bool(response.content) == (method == "GET")

        assert len(cases) > 60
        assert served_by(warm) - served == len(cases)

    async def test_answer_conditional_requests_alike(self, warm: Any) -> None:
        """304 has no body, and the headers that a cache needs (RFC 9110, 15.4.5)."""
        for target in TARGETS:
            tag = (await warm.kept.get(target, headers=warm.headers)).headers["etag"]
            assert tag.startswith('W/"')
            strong = tag.removeprefix("W/")
            for sent, status in [
                (tag, 304),
                (strong, 304),
                (f'"other", {tag}', 304),
                ("*", 304),
                ('"other"', 200),
                ("other", 200),
                ("", 200),
            ]:
                for method in ("GET", "HEAD"):
                    response = await assert_same(warm, method, target, {**warm.headers, "If-None-Match": sent})
                    assert response.status_code == status, sent
                    if status == 304:
                        assert response.content == b""
                        assert {"etag", "vary", "cache-control"} <= set(response.headers)
                        assert "content-type" not in response.headers

    @pytest.mark.parametrize(("method", "target", "headers"), REFUSED)
    async def test_refuse_alike(self, warm: Any, method: str, target: str, headers: dict[str, str]) -> None:
        """Each check of the ordinary way is made before an answer is looked for."""
        served = served_by(warm)

        response = await assert_same(warm, method, target, {**warm.headers, **headers})

        assert response.status_code != 200
        assert served_by(warm) == served

    async def test_limit_requests_alike(self, warm: Any) -> None:
        """A kept answer takes from the caller's bucket."""
        for client in (warm.kept, warm.ordinary):
            edge = client._transport.app
            edge.rate_limit.configure(load({"IMAGEVAULT_LIMITS_REQUESTS": "3/hour"}, warm.folder))
        try:
            responses = [await assert_same(warm, "GET", PEXELS, warm.headers) for _ in range(5)]
        finally:
            for client in (warm.kept, warm.ordinary):
                client._transport.app.rate_limit.configure(warm.services.settings)

        assert [response.status_code for response in responses] == [200, 200, 200, 429, 429]

    async def test_count_alike(self, warm: Any) -> None:
        """Statistics of the cache count the pages of a kept answer as hits, and their use is noted."""
        statistics = warm.services.statistics
        uses = warm.services.gateway.pages._uses
        seen = []
        for client in (warm.ordinary, warm.kept):
            statistics.counts.clear()
            warm.services.gateway.usage._counts.clear()
            uses._noted.clear()
            uses._waiting.clear()
            await client.get(PEXELS, headers=warm.headers)
            searches = list(warm.services.gateway.usage._counts.values())
            seen.append((dict(statistics.counts), set(uses._waiting), searches))

        assert seen[0] == seen[1]
        assert seen[0][0] == {("pexels", "hit"): 1}
        assert len(seen[0][1]) == 1
        assert seen[0][2] == [1]

    @pytest.mark.parametrize("path", ["/search/", "//search", "/SEARCH", "/search;x"])
    async def test_spell_the_path_alike(self, warm: Any, path: str) -> None:
        """Litestar takes some other spellings of a path, which are answered in the ordinary way."""
        served = served_by(warm)

        await assert_same(warm, "GET", PEXELS.replace("/search", path), warm.headers)

        assert served_by(warm) == served


class TestKept:
    async def test_are_fresh_answers_only(self, server: Any) -> None:
        """Neither a miss nor an answer of which a part failed is kept, nor the continuation of a walk."""
        target = "/search?q=otter&provider=pexels"
        first = await server.kept.get(target, headers=server.headers)
        second = await server.kept.get(target, headers=server.headers)
        served = served_by(server)
        third = await server.kept.get(target, headers=server.headers)
        following = f"/search?cursor={third.json()['next']}"
        for _ in range(3):
            await server.kept.get(following, headers=server.headers)

        assert [answer.json()["providers"][0]["cache"] for answer in (first, second, third)] == ["miss", "hit", "hit"]
        assert served_by(server) == served + 1
        assert second.content == third.content

    async def test_end_when_a_page_is_no_longer_fresh(self, warm: Any) -> None:
        """The ordinary way no longer calls it a hit."""
        clock = warm.services.gateway.clock
        cache_for = warm.services.plugins.providers["pexels"].info.cache_for
        target = "/search?q=lynx&provider=pexels"
        for _ in range(3):
            await warm.kept.get(target, headers=warm.headers)
        clock.offset += cache_for + 1
        served = served_by(warm)
        try:
            response = await warm.kept.get(target, headers=warm.headers)
        finally:
            clock.offset -= cache_for + 1
            await warm.services.gateway.pages.drain()

        assert served_by(warm) == served
        assert response.json()["providers"][0]["cache"] != "hit"

    async def test_end_with_the_settings(self, warm: Any) -> None:
        """A provider that was switched off is in force at once."""
        services = warm.services
        changed = load(
            {**{name: value.value for name, value in services.settings.environment.items()}, "PEXELS_ENABLED": "false"},
            warm.folder,
        )
        before = services.settings
        try:
            services.live._put_in_force(changed, services.live._configure_providers(changed))
            responses = [await assert_same(warm, "GET", target, warm.headers) for target in TARGETS[:3]]
        finally:
            services.live._put_in_force(before, services.live._configure_providers(before))

        assert [response.status_code for response in responses] == [400, 400, 200]
        assert "switched off" in responses[0].json()["detail"]

    async def test_are_not_those_of_other_keys(self, warm: Any) -> None:
        """A key that is limited to one provider never sees the answer of another list of providers."""
        keys = {}
        for name, providers in {"pexels": ["pexels"], "local": ["local"], "both": ["local", "pexels"]}.items():
            body = {"name": name, "scopes": ["search"], "providers": providers}
            made = await warm.ordinary.post("/api-keys", json=body, headers=warm.headers)
            keys[name] = {"Authorization": f"Bearer {made.json()['key']}"}
        for name, target in product(keys, ["/search?q=fox", "/search?q=fox&provider=all", *TARGETS]):
            for _ in range(3):
                await assert_same(warm, "GET", target, keys[name])
        served = served_by(warm)
        listed = {
            name: [
                status["name"]
                for status in (await warm.kept.get("/search?q=fox&provider=all", headers=keys[name])).json()[
                    "providers"
                ]
            ]
            for name in keys
        }

        assert listed == {"pexels": ["pexels"], "local": ["local"], "both": ["local", "pexels"]}
        assert served_by(warm) > served
        refused = await assert_same(warm, "GET", PEXELS, keys["local"])
        assert refused.status_code == 403

    async def test_are_not_for_keys_without_the_scope(self, warm: Any) -> None:
        body = {"name": "downloads", "scopes": ["downloads"]}
        made = await warm.ordinary.post("/api-keys", json=body, headers=warm.headers)

        refused = await assert_same(warm, "GET", PEXELS, {"Authorization": f"Bearer {made.json()['key']}"})

        assert refused.status_code == 403

    async def test_are_of_the_same_image_and_its_list_too(self, warm: Any) -> None:
        """`/images` has entity tags as well; both are private."""
        id = (await warm.kept.get(PEXELS, headers=warm.headers)).json()["images"][0]["id"]
        for target in (f"/images/{id}", f"/images?ids={id}"):
            whole = await warm.kept.get(target, headers=warm.headers)
            tag = whole.headers["etag"]
            again = await warm.kept.get(target, headers={**warm.headers, "If-None-Match": tag})

            assert whole.headers["cache-control"].startswith("private")
            assert "Authorization" in whole.headers["vary"]
            assert again.status_code == 304


@pytest.mark.processes
class TestTwoWorkers:
    def test_a_revoked_key_and_a_switched_off_provider_are_in_force(
        self, serve: Any, here: Any, tmp_path: Path, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """In each worker, although both keep the answer."""
        (tmp_path / "imagevault.toml").write_text("deadline = 20\n")
        environ = {**configured, "SECRET_KEY": SECRET, "IMAGEVAULT_WORKERS": "2", "IMAGEVAULT_LOG": "json"}
        server = serve(environ).wait_until_ready()
        account = {"username": "ada", "password": PASSWORD}

        def answers() -> set[int]:
            """Statuses of several new connections, which reach both workers sooner or later."""
            return {
                httpx.get(f"{server.url}{PEXELS}", headers=headers, timeout=EVENT_LIMIT).status_code for _ in "12345"
            }

        httpx.post(f"{server.url}/signup", json=account, timeout=EVENT_LIMIT).raise_for_status()
        token = httpx.post(f"{server.url}/token", data=account, timeout=EVENT_LIMIT).json()["access_token"]
        person = {"Authorization": f"Bearer {token}"}
        body = {"name": "a test", "scopes": ["search"]}
        key = httpx.post(f"{server.url}/api-keys", json=body, headers=person, timeout=EVENT_LIMIT).json()
        headers = {"Authorization": f"Bearer {key['key']}"}

        def both_answer() -> bool:
            answers()
            lines = [line for line in server.lines("request") if line["path"] == "/search"]
            by_worker = [sum(line["pid"] == pid for line in lines) for pid in {line["pid"] for line in lines}]
            return len(by_worker) == 2 and min(by_worker) >= 3

        wait_until(both_answer, "both workers to keep the answer")
        assert answers() == {200}

        (tmp_path / "imagevault.toml").write_text("deadline = 20\n[providers.pexels]\nenabled = false\n")
        wait_until(lambda: answers() == {400}, "the provider to be off in both")
        (tmp_path / "imagevault.toml").write_text("deadline = 20\n")
        wait_until(lambda: answers() == {200}, "the provider to be on again")

        revoked = httpx.delete(f"{server.url}/api-keys/{key['id']}", headers=person, timeout=EVENT_LIMIT)
        assert revoked.status_code == 204
        wait_until(lambda: answers() == {401}, "the key to be refused in both")
