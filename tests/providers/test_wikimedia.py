"""The Wikimedia Commons plugin against the simulated Commons, over real HTTP, and against invented recordings."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import imagevault_wikimedia as plugin
import pytest

from imagevault import (
    Author,
    Image,
    InvalidResponse,
    Page,
    ProviderError,
    RateLimited,
    Rendition,
    Unauthorized,
    Unavailable,
)
from imagevault.images.attribution import attribution
from imagevault.search import filters
from imagevault.testing import Answer, Upstream, faults
from imagevault.testing.bench import Bench
from imagevault.testing.contract import ProviderContract
from imagevault.testing.upstreams.wikimedia import FIRST_ID, SimulatedWikimedia, ending, failure, find

SETTINGS = {"contact": "ops@mail.example"}
RECORDED = Path(__file__).parent / "recorded" / "wikimedia"
UTM = "?utm_source=commons.wikimedia.org&utm_campaign=imageinfo&utm_content=original"
FILE = "https://upload.wikimedia.org/wikipedia/commons/a/ab/Lamp.jpg"
THUMB = "https://thumb.wikimedia.org/wikipedia/commons/thumb/a/ab/Lamp.jpg"
INFO = {
    "url": f"{FILE}{UTM}",
    "descriptionurl": f"https://commons.wikimedia.org/wiki/File:Lamp.jpg{UTM}",
    "width": 4000,
    "height": 3000,
    "thumburl": f"{THUMB}/330px-Lamp.jpg{UTM}",
    "thumbwidth": 330,
    "responsiveUrls": {"1.5": f"{THUMB}/500px-Lamp.jpg{UTM}", "2": f"{THUMB}/960px-Lamp.jpg{UTM}"},
    "user": "Uploader One",
}
META = {
    "ObjectName": "A lamp",
    "ImageDescription": "A lamp at night",
    "Artist": "Ada Lind",
    "License": "cc-by-sa-4.0",
    "LicenseShortName": "CC BY-SA 4.0",
    "LicenseUrl": "https://creativecommons.org/licenses/by-sa/4.0",
    "AttributionRequired": "true",
    "Restrictions": "",
}
PAGE = {"pageid": 7, "ns": 6, "title": "File:Lamp.jpg"}


class TestContract(ProviderContract):
    plugin = plugin
    settings = SETTINGS

    def upstream(self) -> Upstream:
        return SimulatedWikimedia()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def commons() -> Iterator[SimulatedWikimedia]:
    with SimulatedWikimedia() as commons:
        yield commons


@pytest.fixture
async def bench(commons: SimulatedWikimedia) -> AsyncIterator[Bench]:
    async with Bench(plugin, SETTINGS, commons) as bench:
        yield bench


def changed(given: Mapping[str, Any], change: Mapping[str, object]) -> dict[str, Any]:
    """The same with these changes; `...` is a missing field."""
    return {name: value for name, value in {**given, **change}.items() if value is not ...}


def page(meta: Mapping[str, object] | None = None, **change: object) -> dict[str, Any]:
    """A page of the lamp, its metadata or its `imageinfo` changed."""
    values = {name: {"value": value, "source": "x"} for name, value in changed(META, meta or {}).items()}
    return {**PAGE, "imageinfo": [changed({**INFO, "extmetadata": values}, change)]}


def listing(*pages: object, **more: object) -> Answer:
    return Answer({"batchcomplete": True, "query": {"pages": pages}, **more})


async def record(bench: Bench, meta: Mapping[str, object] | None = None, **change: object) -> Any:
    """The lamp with these changes, looked up."""
    assert bench.upstream is not None
    bench.upstream.fail(listing(page(meta, **change)), times=1)
    return await bench.fetch("7")


def pictures(query: str) -> list[str]:
    """The ids of the pictures that a query finds."""
    found = find(f"filetype:bitmap {query}")
    return [str(FIRST_ID + number) for number in found if ending(number) not in {"pdf", "djvu"}]


class TestContact:
    def configured(self, **settings: str) -> Any:
        return Bench(plugin, settings, None).provider

    def test_is_needed(self) -> None:
        """Nothing is called without: the policy demands it."""
        provider = self.configured()

        assert provider.state == "unconfigured"
        assert "WIKIMEDIA_CONTACT" in provider.reason

    @pytest.mark.parametrize(
        "contact",
        [
            "",
            " ",
            "nobody",
            "a b@mail.example",
            "ops@mail.example) evil/1 (x",
            "ops@mail.example\nX: y",
            "ops@mail.example\n",
            "ópš@mail.example",
        ],
    )
    def test_that_is_none_is_refused(self, contact: str) -> None:
        """Neither mail address nor URL, or one that would not stay within its brackets in the header."""
        assert self.configured(contact=contact).state == "unconfigured"

    @pytest.mark.parametrize(
        "contact", ["ops@mail.example", "https://mail.example/ops?who=us", "http://mail.example/~ops"]
    )
    def test_is_a_mail_address_or_a_page(self, contact: str) -> None:
        """Whatever reaches the operator."""
        assert self.configured(contact=contact).state == "ok"

    async def test_is_in_the_user_agent_of_every_call(self, bench: Bench, commons: SimulatedWikimedia) -> None:
        """Client and version, contact, library and version; also where an answer is continued, and in a lookup."""
        await bench.search("cat", 2)
        await bench.fetch(pictures("cat")[0])

        agent = f"ImageVault/{version('imagevault')} (ops@mail.example) httpx/{httpx.__version__}"
        assert len(commons.calls) == 4
        assert {call.headers["user-agent"] for call in commons.calls} == {agent}

    async def test_is_minded(self, bench: Bench) -> None:
        """Without it Wikimedia refuses, which is told as a matter of who asks."""
        answer = await bench.http.get("api.php", params={"action": "query", "format": "json"})
        assert answer.status_code == 403

    async def test_that_is_refused_is_told(self, bench: Bench, commons: SimulatedWikimedia) -> None:
        """Not as an answer that cannot be read."""
        commons.fail(Answer("<p>Please respect our robot policy</p>", 403))

        with pytest.raises(Unauthorized):
            await bench.search("cat")


class TestSearch:
    async def test_asks_as_documented(self, bench: Bench, commons: SimulatedWikimedia) -> None:
        """Files only, bitmaps only, with the newer form of answers, a standard width and the metadata that are read."""
        await bench.search("red fox", 3)

        assert dict(commons.calls[0].query) == {
            "action": "query",
            "format": "json",
            "formatversion": "2",
            "generator": "search",
            "gsrsearch": "filetype:bitmap red fox",
            "gsrnamespace": "6",
            "gsrlimit": "50",
            "gsroffset": "100",
            "prop": "imageinfo",
            "iiprop": "url|size|user|extmetadata",
            "iiurlwidth": "330",
            "iiextmetadatafilter": "License|LicenseUrl|LicenseShortName|AttributionRequired|Artist|ObjectName"
            "|ImageDescription|Restrictions",
        }
        assert commons.calls[0].path == "/w/api.php"

    @pytest.mark.parametrize(
        ("text", "sent"),
        [
            ('"red fox"', "red fox"),
            ("file:red fox", "file red fox"),
            ("incategory:foxes -red", "incategory foxes red"),
            ("insource:/fox/", "insource fox"),
            ("f?x fo* fox~2 \\?", "f x fo fox 2"),
            ("!red ~fox", "red fox"),
            ("red || fox && tail", "red fox tail"),
            ("-red +fox --tail", "red fox tail"),
            ('fox:-red !-tail "-den', "fox red tail den"),
            ("t-shirt c+d a&b 100% e#f g=h", "t-shirt c+d a&b 100% e#f g=h"),
            ("„füchse“ 日本", "füchse 日本"),
        ],
    )
    async def test_words_are_no_operators(
        self, bench: Bench, commons: SimulatedWikimedia, text: str, sent: str
    ) -> None:
        """Nobody can leave the bitmaps, negate, or search by regular expressions; other characters stay."""
        await bench.search(text)

        assert commons.calls[0].query["gsrsearch"] == f"filetype:bitmap {sent}"

    async def test_operators_would_be_minded(self, bench: Bench) -> None:
        """So that the test above tests something."""
        assert find("filetype:bitmap red fox")
        assert not find("filetype:bitmap -red fox")
        assert not find("filetype:bitmap intitle:fox")

    @pytest.mark.parametrize("text", ["?", '"', ":-!", "- + *"])
    async def test_words_that_are_none_find_nothing(self, bench: Bench, commons: SimulatedWikimedia, text: str) -> None:
        """And cost no call; the bare filter would find every picture there is."""
        assert await bench.search(text) == Page([], last=True)
        assert commons.calls == []

    async def test_gives_pictures_in_their_order(self, bench: Bench, commons: SimulatedWikimedia) -> None:
        """Though pages come in no order. Books (DjVu) are dropped, PDF are not found."""
        pages = [await bench.search("cat", number) for number in (1, 2, 3)]

        assert [image.id for page in pages for image in page.images] == pictures("cat")
        assert len(pictures("cat")) < len(find("filetype:bitmap cat")) < len(find("cat"))
        assert [page.last for page in pages] == [False, False, True]
        assert [page.total for page in pages] == [None, None, None]
        answer = (await bench.http.get("api.php", **self.again(commons, 0))).json()["query"]["pages"]
        assert [page["index"] for page in answer] != sorted(page["index"] for page in answer)

    def again(self, commons: SimulatedWikimedia, at: int, **change: str) -> dict[str, Any]:
        """The arguments of a call as it was made, with these changes."""
        call = commons.calls[at]
        return {"params": {**call.query, **change}, "headers": {"User-Agent": call.headers["user-agent"]}}

    async def test_nothing_found_has_no_query(self, bench: Bench) -> None:
        """It is a last, empty page."""
        assert await bench.search("nothing") == Page([], last=True)

    async def test_ends_at_the_10_000th_file(self, bench: Bench, commons: SimulatedWikimedia) -> None:
        """The API refuses to go beyond, so the last page of another size is cut to what is left."""
        assert (await bench.search("everything", 200)).last
        assert bench.provider.info.max_results == 10_000
        bench.configure({**SETTINGS, "page_size": 30})
        commons.calls.clear()
        last = await bench.search("everything", 334)

        assert (commons.calls[0].query["gsroffset"], commons.calls[0].query["gsrlimit"]) == ("9990", "10")
        assert last.images
        assert last.last

    async def test_the_older_form_is_not_taken_for_nothing(self, bench: Bench, commons: SimulatedWikimedia) -> None:
        """Pages as an object, should `formatversion` ever not be minded."""
        await bench.search("cat")
        older = (await bench.http.get("api.php", **self.again(commons, 0, formatversion="1"))).json()
        assert isinstance(older["query"]["pages"], dict)
        commons.fail(Answer(older))

        with pytest.raises(InvalidResponse):
            await bench.search("cat")

    async def test_only_an_offset_tells_of_more(self, bench: Bench, commons: SimulatedWikimedia) -> None:
        """Whatever else might be continued."""
        commons.fail(listing(page(), **{"continue": {"continue": "-||"}}), times=1)

        assert (await bench.search("lamp")).last

    async def test_a_warning_does_no_harm(self, bench: Bench, commons: SimulatedWikimedia) -> None:
        """It may come with a good answer."""
        commons.fail(listing(page(), warnings={"main": {"warnings": "Unrecognized parameter: x."}}))

        assert [image.id for image in (await bench.search("lamp")).images] == ["7"]

    @pytest.mark.parametrize("name", ["orientation", "size", "license"])
    async def test_filters_are_emulated(self, bench: Bench, name: str) -> None:
        """Its search has keywords that are not in the docs we have."""
        value = {"orientation": "portrait", "size": "large", "license": "commercial"}[name]

        assert list(filters.plan(bench.provider.info, {name: value}).tests) == [name]


class TestPieces:
    """An answer that is not complete lacks the `imageinfo` of some pages."""

    async def test_are_put_together(self, bench: Bench, commons: SimulatedWikimedia) -> None:
        """In the order of the search, whichever piece they came in; every key of `continue` is sent back."""
        found = await bench.search("cat", 2)

        given = find("filetype:bitmap cat")[50:100]
        assert [image.id for image in found.images] == [
            str(FIRST_ID + number) for number in given if ending(number) != "djvu"
        ]
        sent = [
            {name: call.query.get(name) for name in ("iicontinue", "continue", "gsroffset")} for call in commons.calls
        ]
        assert sent == [
            {"iicontinue": None, "continue": None, "gsroffset": "50"},
            {"iicontinue": "20", "continue": "gsroffset||", "gsroffset": "50"},
            {"iicontinue": "40", "continue": "gsroffset||", "gsroffset": "50"},
        ]
        assert not found.last

    async def test_of_which_one_is_bad_are_put_together(self, bench: Bench, commons: SimulatedWikimedia) -> None:
        """A page that cannot be read costs itself only."""
        whole = await bench.search("cat", 2)
        commons.fail(faults.changed(lambda body: body["query"]["pages"].insert(0, {"pageid": "x"})), times=2)

        assert await bench.search("cat", 2) == whole

    async def test_that_never_end_are_an_error(self, bench: Bench, commons: SimulatedWikimedia) -> None:
        """And end with the first answer that brings nothing new."""
        commons.fail(Answer({"continue": {"iicontinue": "1", "continue": "||"}, "query": {"pages": [page()]}}), times=1)
        commons.fail(Answer({"continue": {"iicontinue": "1", "continue": "||"}, "query": {"pages": [PAGE]}}))

        with pytest.raises(InvalidResponse):
            await bench.search("cat")
        assert len(commons.calls) == 2

    async def test_of_which_one_fails_are_an_error(self, bench: Bench, commons: SimulatedWikimedia) -> None:
        """Half a page is not kept as a whole one."""
        commons.fail(faults.delay(0), times=1)
        commons.fail(Answer("", 500))

        with pytest.raises(Unavailable):
            await bench.search("cat", 2)

    async def test_need_not_have_a_query(self, bench: Bench, commons: SimulatedWikimedia) -> None:
        """But an answer that says neither that it is complete nor how it goes on is none."""
        commons.fail(Answer({}))

        with pytest.raises(InvalidResponse):
            await bench.search("cat")


class TestFiles:
    async def test_are_those_of_the_answer(self, bench: Bench) -> None:
        """In standard widths, without `utm`; their sizes are reckoned from the original's."""
        assert (await record(bench)).renditions == [
            Rendition(name="thumbnail", url=f"{THUMB}/330px-Lamp.jpg", width=330, height=248),
            Rendition(name="small", url=f"{THUMB}/500px-Lamp.jpg", width=500, height=375),
            Rendition(name="medium", url=f"{THUMB}/960px-Lamp.jpg", width=960, height=720),
            Rendition(name="original", url=FILE, width=4000, height=3000),
        ]

    async def test_have_addresses_that_the_api_gave(self, bench: Bench, commons: SimulatedWikimedia) -> None:
        """None is made up, of any file."""
        images = (await bench.search("cat")).images
        call = commons.calls[0]
        answer = await bench.http.get("api.php", params=call.query, headers={"User-Agent": call.headers["user-agent"]})
        links = [rendition.url for image in images for rendition in image.renditions]

        assert all(f'"{link}?utm_' in answer.text for link in links)
        assert {name for image in images for name in [rendition.name for rendition in image.renditions]} == {
            "thumbnail", "small", "medium", "original",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("after", "kept"), [("?7", "?7"), ("?7&utm_source=x&utm_campaign=y", "?7"), ("?utm_x=1", "")]
    )
    async def test_keep_what_is_no_decoration(self, bench: Bench, after: str, kept: str) -> None:
        """Only `utm` goes."""
        assert (await record(bench, url=f"{FILE}{after}")).renditions[-1].url == f"{FILE}{kept}"

    async def test_of_other_widths_are_left_out(self, bench: Bench) -> None:
        """The file server refuses them (2026), though answers had them once."""
        image = await record(
            bench,
            thumburl=f"{THUMB}/366px-Lamp.jpg",
            responsiveUrls={"1.5": f"{THUMB}/495px-Lamp.jpg", "2": f"{THUMB}/660px-Lamp.jpg"},
        )

        assert [rendition.name for rendition in image.renditions] == ["original"]

    async def test_are_called_by_their_true_width(self, bench: Bench) -> None:
        """A thumbnail may be of the next step while `thumbwidth` repeats what was asked; then two links are one."""
        image = await record(bench, thumburl=f"{THUMB}/500px-Lamp.jpg{UTM}", thumbwidth=330)

        assert [(rendition.name, rendition.width) for rendition in image.renditions] == [
            ("small", 500), ("medium", 960), ("original", 4000),
        ]  # fmt: skip

    async def test_of_a_small_image_are_the_original(self, bench: Bench) -> None:
        """Which is given once."""
        image = await record(
            bench, width=300, height=200, thumburl=f"{FILE}{UTM}", responsiveUrls={"1.5": f"{FILE}{UTM}", "2": FILE}
        )

        assert image.renditions == [Rendition(name="original", url=FILE, width=300, height=200)]

    @pytest.mark.parametrize(
        ("name", "width"),
        [
            ("330px-thumbnail.jpg", 330),
            ("lossy-page1-330px-Lamp.tif.jpg", 330),
            ("page2-500px-Lamp.tif.jpg", 500),
            ("500px-330px-Lamp.jpg", 500),
            ("500px-a-960px-b.jpg", 500),
            ("Lamp-330px-960px.jpg", None),
        ],
    )
    async def test_may_have_odd_names(self, bench: Bench, name: str, width: int | None) -> None:
        """The width is at the beginning, not wherever an uploader wrote one."""
        image = await record(bench, thumburl=f"{THUMB}/{name}", responsiveUrls=...)

        assert [rendition.width for rendition in image.renditions] == ([width, 4000] if width else [4000])

    @pytest.mark.parametrize("change", [{"thumburl": ..., "responsiveUrls": ...}, {"thumburl": ""}])
    async def test_may_be_only_one(self, bench: Bench, change: dict[str, Any]) -> None:
        """There is always the original."""
        assert (await record(bench, **change)).renditions[-1].url == FILE

    @pytest.mark.parametrize("ending", ["pdf", "djvu", "svg", "ogg", "webm", "xcf", "stl"])
    async def test_that_are_no_pictures_are_dropped(self, bench: Bench, ending: str) -> None:
        """Also from a lookup, which has no filter."""
        assert (
            await record(bench, url=f"https://upload.wikimedia.org/wikipedia/commons/a/ab/Lamp.{ending}{UTM}") is None
        )

    @pytest.mark.parametrize("ending", ["JPG", "jpeg", "png", "gif", "webp", "tif", "tiff"])
    async def test_that_are_pictures_are_kept(self, bench: Bench, ending: str) -> None:
        """Whatever the case of their name."""
        assert await record(bench, url=f"https://upload.wikimedia.org/wikipedia/commons/a/ab/Lamp.{ending}{UTM}")


class TestAuthor:
    @pytest.mark.parametrize(
        ("artist", "author"),
        [
            ("Ada Lind", Author("Ada Lind")),
            ("Ada &amp; Bo", Author("Ada & Bo")),
            (
                '<a href="//commons.wikimedia.org/wiki/User:Bo_%26_Co" title="User:Bo &amp; Co">Bo &amp; Co</a>',
                Author("Bo & Co", "https://commons.wikimedia.org/wiki/User:Bo_%26_Co"),
            ),
            (
                'Cut by <a href="http://bo.example/x?a=1&amp;b=2">Bo</a>, photo by <a href="https://cleo.example/">Cleo</a>',
                Author("Cut by Bo, photo by Cleo", "https://bo.example/x?a=1&b=2"),
            ),
            ('<a href="//x.example/?title=User:C&amp;action=edit&amp;redlink=1" class="new">Cleo</a>', Author("Cleo")),
            (
                '<a href="//x.example/?title=C&amp;redlink=1">Cleo</a> (<a href="https://cleo.example/">site</a>)',
                Author("Cleo (site)", "https://cleo.example/"),
            ),
            ('<div class="fn value">\nEve <b>Sand</b></div>', Author("Eve Sand")),
            ('<bdi>Dov\n</bdi><div style="display: none;">creator QS:P170,Q1</div>', Author("Dov")),
            ('Fay (<a href="mailto:fay@mail.example">fay@mail.example</a>)', Author("Fay (fay@mail.example)")),
        ],
        ids=range(9),
    )
    async def test_is_a_plain_name_and_the_first_link(self, bench: Bench, artist: str, author: Author) -> None:
        """By https; not to a page that is still to be written, nor to a mail address. Hidden data stay hidden."""
        assert (await record(bench, {"Artist": artist})).author == author

    @pytest.mark.parametrize("artist", [..., None, "", " ", "<span></span>", '<div style="display:none">x</div>'])
    async def test_is_the_uploader_where_no_artist_is_named(self, bench: Bench, artist: object) -> None:
        """With the page that every user has."""
        image = await record(bench, {"Artist": artist}, user="Bo & Co?")

        assert image.author == Author("Bo & Co?", "https://commons.wikimedia.org/wiki/User:Bo%20%26%20Co%3F")

    async def test_may_be_unknown(self, bench: Bench) -> None:
        """Where the uploader is hidden too."""
        image = await record(bench, {"Artist": ...}, user=...)

        assert image.author is None
        assert "an unknown author" in attribution(bench.provider.info, image).text


CC = "https://creativecommons.org"


class TestLicence:
    @pytest.mark.parametrize(
        ("code", "url", "id", "told"),
        [
            ("cc-by-sa-4.0", f"{CC}/licenses/by-sa/4.0", "cc-by-sa-4.0", f"{CC}/licenses/by-sa/4.0/"),
            (
                "cc-by-sa-3.0-de",
                f"{CC}/licenses/by-sa/3.0/de/deed.en",
                "cc-by-sa-3.0-de",
                f"{CC}/licenses/by-sa/3.0/de/",
            ),
            ("cc-by-2.5", ..., "cc-by-2.5", f"{CC}/licenses/by/2.5/"),
            ("cc-by-sa-3.0-nl", ..., "cc-by-sa-3.0-nl", f"{CC}/licenses/by-sa/3.0/nl/"),
            (..., "//creativecommons.org/licenses/by/3.0/", "cc-by-3.0", f"{CC}/licenses/by/3.0/"),
            ("cc0", f"{CC}/publicdomain/zero/1.0/deed.en", "cc0-1.0", f"{CC}/publicdomain/zero/1.0/"),
            ("cc0", ..., "cc0-1.0", f"{CC}/publicdomain/zero/1.0/"),
            ("pd", ..., "pdm-1.0", f"{CC}/publicdomain/mark/1.0/"),
            (..., f"{CC}/publicdomain/mark/1.0/", "pdm-1.0", f"{CC}/publicdomain/mark/1.0/"),
        ],
    )
    async def test_is_known_by_its_address_or_code(
        self, bench: Bench, code: object, url: object, id: str, told: str
    ) -> None:
        """One of Creative Commons, or their mark where `License` says so."""
        license = (await record(bench, {"License": code, "LicenseUrl": url})).license

        assert (license.id, license.url) == (id, told)
        assert license.public_domain == id.startswith(("cc0", "pdm"))

    @pytest.mark.parametrize(
        ("change", "id", "name", "url"),
        [
            (
                {"License": "gfdl", "LicenseShortName": "GNU FDL", "LicenseUrl": "http://www.gnu.org/copyleft/fdl.html"},
                "gfdl", "GNU FDL", "https://www.gnu.org/copyleft/fdl.html",
            ),
            (
                {"License": "fal", "LicenseShortName": "FAL", "LicenseUrl": "https://artlibre.org/licence/lal/en/"},
                "fal", "FAL", "https://artlibre.org/licence/lal/en/",
            ),
            ({"License": ..., "LicenseShortName": "OGL 3.0"}, "ogl-3.0", "OGL 3.0", "File"),
            ({"License": ..., "LicenseShortName": "Free (use)"}, "free-use", "Free (use)", "File"),
            ({"License": ..., "LicenseShortName": "Public domain"}, "public-domain", "Public domain", "File"),
        ],
        ids=["gfdl", "fal", "ogl", "free use", "only called public domain"],
    )  # fmt: skip
    async def test_may_be_another(self, bench: Bench, change: dict[str, object], id: str, name: str, url: str) -> None:
        """With a stable id, and a link to its text or to the file's page; free for any use, as all of Commons."""
        license = (await record(bench, {"LicenseUrl": ..., **change})).license

        page = "https://commons.wikimedia.org/wiki/File:Lamp.jpg"
        assert (license.id, license.name, license.url) == (id, name, page if url == "File" else url)
        assert (license.commercial, license.modification, license.public_domain) == (True, True, False)
        assert license.attribution_required

    async def test_need_not_ask_for_credit(self, bench: Bench) -> None:
        """`AttributionRequired` tells of those that are not Creative Commons'."""
        change = {"License": "attribution-free", "LicenseUrl": ..., "AttributionRequired": "false"}

        assert not (await record(bench, change)).license.attribution_required

    async def test_that_is_not_stated_promises_nothing(self, bench: Bench) -> None:
        """Its page may tell; filters leave the file out."""
        none = dict.fromkeys(("License", "LicenseUrl", "LicenseShortName", "AttributionRequired"), ...)
        image = await record(bench, none)

        license = image.license
        assert (license.id, license.url) == ("unstated", "https://commons.wikimedia.org/wiki/File:Lamp.jpg")
        assert (license.attribution_required, license.commercial, license.modification) == (True, False, False)
        assert not filters.EMULATED["license"]("commercial")(image)

    async def test_comes_with_other_restrictions(self, bench: Bench) -> None:
        """Trade marks and the rights of those who are shown are no matter of a licence, but of every use."""
        image = await record(bench, {"Restrictions": "trademarked|personality"})

        assert list(image.tags) == ["restriction: trademarked", "restriction: personality"]
        assert list((await record(bench)).tags) == []


class TestRecord:
    async def test_is_whole(self, bench: Bench) -> None:
        """Every field that Commons has; its page has no `utm`."""
        image = await record(bench)

        assert (image.id, image.title, image.alt) == ("7", "A lamp", "A lamp at night")
        assert (image.width, image.height) == (4000, 3000)
        assert image.source_url == "https://commons.wikimedia.org/wiki/File:Lamp.jpg"
        assert (image.color, image.blurhash, image.credit) == (None, None, None)

    @pytest.mark.parametrize("name", [..., "", '<div style="display: none;">label QS:Len</div>'])
    async def test_is_called_as_its_file_where_it_has_no_name(self, bench: Bench, name: object) -> None:
        """Without `File:` and ending."""
        assert (await record(bench, {"ObjectName": name})).title == "Lamp"

    async def test_is_plain(self, bench: Bench) -> None:
        """Tags and hidden data go, entities are characters, numbers are text."""
        meta: dict[str, object] = {
            "ObjectName": '<div>\n<i>Night</i> &amp; day<div style="display: none;">label QS:Len,"N"</div></div>',
            "ImageDescription": 1891,
        }
        image = await record(bench, meta)

        assert (image.title, image.alt) == ("Night & day", "1891")

    async def test_has_the_credit_that_commons_asks_for(self, bench: Bench) -> None:
        """Title, author and licence, each with its link."""
        artist = '<a href="//commons.wikimedia.org/wiki/User:Ada">Ada Lind</a>'
        credit = attribution(bench.provider.info, await record(bench, {"Artist": artist}))

        assert credit.text == "A lamp by Ada Lind, CC BY-SA 4.0, via Wikimedia Commons"
        assert 'href="https://commons.wikimedia.org/wiki/File:Lamp.jpg">A lamp<' in credit.html
        assert 'href="https://commons.wikimedia.org/wiki/User:Ada">Ada Lind<' in credit.html
        assert 'href="https://creativecommons.org/licenses/by-sa/4.0/">CC BY-SA 4.0<' in credit.html

    @pytest.mark.parametrize(
        "bad",
        [
            None,
            7,
            {},
            {**PAGE, "missing": True},
            PAGE,
            {**PAGE, "imageinfo": []},
            {**PAGE, "imageinfo": [{"filemissing": True}]},
            {**page(), "pageid": "x"},
            page(width=0),
            page(height=None),
            page(url=5),
            page(extmetadata={"Artist": "Ada"}),
            page(responsiveUrls=[1]),
        ],
        ids=range(13),
    )
    async def test_that_is_none_costs_itself_only(self, bench: Bench, commons: SimulatedWikimedia, bad: object) -> None:
        """Of another form than documented, missing, or without a file."""
        commons.fail(listing({**page(), "pageid": 8, "index": 1}, bad), times=1)

        assert [image.id for image in (await bench.search("lamp")).images] == ["8"]


class TestLookup:
    async def test_gives_what_the_search_gave(self, bench: Bench) -> None:
        """Of every kind of file, artist and licence."""
        for image in [*(await bench.search("cat")).images][:25]:
            assert await bench.fetch(image.id) == image

    async def test_asks_for_the_same_by_id(self, bench: Bench, commons: SimulatedWikimedia) -> None:
        """One call."""
        await bench.fetch("7000001")

        [call] = commons.calls
        assert call.query["pageids"] == "7000001"
        assert "generator" not in call.query
        assert (call.query["formatversion"], call.query["iiurlwidth"]) == ("2", "330")

    @pytest.mark.parametrize("id", ["1", str(FIRST_ID - 1), str(FIRST_ID + 12_000)])
    async def test_knows_what_is_missing(self, bench: Bench, commons: SimulatedWikimedia, id: str) -> None:
        """Status 200 and `missing`, or an article."""
        assert await bench.fetch(id) is None
        assert len(commons.calls) == 1

    @pytest.mark.parametrize("id", ["", "0", "07", "abc", "7|8", "7&x=1", "²", "-7", "File:X.jpg", "1" * 11])
    async def test_an_id_that_cannot_be_costs_no_call(self, bench: Bench, commons: SimulatedWikimedia, id: str) -> None:
        """Ids are those of pages, numbers."""
        assert await bench.fetch(id) is None
        assert commons.calls == []


class TestTrouble:
    @pytest.mark.parametrize(
        ("code", "error"),
        [
            ("ratelimited", RateLimited),
            ("maxlag", Unavailable),
            ("readonly", Unavailable),
            ("badvalue", InvalidResponse),
            ("badinteger", InvalidResponse),
        ],
    )
    async def test_failures_have_status_200(
        self, bench: Bench, commons: SimulatedWikimedia, code: str, error: type[ProviderError]
    ) -> None:
        """The code tells what went wrong, and `Retry-After`, where it comes, for how long."""
        answer = failure(code, "Not today")
        for headers, wait in (({}, None), ({"Retry-After": "9"}, 9), ({"Retry-After": "soon"}, None)):
            commons.fail(Answer(answer.content, 200, {**answer.headers, **headers}), times=2)
            for ask in (bench.search("lamp"), bench.fetch("7")):
                with pytest.raises(error, match="Not today") as caught:
                    await ask
                assert caught.value.retry_after == wait

    async def test_a_failure_in_the_midst_of_pieces_is_one(self, bench: Bench, commons: SimulatedWikimedia) -> None:
        """The first piece does not make a page."""
        commons.fail(faults.delay(0), times=1)
        commons.fail(failure("ratelimited", "Not today"))

        with pytest.raises(RateLimited):
            await bench.search("cat", 2)

    async def test_too_many_calls_are_a_limit(self, bench: Bench, commons: SimulatedWikimedia) -> None:
        """With the time to wait."""
        commons.throttled = True

        with pytest.raises(RateLimited) as caught:
            await bench.search("lamp")
        assert caught.value.retry_after == 5

    async def test_few_calls_are_made_at_once(self, bench: Bench) -> None:
        """Three are allowed; answers are kept for a day."""
        info = bench.provider.info

        assert info.concurrency <= 3
        assert [(quota.limit, quota.period) for quota in info.quotas] == [(60, "minute")]
        assert info.cache_for == 24 * 3600
        assert info.page_size <= 50

    @pytest.mark.parametrize(
        "answer",
        [
            Answer([]),
            Answer({"query": {"pages": []}}),
            Answer({"batchcomplete": True, "query": {"pages": None}}),
            Answer({"batchcomplete": True, "query": []}),
            Answer("<!doctype html><title>MediaWiki API result</title>"),
            Answer(b'{"batchcomplete": true, "continue": {"x": "\xff"}}'),
        ],
        ids=range(6),
    )
    async def test_a_page_that_is_none_is_an_error(
        self, bench: Bench, commons: SimulatedWikimedia, answer: Answer
    ) -> None:
        """It is not taken for a search that found nothing, nor for a file that there is not."""
        commons.fail(answer)

        for ask in (bench.search("lamp"), bench.fetch("7")):
            with pytest.raises(InvalidResponse):
                await ask


class TestRecorded:
    """Invented answers in the documented form, as version 1 of the format gives them; tests convert them to version 2.

    The search lacks sizes and the two pieces lack `index`: both are added. Three recordings are only an `imageinfo`.
    """

    @pytest.fixture
    async def bench(self) -> AsyncIterator[Bench]:
        with Upstream("/w/") as upstream:
            async with Bench(plugin, SETTINGS, upstream) as bench:
                yield bench

    def read(self, name: str) -> Any:
        return json.loads((RECORDED / f"{name}.json").read_text())

    def newer(self, body: dict[str, Any], *, last: bool) -> Answer:
        """The answer in the newer form, complete if it is the last one."""
        pages = list(body["query"]["pages"].values())
        for at, each in enumerate(pages):
            each.setdefault("index", at)
            for info in each.get("imageinfo", []):
                info.setdefault("width", 4 * info.get("thumbwidth", 1))
                info.setdefault("height", 4 * info.get("thumbheight", 1))
        more = {} if last else {"continue": body["continue"]}
        return Answer({"batchcomplete": last, "query": {"pages": pages}, **more})

    async def given(self, bench: Bench, *answers: Answer) -> list[Image]:
        assert bench.upstream is not None
        for answer in answers:
            bench.upstream.fail(answer, times=1)
        return list((await bench.search("recorded")).images)

    async def test_each_is_read_by_a_test_here(self) -> None:
        """So that a new one is not overlooked."""
        assert sorted(path.stem for path in RECORDED.glob("*.json")) == [
            "artist_in_div",
            "artist_in_link",
            "description_in_html",
            "pieces_1",
            "pieces_2",
            "search",
        ]

    @pytest.mark.parametrize("name", ["search", "pieces_1"])
    async def test_the_older_form_is_an_error(self, bench: Bench, name: str) -> None:
        """We ask for the newer one."""
        with pytest.raises(InvalidResponse):
            await self.given(bench, Answer(self.read(name)))

    async def test_a_search(self, bench: Bench) -> None:
        """In its order; its thumbnails are in widths that are no longer served, and it has no licences."""
        images = await self.given(bench, self.newer(self.read("search"), last=True))

        assert [image.id for image in images] == ["9000001", "9000002", "9000003"]
        assert images[0].title == "Blue Lid"
        assert [rendition.name for image in images for rendition in image.renditions] == ["original"] * 3
        assert {image.license.id for image in images if image.license} == {"unstated"}

    async def test_an_answer_in_pieces(self, bench: Bench) -> None:
        """The second one lacks every `imageinfo`, and so ends the first."""
        first = self.newer(self.read("pieces_1"), last=False)
        second = self.newer(self.read("pieces_2"), last=True)
        images = {image.id: image for image in await self.given(bench, first, second)}

        assert list(images) == ["9000011", "9000012", "9000013"]
        authors = {id: (image.author.name, image.author.url) for id, image in images.items() if image.author}
        assert authors["9000012"] == ("Ada Example", "https://commons.wikimedia.org/wiki/User:Ada_%C3%84xample")
        assert authors["9000013"] == ("Museum of Invention; Example, Cleo", None)
        assert authors["9000011"][0] == "The original uploader was Bo Sample at Italian Wikipedia."
        assert images["9000013"].title == "Evening in Example"
        licenses = {id: image.license.id for id, image in images.items() if image.license}
        assert [licenses[id] for id in ("9000011", "9000012", "9000013")] == [
            "pdm-1.0",
            "cc-by-sa-3.0-de",
            "cc-by-sa-4.0",
        ]
        assert all(image.license and image.license.url and image.source_url for image in images.values())

    @pytest.mark.parametrize(
        ("name", "author"),
        [
            ("artist_in_link", Author("Ada Example", "https://example.org/people/ada")),
            ("artist_in_div", Author("Bo Sample")),
            ("description_in_html", Author("AdaExample", "https://commons.wikimedia.org/wiki/User:AdaExample")),
        ],
    )
    async def test_fragments(self, bench: Bench, name: str, author: Author) -> None:
        """Artists and a description in HTML."""
        told = self.read(name)
        image = await record(bench, extmetadata=told["extmetadata"])

        assert image.author == author
        if "ImageDescription" in told["extmetadata"]:
            assert image.alt.startswith("Title Allegory of an invented sculptor")
