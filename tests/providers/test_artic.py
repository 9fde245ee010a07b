"""Tests of the Art Institute of Chicago's provider: functions one by one, then hooks against a simulated museum."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import imagevault_artic as plugin
import msgspec
import pytest

from imagevault import Author, Declared, InvalidResponse, RateLimited, Unauthorized
from imagevault.images.attribution import attribution
from imagevault.search.filters import plan
from imagevault.testing import Answer, Upstream, faults
from imagevault.testing.bench import Bench
from imagevault.testing.contract import ProviderContract
from imagevault.testing.upstreams.artic import SimulatedArtic, as_json, find, has_picture, is_open
from tests.support.linear_time import is_linear

RECORDED = Path(__file__).parent / "recorded" / "artic"
CAT = [id for id in find("cat") if is_open(id) and has_picture(id)]
WORK = as_json(next(id for id in CAT if id % 10 == 0))


def work(**changes: object) -> plugin._Work:
    """The decoded WORK with these changes."""
    return msgspec.convert({**WORK, **changes}, plugin._Work)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def artic() -> Iterator[SimulatedArtic]:
    with SimulatedArtic() as artic:
        yield artic


@pytest.fixture
async def bench(artic: SimulatedArtic) -> Any:
    async with Bench(plugin, {}, artic) as bench:
        yield bench


async def lookup(bench: Bench, iiif_url: object = "https://www.artic.edu/iiif/2", **change: Any) -> Any:
    """A work with these changes, fetched through the plugin."""
    assert bench.upstream is not None
    bench.upstream.fail(Answer({"data": {**WORK, **change}, "config": {"iiif_url": iiif_url}}), times=1)
    return await bench.fetch(str(WORK["id"]))


def asked(artic: SimulatedArtic) -> Any:
    """The search of the last call."""
    return json.loads(artic.calls[-1].query["params"])


class TestContract(ProviderContract):
    plugin = plugin

    def upstream(self) -> SimulatedArtic:
        return SimulatedArtic()


class TestSearch:
    async def test_asks_as_the_docs_advise(self, bench: Bench, artic: SimulatedArtic) -> None:
        """One call with all of it in `params`: the words as they are, where to begin, how many."""
        await bench.search("Red fox 日本", 3)

        assert len(artic.calls) == 1
        assert artic.calls[0].path == "/api/v1/artworks/search"
        body = asked(artic)
        assert (body["q"], body["from"], body["size"]) == ("Red fox 日本", 200, 100)

    async def test_asks_for_works_in_the_public_domain_with_a_picture(
        self, bench: Bench, artic: SimulatedArtic
    ) -> None:
        """So that pages are full, and the total counts what can be shown."""
        page = await bench.search("cat")

        tests = asked(artic)["query"]["bool"]["filter"]
        assert tests == [{"term": {"is_public_domain": True}}, {"exists": {"field": "image_id"}}]
        assert [image.id for image in page.images] == [str(id) for id in CAT[:100]]
        assert page.total == len(CAT)

    async def test_never_asks_for_a_description(self, bench: Bench, artic: SimulatedArtic) -> None:
        """It has another licence than the rest. Names of pictures are asked for, which are not there by default."""
        await bench.search("cat")
        fields = asked(artic)["fields"]
        await bench.fetch(str(CAT[0]))

        assert artic.calls[-1].query["fields"] == ",".join(fields)
        assert {"image_id", "is_public_domain", "thumbnail"} <= set(fields)
        assert "description" not in fields

    async def test_walks_to_the_end(self, bench: Bench) -> None:
        """No answer names a next page; the total does."""
        pages = [await bench.search("cat", number) for number in (1, 2, 3)]

        assert [image.id for page in pages for image in page.images] == [str(id) for id in CAT]
        assert [page.last for page in pages] == [False, False, True]

    async def test_asks_nothing_behind_the_ten_thousandth(self, bench: Bench, artic: SimulatedArtic) -> None:
        """Where pages do not come out even the last is cut, for a whole one would be refused."""
        assert not (await bench.search("everything", 99)).last
        assert (await bench.search("everything", 100)).last
        bench.configure({"page_size": 70})

        page = await bench.search("everything", 143)

        assert (asked(artic)["from"], asked(artic)["size"]) == (9940, 60)
        assert (page.last, len(page.images)) == (True, 60)
        assert (page.total or 0) > 10_000
        assert bench.provider.info.max_results == 10_000

    async def test_a_page_behind_the_window_is_empty(self, bench: Bench, artic: SimulatedArtic) -> None:
        """And the last, without a call; the museum would refuse it."""
        for number in (101, 250):
            page = await bench.search("everything", number)
            assert (page.images, page.last) == ([], True)
        assert artic.calls == []

    @pytest.mark.parametrize("pagination", [{"total": 450, "next_url": "https://api.artic.edu/x"}, {}, None])
    async def test_only_the_total_is_read(
        self, bench: Bench, artic: SimulatedArtic, pagination: Mapping[str, object] | None
    ) -> None:
        """An address beside the numbers, which other answers have, costs nothing; neither does a missing total."""
        artic.fail(faults.changed(lambda content: content.update(pagination=pagination)))

        page = await bench.search("cat")

        assert [image.id for image in page.images] == [str(id) for id in CAT[:100]]
        assert page.total == (pagination or {}).get("total")
        assert not page.last

    async def test_words_are_sent_without_quotes(self, bench: Bench, artic: SimulatedArtic) -> None:
        await bench.search('red "fox"')

        assert asked(artic)["q"] == "red fox"

    async def test_quotes_alone_cost_no_call(self, bench: Bench, artic: SimulatedArtic) -> None:
        page = await bench.search('"" "')

        assert (page.images, page.last) == ([], True)
        assert artic.calls == []

    async def test_colours_are_emulated(self, bench: Bench) -> None:
        """Each record may have one, and the gateway tests it."""
        planned = plan(bench.provider.info, {"color": "red"})
        images = (await bench.search("cat")).images

        assert planned.native == {}
        assert 0 < sum(planned.matches(image) for image in images) < len(images) / 2
        for color, is_red in (("#FF0000", True), ("#0000FF", False), (None, False)):
            assert planned.matches(msgspec.structs.replace(images[0], color=color)) is is_red

    @pytest.mark.parametrize("change", [{"is_public_domain": False}, {"image_id": None}, {"id": "x"}, {"id": None}])
    async def test_what_must_not_be_shown_is_left_out(
        self, bench: Bench, artic: SimulatedArtic, change: Mapping[str, object]
    ) -> None:
        """Also where the search let it through."""
        artic.fail(faults.changed(lambda content: content["data"][3].update(change)))

        page = await bench.given("cat")

        assert [image.id for image in page.images] == [str(id) for id in CAT[:100] if id != CAT[3]]


class TestWords:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ('red "fox cub" 日本', "red fox cub 日本"),
            ('"""', ""),
            ("#1E90FF", "1E90FF"),
            ('"#1e90ff"', "1e90ff"),
            ("#1E90F", "#1E90F"),
            ("#1E90FF lid", "#1E90FF lid"),
            ("-dog AND title:cat* c++ 100%", "-dog AND title:cat* c++ 100%"),
            ("İstanbul", "İstanbul"),
        ],
    )
    def test_quotes_and_colours_become_words(self, text: str, words: str) -> None:
        """Nothing else has a meaning to the museum, so nothing else changes."""
        assert plugin._words(text) == words

    @pytest.mark.parametrize("piece", ['"', ' "', "#", "#1E90FF"])
    def test_hostile_words_take_linear_time(self, piece: str) -> None:
        assert is_linear(lambda size: plugin._words(piece * size), 20_000)


class TestLookup:
    async def test_finds_what_a_search_gave(self, bench: Bench, artic: SimulatedArtic) -> None:
        """The very same record."""
        image = (await bench.search("cat")).images[5]

        assert await bench.fetch(image.id) == image
        assert artic.calls[-1].path == f"/api/v1/artworks/{image.id}"

    async def test_is_none_for_a_work_that_is_not_in_the_public_domain(self, bench: Bench) -> None:
        """Its picture is not free, though the museum shows it."""
        closed = next(id for id in find("cat") if has_picture(id) and not is_open(id))

        assert await bench.fetch(str(closed)) is None

    async def test_is_none_for_a_work_without_a_picture(self, bench: Bench) -> None:
        """There is nothing to show of it."""
        bare = next(id for id in find("cat") if is_open(id) and not has_picture(id))

        assert await bench.fetch(str(bare)) is None

    @pytest.mark.parametrize("id", ["", "0", "012", "abc", "1/../2", "7?x=1", "²", "-7", "7 "])
    async def test_an_id_that_cannot_be_costs_no_call(self, bench: Bench, artic: SimulatedArtic, id: str) -> None:
        """They are numbers."""
        assert await bench.fetch(id) is None
        assert artic.calls == []


class TestRecord:
    async def test_is_whole(self, bench: Bench) -> None:
        """Each field from where the museum has it; the licence is the same for all."""
        image = await lookup(bench, title="Object", artist_title="Ada Lind")

        id = WORK["id"]
        assert (image.id, image.title) == (str(id), "Object")
        assert image.alt == f"A round lid with a handle, No. {id}."
        assert (image.description, image.date) == (None, "1874")
        assert (image.author, image.color, image.tags) == (Author("Ada Lind"), "#B2804D", ["clay", "lids"])
        assert image.source_url == f"https://www.artic.edu/artworks/{id}"
        assert image.license.id == "cc0-1.0"
        assert image.license.is_public_domain
        assert image.license.commercial
        assert not image.license.attribution_required
        assert image.declared == Declared("is_public_domain", "true")
        assert image.identities == [f"iiif:{WORK['image_id']}"]
        assert {rendition.type for rendition in image.renditions} == {"image/jpeg"}

    @pytest.mark.parametrize(
        ("alt", "expected"),
        [
            ("A round lid.", "A round lid."),
            ("A work made of clay and silver.", None),
            ("", None),
            (None, None),
        ],
    )
    def test_a_material_is_no_description(self, alt: str | None, expected: str | None) -> None:
        """The title is none either."""
        assert plugin._alt(work(thumbnail={"alt_text": alt})) == expected
        assert plugin._alt(work(thumbnail=None)) is None

    @pytest.mark.parametrize(
        ("change", "extra"),
        [
            (
                {},
                {"place": "Norway", "medium": "Clay", "dimensions": "7 x 10 cm", "reference number": "1900.7"},
            ),
            ({"place_of_origin": None, "dimensions": None}, {"medium": "Clay", "reference number": "1900.7"}),
            (
                {"artist_title": "Ancient Roman", "place_of_origin": None, "dimensions": None, "medium_display": None},
                {"culture": "Ancient Roman", "reference number": "1900.7"},
            ),
        ],
    )
    def test_facts_of_the_label(self, change: Mapping[str, object], extra: Mapping[str, str]) -> None:
        facts = {"place_of_origin": "Norway", "dimensions": "7 x 10 cm", "main_reference_number": "1900.7", **change}

        assert plugin._extra(work(**facts)) == extra

    async def test_texts_are_plain(self, bench: Bench) -> None:
        """The museum sends HTML in `description` only, which is not asked for."""
        image = await lookup(bench, title="<Lid> &amp; coffee&notes")

        assert image.title == "<Lid> &amp; coffee&notes"

    @pytest.mark.parametrize("image_id", ["../../x", "a/b?c", "a b"])
    def test_an_odd_picture_id_cannot_change_the_path(self, image_id: str) -> None:
        [original] = plugin._renditions(image_id, (0, 0), None)

        assert original.url is not None
        assert original.url.startswith("https://www.artic.edu/iiif/2/")
        assert original.url.count("/") == "https://www.artic.edu/iiif/2/abc/full/full/0/default.jpg".count("/")

    @pytest.mark.parametrize(
        "change",
        [
            {"color": {"h": 30, "s": 40, "l": 50, "name": "brown"}},
            {"artist_ids": "odd", "description": 7, "thumbnail": {"width": 3, "height": 2, "lqip": 7}},
        ],
    )
    async def test_an_odd_field_that_is_not_used_costs_nothing(
        self, bench: Bench, change: Mapping[str, object]
    ) -> None:
        assert (await lookup(bench, **change)).id == str(WORK["id"])

    async def test_files_have_the_widths_that_the_docs_allow(self, bench: Bench) -> None:
        """200, 400, 843 and 1686, heights as the whole is, and the whole."""
        image = await lookup(bench, image_id="abc", thumbnail={"width": 3000, "height": 2000})

        assert [
            (rendition.name, rendition.url, rendition.width, rendition.height) for rendition in image.renditions
        ] == [
            ("thumbnail", "https://www.artic.edu/iiif/2/abc/full/200,/0/default.jpg", 200, 133),
            ("small", "https://www.artic.edu/iiif/2/abc/full/400,/0/default.jpg", 400, 267),
            ("medium", "https://www.artic.edu/iiif/2/abc/full/843,/0/default.jpg", 843, 562),
            ("large", "https://www.artic.edu/iiif/2/abc/full/1686,/0/default.jpg", 1686, 1124),
            ("original", "https://www.artic.edu/iiif/2/abc/full/full/0/default.jpg", 3000, 2000),
        ]
        assert (image.width, image.height) == (3000, 2000)

    @pytest.mark.parametrize(
        ("size", "widths"),
        [((843, 900), [200, 400, 843]), ((844, 1), [200, 400, 843, 844]), ((150, 4000), [150]), ((400, 9), [200, 400])],
    )
    async def test_no_file_is_wider_than_the_whole(
        self, bench: Bench, size: tuple[int, int], widths: list[int]
    ) -> None:
        """The museum makes none larger."""
        image = await lookup(bench, thumbnail={"width": size[0], "height": size[1]})

        assert [rendition.width for rendition in image.renditions] == widths
        assert [rendition.height for rendition in image.renditions][-1] == size[1]

    @pytest.mark.parametrize("thumbnail", [None, {}, {"width": 800, "height": None}, {"width": 0, "height": 0}])
    async def test_without_a_size_there_is_the_whole_alone(self, bench: Bench, thumbnail: object) -> None:
        """Which widths there are depends on it."""
        image = await lookup(bench, thumbnail=thumbnail)

        assert (image.width, image.height) == (None, None)
        assert [(rendition.name, rendition.width, rendition.height) for rendition in image.renditions] == [
            ("original", None, None)
        ]

    @pytest.mark.parametrize(
        ("told", "base"),
        [
            ("https://www.artic.edu/iiif/3", "https://www.artic.edu/iiif/3/"),
            ("https://test.example/iiif/2", "https://www.artic.edu/iiif/2/"),
            ("https://www.artic.edu.test.example/iiif/2", "https://www.artic.edu/iiif/2/"),
            ("http://www.artic.edu/iiif/2", "https://www.artic.edu/iiif/2/"),
            (None, "https://www.artic.edu/iiif/2/"),
        ],
    )
    async def test_files_are_where_the_answer_says_but_on_the_own_host(
        self, bench: Bench, artic: SimulatedArtic, told: str | None, base: str
    ) -> None:
        """The docs themselves show a test host."""
        image = await lookup(bench, told)
        assert all(rendition.url.startswith(base) for rendition in image.renditions)

        artic.iiif_url = told or ""
        found = (await bench.search("cat")).images[0]
        assert all((rendition.url or "").startswith(base) for rendition in found.renditions)

    @pytest.mark.parametrize(
        ("title", "display", "name"),
        [
            ("Ada Lind", "Someone\nelse", "Ada Lind"),
            (None, "Ada Lind (attributed to)\nInvented, 1848-1925", "Ada Lind (attributed to)"),
            (None, "Nazca", "Nazca"),
            ("Ancient Roman", "Roman; Asia Minor", None),
            (None, "Ancient Greek\nAthens", None),
            (None, " \n1848", None),
            (None, None, None),
            (None, "China", None),
            (None, "China, probably Hunan province\n618-907", None),
            ("China", "Ada Lind\nChina, 1848", "Ada Lind"),
            (None, "Chinatown Workshop", "Chinatown Workshop"),
        ],
    )
    async def test_the_artist(self, bench: Bench, title: str | None, display: str | None, name: str | None) -> None:
        """By the name, else by the first line of what a label says, unless that is a place or a culture."""
        image = await lookup(bench, artist_title=title, artist_display=display, place_of_origin="China")

        assert (image.author and image.author.name) == name

    @pytest.mark.parametrize(
        ("change", "credit"),
        [
            ({}, "Ada Lind. Object, 1874. The Art Institute of Chicago. Invented Fund"),
            ({"credit_line": None}, "Ada Lind. Object, 1874. The Art Institute of Chicago"),
            ({"date_display": None}, "Ada Lind. Object. The Art Institute of Chicago. Invented Fund"),
            (
                {"artist_title": None, "artist_display": None},
                "Object, 1874. The Art Institute of Chicago. Invented Fund",
            ),
            (
                {"artist_title": "Ancient Roman"},
                "Ancient Roman. Object, 1874. The Art Institute of Chicago. Invented Fund",
            ),
            ({"title": None}, "Ada Lind. Untitled, 1874. The Art Institute of Chicago. Invented Fund"),
            (
                {"artist_title": "Ada Lind Jr.", "title": "Lid.", "credit_line": " Gift of  Lid Inc. "},
                "Ada Lind Jr. Lid, 1874. The Art Institute of Chicago. Gift of Lid Inc.",
            ),
            (
                {"title": "Why?", "date_display": None, "credit_line": " \u00a0 "},
                "Ada Lind. Why? The Art Institute of Chicago",
            ),
        ],
    )
    async def test_the_credit_is_a_label(self, bench: Bench, change: Mapping[str, object], credit: str) -> None:
        """Artist, title, date, museum, donor; what is missing leaves no trace, and no full stop comes twice."""
        image = await lookup(bench, **{"title": "Object", "artist_title": "Ada Lind", **change})

        shown = attribution(bench.provider.info, image)
        assert shown.text == credit
        assert f'href="{image.source_url}"' in shown.html
        assert f"({image.source_url})" in shown.markdown

    @pytest.mark.parametrize(
        ("color", "hex"),
        [
            ({"h": 0, "s": 100, "l": 50}, "#FF0000"),
            ({"h": 120, "s": 100, "l": 25}, "#008000"),
            ({"h": 240, "s": 0, "l": 100, "percentage": 0.1, "population": 3}, "#FFFFFF"),
            ({"h": None, "s": None, "l": 0}, "#000000"),
            ({"h": 30, "s": 40, "l": None}, None),
            ({"h": 30, "s": 40}, None),
            ({"h": 0, "s": 100, "l": 150}, None),
            ({"h": -1, "s": 100, "l": 50}, None),
            (None, None),
        ],
    )
    async def test_the_color(self, bench: Bench, color: object, hex: str | None) -> None:
        """Told as hue, saturation and lightness."""
        assert (await lookup(bench, color=color)).color == hex


class TestTrouble:
    async def test_a_challenge_means_that_the_server_is_blocked(self, bench: Bench, artic: SimulatedArtic) -> None:
        """Not that a key is wrong: there is none."""
        artic.challenged = True

        for ask in (bench.search("cat"), bench.fetch("7")):
            with pytest.raises(Unauthorized, match="blocks calls from this server's address"):
                await ask

    async def test_a_403_of_the_api_itself_is_no_challenge(self, bench: Bench, artic: SimulatedArtic) -> None:
        """It says what of the request it does not allow."""
        artic.fail(Answer({"status": 403, "error": "Invalid limit"}, 403))

        with pytest.raises(InvalidResponse, match="Invalid limit"):
            await bench.search("cat")

    async def test_too_many_calls(self, bench: Bench, artic: SimulatedArtic) -> None:
        """60 a minute are allowed, and the gateway is told so."""
        artic.throttled = True

        with pytest.raises(RateLimited):
            await bench.search("cat")
        assert [(quota.limit, quota.period) for quota in bench.provider.info.quotas] == [(60, "minute")]

    async def test_a_single_work_that_is_none(self, bench: Bench) -> None:
        """Is said to be so, not to be missing."""
        with pytest.raises(InvalidResponse):
            await lookup(bench, id="x")


class TestContact:
    async def test_every_call_says_who_asks(self, bench: Bench, artic: SimulatedArtic) -> None:
        """In the header that the museum asks for, with the contact where there is one."""
        await bench.search("cat")
        bench.configure({"contact": "pictures@example.org"})
        await bench.search("cat")

        agents = [call.headers["aic-user-agent"] for call in artic.calls]
        assert agents[0] == artic.calls[0].headers["user-agent"]
        assert agents[0].startswith("ImageVault/")
        assert agents[1] == f"{agents[0]} (pictures@example.org)"

    @pytest.mark.parametrize("contact", ["bücher@example.org", "a@example.org\r\nX-Odd: 1", "a@example.org\n"])
    async def test_a_contact_that_fits_into_no_header(self, bench: Bench, contact: str) -> None:
        """The provider says so instead of failing at each call."""
        bench.configure({"contact": contact})

        assert bench.provider.state == "unconfigured"
        assert "contact" in (bench.provider.reason or "")


class TestRecorded:
    """Invented answers in the documented form.

    The search is one without `fields`: nothing in it says that a work is free, so no work may be shown.
    """

    async def test_a_search(self) -> None:
        """Decoded as it is, and once more with what `fields` would add."""
        content = json.loads((RECORDED / "search.json").read_bytes())
        with Upstream("/api/v1/") as recorded:
            async with Bench(plugin, {}, recorded) as bench:
                recorded.fail(Answer(content), times=1)
                page = await bench.search("cat")
                assert (page.images, page.total) == ([], content["pagination"]["total"])

                for work in content["data"]:
                    work |= {"is_public_domain": True, "image_id": "abc"}
                recorded.fail(Answer(content), times=1)
                images = (await bench.search("cat")).images

        assert [(image.id, image.title) for image in images] == [(str(w["id"]), w["title"]) for w in content["data"]]
        assert [(image.width, image.alt) for image in images] == [
            (work["thumbnail"]["width"], work["thumbnail"]["alt_text"]) for work in content["data"]
        ]
        assert all(len(image.renditions) in {4, 5} for image in images)

    async def test_a_work(self) -> None:
        """It is not in the public domain. With that changed, its record is whole."""
        content = json.loads((RECORDED / "detail_900104.json").read_bytes())
        with Upstream("/api/v1/") as recorded:
            async with Bench(plugin, {}, recorded) as bench:
                recorded.fail(Answer(content), times=1)
                assert await bench.fetch("900104") is None

                content["data"]["is_public_domain"] = True
                recorded.fail(Answer(content), times=1)
                image = await bench.fetch("900104")

        assert image is not None
        assert image.author == Author(content["data"]["artist_title"])
        assert (image.width, image.height) == (1024, 683)
        assert image.color is not None
        assert content["data"]["image_id"] in (image.renditions[0].url or "")
