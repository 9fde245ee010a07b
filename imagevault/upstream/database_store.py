"""The storage of provider states in the database."""

from collections.abc import Mapping
from typing import Any

import msgspec

from imagevault.storage.database import relaxed_durability
from imagevault.upstream.admission import State
from imagevault.upstream.tables import ProviderState


class DatabaseStateStore:
    """The storage in the app's database. A round trip each."""

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
        with relaxed_durability():
            return bool(await ProviderState.update(new).where(unchanged).returning(ProviderState.version))
