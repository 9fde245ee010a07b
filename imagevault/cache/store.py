"""What the cache keeps of a page, and what it needs of its storage."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from imagevault.records import Page

_decoder = msgspec.msgpack.Decoder(Page)


class CacheEntry(msgspec.Struct, frozen=True):
    """A cached page, and the page that it replaced, for walks that began with that one.

    Attributes:
        content: the encoded page.
        stored_at: when it was stored, Unix time.
        previous: the encoded page before it, None if there is none.
        previous_stored_at: when that one was stored.

    """

    content: bytes
    stored_at: float
    previous: bytes | None = None
    previous_stored_at: float = 0.0

    @property
    def version(self) -> int:
        """Tells this page from the page before it: the milliseconds of `stored_at`."""
        return round(self.stored_at * 1000)

    @property
    def previous_version(self) -> int:
        """The version of the page before it."""
        return round(self.previous_stored_at * 1000)


class PageStore(Protocol):
    """Pages that all workers share. `DatabasePageStore` is the one in service."""

    async def read(self, key: str) -> CacheEntry | None:
        """Return a cached page, however old."""
        ...

    async def write(self, key: str, provider: str, content: bytes, ids: Sequence[str], now: float) -> None:
        """Store a page with the ids of its images; the page that it replaces becomes its previous one."""
        ...

    async def find(self, provider: str, id: str) -> CacheEntry | None:
        """Return the page on which an image was seen last."""
        ...

    async def evict(self, before: float) -> None:
        """Delete the pages that were stored before this time."""
        ...


def encode(page: Page) -> bytes:
    """Return a page as it is cached."""
    return msgspec.msgpack.encode(page)


def decode(content: bytes) -> Page:
    """Return the page of a cached content."""
    return _decoder.decode(content)
