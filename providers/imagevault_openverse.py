"""Openverse: openly licensed pictures of many sources, without a key.

Each fact below names its source:

* "API docs": https://api.openverse.org/v1/
* "source": the API's and the catalog's own code, https://github.com/WordPress/openverse
* "recorded": seen in recorded answers of the real API, of 2022 to 2024, checked on 2026-11-29
* "issue N": reported by users, https://github.com/WordPress/openverse/issues/N
* "reported": seen by users of the real API, who published it
* "unverified": no answer has proved it; this file takes the cautious reading

Openverse lists the pictures of other owners, such as Flickr and museums. Each record has the address of the picture's
page there and of one file (recorded), which may be a reduced one.
"""

import asyncio
import math
import re
from collections.abc import Mapping
from urllib.parse import unquote

import httpx
import msgspec

from imagevault import (
    Author,
    Declared,
    Flags,
    Image,
    InvalidResponse,
    Keep,
    License,
    Page,
    ProviderInfo,
    Quota,
    RateLimited,
    Rendition,
    SearchQuery,
    Terms,
    Unauthorized,
    decode,
    decode_each,
    hookimpl,
    text_of,
)

HOUR = 60 * 60  # seconds

# Anybody gets 20 works a page; a larger page is a 401 (reported).
PAGE_SIZE = 20

# An application gets 50 works a page (reported). 48 is the largest size of which whole pages make 240.
APPLICATION_PAGE_SIZE = 48

# Both see 240 works of a search, and a page that reaches past them is refused whole (issue 4474, reported).
MAX_RESULTS = 240

# A longer query is cut without a word (source: serializers/media_serializers.py).
MAX_TEXT = 200

# Each kind of caller has headers of its own, such as `X-RateLimit-Available-anon_burst: 19` (recorded). The numbers
# for applications: source, documentation/api/user/rate_limits.md.
QUOTAS = [
    Quota(20, "minute", remaining="X-RateLimit-Available-anon_burst"),
    Quota(200, "day", remaining="X-RateLimit-Available-anon_sustained"),
]
APPLICATION_QUOTAS = [
    Quota(100, "minute", remaining="X-RateLimit-Available-oauth2_client_credentials_burst"),
    Quota(10_000, "day", remaining="X-RateLimit-Available-oauth2_client_credentials_sustained"),
]

# Filter -> ImageVault's value -> Openverse's value (API docs).
# The licences are listed one by one: `license_type=commercial` includes Sampling Plus, which bars advertising (source:
# constants/licenses.py). Openverse's sizes are not megapixels, so the gateway tests `size` on the records.
FILTERS = {
    "orientation": {
        "landscape": "wide",
        "portrait": "tall",
        "square": "square",
    },
    "license": {
        "commercial": "by,by-sa,cc0,pdm,by-nd",
        "modification": "by,by-sa,cc0,pdm,by-nc,by-nc-sa",
        "public-domain": "cc0,pdm",
    },
}

# ImageVault's filter -> Openverse's parameter (API docs).
PARAMS = {
    "orientation": "aspect_ratio",
    "license": "license",
}

# The hosts of thumbnails, today's and that of older records (recorded), and of the files of the largest sources
# (recorded). Files of other sources are on hosts that nobody can list.
FILE_HOSTS = {
    "*",  # any source's own, beside those that are named
    "api.openverse.org",
    "api.openverse.engineering",
    "live.staticflickr.com",
    "upload.wikimedia.org",
    "cdn.stocksnap.io",
    "images.rawpixel.com",
}

# The sign that excludes a word: the first one of "-dog cat", and of "cat +-dog", but none of "black-and-white".
EXCLUSION = re.compile(r"(?<![^ +])-+")

# A token is good for ten hours (API docs). It is renewed long before.
TOKEN_KEPT = HOUR

# The licence of each code, and the place of its version. CC0 and the mark have one version each (source:
# utils/licenses.py).
LICENSE_URLS = {
    "by": "https://creativecommons.org/licenses/by/{version}/",
    "by-sa": "https://creativecommons.org/licenses/by-sa/{version}/",
    "by-nc": "https://creativecommons.org/licenses/by-nc/{version}/",
    "by-nd": "https://creativecommons.org/licenses/by-nd/{version}/",
    "by-nc-sa": "https://creativecommons.org/licenses/by-nc-sa/{version}/",
    "by-nc-nd": "https://creativecommons.org/licenses/by-nc-nd/{version}/",
    "cc0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "pdm": "https://creativecommons.org/publicdomain/mark/1.0/",
}

# Two retired licences, of 1.0 only (source: constants/licenses.py). They allow changes, but no advertising.
SAMPLING_LICENSES = {
    "sampling+": License(
        id="cc-sampling+-1.0",
        name="CC Sampling+ 1.0",
        url="https://creativecommons.org/licenses/sampling+/1.0/",
        attribution_required=True,
        commercial=False,
        modification=True,
    ),
    "nc-sampling+": License(
        id="cc-nc-sampling+-1.0",
        name="CC NC-Sampling+ 1.0",
        url="https://creativecommons.org/licenses/nc-sampling+/1.0/",
        attribution_required=True,
        commercial=False,
        modification=True,
    ),
}

# Thumbnails are scaled to this width, in pixels (source: settings/thumbnails.py). One of 2048 x 1536 pixels became
# 600 x 449 (issue 5540).
THUMBNAIL_WIDTH = 600

# Two kinds of works have thumbnails of another size: an SVG is sent as it is, and the works on this host have their own
# (source: utils/image_proxy, views/image_views.py).
SVG_ENDING = ".svg"
OWN_THUMBNAILS_HOST = "iip.smk.dk"

# The part of a file's address that says to which size it was reduced (source: the catalog's provider scripts):
# /img-thumbs/960w/X.jpg of StockSnap, /editor_1024/X.jpg and /image_png_1300/X.png of Rawpixel,
# /full/!2048,/0/default.jpg of SMK, /thumb/a/ab/X.jpg/1024px-X.jpg of Wikimedia Commons
REDUCED_TO = re.compile(
    r"/(?:([0-9]{2,5})w/|editor_([0-9]{2,5})/|(?:dark_)?image_(?:png_)?([0-9]{2,5})/|full/!?([0-9]{2,5}),|([0-9]{2,5})px-)"
)

# A copy at Flickr: https://live.staticflickr.com/7/7_0123456789_b.jpg. The name of an original ends in `_o`.
FLICKR_COPY = re.compile(
    r"https?://live\.staticflickr\.com/[0-9]{1,10}/[0-9]{1,20}_[0-9a-f]{5,20}(?:_(?P<letter>[mnwzcbhk]))?\.jpg"
)
# The letter -> how many pixels the longer side has at most (https://www.flickr.com/services/api/misc.urls.html).
FLICKR_SIDES = {
    "m": 240,
    "n": 320,
    "w": 400,
    None: 500,
    "z": 640,
    "c": 800,
    "b": 1024,
    "h": 1600,
    "k": 2048,
}

# The type of the file by Openverse's `filetype` (recorded). It is missing in most works.
MEDIA_TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "svg": "image/svg+xml",
    "tif": "image/tiff",
    "tiff": "image/tiff",
}

# Wikimedia Commons titles may be names of files (recorded), or HTML (issue 1441): File:Silver penny.jpg,
# <div class='fn'> Silver penny of Henry I</div>
FILE_PREFIX = "File:"
FILE_ENDING = re.compile(r"\.(?:jpe?g|png|gif|webp|svg|tiff?|bmp)$", re.IGNORECASE)

# What cameras call their files: DSC_0228, DSC01234, DSCN0042, IMG_1234, IMG_20240501_101112, P1010023, 100_1234
CAMERA_NAME = re.compile(
    r"_?(?:DSC[FN]?|IMGP?|CIMG|PICT|SAM|MVI|PXL|DJI|GOPR)[_ -]?[0-9]{3,9}(?:[_ -][0-9]{1,9}){0,3}"
    r"|P[0-9]{7}"
    r"|[0-9]{3}_[0-9]{4}",
    re.IGNORECASE,
)

# What cameras write into the field for a title.
CAMERA_STAMPS = {
    "sony dsc",
    "olympus digital camera",
    "konica minolta digital camera",
    "kodak digital still camera",
    "minolta digital camera",
    "digital camera",
    "exif_jpeg_picture",
    "samsung camera pictures",
}

# An id, such as f9384235-b72e-4f1e-9b05-e1b116262a29.
IMAGE_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

# The number of a photo in the address of its page: https://www.flickr.com/photos/8488209@N07/2385230430
FLICKR_PAGE = re.compile(r"https?://(?:www\.)?flickr\.com/photos/[^/?#]{1,100}/([0-9]{1,20})(?![^/?#])")

# The number of a page: https://commons.wikimedia.org/w/index.php?curid=74540907
COMMONS_PAGE = re.compile(r"https?://commons\.wikimedia\.org/w/index\.php\?curid=([0-9]{1,20})(?![^&#])")

# The number of an object: https://www.metmuseum.org/art/collection/search/45734
MET_PAGE = re.compile(r"https?://(?:www\.)?metmuseum\.org/art/collection/search/([0-9]{1,20})(?![^/?#])")

# The id of a record: https://www.europeana.eu/item/90402/SK_A_4118, or /en/item/..., once /portal/record/...html
EUROPEANA_PAGE = re.compile(
    r"https?://(?:www\.)?europeana\.eu/(?:[a-z]{2}/)?(?:portal/)?(?:[a-z]{2}/)?(?:item|record)/"
    r"([0-9A-Za-z_]{1,100}/[0-9A-Za-z_]{1,200})(?![^.?#])"
)

# The id of a file: https://ids.si.edu/ids/deliveryService?id=NMAH-AHB2019q031442
SMITHSONIAN_FILE = re.compile(r"https?://ids\.si\.edu/ids/deliveryService\?id=([^&#]{1,200})")

# The name of a file without its ending: DP251139 of https://images.metmuseum.org/CRDImages/as/original/DP251139.jpg
FILE_STEM = re.compile(r"/([^/?#]{1,200})\.[0-9A-Za-z]{1,5}(?![^?#])")

# The sentence of a 429: "Request was throttled. Expected available in 3600 seconds." (recorded)
WAIT = re.compile(r" in ([0-9]{1,6}) second")

# How many characters are read of an error's body and of an attribution.
MAX_ERROR = 1000
MAX_ATTRIBUTION = 2000

# How many tags are read. ImageVault shows 50.
MAX_TAGS = 500


class Settings(msgspec.Struct, frozen=True):
    """The settings of this provider. Nothing is needed; both together give more calls and larger pages.

    Attributes:
        client_id: The id of an application, from `POST /v1/auth_tokens/register/` (API docs). Its environment variable
            is OPENVERSE_CLIENT_ID.
        client_secret: The secret of that application. Its environment variable is OPENVERSE_CLIENT_SECRET.

    """

    client_id: str | None = None
    client_secret: str | None = None


class _Work(msgspec.Struct):
    """One work, with the fields that ImageVault uses.

    Nearly all may be null (recorded). Sizes and the attribution were missing in 2022, and `mature` was null (recorded).

    Attributes:
        url: One file, at the source.
        license: A code in lower case, such as `by-nc-sa`.
        license_version: Such as `2.0`. Null for the public domain mark (unverified).
        license_url: May name another licence than the two fields above: works under CC BY-NC-ND 2.0 have the address
            of the Japanese one (reported). Only `_credit` reads it.
        foreign_landing_url: The work's page at the source.
        attribution: A whole sentence, which quotes the title and `license_url`.
        thumbnail: A smaller file, made by Openverse.
        width: Pixels of the original, not always of the file in `url`.
        height: Pixels of the original, not always of the file in `url`.
        provider: Whose API Openverse read, such as `flickr`.
        source: The collection, such as `nasa` or `flickr`. Many belong to one provider.
        category: `photograph`, `illustration` or `digitized_artwork`.
        filetype: The ending of the original's file name, such as `jpg`.
        tags: Objects with a `name`. Of any type here, so that an odd tag costs no work.
        mature: Whether the work is marked as sensitive. Of any type here: whatever is not empty is a mark.
        unstable__sensitivity: Why it is, such as `["sensitive_text"]` (source: constants/sensitivity.py). Of any type
            here, for the field is unstable: whatever it says is a mark.

    """

    id: str
    url: str
    license: str
    license_version: str | None = None
    license_url: str | None = None
    title: str | None = None
    creator: str | None = None
    creator_url: str | None = None
    foreign_landing_url: str | None = None
    attribution: str | None = None
    thumbnail: str | None = None
    width: int | None = None
    height: int | None = None
    provider: str | None = None
    source: str | None = None
    category: str | None = None
    filetype: str | None = None
    tags: object = None
    mature: object = None
    unstable__sensitivity: object = None


class _Listing(msgspec.Struct):
    """One page of search results.

    Attributes:
        results: Undecoded, so that `decode_each` can drop a bad work and keep the page.
        result_count: How many works match, 240 at most since 2024 (issue 4474). An empty page says 0, whatever the
            pages before it said (source: controllers/search_controller.py).
        page_count: How many pages there are. A short page says that it is the last one (source).

    """

    results: list[msgspec.Raw]
    result_count: int | None = None
    page_count: int | None = None


class _Token(msgspec.Struct):
    """The answer to a request for a token."""

    access_token: str


@hookimpl
def provider_info() -> ProviderInfo:
    """Describe what anybody gets from Openverse.

    Each work keeps its own licence and its attribution. Openverse lets answers be cached for four hours: that is its
    own `cache-control` (recorded).
    """
    return ProviderInfo(
        title="Openverse",
        homepage="https://openverse.org",
        base_url="https://api.openverse.org/v1/",
        settings=Settings,
        max_text=MAX_TEXT,
        page_size=PAGE_SIZE,
        filters=FILTERS,
        max_results=MAX_RESULTS,
        quotas=QUOTAS,
        credit='"{title}" by {author} ({license})',  # where a work has no attribution
        file_hosts=FILE_HOSTS,
        aggregator=True,
        declares={"sensitive"},
        cache_for=4 * HOUR,
        terms=Terms(
            url="https://api.openverse.org/v1/",
            checked_on="2026-11-22",
        ),
    )


@hookimpl
def configure(info: ProviderInfo, settings: Settings) -> ProviderInfo:
    """Allow more calls and larger pages for a registered application.

    Raises:
        ValueError: Only one of the two credentials is set.

    """
    if not settings.client_id and not settings.client_secret:
        return info
    if not settings.client_id:
        raise ValueError("OPENVERSE_CLIENT_ID is not set (or client_id in [providers.openverse])")
    if not settings.client_secret:
        raise ValueError("OPENVERSE_CLIENT_SECRET is not set (or client_secret in [providers.openverse])")
    return msgspec.structs.replace(info, page_size=APPLICATION_PAGE_SIZE, quotas=APPLICATION_QUOTAS)


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings, keep: Keep) -> Page:
    """Fetch one page of `GET /images/`, without the works that are marked as sensitive.

    `mature` is never sent: any value of it, even `false`, includes sensitive works (source:
    serializers/media_serializers.py).

    Raises:
        Unauthorized: The credentials are wrong, or Openverse blocks this server's address.
        RateLimited: The calls of this minute or day are used up.
        InvalidResponse: Openverse refused the request for another reason.
        httpx.HTTPStatusError: Openverse answered another 4xx, or 5xx. The gateway names these errors.
        msgspec.MsgspecError: The answer does not have the documented form. The gateway names this error too.

    """
    words = _words(query.text)
    if not words:
        return Page(images=[], total=0, last=True)
    params = {PARAMS[name]: value for name, value in query.native.items()}
    params["q"] = words
    params["page"] = str(query.page)
    params["page_size"] = str(query.per_page)
    response = await _get("images/", params, http, settings, keep)
    listing = decode(response, _Listing)
    works = decode_each(listing.results, _Work)
    images = []
    for work in works:
        if not _is_sensitive(work):
            images.append(_image(work))
            await asyncio.sleep(0)  # HTML of the worst kind takes a while: other requests may run in between
    return Page(
        images=images,
        total=_total(query, listing),
        last=_is_last(query, listing),
    )


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings, keep: Keep) -> Image | None:
    """Fetch one work by `GET /images/{id}/`, or return None if there is no such work or it is marked as sensitive.

    Ids are UUIDs (API docs), so any other id costs no call and cannot change the path.

    Raises the errors of `search_images`, except for a 404.
    """
    if not IMAGE_ID.fullmatch(image_id):
        return None
    response = await _get(f"images/{image_id}/", {}, http, settings, keep)
    if response.status_code == httpx.codes.NOT_FOUND:
        return None
    work = decode(response, _Work)
    if _is_sensitive(work):
        return None
    return _image(work)


def _words(text: str) -> str:
    """Return a query without Openverse's operators, so that every word is a word.

    Openverse reads `"a b"` as a phrase and `-a` as "not a". It reads `a+b` as "a and b", which changes nothing, for all
    words must match anyway. Nothing else is an operator: neither AND, nor `a-b`, nor `title:a` (source:
    controllers/search_controller.py).
    """
    without_phrases = text.replace('"', " ")
    without_exclusions = EXCLUSION.sub("", without_phrases)
    return " ".join(without_exclusions.split())


async def _get(
    path: str,
    params: Mapping[str, str],
    http: httpx.AsyncClient,
    settings: Settings,
    keep: Keep,
) -> httpx.Response:
    """Return the answer to `GET path`, asked with the application's token if there is an application.

    A token may end before its time, or count as none (issue 3626). Then one call is made with a new token.
    """
    if not settings.client_id:
        response = await http.get(path, params=params)
        _check(response)
        return response

    async def fetch_token() -> str:
        return await _fetch_token(http, settings)

    token = await keep("token", fetch_token, TOKEN_KEPT)
    response = await http.get(path, params=params, headers=_headers(token))
    if response.status_code == httpx.codes.UNAUTHORIZED:
        new_token = await keep(f"token instead of {token}", fetch_token, TOKEN_KEPT)
        response = await http.get(path, params=params, headers=_headers(new_token))
    _check(response)
    return response


def _headers(token: str) -> dict[str, str]:
    """Return the headers of a call with a token (API docs)."""
    return {"Authorization": f"Bearer {token}"}


async def _fetch_token(http: httpx.AsyncClient, settings: Settings) -> str:
    """Fetch a token for the application by `POST /auth_tokens/token/`. It takes a form and no JSON (API docs).

    Raises:
        Unauthorized: Openverse does not know the application.

    """
    form = {
        "client_id": settings.client_id,
        "client_secret": settings.client_secret,
        "grant_type": "client_credentials",
    }
    response = await http.post("auth_tokens/token/", data=form)
    if response.status_code in {httpx.codes.BAD_REQUEST, httpx.codes.UNAUTHORIZED}:
        raise Unauthorized("Openverse does not accept OPENVERSE_CLIENT_ID with OPENVERSE_CLIENT_SECRET")
    _check(response)
    return decode(response, _Token).access_token


def _check(response: httpx.Response) -> None:
    """Raise the errors whose status alone would mislead the gateway.

    A 401 may be about a page that is too large or too deep: "page_size may not exceed 20 for anonymous requests"
    (reported). A 403 comes from Cloudflare, which blocks some hosting companies (issue 5478).
    """
    if response.is_success:
        return
    status = response.status_code
    text = response.text[:MAX_ERROR]
    if status == httpx.codes.BAD_REQUEST:
        raise InvalidResponse(f"Openverse refused the request: {text}")
    if status == httpx.codes.UNAUTHORIZED and "may not exceed" in text:
        raise InvalidResponse(f"Openverse refused the request: {text}")
    if status == httpx.codes.FORBIDDEN:
        raise Unauthorized("Openverse refuses calls from this server's address (it answered 403)")
    if status == httpx.codes.TOO_MANY_REQUESTS:
        seconds = _wait(response, text)
        if seconds is not None:
            raise RateLimited("Openverse allows no more requests now", retry_after=seconds)


def _wait(response: httpx.Response, text: str) -> float | None:
    """Return the seconds that a 429 names in its sentence, or None if the gateway reads the answer better itself."""
    if "Retry-After" in response.headers:
        return None
    seconds = WAIT.search(text)
    if seconds is None:
        return None
    return float(seconds[1])


def _total(query: SearchQuery, listing: _Listing) -> int | None:
    """Return how many works match, or None on an empty page behind others, which says 0."""
    if not listing.results and query.page > 1:
        return None
    return listing.result_count


def _is_last(query: SearchQuery, listing: _Listing) -> bool:
    """Return whether no page follows this one. Without a number of pages, an empty one ends the list."""
    if not listing.results:
        return True
    return listing.page_count is not None and query.page >= listing.page_count


def _is_sensitive(work: _Work) -> bool:
    """Return whether the work is marked as sensitive: by users, or because its words are on Openverse's list."""
    return bool(work.mature) or bool(work.unstable__sensitivity)


def _image(work: _Work) -> Image:
    """Convert a work into ImageVault's record. Openverse describes no picture and states no colour and no date."""
    license = _license(work)
    return Image(
        id=work.id,
        title=_title(work),
        extra=_extra(work),
        width=work.width,
        height=work.height,
        tags=_tags(work.tags),
        author=_author(work),
        source_url=work.foreign_landing_url,
        license=license,
        declared=_declared(work),
        flags=_flags(work),
        identities=_identities(work),
        renditions=_renditions(work),
        credit=_credit(work, license),
    )


def _title(work: _Work) -> str | None:
    """Return what the work is called, or None if that is only what a camera called the file.

    "File:Silver_penny.jpg" becomes "Silver penny"; "DSC_0228.JPG" and "SONY DSC" are no titles. Titles are plain text,
    except for those of Wikimedia Commons.
    """
    if not work.title:
        return None
    text = text_of(work.title) if work.provider == "wikimedia" else work.title
    text = text.strip()
    name = FILE_ENDING.sub("", text.removeprefix(FILE_PREFIX)).strip()
    if name != text:  # the name of a file
        text = name.replace("_", " ")
    if CAMERA_NAME.fullmatch(name) or text.casefold() in CAMERA_STAMPS:
        return None
    return text or None


def _extra(work: _Work) -> dict[str, str]:
    """Return the collection that the work belongs to, and what kind of picture it is."""
    facts = {}
    if work.source:
        facts["source"] = work.source.replace("_", " ")
    if work.category:
        facts["category"] = work.category.replace("_", " ")
    return facts


def _tags(tags: object) -> list[str]:
    """Return the names of the tags, each once: a machine may have found the same tag as a person (recorded)."""
    if not isinstance(tags, list):
        return []
    names = [tag.get("name") for tag in tags[:MAX_TAGS] if isinstance(tag, dict)]
    return list(dict.fromkeys(name for name in names if isinstance(name, str) and name))


def _author(work: _Work) -> Author | None:
    """Return the creator with the address of their page, or None if Openverse names nobody."""
    if not work.creator or not work.creator.strip():
        return None
    return Author(name=work.creator.strip(), url=work.creator_url)


def _license(work: _Work) -> License:
    """Return the licence that code and version name; `License.unknown` for a code that Openverse does not document."""
    code = work.license.lower()
    if code in SAMPLING_LICENSES:
        return SAMPLING_LICENSES[code]
    if code not in LICENSE_URLS:
        return License.unknown(f"{work.license} {work.license_version or ''}".strip(), work.license_url)
    license = License.from_url(LICENSE_URLS[code].format(version=work.license_version))
    return license or _license_without_version(code)


def _license_without_version(code: str) -> License:
    """Return a licence of which only the code is known. It may be any version, so it promises little.

    The version in `license_url` is no help: Openverse guesses 4.0 (source: utils/licenses.py).
    """
    return License(
        id=f"cc-{code}",
        name=f"CC {code.upper()}",
        url="https://creativecommons.org/licenses/",
        attribution_required=True,
        commercial=False,
        modification=False,
    )


def _declared(work: _Work) -> Declared:
    """Return the fields that name the licence, with their words."""
    return Declared(field="license + license_version", words=f"{work.license} {work.license_version or ''}".strip())


def _flags(work: _Work) -> Flags:
    """Return whether the work is marked as sensitive, None where Openverse does not say."""
    if work.mature is None and work.unstable__sensitivity is None:
        return Flags()
    return Flags(sensitive=_is_sensitive(work))


def _credit(work: _Work, license: License) -> str | None:
    """Return Openverse's sentence, with the title as shown and with the address of the licence that is meant.

    The sentence quotes `title` and `license_url` (source: utils/attribution.py).
    """
    if not work.attribution:
        return None
    sentence = work.attribution[:MAX_ATTRIBUTION].strip()
    title = _title(work)
    if work.title and title:
        sentence = sentence.replace(work.title, title, 1)
    if work.license_url and license.url:
        sentence = sentence.replace(f"visit {work.license_url}", f"visit {license.url}", 1)
    return sentence


def _renditions(work: _Work) -> list[Rendition]:
    """Return the thumbnail and the file at the source, without a thumbnail where there is none."""
    renditions = []
    if work.thumbnail:
        renditions.append(_thumbnail(work, work.thumbnail))
    renditions.append(_file(work))
    return renditions


def _thumbnail(work: _Work, url: str) -> Rendition:
    """Return the thumbnail. Its size is known where Openverse scales the work down."""
    has_own_thumbnail = SVG_ENDING in work.url.lower() or OWN_THUMBNAILS_HOST in work.url
    if has_own_thumbnail or work.width is None or work.height is None or work.width < THUMBNAIL_WIDTH:
        return Rendition(name="thumbnail", url=url)
    return Rendition.within("thumbnail", url, (work.width, work.height), (THUMBNAIL_WIDTH, math.inf))


def _file(work: _Work) -> Rendition:
    """Return the file at the source. A reduced one is `large`, and its size is not known, except for Flickr's.

    Of a photo at Flickr, the record states the size of this file (recorded), unless it is too large for it.
    """
    flickr_side = _flickr_side(work.url)
    if flickr_side is not None and max(work.width or 0, work.height or 0) <= flickr_side:
        return Rendition(name="large", url=work.url, width=work.width, height=work.height)
    if flickr_side is not None or _is_reduced(work):
        return Rendition(name="large", url=work.url)
    return Rendition(
        name="original",
        url=work.url,
        width=work.width,
        height=work.height,
        type=MEDIA_TYPES.get((work.filetype or "").lower()),
    )


def _flickr_side(url: str) -> int | None:
    """Return the longer side to which Flickr reduced a file, or None if it is the original or not at Flickr."""
    copy = FLICKR_COPY.fullmatch(url)
    if copy is None:
        return None
    return FLICKR_SIDES[copy["letter"]]


def _is_reduced(work: _Work) -> bool:
    """Return whether the file's address says that it is smaller than the work."""
    reduced_to = REDUCED_TO.search(work.url)
    if reduced_to is None:
        return False
    pixels = next(group for group in reduced_to.groups() if group is not None)
    longest_side = max(work.width or 0, work.height or 0)
    if longest_side == 0:  # nobody knows how large the work is
        return True
    return longest_side > int(pixels)


def _identities(work: _Work) -> list[str]:
    """Return the key that names the same file at its source. StockSnap, Rawpixel and others have no such key.

    Openverse does not send the source's own key (recorded), but its page or its file holds it. The collections of the
    provider `flickr` are accounts there: a work of `nasa` is a Flickr photo (source: loader/provider_details.py).
    """
    page = work.foreign_landing_url or ""
    match work.provider:
        case "flickr":
            return _keys("flickr:", FLICKR_PAGE.match(page))
        case "wikimedia":
            return _keys("commons:p", COMMONS_PAGE.match(page))
        case "europeana":
            return _keys("eu:", EUROPEANA_PAGE.match(page))
        case "smithsonian":
            return _keys("si:", SMITHSONIAN_FILE.match(work.url))
        case "met":
            return _met_keys(page, work.url)
        case _:
            return []


def _keys(prefix: str, found: re.Match[str] | None) -> list[str]:
    """Return the key that a pattern found, if it found one."""
    if found is None:
        return []
    return [prefix + unquote(found[1])]


def _met_keys(page: str, file: str) -> list[str]:
    """Return the key of a picture of The Met: the number of the object and the name of the file without its ending."""
    found = MET_PAGE.match(page)
    if found is None:
        return []
    return _keys(f"met:{found[1]}:", FILE_STEM.search(file))
