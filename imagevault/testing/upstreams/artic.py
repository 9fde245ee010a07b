"""A simulated API of the Art Institute of Chicago, for tests without the network.

From the documentation (https://api.artic.edu/docs/), or measured on the real API:

* `artworks/search` takes `q`, `query`, `fields`, and either `page` with `limit` or `from` with `size`. Each is a
  parameter, or all of them are JSON in `params`.
* A page has 10 works by default and at most 100; no answer names the next page. A larger page, or a result after the
  10 000th, is a 403.
* Works lack `image_id`, `is_public_domain` and others unless `fields` asks for them.
* `artworks/{id}` is one work, or a 404.
* An empty value is null; an empty list is []. Some works lack a picture, an artist, sizes or colours. One in four is
  not in the public domain.
* The label of a work without an artist may begin with a place. The alt text of a picture that nobody has described
  names the material.
* `config` in both answers says where files are; sometimes it names a test host.

Not known of the real API, so decided here:

* The wording of 403, 404 and 429.
* Of the query language, only `bool.filter` with `term` and `exists` is understood; anything else is a 400.
* Unknown parameters do nothing, as in the published source.
* In `q`, quotes and colours (`#1E90FF`) have a meaning (published source); here they are words like any others.

The works are invented, and about the words that found them. A query finds 20 to 79 works before filters, but `cat`
finds 450, `nothing` none, `few` 7 and `everything` 18 000.
"""

import colorsys
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.pictures import Color, Picture, fitted
from imagevault.testing.upstream import Upstream
from imagevault.testing.upstreams.subjects import Subjects, capitalized

FIRST_ID = 700_001
WORKS = 18_000
FOUND = {"cat": 450, "nothing": 0, "few": 7, "everything": WORKS}
MAX_RESULTS = 10_000
MAX_LIMIT = 100
DEFAULTS = ["_score", "id", "api_model", "api_link", "is_boosted", "title", "thumbnail", "timestamp"]
NAMES = ("Ada Lind", "Bo Marsh", "Workshop of Cleo Ferro", "Dov Amsel & Daughters")
UNSTATED_SIZE = (1024, 683)
SIZES = ((3000, 2000), (2000, 3000), (9368, 16683), (1024, 683), (640, 640))
# /iiif/2/000aae61-9fc9-4fcc-c5e5-66e695e49f11/full/843,/0/default.jpg
FILE = re.compile(r"/iiif/2/(?P<id>[0-9a-f]{8})-[0-9a-f-]{27}/full/(?P<width>full|[0-9]{1,5},)/0/default\.jpg")
THROTTLED = Answer({"status": 429, "error": "Too Many Attempts."}, 429)
CHALLENGE = Answer("<!DOCTYPE html><title>Just a moment...</title>", 403, {"cf-mitigated": "challenge"})  # measured
INFO = {
    "license_text": "The `description` field is licensed under CC-By 4.0. All other data is licensed under CC0 1.0.",
    "license_links": ["https://creativecommons.org/publicdomain/zero/1.0/", "https://www.artic.edu/terms"],
    "version": "1.13",
}


class SimulatedArtic(Upstream):
    """Serves until the `with` block ends.

    Attributes:
        iiif_url: where the answers say that files are.
        throttled: while true, every call is a 429.
        challenged: while true, every call is a challenge that asks for a browser.
    """

    def __init__(self, *, port: int = 0) -> None:
        super().__init__("/api/v1/", port=port)
        self.iiif_url = "https://www.artic.edu/iiif/2"
        self.throttled = False
        self.challenged = False
        self.subjects = Subjects()
        self.serve_pictures(picture)
        self.before(self._admit)
        self.get("artworks/search")(self._search)
        self.get("artworks/{id}")(self._work)

    def _admit(self, _call: Call) -> Answer | None:
        if self.challenged:
            return CHALLENGE
        return THROTTLED if self.throttled else None

    def _work(self, call: Call, id: str) -> Answer:
        if not id.isdecimal():
            return _error(400, "Invalid syntax", "The identifier is invalid.")
        if not FIRST_ID <= int(id) < FIRST_ID + WORKS:
            return _error(404, "Not found", "The item you requested cannot be found.")
        work = as_json(int(id), self.subjects.of(int(id)))
        return self._ok({"data": _only(work, call.query.get("fields") or list(work))})

    def _search(self, call: Call) -> Answer:
        asked: dict[str, Any] = {**call.query, **json.loads(call.query.get("params", "{}"))}
        size = int(asked.get("size", asked.get("limit", 10)))
        page = int(asked.get("page", 1))
        first = int(asked.get("from", (page - 1) * size))
        if size > MAX_LIMIT:
            return _error(403, "Invalid limit", "You have requested too many resources per page.")
        if first + size > MAX_RESULTS:
            return _error(403, "Invalid number of results", "You have requested too many results.")
        words = asked.get("q", "everything")
        try:
            candidates = [as_json(id, words) for id in find(words)]
            works = [work for work in candidates if _passes(work, asked)]
        except (KeyError, TypeError):
            return Answer({"error": {"root_cause": [{"type": "parsing_exception"}]}, "status": 400}, 400)
        found = [{"_score": 9.5, **work} for work in works[first : first + size]]
        self.subjects.show((work["id"] for work in found), words)
        fields = asked.get("fields") or DEFAULTS
        pagination = {
            "total": len(works),
            "limit": size,
            "offset": first,
            "total_pages": math.ceil(len(works) / size) if size else 0,
            "current_page": first // size + 1 if size else 1,
        }
        return self._ok(
            {
                "preference": None,
                "pagination": pagination,
                "data": [_only(work, fields) for work in found],
            }
        )

    def _ok(self, content: Mapping[str, object]) -> Answer:
        config = {"iiif_url": self.iiif_url, "website_url": "http://www.artic.edu"}
        return Answer({**content, "info": INFO, "config": config})


def find(query: str) -> Sequence[int]:
    """Return the ids that a query finds before filters; case and spaces make no difference."""
    words = " ".join(query.casefold().split())
    digest = int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())
    count = FOUND.get(words, 20 + digest % 60)
    start = digest // 60 % (WORKS - count + 1) // 20 * 20
    return range(FIRST_ID + start, FIRST_ID + start + count)


def is_open(id: int) -> bool:
    """Return whether the work is in the public domain."""
    return id % 4 != 2


def has_picture(id: int) -> bool:
    """Return whether the work has a picture."""
    return id % 9 != 5


def size_of(id: int) -> tuple[int, int]:
    """Return width and height of the whole picture. It is small where the work does not state it."""
    return UNSTATED_SIZE if id % 10 == 7 else SIZES[id % len(SIZES)]


def color_of(id: int) -> dict[str, Any]:
    """Return the dominant colour."""
    hue = 30 if id % 10 == 0 else id * 47 % 360
    return {"h": hue, "s": 40, "l": 50, "percentage": 0.0006, "population": 3}


def picture(address: httpx.URL) -> Picture | None:
    """Return the file at an address of the museum's image server, None if there is none."""
    found = FILE.fullmatch(address.path)
    if found is None or address.host != "www.artic.edu":
        return None
    id = int(found["id"], 16)
    if id not in range(FIRST_ID, FIRST_ID + WORKS):
        return None
    box = math.inf if found["width"] == "full" else int(found["width"].removesuffix(","))
    width, height = fitted(size_of(id), (box, math.inf))
    return Picture(width=width, height=height, scene=f"artic {id}", color=_rgb(color_of(id)))


def _rgb(color: Mapping[str, Any]) -> Color:
    red, green, blue = colorsys.hls_to_rgb(color["h"] / 360, color["l"] / 100, color["s"] / 100)
    return round(255 * red), round(255 * green), round(255 * blue)


def as_json(id: int, subject: str = "") -> dict[str, Any]:
    """Return one work about a subject. The last digit of its id decides what it lacks."""
    digit = id % 10
    width, height = size_of(id)
    named = capitalized(subject) or "Object"
    name = None if digit in {3, 6} else NAMES[id % len(NAMES)]
    titles = {2: f"Quiet {named} & Lid No. {id}", 8: None}
    place = "China" if digit == 3 else "Exampleland"
    picture = {
        "lqip": "data:image/gif;base64,R0lGODlhAQABAAAAACw=",
        "width": width,
        "height": height,
        "alt_text": {5: None, 0: f"A round lid with a handle, No. {id}."}.get(digit, "A work made of clay."),
    }
    return {
        "id": id,
        "api_model": "artworks",
        "api_link": f"https://api.artic.edu/api/v1/artworks/{id}",
        "is_boosted": False,
        "title": titles.get(digit, f"{named} {id}"),
        "image_id": f"{id:08x}-9fc9-4fcc-c5e5-66e695e49f11" if has_picture(id) else None,
        "alt_image_ids": [],
        "thumbnail": None if digit == 7 else picture,
        "is_public_domain": is_open(id),
        "artist_title": None if digit == 4 else name,
        "artist_display": f"{name}\nInvented, 1848-1925" if name else f"{place}, probably Exampletown",
        "place_of_origin": place,
        "medium_display": "Clay",
        "dimensions": None if digit == 1 else "7 x 10 cm",
        "main_reference_number": f"1900.{id}",
        "date_display": None if digit == 1 else "1874",
        "description": "<p>Words of <em>another</em> licence.</p>\n",
        "credit_line": None if digit == 9 else "Invented Fund",
        "copyright_notice": None if is_open(id) else "© an invented estate",
        "color": None if digit == 5 else color_of(id),
        "term_titles": [] if digit == 3 else [*([subject] if subject else []), "clay", "lids"],
        "timestamp": "2026-02-26T00:32:58-06:00",
    }


def _only(work: Mapping[str, object], fields: str | Sequence[str]) -> dict[str, object]:
    """Return the fields that were asked for, by a list or by names with commas between them."""
    names = [name.strip() for name in fields.split(",")] if isinstance(fields, str) else fields
    return {name: work[name] for name in names if name in work}


def _passes(work: Mapping[str, object], asked: Mapping[str, Any]) -> bool:
    """Return whether a work passes the filters of `query`.

    Raises:
        KeyError, TypeError: `query` is not one that is understood here.
    """
    conditions = asked["query"]["bool"]["filter"] if "query" in asked else []
    return all(_fulfils(work, condition) for condition in conditions)


def _fulfils(work: Mapping[str, object], condition: Mapping[str, Any]) -> bool:
    if "exists" in condition:
        field = condition["exists"]["field"]
        return work[field] is not None
    return all(work[field] == value for field, value in condition["term"].items())


def _error(status: int, error: str, detail: str) -> Answer:
    return Answer({"status": status, "error": error, "detail": detail}, status)
