"""The storage of pages in the database."""

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


class DatabasePageStore:
    """The storage in the app's database. A round trip each, but for `keep`, which runs after the answer."""

    async def page(self, key: str) -> CacheEntry | None:
        """A kept page."""
        return _kept(await CachedPage.select().where(CachedPage.key == key))

    async def keep(self, key: str, provider: str, content: bytes, ids: Sequence[str], now: float) -> None:
        """Keeps a page, the one before it as its former, and on which page its images stand."""
        with relaxed_durability():
            await CachedPage.raw(UPSERT, key, provider, round(now * 1000), content)
            if ids:
                rows = [CachedImage(id=f"{provider}:{id}", page=key) for id in sorted(ids)]
                await CachedImage.insert(*rows).on_conflict(
                    target=CachedImage.id, action="DO UPDATE", values=[CachedImage.page]
                )

    async def find(self, provider: str, id: str) -> CacheEntry | None:
        """The page on which an image was seen last."""
        key = CachedImage.select(CachedImage.page).where(CachedImage.id == f"{provider}:{id}")
        return _kept(await CachedPage.select().where(CachedPage.key.is_in(key)))

    async def sweep(self, before: float) -> None:
        """Forgets the pages stored before this time, and the images that stood there."""
        await CachedPage.delete().where(CachedPage.stored_at < int(before * 1000))
        await CachedImage.raw(
            "DELETE FROM iv_page_image WHERE NOT EXISTS (SELECT 1 FROM iv_page WHERE iv_page.key = iv_page_image.page)"
        )


def _kept(rows: list[dict[str, object]]) -> CacheEntry | None:
    if not rows:
        return None
    row = msgspec.convert(rows[0], type=_Row)
    return CacheEntry(row.content, row.stored_at / 1000, row.former, row.former_at / 1000)


class _Row(msgspec.Struct):
    content: bytes
    stored_at: int
    former: bytes | None
    former_at: int
