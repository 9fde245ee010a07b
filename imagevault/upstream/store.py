"""What the call limiter needs of its storage: one versioned state for each provider."""

from collections.abc import Mapping
from typing import Protocol

from imagevault.upstream.admission import State


class StateStore(Protocol):
    """The storage of provider states, shared by all workers; in tests another one takes its place."""

    async def state(self, provider: str) -> tuple[State, int]:
        """The state of a provider, and its version."""
        ...

    async def changes(self, known: Mapping[str, int]) -> list[tuple[str, State, int]]:
        """The states of all providers, but for those whose version is known, each with its name and version."""
        ...

    async def swap(self, provider: str, version: int, state: State) -> bool:
        """Puts a new state where the version is still this one; answers whether it was."""
        ...
