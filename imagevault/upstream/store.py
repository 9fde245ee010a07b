"""What the call limiter needs of its storage: one versioned state for each provider."""

from collections.abc import Mapping
from typing import Protocol

from imagevault.upstream.models import State


class StateStore(Protocol):
    """The states of all providers, which all workers share. `DatabaseStateStore` is the one in service."""

    async def read(self, provider: str) -> tuple[State, int]:
        """Return the state of a provider and its version; an empty state with version 0 the first time."""
        ...

    async def changes(self, known: Mapping[str, int]) -> list[tuple[str, State, int]]:
        """Return (provider, state, version) of all providers, except where `known` has that version."""
        ...

    async def swap(self, provider: str, version: int, state: State) -> bool:
        """Store a state with the next version, if the version is still this one. Return whether it was."""
        ...
