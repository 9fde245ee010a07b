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
  turned.
* Some items lack `photographer`, `secondary_creator` (which may be `n/a`), `description_508` or `keywords`.
* Before version 1.1 an item had one preview without sizes. Some items here are like that, and some have no `links`.

Not known of the real API, so decided here: parameters and values that are not documented are a 400; `nasa_id` must be
exact; a `page_size` of more than 100 is cut; the wording of most reasons.

The items are invented. A query finds 120 to 419 pictures, but `cat` finds 250, `nothing` none, `few` 7 and `everything`
10 500. Every tenth item is a video.
"""

import functools
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.upstream import Upstream

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
    "jsc{}",
    "Quiet Probe Reel {}",
)
CAPTIONS = (
    "A quiet probe on its way to the pad.",
    "A quiet probe. Photo credit: (NASA/Ada Lind)",
    "A quiet probe. Image courtesy of Invented Rockets",
    "<b>A quiet probe</b> &amp; its tower. Image courtesy NASA/JPL",
    "A quiet probe. &copy; 2021 Invented Observatory",
)
SIZES = {"thumb": 640, "small": 640, "medium": 1280, "large": 1920, "orig": 4800}  # pixels, the longer side


class SimulatedNasa(Upstream):
    """Serves until the `with` block ends."""

    def __init__(self, *, port: int = 0) -> None:
        super().__init__("/", port=port)
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
        content: dict[str, Any] = {
            "items": [as_json(number) for number in numbers[start:end]],
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


def is_old(number: int) -> bool:
    """Return whether the item is as items were before version 1.1."""
    return number % 20 == 7


@functools.cache
def _numbers() -> dict[str, int]:
    return {nasa_id(number): number for number in range(LIBRARY)}


def as_json(number: int) -> dict[str, Any]:
    """Return one item."""
    id = nasa_id(number)
    kind = media_type(number)
    data = {
        "center": "JPL" if number % 10 == 3 else ("KSC", "JSC", "HQ")[number % 3],
        "date_created": "2026-04-01T00:00:00Z",
        "description": CAPTIONS[number // 10 % len(CAPTIONS)],
        "keywords": ["Quiet", "Probe", f"No. {number}"],
        "media_type": kind,
        "nasa_id": id,
        "title": f"Quiet Probe No. {number}",
        "description_508": f"A tall white probe, number {number}",
        "photographer": "NASA/Ada Lind",
        "secondary_creator": "n/a" if number % 5 == 0 else "Bo Marsh",
    }
    missing = {"keywords": 13, "description_508": 2, "photographer": 4, "secondary_creator": 3}
    item: dict[str, Any] = {
        "href": f"https://images-assets.nasa.gov/{kind}/{id}/collection.json",
        "data": [{name: value for name, value in data.items() if name not in missing or number % missing[name]}],
    }
    if has_links(number):
        item["links"] = _links(number)
    return item


def _links(number: int) -> list[dict[str, Any]]:
    id = nasa_id(number)
    kind = media_type(number)
    path = f"https://images-assets.nasa.gov/{kind}/{id}/{id}"
    if is_old(number):
        return [{"href": f"{path}~thumb.jpg", "rel": "preview", "render": "image"}]
    links: list[dict[str, Any]] = []
    for name in ("medium", "small", "thumb", "large", "orig"):  # in the order of a recorded answer
        ending = ("jpg", "JPG", "png", "tif")[number // 10 % 4] if name == "orig" else "jpg"
        rel = {"thumb": "preview", "orig": "canonical"}.get(name, "alternate")
        longer = SIZES[name]
        shorter = longer * 3 // 4
        is_upright = is_turned(number) and name != "orig"
        links.append(
            {
                "href": f"{path}~{name}.{ending}",
                "rel": rel,
                "render": "image",
                "width": shorter if is_upright else longer,
                "height": longer if is_upright else shorter,
                "size": 74_000,
            }
        )
    if number % 6 == 0:
        links.append(links[-1] | {"href": f"{path}~orig.tif"})
    if kind == "video":
        return [*links[:-1], {"href": f"{path}.srt", "rel": "captions"}]
    return links
