"""All that the server holds about an account, as one JSON object."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from imagevault.accounts import audit, throttle
from imagevault.accounts.tables import Account, ApiKey, PageSession
from imagevault.downloads.tables import Download, RepeatableSave
from imagevault.security.caller import Caller
from imagevault.upstream.usage import DAY
from imagevault.upstream.usage_store import read_usage

PAGE = 200  # downloads that are read and encoded together, which takes some milliseconds
encode = msgspec.json.encode


async def export(caller: Caller) -> AsyncIterator[bytes]:
    """Return the export in pieces, so that a long ledger is never in memory as a whole.

    Hashes of passwords and keys are left out: they say nothing about a person.
    """
    id = uuid.UUID(caller.id)
    yield b'{"account":' + encode(await _account(id))
    yield b',"sign_in_networks":' + encode(await _networks(caller.username))
    yield b',"sessions":' + encode(await PageSession.select(PageSession.expires_at).where(PageSession.account == id))
    yield b',"api_keys":' + encode(await _api_keys(id))
    yield b',"usage":' + encode(await _usage(caller.id))
    yield b',"security_events":' + encode(await audit.read(account=id))
    yield b',"repeatable_saves":' + encode(await _repeatable_saves(id))
    yield b',"downloads":['
    async for piece in _downloads(id):
        yield piece
    yield b"]}"


async def _account(id: uuid.UUID) -> dict[str, Any] | None:
    columns = (Account.id, Account.username, Account.is_admin, Account.created_at)
    row: dict[str, Any] | None = await Account.select(*columns).where(Account.id == id).first()
    return row


async def _networks(username: str) -> list[dict[str, Any]]:
    return [
        {"network": network, "last_sign_in": datetime.fromtimestamp(at, UTC)}
        for network, at in await throttle.known_networks(username)
    ]


async def _api_keys(id: uuid.UUID) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = await ApiKey.select().where(ApiKey.account == id).order_by(ApiKey.created_at)
    return [{name: value for name, value in row.items() if name not in {"digest", "account"}} for row in rows]


async def _usage(caller: str) -> list[dict[str, Any]]:
    return [
        {
            "day": datetime.fromtimestamp(row["day"] * DAY, UTC).date(),
            "provider": row["provider"] or None,  # the row of all searches names none
            "searches": row["searches"],
            "calls": row["calls"],
        }
        for row in await read_usage(0, caller)
    ]


async def _repeatable_saves(account: uuid.UUID) -> list[dict[str, Any]]:
    """Return the answers that are kept for a request that comes again. They outlive the deletion of a download."""
    columns = (RepeatableSave.created_at, RepeatableSave.answer)
    rows = await RepeatableSave.select(*columns).where(RepeatableSave.account == account)
    return [
        {
            "created_at": datetime.fromtimestamp(row["created_at"] / 1000, UTC),
            "answer": None if row["answer"] is None else msgspec.Raw(row["answer"].encode()),
        }
        for row in rows
    ]


async def _downloads(account: uuid.UUID) -> AsyncIterator[bytes]:
    """Return the records as elements of a JSON list, the oldest first."""
    last: dict[str, Any] | None = None
    while True:
        query = Download.select().where(Download.account == account)
        if last is not None:
            is_later = Download.created_at > last["created_at"]
            query = query.where(is_later | ((Download.created_at == last["created_at"]) & (Download.id > last["id"])))
        rows = await query.order_by(Download.created_at, Download.id).limit(PAGE)
        if not rows:
            return
        yield (b"," if last is not None else b"") + b",".join(encode(row) for row in rows)
        last = rows[-1]
