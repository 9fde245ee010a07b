"""The plugin of Europeana against the simulated one, and against invented recordings."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import imagevault_europeana as plugin
import pytest

from imagevault import Author, InvalidResponse, RateLimited, Unauthorized
from imagevault.images.attribution import attribution
from imagevault.search.filters import plan
from imagevault.testing import Answer, Upstream, faults
from imagevault.testing.bench import Bench
from imagevault.testing.contract import ProviderContract
from imagevault.testing.upstreams.europeana import RIGHTS, SimulatedEuropeana, as_json, find, is_portrait, rights

RECORDED = Path(__file__).parent / "recorded" / "europeana"
SETTINGS = {"api_key": "test-key"}
BASE = "/record/v2/"
CC, RS = "http://creativecommons.org/", "http://rightsstatements.org/vocab/"
HIDDEN = {f"{RS}InC-EDU/1.0/"} | {right for right in RIGHTS if RIGHTS[right] == "permission"}
ITEM = {
    "id": "/90402/SK_A_7",
    "type": "IMAGE",
    "rights": [f"{CC}licenses/by/4.0/"],
    "dataProvider": ["Museum of Invention", "Another"],
    "edmIsShownBy": ["https://images.example.org/7.jpg"],
    "edmPreview": ["https://api.europeana.eu/thumbnail/v2/url.json?uri=https%3A%2F%2Fx&type=IMAGE"],
    "title": ["Ding"],
    "guid": "https://www.europeana.eu/item/90402/SK_A_7?utm_source=api&utm_campaign=test-key",
}


def is_shown(number: int) -> bool:
    """Whether a simulated item is a picture with a preview and a work, that somebody may use and Europeana may show."""
    item = as_json(number)
    whole = item["type"] == "IMAGE" and "edmIsShownBy" in item and "edmPreview" in item
    return whole and not item["previewNoDistribute"] and rights(number) not in HIDDEN


CAT = [as_json(number)["id"] for number in find("cat") if is_shown(number)]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def europeana() -> Iterator[SimulatedEuropeana]:
    with SimulatedEuropeana() as europeana:
        yield europeana


@pytest.fixture
async def bench(europeana: SimulatedEuropeana) -> Any:
    async with Bench(plugin, SETTINGS, europeana) as bench:
        yield bench


async def given(bench: Bench, **change: object) -> Any:
    """An item with these changes, found by a search; None if it is left out."""
    assert bench.upstream is not None
    bench.upstream.fail(Answer({"success": True, "totalResults": 1, "items": [{**ITEM, **change}]}), times=1)
    images = (await bench.search("cat")).images
    return images[0] if images else None


class TestContract(ProviderContract):
    plugin = plugin
    settings = SETTINGS
    hosts_of_strangers = True

    def upstream(self) -> SimulatedEuropeana:
        return SimulatedEuropeana()


class TestSearch:
    async def test_asks_as_documented(self, bench: Bench, europeana: SimulatedEuropeana) -> None:
        """For pictures with a preview and a file, that may be used in some way; `start` counts from 1."""
        await bench.search("red fox", 3)

        (call,) = europeana.calls
        assert call.path == f"{BASE}search.json"
        assert sorted(call.query.multi_items()) == [
            ("media", "true"),
            ("profile", "rich"),
            ("qf", "TYPE:IMAGE"),
            ("query", "red fox"),
            ("reusability", "open"),
            ("reusability", "restricted"),
            ("rows", "100"),
            ("start", "201"),
            ("thumbnail", "true"),
        ]

    async def test_the_key_is_in_no_address(self, bench: Bench, europeana: SimulatedEuropeana) -> None:
        """Neither in ours nor in those of the records, though Europeana puts it into each of its own."""
        page = await bench.search("cat")
        await bench.fetch(CAT[0])

        assert {call.headers["x-api-key"] for call in europeana.calls} == {"test-key"}
        assert not [call for call in europeana.calls if "test-key" in f"{call.path}?{call.query}"]
        assert "test-key" in as_json(1)["guid"]
        assert "test-key" not in str(page)

    async def test_shows_what_may_be_used(self, bench: Bench) -> None:
        """In the order of the items, until there are no more."""
        pages = [await bench.search("cat", number) for number in (1, 2, 3)]

        assert [image.id for page in pages for image in page.images] == CAT
        assert [page.last for page in pages] == [False, False, True]
        assert all((page.total or 0) >= len(CAT) for page in pages)

    async def test_lists_end_where_start_and_rows_are_a_thousand(
        self, bench: Bench, europeana: SimulatedEuropeana
    ) -> None:
        """The last page is cut by one, for it would be refused; there is none behind it, and no call for it."""
        ninth, tenth = await bench.search("everything", 9), await bench.search("everything", 10)
        beyond = await bench.search("everything", 11)

        asked = [(call.query["start"], call.query["rows"]) for call in europeana.calls]
        assert asked == [("801", "100"), ("901", "99")]
        assert (ninth.last, tenth.last, beyond.last) == (False, True, True)
        assert tenth.images
        assert not beyond.images
        assert (tenth.total or 0) > 1000
        assert bench.provider.info.max_results == 1000

    async def test_a_page_that_no_longer_comes_out_even(self, bench: Bench, europeana: SimulatedEuropeana) -> None:
        """With another page size the last is shorter."""
        bench.configure({**SETTINGS, "page_size": 70})
        page = await bench.search("everything", 15)

        assert (europeana.calls[0].query["start"], europeana.calls[0].query["rows"]) == ("981", "19")
        assert page.last

    @pytest.mark.parametrize("orientation", ["landscape", "portrait"])
    async def test_filters_by_shape(self, bench: Bench, europeana: SimulatedEuropeana, orientation: str) -> None:
        """Which the records do not tell."""
        native = plan(bench.provider.info, {"orientation": orientation}).native
        page = await bench.search("cat", native=native)

        assert europeana.calls[0].query.get_list("qf") == [f"IMAGE_ASPECTRATIO:{orientation}", "TYPE:IMAGE"]
        shapes = {is_portrait(int(image.id.rpartition("_")[2][:7])) for image in page.images}
        assert shapes == {orientation == "portrait"}

    @pytest.mark.parametrize(
        ("text", "sent"),
        [
            ('the "red" (fox)', "the red fox"),
            ("who:rembrandt", "who rembrandt"),
            ("cat -dog +bird", "cat dog bird"),
            ("black-and-white c+d a&b 100%", "black-and-white c+d a&b 100%"),
            ("a && b || !c [1 to 2] {x}~2 ca*t? km/h \\", "a b c 1 to 2 x 2 ca t km h"),
        ],
    )
    async def test_words_are_words(self, bench: Bench, europeana: SimulatedEuropeana, text: str, sent: str) -> None:
        """Not the query language of their search engine, in which most people err."""
        await bench.search(text)

        assert europeana.calls[0].query["query"] == sent

    @pytest.mark.parametrize("text", ["?", "*", "*:*", '""', "- +"])
    async def test_no_words_find_nothing(self, bench: Bench, europeana: SimulatedEuropeana, text: str) -> None:
        """Rather than everything, and without a call."""
        page = await bench.search(text)

        assert (page.images, page.last) == ([], True)
        assert europeana.calls == []


class TestLicense:
    @pytest.mark.parametrize(
        ("address", "id", "flags"),
        [
            (f"{CC}publicdomain/mark/1.0/", "pdm-1.0", (False, True, True)),
            (f"{CC}publicdomain/zero/1.0/", "cc0-1.0", (False, True, True)),
            (f"{CC}licenses/by/4.0/", "cc-by-4.0", (True, True, True)),
            (f"{CC}licenses/by-sa/3.0/nl/", "cc-by-sa-3.0-nl", (True, True, True)),
            (f"{CC}licenses/by-nc/4.0/", "cc-by-nc-4.0", (True, False, True)),
            (f"{CC}licenses/by-nd/2.5/", "cc-by-nd-2.5", (True, True, False)),
            (f"{CC}licenses/by-nc-nd/3.0/de/deed.de", "cc-by-nc-nd-3.0-de", (True, False, False)),
            (f"{RS}NoC-NC/1.0/", "noc-nc-1.0", (False, False, True)),
            ("https://rightsstatements.org/vocab/NoC-NC/1.0", "noc-nc-1.0", (False, False, True)),
            (f"{RS}NoC-OKLR/1.0/", "noc-oklr-1.0", (False, False, False)),
        ],
    )
    async def test_of_what_is_shown(self, bench: Bench, address: str, id: str, flags: tuple[bool, ...]) -> None:
        """Its lasting id, and what it asks for and allows: credit, commercial use, changes."""
        license = (await given(bench, rights=[address, f"{RS}InC/1.0/"])).license

        assert license.id == id
        assert (license.attribution_required, license.commercial, license.modification) == flags
        assert license.url.startswith("https://")
        assert license.public_domain is (id in {"pdm-1.0", "cc0-1.0"})

    @pytest.mark.parametrize(
        "address",
        [
            f"{RS}InC/1.0/",
            f"{RS}InC-EDU/1.0/",
            f"{RS}InC-OW-EU/1.0/",
            f"{RS}CNE/1.0/",
            "http://www.europeana.eu/rights/rr-f/",
            "http://museum.example/NoC-NC/1.0/",
            "",
        ],
    )
    async def test_what_nobody_may_use_is_not_shown(self, bench: Bench, address: str) -> None:
        """In copyright, for education only, not evaluated, unknown: no flag of ours could say that."""
        assert await given(bench, rights=[address]) is None

    async def test_filters_are_exact(self, bench: Bench) -> None:
        """`reusability` cannot say them, for BY-ND is commercial and not `open`; so they are tested on the records."""
        images = (await bench.search("cat")).images
        shown = {}
        for wanted in ("commercial", "modification", "public-domain"):
            planned = plan(bench.provider.info, {"license": wanted})
            assert planned.native == {}
            shown[wanted] = {image.license.id for image in images if image.license and planned.matches(image)}

        free = {"pdm-1.0", "cc0-1.0"}
        open = {*free, "cc-by-4.0", "cc-by-sa-3.0-nl"}
        assert shown == {
            "commercial": open | {"cc-by-nd-4.0"},
            "modification": open | {"cc-by-nc-sa-4.0", "noc-nc-1.0"},
            "public-domain": free,
        }


class TestRecord:
    async def test_is_whole(self, bench: Bench) -> None:
        """Each field from the list or the map that has it; the page without what their links add to it."""
        image = await given(
            bench,
            dcCreatorLangAware={"def": ["Ada Lind"]},
            edmConceptPrefLabelLangAware={"de": ["Druck"], "en": ["Print", "Paper"]},
        )

        assert (image.id, image.title, image.alt) == ("/90402/SK_A_7", "Ding", "Ding")
        assert (image.author, image.tags) == (Author("Ada Lind"), ["Print", "Paper"])
        assert image.source_url == "https://www.europeana.eu/item/90402/SK_A_7"
        assert (image.width, image.height, image.color) == (None, None, None)
        assert [(rendition.name, rendition.url, rendition.width) for rendition in image.renditions] == [
            ("thumbnail", ITEM["edmPreview"][0], None),
            ("original", "https://images.example.org/7.jpg", None),
        ]

    @pytest.mark.parametrize(
        ("title", "languages", "expected"),
        [
            (["Ding", "Thing"], {}, "Ding"),
            (["Ding"], {"de": ["Ding"], "en": ["Thing"]}, "Thing"),
            (["Ding"], {"en": []}, "Ding"),
            ([], {"en": ["Thing"]}, "Thing"),
            ([], {}, None),
            (["<b>Ding</b> &amp;\n mehr"], {}, "Ding & mehr"),
        ],
    )
    async def test_the_title(self, bench: Bench, title: object, languages: object, expected: object) -> None:
        """In English, else the first; items without one are shown too."""
        image = await given(bench, title=title, dcTitleLangAware=languages)

        assert image.title == expected

    @pytest.mark.parametrize(
        ("creators", "name"),
        [
            ({"def": ["http://data.europeana.eu/agent/1", "Ada Lind"]}, "Ada Lind"),
            ({"nl": ["Anna Linde"], "en": ["Ada Lind"]}, "Ada Lind"),
            ({"nl": ["Anna Linde"], "def": ["Ada Lind"]}, "Ada Lind"),
            ({"def": ["http://data.europeana.eu/agent/1"], "nl": ["Anna Linde"]}, "Anna Linde"),
            ({"def": ["http://data.europeana.eu/agent/1"]}, "Museum of Invention"),
            ({}, "Museum of Invention"),
        ],
    )
    async def test_the_author(self, bench: Bench, creators: object, name: str) -> None:
        """In English or no language before others; an address is no name; else the museum that has it."""
        image = await given(bench, dcCreatorLangAware=creators)

        assert image.author == Author(name)
        assert name in attribution(bench.provider.info, image).text

    async def test_the_author_who_is_told_by_a_link(self, bench: Bench) -> None:
        """The name of that link stands elsewhere in the answer, among others that are not the maker's."""
        link = "http://data.example/agent/7"
        agents = {"edmAgent": [f"{link}0", link], "edmAgentLabel": [{"def": "Somebody Else"}, {"def": "Ada Lind"}]}

        image = await given(bench, dcCreatorLangAware={"def": [link]}, **agents)

        assert image.author == Author("Ada Lind")

    @pytest.mark.parametrize(
        ("change", "credit"),
        [
            ({"dcCreatorLangAware": {"def": ["Ada Lind"]}}, "Ding, Ada Lind. Museum of Invention via Europeana."),
            ({}, "Ding. Museum of Invention via Europeana."),
            ({"title": []}, "Untitled. Museum of Invention via Europeana."),
        ],
    )
    async def test_the_credit(self, bench: Bench, change: Mapping[str, Any], credit: str) -> None:
        """Title, creator, museum, and the licence with its address, as Creative Commons asks for."""
        told = attribution(bench.provider.info, await given(bench, **change))

        assert told.text == f"{credit} CC BY 4.0, https://creativecommons.org/licenses/by/4.0/"
        assert 'href="https://www.europeana.eu/item/90402/SK_A_7"' in told.html

    async def test_works_are_linked_by_https(self, bench: Bench) -> None:
        """As browsers do it themselves in pages that are; previews are at the API's own host."""
        image = await given(
            bench,
            edmIsShownBy=["http://images.example.org/a?next=http://b", "http://images.example.org/2"],
            edmPreview=["http://api.europeana.eu/thumbnail/v2/url.json?uri=http%3A%2F%2Fx"],
        )

        assert [rendition.url for rendition in image.renditions] == [
            "https://api.europeana.eu/thumbnail/v2/url.json?uri=http%3A%2F%2Fx",
            "https://images.example.org/a?next=http://b",
        ]
        assert bench.provider.info.file_hosts == {"api.europeana.eu"}

    @pytest.mark.parametrize(
        "change",
        [
            {"type": "TEXT"},
            {"previewNoDistribute": True},
            {"rights": []},
            {"rights": None},
            {"edmPreview": []},
            {"edmIsShownBy": []},
            {"edmIsShownBy": "https://images.example.org/7.jpg"},
            {"dataProvider": []},
            {"id": None},
            {"title": "Ding"},
        ],
    )
    async def test_what_is_no_picture_to_show_is_left_out(
        self, bench: Bench, europeana: SimulatedEuropeana, change: Mapping[str, object]
    ) -> None:
        """It alone; also what Europeana must not distribute a preview of."""
        before = [image.id for image in (await bench.given("cat")).images]
        odd = {**ITEM, **change}
        europeana.fail(faults.changed(lambda content: content["items"].insert(3, odd)))

        after = [image.id for image in (await bench.given("cat")).images]

        assert after == before
        assert len(before) > 50


class TestLookup:
    async def test_finds_what_a_search_gave(self, bench: Bench, europeana: SimulatedEuropeana) -> None:
        """The very same record, whatever its id looks like."""
        page = await bench.search("cat")

        odd = next(id for id in CAT if "%" in id)
        for image in page.images[:3]:
            assert await bench.fetch(image.id) == image
        found = await bench.fetch(odd)
        assert found is not None
        assert found.id == odd
        assert found.source_url == f"https://www.europeana.eu/item{quote(odd)}"
        assert europeana.calls[-1].query["query"] == f'europeana_id:"{odd}"'

    async def test_is_none_for_what_nobody_may_use(self, bench: Bench) -> None:
        """Though it is there."""
        hidden = [as_json(number)["id"] for number in find("cat") if rights(number) in HIDDEN][:8]

        assert [await bench.fetch(id) for id in hidden] == [None] * 8

    async def test_is_none_for_what_is_not_there(self, bench: Bench, europeana: SimulatedEuropeana) -> None:
        """Nor is another taken for it."""
        assert await bench.fetch("/90402/SK_A_0") is None
        europeana.fail(Answer({"success": True, "items": [ITEM]}))
        assert await bench.fetch("/90402/SK_A_0") is None
        assert await bench.fetch("/90402/SK_A_7") is not None

    @pytest.mark.parametrize(
        "id",
        [
            "",
            "/",
            "90402/SK_A_7",
            "/90402",
            "/90402/",
            "//x",
            "/a/b/c",
            '/a/b" OR "',
            "/a/b\\",
            "/a b/c",
            "/a/ä",
            "/ä/b",
            "/../x",
        ],
    )
    async def test_an_id_that_cannot_be_costs_no_call(
        self, bench: Bench, europeana: SimulatedEuropeana, id: str
    ) -> None:
        """A slash, the data set, a slash, a name; and it never ends the quotes that it stands in."""
        assert await bench.fetch(id) is None
        assert europeana.calls == []

    @pytest.mark.parametrize("safe", ["/:", ""])
    async def test_the_slashes_of_an_id_survive_the_whole_way(
        self, europeana: SimulatedEuropeana, start: Any, tmp_path: Path, safe: str
    ) -> None:
        """From a search through the REST API and back, written with its slashes or encoded."""
        plugins = tmp_path / "plugins"
        plugins.mkdir()
        shutil.copy(plugin.__file__, plugins / "heritage.py")
        settings = {"HERITAGE_API_KEY": "test-key", "HERITAGE_BASE_URL": europeana.url}
        api = await start({"IMAGEVAULT_PLUGINS_DIR": str(plugins), **settings})
        headers = await api.sign_in()

        listed = (await api.get("/search?q=cat&provider=heritage&per_page=5", headers=headers)).json()["images"]
        again = [
            (await api.get(f"/images/{quote(image['id'], safe=safe)}", headers=headers)).json() for image in listed
        ]

        assert [image["id"] for image in listed] == [f"heritage:{id}" for id in CAT[:5]]
        assert again == listed


class TestTrouble:
    @pytest.mark.parametrize("fails_as_ok", [False, True])
    async def test_a_wrong_key(self, bench: Bench, europeana: SimulatedEuropeana, fails_as_ok: bool) -> None:
        """Under 401 and under 200; and it is not shown, though the answer repeats it."""
        europeana.fails_as_ok = fails_as_ok
        bench.configure({"api_key": "another-key"})

        for ask in (bench.search("cat"), bench.fetch("/90402/SK_A_7")):
            with pytest.raises(Unauthorized) as raised:
                await ask
            assert "another-key" not in str(raised.value)

    @pytest.mark.parametrize("fails_as_ok", [False, True])
    async def test_the_day_is_used_up(self, bench: Bench, europeana: SimulatedEuropeana, fails_as_ok: bool) -> None:
        """Under 429 and under 200; the words of it name the key too, which is not at fault."""
        europeana.used_up, europeana.fails_as_ok = True, fails_as_ok

        for ask in (bench.search("cat"), bench.fetch("/90402/SK_A_7")):
            with pytest.raises(RateLimited):
                await ask

    @pytest.mark.parametrize("status", [200, 400])
    async def test_another_failure(self, bench: Bench, europeana: SimulatedEuropeana, status: int) -> None:
        """Is none of ours to guess, and not taken for nothing found."""
        europeana.fail(Answer({"success": False, "error": "Invalid query parameter."}, status))

        with pytest.raises(InvalidResponse):
            await bench.search("cat")

    async def test_an_answer_that_says_neither(self, bench: Bench, europeana: SimulatedEuropeana) -> None:
        """Every answer has `success`."""
        europeana.fail(Answer({"items": []}))

        with pytest.raises(InvalidResponse):
            await bench.search("cat")


async def test_recorded_search() -> None:
    """Three invented items of a library, CC0, by http only: named by `edmAgentLabel`, anonymous, and without a name."""
    content = json.loads((RECORDED / "search.json").read_bytes())
    with Upstream(BASE) as recorded:
        async with Bench(plugin, SETTINGS, recorded) as bench:
            recorded.fail(Answer(content))
            page = await bench.search("cat")
            credits = [attribution(bench.provider.info, image).text for image in page.images]

    assert [image.id for image in page.images] == [item["id"] for item in content["items"]]
    assert [image.title for image in page.images] == [item["title"][0] for item in content["items"]]
    assert (page.total, page.last) == (27, True)
    assert {image.license.id for image in page.images if image.license} == {"cc0-1.0"}
    house = content["items"][0]["dataProvider"][0]
    names = [image.author.name for image in page.images if image.author]
    assert names == ["Example, Ada, 1810-1880", "Anonymous", house]
    assert all(f"{house} via Europeana. CC0 1.0" in credit for credit in credits)
    assert {image.source_url for image in page.images} == {item["guid"].partition("?")[0] for item in content["items"]}
    links = [rendition.url or "" for image in page.images for rendition in image.renditions]
    assert len(links) == 6
    assert all(link.startswith("https://") for link in links)
