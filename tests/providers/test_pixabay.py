"""The Pixabay plugin against the simulated Pixabay, over real HTTP, and against recorded answers where they are."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import imagevault_pixabay as plugin
import msgspec
import pytest

from imagevault import InvalidResponse, RateLimited, Unauthorized
from imagevault.images.attribution import attribution
from imagevault.records import Image, Page
from imagevault.search import filters
from imagevault.testing import Answer, Upstream, faults
from imagevault.testing.bench import Bench
from imagevault.testing.contract import ProviderContract
from imagevault.testing.upstreams.pixabay import FIRST_ID, SimulatedPixabay, hit, shape
from imagevault.upstream.reported_quota import reported_quotas

SETTINGS = {"api_key": "test-key"}
RECORDED = Path(__file__).parents[3] / "shared" / "payloads" / "pixabay"
DAY = 24 * 3600


class TestContract(ProviderContract):
    plugin = plugin
    settings = SETTINGS

    def upstream(self) -> Upstream:
        return SimulatedPixabay()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def pixabay() -> Iterator[SimulatedPixabay]:
    with SimulatedPixabay() as pixabay:
        yield pixabay


@pytest.fixture
async def bench(pixabay: SimulatedPixabay) -> AsyncIterator[Bench]:
    async with Bench(plugin, SETTINGS, pixabay) as bench:
        yield bench


async def lookup(bench: Bench, number: int = 0, change: Mapping[str, object] | None = None) -> Image:
    """Image `number` with these changes, looked up."""
    if change is not None:
        assert bench.upstream is not None
        bench.upstream.fail(faults.changed(lambda listing: listing["hits"][0].update(change)), times=1)
    image = await bench.fetch(f"{FIRST_ID + number}")
    assert image is not None
    return image


async def test_asks_as_documented(pixabay: SimulatedPixabay, bench: Bench) -> None:
    """Photos only, and those for everybody; filters by their names there."""
    await bench.search("cat & dog", 2, {"orientation": "vertical", "color": "lilac", "locale": "de"})
    [call] = pixabay.calls
    assert (call.method, call.path) == ("GET", "/api/")
    assert dict(call.query) == {
        "key": "test-key",
        "q": "cat & dog",
        "page": "2",
        "per_page": "200",
        "image_type": "photo",
        "safesearch": "true",
        "orientation": "vertical",
        "colors": "lilac",
        "lang": "de",
    }


async def test_the_record(bench: Bench) -> None:
    """Every field of a photo as Pixabay gives it; there is no colour, no BlurHash, and no title of its own."""
    image = await lookup(bench)
    assert (image.id, image.title, image.alt) == ("5000000", "Harbour boats pier", "Harbour boats pier")
    assert (image.width, image.height, image.color, image.blurhash) == (6000, 4000, None, None)
    assert list(image.tags) == ["harbour", "boats", "pier 0"]
    assert image.source_url == "https://pixabay.com/photos/harbour-boats-pier-5000000/"
    assert image.author is not None
    assert (image.author.name, image.author.url) == ("sample0", "https://pixabay.com/users/sample0-70000/")
    assert image.license is not None
    assert (image.license.id, image.license.name) == ("pixabay", "Pixabay Content License")
    assert image.license.url == "https://pixabay.com/service/license-summary/"


async def test_results_say_where_they_are_from(bench: Bench) -> None:
    """By the notice, and by a credit that links to Pixabay."""
    image = await lookup(bench)
    info = bench.provider.info
    assert (info.notice, info.homepage) == ("Images from Pixabay", "https://pixabay.com")
    credit = attribution(info, image)
    assert credit.text == "Image by sample0 from Pixabay"
    assert f'<a href="{image.source_url}">Pixabay</a>' in credit.html


async def test_the_largest_file_that_most_keys_see_is_large(bench: Bench) -> None:
    """It is not the original: 1280 pixels at most. Sizes are theirs where they say them, which they round down."""
    image = await lookup(bench, 1)
    assert [(one.name, one.width, one.height) for one in image.renditions] == [
        ("thumbnail", 100, 150),
        ("small", 426, 640),
        ("large", 853, 1280),
    ]
    theirs = hit(1)
    assert [one.url for one in image.renditions] == [
        theirs["previewURL"],
        theirs["webformatURL"],
        theirs["largeImageURL"],
    ]


async def test_full_access_has_larger_files_and_the_original(pixabay: SimulatedPixabay, bench: Bench) -> None:
    """Each under a name of its own."""
    pixabay.full_access = True
    theirs = hit(0, full_access=True)
    assert [(one.name, one.width, one.height, one.url) for one in (await lookup(bench)).renditions] == [
        ("thumbnail", 150, 100, theirs["previewURL"]),
        ("small", 640, 426, theirs["webformatURL"]),
        ("medium", 1280, 853, theirs["largeImageURL"]),
        ("large", 1920, 1280, theirs["fullHDURL"]),
        ("original", 6000, 4000, theirs["imageURL"]),
    ]


async def test_an_answer_of_2017_has_its_largest_file_too(bench: Bench) -> None:
    """Without `largeImageURL` that is the one of 640 pixels."""
    image = await lookup(bench, 3)
    assert [(one.name, one.width) for one in image.renditions] == [("thumbnail", 150), ("large", 640)]


async def test_a_small_original_is_never_scaled_up(pixabay: SimulatedPixabay, bench: Bench) -> None:
    """What is 200 pixels wide and 300 high stays so in every larger size."""
    pixabay.full_access = True
    assert shape(13) == (200, 300)
    assert {(one.width, one.height) for one in (await lookup(bench, 13)).renditions[1:]} == {(200, 300)}


@pytest.mark.parametrize(
    ("number", "title", "tags"),
    [
        (1, "Harbour boats pier", []),
        (2, "Café am meer", ["harbour", "boats", "pier 2"]),
        (4, "harbour, boats, pier 4", ["harbour", "boats", "pier 4"]),
        (6, None, []),
    ],
    ids=["no tags", "percent-encoded", "no words in the address", "neither"],
)
async def test_words_come_from_where_there_are_any(
    bench: Bench, number: int, title: str | None, tags: list[str]
) -> None:
    """From the address of the page, else the tags."""
    image = await lookup(bench, number)
    assert (image.title, image.alt, list(image.tags)) == (title, title, tags)


async def test_an_author_with_odd_letters_still_has_a_page(bench: Bench) -> None:
    """The name is quoted in its address."""
    author = (await lookup(bench, 25, {"user": "Ärger/Söhne & Co"})).author
    assert author is not None
    assert author.name == "Ärger/Söhne & Co"
    assert author.url == "https://pixabay.com/users/%C3%84rger%2FS%C3%B6hne%20%26%20Co-70004/"


@pytest.mark.parametrize("gone", ["pageURL", "tags", "user", "user_id", "previewURL", "type"])
@pytest.mark.parametrize("how", ["missing", "null"])
async def test_a_field_that_vanishes_costs_no_image(
    pixabay: SimulatedPixabay, bench: Bench, gone: str, how: str
) -> None:
    """They may do so without notice; what is left is a record still."""

    def change(listing: Any) -> None:
        for each in listing["hits"]:
            each.pop(gone)
            each.update({gone: None} if how == "null" else {})

    pixabay.fail(faults.changed(change))
    page = await bench.search("cat")
    assert len(page.images) == 200
    assert all(image.renditions[-1].name == "large" for image in page.images)
    assert "None" not in str(msgspec.json.encode(page))


async def test_a_total_that_vanishes_ends_nothing(pixabay: SimulatedPixabay, bench: Bench) -> None:
    """The walk goes on to the end of the window."""
    pixabay.fail(faults.changed(lambda listing: {"hits": listing["hits"]}))
    pages = [await bench.given("nature", number) for number in (1, 2, 3)]
    assert [(page.total, page.last) for page in pages] == [(None, False), (None, False), (None, True)]


@pytest.mark.parametrize(
    "change",
    [{"id": None}, {"imageWidth": "wide"}, {"imageHeight": 0}, {"webformatURL": ""}, {"webformatURL": None}],
    ids=["no id", "a width in words", "no height", "an empty link", "no link"],
)
async def test_one_bad_record_costs_one_record(
    pixabay: SimulatedPixabay, bench: Bench, change: Mapping[str, object]
) -> None:
    """And never the page."""
    before = [image.id for image in (await bench.given("cat")).images]
    pixabay.fail(faults.changed(lambda listing: listing["hits"][0].update(change)), times=1)
    assert [image.id for image in (await bench.given("cat")).images] == before[1:]


# Pages


async def test_the_walk_ends_after_five_hundred(bench: Bench) -> None:
    """Where `totalHits` ends it; `total` is many more, and is not what can be had."""
    assert bench.provider.info.max_results == 500
    pages = [await bench.given("nature", number) for number in (1, 2, 3)]
    assert [len(page.images) for page in pages] == [200, 200, 100]
    assert [page.last for page in pages] == [False, False, True]
    assert {page.total for page in pages} == {500}


async def test_a_page_behind_the_last_is_the_end_and_no_error(bench: Bench) -> None:
    """As when a list has become shorter meanwhile: the real one answers 400. No total is told there."""
    assert await bench.given("nature", 4) == Page([], total=None, last=True)


async def test_a_smaller_page_size_ends_there_too(bench: Bench) -> None:
    """150 do not divide 500: the fourth page has fifty, and is the last."""
    bench.configure({**SETTINGS, "page_size": 150})
    pages = [await bench.given("nature", number) for number in (1, 2, 3, 4)]
    assert [len(page.images) for page in pages] == [150, 150, 150, 50]
    assert [page.last for page in pages] == [False, False, False, True]


async def test_nothing_found(bench: Bench) -> None:
    """Is a total of zero."""
    assert await bench.given("nothing") == Page([], total=0, last=True)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("a" * 100, "a" * 100),
        ("a" * 120, "a" * 100),
        ("word " * 20 + "more", ("word " * 20).strip()),
        ("a" * 60 + " " + "b" * 60, "a" * 60),
        ("a" * 49 + " " + "b" * 50 + " c", "a" * 49 + " " + "b" * 50),
    ],
    ids=["just right", "one long word", "many words", "two long words", "a word that ends at the limit"],
)
async def test_long_words_are_cut_to_what_is_allowed(
    pixabay: SimulatedPixabay, bench: Bench, text: str, asked: str
) -> None:
    """At most 100 characters, which the simulated one insists on, and whole words where there are any."""
    assert (await bench.search(text)).images
    assert pixabay.calls[-1].query["q"] == asked


# Filters


@pytest.mark.parametrize(
    ("name", "value", "native"),
    [
        ("orientation", "landscape", "horizontal"),
        ("orientation", "portrait", "vertical"),
        ("color", "violet", "lilac"),
        ("color", "purple", "lilac"),
        ("color", "gray", "gray"),
        ("locale", "pt-BR", "pt"),
        ("locale", "nb-NO", "no"),
        ("locale", "ja", "ja"),
    ],
)
async def test_filters_are_said_in_their_words(bench: Bench, name: str, value: str, native: str) -> None:
    """And understood there."""
    plan = filters.plan(bench.provider.info, filters.check({name: value}))
    assert (plan.native, plan.tests) == ({name: native}, {})
    assert (await bench.search("cat", native=plan.native)).images


async def test_square_is_left_to_the_gateway(bench: Bench) -> None:
    """Pixabay has no such orientation; neither has it sizes in megapixels."""
    plan = filters.plan(bench.provider.info, filters.check({"orientation": "square", "size": "large"}))
    assert (plan.native, set(plan.tests)) == ({}, {"orientation", "size"})


async def test_every_filter_value_is_known_there(bench: Bench) -> None:
    """The simulated Pixabay refuses what is not documented."""
    for name, values in bench.provider.info.filters.items():
        for native in values.values():
            assert (await bench.search("cat", native={name: native})).images


async def test_only_photos_for_everybody_are_found(pixabay: SimulatedPixabay, bench: Bench) -> None:
    """No illustration or drawing, and nothing that is not for everybody, neither in a search nor in a lookup."""
    numbers = [int(image.id) - FIRST_ID for image in (await bench.search("cat")).images]
    assert all(number % 10 < 7 and number % 13 != 5 for number in numbers)
    assert await bench.fetch(f"{FIRST_ID + 5}") is None
    assert await bench.fetch(f"{FIRST_ID + 7}") is None
    assert await bench.fetch(f"{FIRST_ID + 6}") is not None


# Terms


async def test_answers_are_kept_for_a_day_whatever_an_admin_sets(bench: Bench) -> None:
    """24 hours, as the terms demand."""
    assert bench.provider.info.cache_for == DAY
    bench.configure({**SETTINGS, "cache_for": DAY - 1})
    assert bench.provider.state == "unconfigured"
    assert "terms of Pixabay" in (bench.provider.reason or "")


async def test_files_are_linked_for_a_while_only_and_a_lookup_renews_them(bench: Bench) -> None:
    """The links differ, the image is the same."""
    assert bench.provider.info.hotlink == "temporary"
    assert bench.provider.info.max_age == 24 * 3600
    first, again = [await lookup(bench) for _ in range(2)]
    assert first.id == again.id
    assert first.renditions[-1].url != again.renditions[-1].url


# Lookups


@pytest.mark.parametrize("id", ["", "0", "007", "-7", "²", "7 ", "7&q=x", "abc", "9" * 19])
async def test_an_id_that_cannot_be_costs_no_call(pixabay: SimulatedPixabay, bench: Bench, id: str) -> None:
    """Ids are numbers."""
    assert await bench.fetch(id) is None
    assert pixabay.calls == []


@pytest.mark.parametrize("strict", [False, True], ids=["finds nothing", "is a 400"])
async def test_an_id_that_is_not_there(pixabay: SimulatedPixabay, bench: Bench, strict: bool) -> None:
    """Whichever way the real one says so."""
    pixabay.strict_ids = strict
    assert await bench.fetch("999") is None
    assert dict(pixabay.calls[-1].query) == {"key": "test-key", "safesearch": "true", "id": "999"}


async def test_an_answer_about_another_image_is_none(pixabay: SimulatedPixabay, bench: Bench) -> None:
    """As if `id` had been ignored."""
    pixabay.fail(Answer({"total": 1, "totalHits": 1, "hits": [hit(8)]}))
    assert await bench.fetch(f"{FIRST_ID}") is None


# Limits and errors


async def ask(bench: Bench, hook: str) -> None:
    await (bench.search("cat") if hook == "search" else bench.fetch(f"{FIRST_ID}"))


HOOKS = pytest.mark.parametrize("hook", ["search", "lookup"])


@HOOKS
async def test_a_wrong_key_is_a_400(bench: Bench, hook: str) -> None:
    """In plain text; it is named for what it is, and the key is not shown."""
    bench.configure({"api_key": "wrong-test-key"})
    with pytest.raises(Unauthorized, match="Invalid API key") as caught:
        await ask(bench, hook)
    assert "wrong-test-key" not in str(caught.value)


async def test_another_400_is_told_in_its_words(bench: Bench) -> None:
    """So that an admin sees what he set: pages hold three or more."""
    bench.configure({**SETTINGS, "page_size": 2})
    with pytest.raises(InvalidResponse, match='"per_page" is out of valid range'):
        await bench.search("cat")


@HOOKS
async def test_a_used_up_minute_says_how_long(pixabay: SimulatedPixabay, bench: Bench, hook: str) -> None:
    """By the seconds in `X-RateLimit-Reset`."""
    pixabay.remaining = 0
    with pytest.raises(RateLimited) as caught:
        await ask(bench, hook)
    assert caught.value.retry_after == 42


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry-After": "7", "X-RateLimit-Reset": "42"}, 7), ({"X-RateLimit-Reset": "soon"}, None), ({}, None)],
    ids=["both", "no number", "neither"],
)
async def test_a_429_with_other_headers(
    pixabay: SimulatedPixabay, bench: Bench, headers: Mapping[str, str], seconds: float | None
) -> None:
    """`Retry-After` comes first."""
    pixabay.fail(Answer("[ERROR 429]", 429, headers))
    with pytest.raises(RateLimited) as caught:
        await bench.search("cat")
    assert caught.value.retry_after == seconds


async def test_the_quota_is_read_from_the_headers(pixabay: SimulatedPixabay, bench: Bench) -> None:
    """A hundred a minute; what is left, and the seconds from now until it begins anew."""
    pixabay.remaining = 8
    quotas = tuple(bench.provider.info.quotas)
    headers = (await bench.http.get("", params={"key": "test-key"})).headers
    assert [(quota.limit, quota.period) for quota in quotas] == [(100, "minute")]
    assert reported_quotas(quotas, headers, 1000) == {"minute": (7, 1042)}


# What the real one answered


@pytest.mark.skipif(not RECORDED.is_dir(), reason="recorded answers are not beside this checkout")
class TestRecorded:
    def read(self, name: str) -> Any:
        return json.loads((RECORDED / name).read_bytes())

    @pytest.mark.parametrize("name", ["search_photos_a", "search_nature_london_3", "search_docs_sample_full_access"])
    async def test_listings(self, pixabay: SimulatedPixabay, bench: Bench, name: str) -> None:
        """Every image, whole; of the documentation's own sample the original too."""
        told = self.read(f"{name}.json")
        pixabay.fail(Answer(told))
        page = await bench.search("cat")
        assert [image.id for image in page.images] == [str(each["id"]) for each in told["hits"]]
        assert (page.total, page.last) == (told["totalHits"], told["totalHits"] <= 200)
        for image, theirs in zip(page.images, told["hits"], strict=True):
            full = "imageURL" in theirs
            names = ["thumbnail", "small", *(["medium", "large", "original"] if full else ["large"])]
            assert [each.name for each in image.renditions] == names
            assert (image.width, len(image.tags)) == (theirs["imageWidth"], len(set(theirs["tags"].split(", "))))
            assert image.title
            assert image.author is not None
            assert image.author.name == theirs["user"]

    async def test_errors(self, pixabay: SimulatedPixabay, bench: Bench) -> None:
        """The page that is out of range."""
        told = self.read("error_400_page_out_of_range_envelope.json")
        pixabay.fail(Answer(told["body_text"], told["status"]))
        assert await bench.given("cat", 4) == Page([], last=True)
