"""The Wikimedia Commons plugin against the simulated Commons, over real HTTP, and against invented recordings."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import imagevault_wikimedia as plugin
import msgspec
import pytest

from imagevault import (
    Author,
    Declared,
    Flags,
    Image,
    InvalidResponse,
    License,
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
from tests.support.linear_time import is_linear

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
    "mime": "image/jpeg",
    "thumburl": f"{THUMB}/330px-Lamp.jpg{UTM}",
    "thumbwidth": 330,
    "responsiveUrls": {"1.5": f"{THUMB}/500px-Lamp.jpg{UTM}", "2": f"{THUMB}/960px-Lamp.jpg{UTM}"},
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


def decoded(meta: Mapping[str, object] | None = None, **change: object) -> plugin._File:
    """The page of the lamp with these changes, as the plugin reads it."""
    return msgspec.convert(page(meta, **change), plugin._File)


def details(**meta: object) -> plugin._Details:
    """The metadata of the lamp with these changes, as texts."""
    return plugin._details(decoded(meta).infos[0])


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
            "iiprop": "url|size|mime|extmetadata",
            "iiurlwidth": "330",
            "iiextmetadatafilter": "Artist|Attribution|AttributionRequired|Credit|DateTimeOriginal|ImageDescription"
            "|License|LicenseShortName|LicenseUrl|ObjectName|Restrictions",
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
            ("Fox NOT red AND blue OR Green", "Fox not red and blue or Green"),
            ("ANDES Notary", "ANDES Notary"),
            ("-NOT fox", "not fox"),
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
        assert not find("filetype:bitmap fox NOT red")

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

    async def test_asks_nothing_behind_it(self, bench: Bench, commons: SimulatedWikimedia) -> None:
        """Such a page is empty, and costs no call."""
        assert await bench.search("everything", 201) == Page([], last=True)
        assert commons.calls == []

    async def test_pages_without_any_file_are_no_answer(self, bench: Bench, commons: SimulatedWikimedia) -> None:
        """A complete answer in which each page lacks its `imageinfo` is not a search that found nothing."""
        commons.fail(listing(PAGE, {**PAGE, "pageid": 8}))

        with pytest.raises(InvalidResponse, match="without their files"):
            await bench.search("lamp")

    async def test_what_is_no_picture_is_no_failure(self, bench: Bench, commons: SimulatedWikimedia) -> None:
        """A page of books alone is empty."""
        commons.fail(listing(page(mime="image/vnd.djvu")))

        assert (await bench.search("lamp")).images == []

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
        """A page that cannot be read is left out."""
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
            Rendition(name="thumbnail", url=f"{THUMB}/330px-Lamp.jpg", width=330, height=248, type="image/jpeg"),
            Rendition(name="small", url=f"{THUMB}/500px-Lamp.jpg", width=500, height=375, type="image/jpeg"),
            Rendition(name="medium", url=f"{THUMB}/960px-Lamp.jpg", width=960, height=720, type="image/jpeg"),
            Rendition(name="original", url=FILE, width=4000, height=3000, type="image/jpeg"),
        ]

    async def test_of_a_portrait_stand_upright(self, bench: Bench) -> None:
        """Widths are standard, heights follow the original's shape."""
        image = await record(bench, width=3000, height=4500)

        assert [(rendition.width, rendition.height) for rendition in image.renditions] == [
            (330, 495),
            (500, 750),
            (960, 1440),
            (3000, 4500),
        ]

    async def test_of_a_tiff_are_shown_by_browsers(self, bench: Bench) -> None:
        """The original keeps its type, and the thumbnails are JPEG."""
        tiff = FILE.replace(".jpg", ".tif")
        thumb = f"{THUMB}/lossy-page1-330px-Lamp.tif.jpg"
        image = await record(bench, url=tiff, mime="image/tiff", thumburl=thumb, responsiveUrls=...)

        assert [(rendition.name, rendition.type) for rendition in image.renditions] == [
            ("thumbnail", "image/jpeg"),
            ("original", "image/tiff"),
        ]

    @pytest.mark.parametrize("odd", [None, 7, [], ["x"], {"1.5": None, "2": 5}])
    async def test_of_an_odd_form_are_left_out(self, bench: Bench, odd: object) -> None:
        """PHP writes an empty map as a list."""
        image = await record(bench, thumburl=odd, responsiveUrls=odd)

        assert [rendition.name for rendition in image.renditions] == ["original"]

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

        assert image.renditions == [
            Rendition(name="original", url=FILE, width=300, height=200, type="image/jpeg"),
        ]

    async def test_an_original_that_is_called_like_a_thumbnail_is_none(self, bench: Bench) -> None:
        """An uploader may call a small file `330px-Lamp.jpg`."""
        url = "https://upload.wikimedia.org/wikipedia/commons/a/ab/330px-Lamp.jpg"
        image = await record(bench, width=300, height=200, url=url, thumburl=url, responsiveUrls=...)

        assert [rendition.name for rendition in image.renditions] == ["original"]

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

    @pytest.mark.parametrize(
        "type",
        ["application/pdf", "image/vnd.djvu", "image/svg+xml", "audio/ogg", "video/webm", "image/x-xcf", "model/stl"],
    )
    async def test_that_are_no_pictures_are_dropped(self, bench: Bench, type: str) -> None:
        """Also from a lookup, which has no filter."""
        assert await record(bench, mime=type) is None

    @pytest.mark.parametrize("ending", ["pdf", "djvu", "svg", "ogg", "webm", "xcf", "stl"])
    async def test_that_are_no_pictures_by_their_name_are_dropped(self, bench: Bench, ending: str) -> None:
        """Where the answer states no type."""
        url = f"https://upload.wikimedia.org/wikipedia/commons/a/ab/Lamp.{ending}{UTM}"

        assert await record(bench, url=url, mime=...) is None

    @pytest.mark.parametrize(
        ("ending", "type"),
        [
            ("JPG", "image/jpeg"),
            ("jpeg", "image/jpeg"),
            ("png", "image/png"),
            ("gif", "image/gif"),
            ("webp", "image/webp"),
            ("tif", "image/tiff"),
            ("tiff", "image/tiff"),
        ],
    )
    async def test_that_are_pictures_are_kept(self, bench: Bench, ending: str, type: str) -> None:
        """Whatever the case of their name, with their type."""
        url = f"https://upload.wikimedia.org/wikipedia/commons/a/ab/Lamp.{ending}{UTM}"
        image = await record(bench, url=url, mime=...)

        assert image.renditions[-1].type == type

    async def test_without_a_size_are_no_pictures(self, bench: Bench) -> None:
        """Sounds have none."""
        assert await record(bench, mime=..., width=0, height=0) is None

    @pytest.mark.parametrize("change", [{"width": ...}, {"url": ...}, {"descriptionurl": ...}])
    async def test_that_lack_what_a_record_needs_are_no_empty_page(
        self, bench: Bench, commons: SimulatedWikimedia, change: dict[str, Any]
    ) -> None:
        """The API would have another form then."""
        commons.fail(listing(page(**change)), times=1)

        with pytest.raises(InvalidResponse, match="none of 1 records can be read"):
            await bench.search("lamp")


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
            ("<b>Fay Sand</b> <i>[user: fay, mail: fay at mail.example]</i>", Author("Fay Sand")),
            (
                '<a href="//commons.wikimedia.org/wiki/User:Gus" title="User:Gus">User:Gus</a>',
                Author("Gus", "https://commons.wikimedia.org/wiki/User:Gus"),
            ),
            ('<a href="http://ada.example:8080/">Ada</a>', Author("Ada")),
            ('<a href="http://127.0.0.1/">Ada</a>', Author("Ada")),
            ('<a href="https://creativecommons.org/licenses/by/4.0/">CC BY</a> Ada', Author("CC BY Ada")),
        ],
        ids=range(14),
    )
    async def test_is_a_plain_name_and_the_first_link(self, bench: Bench, artist: str, author: Author) -> None:
        """By https; to no page that is still to be written, no mail address and no licence. Hidden data stay hidden."""
        assert (await record(bench, {"Artist": artist})).author == author

    @pytest.mark.parametrize(
        "artist", [..., None, "", " ", "<span></span>", '<div style="display:none">x</div>', [], {}]
    )
    async def test_is_never_the_uploader(self, bench: Bench, commons: SimulatedWikimedia, artist: object) -> None:
        """Where no artist is named, nobody is; the account that uploaded the file is not even asked for."""
        image = await record(bench, {"Artist": artist}, user="Uploader One")

        assert image.author is None
        assert attribution(bench.provider.info, image).text == (
            "A lamp by an unknown author, CC BY-SA 4.0, via Wikimedia Commons"
        )
        assert "user" not in commons.calls[-1].query["iiprop"].split("|")

    @pytest.mark.parametrize(
        "artist",
        [
            "This file is lacking author information.",
            "<i>This file is lacking author information.</i>",
            "Unknown author",
            "unknown",
            '<a href="https://www.wikidata.org/wiki/Q4233718">Unknown author</a><span style="display: none;">x</span>',
            "Unknown authorUnknown author",
            "?",
            "N/A",
            "See below",
            '<span class="int-own-work" lang="en">Own work</span>',
        ],
    )
    async def test_is_no_text_of_a_template(self, bench: Bench, artist: str) -> None:
        """It stands where nobody is named."""
        image = await record(bench, {"Artist": artist})

        assert image.author is None
        assert "by an unknown author" in attribution(bench.provider.info, image).text

    @pytest.mark.parametrize(
        ("artist", "credit"),
        [
            (
                (
                    'The original uploader was <a href="https://en.wikipedia.org/wiki/it:User:Ivo">Ivo</a> at '
                    '<a href="https://en.wikipedia.org/wiki/it:">Italian Wikipedia</a>.'
                ),
                "The original uploader was Ivo at Italian Wikipedia",
            ),
            (
                (
                    'No machine-readable author provided. <a href="//x.example/wiki/User:Ivo">Ivo</a> assumed '
                    "(based on copyright claims)."
                ),
                "No machine-readable author provided. Ivo assumed (based on copyright claims)",
            ),
        ],
        ids=["moved", "assumed"],
    )
    async def test_is_no_sentence_about_the_uploader(self, bench: Bench, artist: str, credit: str) -> None:
        """The credit line keeps the sentence, which is all that is known."""
        image = await record(bench, {"Artist": artist})

        assert image.author is None
        assert (image.credit or "").startswith(f"A lamp. {credit}, CC BY-SA 4.0 (")

    @pytest.mark.parametrize(
        ("artist", "name"),
        [
            (
                (
                    "<table><tr><th>Andy Example (1972\u2013)</th></tr>"
                    "<tr><td>Description</td><td>English trainer</td></tr></table>"
                ),
                "Andy Example",
            ),
            (
                "<table><tr><td>Author</td><td>Andy Example</td></tr><tr><td>Born</td><td>1972</td></tr></table>",
                "Andy Example",
            ),
            ("<dl><dt>Andy Example</dt><dd>English trainer</dd></dl>", "Andy Example"),
            ("Andy Example<table><tr><td>English trainer</td></tr></table>", "Andy Example"),
            ("<ul><li>Ada Lind</li><li>Bo Sample</li></ul>", "Ada Lind; Bo Sample"),
            ("<ul><li>Andy Example (1972-) </li><li>Description</li><li>English trainer</li></ul>", "Andy Example"),
            ("<ol><li>unknown</li><li>Bo Sample</li></ol>", "Bo Sample"),
        ],
        ids=range(7),
    )
    async def test_is_only_the_name_of_a_table_or_list(self, bench: Bench, artist: str, name: str) -> None:
        """Cells and items are set apart; what follows the name of a person is left out."""
        assert (await record(bench, {"Artist": artist})).author.name == name

    async def test_of_a_derivative_work_is_not_its_source(self, bench: Bench) -> None:
        """Both authors are named, the file is not, and the link is the first author's."""
        artist = (
            '<ul>\n<li>\n<a href="//commons.wikimedia.org/wiki/File:Pier.jpg" title="File:Pier.jpg">Pier.jpg</a>: '
            '<a href="https://www.flickr.com/people/1@N00">Ada Lind</a> from Oslo</li>\n'
            '<li>derivative work: <a href="//commons.wikimedia.org/wiki/User:Hal">Ha</a>'
            '<b><a href="//commons.wikimedia.org/wiki/User_talk:Hal">l</a></b> (talk)\n</li>\n</ul>'
        )

        assert (await record(bench, {"Artist": artist})).author == Author(
            "Ada Lind from Oslo; derivative work: Hal", "https://www.flickr.com/people/1@N00"
        )

    async def test_a_source_alone_is_no_author(self, bench: Bench) -> None:
        artist = '<a href="//commons.wikimedia.org/wiki/File:Pier.jpg">Pier.jpg</a>'

        assert (await record(bench, {"Artist": artist})).author is None

    @pytest.mark.parametrize(
        ("artist", "name"),
        [
            ("Ada Example (1832\u20131883)", "Ada Example"),
            ("Ada Example (1832 - 1883)", "Ada Example"),
            ("Ada Example (born 1972)", "Ada Example"),
            ("Ada Example (Oslo 1972)", "Ada Example (Oslo 1972)"),
            ("Ada Example (talk \u00b7 contribs)", "Ada Example"),
            ("Photo by Ada Example.", "Photo by Ada Example"),
            ("Bo Sample Jr.", "Bo Sample Jr."),
            ("Ada&nbsp;Example&nbsp;", "Ada Example"),
            ("Museum of Invention; Example, Cleo", "Museum of Invention; Example, Cleo"),
        ],
    )
    def test_names_are_cleaned(self, artist: str, name: str) -> None:
        """Years, links to talk pages, and a full stop that would meet the comma of the credit line go."""
        assert plugin._artist_name(details(Artist=artist)) == name


class TestCredit:
    def credit(self, **meta: object) -> str | None:
        """The credit line that the plugin dictates for the lamp with this metadata."""
        page_url = "https://commons.wikimedia.org/wiki/File:Lamp.jpg"
        known = details(**meta)
        license = plugin._license(known, page_url)
        return plugin._credit("A lamp", plugin._author(known), license, page_url, known)

    def test_names_author_and_licence(self) -> None:
        """Then the line of `ProviderInfo` is enough, and its parts are links."""
        assert self.credit() is None

    def test_is_the_wording_that_the_licensor_demands(self) -> None:
        """Whatever it leaves out follows it: the licence with its address, and Wikimedia Commons."""
        assert self.credit(Attribution="Photo: <b>Harbour</b> Office") == (
            "A lamp. Photo: Harbour Office, CC BY-SA 4.0 (https://creativecommons.org/licenses/by-sa/4.0/), "
            "via Wikimedia Commons"
        )

    def test_says_nothing_twice(self) -> None:
        wording = (
            'Photo: Ada / <a href="http:////x">Wikimedia Commons</a> / <a href="https://x.example">CC BY-SA 4.0</a>.'
        )

        assert self.credit(Attribution=wording) == (
            "A lamp. Photo: Ada / Wikimedia Commons / CC BY-SA 4.0 (https://creativecommons.org/licenses/by-sa/4.0/)"
        )

    async def test_reaches_consumers(self, bench: Bench) -> None:
        """The author stays the artist, and the credit is the demanded wording."""
        image = await record(bench, {"Attribution": "Ada Lind / Harbour Office"})
        credit = attribution(bench.provider.info, image)

        assert image.author == Author("Ada Lind")
        assert credit.text == image.credit
        assert credit.text.startswith("A lamp. Ada Lind / Harbour Office, CC BY-SA 4.0")
        assert 'href="https://commons.wikimedia.org/wiki/File:Lamp.jpg"' in credit.html

    @pytest.mark.parametrize("wording", ["", "Unknown author", None, ...])
    def test_a_wording_that_says_nothing_is_none(self, wording: object) -> None:
        assert self.credit(Attribution=wording) is None

    def test_names_the_source_where_nobody_made_it(self) -> None:
        credit = self.credit(Artist=..., Credit='<a href="https://museum.example">Example Museum</a>, inv. 7')

        assert (credit or "").startswith("A lamp. Example Museum, inv. 7, CC BY-SA 4.0 (")

    @pytest.mark.parametrize(
        "source",
        [
            '<span class="int-own-work" lang="en">Own work</span>',
            "Own work by the original uploader",
            "No machine-readable source provided. Own work assumed (based on copyright claims).",
            'Transferred from <a href="https://it.wikipedia.org">it.wikipedia</a> to Commons by Ada.',
            "Unknown source",
            "unknown",
            "",
            ...,
        ],
    )
    def test_a_source_that_says_nothing_is_none(self, source: object) -> None:
        assert self.credit(Artist=..., Credit=source) is None

    def test_an_artist_goes_before_the_source(self) -> None:
        assert self.credit(Credit="Example Museum") is None

    def test_has_no_address_of_the_page_itself(self) -> None:
        """A licence without an address links to the file's page, to which the credit leads anyway."""
        other = {"License": ..., "LicenseShortName": "Attribution", "LicenseUrl": ...}

        assert self.credit(Attribution="Harbour Office", **other) == (
            "A lamp. Harbour Office, Attribution, via Wikimedia Commons"
        )

    def test_without_a_title_is_the_wording(self) -> None:
        known = details(Attribution="Harbour Office")
        license = License.public_domain("Public domain")

        assert plugin._credit(None, None, license, "", known) == "Harbour Office, Public domain, via Wikimedia Commons"

    def test_has_no_double_full_stop(self) -> None:
        known = details(Attribution="Harbour Office of Example.")
        license = License.public_domain("Public domain")

        assert plugin._credit("A lamp.", None, license, "", known) == (
            "A lamp. Harbour Office of Example, Public domain, via Wikimedia Commons"
        )

    def test_is_not_too_long_for_its_licence(self) -> None:
        credit = self.credit(Attribution="word " * 500) or ""

        assert len(credit) < 1000
        assert "…, CC BY-SA 4.0 (" in credit


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
            ("cc-by-sa-4.0,3.0,2.5,2.0,1.0", ..., "cc-by-sa-4.0", f"{CC}/licenses/by-sa/4.0/"),
            ("cc-by-sa-3.0-migrated", ..., "cc-by-sa-3.0", f"{CC}/licenses/by-sa/3.0/"),
            ("CC-BY-2.5-scotland", ..., "cc-by-2.5-scotland", f"{CC}/licenses/by/2.5/scotland/"),
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
        assert license.is_public_domain == id.startswith(("cc0", "pdm"))

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
            ({"License": "gfdl", "LicenseShortName": ...}, "gfdl", "gfdl", "File"),
            ({"License": ..., "LicenseShortName": "自由"}, "other", "自由", "File"),
        ],
        ids=["gfdl", "fal", "ogl", "free use", "only a code", "other letters"],
    )  # fmt: skip
    async def test_may_be_another(self, bench: Bench, change: dict[str, object], id: str, name: str, url: str) -> None:
        """With a stable id, and a link to its text or to the file's page; free for any use, as all of Commons."""
        license = (await record(bench, {"LicenseUrl": ..., **change})).license

        page = "https://commons.wikimedia.org/wiki/File:Lamp.jpg"
        assert (license.id, license.name, license.url) == (id, name, page if url == "File" else url)
        assert (license.commercial, license.modification, license.is_public_domain) == (True, True, False)
        assert license.attribution_required

    @pytest.mark.parametrize(
        ("name", "url", "told"),
        [
            ("Public domain", ..., "https://commons.wikimedia.org/wiki/File:Lamp.jpg"),
            ("No restrictions", "https://www.flickr.com/commons/usage/", "https://www.flickr.com/commons/usage/"),
        ],
    )
    async def test_may_be_a_statement_of_the_public_domain(
        self, bench: Bench, name: str, url: object, told: str
    ) -> None:
        """Without a mark of Creative Commons; the filter `public-domain` finds it all the same."""
        image = await record(bench, {"License": ..., "LicenseShortName": name, "LicenseUrl": url})

        assert image.license == License.public_domain(name, told)
        assert filters.EMULATED["license"]("public-domain")(image)

    def test_names_the_fields_that_declare_it(self) -> None:
        """With their words as they were sent."""
        declared = plugin._declared(details(License="CC-BY-2.5", LicenseUrl=...))

        assert declared == Declared("License + LicenseShortName", "CC-BY-2.5 + CC BY-SA 4.0")

    def test_that_is_not_stated_is_declared_nowhere(self) -> None:
        assert plugin._declared(details(License=..., LicenseShortName=None, LicenseUrl="")) is None

    async def test_need_not_ask_for_credit(self, bench: Bench) -> None:
        """`AttributionRequired` tells of those that are not Creative Commons'."""
        change = {"License": "attribution-free", "LicenseUrl": ..., "AttributionRequired": "false"}

        assert not (await record(bench, change)).license.attribution_required

    async def test_that_is_not_stated_promises_nothing(self, bench: Bench) -> None:
        """Its page may tell; filters leave the file out."""
        none = dict.fromkeys(("License", "LicenseUrl", "LicenseShortName", "AttributionRequired"), ...)
        image = await record(bench, none)

        assert image.license == License.unknown(
            "Licence not stated", "https://commons.wikimedia.org/wiki/File:Lamp.jpg"
        )
        assert not any(filters.EMULATED["license"](value)(image) for value in ("commercial", "modification"))
        assert not filters.EMULATED["license"]("public-domain")(image)

    async def test_comes_with_other_restrictions(self, bench: Bench) -> None:
        """Trade marks and the rights of those who are shown are no matter of a licence, but of every use."""
        image = await record(bench, {"Restrictions": "trademarked|personality"})

        assert image.flags == Flags(restrictions=["trademarked", "personality"])
        assert image.tags == []
        assert (await record(bench)).flags == Flags(restrictions=[])
        assert bench.provider.info.declares == frozenset()


class TestRecord:
    async def test_is_whole(self, bench: Bench) -> None:
        """Every field that Commons has; its page has no `utm`."""
        image = await record(bench, {"DateTimeOriginal": "2015-09-12 13:51:49", "Credit": "Example Museum"})

        assert (image.id, image.title) == ("7", "A lamp")
        assert (image.alt, image.description) == ("A lamp at night", "A lamp at night")
        assert (image.date, image.extra) == ("2015-09-12T13:51:49", {"source": "Example Museum"})
        assert (image.width, image.height) == (4000, 3000)
        assert image.source_url == "https://commons.wikimedia.org/wiki/File:Lamp.jpg"
        assert image.identities == ["commons:p7", "commons:fLamp.jpg"]
        assert image.declared == Declared(
            "License + LicenseShortName + LicenseUrl",
            "cc-by-sa-4.0 + CC BY-SA 4.0 + https://creativecommons.org/licenses/by-sa/4.0",
        )
        assert (image.color, image.blurhash, image.credit) == (None, None, None)

    @pytest.mark.parametrize("name", [..., "", '<div style="display: none;">label QS:Len</div>'])
    async def test_is_called_as_its_file_where_it_has_no_name(self, bench: Bench, name: object) -> None:
        """Without `File:` and ending."""
        assert (await record(bench, {"ObjectName": name})).title == "Lamp"

    @pytest.mark.parametrize(
        ("name", "title"),
        [
            ("File:A lamp.JPG", "A lamp"),
            ("Mt. Fuji", "Mt. Fuji"),
            ("1984", "1984"),
            ("Niedercunnersdorf M\u00fchlgrabenweg 5 (1)", "Niedercunnersdorf M\u00fchlgrabenweg 5 (1)"),
            ("DSC 0228", None),
            ("DSC07971.JPG", None),
            ("IMG 0404", None),
            ("P1010101", None),
            ("20190907 162644", None),
        ],
    )
    def test_titles(self, name: str, title: str | None) -> None:
        """A name that a camera gave is no title."""
        assert plugin._title(decoded({"ObjectName": name}), details(ObjectName=name)) == title

    @pytest.mark.parametrize("description", ["A lamp", "a lamp.", "<i>Lamp</i>", "Lamp.jpg", "", None, "..."])
    async def test_has_no_alt_that_repeats_the_title(self, bench: Bench, description: object) -> None:
        """Or the name of the file: such a description says nothing of the picture."""
        assert (await record(bench, {"ImageDescription": description})).alt is None

    @pytest.mark.parametrize("words", ["OLYMPUS DIGITAL CAMERA", "<p>SONY DSC</p>", "Exif_JPEG_PICTURE"])
    async def test_words_of_a_camera_describe_nothing(self, bench: Bench, words: str) -> None:
        image = await record(bench, {"ImageDescription": words, "ObjectName": words})

        assert (image.title, image.alt, image.description) == ("Lamp", None, None)

    @pytest.mark.parametrize(
        ("words", "date"),
        [
            ("1891", "1891"),
            ('1891<div style="display: none;">date QS:P,+1891-00-00T00:00:00Z/9</div>', "1891"),
            ("2015-09", "2015-09"),
            ("2015-09-12", "2015-09-12"),
            ("2015-09-12 13:51:49", "2015-09-12T13:51:49"),
            ("2015-09-12T13:51", "2015-09-12T13:51"),
            ("2015:09:12 13:51:49", "2015-09-12T13:51:49"),
            ("1891-00-00", "1891"),
            ("2019-13-45", "2019"),
            ("2019-02-31", "2019-02"),
            ("2019-02-07 25:00:00", "2019-02-07"),
            ("circa 1925", "circa 1925"),
            ("12 September 2015", "12 September 2015"),
            ("0000:00:00 00:00:00", None),
            ("Unknown date", None),
            ("", None),
            (..., None),
        ],
    )
    def test_dates(self, words: object, date: str | None) -> None:
        """ISO 8601 where the page has a date, its words otherwise."""
        assert plugin._date(details(DateTimeOriginal=words)) == date

    async def test_has_no_date_of_its_upload(self, bench: Bench) -> None:
        """`DateTime` is that, and says nothing of the work."""
        assert (await record(bench, {"DateTime": "2015-10-31 23:00:49"})).date is None

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
            page(mime=["image/jpeg"]),
        ],
        ids=range(12),
    )
    async def test_that_is_none_is_left_out(self, bench: Bench, commons: SimulatedWikimedia, bad: object) -> None:
        """Of another form than documented, missing, or without a file."""
        commons.fail(listing({**page(), "pageid": 8, "index": 1}, bad), times=1)

        assert [image.id for image in (await bench.search("lamp")).images] == ["8"]

    @pytest.mark.parametrize("metadata", [[], {}, {"Artist": "Ada"}, {"Artist": {"value": ["Ada"]}}, {"License": None}])
    async def test_has_whatever_of_its_metadata_can_be_read(self, bench: Bench, metadata: object) -> None:
        """PHP writes an empty map as a list, and an odd field is left out."""
        image = await record(bench, extmetadata=metadata)

        assert (image.id, image.title, image.author) == ("7", "Lamp", None)
        assert image.license.is_unknown

    async def test_needs_no_metadata(self, bench: Bench) -> None:
        assert (await record(bench, extmetadata=...)).title == "Lamp"


class TestIdentities:
    def identities(self, title: str = "File:A lamp.jpg", **meta: object) -> list[str]:
        """The keys of a file, without the one of its page."""
        file = msgspec.structs.replace(decoded(meta), title=title)
        page_key, *keys = plugin._identities(file, details(**meta))
        assert page_key == "commons:p7"
        return keys

    @pytest.mark.parametrize(
        ("title", "key"),
        [
            ("File:A lamp.jpg", "commons:fA lamp.jpg"),
            ("File:a_lamp.jpg", "commons:fA lamp.jpg"),
            ("File:e\u0301clair.jpg", "commons:f\u00c9clair.jpg"),
        ],
    )
    def test_the_name_is_a_key(self, title: str, key: str) -> None:
        """With blanks, a capital, and composed letters."""
        assert self.identities(title) == [key]

    @pytest.mark.parametrize(
        "source",
        [
            '<a href="https://www.flickr.com/photos/ada/48294642212/">A lamp</a>',
            "https://flickr.com/photos/10000001@N00/48294642212",
            '<a href="https://live.staticflickr.com/65535/48294642212_0a1b_b.jpg">x</a>',
            "https://farm5.static.flickr.com/4/48294642212_0a1b.jpg, https://www.flickr.com/photos/ada/48294642212",
        ],
    )
    def test_a_photo_at_flickr_is_a_key(self, source: str) -> None:
        assert self.identities(Credit=source)[1:] == ["flickr:48294642212"]

    @pytest.mark.parametrize(
        ("title", "keys"),
        [
            ("File:A lamp (48294642212).jpg", ["flickr:48294642212"]),
            ("File:Night in Nice (1891).jpg", []),
            ("File:M\u00fchlgrabenweg 5 (1).JPG", []),
            ("File:A lamp (20150912).jpg", []),
            ("File:A lamp (48294642212) (cropped).jpg", []),
            ("File:A lamp 48294642212.jpg", []),
        ],
    )
    def test_the_number_at_the_end_of_a_name_is_one_too(self, title: str, keys: list[str]) -> None:
        """A year, a day and the number of a copy are not; a cropped photo is another picture."""
        assert self.identities(title)[1:] == keys

    def test_several_photos_are_none(self) -> None:
        source = "https://www.flickr.com/photos/ada/48294642212 and https://www.flickr.com/photos/ada/48294642213"

        assert self.identities("File:Two lamps (48294642212).jpg", Credit=source)[1:] == []

    def test_a_derivative_work_is_another_picture(self) -> None:
        source = "https://www.flickr.com/photos/ada/48294642212"

        assert self.identities(Credit=source, Artist="Ada, derivative work: Bo")[1:] == []


class TestHostileMetadata:
    """Volunteers write it, and anybody may be one."""

    PIECES = (
        "<",
        "<a ",
        "<b>x</b>",
        "</div>",
        "<td>",
        "<li>a",
        '<div style="display:none">',
        '<a href="//x.example/z">',
        "href='",
        "display:",
        '"',
        "(",
        " (1832-",
        " (talk",
        " [user: ",
        "flickr.com/photos/",
        "&amp;",
        "a <![1",
        "1",
        ".",
        "unknown",
        "own work ",
        "cc-by-",
    )

    @pytest.mark.parametrize("piece", PIECES)
    def test_takes_linear_time(self, piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Also without the bound on what is read."""
        monkeypatch.setattr(plugin, "MAX_HTML", 10**9)

        def convert(size: int) -> Image:
            text = piece * (size // len(piece))
            meta = dict.fromkeys(plugin.METADATA_FIELDS, text)
            file = decoded(meta, url=f"{FILE}?{text}", thumburl=f"{THUMB}/{text}")
            file = msgspec.structs.replace(file, title=f"File:{text}")
            return plugin._image(file, file.infos[0])

        assert is_linear(convert, 5_000)

    @pytest.mark.parametrize("piece", PIECES)
    def test_is_read_up_to_a_bound(self, piece: str) -> None:
        assert len(plugin._html({"value": piece * 100_000})) <= plugin.MAX_HTML

    def test_a_hidden_element_ends_with_its_own_tag(self) -> None:
        markup = '<div style="display: none"><div>x</div>y</div>Ada<p style="DISPLAY:none">z'

        assert plugin._html({"value": markup}) == "Ada"

    def test_an_empty_element_hides_nothing(self) -> None:
        assert plugin._text({"value": '<br style="display: none">Ada'}) == "Ada"


class TestLookup:
    async def test_gives_what_the_search_gave(self, bench: Bench) -> None:
        """Of every kind of file, artist and licence."""
        for image in [*(await bench.search("cat")).images][:30]:
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
            ("cirrussearch-too-busy-error", Unavailable),
            ("internal_api_error_DBQueryError", Unavailable),
            ("badvalue", InvalidResponse),
            ("badinteger", InvalidResponse),
        ],
    )
    async def test_failures_have_status_200(
        self, bench: Bench, commons: SimulatedWikimedia, code: str, error: type[ProviderError]
    ) -> None:
        """The code tells what went wrong, and `Retry-After`, where it comes, for how long."""
        answer = failure(code, "Not today")
        stated: list[tuple[dict[str, str], int | None]] = [
            ({}, None),
            ({"Retry-After": "9"}, 9),
            ({"Retry-After": "soon"}, None),
            ({"Retry-After": "0"}, None),
            ({"Retry-After": "-5"}, None),
            ({"Retry-After": "9" * 400}, None),
        ]
        for headers, wait in stated:
            commons.fail(Answer(answer.content, 200, {**answer.headers, **headers}), times=2)
            for ask in (bench.search("lamp"), bench.fetch("7")):
                with pytest.raises(error, match="Not today") as caught:
                    await ask
                assert caught.value.retry_after == wait

    async def test_an_error_of_an_odd_form_is_one(self, bench: Bench, commons: SimulatedWikimedia) -> None:
        commons.fail(Answer({"error": {"info": "Not today"}, "batchcomplete": True}))

        with pytest.raises(InvalidResponse, match="Not today"):
            await bench.search("lamp")

    async def test_records_that_cannot_be_read_are_no_empty_page(
        self, bench: Bench, commons: SimulatedWikimedia
    ) -> None:
        """Nor is a lookup of one."""
        commons.fail(listing({**page(), "pageid": "x"}))

        for ask in (bench.search("lamp"), bench.fetch("7")):
            with pytest.raises(InvalidResponse, match="none of 1 records can be read"):
                await ask

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
        assert {image.license.id for image in images if image.license} == {"unknown"}

    async def test_an_answer_in_pieces(self, bench: Bench) -> None:
        """The second one lacks every `imageinfo`, and so ends the first."""
        first = self.newer(self.read("pieces_1"), last=False)
        second = self.newer(self.read("pieces_2"), last=True)
        images = {image.id: image for image in await self.given(bench, first, second)}

        assert list(images) == ["9000011", "9000012", "9000013"]
        authors = {id: image.author for id, image in images.items()}
        assert authors == {
            "9000011": None,
            "9000012": Author("Ada Example", "https://commons.wikimedia.org/wiki/User:Ada_%C3%84xample"),
            "9000013": Author("Museum of Invention; Example, Cleo"),
        }
        assert "The original uploader was Bo Sample at Italian Wikipedia" in (images["9000011"].credit or "")
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
