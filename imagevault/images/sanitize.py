"""Sanitizing what a plugin returns: plain text on one line, http(s) links, positive sizes; the rest is dropped."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice

import msgspec

from imagevault.errors import InvalidResponse
from imagevault.images.links import MAX_URL, link, split_link
from imagevault.images.media_types import media_type_of_url
from imagevault.images.sizes import known_side, known_size
from imagevault.licenses import UNKNOWN_ID, License
from imagevault.plugins.declaration import ANY_HOST
from imagevault.plugins.decoding import RecordCount, report_unshown
from imagevault.plugins.mismatch import explain_mismatch
from imagevault.plugins.plain_text import is_storable, one_line, without_controls
from imagevault.records import Author, Declared, Flags, Image, Page, ProviderInfo, Rendition

MAX_ID = 200
MAX_TITLE = 300
MAX_TEXT = 1000
MAX_NAME = 200
MAX_TAG = 100
MAX_LICENSE_ID = 100
MAX_DESCRIPTION = 5000
MAX_DATE = 100
MAX_EXTRA = 20  # pairs
MAX_EXTRA_NAME = 50
MAX_EXTRA_VALUE = 200
MAX_RESTRICTIONS = 10
MAX_DECLARED = 500
MAX_IDENTITIES = 10
MAX_TAGS = 50
MAX_HOST = 100  # characters of a host in messages
MAX_TOKEN = 4000  # of the next page
MAX_RENDITIONS = 20
MAX_TOTAL = 2**53  # JSON readers keep whole numbers below this exactly
HEX_COLOR = re.compile(r"#[0-9A-F]{6}")
BLURHASH = re.compile(r"[0-9A-Za-z#$%*+,\-.:;=?@\[\]^_{|}~]{6,100}")
MEDIA_TYPE = re.compile(r"image/[a-z0-9][a-z0-9.+-]{0,40}")
# flickr:7352, commons:fA lily.jpg; neither control characters nor surrogates, which cannot be encoded
IDENTITY = re.compile(r"[a-z][a-z0-9]{0,19}:[^\x00-\x1f\x7f\ud800-\udfff]{1,300}")
KNOWN_PROVIDERS = 64  # whose file hosts are remembered as the starts of links
READ_FACTOR = 10  # of a list this many times its greatest length is read; the rest costs no work

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Image)


class InvalidRecord(Exception):
    """A record cannot be shown; the message says why."""


class PageSanitizer:
    """Sanitizes a page record by record; invalid and repeated ones are left out.

    Attributes:
        records: those to `add`. What was not asked for, beyond `page_size`, costs no work.
        undeclared: host -> how many files on it were left out, because `file_hosts` does not name it.

    """

    def __init__(self, returned: Page, info: ProviderInfo, *, holds_files: bool, moved_to: str | None = None) -> None:
        """Begin.

        Args:
            returned: what the plugin returned.
            info: of the provider.
            holds_files: the provider holds its files itself, so renditions need no URL.
            moved_to: scheme, host and port to which an admin moved the upstream, with a slash at the end.

        """
        self.records = returned.images[: info.page_size]
        self._returned = returned
        self._info = info
        self._holds_files = holds_files
        self._moved_to = moved_to
        self.undeclared: Counter[str] = Counter()
        self._count = RecordCount()
        self._images: dict[str, Image] = {}

    def add(self, record: object) -> None:
        """Sanitize one record."""
        self._count.records += 1
        try:
            sanitized = image(
                record,
                self._info,
                holds_files=self._holds_files,
                moved_to=self._moved_to,
                undeclared=self.undeclared,
            )
        except InvalidRecord as error:
            self._count.drop(str(error))
        else:
            self._images.setdefault(sanitized.id, sanitized)

    def page(self) -> Page:
        """Return the page of the records that can be shown, and report how many cannot.

        Raises:
            InvalidResponse: there are records, and none of them can be shown, or the token of the next page is wrong.

        """
        report_unshown(self._count)
        if self._count.records and not self._images:
            raise InvalidResponse(f"none of {self._count.records} records can be shown: {self._count.reason}")
        total = self._returned.total
        has_total = isinstance(total, int) and 0 <= total < MAX_TOTAL
        next_token = _next_token(self._returned.next) if self._info.paging == "token" else None
        last = next_token is None if self._info.paging == "token" else bool(self._returned.last)
        return Page(list(self._images.values()), total if has_total else None, last, next_token)


def page(returned: Page, info: ProviderInfo, *, holds_files: bool, moved_to: str | None = None) -> Page:
    """Return a page with all of its records sanitized.

    Raises:
        InvalidResponse: there are records, and none of them can be shown.

    """
    sanitizer = PageSanitizer(returned, info, holds_files=holds_files, moved_to=moved_to)
    for record in sanitizer.records:
        sanitizer.add(record)
    return sanitizer.page()


def image(
    returned: object,
    info: ProviderInfo,
    *,
    holds_files: bool,
    moved_to: str | None = None,
    undeclared: Counter[str] | None = None,
) -> Image:
    """Return the record sanitized; the arguments are those of `page`, and `undeclared` counts hosts of left-out files.

    A record without a licence gets the licence of the provider. Links to the provider's file hosts become https, except
    for those to the place that the upstream was moved to: they keep its scheme. Files on other hosts are left out.

    Raises:
        InvalidRecord: it lacks an id or any rendition, or has values of the wrong type.

    """
    if not isinstance(returned, Image):
        raise InvalidRecord(f"a {type(returned).__name__} is no Image")
    record = _checked(returned)
    if not is_id(record.id):
        shown = repr(record.id) if len(record.id) <= MAX_ID else f"of {len(record.id)} characters"
        raise InvalidRecord(f"the id {shown} is not 1 to {MAX_ID} printable characters")
    if not record.renditions:
        raise InvalidRecord(f"{record.id} has no renditions")
    left_out: list[str] = []
    renditions = _renditions(record, info, left_out, holds_files=holds_files, moved_to=moved_to)
    if undeclared is not None and left_out:
        undeclared.update(left_out)
    if not renditions and left_out:
        hosts = ", ".join(sorted(set(left_out))[:3])
        raise InvalidRecord(f"no rendition of {record.id} is on a host that file_hosts names, but on {hosts}")
    if not renditions:
        raise InvalidRecord(f"no rendition of {record.id} has an http(s) link")
    return Image(
        id=record.id,
        title=one_line(record.title, MAX_TITLE),
        alt=one_line(record.alt, MAX_TEXT),
        description=one_line(record.description, MAX_DESCRIPTION),
        date=one_line(record.date, MAX_DATE),
        extra=_extra(record.extra),
        width=known_side(record.width),
        height=known_side(record.height),
        color=_color(record.color),
        blurhash=_blurhash(record.blurhash),
        tags=_lines(record.tags, MAX_TAGS, MAX_TAG),
        author=_author(record.author),
        source_url=link(record.source_url),
        license=_license(record.license) or info.license,
        declared=_declared(record.declared),
        flags=_flags(record.flags),
        identities=_identities(record.identities),
        renditions=renditions,
        credit=one_line(record.credit, MAX_TEXT),
        ref=_ref(record.ref),
    )


def _checked(returned: Image) -> Image:
    """Return a copy with the types checked, which a Struct does not do when it is made. Raises InvalidRecord."""
    if isinstance(returned.tags, list) and len(returned.tags) > READ_FACTOR * MAX_TAGS:
        returned = msgspec.structs.replace(returned, tags=returned.tags[: READ_FACTOR * MAX_TAGS])
    try:
        return _decoder.decode(_encoder.encode(returned))  # a third of what `convert` costs
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError):
        pass  # it is wrong, or has a text that is no UTF-8, which is repaired below
    try:
        return msgspec.convert(msgspec.to_builtins(returned), Image)
    except (msgspec.ValidationError, TypeError, ValueError, RecursionError) as error:
        raise InvalidRecord(explain_mismatch(error, Image)) from None


def _next_token(token: object) -> str | None:
    """The token of the next page; an empty one is the end."""
    if token is None or token == "":
        return None
    if not isinstance(token, str):
        raise InvalidResponse(f"Page.next must be text or None, not {type(token).__name__}")
    if len(token) > MAX_TOKEN or not is_storable(token):
        raise InvalidResponse(f"Page.next must be at most {MAX_TOKEN} characters, without NUL and lone surrogates")
    return token


def is_id(id: str) -> bool:
    """Whether a text can be the id of an image: printable, of at most `MAX_ID` characters."""
    return id.isprintable() and id == id.strip() and 0 < len(id) <= MAX_ID


def _renditions(
    record: Image, info: ProviderInfo, left_out: list[str], *, holds_files: bool, moved_to: str | None
) -> list[Rendition]:
    """The renditions that can be shown. The undeclared hosts of others are added to `left_out`."""
    shown: list[Rendition] = []
    starts = _starts(frozenset(info.file_hosts))
    for rendition in record.renditions[:MAX_RENDITIONS]:
        sanitized = _rendition(rendition, info, holds_files=holds_files, moved_to=moved_to)
        if sanitized is None:
            continue
        is_declared = sanitized.url is None or sanitized.url.startswith(starts)  # as nearly all
        host = None if is_declared else _undeclared_host(sanitized.url or "", info, moved_to)
        if host is None:
            shown.append(sanitized)
        else:
            left_out.append(host)
    return shown


def _undeclared_host(url: str, info: ProviderInfo, moved_to: str | None) -> str | None:
    """The host of a file that is on none of `file_hosts`; None if it may be shown."""
    if ANY_HOST in info.file_hosts or (moved_to is not None and url.startswith(moved_to)):
        return None
    host = split_link(url).host
    return None if host in info.file_hosts else host[:MAX_HOST]


@lru_cache(KNOWN_PROVIDERS)
def _starts(hosts: frozenset[str]) -> tuple[str, ...]:
    """How links to files on these hosts begin."""
    return tuple(f"https://{host}/" for host in hosts)


def _rendition(
    rendition: Rendition, info: ProviderInfo, *, holds_files: bool, moved_to: str | None
) -> Rendition | None:
    url = link(rendition.url)
    is_moved = url is not None and moved_to is not None and url.startswith(moved_to)
    if url is not None and url.startswith("http:") and not is_moved and split_link(url).host in info.file_hosts:
        url = link(url.replace("http:", "https:", 1))
    is_held_file = holds_files and rendition.url is None
    if url is None and not is_held_file:
        return None
    width, height = known_size(rendition.width, rendition.height)
    return Rendition(
        name=rendition.name,
        url=url,
        width=width,
        height=height,
        type=_media_type(rendition.type) or media_type_of_url(url),
    )


def _color(color: str | None) -> str | None:
    upper = (color or "").upper()
    return upper if HEX_COLOR.fullmatch(upper) else None


def _blurhash(blurhash: str | None) -> str | None:
    return blurhash if blurhash and BLURHASH.fullmatch(blurhash) else None


def _lines(texts: Iterable[str], max_count: int, max_length: int) -> list[str]:
    """Plain texts without empty and repeated ones, in their order."""
    sanitized: dict[str, None] = {}
    for text in islice(texts, READ_FACTOR * max_count):
        if len(sanitized) == max_count:
            break
        line = one_line(text, max_length)
        if line:
            sanitized[line] = None
    return list(sanitized)


def _extra(extra: Mapping[str, str]) -> dict[str, str]:
    sanitized: dict[str, str] = {}
    for name, value in islice(extra.items(), READ_FACTOR * MAX_EXTRA):
        if len(sanitized) == MAX_EXTRA:
            break
        plain_name = one_line(name, MAX_EXTRA_NAME)
        plain_value = one_line(value, MAX_EXTRA_VALUE)
        if plain_name and plain_value:
            sanitized[plain_name] = plain_value
    return sanitized


def _identities(keys: Sequence[str]) -> list[str]:
    read = islice(keys, READ_FACTOR * MAX_IDENTITIES)
    return [key for key in read if IDENTITY.fullmatch(key) and is_storable(key)][:MAX_IDENTITIES]


def _flags(flags: Flags) -> Flags:
    restrictions = _lines(flags.restrictions, MAX_RESTRICTIONS, MAX_TAG)
    return msgspec.structs.replace(flags, restrictions=restrictions) if flags.restrictions else flags


def _declared(declared: Declared | None) -> Declared | None:
    if declared is None:
        return None
    field = one_line(declared.field, MAX_TAG)
    words = one_line(declared.words, MAX_DECLARED)
    return Declared(field, words) if field and words else None


def _media_type(type: str | None) -> str | None:
    return type if type and MEDIA_TYPE.fullmatch(type) else None


def _author(author: Author | None) -> Author | None:
    name = one_line(author.name, MAX_NAME) if author is not None else None
    return Author(name, link(author.url)) if author is not None and name else None


def _license(license: License | None) -> License | None:
    if license is None:
        return None
    name = one_line(license.name, MAX_NAME)
    if not name:
        return None
    id = one_line(license.id, MAX_LICENSE_ID)
    if not id or id == UNKNOWN_ID:  # unclear rights allow nothing, whatever the plugin left in the flags
        return License.unknown(name, link(license.url))
    return msgspec.structs.replace(license, id=id, name=name, url=link(license.url))


def _ref(ref: str | None) -> str | None:
    """The plugin's own text, often an address: nobody sees it, but the ledger stores it."""
    return without_controls(ref, MAX_URL) or None if ref else None
