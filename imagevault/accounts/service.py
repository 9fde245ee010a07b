"""The rules of accounts: creating one, signing in, and finding whose credential a request carries."""

import re
import time
import unicodedata
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256

import msgspec
from cachetools import TLRUCache

from imagevault.accounts.passwords import Passwords
from imagevault.accounts.tables import Account
from imagevault.accounts.tokens import Tokens
from imagevault.config.settings import Settings
from imagevault.errors import BadInput, Conflict, NotSignedIn, ResourceNotFound
from imagevault.records import Caller

USERNAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{2,63}")  # ada, ada.lovelace@example.org
MAX_TYPED_USERNAME = 256  # characters; to normalize thousands of combining marks takes seconds
RESERVED = {"admin", "administrator", "anonymous", "imagevault", "nobody", "root", "support", "system"}
MAX_VERIFIED = 10_000
MAX_AGE = 1.0  # seconds for which a verified credential is accepted without asking the database again


class NewAccount(msgspec.Struct, frozen=True):
    """An account that was just created; `username` is normalized."""

    id: uuid.UUID
    username: str
    created_at: datetime


class VerifiedCredential(msgspec.Struct, frozen=True):
    """A credential that was verified a moment ago.

    Attributes:
        caller: who it belongs to; None if its account is gone, locked or of another epoch.
        valid_until: when it must be verified again, in seconds of the service's clock.

    """

    caller: Caller | None
    valid_until: float


def _valid_until(_key: bytes, verified: VerifiedCredential, _now: float) -> float:
    return verified.valid_until


class Accounts:
    """The accounts in the database, and a cache of the credentials that were verified last.

    Args:
        passwords: hashes and checks passwords.
        tokens: issues and verifies access tokens.
        clock: seconds, monotonic.

    """

    def __init__(self, passwords: Passwords, tokens: Tokens, clock: Callable[[], float] = time.monotonic) -> None:
        self.passwords = passwords
        self.tokens = tokens
        self.clock = clock
        # The key is the credential's hash: a dump of this cache opens no account.
        self.verified: TLRUCache[bytes, VerifiedCredential] = TLRUCache(MAX_VERIFIED, ttu=_valid_until, timer=clock)

    def configure(self, settings: Settings) -> None:
        """Put these settings in force."""
        self.passwords.configure(settings)
        self.tokens.set_ttl(settings.token_ttl)

    async def create(self, username: str, password: str, *, is_admin: bool = False) -> NewAccount:
        """Create an account.

        Raises:
            BadInput: if the username or the password is not acceptable.
            Conflict: if the username is taken.
            Busy: if too many passwords are being hashed.

        """
        normalized = normalize_username(username)
        if normalized in RESERVED and not is_admin:
            raise BadInput("username", f"{normalized} is reserved; choose another")
        await self.passwords.check(password, normalized)
        # Hashing is expensive, so a name that is taken already costs none.
        if await Account.exists().where(Account.username == normalized):
            raise Conflict(f"The username {normalized} is taken.")
        account = Account(
            id=uuid.uuid4(),
            username=normalized,
            password_hash=await self.passwords.hash(password),
            is_admin=is_admin,
            created_at=datetime.now(UTC),
        )
        inserted = (
            await Account.insert(account)
            .on_conflict(target=Account.username, action="DO NOTHING")
            .returning(Account.id)
        )
        if not inserted:
            raise Conflict(f"The username {normalized} is taken.")
        return NewAccount(account.id, normalized, account.created_at)

    async def sign_in(self, username: str, password: str) -> str:
        """Return an access token.

        Raises:
            NotSignedIn: if the username or the password is wrong, or the account is locked. All three take the same
                time and give the same message.
            Busy: if too many passwords are being hashed.

        """
        account = await self._find_for_sign_in(username)
        stored_hash = account.password_hash if account else None
        verification = await self.passwords.verify(password, stored_hash)
        if account is None or not verification.is_correct or not account.is_active:
            raise NotSignedIn("The username or the password is wrong.")
        if verification.new_hash:
            await self._replace_hash(account, verification.new_hash)
        return self.tokens.issue(str(account.id), account.epoch)

    async def _find_for_sign_in(self, username: str) -> Account | None:
        """Return the account of this name. A malformed name asks the database too, so that it takes as long."""
        try:
            normalized = normalize_username(username)
        except BadInput:
            normalized = ""
        return await Account.objects().where(Account.username == normalized).first()

    async def _replace_hash(self, account: Account, new_hash: str) -> None:
        """Store another hash of the same password, unless the password has been changed in the meantime."""
        unchanged = (Account.id == account.id) & (Account.password_hash == account.password_hash)
        await Account.update({Account.password_hash: new_hash}).where(unchanged)

    async def verify(self, credential: str) -> Caller | None:
        """Return whose credential this is; None if it is unknown, expired, revoked or malformed."""
        key = sha256(credential.encode("latin-1")).digest()
        verified = self.verified.get(key)
        if verified is not None:
            return verified.caller
        claims = self.tokens.verify(credential)
        if claims is None:
            return None
        # The time counts from before the query: a slow answer is already old when it arrives.
        valid_until = self.clock() + min(MAX_AGE, claims.expires - self.tokens.clock())
        caller = await self._find_caller(claims.account, claims.epoch)
        self.verified[key] = VerifiedCredential(caller, valid_until)
        return caller

    async def _find_caller(self, account_id: str, epoch: int) -> Caller | None:
        try:
            wanted = uuid.UUID(account_id)
        except ValueError:
            return None
        columns = (Account.username, Account.is_admin, Account.is_active, Account.epoch)
        row = await Account.select(*columns).where(Account.id == wanted).first()
        if row is None or not row["is_active"] or row["epoch"] != epoch:
            return None
        return Caller(id=account_id, username=row["username"], is_admin=row["is_admin"])

    async def find_active(self, username: str) -> Caller | None:
        """Return the account of this name; None if there is none or it is locked."""
        columns = (Account.id, Account.username, Account.is_admin)
        wanted = (Account.username == normalize_username(username)) & Account.is_active.eq(True)
        row = await Account.select(*columns).where(wanted).first()
        if row is None:
            return None
        return Caller(id=str(row["id"]), username=row["username"], is_admin=row["is_admin"])

    async def set_admin(self, username: str, *, is_admin: bool) -> str:
        """Make an account an admin, or an ordinary user again; return its normalized name.

        Raises:
            ResourceNotFound: if there is no such account.

        """
        normalized = normalize_username(username)
        update = Account.update({Account.is_admin: is_admin}).where(Account.username == normalized)
        if not await update.returning(Account.id):
            raise ResourceNotFound(f"There is no account {normalized}.")
        return normalized

    async def list_all(self) -> list[dict[str, object]]:
        """Return every account, ordered by name: id, username, is_admin, is_active, created_at."""
        columns = (Account.id, Account.username, Account.is_admin, Account.is_active, Account.created_at)
        return await Account.select(*columns).order_by(Account.username)


def normalize_username(username: str) -> str:
    """Return the one form of a username: NFKC, case-folded.

    Raises:
        BadInput: if it cannot be a username, with the rule.

    """
    problem = BadInput("username", "must be 3 to 64 letters, digits and . _ - @ +, beginning with a letter or digit")
    if len(username) > MAX_TYPED_USERNAME:
        raise problem
    normalized = unicodedata.normalize("NFKC", username).casefold()
    if not USERNAME.fullmatch(normalized):
        raise problem
    return normalized
