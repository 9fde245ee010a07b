"""The outbox: the download events that are not delivered yet, in the database that all workers share.

No clock and no call: `now` is in seconds of the clock that all workers share, and `events.py` delivers.
"""

import uuid
from collections.abc import Mapping
from typing import Any

import msgspec
from piccolo.query.functions.aggregate import Count, Min

from imagevault.downloads.tables import DownloadEvent
from imagevault.records import Image
from imagevault.search.waiting_downloads import WaitingDownloads

LEASE = 60.0  # seconds for which a worker may deliver an event exclusively; the lease of a crashed worker expires


class OutboxEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The event of one download.

    Attributes:
        download: the id of the download.
        provider: the provider's name.
        image: the `Image` as it was, as JSON.
        attempts: how many failed.
        owner: names the attempt that this worker would make.

    """

    download: uuid.UUID
    provider: str
    image: str
    attempts: int
    owner: str


class GivenUp(msgspec.Struct, frozen=True):
    """An event that was deleted because it is too old."""

    download: uuid.UUID
    provider: str


class Outbox:
    """Writes, leases and counts the events. Each method is one statement."""

    async def write(self, download: uuid.UUID, provider: str, image: Image, now: float) -> None:
        """Add the event of a download. Call it in the transaction that writes the download."""
        row = DownloadEvent(
            download=download,
            provider=provider,
            image=msgspec.json.encode(image).decode(),
            created_at=_milliseconds(now),
            next_attempt_at=_milliseconds(now),
        )
        await DownloadEvent.insert(row)

    async def due(self, provider: str, now: float, limit: int) -> list[OutboxEvent]:
        """Return events of a provider that may be tried now, those that wait longest first. They are not leased yet."""
        query = DownloadEvent.select().where(DownloadEvent.provider == provider, _is_free(now))
        rows = await query.order_by(DownloadEvent.next_attempt_at).limit(limit)
        return [_event(row) for row in rows]

    async def find(self, download: uuid.UUID) -> OutboxEvent | None:
        """Return the event of a download, None if none waits. It is not leased yet."""
        rows = await DownloadEvent.select().where(DownloadEvent.download == download)
        return _event(rows[0]) if rows else None

    async def claim(self, event: OutboxEvent, now: float) -> bool:
        """Lease an event, if it may still be tried now. Of several workers, one succeeds."""
        values: dict[Any, Any] = {
            DownloadEvent.lease_until: _milliseconds(now + LEASE),
            DownloadEvent.lease_owner: event.owner,
        }
        is_event = DownloadEvent.download == event.download
        return bool(await DownloadEvent.update(values).where(is_event, _is_free(now)).returning(DownloadEvent.download))

    async def complete(self, event: OutboxEvent) -> None:
        """Delete an event that needs no further attempt, also if another worker leases it by now."""
        await DownloadEvent.delete().where(DownloadEvent.download == event.download)

    async def postpone(self, event: OutboxEvent, next_attempt_at: float, attempts: int) -> None:
        """End the lease of an event, and set when it may be tried again; nothing if another worker leases it by now."""
        values: dict[Any, Any] = {
            DownloadEvent.next_attempt_at: _milliseconds(next_attempt_at),
            DownloadEvent.attempts: attempts,
            DownloadEvent.lease_until: 0,
            DownloadEvent.lease_owner: "",
        }
        is_event = DownloadEvent.download == event.download
        is_ours = DownloadEvent.lease_owner == event.owner
        await DownloadEvent.update(values).where(is_event, is_ours)

    async def give_up(self, before: float, now: float) -> list[GivenUp]:
        """Delete the events that were written before this time and are not being tried, and return them."""
        is_too_old = DownloadEvent.created_at < _milliseconds(before)
        is_not_leased = DownloadEvent.lease_until <= _milliseconds(now)
        query = DownloadEvent.delete().where(is_too_old, is_not_leased)
        rows = await query.returning(DownloadEvent.download, DownloadEvent.provider)
        return [GivenUp(row["download"], row["provider"]) for row in rows]

    async def waiting(self) -> Mapping[str, WaitingDownloads]:
        """Return how many events wait, by provider; providers without any are left out."""
        oldest = Min(DownloadEvent.created_at, alias="oldest")
        query = DownloadEvent.select(DownloadEvent.provider, Count(alias="count"), oldest)
        rows = await query.group_by(DownloadEvent.provider)
        return {row["provider"]: WaitingDownloads(row["count"], row["oldest"] / 1000) for row in rows}


def _is_free(now: float) -> Any:
    """The condition that an event may be tried now and that nobody leases it."""
    is_due = DownloadEvent.next_attempt_at <= _milliseconds(now)
    return is_due & (DownloadEvent.lease_until <= _milliseconds(now))


def _event(row: Mapping[str, Any]) -> OutboxEvent:
    return OutboxEvent(
        download=row["download"],
        provider=row["provider"],
        image=row["image"],
        attempts=row["attempts"],
        owner=uuid.uuid4().hex,
    )


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
