"""The NASA Image and Video Library, without a key. https://images.nasa.gov/docs/images.nasa.gov_api_docs.pdf ("docs").

Pages are of 100, the default (docs) and the largest seen; behind the 10 000th result they are 400 (measured). No quota
is published: ours is courtesy. "Guidelines" are where the licence links to, "recorded" are answers of 2026.
"""

import re
from typing import get_args
from urllib.parse import quote, unquote

import httpx
import msgspec

from imagevault import (
    Author,
    Image,
    License,
    Page,
    ProviderInfo,
    Quota,
    Rendition,
    RenditionName,
    SearchQuery,
    decode,
    decode_each,
    hookimpl,
)

NASA = License("nasa", "NASA Media Usage Guidelines", "https://www.nasa.gov/nasa-brand-center/images-and-media/", True)
OTHERS = License("nasa-third-party", "Third-party material at NASA", NASA.url, True, False, False)  # no free use
RIGHTS = re.compile(  # words by which captions mark it (guidelines); that a credit without NASA does is our own caution
    r"(?is)©|&copy;|\(c\)\s*\d{4}|(?<!not )copyright|all rights reserved|courtesy(?!:?\s+(of\s+)?(the\s+)?(NASA|JPL))|"
    r"credits?:\s*+(?![^.;\n]{0,60}\b(NASA|JPL))|used with permission|\b(Getty Images|Reuters|Associated Press|AFP)\b|"
    r"\|(?!.*NASA).*\b(ESA|JAXA|CSA|SpaceX|Boeing|Lockheed|Northrop|Axiom)\b"
)
NAMES = dict(zip(("thumb", "small", "medium", "large", "orig"), get_args(RenditionName), strict=True))


class _Link(msgspec.Struct):
    href: str
    width: int | None = None  # sizes since version 1.1 of the answers (recorded)
    height: int | None = None


class _Data(msgspec.Struct):
    nasa_id: str
    media_type: str
    center: str = ""
    title: str | None = None
    description: str | None = None
    description_508: str | None = None
    photographer: str | None = None
    secondary_creator: str | None = None
    keywords: list[str] | None = None


class _Item(msgspec.Struct):
    data: tuple[_Data]
    links: list[msgspec.Raw] = []


class _Collection(msgspec.Struct):
    items: list[msgspec.Raw]
    links: list[dict[str, str]] = []
    metadata: dict[str, int] = {}


class _Answer(msgspec.Struct):
    collection: _Collection


@hookimpl
def provider_info() -> ProviderInfo:
    """What anybody gets."""
    return ProviderInfo(
        title="NASA",
        homepage="https://images.nasa.gov",
        base_url="https://images-api.nasa.gov",
        page_size=100,
        max_results=10_000,
        quotas=[Quota(1000, "hour"), Quota(4, "second")],
        file_hosts={"images-assets.nasa.gov"},
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient) -> Page:
    """One page of `GET /search`, pictures only. Its link to the next is http and not followed."""
    params = {"q": query.text, "media_type": "image", "page": f"{query.page}", "page_size": f"{query.per_page}"}
    response = await http.get("search", params=params)
    if response.status_code == httpx.codes.BAD_REQUEST and query.page > 1:  # behind the end; page 1 was understood
        return Page([], last=True)
    found = decode(response, _Answer).collection
    images = [image for item in decode_each(found.items, _Item) if (image := _image(item)) is not None]
    return Page(images, found.metadata.get("total_hits"), last=all(link.get("rel") != "next" for link in found.links))


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient) -> Image | None:
    """`GET /search` for the id: any text may be one."""
    nasa_id = re.sub("%(2[056]|3C)", lambda code: unquote(code[0]), image_id)  # as `_image` encodes them, no more
    found = decode(await http.get("search", params={"nasa_id": nasa_id}), _Answer).collection
    images = (_image(item) for item in decode_each(found.items, _Item))
    return next((image for image in images if image is not None and image.id == image_id), None)


def _image(item: _Item) -> Image | None:
    """One item in our terms, None if it is no picture. Blanks in a row, which the gateway folds, are encoded in ids."""
    data, files = item.data[0], dict[str, _Link]()
    for link in decode_each(item.links, _Link):
        if name := re.search(r"~(thumb|small|medium|large|orig)\.\w+$", link.href):
            files.setdefault(name[1], link)  # an original may be there twice (measured)
    if data.media_type != "image" or not files:
        return None
    if not {"large", "orig"} & files.keys():  # before version 1.1 there was a preview only (docs)
        files["large"] = next(iter(files.values()))
    original = files.get("orig", _Link(""))
    if len({file.width > (file.height or 0) for file in files.values() if file.width}) > 1:
        original.width, original.height = original.height, original.width  # a camera's, told as it lies (recorded)
    center = f"NASA/{data.center}".replace("/JPL", "/JPL-Caltech").removesuffix("/")  # as JPL asks
    people = [who for who in (data.photographer, data.secondary_creator) if who and who.lower() != "n/a"]  # recorded
    credits = people if "NASA" in "".join(people) else [center, *people]
    renditions = [Rendition(name=NAMES[n], url=f.href, width=f.width, height=f.height) for n, f in files.items()]
    return Image(
        id=re.sub("[%&<]|(?<= ) ", lambda odd: quote(odd[0]), data.nasa_id),
        title=data.title,
        alt=data.description_508 or data.title,
        width=original.width,
        height=original.height,
        tags=data.keywords or (),
        author=Author(people[0] if people else center),
        source_url=f"https://images.nasa.gov/details/{quote(data.nasa_id, safe='')}",
        license=OTHERS if RIGHTS.search(f"{data.title} {data.description} {data.description_508} | {people}") else NASA,
        renditions=renditions,
        credit=f"{'Courtesy' if data.center == 'JPL' else 'Credit:'} {', '.join(credits)}",
    )
