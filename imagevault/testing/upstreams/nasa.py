"""A simulated NASA Image and Video Library, for tests without the network.

From the documentation (https://images.nasa.gov/docs/images.nasa.gov_api_docs.pdf), recorded, or measured on the real
API:

* `/search` takes `q` or `nasa_id`, and is a 400 without a parameter; `/asset/{nasa_id}` is a 404 if unknown. Errors
  have a `reason`.
* A page has 100 items unless `page_size` is less. `links` names the next page, with an http address. A page after the
  10 000th result is a 400; one after the end of a shorter list is empty.
* A search finds videos too unless `media_type` is `image`; they have captions and no original.
* A picture has five files with sizes. The original is `.jpg`, `.JPG`, `.png` or `.tif`, and some have two. Links and
  ids hold spaces, also two in a row. Of a picture that was turned in the camera, the size of the original is not
  turned. Some items have no `links`.
* Some items lack `location`, `photographer`, `secondary_creator` (which may be `n/a`), `description_508` or `keywords`.
  `description_508` may be a copy of the title.
* Captions are written by hand, some with HTML. Many end in a credit, after two blanks or not. The id of a photo from
  Flickr is the name of its file there.

Not known of the real API, so decided here: parameters and values that are not documented are a 400; `nasa_id` must be
exact; a `page_size` of more than 100 is cut; the wording of most reasons.

The items are invented, and about the words that found them. A query finds 120 to 419 pictures, but `cat` finds 250,
`nothing` none, `few` 7 and `everything` 10 500. Every tenth item is a video.
"""

import functools
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import httpx

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.pictures import JPEG, PNG, TIFF, Picture, color_of
from imagevault.testing.upstream import Upstream
from imagevault.testing.upstreams.subjects import Subjects, capitalized

LIBRARY = 11_700  # items
MAX_RESULTS = 10_000
MAX_PAGE_SIZE = 100
MEDIA_TYPES = {"image", "video", "audio"}
FOUND = {"cat": 250, "nothing": 0, "few": 7, "everything": 10_500}
PARAMETERS = {
    "q",
    "center",
    "description",
    "description_508",
    "keywords",
    "location",
    "media_type",
    "nasa_id",
    "page",
    "page_size",
    "photographer",
    "secondary_creator",
    "title",
    "year_start",
    "year_end",
}
IDS = (
    "art002e{}",
    "Quiet Probe at the pad {}",
    "QuietProbe  poster {}_Left",
    "PIA{}",
    "iss~{}.v2",
    "sonde-é-{}",
    "GRC {} R&D",
    "KSC-{}",
    "55{}000_0a1b2c3d4e_o",
    "Quiet Probe Reel {}",
)
CAPTIONS = (
    "A quiet probe on its way to the pad.",
    "A quiet probe. Photo credit: (NASA/Ada Lind)",
    "A quiet probe. Image courtesy of Invented Rockets",
    "<b>A quiet probe</b> &amp; its tower. Image courtesy NASA/JPL",
    "A quiet probe. &copy; 2021 Invented Observatory",
    "A quiet nebula.  Image credit: ESA/Hubble &amp; NASA, Acknowledgement: Ada Lind Text credit: ESA  <i>Read on</i>",
    "A quiet nebula.  Credit: NASA, ESA, and B. Marsh (Invented Univ.)  <b>NASA image use policy.</b>",
)
TYPES = {"jpg": JPEG, "JPG": JPEG, "png": PNG, "tif": TIFF}
# /image/PIA00003/PIA00003~small.jpg
FILE = re.compile(r"/image/(?P<id>[^/]{1,60})/(?P=id)~(?P<name>thumb|small|medium|large|orig)\.(?P<type>[A-Za-z]{3})")
SIZES = {"thumb": 640, "small": 640, "medium": 1280, "large": 1920, "orig": 4800}  # pixels, the longer side


class SimulatedNasa(Upstream):
    """Serves until the `with` block ends."""

    def __init__(self, *, port: int = 0) -> None:
        super().__init__("/", port=port)
        self.subjects = Subjects()
        self.serve_pictures(self._picture)
        self.get("search")(self._search)
        self.get("asset/{id}")(self._asset)

    def _search(self, call: Call) -> Answer:
        asked = call.query
        media_types = set(asked.get("media_type", "image,video,audio").split(","))
        page = _count(asked.get("page", "1"))
        page_size = min(_count(asked.get("page_size", "100")), MAX_PAGE_SIZE)
        is_known = bool(asked) and asked.keys() <= PARAMETERS and media_types <= MEDIA_TYPES
        if not is_known or not page or not page_size:
            return _refuse("Expected 'q' text search parameter or other keywords.", 400)
        start = (page - 1) * page_size
        end = page * page_size
        if start >= MAX_RESULTS:
            return _refuse("Maximum number of search results have been displayed. Please refine your search.", 400)
        numbers = _one(asked["nasa_id"]) if "nasa_id" in asked else find(asked.get("q", "everything"))
        numbers = [number for number in numbers if media_type(number) in media_types]
        if "q" in asked:
            self.subjects.show(numbers[start:end], asked["q"])
        content: dict[str, Any] = {
            "items": [as_json(number, self.subjects.of(number)) for number in numbers[start:end]],
            "metadata": {"total_hits": len(numbers)},
        }
        links = []
        if start:
            links.append(_page_link(asked, "prev", "Previous", page - 1))
        if end < len(numbers):
            links.append(_page_link(asked, "next", "Next", page + 1))
        if links:
            content["links"] = links
        return _collection(call, content)

    def _asset(self, call: Call, id: str) -> Answer:
        number = _numbers().get(id)
        if number is None:
            return _refuse(f"No assets found for {id}", 404)
        hrefs = [link["href"].replace("https:", "http:") for link in as_json(number).get("links", ())]
        return _collection(call, {"items": [{"href": href} for href in hrefs]})

    def _picture(self, address: httpx.URL) -> Picture | None:
        """Return a file of an item, upright as it is seen; None if there is none at this address."""
        found = FILE.fullmatch(address.path)
        number = _numbers().get(found["id"]) if found else None
        if found is None or number is None or address.host != "images-assets.nasa.gov" or found["type"] not in TYPES:
            return None
        width, height = seen_size(number, found["name"])
        color = color_of(self.subjects.of(number))
        return Picture(width=width, height=height, type=TYPES[found["type"]], scene=f"nasa {number}", color=color)


def _count(text: str) -> int:
    """Return a number of 1 or more, or 0 if the text is none."""
    return int(text) if text.isdecimal() else 0


def _one(id: str) -> Sequence[int]:
    """Return the number of the item with this id, if there is one."""
    number = _numbers().get(id)
    return [] if number is None else [number]


def _page_link(asked: Mapping[str, str], rel: str, prompt: str, page: int) -> dict[str, str]:
    query = urlencode({**asked, "page": page})
    return {"rel": rel, "prompt": prompt, "href": f"http://images-api.nasa.gov/search?{query}"}


def _collection(call: Call, content: Mapping[str, object]) -> Answer:
    href = f"http://images-api.nasa.gov{call.path}?{call.query}"
    return Answer({"collection": {"version": "1.1", "href": href, **content}})


def _refuse(reason: str, status: int) -> Answer:
    return Answer({"reason": reason}, status)


def find(query: str) -> Sequence[int]:
    """Return the numbers of the items that a query finds; case and spaces make no difference."""
    words = " ".join(query.casefold().split())
    digest = int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())
    pictures = FOUND.get(words, 120 + digest % 300)
    count = pictures + max(0, pictures - 1) // 9
    start = digest // 300 % (LIBRARY - count) // 10 * 10
    return range(start, start + count)


def media_type(number: int) -> str:
    """Return `video` for every tenth item, else `image`."""
    return "video" if number % 10 == 9 else "image"


def nasa_id(number: int) -> str:
    """Return the id of an item."""
    return IDS[number % 10].format(f"{number:05}")


def is_turned(number: int) -> bool:
    """Return whether the picture was turned in the camera."""
    return number % 11 == 0


def has_links(number: int) -> bool:
    """Return whether the item has any file."""
    return number % 50 != 18


@functools.cache
def _numbers() -> dict[str, int]:
    return {nasa_id(number): number for number in range(LIBRARY)}


def as_json(number: int, subject: str = "") -> dict[str, Any]:
    """Return one item about a subject."""
    id = nasa_id(number)
    title = f"{capitalized(subject) or 'Quiet Probe'} No. {number}"
    alt = f"{capitalized(subject)} from above, number {number}" if subject else f"A tall white probe, number {number}"
    kind = media_type(number)
    data = {
        "center": "JPL" if number % 10 == 3 else ("KSC", "JSC", "HQ")[number % 3],
        "date_created": "2026-04-01T00:00:00Z",
        "description": CAPTIONS[number // 10 % len(CAPTIONS)],
        "keywords": [*(subject.split() or ["Quiet", "Probe"]), f"No. {number}"],
        "media_type": kind,
        "nasa_id": id,
        "title": title,
        "description_508": title if number % 8 == 5 else alt,
        "location": "Invented Pad",
        "photographer": "NASA/Ada Lind",
        "secondary_creator": "n/a" if number % 5 == 0 else "Bo Marsh",
    }
    missing = {"keywords": 13, "description_508": 2, "location": 5, "photographer": 4, "secondary_creator": 3}
    item: dict[str, Any] = {
        "href": f"https://images-assets.nasa.gov/{kind}/{id}/collection.json",
        "data": [{name: value for name, value in data.items() if name not in missing or number % missing[name]}],
    }
    if has_links(number):
        item["links"] = _links(number)
    return item


def seen_size(number: int, name: str) -> tuple[int, int]:
    """Return width and height of a file as it is seen."""
    longer = SIZES[name]
    shorter = longer * 3 // 4
    return (shorter, longer) if is_turned(number) else (longer, shorter)


def _links(number: int) -> list[dict[str, Any]]:
    id = nasa_id(number)
    kind = media_type(number)
    path = f"https://images-assets.nasa.gov/{kind}/{id}/{id}"
    links: list[dict[str, Any]] = []
    for name in ("medium", "small", "thumb", "large", "orig"):  # in the order of a recorded answer
        ending = ("jpg", "JPG", "png", "tif")[number // 10 % 4] if name == "orig" else "jpg"
        rel = {"thumb": "preview", "orig": "canonical"}.get(name, "alternate")
        width, height = seen_size(number, name)
        if name == "orig":
            width, height = max(width, height), min(width, height)
        links.append(
            {
                "href": f"{path}~{name}.{ending}",
                "rel": rel,
                "render": "image",
                "width": width,
                "height": height,
                "size": 74_000,
            }
        )
    if number % 6 == 0:
        links.append(links[-1] | {"href": f"{path}~orig.tif"})
    if kind == "video":
        return [*links[:-1], {"href": f"{path}.srt", "rel": "captions"}]
    return links
