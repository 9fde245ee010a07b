"""Tests of the Unsplash provider: its functions one by one, then its hooks against a simulated Unsplash over HTTP."""

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import imagevault_unsplash as plugin
import msgspec
import pytest
from imagevault_unsplash import Settings

from imagevault import (
    InvalidResponse,
    NotFound,
    ProviderError,
    RateLimited,
    Rendition,
    SearchQuery,
    Unauthorized,
    Unavailable,
)
from imagevault.images.attribution import attribution
from imagevault.records import Author, Image, Page
from imagevault.search import filters
from imagevault.testing import Answer, Upstream, faults
from imagevault.testing.bench import Bench
from imagevault.testing.contract import ProviderContract
from imagevault.testing.upstreams.unsplash import SimulatedUnsplash, find, identity, photo, shape
from imagevault.upstream.reported_quota import reported_quotas
from tests.support.linear_time import is_linear

SETTINGS = {"api_key": "test-key"}
RECORDED = Path(__file__).parent / "recorded" / "unsplash"

PHOTO = {
    "id": "AbCdEf-_123",
    "slug": "a-quiet-harbour-AbCdEf-_123",
    "width": 6000,
    "height": 4000,
    "color": "#102030",
    "blur_hash": "L9Bo?VozV[$eR%-o-A%20d=y=#Ki",
    "description": "Our boat",
    "alt_description": "boats in a harbour",
    "urls": {
        "raw": "https://images.unsplash.com/photo-7?ixid=M3w",
        "full": "https://images.unsplash.com/photo-7?fm=jpg&ixid=M3w",
        "regular": "https://images.unsplash.com/photo-7?fm=jpg&ixid=M3w&w=1080",
        "small": "https://images.unsplash.com/photo-7?fm=jpg&ixid=M3w&w=400",
        "thumb": "https://images.unsplash.com/photo-7?fm=jpg&ixid=M3w&w=200",
    },
    "links": {
        "html": "https://unsplash.com/photos/a-quiet-harbour-AbCdEf-_123",
        "download_location": "https://api.unsplash.com/photos/AbCdEf-_123/download?ixid=M3w",
    },
    "user": {"name": "Ada Example", "links": {"html": "https://unsplash.com/@ada"}},
    "tags": [{"title": "harbour"}, {"title": "boat"}],
}
UTM = "utm_source=imagevault&utm_medium=referral"

USED_UP = Answer("Rate Limit Exceeded", 403, {"Content-Type": "application/json", "X-Ratelimit-Remaining": "0"})


def decoded(**changes: object) -> plugin._Photo:
    """The decoded PHOTO with these changes."""
    return msgspec.convert({**PHOTO, **changes}, plugin._Photo)


class TestContract(ProviderContract):
    """What every provider must do."""

    plugin = plugin
    settings = SETTINGS

    def upstream(self) -> Upstream:
        return SimulatedUnsplash()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def unsplash() -> Iterator[SimulatedUnsplash]:
    with SimulatedUnsplash() as unsplash:
        yield unsplash


@pytest.fixture
async def bench(unsplash: SimulatedUnsplash) -> AsyncIterator[Bench]:
    async with Bench(plugin, SETTINGS, unsplash) as bench:
        yield bench


async def lookup(bench: Bench, number: int = 0, change: Mapping[str, object] | None = None) -> Image:
    """Photo `number` with these changes, looked up."""
    if change is not None:
        assert bench.upstream is not None
        bench.upstream.fail(faults.changed(lambda record: record | change), times=1)
    image = await bench.fetch(identity(number))
    assert image is not None
    return image


def query_of(url: str | None) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url or "").query)


# Functions


class TestTitle:
    @pytest.mark.parametrize(
        ("changes", "title"),
        [
            ({}, "boats in a harbour"),
            ({"alt_description": " "}, "Our boat"),
            ({"alt_description": None, "description": None}, "A quiet harbour"),
            ({"alt_description": None, "description": "", "slug": "AbCdEf-_123"}, None),
            ({"alt_description": None, "description": None, "slug": None}, None),
        ],
        ids=["alt text", "caption", "slug", "the slug is the id", "nothing"],
    )
    def test_it_comes_from_where_there_are_words(self, changes: dict[str, object], title: str | None) -> None:
        assert plugin._title(decoded(**changes)) == title

    def test_only_the_id_at_the_end_is_taken_off(self) -> None:
        photo = decoded(alt_description=None, description=None, slug="AbCdEf-_123-twice-AbCdEf-_123")
        assert plugin._title(photo) == "Abcdef _123 twice"


class TestTexts:
    SETTINGS = Settings(api_key="k")

    def test_the_alt_text_describes_and_the_caption_does_not(self) -> None:
        image = plugin._image(decoded(alt_description=None), self.SETTINGS)
        assert (image.title, image.alt, image.description) == ("Our boat", None, "Our boat")
        image = plugin._image(decoded(description=None), self.SETTINGS)
        assert (image.title, image.alt, image.description) == ("boats in a harbour", "boats in a harbour", None)

    def test_texts_are_plain(self) -> None:
        """Signs of markup stay letter by letter."""
        image = plugin._image(decoded(alt_description="fish&chips <3 &amp; <Ann/>"), self.SETTINGS)
        assert image.alt == "fish&chips <3 &amp; <Ann/>"


class TestExtra:
    @pytest.mark.parametrize(
        ("location", "extra"),
        [
            ({"name": " Oslo, Norway "}, {"place": "Oslo, Norway"}),
            ({"name": ""}, {}),
            ({"name": None}, {}),
            ({}, {}),
            (None, {}),
        ],
    )
    def test_the_place(self, location: dict[str, object] | None, extra: dict[str, str]) -> None:
        assert plugin._extra(decoded(location=location)) == extra


class TestTags:
    @pytest.mark.parametrize(
        ("tags", "expected"),
        [([{"title": "a"}, {"title": None}, {}, {"title": "b"}], ["a", "b"]), ([], []), (None, [])],
    )
    def test_those_with_a_title(self, tags: object, expected: list[str]) -> None:
        assert plugin._tags(decoded(tags=tags)) == expected


class TestReferral:
    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("https://unsplash.com/@ada", f"https://unsplash.com/@ada?{UTM}"),
            ("https://unsplash.com/@ada?a=b", f"https://unsplash.com/@ada?a=b&{UTM}"),
            ("", None),
            (None, None),
        ],
        ids=["a page", "a page with a parameter", "empty", "null"],
    )
    def test_links_back_name_the_application(self, url: str | None, expected: str | None) -> None:
        assert plugin._with_referral(url, Settings(api_key="k")) == expected

    def test_a_missing_page_costs_no_author(self) -> None:
        photo = decoded(user={"name": "Ada Example"}, links=None)
        assert plugin._author(photo, Settings(api_key="k")) == Author("Ada Example")
        assert plugin._source_url(photo, Settings(api_key="k")) is None


class TestIsFree:
    @pytest.mark.parametrize(
        ("changes", "free"),
        [
            ({}, True),
            ({"sponsorship": None, "premium": False, "plus": False}, True),
            ({"sponsorship": {"tagline": "Buy"}}, False),
            ({"premium": True}, False),
            ({"plus": True}, False),
            ({"urls": {"raw": "https://plus.unsplash.com/premium_photo-7"}}, False),
            ({"urls": {"raw": "https://images.unsplash.com.attacker.example/photo-7"}}, False),
            ({"urls": {}}, False),
        ],
    )
    def test_advertisements_and_unsplash_plus_are_not(self, changes: dict[str, object], free: bool) -> None:
        assert plugin._is_free(decoded(**changes)) is free


class TestRenditions:
    def test_names_sizes_and_types(self) -> None:
        """The scaled files are JPEG. The original's type is unknown."""
        renditions = plugin._renditions(decoded())
        assert [(one.name, one.width, one.height, one.type) for one in renditions] == [
            ("thumbnail", 200, 133, "image/jpeg"),
            ("small", 400, 267, "image/jpeg"),
            ("medium", 1080, 720, "image/jpeg"),
            ("large", 6000, 4000, "image/jpeg"),
            ("original", 6000, 4000, None),
        ]

    @pytest.mark.parametrize(("side", "known"), [(8192, True), (8193, False), (9600, False)])
    def test_the_size_of_a_very_large_jpeg_is_unknown(self, side: int, known: bool) -> None:
        """Imgix makes none above 8192 pixels. The original keeps its size."""
        for width, height in ((side, 100), (100, side)):
            *_, large, original = plugin._renditions(decoded(width=width, height=height))
            assert (large.name, large.width, large.height) == (
                ("large", width, height) if known else ("large", None, None)
            )
            assert (original.width, original.height) == (width, height)

    def test_a_file_that_is_missing_or_elsewhere_costs_one_rendition(self) -> None:
        urls = {
            "raw": "https://images.unsplash.com/photo-7",
            "full": None,
            "small": "https://s3.us-west-2.amazonaws.com/images.unsplash.com/small/photo-7",
        }
        assert plugin._renditions(decoded(urls=urls)) == [
            Rendition(name="original", url="https://images.unsplash.com/photo-7", width=6000, height=4000)
        ]

    @pytest.mark.parametrize(
        ("query", "type"),
        [("fm=jpg", "image/jpeg"), ("a=b&fm=jpg&w=1", "image/jpeg"), ("fm=jpgx", None), ("xfm=jpg", None), ("", None)],
    )
    def test_a_type_is_read_from_the_address(self, query: str, type: str | None) -> None:
        assert plugin._type(f"https://images.unsplash.com/photo-7?{query}") == type


class TestRef:
    @pytest.mark.parametrize(
        ("location", "ref"),
        [
            ("https://api.unsplash.com/photos/x1/download?ixid=M3w", "photos/x1/download?ixid=M3w"),
            ("http://api.example:3000/photos/x1/download", "photos/x1/download"),
            ("https://api.unsplash.com/users/x1", None),
            ("https://api.unsplash.com/photos/../users/download", None),
            ("https://attacker.example", None),
            ("photos/x1/download", None),
            ("", None),
            (None, None),
        ],
    )
    def test_it_is_the_path_of_the_download_location(self, location: str | None, ref: str | None) -> None:
        assert plugin._ref(decoded(links={"download_location": location})) == ref

    @pytest.mark.parametrize(
        "ref", [None, "", "https://attacker.example/photos/x/download", "users/me", "//x/download"]
    )
    def test_without_one_the_path_is_made_of_the_id(self, ref: str | None) -> None:
        """Also where another is stored: the key goes to no other path."""
        assert plugin._download_path(Image(id="AbCdEf-_123", ref=ref)) == "photos/AbCdEf-_123/download"
        assert plugin._download_path(Image(id="../me?x=", ref=ref)) == "photos/..%2Fme%3Fx%3D/download"

    def test_the_path_that_is_stored_is_called(self) -> None:
        image = Image(id="AbCdEf-_123", ref="photos/AbCdEf-_123/download?ixid=M3w")
        assert plugin._download_path(image) == "photos/AbCdEf-_123/download?ixid=M3w"

    @pytest.mark.parametrize(
        "unit", ["https://", "https://a/photos/x/download?", "/photos/", "a", "?fm=jp", "&fm=jpg", "?&"]
    )
    def test_patterns_are_linear(self, unit: str) -> None:
        def work(size: int) -> None:
            text = unit * size
            plugin.DOWNLOAD_LOCATION.fullmatch(text)
            plugin.DOWNLOAD_PATH.fullmatch(text)
            plugin.DOWNLOAD_LOCATION.fullmatch(f"https://a/photos/x/download?{text} ")
            plugin.IS_JPEG.search(text)
            plugin.PHOTO_ID.fullmatch(text)

        assert is_linear(work, 20_000)


class TestEndOfAWalk:
    @pytest.mark.parametrize(
        ("page", "results", "total", "last", "told"),
        [
            (1, 30, 92, False, 92),
            (3, 30, 92, False, 92),
            (4, 2, 92, True, 92),
            (2, 30, 60, True, 60),
            (1, 3, 92, False, 92),
            (1, 30, None, False, None),
            (201, 0, 0, True, None),
            (1, 0, 0, True, 0),
        ],
    )
    def test_the_total_ends_it(self, page: int, results: int, total: int | None, last: bool, told: int | None) -> None:
        query = SearchQuery(text="cat", page=page, per_page=30)
        listing = plugin._Listing(results=[msgspec.Raw(b"{}")] * results, total=total)
        assert plugin._is_last(query, listing) is last
        assert plugin._total(query, listing) == told


# Searches and records


async def test_asks_as_documented(unsplash: SimulatedUnsplash, bench: Bench) -> None:
    """Words, page, size and what is fit for everybody; the key goes in the header and never in the address."""
    await bench.search("cat & dog", 2, {"orientation": "squarish"})
    [call] = unsplash.calls
    assert (call.method, call.path, call.headers["authorization"]) == ("GET", "/search/photos", "Client-ID test-key")
    asked = {"query": "cat & dog", "page": "2", "per_page": "30", "content_filter": "high", "orientation": "squarish"}
    assert dict(call.query) == asked
    assert not any("test-key" in str(url) for url in bench.calls)


async def test_words_go_as_they_were_typed(unsplash: SimulatedUnsplash, bench: Bench) -> None:
    """Unsplash documents no operators."""
    text = '"Zürich" -dog OR İstanbul, LEGO™ (½)'
    assert (await bench.search(text)).images
    assert unsplash.calls[-1].query["query"] == text


async def test_the_record(bench: Bench) -> None:
    """Every field of a photo as Unsplash gives it."""
    image = await lookup(bench)
    assert (image.id, image.title, image.alt) == ("Sim_0000000", "a harbour with 0 boats", "a harbour with 0 boats")
    assert (image.description, image.extra) == ("Boats at pier 0", {"place": "Pier 0, Sample Town"})
    assert list(image.identities) == ["unsplash:Sim_0000000"]
    assert (image.width, image.height, image.color) == (6000, 4000, "#0C0C0C")
    assert image.blurhash == "L9Bo?VozV[$eR%-o-A%20d=y=#Ki"
    assert list(image.tags) == ["harbour", "boats", "pier 0"]
    assert image.license is not None
    assert (image.license.id, image.license.url) == ("unsplash", "https://unsplash.com/license")
    assert [(one.name, one.width, one.height) for one in image.renditions] == [
        ("thumbnail", 200, 133),
        ("small", 400, 267),
        ("medium", 1080, 720),
        ("large", 6000, 4000),
        ("original", 6000, 4000),
    ]
    theirs = photo(0, "lookup")["urls"]
    assert [one.url for one in image.renditions] == [theirs[n] for n in ("thumb", "small", "regular", "full", "raw")]


async def test_a_small_original_is_never_scaled_up(bench: Bench) -> None:
    """`fit=max`: what is 200 pixels high and 300 wide stays so in every larger size."""
    assert shape(13) == ("portrait", 200, 300)
    assert {(one.width, one.height) for one in (await lookup(bench, 13)).renditions} == {(200, 300)}


@pytest.mark.parametrize(
    ("number", "title", "alt", "description"),
    [
        (1, "Boats at pier 1", None, "Boats at pier 1"),
        (2, "A quiet harbour 2", None, None),
        (4, "Boats at pier 4", None, "Boats at pier 4"),
        (8, "boats&nets < 3, 100%", "boats&nets < 3, 100%", "Boats at pier 8"),
        (10, None, None, None),
    ],
    ids=["no alt", "neither", "a blank alt", "signs of markup", "a slug that is the id"],
)
async def test_words_come_from_where_there_are_any(
    bench: Bench, number: int, title: str | None, alt: str | None, description: str | None
) -> None:
    """The title comes from the alt text, else the description, else the slug, without the id that it ends with."""
    image = await lookup(bench, number)
    assert (image.title, image.alt, image.description) == (title, alt, description)


async def test_an_answer_of_2020_is_whole(bench: Bench) -> None:
    """No slug, no BlurHash, no tags, and a `download_location` without `ixid`."""
    image = await lookup(bench, 3)
    assert (image.blurhash, list(image.tags), len(image.renditions)) == (None, [], 5)
    assert image.ref == "photos/Sim_0000003/download"


@pytest.mark.parametrize(
    "change",
    [
        {"sponsorship": {"tagline": "Buy a boat"}},
        {"premium": True},
        {"plus": True},
        {"urls": {"raw": "https://plus.unsplash.com/premium_photo-1?ixid=M3w"}},
        {"urls": {"raw": "https://s3.us-west-2.amazonaws.com/images.unsplash.com/small/photo-1"}},
    ],
    ids=["advert", "premium", "plus", "on the host of Unsplash+", "on S3 alone"],
)
async def test_adverts_and_unsplash_plus_are_left_out(
    unsplash: SimulatedUnsplash, bench: Bench, change: Mapping[str, object]
) -> None:
    """In a search, where they cost no other photo, and in a lookup."""
    before = [image.id for image in (await bench.given("cat")).images]
    unsplash.fail(faults.changed(lambda listing: listing["results"][0].update(change)), times=1)
    assert [image.id for image in (await bench.given("cat")).images] == before[1:]
    unsplash.fail(faults.changed(lambda record: record | change), times=1)
    assert await bench.fetch(identity(0)) is None


async def test_no_result_is_an_advert_or_for_some_only(bench: Bench) -> None:
    """Of the first 31, seven are, and one is not for everybody, which Unsplash leaves out itself."""
    numbers = [int(image.id[-7:]) for image in (await bench.search("cat")).images]
    assert numbers == [number for number in find("cat")[:31] if number % 24 not in {5, 6, 7, 9, 12, 14}]


async def test_no_file_is_on_s3(bench: Bench) -> None:
    """S3 counts no view; every file is on the one host that does."""
    pages = [await bench.search("cat", number) for number in (1, 2, 3, 4)]
    urls = [rendition.url for page in pages for image in page.images for rendition in image.renditions]
    assert len(urls) > 300
    assert {urlsplit(url or "").hostname for url in urls} == {"images.unsplash.com"}


async def test_every_file_keeps_its_ixid(bench: Bench) -> None:
    """Which carries the credit for the view; files are to be linked, as the info says."""
    page = await bench.search("cat")
    assert bench.provider.info.hotlink == "required"
    for image in page.images:
        expected = photo(int(image.id[-7:]), "cat")["urls"]["raw"]
        assert {query_of(rendition.url)["ixid"][0] for rendition in image.renditions} == {query_of(expected)["ixid"][0]}


@pytest.mark.parametrize(
    ("settings", "source"),
    [({}, "imagevault"), ({"app_name": "My Café & Co"}, "My Café & Co"), ({"app_name": " "}, "imagevault")],
    ids=["ours", "configured", "blank"],
)
async def test_links_back_say_where_people_come_from(bench: Bench, settings: Mapping[str, str], source: str) -> None:
    """Author and page carry `utm_source` and `utm_medium`, and so do both links of the credit."""
    bench.configure({**SETTINGS, **settings})
    image = await lookup(bench)
    assert image.author is not None
    assert (image.author.name, (image.author.url or "").partition("?")[0]) == (
        "Sample Person 0",
        "https://unsplash.com/@sample0",
    )
    assert (image.source_url or "").partition("?")[0] == "https://unsplash.com/photos/a-quiet-harbour-0-Sim_0000000"
    for url in (image.author.url, image.source_url):
        assert query_of(url) == {"utm_source": [source], "utm_medium": ["referral"]}
    credit = attribution(bench.provider.info, image)
    assert credit.text == "Photo by Sample Person 0 on Unsplash"
    links = [link.replace("&amp;", "&") for link in re.findall(r'href="([^"]+)"', credit.html)]
    assert links == [image.author.url, image.source_url]


# Downloads


async def test_a_download_is_told_with_its_ixid(unsplash: SimulatedUnsplash, bench: Bench) -> None:
    """At `download_location`, with the key, below the base URL and not at the address as given; `ixid` and all."""
    image = (await bench.search("cat")).images[0]
    await bench.downloaded(image)
    call = unsplash.calls[-1]
    assert (call.path, call.headers["authorization"]) == (f"/photos/{image.id}/download", "Client-ID test-key")
    [ixid] = query_of(photo(find("cat")[0], "cat")["links"]["download_location"])["ixid"]
    assert unsplash.downloads == [(image.id, ixid)]
    assert list(call.query) == ["ixid"]


async def test_a_download_of_a_photo_that_was_only_looked_up_is_told_too(
    unsplash: SimulatedUnsplash, bench: Bench
) -> None:
    """Also of one whose `download_location` has no `ixid`, and of one that has no such link."""
    await bench.downloaded(await lookup(bench, 3))
    await bench.downloaded(await lookup(bench, 4, {"links": {"html": "https://unsplash.com/photos/Sim_0000004"}}))
    assert unsplash.downloads == [("Sim_0000003", None), ("Sim_0000004", None)]


async def test_the_key_is_told_to_nobody_else(unsplash: SimulatedUnsplash, bench: Bench) -> None:
    """A `download_location` on another host is called at our base URL."""
    links = {
        "html": "https://unsplash.com/photos/x",
        "download_location": "https://attacker.example/photos/x/download?a=b",
    }
    image = await lookup(bench, 0, {"links": links})
    with pytest.raises(NotFound):
        await bench.downloaded(image)
    assert {url.host for url in bench.calls} == {"127.0.0.1"}
    assert unsplash.calls[-1].path == "/photos/x/download"


async def test_a_download_that_was_not_counted_is_an_error(unsplash: SimulatedUnsplash, bench: Bench) -> None:
    """So that it is told again: a portal's page under status 200, no quota, an outage."""
    image = await lookup(bench)
    for fault, expected in (
        (faults.html_page(), InvalidResponse),
        (Answer({"url": None}), InvalidResponse),
        (USED_UP, RateLimited),
        (Answer("oops", 500), Unavailable),
    ):
        unsplash.fail(fault, times=1)
        with pytest.raises(expected):
            await bench.downloaded(image)
    assert unsplash.downloads == []


# Limits and errors


async def ask(bench: Bench, hook: str) -> None:
    if hook == "search":
        await bench.search("cat")
    elif hook == "lookup":
        await bench.fetch(identity(0))
    else:
        await bench.downloaded(Image(id=identity(0)))


HOOKS = pytest.mark.parametrize("hook", ["search", "lookup", "download"])


@HOOKS
async def test_a_used_up_quota_is_no_wrong_key(unsplash: SimulatedUnsplash, bench: Bench, hook: str) -> None:
    """Their 403 in plain text that calls itself JSON."""
    unsplash.remaining = 0
    with pytest.raises(RateLimited, match="no more requests"):
        await ask(bench, hook)


@HOOKS
async def test_a_true_403_is_a_matter_of_the_key(unsplash: SimulatedUnsplash, bench: Bench, hook: str) -> None:
    """Also when it happens to be the last call of the hour."""
    answer = {"errors": ["Missing permissions to perform this action"]}
    unsplash.fail(Answer(answer, 403, {"X-Ratelimit-Remaining": "0"}))
    with pytest.raises(Unauthorized):
        await ask(bench, hook)


@HOOKS
async def test_a_429_is_a_limit_too(unsplash: SimulatedUnsplash, bench: Bench, hook: str) -> None:
    """As one of their maintainers says it is."""
    unsplash.fail(Answer("Rate Limit Exceeded", 429, {"Retry-After": "60"}))
    with pytest.raises(RateLimited) as caught:
        await ask(bench, hook)
    assert caught.value.retry_after == 60


@HOOKS
async def test_a_wrong_key(bench: Bench, hook: str) -> None:
    """Is named, and not shown."""
    bench.configure({"api_key": "wrong-test-key"})
    with pytest.raises(Unauthorized) as caught:
        await ask(bench, hook)
    assert "wrong-test-key" not in str(caught.value)


async def test_words_taken_for_spam(bench: Bench) -> None:
    """A 410, which says nothing of the photo or of Unsplash's health: NotFound is counted against nobody."""
    with pytest.raises(NotFound, match="spam"):
        await bench.search("spam")


async def test_the_quota_is_that_of_a_demo_key_until_told_otherwise(bench: Bench) -> None:
    """Fifty an hour; the admin of a production key says what his key has."""
    [quota] = bench.provider.info.quotas
    assert (quota.limit, quota.period) == (50, "hour")
    bench.configure({**SETTINGS, "quota": ["1000/hour"]})
    [quota] = bench.provider.info.quotas
    assert (quota.limit, quota.period, quota.remaining) == (1000, "hour", "X-Ratelimit-Remaining")


async def test_what_is_left_is_read_from_the_header(unsplash: SimulatedUnsplash, bench: Bench) -> None:
    """Of every answer, a refusal too; no header says until when."""
    unsplash.remaining = 8
    headers = (await bench.http.get("search/photos?query=x&client_id=test-key")).headers
    assert reported_quotas(tuple(bench.provider.info.quotas), headers, 0) == {"hour": (7, None)}
    unsplash.remaining = 0
    headers = (await bench.http.get("search/photos?query=x&client_id=test-key")).headers
    assert reported_quotas(tuple(bench.provider.info.quotas), headers, 0) == {"hour": (0, None)}


# Pages


async def test_the_walk_ends_with_the_total(bench: Bench) -> None:
    """Not with a page that is short because adverts were left out of it."""
    pages = [await bench.given("cat", number) for number in (1, 2, 3, 4)]
    assert [page.last for page in pages] == [False, False, False, True]
    assert all(len(page.images) < 30 for page in pages)
    assert {page.total for page in pages} == {92}  # of 96, four are not for everybody


async def test_a_link_that_is_null_costs_no_photo(unsplash: SimulatedUnsplash, bench: Bench) -> None:
    """Only itself: a file, the page, the author's page, the place of the download event."""

    def change(listing: Any) -> None:
        first = listing["results"][0]
        first["urls"] |= {"small": None, "small_s3": None}
        first["links"] |= {"html": None, "download_location": None}
        first["user"]["links"] |= {"html": None}

    unsplash.fail(faults.changed(change), times=1)
    image = (await bench.search("cat")).images[0]
    first = find("cat")[0]
    assert (image.id, image.source_url) == (identity(first), None)
    assert image.author == Author(f"Sample Person {first % 7}")
    assert [rendition.name for rendition in image.renditions] == ["thumbnail", "medium", "large", "original"]
    await bench.downloaded(image)
    assert unsplash.calls[-1].path == f"/photos/{image.id}/download"


async def test_a_short_page_ends_nothing(unsplash: SimulatedUnsplash, bench: Bench) -> None:
    """One record or many that cannot be read: the walk goes on."""
    unsplash.fail(faults.changed(lambda listing: {**listing, "results": [*listing["results"][:3], {}, None]}), times=1)
    page = await bench.given("cat")
    assert (len(page.images), page.last) == (3, False)


async def test_a_total_of_zero_behind_the_window_is_not_believed(bench: Bench) -> None:
    """Page 200 of 30 is the last with photos; the next says that there are none at all."""
    info = bench.provider.info
    assert info.max_results == 200 * info.page_size
    inside, outside = await bench.given("nature", 200), await bench.given("nature", 201)
    assert inside.images
    assert (inside.total, inside.last) == (9602, False)
    assert outside == Page([], total=None, last=True)


async def test_nothing_found_is_a_total_of_zero(bench: Bench) -> None:
    """On the first page, where it is true."""
    assert await bench.given("nothing") == Page([], total=0, last=True)


@pytest.mark.parametrize(
    ("name", "value", "native"),
    [
        ("orientation", "square", "squarish"),
        ("orientation", "landscape", "landscape"),
        ("orientation", "portrait", "portrait"),
        ("color", "gray", "black_and_white"),
        ("color", "teal", "teal"),
        ("color", "turquoise", "teal"),
        ("color", "#D00010", "red"),
    ],
)
async def test_filters_are_said_in_their_words(bench: Bench, name: str, value: str, native: str) -> None:
    """And understood there: every photo found is of that kind."""
    plan = filters.plan(bench.provider.info, filters.check({name: value}))
    assert (plan.native, plan.tests) == ({name: native}, {})
    images = (await bench.search("cat", native=plan.native)).images
    assert images
    if name == "orientation":
        assert {shape(int(image.id[-7:]))[0] for image in images} == {native}


async def test_every_filter_value_is_known_there(bench: Bench) -> None:
    """The simulated Unsplash refuses what is not documented."""
    for name, values in bench.provider.info.filters.items():
        for native in values.values():
            assert (await bench.search("cat", native={name: native})).images


# Lookups


@pytest.mark.parametrize("id", ["", "random", "Sim_000000", "Sim_00000000", "../../users", "a?b=c&d#e-", "Sim_000000ä"])
async def test_an_id_that_cannot_be_costs_no_call(unsplash: SimulatedUnsplash, bench: Bench, id: str) -> None:
    """Above all `random`, which the real one answers with any photo."""
    assert await bench.fetch(id) is None
    assert unsplash.calls == []


async def test_an_id_that_is_not_there(unsplash: SimulatedUnsplash, bench: Bench) -> None:
    """One call, and none."""
    assert await bench.fetch("Sim_9999999") is None
    assert [call.path for call in unsplash.calls] == ["/photos/Sim_9999999"]


@pytest.mark.parametrize(
    "change",
    [{"id": None}, {"width": "wide"}, {"height": 0}, {"urls": None}, {"user": None}, {"user": {"links": {}}}],
    ids=["no id", "a width in words", "no height", "no file", "no user", "a user without a name"],
)
async def test_one_bad_record_costs_one_record(
    unsplash: SimulatedUnsplash, bench: Bench, change: Mapping[str, object]
) -> None:
    """A photo nobody can be credited for is one too."""
    before = [image.id for image in (await bench.given("cat")).images]
    unsplash.fail(faults.changed(lambda listing: listing["results"][0].update(change)), times=1)
    assert [image.id for image in (await bench.given("cat")).images] == before[1:]


class TestRecorded:
    """Invented answers in the documented form."""

    def read(self, name: str) -> Any:
        return json.loads((RECORDED / name).read_bytes())

    async def test_a_search(self, unsplash: SimulatedUnsplash, bench: Bench) -> None:
        """Every photo but the advertisement."""
        told = self.read("search.json")
        unsplash.fail(Answer(told))
        page = await bench.search("cat")
        wanted = [photo for photo in told["results"] if not photo["sponsorship"]]
        assert len(wanted) == len(told["results"]) - 1
        assert [image.id for image in page.images] == [photo["id"] for photo in wanted]
        assert page.total == told["total"]
        for image, theirs in zip(page.images, wanted, strict=True):
            assert len(image.renditions) == 5
            assert image.author == Author(
                theirs["user"]["name"].strip(),
                f"{theirs['user']['links']['html']}?utm_source=imagevault&utm_medium=referral",
            )
            assert all("ixid" in query_of(rendition.url) for rendition in image.renditions)

    async def test_a_photo(self, unsplash: SimulatedUnsplash, bench: Bench) -> None:
        """With the event that a download of it would send."""
        told = self.read("photo_ExAmPle0004.json")
        unsplash.fail(Answer(told))
        image = await bench.fetch(told["id"])
        assert image is not None
        assert (image.id, image.width, image.blurhash) == (told["id"], told["width"], told.get("blur_hash"))
        assert image.ref == told["links"]["download_location"].split("/", 3)[3]

    async def test_the_answer_to_a_download(self, unsplash: SimulatedUnsplash, bench: Bench) -> None:
        """Is understood."""
        unsplash.fail(Answer(self.read("download.json")))
        await bench.downloaded(Image(id="ExAmPle0004"))
        assert unsplash.calls[-1].path == "/photos/ExAmPle0004/download"

    async def test_errors(self, unsplash: SimulatedUnsplash, bench: Bench) -> None:
        """The used-up quota and the wrong key."""
        told = self.read("error_403.json")
        cases: list[tuple[Answer, type[ProviderError]]] = [
            (Answer(told["body_text"], told["status"], told["headers"]), RateLimited),
            (Answer(self.read("error_401.json"), 401), Unauthorized),
        ]
        for answer, expected in cases:
            unsplash.fail(answer, times=1)
            with pytest.raises(expected):
                await bench.search("cat")
