"""What the call limiter needs of its storage: one versioned state for each provider."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from imagevault.errors import Unavailable
from imagevault.upstream.models import State

if TYPE_CHECKING:
    from piccolo.querystring import QueryString


class UnreadableState(Unavailable):
    """The stored state of a provider cannot be read, so nobody knows how many calls are left.

    It says nothing about the upstream. An admin ends it with `imagevault providers repair NAME`.
    """

    def __init__(self, provider: str, reason: str) -> None:
        remedy = f"an admin has to run: imagevault providers repair {provider}"
        super().__init__(f"the stored state of {provider} cannot be read ({reason}); {remedy}")


class StateStore(Protocol):
    """The states of all providers, which all workers share. `DatabaseStateStore` is the one in service."""

    async def read(self, provider: str) -> tuple[State, int]:
        """Return the state of a provider and its version; an empty state with version 0 the first time.

        Raises:
            UnreadableState: it cannot be read.

        """
        ...

    async def changes(self, known: Mapping[str, int]) -> list[tuple[str, State | UnreadableState, int]]:
        """Return (provider, state, version) of all providers, except where `known` has that version."""
        ...

    async def clear(self, provider: str) -> None:
        """Store an empty state with the next version, whatever is stored."""
        ...

    async def swap(self, provider: str, version: int, state: State, before: Sequence["QueryString"] = ()) -> bool:
        """Store a state with the next version, if the version is still this one. Return whether it was.

        The writes `before` it happen in any case.
        """
        ...
