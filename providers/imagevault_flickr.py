"""Flickr: photos under the licences that their owners chose.

Each fact below names its source:

* "API docs": https://www.flickr.com/services/api/ and the pages of the methods there
* "terms": https://www.flickr.com/services/api/tos/
* "developer guide": https://www.flickr.com/services/developer/api/
* "recorded": seen in recorded answers of the real API, checked on 2026-11-29
* "reported": seen by users of the real API, who published it
* "unverified": no answer has proved it; this file takes the cautious reading

One address takes every call, and `method` says which. The API key can only go into the query (API docs), so it is part
of every address; ImageVault removes it from logs and error messages. Titles, names and tags are plain text, and
descriptions are HTML (recorded).
"""

import asyncio
import datetime
import re

import httpx
import msgspec

from imagevault import (
    Author,
    Declared,
    Flags,
    Image,
    InvalidResponse,
    License,
    NotFound,
    Page,
    ProviderError,
    ProviderInfo,
    Quota,
    Rendition,
    RenditionName,
    SearchQuery,
    Sort,
    Terms,
    Unauthorized,
    Unavailable,
    decode,
    decode_each,
    hookimpl,
    text_of,
)

HOUR = 60 * 60  # seconds
DAY = 24 * HOUR

# 100 photos are the default, 500 the most (API docs).
PAGE_SIZE = 100

# Behind the 4000th photo the last ones come again, whatever `total` promises (API docs, reported).
MAX_RESULTS = 4000

# 3600 calls an hour for a key, over all its users (developer guide). No header tells what is left.
QUOTA = Quota(3600, "hour")

# A page of ours may show 30 photos at most (terms).
MAX_SHOWN = 30

# What every call sends. Without `format` the answer is XML; without `nojsoncallback` it is a script (API docs).
COMMON_PARAMS = {
    "format": "json",
    "nojsoncallback": "1",
}

# The licences by their numbers (flickr.photos.licenses.getInfo, recorded). 0 is "All Rights Reserved": it is never
# asked for, and never shown. A number that is not here says nothing about what it allows.
CREATIVE_COMMONS = {
    1: "https://creativecommons.org/licenses/by-nc-sa/2.0/",
    2: "https://creativecommons.org/licenses/by-nc/2.0/",
    3: "https://creativecommons.org/licenses/by-nc-nd/2.0/",
    4: "https://creativecommons.org/licenses/by/2.0/",
    5: "https://creativecommons.org/licenses/by-sa/2.0/",
    6: "https://creativecommons.org/licenses/by-nd/2.0/",
    9: "https://creativecommons.org/publicdomain/zero/1.0/",
    10: "https://creativecommons.org/publicdomain/mark/1.0/",
    11: "https://creativecommons.org/licenses/by/4.0/",
    12: "https://creativecommons.org/licenses/by-sa/4.0/",
    13: "https://creativecommons.org/licenses/by-nd/4.0/",
    14: "https://creativecommons.org/licenses/by-nc/4.0/",
    15: "https://creativecommons.org/licenses/by-nc-sa/4.0/",
    16: "https://creativecommons.org/licenses/by-nc-nd/4.0/",
}
OTHER_LICENSES = {
    7: License.public_domain("No known copyright restrictions", "https://www.flickr.com/commons/usage/"),
    8: License("us-government-work", "United States Government Work", "https://www.usa.gov/copyright.shtml"),
}
SHOWN_LICENSES = sorted([*CREATIVE_COMMONS, *OTHER_LICENSES])

# Filter -> ImageVault's value -> the numbers of the licences that pass it.
FILTERS = {
    "license": {
        "commercial": "4,5,6,7,8,9,10,11,12,13",
        "modification": "1,2,4,5,7,8,9,10,11,12,14,15",
        "public-domain": "7,9,10",
    },
}

# The fields of a photo beside its id, owner and title (API docs).
EXTRAS = (
    "description",
    "license",
    "date_taken",
    "owner_name",
    "path_alias",
    "tags",
    "media",
    "o_dims",
    "url_s",
    "url_m",
    "url_c",
    "url_l",
    "url_o",
)

# What every search sends (API docs). Without a licence it finds photos with all rights reserved, without `media` films,
# and without `content_types` screenshots.
SEARCH_PARAMS = {
    "extras": ",".join(EXTRAS),
    "license": ",".join(str(number) for number in SHOWN_LICENSES),
    "sort": "relevance",
    "media": "photos",
    "content_types": "0",
    "safe_search": "1",
}

# The level of safety that is shown: 0 is safe, 1 moderate, 2 restricted (API docs).
SAFE = 0

# A `-` before a word leaves out photos with it (API docs). Quotes and words in capitals are operators too (unverified).
QUOTES = re.compile(r'["“”„]')
LEADING_OPERATOR_SIGN = "-"
OPERATOR_WORDS = {"AND", "OR", "NOT"}

# The codes of failures, which come with status 200 (API docs). Other codes mean that the request is wrong.
FAILURES: dict[str, type[ProviderError]] = {
    "1": NotFound,
    "10": Unavailable,
    "98": Unauthorized,
    "100": Unauthorized,
    "105": Unavailable,
    "106": Unavailable,
    "201": Unavailable,  # "Sorry, the Flickr API service is not currently available." (reported)
}

# The seconds in `Retry-After`: 5
SECONDS = re.compile(r"[0-9]{1,6}")

# The id of a photo, such as 48294642212.
PHOTO_ID = re.compile(r"[1-9][0-9]{0,19}")

# A number, as text or not: both "660" and 660 were sent for the same field (recorded).
NUMBER = re.compile(r"[0-9]{1,9}")

# The hosts of files: `live` in every answer since 2019 (recorded), the others in older ones (reported).
FILE_HOSTS = {
    "live.staticflickr.com",
    *(f"farm{number}.staticflickr.com" for number in range(1, 100)),
    *(f"c{number}.staticflickr.com" for number in range(1, 10)),
}

# The address of a file: https://live.staticflickr.com/65535/48294642212_dcf1be876e_b.jpg
FILE_URL = re.compile(r"https?://([a-z0-9]+\.staticflickr\.com)/")

# The picture that replaces a removed photo (reported): https://s.yimg.com/pw/images/en-us/photo_unavailable.png
PLACEHOLDER = "photo_unavailable"

# The labels of files in `flickr.photos.getSizes` -> our names. Their longer sides have 240, 500, 800 and 1024 pixels
# (API docs). Other labels are crops, or sizes that ImageVault does not use.
RENDITION_NAMES: dict[str, RenditionName] = {
    "Small": "thumbnail",
    "Medium": "small",
    "Medium 800": "medium",
    "Large": "large",
    "Original": "original",
}

# When a photo was taken, in MySQL's form (API docs): 2019-09-07 16:26:44
DATE_TAKEN = re.compile(r"(?P<month>(?P<year>[0-9]{4})-[0-9]{2})-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")

# How exact that is (API docs): 0 to the second, 4 to the month, 6 to the year, 8 about the year.
TO_THE_MONTH = 4
TO_THE_YEAR = 6
ABOUT_THE_YEAR = 8

# The end of a file name: ".JPG" in DSC_0228.JPG
FILE_EXTENSION = re.compile(r"\.(?:jpe?g|png|gif|tiff?|heic)$", re.IGNORECASE)

# A name that a camera gave: DSC_0228, IMG 0404, P1010101, _MG_1234, 20190907_162644
CAMERA_NAME = re.compile(
    r"_?(?:cimg|dsc[finp]?|gopr|img|imgp|mg|p|pict|pxl|sam)[ _-]{0,3}[0-9][0-9 _()-]{2,40}|[0-9]{6,14}[ _-]?[0-9]{0,9}",
    re.IGNORECASE,
)

# Of the tags, only so many characters are read.
MAX_TAGS_TEXT = 10_000

# What cameras write as title and description, in small letters (recorded, reported).
CAMERA_TEXTS = {
    "digital camera",
    "exif_jpeg_picture",
    "kodak digital still camera",
    "konica minolta digital camera",
    "minolta digital camera",
    "olympus digital camera",
    "samsung camera pictures",
    "sony dsc",
}


class Settings(msgspec.Struct, frozen=True):
    """The settings of this provider.

    Attributes:
        api_key: The key from https://www.flickr.com/services/apps/create/, for which Flickr wants a Pro account. Its
            environment variable is FLICKR_API_KEY.

    """

    api_key: str


class _Photo(msgspec.Struct):
    """One photo of a search, with the fields that ImageVault uses.

    Fields without which there still is a record have any type, so that an odd one is left out and the record stays;
    `_string`, `_number` and `_member` read them. The others have their type: if Flickr ever sends them in another form,
    the gateway must know that the photos cannot be read.

    Numbers come as text or not, and a file that does not exist has no fields (recorded). Of the files, `s` has 240
    pixels on its longer side, `m` 500, `c` 800 and `l` 1024; `o` is the original.

    Attributes:
        owner: The id of the owner, such as 10000001@N00.
        ownername: The name of the owner.
        pathalias: The words that stand for the owner in addresses. Null or missing for many (reported).
        license: The number of the licence.
        description: An object with HTML: {"_content": "A <b>lamp</b>"}.
        datetaken: When it was taken, in the owner's time zone; when it was uploaded, if that is not known (API docs).
        datetakenunknown: 1 if that is not known.
        datetakengranularity: How exact it is.
        tags: Separated by blanks, without blanks of their own: "lamp newyork".
        media: `photo` or `video`.
        safety_level: Only `getInfo` sends it. A search finds safe photos, as `safe_search` asks.
        o_width: Pixels of the original, whether or not its owner allows to fetch it.
        o_height: Pixels of the original.

    """

    id: str
    owner: str
    license: int | str
    title: object = None
    ownername: object = None
    pathalias: object = None
    description: object = None
    datetaken: object = None
    datetakenunknown: object = None
    datetakengranularity: object = None
    tags: object = None
    media: object = None
    safety_level: object = SAFE
    o_width: object = None
    o_height: object = None
    url_s: str | None = None
    width_s: object = None
    height_s: object = None
    url_m: str | None = None
    width_m: object = None
    height_m: object = None
    url_c: str | None = None
    width_c: object = None
    height_c: object = None
    url_l: str | None = None
    width_l: object = None
    height_l: object = None
    url_o: str | None = None
    width_o: object = None
    height_o: object = None


class _Listing(msgspec.Struct):
    """One page of a search.

    Attributes:
        photo: Undecoded, so that `decode_each` can drop a bad photo and keep the page.
        total: How many photos match; text in some answers and a number in others (recorded). Of any type here, so that
            an odd one costs the total only.

    """

    photo: list[msgspec.Raw]
    total: object = None


class _Owner(msgspec.Struct):
    """The owner of a photo in `getInfo`."""

    nsid: str
    username: object = None
    path_alias: object = None


class _Info(msgspec.Struct):
    """One photo in `getInfo`: the same as `_Photo` in another form, without its files.

    Attributes:
        title: An object: {"_content": "A lamp"}.
        description: An object with HTML.
        dates: An object: {"taken": "2019-09-07 16:26:44", "takenunknown": "0", "takengranularity": "0"}.
        tags: An object: {"tag": [{"_content": "newyork", "raw": "New York"}]}. A search does not know `raw`.

    """

    id: str
    owner: _Owner
    license: int | str
    title: object = None
    description: object = None
    dates: object = None
    tags: object = None
    media: object = None
    safety_level: object = None


class _Size(msgspec.Struct):
    """One file in `getSizes`."""

    label: str
    source: str
    width: object = None
    height: object = None


class _Sizes(msgspec.Struct):
    """The files of a photo. Undecoded, so that a bad one is left out and the others stay."""

    size: list[msgspec.Raw]


class _Answer(msgspec.Struct):
    """One answer of the API. Each method has a part of its own.

    Attributes:
        stat: `ok` or `fail`.
        code: What failed.
        message: What failed, in words.
        photos: The part of `search`.
        photo: The part of `getInfo`.
        sizes: The part of `getSizes`.

    """

    stat: str
    code: int | str | None = None
    message: str | None = None
    photos: _Listing | None = None
    photo: _Info | None = None
    sizes: _Sizes | None = None


class _File(msgspec.Struct):
    """One file of a photo that can be shown, by our name for its size. Its sides are None where they are not known."""

    name: RenditionName
    url: str
    width: int | None
    height: int | None


# Order -> the value of `sort` (API docs). The popular ones are the most interesting by Flickr's own measure.
SORTS: dict[Sort, str] = {
    "relevance": "relevance",
    "newest": "date-posted-desc",
    "oldest": "date-posted-asc",
    "popular": "interestingness-desc",
}


@hookimpl
def provider_info() -> ProviderInfo:
    """Describe what Flickr offers and what its terms demand.

    The terms demand a notice, a link to each photo's page, at most 30 photos on a page, and that nothing is kept for
    long: what an owner removes must be gone within a day.
    """
    return ProviderInfo(
        title="Flickr",
        homepage="https://www.flickr.com",
        base_url="https://api.flickr.com/services/rest/",
        settings=Settings,
        page_size=PAGE_SIZE,
        filters=FILTERS,
        sorts=SORTS,
        max_results=MAX_RESULTS,
        quotas=[QUOTA],
        credit='"{title}" by {author} on Flickr, {license}',
        notice="This product uses the Flickr API but is not endorsed or certified by SmugMug, Inc.",
        file_hosts=FILE_HOSTS,
        cache_for=HOUR,
        max_age=DAY,
        max_shown=MAX_SHOWN,
        declares={"sensitive"},
        terms=Terms(
            url="https://www.flickr.com/services/api/tos/",
            checked_on="2026-11-22",
        ),
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings) -> Page:
    """Fetch one page of `flickr.photos.search`.

    Raises:
        Unauthorized: The key is wrong.
        Unavailable: Flickr is out of service.
        InvalidResponse: Flickr refused the request for another reason, or its answer lacks the photos.
        httpx.HTTPStatusError: Flickr answered 4xx or 5xx. The gateway names these errors.
        msgspec.MsgspecError: The answer does not have the documented form. The gateway names this error too.

    """
    words = _words(query.text)
    if not words:
        return Page([], last=True)
    params = {
        **SEARCH_PARAMS,
        **query.native,  # replaces the licences and the order
        "text": words,
        "page": str(query.page),
        "per_page": str(query.per_page),
    }
    answer = await _call(http, settings, "flickr.photos.search", params)
    if answer.photos is None:
        raise InvalidResponse("Flickr sent no photos")
    return await _page(query, answer.photos)


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings) -> Image | None:
    """Fetch one photo by `flickr.photos.getInfo`, and its files by `flickr.photos.getSizes`.

    Ids are numbers, so any other id costs no call. A photo that must not be shown counts as missing.

    Raises the errors of `search_images`.
    """
    if not PHOTO_ID.fullmatch(image_id):
        return None
    answer = await _call(http, settings, "flickr.photos.getInfo", {"photo_id": image_id})
    if answer.photo is None:
        raise InvalidResponse("Flickr sent no photo")
    photo = _photo(answer.photo)
    if not _may_be_shown(photo):
        return None
    answer = await _call(http, settings, "flickr.photos.getSizes", {"photo_id": image_id})
    if answer.sizes is None:
        raise InvalidResponse("Flickr sent no sizes")
    return _image(photo, _files_of_sizes(answer.sizes))


def _words(text: str) -> str:
    """Return a query without the operators of Flickr: `red -fox` becomes `red fox`.

    Signs inside of words stay: t-shirt, c+d.
    """
    words = []
    for typed in QUOTES.sub(" ", text).split():
        word = typed.lstrip(LEADING_OPERATOR_SIGN)
        if word in OPERATOR_WORDS:
            word = word.lower()
        if word:
            words.append(word)
    return " ".join(words)


async def _call(http: httpx.AsyncClient, settings: Settings, method: str, params: dict[str, str]) -> _Answer:
    """Call a method of the API and return its answer, or raise what its failure stands for."""
    response = await http.get(
        "",
        params={"method": method, "api_key": settings.api_key, **COMMON_PARAMS, **params},
    )
    answer = decode(response, _Answer)
    if answer.stat != "ok":
        raise _failure(answer, response)
    return answer


def _failure(answer: _Answer, response: httpx.Response) -> ProviderError:
    """Return the error that a code stands for, with the seconds of `Retry-After`, if they are stated."""
    stated = response.headers.get("Retry-After", "")
    seconds = float(stated) if SECONDS.fullmatch(stated) else None
    kind = FAILURES.get(str(answer.code), InvalidResponse)
    return kind(f"Flickr: {answer.message} (code {answer.code})", retry_after=seconds)


async def _page(query: SearchQuery, listing: _Listing) -> Page:
    """Convert a page of a search. A page behind the end holds the last photos again, and is empty here."""
    total = _number(listing.total)
    if total is None and not listing.photo:
        raise InvalidResponse("Flickr does not say how many photos it found")
    available = MAX_RESULTS if total is None else min(total, MAX_RESULTS)
    images_before = (query.page - 1) * query.per_page
    if images_before >= available:
        return Page([], total=total, last=True)
    photos = decode_each(listing.photo, _Photo)
    if photos and not any(_names_file(photo) for photo in photos):
        raise InvalidResponse("Flickr sent photos without their files")
    images = []
    for photo in photos:
        image = _image(photo, _files_of_search(photo))
        if image is not None:
            images.append(image)
        await asyncio.sleep(0)  # HTML of the worst kind takes a while: other requests may run in between
    is_short = total is None and len(listing.photo) < query.per_page
    return Page(images, total=total, last=is_short or images_before + query.per_page >= available)


def _photo(info: _Info) -> _Photo:
    """Convert a photo of `getInfo` into the form of a search, without its files."""
    tags = _member(info.tags, "tag")
    words = [_string(_member(tag, "_content")) for tag in tags] if isinstance(tags, list) else []
    return _Photo(
        id=info.id,
        owner=info.owner.nsid,
        license=info.license,
        title=_member(info.title, "_content"),
        ownername=info.owner.username,
        pathalias=info.owner.path_alias,
        description=info.description,
        datetaken=_member(info.dates, "taken"),
        datetakenunknown=_member(info.dates, "takenunknown"),
        datetakengranularity=_member(info.dates, "takengranularity"),
        tags=" ".join(words),
        media=info.media,
        safety_level=info.safety_level,
    )


def _names_file(photo: _Photo) -> bool:
    """Return whether a photo of a search names any file."""
    return any([photo.url_s, photo.url_m, photo.url_c, photo.url_l, photo.url_o])


def _files_of_search(photo: _Photo) -> list[_File]:
    """Return the files that a search names, smallest first."""
    return _files(
        [
            _File("thumbnail", photo.url_s or "", _number(photo.width_s), _number(photo.height_s)),
            _File("small", photo.url_m or "", _number(photo.width_m), _number(photo.height_m)),
            _File("medium", photo.url_c or "", _number(photo.width_c), _number(photo.height_c)),
            _File("large", photo.url_l or "", _number(photo.width_l), _number(photo.height_l)),
            _File("original", photo.url_o or "", _number(photo.width_o), _number(photo.height_o)),
        ]
    )


def _files_of_sizes(sizes: _Sizes) -> list[_File]:
    """Return the files that `getSizes` names, smallest first."""
    by_label = {size.label: size for size in decode_each(sizes.size, _Size)}
    named = []
    for label, name in RENDITION_NAMES.items():
        size = by_label.get(label)
        if size is not None:
            named.append(_File(name, size.source, _number(size.width), _number(size.height)))
    return _files(named)


def _files(named: list[_File]) -> list[_File]:
    """Return the files that can be shown: those at Flickr, without the picture that replaces a removed photo."""
    files = []
    for file in named:
        host = FILE_URL.match(file.url)
        if host and host[1] in FILE_HOSTS and PLACEHOLDER not in file.url:
            files.append(file)
    return files


def _may_be_shown(photo: _Photo) -> bool:
    """Return whether a photo may be shown: no film, not marked as unsafe, and under a known licence."""
    level = _number(photo.safety_level)
    is_safe = level is None or level == SAFE
    return is_safe and photo.media != "video" and _license(photo) is not None


def _image(photo: _Photo, files: list[_File]) -> Image | None:
    """Convert a photo into ImageVault's record, or return None if it may not be shown or has only a thumbnail.

    Flickr states no colour, no BlurHash and no text for `alt`.
    """
    has_file = any(file.name != "thumbnail" for file in files)
    if not has_file or not _may_be_shown(photo):
        return None
    is_upright = _is_upright(photo, files)
    width, height = _original_size(photo, files, is_upright=is_upright)
    return Image(
        id=photo.id,
        title=_title(photo),
        description=_description(photo),
        date=_date(photo),
        width=width,
        height=height,
        tags=_string(photo.tags)[:MAX_TAGS_TEXT].split(),
        author=_author(photo),
        source_url=f"https://www.flickr.com/photos/{photo.owner}/{photo.id}",
        license=_license(photo),
        declared=Declared(field="license", words=str(photo.license)),
        flags=_flags(photo),
        identities=[f"flickr:{photo.id}"],
        renditions=_renditions(files, is_upright=is_upright),
    )


def _title(photo: _Photo) -> str | None:
    """Return the title without the ending of a file name, or None if a camera gave it: "DSC_0228.JPG"."""
    title = FILE_EXTENSION.sub("", _string(photo.title).strip())
    if title.casefold() in CAMERA_TEXTS or CAMERA_NAME.fullmatch(title):
        return None
    return title or None


def _description(photo: _Photo) -> str | None:
    """Return what the owner wrote about the photo, or None if a camera wrote it: "OLYMPUS DIGITAL CAMERA".

    It tells stories and sells things, so it is no text for `alt`.
    """
    description = text_of(_string(_member(photo.description, "_content")))
    if description.casefold() in CAMERA_TEXTS:
        return None
    return description or None


def _date(photo: _Photo) -> str | None:
    """Return when the photo was taken, as exactly as the owner says, or None if that is not known.

    `2019-09-07 16:26:44` becomes `2019-09-07T16:26:44`, `2019-09`, `2019` or `circa 2019`. It is in the owner's time
    zone, which is not stated (API docs).
    """
    taken = DATE_TAKEN.fullmatch(_string(photo.datetaken))
    is_unknown = _number(photo.datetakenunknown) == 1
    if taken is None or is_unknown or taken["year"] == "0000":
        return None
    granularity = _number(photo.datetakengranularity) or 0
    if granularity >= ABOUT_THE_YEAR:
        return f"circa {taken['year']}"
    if granularity >= TO_THE_YEAR or not _is_time(f"{taken['month']}-01"):
        return taken["year"]
    if granularity >= TO_THE_MONTH or not _is_time(taken[0]):
        return taken["month"]
    return taken[0].replace(" ", "T")


def _is_time(text: str) -> bool:
    """Return whether there is such a day or time: no 2019-13-45 99:99:99, and no 2019-00-00 of MySQL."""
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _author(photo: _Photo) -> Author:
    """Return the owner with the address of their photos. A name is plain text: somebody may call herself <Ann/>."""
    alias = _string(photo.pathalias) or photo.owner
    name = _string(photo.ownername).strip() or alias
    return Author(name=name, url=f"https://www.flickr.com/photos/{alias}/")


def _license(photo: _Photo) -> License | None:
    """Return the licence, or None if all rights are reserved, or if the number is not known."""
    number = _number(photo.license)
    if number is None:
        return None
    if number in CREATIVE_COMMONS:
        return License.from_url(CREATIVE_COMMONS[number])
    return OTHER_LICENSES.get(number)


def _flags(photo: _Photo) -> Flags:
    """Return whether the photo is marked as unsafe; None where Flickr does not say. Unsafe ones are not shown."""
    level = _number(photo.safety_level)
    return Flags(sensitive=None if level is None else level != SAFE)


def _renditions(files: list[_File], *, is_upright: bool) -> list[Rendition]:
    """Return the files, smallest first, each with its size in the orientation of the photo.

    The largest file is called `large` where there is no original, whatever its size: owners need not allow to fetch
    the original, and an image needs either an `original` or a `large`.
    """
    renditions = []
    for file in files:
        width, height = _oriented(file.width, file.height, is_upright=is_upright)
        renditions.append(Rendition(name=file.name, url=file.url, width=width, height=height))
    if renditions[-1].name != "original":
        renditions[-1] = msgspec.structs.replace(renditions[-1], name="large")
    return renditions


def _original_size(photo: _Photo, files: list[_File], *, is_upright: bool) -> tuple[int, int] | tuple[None, None]:
    """Return the size of the original, or else of the largest file whose size is known."""
    original = _File("original", "", _number(photo.o_width), _number(photo.o_height))
    for file in (original, *reversed(files)):
        width, height = _oriented(file.width, file.height, is_upright=is_upright)
        if width is not None and height is not None:
            return width, height
    return None, None


def _is_upright(photo: _Photo, files: list[_File]) -> bool:
    """Return whether the photo is higher than wide, as most of the sizes of its files say.

    The sides of the 800 pixels' file are swapped for many portraits (reported). Where as many say this as that, the
    original decides.
    """
    upright = 0
    flat = 0
    for file in files:
        if file.width and file.height:
            upright += file.height > file.width
            flat += file.width > file.height
    original_width = _number(photo.o_width) or 0
    original_height = _number(photo.o_height) or 0
    if upright == flat:
        return original_height > original_width
    return upright > flat


def _oriented(width: int | None, height: int | None, *, is_upright: bool) -> tuple[int, int] | tuple[None, None]:
    """Return a width and a height in this orientation; None for both where one of them is not known."""
    if not width or not height:
        return None, None
    shorter = min(width, height)
    longer = max(width, height)
    return (shorter, longer) if is_upright else (longer, shorter)


def _member(value: object, name: str) -> object:
    """Return a member of an object of the answer, or None if there is no such member or no such object."""
    return value.get(name) if isinstance(value, dict) else None


def _string(value: object) -> str:
    """Return a value that is text, or an empty text."""
    return value if isinstance(value, str) else ""


def _number(value: object) -> int | None:
    """Return a value that is a whole number, as text or not, or None."""
    text = str(value) if isinstance(value, int | str) else ""
    return int(text) if NUMBER.fullmatch(text) else None
