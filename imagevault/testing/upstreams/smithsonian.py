"""A simulated API of the Smithsonian's open access, to test against without a key.

As documented (https://edan.si.edu/openaccess/apidocs/, https://api.data.gov/docs/) or measured of the real one:

* The key comes as header `X-Api-Key` or parameter `api_key`; 403 without it. It has 1000 calls an hour, `DEMO_KEY` 10,
  as `X-RateLimit-*` tell; then 429. Both have an error of api.data.gov's form.
* `search` gives 10 rows from `start` on unless told; above 1000 it silently gives 10. Behind the end there are none.
* `content/{id}` is one record by its `url`; 404 without such a one.
* `online_media_type:"Images"` finds records without any file too, and so does `media_usage:CC0` now and then.
* Media are of several kinds and not all free; files are at two hosts; labels of names differ.

Not known of the real one, so decided here: what a query means, which is words, then `AND field:value`; other syntax in
it is 400, so that a plugin's mistake shows. `sort`, `type` and `row_group` do nothing.

The records are invented. Any words find 20 to 79 before filters, but `cat` finds 350, `nothing` none and `few` 7.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.upstream import Upstream

FIRST_ID, RECORDS = 8_000_001, 9_000
FOUND = {"cat": 350, "nothing": 0, "few": 7}
ROLES = ("Artist", "Maker", "Collector", "Created by", "performer", "")
NAMES = ("Ada Lind", "Bo Marsh", "Ferro, Cleo", "Dov Amsel & Daughters")
DEMO_KEY, DEMO_QUOTA = "DEMO_KEY", 10


class SimulatedSmithsonian(Upstream):
    """Serves until the `with` block ends. `quota` calls are answered, then 429; `remaining` may be set any time."""

    def __init__(self, *, key: str = "test-key", quota: int = 1000, port: int = 0) -> None:
        super().__init__("/openaccess/api/v1.0/", port=port)
        self.key = key
        self.quota = DEMO_QUOTA if key == DEMO_KEY else quota
        self.remaining = self.quota
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
        number = re.fullmatch(r"edanmdm:inv_A([0-9]+)(\.\d,a)?", id)
        if (
            number is None
            or not FIRST_ID <= int(number[1]) < FIRST_ID + RECORDS
            or as_json(int(number[1]))["url"] != id
        ):
            return _error(404, "not found: the resource you were acting on could not be found")
        return self._ok(as_json(int(number[1])))

    def _search(self, call: Call) -> Answer:
        words, *filters = re.split(r" AND (?=\w+:)", call.query.get("q", ""))
        if not words or re.search(r'["()\[\]{}:^~*?!/\\]|&&|\|\|', words):
            return _error(400, "bad request: the request was malformed")
        rows = [row for row in map(as_json, find(words)) if all(_passes(row, test) for test in filters)]
        start, count = int(call.query.get("start", "0")), int(call.query.get("rows", "10"))
        found = rows[start : start + (count if count <= 1000 else 10)]
        return self._ok({"rows": found, "rowCount": len(rows), "facets": {}, "message": "content found"})

    def _ok(self, response: object) -> Answer:
        return Answer({"status": 200, "responseCode": 1, "response": response}, headers=self._rates())

    def _rates(self) -> dict[str, str]:
        return {"X-RateLimit-Limit": str(self.quota), "X-RateLimit-Remaining": str(self.remaining)}


def find(words: str) -> Sequence[int]:
    """The numbers of the records that words find before any filter: a run of all, the same for the same words."""
    digest = int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())
    count = FOUND.get(words, 20 + digest % 60)
    start = digest // 60 % (RECORDS - count + 1) // 20 * 20
    return range(FIRST_ID + start, FIRST_ID + start + count)


def is_free(id: int) -> bool:
    """Whether it has a picture that is CC0, in a record that is CC0."""
    return id % 6 != 3 and id % 8 not in {1, 5}


def as_json(id: int) -> dict[str, Any]:
    """One record; what it lacks depends on the last digit of its number, what is free on others."""
    digit = id % 10
    record = f"inv_A{id}" + (".2,a" if digit == 4 else "")
    title = f"<i>Quiet Lid</i> &amp; Pot No. {id}" if digit == 2 else f"Quiet Object No. {id}"
    about: dict[str, Any] = {
        "title": {"label": "Title", "content": title},
        "record_ID": record,
        "unit_code": "INV",
        "data_source": "National Museum of Invention",
        "metadata_usage": {"access": "Usage conditions apply" if id % 6 == 3 else "CC0"},
    }
    if digit != 7:
        about["record_link"] = (
            f"http://n2t.net/ark:/65665/{id}" if digit == 5 else f"https://www.si.edu/object/{record}"
        )
    if digit in {5, 7}:
        about["guid"] = f"http://n2t.net/ark:/65665/{id}"
    if id % 8 != 1:
        about["online_media"] = {"mediaCount": 2, "media": _media(id)}
    people = [{"label": role, "content": NAMES[(id + at) % 4]} for at, role in enumerate(ROLES) if (id + at) % 4 == 0]
    return {
        "id": f"ld1-{id}-0",
        "title": title,
        "unitCode": "INV",
        "type": "edanmdm",
        "url": f"edanmdm:{record}",
        "content": {
            "descriptiveNonRepeating": about,
            "freetext": {"date": [{"label": "Date", "content": "1874"}], **({} if digit == 6 else {"name": people})},
            "indexedStructured": {} if digit == 3 else {"topic": ["Lids", "Clay"], "exhibition": [{"building": "INV"}]},
        },
        "hash": "0106b9f4",
        "timestamp": "1663782495",
        "version": "",
    }


def _media(id: int) -> list[dict[str, Any]]:
    """A 3D model, and a picture as one of the two hosts has it; the latter is not free in some."""
    free = {"access": "Usage conditions apply" if id % 8 == 5 else "CC0"}
    if id % 5 == 0:
        at = f"http://collections.nmnh.si.edu/media/?irn={id}"
        picture: dict[str, Any] = {"content": at, "idsId": at, "thumbnail": f"{at}&thumb=yes"}
    elif id % 5 == 1:
        at = f"https://ids.si.edu/ids/deliveryService/id/ark:/65665/m3{id}"
        picture = {"content": at, "idsId": f"ark:/65665/m3{id}", "thumbnail": f"{at}/90", "resources": []}
    else:
        at, file = f"https://ids.si.edu/ids/deliveryService?id=INV-{id}", f"https://ids.si.edu/ids/download?id=INV-{id}"
        sides = {"width": 7682, "height": 4000 + id % 9, "dimensions": "about"} if id % 5 != 4 else {}
        labels = {"High-resolution TIFF": ".tif", "High-resolution JPEG": ".jpg"}
        files = [{"label": label, "url": file + ending, **sides} for label, ending in labels.items()]
        files.append({"label": "Screen Image", "url": f"{file}_screen"})
        picture = {"content": at, "idsId": f"INV-{id}", "thumbnail": at, "resources": files}
    model = {
        "type": "3d_voyager",
        "content": f"https://3d-api.si.edu/voyager/3d_package:{id}",
        "usage": {"access": "CC0"},
    }
    return [model, {**picture, "type": "Images", "guid": f"http://n2t.net/ark:/65665/m3{id}", "usage": free}]


def _passes(row: dict[str, Any], test: str) -> bool:
    """Whether a record passes `field:value`, of the two fields that are known here; others find none, as measured."""
    if test == 'online_media_type:"Images"':
        return True
    media = row["content"]["descriptiveNonRepeating"].get("online_media", {}).get("media")
    free = any(each["usage"]["access"] == "CC0" for each in media) if media else row["url"].endswith("1")
    return test == "media_usage:CC0" and free


def _error(status: int, message: str) -> Answer:
    told = {"status": status, "responseCode": 0, "response": {"error": message}}
    return Answer({**told, "timestamp": "Fri Jun 07 09:23:09 EDT 2019"}, status)
