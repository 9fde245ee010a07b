"""The rules of accounts: creating one, signing in, and changing its role."""

import re
import unicodedata
import uuid
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime

import msgspec
from piccolo.columns.combination import WhereRaw

from imagevault.accounts.passwords import Passwords
from imagevault.accounts.tables import Account
from imagevault.accounts.tokens import Tokens
from imagevault.config.settings import Settings
from imagevault.errors import BadInput, Conflict, NotSignedIn, ResourceNotFound
from imagevault.security.caller import Caller, scopes_of_person
from imagevault.storage.database import transaction
from imagevault.storage.dialect import among_ids

USERNAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{2,63}")  # ada, ada.lovelace@example.org
MAX_TYPED_USERNAME = 256  # characters; to normalize thousands of combining marks takes seconds
RESERVED = {"admin", "administrator", "anonymous", "imagevault", "nobody", "root", "support", "system"}


class NewAccount(msgspec.Struct, frozen=True):
    """An account that was just created; `username` is normalized."""

    id: uuid.UUID
    username: str
    created_at: datetime


class SignedIn(msgspec.Struct, frozen=True):
    """Whose password was right.

    Attributes:
        id: the account's id.
        epoch: the account's epoch when the password was checked.

    """

    id: str
    epoch: int


class Accounts:
    """The accounts in the database.

    Args:
        passwords: hashes and checks passwords.
        tokens: issues and verifies access tokens.

    """

    def __init__(self, passwords: Passwords, tokens: Tokens) -> None:
        self.passwords = passwords
        self.tokens = tokens

    def configure(self, settings: Settings) -> None:
        """Put these settings in force."""
        self.passwords.configure(settings)
        self.tokens.set_ttl(settings.token_ttl)

    async def create(
        self,
        username: str,
        password: str,
        *,
        is_admin: bool = False,
        also: Callable[[NewAccount], Awaitable[None]] | None = None,
    ) -> NewAccount:
        """Create an account.

        Args:
            username: as it was typed.
            password: as it was typed.
            is_admin: whether it is an admin's; only those may have a reserved name.
            also: is awaited in the transaction that writes the account; what it raises prevents the account.

        Raises:
            BadInput: the username or the password is not acceptable.
            Conflict: the username is taken.
            Busy: too many passwords are being hashed.

        """
        normalized = normalize_username(username)
        if normalized in RESERVED and not is_admin:
            raise BadInput("username", f"{normalized} is reserved; choose another")
        await self.passwords.check(password, normalized)
        # Hashing is expensive, so a name that is taken already costs none.
        if await Account.exists().where(Account.username == normalized):
            raise Conflict(f"The username {normalized} is taken; choose another.")
        account = Account(
            id=uuid.uuid4(),
            username=normalized,
            password_hash=await self.passwords.hash(password),
            is_admin=is_admin,
            created_at=datetime.now(UTC),
        )
        created = NewAccount(account.id, normalized, account.created_at)
        async with transaction():
            insertion = Account.insert(account).on_conflict(target=Account.username, action="DO NOTHING")
            if not await insertion.returning(Account.id):
                raise Conflict(f"The username {normalized} is taken; choose another.")
            if also is not None:
                await also(created)
        return created

    async def check_password(self, username: str, password: str) -> SignedIn:
        """Return the account of a username, if the password is right.

        Raises:
            NotSignedIn: the username or the password is wrong, or the account is locked. All three take the same
                time and give the same message.
            Busy: too many passwords are being hashed.

        """
        account = await self._find_for_sign_in(username)
        stored_hash = account.password_hash if account else None
        verification = await self.passwords.verify(password, stored_hash)
        if account is None or not verification.is_correct or not account.is_active:
            raise NotSignedIn("The username or the password is wrong.")
        if verification.new_hash:
            await self._replace_hash(account, verification.new_hash)
        return SignedIn(str(account.id), account.epoch)

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

    async def find_active(self, username: str) -> Caller | None:
        """Return the account of this name; None if there is none or it is locked."""
        columns = (Account.id, Account.username, Account.is_admin, Account.epoch)
        wanted = (Account.username == normalize_username(username)) & Account.is_active.eq(True)
        row = await Account.select(*columns).where(wanted).first()
        if row is None:
            return None
        scopes = scopes_of_person(is_admin=row["is_admin"])
        return Caller(id=str(row["id"]), username=row["username"], epoch=row["epoch"], scopes=scopes)

    async def set_admin(self, username: str, *, is_admin: bool) -> str:
        """Make an account an admin, or an ordinary user again; return its normalized name.

        Raises:
            ResourceNotFound: there is no such account.

        """
        normalized = normalize_username(username)
        update = Account.update({Account.is_admin: is_admin}).where(Account.username == normalized)
        if not await update.returning(Account.id):
            raise ResourceNotFound(f"There is no account {normalized}.")
        return normalized

    async def has_any(self) -> bool:
        """Return whether there is an account."""
        return bool(await Account.exists())

    async def list_all(self) -> list[dict[str, object]]:
        """Return every account, ordered by name: id, username, is_admin, is_active, created_at."""
        columns = (Account.id, Account.username, Account.is_admin, Account.is_active, Account.created_at)
        return await Account.select(*columns).order_by(Account.username)


async def usernames_of(ids: Collection[str]) -> dict[str, str]:
    """Return the usernames of accounts, by their ids; those that are gone are left out."""
    wanted = [uuid.UUID(id) for id in ids]
    accounts = await Account.select(Account.id, Account.username).where(WhereRaw("id {}", among_ids(wanted)))
    return {str(account["id"]): account["username"] for account in accounts}


def normalize_username(username: str) -> str:
    """Return the one form of a username: NFKC, case-folded.

    Raises:
        BadInput: it cannot be a username, with the rule.

    """
    problem = BadInput("username", "must be 3 to 64 letters, digits and . _ - @ +, beginning with a letter or digit")
    if len(username) > MAX_TYPED_USERNAME:
        raise problem
    normalized = unicodedata.normalize("NFKC", username).casefold()
    if not USERNAME.fullmatch(normalized):
        raise problem
    return normalized
