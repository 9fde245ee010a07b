"""How guessing is slowed down, on both engines, with a clock that a test sets."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from imagevault.accounts import audit
from imagevault.accounts.tables import Throttle
from imagevault.accounts.throttle import DAY, KNOWN_FOR, Rule, SignInThrottle, lift, wide_network
from imagevault.config.limits import Limits
from imagevault.errors import Busy, DatabaseUnavailable, NotSignedIn, TooMany
from tests.support.clock import Clock
from tests.support.database_locks import delete_counters_before

OWNER = "192.0.2.7"
STRANGER = "198.51.100.7"
MINUTE = 60.0
EPOCH = 1_800_000_000.0


class Guesses:
    """Tries passwords of accounts at one throttle, and counts those that were really checked."""

    def __init__(self, throttle: SignInThrottle, clock: Clock) -> None:
        self.throttle = throttle
        self.clock = clock
        self.checked = 0

    async def wrong(self, username: str = "ada", address: str = STRANGER) -> float:
        """Tries a wrong password. Returns the seconds to wait if it was refused, 0 if it was checked."""
        return await self._try(username, address, NotSignedIn())

    async def right(self, username: str = "ada", address: str = OWNER) -> float:
        """Tries the right password, with the same result."""
        return await self._try(username, address, None)

    async def busy(self, username: str = "ada", address: str = STRANGER) -> float:
        """A try during which nothing can be checked."""
        return await self._try(username, address, Busy("busy"))

    async def _try(self, username: str, address: str, error: Exception | None) -> float:
        try:
            async with self.throttle.guarding(username, address):
                self.checked += 1
                if error is not None:
                    raise error
        except TooMany as refusal:
            return refusal.retry_after
        except (NotSignedIn, Busy):
            pass
        return 0.0


Make = Callable[..., Awaitable[Guesses]]


@pytest.fixture
def guesses(worker: Any) -> Make:
    """A maker of throttles that share a database and a clock.

    `ours = await guesses(wrong_passwords=3)`
    """
    clock = Clock(EPOCH)

    async def make(**limits: Any) -> Guesses:
        await worker()
        return Guesses(SignInThrottle(Limits(**limits), clock), clock)

    return make


def addresses(count: int) -> list[str]:
    """As many addresses, each of another network."""
    return [f"10.{number // 250}.{number % 250}.1" for number in range(count)]


class TestRule:
    def test_each_failure_doubles_the_wait(self) -> None:
        """After the free ones, up to the longest."""
        rule = Rule(free=2, first_wait=1, longest_wait=10, memory=60)

        assert [rule.wait_after(failures) for failures in range(9)] == [0, 0, 0, 1, 2, 4, 8, 10, 10]
        assert rule.wait_after(10**9) == 10


class TestOneNetwork:
    async def test_waits_grow_after_some_failures(self, guesses: Make) -> None:
        """5 are free, then 1 s, doubling up to 15 minutes. A refused try neither counts nor makes the wait longer."""
        ours = await guesses()

        assert [await ours.wrong() for _ in range(5)] == [0] * 5
        waits = []
        for _ in range(12):
            assert await ours.wrong() == 0
            waits.append(await ours.wrong())
            assert await ours.wrong() == waits[-1]
            ours.clock.advance(waits[-1])

        assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]

    async def test_the_right_password_waits_too(self, guesses: Make) -> None:
        """Otherwise the answer would tell that it is right. After the wait it is taken."""
        ours = await guesses(wrong_passwords=1)
        await ours.wrong()
        await ours.wrong()

        assert await ours.right(address=STRANGER) == 1
        ours.clock.advance(1)
        assert await ours.right(address=STRANGER) == 0

    async def test_success_begins_anew(self, guesses: Make) -> None:
        ours = await guesses(wrong_passwords=3)
        for _ in range(5):
            for _ in range(3):
                assert await ours.wrong() == 0
            assert await ours.right(address=STRANGER) == 0

    async def test_a_day_without_a_failure_is_forgotten(self, guesses: Make) -> None:
        ours = await guesses(wrong_passwords=1)
        for _ in range(3):
            await ours.wrong()
        ours.clock.advance(2 + DAY)

        assert [await ours.wrong(), await ours.wrong()] == [0, 0]
        assert await ours.wrong() == 1

    async def test_a_busy_server_counts_nothing(self, guesses: Make) -> None:
        """No password was checked then."""
        ours = await guesses(wrong_passwords=1)
        for _ in range(5):
            assert await ours.busy() == 0
        assert await ours.wrong() == 0
        assert await ours.busy() == 0
        assert await ours.wrong() == 0
        assert await ours.wrong() == 1

    async def test_neighbours_are_one_network(self, guesses: Make) -> None:
        """A household changes its address within its network; another network has its own counter."""
        ours = await guesses(wrong_passwords=1)
        await ours.wrong(address="198.51.100.7")
        await ours.wrong(address="198.51.100.8")

        assert await ours.wrong(address="198.51.100.9") == 1
        assert await ours.wrong(address="198.51.101.9") == 0

    def test_of_an_address_that_is_none_the_text_counts(self) -> None:
        assert [wide_network(text) for text in ("local", "192.0.2.7", "2001:db8::")] == [
            "local",
            "192.0.2.0/24",
            "2001:db8::/64",
        ]


class TestOneAccount:
    async def test_guesses_from_many_networks_are_few(self, guesses: Make) -> None:
        """After some free ones a minute passes between two, then two, and so on up to a day."""
        ours = await guesses(wrong_passwords_per_account=3)
        networks = itertools.cycle(addresses(50))

        for _ in range(3):
            assert await ours.wrong(address=next(networks)) == 0
        waits = []
        for _ in range(13):
            assert await ours.wrong(address=next(networks)) == 0
            waits.append(await ours.wrong(address=next(networks)))
            ours.clock.advance(waits[-1])

        assert waits == [min(DAY, MINUTE * 2**number) for number in range(13)]

    async def test_another_account_is_not_affected(self, guesses: Make) -> None:
        ours = await guesses(wrong_passwords_per_account=1)
        for address in addresses(3):
            await ours.wrong(address=address)

        assert await ours.wrong("bob") == 0

    async def test_the_owner_signs_in_from_a_network_that_is_known(self, guesses: Make) -> None:
        """It has its own counter, so nobody elsewhere locks the owner out there."""
        ours = await guesses(wrong_passwords_per_account=1)
        await ours.right()
        for address in addresses(30):
            await ours.wrong(address=address)

        assert await ours.right(address=STRANGER) > 0
        assert await ours.right(address=OWNER) == 0
        assert await ours.wrong(address=OWNER) == 0

    async def test_the_owner_elsewhere_waits_for_a_day_at_most(self, guesses: Make) -> None:
        """Whatever is tried during the wait does not make it longer."""
        ours = await guesses(wrong_passwords_per_account=1)
        for _ in range(40):
            wait = max([await ours.wrong(address=address) for address in addresses(3)])
            assert wait <= DAY
            ours.clock.advance(wait)

        assert await ours.right(address=STRANGER) == 0

    async def test_a_network_is_known_for_90_days(self, guesses: Make) -> None:
        ours = await guesses(wrong_passwords_per_account=1)
        await ours.right()
        ours.clock.advance(KNOWN_FOR + 1)
        for address in addresses(2):
            await ours.wrong(address=address)

        assert await ours.right() > 0

    async def test_success_takes_back_its_own_try_only(self, guesses: Make) -> None:
        """An attacker gains nothing when the owner signs in."""
        ours = await guesses(wrong_passwords_per_account=4)
        for address in addresses(4):
            assert await ours.wrong(address=address) == 0
        assert await ours.right() == 0
        assert await ours.wrong(address="203.0.113.1") == 0

        assert await ours.wrong(address="203.0.114.1") == MINUTE

    async def test_an_admin_lifts_it(self, guesses: Make) -> None:
        ours = await guesses(wrong_passwords_per_account=1, wrong_passwords=1)
        for _ in range(3):
            await ours.wrong()

        await lift("Ada")

        assert await ours.right(address=STRANGER) == 0

    @pytest.mark.parametrize("name", ["nobody", "no such name", "", "\0", "\u202ead\u0430", "a" * 10_000, "\ud800"])
    async def test_a_name_that_nobody_has_is_counted_alike(self, guesses: Make, name: str) -> None:
        """And no text that was typed as a name is stored."""
        ours = await guesses(wrong_passwords=2)

        waits = [await ours.wrong(name) for _ in range(4)]

        assert waits == [0, 0, 0, 1]
        assert all(name not in row["account"] or not name for row in await Throttle.select())

    async def test_every_spelling_of_a_name_is_one_account(self, guesses: Make) -> None:
        ours = await guesses(wrong_passwords=1)
        waits = [await ours.wrong(name) for name in ("ada", "ADA", "\uff21da")]

        assert waits == [0, 0, 1]


class TestOneAddress:
    async def test_guesses_for_many_accounts_are_few(self, guesses: Make) -> None:
        """Then the waits grow up to an hour."""
        ours = await guesses(wrong_passwords_per_address=3)
        for number in range(3):
            assert await ours.wrong(f"user{number}") == 0
        waits = []
        for number in range(12):
            assert await ours.wrong(f"other{number}") == 0
            waits.append(await ours.wrong("another"))
            ours.clock.advance(waits[-1])

        assert waits[:3] == [10, 20, 40]
        assert waits[-1] == 3600

    async def test_is_forgotten_after_five_minutes(self, guesses: Make) -> None:
        ours = await guesses(wrong_passwords_per_address=1)
        await ours.wrong("ada")
        await ours.wrong("bob")
        ours.clock.advance(10 + 300)

        assert await ours.wrong("eve") == 0
        assert await ours.wrong("eve") == 0

    async def test_does_not_hold_up_those_who_signed_in_there_before(self, guesses: Make) -> None:
        """Many people share the address of an office."""
        ours = await guesses(wrong_passwords_per_address=1)
        await ours.right("ada", STRANGER)
        for number in range(5):
            await ours.wrong(f"user{number}", STRANGER)

        assert await ours.wrong("eve", STRANGER) > 0
        assert await ours.right("ada", STRANGER) == 0


class TestManyAtOnce:
    async def test_no_more_are_checked_than_one_after_the_other(self, guesses: Make) -> None:
        """Two hundred at once at two workers: 6, and then the wait begins."""
        ours, theirs = await guesses(), await guesses()

        await asyncio.gather(*(one.wrong() for one in (ours, theirs) for _ in range(100)))

        assert ours.checked + theirs.checked == 6

    async def test_workers_share_the_counters(self, guesses: Make) -> None:
        """Also those of right passwords."""
        ours, theirs = await guesses(wrong_passwords=2), await guesses(wrong_passwords=2)
        for one in (ours, theirs, ours):
            assert await one.wrong() == 0

        assert await theirs.wrong() == 1


class TestAuditTrail:
    async def test_has_each_wait_once(self, guesses: Make) -> None:
        """However many tries a wait refuses, it is one event, with the account if there is one."""
        ours = await guesses(wrong_passwords=2)
        for _ in range(3):
            await ours.wrong("nobody-of-this-name")
        for _ in range(50):
            await ours.wrong("nobody-of-this-name")
        await ours.right()
        await ours.busy()

        waits = await audit.read(event="sign_in_throttled")

        assert [(wait.username, wait.detail) for wait in waits] == [("", "the next try waits 1 s")]
        assert len(await audit.read(event="sign_in_failed")) == 3
        assert len(await audit.read()) == 4

    async def test_says_whose_account_it_is(self, guesses: Make, worker: Any) -> None:
        caller = await (await worker()).sign_in("ada")
        ours = await guesses(wrong_passwords=1)
        for _ in range(3):
            ours.clock.advance(2)
            await ours.wrong("ADA")

        waits = await audit.read(event="sign_in_throttled")

        assert {(str(wait.account), wait.username) for wait in waits} == {(caller.id, "ada")}
        assert sorted(wait.detail for wait in waits) == ["the next try waits 1 s", "the next try waits 2 s"]


class TestPruning:
    async def test_deletes_what_means_nothing_any_more(self, guesses: Make) -> None:
        """A network stays as long as it is known."""
        ours = await guesses()
        await ours.right(address=OWNER)
        await ours.wrong(address=STRANGER)
        ours.clock.advance(2 * DAY)
        await ours.throttle.prune()
        known = await Throttle.select()
        ours.clock.advance(KNOWN_FOR)
        await ours.throttle.prune()

        assert [row["network"] for row in known] == ["192.0.2.0/24"]
        assert await Throttle.count() == 0


async def attack(ours: Guesses, tries: int, networks: int, seconds: float) -> dict[str, float]:
    """Tries wrong passwords of one account for so many seconds, while its owner signs in now and then.

    Ten times an hour, or a hundred times in all: at home, and somewhere new.
    """
    at_home: list[float] = []
    elsewhere: list[float] = []
    pause = seconds / tries
    pause_of_owner = min(360.0, seconds / 100)
    next_visit = ours.clock.now
    wrong = 0
    places = itertools.cycle(addresses(networks))
    for _ in range(tries):
        before = ours.checked
        await ours.wrong(address=next(places))
        wrong += ours.checked - before
        if ours.clock.now >= next_visit:
            next_visit += pause_of_owner
            at_home.append(await ours.right(address=OWNER))
            elsewhere.append(await ours.right(address=f"172.16.{len(elsewhere) % 250}.{len(elsewhere) // 250}"))
        ours.clock.advance(pause)
    at_once = sum(wait == 0 for wait in elsewhere) / len(elsewhere)
    return {"checked": wrong, "at_home": max(at_home), "elsewhere": max(elsewhere), "at_once": at_once}


class TestAttack:
    async def test_of_a_thousand_guesses_from_a_hundred_networks_few_are_checked(self, guesses: Make) -> None:
        """The owner never waits at home, and elsewhere for a day at most."""
        ours = await guesses()
        await ours.right(address=OWNER)

        figures = await attack(ours, tries=1000, networks=100, seconds=DAY)

        assert figures["checked"] <= 100 + 11
        assert figures["at_home"] == 0
        assert figures["elsewhere"] <= DAY

    @pytest.mark.soak
    @pytest.mark.parametrize("seconds", [600, DAY, 10 * DAY])
    async def test_ten_thousand_guesses_from_a_thousand_networks(self, guesses: Make, seconds: float) -> None:
        """The same with more of everything, fast and slow."""
        ours = await guesses()
        await ours.right(address=OWNER)

        figures = await attack(ours, tries=10_000, networks=1000, seconds=seconds)
        print(f"in {seconds:.0f} s: {figures}")

        assert figures["checked"] <= 101 + 11 + seconds / DAY
        assert figures["at_home"] == 0
        assert figures["elsewhere"] <= DAY


class TestDatabaseAway:
    async def test_a_try_that_could_not_be_made_is_taken_back(self, guesses: Make) -> None:
        ours = await guesses(wrong_passwords=1)
        for _ in range(4):
            with pytest.raises(DatabaseUnavailable):
                async with ours.throttle.guarding("ada", STRANGER):
                    raise DatabaseUnavailable("gone")

        assert [await ours.wrong(), await ours.wrong()] == [0, 0]


async def test_counters_that_are_deleted_while_a_try_waits_for_them_are_made_again(guesses: Make) -> None:
    """Their account is deleted, or they mean nothing any more; the try is counted all the same."""
    ours = await guesses(wrong_passwords=1)
    await ours.wrong()

    await delete_counters_before(ours.wrong())

    assert ours.checked == 2
    assert {row["failures"] for row in await Throttle.select()} == {1}
