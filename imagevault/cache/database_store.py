"""The storage of pages in the database."""

from collections.abc import Sequence

import msgspec

from imagevault.cache.store import Kept
from imagevault.cache.tables import KeptImage, KeptPage
from imagevault.storage.database import quickly

UPSERT = """
INSERT INTO iv_page (key, provider, stored_at, content, former, former_at) VALUES ({}, {}, {}, {}, NULL, 0)
ON CONFLICT (key) DO UPDATE SET former = iv_page.content, former_at = iv_page.stored_at,
    content = excluded.content, stored_at = excluded.stored_at
"""


class DatabasePageStore:
    """The storage in the app's database. A round trip each, but for `keep`, which runs after the answer."""

    async def page(self, key: str) -> Kept | None:
        """A kept page."""
        return _kept(await KeptPage.select().where(KeptPage.key == key))

    async def keep(self, key: str, provider: str, content: bytes, ids: Sequence[str], now: float) -> None:
        """Keeps a page, the one before it as its former, and on which page its images stand."""
        with quickly():
            await KeptPage.raw(UPSERT, key, provider, round(now * 1000), content)
            if ids:
                rows = [KeptImage(id=f"{provider}:{id}", page=key) for id in sorted(ids)]
                await KeptImage.insert(*rows).on_conflict(
                    target=KeptImage.id, action="DO UPDATE", values=[KeptImage.page]
                )

    async def find(self, provider: str, id: str) -> Kept | None:
        """The page on which an image was seen last."""
        key = KeptImage.select(KeptImage.page).where(KeptImage.id == f"{provider}:{id}")
        return _kept(await KeptPage.select().where(KeptPage.key.is_in(key)))

    async def sweep(self, before: float) -> None:
        """Forgets the pages stored before this time, and the images that stood there."""
        await KeptPage.delete().where(KeptPage.stored_at < int(before * 1000))
        await KeptImage.raw(
            "DELETE FROM iv_page_image WHERE NOT EXISTS (SELECT 1 FROM iv_page WHERE iv_page.key = iv_page_image.page)"
        )


def _kept(rows: list[dict[str, object]]) -> Kept | None:
    if not rows:
        return None
    row = msgspec.convert(rows[0], type=_Row)
    return Kept(row.content, row.stored_at / 1000, row.former, row.former_at / 1000)


class _Row(msgspec.Struct):
    content: bytes
    stored_at: int
    former: bytes | None
    former_at: int
