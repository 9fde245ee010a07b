"""The states of providers in the database."""

from collections.abc import Mapping
from typing import Any

import msgspec

from imagevault.storage.database import relaxed_durability
from imagevault.upstream.models import State
from imagevault.upstream.store import UnreadableState
from imagevault.upstream.tables import ProviderState

MAX_REASON = 200  # characters of why a state cannot be read


class DatabaseStateStore:
    """A `StateStore` in the app's database. Each method is one round trip."""

    async def read(self, provider: str) -> tuple[State, int]:
        """Return the state of a provider and its version; an empty state with version 0 the first time.

        Raises:
            UnreadableState: it cannot be read.

        """
        columns = (ProviderState.version, ProviderState.state)
        rows = await ProviderState.select(*columns).where(ProviderState.name == provider)
        if not rows:
            row = ProviderState(name=provider)
            await ProviderState.insert(row).on_conflict(target=ProviderState.name, action="DO NOTHING")
            return State(), 0
        state = _decode(provider, rows[0]["state"])
        if isinstance(state, UnreadableState):
            raise state
        return state, rows[0]["version"]

    async def changes(self, known: Mapping[str, int]) -> list[tuple[str, State | UnreadableState, int]]:
        """Return (provider, state, version) of all providers, except where `known` has that version."""
        query = ProviderState.select(ProviderState.name, ProviderState.version, ProviderState.state)
        for name, version in known.items():
            query = query.where((ProviderState.name != name) | (ProviderState.version != version))
        return [(row["name"], _decode(row["name"], row["state"]), row["version"]) for row in await query]

    async def swap(self, provider: str, version: int, state: State) -> bool:
        """Store a state with the next version, if the version is still this one. Return whether it was."""
        values: dict[Any, Any] = {
            ProviderState.state: msgspec.json.encode(state).decode(),
            ProviderState.version: version + 1,
        }
        is_unchanged = (ProviderState.name == provider) & (ProviderState.version == version)
        with relaxed_durability():
            return bool(await ProviderState.update(values).where(is_unchanged).returning(ProviderState.version))

    async def clear(self, provider: str) -> None:
        """Store an empty state with the next version, whatever is stored."""
        values: dict[Any, Any] = {ProviderState.state: "{}", ProviderState.version: ProviderState.version + 1}
        await ProviderState.update(values).where(ProviderState.name == provider)


def _decode(provider: str, state: str) -> State | UnreadableState:
    try:
        return msgspec.json.decode(state, type=State)
    except (ValueError, RecursionError) as error:  # msgspec.DecodeError, and UnicodeEncodeError
        return UnreadableState(provider, str(error)[:MAX_REASON])
