"""A simulated catalogue API of Wellcome Collection, for tests without the network.

From the documentation (https://developers.wellcomecollection.org/api/catalogue) and the API's published source:

* `images` takes `query`, `page`, `pageSize` (1 to 100), `locations.license` (a list with commas) and `include`.
  Unknown parameters do nothing. Without a licence, pictures in copyright (`inc`) are found too.
* `nextPage` and `prevPage` are missing at the ends. A page that reaches behind result 10 000 is a 400.
* `images/{id}` is one picture, or a 404. Ids have eight characters.
* Contributors, genres and subjects are in the answer only if `include` names them.
* Pages of books have a second location. A picture that nobody has measured is square and white.
* Every error has the same form.

Not known of the real API, so decided here: which words find what, and the order of results.

The pictures are invented, and about the words that found them. A query finds 20 to 79 of them before filters, but `cat`
finds 450, `nothing` none, `few` 7 and `everything` 18 000.
"""

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.pictures import Picture, fitted
from imagevault.testing.upstream import Upstream
from imagevault.testing.upstreams.subjects import Subjects, capitalized

IMAGES = 18_000
FOUND = {"cat": 450, "nothing": 0, "few": 7, "everything": IMAGES}
MAX_RESULTS = 10_000
MAX_PAGE_SIZE = 100
SITE = "https://iiif.wellcomecollection.org"
INCLUDES = ("contributors", "languages", "genres", "subjects")
SIZES = ((3000, 2000), (2000, 3000), (2480, 3543), (1200, 1200))
UNMEASURED = 7  # the last digit of the ids of pictures that nobody has measured
# The id of a licence -> its label and address, as the API gives them.
LICENSES = {
    "pdm": ("Public Domain Mark", "https://creativecommons.org/share-your-work/public-domain/pdm/"),
    "cc-0": ("CC0 1.0 Universal", "http://creativecommons.org/publicdomain/zero/1.0/"),
    "cc-by": ("Attribution 4.0 International (CC BY 4.0)", "http://creativecommons.org/licenses/by/4.0/"),
    "cc-by-nc": (
        "Attribution-NonCommercial 4.0 International (CC BY-NC 4.0)",
        "https://creativecommons.org/licenses/by-nc/4.0/",
    ),
    "cc-by-nd": (
        "Attribution-NoDerivatives 4.0 International (CC BY-ND 4.0)",
        "https://creativecommons.org/licenses/by-nd/4.0/",
    ),
    "ogl": (
        "Open Government License",
        "http://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/",
    ),
    "inc": ("In copyright", "http://rightsstatements.org/vocab/InC/1.0/"),
}
ID = re.compile(r"w[0-9]{6}x")  # w000042x
# /image/V0000042/full/400,/0/default.jpg, /thumbs/V0000042/full/!200,200/0/default.jpg
FILE = re.compile(r"/(?:image|thumbs)/V(?P<number>[0-9]{7})/full/(?P<size>full|!?[0-9]{1,5},[0-9]{0,5})/0/default\.jpg")
PAGE = re.compile(r"-?[0-9]{1,9}")
THROTTLED = Answer(
    {
        "errorType": "http",
        "httpStatus": 429,
        "label": "Throttled",
        "description": "Too many requests",
        "type": "Error",
    },
    429,
)


class SimulatedWellcome(Upstream):
    """Serves until the `with` block ends.

    Attributes:
        throttled: while true, every call is a 429.
    """

    def __init__(self, *, port: int = 0) -> None:
        super().__init__("/catalogue/v2/", port=port)
        self.throttled = False
        self.subjects = Subjects()
        self.serve_pictures(picture)
        self.before(lambda _call: THROTTLED if self.throttled else None)
        self.get("images")(self._search)
        self.get("images/{id}")(self._image)

    def _image(self, call: Call, id: str) -> Answer:
        if not ID.fullmatch(id) or not 0 < int(id[1:-1]) <= IMAGES:
            return _error(404, "Not Found", f"Image not found for identifier {id}")
        number = int(id[1:-1])
        return Answer(_included(as_json(number, self.subjects.of(number)), call.query.get("include", "")))

    def _search(self, call: Call) -> Answer:
        page = _whole(call.query.get("page", "1"))
        size = _whole(call.query.get("pageSize", "10"))
        if page is None or page < 1:
            return _error(400, "Bad Request", "page: must be greater than 1")
        if size is None:
            return _error(400, "Bad Request", "pageSize: must be a valid Integer")
        if not 1 <= size <= MAX_PAGE_SIZE:
            return _error(400, "Bad Request", f"pageSize: must be between 1 and {MAX_PAGE_SIZE}")
        if page * size > MAX_RESULTS:
            return _error(400, "Bad Request", f"Only the first {MAX_RESULTS} images are available in the API.")
        words = call.query.get("query", "everything")
        licenses = [id for id in call.query.get("locations.license", "").split(",") if id]
        numbers = [number for number in find(words) if not licenses or license_of(number) in licenses]
        shown = numbers[(page - 1) * size : page * size]
        self.subjects.show(shown, words)
        include = call.query.get("include", "")
        listing = {
            "type": "ResultList",
            "pageSize": size,
            "totalPages": math.ceil(len(numbers) / size),
            "totalResults": len(numbers),
            "results": [_included(as_json(number, words), include) for number in shown],
        }
        if page > 1:
            listing["prevPage"] = _page_url(call, page - 1)
        if page * size < len(numbers):
            listing["nextPage"] = _page_url(call, page + 1)
        return Answer(listing)


def find(query: str) -> Sequence[int]:
    """Return the numbers of the pictures that a query finds before filters; case and spaces make no difference."""
    words = " ".join(query.casefold().split())
    digest = int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())
    count = FOUND.get(words, 20 + digest % 60)
    start = digest // 60 % (IMAGES - count + 1)
    return range(start + 1, start + 1 + count)


def license_of(number: int) -> str:
    """Return the id of a picture's licence."""
    return list(LICENSES)[number % len(LICENSES)]


def size_of(number: int) -> tuple[int, int]:
    """Return width and height of a picture, which only its `info.json` tells."""
    return SIZES[number % len(SIZES)]


def color_of(number: int) -> tuple[int, int, int]:
    """Return the average colour of a picture."""
    return number * 53 % 256, number * 101 % 256, number * 197 % 256


def picture(address: httpx.URL) -> Picture | None:
    """Return the file at an address of the image server, None if there is none."""
    found = FILE.fullmatch(address.path)
    if found is None or address.host != "iiif.wellcomecollection.org" or not 0 < int(found["number"]) <= IMAGES:
        return None
    number = int(found["number"])
    width, height = fitted(size_of(number), _box(found["size"]))
    return Picture(width=width, height=height, scene=f"wellcome {number}", color=color_of(number))


def _box(size: str) -> tuple[float, float]:
    """Return the box that a size of an IIIF address names: `full`, `400,` or `!200,200`."""
    if size == "full":
        return math.inf, math.inf
    width, _, height = size.removeprefix("!").partition(",")
    return int(width), int(height) if height else math.inf


def as_json(number: int, subject: str = "") -> dict[str, Any]:
    """Return one picture about a subject, with everything that `include` can add.

    The last digit of its number decides what it lacks.
    """
    digit = number % 10
    named = capitalized(subject) or "Picture"
    width, height = size_of(number)
    is_measured = digit != UNMEASURED
    location = _location(number, f"{SITE}/image/V{number:07d}/info.json")
    book = _location(number, f"{SITE}/presentation/v2/b{number:08d}", type="iiif-presentation")
    contributors = [_contributor("Ada Lind", primary=False), _contributor("Bo Marsh, 1848-1925.", primary=True)]
    return {
        "id": f"w{number:06d}x",
        "thumbnail": location,
        "locations": [book, location] if digit == 4 else [location],
        "aspectRatio": width / height if is_measured else 1.0,
        "averageColor": "#{:02x}{:02x}{:02x}".format(*color_of(number)) if is_measured else "#ffffff",
        "source": {
            "id": f"k{number:06d}y",
            "title": f"{named} in a jar & a box, No. {number}." if digit == 2 else f"{named} {number}",
            "contributors": {3: [], 5: contributors[:1]}.get(digit, contributors),
            "languages": [{"id": "eng", "label": "English", "type": "Language"}],
            "genres": [] if digit == 6 else [_labelled("Wood engravings", "Genre")],
            "subjects": [_labelled(subject or "Jars", "Subject")],
            "type": "Work",
        },
        "type": "Image",
    }


def _location(number: int, url: str, type: str = "iiif-image") -> dict[str, Any]:
    id = license_of(number)
    label, address = LICENSES[id]
    location = {
        "locationType": {"id": type, "label": "IIIF", "type": "LocationType"},
        "url": url,
        "license": {"id": id, "label": label, "url": address, "type": "License"},
        "accessConditions": [
            {
                "method": {"id": "view-online", "label": "View online", "type": "AccessMethod"},
                "status": {"id": "open", "label": "Open", "type": "AccessStatus"},
                "type": "AccessCondition",
            }
        ],
        "type": "DigitalLocation",
    }
    if number % 10 != 1:
        location["credit"] = "University of Exampleton" if number % 10 == 8 else "Wellcome Collection"
    return location


def _contributor(name: str, *, primary: bool) -> dict[str, Any]:
    return {
        "agent": {"label": name, "type": "Person"},
        "roles": [{"label": "artist", "type": "ContributionRole"}],
        "primary": primary,
        "type": "Contributor",
    }


def _labelled(label: str, type: str) -> dict[str, Any]:
    return {"label": label, "concepts": [{"label": label, "type": type}], "type": type}


def _included(image: Mapping[str, Any], include: str) -> dict[str, Any]:
    """Return a picture without what `include` does not name."""
    named = {name.strip().removeprefix("source.") for name in include.split(",")}
    source = {key: value for key, value in image["source"].items() if key not in INCLUDES or key in named}
    return {**image, "source": source}


def _page_url(call: Call, page: int) -> str:
    return f"https://api.wellcomecollection.org/catalogue/v2/images?{call.query.set('page', page)}"


def _whole(text: str) -> int | None:
    return int(text) if PAGE.fullmatch(text) else None


def _error(status: int, label: str, description: str) -> Answer:
    body = {"type": "Error", "errorType": "http", "httpStatus": status, "label": label, "description": description}
    return Answer(body, status)
