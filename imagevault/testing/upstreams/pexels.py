"""A simulated Pexels, for tests without a key.

From the documentation (https://www.pexels.com/api/documentation/), or measured on the real API:

* Paths are `/v1/search` and `/v1/photos/{id}`. A call without the key is a 401; the default agent of an HTTP library is
  a 403.
* `per_page` is 15 by default and at most 80. `next_page` and `prev_page` are whole URLs, and missing at the ends.
* `total_results` is at most 8000. The second page has one photo less whenever more pages follow.
* Only a 2xx has the headers `X-Ratelimit-*`. A used-up quota and the burst throttle are two different 429s.
* `alt`, `avg_color` and `liked` are null or missing in some photos, and `alt` is empty in some.

Not known of the real API, so decided here: pages go on after the 8000th photo; a value that is not documented is a 400,
which shows a mistake in a plugin; the bodies of 400, 401, 403, 404 and of the used-up quota; a 404 counts.

The photos are invented, and about the words that found them. A query finds 100 to 499 of them before filters, but
`nothing` finds none, `few` 7 and `nature` all 9000.
"""

import math
import time
from typing import Any
from urllib.parse import urlencode

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.upstream import Upstream
from imagevault.testing.upstreams.pexels_photos import COLORS, FIRST_ID, LIBRARY, Photo, find, library, picture
from imagevault.testing.upstreams.subjects import Subjects

LOCALES = {
    "en-US", "pt-BR", "es-ES", "ca-ES", "de-DE", "it-IT", "fr-FR", "sv-SE", "id-ID", "pl-PL", "ja-JP", "zh-TW", "zh-CN",
    "ko-KR", "th-TH", "nl-NL", "hu-HU", "vi-VN", "cs-CZ", "da-DK", "fi-FI", "uk-UA", "el-GR", "ro-RO", "nb-NO", "sk-SK",
    "tr-TR", "ru-RU",
}  # fmt: skip
ORIENTATIONS = {"landscape", "portrait", "square"}
MAX_PER_PAGE = 80
MAX_TOTAL = 8_000
SMALLEST = {"small": 4_000_000, "medium": 12_000_000, "large": 24_000_000}  # pixels
THROTTLED = Answer({"code": "Too Many Requests", "message": "Throttle limit exceeded"}, 429)  # measured


class SimulatedPexels(Upstream):
    """Serves until the `with` block ends. It answers `quota` calls, then 429.

    Attributes:
        remaining: the calls that are left; may be set at any time.
        throttled: while true, every call meets the burst throttle.
    """

    def __init__(self, *, key: str = "test-key", quota: int = 20_000, port: int = 0) -> None:
        super().__init__("/v1/", port=port)
        self.key = key
        self.quota = quota
        self.remaining = quota
        self.reset = int(time.time()) + 30 * 24 * 3600  # the end of the monthly period, in UNIX seconds
        self.throttled = False
        self.subjects = Subjects()
        self.serve_pictures(picture)
        self.before(self._admit)
        self.get("search")(self._search)
        self.get("photos/{id}")(self._photo)

    def _admit(self, call: Call) -> Answer | None:
        agent = call.headers.get("user-agent", "")
        if not agent or agent.startswith(("python-httpx", "python-requests")):
            return Answer("<!doctype html><title>403 Forbidden</title>", 403)
        if call.headers.get("authorization") != self.key:
            return Answer({"error": "Unauthorized"}, 401)
        if self.throttled:
            return THROTTLED
        if self.remaining <= 0:
            return Answer({"error": "Rate limit exceeded"}, 429)
        self.remaining -= 1
        return None

    def _photo(self, _call: Call, id: str) -> Answer:
        number = int(id) - FIRST_ID if id.isdecimal() else -1
        if not 0 <= number < LIBRARY:
            return Answer({"error": "Not Found"}, 404)
        return self._ok(library()[number].as_json(self.subjects.of(number)))

    def _search(self, call: Call) -> Answer:
        try:
            page = _count(call.query.get("page", "1"))
            per_page = min(_count(call.query.get("per_page", "15")), MAX_PER_PAGE)
            photos = [photo for photo in find(call.query["query"]) if _passes(photo, call)]
        except (KeyError, ValueError):
            return Answer({"error": "Bad Request"}, 400)
        start = (page - 1) * per_page
        end = page * per_page
        found = photos[start:end]
        self.subjects.show((photo.id - FIRST_ID for photo in found), call.query["query"])
        has_next = end < len(photos)
        if has_next and page == 2:
            found = found[:-1]
        body: dict[str, Any] = {
            "total_results": min(len(photos), MAX_TOTAL),
            "page": page,
            "per_page": per_page,
            "photos": [photo.as_json(self.subjects.of(photo.id - FIRST_ID)) for photo in found],
        }
        if has_next:
            body["next_page"] = self._link(call, page + 1, per_page)
        if page > 1:
            body["prev_page"] = self._link(call, page - 1, per_page)
        return self._ok(body)

    def _link(self, call: Call, page: int, per_page: int) -> str:
        others = {name: value for name, value in call.query.items() if name not in {"page", "per_page"}}
        return f"{self.url}search/?{urlencode({'page': page, 'per_page': per_page, **others})}"

    def _ok(self, body: object) -> Answer:
        rates = {"Limit": self.quota, "Remaining": self.remaining, "Reset": self.reset}
        return Answer(body, headers={f"X-Ratelimit-{name}": str(value) for name, value in rates.items()})


def _count(text: str) -> int:
    """Return a number of 1 or more; raises ValueError for any other text."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _passes(photo: Photo, call: Call) -> bool:
    """Return whether a photo passes the filters of a call; raises KeyError or ValueError for an unknown value."""
    wanted = call.query
    if "locale" in wanted and wanted["locale"] not in LOCALES:
        raise ValueError(wanted["locale"])
    if "orientation" in wanted and wanted["orientation"] not in ORIENTATIONS:
        raise ValueError(wanted["orientation"])
    smallest = SMALLEST[wanted["size"]] if "size" in wanted else 0
    if wanted.get("orientation", photo.orientation) != photo.orientation:
        return False
    if photo.width * photo.height < smallest:
        return False
    return "color" not in wanted or _named(wanted["color"]) == photo.color


def _named(color: str) -> str:
    """Return the colour of this name, or the nearest one to a hex value with or without `#`."""
    if color in COLORS:
        return color
    parts = bytes.fromhex(color.removeprefix("#"))
    return min(COLORS, key=lambda name: math.dist(COLORS[name], parts))
