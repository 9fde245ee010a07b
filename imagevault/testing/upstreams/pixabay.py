"""A simulated Pixabay, to test against without a key. As documented (https://pixabay.com/api/docs/) or measured:

* One endpoint searches, and looks up by `id`; the key comes as `key`.
* `per_page` is 20 unless given, and 3 to 200; `totalHits` is 500 at most, whatever `total` says.
* Errors are plain text with status 400: a wrong key, a page behind the last, a value out of range.
* 100 calls a minute, then 429; `X-RateLimit-Reset` counts the seconds that are left.
* `largeImageURL`, `collections` are missing in older answers; `tags` and `userImageURL` may be empty.
* Links to `/get/` are new in each answer; `fullHDURL` and `imageURL` are for keys with full access.

Not known of the real one, decided here: the text of a 429, whether an unknown id is 400 or finds nothing (either: see
`strict_ids`); a value that is not documented is 400, so that a mistake in a plugin shows. The images are invented. Any
words find the first 700, of which 452 are photos for everybody; `nothing` finds none, and `nature` all 11 396.
"""

from collections.abc import Mapping
from typing import Any

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.upstream import Upstream

LIBRARY, WINDOW, FIRST_ID = 11_396, 500, 5_000_000
COLORS = "grayscale transparent red orange yellow green turquoise blue lilac pink white gray black brown"
LANGUAGES = "cs da de en es fr id it hu nl no pl pt ro sk fi sv tr vi th bg ru el ja ko zh"
ALLOWED = {
    "lang": {*LANGUAGES.split()},
    "image_type": {"all", "photo", "illustration", "vector"},
    "orientation": {"all", "horizontal", "vertical"},
    "colors": {*COLORS.split()},
    "safesearch": {"true", "false"},
    "order": {"popular", "latest"},
}
TYPES = {7: "illustration", 8: "vector/svg", 9: "vector/ai"}
SHAPES = [(6000, 4000), (4000, 6000), (5000, 5000)]
PLAIN = {"Content-Type": "text/plain"}


class SimulatedPixabay(Upstream):
    """Serves until the `with` block ends. `quota` calls are answered, then 429; `remaining` may be set any time.

    `full_access` adds the links that most keys do not see; `strict_ids` answers an unknown id with 400.
    """

    def __init__(self, *, key: str = "test-key", quota: int = 1000, full_access: bool = False, port: int = 0) -> None:
        super().__init__("/api/", port=port)
        self.key = key
        self.quota = self.remaining = quota
        self.reset = 42  # seconds
        self.full_access = full_access
        self.strict_ids = False
        self.answers = 0
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
        for name, allowed in ALLOWED.items():
            if any(value not in allowed for value in call.query.get(name, next(iter(allowed))).split(",")):
                return _range_error(name)
        page, per_page = (call.query.get(name, default) for name, default in (("page", "1"), ("per_page", "20")))
        if not (per_page.isdigit() and 3 <= int(per_page) <= 200):
            return _range_error("per_page")
        if len(call.query.get("q", "")) > 100:
            return _range_error("q")
        id = call.query.get("id")
        numbers = range(LIBRARY) if id else range({"nothing": 0, "nature": LIBRARY}.get(call.query.get("q", ""), 700))
        found = [number for number in numbers if _passes(number, call.query)]
        if id and not found and self.strict_ids:
            return _range_error("id")
        shown = found[:WINDOW]
        start = (int(page) - 1) * int(per_page) if page.isdigit() else -1
        if start < 0 or (start and start >= len(shown)):
            return _range_error("page")
        self.answers += 1
        hits = [
            hit(number, self.answers, full_access=self.full_access) for number in shown[start : start + int(per_page)]
        ]
        return Answer({"total": len(found), "totalHits": len(shown), "hits": hits}, headers=self._rates())

    def _rates(self) -> dict[str, str]:
        rates = {"Limit": self.quota, "Remaining": self.remaining, "Reset": self.reset}
        return {f"X-RateLimit-{name}": f"{value}" for name, value in rates.items()}


def hit(number: int, answer: int = 1, *, full_access: bool = False) -> dict[str, Any]:
    """An image as the API gives it in its so manieth answer."""
    width, height = shape(number)
    id = FIRST_ID + number

    def scaled(longest: int) -> tuple[int, int]:  # rounded down (measured)
        scale = min(1.0, longest / max(width, height))
        return int(width * scale), int(height * scale)

    def link(size: str) -> str:
        return f"https://pixabay.com/get/g{answer:08x}{id:08x}{size}.jpg"

    found: dict[str, Any] = {
        "id": id,
        "pageURL": f"https://pixabay.com/photos/harbour-boats-pier-{id}/",
        "type": TYPES.get(number % 10, "photo"),
        "tags": f"harbour, boats, pier {number}",
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
    }
    found["previewWidth"], found["previewHeight"] = scaled(150)
    found["webformatWidth"], found["webformatHeight"] = scaled(640)
    if full_access:
        found |= {"fullHDURL": link("_1920"), "imageURL": link(""), "id_hash": f"{id:x}"}
    return _with_oddities(found, number % 20)


def shape(number: int) -> tuple[int, int]:
    """The width and height of an image; a few are very small."""
    width, height = SHAPES[number % 3]
    return (width // 20, height // 20) if number % 50 == 13 else (width, height)


def _with_oddities(found: dict[str, Any], kind: int) -> dict[str, Any]:
    odd: dict[int, dict[str, Any]] = {
        1: {"tags": ""},
        2: {"pageURL": f"https://pixabay.com/en/caf%C3%A9-am-meer-{found['id']}/"},
        4: {"pageURL": f"https://pixabay.com/photos/{found['id']}/"},
        5: {"user": "Ärger & Söhne"},
        6: {"pageURL": f"https://pixabay.com/photos/{found['id']}/", "tags": ""},
    }
    found |= odd.get(kind, {})
    if kind == 3:  # as in 2017
        found["favorites"] = found.pop("collections")
        del found["largeImageURL"]
    return found


def _passes(number: int, wanted: Mapping[str, str]) -> bool:
    """Whether an image passes the filters of a call."""
    width, height = shape(number)
    kind = wanted.get("image_type", "all")
    fits = {"all": True, "horizontal": width > height, "vertical": height > width}
    return (
        wanted.get("id", f"{FIRST_ID + number}") == f"{FIRST_ID + number}"
        and (kind == "all" or TYPES.get(number % 10, "photo").startswith(kind))
        and fits[wanted.get("orientation", "all")]
        and ("colors" not in wanted or COLORS.split()[number % 14] in wanted["colors"].split(","))
        and not (wanted.get("safesearch") == "true" and number % 13 == 5)
    )


def _range_error(name: str) -> Answer:
    return _error(f'"{name}" is out of valid range.')


def _error(text: str) -> Answer:
    return Answer(f"[ERROR 400] {text}", 400, PLAIN)
