"""A simulated Pexels, to test against and to try the gateway with no key of one's own.

As documented (https://www.pexels.com/api/documentation/) or measured of the real one:

* `/v1/search` and `/v1/photos/{id}`; 401 without the key; 403 for the default agent of an HTTP library.
* `per_page` is 15 unless given and 80 at most; `next_page` and `prev_page` are full URLs, absent at the ends.
* `total_results` says 8000 at most. The second page comes one photo short whenever more pages follow.
* `X-Ratelimit-*` come on 2xx only; a used-up quota and the burst throttle are two different 429s.
* `alt`, `avg_color` and `liked` are null or missing in some photos, `alt` is empty in some.

Not known of the real one, so decided here: pages go on behind the 8000th photo; a value that is not documented is
400, so that a plugin's mistake shows; the bodies of 400, 401, 403, 404 and of the used-up quota; a 404 counts.

The photos are invented. Any query finds 100 to 499 of them, always the same ones, but `nothing` finds none,
`few` finds 7 and `nature` all 9000; filters are applied to what is found.
"""

import math
import time
from typing import Any
from urllib.parse import urlencode

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.upstream import Upstream
from imagevault.testing.upstreams.pexels_photos import COLORS, FIRST_ID, LIBRARY, Photo, find, library

LOCALES = """en-US pt-BR es-ES ca-ES de-DE it-IT fr-FR sv-SE id-ID pl-PL ja-JP zh-TW zh-CN ko-KR
    th-TH nl-NL hu-HU vi-VN cs-CZ da-DK fi-FI uk-UA el-GR ro-RO nb-NO sk-SK tr-TR ru-RU"""
SMALLEST = {"small": 4_000_000, "medium": 12_000_000, "large": 24_000_000}  # pixels
THROTTLED = Answer({"code": "Too Many Requests", "message": "Throttle limit exceeded"}, 429)  # measured


class SimulatedPexels(Upstream):
    """Serves until the `with` block ends. `quota` calls are answered, then 429; `remaining` may be set any time.

    While `throttled` is true every call meets the burst throttle. Faults: see `Upstream.fail`.
    """

    def __init__(self, *, key: str = "test-key", quota: int = 20_000, port: int = 0) -> None:
        super().__init__("/v1/", port=port)
        self.key = key
        self.quota = self.remaining = quota
        self.reset = int(time.time()) + 30 * 24 * 3600  # UNIX seconds: the end of the monthly period
        self.throttled = False
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
        return self._ok(library()[number].as_json())

    def _search(self, call: Call) -> Answer:
        try:
            page = _count(call.query.get("page", "1"))
            per_page = min(_count(call.query.get("per_page", "15")), 80)
            photos = [photo for photo in find(call.query["query"]) if _passes(photo, call)]
        except (KeyError, ValueError):
            return Answer({"error": "Bad Request"}, 400)
        start, end = (page - 1) * per_page, page * per_page
        found = photos[start:end]
        follows = end < len(photos)
        body: dict[str, Any] = {"total_results": min(len(photos), 8_000), "page": page, "per_page": per_page}
        body["photos"] = [photo.as_json() for photo in (found[:-1] if follows and page == 2 else found)]
        if follows:
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
    """A number from 1; raises `ValueError`."""
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


def _passes(photo: Photo, call: Call) -> bool:
    """Whether the photo passes the filters of the call; raises `KeyError` or `ValueError` on an unknown value."""
    wanted = call.query
    if "locale" in wanted and wanted["locale"] not in LOCALES.split():
        raise ValueError(wanted["locale"])
    if "orientation" in wanted and wanted["orientation"] not in {"landscape", "portrait", "square"}:
        raise ValueError(wanted["orientation"])
    smallest = SMALLEST[wanted["size"]] if "size" in wanted else 0
    return (
        wanted.get("orientation", photo.orientation) == photo.orientation
        and photo.width * photo.height >= smallest
        and ("color" not in wanted or _named(wanted["color"]) == photo.color)
    )


def _named(color: str) -> str:
    """The colour of this name, or the nearest one to a hex value with or without `#`."""
    if color in COLORS:
        return color
    parts = bytes.fromhex(color.removeprefix("#"))
    return min(COLORS, key=lambda name: math.dist(COLORS[name], parts))
