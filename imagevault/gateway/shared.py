"""What all workers share of the engine, in the database: provider states, pages, where images stand, the clock."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from imagevault.gateway.state import State
from imagevault.gateway.store import Kept
from imagevault.gateway.tables import KeptImage, KeptPage, ProviderState
from imagevault.storage.database import current, quickly

UPSERT = """
INSERT INTO iv_page (key, provider, stored_at, content, former, former_at) VALUES ({}, {}, {}, {}, NULL, 0)
ON CONFLICT (key) DO UPDATE SET former = iv_page.content, former_at = iv_page.stored_at,
    content = excluded.content, stored_at = excluded.stored_at
"""


class DatabaseStore:
    """The storage in the app's database. A round trip each, but for `keep`, which runs after the answer."""

    async def state(self, provider: str) -> tuple[State, int]:
        """The state of a provider, and its version; an empty one the first time."""
        row = await ProviderState.select(ProviderState.version, ProviderState.state).where(
            ProviderState.name == provider
        )
        if not row:
            await ProviderState.insert(ProviderState(name=provider)).on_conflict(
                target=ProviderState.name, action="DO NOTHING"
            )
            return State(), 0
        return msgspec.json.decode(row[0]["state"], type=State), row[0]["version"]

    async def changes(self, known: Mapping[str, int]) -> list[tuple[str, State, int]]:
        """The states of all providers, but for those whose version is known, each with its name and version."""
        query = ProviderState.select(ProviderState.name, ProviderState.version, ProviderState.state)
        for name, version in known.items():
            query = query.where((ProviderState.name != name) | (ProviderState.version != version))
        return [(row["name"], msgspec.json.decode(row["state"], type=State), row["version"]) for row in await query]

    async def swap(self, provider: str, version: int, state: State) -> bool:
        """Puts a new state where the version is still this one; answers whether it was."""
        new: dict[Any, Any] = {
            ProviderState.state: msgspec.json.encode(state).decode(),
            ProviderState.version: version + 1,
        }
        unchanged = (ProviderState.name == provider) & (ProviderState.version == version)
        with quickly():
            return bool(await ProviderState.update(new).where(unchanged).returning(ProviderState.version))

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


class SharedClock:
    """Unix time that all workers agree on and that no step of a host's clock moves: the database's, then monotonic."""

    def __init__(self) -> None:
        self.offset = time.time() - time.monotonic()

    async def set(self) -> None:
        """Takes the time of the app's database."""
        self.offset = await current().time() - time.monotonic()

    def __call__(self) -> float:
        """The time now, in seconds since 1970."""
        return self.offset + time.monotonic()
