"""How a page was found."""

from typing import Literal

import msgspec

from imagevault.records import Page

CacheStatus = Literal["hit", "stale", "miss"]
"""`hit`: cached and fresh. `stale`: cached and old; a new one is being fetched. `miss`: fetched for this request."""
CacheTier = Literal["memory", "database", "upstream"]


class CacheResult(msgspec.Struct, frozen=True):
    """A page and how it was found.

    Attributes:
        page: the page.
        status: hit, stale or miss.
        tier: where it came from.
        version: identifies this version of the page.
        calls: upstream calls that left for it.
        key: its key in the cache.

    """

    page: Page
    status: CacheStatus
    tier: CacheTier
    version: int
    calls: int = 0
    key: str = ""
