"""Codes that work once and for a while: invitations, and resets of a password.

A code has 160 random bits, so nobody guesses one. The database has its SHA-256 only.
"""

import secrets
import time
import uuid
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal

import msgspec

from imagevault.accounts.tables import OneTimeCode

Purpose = Literal["invitation", "password_reset"]
BYTES = 20
MAX_CODE = 64  # characters that are looked at; a code has 27


class IssuedCode(msgspec.Struct, frozen=True):
    """A new code, which is shown once.

    Attributes:
        code: what to hand over.
        expires_at: until when it works.

    """

    code: str
    expires_at: datetime


async def issue(purpose: Purpose, seconds: float, account: uuid.UUID | None = None) -> IssuedCode:
    """Make a code.

    Args:
        purpose: what it is for; it works for nothing else.
        seconds: for how long it works.
        account: the account that it is for. An earlier code of this account for the same purpose ends.

    """
    if account is not None:
        await OneTimeCode.delete().where(OneTimeCode.account == account, OneTimeCode.purpose == purpose)
    code = secrets.token_urlsafe(BYTES)
    now = time.time()
    row = OneTimeCode(
        hash=_hash(code),
        purpose=purpose,
        account=account,
        created_at=round(now * 1000),
        expires_at=round((now + seconds) * 1000),
    )
    await OneTimeCode.insert(row)
    return IssuedCode(code, datetime.fromtimestamp(int(now + seconds), UTC))


async def is_valid(purpose: Purpose, code: str, account: uuid.UUID | None = None) -> bool:
    """Return whether a code works now."""
    return len(code) <= MAX_CODE and bool(await OneTimeCode.exists().where(_is_it(purpose, code, account)))


async def redeem(purpose: Purpose, code: str, account: uuid.UUID | None = None) -> bool:
    """Use a code up, and return whether it was valid. Of several that use it at once, one succeeds.

    Call it in the transaction that does what the code allows: if that fails, the code stays valid.
    """
    if len(code) > MAX_CODE:
        return False
    deletion = OneTimeCode.delete().where(_is_it(purpose, code, account))
    return bool(await deletion.returning(OneTimeCode.hash))


async def delete_of(account: uuid.UUID) -> None:
    """Delete the codes of an account."""
    await OneTimeCode.delete().where(OneTimeCode.account == account)


async def prune() -> None:
    """Delete the codes that have expired."""
    await OneTimeCode.delete().where(OneTimeCode.expires_at < round(time.time() * 1000))


def _is_it(purpose: Purpose, code: str, account: uuid.UUID | None) -> Any:
    is_it: Any = (OneTimeCode.hash == _hash(code)) & (OneTimeCode.purpose == purpose)
    is_it &= OneTimeCode.expires_at > round(time.time() * 1000)
    return is_it if account is None else is_it & (OneTimeCode.account == account)


def _hash(code: str) -> str:
    return sha256(code.encode("utf-8", "surrogatepass")).hexdigest()
