"""Cached pages in the database."""

from collections.abc import Sequence
from typing import Any

import msgspec
from piccolo.querystring import QueryString

from imagevault.cache.database_eviction import IMAGE_BYTES, PAGE_BYTES
from imagevault.cache.keys import is_of
from imagevault.cache.page_digests import PageDigests
from imagevault.cache.store import CacheEntry
from imagevault.cache.tables import CachedImage, CachedPage
from imagevault.cache.uses import last_use
from imagevault.storage.database import relaxed_durability
from imagevault.storage.dialect import among, rows_of, skip_locked

UPSERT = """
INSERT INTO iv_page (key, provider, stored_at, used_at, size, content, digests, former, former_at)
VALUES ({}, {}, {}, {}, {}, {}, {}, NULL, 0)
ON CONFLICT (key) DO UPDATE SET
    former = iv_page.content, former_at = iv_page.stored_at, former_digests = iv_page.digests,
    content = excluded.content, stored_at = excluded.stored_at, digests = excluded.digests,
    used_at = excluded.used_at, size = excluded.size + length(iv_page.content)
"""
UPSERT_IMAGES = """
INSERT INTO iv_page_image (id, page) SELECT text, CAST({} AS VARCHAR(64)) FROM ({}) AS given WHERE true
ON CONFLICT (id) DO UPDATE SET page = excluded.page
"""
MARK_USED = """
UPDATE iv_page SET used_at = {} WHERE key IN (SELECT key FROM iv_page WHERE key {} AND used_at < {} {})
"""


class DatabasePageStore:
    """A `PageStore` in the app's database. Reading is one round trip."""

    async def read(self, key: str) -> CacheEntry | None:
        """Return a cached page, however old."""
        return _entry(await CachedPage.select().where(CachedPage.key == key))

    async def read_digests(self, keys: Sequence[str]) -> dict[str, PageDigests]:
        """Return the digests of those pages that are stored, however old."""
        if not keys:
            return {}
        columns = (
            CachedPage.key,
            CachedPage.stored_at,
            CachedPage.digests,
            CachedPage.former_at,
            CachedPage.former_digests,
        )
        rows = await CachedPage.select(*columns).where(CachedPage.key.is_in(list(keys)))
        return {row["key"]: _page_digests(row) for row in rows}

    def writes_of(self, key: str, provider: str, entry: CacheEntry, ids: Sequence[str]) -> list[QueryString]:
        """Return what stores a page with the ids of its images; the page that it replaces becomes its previous one."""
        used_at = last_use(entry.stored_at)
        size = PAGE_BYTES + len(entry.content) + len(entry.digests) + IMAGE_BYTES * len(ids)
        page = (key, provider, entry.version, used_at, size, entry.content, entry.digests)
        # Sorted, so that two workers lock the rows in the same order.
        images = rows_of([f"{provider}:{id}" for id in sorted(set(ids))])
        return [QueryString(UPSERT, *page), QueryString(UPSERT_IMAGES, key, images)]

    async def find(self, provider: str, id: str, revision: str) -> tuple[str, CacheEntry] | None:
        """Return the page on which an image was seen last, with its key, if it is of this revision."""
        key = CachedImage.select(CachedImage.page).where(CachedImage.id == f"{provider}:{id}")
        rows = await CachedPage.select().where(CachedPage.key.is_in(key))
        entry = _entry([row for row in rows if is_of(row["key"], revision)])
        return (rows[0]["key"], entry) if entry is not None else None

    async def mark_used(self, keys: Sequence[str], now: float) -> None:
        """Store that these pages were used now, where that is news."""
        used_at = last_use(now)
        with relaxed_durability():
            await CachedPage.raw(MARK_USED, used_at, among(keys), used_at, skip_locked())


class _Row(msgspec.Struct):
    content: bytes
    stored_at: int
    former: bytes | None
    former_at: int
    digests: bytes | None
    former_digests: bytes | None


def _entry(rows: list[dict[str, object]]) -> CacheEntry | None:
    if not rows:
        return None
    row = msgspec.convert(rows[0], type=_Row)
    return CacheEntry(
        content=row.content,
        stored_at=row.stored_at / 1000,
        previous=row.former,
        previous_stored_at=row.former_at / 1000,
        digests=row.digests or b"",
        previous_digests=row.former_digests or b"",
    )


def _page_digests(row: dict[str, Any]) -> PageDigests:
    return PageDigests(
        version=row["stored_at"],
        content=row["digests"] or b"",
        previous_version=row["former_at"],
        previous=row["former_digests"] or b"",
    )
