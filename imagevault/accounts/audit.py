"""The audit trail: what happened to accounts, in the database and in the log.

A row is written in the transaction that runs, if one does, so that it stands beside the change or not at all.
"""

import logging
import time
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import msgspec

from imagevault.accounts.tables import SecurityEvent

log = logging.getLogger(__name__)

Event = Literal[
    "account_created",
    "account_deleted",
    "account_exported",
    "account_locked",
    "account_unlocked",
    "invitation_created",
    "key_created",
    "key_revoked",
    "password_changed",
    "password_reset",
    "reset_code_created",
    "role_changed",
    "sign_in_failed",
    "sign_in_throttled",
    "sign_up_throttled",
    "signed_in",
    "signed_out",
]
EVENTS: tuple[Event, ...] = get_args(Event)
COMMAND_LINE = "command line"
DAY = 86400  # seconds
MAX_DETAIL = 200  # characters
_origin: ContextVar[str] = ContextVar("imagevault_origin", default="")


class AuditLine(msgspec.Struct, frozen=True, kw_only=True):
    """One event.

    Attributes:
        at: when it happened.
        event: what happened.
        account: the id of the account that it happened to; None where there is no such account.
        username: the name of that account.
        address: where it was caused: the address of the caller, or `command line`.
        detail: what else is known, such as the name of a key.

    """

    at: datetime
    event: Event
    account: uuid.UUID | None
    username: str
    address: str
    detail: str


def bind_origin(origin: str) -> None:
    """Say where the running task comes from: the address of a caller, or `COMMAND_LINE`."""
    _origin.set(origin)


async def record(event: Event, *, account: str | uuid.UUID | None = None, username: str = "", detail: str = "") -> None:
    """Write an event to the audit trail and to the log.

    Args:
        event: what happened.
        account: the id of the account that it happened to.
        username: its normalized name. Leave out what somebody typed who is not known: it may be a password.
        detail: one line that says more, without any secret.

    """
    id = uuid.UUID(account) if isinstance(account, str) else account
    address = _origin.get()
    row = SecurityEvent(
        id=uuid.uuid4(),
        at=round(time.time() * 1000),
        event=event,
        account=id,
        username=username,
        address=address[:64],
        detail=detail[:MAX_DETAIL],
    )
    await SecurityEvent.insert(row)
    fields = {"event_type": event, "account": str(id) if id else None, "address": address, "detail": row.detail or None}
    log.info("security event", extra=fields)


async def read(
    *, account: uuid.UUID | None = None, event: Event | None = None, limit: int | None = None
) -> list[AuditLine]:
    """Return events, the newest first.

    Args:
        account: of this account only.
        event: of this kind only.
        limit: at most so many.

    """
    query = SecurityEvent.select().order_by(SecurityEvent.at, ascending=False)
    if account is not None:
        query = query.where(SecurityEvent.account == account)
    if event is not None:
        query = query.where(SecurityEvent.event == event)
    if limit is not None:
        query = query.limit(limit)
    return [
        AuditLine(
            at=datetime.fromtimestamp(row["at"] / 1000, UTC),
            event=row["event"],
            account=row["account"],
            username=row["username"],
            address=row["address"],
            detail=row["detail"],
        )
        for row in await query
    ]


async def forget_person(account: uuid.UUID) -> None:
    """Remove name, address and detail from the events of an account that is deleted. The events stay."""
    values: dict[Any, Any] = {SecurityEvent.username: "", SecurityEvent.address: "", SecurityEvent.detail: ""}
    await SecurityEvent.update(values).where(SecurityEvent.account == account)


async def prune(days: int, clock: Callable[[], float] = time.time) -> None:
    """Delete the events that are older than so many days."""
    await SecurityEvent.delete().where(SecurityEvent.at < round((clock() - days * DAY) * 1000))
