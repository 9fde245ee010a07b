"""Throttles of guessing: how many wrong passwords are tried, counted in the database for all workers.

Three counters stand in the way of a guess:

- of one account from one network, which every guess meets;
- of one account from all networks together;
- of one address for all accounts.

Each has some free failures. After them, each further failure doubles the wait. A network from which the right password
came before meets the first counter only: an attack from elsewhere never locks the owner out there.

The audit trail has each wrong password and each wait. It does not have the tries that a wait refuses, so an attack
cannot fill the database with them.

A try is counted before the password is hashed, and taken back if the password is right. So no number of parallel tries
gets past a counter. During a wait the right password is refused like a wrong one, or the answer would tell it. An
unknown username is counted like a known one.
"""

import ipaddress
import math
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from hashlib import sha256
from typing import Any

import msgspec
from piccolo.columns.combination import WhereRaw

from imagevault.accounts import audit
from imagevault.accounts.service import normalize_username
from imagevault.accounts.tables import Account, Throttle
from imagevault.config.limits import Limits
from imagevault.errors import BadInput, Busy, DatabaseUnavailable, Forbidden, NotSignedIn, TooMany
from imagevault.storage.database import relaxed_durability, transaction
from imagevault.storage.dialect import among

DAY = 86400.0  # seconds
KNOWN_FOR = 90 * DAY  # seconds for which a network is known after the right password came from there
MAX_USERNAME = 256  # characters that are counted; no account has a longer name
COLUMNS = (Throttle.key, Throttle.failures, Throttle.blocked_until, Throttle.forgotten_at, Throttle.known_at)
UPDATE = "UPDATE iv_throttle SET failures = {}, blocked_until = {}, forgotten_at = {} WHERE key = {}"
TAKE_BACK = """
UPDATE iv_throttle SET failures = CASE WHEN failures > 0 THEN failures - 1 ELSE 0 END,
    blocked_until = CASE WHEN blocked_until = {} THEN 0 ELSE blocked_until END
WHERE key = {}
"""
SUCCEED = "UPDATE iv_throttle SET failures = 0, blocked_until = 0, known_at = {} WHERE key = {}"


class Rule(msgspec.Struct, frozen=True):
    """How one counter grows into a wait. All times are seconds.

    Attributes:
        free: failures without a wait.
        first_wait: the wait after the next failure; each further one doubles it.
        longest_wait: the longest.
        memory: how long after a failure, or the end of its wait, the counter begins anew.

    """

    free: int
    first_wait: float
    longest_wait: float
    memory: float

    def wait_after(self, failures: int) -> float:
        """Return how long to wait after so many failures."""
        if failures <= self.free:
            return 0.0
        doublings = min(failures - self.free - 1, 40)
        return float(min(self.longest_wait, self.first_wait * 2**doublings))


class Counter(msgspec.Struct, frozen=True):
    """A counter that a try meets.

    Attributes:
        key: its key in the database.
        account: the hash of the username; empty if it counts for all.
        network: where tries come from; empty if it counts for all.
        rule: how it grows.

    """

    key: str
    account: str
    network: str
    rule: Rule


class Attempt(msgspec.Struct, frozen=True):
    """A try that was counted. `waits` are the counters, each with the end of the wait that it began, in milliseconds.

    Attributes:
        pair: the key of the counter of the account from this network.
        waits: key -> end of the wait.

    """

    pair: str
    waits: dict[str, int]


class SignInThrottle:
    """Counts wrong passwords.

    Args:
        limits: the free failures.
        clock: Unix time in seconds, the same in all workers.

    """

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.configure(limits)

    def configure(self, limits: Limits) -> None:
        """Put limits in force."""
        self.of_pair = Rule(limits.wrong_passwords, first_wait=1, longest_wait=900, memory=DAY)
        self.of_account = Rule(limits.wrong_passwords_per_account, first_wait=60, longest_wait=DAY, memory=DAY)
        self.of_address = Rule(limits.wrong_passwords_per_address, first_wait=10, longest_wait=3600, memory=300)

    @asynccontextmanager
    async def guarding(self, username: str, address: str) -> AsyncIterator[None]:
        """Check a password inside the block, which raises NotSignedIn or Forbidden if it is wrong.

        A wrong one is written to the audit trail, with the wait that begins with it.

        Args:
            username: as it was typed.
            address: where the try comes from: an IPv4 address, or the /64 of an IPv6 address.

        Raises:
            TooMany: if this is not the time for another try; the block does not run.

        """
        attempt = await self._take(username, address)
        try:
            yield
        except (Busy, DatabaseUnavailable):  # no password was checked
            await self._take_back(attempt.waits)
            raise
        except (NotSignedIn, Forbidden):
            await record_of_name("sign_in_failed", username)
            ends_at = max(attempt.waits.values())
            if ends_at:
                seconds = math.ceil((ends_at - _milliseconds(self.clock())) / 1000)
                await record_of_name("sign_in_throttled", username, f"the next try waits {seconds} s")
            raise
        await self._succeed(attempt)

    async def _take(self, username: str, address: str) -> Attempt:
        """Count a try. Raises TooMany, which counts nothing."""
        pair, *others = self._counters(username, address)
        counters = sorted((pair, *others), key=lambda counter: counter.key)
        now = _milliseconds(self.clock())
        # Most tries of an attack end here, without a write.
        self._check(pair, counters, await _read(counters), now)
        with relaxed_durability():
            async with transaction():
                rows = await _lock(counters, now)
                counted = self._check(pair, counters, rows, now)
                waits = {counter.key: await _count(counter, rows[counter.key], now) for counter in counted}
        return Attempt(pair.key, waits)

    def _counters(self, username: str, address: str) -> tuple[Counter, Counter, Counter]:
        account = account_key(username)
        network = wide_network(address)
        return (
            Counter(_key("pair", account, network), account, network, self.of_pair),
            Counter(_key("account", account), account, "", self.of_account),
            Counter(_key("address", address), "", address, self.of_address),
        )

    def _check(self, pair: Counter, counters: Iterable[Counter], rows: Mapping[str, "Row"], now: int) -> list[Counter]:
        """Return the counters that count this try. Raises TooMany if one of them makes it wait."""
        is_known = rows.get(pair.key, Row()).known_at > now - _milliseconds(KNOWN_FOR)
        counted = [pair] if is_known else list(counters)
        blocked_until = max(rows.get(counter.key, Row()).blocked_until for counter in counted)
        if blocked_until > now:
            message = "Too many wrong passwords; wait before you try again."
            raise TooMany(message, retry_after=(blocked_until - now) / 1000)
        return counted

    async def _take_back(self, waits: Mapping[str, int]) -> None:
        with relaxed_durability():
            async with transaction():
                for key in sorted(waits):
                    await Throttle.raw(TAKE_BACK, waits[key], key)

    async def _succeed(self, attempt: Attempt) -> None:
        now = _milliseconds(self.clock())
        others = {key: until for key, until in attempt.waits.items() if key != attempt.pair}
        await self._take_back(others)
        with relaxed_durability():
            await Throttle.raw(SUCCEED, now, attempt.pair)

    async def prune(self) -> None:
        """Delete the counters that mean nothing any more."""
        now = _milliseconds(self.clock())
        is_forgotten = Throttle.forgotten_at < now
        await Throttle.delete().where(is_forgotten, Throttle.known_at < now - _milliseconds(KNOWN_FOR))


class Row(msgspec.Struct, frozen=True):
    """What the database says of a counter. Times are milliseconds."""

    failures: int = 0
    blocked_until: int = 0
    forgotten_at: int = 0
    known_at: int = 0


async def _read(counters: Iterable[Counter]) -> dict[str, Row]:
    keys = [counter.key for counter in counters]
    return _by_key(await Throttle.select(*COLUMNS).where(WhereRaw("key {}", among(keys))))


async def _lock(counters: Iterable[Counter], now: int) -> dict[str, Row]:
    """Return the rows of the counters, locked until the transaction ends. Rows that are missing are made.

    It is one statement: between two, somebody else may delete the rows, because their account is deleted. The caller
    gives the counters in the order of their keys, so that two workers never wait for each other.
    """
    rows = [
        Throttle(key=counter.key, account=counter.account, network=counter.network, forgotten_at=now)
        for counter in counters
    ]
    insertion = Throttle.insert(*rows).on_conflict(Throttle.key, "DO UPDATE", [Throttle.key])
    return _by_key(await insertion.returning(*COLUMNS))


def _by_key(rows: Iterable[dict[str, Any]]) -> dict[str, Row]:
    return {row.pop("key"): Row(**row) for row in rows}


async def _count(counter: Counter, row: Row, now: int) -> int:
    """Count a failure, and return the end of its wait: 0 where there is none."""
    failures = row.failures + 1 if row.forgotten_at > now else 1
    wait = _milliseconds(counter.rule.wait_after(failures))
    blocked_until = now + wait if wait else 0
    forgotten_at = now + wait + _milliseconds(counter.rule.memory)
    await Throttle.raw(UPDATE, failures, blocked_until, forgotten_at, counter.key)
    return blocked_until


async def record_of_name(event: audit.Event, username: str, detail: str = "") -> None:
    """Write an event of a username as it was typed. The name of no account may be a password, so it is left out."""
    try:
        normalized = normalize_username(username)
    except BadInput:
        normalized = ""
    account = await Account.select(Account.id).where(Account.username == normalized).first()
    if account is None:
        await audit.record(event, detail=detail)
    else:
        await audit.record(event, account=account["id"], username=normalized, detail=detail)


async def lift(username: str) -> None:
    """Forget the failures of an account everywhere, and what its networks have to wait."""
    of_account = Throttle.account == account_key(username)
    await Throttle.update({Throttle.failures: 0, Throttle.blocked_until: 0}).where(of_account)


async def forget_account(username: str) -> None:
    """Delete every counter of an account, and the networks that it is known at."""
    await Throttle.delete().where(Throttle.account == account_key(username))


async def known_networks(username: str) -> list[tuple[str, float]]:
    """Return the networks that the right password came from, each with the last time, in Unix time."""
    query = Throttle.select(Throttle.network, Throttle.known_at).order_by(Throttle.known_at, ascending=False)
    rows = await query.where(Throttle.account == account_key(username), Throttle.known_at > 0)
    return [(row["network"], row["known_at"] / 1000) for row in rows]


def account_key(username: str) -> str:
    """Return the hash of a username, folded. People type passwords there by mistake, so no row holds the text."""
    folded = unicodedata.normalize("NFKC", username[:MAX_USERNAME]).casefold()
    return sha256(f"account {folded}".encode("utf-8", "surrogatepass")).hexdigest()


@lru_cache(maxsize=1024)
def wide_network(address: str) -> str:
    """Return the network that an owner is known at: the /24 of an IPv4 address, and what is given of an IPv6 one.

    A provider gives a household another address of the same network every day.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if parsed.version == 4:
        return str(ipaddress.ip_network(f"{parsed}/24", strict=False))
    return f"{parsed}/64"


def _key(*parts: str) -> str:
    return sha256("\0".join(parts).encode()).hexdigest()


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
