"""The Flickr plugin against the simulated Flickr, over real HTTP, and against invented recordings."""

import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import imagevault_flickr as plugin
import msgspec
import pytest

from imagevault import (
    Author,
    Declared,
    Flags,
    Image,
    InvalidResponse,
    License,
    NotFound,
    Page,
    ProviderError,
    RateLimited,
    Rendition,
    Unauthorized,
    Unavailable,
)
from imagevault.images.attribution import attribution
from imagevault.search import filters
from imagevault.testing import Answer, Fault, Upstream, faults
from imagevault.testing.bench import Bench
from imagevault.testing.contract import ProviderContract
from imagevault.testing.upstreams.flickr import FIRST_ID, PHOTOS, SimulatedFlickr, find, kind, license_of
from tests.support.linear_time import is_linear

SETTINGS = {"api_key": "test-key"}
RECORDED = Path(__file__).parent / "recorded" / "flickr"
HOST = "https://live.staticflickr.com/1/7_ab"
PHOTO = {
    "id": "7",
    "owner": "10000001@N00",
    "ownername": "Ada Lind",
    "pathalias": "adalind",
    "title": "A lamp",
    "license": "4",
    "tags": "lamp newyork",
    "media": "photo",
    "o_width": "6000",
    "o_height": "4000",
    "url_s": f"{HOST}_m.jpg",
    "width_s": 240,
    "height_s": 160,
    "url_m": f"{HOST}.jpg",
    "width_m": "500",
    "height_m": "333",
    "url_l": f"{HOST}_b.jpg",
    "width_l": 1024,
    "height_l": "683",
}


class TestContract(ProviderContract):
    plugin = plugin
    settings = SETTINGS

    def upstream(self) -> Upstream:
        return SimulatedFlickr()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def flickr() -> Iterator[SimulatedFlickr]:
    with SimulatedFlickr() as flickr:
        yield flickr


@pytest.fixture
async def bench(flickr: SimulatedFlickr) -> AsyncIterator[Bench]:
    async with Bench(plugin, SETTINGS, flickr) as bench:
        yield bench


def photo(**change: object) -> plugin._Photo:
    """The photo above with these changes, as the plugin reads it; `...` is a missing field."""
    given = {name: value for name, value in {**PHOTO, **change}.items() if value is not ...}
    return msgspec.convert(given, plugin._Photo)


def listing(*photos: object, **more: object) -> Answer:
    photo = {"page": 1, "pages": 1, "perpage": 100, "total": str(len(photos)), "photo": photos}
    return Answer({"photos": {**photo, **more}, "stat": "ok"})


async def records(bench: Bench, **change: object) -> list[Image]:
    """The photo above with these changes, `...` for a missing field, if a search gives it."""
    assert bench.upstream is not None
    photo = {name: value for name, value in {**PHOTO, **change}.items() if value is not ...}
    bench.upstream.fail(listing(photo), times=1)
    return list((await bench.search("lamp")).images)


async def record(bench: Bench, **change: object) -> Image:
    [image] = await records(bench, **change)
    return image


def shown(query: str) -> list[str]:
    """The ids of the photos that may be shown of those that a query finds."""
    return [str(FIRST_ID + number) for number in find(query) if kind(number) == "photo" and license_of(number)]


def first(wanted: str, query: str = "everything") -> str:
    """The id of the first photo of a kind."""
    return str(FIRST_ID + next(number for number in find(query) if kind(number) == wanted and license_of(number)))


class TestSearch:
    async def test_asks_as_documented(self, bench: Bench, flickr: SimulatedFlickr) -> None:
        """Safe photos by relevance, no videos, no screenshots; JSON that is no script; any licence but 0."""
        await bench.search("red fox", 2)

        [call] = flickr.calls
        assert (call.method, call.path) == ("GET", "/services/rest/")
        assert dict(call.query) == {
            "method": "flickr.photos.search",
            "api_key": "test-key",
            "format": "json",
            "nojsoncallback": "1",
            "text": "red fox",
            "page": "2",
            "per_page": "100",
            "sort": "relevance",
            "safe_search": "1",
            "content_types": "0",
            "media": "photos",
            "license": "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
            "extras": "description,license,date_taken,owner_name,path_alias,tags,media,o_dims"
            ",url_s,url_m,url_c,url_l,url_o",
        }

    @pytest.mark.parametrize(
        ("text", "sent"),
        [
            ("-red fox", "red fox"),
            ("red --fox -", "red fox"),
            ('"red fox"', "red fox"),
            ("red NOT fox OR cat AND dog", "red not fox or cat and dog"),
            ("NOTRE Dame ORT", "NOTRE Dame ORT"),
            ("t-shirt c+d a&b 100% e#f g=h „日本“", "t-shirt c+d a&b 100% e#f g=h 日本"),
        ],
    )
    async def test_words_are_no_operators(self, bench: Bench, flickr: SimulatedFlickr, text: str, sent: str) -> None:
        """Nobody can leave photos out, or search for a phrase; other signs stay."""
        await bench.search(text)

        assert flickr.calls[0].query["text"] == sent

    async def test_operators_would_be_minded(self) -> None:
        """So that the test above tests something."""
        assert find("red fox")
        assert not find("-red fox")

    @pytest.mark.parametrize("text", ["-", '"', '- " --'])
    async def test_words_that_are_none_find_nothing(self, bench: Bench, flickr: SimulatedFlickr, text: str) -> None:
        """And cost no call: Flickr refuses a search without words."""
        assert await bench.search(text) == Page([], last=True)
        assert flickr.calls == []

    async def test_gives_what_may_be_shown_in_its_order(self, bench: Bench) -> None:
        """Nothing is lost and nothing repeated from page to page; the last one says so."""
        pages = [await bench.search("cat", number) for number in (1, 2, 3)]

        assert [image.id for page in pages for image in page.images] == shown("cat")
        assert [page.last for page in pages] == [False, False, True]

    async def test_the_total_is_a_number(self, bench: Bench, flickr: SimulatedFlickr) -> None:
        """Also where Flickr says it as a string, as on odd pages here."""
        pages = [await bench.search("cat", number) for number in (1, 2)]

        assert type((await bench.http.get("", params=flickr.calls[0].query)).json()["photos"]["total"]) is str
        assert pages[0].total == pages[1].total
        assert type(pages[0].total) is type(pages[1].total) is int

    async def test_ends_at_the_4000th_photo(self, bench: Bench) -> None:
        """Behind it Flickr repeats the last page, whatever it tells of more."""
        pages = [await bench.search("everything", number) for number in (39, 40, 41)]

        assert [page.last for page in pages] == [False, True, True]
        assert all(page.total and page.total > 4000 for page in pages)
        assert pages[1].images
        assert pages[2].images == []
        assert bench.provider.info.max_results == 4000

    async def test_flickr_does_repeat_it(self, bench: Bench, flickr: SimulatedFlickr) -> None:
        """So that the test above tests something."""
        await bench.search("everything", 40)
        asked = dict(flickr.calls[0].query)
        ends = [(await bench.http.get("", params=asked | {"page": page})).json()["photos"] for page in ("40", "41")]

        assert ends[0]["photo"] == ends[1]["photo"]
        assert ends[1]["pages"] > 41

    @pytest.mark.parametrize("page", [1, 2])
    async def test_few_are_one_page(self, bench: Bench, page: int) -> None:
        """The page behind the end is empty, not the same again."""
        found = await bench.search("few", page)

        assert found.last
        assert [image.id for image in found.images] == (shown("few") if page == 1 else [])

    async def test_asks_for_pages_that_are_quick(self, bench: Bench) -> None:
        """The default size, of the 500 that are allowed; whole ones make the 4000."""
        info = bench.provider.info

        assert info.page_size == 100
        assert (info.max_results or 0) % info.page_size == 0


class TestLicences:
    @pytest.mark.parametrize(
        ("theirs", "id", "attribution", "commercial", "modification"),
        [
            (1, "cc-by-nc-sa-2.0", True, False, True),
            (2, "cc-by-nc-2.0", True, False, True),
            (3, "cc-by-nc-nd-2.0", True, False, False),
            (4, "cc-by-2.0", True, True, True),
            (5, "cc-by-sa-2.0", True, True, True),
            (6, "cc-by-nd-2.0", True, True, False),
            (7, "public-domain", False, True, True),
            (8, "us-government-work", False, True, True),
            (9, "cc0-1.0", False, True, True),
            (10, "pdm-1.0", False, True, True),
            (11, "cc-by-4.0", True, True, True),
            (12, "cc-by-sa-4.0", True, True, True),
            (13, "cc-by-nd-4.0", True, True, False),
            (14, "cc-by-nc-4.0", True, False, True),
            (15, "cc-by-nc-sa-4.0", True, False, True),
            (16, "cc-by-nc-nd-4.0", True, False, False),
        ],
    )
    async def test_each_number_is_a_licence(
        self, bench: Bench, theirs: int, id: str, attribution: bool, commercial: bool, modification: bool
    ) -> None:
        """Whether it comes as a number or as a string, with what it allows and where it is to be read."""
        one, other = await record(bench, license=theirs), await record(bench, license=str(theirs))

        license = one.license
        assert license is not None
        assert license == other.license
        assert (license.id, license.attribution_required) == (id, attribution)
        assert (license.commercial, license.modification) == (commercial, modification)
        assert license.url is not None
        assert license.url.startswith("https://")
        assert one.declared == Declared("license", str(theirs))

    def test_a_statement_of_the_public_domain_is_one(self) -> None:
        assert plugin._license(photo(license=7)) == License.public_domain(
            "No known copyright restrictions", "https://www.flickr.com/commons/usage/"
        )

    @pytest.mark.parametrize("license", [0, "0", 17, "99", "free", None, ...])
    async def test_other_photos_are_never_given(self, bench: Bench, flickr: SimulatedFlickr, license: object) -> None:
        """0 is all rights reserved; of a number that is new or none nobody knows what it allows."""
        other = {name: value for name, value in {**PHOTO, "license": license}.items() if value is not ...}
        flickr.fail(listing({**PHOTO, "id": "8"}, other), times=1)

        assert [image.id for image in (await bench.search("lamp")).images] == ["8"]

    async def test_photos_whose_licence_cannot_be_read_are_no_empty_page(
        self, bench: Bench, flickr: SimulatedFlickr
    ) -> None:
        flickr.fail(listing({**PHOTO, "license": {"id": 4}}), times=1)

        with pytest.raises(InvalidResponse, match="none of 1 records can be read"):
            await bench.search("lamp")

    @pytest.mark.parametrize("value", ["commercial", "modification", "public-domain"])
    async def test_filters_are_done_by_flickr(self, bench: Bench, flickr: SimulatedFlickr, value: str) -> None:
        """By numbers, and exactly those whose licence passes the same filter as the gateway would emulate it."""
        plan = filters.plan(bench.provider.info, {"license": value})
        emulated = filters.EMULATED["license"](value)

        assert plan.tests == {}
        found = await bench.search("cat", native=plan.native)
        everything = await bench.search("cat"), await bench.search("cat", 2), await bench.search("cat", 3)

        wanted = [image.id for page in everything for image in page.images if emulated(image)]
        assert [image.id for image in found.images] == wanted[: len(found.images)]
        assert len(found.images) > 10
        assert "0" not in plan.native["license"].split(",")
        assert flickr.calls[0].query["license"] == plan.native["license"]

    @pytest.mark.parametrize("name", ["orientation", "size"])
    async def test_other_filters_are_emulated(self, bench: Bench, name: str) -> None:
        """Flickr's own are not documented."""
        value = {"orientation": "portrait", "size": "large"}[name]

        assert list(filters.plan(bench.provider.info, {name: value}).tests) == [name]


class TestFiles:
    async def test_are_those_that_there_are(self, bench: Bench) -> None:
        """In their true sizes, be they numbers or strings; there is no address of a file that is not given."""
        image = await record(bench)

        assert image.renditions == [
            Rendition(name="thumbnail", url=f"{HOST}_m.jpg", width=240, height=160, type="image/jpeg"),
            Rendition(name="small", url=f"{HOST}.jpg", width=500, height=333, type="image/jpeg"),
            Rendition(name="large", url=f"{HOST}_b.jpg", width=1024, height=683, type="image/jpeg"),
        ]

    async def test_of_a_small_photo_are_the_whole_photo(self, bench: Bench) -> None:
        """Of 480 pixels, the file of 500 pixels has all; it is found in every simulated search."""
        images = (await bench.search("cat")).images

        small = [image for image in images if image.width == 480]
        assert small
        assert all((image.renditions[-1].width, image.renditions[-1].height) == (480, 360) for image in small)

    async def test_with_the_original_where_its_owner_allows(self, bench: Bench) -> None:
        """Under that name only."""
        original = {"url_o": f"{HOST}_o.png", "width_o": "6000", "height_o": "4000"}
        image = await record(bench, **original, url_c=f"{HOST}_c.jpg", width_c=800, height_c=533)

        assert [rendition.name for rendition in image.renditions] == [
            "thumbnail",
            "small",
            "medium",
            "large",
            "original",
        ]
        assert image.renditions[-1] == Rendition(
            name="original", url=f"{HOST}_o.png", width=6000, height=4000, type="image/png"
        )

    @pytest.mark.parametrize(
        ("width", "height", "size"),
        [(533, 800, (533, 800)), (800, 533, (533, 800)), ("800", "533", (533, 800)), (800, 800, (800, 800))],
        ids=["right", "swapped", "swapped text", "square"],
    )
    async def test_of_a_portrait_stand_upright(
        self, bench: Bench, width: object, height: object, size: tuple[int, int]
    ) -> None:
        """Flickr swaps the sides of the file of 800 pixels."""
        upright = {
            "o_width": "4000",
            "o_height": "6000",
            "width_s": 160,
            "height_s": 240,
            "width_m": 333,
            "height_m": 500,
            "width_l": 683,
            "height_l": 1024,
        }
        image = await record(bench, **upright, url_c=f"{HOST}_c.jpg", width_c=width, height_c=height)

        assert [(rendition.width, rendition.height) for rendition in image.renditions] == [
            (160, 240),
            (333, 500),
            size,
            (683, 1024),
        ]
        assert (image.width, image.height) == (4000, 6000)

    async def test_of_a_landscape_lie_flat(self, bench: Bench) -> None:
        image = await record(bench, url_c=f"{HOST}_c.jpg", width_c=533, height_c=800)

        assert [(rendition.width, rendition.height) for rendition in image.renditions][2] == (800, 533)

    async def test_of_every_simulated_photo_have_its_orientation(self, bench: Bench) -> None:
        """The simulated Flickr swaps the sides too."""
        images = (await bench.search("cat")).images

        assert {image.width > image.height for image in images if image.width and image.height} == {True, False}
        for image in images:
            assert image.width is not None
            assert image.height is not None
            for rendition in image.renditions:
                assert rendition.width is not None
                assert rendition.height is not None
                assert abs(rendition.width / rendition.height - image.width / image.height) < 0.02

    def test_an_original_that_lies_on_its_side_is_turned(self) -> None:
        """Its owner turned the photo after the upload."""
        turned = photo(o_width=4000, o_height=6000)
        files = plugin._files_of_search(turned)
        is_upright = plugin._is_upright(turned, files)

        assert plugin._original_size(turned, files, is_upright=is_upright) == (6000, 4000)

    async def test_photos_without_any_are_no_empty_page(self, bench: Bench, flickr: SimulatedFlickr) -> None:
        """Flickr would send their addresses in another form then."""
        bare = {name: value for name, value in PHOTO.items() if not name.startswith("url_")}
        flickr.fail(listing(bare, bare), times=1)

        with pytest.raises(InvalidResponse, match="without their files"):
            await bench.search("lamp")

    async def test_a_thumbnail_alone_is_no_file(self, bench: Bench) -> None:
        """It is not called `large`; such a photo is left out."""
        assert await records(bench, url_m=..., url_l=...) == []

    async def test_the_largest_of_a_small_photo_is_large(self, bench: Bench) -> None:
        """Every image has an original or a large file; this is no original."""
        image = await record(bench, url_l=..., width_l=..., height_l=...)

        assert [(rendition.name, rendition.width) for rendition in image.renditions] == [
            ("thumbnail", 240),
            ("large", 500),
        ]

    @pytest.mark.parametrize(
        ("change", "size"),
        [
            ({}, (6000, 4000)),
            ({"o_width": 6000, "o_height": 4000}, (6000, 4000)),
            ({"o_width": ..., "o_height": ...}, (1024, 683)),
            ({"o_width": None, "o_height": None}, (1024, 683)),
            ({"o_width": "0", "o_height": "0"}, (1024, 683)),
        ],
        ids=["strings", "numbers", "missing", "null", "none"],
    )
    async def test_tell_the_size_where_nothing_else_does(
        self, bench: Bench, change: dict[str, object], size: tuple[int, int]
    ) -> None:
        """The size of the original, else that of the largest file."""
        image = await record(bench, **change)

        assert (image.width, image.height) == size

    async def test_of_unknown_size_are_still_files(self, bench: Bench) -> None:
        """One that lacks its sides, or has null, is given without."""
        image = await record(bench, width_l=..., height_l="tall", width_m=None, height_m=[333])

        assert [(rendition.name, rendition.width, rendition.height) for rendition in image.renditions] == [
            ("thumbnail", 240, 160),
            ("small", None, None),
            ("large", None, None),
        ]

    @pytest.mark.parametrize(
        "url",
        [
            "https://s.yimg.com/pw/images/en-us/photo_unavailable.png",
            "https://live.staticflickr.com/photo_unavailable_b.jpg",
            "https://live.staticflickr.com.evil.example/7_b.jpg",
            "javascript:alert(1)",
            "",
            None,
        ],
    )
    async def test_that_are_none_are_left_out(self, bench: Bench, url: object) -> None:
        """Above all the picture that stands for a removed photo."""
        image = await record(bench, url_l=url)

        assert [rendition.name for rendition in image.renditions] == ["thumbnail", "large"]

    async def test_a_removed_photo_is_dropped(self, bench: Bench) -> None:
        """One that has nothing but that picture."""
        gone = "https://live.staticflickr.com/photo_unavailable.jpg"

        assert await records(bench, url_s=gone, url_m=gone, url_l=gone) == []
        assert any(kind(number) == "removed" for number in find("cat"))
        assert {image.id for image in (await bench.search("cat")).images} <= set(shown("cat"))

    async def test_may_be_at_an_old_host(self, bench: Bench) -> None:
        """By https."""
        for host in ("farm66.staticflickr.com", "c2.staticflickr.com"):
            image = await record(bench, url_l=f"https://{host}/1/7_ab_b.jpg")
            assert image.renditions[-1].url == f"https://{host}/1/7_ab_b.jpg"
            assert host in bench.provider.info.file_hosts

        image = await record(bench, url_l="http://farm5.staticflickr.com/1/7_ab_b.jpg")

        assert image.renditions[-1].url == "https://farm5.staticflickr.com/1/7_ab_b.jpg"
        assert "farm5.staticflickr.com" in bench.provider.info.file_hosts


class TestRecord:
    async def test_is_whole(self, bench: Bench) -> None:
        """Every field that Flickr has; there is no colour, no BlurHash and no text for those who do not see."""
        image = await record(
            bench,
            description={"_content": "A <b>lamp</b> &amp; its light"},
            datetaken="2019-09-07 16:26:44",
            datetakenunknown="0",
        )

        assert (image.id, image.title, image.alt) == ("7", "A lamp", None)
        assert image.description == "A lamp & its light"
        assert image.date == "2019-09-07T16:26:44"
        assert image.author == Author("Ada Lind", "https://www.flickr.com/photos/adalind/")
        assert image.source_url == "https://www.flickr.com/photos/10000001@N00/7"
        assert list(image.tags) == ["lamp", "newyork"]
        assert image.identities == ["flickr:7"]
        assert image.declared == Declared("license", "4")
        assert image.flags == Flags(sensitive=False, restrictions=[])
        assert (image.color, image.blurhash, image.credit) == (None, None, None)

    @pytest.mark.parametrize("alias", [None, "", ...])
    async def test_an_owner_without_alias_goes_by_id(self, bench: Bench, alias: object) -> None:
        """`pathalias` is null or missing for many."""
        image = await record(bench, pathalias=alias)

        assert image.author == Author("Ada Lind", "https://www.flickr.com/photos/10000001@N00/")

    @pytest.mark.parametrize("title", ["", None, ...])
    async def test_a_title_may_be_missing(self, bench: Bench, title: object) -> None:
        """The credit says so."""
        image = await record(bench, title=title)

        assert image.title is None
        assert attribution(bench.provider.info, image).text == '"Untitled" by Ada Lind on Flickr, CC BY 2.0'

    @pytest.mark.parametrize("text", ["<Ann/>", "coffee&notes", "Tom &amp; Jerry", "<b>A</b> lamp", "x < y > z"])
    async def test_titles_names_and_tags_are_plain_text(self, bench: Bench, text: str) -> None:
        """Each letter of them is shown; nothing is taken for markup."""
        image = await record(bench, title=text, ownername=text, tags=text.replace(" ", ""))

        assert image.title == text
        assert image.author == Author(text, "https://www.flickr.com/photos/adalind/")
        assert list(image.tags) == [text.replace(" ", "")]
        assert f'"{text}" by {text} on Flickr' in attribution(bench.provider.info, image).text

    @pytest.mark.parametrize(
        ("title", "shown"),
        [
            (" A lamp ", "A lamp"),
            ("A lamp.JPG", "A lamp"),
            ("2012-WFM-150", "2012-WFM-150"),
            ("1984", "1984"),
            ("P.S. 2019", "P.S. 2019"),
            ("DSC_0228.JPG", None),
            ("DSC07971", None),
            ("IMG_1234", None),
            ("_MG_1234", None),
            ("P1010101", None),
            ("20190907_162644", None),
            ("SONY DSC", None),
            ("OLYMPUS DIGITAL CAMERA", None),
        ],
    )
    def test_titles(self, title: str, shown: str | None) -> None:
        """One that a camera gave is none."""
        assert plugin._title(photo(title=title)) == shown

    @pytest.mark.parametrize(
        ("description", "shown"),
        [
            ({"_content": 'A <i>lamp</i>,\n&#8230; &amp; <a href="https://x.example">more</a>'}, "A lamp, … & more"),
            ({"_content": "OLYMPUS DIGITAL CAMERA"}, None),
            ({"_content": " <br> "}, None),
            ({"_content": 7}, None),
            ({}, None),
            ("A lamp", None),
            (None, None),
            (..., None),
        ],
    )
    def test_descriptions(self, description: object, shown: str | None) -> None:
        """They are HTML; one that a camera wrote is none."""
        assert plugin._description(photo(description=description)) == shown

    @pytest.mark.parametrize(
        ("taken", "unknown", "granularity", "date"),
        [
            ("2019-09-07 16:26:44", "0", "0", "2019-09-07T16:26:44"),
            ("2019-09-07 16:26:44", ..., ..., "2019-09-07T16:26:44"),
            ("1980-06-01 00:00:00", 0, 4, "1980-06"),
            ("1975-01-01 00:00:00", "0", "6", "1975"),
            ("1910-01-01 00:00:00", "0", "8", "circa 1910"),
            ("1910-01-01 00:00:00", "0", "10", "circa 1910"),
            ("2020-02-10 01:09:34", "1", 0, None),
            ("2020-02-10 01:09:34", 1, 0, None),
            ("0000-00-00 00:00:00", "0", "0", None),
            ("2019-13-45 99:99:99", "0", "0", "2019"),
            ("2019-02-31 10:00:00", "0", "0", "2019-02"),
            ("2019-02-07 25:00:00", "0", "0", "2019-02"),
            ("2019-00-00 00:00:00", "0", "4", "2019"),
            ("yesterday", "0", "0", None),
            (1563236442, "0", "0", None),
            (None, None, None, None),
            (..., ..., ..., None),
        ],
    )
    def test_dates(self, taken: object, unknown: object, granularity: object, date: str | None) -> None:
        """As exact as the owner says; where it is unknown, Flickr sends the time of the upload."""
        dated = photo(datetaken=taken, datetakenunknown=unknown, datetakengranularity=granularity)

        assert plugin._date(dated) == date

    @pytest.mark.parametrize(
        "odd",
        [
            {"width_s": "wide"},
            {"height_l": [1]},
            {"title": ["x"]},
            {"o_width": "-1"},
            {"o_width": "12px"},
            {"tags": 7},
            {"description": "x"},
            {"ownername": None},
            {"datetaken": {}},
            {"media": None},
        ],
        ids=repr,
    )
    async def test_an_odd_field_is_left_out(self, bench: Bench, odd: dict[str, object]) -> None:
        image = await record(bench, **odd)

        assert image.id == "7"
        assert image.renditions[-1] == Rendition(
            name="large", url=f"{HOST}_b.jpg", width=image.renditions[-1].width, height=image.renditions[-1].height,
            type="image/jpeg",
        )  # fmt: skip

    @pytest.mark.parametrize("piece", ["<", "<a ", "-", "img_1", "1", " ", '"', "https://live.staticflickr.com/", "("])
    def test_hostile_texts_take_linear_time(self, piece: str) -> None:
        def convert(size: int) -> object:
            text = piece * (size // len(piece))
            hostile = photo(
                title=text, tags=text, ownername=text, description={"_content": text}, datetaken=text, url_l=text
            )
            plugin._words(text)
            return plugin._image(hostile, plugin._files_of_search(hostile))

        assert is_linear(convert, 20_000)

    @pytest.mark.parametrize(
        "change",
        [
            {"id": 7.5},
            {"id": None},
            {"owner": None},
            {"owner": 7},
            {"license": None},
            {"license": {"id": 4}},
            {"media": "video"},
        ],
        ids=repr,
    )
    async def test_one_that_is_none_is_left_out(
        self, bench: Bench, flickr: SimulatedFlickr, change: dict[str, object]
    ) -> None:
        """Of another form than documented, or a video."""
        flickr.fail(listing({**PHOTO, **change}, None, 7, {**PHOTO, "id": "8"}), times=1)

        assert [image.id for image in (await bench.search("lamp")).images] == ["8"]

    async def test_bytes_that_are_no_text_cost_one_record(self, bench: Bench, flickr: SimulatedFlickr) -> None:
        """The page stays."""
        body = listing({**PHOTO, "title": "?!"}, {**PHOTO, "id": "8"}).body.replace(b"?!", b"\xff")
        flickr.fail(Answer(body, headers={"Content-Type": "application/json"}), times=1)

        assert [image.id for image in (await bench.search("lamp")).images] == ["8"]


class TestTerms:
    async def test_at_most_thirty_are_shown_on_a_page(self, bench: Bench) -> None:
        """With the notice that Flickr wants, word for word."""
        info = bench.provider.info

        assert info.max_shown == 30
        assert info.notice == "This product uses the Flickr API but is not endorsed or certified by SmugMug, Inc."

    async def test_answers_are_not_kept_for_long(self, bench: Bench) -> None:
        """What an owner removes must be gone within a day."""
        assert bench.provider.info.cache_for <= 6 * 3600
        assert bench.provider.info.must_cache_for == 0
        assert bench.provider.info.max_age == 24 * 3600

    async def test_the_credit_links_photo_owner_and_licence(self, bench: Bench) -> None:
        """The photo to its page at Flickr."""
        credit = attribution(bench.provider.info, await record(bench))

        assert credit.text == '"A lamp" by Ada Lind on Flickr, CC BY 2.0'
        assert 'href="https://www.flickr.com/photos/10000001@N00/7">A lamp<' in credit.html
        assert 'href="https://www.flickr.com/photos/adalind/">Ada Lind<' in credit.html
        assert 'href="https://creativecommons.org/licenses/by/2.0/">CC BY 2.0<' in credit.html

    @pytest.mark.parametrize(
        ("theirs", "name"), [(7, "No known copyright restrictions"), (10, "Public Domain Mark 1.0")]
    )
    async def test_the_credit_calls_nothing_a_licence_that_is_none(self, bench: Bench, theirs: int, name: str) -> None:
        """A mark is not what a photo is licensed under."""
        credit = attribution(bench.provider.info, await record(bench, license=theirs)).text

        assert credit == f'"A lamp" by Ada Lind on Flickr, {name}'

    async def test_the_calls_of_an_hour_are_counted(self, bench: Bench) -> None:
        """Flickr tells them in no header."""
        [quota] = bench.provider.info.quotas

        assert (quota.limit, quota.period, quota.remaining, quota.reset) == (3600, "hour", None, None)


class TestLookup:
    async def test_gives_what_the_search_gave(self, bench: Bench) -> None:
        """The whole record, of every kind of photo and owner, but for a size that only a search tells."""
        unlike = []
        for image in (await bench.search("cat")).images[:20]:
            again = await bench.fetch(image.id)
            assert again is not None
            assert msgspec.structs.replace(again, width=image.width, height=image.height) == image
            if (again.width, again.height) != (image.width, image.height):
                unlike.append(image)

        assert all(image.renditions[-1].name == "large" for image in unlike)

    async def test_costs_two_calls(self, bench: Bench, flickr: SimulatedFlickr) -> None:
        """`getInfo` does not tell which files there are."""
        id = shown("cat")[0]
        await bench.fetch(id)

        assert [call.query["method"] for call in flickr.calls] == ["flickr.photos.getInfo", "flickr.photos.getSizes"]
        assert {call.query["photo_id"] for call in flickr.calls} == {id}
        assert {call.query["nojsoncallback"] for call in flickr.calls} == {"1"}

    @pytest.mark.parametrize("wanted", ["video", "mature", "removed"])
    async def test_gives_nothing_that_a_search_would_not(self, bench: Bench, wanted: str) -> None:
        """No video, nothing unsafe, nothing that was removed."""
        assert await bench.fetch(first(wanted)) is None

    async def test_gives_nothing_with_all_rights_reserved(self, bench: Bench) -> None:
        """Licence 0, whose id everybody can read at Flickr."""
        reserved = next(number for number in find("cat") if kind(number) == "photo" and license_of(number) == 0)

        assert await bench.fetch(str(FIRST_ID + reserved)) is None

    @pytest.mark.parametrize(("level", "sensitive"), [("0", False), (0, False), (..., None), ("x", None)])
    async def test_is_safe_where_flickr_says_so(
        self, bench: Bench, flickr: SimulatedFlickr, level: object, sensitive: bool | None
    ) -> None:
        """A search asks for safe photos only; a lookup says it of each."""

        def change(body: Any) -> None:
            if "photo" in body:
                body["photo"]["safety_level"] = level
                if level is ...:
                    del body["photo"]["safety_level"]

        flickr.fail(faults.changed(change))
        image = await bench.fetch(shown("cat")[0])

        assert image is not None
        assert image.flags.sensitive is sensitive
        assert bench.provider.info.declares == {"sensitive"}

    @pytest.mark.parametrize("part", ["title", "description", "dates", "tags", "media"])
    @pytest.mark.parametrize("odd", [None, 7, "x", [], {}, {"tag": [None, 7, {}]}])
    async def test_an_odd_part_is_left_out(self, bench: Bench, flickr: SimulatedFlickr, part: str, odd: object) -> None:
        def change(body: Any) -> None:
            if "photo" in body:
                body["photo"][part] = odd

        flickr.fail(faults.changed(change))
        id = shown("cat")[0]
        image = await bench.fetch(id)

        assert image is not None
        assert image.id == id

    async def test_knows_no_photo_that_flickr_does_not_know(self, bench: Bench, flickr: SimulatedFlickr) -> None:
        """Code 1, with status 200; no second call is made."""
        with pytest.raises(NotFound):
            await bench.fetch(str(FIRST_ID + PHOTOS))
        assert len(flickr.calls) == 1

    @pytest.mark.parametrize("id", ["", "0", "07", "abc", "7/../8", "7&x=1", "²", "-7", "1" * 21])
    async def test_an_id_that_cannot_be_costs_no_call(self, bench: Bench, flickr: SimulatedFlickr, id: str) -> None:
        """Ids are numbers."""
        assert await bench.fetch(id) is None
        assert flickr.calls == []

    async def test_a_file_of_an_unknown_label_is_left_out(self, bench: Bench, flickr: SimulatedFlickr) -> None:
        """Crops and sizes that no rendition of ours has, and ones that lack their label or source."""
        id = shown("cat")[0]
        whole = await bench.fetch(id)
        flickr.fail(
            faults.changed(
                lambda body: (
                    body["sizes"]["size"].extend([{"label": "X-Large 5K", "source": f"{HOST}_5k.jpg"}, {}])
                    if "sizes" in body
                    else None
                )
            )
        )

        assert await bench.fetch(id) == whole

    @pytest.mark.parametrize(
        "fault",
        [
            faults.changed(lambda body: body.pop("photo", None) and body),
            faults.changed(lambda body: body.pop("sizes", None) and body),
            faults.changed(lambda body: body["photo"].pop("owner") and body if "photo" in body else None),
            faults.changed(lambda body: body["sizes"].update(size=[None]) if "sizes" in body else None),
            faults.changed(lambda body: body["sizes"].pop("size") and body if "sizes" in body else None),
        ],
        ids=["no photo", "no sizes", "no owner", "null sizes", "no list"],
    )
    async def test_an_answer_without_its_part_is_none(
        self, bench: Bench, flickr: SimulatedFlickr, fault: Fault
    ) -> None:
        """Not taken for a photo that there is not."""
        flickr.fail(fault)

        with pytest.raises(InvalidResponse):
            await bench.fetch(shown("cat")[0])


class TestTrouble:
    @pytest.mark.parametrize(
        ("code", "error"),
        [
            (2, InvalidResponse),
            (3, InvalidResponse),
            (10, Unavailable),
            (17, InvalidResponse),
            (98, Unauthorized),
            (100, Unauthorized),
            (105, Unavailable),
            (106, Unavailable),
            (111, InvalidResponse),
            (112, InvalidResponse),
            (116, InvalidResponse),
            (201, Unavailable),
            ("105", Unavailable),
            (None, InvalidResponse),
        ],
    )
    async def test_failures_have_status_200(
        self, bench: Bench, flickr: SimulatedFlickr, code: object, error: type[ProviderError]
    ) -> None:
        """The code tells what went wrong, and the message says it."""
        flickr.fail(Answer({"stat": "fail", "code": code, "message": "Not today"}))

        for ask in (bench.search("lamp"), bench.fetch("7")):
            with pytest.raises(error, match="Not today"):
                await ask

    @pytest.mark.parametrize(("stated", "wait"), [("9", 9), ("soon", None), ("0", None), ("9" * 400, None)])
    async def test_a_failure_may_say_for_how_long(
        self, bench: Bench, flickr: SimulatedFlickr, stated: str, wait: int | None
    ) -> None:
        body = {"stat": "fail", "code": 105, "message": "Service currently unavailable"}
        flickr.fail(Answer(body, 200, {"Retry-After": stated}))

        with pytest.raises(Unavailable) as caught:
            await bench.search("lamp")
        assert caught.value.retry_after == wait

    async def test_a_wrong_key_is_told(self, bench: Bench, flickr: SimulatedFlickr) -> None:
        """By Flickr's own words, and without the key."""
        flickr.key = "another-key"

        with pytest.raises(Unauthorized, match="Invalid API Key") as caught:
            await bench.search("lamp")
        assert "test-key" not in str(caught.value)

    async def test_a_used_up_quota_is_a_limit(self, bench: Bench, flickr: SimulatedFlickr) -> None:
        """A true 429, with HTML."""
        flickr.remaining = 0

        with pytest.raises(RateLimited):
            await bench.search("lamp")

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(b'jsonFlickrApi({"stat":"ok"})'),
            Answer(b'<?xml version="1.0"?><rsp stat="fail"><err code="100" msg="no"/></rsp>'),
            Answer({}),
            Answer([]),
            Answer({"stat": "ok"}),
            Answer({"photos": {"photo": [], "total": 0}}),
            Answer({"stat": "ok", "photos": None}),
            Answer({"stat": "ok", "photos": {"photo": [], "total": "many"}}),
            Answer({"stat": "ok", "photos": {"total": 3}}),
            Answer(b'{"stat": "ok", "photos": {"photo": [], "total": "\xff"}}'),
        ],
        ids=["script", "xml", "nothing", "list", "no photos", "no status", "null", "no number", "no list", "no text"],
    )
    async def test_a_page_that_is_none_is_an_error(self, bench: Bench, flickr: SimulatedFlickr, answer: Answer) -> None:
        """It is not taken for a search that found nothing."""
        flickr.fail(answer)

        with pytest.raises(InvalidResponse):
            await bench.search("lamp")

    async def test_the_key_is_never_told(
        self, bench: Bench, flickr: SimulatedFlickr, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Though it is in every URL, and may be in a message of Flickr's."""
        caplog.set_level(logging.DEBUG)
        spoken = Answer({"stat": "fail", "code": 111, "message": "api_key=test-key and test-key are no use"})
        told = []
        for fault in (spoken, Answer("<h1>test-key</h1>", 500), faults.reset(), faults.html_page(), faults.cut_json()):
            flickr.fail(fault, times=2)
            for ask in (bench.search("lamp"), bench.fetch("7")):
                with pytest.raises(ProviderError) as caught:
                    await ask
                told.append(str(caught.value))

        assert len(told) == 10
        assert "test-key" not in "".join(told) + caplog.text


class TestSimulation:
    """What the plugin must send for the answers that it understands: the simulated Flickr minds it as the real one."""

    @pytest.mark.parametrize(
        ("left_out", "begins"),
        [("format", b"<?xml"), ("nojsoncallback", b"jsonFlickrApi("), ("api_key", b'{"stat":"fail"')],
    )
    async def test_minds_how_it_is_asked(
        self, bench: Bench, flickr: SimulatedFlickr, left_out: str, begins: bytes
    ) -> None:
        """Without these it answers otherwise."""
        await bench.search("cat")
        asked = {name: value for name, value in flickr.calls[0].query.items() if name != left_out}

        assert (await bench.http.get("", params=asked)).content.startswith(begins)

    @pytest.mark.parametrize(
        ("left_out", "wanted"),
        [("media", "video"), ("content_types", "screenshot"), ("license", "reserved"), ("sort", "")],
    )
    async def test_finds_otherwise_without_them(
        self, bench: Bench, flickr: SimulatedFlickr, left_out: str, wanted: str
    ) -> None:
        """Videos, screenshots, reserved rights, another order."""
        await bench.search("cat")
        asked = {name: value for name, value in flickr.calls[0].query.items() if name != left_out}
        photos = (await bench.http.get("", params=asked | {"per_page": "500"})).json()["photos"]["photo"]
        numbers = [int(photo["id"]) - FIRST_ID for photo in photos]

        kinds = {kind(number) if license_of(number) else "reserved" for number in numbers}
        assert wanted in kinds if wanted else numbers == sorted(numbers, reverse=True)


class TestRecorded:
    """Invented answers in the documented form. The fragment is one photo of a list, and is put into a list."""

    @pytest.fixture
    async def bench(self) -> AsyncIterator[Bench]:
        with Upstream("/services/rest/") as upstream:
            async with Bench(plugin, SETTINGS, upstream) as bench:
                yield bench

    def answer(self, bench: Bench, content: object) -> None:
        assert bench.upstream is not None
        bench.upstream.fail(Answer(content), times=1)

    def read(self, name: str) -> Any:
        return json.loads((RECORDED / f"{name}.json").read_text())

    async def test_each_is_read_by_a_test_here(self) -> None:
        """So that a new one is not overlooked."""
        assert sorted(path.stem for path in RECORDED.glob("*.json")) == [
            "error_100",
            "info_70000000005",
            "photo_without_large_file",
            "search",
        ]

    async def test_a_page(self, bench: Bench) -> None:
        """Each of the three is a record, the one without a large file too."""
        told = self.read("search")
        self.answer(bench, told)
        page = await bench.search("church")

        photos = told["photos"]["photo"]
        assert (page.total, page.last, len(page.images)) == (3, True, 3)
        assert [image.id for image in page.images] == [photo["id"] for photo in photos]
        assert {image.license.id for image in page.images if image.license} == {"cc-by-nc-sa-2.0"}
        assert all(image.author and image.title and image.renditions[-1].name == "large" for image in page.images)
        assert sum((image.renditions[-1].url or "").endswith("_b.jpg") for image in page.images) == 2
        assert [image.width for image in page.images if image.id == "70000000001"] == [3200]

    async def test_a_photo_with_fewer_files(self, bench: Bench) -> None:
        """Its largest has 500 pixels."""
        self.answer(bench, listing(self.read("photo_without_large_file")).content)
        [image] = (await bench.search("valley")).images

        assert [(rendition.name, rendition.width) for rendition in image.renditions] == [
            ("thumbnail", 240),
            ("large", 500),
        ]
        assert (image.width, image.license and image.license.id) == (500, "cc-by-nc-nd-2.0")

    async def test_a_wrong_key(self, bench: Bench) -> None:
        """In the search as in the lookup."""
        for ask in (bench.search("x"), bench.fetch("7")):
            self.answer(bench, self.read("error_100"))
            with pytest.raises(Unauthorized):
                await ask

    @pytest.mark.parametrize("license", ["0", "4"])
    async def test_a_lookup(self, bench: Bench, license: str) -> None:
        """All rights are reserved; with a licence in their place, the rest is read too."""
        told = self.read("info_70000000005")
        told["photo"]["license"] = license
        self.answer(bench, told)
        size = {"label": "Large", "width": "1024", "height": 832, "source": f"{HOST}_b.jpg"}
        self.answer(bench, {"sizes": {"size": [size]}, "stat": "ok"})
        image = await bench.fetch("70000000005")

        if license == "0":
            assert image is None
        else:
            assert image is not None
            assert (image.id, image.title) == ("70000000005", "old fire engine.")
            assert image.author == Author("ada_example", "https://www.flickr.com/photos/ada_example/")
            assert (list(image.tags), image.width) == (["fireengine"], 1024)
