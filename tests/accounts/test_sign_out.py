"""Ending access: what one worker ends, another refuses a second later, on both engines."""

from typing import Any

import pytest

from imagevault.accounts.api_keys import NewApiKey
from imagevault.accounts.sign_in import SignIn
from imagevault.accounts.sign_out import SignOut
from imagevault.accounts.tables import Account, ApiKey, PageSession, SecurityEvent
from imagevault.accounts.throttle import SignInThrottle
from imagevault.config.limits import Limits
from imagevault.errors import BadInput, Forbidden, NotSignedIn
from imagevault.security.caller import Caller
from tests.support.tokens import token_of

PASSWORD = "violet-harbour-71"
NEW = "copper-lantern-58"
ADDRESS = "192.0.2.1"


def sign_out_of(worker: Any) -> SignOut:
    """What ends access in this worker."""
    return SignOut(worker.passwords, SignIn(worker.accounts, SignInThrottle(Limits(), worker.wall)))


class Access:
    """A token, a session and a key of one account, each known to two workers."""

    def __init__(self, workers: list[Any], ada: Caller, token: str, session: str, key: str) -> None:
        self.workers = workers
        self.ada = ada
        self.token = token
        self.session = session
        self.key = key

    async def seen_by(self, worker: Any) -> list[bool]:
        """Which of the three this worker accepts now."""
        worker.database.use()
        callers = [
            await worker.credentials.verify(self.token),
            await worker.credentials.verify_session(self.session),
            await worker.credentials.verify(self.key),
        ]
        return [caller is not None for caller in callers]


@pytest.fixture
async def access(worker: Any) -> Access:
    workers = [await worker(), await worker()]
    ours = workers[0]
    ours.database.use()
    ada = await ours.sign_in()
    token = await token_of(ours.accounts, "ada", PASSWORD)
    session = await ours.sessions.begin(ada.id, ada.epoch, 3600)
    _, key = await ours.api_keys.create(ada, NewApiKey(name="catalogue", scopes=["search"]))
    access = Access(workers, ada, token, session, key)
    for one in reversed(workers):
        assert await access.seen_by(one) == [True, True, True]
    return access


class TestSigningOut:
    @pytest.mark.parametrize("revoke_keys", [False, True])
    async def test_ends_everything_in_every_worker_within_a_second(self, access: Access, revoke_keys: bool) -> None:
        """Keys survive, unless they are to end too."""
        ours, theirs = access.workers

        await sign_out_of(ours).everywhere(access.ada, revoke_keys=revoke_keys)
        theirs.clock.advance(0.999)
        remembered = await access.seen_by(theirs)
        theirs.clock.advance(0.001)

        assert remembered == [True, True, True]
        assert await access.seen_by(theirs) == [False, False, not revoke_keys]

    async def test_what_is_in_use_is_read_again_and_refused_no_later(self, access: Access) -> None:
        """The background task keeps what is in use valid without a request's query, and prolongs nothing revoked."""
        ours, theirs = access.workers
        theirs.database.use()
        for _ in range(10):  # four seconds of use
            theirs.clock.advance(0.4)
            await theirs.credentials.refresh()
            assert await access.seen_by(theirs) == [True, True, True]

        await sign_out_of(ours).everywhere(access.ada, revoke_keys=True)
        theirs.clock.advance(0.4)
        await theirs.credentials.refresh()
        theirs.clock.advance(0.4)
        await theirs.credentials.refresh()

        assert await access.seen_by(theirs) == [False, False, False]

    async def test_a_locked_account_has_no_access_left(self, access: Access) -> None:
        """Unlocked again, it has what it had."""
        _, theirs = access.workers
        seen = []
        for is_active in (False, True):
            await Account.update({Account.is_active: is_active}).where(Account.username == "ada")
            theirs.clock.advance(1)
            seen.append(await access.seen_by(theirs))

        assert seen == [[False, False, False], [True, True, True]]

    async def test_happens_once(self, access: Access) -> None:
        """A request with a token that has ended meanwhile changes nothing more."""
        ours = access.workers[0]
        await sign_out_of(ours).everywhere(access.ada, revoke_keys=False)
        again = await token_of(ours.accounts, "ada", PASSWORD)

        with pytest.raises(NotSignedIn):
            await sign_out_of(ours).everywhere(access.ada, revoke_keys=True)

        assert await ours.credentials.verify(again) is not None
        assert await ApiKey.exists()

    async def test_is_in_the_audit_trail(self, access: Access) -> None:
        """With each key that ends."""
        await sign_out_of(access.workers[0]).everywhere(access.ada, revoke_keys=True)

        events = [row["event"] for row in await SecurityEvent.select()]

        assert sorted(events) == ["key_created", "key_revoked", "signed_out"]
        assert access.key not in str(await SecurityEvent.select())


class TestSessions:
    async def test_one_ends_alone(self, access: Access) -> None:
        """The tokens and the other sessions of the account go on."""
        ours, theirs = access.workers
        other = await ours.sessions.begin(access.ada.id, access.ada.epoch, 3600)

        await ours.sessions.end(access.session)
        theirs.clock.advance(1)

        assert await access.seen_by(theirs) == [True, False, True]
        assert await theirs.credentials.verify_session(other) is not None

    async def test_one_that_expired_is_over_and_deleted(self, access: Access) -> None:
        ours = access.workers[0]
        over = await ours.sessions.begin(access.ada.id, access.ada.epoch, -1)

        assert await ours.credentials.verify_session(over) is None
        await ours.sessions.begin(access.ada.id, access.ada.epoch, 3600)
        assert await PageSession.count() == 2

    async def test_those_of_an_earlier_epoch_are_deleted_at_the_next_sign_in(self, access: Access) -> None:
        """A lock or a reset ends them; their rows say nothing any more. Those of another account stay."""
        ours = access.workers[0]
        bob = await ours.sign_in("bob")
        await ours.sessions.begin(bob.id, 0, 3600)

        await ours.sessions.begin(access.ada.id, access.ada.epoch + 1, 3600)

        assert sorted([row["epoch"] for row in await PageSession.select()]) == [0, 1]

    async def test_no_credential_is_one_of_another_kind(self, access: Access) -> None:
        """A session in the header would skip the check of the site; a token in the cookie would be no session."""
        ours = access.workers[0]

        assert await ours.credentials.verify(access.session) is None
        assert await ours.credentials.verify_session(access.token) is None
        assert await ours.credentials.verify_session(access.key) is None

    async def test_the_value_is_stored_nowhere(self, access: Access) -> None:
        assert access.session not in str(await PageSession.select())


class TestPassword:
    async def test_a_new_one_ends_everything_but_keys(self, access: Access) -> None:
        ours, theirs = access.workers

        await sign_out_of(ours).change_password(access.ada, PASSWORD, NEW, revoke_keys=False, address=ADDRESS)
        theirs.clock.advance(1)

        assert await access.seen_by(theirs) == [False, False, True]
        events = [row["event"] for row in await SecurityEvent.select()]
        assert sorted(events) == ["key_created", "password_changed"]
        assert await theirs.accounts.check_password("ada", NEW)
        with pytest.raises(NotSignedIn):
            await theirs.accounts.check_password("ada", PASSWORD)

    async def test_keys_end_if_they_are_to(self, access: Access) -> None:
        ours = access.workers[0]

        await sign_out_of(ours).change_password(access.ada, PASSWORD, NEW, revoke_keys=True, address=ADDRESS)

        assert not await ApiKey.exists()

    @pytest.mark.parametrize(
        ("current", "new", "error"),
        [
            ("wrong", NEW, Forbidden),
            ("", NEW, Forbidden),
            ("x" * 1_000_000, NEW, Forbidden),
            (PASSWORD, "short", BadInput),
            (PASSWORD, "password123", BadInput),
            (PASSWORD, "ada-ada-ada-ada", BadInput),
            (PASSWORD, "e\u0301" * 5000, BadInput),
        ],
        ids=["wrong", "empty", "1 MB", "short", "easy", "the name", "combining marks"],
    )
    async def test_what_is_refused_changes_nothing(self, access: Access, current: str, new: str, error: Any) -> None:
        ours = access.workers[0]

        with pytest.raises(error):
            await sign_out_of(ours).change_password(access.ada, current, new, revoke_keys=True, address=ADDRESS)

        ours.clock.advance(1)
        assert await access.seen_by(ours) == [True, True, True]
        assert await ours.accounts.check_password("ada", PASSWORD)
        events = [row["event"] for row in await SecurityEvent.select()]
        assert sorted(events) == ["key_created"] + ["sign_in_failed"] * (error is Forbidden)
