"""Tests of the Pexels provider: its functions one by one, then its hooks against a simulated Pexels over real HTTP."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import httpx
import imagevault_pexels as plugin
import msgspec
import pluggy
import pytest
from imagevault_pexels import Settings, fetch_image, provider_info, search_images

from imagevault import Author, Image, InvalidResponse, Page, Rendition, SearchQuery
from imagevault.images.attribution import attribution
from imagevault.plugins import hookspecs
from imagevault.testing import Answer, Fault, Upstream, faults
from imagevault.testing.bench import Bench
from imagevault.testing.contract import ProviderContract
from imagevault.testing.upstreams.pexels import SimulatedPexels
from imagevault.testing.upstreams.pexels_photos import FIRST_ID, find

SETTINGS = Settings(api_key="test-key")

# Answers in the form of the real API, with invented photos by invented people.
RECORDED = Path(__file__).with_name("recorded") / "pexels"

PHOTO = {
    "id": 7,
    "width": 6000,
    "height": 4000,
    "url": "https://www.pexels.com/photo/a-quiet-harbour-7/",
    "photographer": "Ada Example",
    "photographer_url": "https://www.pexels.com/@ada-example",
    "avg_color": "#102030",
    "src": {
        "original": "https://images.pexels.com/original",
        "large2x": "https://images.pexels.com/large2x",
        "large": "https://images.pexels.com/large",
        "medium": "https://images.pexels.com/medium",
        "tiny": "https://images.pexels.com/tiny",
    },
    "alt": "A harbour",
}


def photo(**changes: object) -> plugin._Photo:
    """The decoded PHOTO with these changes."""
    return msgspec.convert({**PHOTO, **changes}, plugin._Photo)


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
    """One page of results, as the hook returns it."""
    query = SearchQuery(
        text=text,
        page=page,
        per_page=provider_info().page_size,
        native=native or {},
    )
    return await search_images(query, http, SETTINGS)


async def lookup(http: httpx.AsyncClient, pexels: Upstream, change: Mapping[str, object]) -> Image:
    """PHOTO with these changes, as the hook returns it."""
    pexels.fail(Answer({**PHOTO, **change}), times=1)
    image = await fetch_image("7", http, SETTINGS)
    assert image is not None
    return image


class TestContract(ProviderContract):
    """What every provider must do."""

    plugin = plugin
    settings = {"api_key": "test-key"}

    def upstream(self) -> Upstream:
        return SimulatedPexels()


class TestProviderInfo:
    def test_it_is_a_plugin(self) -> None:
        """Its hooks are those that the host calls."""
        manager = pluggy.PluginManager("imagevault")
        manager.add_hookspecs(hookspecs)
        manager.register(plugin)

        manager.check_pending()
        [info] = manager.hook.provider_info()

        assert info.title == "Pexels"
        assert info.base_url == "https://api.pexels.com/v1/"
        assert info.page_size == 80
        assert info.license.name == "Pexels License"

    async def test_its_terms(self, http: httpx.AsyncClient) -> None:
        """The info demands a link back near the results and a credit that links to the photo."""
        info = provider_info()
        assert info.notice == "Photos provided by Pexels"
        assert info.cache_for == 24 * 3600
        assert info.hotlink == "allowed"

        image = (await search(http)).images[0]
        assert image.author is not None
        author = f"[{image.author.name}]({image.author.url})"
        assert attribution(info, image).markdown == f"Photo by {author} on [Pexels]({image.source_url})"

    def test_its_limits(self) -> None:
        """The quotas are the documented ones, and a slow pace that the burst throttle accepts."""
        info = provider_info()
        assert info.concurrency == 2
        assert [(quota.limit, quota.period) for quota in info.quotas] == [
            (200, "hour"),
            (20_000, "month"),
            (2, "second"),
        ]

    def test_every_filter_value_has_the_same_word_at_pexels(self) -> None:
        for values in provider_info().filters.values():
            assert list(values) == list(values.values())


class TestTitle:
    def test_the_description_is_the_title(self) -> None:
        assert plugin._title(photo(alt=" A harbour ")) == "A harbour"

    @pytest.mark.parametrize("alt", [None, "", "  "])
    def test_without_a_description_the_title_comes_from_the_address(self, alt: str | None) -> None:
        assert plugin._title(photo(alt=alt)) == "A quiet harbour"

    @pytest.mark.parametrize(
        ("url", "title"),
        [
            ("https://www.pexels.com/photo/aerial-photography-of-city-1388030", "Aerial photography of city"),
            ("https://www.pexels.com/photo/17658/", None),
            ("https://www.pexels.com/fr-fr/photo/for%C3%AAt-7/", "Forêt"),
            ("https://[broken", None),
            ("", None),
        ],
        ids=["no slash at the end", "no words", "encoded", "broken", "empty"],
    )
    def test_titles(self, url: str, title: str | None) -> None:
        """The words of the address become the title, and an address without words gives none."""
        assert plugin._title(photo(alt=None, url=url)) == title

    @pytest.mark.parametrize("url", ["/" * 200_000, "/" + "-1" * 100_000 + "x", "/a" * 100_000, "/a-" + "1" * 200_000])
    def test_a_hostile_address_takes_no_time(self, url: str) -> None:
        """The pattern is linear: these take milliseconds, and a quadratic pattern takes minutes."""
        assert plugin._title(photo(alt=None, url=url)) is None


class TestAlt:
    @pytest.mark.parametrize("alt", [None, "", "  "])
    def test_a_blank_description_is_none(self, alt: str | None) -> None:
        assert plugin._alt(photo(alt=alt)) is None

    def test_blanks_around_a_description_go(self) -> None:
        assert plugin._alt(photo(alt=" A harbour ")) == "A harbour"


class TestAuthor:
    def test_name_and_page(self) -> None:
        assert plugin._author(photo()) == Author("Ada Example", "https://www.pexels.com/@ada-example")


class TestRenditions:
    def test_names_addresses_and_order(self) -> None:
        """The files come smallest first, each under ImageVault's name for its size."""
        renditions = plugin._renditions(photo())
        assert [(rendition.name, rendition.url) for rendition in renditions] == [
            ("thumbnail", "https://images.pexels.com/tiny"),
            ("small", "https://images.pexels.com/medium"),
            ("medium", "https://images.pexels.com/large"),
            ("large", "https://images.pexels.com/large2x"),
            ("original", "https://images.pexels.com/original"),
        ]

    @pytest.mark.parametrize(
        ("width", "height", "sizes"),
        [
            (6000, 4000, [(280, 200), (525, 350), (940, 627), (1880, 1253), (6000, 4000)]),
            (4000, 6000, [(280, 200), (233, 350), (433, 650), (867, 1300), (4000, 6000)]),
            (250, 100, [(250, 100), (250, 100), (250, 100), (250, 100), (250, 100)]),
            (1000, 300, [(280, 200), (1000, 300), (940, 282), (1000, 300), (1000, 300)]),
            (90_000, 1, [(280, 1), (90_000, 1), (940, 1), (1880, 1), (90_000, 1)]),
        ],
        ids=["landscape", "portrait", "tiny original", "lower than a box", "a line"],
    )
    def test_sizes_are_never_larger_than_the_original(
        self, width: int, height: int, sizes: list[tuple[int, int]]
    ) -> None:
        """Each file fits into its box."""
        renditions = plugin._renditions(photo(width=width, height=height))
        assert [(rendition.width, rendition.height) for rendition in renditions] == sizes

    def test_the_thumbnail_is_a_crop(self) -> None:
        assert plugin._thumbnail("https://images.pexels.com/tiny", photo()) == Rendition(
            name="thumbnail",
            url="https://images.pexels.com/tiny",
            width=280,
            height=200,
        )

    @pytest.mark.parametrize("absent", [{}, {"tiny": None}, {"tiny": ""}], ids=["missing", "null", "empty"])
    def test_a_missing_file_costs_one_rendition(self, absent: dict[str, str | None]) -> None:
        files = {"original": "https://images.pexels.com/original", **absent}
        assert [rendition.name for rendition in plugin._renditions(photo(src=files))] == ["original"]

    @pytest.mark.parametrize("odd", [None, 7, {"url": "https://images.pexels.com/portrait"}])
    def test_an_odd_file_that_is_not_used_costs_nothing(self, odd: object) -> None:
        files = {"original": "https://images.pexels.com/original", "portrait": odd}
        assert [rendition.name for rendition in plugin._renditions(photo(src=files))] == ["original"]


class TestRecord:
    async def test_the_record(self, pexels: SimulatedPexels, http: httpx.AsyncClient) -> None:
        """Every field of a photo reaches ImageVault's record."""
        image = await lookup(http, pexels, {})
        assert pexels.calls[-1].path == "/v1/photos/7"
        assert image.id == "7"
        assert image.title == "A harbour"
        assert image.alt == "A harbour"
        assert image.color == "#102030"
        assert image.width == 6000
        assert image.height == 4000
        assert image.author == Author("Ada Example", "https://www.pexels.com/@ada-example")
        assert image.source_url == "https://www.pexels.com/photo/a-quiet-harbour-7/"
        assert image.identities == ["pexels:7"]
        assert image.renditions == plugin._renditions(photo())

    @pytest.mark.parametrize("alt", [None, "", "  "])
    async def test_a_title_from_the_address_is_no_alt(
        self, pexels: SimulatedPexels, http: httpx.AsyncClient, alt: str | None
    ) -> None:
        image = await lookup(http, pexels, {"alt": alt})
        assert image.title == "A quiet harbour"
        assert image.alt is None

    async def test_what_photos_lack_is_none(self, http: httpx.AsyncClient) -> None:
        """The simulated Pexels leaves out descriptions and colours, by the last digit of the id."""
        page = await search(http)
        by_digit = {image.id[-1]: image for image in page.images}
        assert [by_digit[digit].alt for digit in "357"] == [None, None, None]
        assert [by_digit[digit].color for digit in "46"] == [None, None]
        assert all(image.title for image in page.images)


class TestSearch:
    async def test_search_asks_as_documented(self, pexels: SimulatedPexels, http: httpx.AsyncClient) -> None:
        """One call has the key in its header, and words, page and filters in its query."""
        page = await search(http, page=2, native={"orientation": "landscape", "locale": "de-DE"})

        [call] = pexels.calls
        assert call.method == "GET"
        assert call.path == "/v1/search"
        assert call.headers["authorization"] == "test-key"
        assert dict(call.query) == {
            "query": "red fox",
            "page": "2",
            "per_page": "80",
            "orientation": "landscape",
            "locale": "de-DE",
        }
        assert page.images

    async def test_words_go_as_they_were_typed(self, pexels: SimulatedPexels, http: httpx.AsyncClient) -> None:
        """Pexels documents no operators."""
        text = '"Zürich" -dog OR İstanbul, LEGO™ (½)'
        await search(http, text)
        assert pexels.calls[-1].query["query"] == text

    async def test_a_walk_ends_only_where_pexels_says_so(self, http: httpx.AsyncClient) -> None:
        """A short page does not end the list: the simulated second page lacks its last photo."""
        pages: list[Page] = []
        while not pages or not pages[-1].last:
            pages.append(await search(http, page=len(pages) + 1))

        expected = [str(photo.id) for photo in find("red fox")]
        total = len(expected)
        del expected[159]
        assert len(pages) > 2
        assert len(pages[1].images) == 79
        assert [image.id for page in pages for image in page.images] == expected
        assert {page.total for page in pages} == {total}

    async def test_no_results(self, http: httpx.AsyncClient) -> None:
        assert await search(http, "nothing") == Page([], total=0, last=True)

    async def test_a_total_may_be_missing_and_the_end_null(
        self, pexels: SimulatedPexels, http: httpx.AsyncClient
    ) -> None:
        pexels.fail(Answer({"photos": [PHOTO], "next_page": None}), times=1)
        page = await search(http)
        assert page.total is None
        assert page.last
        assert len(page.images) == 1

    async def test_pexels_takes_every_filter_value(self, http: httpx.AsyncClient) -> None:
        """The simulated Pexels refuses a value that is not documented."""
        filters = provider_info().filters
        for name, values in filters.items():
            for native in values.values():
                assert (await search(http, "red fox", native={name: native})).images
        assert {name: len(set(values.values())) for name, values in filters.items()} == {
            "orientation": 3,
            "size": 3,
            "color": 12,
            "locale": 28,
        }


class TestFetch:
    async def test_lookup(self, pexels: SimulatedPexels, http: httpx.AsyncClient) -> None:
        """A lookup gives the record of the search, and None for an unknown id."""
        found = (await search(http)).images[0]
        assert await fetch_image(found.id, http, SETTINGS) == found
        assert await fetch_image("1", http, SETTINGS) is None
        assert len(pexels.calls) == 3

    @pytest.mark.parametrize("id", ["", "abc", "../search", "7/../8", "7?x=1", "²", "-7"])
    async def test_an_id_that_cannot_be_costs_no_call(
        self, pexels: SimulatedPexels, http: httpx.AsyncClient, id: str
    ) -> None:
        assert await fetch_image(id, http, SETTINGS) is None
        assert pexels.calls == []


class TestBadAnswers:
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
        ids=["null", "a number", "empty", "no id", "a width in words", "no height", "a list of files", "no author"],
    )
    async def test_one_bad_record_is_dropped_and_the_page_stays(
        self, pexels: SimulatedPexels, http: httpx.AsyncClient, bad: object
    ) -> None:
        pexels.fail(faults.changed(lambda listing: listing["photos"].insert(3, bad)))
        page = await search(http)
        assert [image.id for image in page.images] == [str(photo.id) for photo in find("red fox")[:80]]

    async def test_bytes_that_are_no_text_cost_one_record(
        self, pexels: SimulatedPexels, http: httpx.AsyncClient
    ) -> None:
        body = json.dumps({"photos": [PHOTO, {**PHOTO, "alt": "?!"}]}).encode()
        pexels.fail(Answer(body.replace(b"?!", b"\xff")))
        assert [image.alt for image in (await search(http)).images] == ["A harbour"]

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
    async def test_a_page_that_is_none(self, pexels: SimulatedPexels, fault: Fault) -> None:
        """The gateway reads the plugin's exception as an invalid response."""
        async with Bench(plugin, {"api_key": "test-key"}, pexels) as bench:
            pexels.fail(fault)
            for call in (bench.search("red fox"), bench.fetch(str(FIRST_ID))):
                with pytest.raises(InvalidResponse, match="another form than documented"):
                    await call

    @pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
    async def test_statuses_are_left_to_the_gateway(
        self, pexels: SimulatedPexels, http: httpx.AsyncClient, status: int
    ) -> None:
        pexels.fail(Answer({"error": "no"}, status))
        with pytest.raises(httpx.HTTPStatusError):
            await search(http)
        with pytest.raises(httpx.HTTPStatusError):
            await fetch_image("7", http, SETTINGS)

    async def test_a_wrong_key(self, http: httpx.AsyncClient) -> None:
        with pytest.raises(httpx.HTTPStatusError, match="401"):
            await search_images(SearchQuery(text="x", per_page=80), http, Settings(api_key="wrong"))


class TestRecordedAnswers:
    """Answers in the form of the real API, from files."""

    @pytest.mark.parametrize(
        ("name", "ids", "total", "last"),
        [
            ("search_first_page", ["900000001", "900000002"], 8000, False),
            ("search_middle_page", ["900000004"], 8000, False),
            ("search_only_page", ["900000003"], 1, True),
            ("curated_page", ["900000001"], None, False),
        ],
    )
    async def test_listings(
        self,
        pexels: SimulatedPexels,
        http: httpx.AsyncClient,
        name: str,
        ids: list[str],
        total: int | None,
        last: bool,
    ) -> None:
        """Every photo becomes a whole record, and only a missing `next_page` ends the list."""
        pexels.fail(Answer((RECORDED / f"{name}.json").read_bytes()))
        page = await search(http)
        assert [image.id for image in page.images] == ids
        assert page.total == total
        assert page.last is last
        for image in page.images:
            assert image.title
            assert image.author is not None
            assert len(image.renditions) == 5

    async def test_a_photo(self, pexels: SimulatedPexels, http: httpx.AsyncClient) -> None:
        pexels.fail(Answer((RECORDED / "photo.json").read_bytes()))
        image = await fetch_image("900000001", http, SETTINGS)
        assert image is not None
        assert image.id == "900000001"
        assert image.title == "Boats in a Quiet Harbour"
        assert image.width == 6000
        assert image.author == Author("Ada Example", "https://www.pexels.com/@ada-example")

    async def test_a_photo_of_an_older_answer(self, pexels: SimulatedPexels, http: httpx.AsyncClient) -> None:
        """Older answers have neither `alt` nor `avg_color`."""
        pexels.fail(Answer((RECORDED / "search_only_page.json").read_bytes()))
        [image] = (await search(http)).images
        assert image.title == "A stack of old books"
        assert image.alt is None
        assert image.color is None

    async def test_the_burst_throttle(self, pexels: SimulatedPexels, http: httpx.AsyncClient) -> None:
        """A 429 is left to the gateway."""
        pexels.fail(Answer((RECORDED / "error_429_burst.json").read_bytes(), 429))
        with pytest.raises(httpx.HTTPStatusError, match="429"):
            await search(http)
