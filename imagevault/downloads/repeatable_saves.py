"""Saves that may be repeated: a request with an Idempotency-Key is carried out once, however often it is sent.

The save first takes a lease, so that a second one at the same time is refused. The answer is stored in the transaction
that writes the download. A save that a crash cut off leaves a lease, which expires, and no download.
"""

import hashlib
import re
import uuid
from collections.abc import Callable

import msgspec

from imagevault.downloads.tables import RepeatableSave
from imagevault.errors import BadInput, KeyReused, StillRunning
from imagevault.storage.database import relaxed_durability

DAY = 86400.0  # seconds for which a key is kept
LEASE = 60.0  # seconds for which a save may run; longer than any look-up of an image
PRUNE_INTERVAL = 3600.0  # seconds
MAX_KEY = 255  # characters
KEY = re.compile(r"[!-~]([ -~]{0,253}[!-~])?")  # printable ASCII, without blanks at the ends
# An Item of structured fields (RFC 9651): a string in quotes. Clients send it bare as well.
QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
BEGIN = """
INSERT INTO iv_repeatable_save (id, account, fingerprint, answer, created_at, lease_until, owner)
VALUES ({}, {}, {}, NULL, {}, {}, {})
ON CONFLICT (id) DO UPDATE SET
    fingerprint = excluded.fingerprint, answer = NULL, created_at = excluded.created_at,
    lease_until = excluded.lease_until, owner = excluded.owner
WHERE iv_repeatable_save.created_at <= {}
    OR (iv_repeatable_save.answer IS NULL AND iv_repeatable_save.lease_until <= {})
RETURNING owner
"""


class RunningSave(msgspec.Struct, frozen=True):
    """A save that this request carries out: its id, and who it is among those with the same key."""

    id: str
    owner: str


class RepeatableSaves:
    """Begins and completes such saves. `clock` is the one that workers share, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pruned_at: float | None = None

    async def begin(self, account: str, key: str, body: bytes) -> RunningSave | str:
        """Begin a save, or return the answer of the same one before, as JSON.

        Raises:
            KeyReused: the key came with another body.
            StillRunning: a save with this key has not ended yet.

        """
        id = hashlib.sha256(f"{account}\0{key}".encode()).hexdigest()
        fingerprint = hashlib.sha256(body).hexdigest()
        owner = uuid.uuid4().hex
        while True:
            now = self._clock()
            values = (id, uuid.UUID(account), fingerprint, _ms(now), _ms(now + LEASE), owner)
            with relaxed_durability():
                begun = await RepeatableSave.raw(BEGIN, *values, _ms(now - DAY), _ms(now))
            if begun:
                return RunningSave(id, owner)
            rows = await RepeatableSave.select().where(RepeatableSave.id == id)
            if not rows:  # it was released in the meantime
                continue
            [row] = rows
            if row["fingerprint"] != fingerprint:
                raise KeyReused
            if row["answer"] is None:
                raise StillRunning
            return str(row["answer"])

    async def complete(self, save: RunningSave, answer: bytes) -> None:
        """Store the answer. Call it in the transaction that writes the download.

        Raises:
            StillRunning: another request has taken this save over, because it took too long.

        """
        is_ours = (RepeatableSave.id == save.id) & (RepeatableSave.owner == save.owner)
        update = RepeatableSave.update({RepeatableSave.answer: answer.decode()}).where(is_ours)
        if not await update.returning(RepeatableSave.id):
            raise StillRunning

    async def release(self, save: RunningSave) -> None:
        """Forget a save that failed, so that it may be tried again at once."""
        is_ours = (RepeatableSave.id == save.id) & (RepeatableSave.owner == save.owner)
        with relaxed_durability():
            await RepeatableSave.delete().where(is_ours, RepeatableSave.answer.is_null())

    async def prune(self) -> None:
        """Delete what is older than a day, once an hour."""
        now = self._clock()
        if self._pruned_at is None or now - self._pruned_at >= PRUNE_INTERVAL:
            self._pruned_at = now
            with relaxed_durability():
                await RepeatableSave.delete().where(RepeatableSave.created_at <= _ms(now - DAY))


def read_key(value: str) -> str:
    """Return the key in the header Idempotency-Key: a string in quotes, or bare.

    Raises:
        BadInput: it is neither.

    """
    quoted = QUOTED.fullmatch(value)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted is not None else value
    is_half_quoted = quoted is None and value.startswith('"')
    if is_half_quoted or len(key) > MAX_KEY or not KEY.fullmatch(key):
        raise BadInput("Idempotency-Key", f"must be 1 to {MAX_KEY} printable ASCII characters, such as a UUID")
    return key


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
