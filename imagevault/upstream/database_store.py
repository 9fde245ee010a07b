"""The states of providers in the database."""

from collections.abc import Mapping
from typing import Any

import msgspec

from imagevault.storage.database import relaxed_durability
from imagevault.upstream.models import State
from imagevault.upstream.tables import ProviderState


class DatabaseStateStore:
    """A `StateStore` in the app's database. Each method is one round trip."""

    async def read(self, provider: str) -> tuple[State, int]:
        """Return the state of a provider and its version; an empty state with version 0 the first time."""
        columns = (ProviderState.version, ProviderState.state)
        rows = await ProviderState.select(*columns).where(ProviderState.name == provider)
        if not rows:
            row = ProviderState(name=provider)
            await ProviderState.insert(row).on_conflict(target=ProviderState.name, action="DO NOTHING")
            return State(), 0
        return _decode(rows[0]["state"]), rows[0]["version"]

    async def changes(self, known: Mapping[str, int]) -> list[tuple[str, State, int]]:
        """Return (provider, state, version) of all providers, except where `known` has that version."""
        query = ProviderState.select(ProviderState.name, ProviderState.version, ProviderState.state)
        for name, version in known.items():
            query = query.where((ProviderState.name != name) | (ProviderState.version != version))
        return [(row["name"], _decode(row["state"]), row["version"]) for row in await query]

    async def swap(self, provider: str, version: int, state: State) -> bool:
        """Store a state with the next version, if the version is still this one. Return whether it was."""
        values: dict[Any, Any] = {
            ProviderState.state: msgspec.json.encode(state).decode(),
            ProviderState.version: version + 1,
        }
        is_unchanged = (ProviderState.name == provider) & (ProviderState.version == version)
        with relaxed_durability():
            return bool(await ProviderState.update(values).where(is_unchanged).returning(ProviderState.version))


def _decode(state: str) -> State:
    return msgspec.json.decode(state, type=State)
