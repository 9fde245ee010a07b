"""A simulated API of The Metropolitan Museum of Art, for tests without the network.

From the documentation (https://metmuseum.github.io), or measured on the real API:

* `v1.1/search` answers ids, `v1/objects/{id}` one object; `v1/search` is a 410. HEAD is a 405.
* `limit` is 100 by default, or if it is less than 1, and at most 500. `objectIDs` is null from the 10 000th on, past
  the end, and where nothing is found.
* Any value but `hasImages=true`, in lower case, is ignored: as many objects without a picture come first then. With it,
  one in ten still lacks a picture, and one in twenty is withdrawn: `total` counts it, and its lookup is a 404.
* The firewall answers 403 with HTML for a minute after more than 30 calls in ten seconds, or 80 in 45. A constant call
  a second never meets it.
* A text is plain, and empty if unknown; a date may be `n.d.`. `constituents`, `measurements` and `tags` are null or
  lists. A name in `constituents` is escaped for HTML. File names may hold spaces. There are no sizes. Links to the
  Getty are http, or `(not assigned)`. `objectURL` may name another host.

Not known of the real API, so decided here: how many calls the firewall allows; the wording of 400 for `offset` and
`limit`, which is a bare JSON string here. Other parameters do nothing.

The objects are invented, and about the words that found them. A query finds 20 to 79 objects, but `cat` finds 34,
`nothing` none, `few` 7 and `everything` 12 000.
"""

import hashlib
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.pictures import Picture, color_of, fitted
from imagevault.testing.upstream import Upstream
from imagevault.testing.upstreams.subjects import Subjects, capitalized

FIRST_ID = 7_000_001
OBJECTS = 12_000
FOUND = {"cat": 34, "nothing": 0, "few": 7, "everything": OBJECTS}
MAX_RESULTS = 10_000
DEFAULT_LIMIT = 100
MAX_LIMIT = 500
FIREWALL_RULES = ((30, 10), (80, 45))  # calls, seconds
BLOCKED_FOR = 60  # seconds
FIREWALL = Answer(
    '<html><head><META NAME="robots" CONTENT="noindex,nofollow"></head><body>Request unsuccessful. '
    "Incapsula incident ID: 0-000000000000000000</body></html>",
    403,
)
BAD_REQUEST = Answer(b'"Bad Request"', 400, {"Content-Type": "application/json"})
RETIRED = "/public/collection/v1/search was retired; use /public/collection/v1.1/search"
SIZES = ((3000, 2400), (2400, 3600), (4000, 3000), (3200, 3200))  # of the pictures; no answer states them
WEB_SIDE = 600  # pixels, the longer side of the smaller file
FILE = re.compile(r"/CRDImages/xx/(?P<folder>original|web-large)/DP ?(?P<id>[0-9]{7})\.jpg")
NAMES = ("Ada Lind", "Bo Marsh", "Workshop of Cleo Ferro", "Dov Amsel & Daughters")


class SimulatedMet(Upstream):
    """Serves until the `with` block ends. `clock` gives the firewall's time in seconds; without it there is none."""

    def __init__(self, *, clock: Callable[[], float] | None = None, port: int = 0) -> None:
        super().__init__("/public/collection/", port=port)
        self.clock = clock
        self.blocked_until = 0.0
        self._recent: list[float] = []
        self.subjects = Subjects()
        self.serve_pictures(self._picture)
        self.before(self._admit)
        self.get("v1.1/search")(self._search)
        self.get("v1/search")(self._retired_search)
        self.get("v1/objects/{id}")(self._object)

    def _admit(self, call: Call) -> Answer | None:
        if self.clock is not None and self._is_blocked(self.clock()):
            return FIREWALL
        if call.method == "HEAD":
            return Answer({"message": "Method Not Allowed"}, 405)
        return None

    def _is_blocked(self, now: float) -> bool:
        """Count a call, and return whether the firewall blocks it."""
        longest = max(seconds for _, seconds in FIREWALL_RULES)
        self._recent = [*(time for time in self._recent if time > now - longest), now]
        for calls, seconds in FIREWALL_RULES:
            if sum(time > now - seconds for time in self._recent) > calls:
                self.blocked_until = now + BLOCKED_FOR
        return now < self.blocked_until

    def _retired_search(self, _call: Call) -> Answer:
        return Answer({"message": RETIRED, "replacement": "/public/collection/v1.1/search"}, 410)

    def _search(self, call: Call) -> Answer:
        offset = _integer(call.query.get("offset", "0"))
        limit = _integer(call.query.get("limit", str(DEFAULT_LIMIT)))
        if offset is None or limit is None or offset < 0:
            return BAD_REQUEST
        limit = min(limit, MAX_LIMIT) if limit > 0 else DEFAULT_LIMIT
        words = call.query.get("q", "everything")
        ids = list(find(words))
        if call.query.get("hasImages") != "true":
            without_picture = [id for id in range(FIRST_ID, FIRST_ID + OBJECTS) if not has_picture(id)]
            ids = without_picture[: len(ids)] + ids
        page = ids[offset : min(offset + limit, MAX_RESULTS)]
        self.subjects.show(page, words)
        return Answer({"total": len(ids), "objectIDs": page or None})

    def _object(self, _call: Call, id: str) -> Answer:
        if not id.isdecimal():
            return Answer({"message": "could not parse objectID"}, 400)
        if not FIRST_ID <= int(id) < FIRST_ID + OBJECTS:
            return Answer({"message": "ObjectID not found"}, 404)
        if is_withdrawn(int(id)):
            return Answer({"message": "Not a valid object"}, 404)
        return Answer(as_json(int(id), self.subjects.of(int(id))))

    def _picture(self, address: httpx.URL) -> Picture | None:
        """Return a file of an object, None if there is none at this address."""
        found = FILE.fullmatch(address.path)
        if found is None or address.host != "images.metmuseum.org":
            return None
        id = int(found["id"])
        if not FIRST_ID <= id < FIRST_ID + OBJECTS or not has_picture(id):
            return None
        side = WEB_SIDE if found["folder"] == "web-large" else math.inf
        width, height = fitted(SIZES[id % len(SIZES)], (side, side))
        return Picture(width=width, height=height, scene=f"met {id}", color=color_of(self.subjects.of(id)))


def _integer(text: str) -> int | None:
    """Return the number, or None if the text is none."""
    return int(text) if re.fullmatch("-?[0-9]{1,9}", text) else None


def find(query: str) -> Sequence[int]:
    """Return the ids that a query finds; case and spaces make no difference."""
    words = " ".join(query.casefold().split())
    digest = int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())
    count = FOUND.get(words, 20 + digest % 60)
    start = digest // 60 % (OBJECTS - count + 1) // 20 * 20
    return range(FIRST_ID + start, FIRST_ID + start + count)


def is_withdrawn(id: int) -> bool:
    """Return whether a search finds the object, but its lookup does not."""
    return id % 20 == 5


def has_picture(id: int) -> bool:
    """Return whether the object has a picture; of those without one, half are not in the public domain."""
    return id % 10 != 9


def as_json(id: int, subject: str = "") -> dict[str, Any]:
    """Return one object about a subject. The last digit of its id decides what it lacks."""
    digit = id % 10
    file = f"DP {id}.jpg" if digit == 4 else f"DP{id}.jpg"
    folder = "https://images.metmuseum.org/CRDImages/xx/"
    name = "" if digit in {3, 6} else NAMES[id % len(NAMES)]
    getty = "(not assigned)" if digit == 7 else f"http://vocab.getty.edu/page/ulan/{id}"
    dates = {1: "", 6: "n.d."}
    named = capitalized(subject) or "Quiet Object"
    terms = [*([subject] if subject else []), "Lids", "Clay"]
    return {
        "objectID": id,
        "isPublicDomain": has_picture(id) or id % 20 == 9,
        "primaryImage": f"{folder}original/{file}" if has_picture(id) else "",
        "primaryImageSmall": f"{folder}web-large/{file}" if has_picture(id) else "",
        "additionalImages": [],
        "constituents": [{"role": "Artist", "name": name.replace("&", "&amp;")}] if name else None,
        "accessionNumber": f"36.100.{id}",
        "objectName": "Vessel",
        "title": f"{named} & Lid No. {id}" if digit == 2 else f"{named} No. {id}",
        "artistPrefix": "Attributed to" if name and digit == 8 else "",
        "artistDisplayName": name,
        "artistULAN_URL": getty if name else "",
        "artistWikidata_URL": f"https://www.wikidata.org/wiki/Q{id}" if name else "",
        "culture": "Invented" if digit == 3 else "",
        "period": "Invented period" if digit == 3 else "",
        "objectDate": dates.get(digit, "late 17th century"),
        "medium": "Clay",
        "creditLine": "" if digit == 8 else "Invented Fund, 1936",
        "department": "Invented Art",
        "measurements": None,
        "objectURL": f"https://{'wwwtest' if digit == 0 else 'www'}.metmuseum.org/art/collection/search/{id}",
        "metadataDate": "2020-02-07T15:50:59.67Z",
        "tags": None if digit == 3 else [{"term": term, "AAT_URL": ""} for term in terms],
    }
