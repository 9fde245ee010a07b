"""Pixabay: photos under one free licence, with links to files that expire.

Each fact below names its source:

* "API docs": https://pixabay.com/api/docs/
* "recorded": seen in recorded answers of the real API, checked on 2026-11-29
* "reported": seen by users of the real API, who published it
* "unverified": no answer has proved it; this file takes the cautious reading

One endpoint searches and looks up. The API key can only go into the query (API docs), so it is part of every address;
ImageVault removes it from logs and error messages. The API docs name no operators, so a query goes as it was typed.
"""

import re
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote, unquote

import httpx
import msgspec

from imagevault import (
    Author,
    Flags,
    Image,
    InvalidResponse,
    License,
    Page,
    Parameter,
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
)

DAY = 24 * 60 * 60  # seconds
LONGEST_WAIT = 60.0  # seconds: the quota is one for a minute

# `per_page` is 3 to 200 (API docs); another value is a 400 (reported). A larger page costs no more quota.
PAGE_SIZE = 200
MIN_PAGE_SIZE = 3

# A search gives 500 images at most: `totalHits` was 500 where `total` was 8737 (recorded).
MAX_RESULTS = 500

# `q` holds 100 characters at most (API docs). The gateway cuts longer queries.
MAX_TEXT = 100

# The headers state the calls that are left, and the seconds until the count starts again (API docs).
QUOTA = Quota(100, "minute", remaining="X-RateLimit-Remaining", reset="X-RateLimit-Reset")

# One licence covers every image, so `_image` sets none. The address is unverified.
# A provider whose images have licences of their own sets `Image.license` instead.
LICENSE = License(
    id="pixabay",
    name="Pixabay Content License",
    url="https://pixabay.com/service/license-summary/",
    attribution_required=False,
    commercial=True,
    modification=True,
)

# Filter -> ImageVault's value -> Pixabay's value (API docs).
# A value that Pixabay lacks is left out; the gateway then tests `orientation` and `size` on the records.
FILTERS = {
    "orientation": {
        "landscape": "horizontal",
        "portrait": "vertical",
    },
    "color": {
        "red": "red",
        "orange": "orange",
        "yellow": "yellow",
        "green": "green",
        "turquoise": "turquoise",
        "blue": "blue",
        "pink": "pink",
        "white": "white",
        "gray": "gray",
        "black": "black",
        "brown": "brown",
        "violet": "lilac",
    },
    "locale": {
        "cs": "cs",
        "da": "da",
        "de": "de",
        "en": "en",
        "es": "es",
        "fr": "fr",
        "id": "id",
        "it": "it",
        "hu": "hu",
        "nl": "nl",
        "no": "no",
        "pl": "pl",
        "pt": "pt",
        "ro": "ro",
        "sk": "sk",
        "fi": "fi",
        "sv": "sv",
        "tr": "tr",
        "vi": "vi",
        "th": "th",
        "bg": "bg",
        "ru": "ru",
        "el": "el",
        "ja": "ja",
        "ko": "ko",
        "zh": "zh",
        "nb": "no",  # Bokmål and Nynorsk are the two written forms of Norwegian
        "nn": "no",
    },
}

# ImageVault's filter -> Pixabay's parameter (API docs).
PARAMS = {
    "orientation": "orientation",
    "color": "colors",
    "locale": "lang",
    "sort": "order",
}

# Subjects (API docs). Pixabay gives each picture one.
CATEGORIES = (
    "backgrounds",
    "fashion",
    "nature",
    "science",
    "education",
    "feelings",
    "health",
    "people",
    "religion",
    "places",
    "animals",
    "industry",
    "computer",
    "food",
    "sports",
    "transportation",
    "travel",
    "buildings",
    "business",
    "music",
)

# The longer side of a scaled file, in pixels (API docs).
LARGE_SIDE = 1280
FULL_HD_SIDE = 1920

# An id, such as 4910149. No id begins with 0, and none needs more than 18 digits.
IMAGE_ID = re.compile(r"[1-9][0-9]{0,17}")

# The text of a 400 where a page lies behind the last one (recorded): [ERROR 400] "page" is out of valid range.
# An unknown id may be answered likewise (unverified).
OUT_OF_RANGE = re.compile(r'"(?:page|id)" is out of valid range')

# Longer addresses are not read, and of longer texts only the beginning. ImageVault shows 200 characters of a name.
MAX_ADDRESS = 2048
MAX_NAME = 200
MAX_TAGS_TEXT = 5000

# The words in the address of an image's page, between the last two slashes and without the id:
# "bridge-road" in https://pixabay.com/photos/bridge-road-5046798/
WORDS_IN_ADDRESS = re.compile(r"/([^/]{1,2000})-[0-9]{1,20}/?$")


class Settings(msgspec.Struct, frozen=True):
    """The settings of this provider.

    Attributes:
        api_key: The key that https://pixabay.com/api/docs/ shows after login. Its environment variable is
            PIXABAY_API_KEY.

    """

    api_key: str


class _Hit(msgspec.Struct):
    """One image, with the fields that ImageVault uses.

    Fields may vanish without notice (API docs), so only those without which there is no record are required.

    Attributes:
        width: Pixels of the original.
        height: Pixels of the original.
        web_url: The file of 640 pixels.
        preview_url: The file of 150 pixels.
        large_url: The file of 1280 pixels. It was missing in answers of 2017 (reported).
        full_hd_url: The file of 1920 pixels, for keys with full access only (API docs).
        original_url: The original, for keys with full access only (API docs).
        page_url: The image's page.
        type: `photo`, `illustration`, `vector/svg` or `vector/ai` (reported). A lookup finds all of them.
        tags: Separated by commas: "bridge, road, landscape". It may be empty.
        user_url: The author's page, such as https://pixabay.com/users/17/ (reported, from 2025 on).
        is_ai_generated: Whether software generated the image (reported, from 2025 on).
        no_ai_training: Whether the owner refuses its use for training (reported, from 2025 on).
        is_g_rated: Whether it is fit for everybody (reported, from 2025 on).
        is_low_quality: Whether Pixabay finds its quality low. It is true or false in most answers, and 0 in some
            (reported, from 2025 on).

    """

    id: int
    width: Annotated[int, msgspec.Meta(gt=0)] = msgspec.field(name="imageWidth")
    height: Annotated[int, msgspec.Meta(gt=0)] = msgspec.field(name="imageHeight")
    web_url: Annotated[str, msgspec.Meta(min_length=1)] = msgspec.field(name="webformatURL")
    web_width: int | None = msgspec.field(name="webformatWidth", default=None)
    web_height: int | None = msgspec.field(name="webformatHeight", default=None)
    preview_url: str | None = msgspec.field(name="previewURL", default=None)
    preview_width: int | None = msgspec.field(name="previewWidth", default=None)
    preview_height: int | None = msgspec.field(name="previewHeight", default=None)
    large_url: str | None = msgspec.field(name="largeImageURL", default=None)
    full_hd_url: str | None = msgspec.field(name="fullHDURL", default=None)
    original_url: str | None = msgspec.field(name="imageURL", default=None)
    page_url: str | None = msgspec.field(name="pageURL", default=None)
    type: str | None = None
    tags: str | None = None
    user: str | None = None
    user_id: int | None = None
    user_url: str | None = msgspec.field(name="userURL", default=None)
    is_ai_generated: object = msgspec.field(name="isAiGenerated", default=None)
    no_ai_training: object = msgspec.field(name="noAiTraining", default=None)
    is_g_rated: object = msgspec.field(name="isGRated", default=None)
    is_low_quality: object = msgspec.field(name="isLowQuality", default=None)


class _Listing(msgspec.Struct):
    """One page of results, of a search or of a lookup.

    Attributes:
        hits: Undecoded, so that `decode_each` can drop a bad image and keep the page.
        total: How many images this search gives, 500 at most. The field `total` of the answer counts those that
            nobody can get, and is not used.

    """

    hits: list[msgspec.Raw]
    total: int | None = msgspec.field(name="totalHits", default=None)


@hookimpl
def provider_info() -> ProviderInfo:
    """Describe what Pixabay offers and what its terms demand.

    The terms (API docs) demand that answers are cached for 24 hours, that results say where they come from, and that
    nobody links the files permanently. Links to `pixabay.com/get/` are believed to expire after 24 hours (unverified),
    so no page is shown for longer.
    """
    return ProviderInfo(
        title="Pixabay",
        homepage="https://pixabay.com",
        base_url="https://pixabay.com/api/",
        settings=Settings,
        page_size=PAGE_SIZE,
        min_page_size=MIN_PAGE_SIZE,
        max_text=MAX_TEXT,
        filters=FILTERS,
        sorts={"newest": "latest", "popular": "popular"},
        parameters={"category": Parameter(description="Pictures of one subject.", values=CATEGORIES)},
        max_results=MAX_RESULTS,
        quotas=[QUOTA],
        license=LICENSE,
        credit="Image by {author} from Pixabay",
        notice="Images from Pixabay",
        file_hosts={"pixabay.com", "cdn.pixabay.com"},  # every file was there (recorded)
        must_cache_for=DAY,
        max_age=DAY,
        declares={"ai_generated", "ai_training_refused", "sensitive"},  # in answers from 2025 on (reported)
        hotlink="temporary",
        terms=Terms(
            url="https://pixabay.com/api/docs/",
            checked_on="2026-11-22",
        ),
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings) -> Page:
    """Fetch one page of a search for photos.

    Raises:
        Unauthorized: The key is wrong.
        RateLimited: The calls of this minute are used up.
        InvalidResponse: Pixabay refused the request for another reason.
        httpx.HTTPStatusError: Pixabay answered another 4xx, or 5xx. The gateway names these errors.
        msgspec.MsgspecError: The answer does not have the documented form. The gateway names this error too.

    """
    params = {PARAMS[name]: value for name, value in query.native.items()}
    params.update(query.parameters)  # Pixabay's own names
    params["q"] = query.text
    params["image_type"] = "photo"
    params["page"] = str(query.page)
    params["per_page"] = str(query.per_page)
    listing = await _get(http, settings, params)
    hits = decode_each(listing.hits, _Hit)
    return Page(
        images=[_image(hit) for hit in hits],
        total=listing.total,
        last=_is_last(query, listing),
    )


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings) -> Image | None:
    """Fetch one photo by its id, with new links to its files, or return None if there is no such photo.

    Ids are numbers (API docs), so any other id costs no call. An illustration is not a photo, and counts as missing.

    Raises the errors of `search_images`.
    """
    if not IMAGE_ID.fullmatch(image_id):
        return None
    listing = await _get(http, settings, {"id": image_id})
    for hit in decode_each(listing.hits, _Hit):
        is_photo = hit.type is None or hit.type == "photo"
        if str(hit.id) == image_id and is_photo:
            return _image(hit)
    return None


async def _get(http: httpx.AsyncClient, settings: Settings, params: dict[str, str]) -> _Listing:
    """Call the API's one endpoint and return its answer.

    A page behind the last one is an empty answer: the list may become shorter while somebody reads it.
    """
    response = await http.get("", params={"key": settings.api_key, "safesearch": "true", **params})
    if response.status_code == httpx.codes.BAD_REQUEST:
        if OUT_OF_RANGE.search(response.text):
            return _Listing(hits=[])
        raise _refusal(response)
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        seconds = _seconds_until_reset(response)
        if seconds is not None:
            raise RateLimited("Pixabay allows no more requests now", retry_after=seconds)
    return decode(response, _Listing)


def _refusal(response: httpx.Response) -> InvalidResponse | Unauthorized:
    """Return the error that a 400 stands for. Its body is plain text.

    A wrong key is a 400 too: "[ERROR 400] Invalid API key. Note: This value is case-sensitive." (reported)
    """
    message = f"Pixabay refused the request: {response.text}"
    if "API key" in response.text:
        return Unauthorized(message)
    return InvalidResponse(message)


def _seconds_until_reset(response: httpx.Response) -> float | None:
    """Return the seconds in `X-RateLimit-Reset` of a 429, or None if the gateway reads the answer better itself.

    The header holds the seconds until the count starts again, such as 42 (API docs). More than a minute is cut to one.
    The gateway knows `Retry-After`, and what to do with a 429 that says nothing.
    """
    if "Retry-After" in response.headers:
        return None
    reset = response.headers.get("X-RateLimit-Reset", "")
    if not reset.isdecimal():
        return None
    return min(float(reset), LONGEST_WAIT)


def _is_last(query: SearchQuery, listing: _Listing) -> bool:
    """Return whether no page follows this one. Without a total, the list goes on to the 500th image."""
    if not listing.hits:
        return True
    images_so_far = query.page * query.per_page
    available = min(listing.total or MAX_RESULTS, MAX_RESULTS)
    return images_so_far >= available


def _image(hit: _Hit) -> Image:
    """Convert an image into ImageVault's record.

    Pixabay states no colour and no BlurHash, and describes no image: tags name what is in it, so there is no `alt`.
    """
    return Image(
        id=str(hit.id),
        title=_title(hit),
        extra=_extra(hit),
        width=hit.width,
        height=hit.height,
        tags=_tags(hit),
        author=_author(hit),
        source_url=hit.page_url,
        flags=_flags(hit),
        identities=[f"pixabay:{hit.id}"],
        renditions=_renditions(hit),
    )


def _title(hit: _Hit) -> str | None:
    """Return the words in the address of the image's page, else its tags, else None.

    An image has no title of its own. `/photos/bridge-road-5046798/` becomes "Bridge road"; `/photos/5046798/` has
    no words.
    """
    page = hit.page_url or ""
    words = WORDS_IN_ADDRESS.search(unquote(page) if len(page) <= MAX_ADDRESS else "")
    if words is None:
        return hit.tags
    return words[1].replace("-", " ").capitalize()


def _tags(hit: _Hit) -> list[str]:
    """Return the tags one by one: "bridge, road, landscape" has three."""
    if not hit.tags:
        return []
    return hit.tags[:MAX_TAGS_TEXT].split(", ")


def _extra(hit: _Hit) -> Mapping[str, str]:
    """Return the one fact that no other field has: that Pixabay finds the quality low."""
    if _truth(hit.is_low_quality):
        return {"quality": "low"}
    return {}


def _flags(hit: _Hit) -> Flags:
    """Return what Pixabay says about the image beside its licence, None where it says nothing."""
    is_for_everybody = _truth(hit.is_g_rated)
    return Flags(
        ai_generated=_truth(hit.is_ai_generated),
        ai_training_refused=_truth(hit.no_ai_training),
        sensitive=None if is_for_everybody is None else not is_for_everybody,
    )


def _truth(value: object) -> bool | None:
    """Return the truth of a field that is true, false, 1 or 0; None if it is missing or anything else."""
    if value in (True, False):  # 1 and 0 are equal to them
        return bool(value)
    return None


def _author(hit: _Hit) -> Author | None:
    """Return the author with the address of their page, or None if Pixabay names nobody."""
    if not hit.user:
        return None
    return Author(name=hit.user, url=_author_url(hit))


def _author_url(hit: _Hit) -> str | None:
    """Return the address of the author's page, or None if it cannot be known.

    Older answers do not have it. It is then made of the name and the id: https://pixabay.com/users/ada-example-17/
    (reported).
    """
    if hit.user_url:
        return hit.user_url
    if not hit.user or not hit.user_id or len(hit.user) > MAX_NAME:
        return None
    name_in_address = quote(hit.user, safe="")
    return f"https://pixabay.com/users/{name_in_address}-{hit.user_id}/"


def _renditions(hit: _Hit) -> list[Rendition]:
    """Return the files of an image, smallest first, without those that it lacks.

    The largest file below the original is called `large`, whatever its size: most keys get no original, and an image
    needs either an `original` or a `large`.
    """
    size = (hit.width, hit.height)
    renditions = []
    if hit.preview_url:
        preview = Rendition(name="thumbnail", url=hit.preview_url, width=hit.preview_width, height=hit.preview_height)
        renditions.append(preview)
    web = Rendition(name="small", url=hit.web_url, width=hit.web_width, height=hit.web_height)
    renditions.append(web)
    if hit.large_url:
        renditions.append(Rendition.within("medium", hit.large_url, size, (LARGE_SIDE, LARGE_SIDE)))
    if hit.full_hd_url:
        renditions.append(Rendition.within("large", hit.full_hd_url, size, (FULL_HD_SIDE, FULL_HD_SIDE)))
    renditions[-1] = msgspec.structs.replace(renditions[-1], name="large")
    if hit.original_url:
        renditions.append(Rendition(name="original", url=hit.original_url, width=hit.width, height=hit.height))
    return renditions
