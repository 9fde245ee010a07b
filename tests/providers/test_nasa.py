"""The NASA plugin against the simulated library, over real HTTP, and against invented recordings."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import imagevault_nasa as plugin
import pytest

from imagevault import Author, Image, InvalidResponse, NotFound, Page, Unavailable
from imagevault.images.attribution import attribution
from imagevault.search.filters import plan
from imagevault.testing import Answer, Upstream, faults
from imagevault.testing.bench import Bench
from imagevault.testing.contract import ProviderContract
from imagevault.testing.upstreams.nasa import (
    LIBRARY,
    SimulatedNasa,
    as_json,
    find,
    has_links,
    is_old,
    is_turned,
    media_type,
    nasa_id,
)

RECORDED = Path(__file__).parent / "recorded" / "nasa"
FILES = "https://images-assets.nasa.gov/image/"
LINKS = [
    {"href": f"{FILES}probe/probe~medium.jpg", "rel": "alternate", "width": 1280, "height": 853},
    {"href": f"{FILES}probe/probe~orig.JPG", "rel": "canonical", "width": 6000, "height": 4000},
    {"href": f"{FILES}probe/probe~thumb.jpg", "rel": "preview", "width": 640, "height": 427},
]
DATA = {"nasa_id": "probe", "title": "A Probe", "media_type": "image", "center": "KSC"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def nasa() -> Iterator[SimulatedNasa]:
    with SimulatedNasa() as nasa:
        yield nasa


@pytest.fixture
async def bench(nasa: Any) -> Any:
    async with Bench(plugin, {}, nasa) as bench:
        yield bench


def pictures(query: str) -> list[int]:
    """The pictures with files that a query finds."""
    return [number for number in find(query) if media_type(number) == "image" and has_links(number)]


def listing(*items: object, **more: object) -> Answer:
    return Answer({"collection": {"version": "1.1", "items": items, **more}})


async def lookup(bench: Bench, links: object = LINKS, **change: object) -> Any:
    """The probe with these changes, fetched through the plugin."""
    assert bench.upstream is not None
    data = {name: value for name, value in {**DATA, **change}.items() if value is not None}
    bench.upstream.fail(listing({"href": "", "data": [data], "links": links}), times=1)
    return await bench.fetch(str(data["nasa_id"]))


class TestContract(ProviderContract):
    plugin = plugin

    def upstream(self) -> SimulatedNasa:
        return SimulatedNasa()


class TestSearch:
    async def test_asks_for_pictures(self, bench: Bench, nasa: SimulatedNasa) -> None:
        """Videos and sounds are found otherwise."""
        page = await bench.search("red fox", 2)

        (call,) = nasa.calls
        assert (call.path, dict(call.query)) == (
            "/search",
            {"q": "red fox", "media_type": "image", "page": "2", "page_size": "100"},
        )
        assert page.images

    async def test_a_walk_ends_where_no_next_page_is_named(self, bench: Bench, nasa: SimulatedNasa) -> None:
        """Every picture once; the address of the next page, which is http, is not followed."""
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
        """Theirs are previews of something else."""
        video = next(as_json(number) for number in find("cat") if media_type(number) == "video")
        nasa.fail(listing(video, {"data": [DATA], "links": LINKS}))

        assert [image.id for image in (await bench.search("cat")).images] == ["probe"]

    async def test_the_page_behind_the_end_is_empty(self, bench: Bench) -> None:
        """Of a short list, and behind the 10 000th result, where it is a 400."""
        for query, number in (("cat", 4), ("everything", 101)):
            page = await bench.search(query, number)
            assert (page.images, page.last) == ([], True)
        assert len((await bench.search("everything", 100)).images) > 90
        assert bench.provider.info.max_results == 10_000

    async def test_a_400_of_the_first_page_is_an_error(self, bench: Bench, nasa: SimulatedNasa) -> None:
        """It means that the request is wrong."""
        nasa.fail(Answer({"reason": "Invalid parameter."}, 400))

        with pytest.raises(InvalidResponse):
            await bench.search("cat")

    async def test_total_and_links_may_be_missing(self, bench: Bench, nasa: SimulatedNasa) -> None:
        """As on the last page."""
        nasa.fail(listing({"data": [DATA], "links": LINKS}))
        page = await bench.search("cat")

        assert (len(page.images), page.total, page.last) == (1, None, True)

    @pytest.mark.parametrize(
        "bad",
        [
            {},
            {"data": []},
            {"data": [{}], "links": LINKS},
            {"data": [{**DATA, "nasa_id": 7}], "links": LINKS},
            {"data": [DATA]},
            {"data": [DATA], "links": [{"href": f"{FILES}probe/collection.json"}]},
        ],
        ids=["nothing", "no data", "no id", "number", "no links", "no picture"],
    )
    async def test_an_item_without_id_or_file_is_left_out(self, bench: Bench, nasa: SimulatedNasa, bad: object) -> None:
        """The page stays."""
        nasa.fail(listing(bad, {"data": [{**DATA, "nasa_id": "other"}], "links": LINKS}))

        assert [image.id for image in (await bench.given("cat")).images] == ["other"]

    async def test_a_link_that_is_none_costs_itself_only(self, bench: Bench) -> None:
        """The other files stay."""
        image = await lookup(bench, [{"href": None}, "x", {"href": LINKS[0]["href"], "width": "wide"}, *LINKS[1:]])

        assert {rendition.name for rendition in image.renditions} == {"original", "thumbnail"}


class TestFiles:
    async def test_have_the_names_in_their_paths_and_the_sizes_told(self, bench: Bench) -> None:
        """None is made up; the image has the size of its original."""
        image = await lookup(bench)

        assert {
            (rendition.name, rendition.url, rendition.width, rendition.height) for rendition in image.renditions
        } == {
            ("medium", f"{FILES}probe/probe~medium.jpg", 1280, 853),
            ("original", f"{FILES}probe/probe~orig.JPG", 6000, 4000),
            ("thumbnail", f"{FILES}probe/probe~thumb.jpg", 640, 427),
        }
        assert (image.width, image.height) == (6000, 4000)

    async def test_are_linked_by_https_and_without_blanks(self, bench: Bench) -> None:
        """As they come by http, with blanks and `~` in the names."""
        href = "http://images-assets.nasa.gov/image/Old Probe~2/Old Probe~2~orig.tif"
        image = await lookup(bench, [{"href": href}], nasa_id="Old Probe~2")

        (file,) = image.renditions
        assert file.url == "https://images-assets.nasa.gov/image/Old%20Probe~2/Old%20Probe~2~orig.tif"
        assert (file.name, file.width, image.width) == ("original", None, None)

    async def test_an_original_that_is_there_twice_counts_once(self, bench: Bench) -> None:
        """The first of them."""
        image = await lookup(bench, [*LINKS, {"href": f"{FILES}probe/probe~orig.tif"}])

        assert [rendition.url for rendition in image.renditions if rendition.name == "original"] == [LINKS[1]["href"]]

    async def test_a_turned_picture_has_the_sides_that_are_seen(self, bench: Bench) -> None:
        """Its original is told as it lies; so filters by orientation find it where it belongs."""
        turned = [{**LINKS[1], "width": 8192, "height": 4608}, {**LINKS[2], "width": 360, "height": 640}]
        image = await lookup(bench, turned)

        assert (image.width, image.height) == (4608, 8192)
        assert {(rendition.name, rendition.width, rendition.height) for rendition in image.renditions} == {
            ("original", 4608, 8192),
            ("thumbnail", 360, 640),
        }
        assert plan(bench.provider.info, {"orientation": "portrait"}).matches(image)

    async def test_sides_are_as_told_where_others_have_none(self, bench: Bench) -> None:
        """A preview without size proves nothing."""
        image = await lookup(bench, [LINKS[1], {"href": LINKS[2]["href"]}])

        assert (image.width, image.height) == (6000, 4000)

    async def test_the_preview_of_an_old_item_is_the_largest_there_is(self, bench: Bench) -> None:
        """No other address is guessed."""
        image = await lookup(bench, [{"href": f"{FILES}probe/probe~thumb.jpg", "rel": "preview"}])

        assert {rendition.name for rendition in image.renditions} == {"thumbnail", "large"}
        assert {rendition.url for rendition in image.renditions} == {f"{FILES}probe/probe~thumb.jpg"}
        assert (image.width, image.height) == (None, None)


class TestRights:
    async def test_what_is_nasas_may_be_used_with_its_name(self, bench: Bench) -> None:
        """By its guidelines, which are no licence and no public domain mark."""
        license = (await lookup(bench, description="A probe. Photo credit: NASA/Ada Lind")).license

        assert (license.id, license.attribution_required, license.public_domain) == ("nasa", True, False)
        assert (license.commercial, license.modification) == (True, True)
        assert license.url == "https://www.nasa.gov/nasa-brand-center/images-and-media/"

    @pytest.mark.parametrize(
        "marked",
        [
            {"description": "Copyright 2021 Invented Rockets"},
            {"description": "A probe. © Invented Rockets"},
            {"description": "A probe &copy; Invented Rockets"},
            {"title": "A Probe (c) 2021"},
            {"description_508": "All Rights Reserved."},
            {"description": "Image courtesy of Invented Rockets"},
            {"description": "Photo courtesy:\nInvented University"},
            {"description": "Photo credit: Invented Rockets"},
            {"description": "Photo credit: Ada Lind. NASA's Bo Marsh looks on."},
            {"description": "Image courtesy of NASA and Ada Lind/Getty Images"},
            {"description": "Photo by Ada Lind. Used with permission."},
            {"photographer": "Ada Lind/Reuters"},
            {"photographer": "SpaceX"},
            {"photographer": "ESA/Bo Marsh"},
            {"secondary_creator": "Copyright Bo Marsh"},
        ],
        ids=str,
    )
    async def test_what_is_marked_as_anothers_is_not_free(self, bench: Bench, marked: dict[str, str]) -> None:
        """It is found, and no filter for free use lets it through."""
        image = await lookup(bench, **marked)

        assert image.license.id == "nasa-third-party"
        for use in ("commercial", "modification", "public-domain"):
            assert not plan(bench.provider.info, {"license": use}).matches(image)

    @pytest.mark.parametrize(
        "plain",
        [
            {"description": "Courtesy NASA/JPL-Caltech"},
            {"description": "Image courtesy of NASA and Invented University"},
            {"description": "This picture is not copyrighted."},
            {"description": "Photo Credits:\n(NASA/Ada Lind)"},
            {"description": "Image Credit: JPL/Invented University"},
            {"photographer": "NASA/ESA/Ada Lind"},
            {"photographer": "Ada Lind"},
            {"description": "Seen by ESA and SpaceX. Three views: (a), (b), (c)"},
        ],
        ids=str,
    )
    async def test_what_only_looks_so_stays_free(self, bench: Bench, plain: dict[str, str]) -> None:
        """NASA's own credits use the same words."""
        assert (await lookup(bench, **plain)).license.id == "nasa"

    @pytest.mark.parametrize(
        ("told", "author", "credit"),
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
            ({"center": "JPL"}, "NASA/JPL-Caltech", "Courtesy NASA/JPL-Caltech"),
            ({"center": "JPL", "secondary_creator": "NASA/JPL/SSI"}, "NASA/JPL/SSI", "Courtesy NASA/JPL/SSI"),
            ({"center": None}, "NASA", "Credit: NASA"),
        ],
        ids=str,
    )
    async def test_nasa_and_the_people_are_credited(
        self, bench: Bench, told: dict[str, Any], author: str, credit: str
    ) -> None:
        """In the words that JPL asks for where it is JPL's; `n/a` is nobody."""
        image = await lookup(bench, **told)

        assert image.author == Author(author)
        assert attribution(bench.provider.info, image).text == credit


class TestRecord:
    async def test_is_whole(self, bench: Bench) -> None:
        """Title, keywords, the description for the blind, and the page of the picture."""
        image = await lookup(
            bench, title="A <b>Probe</b> &amp; a pad", description_508="A tall probe", keywords=["Probe", "Pad"]
        )

        assert (image.title, image.alt, image.tags) == ("A Probe & a pad", "A tall probe", ["Probe", "Pad"])
        assert image.source_url == "https://images.nasa.gov/details/probe"
        assert (await lookup(bench, keywords=None)).alt == "A Probe"

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
    async def test_is_found_again_whatever_its_id(
        self, bench: Bench, nasa: SimulatedNasa, theirs: str, ours: str | None
    ) -> None:
        """Ids are NASA's own, but for what the gateway would change: blanks in a row, and what looks like HTML."""
        image = await bench.fetch(ours or theirs)

        assert image is not None
        assert image.id == (ours or theirs)
        assert nasa.calls[-1].query["nasa_id"] == theirs
        assert image.source_url == f"https://images.nasa.gov/details/{quote(theirs, safe='')}"
        assert ours is None or await bench.fetch(theirs) is None

    async def test_an_id_may_hold_a_percent_sign(self, bench: Bench) -> None:
        """It is encoded too, so that it is not taken for the beginning of a code."""
        links = [{"href": f"{FILES}x/x~orig.jpg"}]

        assert await lookup(bench, links, nasa_id="100%41") is None
        assert bench.upstream is not None
        bench.upstream.fail(listing({"data": [{**DATA, "nasa_id": "100%41"}], "links": links}), times=1)
        image = await bench.fetch("100%2541")
        assert image is not None
        assert bench.upstream.calls[-1].query["nasa_id"] == "100%41"


class TestLookup:
    async def test_of_an_unknown_id_is_none(self, bench: Bench, nasa: SimulatedNasa) -> None:
        """Also where a 404 says so, and where another item is answered."""
        assert await bench.fetch("no such probe") is None
        nasa.fail(Answer({"reason": "No assets found"}, 404), times=1)
        with pytest.raises(NotFound):  # to the gateway the same as None
            await bench.fetch("no such probe")
        nasa.fail(listing({"data": [DATA], "links": LINKS}))
        assert await bench.fetch("PROBE") is None

    async def test_of_a_video_is_none(self, bench: Bench) -> None:
        """It is no picture."""
        assert await bench.fetch(nasa_id(9)) is None

    async def test_ids_cannot_lead_elsewhere(self, bench: Bench, nasa: SimulatedNasa) -> None:
        """They are a value of the query, and never a part of the path."""
        for id in ("../asset/x", "a?b=c&d#e", "x/y"):
            await bench.fetch(id)
        assert {call.path for call in nasa.calls} == {"/search"}
        assert [dict(call.query) for call in nasa.calls][1] == {"nasa_id": "a?b=c&d#e"}

    async def test_errors_are_named(self, bench: Bench, nasa: SimulatedNasa) -> None:
        """As a broken answer, and as an outage."""
        nasa.fail(faults.cut_json(), times=1)
        with pytest.raises(InvalidResponse):
            await bench.fetch("probe")
        nasa.fail(Answer({"reason": "Service unavailable"}, 503))
        with pytest.raises(Unavailable):
            await bench.fetch("probe")


class TestRecorded:
    """Invented answers in the documented form; `asset.json` and `metadata.json` hold no record."""

    @pytest.fixture
    def nasa(self) -> Iterator[Upstream]:
        with Upstream("/") as nasa:
            yield nasa

    async def test_a_page(self, bench: Bench, nasa: Upstream) -> None:
        """Every picture is shown, with five files and the size that is seen; no video is."""
        answer = (RECORDED / "search.json").read_bytes()
        nasa.fail(Answer(answer))
        told = json.loads(answer)["collection"]
        page = await bench.search("example probe")

        wanted = [item for item in told["items"] if item["data"][0]["media_type"] == "image"]
        assert [image.title for image in page.images] == [" ".join(item["data"][0]["title"].split()) for item in wanted]
        assert (page.total, page.last) == (told["metadata"]["total_hits"], False)
        for image, item in zip(page.images, wanted, strict=True):
            self.check(image, item)

    def check(self, image: Image, item: Any) -> None:
        data = item["data"][0]
        sizes = {link["rel"]: link for link in item["links"]}
        assert image.id.replace("%20", " ") == data["nasa_id"]
        assert {rendition.name for rendition in image.renditions} == {
            "thumbnail",
            "small",
            "medium",
            "large",
            "original",
        }
        assert {image.width, image.height} == {sizes["canonical"]["width"], sizes["canonical"]["height"]}
        assert image.width is not None
        assert image.height is not None
        preview = sizes["preview"]
        assert abs(image.width / image.height - preview["width"] / preview["height"]) < 0.02
        assert image.author is not None
        assert image.author.name.startswith("NASA")
        assert image.license is not None
        assert image.license.id == "nasa"
        assert "n/a" not in (image.credit or "")

    async def test_an_answer_without_records_is_no_page(self, bench: Bench, nasa: Upstream) -> None:
        """A list of files makes an empty one, whatever else an error with a name."""
        nasa.fail(Answer((RECORDED / "asset.json").read_bytes()), times=1)
        assert (await bench.search("example probe")).images == []
        nasa.fail(Answer((RECORDED / "metadata.json").read_bytes()), times=1)
        with pytest.raises(InvalidResponse, match="collection"):
            await bench.search("example probe")


class TestSimulation:
    def test_has_every_kind_of_item_among_those_found(self) -> None:
        """So the contract meets them."""
        first = list(find("cat"))[:100]
        assert any(is_old(number) for number in first)
        assert any(is_turned(number) for number in first)
        assert any(not has_links(number) for number in first)
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
