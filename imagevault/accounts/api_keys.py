"""API keys: credentials for machines, each with its scopes. A key is shown once, and only its hash is stored."""

import math
import re
import secrets
import string
import time
import uuid
import zlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any

import msgspec
from cachetools import TTLCache
from msgspec import Meta
from piccolo.columns.combination import WhereRaw

from imagevault.accounts import audit
from imagevault.accounts.grants import Grant
from imagevault.accounts.locking import lock_account
from imagevault.accounts.tables import ApiKey
from imagevault.config.limits import Rate
from imagevault.config.sources import nearest
from imagevault.errors import BadInput, Conflict, Forbidden, ResourceNotFound
from imagevault.images.record import ProviderName
from imagevault.plugins.plain_text import has_visible, one_line
from imagevault.plugins.registry import PluginRegistry
from imagevault.security.caller import SCOPES, Caller, Scope
from imagevault.storage.database import relaxed_durability, transaction
from imagevault.storage.dialect import among, among_ids

START = "iv_"
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
SECRET_LENGTH = 30  # characters of base 62: 178 bits
CHECKSUM_LENGTH = 6  # characters of base 62, which hold the 32 bits of a CRC
KEY = re.compile(rf"{START}[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}")  # iv_2Xh...
SHOWN_LENGTH = len(START) + 6  # characters of a key that people see, to tell their keys apart
MAX_KEYS = 50  # of one account
MAX_NAME = 100  # characters
MAX_PROVIDERS = 100  # in one key
AlsoWrite = Callable[[], Awaitable[None]]
USE_INTERVAL = 60.0  # seconds between two writes of `last_used` of one key, by one worker
MAX_USED = 10_000  # keys whose last write is remembered


class NewApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """What a new key is to be, before anything is checked.

    Attributes:
        name: what it is for.
        scopes: what it may do.
        providers: the names of the providers that it may use; None for all.
        rate: how many requests it may send, such as `60/minute`; None for the limit of the account alone.
        expires_at: when it expires, with a time zone; None for never.

    """

    name: str
    scopes: Sequence[str]
    providers: Sequence[str] | None = None
    rate: str | None = None
    expires_at: datetime | None = None


class KeyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An API key as its owner sees it, without the secret.

    Attributes:
        id: the id of the key, to revoke it with.
        name: what it is for.
        prefix: how the key begins.
        scopes: what it may do.
        providers: the names of the providers that it may use; null for all.
        rate: how many requests it may send; null for the limit of the account alone.
        created_at: when it was created.
        expires_at: when it expires; null for never.
        last_used: when a request came with it, to the minute; null for never.

    """

    id: uuid.UUID
    name: Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]
    prefix: Annotated[str, Meta(min_length=SHOWN_LENGTH, max_length=SHOWN_LENGTH)]
    scopes: list[Scope]
    providers: list[ProviderName] | None
    rate: str | None
    created_at: datetime
    expires_at: datetime | None
    last_used: datetime | None


class ApiKeys:
    """Creates, lists, revokes and finds API keys in the database.

    Args:
        plugins: the providers that a key can be limited to.
        clock: Unix time, for the last use of a key.

    """

    def __init__(self, plugins: PluginRegistry, clock: Callable[[], float] = time.time) -> None:
        self._plugins = plugins
        self._clock = clock
        self._used: dict[str, float] = {}
        self._written: TTLCache[str, bool] = TTLCache(MAX_USED, USE_INTERVAL, timer=clock)

    async def create(self, caller: Caller, new: NewApiKey, also: AlsoWrite | None = None) -> tuple[KeyRecord, str]:
        """Create a key for the caller's account. Returns its record and the key, which is never shown again.

        Args:
            caller: whose key it is to be.
            new: what it is to be.
            also: called in the transaction that writes the key.

        Raises:
            BadInput: if a field is not acceptable.
            Forbidden: if the scope `admin` is wanted and the account is not an admin's.
            Conflict: if the account has as many keys as it may have.
            NotSignedIn: if the account was locked, deleted or signed out since the request began.

        """
        now = datetime.now(UTC)
        key = make_key()
        row = ApiKey(
            id=uuid.uuid4(),
            account=uuid.UUID(caller.id),
            name=_read_name(new.name),
            prefix=key[:SHOWN_LENGTH],
            digest=digest_of(key),
            scopes=" ".join(_read_scopes(new.scopes)),
            providers=_joined(self._read_providers(new.providers)),
            rate=_read_rate(new.rate),
            created_at=now,
            expires_at=_read_expiry(new.expires_at, now),
            last_used=None,
        )
        async with transaction():
            # A token that was revoked a moment ago must leave no key behind.
            is_admin = await lock_account(caller)
            if "admin" in new.scopes and not is_admin:
                raise Forbidden("Only an admin can create a key with the scope admin.")
            if await ApiKey.count().where(ApiKey.account == row.account) >= MAX_KEYS:
                raise Conflict(f"An account has at most {MAX_KEYS} keys; revoke one that is no longer used.")
            await ApiKey.insert(row)
            detail = f"{row.prefix}: {row.scopes}"
            await audit.record("key_created", account=caller.id, username=caller.username, detail=detail)
            if also is not None:
                await also()
        return _record(row.to_dict()), key

    async def list_of(self, account: str) -> list[KeyRecord]:
        """Return the keys of an account, newest first; those that are expired too."""
        query = ApiKey.select().where(ApiKey.account == uuid.UUID(account))
        rows = await query.order_by(ApiKey.created_at, ApiKey.id, ascending=False)
        return [_record(row) for row in rows]

    async def revoke(self, caller: Caller, id: str) -> None:
        """Revoke a key of the caller's account.

        Raises:
            BadInput: if the id is none.
            ResourceNotFound: if the account has no such key.

        """
        try:
            wanted = uuid.UUID(id)
        except ValueError:
            raise BadInput("id", "must be the id of a key, from GET /api-keys") from None
        is_wanted = (ApiKey.id == wanted) & (ApiKey.account == uuid.UUID(caller.id))
        async with transaction():
            revoked = await ApiKey.delete().where(is_wanted).returning(ApiKey.prefix)
            if not revoked:
                raise ResourceNotFound("There is no such key; GET /api-keys lists yours.")
            prefix = revoked[0]["prefix"]
            await audit.record("key_revoked", account=caller.id, username=caller.username, detail=prefix)

    async def find(self, digests: Collection[str]) -> dict[str, Grant]:
        """Return what the keys with these digests allow. Unknown ones are left out."""
        if not digests:
            return {}
        columns = (
            ApiKey.id,
            ApiKey.account,
            ApiKey.digest,
            ApiKey.scopes,
            ApiKey.providers,
            ApiKey.rate,
            ApiKey.expires_at,
        )
        rows = await ApiKey.select(*columns).where(WhereRaw("digest {}", among(list(digests))))
        return {row["digest"]: _grant(row) for row in rows}

    def mark_used(self, key_id: str) -> None:
        """Note that a key was used now; `flush_uses` writes it."""
        if key_id not in self._written:
            self._used[key_id] = self._clock()

    async def flush_uses(self) -> None:
        """Write the time of the last use of each key, at most once a minute for each."""
        if not self._used:
            return
        used, self._used = self._used, {}
        ids = [uuid.UUID(key_id) for key_id in used]
        last_used = datetime.fromtimestamp(max(used.values()), UTC)  # they differ by a second at most
        try:
            with relaxed_durability():
                await ApiKey.update({ApiKey.last_used: last_used}).where(WhereRaw("id {}", among_ids(ids)))
        except BaseException:
            self._used = used | self._used
            raise
        for key_id in used:
            self._written[key_id] = True

    def _read_providers(self, names: Sequence[str] | None) -> list[str] | None:
        if names is None:
            return None
        if not names:
            raise BadInput("providers", "must name at least one provider; leave it out to allow all")
        if len(names) > MAX_PROVIDERS:
            raise BadInput("providers", f"must name at most {MAX_PROVIDERS} providers; leave it out to allow all")
        known = sorted(self._plugins.providers)
        for name in names:
            if name not in known:
                there_are = f"There are: {', '.join(known)}."
                raise BadInput("providers", f"there is no provider {name[:40]}.{nearest(name[:40], known)} {there_are}")
        return sorted(set(names))


async def revoke_all(account: uuid.UUID, username: str) -> None:
    """Revoke every key of an account."""
    for revoked in await ApiKey.delete().where(ApiKey.account == account).returning(ApiKey.prefix):
        await audit.record("key_revoked", account=account, username=username, detail=revoked["prefix"])


def make_key() -> str:
    """Return a new key: 178 random bits, and a checksum by which a typing error is refused without a query.

    Scanners of source code recognise it by its form.
    """
    secret = "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))
    return f"{START}{secret}{_checksum(secret)}"


def is_key(text: str) -> bool:
    """Return whether a text has the form of a key and its checksum is right."""
    if not KEY.fullmatch(text):
        return False
    return _checksum(text[len(START) : -CHECKSUM_LENGTH]) == text[-CHECKSUM_LENGTH:]


def digest_of(credential: str) -> str:
    """Return the SHA-256 of a random credential, in hex. One of 178 bits needs no slow hash (ASVS 5.0, 6.5.2)."""
    return sha256(credential.encode()).hexdigest()


def _checksum(secret: str) -> str:
    remaining = zlib.crc32(secret.encode())
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        remaining, digit = divmod(remaining, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def _read_name(name: str) -> str:
    if not has_visible(name) or len(name) > MAX_NAME or one_line(name, MAX_NAME) != name:
        raise BadInput("name", f"must be 1 to {MAX_NAME} visible characters on one line")
    return name


def _read_scopes(scopes: Sequence[str]) -> list[Scope]:
    """Return the scopes in their usual order, each once."""
    if not scopes:
        raise BadInput("scopes", f"must name at least one scope of: {', '.join(SCOPES)}")
    for scope in scopes:
        if scope not in SCOPES:
            known = f"There are: {', '.join(SCOPES)}."
            raise BadInput("scopes", f"there is no scope {scope[:40]}.{nearest(scope[:40], SCOPES)} {known}")
    return [scope for scope in SCOPES if scope in scopes]


def _read_rate(rate: str | None) -> str | None:
    if rate is None:
        return None
    try:
        Rate.parse(rate)
    except ValueError as error:
        raise BadInput("rate", str(error)) from None
    return "".join(rate.split())


def _read_expiry(expires_at: datetime | None, now: datetime) -> datetime | None:
    if expires_at is None:
        return None
    if expires_at.tzinfo is None:
        raise BadInput("expires_at", "must say its time zone, such as 2027-01-31T00:00:00Z")
    try:
        utc = expires_at.astimezone(UTC)
    except OverflowError:  # 9999-12-31T23:59:59-14:00
        raise BadInput("expires_at", "must be before the year 9999") from None
    if utc <= now:
        raise BadInput("expires_at", "must be in the future")
    return utc


def _joined(names: Iterable[str] | None) -> str | None:
    return None if names is None else " ".join(names)


def _record(row: Mapping[str, Any]) -> KeyRecord:
    return KeyRecord(
        id=row["id"],
        name=row["name"],
        prefix=row["prefix"],
        scopes=_stored_scopes(row["scopes"]),
        providers=None if row["providers"] is None else row["providers"].split(),
        rate=row["rate"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used=row["last_used"],
    )


def _grant(row: Mapping[str, Any]) -> Grant:
    return Grant(
        account=str(row["account"]),
        expires=math.inf if row["expires_at"] is None else row["expires_at"].timestamp(),
        scopes=frozenset(_stored_scopes(row["scopes"])),
        providers=None if row["providers"] is None else frozenset(row["providers"].split()),
        rate=None if row["rate"] is None else Rate.parse(row["rate"]),
        key_id=str(row["id"]),
    )


def _stored_scopes(text: str) -> list[Scope]:
    """Return the scopes that this version knows; a later one may have written others."""
    return [scope for scope in text.split() if scope in SCOPES]
