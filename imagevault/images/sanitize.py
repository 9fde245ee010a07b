"""Mending what a plugin gives: text without HTML, links that are http(s), sizes above zero; the rest goes."""

import html
import logging
import re
import unicodedata
from collections.abc import Iterable
from html.parser import HTMLParser
from urllib.parse import quote, urlsplit

import msgspec

from imagevault.records import Author, Image, License, Page, ProviderInfo, Rendition

log = logging.getLogger(__name__)

MAX_URL = 2048
MAX_ID = 200
MAX_TAGS = 50
MAX_SIDE = 1_000_000
ODD = re.compile(r"[^\x21-\x7e]|[\\<>\"`]")
# A blank, a letter beyond ASCII, a percent sign that encodes nothing: some upstreams leave the encoding to others.
RAW = re.compile(r"[^\x00-\x1f\x21-\x7f]|%(?![0-9A-Fa-f]{2})")
PLAIN = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9-]*(\.[A-Za-z0-9-]+)+[/?]")
HEX_COLOR = re.compile(r"#[0-9A-F]{6}")
BLURHASH = re.compile(r"[0-9A-Za-z#$%*+,\-.:;=?@\[\]^_{|}~]{6,100}")


def page(given: Page, info: ProviderInfo, *, holds_files: bool) -> Page:
    """The page with every record mended, and those dropped that are none."""
    images = list(_mended(given.images, info, holds_files=holds_files))
    if dropped := len(given.images) - len(images):
        words = "%s: %d of %d records were dropped, which are not valid or came twice"
        log.warning(words, info.title, dropped, len(given.images))
    total = given.total if isinstance(given.total, int) and 0 <= given.total < 2**53 else None
    return Page(images, total=total, last=bool(given.last))


def _mended(images: Iterable[object], info: ProviderInfo, *, holds_files: bool) -> Iterable[Image]:
    seen = set()
    for given in images:
        mended = image(given, info, holds_files=holds_files)
        if mended is not None and mended.id not in seen:
            seen.add(mended.id)
            yield mended


def image(given: object, info: ProviderInfo, *, holds_files: bool) -> Image | None:
    """The record mended, or None if it lacks an id or any rendition, or has values of the wrong type.

    One without a licence of its own gets the provider's; files on a declared host are linked by https.
    """
    if not isinstance(given, Image):
        return None
    try:
        given = msgspec.convert(msgspec.to_builtins(given), Image)  # a Struct does not check its values when it is made
    except (msgspec.ValidationError, TypeError, ValueError, RecursionError):
        return None
    good_id = given.id.isprintable() and given.id == given.id.strip() and 0 < len(given.id) <= MAX_ID
    renditions = [
        mended for each in given.renditions[:20] if (mended := _rendition(each, info, holds_files=holds_files))
    ]
    if not good_id or not renditions:
        return None
    color = (given.color or "").upper()
    return Image(
        id=given.id,
        title=_line(given.title, 300),
        alt=_line(given.alt, 1000),
        width=_side(given.width),
        height=_side(given.height),
        color=color if HEX_COLOR.fullmatch(color) else None,
        blurhash=given.blurhash if given.blurhash and BLURHASH.fullmatch(given.blurhash) else None,
        tags=_tags(given.tags),
        author=_author(given.author),
        source_url=link(given.source_url),
        license=_license(given.license) or info.license,
        renditions=renditions,
        credit=_line(given.credit, 1000),
        ref=given.ref[:MAX_URL].encode("utf-8", "ignore").decode() if given.ref else None,
    )


def link(url: str | None) -> str | None:
    """The link, blanks and letters beyond ASCII encoded, if it is http(s) with a host and nothing odd in it."""
    if not url or len(url) > MAX_URL:
        return None
    if ODD.search(url) or "%" in url:
        url = RAW.sub(lambda found: quote(found[0], errors="ignore"), url.strip())
        if ODD.search(url):
            return None
    if PLAIN.match(url):  # nearly all are, and urlsplit costs ten times as much
        return url
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    good = parts.scheme in {"http", "https"} and parts.hostname and not {"@", "%"} & set(parts.netloc)
    return url if good else None


def _rendition(given: Rendition, info: ProviderInfo, *, holds_files: bool) -> Rendition | None:
    url = link(given.url)
    if url is not None and url.startswith("http:") and urlsplit(url).hostname in info.file_hosts:
        url = url.replace("http:", "https:", 1)
    if url is None and not (holds_files and given.url is None):
        return None
    width, height = _side(given.width), _side(given.height)
    return Rendition(name=given.name, url=url, width=width and height and width, height=width and height)


def _side(pixels: int | None) -> int | None:
    return pixels if pixels is not None and 0 < pixels <= MAX_SIDE else None


def _tags(given: Iterable[str]) -> list[str]:
    tags: dict[str, None] = {}
    for tag in given:
        if len(tags) == MAX_TAGS:
            break
        if text := _line(tag, 100):
            tags[text] = None
    return list(tags)


def _author(given: Author | None) -> Author | None:
    name = _line(given.name, 200) if given else None
    return Author(name, link(given.url if given else None)) if name else None


def _license(given: License | None) -> License | None:
    if given is None or not (name := _line(given.name, 200)):
        return None
    return msgspec.structs.replace(given, id=_line(given.id, 100) or "unknown", name=name, url=link(given.url))


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.skipping = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self.skipping += tag in {"script", "style"}
        self.pieces.append(" " if tag in {"br", "p", "div", "li"} else "")

    def handle_endtag(self, tag: str) -> None:
        self.skipping -= tag in {"script", "style"} and self.skipping > 0

    def handle_data(self, data: str) -> None:
        if not self.skipping:
            self.pieces.append(data)


def _line(given: str | None, longest: int) -> str | None:
    """Plain text on one line: no HTML, no control characters, blanks folded, cut to `longest`. None if empty."""
    if not given:
        return None
    text = given[: 20 * longest]
    if "<" in text:
        parser = _Text()
        parser.feed(text)
        parser.close()
        text = "".join(parser.pieces)
    elif "&" in text:
        text = html.unescape(text)
    if not text.isprintable():
        text = "".join(char if unicodedata.category(char) not in {"Cc", "Cs", "Zl", "Zp"} else " " for char in text)
    text = " ".join(text.split())
    return (text if len(text) <= longest else text[: longest - 1].rstrip() + "…") or None
