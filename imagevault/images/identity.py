"""The same picture at several providers: keys that name a picture, and are the same at each of them.

Two records that share a key are the same picture. Keys come from what a record holds, without any call:

* file keys, such as `flickr:15218475961` or `url:a.example/lily.jpg`, name one file;
* page keys, `page:a.example/lily`, name a page that shows one record. They count only between two providers, and only
  where no file keys of the same kind contradict them: several photographs of one object are several pictures.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import get_args
from urllib.parse import unquote

import msgspec

from imagevault.images.links import split_link
from imagevault.records import Image, ProviderInfo, RenditionName

DIGEST = 8  # bytes
NAMES = get_args(RenditionName)  # from the smallest to the original
PAGE = "page:"
URL = "url:"
FLICKR = "flickr:"
BASE58 = "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"  # of flic.kr, without 0, O, I and l
PLATFORMS = ("wikimedia", "flickr")  # people upload there; in the order in which their records are preferred

# Each pattern stands beside an address, folded, that it reads.
FLICKR_PAGE = re.compile(r"flickr\.com/photos/[^/]{1,100}/([0-9]{1,20})(?:/.*)?")  # flickr.com/photos/ann/15218475961
FLICKR_FILE = re.compile(r"(?:live|(?:farm|c)[0-9]{1,3})\.staticflickr\.com/(?:.*/)?([0-9]{1,20})_[^/]*")
FLICKR_SHORT = re.compile(r"flic\.kr/p/([1-9A-HJ-NP-Za-km-z]{1,15})")  # flic.kr/p/pbHh4n
COMMONS_PAGE = re.compile(r"commons\.(?:m\.)?wikimedia\.org/wiki/file:(.+)", re.IGNORECASE)
COMMONS_CURID = re.compile(  # commons.wikimedia.org/?curid=7352&x=1; DOTALL, or a line end makes it quadratic
    r"commons\.(?:m\.)?wikimedia\.org/.*[?&]curid=([0-9]{1,15})(?:&.*)?", re.DOTALL
)
COMMONS_FILE = re.compile(  # upload.wikimedia.org/wikipedia/commons/thumb/a/ab/Lily.jpg/500px-Lily.jpg
    r"(?:upload|thumb)\.wikimedia\.org/wikipedia/commons/(?:thumb/)?[0-9a-f]/[0-9a-f]{2}/([^/?]+)(?:/[^/]*)?"
)
FLICKR_IN_NAME = re.compile(r".*\(([0-9]{9,11})\)\.[A-Za-z]{3,4}")  # A lily (15218475961).jpg; fewer digits are a date
MET_PAGE = re.compile(r"metmuseum\.org/art/collection/search/([0-9]{1,12})(?:[?/].*)?")
MET_FILE = re.compile(
    r"images\.metmuseum\.org/crdimages/(?:[^/]{1,20}/){1,3}([^/?.]{1,100})\.[a-z]{3,4}", re.IGNORECASE
)
SMITHSONIAN_FILE = re.compile(r"ids\.si\.edu/ids/[^?]{1,40}\?(?:.*&)?id=([^&]{1,150}?)(?:\.[a-z]{3,4})?(?:&.*)?")
EUROPEANA_PAGE = re.compile(r"europeana\.eu/(?:[a-z]{2}/)?(?:item|portal/record)/([^/?]+/[^/?]+?)(?:\.html)?(?:\?.*)?")
ARTIC_FILE = re.compile(r"artic\.edu/iiif/2/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:/.*)?")
NASA_PAGE = re.compile(r"images\.nasa\.gov/details[/-]([^/?]{1,150})")
NASA_FILE = re.compile(r"images-assets\.nasa\.gov/image/([^/?]{1,150})/[^/]*")
UNSPLASH_PAGE = re.compile(r"unsplash\.com/(?:[a-z]{2}/)?photos/(?:[^/?]*-)?([A-Za-z0-9_-]{11})(?:[?/].*)?")
PEXELS_PAGE = re.compile(r"pexels\.com/(?:[a-z]{2}-[a-z]{2}/)?photo/(?:[^/?]*-)?([0-9]{1,15})(?:\?.*)?")
PEXELS_FILE = re.compile(r"images\.pexels\.com/photos/([0-9]{1,15})/[^/]*")
PIXABAY_PAGE = re.compile(
    r"pixabay\.com/(?:[a-z]{2}/)?(?:(?:photos|illustrations|vectors)/)?(?:[^/?]*-)?([0-9]{1,15})(?:\?.*)?"
)

# By the last two labels of the host, so that an address of another site costs one look.
PATTERNS = {
    "flickr.com": (("flickr:", FLICKR_PAGE),),
    "staticflickr.com": (("flickr:", FLICKR_FILE),),
    "wikimedia.org": (("commons:p", COMMONS_CURID),),
    "si.edu": (("si:", SMITHSONIAN_FILE),),
    "europeana.eu": (("eu:", EUROPEANA_PAGE),),
    "artic.edu": (("iiif:", ARTIC_FILE),),
    "nasa.gov": (("nasa:", NASA_PAGE), ("nasa:", NASA_FILE)),
    "unsplash.com": (("unsplash:", UNSPLASH_PAGE),),
    "pexels.com": (("pexels:", PEXELS_PAGE), ("pexels:", PEXELS_FILE)),
    "pixabay.com": (("pixabay:", PIXABAY_PAGE),),
}


def identify(images: Sequence[Image], provider: str) -> Iterator[Image]:
    """Yield the images of one page of a provider with all their keys in `identities`.

    A page key is left out where two of the images have the same page.
    """
    folded_pages = [fold(image.source_url) if image.source_url else None for image in images]
    page_keys = [_page_keys(image, page) for image, page in zip(images, folded_pages, strict=True)]
    counts = Counter(key for keys in page_keys for key in keys)
    for image, page, keys_of_pages in zip(images, folded_pages, page_keys, strict=True):
        keys = dict.fromkeys(_file_keys(image, page, provider))
        keys |= dict.fromkeys(key for key in keys_of_pages if counts[key] == 1)
        yield msgspec.structs.replace(image, identities=list(keys))


def _file_keys(image: Image, page: str | None, provider: str) -> Iterator[str]:
    """Yield the keys that name this one picture, its id at its provider first. `page` is its `source_url`, folded."""
    yield f"id:{provider}:{image.id}"
    stated = [key for key in image.identities if not key.startswith((URL, PAGE))]
    yield from stated
    largest = max(image.renditions, key=lambda rendition: NAMES.index(rendition.name))
    if largest.url:
        yield URL + fold(largest.url)
    # Sizes of one file differ in the query alone.
    urls = {rendition.url.partition("?")[0]: rendition.url for rendition in image.renditions if rendition.url}
    files = [fold(url) for url in urls.values()]
    knows_flickr = any(key.startswith(FLICKR) for key in stated)
    for folded in (page, *files):
        for key in keys_of_address(folded) if folded is not None else ():
            # The number at the end of a Commons name may be that of another photo, which this one was cut from.
            if not (knows_flickr and key.startswith(FLICKR)):
                yield key
    yield from _met_keys(page, files)


def keys_of_address(folded: str) -> Iterator[str]:
    """Yield the keys that a folded address of a page or a file holds: `flickr:15218475961`."""
    site = _site(folded)
    for prefix, pattern in PATTERNS.get(site, ()):
        found = pattern.fullmatch(folded)
        if found is not None:
            yield prefix + found[1]
    if site == "flic.kr":
        short = FLICKR_SHORT.fullmatch(folded)
        if short is not None:
            yield f"flickr:{_from_base58(short[1])}"
    if site == "wikimedia.org":
        for pattern in (COMMONS_PAGE, COMMONS_FILE):
            file = pattern.fullmatch(folded)
            if file is not None:
                yield from commons_keys(file[1])


def _site(folded: str) -> str:
    """The last two labels of the host of a folded address: `nasa.gov` of `images.nasa.gov/details/PIA1`."""
    host = folded.partition("/")[0].partition("?")[0]
    return ".".join(host.rsplit(".", 2)[-2:])


def commons_keys(name: str) -> Iterator[str]:
    """Yield the keys of a file of Wikimedia Commons: by its name, and by the Flickr id at the name's end."""
    name = " ".join(name.replace("_", " ").split())
    if name:
        yield f"commons:f{name[0].upper()}{name[1:]}"
    copied = FLICKR_IN_NAME.fullmatch(name)
    if copied is not None:
        yield f"flickr:{copied[1]}"


def fold(address: str) -> str:
    """Return the one form of an address, without its scheme.

    The host is in lower case and without `www.`; the fragment, `utm_` parameters and a slash at the end are left out;
    the rest is percent-decoded once and composed (NFC).
    """
    try:
        parts = split_link(address)
    except ValueError:
        return address
    host = parts.netloc.lower().removeprefix("www.")
    query = parts.query
    if "utm_" in query:
        query = "&".join(part for part in query.split("&") if not part.startswith("utm_"))
    path = unquote(parts.path).rstrip("/")
    folded = f"{host}{path}?{unquote(query)}" if query else f"{host}{path}"
    return folded if folded.isascii() else unicodedata.normalize("NFC", folded)


def contradict(one: Iterable[str], other: Iterable[str]) -> bool:
    """Return whether two records have file keys of the same kind, and none in common: then they are two pictures."""
    keys = set(_without_pages(one))
    other_keys = set(_without_pages(other))
    shared_kinds = {_kind(key) for key in keys} & {_kind(key) for key in other_keys}
    return bool(shared_kinds - {"id", "url"}) and not keys & other_keys


def rank(provider: str, info: ProviderInfo) -> int:
    """Return whose record of a picture is shown, the lowest first: its owner's, a platform's, an aggregator's."""
    if info.aggregator:
        return 1 + len(PLATFORMS)
    return 1 + PLATFORMS.index(provider) if provider in PLATFORMS else 0


def is_page_key(key: str) -> bool:
    """Return whether a key names a page, and not a file."""
    return key.startswith(PAGE)


def digests(image: Image) -> list[bytes]:
    """Return short digests of the file keys of an identified image, that of its id first."""
    return [digest(key) for key in _without_pages(image.identities)]


def digest(key: str) -> bytes:
    """Return the short digest of a key."""
    return hashlib.blake2b(key.encode(), digest_size=DIGEST).digest()


def _page_keys(image: Image, page: str | None) -> set[str]:
    """The keys of the pages that show an image: at its provider, and at its owner where the plugin names it."""
    folded = {fold(key.removeprefix(URL)) for key in image.identities if key.startswith(URL)}
    if page is not None:
        folded.add(page)
    return {PAGE + address for address in folded}


def _without_pages(keys: Iterable[str]) -> list[str]:
    return [key for key in keys if not is_page_key(key)]


def _kind(key: str) -> str:
    """What a key names a picture by: `flickr`, or of Commons `commons:p` (page id) and `commons:f` (file name)."""
    kind, _, value = key.partition(":")
    return f"{kind}:{value[:1]}" if kind == "commons" else kind


def _met_keys(page: str | None, files: Iterable[str]) -> Iterator[str]:
    """The key of a picture of the Met: the object's number in its page, and the name of the file."""
    found = MET_PAGE.fullmatch(page) if page else None
    if found is None:
        return
    for folded in files:
        file = MET_FILE.fullmatch(folded)
        if file is not None:
            yield f"met:{found[1]}:{file[1]}"


def _from_base58(text: str) -> int:
    number = 0
    for letter in text:
        number = number * len(BASE58) + BASE58.index(letter)
    return number
