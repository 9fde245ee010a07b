"""A simulated Wikimedia Commons, to test against and to try the gateway without the network.

As documented (https://www.mediawiki.org/wiki/API:Query) or measured of the real one:

* `/w/api.php?action=query` with `generator=search` or `pageids`, and `prop=imageinfo`. An agent without a contact is
  403. Errors have status 200 and a header; while `throttled` is true every call is 429 with `Retry-After`.
* `formatversion` is 1 unless given: pages are an object by id then, and what is true is an empty string. Pages come in
  no order, `index` tells it. No `query` where nothing is found; no total; `continue` tells that more follow.
* Behind the first, a page of results comes in pieces: the rest lack `imageinfo` until every key of `continue` is sent
  back, and then those before do. An id that there is not is a page that is `missing`.
* Addresses end in `utm`. `iiurlwidth` brings one thumbnail, of the next wider step for some while its `thumbwidth` says
  what was asked, and two wider ones, for some in widths that are no step; all of small files are the original.
* Metadata are HTML or numbers, and any may be missing: artists are plain, links, links to pages that are still to be
  written, in tags, with data for machines that nobody shall see. Public domain has no address.
* `filetype:bitmap` leaves out PDF, not DjVu. A parameter that is not known brings a warning.

Not known of the real one, so decided here: which results come in pieces; that words with an operator find nothing,
and that a search behind the 10 000th result is an error.

The files are invented. Any words find 60 to 159, always the same ones, but `cat` finds 120, `few` 7, `everything` all
12 000 and `nothing` none.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.upstream import Upstream

FIRST_ID, FILES, DEPTH, PIECE = 7_000_000, 12_000, 10_000, 20
FOUND = {"cat": 120, "nothing": 0, "few": 7, "everything": FILES}
STEPS = (20, 40, 60, 120, 250, 330, 500, 960, 1280, 1920, 3840)
SIZES = ((4000, 3000), (3000, 4500), (1200, 900), (300, 200), (5152, 3864))
KNOWN = {"action", "format", "formatversion", "generator", "pageids", "prop", "continue", "maxlag", "gsrsearch"}
KNOWN |= {"gsrnamespace", "gsrlimit", "gsroffset", "iiprop", "iiurlwidth", "iiextmetadatafilter", "iicontinue"}
CONTACT = re.compile(r"\((https?://[^\s()]+|[^\s()@]+@[^\s()@]+)\)")
OPERATOR = re.compile(r'["*?~!\\|/]|\w:|(?<!\S)[-+]')
HIDDEN = '<div style="display: none;">creator QS:P170,Q4233718</div>'
ARTISTS = (
    "Ada Lind",
    '<a href="//commons.wikimedia.org/wiki/User:Bo_%26_Co" title="User:Bo &amp; Co">Bo &amp; Co</a>',
    '<a href="//commons.wikimedia.org/w/index.php?title=User:Cleo&amp;action=edit&amp;redlink=1" class="new">Cleo</a>',
    f'<bdi><a href="https://en.wikipedia.org/wiki/Dov?a=1&amp;b=2" class="x">Dov <b>Amsel</b></a>\n</bdi>{HIDDEN}',
    '<div class="fn value">\nEve Sand</div>',
    "Fay (fay@mail.example)",
    None,
    f"<span>{HIDDEN}</span>",
)
CC = "https://creativecommons.org/"
LICENSES: tuple[Mapping[str, str], ...] = (
    {"License": "cc-by-sa-4.0", "LicenseShortName": "CC BY-SA 4.0", "LicenseUrl": f"{CC}licenses/by-sa/4.0"},
    {"License": "cc-by-sa-3.0-de", "LicenseUrl": f"{CC}licenses/by-sa/3.0/de/deed.en"},
    {
        "License": "cc0",
        "LicenseShortName": "CC0",
        "LicenseUrl": "http://creativecommons.org/publicdomain/zero/1.0/deed.en",
    },
    {"License": "pd", "LicenseShortName": "Public domain", "AttributionRequired": "false"},
    {"License": "gfdl", "LicenseShortName": "GFDL", "LicenseUrl": "http://www.gnu.org/copyleft/fdl.html"},
    {"License": "cc-by-2.5", "LicenseShortName": "CC BY 2.5"},
    {"LicenseShortName": "Attribution", "AttributionRequired": "true", "Restrictions": "trademarked|insignia"},
    {"License": "pd", "LicenseShortName": "Public domain", "AttributionRequired": "true"},
)


class SimulatedWikimedia(Upstream):
    """Serves until the `with` block ends. Faults: see `Upstream.fail`."""

    def __init__(self, *, port: int = 0) -> None:
        super().__init__("/w/", port=port)
        self.throttled = False
        self.before(self._admit)
        self.get("api.php")(self._query)

    def _admit(self, call: Call) -> Answer | None:
        if not CONTACT.search(call.headers.get("user-agent", "")):
            return Answer("<!doctype html><p>Please set a user-agent and respect our robot policy</p>", 403)
        return Answer("<!doctype html><p>Too many requests</p>", 429, {"Retry-After": "5"}) if self.throttled else None

    def _query(self, call: Call) -> Answer:
        asked = dict(call.query)
        if asked.get("format") != "json":
            return Answer("<!doctype html><title>MediaWiki API result</title>")
        if asked.get("action") != "query":
            return failure("badvalue", 'Unrecognized value for parameter "action".')
        if asked.get("generator") == "search":
            first, limit = int(asked.get("gsroffset", 0)), min(500, int(asked.get("gsrlimit", 10)))
            if first < 0 or limit < 1 or first + limit > DEPTH:
                return failure("badvalue", "The result window is too large.")
            found = find(asked.get("gsrsearch", "")) if asked.get("gsrnamespace") == "6" else []
            body = batch(found, first, limit, asked)
        else:
            body = {
                "batchcomplete": True,
                "query": {"pages": [look_up(id, asked) for id in asked["pageids"].split("|")]},
            }
        if unknown := sorted(asked.keys() - KNOWN):
            body["warnings"] = {"main": {"warnings": f"Unrecognized parameters: {', '.join(unknown)}."}}
        return Answer(body if asked.get("formatversion") == "2" else as_version_1(body))


def failure(code: str, info: str) -> Answer:
    """An error of the API, with status 200."""
    return Answer({"error": {"code": code, "info": info, "docref": "See <a>"}}, headers={"MediaWiki-API-Error": code})


def find(search: str) -> Sequence[int]:
    """The numbers of the files that a search finds, the best first."""
    bitmap = "filetype:bitmap" in search.split()
    words = " ".join(word for word in search.split() if word != "filetype:bitmap").casefold()
    if OPERATOR.search(words):
        return []
    digest = int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())
    count = FOUND.get(words, 60 + digest % 100)
    start = digest // 100 % (FILES - count + 1)
    return [number for number in range(start, start + count) if not bitmap or ending(number) != "pdf"]


def batch(found: Sequence[int], first: int, limit: int, asked: Mapping[str, str]) -> dict[str, Any]:
    """One answer to a search: a page of results, or a piece of it."""
    numbers = found[first : first + limit]
    pages = [{**as_page(number, asked), "index": first + at} for at, number in enumerate(numbers, 1)]
    pages.sort(key=lambda page: page["index"] * 7919 % 1009)
    begin, more = int(asked.get("iicontinue", 0)), dict[str, Any]()
    end = begin + PIECE if first else len(pages)
    for page in [*pages[:begin], *pages[end:]]:
        del page["imageinfo"]
    body: dict[str, Any] = {"query": {"pages": pages}} if pages else {}
    if end < len(pages):
        more = {"iicontinue": str(end), "continue": "gsroffset||"}
    else:
        body["batchcomplete"] = True
        if first + limit < min(len(found), DEPTH):
            more = {"gsroffset": first + limit, "continue": "gsroffset||"}
    return {**body, "continue": more} if more else body


def look_up(id: str, asked: Mapping[str, str]) -> dict[str, Any]:
    """The page of an id. The one before the first is an article."""
    number = int(id) - FIRST_ID if id.isdecimal() else -2
    if number == -1:
        return {"pageid": int(id), "ns": 0, "title": "Quiet Harbour"}
    return as_page(number, asked) if 0 <= number < FILES else {"pageid": int(id), "missing": True}


def as_version_1(body: dict[str, Any]) -> dict[str, Any]:
    """The answer in the older form."""
    flags = {"batchcomplete": ""} if body.get("batchcomplete") else {}
    if "query" not in body:
        return {**body, **flags}
    pages = [{**page, "missing": ""} if page.get("missing") else page for page in body["query"]["pages"]]
    return {**body, **flags, "query": {"pages": {str(page["pageid"]): page for page in pages}}}


def ending(number: int) -> str:
    """What kind of file it is: `jpg` for most."""
    return {7: "pdf", 8: "djvu", 9: "tif", 10: "PNG"}.get(number % 25, "jpg")


def as_page(number: int, asked: Mapping[str, str]) -> dict[str, Any]:
    """The page of a file, with `imageinfo`."""
    name = f"Quiet Harbour {number}.{ending(number)}"
    width, height = SIZES[number % len(SIZES)]
    path = f"wikipedia/commons/{number % 16:x}/{number % 256:02x}/{name.replace(' ', '_')}"
    original = f"https://upload.wikimedia.org/{path}"
    info: dict[str, Any] = {
        "size": 1_000_000,
        "width": width,
        "height": height,
        "url": decorated(original),
        "descriptionurl": decorated(f"https://commons.wikimedia.org/wiki/File:{name.replace(' ', '_')}"),
        "descriptionshorturl": f"https://commons.wikimedia.org/w/index.php?curid={FIRST_ID + number}",
        "user": f"Uploader {number % 5}?",
    }
    if asked.get("iiurlwidth"):
        info |= thumbnails(number, original, int(asked["iiurlwidth"]))
    wanted = set(asked.get("iiextmetadatafilter", "").split("|"))
    meta = {key: {"value": value, "source": "x"} for key, value in metadata(number).items() if wanted & {"", key}}
    info["extmetadata"] = meta
    return {
        "pageid": FIRST_ID + number,
        "ns": 6,
        "title": f"File:{name}",
        "imagerepository": "local",
        "imageinfo": [info],
    }


def thumbnails(number: int, original: str, asked: int) -> dict[str, Any]:
    """The thumbnail of this width, and those for finer screens."""
    width, height = SIZES[number % len(SIZES)]

    def link(pixels: float) -> str:
        stepped = next((step for step in STEPS if step >= pixels), STEPS[-1]) if number % 11 != 5 else int(pixels)
        if stepped >= width:
            return decorated(original)
        prefix, suffix = ("lossy-page1-", ".jpg") if ending(number) == "tif" else ("", "")
        name = original.rpartition("/")[2]
        place = original.replace("//upload.", "//thumb.").replace("/commons/", "/commons/thumb/")
        return decorated(f"{place}/{prefix}{stepped}px-{name}{suffix}", "thumbnail")

    scale = min(1, asked / width)
    return {
        "thumburl": link(asked if number % 11 != 3 or asked not in STEPS else asked + 1),
        "thumbwidth": round(width * scale),
        "thumbheight": round(height * scale),
        "responsiveUrls": {"1.5": link(asked * 1.5), "2": link(asked * 2)},
    }


def decorated(url: str, content: str = "original") -> str:
    """The address as the API gives it since 2026."""
    return f"{url}?utm_source=commons.wikimedia.org&utm_campaign=imageinfo&utm_content={content}"


def metadata(number: int) -> dict[str, Any]:
    """What its `extmetadata` hold."""
    given: dict[str, Any] = {
        "Artist": ARTISTS[number % len(ARTISTS)],
        "ObjectName": None if number % 9 == 4 else f"<i>Quiet</i> Harbour &amp; Pier {number}{HIDDEN}",
        "ImageDescription": None if number % 9 == 5 else f"Boats at <a href='/wiki/Pier'>pier</a> {number}",
        "CommonsMetadataExtension": 1.2,
        "Categories": "Harbours|Piers",
        "Restrictions": "",
        **LICENSES[number // 3 % len(LICENSES)],
    }
    return {key: value for key, value in given.items() if value is not None}
