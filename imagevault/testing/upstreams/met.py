"""A simulated API of The Metropolitan Museum of Art, to test against and to try the gateway without the network.

As documented (https://metmuseum.github.io) or measured of the real one:

* `v1.1/search` answers ids, `v1/objects/{id}` one object; `v1/search` is 410. HEAD is 405.
* `limit` is 100 unless given, or given as less than 1, and 500 at most. From the 10 000th on, past the end and where
  nothing is found `objectIDs` is null.
* Anything but `hasImages=true`, in small letters, is ignored: as many objects without a picture come first then. With
  it one in ten still lacks one, and one in twenty is withdrawn: `total` counts it, and its lookup is 404.
* The firewall answers 403 with HTML, and goes on for a minute, once there are more than 30 calls in ten seconds or 80
  in 45. A constant call a second never meets it.
* Texts are empty where unknown; `constituents`, `measurements` and `tags` are null or lists; a name in `constituents`
  is escaped for HTML; file names hold blanks; no sizes; links to the Getty are http; `objectURL` may name another host.

Not known of the real one, so decided here: what counts as quick; the wording of 400 for `offset` and `limit`, a bare
JSON string as some are. Other parameters do nothing.

The objects are invented. Any query finds 20 to 79, always the same ones, but `cat` finds 34, `nothing` none, `few` 7
and `everything` 12 000.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.upstream import Upstream

FIRST_ID, OBJECTS = 7_000_001, 12_000
FOUND = {"cat": 34, "nothing": 0, "few": 7, "everything": OBJECTS}
DEPTH = 10_000
RULES = ((30, 10), (80, 45))  # calls, seconds
FIREWALL = Answer(
    '<html><head><META NAME="robots" CONTENT="noindex,nofollow"></head><body>Request unsuccessful. '
    "Incapsula incident ID: 0-000000000000000000</body></html>",
    403,
)
RETIRED = "/public/collection/v1/search was retired; use /public/collection/v1.1/search"
NAMES = ("Ada Lind", "Bo Marsh", "Workshop of Cleo Ferro", "Dov Amsel & Daughters")


class SimulatedMet(Upstream):
    """Serves until the `with` block ends. `clock` is the firewall's, in seconds; without one there is no firewall."""

    def __init__(self, *, clock: Callable[[], float] | None = None, port: int = 0) -> None:
        super().__init__("/public/collection/", port=port)
        self.clock = clock
        self.blocked_until = 0.0
        self._recent: list[float] = []
        self.before(self._admit)
        self.get("v1.1/search")(self._search)
        self.get("v1/search")(
            lambda _: Answer({"message": RETIRED, "replacement": "/public/collection/v1.1/search"}, 410)
        )
        self.get("v1/objects/{id}")(self._object)

    def _admit(self, call: Call) -> Answer | None:
        if self.clock is not None:
            now = self.clock()
            self._recent = [at for at in self._recent if at > now - 45] + [now]
            if any(sum(at > now - seconds for at in self._recent) > calls for calls, seconds in RULES):
                self.blocked_until = now + 60
            if now < self.blocked_until:
                return FIREWALL
        return Answer({"message": "Method Not Allowed"}, 405) if call.method == "HEAD" else None

    def _search(self, call: Call) -> Answer:
        given = {name: call.query.get(name, default) for name, default in (("offset", "0"), ("limit", "100"))}
        if not all(re.fullmatch("-?[0-9]{1,9}", value) for value in given.values()) or int(given["offset"]) < 0:
            return Answer(b'"Bad Request"', 400, {"Content-Type": "application/json"})
        offset, limit = int(given["offset"]), int(given["limit"])
        limit = min(limit, 500) if limit > 0 else 100
        ids = list(find(call.query.get("q", "everything")))
        if call.query.get("hasImages") != "true":
            ids = [id for id in range(FIRST_ID, FIRST_ID + OBJECTS) if not has_picture(id)][: len(ids)] + ids
        return Answer({"total": len(ids), "objectIDs": ids[offset : min(offset + limit, DEPTH)] or None})

    def _object(self, _call: Call, id: str) -> Answer:
        if not id.isdecimal():
            return Answer({"message": "could not parse objectID"}, 400)
        if not FIRST_ID <= int(id) < FIRST_ID + OBJECTS:
            return Answer({"message": "ObjectID not found"}, 404)
        if is_withdrawn(int(id)):
            return Answer({"message": "Not a valid object"}, 404)
        return Answer(as_json(int(id)))


def find(query: str) -> Sequence[int]:
    """The ids that a query finds: a run of all, which case and blanks do not change."""
    words = " ".join(query.casefold().split())
    digest = int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())
    count = FOUND.get(words, 20 + digest % 60)
    start = digest // 60 % (OBJECTS - count + 1) // 20 * 20
    return range(FIRST_ID + start, FIRST_ID + start + count)


def is_withdrawn(id: int) -> bool:
    """Whether it is found, and gone."""
    return id % 20 == 5


def has_picture(id: int) -> bool:
    """Whether it has a picture; of those without, half are not in the public domain."""
    return id % 10 != 9


def as_json(id: int) -> dict[str, Any]:
    """One object; what it lacks depends on the last digit of its id."""
    digit = id % 10
    file = f"DP {id}.jpg" if digit == 4 else f"DP{id}.jpg"
    folder = "https://images.metmuseum.org/CRDImages/xx/"
    name = "" if digit in {3, 6} else NAMES[id % len(NAMES)]
    return {
        "objectID": id,
        "isPublicDomain": has_picture(id) or id % 20 == 9,
        "primaryImage": f"{folder}original/{file}" if has_picture(id) else "",
        "primaryImageSmall": f"{folder}web-large/{file}" if has_picture(id) else "",
        "additionalImages": [],
        "constituents": [{"role": "Artist", "name": name.replace("&", "&amp;")}] if name else None,
        "title": f"<i>Quiet Object</i> &amp; Lid No. {id}" if digit == 2 else f"Quiet Object No. {id}",
        "artistPrefix": "Attributed to" if name and digit == 8 else "",
        "artistDisplayName": name,
        "artistULAN_URL": f"http://vocab.getty.edu/page/ulan/{id}" if name and digit != 7 else "",
        "artistWikidata_URL": f"https://www.wikidata.org/wiki/Q{id}" if name else "",
        "culture": "Invented" if digit == 3 else "",
        "objectDate": "" if digit == 1 else "late 17th century",
        "medium": "Clay",
        "creditLine": "" if digit == 8 else "Invented Fund, 1936",
        "department": "Invented Art",
        "measurements": None,
        "objectURL": f"https://{'wwwtest' if digit == 0 else 'www'}.metmuseum.org/art/collection/search/{id}",
        "metadataDate": "2020-02-07T15:50:59.67Z",
        "tags": None if digit == 3 else [{"term": "Lids", "AAT_URL": ""}, {"term": "Clay", "AAT_URL": ""}],
    }
