"""Flickr: photographs under the licences that their owners chose. https://www.flickr.com/services/api ("docs").

3600 calls an hour for a key, over all its users (flickr.com/services/developer/api). Pages of 100, the default; up to
500 (docs). Behind the 4000th photo the last ones repeat (gallery-dl issue 116). Errors have status 200, numbers may be
strings, any file may be missing (measured), so a lookup asks `getSizes` too. Terms (flickr.com/services/api/tos): 30
photos on a page of ours, a notice, a link to each photo's page, and no copy for long: answers are kept for an hour, as
what an owner removes must be gone within a day.
"""

import re
from typing import Annotated, Any, get_args

import httpx
import msgspec

import imagevault
from imagevault import Author, Image, License, Page, ProviderInfo, Quota, Rendition, RenditionName, SearchQuery

PATHS = [f"licenses/{code}/2.0/" for code in ("by-nc-sa", "by-nc", "by-nc-nd", "by", "by-sa", "by-nd")]  # ids 1 to 6
PATHS += ["", "", "publicdomain/zero/1.0/", "publicdomain/mark/1.0/"]
PATHS += [f"licenses/{code}/4.0/" for code in ("by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd")]  # 11 to 16
LICENSES = {id: License.from_url(f"https://creativecommons.org/{path}") for id, path in enumerate(PATHS, 1)} | {
    7: License("no-known-copyright", "No known copyright restrictions", "https://www.flickr.com/commons/usage/"),
    8: License("us-government-work", "United States Government Work", "https://www.usa.gov/copyright.shtml"),
}  # and never 0, all rights reserved
IDS = {"commercial": "4,5,6,7,8,9,10,11,12,13", "modification": "1,2,4,5,7,8,9,10,11,12,14,15", "public-domain": "9,10"}
ASKED = {"extras": "license,owner_name,path_alias,tags,media,o_dims,url_s,url_m,url_c,url_l,url_o", "media": "photos"}
ASKED |= {"license": ",".join(map(str, LICENSES)), "sort": "relevance", "safe_search": "1", "content_types": "0"}
ERRORS = {"1": imagevault.NotFound, "98": imagevault.Unauthorized, "100": imagevault.Unauthorized}  # by code (docs)
ERRORS |= dict.fromkeys(("10", "105", "106"), imagevault.Unavailable)
HOSTS = ["live", *(f"farm{number}" for number in range(1, 100)), *(f"c{number}" for number in range(1, 10))]
FILE = re.compile(rf"https?://({'|'.join(HOSTS)})\.staticflickr\.com/(?!.*photo_unavailable)")  # for what was removed
FILES = {"Original": "o", "Large": "l", "Medium 800": "c", "Medium": "m", "Small": "s"}  # 1024, 800, 500, 240 pixels
Number = int | Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,9}$")]
PARTS: dict[str, tuple[str, Any]] = {"url": ("source", str), "width": ("width", Number), "height": ("height", Number)}


class Settings(msgspec.Struct, frozen=True):
    """The key from https://www.flickr.com/services/apps/create/, for which Flickr wants a Pro account."""

    api_key: str


class _Listing(msgspec.Struct):
    photo: list[msgspec.Raw]
    total: Number


_Photo = msgspec.defstruct(  # of a search; in `getInfo` some texts are objects
    "_Photo",
    [("id", str), ("license", Number), ("owner", str | dict[str, Any])]
    + [("tags", str | dict[str, list[dict[str, Any]]], "")]
    + [(name, str | dict[str, Any] | None, None) for name in ("title", "ownername", "pathalias", "media")]
    + [(f"{part}_{file}", kind | None, None) for file in FILES.values() for part, (_, kind) in PARTS.items()]
    + [(name, Number | None, None) for name in ("o_width", "o_height", "safety_level")],
)


@imagevault.hookimpl
def provider_info() -> ProviderInfo:
    """What Flickr offers and demands. Its other filters are not documented."""
    return ProviderInfo(
        title="Flickr",
        homepage="https://www.flickr.com",
        base_url="https://api.flickr.com/services/rest/",
        settings=Settings,
        page_size=100,
        filters={"license": IDS},
        max_results=4000,
        quotas=[Quota(3600, "hour")],
        credit='"{title}" by {author} on Flickr, {license}',
        notice="This product uses the Flickr API but is not endorsed or certified by SmugMug, Inc.",
        file_hosts={f"{name}.staticflickr.com" for name in HOSTS},
        cache_for=3600,
        max_shown=30,
        max_age=24 * 3600,
    )


@imagevault.hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings) -> Page:
    """One page of `flickr.photos.search`."""
    params = {"text": query.text, "page": f"{query.page}", "per_page": f"{query.per_page}", **ASKED, **query.native}
    listing = await _ask("search", "photos", _Listing, http, settings, **params)
    first, depth = (query.page - 1) * query.per_page, min(int(listing.total), 4000)
    images = [image for photo in imagevault.decode_each(listing.photo, _Photo) if (image := _image(photo))]
    return Page(images if first < depth else [], int(listing.total), last=first + query.per_page >= depth)


@imagevault.hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings) -> Image | None:
    """`flickr.photos.getInfo`, then `getSizes` for its files. Ids are numbers."""
    if not re.fullmatch("[1-9][0-9]{0,19}", image_id):
        return None
    info = await _ask("getInfo", "photo", dict[str, Any], http, settings, photo_id=image_id)
    sizes = await _ask("getSizes", "sizes", dict[str, Any], http, settings, photo_id=image_id)
    for size in msgspec.convert(sizes.get("size"), list[dict[str, Any]]):
        file = FILES.get(f"{size.get('label')}")
        info |= {f"{part}_{file}": size.get(theirs) for part, (theirs, _) in PARTS.items()}
    return _image(msgspec.convert(info, _Photo))


async def _ask(method: str, part: str, type: Any, http: httpx.AsyncClient, settings: Settings, **params: str) -> Any:
    """A part of the answer. Raises what a failure means, whose status is 200."""
    own = {"method": f"flickr.photos.{method}", "api_key": settings.api_key, "format": "json", "nojsoncallback": "1"}
    answer = imagevault.decode(await http.get("", params=own | params), dict[str, msgspec.Raw])
    stat, code, message = (bytes(answer.get(name, b"")).decode().strip('"') for name in ("stat", "code", "message"))
    if stat != "ok":
        raise ERRORS.get(code, imagevault.InvalidResponse)(f"Flickr: {message} (code {code})")
    return msgspec.json.decode(answer.get(part, b""), type=type)


def _image(photo: Any) -> Image | None:
    """One photo in our terms, None if it is no photo, not safe, without a licence or without files."""
    files: list[Rendition] = []
    for name, file in zip(get_args(RenditionName)[::-1], FILES.values(), strict=True):
        if FILE.match(url := getattr(photo, f"url_{file}") or ""):
            w, h = (int(getattr(photo, f"{side}_{file}") or 0) for side in ("width", "height"))
            files.insert(0, Rendition(name=name if files or file == "o" else "large", url=url, width=w, height=h))
    if not files or int(photo.license) not in LICENSES or photo.media == "video" or int(photo.safety_level or 0):
        return None
    owner = photo.owner if isinstance(photo.owner, dict) else {"nsid": photo.owner}
    home, alias = "https://www.flickr.com/photos/", owner.get("path_alias") or photo.pathalias or owner.get("nsid")
    title = photo.title.get("_content") if isinstance(photo.title, dict) else photo.title
    tags = photo.tags
    return Image(
        id=photo.id,
        title=title,
        alt=title,
        width=int(photo.o_width or 0) or files[-1].width,
        height=int(photo.o_height or 0) or files[-1].height,
        tags=tags.split() if isinstance(tags, str) else [each.get("_content", "") for each in tags.get("tag", ())],
        author=Author(f"{owner.get('username') or photo.ownername or owner.get('nsid')}", f"{home}{alias}/"),
        source_url=f"{home}{owner.get('nsid')}/{photo.id}",
        license=LICENSES[int(photo.license)],
        renditions=files,
    )
