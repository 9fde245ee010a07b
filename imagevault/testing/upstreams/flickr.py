"""A simulated Flickr, for tests without a key.

From the documentation (https://www.flickr.com/services/api), or measured on the real API:

* The path is `/services/rest/`; `method` is `flickr.photos.search`, `getInfo` or `getSizes`. Answers are XML without
  `format=json`, and the call of a function without `nojsoncallback=1`.
* Failures have status 200 and `stat` is `fail`, with a code: 1 no such photo, 3 nothing to search for, 100 wrong key,
  105 out of service, 112 no such method. A used-up quota is a real 429, with a page of HTML.
* `per_page` is 100 by default and at most 500. After the 4000th photo the last page is repeated, though `total` and
  `pages` promise more. `total` is a string on odd pages.
* A photo has what `extras` name and no more. Sizes are numbers or strings. A file that does not exist has no key: no
  file is larger than the original, and the original is there only if the owner allows. Of a photo with less than 500
  pixels, the file of that size is the whole photo. `pathalias` is null or missing
  for some, and some titles are empty or made by a camera. Titles and names are plain text, descriptions are HTML.
* Width and height of the 800 pixels' file are swapped for portraits. The date taken may be unknown, or exact to the
  month or the year.
* A search without `license` finds all rights, also 0, all rights reserved. Without `media` it finds videos, and without
  `content_types` screenshots. `safe_search=1` is the default. The newest come first unless `sort` is `relevance`.
* Some photos have a file at an old host, or the picture that replaces a removed one. In `getInfo`, texts are objects.

* A word that begins with `-` leaves out photos.

Not known of the real API, so decided here: an unknown value or parameter does nothing; a query with an operator finds
nothing; the wording of 429.

The photos are invented, and about the words that found them. A query finds 100 to 299 photos before filters, but `cat`
finds 250, `few` 7, `everything` all 6800 and `nothing` none.
"""

import hashlib
import math
import re
from collections.abc import Sequence
from typing import Any

import httpx

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.pictures import Picture, color_of
from imagevault.testing.upstream import Upstream
from imagevault.testing.upstreams.subjects import Subjects, capitalized

FIRST_ID = 50_000_000_000
PHOTOS = 6800
MAX_RESULTS = 4000
MAX_PER_PAGE = 500
FOUND = {"cat": 250, "nothing": 0, "few": 7, "everything": PHOTOS}
SIZES = ((6000, 4000), (3000, 4500), (4096, 4096), (900, 600), (480, 360))
BOXES = {  # letter in `extras` -> label in getSizes, longer side in pixels
    "s": ("Small", 240),
    "m": ("Medium", 500),
    "c": ("Medium 800", 800),
    "l": ("Large", 1024),
}
ENDINGS = {"s": "_m", "m": "", "c": "_c", "l": "_b"}  # of the file names
# /65535/50000000007_0000000007_b.jpg
FILE = re.compile(r"/65535/(?P<id>[0-9]{11})_[0-9a-f]{10}(?P<ending>_[mcbo]|)\.jpg")
FILE_HOSTS = {"live.staticflickr.com", "farm5.staticflickr.com"}
OWNERS = (  # id, name, alias
    ("10000001@N00", "Ada Lind", "adalind"),
    ("10000002@N05", "Bo & Cleo", None),
    ("10000003@N02", "dov_a", ""),
)
OPERATOR = re.compile(r'["“”]|(?<!\S)-|\b(?:AND|OR|NOT)\b')  # "a lamp", -lamp, lamp OR light
TAKEN = (  # date, whether it is unknown, granularity
    ("2019-09-07 16:26:44", "0", "0"),
    ("2020-02-10 01:09:34", "1", 0),
    ("1980-06-01 00:00:00", 0, "4"),
    ("1975-01-01 00:00:00", "0", 6),
    ("1910-01-01 00:00:00", "0", "8"),
)
DESCRIPTIONS = (
    'A <i>quiet</i> corner &amp; a lamp,\nseen from <a href="https://ada.example/" rel="nofollow">the bridge</a>',
    "",
    "OLYMPUS DIGITAL CAMERA",
)
KINDS = {31: "video", 32: "screenshot", 33: "mature", 34: "removed"}
PLACEHOLDER = "https://s.yimg.com/pw/images/en-us/photo_unavailable.png"
BUSY = Answer("<!doctype html><title>429</title><h1>Too Many Requests</h1>", 429)
XML = Answer(b'<?xml version="1.0" encoding="utf-8" ?><rsp stat="ok"></rsp>', 200, {"Content-Type": "text/xml"})


class SimulatedFlickr(Upstream):
    """Serves until the `with` block ends. It answers `quota` calls, then 429. `remaining` may be set at any time."""

    def __init__(self, *, key: str = "test-key", quota: int = 3600, port: int = 0) -> None:
        super().__init__("/services/rest/", port=port)
        self.key = key
        self.remaining = quota
        self.subjects = Subjects()
        self.serve_pictures(self._picture)
        self.get("")(self._call)

    def _call(self, call: Call) -> Answer:
        if self.remaining <= 0:
            return BUSY
        self.remaining -= 1
        body = {"stat": "ok", **self._answer(call)}
        if call.query.get("format") != "json":
            return XML
        if call.query.get("nojsoncallback") != "1":
            return Answer(b"jsonFlickrApi(" + Answer(body).body + b")", 200, {"Content-Type": "application/json"})
        return Answer(body)

    def _answer(self, call: Call) -> dict[str, Any]:
        asked = call.query
        method = asked.get("method", "").removeprefix("flickr.photos.")
        if asked.get("api_key") != self.key:
            return failure(100, "Invalid API Key (Key has invalid format)")
        if method == "search":
            if not asked.get("text"):
                return failure(3, "Parameterless searches have been disabled.")
            return search(dict(asked), self.subjects)
        if method not in {"getInfo", "getSizes"}:
            return failure(112, f'Method "{asked.get("method")}" not found')
        id = asked.get("photo_id", "")
        number = int(id) - FIRST_ID if id.isdecimal() else -1
        if not 0 <= number < PHOTOS:
            return failure(1, f'Photo "{asked.get("photo_id")}" not found (invalid ID)')
        if method == "getInfo":
            return {"photo": info(number, self.subjects.of(number))}
        return {"sizes": {"canblog": 0, "size": sizes(number)}}

    def _picture(self, address: httpx.URL) -> Picture | None:
        """Return the file of a photo, None if there is none at this address."""
        found = FILE.fullmatch(address.path)
        number = int(found["id"]) - FIRST_ID if found else -1
        if found is None or address.host not in FILE_HOSTS or not 0 <= number < PHOTOS:
            return None
        by_ending = {ENDINGS.get(letter, "_o"): file for letter, file in files(number).items()}
        if found["ending"] not in by_ending:
            return None
        _, width, height = by_ending[found["ending"]]
        color = color_of(self.subjects.of(number))
        return Picture(width=width, height=height, scene=f"flickr {number}", color=color)


def failure(code: int, message: str) -> dict[str, Any]:
    """Return the body of a failure, which has status 200."""
    return {"stat": "fail", "code": code, "message": message}


def find(query: str) -> Sequence[int]:
    """Return the numbers of the photos that a query finds, the best first; case and spaces make no difference."""
    if OPERATOR.search(query):
        return []
    words = " ".join(query.casefold().split())
    digest = int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())
    count = FOUND.get(words, 100 + digest % 200)
    start = digest // 200 % (PHOTOS - count + 1)
    return range(start, start + count)


def search(asked: dict[str, str], subjects: Subjects) -> dict[str, Any]:
    """Return a page of `flickr.photos.search`."""
    found = [number for number in find(asked["text"]) if passes(number, asked)]
    if asked.get("sort") != "relevance":
        found.reverse()
    page = count(asked, "page", 1)
    per_page = min(count(asked, "per_page", 100), MAX_PER_PAGE)
    last_page = max(1, math.ceil(min(len(found), MAX_RESULTS) / per_page))
    end = min(min(page, last_page) * per_page, MAX_RESULTS)
    start = max(0, end - per_page)
    extras = asked.get("extras", "").split(",")
    subjects.show(found[start:end], asked["text"])
    return {
        "photos": {
            "page": page,
            "pages": math.ceil(len(found) / per_page),
            "perpage": per_page,
            "total": str(len(found)) if page % 2 else len(found),
            "photo": [as_json(number, extras, subjects.of(number)) for number in found[start:end]],
        }
    }


def count(asked: dict[str, str], name: str, default: int) -> int:
    """Return a parameter that is a number of 1 or more, else the default."""
    text = asked.get(name, "")
    number = int(text) if text.isdecimal() else 0
    return number or default


def passes(number: int, asked: dict[str, str]) -> bool:
    """Return whether a photo passes each parameter that filters."""
    licenses = asked.get("license", "")
    if licenses and str(license_of(number)) not in licenses.split(","):
        return False
    left_out = set()
    if asked.get("media") == "photos":
        left_out.add("video")
    if asked.get("content_types") == "0":
        left_out.add("screenshot")
    if asked.get("safe_search", "1") == "1":
        left_out.add("mature")
    return kind(number) not in left_out


def license_of(number: int) -> int:
    """Return the code of the licence; 16 of the 17 codes exist."""
    return number % 17


def kind(number: int) -> str:
    """Return `photo` for most, and `video`, `screenshot`, `mature` or `removed` for one in fifty each."""
    return KINDS.get(number % 50, "photo")


def files(number: int) -> dict[str, tuple[str, int, int]]:
    """Return link, width and height of each file, by its letter in `extras`; the original is `o` and the last."""
    width, height = SIZES[number % len(SIZES)]
    host = "farm5" if number % 13 == 5 else "live"
    stem = f"https://{host}.staticflickr.com/65535/{FIRST_ID + number}_{number:010x}"
    found = {}
    for letter, (_, box) in BOXES.items():
        scale = box / max(width, height)
        if scale < 1 or letter == "m":
            scale = min(1, scale)
            link = PLACEHOLDER if kind(number) == "removed" else f"{stem}{ENDINGS[letter]}.jpg"
            found[letter] = (link, round(width * scale), round(height * scale))
    if number % 3 == 0 and kind(number) != "removed":
        found["o"] = (f"{stem}_o.jpg", width, height)
    return found


def as_json(number: int, extras: Sequence[str], subject: str = "") -> dict[str, Any]:
    """Return one photo of a search about a subject, with these extras."""
    owner, name, alias = OWNERS[number % len(OWNERS)]
    width, height = SIZES[number % len(SIZES)]
    photo: dict[str, Any] = {
        "id": str(FIRST_ID + number),
        "owner": owner,
        "secret": f"{number:010x}",
        "server": "65535",
        "farm": 66,
        "title": title(number, subject),
        "ispublic": 1,
        "isfriend": 0,
        "isfamily": 0,
    }
    more: dict[str, dict[str, Any]] = {
        "license": {"license": str(license_of(number)) if number % 2 else license_of(number)},
        "owner_name": {"ownername": name},
        "path_alias": {} if alias == "" else {"pathalias": alias},
        "tags": {"tags": f"{subject.casefold()} invented newyork n{number}".strip() if number % 4 else ""},
        "media": {"media": "video" if kind(number) == "video" else "photo", "media_status": "ready"},
        "description": {"description": {"_content": description(number)}},
        "date_taken": date_taken(number),
        "o_dims": {} if number % 30 == 29 else {"o_width": str(width), "o_height": str(height)},
    }
    for letter, (link, *sides) in files(number).items():
        if letter == "c":
            sides.sort(reverse=True)  # the width is the longer side, also of portraits
        stated = [str(side) for side in sides] if number % 2 else sides
        more[f"url_{letter}"] = {
            f"url_{letter}": link,
            f"width_{letter}": stated[0],
            f"height_{letter}": stated[1],
        }
    for extra in extras:
        photo |= more.get(extra, {})
    return photo


def title(number: int, subject: str = "") -> str:
    """Return the title, which is empty for some."""
    named = capitalized(subject) or "Quiet Corner"
    if number % 10 == 3:
        return ""
    if number % 10 == 4:
        return f"{named} <3 & Lamp No. {number}"
    if number % 10 == 5:
        return f"DSC_{number:04}.JPG"
    return f"{named} {number}"


def description(number: int) -> str:
    """Return the description as HTML, which is empty for some and the camera's for others."""
    return DESCRIPTIONS[number % len(DESCRIPTIONS)]


def date_taken(number: int) -> dict[str, Any]:
    """Return the fields that `date_taken` brings."""
    taken, unknown, granularity = TAKEN[number % len(TAKEN)]
    return {"datetaken": taken, "datetakenunknown": unknown, "datetakengranularity": granularity}


def info(number: int, subject: str = "") -> dict[str, Any]:
    """Return what `getInfo` answers, where texts are objects."""
    owner, name, alias = OWNERS[number % len(OWNERS)]
    words = as_json(number, ["tags"], subject)["tags"].split()
    taken = date_taken(number)
    return {
        "id": str(FIRST_ID + number),
        "secret": f"{number:010x}",
        "server": "65535",
        "farm": 66,
        "license": str(license_of(number)) if number % 2 else license_of(number),
        "safety_level": "2" if kind(number) == "mature" else "0",
        "owner": {"nsid": owner, "username": name, "realname": "", "iconfarm": 4, "path_alias": alias or None},
        "title": {"_content": title(number, subject)},
        "description": {"_content": description(number)},
        "dates": {
            "posted": "1563236442",
            "taken": taken["datetaken"],
            "takenunknown": taken["datetakenunknown"],
            "takengranularity": taken["datetakengranularity"],
        },
        "tags": {
            "tag": [{"id": f"1-{word}", "raw": word.title(), "_content": word, "machine_tag": 0} for word in words]
        },
        "media": "video" if kind(number) == "video" else "photo",
    }


def sizes(number: int) -> list[dict[str, Any]]:
    """Return what `getSizes` answers: a square crop, then each file; some sides are strings."""
    labels = {letter: label for letter, (label, _) in BOXES.items()} | {"o": "Original"}
    square = {"label": "Square", "width": 75, "height": 75, "source": f"{PLACEHOLDER}?s", "media": "photo"}
    return [square] + [
        {"label": labels[letter], "width": across, "height": str(down), "source": link, "media": "photo"}
        for letter, (link, across, down) in files(number).items()
    ]
