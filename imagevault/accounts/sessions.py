"""Sessions of the page: a random value in a cookie, of which the hash is stored. Ending one deletes its row."""

import re
import secrets
import time
import uuid
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from piccolo.columns.combination import WhereRaw

from imagevault.accounts.api_keys import digest_of
from imagevault.accounts.grants import Grant
from imagevault.accounts.locking import insert_row_of_account
from imagevault.accounts.tables import PageSession
from imagevault.storage.dialect import among

VALUE_BYTES = 32
VALUE = re.compile(r"[A-Za-z0-9_-]{43}")  # as `secrets.token_urlsafe` writes so many bytes


class Sessions:
    """Begins, ends and finds sessions in the database.

    Args:
        clock: Unix time.

    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock

    async def begin(self, account: str, epoch: int, lifetime: int) -> str:
        """Begin a session of some seconds. Returns the value of its cookie.

        Sessions that have expired are deleted, and those of the account that began before its epoch was raised.

        Raises:
            NotSignedIn: if the account was deleted or locked in the meantime.

        """
        now = self._clock()
        value = secrets.token_urlsafe(VALUE_BYTES)
        row = PageSession(
            digest=digest_of(value),
            account=uuid.UUID(account),
            epoch=epoch,
            expires_at=datetime.fromtimestamp(now + lifetime, UTC),
        )
        await insert_row_of_account(row, row.account)
        has_expired = PageSession.expires_at < datetime.fromtimestamp(now, UTC)
        has_ended = (PageSession.account == row.account) & (PageSession.epoch < epoch)
        await PageSession.delete().where(has_expired | has_ended)
        return value

    async def end(self, value: str) -> str | None:
        """End a session. Returns the id of its account; None if it has ended already."""
        ended = PageSession.delete().where(PageSession.digest == digest_of(value))
        rows = await ended.returning(PageSession.account)
        return str(rows[0]["account"]) if rows else None

    async def find(self, digests: Collection[str]) -> dict[str, Grant]:
        """Return what the sessions with these digests allow. Unknown ones are left out."""
        if not digests:
            return {}
        rows = await PageSession.select().where(WhereRaw("digest {}", among(list(digests))))
        return {
            row["digest"]: Grant(account=str(row["account"]), epoch=row["epoch"], expires=row["expires_at"].timestamp())
            for row in rows
        }


def is_value(text: str) -> bool:
    """Return whether a text has the form of a cookie's value."""
    return VALUE.fullmatch(text) is not None
