"""A simulated Open Access API of the Cleveland Museum of Art, for tests without the network.

From the documentation (https://openaccess-api.clevelandart.org/) and recorded answers:

* `artworks/` takes `q`, `skip`, `limit` (at most 1000), `has_image`, the flag `cc0` and `fields`. Other parameters do
  nothing, and come back in `info.parameters`.
* Behind the end, `data` is empty and `total` stays. No answer names the next page.
* `artworks/{id}` takes the number or the accession number; an unknown one is a 404.
* Widths and heights are texts. `images` may be null, and has `annotation`, which is no file, beside the files.

Not known of the real API, so decided here: what a wrong `skip` or `limit` answers, and which words find what.

The works are invented, and about the words that found them. A query finds 20 to 79 of them before filters, but `cat`
finds 450, `nothing` none, `few` 7 and `everything` 18 000.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import httpx

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.pictures import Picture, fitted
from imagevault.testing.upstream import Upstream
from imagevault.testing.upstreams.subjects import Subjects, capitalized

FIRST_ID = 100_001
WORKS = 18_000
FOUND = {"cat": 450, "nothing": 0, "few": 7, "everything": WORKS}
MAX_LIMIT = 1000
HOST = "openaccess-cdn.clevelandart.org"
SIZES = ((6000, 4000), (4000, 6000), (5000, 5000), (2400, 1600))
BOXES = {"web": (900, 900), "print": (3400, 3400)}  # "3400px at longest side" (docs); 900 (recorded)
FILE = re.compile(r"/1950\.(?P<id>[0-9]{6})/1950\.(?P=id)_(?P<kind>web|print)\.jpg")
UNKNOWN = Answer({"detail": "Artwork not found"}, 404)
INVALID = Answer({"detail": [{"msg": "value is not a valid integer"}]}, 422)
THROTTLED = Answer({"detail": "Too many requests"}, 429)


class SimulatedCleveland(Upstream):
    """Serves until the `with` block ends.

    Attributes:
        throttled: while true, every call is a 429.
    """

    def __init__(self, *, port: int = 0) -> None:
        super().__init__("/api/", port=port)
        self.throttled = False
        self.subjects = Subjects()
        self.serve_pictures(picture)
        self.before(lambda _call: THROTTLED if self.throttled else None)
        self.get("artworks/")(self._search)
        self.get("artworks/{id}")(self._work)

    def _work(self, _call: Call, id: str) -> Answer:
        number = id.removeprefix("1950.")
        if not re.fullmatch(r"[0-9]{1,9}", number) or not FIRST_ID <= int(number) < FIRST_ID + WORKS:
            return UNKNOWN
        return Answer({"data": as_json(int(number), self.subjects.of(int(number)))})

    def _search(self, call: Call) -> Answer:
        skip, limit = call.query.get("skip", "0"), call.query.get("limit", str(MAX_LIMIT))
        if not all(re.fullmatch(r"[0-9]{1,9}", text) for text in (skip, limit)) or int(limit) > MAX_LIMIT:
            return INVALID
        words = call.query.get("q", "everything")
        works = [id for id in find(words) if is_open(id) or "cc0" not in call.query]
        if call.query.get("has_image") == "1":
            works = [id for id in works if has_picture(id)]
        shown = works[int(skip) : int(skip) + int(limit)]
        self.subjects.show(shown, words)
        fields = [name for name in call.query.get("fields", "").split(",") if name]
        data = [_only(as_json(id, words), fields) for id in shown]
        return Answer({"info": {"total": len(works), "parameters": dict(call.query)}, "data": data})


def find(query: str) -> Sequence[int]:
    """Return the ids that a query finds before filters; case and spaces make no difference."""
    words = " ".join(query.casefold().split())
    digest = int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())
    count = FOUND.get(words, 20 + digest % 60)
    start = digest // 60 % (WORKS - count + 1)
    return range(FIRST_ID + start, FIRST_ID + start + count)


def is_open(id: int) -> bool:
    """Return whether a work is under CC0."""
    return id % 4 != 2


def has_picture(id: int) -> bool:
    """Return whether a work has a picture."""
    return id % 9 != 5


def size_of(id: int) -> tuple[int, int]:
    """Return width and height of the whole picture."""
    return SIZES[id % len(SIZES)]


def picture(address: httpx.URL) -> Picture | None:
    """Return the file at an address of the museum's file server, None if there is none."""
    found = FILE.fullmatch(address.path)
    if found is None or address.host != HOST or not FIRST_ID <= int(found["id"]) < FIRST_ID + WORKS:
        return None
    width, height = fitted(size_of(int(found["id"])), BOXES[found["kind"]])
    return Picture(width=width, height=height, scene=f"cleveland {found['id']}")


def as_json(id: int, subject: str = "") -> dict[str, Any]:
    """Return one work about a subject. The last digit of its id decides what it lacks."""
    digit = id % 10
    named = capitalized(subject) or "Object"
    number = f"1950.{id}"
    title = f"{named} & Lid, {id}" if digit == 2 else f"{named} {id}"
    creators = [_creator("Ada Lind (American, 1848-1925)", None), _creator("Studio", {"Id": 63, "Value": "and"})]
    return {
        "id": id,
        "accession_number": number,
        "share_license_status": "CC0" if is_open(id) else "Copyrighted",
        "tombstone": None
        if digit == 8
        else f"{title}, 1874. Clay. The Cleveland Museum of Art, Invented Fund {number}",
        "title": title,
        "creation_date": None if digit == 1 else "c. 1874",
        "creators": {3: [], 5: creators}.get(digit, creators[:1]),
        "culture": ["Exampleland, 19th century"],
        "technique": None if digit == 4 else "clay",
        "department": "Ceramics",
        "type": "Vessel",
        "url": f"https://clevelandart.org/art/{number}",
        "images": _images(id) if has_picture(id) else None,
        "alternate_images": [],
        "description": None if digit == 6 else "A <em>round</em> lid &amp; a jar.",
        "wall_description": None,
        "digital_description": None,
        "updated_at": "2026-05-29 05:22:49.339000",
    }


def _images(id: int) -> dict[str, Any]:
    images: dict[str, Any] = {"annotation": None}
    for kind, box in BOXES.items():
        width, height = fitted(size_of(id), box)
        images[kind] = _file(id, f"{kind}.jpg", width, height)
    if id % 10 == 7:
        del images["print"]
    images["full"] = _file(id, "full.tif", *size_of(id))
    return images


def _file(id: int, name: str, width: int, height: int) -> dict[str, str]:
    file = f"1950.{id}_{name}"
    return {
        "url": f"https://{HOST}/1950.{id}/{file}",
        "width": str(width),
        "height": str(height),
        "filesize": "",
        "filename": file,
    }


def _creator(description: str, qualifier: object) -> dict[str, Any]:
    return {"description": description, "extent": None, "qualifier": qualifier, "role": "artist"}


def _only(work: dict[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    return {name: work[name] for name in fields if name in work} if fields else work
