"""Tests of the Smithsonian provider: its functions one by one, then its hooks against a simulated one over HTTP."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import imagevault_smithsonian as plugin
import msgspec
import pytest

from imagevault import Author, Declared, Flags, Image, InvalidResponse, RateLimited, Rendition, Unauthorized
from imagevault.images.attribution import attribution
from imagevault.testing import Answer, Fault, Upstream, faults
from imagevault.testing.bench import Bench
from imagevault.testing.contract import ProviderContract
from imagevault.testing.upstreams.smithsonian import DEMO_KEY, SimulatedSmithsonian, as_json, find, is_free
from imagevault.upstream.reported_quota import reported_quotas
from tests.support.linear_time import is_linear

# Answers in the form of the real API, with invented objects by invented people.
RECORDED = Path(__file__).with_name("recorded") / "smithsonian"

SETTINGS = {"api_key": "test-key"}
BASE = "/openaccess/api/v1.0/"
FILTERS = ' AND online_media_type:"Images" AND media_usage:CC0'
CAT = [as_json(id) for id in find("cat") if is_free(id)]

SERVICE = "https://ids.si.edu/ids/deliveryService"
DOWNLOAD = "https://ids.si.edu/ids/download?id=INV-7"
PICTURE: dict[str, Any] = {
    "type": "Images",
    "content": f"{SERVICE}?id=INV-7",
    "thumbnail": f"{SERVICE}?id=INV-7",
    "idsId": "INV-7",
    "usage": {"access": "CC0"},
}
TIFF = {"label": "High-resolution TIFF", "url": f"{DOWNLOAD}.tif", "width": 7682, "height": 4000}
JPEG = {"label": "High-resolution JPEG", "url": f"{DOWNLOAD}.jpg", "width": 7682, "height": 4000, "dimensions": "x"}
SCREEN = {"label": "Screen Image", "url": f"{DOWNLOAD}_screen"}


def picture(**changes: object) -> plugin._Medium:
    """The decoded PICTURE with these changes."""
    return msgspec.json.decode(json.dumps({**PICTURE, **changes}), type=plugin._Medium)


def texts(**groups: object) -> dict[str, list[plugin._Labelled]]:
    """The texts of a record with these groups of `freetext`."""
    content = {"descriptiveNonRepeating": {"metadata_usage": {}}, "freetext": groups}
    return plugin._texts(msgspec.json.decode(json.dumps(content), type=plugin._Content))


def entry(label: object, content: object) -> dict[str, object]:
    """A text with its label."""
    return {"label": label, "content": content}


def record(
    about: Mapping[str, object] | None = None, media: Sequence[object] = (PICTURE,), **parts: object
) -> dict[str, Any]:
    """A record of one object. `about` and the parts replace those of a whole one."""
    described = {
        "title": entry("Title", "Object"),
        "record_link": "https://www.si.edu/object/inv_A7",
        "data_source": "Museum of Invention",
        "metadata_usage": {"access": "CC0"},
        "online_media": {"mediaCount": len(media), "media": media},
        **(about or {}),
    }
    return {
        "url": "edanmdm:inv_A7",
        "title": "Object",
        "content": {"descriptiveNonRepeating": described, "freetext": {}, "indexedStructured": {}, **parts},
    }


async def lookup(bench: Bench, row: Mapping[str, object]) -> Image | None:
    """A record, fetched through the plugin."""
    assert bench.upstream is not None
    bench.upstream.fail(Answer({"response": row}), times=1)
    return await bench.fetch("edanmdm:inv_A7")


async def found(bench: Bench, row: Mapping[str, object]) -> Image:
    """The image of a record that has one."""
    image = await lookup(bench, row)
    assert image is not None
    return image


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def smithsonian() -> Iterator[SimulatedSmithsonian]:
    with SimulatedSmithsonian() as smithsonian:
        yield smithsonian


@pytest.fixture
async def bench(smithsonian: Upstream) -> AsyncIterator[Bench]:
    async with Bench(plugin, SETTINGS, smithsonian) as bench:
        yield bench


class TestContract(ProviderContract):
    """What every provider must do."""

    plugin = plugin
    settings = SETTINGS

    def upstream(self) -> SimulatedSmithsonian:
        return SimulatedSmithsonian()


class TestSearch:
    async def test_asks_as_documented(self, bench: Bench, smithsonian: SimulatedSmithsonian) -> None:
        """It asks for free pictures only, a hundred rows from where the page begins."""
        await bench.search("red fox", 3)

        [call] = smithsonian.calls
        assert call.path == f"{BASE}search"
        assert dict(call.query) == {"q": f"red fox{FILTERS}", "start": "200", "rows": "100"}

    async def test_the_key_is_in_no_address(self, bench: Bench, smithsonian: SimulatedSmithsonian) -> None:
        """Addresses get into logs."""
        await bench.search("cat")
        await bench.fetch(CAT[0]["url"])

        assert {call.headers["x-api-key"] for call in smithsonian.calls} == {"test-key"}
        assert not [call for call in smithsonian.calls if "test-key" in f"{call.path}?{call.query}"]

    async def test_shows_what_is_free(self, bench: Bench) -> None:
        """It keeps the order of the rows to the end, and passes on how many rows there are."""
        pages = [await bench.search("cat", number) for number in (1, 2, 3, 4)]

        shown = [image.id for page in pages for image in page.images]
        assert shown == [row["url"] for row in CAT]
        assert [page.last for page in pages] == [False, False, False, True]
        [total] = {page.total for page in pages}
        assert total is not None
        assert total > len(shown)

    async def test_a_page_behind_the_end_is_the_last(self, bench: Bench) -> None:
        """It is no error: the rows are empty."""
        page = await bench.search("cat", 1000)

        assert page.images == []
        assert page.last

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda row: row.clear(),
            lambda row: row.update(url=None),
            lambda row: row["content"].pop("descriptiveNonRepeating"),
            lambda row: row["content"]["descriptiveNonRepeating"].update(metadata_usage={}),
            lambda row: row["content"]["descriptiveNonRepeating"].pop("online_media"),
            lambda row: row["content"]["descriptiveNonRepeating"].update(online_media={"mediaCount": 0}),
            lambda row: row["content"]["descriptiveNonRepeating"].update(online_media=["odd"]),
        ],
        ids=["empty", "no url", "no description", "no usage", "no media", "no list of media", "a list of media"],
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


class TestWords:
    @pytest.mark.parametrize(
        ("text", "sent"),
        [
            ('the "red" (fox)', "the red fox"),
            ("title:cat", "title cat"),
            ("cat -dog +bird --x", "cat dog bird x"),
            ('"-dog" (+cat) - +', "dog cat"),
            ("black-and-white c+d a&b 100% C++ R&D", "black-and-white c+d a&b 100% C++ R&D"),
            ("a && b || !c", "a b c"),
            ("what? [1 to 2] {x}~2 cat^4 ca*t km/h \\", "what 1 to 2 x 2 cat 4 ca t km h"),
            ("cats AND dogs OR NOT birds", "cats and dogs or not birds"),
            ("AND", "and"),
            ("SAND ORANDA Notes R-AND-B", "SAND ORANDA Notes R-AND-B"),
            ("İstanbul LEGO™ ½ Σίσυφος", "İstanbul LEGO™ ½ Σίσυφος"),
        ],
    )
    async def test_words_are_words(self, bench: Bench, smithsonian: SimulatedSmithsonian, text: str, sent: str) -> None:
        """Operators of the query language are neutralised, and everything else goes as typed."""
        await bench.search(text)

        assert smithsonian.calls[0].query["q"] == sent + FILTERS

    @pytest.mark.parametrize("text", ["?", "*", '""', "- +", "(:)"])
    async def test_no_words_find_nothing(self, bench: Bench, smithsonian: SimulatedSmithsonian, text: str) -> None:
        """They would find everything, so they cost no call."""
        page = await bench.search(text)

        assert page.images == []
        assert page.total == 0
        assert page.last
        assert smithsonian.calls == []

    @pytest.mark.parametrize("hostile", ["-", "+-", "a-", "AND ", "&", "|&", '"', "a+ "])
    def test_hostile_words_take_no_time(self, hostile: str) -> None:
        assert is_linear(lambda size: plugin._words(hostile * size), 10_000)


class TestLookup:
    async def test_finds_what_a_search_gave(self, bench: Bench) -> None:
        """It is the very same record, whatever its id looks like."""
        page = await bench.search("cat")

        odd = next(image for image in page.images if "," in image.id)
        for image in (*page.images[:3], odd):
            assert await bench.fetch(image.id) == image

    async def test_an_id_of_another_kind_is_asked_for(self, bench: Bench, smithsonian: SimulatedSmithsonian) -> None:
        """A search may give some."""
        assert await bench.fetch("ead_component:sova.1-ref2") is None

        assert smithsonian.calls[-1].path.endswith("/content/ead_component:sova.1-ref2")

    async def test_odd_characters_of_an_id_are_encoded(self, bench: Bench, smithsonian: SimulatedSmithsonian) -> None:
        """So they stay in the id, and out of the path and the query."""
        for id in ("edanmdm:a/../b?c=d#e%2f", "edanmdm:npg_NPG.2011.77.8"):
            assert await bench.fetch(id) is None

        assert [call.path for call in smithsonian.calls] == [
            f"{BASE}content/edanmdm:a%2F..%2Fb%3Fc%3Dd%23e%252f",
            f"{BASE}content/edanmdm:npg_NPG.2011.77.8",
        ]

    @pytest.mark.parametrize(
        "id", ["", "edanmdm:", "nmah_1", "../search", "edanmdm:a b", "edanmdm:ä", ":x", "edanmdm:" + "x" * 201]
    )
    async def test_an_id_that_cannot_be_costs_no_call(
        self, bench: Bench, smithsonian: SimulatedSmithsonian, id: str
    ) -> None:
        assert await bench.fetch(id) is None
        assert smithsonian.calls == []

    async def test_is_none_for_what_is_not_free(self, bench: Bench) -> None:
        """Each of these records is there, without a free picture."""
        others = [as_json(id)["url"] for id in find("cat") if not is_free(id)][:12]

        assert [await bench.fetch(id) for id in others] == [None] * 12


class TestLicense:
    @pytest.mark.parametrize(
        ("record_access", "picture_access", "shown"),
        [
            ("CC0", "CC0", True),
            ("CC0", "Usage conditions apply", False),
            ("Usage conditions apply", "CC0", False),
            ("CC0", None, False),
            (None, "CC0", False),
            ("cc0 for members", "CC0", False),
            (["CC0"], "CC0", False),
        ],
    )
    async def test_only_cc0_is_shown(
        self, bench: Bench, record_access: object, picture_access: object, shown: bool
    ) -> None:
        """The record has to say so, and the picture itself."""
        row = record(
            {"metadata_usage": {"access": record_access}},
            media=[{**PICTURE, "usage": {"access": picture_access}}],
        )
        image = await lookup(bench, row)

        assert (image is not None) is shown
        if image is not None:
            assert image.license is not None
            assert image.license.id == "cc0-1.0"
            assert image.license.is_public_domain
            assert image.license.commercial
            assert image.license.modification
            assert not image.license.attribution_required
            assert image.declared == Declared("metadata_usage.access + usage.access", "CC0")

    async def test_the_first_free_picture_is_taken(self, bench: Bench) -> None:
        """Models, pictures under conditions, those without a file, and what cannot be read are passed over."""
        closed = {**PICTURE, "usage": {"access": "Usage conditions apply"}}
        unclear = {**PICTURE, "usage": "CC0"}
        model = {**PICTURE, "type": "3d_voyager"}
        no_file = {**PICTURE, "content": 7, "thumbnail": " "}
        other = {**PICTURE, "idsId": "INV-8"}
        image = await found(bench, record(media=[model, "odd", {}, no_file, closed, unclear, PICTURE, other]))

        assert image.identities == ["si:INV-7"]


class TestRenditions:
    def test_files_of_the_delivery_service(self) -> None:
        """Scaled ones by `max`, the one that it delivers, and the JPEG of all pixels, which browsers show."""
        assert plugin._renditions(picture(resources=[TIFF, JPEG, SCREEN])) == [
            Rendition(name="thumbnail", url=f"{SERVICE}?id=INV-7&max=400", width=400, height=208),
            Rendition(name="medium", url=f"{SERVICE}?id=INV-7&max=1280", width=1280, height=666),
            Rendition(name="large", url=f"{SERVICE}?id=INV-7"),
            Rendition(name="original", url=f"{DOWNLOAD}.jpg", width=7682, height=4000, type="image/jpeg"),
        ]

    def test_a_tiff_is_the_original_where_there_is_no_jpeg(self) -> None:
        """Its type says that browsers do not show it."""
        [*_, original] = plugin._renditions(picture(resources=[SCREEN, TIFF]))
        assert original == Rendition(name="original", url=f"{DOWNLOAD}.tif", width=7682, height=4000, type="image/tiff")

    @pytest.mark.parametrize("resources", [None, {}, "odd", [None, 7, {"label": "High-resolution JPEG"}], [SCREEN]])
    def test_without_a_file_of_all_pixels_no_size_is_known(self, resources: object) -> None:
        """The other files stay."""
        renditions = plugin._renditions(picture(resources=resources))
        assert [rendition.name for rendition in renditions] == ["thumbnail", "medium", "large"]
        assert {(rendition.width, rendition.height) for rendition in renditions} == {(None, None)}

    @pytest.mark.parametrize("size", [{}, {"width": 7}, {"width": "7", "height": 7}, {"width": None, "height": None}])
    def test_a_file_without_a_whole_size_has_none(self, size: dict[str, object]) -> None:
        file = {"label": "High-resolution JPEG", "url": f"{DOWNLOAD}.jpg", **size}
        for rendition in plugin._renditions(picture(resources=[file])):
            assert (rendition.width, rendition.height) == (None, None)

    def test_no_file_is_larger_than_the_original(self) -> None:
        small = {**JPEG, "width": 300, "height": 200}
        sizes = [(rendition.width, rendition.height) for rendition in plugin._renditions(picture(resources=[small]))]
        assert sizes == [(300, 200), (300, 200), (None, None), (300, 200)]

    def test_the_delivery_service_scales_a_picture_by_its_ark_too(self) -> None:
        """The stated thumbnail has 90 pixels, which is too little for a preview."""
        ark = f"{SERVICE}/id/ark:/65665/m37"
        renditions = plugin._renditions(picture(content=ark, thumbnail=f"{ark}/90"))
        assert [(rendition.name, rendition.url) for rendition in renditions] == [
            ("thumbnail", f"{ark}/400"),
            ("medium", f"{ark}/1280"),
            ("large", ark),
        ]

    @pytest.mark.parametrize(
        "content",
        [
            "https://collections.nmnh.si.edu/media/?irn=7",
            f"{SERVICE}?id=INV-7&max=900",
            f"{SERVICE}/id/ark:/65665/m37/900",
            "https://elsewhere.example/ids/deliveryService?id=INV-7",
        ],
    )
    def test_elsewhere_the_stated_files_are_taken(self, content: str) -> None:
        """No address is made up for hosts that scale nothing."""
        renditions = plugin._renditions(picture(content=content, thumbnail="https://ids.si.edu/small"))
        assert [(rendition.name, rendition.url) for rendition in renditions] == [
            ("thumbnail", "https://ids.si.edu/small"),
            ("large", content),
        ]

    def test_without_a_thumbnail_there_is_none(self) -> None:
        renditions = plugin._renditions(picture(content="https://collections.nmnh.si.edu/media/?irn=7", thumbnail=None))
        assert [rendition.name for rendition in renditions] == ["large"]

    async def test_files_are_linked_by_https(self, bench: Bench) -> None:
        medium = {**PICTURE, "content": "http://collections.nmnh.si.edu/media/?irn=7", "thumbnail": None}
        [file] = (await found(bench, record(media=[medium]))).renditions
        assert file.url == "https://collections.nmnh.si.edu/media/?irn=7"

    @pytest.mark.parametrize("hostile", ["https://", "/", f"{SERVICE}?id=", "ark:/", " ", "a", "1"])
    def test_hostile_addresses_take_no_time(self, hostile: str) -> None:
        def work(size: int) -> None:
            address = hostile * size
            medium = picture(content=SERVICE + address, thumbnail=address, idsId=address)
            plugin._renditions(medium)
            plugin._identities(medium)
            plugin._source_url(
                msgspec.json.decode(json.dumps(record({"record_link": address, "guid": address})), type=plugin._Row)
            )

        assert is_linear(work, 5_000)


class TestIdentities:
    @pytest.mark.parametrize(
        ("changes", "identities"),
        [
            ({}, ["si:INV-7"]),
            ({"idsId": None}, ["si:INV-7"]),
            ({"idsId": 7, "content": f"{SERVICE}?id=INV-8"}, ["si:INV-8"]),
            ({"idsId": "ark:/65665/m37"}, ["si:ark:/65665/m37"]),
            ({"idsId": "", "content": "https://collections.nmnh.si.edu/media/?irn=7"}, []),
        ],
    )
    def test_the_name_at_the_delivery_service(self, changes: dict[str, object], identities: list[str]) -> None:
        """It is stated, or part of the address."""
        assert plugin._identities(picture(**changes)) == identities


class TestTitle:
    @pytest.mark.parametrize(
        ("described", "of_the_row", "title"),
        [
            (entry("Title", "Object"), "Other", "Object"),
            (entry("Title", "<i>Lid</i> &amp; Pot "), None, "Lid & Pot"),
            (entry("Title", " "), "Other", "Other"),
            ("odd", "<i>Other</i>", "Other"),
            (None, 7, None),
        ],
    )
    async def test_is_that_of_the_description_else_of_the_row(
        self, bench: Bench, described: object, of_the_row: object, title: str | None
    ) -> None:
        row = {**record({"title": described}), "title": of_the_row}
        assert (await found(bench, row)).title == title


class TestAlt:
    @pytest.mark.parametrize(
        ("told", "alt"),
        [
            ("A lid of clay", "A lid of clay"),
            (" A <i>lid</i> &amp; a pot ", "A lid & a pot"),
            ("Object", None),
            ("object.", None),
            ("", None),
            (None, None),
            (7, None),
        ],
    )
    async def test_is_what_the_museum_wrote(self, bench: Bench, told: object, alt: str | None) -> None:
        """It never repeats the title."""
        image = await found(bench, record(media=[{**PICTURE, "altTextAccessibility": told}]))
        assert image.alt == alt

    async def test_without_one_it_is_none(self, bench: Bench) -> None:
        assert (await found(bench, record())).alt is None


class TestAuthor:
    @pytest.mark.parametrize(
        ("names", "author"),
        [
            ([entry("performer", "P"), entry("maker", "M"), entry("Artist", "A")], "A"),
            ([entry("Collector", "C"), entry("Maker", "M1"), entry("Maker", "M2"), entry("maker", "M1")], "M1; M2"),
            ([entry("Collector", "C")], None),
            ([entry("Created by", "B &amp; Co"), entry("collector", "C")], "B & Co"),
            ([entry("Artist", ""), entry("Artist", None), entry(None, "N"), entry("Owner", "O")], None),
            ([entry("Artist", 7), "odd", None, entry("Artist", "A")], "A"),
            ([], None),
        ],
    )
    def test_is_who_made_the_object(self, names: list[object], author: str | None) -> None:
        """All of the most likely role are named. Who collected an object, or keeps it, did not make it."""
        assert plugin._author(texts(name=names)) == (Author(author) if author else None)

    def test_those_that_do_not_fit_are_left_out(self) -> None:
        """No name is cut."""
        author = plugin._author(texts(name=[entry("Maker", f"Example, Ada {number:03}") for number in range(100)]))
        assert author is not None
        assert 180 < len(author.name) <= 200
        assert author.name.endswith("Example, Ada 010")


class TestCredit:
    @pytest.mark.parametrize(
        ("title", "names", "museum", "credit"),
        [
            ("Object", [entry("Artist", "Ada Lind")], "Museum", "Ada Lind, Object. Museum"),
            (
                "Object",
                [entry("Artist", "Lind, A."), entry("Artist", "Marsh, B.")],
                "Museum",
                "Lind, A.; Marsh, B., Object. Museum",
            ),
            ("Object", [], "Museum", "Object. Museum"),
            ("Object", [entry("Collector", "Ada Lind")], "Museum", "Object. Museum"),
            (None, [], "Museum", "Untitled. Museum"),
            ("Portrait of A. Lind Jr.", [], "Museum", "Portrait of A. Lind Jr. Museum"),
            ("Who?", [], "Museum", "Who? Museum"),
            (" <i>Lid</i> &amp;&nbsp;Pot. ", [entry("Maker", "B &amp; C ")], " Museum ", "B & C, Lid & Pot. Museum"),
            ("Object", [], 7, "Object. Smithsonian Institution"),
        ],
    )
    async def test_names_maker_title_and_museum(
        self, bench: Bench, title: object, names: list[object], museum: object, credit: str
    ) -> None:
        """Each part is plain text before it is joined, and the whole links to the record."""
        about = {"title": entry("Title", title), "data_source": museum}
        row = {**record(about, freetext={"name": names}), "title": None}
        shown = attribution(bench.provider.info, await found(bench, row))

        assert shown.text == credit
        assert 'href="https://www.si.edu/object/inv_A7"' in shown.html
        assert shown.markdown.endswith("](https://www.si.edu/object/inv_A7)")


class TestSourceUrl:
    @pytest.mark.parametrize(
        ("link", "guid", "url"),
        [
            ("http://n2t.net/ark:/65665/1", "http://n2t.net/ark:/65665/2", "https://n2t.net/ark:/65665/1"),
            (" https://collections.si.edu/a ", None, "https://collections.si.edu/a"),
            (None, "http://n2t.net/ark:/65665/2", "https://n2t.net/ark:/65665/2"),
            ("no address", "http://n2t.net/ark:/65665/2", "https://n2t.net/ark:/65665/2"),
            ("http://internal.example:8080/x", None, "https://collections.si.edu/search/detail/edanmdm:inv_A7"),
            (7, ["odd"], "https://collections.si.edu/search/detail/edanmdm:inv_A7"),
            ("", "", "https://collections.si.edu/search/detail/edanmdm:inv_A7"),
            (None, None, "https://collections.si.edu/search/detail/edanmdm:inv_A7"),
        ],
    )
    async def test_every_record_has_a_page(self, bench: Bench, link: object, guid: object, url: str) -> None:
        """It is the link, else the lasting address, else the page in the common catalogue, by https."""
        image = await found(bench, record({"record_link": link, "guid": guid}))
        assert image.source_url == url

    async def test_the_id_is_encoded_in_the_page(self, bench: Bench) -> None:
        row = {**record({"record_link": None}), "url": "edanmdm:fsg,_F 1#é?"}
        image = await found(bench, row)
        assert image.source_url == "https://collections.si.edu/search/detail/edanmdm:fsg,_F%201%23%C3%A9%3F"


class TestRecord:
    async def test_is_whole(self, bench: Bench) -> None:
        """Every field of a record reaches ImageVault's."""
        freetext = {
            "name": [entry("Artist", "Ada Lind"), entry("Collector", "B. Marsh")],
            "date": [entry("Accession Date", "1990"), entry("date made", "about 1969")],
            "notes": [entry("Specimen Count", "1"), entry("Description (Brief)", "A <i>lid</i> of clay.")],
            "place": [entry("Place", "Field"), entry("Place", "Farm"), entry("Place", "Field")],
            "objectType": [entry("Object Name", "lid")],
            "physicalDescription": [entry("Medium", "clay"), entry("Dimensions", "9 x 9 cm"), entry("Sex", "Female")],
            "culture": [entry("Culture", "Invented")],
            "taxonomicName": [entry("Common name", "Sparrow"), entry("Taxonomy", "Aves")],
            "identifier": [entry("Accession Number", "000000"), entry("USNM Number", "466243")],
            "creditLine": [entry("Credit Line", "Gift of B. Marsh")],
        }
        topics = {"topic": ["Lids", {"odd": 1}, None, "Mother & Child"]}
        media = [{**PICTURE, "resources": [JPEG], "altTextAccessibility": "A lid"}]
        image = await found(bench, record(media=media, freetext=freetext, indexedStructured=topics))

        assert image.id == "edanmdm:inv_A7"
        assert image.title == "Object"
        assert image.alt == "A lid"
        assert image.description == "A lid of clay."
        assert image.date == "about 1969"
        assert image.extra == {
            "museum": "Museum of Invention",
            "collector": "B. Marsh",
            "place": "Field; Farm",
            "object type": "lid",
            "medium": "clay",
            "dimensions": "9 x 9 cm",
            "culture": "Invented",
            "common name": "Sparrow",
            "catalog number": "466243",
            "credit line": "Gift of B. Marsh",
        }
        assert (image.width, image.height) == (7682, 4000)
        assert image.tags == ["Lids", "Mother & Child"]
        assert image.author == Author("Ada Lind")
        assert image.source_url == "https://www.si.edu/object/inv_A7"
        assert image.flags == Flags(restrictions=[])

    @pytest.mark.parametrize("odd", [None, 7, "odd", ["odd", 7, None], {"odd": 7}, {"name": "odd", "topic": {}}])
    async def test_an_odd_part_is_left_out(self, bench: Bench, odd: object) -> None:
        """The picture is shown all the same."""
        about = dict.fromkeys(("title", "data_source", "record_link", "guid"), odd)
        odd_fields = dict.fromkeys(("thumbnail", "idsId", "altTextAccessibility", "resources"), odd)
        row = record(about, media=[{**PICTURE, **odd_fields}], freetext=odd, indexedStructured=odd)
        image = await found(bench, row)

        assert image.title == "Object"
        assert image.author is None
        assert image.renditions

    @pytest.mark.parametrize("hostile", ["<a ", "&amp;", "<i>", "; ", "  "])
    def test_hostile_texts_take_no_time(self, hostile: str) -> None:
        def work(size: int) -> None:
            group = [entry("Artist", hostile), entry("Medium", hostile)] * size
            read = texts(name=group, physicalDescription=group, notes=[entry("Summary", hostile * size)])
            plugin._author(read)
            plugin._extra(read, "Museum")
            plugin._description(read)

        assert is_linear(work, 500)


class TestBadAnswers:
    @pytest.mark.parametrize("key", ["wrong-key", "x"])
    async def test_a_wrong_key(self, bench: Bench, key: str) -> None:
        """It is named, and not shown."""
        bench.configure({"api_key": key})

        with pytest.raises(Unauthorized) as raised:
            await bench.search("cat")
        assert "wrong-key" not in str(raised.value)

    async def test_the_hour_is_used_up(self, bench: Bench, smithsonian: SimulatedSmithsonian) -> None:
        """A 429 has an error of another form than other answers."""
        smithsonian.remaining = 1
        await bench.search("cat")

        with pytest.raises(RateLimited):
            await bench.search("cat")

    async def test_a_query_that_is_not_understood(self, bench: Bench, smithsonian: SimulatedSmithsonian) -> None:
        smithsonian.fail(Answer({"status": 400, "responseCode": 0, "response": {"error": "bad request"}}, 400))

        with pytest.raises(InvalidResponse):
            await bench.search("cat")

    @pytest.mark.parametrize("response", [{}, {"rows": []}, {"rows": None, "rowCount": 1}, [], None])
    async def test_an_answer_without_rows(
        self, bench: Bench, smithsonian: SimulatedSmithsonian, response: object
    ) -> None:
        """It is not taken for nothing found."""
        smithsonian.fail(Answer({"status": 200, "responseCode": 1, "response": response}))

        with pytest.raises(InvalidResponse):
            await bench.search("cat")

    @pytest.mark.parametrize(
        "fault", [faults.html_page(), faults.cut_json(), faults.wrong_types()], ids=["html", "cut", "types"]
    )
    async def test_an_answer_of_another_form_is_named(
        self, bench: Bench, smithsonian: SimulatedSmithsonian, fault: Fault
    ) -> None:
        smithsonian.fail(fault)
        for call in (bench.search("cat"), bench.fetch(CAT[0]["url"])):
            with pytest.raises(InvalidResponse):
                await call


class TestQuota:
    async def test_what_is_left_is_learned_from_the_header(self) -> None:
        """So nobody has to declare how few calls DEMO_KEY has."""
        info = plugin.provider_info()
        with SimulatedSmithsonian(key=DEMO_KEY) as smithsonian:
            async with Bench(plugin, {"api_key": DEMO_KEY}, smithsonian) as bench:
                await bench.search("cat")
                headers = (await bench.http.get("search?q=cat", headers={"X-Api-Key": DEMO_KEY})).headers

        assert [(quota.limit, quota.period) for quota in info.quotas] == [(1000, "hour")]
        assert headers["X-RateLimit-Limit"] == "10"
        assert reported_quotas(tuple(info.quotas), headers, 0.0) == {"hour": (8, None)}


class TestRecordedAnswers:
    """Answers in the form of the real API, from files."""

    @pytest.fixture
    def smithsonian(self) -> Iterator[Upstream]:
        with Upstream(BASE) as smithsonian:
            yield smithsonian

    async def test_a_row_of_a_search(self, bench: Bench, smithsonian: Upstream) -> None:
        """A bird. The file is one row; the answer around it is added here."""
        row = json.loads((RECORDED / "search_row.json").read_bytes())
        smithsonian.fail(Answer({"response": {"rows": [row], "rowCount": 1}}), times=1)
        page = await bench.search("bird")

        [image] = page.images
        assert image.id == row["url"]
        assert image.title == row["title"]
        assert image.alt is None
        assert image.date == "22 Apr 1958"
        assert image.extra["place"] == "An invented field"
        assert image.extra["collector"] == row["content"]["freetext"]["name"][0]["content"]
        assert image.author is None
        assert (image.source_url or "").startswith("https://n2t.net/ark:/")
        assert [rendition.name for rendition in image.renditions] == ["thumbnail", "large"]
        assert image.tags == row["content"]["indexedStructured"]["topic"]
        assert page.total == 1
        assert page.last

    async def test_a_record_without_media(self, bench: Bench, smithsonian: Upstream) -> None:
        """A puppet: its record is CC0 and says that there are pictures, but has none."""
        smithsonian.fail(Answer((RECORDED / "content_without_media.json").read_bytes()))

        assert await bench.fetch("edanmdm:nmah_99000002") is None

    async def test_a_record_that_is_not_there(self, bench: Bench, smithsonian: Upstream) -> None:
        smithsonian.fail(Answer((RECORDED / "error_404.json").read_bytes(), 404))

        assert await bench.fetch("edanmdm:nmah_0") is None


class TestSimulation:
    def test_has_every_kind_of_record_among_those_found(self) -> None:
        """So the contract meets them."""
        about = [row["content"]["descriptiveNonRepeating"] for row in CAT]
        media = [medium for part in about for medium in part["online_media"]["media"]]
        assert any("record_link" not in part and "guid" in part for part in about)
        assert any("record_link" not in part and "guid" not in part for part in about)
        assert any(medium.get("altTextAccessibility") == "" for medium in media)
        assert any(medium.get("altTextAccessibility") for medium in media)
        assert any("<i>" in part["title"]["content"] for part in about)
