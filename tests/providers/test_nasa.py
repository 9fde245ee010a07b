"""Tests of the NASA provider: its functions one by one, then its hooks against a simulated library over real HTTP."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import imagevault_nasa as plugin
import msgspec
import pytest

from imagevault import Author, Declared, Flags, Image, InvalidResponse, Page, Unavailable
from imagevault.images.attribution import attribution
from imagevault.search.filters import plan
from imagevault.testing import Answer, Fault, Upstream, faults
from imagevault.testing.bench import Bench
from imagevault.testing.contract import ProviderContract
from imagevault.testing.upstreams.nasa import (
    LIBRARY,
    SimulatedNasa,
    as_json,
    find,
    has_links,
    is_turned,
    media_type,
    nasa_id,
)
from tests.support.linear_time import is_linear
from tests.support.nasa_images import check_nasa_image

# Answers in the form of the real API, with invented pictures by invented people.
RECORDED = Path(__file__).with_name("recorded") / "nasa"

FILES = "https://images-assets.nasa.gov/image/"
LINKS: list[dict[str, Any]] = [
    {"href": f"{FILES}probe/probe~medium.jpg", "rel": "alternate", "width": 1280, "height": 853},
    {"href": f"{FILES}probe/probe~orig.JPG", "rel": "canonical", "width": 6000, "height": 4000},
    {"href": f"{FILES}probe/probe~thumb.jpg", "rel": "preview", "width": 640, "height": 427},
]
DATA = {"nasa_id": "probe", "title": "A Probe", "media_type": "image", "center": "KSC"}


def decoded(**changes: object) -> plugin._Data:
    """The decoded DATA with these changes."""
    return msgspec.convert({**DATA, **changes}, plugin._Data)


def files_of(links: object) -> dict[Any, plugin._Link]:
    """The files of an item with these links."""
    item = msgspec.json.decode(json.dumps({"data": [DATA], "links": links}), type=plugin._Item)
    return plugin._files(item)


def credits_of(caption: str) -> list[str]:
    """Whom a caption credits."""
    return [credit.words for credit in plugin._caption_credits(decoded(description=caption))]


def rights_of(**changes: object) -> plugin._Rights:
    """The rights of the probe with these changes."""
    data = decoded(**changes)
    return plugin._rights(data, plugin._caption_credits(data))


def listing(*items: object, **more: object) -> Answer:
    """A page with these items."""
    return Answer({"collection": {"version": "1.1", "items": items, **more}})


def pictures(query: str) -> list[int]:
    """The pictures with files that a query finds."""
    return [number for number in find(query) if media_type(number) == "image" and has_links(number)]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def nasa() -> Iterator[SimulatedNasa]:
    with SimulatedNasa() as nasa:
        yield nasa


@pytest.fixture
async def bench(nasa: Upstream) -> AsyncIterator[Bench]:
    async with Bench(plugin, {}, nasa) as bench:
        yield bench


async def lookup(bench: Bench, links: object = LINKS, **change: object) -> Image:
    """The probe with these changes, fetched through the plugin."""
    assert bench.upstream is not None
    data = {**DATA, **change}
    bench.upstream.fail(listing({"href": "", "data": [data], "links": links}), times=1)
    image = await bench.fetch(str(data["nasa_id"]))
    assert image is not None
    return image


class TestContract(ProviderContract):
    """What every provider must do."""

    plugin = plugin

    def upstream(self) -> SimulatedNasa:
        return SimulatedNasa()


class TestProviderInfo:
    def test_it_declares_no_flags(self) -> None:
        """NASA says nothing of software, training or sensitive pictures."""
        info = plugin.provider_info()
        assert info.declares == frozenset()
        assert info.max_results == 10_000
        assert [quota.name for quota in info.quotas] == ["1000/hour", "4/second"]


class TestSearch:
    async def test_asks_for_pictures(self, bench: Bench, nasa: SimulatedNasa) -> None:
        """A search without `media_type` finds videos and sounds too."""
        page = await bench.search("red fox", 2)

        [call] = nasa.calls
        assert call.path == "/search"
        assert dict(call.query) == {"q": "red fox", "media_type": "image", "page": "2", "page_size": "100"}
        assert page.images

    @pytest.mark.parametrize("text", ["-dog cat", "cats AND dogs", 'title:"a" *?', "İstanbul R&D ½"])
    async def test_words_go_as_typed(self, bench: Bench, nasa: SimulatedNasa, text: str) -> None:
        """The docs know no operator, so there is none to neutralise."""
        await bench.search(text)

        assert nasa.calls[0].query["q"] == text

    async def test_a_walk_ends_where_no_next_page_is_named(self, bench: Bench, nasa: SimulatedNasa) -> None:
        """Every picture comes once, and the http address of the next page is not followed."""
        pages: list[Page] = []
        while not pages or not pages[-1].last:
            pages.append(await bench.search("cat", len(pages) + 1))

        shown = [image.source_url for page in pages for image in page.images]
        assert shown == [
            f"https://images.nasa.gov/details/{quote(nasa_id(number), safe='')}" for number in pictures("cat")
        ]
        assert {page.total for page in pages} == {250}
        assert [call.query["page"] for call in nasa.calls] == ["1", "2", "3"]

    async def test_drops_videos_though_they_come(self, bench: Bench, nasa: SimulatedNasa) -> None:
        """The files of a video are previews of something else."""
        video = next(as_json(number) for number in find("cat") if media_type(number) == "video")
        nasa.fail(listing(video, {"data": [DATA], "links": LINKS}))

        assert [image.id for image in (await bench.search("cat")).images] == ["probe"]

    async def test_the_page_behind_the_end_is_empty(self, bench: Bench) -> None:
        """A short list has an empty page there, and after the 10 000th result NASA answers 400."""
        for query, number in (("cat", 4), ("everything", 101)):
            page = await bench.search(query, number)
            assert page.images == []
            assert page.last
        assert len((await bench.search("everything", 100)).images) > 90

    async def test_a_400_of_the_first_page_is_an_error(self, bench: Bench, nasa: SimulatedNasa) -> None:
        """It means that the request is wrong."""
        nasa.fail(Answer({"reason": "Invalid parameter."}, 400))

        with pytest.raises(InvalidResponse):
            await bench.search("cat")

    async def test_total_and_links_may_be_missing(self, bench: Bench, nasa: SimulatedNasa) -> None:
        nasa.fail(listing({"data": [DATA], "links": LINKS}))
        page = await bench.search("cat")

        assert len(page.images) == 1
        assert page.total is None
        assert page.last

    @pytest.mark.parametrize(
        "metadata", [None, [], {}, "few", {"total_hits": "5645"}, {"total_hits": 3, "next": "http://x", "odd": [1]}]
    )
    async def test_odd_metadata_cost_the_total_only(
        self, bench: Bench, nasa: SimulatedNasa, metadata: dict[str, object] | None
    ) -> None:
        """The pictures stay, and so does a total beside values of other types."""
        nasa.fail(listing({"data": [DATA], "links": LINKS}, metadata=metadata))
        page = await bench.search("cat")

        assert [image.id for image in page.images] == ["probe"]
        expected = 3 if metadata and "odd" in metadata else None
        assert page.total == expected

    @pytest.mark.parametrize(
        ("links", "last"),
        [
            ([{"rel": "next", "prompt": None, "href": 7}], False),
            ([{"rel": "prev", "href": "http://x"}, "odd", {"rel": 7}, {"rel": "next"}], False),
            ([{"rel": "prev", "href": "http://x"}], True),
            (None, True),
            ({"next": "http://x"}, True),
        ],
        ids=["odd parts", "odd links", "prev", "null", "an object"],
    )
    async def test_odd_links_are_left_out(self, bench: Bench, nasa: SimulatedNasa, links: object, last: bool) -> None:
        nasa.fail(listing({"data": [DATA], "links": LINKS}, links=links))
        page = await bench.search("cat")

        assert [image.id for image in page.images] == ["probe"]
        assert page.last is last

    @pytest.mark.parametrize(
        "bad",
        [
            {},
            {"data": []},
            {"data": [{}], "links": LINKS},
            {"data": [{**DATA, "nasa_id": 7}], "links": LINKS},
            {"data": [DATA]},
            {"data": [DATA], "links": ["odd", None, 7]},
            {"data": [DATA], "links": {"href": "odd"}},
            {"data": [DATA], "links": [{"href": f"{FILES}probe/collection.json"}]},
        ],
        ids=["nothing", "no data", "no id", "number", "no links", "odd links", "no list of links", "no picture"],
    )
    async def test_an_item_without_id_or_file_is_left_out(self, bench: Bench, nasa: SimulatedNasa, bad: object) -> None:
        """The page stays."""
        nasa.fail(listing(bad, {"data": [{**DATA, "nasa_id": "other"}], "links": LINKS}))

        assert [image.id for image in (await bench.given("cat")).images] == ["other"]

    @pytest.mark.parametrize("odd", [7, ["x"], {"a": 1}, None, True])
    async def test_an_odd_field_is_left_out(self, bench: Bench, odd: object) -> None:
        """Every field but id and type may be of another type than documented."""
        fields = set(plugin._Data.__struct_fields__) - {"nasa_id", "media_type"}
        image = await lookup(bench, **dict.fromkeys(fields, odd))

        assert image.id == "probe"
        assert image.title is None
        assert image.credit == "Credit: NASA"
        assert image.license is not None
        assert image.license.id == "nasa"


class TestFiles:
    def test_have_the_names_in_their_paths_and_the_stated_sizes(self) -> None:
        """They come smallest first, and none is made up."""
        renditions = plugin._renditions(files_of(LINKS))
        assert [(rendition.name, rendition.url, rendition.width, rendition.height) for rendition in renditions] == [
            ("thumbnail", f"{FILES}probe/probe~thumb.jpg", 640, 427),
            ("medium", f"{FILES}probe/probe~medium.jpg", 1280, 853),
            ("original", f"{FILES}probe/probe~orig.JPG", 6000, 4000),
        ]

    async def test_the_image_has_the_size_of_its_original(self, bench: Bench) -> None:
        image = await lookup(bench)
        assert (image.width, image.height) == (6000, 4000)

    async def test_are_linked_by_https_and_without_blanks(self, bench: Bench) -> None:
        """NASA sends some by http, with blanks and `~` in the names."""
        href = "http://images-assets.nasa.gov/image/Old Probe~2/Old Probe~2~orig.tif"
        image = await lookup(bench, [{"href": href}], nasa_id="Old Probe~2")

        [file] = image.renditions
        assert file.url == "https://images-assets.nasa.gov/image/Old%20Probe~2/Old%20Probe~2~orig.tif"
        assert file.name == "original"
        assert file.type == "image/tiff"
        assert file.width is None
        assert image.width is None

    def test_an_original_that_is_there_twice_counts_once(self) -> None:
        files = files_of([*LINKS, {"href": f"{FILES}probe/probe~orig.tif"}])
        assert files["original"].href == LINKS[1]["href"]

    @pytest.mark.parametrize(
        "size", [{}, {"width": "wide", "height": 853}, {"width": 1280}, {"width": 1.5, "height": 1}]
    )
    def test_a_file_without_a_whole_size_has_none(self, size: dict[str, object]) -> None:
        """The file stays."""
        [rendition] = plugin._renditions(files_of([{"href": LINKS[0]["href"], **size}]))
        assert rendition.name == "medium"
        assert (rendition.width, rendition.height) == (None, None)

    def test_a_link_that_is_none_is_left_out(self) -> None:
        files = files_of([{"href": None}, "odd", 7, *LINKS])
        assert set(files) == {"medium", "original", "thumbnail"}

    async def test_a_turned_picture_has_the_sides_that_are_seen(self, bench: Bench) -> None:
        """So filters by orientation find it where it belongs."""
        turned = [{**LINKS[1], "width": 8192, "height": 4608}, {**LINKS[2], "width": 360, "height": 640}]
        image = await lookup(bench, turned)

        assert (image.width, image.height) == (4608, 8192)
        assert [(rendition.name, rendition.width, rendition.height) for rendition in image.renditions] == [
            ("thumbnail", 360, 640),
            ("original", 4608, 8192),
        ]
        assert plan(bench.provider.info, {"orientation": "portrait"}).matches(image)

    @pytest.mark.parametrize(
        ("original", "preview", "turned"),
        [
            ((8192, 4608), (360, 640), True),
            ((4608, 8192), (640, 360), True),
            ((8192, 4608), (640, 360), False),
            ((4001, 4000), (640, 640), False),
            ((4000, 4000), (640, 640), False),
            ((8192, 4608), (None, None), False),
            ((None, None), (360, 640), False),
        ],
    )
    def test_which_originals_are_turned(
        self, original: tuple[int | None, ...], preview: tuple[int | None, ...], turned: bool
    ) -> None:
        """A square says nothing, and neither does a file without a size."""
        links = [
            {**LINKS[1], "width": original[0], "height": original[1]},
            {**LINKS[2], "width": preview[0], "height": preview[1]},
        ]
        size = plugin._size(files_of(links)["original"])
        expected = original[::-1] if turned else original
        assert size == (expected if original[0] else None)

    async def test_a_preview_alone_stays_a_thumbnail(self, bench: Bench) -> None:
        """Answers before version 1.1 had nothing else. It is not called `large`, and no address is guessed."""
        image = await lookup(bench, [{"href": f"{FILES}probe/probe~thumb.jpg", "rel": "preview"}])

        assert [(rendition.name, rendition.url) for rendition in image.renditions] == [
            ("thumbnail", f"{FILES}probe/probe~thumb.jpg")
        ]
        assert (image.width, image.height) == (None, None)


class TestRights:
    def test_what_is_nasas_may_be_used_with_its_name(self) -> None:
        """The guidelines are neither a licence nor a public domain mark."""
        rights = rights_of(description="A probe. Photo credit: NASA/Ada Lind")

        assert rights.license.id == "nasa"
        assert rights.license.url == "https://www.nasa.gov/nasa-brand-center/images-and-media/"
        assert rights.license.attribution_required
        assert rights.license.commercial
        assert rights.license.modification
        assert not rights.license.is_public_domain
        assert rights.declared is None

    @pytest.mark.parametrize(
        ("field", "text", "mark"),
        [
            ("description", "Copyright 2021 Invented Rockets", "Copyright 2021 Invented Rockets"),
            ("description", "A probe. © Invented Rockets", "© Invented Rockets"),
            ("description", "A probe &copy; Invented Rockets", "© Invented Rockets"),
            ("title", "A Probe (c) 2021", "(c) 2021"),
            ("description_508", "All Rights Reserved.", "All Rights Reserved."),
            ("description", "Image courtesy of Invented Rockets", "courtesy of Invented Rockets"),
            ("description", "Photo courtesy:\nInvented University", "courtesy: Invented University"),
            ("description", "Photo credit: Invented Rockets", "Invented Rockets"),
            ("description", "Photo credit: Ada Lind. NASA's Bo Marsh looks on.", "Ada Lind"),
            ("description", "Photo credit: NASA/A. Image credit: Invented Rockets", "Invented Rockets"),
            ("description", "Image courtesy of NASA and Ada Lind/Getty Images", "Getty Images"),
            ("description", "Credit: NASA/SSI, processed by Ada Lind (CC BY-NC 2.0)", "CC BY-NC 2.0)"),
            ("description", "Photo by Ada Lind. Used with permission.", "Used with permission."),
            ("photographer", "Ada Lind/Reuters", "Reuters"),
            ("photographer", "SpaceX", "SpaceX"),
            ("photographer", "ESA/Bo Marsh", "ESA/Bo Marsh"),
            ("secondary_creator", "Copyright Bo Marsh", "Copyright Bo Marsh"),
        ],
    )
    async def test_what_is_marked_as_anothers_is_not_free(self, bench: Bench, field: str, text: str, mark: str) -> None:
        """It is found with the words that mark it, and no filter for free use lets it through."""
        image = await lookup(bench, **{field: text})

        assert image.license is not None
        assert image.license.id == "nasa-third-party"
        assert image.declared == Declared(field, mark)
        for use in ("commercial", "modification", "public-domain"):
            assert not plan(bench.provider.info, {"license": use}).matches(image)

    @pytest.mark.parametrize(
        "plain",
        [
            {"description": "Courtesy NASA/JPL-Caltech"},
            {"description": "Courtesy:NASA/JPL-Caltech"},
            {"description": "Image courtesy of NASA and Invented University"},
            {"description": "This picture is not copyrighted."},
            {"description": "Photo Credits:\n(NASA/Ada Lind)"},
            {"description": "Image Credit: JPL/Invented University"},
            {"description": "Image credit: NASA Text credit: Invented Agency"},
            {"photographer": "NASA/ESA/Ada Lind"},
            {"photographer": "Ada Lind"},
            {"description": "Seen by ESA and SpaceX. Three views: (a), (b), (c)"},
        ],
        ids=str,
    )
    def test_what_only_looks_so_stays_free(self, plain: dict[str, str]) -> None:
        """NASA's own credits use the same words."""
        assert rights_of(**plain).license.id == "nasa"

    @pytest.mark.parametrize(
        ("field", "text"),
        [
            ("description", "A nebula. Image credit: ESA/Hubble &amp; NASA, A. Lind"),
            ("description", "A nebula. Credit: NASA, ESA, and the Invented Heritage-ESA/Hubble Collaboration"),
            ("description_508", "Credit: ESA/Webb, NASA & CSA, B. Marsh"),
            ("description", "Image courtesy of ESA/Hubble"),
            ("secondary_creator", "ESA/Hubble, A. Lind"),
        ],
    )
    def test_what_esa_released_is_cc_by(self, field: str, text: str) -> None:
        """Its credit names ESA/Hubble or ESA/Webb, whose pictures are CC BY 4.0."""
        rights = rights_of(**{field: text})

        assert rights.license.id == "cc-by-4.0"
        assert rights.license.attribution_required
        assert rights.declared is not None
        assert rights.declared.field == field
        assert "ESA/" in rights.declared.words

    def test_a_picture_of_esa_with_a_mark_stays_anothers(self) -> None:
        assert rights_of(description="Credit: ESA/Hubble, © Invented Observatory").license.id == "nasa-third-party"


class TestCaptionCredits:
    """Whom a caption credits. The forms are those of real captions, the names are invented."""

    @pytest.mark.parametrize(
        ("caption", "credit"),
        [
            ("A probe. Photo Credit: (NASA/Ada Lind)", "NASA/Ada Lind"),
            ("A probe.  Photo credit: NASA/Ada Lind  ", "NASA/Ada Lind"),
            ("A nebula.  Credits: NASA/Hubble", "NASA/Hubble"),
            ("A nebula. Image credit: NASA, ESA, CSA. More of it.", "NASA, ESA, CSA"),
            (
                "A nebula (Image credit: NASA, ESA, and A. Lind (STScI) and the Team) in May",
                "NASA, ESA, and A. Lind (STScI) and the Team",
            ),
            (
                "Credit: NASA, ESA and Ada Lind (Invented Institute, Spain)  To learn more go to: x",
                "NASA, ESA and Ada Lind (Invented Institute, Spain)",
            ),
            (
                "Image credit: ESA/Hubble &amp; NASA, Acknowledgement: A. Lind Text credit: ESA  Read more: x",
                "ESA/Hubble & NASA, Acknowledgement: A. Lind",
            ),
            (
                "Credit: NASA, ESA  Acknowledgment: A. O'Lind (Invented University)  <b>NASA image use policy.</b>",
                "NASA, ESA, Acknowledgment: A. O'Lind (Invented University)",
            ),
            ('Credit: NASA/ESA <b><a href="http://x">NASA image use policy.</a></b> Follow us', "NASA/ESA"),
            ("Credit: <a href='x'>NASA</a>/<a href='y'>ESA</a>", "NASA/ESA"),
            ("A probe.<br>Credit: NASA/JPL<br />The rest", "NASA/JPL"),
            ("Photo Credits:\n(NASA/Ada Lind)\nMore", "NASA/Ada Lind"),
            ("Image Credit: NASA/JPL-Caltech/Univ. of Lindia", "NASA/JPL-Caltech/Univ. of Lindia"),
            ("Credit: NASA,\nESA and  A. Lind", "NASA, ESA and A. Lind"),
            ("Image courtesy of NASA and Invented University.", "NASA and Invented University"),
            ("Courtesy NASA/JPL-Caltech", "NASA/JPL-Caltech"),
            ("Courtesy of NASA's SDO team. It shows the Sun.", "NASA's SDO team"),
            ("Credit: NASA https://example.com/more", "NASA"),
        ],
    )
    def test_is_read(self, caption: str, credit: str) -> None:
        """It ends where a reader sees its end."""
        assert credits_of(caption) == [credit]

    @pytest.mark.parametrize(
        "caption",
        [
            "",
            "A probe.",
            "Text credit: Invented Agency",
            "Credit:",
            "Photo credit: ()",
            "a courtesy call",
            "accredits: x",
        ],
    )
    def test_there_may_be_none(self, caption: str) -> None:
        assert credits_of(caption) == []

    def test_several_are_read_once_each(self) -> None:
        assert credits_of("Photo credit: NASA/A  Image credit: ESA/B  Credit: NASA/A") == ["NASA/A", "ESA/B"]

    def test_a_long_one_is_cut_after_a_word(self) -> None:
        [credit] = credits_of("Credit: NASA" + ", Ada Lind" * 100)
        assert 490 < len(credit) <= 500
        assert credit.endswith(("Ada Lind", "Ada"))

    def test_no_more_than_ten_are_read(self) -> None:
        assert len(credits_of("".join(f"Credit: NASA/{number}  " for number in range(100)))) == 10

    @pytest.mark.parametrize(
        "hostile",
        [
            "credit: ",
            "credit: (",
            "credits",
            "courtesy",
            "courtesy of ",
            "a, ",
            "( ",
            "<br",
            "<p>",
            "<a ",
            " \n",
            "  ",
            "Acknowledgment: x\n",
            "x.  Acknowledgment: ",
            "Credit: A. ",
            "to to read read ",
            "|",
            "&amp;",
            "(c) ",
            "CC BY ",
        ],
    )
    def test_a_hostile_caption_takes_no_time(self, hostile: str) -> None:
        """Whatever a caption repeats, rights and credit cost linear time."""

        def work(size: int) -> None:
            data = decoded(
                title=hostile * size, description=hostile * size, photographer=hostile * size, description_508=hostile
            )
            credits = plugin._caption_credits(data)
            plugin._credit(data, credits, plugin._rights(data, credits))
            plugin._alt(data)

        assert is_linear(work, plugin.MAX_CAPTION // 2 // len(hostile))  # longer captions are cut


class TestCredit:
    @pytest.mark.parametrize(
        ("said", "author", "credit"),
        [
            ({}, "NASA/KSC", "Credit: NASA/KSC"),
            ({"photographer": "NASA/Ada Lind"}, "NASA/Ada Lind", "Credit: NASA/Ada Lind"),
            ({"photographer": "Ada Lind"}, "Ada Lind", "Credit: NASA/KSC, Ada Lind"),
            ({"secondary_creator": "Bo Marsh"}, "Bo Marsh", "Credit: NASA/KSC, Bo Marsh"),
            (
                {"photographer": "NASA/Ada Lind", "secondary_creator": "Bo Marsh"},
                "NASA/Ada Lind",
                "Credit: NASA/Ada Lind, Bo Marsh",
            ),
            ({"photographer": "n/a", "secondary_creator": "N/A"}, "NASA/KSC", "Credit: NASA/KSC"),
            ({"photographer": ""}, "NASA/KSC", "Credit: NASA/KSC"),
            ({"photographer": " &nbsp; "}, "NASA/KSC", "Credit: NASA/KSC"),
            ({"photographer": " <b>NASA/Ada</b>&nbsp;Lind "}, "NASA/Ada Lind", "Credit: NASA/Ada Lind"),
            ({"center": "JPL"}, "NASA/JPL-Caltech", "Courtesy NASA/JPL-Caltech"),
            ({"center": "JPL", "secondary_creator": "NASA/JPL/SSI"}, "NASA/JPL/SSI", "Courtesy NASA/JPL/SSI"),
            ({"center": None}, "NASA", "Credit: NASA"),
            ({"description": "Photo credit: NASA"}, "NASA/KSC", "Credit: NASA/KSC"),
            (
                {"description": "A nebula. Credit: NASA, ESA, and A. Lind (STScI)."},
                "NASA, ESA, and A. Lind (STScI)",
                "Credit: NASA, ESA, and A. Lind (STScI)",
            ),
            (
                {"description": "Photo credit: NASA/Ada Lind", "photographer": "NASA / Ada Lind"},
                "NASA/Ada Lind",
                "Credit: NASA/Ada Lind",
            ),
            (
                {"description": "Image Credit: NASA/JPL-Caltech/Univ. of Lindia", "center": "JPL"},
                "NASA/JPL-Caltech/Univ. of Lindia",
                "Courtesy NASA/JPL-Caltech/Univ. of Lindia",
            ),
            (
                {"description": "Image credit: NASA, ESA", "photographer": "Bo Marsh"},
                "Bo Marsh",
                "Credit: NASA, ESA, Bo Marsh",
            ),
            (
                {"description": "Image credit: ESA/Hubble &amp; NASA, A. Lind."},
                "ESA/Hubble & NASA, A. Lind",
                "Credit: ESA/Hubble & NASA, A. Lind (CC BY 4.0)",
            ),
            (
                {"description": "Credit: ESA/Hubble"},
                "ESA/Hubble",
                "Credit: NASA/KSC, ESA/Hubble (CC BY 4.0)",
            ),
            (
                {"description": "Photo courtesy of Invented Rockets."},
                "Invented Rockets",
                "Credit: NASA/KSC, Invented Rockets",
            ),
        ],
        ids=str,
    )
    async def test_nasa_the_caption_and_the_people_are_credited(
        self, bench: Bench, said: dict[str, Any], author: str, credit: str
    ) -> None:
        """Each once, in JPL's words where it is JPL's; `n/a` is nobody."""
        image = await lookup(bench, **said)

        assert image.author == Author(author)
        shown = attribution(bench.provider.info, image)
        assert shown.text == credit
        assert 'href="https://images.nasa.gov/details/probe"' in shown.html
        assert "](https://images.nasa.gov/details/probe)" in shown.markdown
        is_by_esa = credit.endswith("(CC BY 4.0)")
        assert ("](https://creativecommons.org/licenses/by/4.0/)" in shown.markdown) is is_by_esa

    @pytest.mark.parametrize(
        ("caption", "holder"),
        [
            ("A rocket. Copyright 2021 Example Rockets, Inc. All rights reserved.", "Example Rockets, Inc"),
            ("A probe. © Invented Rockets", "Invented Rockets"),
            ("A probe. (c) 2019-2021 by Ada Lind. More text.", "Ada Lind"),
            ("Copyright: Élan Rockets", "Élan Rockets"),
            ("All rights reserved.", None),
            ("This picture is protected by copyright in some countries.", None),
            ("Protected by Copyright Law.", None),
        ],
    )
    async def test_anothers_picture_is_not_credited_to_nasa(
        self, bench: Bench, caption: str, holder: str | None
    ) -> None:
        image = await lookup(bench, description=caption)

        assert (image.author and image.author.name) == holder
        assert image.credit == (f"Credit: {holder}" if holder else None)
        assert "NASA" not in attribution(bench.provider.info, image).text

    async def test_the_author_of_a_long_credit_is_cut_as_in_the_credit(self, bench: Bench) -> None:
        image = await lookup(bench, description="Credit: NASA" + ", Ada Lind" * 40)

        assert image.author is not None
        assert 190 < len(image.author.name) <= 200
        assert image.credit is not None
        assert image.author.name in image.credit


class TestTitle:
    @pytest.mark.parametrize(
        ("title", "expected"),
        [
            ("A <b>Probe</b> &amp; a pad ", "A Probe & a pad"),
            ("The Earth & Moon", "The Earth & Moon"),
            ("Quiet Probe.jpg", "Quiet Probe"),
            ("STS-135", "STS-135"),
            ("probe", None),
            ("probe.JPG", None),
            ("DSC_0228.JPG", None),
            ("IMG_1234", None),
            ("SONY DSC", None),
            ("", None),
            (None, None),
            (7, None),
        ],
    )
    def test_names_of_files_are_no_titles(self, title: object, expected: str | None) -> None:
        assert plugin._title(decoded(title=title)) == expected

    def test_an_id_of_several_words_may_be_the_title(self) -> None:
        assert plugin._title(decoded(nasa_id="Quiet Probe", title="Quiet Probe")) == "Quiet Probe"


class TestAlt:
    @pytest.mark.parametrize(
        ("description_508", "description", "alt"),
        [
            ("A tall <i>white</i> probe", "News.", "A tall white probe"),
            ("A Probe", "News.", None),
            ("a probe.", "News.", None),
            ("probe", "News.", None),
            ("", "News.", None),
            (None, "News.", None),
            ("News.", "News.", "News."),
            ("News. 508 Description:A tall probe", "News.", "A tall probe"),
            ("News.", "508 DESCRIPTION:    A tall probe", "A tall probe"),
            ("News. 508 description:", "News.", "News. 508 description:"),
        ],
    )
    def test_is_the_description_for_the_blind(self, description_508: object, description: str, alt: str | None) -> None:
        """It never repeats the title or the id."""
        assert plugin._alt(decoded(description_508=description_508, description=description)) == alt


class TestDescription:
    @pytest.mark.parametrize(
        ("description", "description_508", "expected"),
        [
            ("News of a <i>probe</i>.", "A tall probe", "News of a probe."),
            ("News. 508 Description:A tall probe", None, "News."),
            ("News. 508 Description:A tall probe", "News. 508 Description:A tall probe", "News."),
            ("508 DESCRIPTION:    A tall probe", None, None),
            ("News. 508 description: A tall probe", "508 description: A probe", "News. 508 description: A tall probe"),
            ("News. 508 description:", None, "News. 508 description:"),
            ("A Probe", None, None),
            (" ", None, None),
            (7, None, None),
        ],
    )
    def test_is_the_caption(self, description: object, description_508: object, expected: str | None) -> None:
        """Neither the title nor `alt` stands there again."""
        assert plugin._description(decoded(description=description, description_508=description_508)) == expected


class TestRecord:
    async def test_is_whole(self, bench: Bench) -> None:
        """Every field of an item reaches ImageVault's record."""
        image = await lookup(
            bench,
            title="A Probe",
            description="A <b>probe</b> &amp; its tower.  Photo credit: NASA/Ada Lind",
            description_508="A tall probe",
            date_created="2026-04-10T00:00:00Z",
            location="Invented Pad",
            keywords=["Probe", 7, None, "R&D"],
        )

        assert image.title == "A Probe"
        assert image.alt == "A tall probe"
        assert image.description == "A probe & its tower. Photo credit: NASA/Ada Lind"
        assert image.date == "2026-04-10"
        assert image.extra == {"place": "Invented Pad", "center": "KSC"}
        assert image.tags == ["Probe", "R&D"]
        assert image.source_url == "https://images.nasa.gov/details/probe"
        assert image.identities == ["nasa:probe"]
        assert image.flags == Flags(restrictions=[])

    @pytest.mark.parametrize(
        ("date", "expected"),
        [
            ("2026-04-10T00:00:00Z", "2026-04-10"),
            ("1999-12-01T00:00:07Z", "1999-12-01"),
            ("1998:06:04 18:10:28", "1998:06:04 18:10:28"),
            ("2026-13-45T00:00:00Z", None),
            ("0000-00-00T00:00:00Z", None),
            ("", None),
            (7, None),
        ],
    )
    def test_the_date_is_a_day(self, date: object, expected: str | None) -> None:
        assert plugin._date(decoded(date_created=date)) == expected

    def test_a_description_does_not_repeat_the_title(self) -> None:
        assert plugin._description(decoded(description="A Probe")) is None

    def test_a_place_that_is_none_is_left_out(self) -> None:
        assert plugin._extra(decoded(location="N/A")) == {"center": "KSC"}

    @pytest.mark.parametrize(
        ("id", "identities"),
        [
            ("PIA00001", ["nasa:PIA00001"]),
            ("Old  Probe", ["nasa:Old  Probe"]),
            ("55000000001_0a1b2c3d4e_o", ["nasa:55000000001_0a1b2c3d4e_o", "flickr:55000000001"]),
            ("a-quiet-nebula_17000000001_o", ["nasa:a-quiet-nebula_17000000001_o", "flickr:17000000001"]),
            ("probe_20171208_o", ["nasa:probe_20171208_o"]),
            ("GSFC_20171208_Archive_e000001", ["nasa:GSFC_20171208_Archive_e000001"]),
            ("KSC-20260210-PH-JBS01_0039", ["nasa:KSC-20260210-PH-JBS01_0039"]),
        ],
    )
    def test_identities(self, id: str, identities: list[str]) -> None:
        """A photo that came from Flickr has Flickr's key too."""
        assert plugin._identities(decoded(nasa_id=id)) == identities

    @pytest.mark.parametrize("hostile", ["~orig.", "12345678_", "_123456789_0a1b2c3d4e", ".jpg", "  ", "%20"])
    def test_hostile_names_take_no_time(self, hostile: str) -> None:
        def work(size: int) -> None:
            name = hostile * size
            files_of([{"href": name}])
            data = plugin._Data(nasa_id=name, media_type="image", title=name)
            plugin._identities(data)
            plugin._title(data)
            plugin._nasa_id(plugin._image_id(name))

        assert is_linear(work, 2_000 // len(hostile))


class TestLookup:
    @pytest.mark.parametrize(
        ("theirs", "ours"),
        [
            ("art002e00000", None),
            ("Quiet Probe at the pad 00001", None),
            ("QuietProbe  poster 00002_Left", "QuietProbe %20poster 00002_Left"),
            ("iss~00004.v2", None),
            ("sonde-é-00005", None),
            ("GRC 00006 R&D", "GRC 00006 R%26D"),
        ],
    )
    async def test_a_picture_is_found_again_whatever_its_id(
        self, bench: Bench, nasa: SimulatedNasa, theirs: str, ours: str | None
    ) -> None:
        """Ids are NASA's own, but for a few characters that saved ids hold encoded."""
        image = await bench.fetch(ours or theirs)

        assert image is not None
        assert image.id == (ours or theirs)
        assert nasa.calls[-1].query["nasa_id"] == theirs
        assert image.source_url == f"https://images.nasa.gov/details/{quote(theirs, safe='')}"
        assert ours is None or await bench.fetch(theirs) is None

    @pytest.mark.parametrize("theirs", ["100%41", "100%20", "a  b   c", "<a&b>", "%"])
    def test_ids_are_encoded_and_decoded_alike(self, theirs: str) -> None:
        assert plugin._nasa_id(plugin._image_id(theirs)) == theirs

    async def test_an_unknown_id_is_none(self, bench: Bench, nasa: SimulatedNasa) -> None:
        """Also where NASA answers 404, or with another item."""
        assert await bench.fetch("no such probe") is None
        nasa.fail(Answer({"reason": "No assets found"}, 404), times=1)
        assert await bench.fetch("no such probe") is None
        nasa.fail(listing({"data": [DATA], "links": LINKS}))
        assert await bench.fetch("PROBE") is None

    async def test_a_video_is_none(self, bench: Bench) -> None:
        assert await bench.fetch(nasa_id(9)) is None

    async def test_ids_cannot_lead_elsewhere(self, bench: Bench, nasa: SimulatedNasa) -> None:
        """They are a value of the query, and never a part of the path."""
        for id in ("../asset/x", "a?b=c&d#e", "x/y"):
            await bench.fetch(id)
        assert {call.path for call in nasa.calls} == {"/search"}
        assert dict(nasa.calls[1].query) == {"nasa_id": "a?b=c&d#e"}


class TestBadAnswers:
    @pytest.mark.parametrize(
        "fault",
        [
            faults.html_page(),
            faults.cut_json(),
            faults.wrong_types(),
            Answer([]),
            Answer({}),
            Answer({"collection": {}}),
        ],
        ids=["html", "cut", "types", "list", "empty", "no items"],
    )
    async def test_an_answer_of_another_form_is_named(self, bench: Bench, nasa: SimulatedNasa, fault: Fault) -> None:
        nasa.fail(fault)
        for call in (bench.search("cat"), bench.fetch("probe")):
            with pytest.raises(InvalidResponse):
                await call

    async def test_an_outage_is_named(self, bench: Bench, nasa: SimulatedNasa) -> None:
        nasa.fail(Answer({"reason": "Service unavailable"}, 503))
        with pytest.raises(Unavailable):
            await bench.fetch("probe")


class TestRecordedAnswers:
    """Answers in the form of the real API, from files."""

    @pytest.fixture
    def nasa(self) -> Iterator[Upstream]:
        with Upstream("/") as nasa:
            yield nasa

    async def test_a_page(self, bench: Bench, nasa: Upstream) -> None:
        """Every picture is shown, and no video is."""
        answer = (RECORDED / "search.json").read_bytes()
        nasa.fail(Answer(answer))
        page = await bench.search("example probe")

        collection = json.loads(answer)["collection"]
        items = [item for item in collection["items"] if item["data"][0]["media_type"] == "image"]
        assert page.total == collection["metadata"]["total_hits"]
        assert not page.last
        for image, item in zip(page.images, items, strict=True):
            check_nasa_image(image, item)

    @pytest.mark.parametrize(
        ("name", "reason"), [("asset", "none of 2 records can be read"), ("metadata", "collection")]
    )
    async def test_an_answer_without_records_is_an_error(
        self, bench: Bench, nasa: Upstream, name: str, reason: str
    ) -> None:
        """A list of files is no page, and neither is the address of a file."""
        nasa.fail(Answer((RECORDED / f"{name}.json").read_bytes()))
        with pytest.raises(InvalidResponse, match=reason):
            await bench.search("example probe")


class TestSimulation:
    def test_has_every_kind_of_item_among_those_found(self) -> None:
        """So the contract meets them."""
        first = list(find("cat"))[:100]
        captions = " ".join(as_json(number)["data"][0]["description"] for number in first)
        assert any(is_turned(number) for number in first)
        assert any(not has_links(number) for number in first)
        assert "ESA/Hubble" in captions
        assert "Credit: NASA, ESA" in captions
        assert len({nasa_id(number) for number in range(LIBRARY)}) == LIBRARY

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("search", 400),
            ("search?q=cat&orientation=square", 400),
            ("search?q=cat&media_type=pictures", 400),
            ("search?q=cat&page=0", 400),
            ("search?q=everything&page=101", 400),
            ("asset/nothing", 404),
            ("asset/PIA00003", 200),
        ],
    )
    async def test_answers_with_a_reason(self, bench: Bench, path: str, status: int) -> None:
        """JSON, also where it refuses."""
        response = await bench.http.get(path)

        assert response.status_code == status
        assert ("reason" in response.json()) == (status != 200)
