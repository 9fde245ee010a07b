"""Whose credential a request carries: verified once, remembered for a second, read again while it is in use.

A change of an account or a key is in force within a second in every worker. What is remembered is valid for one second
from before the database was asked. While a credential is in use, a background task reads it again in time, together
with all others: one query for the accounts and one for each kind of credential, however many requests come.
"""

import time
import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Literal

import msgspec
from cachetools import FIFOCache, TTLCache
from piccolo.columns.combination import WhereRaw

from imagevault.accounts.api_keys import START, ApiKeys, digest_of, is_key
from imagevault.accounts.grants import Grant
from imagevault.accounts.sessions import Sessions, is_value
from imagevault.accounts.tables import Account
from imagevault.accounts.tokens import Tokens
from imagevault.security.caller import Caller, scopes_of_person
from imagevault.storage.dialect import among_ids

MAX_VERIFIED = 10_000
MAX_UNKNOWN = 1000
MAX_AGE = 1.0  # seconds for which a verified credential is accepted without asking the database again
REFRESH_BEFORE = 0.7  # seconds; what ends sooner is read again by the next round, of which there is one every 0.4 s
IN_USE = 10.0  # seconds after the last request for which a credential is read again

Kind = Literal["token", "key", "session"]
Key = tuple[Kind, str]  # the kind of a credential and its SHA-256: a dump of this memory opens no account


class VerifiedCredential(msgspec.Struct):
    """A credential that was verified a moment ago.

    Attributes:
        caller: who it belongs to; None if its account is gone, locked or of another epoch.
        grant: what it says.
        valid_until: when it must be verified again, in seconds of the clock.
        used_at: when the last request came with it.

    """

    caller: Caller | None
    grant: Grant
    valid_until: float
    used_at: float


class CredentialVerifier:
    """Verifies credentials of every kind, and remembers the last ones.

    Args:
        tokens: verifies access tokens.
        api_keys: finds API keys.
        sessions: finds sessions of the page.
        clock: seconds, monotonic.

    """

    def __init__(
        self,
        tokens: Tokens,
        api_keys: ApiKeys,
        sessions: Sessions,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tokens = tokens
        self.api_keys = api_keys
        self.sessions = sessions
        self.clock = clock
        # What was used or read last stays: `refresh` puts what is in use at the end, and takes out what is not.
        self.verified: FIFOCache[Key, VerifiedCredential] = FIFOCache(MAX_VERIFIED)
        # What the database did not know a moment ago. It is kept apart, so that no flood of wrong credentials drives
        # out good ones.
        self.unknown: TTLCache[Key, bool] = TTLCache(MAX_UNKNOWN, MAX_AGE, timer=clock)

    async def verify(self, credential: str) -> Caller | None:
        """Return who sends an access token or an API key; None if it is unknown, expired, revoked or malformed."""
        if credential.startswith(START):
            return await self._verify("key", credential) if is_key(credential) else None
        return await self._verify("token", credential)

    async def verify_session(self, value: str) -> Caller | None:
        """Return whose session of the page this is; None if there is none, or it has ended.

        No token and no key is a session, and the reverse: a session never comes without its check of the site.
        """
        return await self._verify("session", value) if is_value(value) else None

    async def _verify(self, kind: Kind, credential: str) -> Caller | None:
        key = (kind, digest_of(credential))
        memory = self.verified  # `forget_all` puts another in its place while the database is asked
        verified = memory.get(key)
        if verified is None or verified.valid_until <= self.clock():
            if key in self.unknown:
                return None
            grant = self._read_token(credential) if kind == "token" else None
            if kind == "token" and grant is None:
                return None
            verified = (await self._read({key: grant})).get(key)
            if verified is None:
                self.unknown[key] = True
                return None
            memory[key] = verified
        verified.used_at = self.clock()
        if verified.grant.key_id is not None:
            self.api_keys.mark_used(verified.grant.key_id)
        return verified.caller

    async def refresh(self) -> None:
        """Read again what is in use and must be verified soon; drop what is not in use. Call it every 0.4 s."""
        now = self.clock()
        memory = self.verified
        due: dict[Key, Grant | None] = {}
        for key, verified in list(memory.items()):
            if verified.used_at <= now - IN_USE:
                del memory[key]
            elif verified.valid_until - now < REFRESH_BEFORE:
                due[key] = verified.grant
        read = await self._read(due) if due else {}
        for key in due:
            earlier = memory.pop(key, None)
            if earlier is not None and key in read:  # nothing that was forgotten in the meantime comes back
                read[key].used_at = earlier.used_at
                memory[key] = read[key]

    def forget(self, account: str) -> None:
        """Ask the database again for every credential of an account, at once in this worker."""
        for key, verified in list(self.verified.items()):
            if verified.grant.account == account:
                self.verified.pop(key, None)

    def forget_all(self) -> None:
        """Verify every credential again. Call it when the settings change: a shorter `token_ttl` ends longer tokens."""
        self.verified = FIFOCache(MAX_VERIFIED)

    def _read_token(self, token: str) -> Grant | None:
        claims = self.tokens.verify(token)
        if claims is None:
            return None
        return Grant(account=claims.account, epoch=claims.epoch, expires=claims.expires)

    async def _read(self, wanted: Mapping[Key, Grant | None]) -> dict[Key, VerifiedCredential]:
        """Read credentials and their accounts. Those that are unknown or expired are left out.

        Args:
            wanted: credential -> what it says, which is read again unless it is a token.

        """
        asked_at = self.clock()  # the time counts from before the queries: a slow answer is already old when it arrives
        found = {
            "key": await self.api_keys.find([digest for kind, digest in wanted if kind == "key"]),
            "session": await self.sessions.find([digest for kind, digest in wanted if kind == "session"]),
        }
        grants: dict[Key, Grant] = {}
        for (kind, digest), grant in wanted.items():
            current = grant if kind == "token" else found[kind].get(digest)
            if current is not None:
                grants[kind, digest] = current
        accounts = await find_accounts({grant.account for grant in grants.values()})
        now = self.tokens.clock()
        read = {}
        for key, grant in grants.items():
            valid_until = asked_at + min(MAX_AGE, grant.expires - now)
            if valid_until > asked_at or key[0] == "token":  # a token has been good for its leeway, too
                caller = _caller(grant, accounts.get(grant.account))
                read[key] = VerifiedCredential(caller, grant, valid_until, asked_at)
        return read


class AccountState(msgspec.Struct, frozen=True):
    """What a credential depends on in an active account."""

    username: str
    is_admin: bool
    epoch: int


async def find_accounts(ids: Collection[str]) -> dict[str, AccountState]:
    """Return the active accounts of these ids; all others are left out."""
    wanted = [id for id in map(_read_uuid, ids) if id is not None]
    if not wanted:
        return {}
    columns = (Account.id, Account.username, Account.is_admin, Account.epoch)
    rows = await Account.select(*columns).where(WhereRaw("id {}", among_ids(wanted)), Account.is_active.eq(True))
    return {str(row["id"]): AccountState(row["username"], row["is_admin"], row["epoch"]) for row in rows}


def _read_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _caller(grant: Grant, account: AccountState | None) -> Caller | None:
    if account is None or grant.epoch not in {None, account.epoch}:
        return None
    scopes = scopes_of_person(is_admin=account.is_admin)
    if grant.scopes is not None:
        scopes = grant.scopes & scopes
    return Caller(
        id=grant.account,
        username=account.username,
        epoch=account.epoch,
        scopes=scopes,
        providers=grant.providers,
        rate=grant.rate,
        key_id=grant.key_id,
    )
