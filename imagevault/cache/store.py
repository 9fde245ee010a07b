"""What the cache needs of its storage: pages, and on which of them each image stands."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

DAY = 86400.0


class CacheEntry(msgspec.Struct, frozen=True):
    """A kept page, encoded, with the Unix time of its storing; and the one before it, where there is one."""

    content: bytes
    stored_at: float
    former: bytes | None = None
    former_at: float = 0.0

    @property
    def version(self) -> int:
        """What tells this page from the one before it: milliseconds since 1970."""
        return round(self.stored_at * 1000)

    @property
    def former_version(self) -> int:
        """The version of the page before it."""
        return round(self.former_at * 1000)


class PageStore(Protocol):
    """The storage of pages, shared by all workers; in tests another one takes its place."""

    async def page(self, key: str) -> CacheEntry | None:
        """A kept page."""
        ...

    async def keep(self, key: str, provider: str, content: bytes, ids: Sequence[str], now: float) -> None:
        """Keeps a page, the one before it as its former, and on which page its images stand."""
        ...

    async def find(self, provider: str, id: str) -> CacheEntry | None:
        """The page on which an image was seen last."""
        ...

    async def sweep(self, before: float) -> None:
        """Forgets the pages stored before this time."""
        ...
