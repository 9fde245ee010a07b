"""A simulated NASA Image and Video Library, to test against and to try the gateway without the network.

As documented (https://images.nasa.gov/docs/images.nasa.gov_api_docs.pdf), recorded or measured of the real one:

* `/search` by `q` or `nasa_id`, 400 without a parameter; `/asset/{nasa_id}`, 404 if unknown. Errors say `reason`.
* Pages of 100 unless `page_size` says less. `links` names the next page, by an address of http. A page behind the
  10 000th result is 400, one behind the end of a shorter list is empty.
* Videos are found too unless `media_type` is `image`; they have captions and no original.
* A picture has five files with sizes, the original as `.jpg`, `.JPG`, `.png` or `.tif`, some of them twice; hrefs and
  ids hold blanks, also two in a row. Of those that were turned in the camera the original is told as it lies.
* `photographer`, `secondary_creator` (of which some are `n/a`), `description_508` and `keywords` are missing in some.
* Before version 1.1 an item had one preview without sizes; some still do here, and some have no `links` at all.

Not known of the real one, so decided here: other parameters and values than documented are 400; `nasa_id` must be
exact; a larger `page_size` than 100 is cut; the words of most `reason`s.

The items are invented. Any query finds 120 to 419 pictures, always the same ones, but `cat` finds 250, `nothing` none,
`few` 7 and `everything` 10 500. Every tenth item is a video.
"""

import functools
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.upstream import Upstream

LIBRARY = 11_700  # items
DEPTH = 10_000
FOUND = {"cat": 250, "nothing": 0, "few": 7, "everything": 10_500}
PARAMETERS = """q center description description_508 keywords location media_type nasa_id page page_size photographer
    secondary_creator title year_start year_end"""
IDS = (
    "art002e{}", "Quiet Probe at the pad {}", "QuietProbe  poster {}_Left", "PIA{}", "iss~{}.v2", "sonde-é-{}",
    "GRC {} R&D", "KSC-{}", "jsc{}", "Quiet Probe Reel {}",
)  # fmt: skip
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
        given = call.query
        kinds = set(given.get("media_type", "image,video,audio").split(","))
        page, size = given.get("page", "1"), given.get("page_size", "100")
        numbers = page.isdecimal() and size.isdecimal() and int(page) > 0 and int(size) > 0
        if not given or set(given) - set(PARAMETERS.split()) or kinds - {"image", "video", "audio"} or not numbers:
            return _refuse("Expected 'q' text search parameter or other keywords.", 400)
        start, end = (int(page) - 1) * min(int(size), 100), int(page) * min(int(size), 100)
        if start >= DEPTH:
            return _refuse("Maximum number of search results have been displayed. Please refine your search.", 400)
        found = _numbers().get(given["nasa_id"]) if "nasa_id" in given else None
        items = find(given.get("q", "everything")) if "nasa_id" not in given else [] if found is None else [found]
        items = [number for number in items if media_type(number) in kinds]
        links = [("prev", "Previous", int(page) - 1)] if start else []
        links += [("next", "Next", int(page) + 1)] if end < len(items) else []
        content = {"items": [as_json(number) for number in items[start:end]], "metadata": {"total_hits": len(items)}}
        if links:
            content["links"] = [
                {
                    "rel": rel,
                    "prompt": prompt,
                    "href": f"http://images-api.nasa.gov/search?{urlencode({**given, 'page': to})}",
                }
                for rel, prompt, to in links
            ]
        return _collection(call, content)

    def _asset(self, call: Call, id: str) -> Answer:
        number = _numbers().get(id)
        if number is None:
            return _refuse(f"No assets found for {id}", 404)
        hrefs = [link["href"].replace("https:", "http:") for link in as_json(number).get("links", ())]
        return _collection(call, {"items": [{"href": href} for href in hrefs]})


def _collection(call: Call, content: Mapping[str, object]) -> Answer:
    href = f"http://images-api.nasa.gov{call.path}?{call.query}"
    return Answer({"collection": {"version": "1.1", "href": href, **content}})


def _refuse(reason: str, status: int) -> Answer:
    return Answer({"reason": reason}, status)


def find(query: str) -> Sequence[int]:
    """The numbers of the items that a query finds: a run of all, which case and blanks do not change."""
    words = " ".join(query.casefold().split())
    digest = int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())
    pictures = FOUND.get(words, 120 + digest % 300)
    count = pictures + max(0, pictures - 1) // 9
    start = digest // 300 % (LIBRARY - count) // 10 * 10
    return range(start, start + count)


def media_type(number: int) -> str:
    """`image`, or for every tenth `video`."""
    return "video" if number % 10 == 9 else "image"


def nasa_id(number: int) -> str:
    """The id of an item."""
    return IDS[number % 10].format(f"{number:05}")


def is_turned(number: int) -> bool:
    """Whether the original lies on its side."""
    return number % 11 == 0


def has_links(number: int) -> bool:
    """Whether the item has any file."""
    return number % 50 != 18


def is_old(number: int) -> bool:
    """Whether it is as items were before version 1.1."""
    return number % 20 == 7


@functools.cache
def _numbers() -> dict[str, int]:
    return {nasa_id(number): number for number in range(LIBRARY)}


def as_json(number: int) -> dict[str, Any]:
    """One item."""
    id, kind = nasa_id(number), media_type(number)
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
    id, kind = nasa_id(number), media_type(number)
    path = f"https://images-assets.nasa.gov/{kind}/{id}/{id}"
    if is_old(number):
        return [{"href": f"{path}~thumb.jpg", "rel": "preview", "render": "image"}]
    links: list[dict[str, Any]] = []
    for name in ("medium", "small", "thumb", "large", "orig"):  # in no order, as they were recorded
        ending = ("jpg", "JPG", "png", "tif")[number // 10 % 4] if name == "orig" else "jpg"
        rel = {"thumb": "preview", "orig": "canonical"}.get(name, "alternate")
        sides = [SIZES[name], SIZES[name] * 3 // 4]
        if is_turned(number) and name != "orig":
            sides.reverse()
        size = {"width": sides[0], "height": sides[1], "size": 74_000}
        links.append({"href": f"{path}~{name}.{ending}", "rel": rel, "render": "image", **size})
    if number % 6 == 0:
        links.append(links[-1] | {"href": f"{path}~orig.tif"})
    if kind == "video":
        return [*links[:-1], {"href": f"{path}.srt", "rel": "captions"}]
    return links
