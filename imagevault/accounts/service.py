"""The rules of accounts: making one, signing in, and who a token belongs to."""

import re
import time
import unicodedata
import uuid
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256

import msgspec

from imagevault.accounts.passwords import Passwords
from imagevault.accounts.tables import Account
from imagevault.accounts.tokens import Tokens
from imagevault.config.settings import Settings
from imagevault.errors import BadInput, Conflict, NotSignedIn, ResourceNotFound
from imagevault.records import Caller

USERNAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{2,63}")
RESERVED = {"admin", "administrator", "anonymous", "imagevault", "nobody", "root", "support", "system"}
REMEMBERED = 10_000
FRESH = 1.0  # seconds that a verified credential is believed without asking the database again


class NewAccount(msgspec.Struct, frozen=True):
    """An account just made; `username` as it was folded."""

    id: uuid.UUID
    username: str
    created_at: datetime


class Accounts:
    """Accounts in the database, and a short memory of the credentials verified last."""

    def __init__(self, passwords: Passwords, tokens: Tokens, clock: Callable[[], float] = time.monotonic) -> None:
        self.passwords = passwords
        self.tokens = tokens
        self.clock = clock
        self.remembered: OrderedDict[bytes, tuple[float, Caller | None]] = OrderedDict()

    def configure(self, settings: Settings) -> None:
        """Puts these settings in force."""
        self.passwords.configure(settings)
        self.tokens.set_ttl(settings.token_ttl)

    async def create(self, username: str, password: str, *, is_admin: bool = False) -> NewAccount:
        """Makes an account. Raises BadInput for a name or password that will not do, Conflict for a taken name."""
        folded = fold(username)
        if folded in RESERVED and not is_admin:
            raise BadInput("username", f"{folded} is reserved")
        await self.passwords.check(password, folded)
        if await Account.exists().where(Account.username == folded):
            raise Conflict(f"The username {folded} is taken.")
        account = Account(
            id=uuid.uuid4(),
            username=folded,
            password_hash=await self.passwords.hash(password),
            is_admin=is_admin,
            created_at=datetime.now(UTC),
        )
        made = (
            await Account.insert(account)
            .on_conflict(target=Account.username, action="DO NOTHING")
            .returning(Account.id)
        )
        if not made:
            raise Conflict(f"The username {folded} is taken.")
        return NewAccount(account.id, folded, account.created_at)

    async def sign_in(self, username: str, password: str) -> str:
        """An access token. Raises NotSignedIn, the same and as slowly for a wrong name as for a wrong password."""
        try:
            folded = fold(username)
        except BadInput:
            folded = ""
        account = await Account.objects().where(Account.username == folded).first()
        right, new_hash = await self.passwords.verify(password, account.password_hash if account else None)
        if account is None or not right or not account.is_active:
            raise NotSignedIn("The username or the password is wrong.")
        if new_hash:
            same = (Account.id == account.id) & (Account.password_hash == account.password_hash)
            await Account.update({Account.password_hash: new_hash}).where(same)
        return self.tokens.make(str(account.id), account.epoch)

    async def verify(self, credential: str) -> Caller | None:
        """Whose credential this is; None for one that is unknown, expired, revoked or malformed."""
        key = sha256(credential.encode("latin-1")).digest()
        known = self.remembered.get(key)
        if known is not None and self.clock() < known[0]:
            return known[1]
        claims = self.tokens.read(credential)
        if claims is None:
            return None
        until = self.clock() + min(FRESH, claims.expires - self.tokens.clock())
        caller = await self._caller(claims.account, claims.epoch)
        self.remembered[key] = (until, caller)
        self.remembered.move_to_end(key)
        if len(self.remembered) > REMEMBERED:
            self.remembered.popitem(last=False)
        return caller

    async def _caller(self, id: str, epoch: int) -> Caller | None:
        try:
            wanted = uuid.UUID(id)
        except ValueError:
            return None
        rows = await Account.select(Account.username, Account.is_admin, Account.is_active, Account.epoch).where(
            Account.id == wanted
        )
        if not rows or not rows[0]["is_active"] or rows[0]["epoch"] != epoch:
            return None
        return Caller(id=id, username=rows[0]["username"], is_admin=rows[0]["is_admin"])

    async def named(self, username: str) -> Caller | None:
        """The account of this name, if there is one that is not locked."""
        columns = (Account.id, Account.username, Account.is_admin)
        wanted = (Account.username == fold(username)) & Account.is_active.eq(True)
        rows = await Account.select(*columns).where(wanted)
        return (
            Caller(id=str(rows[0]["id"]), username=rows[0]["username"], is_admin=rows[0]["is_admin"]) if rows else None
        )

    async def set_admin(self, username: str, *, is_admin: bool) -> str:
        """Makes an account an admin, or a user again; answers its name. Raises Missing if there is none."""
        folded = fold(username)
        changed = Account.update({Account.is_admin: is_admin}).where(Account.username == folded)
        if not await changed.returning(Account.id):
            raise ResourceNotFound(f"There is no account {folded}.")
        return folded

    async def all(self) -> list[dict[str, object]]:
        """Every account by name: id, username, is_admin, is_active, created_at."""
        columns = (Account.id, Account.username, Account.is_admin, Account.is_active, Account.created_at)
        return await Account.select(*columns).order_by(Account.username)


def fold(username: str) -> str:
    """The one form of a username (NFKC, case folded). Raises BadInput with the rule if it is none."""
    folded = unicodedata.normalize("NFKC", username).casefold()
    if not USERNAME.fullmatch(folded):
        raise BadInput("username", "must be 3 to 64 letters, digits and . _ - @ +, beginning with a letter or digit")
    return folded
