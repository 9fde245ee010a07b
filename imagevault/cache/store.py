"""What the cache keeps of a page, and what it needs of its storage."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from imagevault.cache.page_digests import PageDigests
from imagevault.records import Page

if TYPE_CHECKING:
    from piccolo.querystring import QueryString

_decoder = msgspec.msgpack.Decoder(Page)


class CacheEntry(msgspec.Struct, frozen=True):
    """A cached page, and the page that it replaced, for walks that began with that one.

    Attributes:
        content: the encoded page.
        stored_at: when it was stored, Unix time.
        previous: the encoded page before it, None if there is none.
        previous_stored_at: when that one was stored.
        digests: the digests of the pictures on the page (`cache/page_digests.py`).
        previous_digests: those of the page before it.

    """

    content: bytes
    stored_at: float
    previous: bytes | None = None
    previous_stored_at: float = 0.0
    digests: bytes = b""
    previous_digests: bytes = b""

    @property
    def version(self) -> int:
        """Tells this page from the page before it: the milliseconds of `stored_at`."""
        return round(self.stored_at * 1000)

    @property
    def previous_version(self) -> int:
        """The version of the page before it."""
        return round(self.previous_stored_at * 1000)

    @property
    def page_digests(self) -> PageDigests:
        """The digests of both pages."""
        return PageDigests(
            version=self.version,
            content=self.digests,
            previous_version=self.previous_version,
            previous=self.previous_digests,
        )


class PageStore(Protocol):
    """Pages that all workers share. `DatabasePageStore` is the one in service."""

    async def read(self, key: str) -> CacheEntry | None:
        """Return a cached page, however old."""
        ...

    async def read_digests(self, keys: Sequence[str]) -> dict[str, PageDigests]:
        """Return the digests of those pages that are stored, however old."""
        ...

    def writes_of(self, key: str, provider: str, entry: CacheEntry, ids: Sequence[str]) -> Sequence["QueryString"]:
        """Return what stores a page with the ids of its images; the page that it replaces becomes its previous one."""
        ...

    async def find(self, provider: str, id: str, revision: str) -> tuple[str, CacheEntry] | None:
        """Return the page on which an image was seen last, with its key, if it is of this revision."""
        ...

    async def mark_used(self, keys: Sequence[str], now: float) -> None:
        """Store that these pages were used now."""
        ...


def encode(page: Page) -> bytes:
    """Return a page as it is cached."""
    return msgspec.msgpack.encode(page)


def decode(content: bytes) -> Page:
    """Return the page of a cached content."""
    return _decoder.decode(content)
