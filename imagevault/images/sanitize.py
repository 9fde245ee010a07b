"""Sanitizing what a plugin returns: text without HTML, http(s) links, positive sizes; the rest is dropped."""

import logging
import re
import unicodedata
from collections.abc import Iterable, Iterator
from urllib.parse import quote, urlsplit

import msgspec

from imagevault.images.html_text import text_of
from imagevault.records import Author, Image, License, Page, ProviderInfo, Rendition

log = logging.getLogger(__name__)

MAX_URL = 2048  # characters
MAX_ID = 200
MAX_TITLE = 300
MAX_TEXT = 1000
MAX_NAME = 200
MAX_TAG = 100
MAX_LICENSE_ID = 100
MARKUP_FACTOR = 20  # how many times longer than its text markup may be; what follows is not read
MAX_TAGS = 50
MAX_RENDITIONS = 20
MAX_SIDE = 1_000_000  # pixels
MAX_TOTAL = 2**53  # JSON readers keep whole numbers below this exactly
NOT_IN_URLS = re.compile(r"[^\x21-\x7e]|[\\<>\"`]")
# A blank, a letter beyond ASCII, or a percent sign that encodes nothing: some upstreams do not encode their links.
NOT_ENCODED = re.compile(r"[^\x00-\x1f\x21-\x7f]|%(?![0-9A-Fa-f]{2})")
ORDINARY_URL = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9-]*(\.[A-Za-z0-9-]+)+[/?]")
HEX_COLOR = re.compile(r"#[0-9A-F]{6}")
BLURHASH = re.compile(r"[0-9A-Za-z#$%*+,\-.:;=?@\[\]^_{|}~]{6,100}")
UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}  # Unicode categories: control characters, surrogates, line separators


def page(returned: Page, info: ProviderInfo, *, holds_files: bool) -> Page:
    """Return the page with every record sanitized, without invalid and repeated ones.

    Args:
        returned: what the plugin returned.
        info: of the provider.
        holds_files: the provider holds its files itself, so renditions need no URL.

    """
    records = returned.images[: info.page_size]  # what was not asked for costs no work
    images = list(_images(records, info, holds_files=holds_files))
    dropped = len(records) - len(images)
    if dropped:
        message = "%s: dropped %d of %d records, which are invalid or repeated"
        log.warning(message, info.title, dropped, len(records))
    has_total = isinstance(returned.total, int) and 0 <= returned.total < MAX_TOTAL
    return Page(images, total=returned.total if has_total else None, last=bool(returned.last))


def image(returned: object, info: ProviderInfo, *, holds_files: bool) -> Image | None:
    """Return the record sanitized; None if it lacks an id or any rendition, or has values of the wrong type.

    A record without a licence gets the licence of the provider. Links to the provider's file hosts become https.
    """
    if not isinstance(returned, Image):
        return None
    try:
        record = msgspec.convert(msgspec.to_builtins(returned), Image)  # a Struct does not check values when it is made
    except (msgspec.ValidationError, TypeError, ValueError, RecursionError):
        return None
    renditions = list(_renditions(record, info, holds_files=holds_files))
    if not _is_id(record.id) or not renditions:
        return None
    return Image(
        id=record.id,
        title=_line(record.title, MAX_TITLE),
        alt=_line(record.alt, MAX_TEXT),
        width=_side(record.width),
        height=_side(record.height),
        color=_color(record.color),
        blurhash=_blurhash(record.blurhash),
        tags=_tags(record.tags),
        author=_author(record.author),
        source_url=link(record.source_url),
        license=_license(record.license) or info.license,
        renditions=renditions,
        credit=_line(record.credit, MAX_TEXT),
        ref=_ref(record.ref),
    )


def link(url: str | None) -> str | None:
    """Return an http(s) link with blanks and letters beyond ASCII encoded; None if it is no such link."""
    if not url or len(url) > MAX_URL:
        return None
    if NOT_IN_URLS.search(url) or "%" in url:
        url = NOT_ENCODED.sub(lambda found: quote(found[0], errors="ignore"), url.strip())
        if NOT_IN_URLS.search(url):
            return None
    if ORDINARY_URL.match(url):  # nearly all are, and urlsplit costs ten times as much
        return url
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError where it is no number
    except ValueError:
        return None
    has_odd_host = not parts.hostname or "@" in parts.netloc or "%" in parts.netloc
    return url if parts.scheme in {"http", "https"} and not has_odd_host else None


def _images(records: Iterable[object], info: ProviderInfo, *, holds_files: bool) -> Iterator[Image]:
    seen: set[str] = set()
    for record in records:
        sanitized = image(record, info, holds_files=holds_files)
        if sanitized is not None and sanitized.id not in seen:
            seen.add(sanitized.id)
            yield sanitized


def _is_id(id: str) -> bool:
    return id.isprintable() and id == id.strip() and 0 < len(id) <= MAX_ID


def _renditions(record: Image, info: ProviderInfo, *, holds_files: bool) -> Iterator[Rendition]:
    for rendition in record.renditions[:MAX_RENDITIONS]:
        sanitized = _rendition(rendition, info, holds_files=holds_files)
        if sanitized is not None:
            yield sanitized


def _rendition(rendition: Rendition, info: ProviderInfo, *, holds_files: bool) -> Rendition | None:
    url = link(rendition.url)
    if url is not None and url.startswith("http:") and urlsplit(url).hostname in info.file_hosts:
        url = url.replace("http:", "https:", 1)
    is_held_file = holds_files and rendition.url is None
    if url is None and not is_held_file:
        return None
    width = _side(rendition.width)
    height = _side(rendition.height)
    if width is None or height is None:  # one side says nothing
        return Rendition(name=rendition.name, url=url)
    return Rendition(name=rendition.name, url=url, width=width, height=height)


def _side(pixels: int | None) -> int | None:
    return pixels if pixels is not None and 0 < pixels <= MAX_SIDE else None


def _color(color: str | None) -> str | None:
    upper = (color or "").upper()
    return upper if HEX_COLOR.fullmatch(upper) else None


def _blurhash(blurhash: str | None) -> str | None:
    return blurhash if blurhash and BLURHASH.fullmatch(blurhash) else None


def _tags(tags: Iterable[str]) -> list[str]:
    """The tags without empty and repeated ones, in their order."""
    sanitized: dict[str, None] = {}
    for tag in tags:
        if len(sanitized) == MAX_TAGS:
            break
        text = _line(tag, MAX_TAG)
        if text:
            sanitized[text] = None
    return list(sanitized)


def _author(author: Author | None) -> Author | None:
    if author is None:
        return None
    name = _line(author.name, MAX_NAME)
    return Author(name, link(author.url)) if name else None


def _license(license: License | None) -> License | None:
    if license is None:
        return None
    name = _line(license.name, MAX_NAME)
    if not name:
        return None
    id = _line(license.id, MAX_LICENSE_ID) or "unknown"
    return msgspec.structs.replace(license, id=id, name=name, url=link(license.url))


def _ref(ref: str | None) -> str | None:
    return ref[:MAX_URL].encode("utf-8", "ignore").decode() if ref else None


def _line(text: str | None, max_length: int) -> str | None:
    """Plain text on one line, without HTML and control characters, cut to `max_length`; None if nothing is left."""
    if not text:
        return None
    text = text[: MARKUP_FACTOR * max_length]
    if "<" in text or "&" in text:
        text = text_of(text)
    if not text.isprintable():
        text = "".join(" " if unicodedata.category(char) in UNPRINTABLE else char for char in text)
    text = " ".join(text.split())
    if len(text) > max_length:
        text = text[: max_length - 1].rstrip() + "…"
    return text or None
