"""A simulated API of the Smithsonian's open access, for tests without a key.

From the documentation (https://edan.si.edu/openaccess/apidocs/, https://api.data.gov/docs/), or measured on the real
API:

* The key is the header `X-Api-Key` or the parameter `api_key`; without it the answer is a 403. It has 1000 calls an
  hour, `DEMO_KEY` 10, as `X-RateLimit-*` say; then a 429. Both errors have the form of api.data.gov.
* `search` gives 10 rows by default, from `start`; of more than 1000 it silently gives 10. After the end there are none.
* `content/{id}` is one record by its `url`, or a 404.
* `online_media_type:"Images"` also finds records without any file, and sometimes so does `media_usage:CC0`.
* Media are of several kinds, and not all are free. Files are at two hosts. The labels of names differ.
* Some pictures have a description for people who cannot see them, `altTextAccessibility`; it may be empty.
* Some records have no `record_link`, and some of those no `guid`.
* Texts may hold HTML.

Not known of the real API, so decided here: a query is words, then `AND field:value`; any other syntax is a 400, which
shows a mistake in a plugin. `sort`, `type` and `row_group` do nothing.

The records are invented, and about the words that found them. Words find 20 to 79 records before filters, but `cat`
finds 350, `nothing` none and `few` 7.
"""

import hashlib
import html
import math
import re
from collections.abc import Sequence
from typing import Any

import httpx

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.pictures import JPEG, TIFF, Picture, color_of, fitted, side_of
from imagevault.testing.upstream import Upstream
from imagevault.testing.upstreams.subjects import Subjects, capitalized

FIRST_ID = 8_000_001
RECORDS = 9_000
MAX_ROWS = 1000
DEFAULT_ROWS = 10
FOUND = {"cat": 350, "nothing": 0, "few": 7}
ROLES = ("Artist", "Maker", "Collector", "Created by", "performer", "")
NAMES = ("Ada Lind", "Bo Marsh", "Ferro, Cleo", "Dov Amsel & Daughters")
DEMO_KEY = "DEMO_KEY"
DEMO_QUOTA = 10  # calls an hour
RECORD_ID = re.compile(r"edanmdm:inv_A([0-9]+)(\.\d,a)?")  # edanmdm:inv_A8000001
DELIVERED_SIDE = 3000  # pixels of the longer side of a file that no size is asked of
SCREEN_SIDE = 800
THUMBNAIL_SIDE = 200
ARK = re.compile(r"/ids/deliveryService/id/ark:/65665/m3(?P<id>[0-9]{7})(?:/(?P<side>[0-9]{1,4}))?")
NUMBER = re.compile(r"[0-9]{7}")
DELIVERED = re.compile(r"INV-([0-9]{7})")  # INV-8000002
MASTER = re.compile(r"INV-(?P<id>[0-9]{7})(?P<kind>\.tif|\.jpg|_screen|_thumb)")  # INV-8000002.tif
# What words may not hold: signs, "cats AND dogs", "-dog".
SYNTAX = re.compile(r'["()\[\]{}:^~*?!/\\]|&&|\|\||(?<!\S)(?:AND|OR|NOT)(?!\S)|(?<!\S)[-+]')


class SimulatedSmithsonian(Upstream):
    """Serves until the `with` block ends. It answers `quota` calls, then 429. `remaining` may be set at any time."""

    def __init__(self, *, key: str = "test-key", quota: int = 1000, port: int = 0) -> None:
        super().__init__("/openaccess/api/v1.0/", port=port)
        self.key = key
        self.quota = DEMO_QUOTA if key == DEMO_KEY else quota
        self.remaining = self.quota
        self.subjects = Subjects()
        self.serve_pictures(self._picture)
        self.before(self._admit)
        self.get("search")(self._search)
        self.get("content/{id}")(self._content)

    def _admit(self, call: Call) -> Answer | None:
        given = call.headers.get("x-api-key") or call.query.get("api_key")
        if given != self.key:
            code = "API_KEY_INVALID" if given else "API_KEY_MISSING"
            return Answer({"error": {"code": code, "message": "Get a key at https://api.si.edu:443"}}, 403)
        if self.remaining <= 0:
            error = {"code": "OVER_RATE_LIMIT", "message": "You have exceeded your rate limit. Try again later."}
            return Answer({"error": error}, 429, self._rates())
        self.remaining -= 1
        return None

    def _content(self, _call: Call, id: str) -> Answer:
        found = RECORD_ID.fullmatch(id)
        number = int(found[1]) if found else 0
        if not FIRST_ID <= number < FIRST_ID + RECORDS or as_json(number)["url"] != id:
            return _error(404, "not found: the resource you were acting on could not be found")
        return self._ok(as_json(number, self.subjects.of(number)))

    def _search(self, call: Call) -> Answer:
        words, *filters = re.split(r" AND (?=\w+:)", call.query.get("q", ""))
        if not words or SYNTAX.search(words):
            return _error(400, "bad request: the request was malformed")
        start = int(call.query.get("start", "0"))
        count = int(call.query.get("rows", str(DEFAULT_ROWS)))
        if count > MAX_ROWS:
            count = DEFAULT_ROWS
        records = {id: as_json(id, words) for id in find(words)}
        found = [id for id, record in records.items() if all(_passes(record, condition) for condition in filters)]
        page = found[start : start + count]
        self.subjects.show(page, words)
        return self._ok(
            {
                "rows": [records[id] for id in page],
                "rowCount": len(found),
                "facets": {},
                "message": "content found",
            }
        )

    def _picture(self, address: httpx.URL) -> Picture | None:
        """Return the file of a record, None if there is none at this address."""
        asked = asked_file(address)
        if asked is None:
            return None
        id, side, type = asked
        if not FIRST_ID <= id < FIRST_ID + RECORDS:
            return None
        width, height = fitted(size_of(id), (side, side))
        color = color_of(self.subjects.of(id))
        return Picture(width=width, height=height, type=type, scene=f"smithsonian {id}", color=color)

    def _ok(self, response: object) -> Answer:
        return Answer({"status": 200, "responseCode": 1, "response": response}, headers=self._rates())

    def _rates(self) -> dict[str, str]:
        return {"X-RateLimit-Limit": str(self.quota), "X-RateLimit-Remaining": str(self.remaining)}


def find(words: str) -> Sequence[int]:
    """Return the numbers of the records that words find before filters, always the same ones."""
    digest = int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())
    count = FOUND.get(words, 20 + digest % 60)
    start = digest // 60 % (RECORDS - count + 1) // 20 * 20
    return range(FIRST_ID + start, FIRST_ID + start + count)


def is_free(id: int) -> bool:
    """Return whether the record is CC0 and has a picture that is CC0."""
    return id % 6 != 3 and id % 8 not in {1, 5}


def size_of(id: int) -> tuple[int, int]:
    """Return width and height of the whole picture."""
    return 7682, 4000 + id % 9


def asked_file(address: httpx.URL) -> tuple[int, float, str] | None:
    """Return the number of a record, the longer side in pixels and the type of the file at this address."""
    asked = address.params
    by_number = NUMBER.fullmatch(asked.get("irn", ""))
    if address.host == "collections.nmnh.si.edu" and address.path == "/media/" and by_number:
        return int(by_number[0]), THUMBNAIL_SIDE if asked.get("thumb") == "yes" else DELIVERED_SIDE, JPEG
    if address.host != "ids.si.edu":
        return None
    by_ark = ARK.fullmatch(address.path)
    if by_ark:
        return int(by_ark["id"]), int(by_ark["side"] or DELIVERED_SIDE), JPEG
    name = asked.get("id", "")
    delivered = DELIVERED.fullmatch(name)
    if address.path == "/ids/deliveryService" and delivered:
        return int(delivered[1]), min(side_of(asked.get("max")), DELIVERED_SIDE), JPEG
    master = MASTER.fullmatch(name)
    if address.path == "/ids/download" and master:
        sides = {"_screen": SCREEN_SIDE, "_thumb": THUMBNAIL_SIDE}
        return int(master["id"]), sides.get(master["kind"], math.inf), TIFF if master["kind"] == ".tif" else JPEG
    return None


def as_json(id: int, subject: str = "") -> dict[str, Any]:
    """Return one record about a subject. The last digit of its number decides what it lacks."""
    digit = id % 10
    record = f"inv_A{id}" + (".2,a" if digit == 4 else "")
    named = html.escape(capitalized(subject), quote=False)
    title = f"{named or 'Quiet Object'} No. {id}"
    if digit == 2:
        title = f"<i>{named or 'Quiet Lid'}</i> &amp; Pot No. {id}"
    about: dict[str, Any] = {
        "title": {"label": "Title", "content": title},
        "record_ID": record,
        "unit_code": "INV",
        "data_source": "National Museum of Invention",
        "metadata_usage": {"access": "Usage conditions apply" if id % 6 == 3 else "CC0"},
    }
    if digit not in {7, 9}:
        link = f"https://www.si.edu/object/{record}"
        about["record_link"] = f"http://n2t.net/ark:/65665/{id}" if digit == 5 else link
    if digit in {5, 7}:
        about["guid"] = f"http://n2t.net/ark:/65665/{id}"
    if id % 8 != 1:
        about["online_media"] = {"mediaCount": 2, "media": _media(id)}
    people = [{"label": role, "content": NAMES[0]} for position, role in enumerate(ROLES) if (id + position) % 4 == 0]
    freetext: dict[str, Any] = {
        "date": [{"label": "Date", "content": "1874"}],
        "place": [{"label": "Place", "content": "Invented Field"}],
        "physicalDescription": [
            {"label": "Medium", "content": "clay"},
            {"label": "Dimensions", "content": "9 x 9 cm"},
        ],
        "notes": [
            {"label": "Record Last Modified", "content": "30 Mar 2022"},
            {"label": "Description (Brief)", "content": "A <i>quiet</i> object."},
        ],
    }
    if digit != 6:
        freetext["name"] = people
    indexed = {"topic": [*([subject] if subject else []), "Lids", "Clay"], "exhibition": [{"building": "INV"}]}
    return {
        "id": f"ld1-{id}-0",
        "title": title,
        "unitCode": "INV",
        "type": "edanmdm",
        "url": f"edanmdm:{record}",
        "content": {
            "descriptiveNonRepeating": about,
            "freetext": freetext,
            "indexedStructured": {} if digit == 3 else indexed,
        },
        "hash": "0106b9f4",
        "timestamp": "1663782495",
        "version": "",
    }


def _media(id: int) -> list[dict[str, Any]]:
    """Return a 3D model and a picture, which is not free in some records."""
    model = {
        "type": "3d_voyager",
        "content": f"https://3d-api.si.edu/voyager/3d_package:{id}",
        "usage": {"access": "CC0"},
    }
    picture = {
        **_files(id),
        "type": "Images",
        "guid": f"http://n2t.net/ark:/65665/m3{id}",
        "usage": {"access": "Usage conditions apply" if id % 8 == 5 else "CC0"},
    }
    if id % 3 != 0:
        picture["altTextAccessibility"] = "" if id % 3 == 1 else f"A lid of clay, number {id}"
    return [model, picture]


def _files(id: int) -> dict[str, Any]:
    """Return the files of a picture: at the museum's own host, or by ARK or name at the Smithsonian's."""
    if id % 5 == 0:
        link = f"http://collections.nmnh.si.edu/media/?irn={id}"
        return {"content": link, "idsId": link, "thumbnail": f"{link}&thumb=yes"}
    if id % 5 == 1:
        link = f"https://ids.si.edu/ids/deliveryService/id/ark:/65665/m3{id}"
        return {"content": link, "idsId": f"ark:/65665/m3{id}", "thumbnail": f"{link}/90", "resources": []}
    link = f"https://ids.si.edu/ids/deliveryService?id=INV-{id}"
    file = f"https://ids.si.edu/ids/download?id=INV-{id}"
    size: dict[str, Any] = {}
    if id % 5 != 4:
        width, height = size_of(id)
        size = {"width": width, "height": height, "dimensions": "about"}
    resources = [
        {"label": "High-resolution TIFF", "url": f"{file}.tif", **size},
        {"label": "High-resolution JPEG", "url": f"{file}.jpg", **size},
        {"label": "Screen Image", "url": f"{file}_screen"},
        {"label": "Thumbnail Image", "url": f"{file}_thumb"},
    ]
    return {"content": link, "idsId": f"INV-{id}", "thumbnail": link, "resources": resources}


def _passes(record: dict[str, Any], condition: str) -> bool:
    """Return whether a record passes `field:value`. Two fields are known here; others find nothing, as measured."""
    if condition == 'online_media_type:"Images"':
        return True
    if condition != "media_usage:CC0":
        return False
    media = record["content"]["descriptiveNonRepeating"].get("online_media", {}).get("media")
    if not media:
        return bool(record["url"].endswith("1"))
    return any(medium["usage"]["access"] == "CC0" for medium in media)


def _error(status: int, message: str) -> Answer:
    body = {
        "status": status,
        "responseCode": 0,
        "response": {"error": message},
        "timestamp": "Fri Jun 07 09:23:09 EDT 2019",
    }
    return Answer(body, status)
