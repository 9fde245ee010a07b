"""Several providers at once, over real HTTP: merged, walked, isolated from each other."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagevault.testing import Answer, Upstream, faults
from imagevault.testing.upstreams.openverse import SimulatedOpenverse
from imagevault.testing.upstreams.openverse_works import find
from imagevault.testing.upstreams.pexels import SimulatedPexels
from tests.support.waiting import EVENT_LIMIT, wait_until

THIRD = '''"""A provider of thirty lines."""

import httpx

from imagevault import Image, License, Page, ProviderInfo, Rendition, SearchQuery, hookimpl


@hookimpl
def provider_info() -> ProviderInfo:
    return ProviderInfo(
        title="Third",
        homepage="https://third.example",
        base_url="https://api.third.example/",
        page_size=10,
        license=License("cc0-1.0", "CC0 1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
        file_hosts={"files.third.example"},
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient) -> Page:
    response = await http.get("pictures", params={"q": query.text, "page": query.page})
    response.raise_for_status()
    found = response.json()["pictures"]
    return Page([_image(each) for each in found], last=len(found) < 10)


def _image(found: dict[str, str]) -> Image:
    url = f"https://files.third.example/{found['id']}.jpg"
    return Image(id=found["id"], title=found["title"], renditions=[Rendition(name="original", url=url)])
'''


@pytest.fixture
def openverse() -> Iterator[SimulatedOpenverse]:
    with SimulatedOpenverse() as openverse:
        yield openverse


@pytest.fixture
def third() -> Iterator[Upstream]:
    upstream = Upstream("/")

    @upstream.get("pictures")
    def pictures(call: Any) -> object:
        first = 10 * (int(call.query["page"]) - 1)
        count = max(0, min(10, 25 - first))
        return {"pictures": [{"id": f"t{first + n}", "title": f"Picture {first + n}"} for n in range(count)]}

    with upstream:
        yield upstream


@pytest.fixture
def environ(
    tmp_path: Path,
    pexels: SimulatedPexels,
    configured: dict[str, str],
    openverse: SimulatedOpenverse,
    third: Upstream,
) -> dict[str, str]:
    """Three providers on loopback, the third a plugin in a folder."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "third.py").write_text(THIRD)
    return {
        **configured,
        "OPENVERSE_ENABLED": "true",
        "OPENVERSE_BASE_URL": openverse.url,
        "THIRD_BASE_URL": third.url,
        "LOCAL_ENABLED": "false",
        "IMAGEVAULT_PLUGINS_DIR": "plugins",
    }


async def search(api: Any, headers: dict[str, str], **params: Any) -> httpx.Response:
    return await api.get("/search", params=params, headers=headers)  # type: ignore[no-any-return]


def ids(response: httpx.Response) -> list[str]:
    return [image["id"] for image in response.json()["images"]]


def words(response: httpx.Response) -> dict[str, str]:
    return {each["name"]: each["status"] for each in response.json()["providers"]}


class TestMerging:
    async def test_takes_one_from_each_in_turn(self, start: Any, environ: dict[str, str]) -> None:
        """In the order in which they are named; all of them with `all`."""
        api = await start(environ)
        headers = await api.sign_in()

        two = await search(api, headers, q="nature", provider="third,pexels", per_page=6)
        every = await search(api, headers, q="nature", provider="all", per_page=9)

        assert [id.partition(":")[0] for id in ids(two)] == ["third", "pexels"] * 3
        assert [id.partition(":")[0] for id in ids(every)] == ["openverse", "pexels", "third"] * 3

    async def test_walks_all_to_the_end_without_repeat_or_gap(
        self, start: Any, environ: dict[str, str], pexels: SimulatedPexels
    ) -> None:
        """Every picture of every list once, in pages of changing size, with failures that come and go."""
        api = await start(environ)
        headers = await api.sign_in()
        seen: list[str] = []
        params: dict[str, Any] = {"q": "red fox", "provider": "all"}
        size = 7
        for number in range(200):
            if number % 9 == 4:
                pexels.fail(Answer("", 500), times=1)
            response = await search(api, headers, per_page=size, **params)
            assert response.status_code == 200, response.text
            seen += ids(response)
            halted = [each for each in response.json()["providers"] if each["status"] != "ok" or each["detail"]]
            following = response.json()["next"]
            if following is None:
                break
            assert len(ids(response)) == size or halted
            params, size = {"cursor": following}, size % 40 + 5
        else:
            raise AssertionError("the walk does not end")

        assert len(set(seen)) == len(seen)
        assert {id for id in seen if id.startswith("third:")} == {f"third:t{n}" for n in range(25)}
        assert len([id for id in seen if id.startswith("openverse:")]) > 20
        assert len([id for id in seen if id.startswith("pexels:")]) > 80

    async def test_no_page_shows_more_of_one_than_its_terms_allow(
        self, start: Any, environ: dict[str, str], tmp_path: Path
    ) -> None:
        """Alone or merged, by cursor or by page; the answer says so, and nothing of the list is passed over."""
        (tmp_path / "plugins" / "third.py").write_text(THIRD.replace("page_size=10,", "page_size=10, max_shown=4,"))
        api = await start(environ)
        headers = await api.sign_in()

        alone = await search(api, headers, q="fox", provider="third", per_page=10)
        pages = [await search(api, headers, q="fox", provider="third", per_page=10, page=n) for n in range(1, 8)]
        merged = await search(api, headers, q="nature", provider="third,pexels", per_page=30)

        assert ids(alone) == [f"third:t{n}" for n in range(4)]
        assert "4 of its images" in alone.json()["providers"][0]["detail"]
        assert [id for page in pages for id in ids(page)] == [f"third:t{n}" for n in range(25)]
        assert len(ids(merged)) == 30
        assert sum(id.startswith("third:") for id in ids(merged)) == 4

    async def test_the_same_picture_of_two_providers_is_shown_once(
        self, start: Any, environ: dict[str, str], openverse: SimulatedOpenverse
    ) -> None:
        """By its page; `also_from` names the other one."""
        api = await start(environ)
        headers = await api.sign_in()
        picture = (await search(api, headers, q="red fox", provider="pexels", per_page=1)).json()["images"][0]
        openverse.source_pages[find("red fox")[0].id] = picture["source_url"]

        merged = (await search(api, headers, q="red fox", provider="pexels,openverse", per_page=10)).json()["images"]

        same = [image for image in merged if image["source_url"] == picture["source_url"]]
        assert [(image["id"], image["also_from"]) for image in same] == [(picture["id"], ["openverse"])]

    async def test_each_filters_in_its_own_way(self, start: Any, environ: dict[str, str]) -> None:
        """Natively, emulated, or left out with the filter's name; the others answer."""
        api = await start(environ)

        response = await search(
            api,
            await api.sign_in(),
            q="nature",
            provider="all",
            orientation="landscape",
            color="red",
            license="commercial",
        )

        assert words(response) == {"openverse": "unsupported", "pexels": "ok", "third": "unsupported"}
        details = {each["name"]: each["detail"] for each in response.json()["providers"]}
        assert "color=red" in details["third"]
        assert {image["provider"] for image in response.json()["images"]} == {"pexels"}


class TestIsolation:
    async def test_a_hanging_and_a_broken_one_do_not_spoil_the_rest(
        self,
        start: Any,
        environ: dict[str, str],
        pexels: SimulatedPexels,
        openverse: SimulatedOpenverse,
        third: Upstream,
    ) -> None:
        """Pictures and three statuses by the deadline; the late page is there the next time."""
        api = await start({**environ, "IMAGEVAULT_DEADLINE": "5"})
        headers = await api.sign_in()
        pexels.fail(faults.delay(0.05), times=1)
        openverse.fail(faults.hang(), times=1)
        third.fail(Answer("", 500))

        response = await search(api, headers, q="nature", provider="all", per_page=20)
        openverse.heal()
        third.heal()
        pages = api.services.gateway.pages
        await pages.drain()
        again = await search(api, headers, q="nature", provider="openverse", per_page=5)

        assert words(response) == {"pexels": "ok", "openverse": "timeout", "third": "unavailable"}
        assert len(ids(response)) == 20
        assert again.json()["providers"][0]["cache"] == "hit"

    async def test_all_limited_says_when_the_first_is_free(
        self,
        start: Any,
        environ: dict[str, str],
        pexels: SimulatedPexels,
        openverse: SimulatedOpenverse,
        third: Upstream,
    ) -> None:
        """503 with the soonest Retry-After."""
        api = await start(environ)
        for upstream, wait in ((pexels, 50), (openverse, 20), (third, 30)):
            upstream.fail(Answer({}, 429, {"Retry-After": str(wait)}))

        response = await search(api, await api.sign_in(), q="nature", provider="all")

        assert (response.status_code, response.headers["retry-after"]) == (503, "20")
        assert set(words(response).values()) == {"rate_limited"}

    async def test_a_cursor_stays_good_when_all_that_remain_fail(
        self, start: Any, environ: dict[str, str], third: Upstream
    ) -> None:
        """The error status now, the rest later, nothing lost."""
        api = await start(environ)
        headers = await api.sign_in()
        first = await search(api, headers, q="nature", provider="third", per_page=10)
        third.fail(Answer("", 500))
        cursor = first.json()["next"]

        failed = await search(api, headers, cursor=cursor)
        third.heal()
        after = await search(api, headers, cursor=cursor, per_page=100)

        assert failed.status_code == 502
        assert ids(first) + ids(after) == [f"third:t{n}" for n in range(25)]

    async def test_a_finished_provider_is_no_answer(self, start: Any, environ: dict[str, str], third: Upstream) -> None:
        """What remains is out of calls: 503 with the time, although the other provider said that its list is over."""
        api = await start({**environ, "LOCAL_ENABLED": "true"})
        headers = await api.sign_in()
        answer = await search(api, headers, q="fox", provider="local,third", per_page=12)
        third.fail(Answer({}, 429, {"Retry-After": "77"}))
        while answer.status_code == 200:
            answer = await search(api, headers, cursor=answer.json()["next"], per_page=12)

        assert (answer.status_code, answer.headers["retry-after"]) == (503, "77")
        assert set(words(answer)) == {"third"}

    async def test_an_image_of_a_plugin_that_cannot_look_one_up(self, start: Any, environ: dict[str, str]) -> None:
        """404; but what was searched is known."""
        api = await start(environ)
        headers = await api.sign_in()

        unknown = await api.get("/images/third:t3", headers=headers)
        await search(api, headers, q="nature", provider="third")
        known = await api.get("/images/third:t3", headers=headers)

        assert (unknown.status_code, known.status_code) == (404, 200)


class TestPluginFolder:
    def test_a_file_dropped_in_is_searched_under_reload(
        self, serve: Any, tmp_path: Path, environ: dict[str, str], third: Upstream
    ) -> None:
        """`serve --reload` watches the folder."""
        file = tmp_path / "plugins" / "third.py"
        file.unlink()
        server = serve({**environ, "IMAGEVAULT_SEARCH": "open"}, "--reload").wait_until_ready()
        search = f"{server.url}/search?q=nature&provider=third"
        assert httpx.get(search).status_code == 400

        file.write_text(THIRD)

        found: list[Any] = []

        def is_found() -> bool:
            with contextlib.suppress(httpx.TransportError):
                response = httpx.get(search, timeout=EVENT_LIMIT)
                found[:] = response.json().get("images", ()) if response.status_code == 200 else ()
            return bool(found)

        wait_until(is_found, "a search of the new provider")
        assert len(found) == 25, server.log.read_text()
