"""The states of providers in the database."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from piccolo.querystring import QueryString

from imagevault.storage.database import DB, relaxed_durability
from imagevault.upstream.models import State
from imagevault.upstream.store import UnreadableState
from imagevault.upstream.tables import ProviderState

SWAP = "UPDATE iv_provider SET state = {}, version = {} WHERE name = {} AND version = {}"
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

    async def swap(self, provider: str, version: int, state: State, before: Sequence[QueryString] = ()) -> bool:
        """Store a state with the next version, if the version is still this one. Return whether it was.

        The writes `before` it happen in any case. On PostgreSQL all of it is one statement, so one round trip.
        """
        content = msgspec.json.encode(state).decode()
        swap = QueryString(SWAP, content, version + 1, provider, version)
        with relaxed_durability():
            if DB.engine_type == "sqlite":
                for write in before:
                    await ProviderState.raw("{}", write)
                return bool(await ProviderState.raw("{} RETURNING version", swap))
            return bool(await ProviderState.raw("{}", _after(before, swap)))

    async def clear(self, provider: str) -> None:
        """Store an empty state with the next version, whatever is stored."""
        values: dict[Any, Any] = {ProviderState.state: "{}", ProviderState.version: ProviderState.version + 1}
        await ProviderState.update(values).where(ProviderState.name == provider)


def _decode(provider: str, state: str) -> State | UnreadableState:
    try:
        return msgspec.json.decode(state, type=State)
    except (ValueError, RecursionError) as error:  # msgspec.DecodeError, and UnicodeEncodeError
        return UnreadableState(provider, str(error)[:MAX_REASON])


def _after(before: Sequence[QueryString], last: QueryString) -> QueryString:
    """Return one statement of PostgreSQL that makes the writes in their order, so that two never wait for each other.

    The `last` one has a WHERE, and counts what the others did: PostgreSQL makes them first for that.
    """
    if not before:
        return QueryString("{} RETURNING version", last)
    names = [f"write_{number}" for number in range(len(before))]
    writes = ", ".join(f"{name} AS ({{}} RETURNING 1)" for name in names)
    counts = " AND ".join(f"(SELECT count(*) FROM {name}) >= 0" for name in names)  # noqa: S608  our own names
    return QueryString(f"WITH {writes} {{}} AND {counts} RETURNING version", *before, last)
