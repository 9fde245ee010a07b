"""The same picture of several providers is shown once in a walk, whichever worker answers each page."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagevault.testing import Call, Upstream

PLUGIN = """
import httpx

from imagevault import Image, License, Page, ProviderInfo, Rendition, SearchQuery, hookimpl


@hookimpl
def provider_info() -> ProviderInfo:
    return ProviderInfo(
        title="NAME",
        base_url="https://api.NAME.example/",
        page_size=5,
        license=License("NAME", "NAME licence"),
        aggregator=IS_AGGREGATOR,
        file_hosts={"files.NAME.example"},
        tells_sizes=True,
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient) -> Page:
    response = await http.get("pictures", params={"page": query.page})
    response.raise_for_status()
    found = response.json()
    images = [
        Image(
            id=str(number),
            source_url=f"https://www.flickr.com/photos/ann/{number}",
            width=width,
            height=100,
            renditions=[Rendition(name="original", url=f"https://files.NAME.example/{number}.jpg")],
        )
        for number, width in found["pictures"]
    ]
    return Page(images, last=found["last"])
"""


class Library(Upstream):
    """Pictures of Flickr by number, five on a page, as (number, width)."""

    def __init__(self, pictures: list[tuple[int, int]]) -> None:
        super().__init__("/")
        self.pictures = pictures
        self.get("pictures")(self._page)

    def _page(self, call: Call) -> object:
        start = 5 * (int(call.query["page"]) - 1)
        end = start + 5
        return {"pictures": self.pictures[start:end], "last": end >= len(self.pictures)}


def wide(*numbers: int) -> list[tuple[int, int]]:
    return [(number, 200) for number in numbers]


@pytest.fixture
def archive() -> Iterator[Library]:
    with Library(wide(*range(100, 112))) as library:
        yield library


@pytest.fixture
def index() -> Iterator[Library]:
    with Library(wide(*range(200, 206), 101, 206, 207, 111, 208)) as library:
        yield library


@pytest.fixture
def environ(tmp_path: Path, database_url: str, archive: Library, index: Library) -> dict[str, str]:
    """A provider that owns pictures, and an aggregator that lists some of them on other pages."""
    (tmp_path / "plugins").mkdir()
    for name, is_aggregator in (("archive", "False"), ("index", "True")):
        source = PLUGIN.replace("NAME", name).replace("IS_AGGREGATOR", is_aggregator)
        (tmp_path / "plugins" / f"{name}.py").write_text(source)
    return {
        "DATABASE_URL": database_url,
        "ARCHIVE_BASE_URL": archive.url,
        "INDEX_BASE_URL": index.url,
        "IMAGEVAULT_PLUGINS_DIR": "plugins",
        "LOCAL_ENABLED": "false",
    }


async def search(api: Any, headers: dict[str, str], **params: Any) -> httpx.Response:
    response: httpx.Response = await api.get("/search", params=params, headers=headers)
    assert response.status_code == 200, response.text
    return response


async def walk(apis: list[Any], headers: dict[str, str], **params: Any) -> list[str]:
    """The ids that a walk shows; the workers answer its pages in turn."""
    shown: list[str] = []
    following: dict[str, Any] = params if "cursor" in params else {"q": "lily", "provider": "archive,index", **params}
    for number in range(40):
        api = apis[number % len(apis)]
        response = await search(api, headers, **following)
        await api.services.gateway.pages.drain()
        shown += [image["id"] for image in response.json()["images"]]
        if response.json()["next"] is None:
            return shown
        following = {"cursor": response.json()["next"]}
    raise AssertionError("the walk does not end")


def numbers(shown: list[str]) -> list[int]:
    return [int(id.partition(":")[2]) for id in shown]


class TestOverPages:
    async def test_each_picture_is_shown_once(self, start: Any, environ: dict[str, str]) -> None:
        """By two workers that share nothing but the database; the owner's record stands wherever both are known."""
        workers = [await start(environ), await start(environ)]
        headers = await workers[0].sign_in()

        shown = await walk(workers, headers, per_page=3)

        assert sorted(numbers(shown)) == sorted([*range(100, 112), *range(200, 209)])

    async def test_a_photo_that_comes_again_on_a_later_page(
        self, start: Any, environ: dict[str, str], archive: Library
    ) -> None:
        """The upstream's third page holds what was on its first."""
        archive.pictures = wide(*range(100, 110), 101, 110)
        workers = [await start(environ), await start(environ)]

        shown = await walk(workers, await workers[0].sign_in(), provider="archive", per_page=4)

        assert numbers(shown) == list(range(100, 111))

    async def test_a_list_that_ends_in_the_middle_of_a_page(
        self, start: Any, tmp_path: Path, environ: dict[str, str], index: Library
    ) -> None:
        """Only seven of the archive's pictures can be read; the last of them comes again at the other."""
        plugin = tmp_path / "plugins" / "archive.py"
        plugin.write_text(plugin.read_text().replace("page_size=5,", "page_size=5, max_results=7,"))
        index.pictures = wide(*range(200, 206), 106, 107)
        api = await start(environ)

        shown = await walk([api], await api.sign_in(), per_page=13)

        assert sorted(numbers(shown)) == sorted([*range(100, 108), *range(200, 206)])

    async def test_a_list_that_moves_on_between_two_numbered_pages(
        self, start: Any, environ: dict[str, str], archive: Library
    ) -> None:
        """Two new photos push two of the first page to the second, where they are not repeated."""
        workers = [await start(environ), await start(environ)]
        headers = await workers[0].sign_in()
        shown = []
        for number, worker in enumerate([*workers, workers[0]], start=1):
            page = await search(worker, headers, q="lily", provider="archive", per_page=5, page=number)
            await worker.services.gateway.pages.drain()
            shown += [image["id"] for image in page.json()["images"]]
            archive.pictures = wide(98, 99, *range(100, 112))

        assert numbers(shown) == list(range(100, 112))

    async def test_a_picture_that_moved_to_the_next_page_is_not_lost(
        self, start: Any, environ: dict[str, str], archive: Library
    ) -> None:
        """The second page was fetched while the first was still the old one, which held the picture."""
        api = await start(environ)
        headers = await api.sign_in()
        await search(api, headers, q="lily", provider="archive", per_page=5)
        archive.pictures = wide(*range(98, 112))
        api.services.gateway.clock.offset += 1801
        await walk([api], headers, provider="archive", per_page=100)
        api.services.gateway.clock.offset += 1801  # the first page is an hour old now
        for _ in range(2):  # the first time, the old page is shown
            shown = await walk([api], headers, provider="archive", per_page=100)

        assert numbers(shown) == list(range(98, 112))

    async def test_a_picture_that_a_filter_left_out_is_shown_at_the_other_provider(
        self, start: Any, environ: dict[str, str], archive: Library
    ) -> None:
        """The archive states no width of 101 and 111, so the filter drops them there; nobody has seen them."""
        archive.pictures = [(number, 0 if number in {101, 111} else 200) for number in range(100, 112)]
        api = await start(environ)

        shown = await walk([api], await api.sign_in(), per_page=3, orientation="landscape")

        assert {"index:101", "index:111"} <= set(shown)

    async def test_a_page_that_another_worker_replaced_hides_nothing_new(
        self, start: Any, environ: dict[str, str], archive: Library
    ) -> None:
        """The walk began with the new page: what stood on the old one alone was never shown, and comes later."""
        one, other = [await start(environ), await start(environ)]
        headers = await one.sign_in()
        await search(other, headers, q="lily", provider="archive", per_page=5)
        await other.services.gateway.pages.drain()
        archive.pictures = wide(*range(98, 112))
        for worker in (one, other):
            worker.services.gateway.clock.offset += 3601
        await walk([one], headers, provider="archive")
        first = await search(one, headers, q="lily", provider="archive", per_page=5)

        rest = await walk([other], headers, cursor=first.json()["next"])

        shown = numbers([image["id"] for image in first.json()["images"]] + rest)
        assert shown == list(range(98, 112))

    async def test_what_a_provider_has_shown_is_known_while_it_cannot_be_asked(
        self, start: Any, environ: dict[str, str]
    ) -> None:
        """An admin breaks its settings in the middle of the walk; its pages are still cached."""
        api = await start(environ)
        headers = await api.sign_in()
        first = await search(api, headers, q="lily", provider="archive,index", per_page=10)
        await api.services.gateway.pages.drain()
        api.services.plugins.providers["archive"].state = "unconfigured"

        second = await search(api, headers, cursor=first.json()["next"], per_page=100)

        assert "archive:101" in [image["id"] for image in first.json()["images"]]
        assert [status["status"] for status in second.json()["providers"]] == ["unconfigured", "ok"]
        shown = [image["id"] for image in second.json()["images"]]
        assert "index:206" in shown
        assert "index:101" not in shown

    async def test_a_provider_that_can_be_asked_again_goes_on(
        self, start: Any, environ: dict[str, str], archive: Library
    ) -> None:
        """Nothing of it was shown, though its pages are cached by an earlier search."""
        api = await start(environ)
        headers = await api.sign_in()
        await walk([api], headers, per_page=100)
        provider = api.services.plugins.providers["archive"]
        provider.state = "unconfigured"
        first = await search(api, headers, q="lily", provider="archive,index", per_page=3)
        provider.state = "ok"

        rest = await walk([api], headers, cursor=first.json()["next"])

        shown = [image["id"] for image in first.json()["images"]] + rest
        assert sorted(numbers(shown)) == sorted([*range(100, 112), *range(200, 209)])

    async def test_the_others_end_the_walk(self, start: Any, environ: dict[str, str]) -> None:
        """One that cannot be asked may stay so for ever."""
        api = await start(environ)
        api.services.plugins.providers["archive"].state = "unconfigured"

        shown = await walk([api], await api.sign_in(), per_page=3)

        assert sorted(numbers(shown)) == sorted([101, 111, *range(200, 209)])

    async def test_a_page_that_is_gone_hides_nothing(self, start: Any, environ: dict[str, str]) -> None:
        """A picture that comes twice is better than one that never comes."""
        api = await start(environ)
        headers = await api.sign_in()
        first = await search(api, headers, q="lily", provider="archive,index", per_page=10)
        without_pages = {name: value for name, value in environ.items() if name != "DATABASE_URL"}
        api = await start(without_pages)

        second = await search(api, await api.sign_in(), cursor=first.json()["next"], per_page=100)

        assert "index:101" in [image["id"] for image in second.json()["images"]]


class TestOneAnswer:
    async def test_the_owners_record_names_the_other(self, start: Any, environ: dict[str, str]) -> None:
        """With its licence, and whether the two differ."""
        api = await start(environ)
        headers = await api.sign_in()

        response = await search(api, headers, q="lily", provider="index,archive", per_page=30)

        images = {image["id"]: image for image in response.json()["images"]}
        assert "index:101" not in images
        same = images["archive:101"]
        assert same["also_from"] == ["index"]
        assert same["also_at"] == [
            {
                "id": "index:101",
                "provider": "index",
                "source_url": "https://www.flickr.com/photos/ann/101",
                "license": {**same["license"], "id": "index", "name": "index licence"},
            }
        ]
        assert same["license_conflict"]
        assert images["archive:100"]["also_at"] == []
        assert not images["archive:100"]["license_conflict"]
