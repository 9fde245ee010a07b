"""Cached pages in the database."""

from collections.abc import Sequence

import msgspec

from imagevault.cache.store import CacheEntry
from imagevault.cache.tables import CachedImage, CachedPage
from imagevault.storage.database import relaxed_durability

UPSERT = """
INSERT INTO iv_page (key, provider, stored_at, content, former, former_at) VALUES ({}, {}, {}, {}, NULL, 0)
ON CONFLICT (key) DO UPDATE SET former = iv_page.content, former_at = iv_page.stored_at,
    content = excluded.content, stored_at = excluded.stored_at
"""
DELETE_LOST_IMAGES = """
DELETE FROM iv_page_image WHERE NOT EXISTS (SELECT 1 FROM iv_page WHERE iv_page.key = iv_page_image.page)
"""


class DatabasePageStore:
    """A `PageStore` in the app's database. Reading is one round trip; `write` runs after the caller has the answer."""

    async def read(self, key: str) -> CacheEntry | None:
        """Return a cached page, however old."""
        return _entry(await CachedPage.select().where(CachedPage.key == key))

    async def write(self, key: str, provider: str, content: bytes, ids: Sequence[str], now: float) -> None:
        """Store a page with the ids of its images; the page that it replaces becomes its previous one."""
        with relaxed_durability():
            await CachedPage.raw(UPSERT, key, provider, round(now * 1000), content)
            if ids:
                # Sorted, so that two workers lock the rows in the same order.
                rows = [CachedImage(id=f"{provider}:{id}", page=key) for id in sorted(ids)]
                await CachedImage.insert(*rows).on_conflict(
                    target=CachedImage.id, action="DO UPDATE", values=[CachedImage.page]
                )

    async def find(self, provider: str, id: str) -> CacheEntry | None:
        """Return the page on which an image was seen last."""
        key = CachedImage.select(CachedImage.page).where(CachedImage.id == f"{provider}:{id}")
        return _entry(await CachedPage.select().where(CachedPage.key.is_in(key)))

    async def evict(self, before: float) -> None:
        """Delete the pages that were stored before this time, and what stands of their images."""
        await CachedPage.delete().where(CachedPage.stored_at < int(before * 1000))
        await CachedImage.raw(DELETE_LOST_IMAGES)


class _Row(msgspec.Struct):
    content: bytes
    stored_at: int
    former: bytes | None
    former_at: int


def _entry(rows: list[dict[str, object]]) -> CacheEntry | None:
    if not rows:
        return None
    row = msgspec.convert(rows[0], type=_Row)
    return CacheEntry(
        content=row.content,
        stored_at=row.stored_at / 1000,
        previous=row.former,
        previous_stored_at=row.former_at / 1000,
    )
