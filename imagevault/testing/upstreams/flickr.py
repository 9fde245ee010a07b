"""A simulated Flickr, to test against and to try the gateway with no key of one's own.

As documented (https://www.flickr.com/services/api) or measured of the real one:

* `/services/rest/` with `method`: `flickr.photos.search`, `getInfo` and `getSizes`. Answers are XML without
  `format=json`, and a call of a function without `nojsoncallback=1`.
* Failures have status 200, `stat` is `fail`: 1 no such photo, 3 nothing to search for, 100 wrong key, 105 out of
  service, 112 no such method. A used-up quota is a true 429, with a page of HTML.
* `per_page` is 100 unless given and 500 at most. Behind the 4000th photo the last page is repeated, though `total`,
  which is a string on odd pages, and `pages` tell of more.
* A photo has what `extras` name and no more. Sizes are numbers or strings; a file that there is not has no key: none is
  larger than the original, and that is given where the owner allows. `pathalias` is null or missing, titles are empty.
* Without `license` any is found, also 0, all rights reserved; without `media` also videos, without `content_types` also
  screenshots, and `safe_search=1` is taken for granted. The newest come first unless `sort` is `relevance`.
* Some have a file at an old host, or the picture that stands for a removed one. In `getInfo` texts are objects.

Not known of the real one, so decided here: a value or parameter that is not known does nothing; the wording of 429.

The photos are invented. Any words find 100 to 299, always the same ones, but `cat` finds 250, `few` 7, `everything` all
6800 and `nothing` none; from that goes what the other parameters leave out.
"""

import hashlib
import math
from collections.abc import Sequence
from typing import Any

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.upstream import Upstream

FIRST_ID, PHOTOS, DEPTH = 50_000_000_000, 6800, 4000
FOUND = {"cat": 250, "nothing": 0, "few": 7, "everything": PHOTOS}
SIZES = ((6000, 4000), (3000, 4500), (4096, 4096), (900, 600), (480, 360))
BOXES = {"s": ("Small", 240), "m": ("Medium", 500), "c": ("Medium 800", 800), "l": ("Large", 1024)}
OWNERS = (("10000001@N00", "Ada Lind", "adalind"), ("10000002@N05", "Bo & Cleo", None), ("10000003@N02", "dov_a", ""))
PLACEHOLDER = "https://s.yimg.com/pw/images/en-us/photo_unavailable.png"
BUSY = Answer("<!doctype html><title>429</title><h1>Too Many Requests</h1>", 429)


class SimulatedFlickr(Upstream):
    """Serves until the `with` block ends. `quota` calls are answered, then 429; `remaining` may be set any time."""

    def __init__(self, *, key: str = "test-key", quota: int = 3600, port: int = 0) -> None:
        super().__init__("/services/rest/", port=port)
        self.key = key
        self.remaining = quota
        self.get("")(self._call)

    def _call(self, call: Call) -> Answer:
        if self.remaining <= 0:
            return BUSY
        self.remaining -= 1
        body = {"stat": "ok", **self._answer(call)}
        if call.query.get("format") != "json":
            return Answer(
                b'<?xml version="1.0" encoding="utf-8" ?><rsp stat="ok"></rsp>', 200, {"Content-Type": "text/xml"}
            )
        if call.query.get("nojsoncallback") != "1":
            return Answer(b"jsonFlickrApi(" + Answer(body).body + b")", 200, {"Content-Type": "application/json"})
        return Answer(body)

    def _answer(self, call: Call) -> dict[str, Any]:
        asked, method = call.query, call.query.get("method", "").removeprefix("flickr.photos.")
        if asked.get("api_key") != self.key:
            return failure(100, "Invalid API Key (Key has invalid format)")
        if method == "search":
            return (
                search(dict(asked)) if asked.get("text") else failure(3, "Parameterless searches have been disabled.")
            )
        if method not in {"getInfo", "getSizes"}:
            return failure(112, f'Method "{asked.get("method")}" not found')
        number = int(asked["photo_id"]) - FIRST_ID if asked.get("photo_id", "").isdecimal() else -1
        if not 0 <= number < PHOTOS:
            return failure(1, f'Photo "{asked.get("photo_id")}" not found (invalid ID)')
        return {"photo": info(number)} if method == "getInfo" else {"sizes": {"canblog": 0, "size": sizes(number)}}


def failure(code: int, message: str) -> dict[str, Any]:
    """What fails, with status 200."""
    return {"stat": "fail", "code": code, "message": message}


def find(query: str) -> Sequence[int]:
    """The numbers of the photos that a query finds, the best first; case and blanks do not change them."""
    words = " ".join(query.casefold().split())
    digest = int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())
    count = FOUND.get(words, 100 + digest % 200)
    start = digest // 200 % (PHOTOS - count + 1)
    return range(start, start + count)


def search(asked: dict[str, str]) -> dict[str, Any]:
    """A page of `flickr.photos.search`."""
    found = [number for number in find(asked["text"]) if passes(number, asked)]
    if asked.get("sort") != "relevance":
        found.reverse()
    page, per_page = count(asked, "page", 1), min(500, count(asked, "per_page", 100))
    last = max(1, math.ceil(min(len(found), DEPTH) / per_page))
    end = min(min(page, last) * per_page, DEPTH)
    photos = [as_json(number, asked.get("extras", "").split(",")) for number in found[max(0, end - per_page) : end]]
    total = str(len(found)) if page % 2 else len(found)
    pages = math.ceil(len(found) / per_page)
    return {"photos": {"page": page, "pages": pages, "perpage": per_page, "total": total, "photo": photos}}


def count(asked: dict[str, str], name: str, default: int) -> int:
    """A number from 1, or the default where there is none."""
    text = asked.get(name, "")
    return int(text) if text.isdecimal() and int(text) else default


def passes(number: int, asked: dict[str, str]) -> bool:
    """Whether these parameters leave the photo in."""
    licences = asked.get("license", "").split(",")
    return (
        (licences == [""] or str(license_of(number)) in licences)
        and (asked.get("media") != "photos" or kind(number) != "video")
        and (asked.get("content_types") != "0" or kind(number) != "screenshot")
        and (asked.get("safe_search", "1") != "1" or kind(number) != "mature")
    )


def license_of(number: int) -> int:
    """Its licence; of 17, one is no licence."""
    return number % 17


def kind(number: int) -> str:
    """What it is: a `photo`, or one in fifty each a `video`, a `screenshot`, `mature`, or `removed`."""
    return {31: "video", 32: "screenshot", 33: "mature", 34: "removed"}.get(number % 50, "photo")


def files(number: int) -> dict[str, tuple[str, int, int]]:
    """Its files by the letter that `extras` have for them: link, width, height. The last is the original, if given."""
    width, height = SIZES[number % len(SIZES)]
    host = "farm5" if number % 13 == 5 else "live"
    stem = f"https://{host}.staticflickr.com/65535/{FIRST_ID + number}_{number:010x}"
    found = {}
    for letter, (_, box) in BOXES.items():
        scale = box / max(width, height)
        if scale < 1:
            ending = {"s": "_m", "m": "", "l": "_b"}.get(letter, f"_{letter}")
            link = PLACEHOLDER if kind(number) == "removed" else f"{stem}{ending}.jpg"
            found[letter] = (link, round(width * scale), round(height * scale))
    if number % 3 == 0 and kind(number) != "removed":
        found["o"] = (f"{stem}_o.jpg", width, height)
    return found


def as_json(number: int, extras: Sequence[str]) -> dict[str, Any]:
    """One photo of a search, with these extras."""
    owner, name, alias = OWNERS[number % len(OWNERS)]
    photo: dict[str, Any] = {
        "id": str(FIRST_ID + number),
        "owner": owner,
        "secret": f"{number:010x}",
        "server": "65535",
    }
    photo |= {"farm": 66, "title": title(number), "ispublic": 1, "isfriend": 0, "isfamily": 0}
    width, height = SIZES[number % len(SIZES)]
    more: dict[str, dict[str, Any]] = {
        "license": {"license": str(license_of(number)) if number % 2 else license_of(number)},
        "owner_name": {"ownername": name},
        "path_alias": {} if alias == "" else {"pathalias": alias},
        "tags": {"tags": f"invented newyork n{number}" if number % 4 else ""},
        "media": {"media": "video" if kind(number) == "video" else "photo", "media_status": "ready"},
        "o_dims": {} if number % 30 == 29 else {"o_width": str(width), "o_height": str(height)},
    }
    for letter, (link, across, down) in files(number).items():
        sides = (str(across), str(down)) if number % 2 else (across, down)
        more[f"url_{letter}"] = {f"url_{letter}": link, f"width_{letter}": sides[0], f"height_{letter}": sides[1]}
    for extra in extras:
        photo |= more.get(extra, {})
    return photo


def title(number: int) -> str:
    """Its title, empty for some."""
    return (
        ""
        if number % 10 == 3
        else f"<b>Quiet Corner</b> &amp; Lamp No. {number}"
        if number % 10 == 4
        else f"Quiet Corner {number}"
    )


def info(number: int) -> dict[str, Any]:
    """What `getInfo` tells, where texts are objects."""
    owner, name, alias = OWNERS[number % len(OWNERS)]
    words = as_json(number, ["tags"])["tags"].split()
    return {
        "id": str(FIRST_ID + number),
        "secret": f"{number:010x}",
        "server": "65535",
        "farm": 66,
        "license": str(license_of(number)) if number % 2 else license_of(number),
        "safety_level": "2" if kind(number) == "mature" else "0",
        "owner": {"nsid": owner, "username": name, "realname": "", "iconfarm": 4, "path_alias": alias or None},
        "title": {"_content": title(number)},
        "description": {"_content": "Taken with an <i>invented</i> camera"},
        "tags": {
            "tag": [{"id": f"1-{word}", "raw": word.title(), "_content": word, "machine_tag": 0} for word in words]
        },
        "media": "video" if kind(number) == "video" else "photo",
    }


def sizes(number: int) -> list[dict[str, Any]]:
    """What `getSizes` tells: a square crop, then each file, some sides as strings."""
    labels = {letter: label for letter, (label, _) in BOXES.items()} | {"o": "Original"}
    square = {"label": "Square", "width": 75, "height": 75, "source": f"{PLACEHOLDER}?s", "media": "photo"}
    return [square] + [
        {"label": labels[letter], "width": across, "height": str(down), "source": link, "media": "photo"}
        for letter, (link, across, down) in files(number).items()
    ]
