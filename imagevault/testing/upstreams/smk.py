"""A simulated API of SMK, the National Gallery of Denmark, for tests without the network.

From the documentation (https://api.smk.dk/api/v1/docs/), recorded answers, and what others measured:

* `art/search/` takes `keys` (required), `filters` (`[field:value]`, with commas between them; without a comma only the
  first counts), `offset`, `rows` (at most 2000) and `lang`. In `keys`, quotes, brackets and colons find nothing.
* `art/` takes `object_number`, in any letter case; an unknown number has no items, with status 200.
* A work lacks what it has not. Works in copyright have pictures too. Some works have one file and no IIIF address.
* Behind the end, `items` is missing.

Not known of the real API, so decided here: the bodies of 400, and which words find what.

The works are invented, and about the words that found them. A query finds 20 to 79 of them before filters, but `cat`
finds 450, `nothing` none, `few` 7 and `everything` 18 000.
"""

import base64
import hashlib
import math
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

import httpx

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.pictures import Picture, fitted
from imagevault.testing.upstream import Upstream
from imagevault.testing.upstreams.subjects import Subjects, capitalized

WORKS = 18_000
FOUND = {"cat": 450, "nothing": 0, "few": 7, "everything": WORKS}
MAX_ROWS = 2000
SIZES = ((6000, 4000), (4000, 6000), (3000, 3000), (900, 600))
OLD_STYLE = 7  # the last digit of the numbers of works with one file
PUBLIC_DOMAIN = "https://creativecommons.org/publicdomain/mark/1.0/"
IN_COPYRIGHT = "https://www.smk.dk/en/section/use-of-smk-material/"
NUMBER = re.compile(r"KMS([1-9][0-9]{0,4})(?:/2)?", re.IGNORECASE)  # KMS17, KMS18/2
FILE = re.compile(r"/iiif/jp2/kms(?P<number>[0-9]{1,5})\.tif\.jp2/full/(?P<width>[0-9]{1,5}),/0/default\.jpg")
WHOLE = re.compile(r"/api/v1/(?:download/[^/]+/|thumbnail/)KMS(?P<number>[0-9]{1,5})\.jpg")
FILTER = re.compile(r"\[([a-z_]+):([a-z]+)\]")
REFUSED = Answer("<h1>400 Bad Request</h1>", 400)
THROTTLED = Answer("<h1>429 Too Many Requests</h1>", 429)


class SimulatedSmk(Upstream):
    """Serves until the `with` block ends.

    Attributes:
        throttled: while true, every call is a 429.
    """

    def __init__(self, *, port: int = 0) -> None:
        super().__init__("/api/v1/", port=port)
        self.throttled = False
        self.subjects = Subjects()
        self.serve_pictures(picture)
        self.before(lambda _call: THROTTLED if self.throttled else None)
        self.get("art/search/")(self._search)
        self.get("art/")(self._work)

    def _work(self, call: Call) -> Answer:
        found = NUMBER.fullmatch(call.query.get("object_number", ""))
        number = int(found[1]) if found else 0
        if found is None or number > WORKS or number_of(number).casefold() != found[0].casefold():
            return Answer({"items": []})
        return Answer({"items": [as_json(number, self.subjects.of(number))]})

    def _search(self, call: Call) -> Answer:
        keys = call.query.get("keys", "")
        offset, rows = call.query.get("offset", "0"), call.query.get("rows", "10")
        if not keys or not all(re.fullmatch(r"[0-9]{1,9}", text) for text in (offset, rows)) or int(rows) > MAX_ROWS:
            return REFUSED
        numbers = [number for number in find(keys) if _passes(as_json(number), call.query.get("filters", ""))]
        shown = numbers[int(offset) : int(offset) + int(rows)]
        self.subjects.show(shown, keys)
        listing: dict[str, Any] = {"offset": int(offset), "rows": int(rows), "found": len(numbers)}
        if int(offset) <= len(numbers):
            listing["items"] = [as_json(number, keys) for number in shown]
        return Answer({**listing, "facets": {}, "facets_ranges": {}, "autocomplete": []})


def find(query: str) -> Sequence[int]:
    """Return the numbers of the works that a query finds before filters; case and spaces make no difference."""
    words = " ".join(query.casefold().split())
    if re.search(r"[\"\[\]():]", words):
        return range(0)
    digest = int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())
    count = FOUND.get(words, 20 + digest % 60)
    start = digest // 60 % (WORKS - count + 1)
    return range(start + 1, start + 1 + count)


def is_open(number: int) -> bool:
    """Return whether a work is in the public domain."""
    return number % 4 != 2


def number_of(number: int) -> str:
    """Return the object number of a work. Some have a slash."""
    return f"KMS{number}/2" if number % 10 == 8 else f"KMS{number}"


def size_of(number: int) -> tuple[int, int]:
    """Return width and height of the whole picture."""
    return SIZES[number % len(SIZES)]


def picture(address: httpx.URL) -> Picture | None:
    """Return the file at an address of the museum's servers, None if there is none."""
    path = unquote(address.path)
    found = {"iip.smk.dk": FILE, "api.smk.dk": WHOLE}.get(address.host, FILE).fullmatch(path)
    if found is None or not 0 < int(found["number"]) <= WORKS:
        return None
    number = int(found["number"])
    box = int(found["width"]) if "width" in found.re.groupindex else math.inf
    width, height = fitted(size_of(number), (box, math.inf))
    return Picture(width=width, height=height, scene=f"smk {number}")


def as_json(number: int, subject: str = "") -> dict[str, Any]:
    """Return one work about a subject. The last digit of its number decides what it lacks."""
    digit = number % 10
    named = capitalized(subject) or "Jar"
    width, height = size_of(number)
    work: dict[str, Any] = {
        "id": f"{number}_object",
        "object_number": number_of(number),
        "titles": [
            {"title": f"Krukke {number}", "type": "museumstitel", "language": "dansk"},
            {"title": f"{named} {number}", "language": "engelsk"},
        ],
        "artist": ["Unknown"] if digit == 3 else ["Ada Lind", "Bo Marsh"][: 1 + (digit == 5)],
        "production_date": [{"start": "1896-01-01T00:00:00.000Z", "period": "1896"}],
        "has_image": number % 9 != 5,
        "public_domain": is_open(number),
        "rights": PUBLIC_DOMAIN if is_open(number) else IN_COPYRIGHT,
        "image_width": width,
        "image_height": height,
        "object_names": [{"name": "Painting"}],
        "techniques": ["Oil on canvas"],
        "materials": ["canvas"],
        "colors": ["#222222"],
        "frontend_url": f"https://open.smk.dk/artwork/image/{number_of(number)}",
        **_files(number),
    }
    if digit == 4:
        del work["titles"]
        work["object_names"] = [{"name": named}]
    if digit == 1:
        del work["production_date"], work["techniques"]
    return work


def _files(number: int) -> dict[str, str]:
    if number % 10 == OLD_STYLE:
        url = f"https://api.smk.dk/api/v1/thumbnail/KMS{number}.jpg"
        return {"image_native": url, "image_thumbnail": url}
    part = base64.b64encode(f'[{{"object_number":"KMS{number}"}}]'.encode()).decode()
    base = f"/iiif/jp2/kms{number}.tif.jp2"
    return {
        "image_iiif_id": f"https://iip.smk.dk{base}",
        "image_iiif_info": f"https://iip.smk.dk{base}/info.json",
        "image_thumbnail": f"https://iip-thumb.smk.dk{base}/full/!1024,/0/default.jpg",
        "image_native": f"https://api.smk.dk/api/v1/download/{part}/KMS{number}.jpg",
        "image_orientation": "portrait" if size_of(number)[1] > size_of(number)[0] else "landscape",
    }


def _passes(work: dict[str, Any], filters: str) -> bool:
    """Return whether a work passes the filters. Of two without a comma between them, the first counts."""
    for part in filters.split(","):
        found = FILTER.match(part)
        if found is not None and str(work[found[1]]).lower() != found[2]:
            return False
    return True
