"""The tables of accounts: who there is, and what guards them. Times in milliseconds are since 1970."""

from piccolo.columns import UUID, BigInt, Boolean, Integer, Text, Timestamptz, Varchar
from piccolo.table import Table

from imagevault.storage.database import DB


class Account(Table, tablename="iv_account", db=DB):
    """One account.

    `username` is normalized (NFKC, case-folded). Raising `epoch` revokes every token issued before.
    """

    id = UUID(primary_key=True)
    username = Varchar(length=64, unique=True)
    password_hash = Text()
    is_admin = Boolean(default=False)
    is_active = Boolean(default=True)
    epoch = Integer(default=0)
    created_at = Timestamptz()


class ApiKey(Table, tablename="iv_api_key", db=DB):
    """One API key. Its row is deleted when it is revoked.

    Attributes:
        digest: the SHA-256 of the whole key, in hex; the key itself is stored nowhere.
        prefix: the start of the key, for people.
        scopes: separated by blanks.
        providers: the names of the providers that it may use, separated by blanks; null for all.
        rate: how many requests it may send, such as `60/minute`; null for the limit of its account.
        expires_at: when it expires; null for never.
        last_used: a request that it came with; at most a minute before its last one.

    """

    id = UUID(primary_key=True)
    account = UUID(default=None, index=True)
    name = Varchar(length=100)
    prefix = Varchar(length=16)
    digest = Varchar(length=64, unique=True)
    scopes = Text()
    providers = Text(null=True, default=None)
    rate = Varchar(length=32, null=True, default=None)
    created_at = Timestamptz()
    expires_at = Timestamptz(null=True, default=None)
    last_used = Timestamptz(null=True, default=None)


class PageSession(Table, tablename="iv_session", db=DB):
    """One session of the page. Its row is deleted when it is ended.

    Attributes:
        digest: the SHA-256 of the cookie's value, in hex; the value itself is stored nowhere.
        epoch: the account's epoch when the session began.
        expires_at: when it ends.

    """

    digest = Varchar(length=64, primary_key=True)
    account = UUID(default=None, index=True)
    epoch = Integer(default=0)
    expires_at = Timestamptz(index=True)


class Throttle(Table, tablename="iv_throttle", db=DB):
    """One counter of `throttle.py`, or of `signups.py`. Times are milliseconds.

    Attributes:
        key: what is counted: a hash for `throttle.py`, `signup ADDRESS` for `signups.py`.
        account: the hash of the username that was tried; empty for a counter of an address alone, and of sign-ups.
        network: the address that tries came from; empty for a counter of all addresses.
        failures: the tries that count. For sign-ups, 1 once the audit trail has the refusal of this wait.
        blocked_until: no try counts before. For sign-ups, when the address may use the whole limit again.
        forgotten_at: when the row means nothing any more.
        known_at: when the right password last came from there; 0 if never.

    """

    key = Varchar(length=64, primary_key=True)
    account = Varchar(length=64, index=True)
    network = Varchar(length=64)
    failures = Integer(default=0)
    blocked_until = BigInt(default=0)
    forgotten_at = BigInt(default=0, index=True)
    known_at = BigInt(default=0)


class SecurityEvent(Table, tablename="iv_security_event", db=DB):
    """One line of the audit trail (`audit.py`). `at` is in milliseconds."""

    id = UUID(primary_key=True)
    at = BigInt(default=0, index=True)
    event = Varchar(length=32)
    account = UUID(null=True, default=None, index=True)
    username = Varchar(length=64)
    address = Varchar(length=64)
    detail = Text()


class OneTimeCode(Table, tablename="iv_one_time_code", db=DB):
    """A code that works once: an invitation, or the reset of a password. Only its SHA-256 is stored.

    `account` is the account that it belongs to; None for an invitation. Times are milliseconds.
    """

    hash = Varchar(length=64, primary_key=True)
    purpose = Varchar(length=16)
    account = UUID(null=True, default=None, index=True)
    created_at = BigInt(default=0)
    expires_at = BigInt(default=0, index=True)
