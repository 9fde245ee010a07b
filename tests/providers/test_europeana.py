"""Tests of the Europeana provider: its functions one by one, then its hooks against a simulated Europeana."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import imagevault_europeana as plugin
import msgspec
import pytest

from imagevault import Author, Declared, Flags, InvalidResponse, Page, RateLimited, Rendition, Unauthorized
from imagevault.images.attribution import attribution
from imagevault.search.filters import plan
from imagevault.testing import Answer, Upstream, faults
from imagevault.testing.bench import Bench
from imagevault.testing.contract import ProviderContract
from imagevault.testing.upstreams.europeana import RIGHTS, SimulatedEuropeana, as_json, find, is_portrait, rights
from tests.support.linear_time import is_linear

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


def item(**changes: object) -> plugin._Item:
    """The decoded ITEM with these changes."""
    return msgspec.convert({**ITEM, **changes}, plugin._Item)


def is_shown(number: int) -> bool:
    """Whether a simulated item is a picture with a preview and a work, that somebody may use and Europeana may show."""
    item = as_json(number)
    whole = item["type"] == "IMAGE" and "edmIsShownBy" in item and "edmPreview" in item
    return whole and not item["previewNoDistribute"] and rights(number) not in HIDDEN


CAT = [as_json(number)["id"] for number in find("cat") if is_shown(number)]


async def walk(bench: Bench, text: str) -> list[Page]:
    """All pages of a search."""
    pages = [await bench.search(text)]
    while (token := pages[-1].next) is not None:
        pages.append(await bench.search(text, len(pages) + 1, token=token))
    return pages


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
        """For pictures with a preview and a file, that may be used in some way, by relevance, from the first one."""
        await bench.search("red fox")

        (call,) = europeana.calls
        assert call.path == f"{BASE}search.json"
        assert sorted(call.query.multi_items()) == [
            ("cursor", "*"),
            ("media", "true"),
            ("profile", "rich"),
            ("qf", "TYPE:IMAGE"),
            ("query", "red fox"),
            ("reusability", "open"),
            ("reusability", "restricted"),
            ("rows", "100"),
            ("sort", "score desc,europeana_id asc"),
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
        pages = await walk(bench, "cat")

        assert [image.id for page in pages for image in page.images] == CAT
        assert [page.last for page in pages] == [False, False, True]
        assert all((page.total or 0) >= len(CAT) for page in pages)

    async def test_lists_go_on_behind_a_thousand_items(self, bench: Bench, europeana: SimulatedEuropeana) -> None:
        """By the cursor of each answer, without `start`, to the last item, and without a call for an empty page."""
        pages = await walk(bench, "everything")

        everything = [as_json(number)["id"] for number in find("everything") if is_shown(number)]
        assert [image.id for page in pages for image in page.images] == everything
        assert (pages[0].total or 0) > 1000
        assert len(europeana.calls) == len(pages) == -(-(pages[0].total or 0) // 100)
        assert [call.query["cursor"] for call in europeana.calls] == ["*", *(page.next for page in pages[:-1])]
        assert not [call for call in europeana.calls if "start" in call.query]
        assert bench.provider.info.max_results is None

    @pytest.mark.parametrize(
        ("items", "cursor", "next_cursor"),
        [(100, "b", "b"), (100, None, None), (99, "b", None), (0, None, None)],
    )
    def test_the_next_cursor(self, items: int, cursor: str | None, next_cursor: str | None) -> None:
        """A page that is not full is the last one; so is one whose answer names no cursor."""
        listing = plugin._Listing(success=True, next_cursor=cursor, items=[msgspec.Raw(b"{}")] * items)

        assert plugin._next_cursor(listing, 100) == next_cursor

    async def test_a_full_last_page(self, bench: Bench, europeana: SimulatedEuropeana) -> None:
        """Its answer names a cursor too, that of an empty page."""
        total = (await bench.search("few")).total
        bench.configure({**SETTINGS, "page_size": total})
        pages = await walk(bench, "few")

        assert [len(page.images) > 0 for page in pages] == [True, False]
        assert pages[-1].last

    async def test_another_page_size(self, bench: Bench) -> None:
        """Finds the same."""
        bench.configure({**SETTINGS, "page_size": 70})

        assert [image.id for page in await walk(bench, "cat") for image in page.images] == CAT

    @pytest.mark.parametrize("cursor", ["no cursor", "bm8gY3Vyc29y", "OjYwMDAwMDE="])
    async def test_a_cursor_that_is_refused(self, bench: Bench, cursor: str) -> None:
        """Neither text, nor base64 of anything, nor the cursor of another order is taken for the first page."""
        with pytest.raises(InvalidResponse):
            await bench.search("cat", 2, token=cursor)

    @pytest.mark.parametrize("orientation", ["landscape", "portrait"])
    async def test_filters_by_shape(self, bench: Bench, europeana: SimulatedEuropeana, orientation: str) -> None:
        """Which the records do not tell."""
        native = plan(bench.provider.info, {"orientation": orientation}).native
        page = await bench.search("cat", native=native)

        assert europeana.calls[0].query.get_list("qf") == [f"IMAGE_ASPECTRATIO:{orientation}", "TYPE:IMAGE"]
        shapes = {is_portrait(int(image.id.rpartition("_")[2][:7])) for image in page.images}
        assert shapes == {orientation == "portrait"}

    @pytest.mark.parametrize("text", ["cat -dog", "black AND white", 'who:"rose*"'])
    async def test_words_are_sent_without_operators(
        self, bench: Bench, europeana: SimulatedEuropeana, text: str
    ) -> None:
        """The simulated Europeana refuses a query with an operator."""
        await bench.search(text)

        assert europeana.calls[0].query["query"] == plugin._words(text)

    @pytest.mark.parametrize("text", ["?", "*", "*:*", '""', "- +"])
    async def test_no_words_find_nothing(self, bench: Bench, europeana: SimulatedEuropeana, text: str) -> None:
        """Rather than everything, and without a call."""
        page = await bench.search(text)

        assert (page.images, page.next) == ([], None)
        assert europeana.calls == []


class TestWords:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("cat -dog +bird", "cat dog bird"),
            ("cat - dog --fox", "cat dog fox"),
            ("cats AND dogs OR NOT mice", "cats and dogs or not mice"),
            ("(AND) -OR", "and or"),
            ("and And Androcles ORANGE", "and And Androcles ORANGE"),
            ("who:rembrandt", "who rembrandt"),
            ('the "red" (fox)', "the red fox"),
            ("a && b || !c [1 to 2] {x}~2 ca*t? km/h^4 \\", "a b c 1 to 2 x 2 ca t km h 4"),
            ("black-and-white c+d c++ a&b 100% e#f g=h 日本", "black-and-white c+d c++ a&b 100% e#f g=h 日本"),
            ("İstanbul Σίσυφος", "İstanbul Σίσυφος"),
            ('"-*:" + -', ""),
        ],
    )
    def test_operators_become_words(self, text: str, words: str) -> None:
        """What is no operator stays letter by letter."""
        assert plugin._words(text) == words

    @pytest.mark.parametrize("piece", ["-", "&", "|", '"', "AND ", "(-"])
    def test_hostile_words_take_linear_time(self, piece: str) -> None:
        assert is_linear(lambda size: plugin._words(piece * size), 20_000)


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
        assert license.is_public_domain is (id in {"pdm-1.0", "cc0-1.0"})

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


class TestDeclared:
    def test_the_statement_as_it_was_sent(self) -> None:
        image = plugin._image(item(rights=[f"{RS}NoC-NC/1.0/"]))

        assert image is not None
        assert image.declared == Declared("rights", f"{RS}NoC-NC/1.0/")

    @pytest.mark.parametrize(
        ("address", "restrictions"),
        [
            (f"{CC}licenses/by/4.0/", []),
            (f"{RS}NoC-NC/1.0/", ["Non-Commercial Use Only"]),
            (f"{RS}NoC-OKLR/1.0/", ["Other Known Legal Restrictions"]),
        ],
    )
    def test_limits_beside_copyright_are_flags(self, address: str, restrictions: list[str]) -> None:
        """Europeana states no other flag, and so declares none."""
        flags = plugin._flags(item(rights=[address]))

        assert flags == Flags(restrictions=restrictions or ())
        assert plugin.provider_info().declares == frozenset()

    @pytest.mark.parametrize("piece", ["http://", "a-", "/", f"{RS}NoC"])
    def test_hostile_rights_take_linear_time(self, piece: str) -> None:
        assert is_linear(lambda size: plugin._license(item(rights=[piece * size])), 20_000)


class TestTitle:
    @pytest.mark.parametrize(
        ("title", "languages", "expected"),
        [
            (["Ding", "Thing"], {}, "Ding"),
            (["Ding"], {"de": ["Ding"], "en": ["Thing"]}, "Thing"),
            (["Ding"], {"en": []}, "Ding"),
            ([], {"en": ["Thing"]}, "Thing"),
            ([], {}, None),
            (None, None, None),
            ([None, " ", "Ding "], {}, "Ding"),
            ("Ding", {"en": "Thing"}, "Thing"),
            (["DSC_0228.JPG", "Ding"], {}, "Ding"),
            (["scan-7.tif"], {}, None),
            (["A letter about scan.tif"], {}, "A letter about scan.tif"),
            (["http://museum.example/7"], {}, None),
        ],
    )
    def test_in_english_else_the_first(self, title: object, languages: object, expected: str | None) -> None:
        """Neither a file name nor a link is a title."""
        assert plugin._title(item(title=title, dcTitleLangAware=languages)) == expected

    async def test_letter_by_letter(self, bench: Bench) -> None:
        """Europeana sends plain text."""
        image = await given(bench, title=["<Ding> &amp;\n coffee&notes"])

        assert image.title == "<Ding> &amp; coffee&notes"

    @pytest.mark.parametrize("piece", [".jpg", "a", "a.", "x.tif "])
    def test_hostile_titles_take_linear_time(self, piece: str) -> None:
        assert is_linear(lambda size: plugin._title(item(title=[piece * size])), 20_000)


class TestDescription:
    @pytest.mark.parametrize(
        ("languages", "description"),
        [
            ({"de": ["Ein Blatt", "Signiert."], "en": ["A sheet.", "Signed"]}, "A sheet. Signed"),
            ({"de": ["Ein Blatt", "Signiert."]}, "Ein Blatt. Signiert."),
            (
                {"def": ["http://museum.example/7"], "de": ["Siehe http://museum.example/7 dort"]},
                "Siehe http://museum.example/7 dort",
            ),
            ({}, None),
        ],
    )
    def test_all_texts_of_one_language(self, languages: object, description: str | None) -> None:
        assert plugin._description(item(dcDescriptionLangAware=languages)) == description

    async def test_it_is_no_alt(self, bench: Bench) -> None:
        """Nothing says what the picture shows."""
        image = await given(bench, dcDescriptionLangAware={"def": ["Ein Blatt"]})

        assert (image.description, image.alt) == ("Ein Blatt", None)


class TestDate:
    @pytest.mark.parametrize(
        ("year", "date"),
        [(["1806"], "1806"), (["1806", "1806"], "1806"), (["1806", "2013"], None), ([], None), (None, None)],
    )
    def test_one_year_is_that_of_the_work(self, year: object, date: str | None) -> None:
        """Of several, nothing says which."""
        assert plugin._date(item(year=year)) == date


class TestExtra:
    def test_the_institution_and_places(self) -> None:
        """A link is no place."""
        found = plugin._extra(item(dctermsSpatial=["Oslo", "http://data.europeana.eu/place/base/7", "Bergen"]))

        assert found == {"institution": "Museum of Invention", "place": "Oslo; Bergen"}

    def test_the_institution_alone(self) -> None:
        assert plugin._extra(item()) == {"institution": "Museum of Invention"}


class TestTags:
    @pytest.mark.parametrize(
        ("languages", "tags"),
        [
            ({"de": ["Druck"], "en": ["Print", "Paper"]}, ["Print", "Paper"]),
            ({"fr": ["Estampe"], "de": ["Druck"]}, ["Druck"]),
            ({"fr": ["Estampe"]}, ["Estampe"]),
            ({"en": [], "fr": ["Estampe"]}, ["Estampe"]),
            (None, []),
        ],
    )
    async def test_in_english_else_in_the_language_of_the_record(
        self, bench: Bench, languages: object, tags: list[str]
    ) -> None:
        image = await given(bench, edmConceptPrefLabelLangAware=languages, language=["de"])

        assert image.tags == tags


MUSEUMS = "http://museum.example/people/"
AGENTS = {
    "edmAgent": [f"{MUSEUMS}1", f"{MUSEUMS}2", f"{MUSEUMS}3"],
    "edmAgentLabel": [{"def": "Lind, Ada, 1810-1880"}, {"def": "Somebody Depicted"}, {"def": "Bo Marsh"}],
    "edmAgentLabelLangAware": {"de": ["Lind, Ada, 1810-1880", "Somebody Depicted", "Bo Marsh"]},
}
ONE_AGENT = {
    "edmAgent": ["http://data.europeana.eu/agent/base/1"],
    "edmAgentLabel": [{"def": "Lind, Ada"}, {"def": "Ada Lind"}, {"def": "Ада Линд"}],
    "edmAgentLabelLangAware": {"fr": ["Lind, Ada"], "de": ["Ada Lind"], "ru": ["Ада Линд"]},
}


class TestAuthor:
    @pytest.mark.parametrize(
        ("creators", "name"),
        [
            ({"def": ["Ada Lind"]}, "Ada Lind"),
            ({"def": ["Lind, Ada", "Marsh, Bo", "Fay"]}, "Lind, Ada; Marsh, Bo; Fay"),
            ({"def": ["Ada Lind"], "de": ["Bo Marsh"]}, "Ada Lind; Bo Marsh"),
            ({"de": ["Unbekannt"], "en": ["Unknown"]}, "Unbekannt"),
            ({"def": ["Unbekannt"], "en": ["Unknown"]}, "Unbekannt"),
            ({"en": ["Unknown"], "nl": ["Onbekend"]}, "Onbekend"),
            ({"def": ["http://data.europeana.eu/agent/1"], "en": ["Ada Lind"]}, "Ada Lind"),
            ({"def": ["Lind, Ada, 1810-1880", "Ada Lind", "LIND, ADA"]}, "Lind, Ada, 1810-1880"),
            ({"def": ["1810", "1811"]}, "1810; 1811"),
            ({"def": "Ada Lind"}, "Ada Lind"),
            ({"def": [None, " ", " Ada Lind "]}, "Ada Lind"),
            ({"def": ["Ada Lind (see http://museum.example/1)"]}, "Ada Lind (see http://museum.example/1)"),
        ],
    )
    def test_all_creators_in_the_language_of_the_record(self, creators: object, name: str) -> None:
        """A translation counts only where there is no original, and each name once."""
        assert plugin._author(item(dcCreatorLangAware=creators, language=["de"])) == Author(name)

    @pytest.mark.parametrize(
        "creators",
        [
            None,
            {},
            {"def": []},
            {"def": ["http://data.europeana.eu/agent/1", "https://d-nb.info/gnd/1"]},
            {"def": ["#DE-7_Beteiligte_r"], "de": ["urn:nbn:de:7", "_:b7"]},
        ],
    )
    async def test_neither_an_id_nor_the_institution_is_an_author(self, bench: Bench, creators: object) -> None:
        image = await given(bench, dcCreatorLangAware=creators, language=["de"])

        assert image.author is None
        assert attribution(bench.provider.info, image).text.startswith("Ding. Museum of Invention via Europeana.")

    @pytest.mark.parametrize(
        ("creators", "agents", "name"),
        [
            ([f"{MUSEUMS}1", f"{MUSEUMS}3"], AGENTS, "Lind, Ada, 1810-1880; Bo Marsh"),
            ([f"{MUSEUMS}3", "Fay"], AGENTS, "Bo Marsh; Fay"),
            ([f"{MUSEUMS}9", f"{MUSEUMS}3"], AGENTS, "Bo Marsh"),
            (["#7_Beteiligte_r"], {**AGENTS, "edmAgent": ["#6", "#8", "#7_Beteiligte_r"]}, "Bo Marsh"),
            (["http://data.europeana.eu/agent/base/1"], ONE_AGENT, "Ada Lind"),
            (["http://data.europeana.eu/agent/base/1", "Fay"], ONE_AGENT, "Fay"),
        ],
        ids=["links", "link and name", "unknown link", "local id", "Europeana's own", "Europeana's own and a name"],
    )
    def test_links_count_by_their_names(self, creators: list[str], agents: dict[str, Any], name: str) -> None:
        """A link that Europeana added repeats a name."""
        found = plugin._author(item(dcCreatorLangAware={"def": creators}, language=["de"], **agents))

        assert found == Author(name)

    @pytest.mark.parametrize(
        "change",
        [
            {"edmAgentLabelLangAware": {"de": ["A", "B"], "en": ["C"]}},
            {"edmAgentLabel": [{"def": "A"}, {"def": "B"}]},
            {"edmAgent": [f"{MUSEUMS}1", f"{MUSEUMS}2"]},
            {"edmAgentLabelLangAware": None},
            {"edmAgentLabel": None},
        ],
        ids=["two languages", "too few names", "too many names", "no languages", "no names"],
    )
    def test_no_name_is_guessed(self, change: dict[str, Any]) -> None:
        """Names and links are in the same order only where each link has one name."""
        creators = {"def": [f"{MUSEUMS}1"]}

        assert plugin._author(item(dcCreatorLangAware=creators, **{**AGENTS, **change})) is None

    def test_hostile_languages_cost_no_time(self) -> None:
        """A language that is listed again and again is read once."""

        def work(size: int) -> object:
            return plugin._author(item(language=["de"] * size, dcCreatorLangAware={"de": ["Ada"] * size}))

        assert is_linear(work, 1_000)

    @pytest.mark.parametrize("piece", ["a", "a ", "1", "-", "://"])
    def test_hostile_names_take_linear_time(self, piece: str) -> None:
        assert is_linear(lambda size: plugin._author(item(dcCreatorLangAware={"def": [piece * size]})), 20_000)


class TestFile:
    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("https://museum.example/7.jpg", "https://museum.example/7.jpg"),
            ("http://museum.example/a?next=http://b", "https://museum.example/a?next=http://b"),
            ("HTTP://Museum.example/7", "https://Museum.example/7"),
            ("http://museum.example:8080/7.jpg", "http://museum.example:8080/7.jpg"),
            ("https://museum.example:8443/7.jpg", "https://museum.example:8443/7.jpg"),
            ("http://8.8.4.4/7.jpg", "http://8.8.4.4/7.jpg"),
            ("http://8.8.4.4:8080/7.jpg", "http://8.8.4.4:8080/7.jpg"),
            ("http://[2001:4860::1]/7.jpg", "http://[2001:4860::1]/7.jpg"),
        ],
    )
    def test_https_where_a_browser_would_ask_for_it(self, url: str, expected: str) -> None:
        """A server at a port or a bare address answers http only, and the record says so."""
        assert plugin._file_url(url) == expected

    @pytest.mark.parametrize(
        "url",
        [
            "http://localhost/7.jpg",
            "http://archive/7.jpg",
            "http://192.168.1.7/7.jpg",
            "http://127.0.0.1:8080/7.jpg",
            "http://[::1]/7.jpg",
            "http://museum.example:port/7.jpg",
            "http://[museum.example/7.jpg",
            "ftp://museum.example/7.jpg",
            "7.jpg",
            "",
        ],
    )
    def test_what_nobody_outside_can_open_is_none(self, url: str) -> None:
        assert plugin._file_url(url) is None

    async def test_the_record_keeps_a_port(self, bench: Bench) -> None:
        image = await given(bench, edmIsShownBy=["http://museum.example:8080/7.jpg"])

        assert image.renditions[1].url == "http://museum.example:8080/7.jpg"

    async def test_a_picture_without_a_file_for_others_is_left_out(self, bench: Bench) -> None:
        assert await given(bench, edmIsShownBy=["http://192.168.1.7/7.jpg"]) is None

    def test_the_preview_and_the_file(self) -> None:
        """Neither has a known size; the type of the file is read from its name by the gateway."""
        assert plugin._renditions(item()) == [
            Rendition(name="thumbnail", url=ITEM["edmPreview"][0]),
            Rendition(name="original", url="https://images.example.org/7.jpg"),
        ]

    async def test_previews_are_on_the_declared_host(self, bench: Bench) -> None:
        image = await given(bench, edmPreview=["http://api.europeana.eu/thumbnail/v2/url.json?uri=http%3A%2F%2Fx"])

        assert image.renditions[0].url == "https://api.europeana.eu/thumbnail/v2/url.json?uri=http%3A%2F%2Fx"
        assert bench.provider.info.file_hosts == {"api.europeana.eu", "*"}
        assert bench.provider.info.aggregator


class TestIdentities:
    @pytest.mark.parametrize(
        ("pages", "identities"),
        [
            (["http://museum.example/7", "http://other.example/7"], ["eu:90402/SK_A_7", "url:http://museum.example/7"]),
            (["museum.example/7"], ["eu:90402/SK_A_7"]),
            ([], ["eu:90402/SK_A_7"]),
            (None, ["eu:90402/SK_A_7"]),
        ],
    )
    async def test_the_id_and_the_page_of_the_institution(
        self, bench: Bench, pages: object, identities: list[str]
    ) -> None:
        assert (await given(bench, edmIsShownAt=pages)).identities == identities


class TestCredit:
    @pytest.mark.parametrize(
        ("change", "credit"),
        [
            ({"dcCreatorLangAware": {"def": ["Ada Lind", "Bo"]}}, "Ding, Ada Lind; Bo. Museum of Invention"),
            ({}, "Ding. Museum of Invention"),
            ({"title": []}, "Untitled. Museum of Invention"),
            ({"title": ["Ein Ding."]}, "Ein Ding. Museum of Invention"),
            ({"title": ["Ein Ding?"]}, "Ein Ding? Museum of Invention"),
            (
                {"title": ["Ein Ding. "], "dcCreatorLangAware": {"def": ["Lind, A. "]}},
                "Ein Ding, Lind, A. Museum of Invention",
            ),
            (
                {"title": ["Ein\u00a0 Ding /"], "dcCreatorLangAware": {"def": ["Ada\n Lind"]}},
                "Ein Ding, Ada Lind. Museum of Invention",
            ),
            ({"dataProvider": [" Museum\u00a0X "]}, "Ding. Museum X"),
        ],
    )
    async def test_each_part_is_clean(self, bench: Bench, change: Mapping[str, Any], credit: str) -> None:
        """Title, creators, institution, and the licence with its address, as Creative Commons asks for."""
        shown = attribution(bench.provider.info, await given(bench, **change))

        assert shown.text == f"{credit} via Europeana. CC BY 4.0, https://creativecommons.org/licenses/by/4.0/"
        assert 'href="https://www.europeana.eu/item/90402/SK_A_7"' in shown.html
        assert "(https://www.europeana.eu/item/90402/SK_A_7)" in shown.markdown

    @pytest.mark.parametrize(
        ("text", "line"),
        [(" Ein\n Ding\u00a0", "Ein Ding"), ("Ein Ding hier", "Ein Ding…"), ("Ein Dinge", "Ein Dinge")],
    )
    def test_a_part_is_one_line_of_a_length(self, text: str, line: str) -> None:
        assert plugin._one_line(text, 9) == line

    async def test_long_parts_never_cut_the_licence(self, bench: Bench) -> None:
        image = await given(
            bench,
            title=["Ding " * 1000],
            dcCreatorLangAware={"def": [f"Ada {letter * 20}" for letter in "abcdefghijklmnopqrstuvwxyz"]},
            dataProvider=["Museum " * 1000],
            rights=[f"{RS}NoC-OKLR/1.0/"],
        )

        credit = attribution(bench.provider.info, image).text
        assert credit.endswith("Other Known Legal Restrictions, https://rightsstatements.org/vocab/NoC-OKLR/1.0/")
        assert len(credit) < 1000


class TestRecord:
    async def test_is_whole(self, bench: Bench) -> None:
        """Each field from the list or the map that has it; the page without what their links add to it."""
        image = await given(bench, dcCreatorLangAware={"def": ["Ada Lind"]}, year=["1806"])

        assert (image.id, image.title, image.alt) == ("/90402/SK_A_7", "Ding", None)
        assert (image.author, image.date) == (Author("Ada Lind"), "1806")
        assert image.source_url == "https://www.europeana.eu/item/90402/SK_A_7"
        assert (image.width, image.height, image.color) == (None, None, None)
        assert [(rendition.name, rendition.width, rendition.type) for rendition in image.renditions] == [
            ("thumbnail", None, None),
            ("original", None, "image/jpeg"),
        ]

    @pytest.mark.parametrize(
        "change",
        [
            {"edmConceptLabel": 7, "edmPlaceLatitude": None},
            {"title": None, "dcTitleLangAware": {"en": None}},
            {"edmIsShownAt": "http://museum.example/7", "year": "1806"},
            {"previewNoDistribute": None},
        ],
        ids=["unused fields", "nulls", "texts instead of lists", "a null flag"],
    )
    async def test_an_odd_field_costs_no_item(self, bench: Bench, change: Mapping[str, object]) -> None:
        assert (await given(bench, **change)).id == "/90402/SK_A_7"

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
    """Three invented items of a library, CC0, by http only: two creators by links, an anonymous one, an unknown one."""
    content = json.loads((RECORDED / "search.json").read_bytes())
    with Upstream(BASE) as recorded:
        async with Bench(plugin, SETTINGS, recorded) as bench:
            recorded.fail(Answer(content))
            page = await bench.search("cat")
            credits = [attribution(bench.provider.info, image).text for image in page.images]

    assert [image.id for image in page.images] == [item["id"] for item in content["items"]]
    assert [image.title for image in page.images] == [item["title"][0] for item in content["items"]]
    assert (page.total, page.next) == (27, None)
    assert {image.license.id for image in page.images if image.license} == {"cc0-1.0"}
    house = content["items"][0]["dataProvider"][0]
    assert [image.author for image in page.images] == [
        Author("Example, Ada, 1810-1880; Sample, Bo"),
        Author("Anonymous"),
        None,
    ]
    assert all(f"{house} via Europeana. CC0 1.0" in credit for credit in credits)
    assert {image.source_url for image in page.images} == {item["guid"].partition("?")[0] for item in content["items"]}
    links = [rendition.url or "" for image in page.images for rendition in image.renditions]
    assert len(links) == 6
    assert all(link.startswith("https://") for link in links)
