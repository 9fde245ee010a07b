"""Rows of the ledger for tests, written without a request."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from imagevault.downloads import finding
from imagevault.downloads.tables import Download

START = datetime(2026, 11, 1, tzinfo=UTC)


async def account_of(api: Any, username: str = "ada") -> uuid.UUID:
    """The id of an account."""
    caller = await api.services.accounts.find_active(username)
    return uuid.UUID(caller.id)


async def add(account: uuid.UUID, count: int, *, start: datetime = START, **columns: Any) -> None:
    """Adds so many downloads of an account, a minute apart from `start` on.

    A column is a value, or a function of the number.
    """
    rows = []
    for number in range(count):
        values = {"title": f"Picture {number}", "url": f"https://a.example/{number}", **columns}
        values = {name: value(number) if callable(value) else value for name, value in values.items()}
        values.setdefault("search_text", finding.search_text(values))
        created_at = start + timedelta(minutes=number)
        rows.append(Download(id=uuid.uuid4(), account=account, created_at=created_at, **values))
    for first in range(0, count, 500):
        await Download.insert(*rows[first : first + 500])
