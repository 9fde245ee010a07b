"""Tests of the Pixabay provider: its functions one by one, then its hooks against a simulated Pixabay over HTTP."""

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import imagevault_pixabay as plugin
import msgspec
import pytest

from imagevault import Author, Flags, InvalidResponse, RateLimited, SearchQuery, Unauthorized
from imagevault.images.attribution import attribution
from imagevault.records import Image, Page
from imagevault.search import filters
from imagevault.testing import Answer, Upstream, faults
from imagevault.testing.bench import Bench
from imagevault.testing.contract import ProviderContract
from imagevault.testing.upstreams.pixabay import FIRST_ID, SimulatedPixabay, hit, shape
from imagevault.upstream.reported_quota import reported_quotas
from tests.support.linear_time import is_linear

SETTINGS = {"api_key": "test-key"}
DAY = 24 * 3600

# Answers in the form of the real API, with invented images by invented people.
RECORDED = Path(__file__).with_name("recorded") / "pixabay"

HIT = {
    "id": 7,
    "pageURL": "https://pixabay.com/photos/quiet-harbour-7/",
    "type": "photo",
    "tags": "quiet, harbour",
    "previewURL": "https://cdn.pixabay.com/harbour-7_150.jpg",
    "previewWidth": 150,
    "previewHeight": 99,
    "webformatURL": "https://pixabay.com/get/g7_640.jpg",
    "webformatWidth": 640,
    "webformatHeight": 426,
    "largeImageURL": "https://pixabay.com/get/g7_1280.jpg",
    "imageWidth": 6000,
    "imageHeight": 4000,
    "user_id": 17,
    "user": "Ada Example",
}


def decoded(**changes: object) -> plugin._Hit:
    """The decoded HIT with these changes."""
    return msgspec.convert({**HIT, **changes}, plugin._Hit)


class TestContract(ProviderContract):
    """What every provider must do."""

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
    """The image of this number with these changes, looked up."""
    if change is not None:
        assert bench.upstream is not None
        bench.upstream.fail(faults.changed(lambda listing: listing["hits"][0].update(change)), times=1)
    image = await bench.fetch(str(FIRST_ID + number))
    assert image is not None
    return image


class TestTitle:
    @pytest.mark.parametrize(
        ("url", "title"),
        [
            ("https://pixabay.com/photos/quiet-harbour-7/", "Quiet harbour"),
            ("https://pixabay.com/photos/quiet-harbour-7", "Quiet harbour"),
            ("https://pixabay.com/en/caf%C3%A9-am-meer-7/", "Café am meer"),
            ("https://pixabay.com/photos/7/", "quiet, harbour"),
            ("", "quiet, harbour"),
            (None, "quiet, harbour"),
        ],
        ids=["words", "no slash at the end", "encoded", "no words", "empty", "null"],
    )
    def test_the_title_comes_from_the_address_else_from_the_tags(self, url: str | None, title: str) -> None:
        assert plugin._title(decoded(pageURL=url)) == title

    def test_without_either_there_is_no_title(self) -> None:
        assert plugin._title(decoded(pageURL=None, tags=None)) is None

    @pytest.mark.parametrize("url", ["/" * 200_000, "/" + "-1" * 100_000 + "x", "/a" * 100_000, "/a-" + "1" * 200_000])
    def test_a_hostile_address_takes_no_time(self, url: str) -> None:
        """The pattern is linear: these take milliseconds, and a quadratic pattern takes minutes."""
        assert plugin._title(decoded(pageURL=url, tags=None)) is None


class TestTags:
    def test_tags_come_one_by_one(self) -> None:
        assert plugin._tags(decoded(tags="bridge, road, 2020-01-02")) == ["bridge", "road", "2020-01-02"]

    @pytest.mark.parametrize("tags", ["", None])
    def test_there_may_be_none(self, tags: str | None) -> None:
        assert plugin._tags(decoded(tags=tags)) == []


class TestFlags:
    @pytest.mark.parametrize(
        ("changes", "flags"),
        [
            ({}, Flags()),
            ({"isAiGenerated": True, "noAiTraining": False}, Flags(ai_generated=True, ai_training_refused=False)),
            ({"isAiGenerated": False, "noAiTraining": True}, Flags(ai_generated=False, ai_training_refused=True)),
            ({"isGRated": True}, Flags(sensitive=False)),
            ({"isGRated": False}, Flags(sensitive=True)),
            (
                {"isAiGenerated": 1, "noAiTraining": 0, "isGRated": 0},
                Flags(ai_generated=True, ai_training_refused=False, sensitive=True),
            ),
            ({"isAiGenerated": None, "noAiTraining": "no", "isGRated": [1]}, Flags()),
        ],
        ids=["an older answer", "made by software", "not for training", "for everybody", "sensitive", "numbers", "odd"],
    )
    def test_a_flag_is_what_pixabay_says_and_none_where_it_says_nothing(
        self, changes: dict[str, object], flags: Flags
    ) -> None:
        assert plugin._flags(decoded(**changes)) == flags

    def test_what_is_declared_is_what_records_carry(self) -> None:
        assert plugin.provider_info().declares == {"ai_generated", "ai_training_refused", "sensitive"}


class TestExtra:
    @pytest.mark.parametrize(
        ("value", "extra"),
        [(True, {"quality": "low"}), (1, {"quality": "low"}), (False, {}), (0, {}), (None, {}), ("yes", {})],
    )
    def test_a_low_quality_is_said(self, value: object, extra: dict[str, str]) -> None:
        assert plugin._extra(decoded(isLowQuality=value)) == extra


class TestAuthor:
    def test_the_page_is_the_one_that_pixabay_states(self) -> None:
        author = plugin._author(decoded(userURL="https://pixabay.com/users/17/"))
        assert author == Author("Ada Example", "https://pixabay.com/users/17/")

    @pytest.mark.parametrize("url", ["", None])
    def test_without_one_the_page_is_made_of_name_and_id(self, url: str | None) -> None:
        author = plugin._author(decoded(user="ada-example", userURL=url))
        assert author == Author("ada-example", "https://pixabay.com/users/ada-example-17/")

    def test_the_page_is_made_of_name_and_id(self) -> None:
        author = plugin._author(decoded(user="ada-example"))
        assert author == Author("ada-example", "https://pixabay.com/users/ada-example-17/")

    def test_a_name_is_encoded_in_the_address(self) -> None:
        author = plugin._author(decoded(user="Ärger/Söhne & Co"))
        assert author == Author("Ärger/Söhne & Co", "https://pixabay.com/users/%C3%84rger%2FS%C3%B6hne%20%26%20Co-17/")

    def test_without_an_id_there_is_no_page(self) -> None:
        assert plugin._author(decoded(user_id=None)) == Author("Ada Example")

    @pytest.mark.parametrize("name", ["", None])
    def test_without_a_name_there_is_no_author(self, name: str | None) -> None:
        assert plugin._author(decoded(user=name)) is None


class TestRenditionsOfAHit:
    def test_the_largest_file_is_large(self) -> None:
        """An image without an original needs a `large`."""
        renditions = plugin._renditions(decoded())
        assert [(rendition.name, rendition.width, rendition.height) for rendition in renditions] == [
            ("thumbnail", 150, 99),
            ("small", 640, 426),
            ("large", 1280, 853),
        ]

    def test_only_one_file_is_required(self) -> None:
        renditions = plugin._renditions(decoded(previewURL=None, largeImageURL=None))
        assert [(rendition.name, rendition.url) for rendition in renditions] == [
            ("large", "https://pixabay.com/get/g7_640.jpg"),
        ]

    def test_full_access_adds_two_files(self) -> None:
        renditions = plugin._renditions(
            decoded(
                fullHDURL="https://pixabay.com/get/g7_1920.jpg",
                imageURL="https://pixabay.com/get/g7.jpg",
            )
        )
        assert [(rendition.name, rendition.width, rendition.height) for rendition in renditions[2:]] == [
            ("medium", 1280, 853),
            ("large", 1920, 1280),
            ("original", 6000, 4000),
        ]

    def test_an_unknown_size_stays_unknown(self) -> None:
        [preview, *_] = plugin._renditions(decoded(previewWidth=None, previewHeight=None))
        assert (preview.width, preview.height) == (None, None)


class TestPatterns:
    @pytest.mark.parametrize("unit", ['"page" is out of valid range'[:-1], '"', "1", '"id" is out', "API"])
    def test_they_are_linear(self, unit: str) -> None:
        def work(size: int) -> None:
            text = unit * size
            plugin.OUT_OF_RANGE.search(text)
            plugin.IMAGE_ID.fullmatch(text)
            plugin.WORDS_IN_ADDRESS.search(text)

        assert is_linear(work, 10_000)


class TestIsLast:
    @pytest.mark.parametrize(
        ("page", "total", "last"),
        [
            (1, 150, True),
            (1, 200, True),
            (1, 201, False),
            (2, 500, False),
            (3, 500, True),
            (2, 8000, False),
            (3, 8000, True),
            (2, None, False),
            (3, None, True),
        ],
    )
    def test_the_total_ends_the_list_and_so_does_the_500th_image(
        self, page: int, total: int | None, last: bool
    ) -> None:
        query = SearchQuery(text="cat", page=page, per_page=200)
        listing = plugin._Listing(hits=[msgspec.Raw(b"{}")], total=total)
        assert plugin._is_last(query, listing) is last

    def test_an_empty_page_ends_the_list(self) -> None:
        query = SearchQuery(text="cat", page=1, per_page=200)
        assert plugin._is_last(query, plugin._Listing(hits=[], total=500))


class TestErrorsOfAResponse:
    def test_a_400_about_the_key_is_unauthorized(self) -> None:
        error = plugin._refusal(httpx.Response(400, text="[ERROR 400] Invalid API key. Note: ..."))
        assert isinstance(error, Unauthorized)

    def test_another_400_is_an_invalid_response_with_its_words(self) -> None:
        error = plugin._refusal(httpx.Response(400, text='[ERROR 400] "page" is out of valid range.'))
        assert isinstance(error, InvalidResponse)
        assert str(error) == 'Pixabay refused the request: [ERROR 400] "page" is out of valid range.'

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"X-RateLimit-Reset": "42"}, 42),
            ({"X-RateLimit-Reset": "0"}, 0),
            ({"X-RateLimit-Reset": "99999999999999999999"}, 60),
            ({"X-RateLimit-Reset": "-1"}, None),
            ({"X-RateLimit-Reset": "soon"}, None),
            ({"X-RateLimit-Reset": "42", "Retry-After": "7"}, None),
            ({}, None),
        ],
    )
    def test_the_seconds_of_a_429(self, headers: dict[str, str], seconds: float | None) -> None:
        """`Retry-After` comes first, and the gateway reads it."""
        assert plugin._seconds_until_reset(httpx.Response(429, headers=headers)) == seconds


class TestRecord:
    async def test_the_record(self, bench: Bench) -> None:
        """Every field of a photo reaches ImageVault's record. It has no colour and no description."""
        image = await lookup(bench)
        assert image.id == "5000000"
        assert image.title == "Harbour boats pier"
        assert image.alt is None
        assert image.description is None
        assert image.extra == {}
        assert image.width == 6000
        assert image.height == 4000
        assert image.color is None
        assert image.blurhash is None
        assert list(image.tags) == ["harbour", "boats", "pier 0"]
        assert image.source_url == "https://pixabay.com/photos/harbour-boats-pier-5000000/"
        assert image.author == Author("sample0", "https://pixabay.com/users/70000/")
        assert msgspec.structs.astuple(image.flags) == (False, False, False, [])
        assert list(image.identities) == ["pixabay:5000000"]
        assert image.license is not None
        assert image.license.id == "pixabay"
        assert image.license.name == "Pixabay Content License"
        assert image.license.url == "https://pixabay.com/service/license-summary/"

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
        self, bench: Bench, number: int, title: str | None, tags: list[str]
    ) -> None:
        """The title comes from the address of the page, else from the tags. Neither describes the image."""
        image = await lookup(bench, number)
        assert image.title == title
        assert image.alt is None
        assert list(image.tags) == tags

    @pytest.mark.parametrize(
        ("number", "flags", "extra"),
        [
            (3, (None, None, None), {}),
            (10, (True, False, False), {}),
            (11, (False, True, False), {}),
            (12, (False, False, False), {}),
            (13, (False, False, False), {"quality": "low"}),
        ],
        ids=["an older answer", "made by software", "not for training", "a zero", "low quality"],
    )
    async def test_flags_and_quality(
        self, bench: Bench, number: int, flags: tuple[bool | None, ...], extra: dict[str, str]
    ) -> None:
        """The flags are: made by software, not for training, sensitive."""
        image = await lookup(bench, number)
        assert (image.flags.ai_generated, image.flags.ai_training_refused, image.flags.sensitive) == flags
        assert image.extra == extra

    async def test_an_author_with_odd_letters_still_has_a_page(self, bench: Bench) -> None:
        """The name is encoded in its address, where Pixabay states no address."""
        author = (await lookup(bench, 25, {"user": "Ärger/Söhne & Co", "userURL": None})).author
        assert author is not None
        assert author.name == "Ärger/Söhne & Co"
        assert author.url == "https://pixabay.com/users/%C3%84rger%2FS%C3%B6hne%20%26%20Co-70004/"


class TestRenditions:
    async def test_the_largest_file_that_most_keys_see_is_large(self, bench: Bench) -> None:
        """It has 1280 pixels at most and is not the original. Pixabay states the other sizes, rounded down."""
        image = await lookup(bench, 1)
        assert [(rendition.name, rendition.width, rendition.height) for rendition in image.renditions] == [
            ("thumbnail", 100, 150),
            ("small", 426, 640),
            ("large", 853, 1280),
        ]
        upstream = hit(1)
        assert [rendition.url for rendition in image.renditions] == [
            upstream["previewURL"],
            upstream["webformatURL"],
            upstream["largeImageURL"],
        ]

    async def test_full_access_has_larger_files_and_the_original(self, pixabay: SimulatedPixabay, bench: Bench) -> None:
        """Each file has a name of its own."""
        pixabay.full_access = True
        image = await lookup(bench)
        upstream = hit(0, full_access=True)
        assert [
            (rendition.name, rendition.width, rendition.height, rendition.url) for rendition in image.renditions
        ] == [
            ("thumbnail", 150, 100, upstream["previewURL"]),
            ("small", 640, 426, upstream["webformatURL"]),
            ("medium", 1280, 853, upstream["largeImageURL"]),
            ("large", 1920, 1280, upstream["fullHDURL"]),
            ("original", 6000, 4000, upstream["imageURL"]),
        ]

    async def test_an_answer_of_2017_has_its_largest_file_too(self, bench: Bench) -> None:
        """Without `largeImageURL` the largest file is the one of 640 pixels."""
        image = await lookup(bench, 3)
        assert [(rendition.name, rendition.width) for rendition in image.renditions] == [
            ("thumbnail", 150),
            ("large", 640),
        ]

    async def test_a_small_original_is_never_scaled_up(self, pixabay: SimulatedPixabay, bench: Bench) -> None:
        """An original of 200 x 300 pixels has that size in every larger file too."""
        pixabay.full_access = True
        assert shape(13) == (200, 300)
        image = await lookup(bench, 13)
        assert {(rendition.width, rendition.height) for rendition in image.renditions[1:]} == {(200, 300)}


class TestSearch:
    async def test_asks_as_documented(self, pixabay: SimulatedPixabay, bench: Bench) -> None:
        """A search asks for photos that suit everybody, and names the filters as Pixabay does."""
        await bench.search("cat & dog", 2, {"orientation": "vertical", "color": "lilac", "locale": "de"})

        [call] = pixabay.calls
        assert call.method == "GET"
        assert call.path == "/api/"
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

    async def test_the_walk_ends_after_five_hundred(self, bench: Bench) -> None:
        """`totalHits` ends the list. `total` is larger and counts images that nobody can get."""
        assert bench.provider.info.max_results == 500
        pages = [await bench.given("nature", number) for number in (1, 2, 3)]
        assert [len(page.images) for page in pages] == [200, 200, 100]
        assert [page.last for page in pages] == [False, False, True]
        assert {page.total for page in pages} == {500}

    async def test_a_page_behind_the_last_is_the_end_and_no_error(self, bench: Bench) -> None:
        """Pixabay answers 400 there, without a total. A list may become shorter while somebody reads it."""
        assert await bench.given("nature", 4) == Page([], total=None, last=True)

    async def test_a_smaller_page_size_ends_there_too(self, bench: Bench) -> None:
        """500 is no multiple of 150: the fourth page has 50 images and is the last."""
        bench.configure({**SETTINGS, "page_size": 150})
        pages = [await bench.given("nature", number) for number in (1, 2, 3, 4)]
        assert [len(page.images) for page in pages] == [150, 150, 150, 50]
        assert [page.last for page in pages] == [False, False, False, True]

    async def test_a_total_that_vanishes_ends_nothing(self, pixabay: SimulatedPixabay, bench: Bench) -> None:
        """Without a total the list goes on to the 500th image."""
        pixabay.fail(faults.changed(lambda listing: {"hits": listing["hits"]}))
        pages = [await bench.given("nature", number) for number in (1, 2, 3)]
        assert [page.total for page in pages] == [None, None, None]
        assert [page.last for page in pages] == [False, False, True]

    async def test_nothing_found(self, bench: Bench) -> None:
        """The total is then 0, and not None."""
        assert await bench.given("nothing") == Page([], total=0, last=True)

    async def test_a_long_query_is_cut_and_the_answer_says_so(self, start: Any, pixabay: SimulatedPixabay) -> None:
        """Pixabay takes 100 characters. The gateway cuts after a whole word, and the status says it."""
        environ = {"PIXABAY_ENABLED": "true", "PIXABAY_BASE_URL": pixabay.url, "PIXABAY_API_KEY": "test-key"}
        api = await start(environ)
        params = {"q": "word " * 20 + "more", "provider": "pixabay"}

        response = await api.get("/search", params=params, headers=await api.sign_in())

        assert response.status_code == 200, response.text
        [status] = response.json()["providers"]
        assert response.json()["images"]
        assert pixabay.calls[-1].query["q"] == ("word " * 20).strip()
        assert status["detail"] == "it searched for the first words of q only; it takes 100 characters"

    async def test_words_go_as_they_were_typed(self, pixabay: SimulatedPixabay, bench: Bench) -> None:
        """Pixabay documents no operators."""
        text = '"Zürich" -dog OR İstanbul, LEGO™ (½)'
        assert (await bench.search(text)).images
        assert pixabay.calls[-1].query["q"] == text


class TestFilters:
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
    async def test_filters_are_said_in_their_words(self, bench: Bench, name: str, value: str, native: str) -> None:
        """Each value is sent in Pixabay's words, and finds something."""
        plan = filters.plan(bench.provider.info, filters.check({name: value}))
        assert plan.native == {name: native}
        assert plan.tests == {}
        assert (await bench.search("cat", native=plan.native)).images

    async def test_square_is_left_to_the_gateway(self, bench: Bench) -> None:
        """Pixabay has neither that orientation nor sizes in megapixels."""
        plan = filters.plan(bench.provider.info, filters.check({"orientation": "square", "size": "large"}))
        assert plan.native == {}
        assert set(plan.tests) == {"orientation", "size"}

    async def test_every_filter_value_is_known_there(self, bench: Bench) -> None:
        """The simulated Pixabay refuses a value that is not documented."""
        for name, values in bench.provider.info.filters.items():
            for native in values.values():
                assert (await bench.search("cat", native={name: native})).images

    async def test_only_photos_for_everybody_are_found(self, pixabay: SimulatedPixabay, bench: Bench) -> None:
        """Neither a search nor a lookup gives an illustration, or an image that is not for everybody."""
        numbers = [int(image.id) - FIRST_ID for image in (await bench.search("cat")).images]
        assert all(number % 10 < 7 and number % 13 != 5 for number in numbers)
        assert await bench.fetch(str(FIRST_ID + 5)) is None
        assert await bench.fetch(str(FIRST_ID + 7)) is None
        assert await bench.fetch(str(FIRST_ID + 6)) is not None


class TestTerms:
    async def test_results_say_where_they_are_from(self, bench: Bench) -> None:
        """A notice names Pixabay, and the credit links to the image's page there."""
        image = await lookup(bench)
        info = bench.provider.info
        assert info.notice == "Images from Pixabay"
        assert info.homepage == "https://pixabay.com"
        credit = attribution(info, image)
        assert credit.text == "Image by sample0 from Pixabay"
        assert f'<a href="{image.source_url}">Pixabay</a>' in credit.html

    async def test_answers_are_kept_for_a_day_whatever_an_admin_sets(self, bench: Bench) -> None:
        """The terms demand 24 hours, and a shorter setting is refused."""
        assert bench.provider.info.cache_for == DAY
        bench.configure({**SETTINGS, "cache_for": DAY - 1})
        assert bench.provider.state == "unconfigured"
        assert "terms of Pixabay" in (bench.provider.reason or "")

    async def test_files_are_linked_for_a_while_only_and_a_lookup_renews_them(self, bench: Bench) -> None:
        """Two lookups of one image give different links."""
        assert bench.provider.info.hotlink == "temporary"
        assert bench.provider.info.max_age == DAY
        first = await lookup(bench)
        second = await lookup(bench)
        assert first.id == second.id
        assert first.renditions[-1].url != second.renditions[-1].url


class TestFetch:
    @pytest.mark.parametrize("id", ["", "0", "007", "-7", "²", "7 ", "7&q=x", "abc", "9" * 19])
    async def test_an_id_that_cannot_be_costs_no_call(self, pixabay: SimulatedPixabay, bench: Bench, id: str) -> None:
        """Ids are numbers."""
        assert await bench.fetch(id) is None
        assert pixabay.calls == []

    @pytest.mark.parametrize("strict", [False, True], ids=["finds nothing", "is a 400"])
    async def test_an_id_that_is_not_there(self, pixabay: SimulatedPixabay, bench: Bench, strict: bool) -> None:
        """Nobody knows which of the two the real API does; both mean that there is no such image."""
        pixabay.strict_ids = strict
        assert await bench.fetch("999") is None
        assert dict(pixabay.calls[-1].query) == {"key": "test-key", "safesearch": "true", "id": "999"}

    async def test_an_answer_about_another_image_is_none(self, pixabay: SimulatedPixabay, bench: Bench) -> None:
        """An upstream that ignores `id` answers with some other image."""
        pixabay.fail(Answer({"total": 1, "totalHits": 1, "hits": [hit(8)]}))
        assert await bench.fetch(str(FIRST_ID)) is None


class TestBadRecords:
    @pytest.mark.parametrize(
        "gone", ["pageURL", "tags", "user", "user_id", "userURL", "previewURL", "type", "isAiGenerated"]
    )
    @pytest.mark.parametrize("how", ["missing", "null"])
    async def test_a_field_that_vanishes_costs_no_image(
        self, pixabay: SimulatedPixabay, bench: Bench, gone: str, how: str
    ) -> None:
        """Pixabay reserves the right to drop fields. What is left is still a record."""

        def change(listing: Any) -> None:
            for record in listing["hits"]:
                record.pop(gone, None)
                if how == "null":
                    record[gone] = None

        pixabay.fail(faults.changed(change))
        page = await bench.search("cat")
        assert len(page.images) == 200
        assert all(image.renditions[-1].name == "large" for image in page.images)
        assert "None" not in str(msgspec.json.encode(page))

    @pytest.mark.parametrize(
        "change",
        [{"id": None}, {"imageWidth": "wide"}, {"imageHeight": 0}, {"webformatURL": ""}, {"webformatURL": None}],
        ids=["no id", "a width in words", "no height", "an empty link", "no link"],
    )
    async def test_one_bad_record_costs_one_record(
        self, pixabay: SimulatedPixabay, bench: Bench, change: Mapping[str, object]
    ) -> None:
        """The rest of the page stays."""
        before = [image.id for image in (await bench.given("cat")).images]
        pixabay.fail(faults.changed(lambda listing: listing["hits"][0].update(change)), times=1)
        assert [image.id for image in (await bench.given("cat")).images] == before[1:]


async def call(bench: Bench, hook: str) -> None:
    """Call the hook of this name."""
    if hook == "search":
        await bench.search("cat")
    else:
        await bench.fetch(str(FIRST_ID))


HOOKS = pytest.mark.parametrize("hook", ["search", "lookup"])


class TestLimitsAndErrors:
    @HOOKS
    async def test_a_wrong_key_is_a_400(self, bench: Bench, hook: str) -> None:
        """The answer is plain text. The error names the cause, and does not show the key."""
        bench.configure({"api_key": "wrong-test-key"})
        with pytest.raises(Unauthorized, match="Invalid API key") as caught:
            await call(bench, hook)
        assert "wrong-test-key" not in str(caught.value)

    @HOOKS
    async def test_a_key_in_the_words_of_an_error_is_masked_before_they_are_cut(
        self, pixabay: SimulatedPixabay, bench: Bench, hook: str
    ) -> None:
        """No part of the key is shown, wherever in a long answer it stands."""
        bench.configure({"api_key": "straddling-test-key"})
        for start in (190, 290, 930, 940):
            pixabay.fail(Answer(f"{'x' * start} straddling-test-key {'y' * 2000}".encode(), 400), times=1)
            with pytest.raises(InvalidResponse, match="Pixabay refused") as caught:
                await call(bench, hook)
            assert "straddl" not in str(caught.value)

    async def test_another_400_is_told_in_its_words(self, bench: Bench) -> None:
        """A value that Pixabay does not know is an error with what Pixabay says about it."""
        with pytest.raises(InvalidResponse, match='"colors" is out of valid range'):
            await bench.search("cat", native={"color": "beige"})

    async def test_a_page_size_below_three_is_a_wrong_setting(self, bench: Bench) -> None:
        """Pixabay would refuse every search, so the provider is not asked at all."""
        bench.configure({**SETTINGS, "page_size": 2})
        assert bench.provider.state == "unconfigured"
        assert bench.provider.config_error_key == "page_size"
        assert bench.provider.config_error == "page_size: must be at least 3; Pixabay accepts no smaller pages"
        bench.configure({**SETTINGS, "page_size": 3})
        assert len((await bench.search("cat")).images) == 3

    @HOOKS
    async def test_a_used_up_minute_says_how_long(self, pixabay: SimulatedPixabay, bench: Bench, hook: str) -> None:
        """`X-RateLimit-Reset` has the seconds."""
        pixabay.remaining = 0
        with pytest.raises(RateLimited) as caught:
            await call(bench, hook)
        assert caught.value.retry_after == 42

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [({"Retry-After": "7", "X-RateLimit-Reset": "42"}, 7), ({"X-RateLimit-Reset": "soon"}, None), ({}, None)],
        ids=["both", "no number", "neither"],
    )
    async def test_a_429_with_other_headers(
        self, pixabay: SimulatedPixabay, bench: Bench, headers: Mapping[str, str], seconds: float | None
    ) -> None:
        """`Retry-After` comes first."""
        pixabay.fail(Answer("[ERROR 429]", 429, headers))
        with pytest.raises(RateLimited) as caught:
            await bench.search("cat")
        assert caught.value.retry_after == seconds

    async def test_the_quota_is_read_from_the_headers(self, pixabay: SimulatedPixabay, bench: Bench) -> None:
        """The headers state the calls left, and the seconds until the count starts again."""
        pixabay.remaining = 8
        quotas = tuple(bench.provider.info.quotas)
        headers = (await bench.http.get("", params={"key": "test-key"})).headers
        assert [(quota.limit, quota.period) for quota in quotas] == [(100, "minute")]
        assert reported_quotas(quotas, headers, 1000) == {"minute": (7, 1042)}


class TestRecordedAnswers:
    """Answers in the form of the real API, from files."""

    @pytest.mark.parametrize(
        ("name", "ids", "total", "last", "names"),
        [
            ("search_first_of_many", ["90000001", "90000002"], 500, False, ["thumbnail", "small", "large"]),
            ("search_older_answer", ["90000003"], 1, True, ["thumbnail", "small", "large"]),
            (
                "search_full_access",
                ["90000004"],
                1,
                True,
                ["thumbnail", "small", "medium", "large", "original"],
            ),
        ],
    )
    async def test_listings(
        self,
        pixabay: SimulatedPixabay,
        bench: Bench,
        name: str,
        ids: list[str],
        total: int,
        last: bool,
        names: list[str],
    ) -> None:
        """Every image becomes a whole record, with the original where the key has full access."""
        pixabay.fail(Answer((RECORDED / f"{name}.json").read_bytes()))
        page = await bench.search("cat")
        assert [image.id for image in page.images] == ids
        assert page.total == total
        assert page.last is last
        for image in page.images:
            assert [rendition.name for rendition in image.renditions] == names
            assert image.title
            assert image.author is not None
            assert len(image.tags) == 3

    async def test_an_image(self, pixabay: SimulatedPixabay, bench: Bench) -> None:
        pixabay.fail(Answer((RECORDED / "search_older_answer.json").read_bytes()))
        image = await bench.fetch("90000003")
        assert image is not None
        assert image.title == "Books old stack"
        assert image.width == 4000
        assert image.author == Author("CleoExample", "https://pixabay.com/users/CleoExample-93/")
        assert list(image.tags) == ["books", "old", "2020-01-02"]

    async def test_a_page_out_of_range(self, pixabay: SimulatedPixabay, bench: Bench) -> None:
        pixabay.fail(Answer((RECORDED / "error_400_page_out_of_range.txt").read_bytes(), 400))
        assert await bench.given("cat", 4) == Page([], last=True)

    async def test_an_invalid_key(self, pixabay: SimulatedPixabay, bench: Bench) -> None:
        pixabay.fail(Answer((RECORDED / "error_400_invalid_key.txt").read_bytes(), 400))
        with pytest.raises(Unauthorized, match="case-sensitive"):
            await bench.search("cat")
