"""The memory of verified credentials: what is revoked is refused within a second in every worker."""

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import Any

import pytest

from imagevault.accounts import credentials as rules
from imagevault.accounts.api_keys import make_key
from imagevault.accounts.tables import Account
from tests.support.clock import Clock
from tests.support.tokens import token_of

PASSWORD = "violet-harbour-71"
ID = "0b6f7a52-9c1e-4f5c-8f0a-3d5b8d1c2e7f"


class TestMemory:
    """A verified credential is accepted for a second without asking the database."""

    @pytest.fixture
    async def asked(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
        """How often the database was asked."""
        count = 0
        real = rules.find_accounts

        async def counted(ids: Any) -> Any:
            nonlocal count
            count += 1
            return await real(ids)

        monkeypatch.setattr(rules, "find_accounts", counted)
        return lambda: count

    async def test_spares_the_database(self, worker: Any, asked: Callable[[], int]) -> None:
        """A hundred requests within a second cost one query; the next second one more."""
        ours = await worker()
        await ours.accounts.create("ada", PASSWORD)
        token = await token_of(ours.accounts, "ada", PASSWORD)

        for _ in range(100):
            assert await ours.credentials.verify(token) is not None
        assert asked() == 1
        ours.clock.now += 1.0
        await ours.credentials.verify(token)

        assert asked() == 2

    @pytest.mark.parametrize(
        "change", [{Account.is_active: False}, {Account.epoch: 1}, {Account.epoch: -1}], ids=["off", "epoch", "back"]
    )
    async def test_what_is_revoked_is_dead_within_a_second_in_every_worker(
        self, worker: Any, change: dict[Any, Any]
    ) -> None:
        """An account switched off, or its epoch raised: no memory outlives the second."""
        workers = [await worker(), await worker()]
        await workers[0].accounts.create("ada", PASSWORD)
        token = await token_of(workers[0].accounts, "ada", PASSWORD)
        for one in workers:
            one.database.use()
            assert await one.credentials.verify(token) is not None

        await Account.update(change).where(Account.username == "ada")

        for one in workers:
            one.database.use()
            one.clock.now += 0.999
            assert await one.credentials.verify(token) is not None  # remembered
            one.clock.now += 0.001
            assert await one.credentials.verify(token) is None
            assert await one.credentials.verify(token) is None

    async def test_a_deleted_account_is_dead_too(self, worker: Any) -> None:
        """And its name may be taken by someone whom the old token does not serve."""
        ours = await worker()
        await ours.accounts.create("ada", PASSWORD)
        token = await token_of(ours.accounts, "ada", PASSWORD)
        await Account.delete().where(Account.username == "ada")
        await ours.accounts.create("ada", PASSWORD)

        assert await ours.credentials.verify(token) is None

    async def test_a_right_that_was_taken_away_is_gone_within_a_second(self, worker: Any) -> None:
        """An admin is one no longer; a new name is shown."""
        ours = await worker()
        await ours.accounts.create("ada", PASSWORD, is_admin=True)
        token = await token_of(ours.accounts, "ada", PASSWORD)
        assert (await ours.credentials.verify(token)).is_admin

        await Account.update({Account.is_admin: False}).where(Account.username == "ada")
        ours.clock.now += 1

        assert not (await ours.credentials.verify(token)).is_admin

    async def test_the_second_begins_before_the_database_is_asked(
        self, worker: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A slow answer is old when it comes, and is not believed for another second."""
        ours = await worker()
        await ours.accounts.create("ada", PASSWORD)
        token = await token_of(ours.accounts, "ada", PASSWORD)
        real = rules.find_accounts

        async def slow(ids: Any) -> Any:
            accounts = await real(ids)
            await Account.update({Account.is_active: False}).where(Account.username == "ada")
            ours.clock.now += 5
            return accounts

        monkeypatch.setattr(rules, "find_accounts", slow)
        await ours.credentials.verify(token)
        monkeypatch.undo()

        assert await ours.credentials.verify(token) is None

    async def test_never_outlives_the_token(self, worker: Any, asked: Callable[[], int]) -> None:
        """The last half second of a token is remembered for half a second."""
        ours = await worker()
        await ours.accounts.create("ada", PASSWORD)
        ours.accounts.tokens.clock = Clock(float(int(time.time())))
        token = await token_of(ours.accounts, "ada", PASSWORD)
        ours.accounts.tokens.clock.now += 3600 - 0.5

        await ours.credentials.verify(token)
        ours.clock.now += 0.49
        await ours.credentials.verify(token)
        assert asked() == 1
        ours.clock.now += 0.02
        await ours.credentials.verify(token)

        assert asked() == 2

    async def test_is_bounded(self, worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """However many tokens come; junk is not remembered at all."""
        monkeypatch.setattr(rules, "MAX_VERIFIED", 5)
        ours = await worker()
        made = await ours.accounts.create("ada", PASSWORD)

        for number in range(50):
            assert await ours.credentials.verify(ours.accounts.tokens.issue(str(made.id), 0)) is not None
            assert await ours.credentials.verify(f"junk {number}") is None

        assert len(ours.credentials.verified) == 5

    async def test_an_unknown_one_costs_one_query_a_second(self, worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """However often it is tried. Many different ones push out no good one."""
        monkeypatch.setattr(rules, "MAX_UNKNOWN", 5)
        monkeypatch.setattr(rules, "MAX_VERIFIED", 5)
        ours = await worker()
        await ours.sign_in()
        queries = 0
        find = ours.api_keys.find

        async def counted(digests: Any) -> Any:
            nonlocal queries
            queries += len(digests)
            return await find(digests)

        monkeypatch.setattr(ours.api_keys, "find", counted)
        key, session = make_key(), secrets.token_urlsafe(32)
        for _ in range(10):
            assert await ours.credentials.verify(key) is None
            assert await ours.credentials.verify_session(session) is None
        assert queries == 1
        ours.clock.advance(1)
        await ours.credentials.verify(key)
        assert queries == 2

        for _ in range(50):
            await ours.credentials.verify(make_key())
        assert len(ours.credentials.unknown) == 5
        assert len(ours.credentials.verified) == 1

    async def test_keeps_no_token(self, worker: Any) -> None:
        """Only what identifies it: a dump of the memory opens no account."""
        ours = await worker()
        await ours.accounts.create("ada", PASSWORD)
        token = await token_of(ours.accounts, "ada", PASSWORD)
        await ours.credentials.verify(token)

        assert token not in str(ours.credentials.verified)

    async def test_a_subject_that_is_no_account(self, worker: Any) -> None:
        """Well signed, and nobody."""
        ours = await worker()

        for subject in ("", "ada", "7", "0b6f7a52-9c1e-4f5c-8f0a", "' OR 1=1 --", ID):
            assert await ours.credentials.verify(ours.accounts.tokens.issue(subject, 0)) is None

    async def test_many_at_once_are_all_answered(self, worker: Any) -> None:
        """A hundred requests that come before the first is verified."""
        ours = await worker()
        await ours.accounts.create("ada", PASSWORD)
        token = await token_of(ours.accounts, "ada", PASSWORD)

        callers = await asyncio.gather(*(ours.credentials.verify(token) for _ in range(100)))

        assert {caller.username for caller in callers if caller} == {"ada"}
        assert None not in callers
