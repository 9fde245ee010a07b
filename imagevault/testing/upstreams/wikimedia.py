"""A simulated Wikimedia Commons, for tests without the network.

From the documentation (https://www.mediawiki.org/wiki/API:Query), or measured on the real API:

* `/w/api.php?action=query` takes `generator=search` or `pageids`, and `prop=imageinfo`. An agent without a contact is a
  403. Errors have status 200 and a header. While `throttled` is true, every call is a 429 with `Retry-After`.
* `formatversion` is 1 by default: pages are an object by id then, and a true value is an empty string. Pages are in no
  order; `index` gives the order. There is no `query` if nothing is found, and no total. `continue` says that more
  follow.
* A page of results after the first comes in pieces: some pages lack `imageinfo` until every key of `continue` is sent
  back, and then the earlier ones lack it. An unknown id is a page that is `missing`.
* Addresses end in `utm` parameters. `iiurlwidth` brings one thumbnail, for some of the next wider step though
  `thumbwidth` is what was asked, and two wider ones, for some in widths that are no step. All of a small file are the
  original.
* Metadata are HTML or numbers, and any may be missing; without any they are an empty list. Artists are plain text,
  links, links to pages that are still to be written, in tags, with hidden data for machines, tables, lists of a
  derivative work and its source, or sentences of templates. Some licensors demand a wording. Public domain has no
  address.
* `iiprop` names what comes: `mime` and `user` only if they are asked for.
* `filetype:bitmap` leaves out PDF, but not DjVu. An unknown parameter brings a warning.

Not known of the real API, so decided here: which results come in pieces; words with an operator find nothing; a search
after the 10 000th result is an error.

The files are invented, and about the words that found them. Words find 60 to 159 files, but `cat` finds 120, `few` 7,
`everything` all 12 000 and `nothing` none.
"""

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.pictures import JPEG, PNG, TIFF, Picture, color_of, fitted
from imagevault.testing.upstream import Upstream
from imagevault.testing.upstreams.subjects import Subjects, capitalized, slug
from imagevault.testing.upstreams.wikimedia_metadata import metadata

FIRST_ID = 7_000_000
FILES = 12_000
MAX_RESULTS = 10_000
MAX_LIMIT = 500
PIECE = 20  # pages with `imageinfo` in one answer
FOUND = {"cat": 120, "nothing": 0, "few": 7, "everything": FILES}
STEPS = (20, 40, 60, 120, 250, 330, 500, 960, 1280, 1920, 3840)  # widths of thumbnails
SIZES = ((4000, 3000), (3000, 4500), (1200, 900), (300, 200), (5152, 3864))
PARAMETERS = {
    "action",
    "format",
    "formatversion",
    "generator",
    "pageids",
    "prop",
    "continue",
    "maxlag",
    "gsrsearch",
    "gsrnamespace",
    "gsrlimit",
    "gsroffset",
    "iiprop",
    "iiurlwidth",
    "iiextmetadatafilter",
    "iicontinue",
}
CONTACT = re.compile(r"\((https?://[^\s()]+|[^\s()@]+@[^\s()@]+)\)")  # (ops@mail.example)
OPERATOR = re.compile(r'["*?~!\\|/]|\w:|(?<!\S)[-+]|\b(?:AND|OR|NOT)\b')  # intitle:lamp, "a lamp", -lamp, NOT lamp
BITMAP = "filetype:bitmap"
THROTTLED = Answer("<!doctype html><p>Too many requests</p>", 429, {"Retry-After": "5"})
ENDINGS = {7: "pdf", 8: "djvu", 9: "tif", 10: "PNG"}
TYPES = {
    "pdf": "application/pdf",
    "djvu": "image/vnd.djvu",
    "tif": TIFF,
    "PNG": PNG,
    "jpg": JPEG,
}
FILE_HOSTS = {"upload.wikimedia.org", "thumb.wikimedia.org"}
# The number in Quiet_Harbour_7.jpg, and in the thumbnails 330px-Quiet_Harbour_7.jpg, lossy-page1-330px-Lamp_9.tif.jpg
FILE = re.compile(
    r"/wikipedia/commons/(?:thumb/)?[0-9a-f]/[0-9a-f]{2}/(?:[^/]{1,300}/)?"
    r"(?:(?:lossy-page1-)?(?P<width>[0-9]{1,5})px-)?[^/]{0,250}_(?P<number>[0-9]{1,5})\.(?P<type>jpg|tif|PNG)(?P<jpg>\.jpg)?"
)


class SimulatedWikimedia(Upstream):
    """Serves until the `with` block ends. While `throttled` is true, every call is a 429."""

    def __init__(self, *, port: int = 0) -> None:
        super().__init__("/w/", port=port)
        self.throttled = False
        self.subjects = Subjects()
        self.serve_pictures(self._picture)
        self.before(self._admit)
        self.get("api.php")(self._query)

    def _admit(self, call: Call) -> Answer | None:
        if not CONTACT.search(call.headers.get("user-agent", "")):
            return Answer("<!doctype html><p>Please set a user-agent and respect our robot policy</p>", 403)
        return THROTTLED if self.throttled else None

    def _query(self, call: Call) -> Answer:
        asked = dict(call.query)
        if asked.get("format") != "json":
            return Answer("<!doctype html><title>MediaWiki API result</title>")
        if asked.get("action") != "query":
            return failure("badvalue", 'Unrecognized value for parameter "action".')
        if asked.get("generator") == "search":
            first = int(asked.get("gsroffset", 0))
            limit = min(int(asked.get("gsrlimit", 10)), MAX_LIMIT)
            if first < 0 or limit < 1 or first + limit > MAX_RESULTS:
                return failure("badvalue", "The result window is too large.")
            found = find(asked.get("gsrsearch", "")) if asked.get("gsrnamespace") == "6" else []
            self.subjects.show(found[first : first + limit], words_of(asked.get("gsrsearch", "")))
            body = batch(found, first, limit, asked, self.subjects)
        else:
            pages = [look_up(id, asked, self.subjects) for id in asked["pageids"].split("|")]
            body = {"batchcomplete": True, "query": {"pages": pages}}
        unknown = sorted(asked.keys() - PARAMETERS)
        if unknown:
            body["warnings"] = {"main": {"warnings": f"Unrecognized parameters: {', '.join(unknown)}."}}
        return Answer(body if asked.get("formatversion") == "2" else as_version_1(body))

    def _picture(self, address: httpx.URL) -> Picture | None:
        """Return an original or a thumbnail, None if there is none at this address."""
        found = FILE.fullmatch(address.path)
        if found is None or address.host not in FILE_HOSTS or int(found["number"]) >= FILES:
            return None
        number = int(found["number"])
        width, height = fitted(SIZES[number % len(SIZES)], (int(found["width"] or 0) or math.inf, math.inf))
        type = JPEG if found["jpg"] else TYPES[found["type"]]
        color = color_of(self.subjects.of(number))
        return Picture(width=width, height=height, type=type, scene=f"wikimedia {number}", color=color)


def failure(code: str, info: str) -> Answer:
    """Return an error of the API, which has status 200."""
    error = {"code": code, "info": info, "docref": "See <a>"}
    return Answer({"error": error}, headers={"MediaWiki-API-Error": code})


def find(search: str) -> Sequence[int]:
    """Return the numbers of the files that a search finds, the best first."""
    terms = search.split()
    words = words_of(search)
    if OPERATOR.search(words):
        return []
    words = words.casefold()
    digest = int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())
    count = FOUND.get(words, 60 + digest % 100)
    start = digest // 100 % (FILES - count + 1)
    found = range(start, start + count)
    if BITMAP in terms:
        return [number for number in found if ending(number) != "pdf"]
    return found


def words_of(search: str) -> str:
    """Return the words of a search, without the filter of types."""
    return " ".join(term for term in search.split() if term != BITMAP)


def batch(found: Sequence[int], first: int, limit: int, asked: Mapping[str, str], subjects: Subjects) -> dict[str, Any]:
    """Return one answer to a search: a page of results, or a piece of it."""
    numbers = found[first : first + limit]
    pages = [
        {**as_page(number, asked, subjects.of(number)), "index": index}
        for index, number in enumerate(numbers, first + 1)
    ]
    pages.sort(key=lambda page: page["index"] * 7919 % 1009)  # in no order
    begin = int(asked.get("iicontinue", 0))
    end = begin + PIECE if first else len(pages)
    for page in [*pages[:begin], *pages[end:]]:
        del page["imageinfo"]
    body: dict[str, Any] = {}
    if pages:
        body["query"] = {"pages": pages}
    if end < len(pages):
        body["continue"] = {"iicontinue": str(end), "continue": "gsroffset||"}
        return body
    body["batchcomplete"] = True
    if first + limit < min(len(found), MAX_RESULTS):
        body["continue"] = {"gsroffset": first + limit, "continue": "gsroffset||"}
    return body


def look_up(id: str, asked: Mapping[str, str], subjects: Subjects) -> dict[str, Any]:
    """Return the page with this id. The one before the first file is an article."""
    number = int(id) - FIRST_ID
    if number == -1:
        return {"pageid": int(id), "ns": 0, "title": "Quiet Harbour"}
    if not 0 <= number < FILES:
        return {"pageid": int(id), "missing": True}
    return as_page(number, asked, subjects.of(number))


def as_version_1(body: dict[str, Any]) -> dict[str, Any]:
    """Return the answer in version 1 of the format."""
    older = dict(body)
    if older.get("batchcomplete"):
        older["batchcomplete"] = ""
    if "query" in older:
        pages = [{**page, "missing": ""} if page.get("missing") else page for page in older["query"]["pages"]]
        older["query"] = {"pages": {str(page["pageid"]): page for page in pages}}
    return older


def ending(number: int) -> str:
    """Return the ending of the file name: `jpg` for most."""
    return ENDINGS.get(number % 25, "jpg")


def as_page(number: int, asked: Mapping[str, str], subject: str = "") -> dict[str, Any]:
    """Return the page of a file about a subject, with `imageinfo`."""
    words = capitalized(slug(subject).replace("-", " "))
    name = f"{words or 'Quiet Harbour'} {number}.{ending(number)}"
    file = quote(name.replace(" ", "_"))
    width, height = SIZES[number % len(SIZES)]
    path = f"wikipedia/commons/{number % 16:x}/{number % 256:02x}/{file}"
    original = f"https://upload.wikimedia.org/{path}"
    info: dict[str, Any] = {
        "size": 1_000_000,
        "width": width,
        "height": height,
        "url": decorated(original),
        "descriptionurl": decorated(f"https://commons.wikimedia.org/wiki/File:{file}"),
        "descriptionshorturl": f"https://commons.wikimedia.org/w/index.php?curid={FIRST_ID + number}",
    }
    asked_for = asked.get("iiprop", "").split("|")
    if "mime" in asked_for:
        info["mime"] = TYPES[ending(number)]
    if "user" in asked_for:
        info["user"] = f"Uploader {number % 5}?"
    if asked.get("iiurlwidth"):
        info |= thumbnails(number, original, int(asked["iiurlwidth"]))
    wanted = asked.get("iiextmetadatafilter")
    values = {
        key: {"value": value, "source": "x"}
        for key, value in metadata(number, subject).items()
        if not wanted or key in wanted.split("|")
    }
    info["extmetadata"] = values or []
    return {
        "pageid": FIRST_ID + number,
        "ns": 6,
        "title": f"File:{name}",
        "imagerepository": "local",
        "imageinfo": [info],
    }


def thumbnails(number: int, original: str, asked: int) -> dict[str, Any]:
    """Return the thumbnail of this width, and those for finer screens."""
    width, height = SIZES[number % len(SIZES)]
    scale = min(1, asked / width)
    is_wider = number % 11 == 3 and asked in STEPS
    return {
        "thumburl": _thumbnail(number, original, asked + 1 if is_wider else asked),
        "thumbwidth": round(width * scale),
        "thumbheight": round(height * scale),
        "responsiveUrls": {
            "1.5": _thumbnail(number, original, asked * 1.5),
            "2": _thumbnail(number, original, asked * 2),
        },
    }


def _thumbnail(number: int, original: str, pixels: float) -> str:
    """Return the link to the thumbnail of the next step, or to the original if that is smaller."""
    width, _ = SIZES[number % len(SIZES)]
    step = int(pixels)
    if number % 11 != 5:
        step = next((step for step in STEPS if step >= pixels), STEPS[-1])
    if step >= width:
        return decorated(original)
    name = original.rpartition("/")[2]
    file = f"lossy-page1-{step}px-{name}.jpg" if ending(number) == "tif" else f"{step}px-{name}"
    folder = original.replace("//upload.", "//thumb.").replace("/commons/", "/commons/thumb/")
    return decorated(f"{folder}/{file}", "thumbnail")


def decorated(url: str, content: str = "original") -> str:
    """Return the address as the API gives it since 2026."""
    return f"{url}?utm_source=commons.wikimedia.org&utm_campaign=imageinfo&utm_content={content}"
