"""The Pexels plugin against the simulated Pexels, over real HTTP, and against recorded answers where they are."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import imagevault_pexels as plugin
import pluggy
import pytest
from imagevault_pexels import Settings, fetch_image, provider_info, search_images

from imagevault import Author, InvalidResponse, Page, SearchQuery
from imagevault.images.attribution import attribution
from imagevault.plugins import hookspecs
from imagevault.testing import Answer, Fault, Upstream, faults
from imagevault.testing.bench import Bench
from imagevault.testing.contract import ProviderContract
from imagevault.testing.upstreams.pexels import SimulatedPexels
from imagevault.testing.upstreams.pexels_photos import FIRST_ID, find

SETTINGS = Settings(api_key="test-key")
RECORDED = Path(__file__).parents[3] / "shared" / "payloads" / "pexels"
PHOTO = {
    "id": 7,
    "width": 6000,
    "height": 4000,
    "url": "https://www.pexels.com/photo/a-quiet-harbour-7/",
    "photographer": "Ada Lind",
    "photographer_url": "https://www.pexels.com/@ada",
    "avg_color": "#102030",
    "src": {name: f"https://images.pexels.com/{name}" for name in ("original", "large2x", "large", "medium", "tiny")},
    "alt": "A harbour",
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def pexels() -> Iterator[SimulatedPexels]:
    with SimulatedPexels() as pexels:
        yield pexels


@pytest.fixture
async def http(pexels: SimulatedPexels) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=pexels.url, headers={"User-Agent": "test-suite/1"}) as http:
        yield http


async def search(
    http: httpx.AsyncClient, text: str = "red fox", page: int = 1, native: Mapping[str, str] | None = None
) -> Page:
    query = SearchQuery(text=text, page=page, per_page=provider_info().page_size, native=native or {})
    return await search_images(query, http, SETTINGS)


async def lookup(http: httpx.AsyncClient, pexels: Upstream, change: Mapping[str, object]) -> Any:
    """Photo 7 with these changes, fetched through the plugin."""
    pexels.fail(Answer({**PHOTO, **change}), times=1)
    return await fetch_image("7", http, SETTINGS)


class TestContract(ProviderContract):
    plugin = plugin
    settings = {"api_key": "test-key"}

    def upstream(self) -> Upstream:
        return SimulatedPexels()


def test_it_is_a_plugin() -> None:
    manager = pluggy.PluginManager("imagevault")
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)
    manager.check_pending()
    (info,) = manager.hook.provider_info()
    assert (info.title, info.base_url, info.page_size) == ("Pexels", "https://api.pexels.com/v1/", 80)
    assert info.license.name == "Pexels License"


async def test_its_terms(http: httpx.AsyncClient) -> None:
    """A link back near the results, a credit that links to the photo, a day of cache, and no bursts."""
    info = provider_info()
    assert (info.notice, info.cache_for, info.hotlink) == ("Photos provided by Pexels", 24 * 3600, "allowed")
    assert (info.concurrency, [(quota.limit, quota.period) for quota in info.quotas]) == (
        2, [(200, "hour"), (20_000, "month"), (2, "second")],
    )  # fmt: skip
    image = (await search(http)).images[0]
    assert image.author is not None
    author = f"[{image.author.name}]({image.author.url})"
    assert attribution(info, image).markdown == f"Photo by {author} on [Pexels]({image.source_url})"


async def test_search_asks_as_documented(pexels: SimulatedPexels, http: httpx.AsyncClient) -> None:
    page = await search(http, page=2, native={"orientation": "landscape", "locale": "de-DE"})
    (call,) = pexels.calls
    assert (call.method, call.path) == ("GET", "/v1/search")
    assert call.headers["authorization"] == "test-key"
    asked = {"query": "red fox", "page": "2", "per_page": "80", "orientation": "landscape", "locale": "de-DE"}
    assert dict(call.query) == asked
    assert page.images


async def test_a_walk_ends_only_where_pexels_says_so(http: httpx.AsyncClient) -> None:
    pages: list[Page] = []
    while not pages or not pages[-1].last:
        pages.append(await search(http, page=len(pages) + 1))
    expected = [str(photo.id) for photo in find("red fox")]
    assert len(pages) > 2
    assert len(pages[1].images) == 79  # short, and more follow
    del expected[159]
    assert [image.id for page in pages for image in page.images] == expected
    assert {page.total for page in pages} == {len(expected) + 1}


async def test_no_results(http: httpx.AsyncClient) -> None:
    assert await search(http, "nothing") == Page([], total=0, last=True)


async def test_a_total_may_be_missing_and_the_end_null(pexels: SimulatedPexels, http: httpx.AsyncClient) -> None:
    pexels.fail(Answer({"photos": [PHOTO], "next_page": None}), times=1)
    page = await search(http)
    assert (page.total, page.last, len(page.images)) == (None, True, 1)


async def test_pexels_takes_every_filter_value(http: httpx.AsyncClient) -> None:
    filters = provider_info().filters
    for name, values in filters.items():
        for native in values.values():
            assert (await search(http, "red fox", native={name: native})).images
    assert {name: len(set(values.values())) for name, values in filters.items()} == {
        "orientation": 3, "size": 3, "color": 12, "locale": 28,
    }  # fmt: skip


async def test_the_record(pexels: SimulatedPexels, http: httpx.AsyncClient) -> None:
    image = await lookup(http, pexels, {})
    assert pexels.calls[-1].path == "/v1/photos/7"
    assert (image.id, image.title, image.alt, image.color) == ("7", "A harbour", "A harbour", "#102030")
    assert (image.width, image.height) == (6000, 4000)
    assert image.author == Author("Ada Lind", "https://www.pexels.com/@ada")
    assert image.source_url == "https://www.pexels.com/photo/a-quiet-harbour-7/"
    assert [(one.name, one.url.rpartition("/")[2], one.width, one.height) for one in image.renditions] == [
        ("thumbnail", "tiny", 280, 200),
        ("small", "medium", 525, 350),
        ("medium", "large", 940, 627),
        ("large", "large2x", 1880, 1253),
        ("original", "original", 6000, 4000),
    ]


@pytest.mark.parametrize(
    ("width", "height", "sizes"),
    [
        (4000, 6000, [(280, 200), (233, 350), (433, 650), (867, 1300), (4000, 6000)]),
        (250, 100, [(250, 100), (250, 100), (250, 100), (250, 100), (250, 100)]),
        (1000, 300, [(280, 200), (1000, 300), (940, 282), (1000, 300), (1000, 300)]),
        (90_000, 1, [(280, 1), (90_000, 1), (940, 1), (1880, 1), (90_000, 1)]),
    ],
)
async def test_sizes_are_never_larger_than_the_original(
    pexels: SimulatedPexels, http: httpx.AsyncClient, width: int, height: int, sizes: list[tuple[int, int]]
) -> None:
    image = await lookup(http, pexels, {"width": width, "height": height})
    assert [(one.width, one.height) for one in image.renditions] == sizes


@pytest.mark.parametrize("alt", [None, "", "  "])
async def test_the_title_comes_from_the_address_where_alt_says_nothing(
    pexels: SimulatedPexels, http: httpx.AsyncClient, alt: str | None
) -> None:
    image = await lookup(http, pexels, {"alt": alt})
    assert (image.title, image.alt) == ("A quiet harbour", None)


@pytest.mark.parametrize(
    ("url", "title"),
    [
        ("https://www.pexels.com/photo/aerial-photography-of-city-1388030", "Aerial photography of city"),
        ("https://www.pexels.com/photo/17658/", None),
        ("https://www.pexels.com/fr-fr/photo/for%C3%AAt-7/", "Forêt"),
        ("https://[broken", None),
        ("", None),
    ],
)
async def test_titles(pexels: SimulatedPexels, http: httpx.AsyncClient, url: str, title: str | None) -> None:
    assert (await lookup(http, pexels, {"alt": None, "url": url})).title == title


async def test_what_photos_lack_is_none(http: httpx.AsyncClient) -> None:
    page = await search(http)
    gaps = {image.id[-1]: image for image in page.images}
    assert [gaps[digit].alt for digit in "357"] == [None, None, None]
    assert [gaps[digit].color for digit in "46"] == [None, None]
    assert all(image.title for image in page.images)


@pytest.mark.parametrize(
    "bad",
    [
        None,
        7,
        {},
        {**PHOTO, "id": None},
        {**PHOTO, "width": "wide"},
        {**PHOTO, "height": 0},
        {**PHOTO, "src": ["x"]},
        {**PHOTO, "photographer": None},
    ],
)
async def test_one_bad_record_is_dropped_and_the_page_stays(
    pexels: SimulatedPexels, http: httpx.AsyncClient, bad: object
) -> None:
    pexels.fail(faults.changed(lambda listing: listing["photos"].insert(3, bad)))
    page = await search(http)
    assert [image.id for image in page.images] == [str(photo.id) for photo in find("red fox")[:80]]


async def test_bytes_that_are_no_text_cost_one_record(pexels: SimulatedPexels, http: httpx.AsyncClient) -> None:
    page = json.dumps({"photos": [PHOTO, {**PHOTO, "alt": "?!"}]}).encode().replace(b"?!", b"\xff")
    pexels.fail(Answer(page))
    assert [image.alt for image in (await search(http)).images] == ["A harbour"]


async def test_a_missing_file_costs_one_rendition(pexels: SimulatedPexels, http: httpx.AsyncClient) -> None:
    image = await lookup(http, pexels, {"src": {"original": "https://images.pexels.com/original", "tiny": None}})
    assert [one.name for one in image.renditions] == ["original"]


@pytest.mark.parametrize(
    "fault",
    [
        faults.html_page(),
        faults.cut_json(),
        faults.wrong_types(),
        Answer([]),
        Answer({}),
        Answer({"photos": None}),
        Answer(b""),
        Answer(b'{"photos": [], "next_page": "\xff"}'),
    ],
    ids=["html", "cut", "types", "list", "no photos", "null photos", "empty", "not text"],
)
async def test_a_page_that_is_none(pexels: SimulatedPexels, fault: Fault) -> None:
    """The gateway understands what it raises, and says that the answer is at fault."""
    async with Bench(plugin, {"api_key": "test-key"}, pexels) as bench:
        pexels.fail(fault)
        for asking in (bench.search("red fox"), bench.fetch(str(FIRST_ID))):
            with pytest.raises(InvalidResponse, match="another form than documented"):
                await asking


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_statuses_are_left_to_the_gateway(pexels: SimulatedPexels, http: httpx.AsyncClient, status: int) -> None:
    pexels.fail(Answer({"error": "no"}, status))
    with pytest.raises(httpx.HTTPStatusError):
        await search(http)
    with pytest.raises(httpx.HTTPStatusError):
        await fetch_image("7", http, SETTINGS)


async def test_a_wrong_key(http: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        await search_images(SearchQuery(text="x", per_page=80), http, Settings(api_key="wrong"))


async def test_lookup(pexels: SimulatedPexels, http: httpx.AsyncClient) -> None:
    found = (await search(http)).images[0]
    assert await fetch_image(found.id, http, SETTINGS) == found
    assert await fetch_image("1", http, SETTINGS) is None
    assert len(pexels.calls) == 3


@pytest.mark.parametrize("id", ["", "abc", "../search", "7/../8", "7?x=1", "²", "-7"])
async def test_an_id_that_cannot_be_costs_no_call(pexels: SimulatedPexels, http: httpx.AsyncClient, id: str) -> None:
    assert await fetch_image(id, http, SETTINGS) is None
    assert pexels.calls == []


@pytest.mark.skipif(not RECORDED.is_dir(), reason="recorded answers are not beside this checkout")
async def test_recorded_answers() -> None:
    answers = [path.read_bytes() for path in sorted(RECORDED.glob("*.json"))]
    listings = [answer for answer in answers if b'"photos"' in answer]
    (detail,) = [answer for answer in answers if b'"src"' in answer and answer not in listings]
    assert listings
    with Upstream("/v1/") as recorded:
        async with httpx.AsyncClient(base_url=recorded.url) as http:
            for answer in listings:
                recorded.fail(Answer(answer), times=1)
                told, page = json.loads(answer), await search(http)
                assert [image.id for image in page.images] == [str(photo["id"]) for photo in told["photos"]]
                assert (page.total, page.last) == (told.get("total_results"), "next_page" not in told)
                assert all(image.title and image.author and len(image.renditions) == 5 for image in page.images)
            recorded.fail(Answer(detail))
            image = await fetch_image("2014422", http, SETTINGS)
    assert image is not None
    assert (image.id, image.title, image.width) == ("2014422", json.loads(detail)["alt"], json.loads(detail)["width"])
