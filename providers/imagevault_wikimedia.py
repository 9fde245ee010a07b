"""Wikimedia Commons: files under free licences, each with its own credit. It needs no key, but a contact.

Each fact below names its source:

* "API docs": https://www.mediawiki.org/wiki/API:Query and https://www.mediawiki.org/wiki/API:Imageinfo
* "access policy": https://www.mediawiki.org/wiki/Wikimedia_APIs/Access_policy
* "search docs": https://www.mediawiki.org/wiki/Help:CirrusSearch
* "CommonsMetadata": https://github.com/wikimedia/mediawiki-extensions-CommonsMetadata, which makes `extmetadata`
* "recorded": seen in recorded answers of the real API, checked on 2026-11-29
* "reported": seen by users of the real API, who published it
* "unverified": no answer has proved it; this file takes the cautious reading

The values of `extmetadata` are HTML from the pages that volunteers write: any field may be missing, hold a table, or
hold a sentence of a template in place of a name.
"""

import asyncio
import datetime
import re
import unicodedata
from collections.abc import Callable
from itertools import islice
from typing import Annotated, Any

import httpx
import msgspec

from imagevault import (
    Author,
    Declared,
    Flags,
    Image,
    InvalidResponse,
    License,
    Page,
    ProviderError,
    ProviderInfo,
    Quota,
    RateLimited,
    Rendition,
    RenditionName,
    SearchQuery,
    Terms,
    Unavailable,
    decode,
    decode_each,
    hookimpl,
    text_of,
)

DAY = 24 * 60 * 60  # seconds

# 50 files with metadata are the most for one call, and a search gives 10 000 files (unverified).
PAGE_SIZE = 50
MAX_RESULTS = 10_000

# At most 3 calls at once (access policy). The calls of a minute are limited too, but no number is published.
CONCURRENCY = 2
QUOTA = Quota(60, "minute")

# `ProviderInfo.title`; a credit line that names it needs no "via Wikimedia Commons".
TITLE = "Wikimedia Commons"

# The fields of the metadata that are asked for.
METADATA_FIELDS = (
    "Artist",
    "Attribution",
    "AttributionRequired",
    "Credit",
    "DateTimeOriginal",
    "ImageDescription",
    "License",
    "LicenseShortName",
    "LicenseUrl",
    "ObjectName",
    "Restrictions",
)

# What every call asks for. `formatversion=2` makes `pages` a list and truth values booleans (API docs).
# 330 is a standard width; the file server refuses others (reported). The answer adds the next two steps (recorded).
COMMON_PARAMS = {
    "action": "query",
    "format": "json",
    "formatversion": "2",
    "prop": "imageinfo",
    "iiprop": "url|size|mime|extmetadata",
    "iiurlwidth": "330",
    "iiextmetadatafilter": "|".join(METADATA_FIELDS),
}

# The codes of errors, which come with status 200 (API docs). Other codes mean that the request is wrong.
ERRORS: dict[str, type[ProviderError]] = {
    "ratelimited": RateLimited,
    "maxlag": Unavailable,
    "readonly": Unavailable,
    "cirrussearch-too-busy-error": Unavailable,  # reported
    "cirrussearch-backend-error": Unavailable,  # reported
}
INTERNAL_ERROR = "internal_api_error"  # internal_api_error_DBQueryError (API docs)

# The seconds in `Retry-After`: 5
SECONDS = re.compile(r"[0-9]{1,6}")

# Characters that CirrusSearch reads as operators wherever they stand (search docs): "red fox", intitle:fox, f?x, fox~2
OPERATOR_SIGNS = re.compile(r'["“”„:~*?!/\\|]')
# At the start of a word alone they are operators too (search docs): -fox, +fox, &&
LEADING_OPERATOR_SIGNS = "-+&"
# These words are operators in capitals (search docs): fox NOT red
OPERATOR_WORDS = {"AND", "OR", "NOT"}

# The id of a page, such as 44672185.
PAGE_ID = re.compile(r"[1-9][0-9]{0,9}")

# The types of pictures. `filetype:bitmap` keeps out PDF, sounds and films, but not DjVu books (recorded).
PICTURE_TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "tif": "image/tiff",
    "tiff": "image/tiff",
}

# The end of a file name: "jpg" in /wikipedia/commons/a/ab/Lamp.jpg
FILE_EXTENSION = re.compile(r"\.([A-Za-z]{3,4})$")

# Decoration of links since 2026 (recorded): ?utm_source=commons.wikimedia.org&utm_campaign=imageinfo
DECORATION = re.compile(r"[?&]utm_.*", re.DOTALL)

# The width at the start of a thumbnail's name: "330" in 330px-Lamp.jpg and in lossy-page1-330px-Lamp.tif.jpg
THUMBNAIL_WIDTH = re.compile(r"(?:[a-z]{1,20}-)?(?:page[0-9]{1,6}-)?([0-9]{2,4})px-")

# How many thumbnails are read. There are two (recorded).
MAX_THUMBNAILS = 10

# Standard widths of thumbnails -> our names (https://www.mediawiki.org/wiki/Common_thumbnail_sizes).
THUMBNAIL_NAMES: dict[int, RenditionName] = {
    330: "thumbnail",
    500: "small",
    960: "medium",
}

# Only so many characters of a value are read. None that was recorded has more than 1000.
MAX_HTML = 4_000

# The name of a page has at most 255 bytes (https://www.mediawiki.org/wiki/Help:Titles), beside "File:".
MAX_TITLE = 300

# A tag: <a href="x">, </div>. MediaWiki writes < and > inside of attributes as entities (API docs).
TAG = re.compile(r"<(?P<slash>/?)(?P<name>[a-zA-Z][a-zA-Z0-9]{0,14})\b(?P<attributes>[^<>]{0,2000}+)>")

# Elements without an end tag.
VOID_ELEMENTS = {"br", "hr", "img", "input", "wbr"}

# Data for machines (recorded): <div style="display: none;">date QS:P,+1891-00-00T00:00:00Z/9</div>
HIDDEN = re.compile(r"display:\s{0,9}none", re.IGNORECASE)

# The start of a cell of a table, or of an item of a list: <td class="x">, <li>, <dt>
CELL = re.compile(r"<(?:li|td|th|tr|dt|dd)\b[^<>]{0,2000}+>", re.IGNORECASE)

# A table, or a list of terms with their explanations: <table class="x">, <dl>
TABLE = re.compile(r"<(?:table|dl)\b", re.IGNORECASE)

# The address in a link: href="//commons.wikimedia.org/wiki/User:Ada"
HREF = re.compile(r"""\bhref\s{0,5}=\s{0,5}["']([^"'<>]{1,2048})["']""")

# A page that https can be expected to reach: //commons.wikimedia.org/wiki/User:Ada, http://ada.example/photos
WEB_PAGE = re.compile(r"(?:https?:)?//((?:[a-z0-9-]+\.)+[a-z]{2,}(?:[/?#].*)?)", re.IGNORECASE | re.DOTALL)

# The page of a file: //commons.wikimedia.org/wiki/File:Lamp.jpg, /w/index.php?title=File:Lamp.jpg
FILE_PAGE = re.compile(r"(?:/wiki/|[?&]title=)(?:File|Image):", re.IGNORECASE)

# Other pages that are nobody's: //commons.wikimedia.org/wiki/User_talk:Ada, and pages that are still to be written:
# //commons.wikimedia.org/w/index.php?title=User:Ada&action=edit&redlink=1
NOBODYS_PAGE = re.compile(
    r"(?:/wiki/|[?&]title=)(?:User[_ ]talk|Special|Template|Help|Commons):"
    r"|[?&]redlink=1"
    r"|//creativecommons\.org/(?:licenses|publicdomain)/",
    re.IGNORECASE,
)

# What follows the name of a user: "Ada (talk)", "Ada (talk · contribs)"
TALK = re.compile(r" ?\(talk(?: ?[·|] ?contribs)?\)", re.IGNORECASE)

# A note about the account: "Ada Example [user: ada, mail: ada at mail.example]" (published)
ACCOUNT_NOTE = re.compile(r" ?\[user: [^\[\]]{1,200}\]", re.IGNORECASE)

# What a link to the page of a user has as its text where nobody gave it another: "User:Ada"
USER_PREFIX = "User:"

# The years of a life: "Ada Example (1832-1883)", "Andy Example (born 1972)", and "Andy Example (1972-)" with any dash
YEARS_OF_LIFE = re.compile(r" ?\((?:[0-9]{4} ?[-\u2013\u2014] ?(?:[0-9]{4})?|born [0-9]{4})\)")

# A full stop that belongs to its word: "Ada Example Jr.", "Example Inc."
ABBREVIATION = re.compile(r"\b[^\W\d_]{1,4}\.$")

# The first cell of a row about an author, before the name.
AUTHOR_LABELS = {"artist", "author", "creator", "name", "photographer"}

# The first cells of the rows that follow the name in https://commons.wikimedia.org/wiki/Template:Creator
CREATOR_LABELS = {
    "alternative names",
    "authority control",
    "authority file",
    "birth and death",
    "date of birth",
    "date of birth/death",
    "date of death",
    "description",
    "location of birth",
    "location of birth/death",
    "location of death",
    "other names",
    "work location",
    "work period",
}

# What stands for an author where nobody is named (reported), in small letters and without punctuation.
NOBODY = {
    "this file is lacking author information",
    "author unknown",
    "unknown",
    "unknown artist",
    "unknown author",
    "unknown creator",
    "unknown photographer",
    "not stated",
    "not known",
    "n a",
    "own work",
    "see below",
    "see description",
    "see source",
}

# A sentence about the uploader in place of an author (recorded and reported). Templates write such as
# "The original uploader was Ada at Italian Wikipedia." and
# "No machine-readable author provided. Ada assumed (based on copyright claims)." there.
UPLOADER_SENTENCE = re.compile(
    r"(?:the )?original uploader (?:was|is) |no machine-readable author provided|uploaded (?:by|to) ",
    re.IGNORECASE,
)

# A source that names nobody (recorded, reported): "Own work", "Transferred from it.wikipedia to Commons by Ada"
NO_SOURCE = re.compile(
    r"own work\b|self-made\b|no machine-readable source provided|this file is lacking source information"
    r"|transferred from |unknown(?: source)?\.?$",
    re.IGNORECASE,
)

# The longest wording that goes into a credit line, in characters. The gateway cuts credits at 1000.
MAX_WORDING = 500

# The code of a Creative Commons licence in `License`: cc-by-sa-3.0-de, cc-by-2.5-scotland, cc-by-sa-4.0,3.0,2.5
CREATIVE_COMMONS = re.compile(
    r"cc-(?P<terms>by(?:-nc)?(?:-nd|-sa)?)-(?P<version>[0-9]\.[0-9])"
    r"(?:-(?P<port>[a-z]{2}|igo|scotland)|-migrated|,[0-9.,]{1,20})?"
)
CREATIVE_COMMONS_PAGES = {
    "cc0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "pd": "https://creativecommons.org/publicdomain/mark/1.0/",
}

# Licences without an address that state the public domain (reported): {{Flickr-no known copyright restrictions}} has
# the name "No restrictions".
PUBLIC_DOMAIN_NAMES = {"public domain", "no restrictions", "no known copyright restrictions"}

# A name that a camera gave: DSC_0228, IMG 0404, P1010101, _MG_1234, 20190907_162644
CAMERA_NAME = re.compile(
    r"_?(?:cimg|dsc[finp]?|gopr|img|imgp|mg|p|pict|pxl|sam)[ _-]{0,3}[0-9][0-9 _()-]{2,40}|[0-9]{6,14}[ _-]?[0-9]{0,9}",
    re.IGNORECASE,
)

# What cameras write into the files as title and description, in small letters (reported).
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

# A date at any precision (recorded): 1891, 2015-09, 2015-09-12, 2015-09-12 13:51:49, and 2015:09:12 13:51:49 of EXIF
DATE = re.compile(
    r"(?P<year>[0-9]{4})"
    r"(?:[-:](?P<month>[0-9]{2})(?:[-:](?P<day>[0-9]{2})(?:[ T](?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?))?)?)?"
)
UNKNOWN_DATES = {"unknown", "unknown date", "date unknown"}

# A photo at Flickr: https://www.flickr.com/photos/ada/48294642212/, https://live.staticflickr.com/65535/48294642212_ab
FLICKR_LINK = re.compile(
    r"flickr\.com/photos/[^/\s\"'<>]{1,60}/([0-9]{4,20})|static\.?flickr\.com/[0-9]{1,6}/([0-9]{4,20})_"
)
# The id that tools for Flickr append to a title: "48294642212" in "A lamp (48294642212).jpg". Years and numbers of
# copies have fewer digits.
FLICKR_ID = re.compile(r"\(([0-9]{9,11})\)\.[A-Za-z]{3,4}$")
# A file that was made from another: "A lamp (cropped).jpg", "derivative work: Ada"
CHANGED_FILE = re.compile(r"\b(?:crop|cropped|derivative|edit|edited|retouched)\b", re.IGNORECASE)


class Settings(msgspec.Struct, frozen=True):
    """The settings of this provider.

    Attributes:
        contact: How Wikimedia reaches the operator of this server. Its environment variable is WIKIMEDIA_CONTACT.

    """

    contact: Annotated[
        str,
        msgspec.Meta(
            # https://images.example/contact, ops@mail.example. It stands in brackets in a header, so it has none.
            pattern=r"^(https?://[!-'*-~]+|[!-'*-?A-~]+@[!-'*-?A-~]+)\Z",
            description="a mail address or https page of the operator of this server",
        ),
    ]


class _Metadata(msgspec.Struct, rename="pascal"):
    """The metadata of a file: the fields of `extmetadata` that ImageVault uses.

    Each is an object with a `value`, which is HTML or a number (recorded). They have any type here, so that an odd one
    is left out and the record stays; `_html` and `_text` read them.

    Attributes:
        artist: Who made the file. Often a link to the page of a user, and sometimes a sentence.
        attribution: The credit that the licensor demands.
        attribution_required: `true` or `false`, as text.
        credit: The source of the file, such as "Own work" or a museum.
        date_time_original: When the work was made. `DateTime` is not used: it is the time of the upload (recorded).
        license: A code such as `cc-by-sa-4.0` or `pd`, made from the short name (CommonsMetadata). Codes of other
            families are missing.
        license_short_name: Such as "CC BY-SA 4.0".
        license_url: The page of the licence. Missing for the public domain (recorded).
        object_name: The title; the name of the file where the page has none (recorded).
        restrictions: Limits beside copyright, separated by bars: "trademarked|personality".

    """

    artist: object = None
    attribution: object = None
    attribution_required: object = None
    credit: object = None
    date_time_original: object = None
    image_description: object = None
    license: object = None
    license_short_name: object = None
    license_url: object = None
    object_name: object = None
    restrictions: object = None


class _Info(msgspec.Struct):
    """One file: an element of `imageinfo`, with the fields that ImageVault uses.

    Attributes:
        url: The original. Address and size are missing where the file itself is missing (API docs); such a page is bad.
        page_url: The file's page.
        width: Pixels of the original; 0 for sounds (API docs).
        height: Pixels of the original.
        type: The MIME type of the original.
        thumbnail_url: The thumbnail; the original, where that is smaller. Its width is the one in its name:
            `thumbwidth` repeats what was asked (reported).
        larger_thumbnail_urls: Thumbnails for finer screens, by their scale: `1.5` and `2`.
        metadata: An empty list where no field is known (reported), as PHP writes an empty map.

    """

    url: str
    width: int
    height: int
    page_url: str = msgspec.field(name="descriptionurl")
    type: str | None = msgspec.field(name="mime", default=None)
    thumbnail_url: object = msgspec.field(name="thumburl", default=None)
    larger_thumbnail_urls: object = msgspec.field(name="responsiveUrls", default=None)
    metadata: _Metadata | list[Any] = msgspec.field(name="extmetadata", default_factory=_Metadata)


class _File(msgspec.Struct):
    """One page of the wiki, which describes a file.

    Attributes:
        title: Such as "File:A lamp.jpg". Missing for an unknown id (recorded).
        infos: One file. Missing while the answer is not complete, for an unknown id, and for a page without a file.
        position: The place among the results; pages come in no order (recorded). Missing in a lookup.

    """

    pageid: int
    title: Annotated[str, msgspec.Meta(max_length=MAX_TITLE)] = ""
    infos: list[_Info] = msgspec.field(name="imageinfo", default_factory=list)
    position: int = msgspec.field(name="index", default=0)


class _Query(msgspec.Struct):
    """The results of an answer.

    Attributes:
        pages: Undecoded, so that `decode_each` can drop a bad page and keep the others.

    """

    pages: list[msgspec.Raw] = msgspec.field(default_factory=list)


class _Error(msgspec.Struct):
    """What went wrong."""

    code: str = ""
    info: str = ""


class _Answer(msgspec.Struct):
    """One answer of the API.

    Attributes:
        is_complete: Whether every page has its `imageinfo`.
        continuation: What the next call must send back, whatever it holds (API docs). It holds `gsroffset` where more
            results follow.
        query: Missing where nothing is found (recorded).

    """

    is_complete: bool = msgspec.field(name="batchcomplete", default=False)
    continuation: dict[str, Any] = msgspec.field(name="continue", default_factory=dict)
    query: _Query = msgspec.field(default_factory=_Query)
    error: _Error | None = None


class _Details(msgspec.Struct):
    """The metadata of a file as texts, each read once. One that is missing is empty.

    Attributes:
        artist_html: `Artist` as HTML, for its links and cells.
        source_html: `Credit` as HTML, for its links.

    """

    artist_html: str
    artist: str
    demanded_credit: str
    is_credit_required: bool
    source_html: str
    source: str
    date: str
    description: str
    license_code: str
    license_name: str
    license_url: str
    title: str
    restrictions: str


class _Results(msgspec.Struct):
    """The files of a complete answer, in their order, and whether more follow."""

    files: list[_File]
    has_more: bool


@hookimpl
def provider_info() -> ProviderInfo:
    """Describe what Wikimedia Commons offers and what its policy demands.

    Reusers must name author, licence and source (https://commons.wikimedia.org/wiki/Commons:Reusing_content_outside_Wikimedia).
    """
    return ProviderInfo(
        title=TITLE,
        homepage="https://commons.wikimedia.org",
        base_url="https://commons.wikimedia.org/w/",
        settings=Settings,
        page_size=PAGE_SIZE,
        sorts={"relevance": "relevance", "newest": "create_timestamp_desc"},
        max_results=MAX_RESULTS,
        quotas=[QUOTA],
        concurrency=CONCURRENCY,
        credit="{title} by {author}, {license}, via Wikimedia Commons",
        file_hosts={"upload.wikimedia.org", "thumb.wikimedia.org"},  # thumb. since 2026 (recorded)
        cache_for=DAY,
        terms=Terms(
            url="https://www.mediawiki.org/wiki/Wikimedia_APIs/Access_policy",
            checked_on="2026-11-22",
        ),
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings) -> Page:
    """Fetch one page of a search for pictures.

    Raises:
        RateLimited: Wikimedia allows no more calls now.
        Unavailable: Wikimedia is too busy, or does not write at the moment.
        InvalidResponse: Wikimedia refused the request, or did not complete its answer.
        httpx.HTTPStatusError: Wikimedia answered 4xx or 5xx. The gateway names these errors.
        msgspec.MsgspecError: The answer does not have the documented form. The gateway names this error too.

    """
    words = _words(query.text)
    offset = (query.page - 1) * query.per_page
    limit = min(query.per_page, MAX_RESULTS - offset)
    if not words or limit < 1:
        return Page([], last=True)
    params = {
        "generator": "search",
        "gsrnamespace": "6",  # files
        "gsrsearch": f"filetype:bitmap {words}",
        "gsroffset": str(offset),
        "gsrlimit": str(limit),
    }
    if "sort" in query.native:
        params["gsrsort"] = query.native["sort"]
    results = await _results(http, settings, params)
    if results.files and not any(file.infos for file in results.files):
        raise InvalidResponse("Wikimedia sent pages without their files")
    images = []
    for file in results.files:
        if _is_picture(file):
            images.append(_image(file, file.infos[0]))
            await asyncio.sleep(0)  # HTML of the worst kind takes 50 ms a file: other requests may run in between
    return Page(images, last=not results.has_more)


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings) -> Image | None:
    """Fetch one file by the id of its page, or return None if there is no such picture.

    Ids are numbers, so any other id costs no call. An id may belong to an article or to a sound.

    Raises the errors of `search_images`.
    """
    if not PAGE_ID.fullmatch(image_id):
        return None
    results = await _results(http, settings, {"pageids": image_id})
    for file in results.files:
        if str(file.pageid) == image_id and _is_picture(file):
            return _image(file, file.infos[0])
    return None


def _words(text: str) -> str:
    """Return a query without the operators of CirrusSearch: `-red intitle:fox` becomes `red intitle fox`.

    Signs inside of words stay: t-shirt, c+d, a&b.
    """
    words = []
    for typed in OPERATOR_SIGNS.sub(" ", text).split():
        word = typed.lstrip(LEADING_OPERATOR_SIGNS)
        if word in OPERATOR_WORDS:
            word = word.lower()
        if word:
            words.append(word)
    return " ".join(words)


async def _results(http: httpx.AsyncClient, settings: Settings, params: dict[str, str]) -> _Results:
    """Call the API until the answer is complete.

    Some pages lack `imageinfo` until every key of `continue` is sent back; then the earlier ones lack it (recorded).
    """
    files: dict[int, _File] = {}
    continuation: dict[str, Any] = {}
    while True:
        answer = await _call(http, settings, {**params, **continuation})
        pieces = decode_each(answer.query.pages, _File)
        is_new = False
        for file in pieces:
            if file.pageid not in files or (file.infos and not files[file.pageid].infos):
                is_new = is_new or bool(file.infos)
                files[file.pageid] = file
        if answer.is_complete:
            break
        if not is_new:
            raise InvalidResponse("Wikimedia does not complete its answer")
        continuation = answer.continuation
    in_order = sorted(files.values(), key=lambda file: file.position)
    return _Results(in_order, has_more="gsroffset" in answer.continuation)


async def _call(http: httpx.AsyncClient, settings: Settings, params: dict[str, Any]) -> _Answer:
    """Make one call and return its answer, or raise what its error stands for.

    The User-Agent names the client, a contact and the library (access policy); a call without a contact is a 403
    (reported).
    """
    agent = f"{http.headers['User-Agent']} ({settings.contact}) httpx/{httpx.__version__}"
    response = await http.get("api.php", params={**COMMON_PARAMS, **params}, headers={"User-Agent": agent})
    answer = decode(response, _Answer)
    if answer.error is not None:
        raise _failure(answer.error, response)
    return answer


def _failure(error: _Error, response: httpx.Response) -> ProviderError:
    """Return the error that a code stands for, with the seconds of `Retry-After`, if they are stated."""
    stated = response.headers.get("Retry-After", "")
    seconds = float(stated) if SECONDS.fullmatch(stated) else None
    kind = ERRORS.get(error.code, InvalidResponse)
    if error.code.startswith(INTERNAL_ERROR):
        kind = Unavailable
    return kind(f"Wikimedia: {error.info} ({error.code})", retry_after=seconds)


def _is_picture(file: _File) -> bool:
    """Return whether a page has a picture: no article, book, drawing, sound or film."""
    if not file.infos:
        return False
    info = file.infos[0]
    has_size = info.width > 0 and info.height > 0
    return has_size and _type(info) in PICTURE_TYPES.values()


def _type(info: _Info) -> str | None:
    """Return the MIME type of the original, by the end of its name where the answer does not state it."""
    if info.type:
        return info.type
    path = info.url.partition("?")[0]
    extension = FILE_EXTENSION.search(path)
    if extension is None:
        return None
    return PICTURE_TYPES.get(extension[1].lower())


def _image(file: _File, info: _Info) -> Image:
    """Convert a file into ImageVault's record. Commons states no colour and no BlurHash."""
    details = _details(info)
    page_url = _undecorated(info.page_url)
    title = _title(file, details)
    author = _author(details)
    license = _license(details, page_url)
    return Image(
        id=str(file.pageid),
        title=title,
        alt=_alt(file, details),
        description=details.description or None,
        date=_date(details),
        extra=_extra(details),
        width=info.width,
        height=info.height,
        author=author,
        source_url=page_url,
        license=license,
        declared=_declared(details),
        flags=Flags(restrictions=_restrictions(details)),
        identities=_identities(file, details),
        renditions=_renditions(info),
        credit=_credit(title, author, license, page_url, details),
    )


def _details(info: _Info) -> _Details:
    """Read the metadata of a file."""
    metadata = info.metadata if isinstance(info.metadata, _Metadata) else _Metadata()
    artist_html = _html(metadata.artist)
    source_html = _html(metadata.credit)
    return _Details(
        artist_html=artist_html,
        artist=text_of(artist_html),
        demanded_credit=_text(metadata.attribution),
        is_credit_required=_text(metadata.attribution_required) != "false",
        source_html=source_html,
        source=text_of(source_html),
        date=_text(metadata.date_time_original),
        description=_without_camera_text(_text(metadata.image_description)),
        license_code=_text(metadata.license),
        license_name=_text(metadata.license_short_name),
        license_url=_text(metadata.license_url),
        title=_without_camera_text(_text(metadata.object_name)),
        restrictions=_text(metadata.restrictions),
    )


def _without_camera_text(text: str) -> str:
    """Return a text, or an empty one if a camera wrote it: "OLYMPUS DIGITAL CAMERA"."""
    return "" if text.casefold() in CAMERA_TEXTS else text


def _title(file: _File, details: _Details) -> str | None:
    """Return the title, else the name of the file without its ending, else None.

    A name that a camera gave is no title: "DSC 0228".
    """
    title = details.title or file.title
    title = FILE_EXTENSION.sub("", title.removeprefix("File:")).strip()
    if CAMERA_NAME.fullmatch(title):
        return None
    return title or None


def _alt(file: _File, details: _Details) -> str | None:
    """Return the description, which says what the file shows (https://commons.wikimedia.org/wiki/Template:Information).

    It is None where the description only repeats the title or the name of the file.
    """
    words = _comparable(details.description)
    is_known = words in _comparable(details.title) or words in _comparable(file.title)
    if not words or is_known:
        return None
    return details.description


def _comparable(text: str) -> str:
    """Return the letters and digits of a text, in small letters: two texts that differ in punctuation are the same."""
    return "".join(char for char in text.casefold() if char.isalnum())


def _date(details: _Details) -> str | None:
    """Return when the work was made as ISO 8601, else in the page's own words: "circa 1889".

    `2015-09-12 13:51:49` becomes `2015-09-12T13:51:49`. No time zone is stated.
    """
    found = DATE.fullmatch(details.date)
    if found is None:
        is_unknown = details.date.casefold() in UNKNOWN_DATES
        return None if is_unknown else details.date or None
    if found["year"] == "0000":
        return None
    date = found["year"]
    for part in (found["month"], found["day"]):
        if part is None or part == "00" or not _is_date(f"{date}-{part}"):
            return date
        date = f"{date}-{part}"
    is_timed = found["time"] is not None and _is_date(f"{date}T{found['time']}")
    return f"{date}T{found['time']}" if is_timed else date


def _is_date(text: str) -> bool:
    """Return whether there is such a month, day or time: no 2019-13, no 2019-02-31, no 2019-02-01T25:00."""
    try:
        datetime.datetime.fromisoformat(text if len(text) > len("2019-02") else f"{text}-01")
    except ValueError:
        return False
    return True


def _extra(details: _Details) -> dict[str, str]:
    """Return the source of the file, such as a museum or an address, where it says anything."""
    source = _source(details)
    return {"source": source} if source else {}


def _restrictions(details: _Details) -> list[str]:
    """Return the limits beside copyright: "trademarked|personality" has two. No licence lifts them."""
    return [limit.strip() for limit in details.restrictions.split("|") if limit.strip()]


def _author(details: _Details) -> Author | None:
    """Return who made the file, with their page, or None if the page of the file names nobody.

    The uploader is not the author, so neither the account nor a sentence about it is used.
    """
    name = _artist_name(details)
    if not name or UPLOADER_SENTENCE.match(name):
        return None
    return Author(name=name, url=_artist_page(details))


def _artist_name(details: _Details) -> str:
    """Return the name in `Artist`, or an empty text.

    Items of a list are set apart: "Ada Example; derivative work: Bo Sample". Of a table, the first cell that is no
    label is the name.
    """
    markup = _without_elements(details.artist_html, _links_to_file)
    names = []
    for cell in CELL.split(markup):
        name = _cleaned_name(text_of(cell))
        label = name.rstrip(": ").casefold()
        if label in CREATOR_LABELS:
            break
        if name and label not in AUTHOR_LABELS and not _is_nobody(name):
            names.append(name)
    if TABLE.search(markup):
        names = names[:1]
    return "; ".join(names)


def _cleaned_name(text: str) -> str:
    """Return a name without what pages put around it: "Ada Example (1832-1883)", ": User:Ada (talk)"."""
    text = TALK.sub("", text)
    text = ACCOUNT_NOTE.sub("", text)
    text = YEARS_OF_LIFE.sub("", text)
    return _without_final_stop(text.strip(" ,;:").removeprefix(USER_PREFIX))


def _without_final_stop(text: str) -> str:
    """Return a text without the full stop of its sentence, so that a line can go on behind it."""
    if ABBREVIATION.search(text):
        return text
    return text.rstrip(".")


def _is_nobody(name: str) -> bool:
    """Return whether a text stands where nobody is named: "Unknown author", "?".

    Templates may write it twice: "Unknown authorUnknown author" (reported).
    """
    words = " ".join(re.findall(r"\w+", name[:200].casefold()))
    half = words[: len(words) // 2]
    return not words or words in NOBODY or (half in NOBODY and words == half * 2)


def _artist_page(details: _Details) -> str | None:
    """Return the first link of `Artist` that leads to a person's page, by https, or None.

    The first link of a derivative work is often the file that it was made from (reported). Hosts with a port and bare
    addresses of hosts are left out, since they rarely answer by https.
    """
    for tag in TAG.finditer(details.artist_html):
        url = _href(tag["attributes"]) if tag["name"].lower() == "a" else ""
        page = WEB_PAGE.fullmatch(url)
        if page and not FILE_PAGE.search(url) and not NOBODYS_PAGE.search(url):
            return f"https://{page[1]}"
    return None


def _source(details: _Details) -> str | None:
    """Return the source in `Credit`, or None where it says nothing, such as "Own work"."""
    if NO_SOURCE.match(details.source) or _is_nobody(details.source):
        return None
    return details.source


def _credit(title: str | None, author: Author | None, license: License, page_url: str, details: _Details) -> str | None:
    """Return the credit line, or None where the one of `ProviderInfo` says what is needed.

    Whatever the wording leaves out follows it: the licence, its address, and Wikimedia Commons.
    """
    wording = _wording(author, details)
    if wording is None:
        return None
    credit = f"{title.rstrip(' .')}. {wording}" if title else wording
    if license.name.casefold() not in wording.casefold():
        credit = f"{credit}, {license.name}"
    if license.attribution_required and license.url != page_url:
        credit = f"{credit} ({license.url})"
    if TITLE.casefold() not in wording.casefold():
        credit = f"{credit}, via {TITLE}"
    return credit


def _wording(author: Author | None, details: _Details) -> str | None:
    """Return the words of the credit line where it does not simply name the author.

    The wording that the licensor demands wins. Where there is no author, a sentence about the uploader or the source
    says what is known.
    """
    if not _is_nobody(details.demanded_credit):
        return _cut(details.demanded_credit)
    if author is not None:
        return None
    if UPLOADER_SENTENCE.match(details.artist):
        return _cut(details.artist)
    source = _source(details)
    return _cut(source) if source else None


def _cut(wording: str) -> str:
    """Return a wording without its final stop, so that the line can go on, and not too long."""
    if len(wording) > MAX_WORDING:
        return f"{wording[: MAX_WORDING - 1].rstrip()}…"
    return _without_final_stop(wording.rstrip(" ,;"))


def _license(details: _Details, page_url: str) -> License:
    """Return the licence: by its address, else by its code, else by its name, else unknown.

    Commons accepts only licences that allow any use and changes
    (https://commons.wikimedia.org/wiki/Commons:Licensing), so one that is not known here allows both.
    """
    url = _https(details.license_url)
    name = details.license_name or details.license_code
    known = License.from_url(url) or License.from_url(_creative_commons_page(details.license_code.lower()))
    if known is not None:
        return known
    if not name:
        return License.unknown("Licence not stated", page_url)
    if name.casefold() in PUBLIC_DOMAIN_NAMES:
        return License.public_domain(name, url or page_url)
    return License(
        id=_license_id(details.license_code or name),
        name=name,
        url=url or page_url,
        attribution_required=details.is_credit_required,
        commercial=True,
        modification=True,
    )


def _creative_commons_page(code: str) -> str:
    """Return the page of a Creative Commons licence, or an empty text: `cc-by-sa-3.0-de` is /licenses/by-sa/3.0/de/."""
    if code in CREATIVE_COMMONS_PAGES:
        return CREATIVE_COMMONS_PAGES[code]
    found = CREATIVE_COMMONS.fullmatch(code)
    if found is None:
        return ""
    port = f"{found['port']}/" if found["port"] else ""
    return f"https://creativecommons.org/licenses/{found['terms']}/{found['version']}/{port}"


def _license_id(words: str) -> str:
    """Return a stable id made of a code or a name: "Free Art License 1.3" becomes `free-art-license-1.3`."""
    return re.sub(r"[^a-z0-9.]+", "-", words.lower()).strip("-.") or "other"


def _declared(details: _Details) -> Declared | None:
    """Return the fields that declare the licence, with their words as they were sent."""
    fields = {
        "License": details.license_code,
        "LicenseShortName": details.license_name,
        "LicenseUrl": details.license_url,
    }
    stated = {name: words for name, words in fields.items() if words}
    if not stated:
        return None
    return Declared(field=" + ".join(stated), words=" + ".join(stated.values()))


def _identities(file: _File, details: _Details) -> list[str]:
    """Return the keys of this file: its page, its name, and the photo at Flickr that it is a copy of."""
    title = unicodedata.normalize("NFC", file.title.removeprefix("File:")[:300])
    name = " ".join(title.replace("_", " ").split())
    keys = [f"commons:p{file.pageid}"]
    if name:
        keys.append(f"commons:f{name[0].upper()}{name[1:]}")
    flickr_id = _flickr_id(file, details)
    if flickr_id is not None:
        keys.append(f"flickr:{flickr_id}")
    return keys


def _flickr_id(file: _File, details: _Details) -> str | None:
    """Return the id of the photo at Flickr that this file is a copy of, or None.

    It is in the source, or at the end of the file's name. A part of a photo, or several photos in one file, are another
    picture.
    """
    if CHANGED_FILE.search(f"{file.title} {details.artist}"):
        return None
    linked = {found[1] or found[2] for found in FLICKR_LINK.finditer(details.source_html)}
    if len(linked) == 1:
        return linked.pop()
    named = FLICKR_ID.search(file.title)
    if linked or named is None:
        return None
    return named[1]


def _renditions(info: _Info) -> list[Rendition]:
    """Return the files, smallest first: the thumbnails of standard widths, and the original."""
    size = (info.width, info.height)
    original_url = _undecorated(info.url)
    by_width: dict[int, Rendition] = {}
    for url in _thumbnail_urls(info):
        width = _thumbnail_width(url)
        if width in THUMBNAIL_NAMES and url != original_url:
            by_width[width] = Rendition.within(THUMBNAIL_NAMES[width], url, size, (width, info.height))
    original = Rendition(
        name="original",
        url=original_url,
        width=info.width,
        height=info.height,
        type=_type(info),
    )
    return [*(by_width[width] for width in sorted(by_width)), original]


def _thumbnail_urls(info: _Info) -> list[str]:
    """Return the addresses of the thumbnails that the answer names. None is made up: the server refuses odd widths."""
    urls = [info.thumbnail_url]
    if isinstance(info.larger_thumbnail_urls, dict):
        urls.extend(islice(info.larger_thumbnail_urls.values(), MAX_THUMBNAILS))
    return [_undecorated(url) for url in urls if isinstance(url, str)]


def _thumbnail_width(url: str) -> int:
    """Return the width in the name of a thumbnail, or 0 if it has none."""
    found = THUMBNAIL_WIDTH.match(url.rpartition("/")[2])
    return int(found[1]) if found else 0


def _undecorated(url: str) -> str:
    """Return an address without its `utm` parameters, which are always the last ones (recorded)."""
    return DECORATION.sub("", url)


def _https(url: str) -> str:
    """Return an address by https, or an empty text if it is none: `http://www.gnu.org/`, `//www.gnu.org/`."""
    page = WEB_PAGE.fullmatch(url)
    return f"https://{page[1]}" if page else ""


def _text(field: object) -> str:
    """Return the text of a field of the metadata, on one line, or an empty text."""
    return text_of(_html(field))


def _html(field: object) -> str:
    """Return the HTML of a field of the metadata without what a browser hides, or an empty text."""
    value = field.get("value") if isinstance(field, dict) else None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return _without_elements(str(value)[:MAX_HTML], _is_hidden)


def _without_elements(markup: str, is_unwanted: Callable[[str, str], bool]) -> str:
    """Return HTML without some elements, from the start tag to the end tag; one that never ends takes the rest along.

    Args:
        markup: The HTML. It is read once.
        is_unwanted: Whether an element goes, by its name in small letters and the attributes of its start tag.

    """
    kept = []
    position = 0  # of what is not yet kept
    unwanted = ""  # the name of the element that is left out
    depth = 0  # of elements of this name, one in another
    for tag in TAG.finditer(markup):
        name = tag["name"].lower()
        is_end = bool(tag["slash"])
        if unwanted:
            if name == unwanted:
                depth += -1 if is_end else 1
            if depth == 0:
                position = tag.end()
                unwanted = ""
        elif not is_end and name not in VOID_ELEMENTS and is_unwanted(name, tag["attributes"]):
            kept.append(markup[position : tag.start()])
            unwanted = name
            depth = 1
    if not unwanted:
        kept.append(markup[position:])
    return "".join(kept)


def _is_hidden(_name: str, attributes: str) -> bool:
    """Return whether a browser hides an element with these attributes."""
    return bool(HIDDEN.search(attributes))


def _links_to_file(name: str, attributes: str) -> bool:
    """Return whether an element is a link to the page of a file."""
    return name == "a" and bool(FILE_PAGE.search(_href(attributes)))


def _href(attributes: str) -> str:
    """Return the address in the attributes of a link, or an empty text."""
    found = HREF.search(attributes)
    return text_of(found[1]) if found else ""
