"""The eviction of pages in the database, in short statements that never wait for a row.

Each statement commits itself, so that no lock outlives it, however busy the event loop is. A page is deleted before its
images. Where a worker dies in between, or an admin deletes pages alone, `delete_lost_images` removes the images later.
"""

from collections.abc import Sequence
from typing import Any

from imagevault.cache.eviction import CacheUse
from imagevault.cache.tables import CachedImage, CachedPage, CacheEviction
from imagevault.storage.database import relaxed_durability
from imagevault.storage.dialect import among, skip_locked

Row = dict[str, Any]

# Of one batch, which holds the write lock of SQLite for some 30 ms (measured on 2026-11-29 with pages of 100 KB).
MAX_PAGES = 20
MAX_BYTES = 1024 * 1024
MAX_MEASURED = 10  # pages; each is written again as a whole
MAX_IMAGES = 2000  # that are looked at for their page
IMAGE_BYTES = 200  # of a row in the index of images, with its share of two indexes (measured on both engines)
PAGE_BYTES = 200  # of a row without its content

BEGIN_TURN = """
INSERT INTO iv_cache_eviction (name, began_at, image) VALUES ('pages', {}, '')
ON CONFLICT (name) DO UPDATE SET began_at = excluded.began_at
WHERE iv_cache_eviction.began_at <= {} OR iv_cache_eviction.began_at > {}
RETURNING name
"""
MEASURE = """
UPDATE iv_page SET
    used_at = CASE WHEN stored_at > 0 THEN stored_at ELSE 1 END,
    size = {} + length(content) + COALESCE(length(former), 0)
        + {} * (SELECT COUNT(*) FROM iv_page_image WHERE iv_page_image.page = iv_page.key)
WHERE key IN (SELECT key FROM iv_page WHERE used_at = 0 LIMIT {} {})
RETURNING key
"""
OUTSIDE = "SELECT key, size FROM iv_page WHERE stored_at < {} OR stored_at > {} ORDER BY stored_at LIMIT {}"
LEAST_USED = "SELECT key, size FROM iv_page ORDER BY used_at LIMIT {}"
DELETE_PAGES = """
DELETE FROM iv_page WHERE key IN (SELECT key FROM iv_page WHERE key {} {}) RETURNING key, size
"""
DELETE_IMAGES = "DELETE FROM iv_page_image WHERE id IN (SELECT id FROM iv_page_image WHERE page {} {})"
LAST_IMAGE = "SELECT MAX(id) AS id FROM (SELECT id FROM iv_page_image WHERE id > {} ORDER BY id LIMIT {}) AS part"
DELETE_LOST_IMAGES = """
DELETE FROM iv_page_image WHERE id IN (
    SELECT id FROM iv_page_image WHERE id > {} AND id <= {}
    AND NOT EXISTS (SELECT 1 FROM iv_page WHERE iv_page.key = iv_page_image.page) {}
)
"""


class DatabaseEviction:
    """An `EvictionStore` in the app's database."""

    async def begin_turn(self, now: float, seconds: float) -> bool:
        """Take the next turn for some seconds. Return False where another worker has it."""
        milliseconds = round(now * 1000)
        earliest = milliseconds - round(seconds * 1000)
        # A turn that began in the future was taken before the clock was set back.
        return bool(await CacheEviction.raw(BEGIN_TURN, milliseconds, earliest, milliseconds))

    async def measure_pages(self) -> int:
        """Note size and last use of pages that an older version stored. Return how many there were."""
        with relaxed_durability():
            return len(await CachedPage.raw(MEASURE, PAGE_BYTES, IMAGE_BYTES, MAX_MEASURED, skip_locked()))

    async def delete_outside(self, earliest: float, latest: float) -> int:
        """Delete pages that were stored before or after these times. Return how many there were."""
        rows = await CachedPage.raw(OUTSIDE, int(earliest * 1000), int(latest * 1000), MAX_PAGES)
        return len(await _delete(_first(rows, MAX_BYTES)))

    async def total_bytes(self) -> int:
        """Return the size of all pages."""
        return (await measure_use(0)).bytes

    async def delete_least_used(self, size: int) -> int:
        """Delete the least recently used pages, of this size together if one batch is enough. Return their size."""
        rows = await CachedPage.raw(LEAST_USED, MAX_PAGES)
        return sum(row["size"] for row in await _delete(_first(rows, min(size, MAX_BYTES))))

    async def delete_lost_images(self) -> None:
        """Look at a part of the images, and delete those whose page is gone. The next turn goes on behind that part."""
        [turn] = await CacheEviction.select(CacheEviction.image).where(CacheEviction.name == "pages")
        start = turn["image"]
        [last] = await CachedImage.raw(LAST_IMAGE, start, MAX_IMAGES)
        end = last["id"] or ""
        with relaxed_durability():
            if end:
                await CachedImage.raw(DELETE_LOST_IMAGES, start, end, skip_locked())
            await CacheEviction.update({CacheEviction.image: end}).where(CacheEviction.name == "pages")


async def measure_use(max_bytes: int) -> CacheUse:
    """Return what the database holds of cached pages, beside the size that is allowed."""
    [row] = await CachedPage.raw("SELECT COUNT(*) AS pages, COALESCE(SUM(size), 0) AS bytes FROM iv_page")
    return CacheUse(pages=row["pages"], bytes=int(row["bytes"]), max_bytes=max_bytes)


def _first(rows: Sequence[Row], size: int) -> list[str]:
    """Return the keys of the first rows, until they have this size together."""
    keys: list[str] = []
    sum_of_sizes = 0
    for row in rows:
        if sum_of_sizes >= size:
            break
        keys.append(row["key"])
        sum_of_sizes += row["size"]
    return keys


async def _delete(keys: Sequence[str]) -> list[Row]:
    """Delete these pages with their images, except those that another worker is writing. Return what was deleted."""
    if not keys:
        return []
    with relaxed_durability():
        deleted: list[Row] = await CachedPage.raw(DELETE_PAGES, among(keys), skip_locked())
        await CachedImage.raw(DELETE_IMAGES, among([row["key"] for row in deleted]), skip_locked())
    return deleted
