"""The plugin of the Smithsonian against the simulated one, and against invented recordings."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import imagevault_smithsonian as plugin
import pytest

from imagevault import Author, InvalidResponse, NotFound, RateLimited, Unauthorized
from imagevault.images.attribution import attribution
from imagevault.testing import Answer, Upstream, faults
from imagevault.testing.bench import Bench
from imagevault.testing.contract import ProviderContract
from imagevault.testing.upstreams.smithsonian import DEMO_KEY, SimulatedSmithsonian, as_json, find, is_free
from imagevault.upstream.reported_quota import reported_quotas

RECORDED = Path(__file__).parent / "recorded" / "smithsonian"
SETTINGS = {"api_key": "test-key"}
BASE = "/openaccess/api/v1.0/"
FILTERS = ' AND online_media_type:"Images" AND media_usage:CC0'
CAT = [as_json(id) for id in find("cat") if is_free(id)]
IDS = "https://ids.si.edu/ids/deliveryService"
FREE: Any = {"type": "Images", "content": f"{IDS}?id=INV-7", "thumbnail": f"{IDS}?id=INV-7", "usage": {"access": "CC0"}}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def smithsonian() -> Iterator[SimulatedSmithsonian]:
    with SimulatedSmithsonian() as smithsonian:
        yield smithsonian


@pytest.fixture
async def bench(smithsonian: SimulatedSmithsonian) -> Any:
    async with Bench(plugin, SETTINGS, smithsonian) as bench:
        yield bench


async def lookup(
    bench: Bench,
    about: Mapping[str, object] | None = None,
    names: Sequence[object] = (),
    topics: object = (),
    media: Sequence[object] = (FREE,),
) -> Any:
    """A record with these parts, fetched through the plugin."""
    described = {
        "title": {"label": "Title", "content": "Object"},
        "record_link": "https://www.si.edu/object/inv_A7",
        "data_source": "Museum of Invention",
        "metadata_usage": {"access": "CC0"},
        "online_media": {"mediaCount": len(media), "media": media},
    }
    content = {
        "descriptiveNonRepeating": {**described, **(about or {})},
        "freetext": {"name": names},
        "indexedStructured": {"topic": topics},
    }
    assert bench.upstream is not None
    bench.upstream.fail(Answer({"response": {"url": "edanmdm:inv_A7", "content": content}}), times=1)
    return await bench.fetch("edanmdm:inv_A7")


def named(label: object, content: object) -> dict[str, object]:
    return {"label": label, "content": content}


class TestContract(ProviderContract):
    plugin = plugin
    settings = SETTINGS

    def upstream(self) -> SimulatedSmithsonian:
        return SimulatedSmithsonian()


class TestSearch:
    async def test_asks_as_documented(self, bench: Bench, smithsonian: SimulatedSmithsonian) -> None:
        """For free pictures only, a hundred rows from where the page begins."""
        await bench.search("red fox", 3)

        (call,) = smithsonian.calls
        assert call.path == f"{BASE}search"
        assert dict(call.query) == {"q": f"red fox{FILTERS}", "start": "200", "rows": "100"}

    async def test_the_key_is_in_no_address(self, bench: Bench, smithsonian: SimulatedSmithsonian) -> None:
        """Addresses get into logs."""
        await bench.search("cat")
        await bench.fetch(CAT[0]["url"])

        assert {call.headers["x-api-key"] for call in smithsonian.calls} == {"test-key"}
        assert not [call for call in smithsonian.calls if "test-key" in f"{call.path}?{call.query}"]

    async def test_shows_what_is_free(self, bench: Bench) -> None:
        """In the order of the rows, until there are no more; what the rows count is told as it is."""
        pages = [await bench.search("cat", number) for number in (1, 2, 3, 4)]

        shown = [image.id for page in pages for image in page.images]
        assert shown == [row["url"] for row in CAT]
        assert [page.last for page in pages] == [False, False, False, True]
        (total,) = {page.total for page in pages}
        assert total is not None
        assert total > len(shown)

    async def test_a_page_behind_the_end_is_the_last(self, bench: Bench) -> None:
        """No error: the rows are empty."""
        page = await bench.search("cat", 1000)

        assert (page.images, page.last) == ([], True)

    @pytest.mark.parametrize(
        ("text", "sent"),
        [
            ('the "red" (fox)', "the red fox"),
            ("title:cat", "title cat"),
            ("cat -dog +bird --x", "cat dog bird x"),
            ("black-and-white c+d a&b 100%", "black-and-white c+d a&b 100%"),
            ("a && b || !c", "a b c"),
            ("what? [1 to 2] {x}~2 cat^4 ca*t km/h \\", "what 1 to 2 x 2 cat 4 ca t km h"),
        ],
    )
    async def test_words_are_words(self, bench: Bench, smithsonian: SimulatedSmithsonian, text: str, sent: str) -> None:
        """Not the query language of their search engine, in which most people err."""
        await bench.search(text)

        assert smithsonian.calls[0].query["q"] == sent + FILTERS

    @pytest.mark.parametrize("text", ["?", "*", '""', "- +", "(:)"])
    async def test_no_words_find_nothing(self, bench: Bench, smithsonian: SimulatedSmithsonian, text: str) -> None:
        """Rather than everything, and without a call."""
        page = await bench.search(text)

        assert (page.images, page.total, page.last) == ([], 0, True)
        assert smithsonian.calls == []

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda row: row.clear(),
            lambda row: row.update(url=None),
            lambda row: row["content"].pop("descriptiveNonRepeating"),
            lambda row: row["content"]["descriptiveNonRepeating"].update(metadata_usage={}),
            lambda row: row["content"]["descriptiveNonRepeating"].pop("online_media"),
            lambda row: row["content"]["descriptiveNonRepeating"].update(online_media={"mediaCount": 0}),
            lambda row: row["content"]["descriptiveNonRepeating"].update(title="Object"),
        ],
    )
    async def test_a_row_that_cannot_be_shown_is_left_out(
        self, bench: Bench, smithsonian: SimulatedSmithsonian, spoil: Any
    ) -> None:
        """The others stay."""
        before = [image.id for image in (await bench.search("cat")).images]

        def change(content: Any) -> None:
            spoil(next(row for row in content["response"]["rows"] if row["url"] == before[2]))

        smithsonian.fail(faults.changed(change))
        after = [image.id for image in (await bench.search("cat")).images]

        assert after == [*before[:2], *before[3:]]


class TestLookup:
    async def test_finds_what_a_search_gave(self, bench: Bench) -> None:
        """The very same record, whatever its id looks like."""
        page = await bench.search("cat")

        odd = next(image for image in page.images if "," in image.id)
        for image in (*page.images[:3], odd):
            assert await bench.fetch(image.id) == image

    async def test_an_id_of_another_kind_is_asked_for(self, bench: Bench, smithsonian: SimulatedSmithsonian) -> None:
        """A search may give some."""
        with pytest.raises(NotFound):
            await bench.fetch("ead_component:sova.1-ref2")

        assert smithsonian.calls[-1].path.endswith("/content/ead_component:sova.1-ref2")

    async def test_odd_characters_of_an_id_are_encoded(self, bench: Bench, smithsonian: SimulatedSmithsonian) -> None:
        """So that they stay in the id, and out of the path and the query."""
        for id in ("edanmdm:a/../b?c=d#e%2f", "edanmdm:npg_NPG.2011.77.8"):
            with pytest.raises(NotFound):
                await bench.fetch(id)

        assert [call.path for call in smithsonian.calls] == [
            f"{BASE}content/edanmdm:a%2F..%2Fb%3Fc%3Dd%23e%252f",
            f"{BASE}content/edanmdm:npg_NPG.2011.77.8",
        ]

    @pytest.mark.parametrize("id", ["", "edanmdm:", "nmah_1", "../search", "edanmdm:a b", "edanmdm:ä", ":x"])
    async def test_an_id_that_cannot_be_costs_no_call(
        self, bench: Bench, smithsonian: SimulatedSmithsonian, id: str
    ) -> None:
        """They all begin alike."""
        assert await bench.fetch(id) is None
        assert smithsonian.calls == []

    async def test_is_none_for_what_is_not_free(self, bench: Bench) -> None:
        """Or has no picture; each of them is there."""
        others = [as_json(id)["url"] for id in find("cat") if not is_free(id)][:12]

        assert [await bench.fetch(id) for id in others] == [None] * 12


class TestLicense:
    @pytest.mark.parametrize(
        ("record", "medium", "shown"),
        [
            ("CC0", "CC0", True),
            ("CC0", "Usage conditions apply", False),
            ("Usage conditions apply", "CC0", False),
            ("CC0", None, False),
            (None, "CC0", False),
            ("cc0 for members", "CC0", False),
        ],
    )
    async def test_only_cc0_is_shown(self, bench: Bench, record: object, medium: object, shown: bool) -> None:
        """The record has to say so, and the picture itself."""
        about = {"metadata_usage": {"access": record}}
        image = await lookup(bench, about, media=[{**FREE, "usage": {"access": medium}}])

        assert (image is not None) is shown
        if shown:
            assert image.license.id == "cc0-1.0"
            assert image.license.public_domain
            assert image.license.commercial
            assert image.license.modification
            assert not image.license.attribution_required

    async def test_the_first_free_picture_is_taken(self, bench: Bench) -> None:
        """Not a model, a picture under conditions, or what cannot be read."""
        closed = {**FREE, "usage": {"access": "Usage conditions apply"}, "content": f"{IDS}?id=closed"}
        model = {**FREE, "type": "3d_voyager", "content": "https://3d-api.si.edu/voyager/1"}
        image = await lookup(bench, media=[model, "odd", {}, {**FREE, "content": 7}, closed, FREE, closed])

        assert {rendition.url for rendition in image.renditions} == {f"{IDS}?id=INV-7", f"{IDS}?id=INV-7&max=400"}


class TestRecord:
    async def test_is_whole(self, bench: Bench) -> None:
        """Each field from where the sheets of the API have it."""
        image = await lookup(bench, names=[named("Artist", "Ada Lind")], topics=["Lids", {"odd": 1}, "Clay"])

        assert (image.id, image.title, image.alt) == ("edanmdm:inv_A7", "Object", "Object")
        assert (image.author, image.tags) == (Author("Ada Lind"), ["Lids", "Clay"])
        assert image.source_url == "https://www.si.edu/object/inv_A7"
        assert (image.width, image.height) == (None, None)

    async def test_files_of_the_delivery_service(self, bench: Bench) -> None:
        """A small one by `max`, the one it delivers, and the JPEG in full, with its size; no TIFF."""
        file = "https://ids.si.edu/ids/download?id=INV-7"
        resources = [
            {"label": "High-resolution TIFF", "url": f"{file}.tif", "width": 9, "height": 9},
            {"label": "High-resolution JPEG", "url": f"{file}.jpg", "width": 7682, "height": 4000, "dimensions": "x"},
            {"label": "Screen Image", "url": f"{file}_screen"},
        ]
        image = await lookup(bench, media=[{**FREE, "resources": resources}])

        assert [
            (rendition.name, rendition.url, rendition.width, rendition.height) for rendition in image.renditions
        ] == [
            ("thumbnail", f"{IDS}?id=INV-7&max=400", None, None),
            ("large", f"{IDS}?id=INV-7", None, None),
            ("original", f"{file}.jpg", 7682, 4000),
        ]
        assert (image.width, image.height) == (7682, 4000)

    @pytest.mark.parametrize(
        ("content", "thumbnail"),
        [
            ("https://collections.nmnh.si.edu/media/?irn=7", "https://collections.nmnh.si.edu/media/?irn=7&thumb=yes"),
            (f"{IDS}/id/ark:/65665/m37", f"{IDS}/id/ark:/65665/m37/90"),
        ],
    )
    async def test_files_elsewhere(self, bench: Bench, content: str, thumbnail: str) -> None:
        """Those that are told, by https on their own hosts."""
        medium = {**FREE, "content": content.replace("https", "http"), "thumbnail": thumbnail}
        image = await lookup(bench, media=[medium])

        assert [(rendition.name, rendition.url) for rendition in image.renditions] == [
            ("thumbnail", thumbnail),
            ("large", content),
        ]

    async def test_without_a_thumbnail_there_is_none(self, bench: Bench) -> None:
        """Nor is one made up for hosts that make none."""
        medium = {**FREE, "content": "https://collections.nmnh.si.edu/media/?irn=7", "thumbnail": None}
        image = await lookup(bench, media=[medium])

        assert [rendition.name for rendition in image.renditions] == ["large"]

    @pytest.mark.parametrize(
        ("names", "author"),
        [
            ([named("performer", "P"), named("maker", "M"), named("Artist", "A")], "A"),
            ([named("Collector", "C"), named("Maker", "M1"), named("Maker", "M2")], "M1"),
            ([named("Collector", "C")], "C"),
            ([named("Created by", "B"), named("collector", "C")], "B"),
            (
                [named("Artist", ""), named("Artist", None), named(None, "N"), named("Owner", "O")],
                "Museum of Invention",
            ),
            ([], "Museum of Invention"),
        ],
    )
    async def test_the_author(self, bench: Bench, names: Sequence[object], author: str) -> None:
        """Who made it, the first of those most likely to; else the museum that has it."""
        image = await lookup(bench, names=names)

        assert image.author == Author(author)
        assert author in attribution(bench.provider.info, image).text

    @pytest.mark.parametrize(
        ("title", "names", "credit"),
        [
            ("Object", [named("Artist", "Ada Lind")], "Ada Lind, Object. Museum of Invention"),
            ("Object", [], "Object. Museum of Invention"),
            (None, [], "Untitled. Museum of Invention"),
            ("<i>Lid</i> &amp; Pot", [named("Maker", "B &amp; C")], "B & C, Lid & Pot. Museum of Invention"),
        ],
    )
    async def test_the_credit(self, bench: Bench, title: object, names: Sequence[object], credit: str) -> None:
        """Maker, title, museum; it links to the record."""
        image = await lookup(bench, {"title": {"content": title}}, names)

        told = attribution(bench.provider.info, image)
        assert told.text == credit
        assert 'href="https://www.si.edu/object/inv_A7"' in told.html

    @pytest.mark.parametrize(
        ("link", "guid", "url"),
        [
            ("http://n2t.net/ark:/65665/1", "http://n2t.net/ark:/65665/2", "https://n2t.net/ark:/65665/1"),
            (None, "http://n2t.net/ark:/65665/2", "https://n2t.net/ark:/65665/2"),
            (None, None, None),
        ],
    )
    async def test_the_page(self, bench: Bench, link: object, guid: object, url: object) -> None:
        """The link of the record, else its lasting name, by https."""
        image = await lookup(bench, {"record_link": link, "guid": guid})

        assert image.source_url == url


class TestTrouble:
    @pytest.mark.parametrize("key", ["wrong-key", "x"])
    async def test_a_wrong_key(self, bench: Bench, key: str) -> None:
        """Is said to be so, and not shown."""
        bench.configure({"api_key": key})

        with pytest.raises(Unauthorized) as raised:
            await bench.search("cat")
        assert "wrong-key" not in str(raised.value)

    async def test_the_hour_is_used_up(self, bench: Bench, smithsonian: SimulatedSmithsonian) -> None:
        """429, with an error of another form than others."""
        smithsonian.remaining = 1
        await bench.search("cat")

        with pytest.raises(RateLimited):
            await bench.search("cat")

    async def test_a_query_that_is_not_understood(self, bench: Bench, smithsonian: SimulatedSmithsonian) -> None:
        """400 in the form of the Smithsonian."""
        smithsonian.fail(Answer({"status": 400, "responseCode": 0, "response": {"error": "bad request"}}, 400))

        with pytest.raises(InvalidResponse):
            await bench.search("cat")

    @pytest.mark.parametrize("response", [{}, {"rows": []}, {"rows": None, "rowCount": 1}, [], None])
    async def test_an_answer_without_rows(
        self, bench: Bench, smithsonian: SimulatedSmithsonian, response: object
    ) -> None:
        """Is not taken for nothing found."""
        smithsonian.fail(Answer({"status": 200, "responseCode": 1, "response": response}))

        with pytest.raises(InvalidResponse):
            await bench.search("cat")


class TestQuota:
    async def test_what_is_left_is_learned_from_the_header(self) -> None:
        """That is how few calls `DEMO_KEY` has, which nobody has to declare."""
        info = plugin.provider_info()
        with SimulatedSmithsonian(key=DEMO_KEY) as smithsonian:
            async with Bench(plugin, {"api_key": DEMO_KEY}, smithsonian) as bench:
                await bench.search("cat")
                headers = (await bench.http.get("search?q=cat", headers={"X-Api-Key": DEMO_KEY})).headers

        assert [(quota.limit, quota.period) for quota in info.quotas] == [(1000, "hour")]
        assert headers["X-RateLimit-Limit"] == "10"
        assert reported_quotas(tuple(info.quotas), headers, 0.0) == {"hour": (8, None)}


class TestRecorded:
    """Invented answers in the documented form."""

    async def test_a_row_of_a_search(self) -> None:
        """A bird. The recording is one row; the answer around it is added here."""
        row = json.loads((RECORDED / "search_row.json").read_bytes())
        with Upstream(BASE) as recorded:
            async with Bench(plugin, SETTINGS, recorded) as bench:
                recorded.fail(Answer({"response": {"rows": [row], "rowCount": 1}}), times=1)
                page = await bench.search("bird")

        (image,) = page.images
        assert (image.id, image.title) == (row["url"], row["title"])
        assert image.author == Author(row["content"]["freetext"]["name"][0]["content"])
        assert (image.source_url or "").startswith("https://n2t.net/ark:/")
        assert [rendition.name for rendition in image.renditions] == ["thumbnail", "large"]
        assert image.tags == row["content"]["indexedStructured"]["topic"]
        assert (page.total, page.last) == (1, True)

    async def test_a_record_without_media(self) -> None:
        """A puppet: its record is CC0 and says that there are pictures, but has none."""
        with Upstream(BASE) as recorded:
            async with Bench(plugin, SETTINGS, recorded) as bench:
                recorded.fail(Answer(json.loads((RECORDED / "content_without_media.json").read_bytes())))

                assert await bench.fetch("edanmdm:nmah_99000002") is None

    async def test_a_record_that_is_not_there(self) -> None:
        """404, which is none."""
        with Upstream(BASE) as recorded:
            async with Bench(plugin, SETTINGS, recorded) as bench:
                recorded.fail(Answer(json.loads((RECORDED / "error_404.json").read_bytes()), 404))

                with pytest.raises(NotFound):
                    await bench.fetch("edanmdm:nmah_0")
