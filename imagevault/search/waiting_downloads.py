"""What the provider list shows of download events. The outbox, a layer above, counts them."""

from collections.abc import Awaitable, Callable, Mapping

import msgspec


class WaitingDownloads(msgspec.Struct, frozen=True):
    """The downloads that are not reported to a provider yet.

    Attributes:
        count: how many.
        oldest_at: when the oldest was recorded, Unix time.

    """

    count: int
    oldest_at: float


CountWaiting = Callable[[], Awaitable[Mapping[str, WaitingDownloads]]]
"""Counts the downloads that wait, by provider; providers without any are left out."""


async def no_downloads() -> Mapping[str, WaitingDownloads]:
    """Count nothing, where there is no ledger."""
    return {}
