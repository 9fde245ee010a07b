"""A simulated Pixabay, for tests without a key.

From the documentation (https://pixabay.com/api/docs/), or measured on the real API:

* One endpoint searches, and looks up by `id`. The key is the parameter `key`.
* `per_page` is 20 by default, and 3 to 200. `totalHits` is at most 500, whatever `total` is.
* Errors are plain text with status 400: a wrong key, a page after the last, a value out of range.
* 100 calls a minute, then a 429. `X-RateLimit-Reset` counts the seconds that are left.
* Older answers lack `largeImageURL` and `collections`. `tags` and `userImageURL` may be empty.
* Answers of 2025 have `userURL`, `isAiGenerated`, `noAiTraining`, `isGRated` and `isLowQuality`. The last is 0 in some.
* Links to `/get/` are new in each answer. `fullHDURL` and `imageURL` are for keys with full access.

Not known of the real API, so decided here: the text of a 429; whether an unknown id is a 400 or finds nothing (see
`strict_ids`); a value that is not documented is a 400, which shows a mistake in a plugin.

The images are invented, and about the words that found them. A query finds 700, of which 452 are photos for everybody;
`nothing` finds none, and `nature` all 11 396.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.pictures import Picture, color_of
from imagevault.testing.upstream import Upstream
from imagevault.testing.upstreams.subjects import Subjects, slug

LIBRARY = 11_396
MAX_RESULTS = 500
FIRST_ID = 5_000_000
MAX_WORDS = 100  # characters of `q`
COLORS = (
    "grayscale", "transparent", "red", "orange", "yellow", "green", "turquoise", "blue", "lilac", "pink", "white",
    "gray", "black", "brown",
)  # fmt: skip
LANGUAGES = {
    "cs", "da", "de", "en", "es", "fr", "id", "it", "hu", "nl", "no", "pl", "pt", "ro", "sk", "fi", "sv", "tr", "vi",
    "th", "bg", "ru", "el", "ja", "ko", "zh",
}  # fmt: skip
ALLOWED = {
    "lang": LANGUAGES,
    "image_type": {"all", "photo", "illustration", "vector"},
    "orientation": {"all", "horizontal", "vertical"},
    "colors": set(COLORS),
    "safesearch": {"true", "false"},
    "order": {"popular", "latest"},
}
FOUND = {"nothing": 0, "nature": LIBRARY}
DEFAULT_FOUND = 700
ALIKE = 1300  # images after which the same oddities come again
# The id and the size in /get/g00000001004c4b47_640.jpg and in harbour-5000007_150.jpg
FILES = {
    "pixabay.com": re.compile(r"/get/g[0-9a-f]{8}(?P<id>[0-9a-f]{8})(?:_(?P<side>[0-9]{3,4}))?\.jpg"),
    "cdn.pixabay.com": re.compile(r"/photo/2020/01/02/03/04/harbour-(?P<id>[0-9]{7})_(?P<side>150)\.jpg"),
}
TYPES = {7: "illustration", 8: "vector/svg", 9: "vector/ai"}
NEW_IN_2025 = ("noAiTraining", "isAiGenerated", "isGRated", "isLowQuality", "userURL")
SHAPES = [(6000, 4000), (4000, 6000), (5000, 5000)]
PLAIN = {"Content-Type": "text/plain"}


class SimulatedPixabay(Upstream):
    """Serves until the `with` block ends. It answers `quota` calls, then 429.

    Attributes:
        remaining: the calls that are left; may be set at any time.
        full_access: whether answers have the links that most keys do not see.
        strict_ids: whether an unknown id is a 400; else it finds nothing.
    """

    def __init__(self, *, key: str = "test-key", quota: int = 1000, full_access: bool = False, port: int = 0) -> None:
        super().__init__("/api/", port=port)
        self.key = key
        self.quota = quota
        self.remaining = quota
        self.reset = 42  # seconds
        self.full_access = full_access
        self.strict_ids = False
        self.answers = 0
        self.subjects = Subjects()
        self.serve_pictures(self._picture)
        self.before(self._admit)
        self.get("")(self._answer)

    def _admit(self, call: Call) -> Answer | None:
        if call.query.get("key") != self.key:
            return _error("Invalid API key. Note: This value is case-sensitive.")
        if self.remaining <= 0:
            return Answer("[ERROR 429] API rate limit exceeded.", 429, PLAIN | self._rates())
        self.remaining -= 1
        return None

    def _answer(self, call: Call) -> Answer:
        asked = call.query
        for name, allowed in ALLOWED.items():
            if name in asked and not set(asked[name].split(",")) <= allowed:
                return _range_error(name)
        page = asked.get("page", "1")
        per_page = asked.get("per_page", "20")
        words = asked.get("q", "")
        if not (per_page.isdigit() and 3 <= int(per_page) <= 200):
            return _range_error("per_page")
        if len(words) > MAX_WORDS:
            return _range_error("q")
        id = asked.get("id")
        candidates = range(LIBRARY) if id else find(words)
        found = [number for number in candidates if _passes(number, asked)]
        if id and not found and self.strict_ids:
            return _range_error("id")
        shown = found[:MAX_RESULTS]
        start = (int(page) - 1) * int(per_page) if page.isdigit() else -1
        is_past_end = start > 0 and start >= len(shown)
        if start < 0 or is_past_end:
            return _range_error("page")
        self.answers += 1
        numbers = shown[start : start + int(per_page)]
        if words:
            self.subjects.show(numbers, words)
        hits = [
            hit(number, self.answers, full_access=self.full_access, subject=self.subjects.of(number))
            for number in numbers
        ]
        return Answer({"total": len(found), "totalHits": len(shown), "hits": hits}, headers=self._rates())

    def _picture(self, address: httpx.URL) -> Picture | None:
        """Return a file of an image, None if there is none at this address."""
        path = FILES.get(address.host)
        found = path.fullmatch(address.path) if path else None
        if found is None:
            return None
        number = int(found["id"], 16 if address.host == "pixabay.com" else 10) - FIRST_ID
        if not 0 <= number < LIBRARY:
            return None
        width, height = scaled(number, int(found["side"])) if found["side"] else shape(number)
        color = color_of(self.subjects.of(number))
        return Picture(width=width, height=height, scene=f"pixabay {number}", color=color)

    def _rates(self) -> dict[str, str]:
        rates = {"Limit": self.quota, "Remaining": self.remaining, "Reset": self.reset}
        return {f"X-RateLimit-{name}": f"{value}" for name, value in rates.items()}


def find(query: str) -> Sequence[int]:
    """Return the numbers of the images that a query finds before filters; case and spaces make no difference."""
    words = " ".join(query.casefold().split())
    digest = int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())
    count = FOUND.get(words, DEFAULT_FOUND)
    start = digest % ((LIBRARY - count) // ALIKE + 1) * ALIKE
    return range(start, start + count)


def hit(number: int, answer: int = 1, *, full_access: bool = False, subject: str = "") -> dict[str, Any]:
    """Return an image about a subject; `answer` is the number of the answer, which links hold."""
    width, height = shape(number)
    id = FIRST_ID + number
    words = slug(subject)
    page = quote(words) or "harbour-boats-pier"

    def link(size: str) -> str:
        return f"https://pixabay.com/get/g{answer:08x}{id:08x}{size}.jpg"

    found: dict[str, Any] = {
        "id": id,
        "pageURL": f"https://pixabay.com/photos/{page}-{id}/",
        "type": TYPES.get(number % 10, "photo"),
        "tags": f"{words.replace('-', ' ') or 'harbour'}, boats, pier {number}",
        "previewURL": f"https://cdn.pixabay.com/photo/2020/01/02/03/04/harbour-{id}_150.jpg",
        "webformatURL": link("_640"),
        "largeImageURL": link("_1280"),
        "imageWidth": width,
        "imageHeight": height,
        "imageSize": 2_000_000 + number,
        "collections": number,
        "user_id": 70_000 + number % 7,
        "user": f"sample{number % 7}",
        "userImageURL": "",
        "noAiTraining": number % 20 == 11,
        "isAiGenerated": number % 20 == 10,
        "isGRated": is_for_everybody(number),
        "isLowQuality": 0 if number % 20 == 12 else number % 20 == 13,
        "userURL": f"https://pixabay.com/users/{70_000 + number % 7}/",
    }
    found["previewWidth"], found["previewHeight"] = scaled(number, 150)
    found["webformatWidth"], found["webformatHeight"] = scaled(number, 640)
    if full_access:
        found |= {"fullHDURL": link("_1920"), "imageURL": link(""), "id_hash": f"{id:x}"}
    found = _with_oddities(found, number % 20)
    if words and not found["tags"]:
        found["tags"] = words.replace("-", " ")
    return found


def is_for_everybody(number: int) -> bool:
    """Return whether an image is fit for everybody."""
    return number % 13 != 5


def shape(number: int) -> tuple[int, int]:
    """Return the width and height of an image; a few are very small."""
    width, height = SHAPES[number % 3]
    if number % 50 == 13:
        return width // 20, height // 20
    return width, height


def scaled(number: int, longest: int) -> tuple[int, int]:
    """Return width and height of an image whose longer side has at most so many pixels, rounded down (measured)."""
    width, height = shape(number)
    scale = min(1.0, longest / max(width, height))
    return int(width * scale), int(height * scale)


def _with_oddities(found: dict[str, Any], kind: int) -> dict[str, Any]:
    odd: dict[int, dict[str, Any]] = {
        1: {"tags": ""},
        2: {"pageURL": f"https://pixabay.com/en/caf%C3%A9-am-meer-{found['id']}/"},
        4: {"pageURL": f"https://pixabay.com/photos/{found['id']}/"},
        5: {"user": "Ärger & Söhne"},
        6: {"pageURL": f"https://pixabay.com/photos/{found['id']}/", "tags": ""},
    }
    found |= odd.get(kind, {})
    if kind == 3:  # an answer of 2017
        found["favorites"] = found.pop("collections")
        del found["largeImageURL"]
        for name in NEW_IN_2025:
            del found[name]
    return found


def _passes(number: int, wanted: Mapping[str, str]) -> bool:
    """Return whether an image passes the filters of a call."""
    width, height = shape(number)
    fits = {"all": True, "horizontal": width > height, "vertical": height > width}
    image_type = wanted.get("image_type", "all")
    if "id" in wanted and wanted["id"] != str(FIRST_ID + number):
        return False
    if image_type != "all" and not TYPES.get(number % 10, "photo").startswith(image_type):
        return False
    if not fits[wanted.get("orientation", "all")]:
        return False
    if "colors" in wanted and COLORS[number % len(COLORS)] not in wanted["colors"].split(","):
        return False
    return is_for_everybody(number) or wanted.get("safesearch") != "true"


def _range_error(name: str) -> Answer:
    return _error(f'"{name}" is out of valid range.')


def _error(text: str) -> Answer:
    return Answer(f"[ERROR 400] {text}", 400, PLAIN)
