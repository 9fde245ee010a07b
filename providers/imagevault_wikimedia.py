"""Wikimedia Commons: files under free licences, without a key. https://www.mediawiki.org/wiki/API:Query ("docs").

A User-Agent that names this server's operator, 3 calls at once at most (docs, Wikimedia_APIs/Access_policy); how many
a minute is not known to us, so ours is courtesy. 50 files a page, 10 000 in a search (believed). Pages come unordered
and in pieces, failures with status 200 (measured). Thumbnails have standard widths (docs, Common_thumbnail_sizes).
"""

import re
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import msgspec

import imagevault
from imagevault import Author, Image, License, Page, ProviderInfo, Quota, Rendition, RenditionName, SearchQuery

OPERATORS = re.compile(r'(?:^|[\s"“”„:~*?!/\\|])[\s"“”„:~*?!/\\|&+-]*')  # of CirrusSearch, between words or before one
HIDDEN = re.compile(r"(?is)<(\w+)[^>]*display:\s*none[^>]*>.*?</\1>")  # data for machines (measured)
LINK = re.compile(r'href="(?:https?:)?(//(?![^"]*redlink=1)[^"]+)"')  # not to a page that is still to be written
STEP = re.compile(r"/(?:[a-z]+-)?(?:page\d+-)?(330|500|960)px-[^/]*$")
NAMES: dict[str, RenditionName] = {"330": "thumbnail", "500": "small", "960": "medium"}
PATHS = {"pd": "publicdomain/mark/1.0", "cc0": "publicdomain/zero/1.0"}
ERRORS = {"ratelimited": imagevault.RateLimited, "maxlag": imagevault.Unavailable, "readonly": imagevault.Unavailable}
META = "License|LicenseUrl|LicenseShortName|AttributionRequired|Artist|ObjectName|ImageDescription|Restrictions"
ASKED = {"action": "query", "format": "json", "formatversion": "2", "prop": "imageinfo", "iiurlwidth": "330"}
ASKED |= {"iiprop": "url|size|user|extmetadata", "iiextmetadatafilter": META}


class Settings(msgspec.Struct, frozen=True):
    """Whom Wikimedia's policy wants named."""

    contact: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^(https?://[!-'*-~]+|[!-'*-?A-~]+@[!-'*-?A-~]+)\Z",
            description="a mail address or https page of whoever runs this server",
        ),
    ]


class _Info(msgspec.Struct, rename={"others": "responsiveUrls"}):
    url: Annotated[str, msgspec.Meta(pattern=r"(?i)\.(jpe?g|png|gif|webp|tiff?)(\?|$)")]  # no book, drawing, sound
    descriptionurl: str
    width: Annotated[int, msgspec.Meta(ge=1)]
    height: Annotated[int, msgspec.Meta(ge=1)]
    thumburl: str = ""
    others: dict[str, str] = {}
    user: str = ""
    extmetadata: dict[str, dict[str, Any]] = {}


class _Page(msgspec.Struct):
    pageid: int
    title: str
    imageinfo: tuple[_Info]
    index: int = 0


class _Answer(msgspec.Struct, rename={"more": "continue"}):
    batchcomplete: bool = False
    more: dict[str, str | int] = {}
    query: dict[str, list[msgspec.Raw]] = {}
    error: dict[str, Any] = {}


@imagevault.hookimpl
def provider_info() -> ProviderInfo:
    """What anybody gets who can be reached."""
    return ProviderInfo(
        title="Wikimedia Commons",
        homepage="https://commons.wikimedia.org",
        base_url="https://commons.wikimedia.org/w/",
        settings=Settings,
        page_size=50,
        max_results=10_000,
        quotas=[Quota(60, "minute")],
        concurrency=2,
        credit="{title} by {author}, {license}, via Wikimedia Commons",
        file_hosts={"upload.wikimedia.org", "thumb.wikimedia.org"},
        cache_for=24 * 3600,
    )


@imagevault.hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings) -> Page:
    """One page of `generator=search`, of bitmaps. Words are no operators."""
    words, first = " ".join(OPERATORS.sub(" ", query.text).split()), (query.page - 1) * query.per_page
    params = {"generator": "search", "gsrnamespace": "6", "gsrsearch": f"filetype:bitmap {words}"}
    params |= {"gsroffset": f"{first}", "gsrlimit": f"{min(query.per_page, 10_000 - first)}"}
    return await _ask(params, http, settings, []) if words else Page([], last=True)


@imagevault.hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings) -> Image | None:
    """The same for the id of a page, which is a number."""
    own = re.fullmatch("[1-9][0-9]{0,9}", image_id)
    page = await _ask({"pageids": image_id}, http, settings, []) if own else Page([])
    return next(iter(page.images), None)


async def _ask(params: dict[str, Any], http: httpx.AsyncClient, settings: Settings, had: list[_Page]) -> Page:
    """The files in their order, once the answer is complete. Raises what a failure means."""
    agent = f"{http.headers['User-Agent']} ({settings.contact}) httpx/{httpx.__version__}"
    response = await http.get("api.php", params=ASKED | params, headers={"User-Agent": agent})
    answer = imagevault.decode(response, _Answer)
    if failed := answer.error:
        stated = response.headers.get("Retry-After", "")
        wait = float(stated) if stated.isdecimal() else None
        raise ERRORS.get(f"{failed.get('code')}", imagevault.InvalidResponse)(f"Wikimedia: {failed.get('info')}", wait)
    pages = sorted([*had, *imagevault.decode_each(answer.query.get("pages", []), _Page)], key=lambda page: page.index)
    if answer.batchcomplete:
        return Page([_image(page, *page.imageinfo) for page in pages], last="gsroffset" not in answer.more)
    if len(pages) == len(had):
        raise imagevault.InvalidResponse("Wikimedia does not complete its answer")
    return await _ask(params | answer.more, http, settings, pages)


def _image(page: _Page, info: _Info) -> Image:
    """One file in our terms. Any use and change of it is free, else Commons does not take it (Commons:Licensing)."""
    links, size = (info.url, info.descriptionurl, info.thumburl, *info.others.values()), (info.width, info.height)
    original, source, *thumbs = dict.fromkeys(re.split("[?&]utm_", link)[0] for link in links)
    files = [Rendition.within(NAMES[at[1]], u, size, (int(at[1]), size[1])) for u in thumbs if (at := STEP.search(u))]
    meta = {name: HIDDEN.sub("", f"{field.get('value') or ''}") for name, field in info.extmetadata.items()}
    meta = {name: text for name, text in meta.items() if re.sub(r"<[^>]*>|\s", "", text)}
    code, text, name, must, artist, title, alt, limits = (meta.get(key, "") for key in META.split("|"))
    artist = artist or f'<a href="//commons.wikimedia.org/wiki/User:{quote(info.user)}">{info.user}</a>'
    path = PATHS.get(code) or "licenses/" + re.sub(r"-(?=\d)|(?<=\d)-", "/", code.removeprefix("cc-"))
    id = re.sub("[^a-z0-9.]+", "-", (code or name).lower().partition(",")[0]).strip("-.")
    text = text.replace("http:", "https:", 1)
    other = License(id or "unstated", name or "licence unstated", text or source, must != "false", bool(id), bool(id))
    return Image(
        id=str(page.pageid),
        title=title or re.sub(r"^File:|\.\w+$", "", page.title),
        alt=alt,
        width=info.width,
        height=info.height,
        tags=[f"restriction: {limit}" for limit in limits.split("|") if limit],
        author=Author(artist, f"https:{link[1]}".replace("&amp;", "&") if (link := LINK.search(artist)) else None),
        source_url=source,
        license=License.from_url(text) or License.from_url(f"https://creativecommons.org/{path}/") or other,
        renditions=[*files, Rendition.within("original", original, size, size)],
    )
