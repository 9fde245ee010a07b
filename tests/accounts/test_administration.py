"""What admins do to accounts, and the trail that it leaves."""

import asyncio
from typing import Any

import pytest

from imagevault.accounts import audit, one_time_codes
from imagevault.accounts.administration import Administration
from imagevault.accounts.api_keys import NewApiKey
from imagevault.accounts.signups import Signups
from imagevault.accounts.tables import Account, OneTimeCode, SecurityEvent
from imagevault.config.settings import Settings
from imagevault.errors import BadInput, DatabaseUnavailable, Forbidden, NotSignedIn, ResourceNotFound
from tests.support.tokens import token_of

PASSWORD = "violet-harbour-71"
NEW = "amber-meadow-58-kites"


@pytest.fixture
async def ours(worker: Any) -> Any:
    """The accounts of one worker."""
    return await worker()


@pytest.fixture
async def admin(ours: Any) -> Administration:
    """The rules on a database with the account `ada`."""
    administration = Administration(ours.accounts)
    await administration.create("Ada", PASSWORD, is_admin=False)
    return administration


async def events() -> list[str]:
    """The names of the events so far, the oldest first."""
    return [row["event"] for row in await SecurityEvent.select(SecurityEvent.event).order_by(SecurityEvent.at)]


class TestLock:
    async def test_ends_every_way_in(self, ours: Any, admin: Administration) -> None:
        """The password and tokens; after an unlock the password works again and the tokens do not."""
        token = await token_of(admin.accounts, "ada", PASSWORD)

        await admin.lock("ADA")
        with pytest.raises(NotSignedIn):
            await admin.accounts.check_password("ada", PASSWORD)
        await admin.unlock("ada")

        assert await ours.credentials.verify(token) is None
        assert await admin.accounts.check_password("ada", PASSWORD)
        assert (await events())[1:] == ["account_locked", "account_unlocked"]

    @pytest.mark.parametrize("change", ["lock", "unlock", "reset_password"])
    async def test_of_nobody_says_so(self, admin: Administration, change: str) -> None:
        with pytest.raises(ResourceNotFound, match="There is no account bob"):
            await getattr(admin, change)("bob")


class TestReset:
    async def test_the_code_sets_a_new_password_once(self, ours: Any, admin: Administration) -> None:
        """The old password and the old tokens do not work from the reset on."""
        token = await token_of(admin.accounts, "ada", PASSWORD)
        code = await admin.reset_password("ada")
        assert await ours.credentials.verify(token) is None
        with pytest.raises(NotSignedIn):
            await admin.accounts.check_password("ada", PASSWORD)

        await admin.set_password("Ada", code.code, NEW)

        assert await admin.accounts.check_password("ada", NEW)
        with pytest.raises(Forbidden):
            await admin.set_password("ada", code.code, PASSWORD)
        assert (await events())[1:] == ["reset_code_created", "password_reset"]

    async def test_a_bad_password_leaves_the_code_valid(self, admin: Administration) -> None:
        code = await admin.reset_password("ada")
        with pytest.raises(BadInput):
            await admin.set_password("ada", code.code, "password")

        await admin.set_password("ada", code.code, NEW)

        assert await admin.accounts.check_password("ada", NEW)

    async def test_of_many_at_once_one_wins(self, admin: Administration) -> None:
        admin.accounts.passwords.max_waiting = 100
        code = await admin.reset_password("ada")

        results = await asyncio.gather(
            *(admin.set_password("ada", code.code, f"{NEW}{number}") for number in range(10)), return_exceptions=True
        )

        assert sorted(type(result).__name__ for result in results) == ["Forbidden"] * 9 + ["NoneType"]

    async def test_a_code_is_for_its_account_and_purpose_only(self, admin: Administration) -> None:
        """And it is stored as a hash."""
        await admin.create("bob", PASSWORD, is_admin=False)
        code = (await admin.reset_password("ada")).code
        invitation = (await admin.invite(7)).code

        for name, wrong in (("bob", code), ("ada", invitation), ("nobody", code), ("ada", code + "x"), ("ada", "")):
            with pytest.raises(Forbidden):
                await admin.set_password(name, wrong, NEW)
        assert code not in str(await OneTimeCode.select())

    async def test_a_later_code_ends_an_earlier_one(self, admin: Administration) -> None:
        first = await admin.reset_password("ada")
        second = await admin.reset_password("ada")

        assert not await one_time_codes.is_valid("password_reset", first.code)
        assert await one_time_codes.is_valid("password_reset", second.code)

    async def test_a_code_expires(self, admin: Administration) -> None:
        code = await one_time_codes.issue("invitation", -1)

        assert not await one_time_codes.redeem("invitation", code.code)
        await one_time_codes.prune()
        assert await OneTimeCode.count() == 0


class TestAudit:
    async def test_nothing_happens_that_is_not_in_it(
        self, ours: Any, admin: Administration, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An event that cannot be written undoes what it tells of."""
        accounts, codes = await Account.count(), await OneTimeCode.count()
        signups = Signups(ours.accounts, Settings(), ours.wall)

        async def fail(*_: Any, **__: Any) -> None:
            raise DatabaseUnavailable("full")

        monkeypatch.setattr("imagevault.accounts.audit.record", fail)
        with pytest.raises(DatabaseUnavailable):
            await admin.create("grace", PASSWORD, is_admin=False)
        with pytest.raises(DatabaseUnavailable):
            await signups.create("grace", PASSWORD, None, "192.0.2.1")
        with pytest.raises(DatabaseUnavailable):
            await admin.invite(1)

        assert (await Account.count(), await OneTimeCode.count()) == (accounts, codes)

    async def test_names_what_happened_to_whom_from_where(self, admin: Administration) -> None:
        audit.bind_origin("192.0.2.7")
        await admin.set_admin("ada", is_admin=True)

        [line, created] = await audit.read()

        assert (line.event, line.username, line.address, line.detail) == ("role_changed", "ada", "192.0.2.7", "admin")
        assert (created.event, created.account) == ("account_created", line.account)

    async def test_keys_that_are_made_and_revoked_are_in_it(self, ours: Any, admin: Administration) -> None:
        """By their prefix; the key itself is not there. A reset revokes keys where that is asked for."""
        caller = await ours.sign_in("ada")
        wanted = NewApiKey(name="catalogue", scopes=["search"])
        first, key = await ours.api_keys.create(caller, wanted)
        await ours.api_keys.create(caller, wanted)
        await ours.api_keys.revoke(caller, str(first.id))
        await admin.reset_password("ada")
        assert len(await ours.api_keys.list_of(caller.id)) == 1
        await admin.reset_password("ada", revoke_keys=True)

        lines = await audit.read()
        assert sorted(line.event for line in lines if line.event.startswith("key")) == (
            ["key_created"] * 2 + ["key_revoked"] * 2
        )
        assert first.prefix in str(lines)
        assert key not in str(lines)
        assert await ours.api_keys.list_of(caller.id) == []

    async def test_is_read_by_account_and_kind(self, admin: Administration) -> None:
        await admin.lock("ada")
        await admin.invite(1)
        [locked] = await audit.read(event="account_locked")

        assert len(await audit.read(account=locked.account)) == 2
        assert len(await audit.read(limit=1)) == 1

    async def test_old_events_are_deleted(self, admin: Administration) -> None:
        """`audit_days` says how old."""
        [line] = await audit.read()
        age = line.at.timestamp()

        await audit.prune(30, clock=lambda: age + 29 * audit.DAY)
        assert len(await audit.read()) == 1
        await audit.prune(30, clock=lambda: age + 31 * audit.DAY)
        assert await audit.read() == []


class TestRoutes:
    async def test_an_invitation_lets_one_person_in(self, start: Any) -> None:
        """Without one, with a wrong one and with a used one: 403. A refused password leaves it valid."""
        api = await start({"IMAGEVAULT_SIGNUP": "invite"})
        api.services.database.use()
        code = (await api.services.administration.invite(7)).code

        async def signup(name: str, **fields: str) -> int:
            body = {"username": name, "password": PASSWORD, **fields}
            return int((await api.post("/signup", json=body)).status_code)

        assert await signup("ada") == 403
        assert await signup("ada", invitation="wrong") == 403
        assert await signup("ada", invitation="x" * 300) == 403
        assert await signup("ada", invitation=code, password="password") == 400
        assert await signup("ada", invitation=code) == 201
        assert await signup("bob", invitation=code) == 403

    async def test_of_many_who_use_an_invitation_at_once_one_gets_in(self, start: Any) -> None:
        api = await start({"IMAGEVAULT_SIGNUP": "invite", "IMAGEVAULT_LIMITS_SIGNUP": "100/hour"})
        api.services.database.use()
        api.services.accounts.passwords.max_waiting = 100
        code = (await api.services.administration.invite(7)).code
        bodies = [{"username": f"ada{number}", "password": PASSWORD, "invitation": code} for number in range(10)]

        answers = await asyncio.gather(*(api.post("/signup", json=body) for body in bodies))

        assert sorted(answer.status_code for answer in answers) == [201] + [403] * 9

    async def test_a_reset_code_sets_a_password(self, start: Any) -> None:
        api = await start()
        await api.sign_in("ada")
        code = (await api.services.administration.reset_password("ada")).code
        body = {"username": "ada", "code": code, "new_password": NEW}

        answers = [(await api.post("/password-reset", json=body)).status_code for _ in range(2)]
        token = await api.post("/token", data={"username": "ada", "password": NEW})

        assert answers == [204, 403]
        assert token.status_code == 200

    async def test_sign_ins_are_in_the_trail_and_unknown_names_are_not(self, start: Any) -> None:
        """What was typed as a name may be a password."""
        api = await start()
        await api.sign_in("ada")
        for name, password in (("ada", "wrong"), ("My secret password", "x"), ("ada", PASSWORD)):
            await api.post("/token", data={"username": name, "password": password})

        api.services.database.use()
        lines = [(line.event, line.username, line.address) for line in reversed(await audit.read())]

        assert lines == [
            ("sign_in_failed", "ada", "127.0.0.1"),
            ("sign_in_failed", "", "127.0.0.1"),
            ("signed_in", "ada", "127.0.0.1"),
        ]
