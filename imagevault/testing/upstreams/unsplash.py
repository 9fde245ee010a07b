"""A simulated Unsplash, for tests without a key.

From the documentation (https://unsplash.com/documentation), or measured on the real API:

* The key is `Authorization: Client-ID KEY` or the parameter `client_id`; without it the answer is a 401.
* `search/photos` gives 10 photos by default and at most 30. After 6000 photos the page is empty and the total is 0.
* Other paths are `photos/{id or slug}`, `photos/random`, and `photos/{id}/download`, which counts a download.
* A used-up hour is a 403 in plain text whose type says JSON. Words taken for spam are a 410.
* Texts, colour, BlurHash and slug are null or missing in some photos. Some are advertisements, and some Unsplash+.
* Texts are plain. A lookup has a `location`, whose name may be null or empty; a search has none.

Not known of the real API, so decided here: a value that is not documented is a 400, which shows a mistake in a plugin;
a refused call does not count.

The photos are invented, and about the words that found them. A query finds 96 photos before filters, `nothing` finds
none, `nature` all 10 020, and `spam` is spam.
"""

import hashlib
import math
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.pictures import Picture, fitted, side_of
from imagevault.testing.upstream import Upstream
from imagevault.testing.upstreams.subjects import Subjects, capitalized, slug

LIBRARY = 10_020
MAX_RESULTS = 6000
MAX_PER_PAGE = 30
FOUND = {"nothing": 0, "nature": LIBRARY}
DEFAULT_FOUND = 96
ALIKE = 600  # photos after which the same oddities come again
FILES_FROM = 1_500_000_000_000  # the number in the address of the first photo's file
FILE = re.compile(r"/photo-([0-9]{13})")
ID_LENGTH = 11
COLORS = {
    "black": "#0c0c0c", "white": "#f3f3f3", "yellow": "#d9c026", "orange": "#d98c26", "red": "#c02626",
    "purple": "#73268c", "magenta": "#d926a6", "green": "#268c40", "teal": "#268c8c", "blue": "#2659a6",
}  # fmt: skip
ALLOWED = {
    "orientation": {"landscape", "portrait", "squarish"},
    "color": {*COLORS, "black_and_white"},
    "content_filter": {"low", "high"},
    "order_by": {"relevant", "latest", "editorial"},
}
SHAPES = {"landscape": (6000, 4000), "portrait": (4000, 6000), "squarish": (5000, 5000)}
USED_UP = "Rate Limit Exceeded"


class SimulatedUnsplash(Upstream):
    """Serves until the `with` block ends. It answers `quota` calls, then 403.

    Attributes:
        remaining: the calls that are left; may be set at any time.
        downloads: the photo and the `ixid` of each download that was counted.
    """

    def __init__(self, *, key: str = "test-key", quota: int = 1000, port: int = 0) -> None:
        super().__init__("/", port=port)
        self.key = key
        self.quota = quota
        self.remaining = quota
        self.downloads: list[tuple[str, str | None]] = []
        self.subjects = Subjects()
        self.serve_pictures(picture)
        self.before(self._admit)
        self.get("search/photos")(self._search)
        self.get("photos/random")(lambda _call: self._ok(photo(0, "random")))
        self.get("photos/{id}")(self._photo)
        self.get("photos/{id}/download")(self._download)

    def _admit(self, call: Call) -> Answer | None:
        header = call.headers.get("authorization", "").removeprefix("Client-ID ")
        if self.key not in {header, call.query.get("client_id")}:
            return _errors(401, "OAuth error: The access token is invalid")
        if self.remaining <= 0:
            return Answer(USED_UP, 403, {"Content-Type": "application/json", **self._rates()})
        self.remaining -= 1
        return None

    def _search(self, call: Call) -> Answer:
        try:
            page = _count(call.query.get("page", "1"))
            per_page = min(_count(call.query.get("per_page", "10")), MAX_PER_PAGE)
            words = call.query["query"]
            numbers = [number for number in find(words) if _passes(number, call)]
        except (KeyError, ValueError) as error:
            return _errors(400, f"{error} is not valid")
        if words == "spam":
            return _errors(410, "This query is not available")
        start = (page - 1) * per_page
        if start >= MAX_RESULTS:
            return self._ok({"total": 0, "total_pages": 0, "results": []})
        page_numbers = numbers[start : start + per_page]
        self.subjects.show(page_numbers, words)
        photos = [photo(number, words, self.subjects.of(number)) for number in page_numbers]
        pages = math.ceil(len(numbers) / per_page)
        headers = {"X-Total": f"{len(numbers)}", "X-Per-Page": f"{per_page}"}
        if page < pages:
            following = urlencode({**call.query, "page": page + 1})
            headers["Link"] = f'<https://api.unsplash.com/search/photos?{following}>; rel="next"'
        return self._ok({"total": len(numbers), "total_pages": pages, "results": photos}, headers)

    def _photo(self, _call: Call, id: str) -> Answer:
        number = _number(id[-ID_LENGTH:])  # a slug ends with the id
        if number is None:
            return _errors(404, "Couldn't find Photo")
        return self._ok({**photo(number, "lookup", self.subjects.of(number)), "location": location(number)})

    def _download(self, call: Call, id: str) -> Answer:
        number = _number(id)
        if number is None:
            return _errors(404, "Couldn't find Photo")
        self.downloads.append((id, call.query.get("ixid")))
        return self._ok({"url": photo(number, "download")["urls"]["full"]})

    def _ok(self, body: object, headers: dict[str, str] | None = None) -> Answer:
        return Answer(body, headers={**self._rates(), **(headers or {})})

    def _rates(self) -> dict[str, str]:
        return {"X-Ratelimit-Limit": f"{self.quota}", "X-Ratelimit-Remaining": f"{self.remaining}"}


def find(query: str) -> Sequence[int]:
    """Return the numbers of the photos that a query finds before filters; case and spaces make no difference."""
    words = " ".join(query.casefold().split())
    digest = int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())
    count = FOUND.get(words, DEFAULT_FOUND)
    start = digest % ((LIBRARY - count) // ALIKE + 1) * ALIKE
    return range(start, start + count)


def picture(address: httpx.URL) -> Picture | None:
    """Return the file of a photo, scaled down to a width `w`; None if there is none at this address."""
    found = FILE.fullmatch(address.path)
    number = int(found[1]) - FILES_FROM if found else -1
    if address.host != "images.unsplash.com" or not 0 <= number < LIBRARY:
        return None
    _, whole_width, whole_height = shape(number)
    width, height = fitted((whole_width, whole_height), (side_of(address.params.get("w")), math.inf))
    red, green, blue = bytes.fromhex(color(number).removeprefix("#"))
    return Picture(width=width, height=height, scene=f"unsplash {number}", color=(red, green, blue))


def color(number: int) -> str:
    """Return the dominant colour of a photo."""
    return list(COLORS.values())[number % 10]


def identity(number: int) -> str:
    """Return the id of a photo. It has eleven characters, like a real one."""
    return f"Sim_{number:07}"


def shape(number: int) -> tuple[str, int, int]:
    """Return the orientation, width and height of a photo; a few are very small."""
    name = list(SHAPES)[number % 3]
    width, height = SHAPES[name]
    if number % 50 == 13:
        return name, width // 20, height // 20
    return name, width, height


def location(number: int) -> dict[str, Any]:
    """Return where a photo was taken, as a lookup gives it; of some the name is null or empty."""
    names = (f"Pier {number}, Sample Town", None, "")
    return {"name": names[number % 3], "city": None, "country": None, "position": {"latitude": None, "longitude": None}}


def photo(number: int, words: str, subject: str = "") -> dict[str, Any]:
    """Return a photo about a subject. Its `ixid`, which differs in each answer, is made from `words`."""
    _, width, height = shape(number)
    id = identity(number)
    ixid = f"M3w{quote(words, safe='').encode().hex()}{number:x}"
    page = f"{quote(slug(subject)) or 'a-quiet-harbour'}-{number}-{id}"
    base = f"https://images.unsplash.com/photo-{FILES_FROM + number}"
    if number % 24 in {6, 12}:  # Unsplash+
        base = f"https://plus.unsplash.com/premium_photo-{1_600_000_000_000 + number}"
    sized = f"crop=entropy&cs=tinysrgb&fit=max&fm=jpg&ixid={ixid}&ixlib=rb-4.0.3&q=80"
    found: dict[str, Any] = {
        "id": id,
        "slug": page,
        "width": width,
        "height": height,
        "color": color(number),
        "blur_hash": "L9Bo?VozV[$eR%-o-A%20d=y=#Ki",
        "description": f"{capitalized(subject) or 'Boats'} at pier {number}",
        "alt_description": f"{subject or 'a harbour'} with {number} boats",
        "urls": {
            "raw": f"{base}?ixid={ixid}&ixlib=rb-4.0.3",
            "full": f"{base}?crop=entropy&cs=srgb&fm=jpg&ixid={ixid}&ixlib=rb-4.0.3&q=85",
            "regular": f"{base}?{sized}&w=1080",
            "small": f"{base}?{sized}&w=400",
            "thumb": f"{base}?{sized}&w=200",
            "small_s3": f"https://s3.us-west-2.amazonaws.com/images.unsplash.com/small/photo-{number}",
        },
        "links": {
            "self": f"https://api.unsplash.com/photos/{page}",
            "html": f"https://unsplash.com/photos/{page}",
            "download": f"https://unsplash.com/photos/{id}/download?ixid={ixid}",
            "download_location": f"https://api.unsplash.com/photos/{id}/download?ixid={ixid}",
        },
        "user": {
            "username": f"sample{number % 7}",
            "name": f"Sample Person {number % 7}",
            "last_name": None if number % 7 == 3 else "Person",
            "links": {"html": f"https://unsplash.com/@sample{number % 7}"},
        },
        "tags": [{"type": "search", "title": title} for title in (subject or "harbour", "boats", f"pier {number}")],
        "sponsorship": None,
        "promoted_at": None,
    }
    return _with_oddities(found, number % 24)


def _with_oddities(found: dict[str, Any], kind: int) -> dict[str, Any]:
    odd: dict[int, dict[str, Any]] = {
        1: {"alt_description": None},
        2: {"alt_description": None, "description": None},
        4: {"blur_hash": None, "color": None, "alt_description": "  "},
        5: {"sponsorship": {"tagline": "Buy a boat", "sponsor": {"name": "Sample Boats"}}},
        6: {"premium": True, "plus": False},
        7: {"plus": True},
        8: {"alt_description": "boats&nets < 3, 100%"},
        10: {"slug": found["id"], "alt_description": None, "description": None},
        14: {"premium": True},
    }
    found |= odd.get(kind, {})
    if kind == 3:  # an answer of 2020
        del found["slug"]
        del found["blur_hash"]
        del found["urls"]["small_s3"]
        del found["tags"]
        found["links"]["download_location"] = f"https://api.unsplash.com/photos/{found['id']}/download"
    return found


def _passes(number: int, call: Call) -> bool:
    """Return whether a photo passes the filters of a call; raises ValueError for an unknown value."""
    wanted = {name: call.query[name] for name in ALLOWED if name in call.query}
    for name, value in wanted.items():
        if value not in ALLOWED[name]:
            raise ValueError(name)
    is_for_everybody = number % 24 != 9
    if wanted.get("content_filter") == "high" and not is_for_everybody:
        return False
    orientation, _, _ = shape(number)
    if wanted.get("orientation", orientation) != orientation:
        return False
    colors = {list(COLORS)[number % 10]}
    if number % 10 < 2:
        colors.add("black_and_white")
    return "color" not in wanted or wanted["color"] in colors


def _number(id: str) -> int | None:
    """Return the number of the photo with this id, or None if there is none."""
    digits = id.removeprefix("Sim_")
    if not digits.isdecimal():
        return None
    number = int(digits)
    return number if number < LIBRARY and identity(number) == id else None


def _count(text: str) -> int:
    """Return a number of 1 or more; raises ValueError for any other text."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _errors(status: int, text: str) -> Answer:
    return Answer({"errors": [text]}, status)
