"""Signing in: how passwords are checked, and what a wrong one learns."""

import asyncio
import threading
from collections import Counter
from typing import Any

import pytest

from imagevault.accounts.passwords import Passwords
from imagevault.accounts.tables import Account
from imagevault.config.settings import Settings
from imagevault.errors import BadInput, Busy, NotSignedIn
from tests.support.tokens import token_of
from tests.support.waiting import EVENT_LIMIT, until

PASSWORD = "violet-harbour-71"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Slow:
    """A hasher whose work takes until it is let go, in a real thread."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.begun = threading.Semaphore(0)
        self.at_once = self.most = self.done = 0
        self.lock = threading.Lock()

    def hash(self, password: str) -> str:
        with self.lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        self.begun.release()
        assert self.go_on.wait(EVENT_LIMIT)
        with self.lock:
            self.at_once -= 1
            self.done += 1
        return "hash"

    def verify_and_update(self, password: str, kept: str) -> tuple[bool, str | None]:
        self.hash(password)
        return True, None


@pytest.fixture
def slow() -> Any:
    """Lets go of whatever still waits when the test ends."""
    slow = Slow()
    yield slow
    slow.go_on.set()


def spied(passwords: Passwords, monkeypatch: pytest.MonkeyPatch) -> "Counter[str]":
    """Counts how often the real hasher hashes and verifies."""
    counts: Counter[str] = Counter()
    [hasher] = passwords.hasher.hashers
    for name in ("hash", "verify"):
        real = getattr(hasher, name)

        def counted(*arguments: Any, name: str = name, real: Any = real, **more: Any) -> Any:
            counts[name] += 1
            return real(*arguments, **more)

        monkeypatch.setattr(hasher, name, counted)
    return counts


class TestSignIn:
    async def test_answers_a_token_that_is_good(self, worker: Any) -> None:
        """For the folded name in any spelling."""
        ours = await worker()
        made = await ours.accounts.create("Ada", PASSWORD)

        for name in ("ada", "ADA", "\uff21da"):
            caller = await ours.credentials.verify(await token_of(ours.accounts, name, PASSWORD))

            assert caller is not None
            assert (caller.id, caller.username, caller.is_admin) == (str(made.id), "ada", False)

    async def test_a_wrong_name_and_a_wrong_password_get_the_same_message(self, worker: Any) -> None:
        """And so is an account that an admin switched off."""
        ours = await worker()
        await ours.accounts.create("ada", PASSWORD)
        await ours.accounts.create("closed", PASSWORD)
        await Account.update({Account.is_active: False}).where(Account.username == "closed")

        for username, password in (
            ("ada", "violet-harbour-72"),
            ("ada", "Violet-harbour-71"),
            ("ada", ""),
            ("ada", PASSWORD + " "),
            ("ada", PASSWORD * 100),
            ("bob", PASSWORD),
            ("", PASSWORD),
            ("no such name", PASSWORD),
            ("a" * 60_000, PASSWORD),
            ("closed", PASSWORD),
            ("ada' OR '1'='1", PASSWORD),
        ):
            with pytest.raises(NotSignedIn) as caught:
                await ours.accounts.check_password(username, password)

            assert str(caught.value) == "The username or the password is wrong."

    async def test_a_wrong_name_costs_as_much_as_a_wrong_password(
        self, worker: Any, monkeypatch: pytest.MonkeyPatch, real_argon2: bool
    ) -> None:
        """One verification with the parameters in force, whatever is wrong: the time tells nothing."""
        ours = await worker(passes=3)
        await ours.accounts.create("ada", PASSWORD)
        await ours.accounts.create("closed", PASSWORD)
        await Account.update({Account.is_active: False}).where(Account.username == "closed")
        await ours.accounts.check_password("ada", PASSWORD)
        counts = spied(ours.passwords, monkeypatch)

        for username, password in (
            ("ada", "violet-harbour-72"),
            ("bob", PASSWORD),
            ("no such name", PASSWORD),
            ("ada", "x" * 300),
            ("bob", "x" * 300),
            ("closed", PASSWORD),
        ):
            counts.clear()
            with pytest.raises(NotSignedIn):
                await ours.accounts.check_password(username, password)

            assert counts == {"verify": 1}, (username, password)
        assert "m=64,t=3,p=1" in str(ours.passwords.dummy_hash)

    async def test_the_first_sign_in_of_a_worker_tells_no_more(
        self, worker: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is prepared once is prepared for a known name as well."""
        ours, theirs = await worker(), await worker()
        await ours.accounts.create("ada", PASSWORD)
        counts = []
        for one, name in ((ours, "ada"), (theirs, "bob")):
            counts.append(spied(one.passwords, monkeypatch))
            with pytest.raises(NotSignedIn):
                await one.accounts.check_password(name, "violet-harbour-72")

        assert counts[0] == counts[1]

    async def test_a_hash_that_nobody_can_read_is_a_wrong_password(self, worker: Any) -> None:
        """Not an error: the account can be repaired, and the caller learns nothing."""
        ours = await worker()
        await ours.accounts.create("ada", PASSWORD)
        for kept in ("plain text", "", "$2b$12$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=19456,t=2,p=1$broken"):
            await Account.update({Account.password_hash: kept}).where(Account.username == "ada")

            with pytest.raises(NotSignedIn):
                await ours.accounts.check_password("ada", PASSWORD)


class TestCost:
    async def test_is_what_the_settings_say(self, worker: Any, real_argon2: bool) -> None:
        """Never below OWASP's floor for Argon2id."""
        ours = await worker(memory=20_000, passes=3)

        await ours.accounts.create("ada", PASSWORD)

        [row] = await Account.select(Account.password_hash)
        assert row["password_hash"].startswith("$argon2id$v=19$m=20000,t=3,p=1$")

    async def test_a_hash_of_other_parameters_is_made_anew_at_the_next_sign_in(self, worker: Any) -> None:
        """Once, and only by the right password; the password stays what it was."""
        before, now = await worker(passes=2), await worker(passes=3)
        await before.accounts.create("ada", PASSWORD)

        async def kept() -> str:
            [row] = await Account.select(Account.password_hash)
            return str(row["password_hash"])

        old = await kept()
        with pytest.raises(NotSignedIn):
            await now.accounts.check_password("ada", "violet-harbour-72")
        assert await kept() == old

        await now.accounts.check_password("ada", PASSWORD)
        new = await kept()
        await now.accounts.check_password("ada", PASSWORD)

        assert (",t=2," in old, ",t=3," in new) == (True, True)
        assert await kept() == new


class TestQueue:
    """Hashing costs memory and time: a few run, some wait, and the others get Busy."""

    async def test_no_more_at_once_than_allowed_and_no_more_waiting(self, slow: Slow) -> None:
        """Busy says when to come again; those that wait are served."""
        passwords = Passwords(Settings())
        passwords.hasher = slow  # type: ignore[assignment]
        tasks = [asyncio.create_task(passwords.hash("a")) for _ in range(passwords.max_running + passwords.max_waiting)]
        await until(lambda: slow.at_once == passwords.max_running)

        for work in (passwords.hash("a"), passwords.verify("a", "hash"), passwords.check(PASSWORD, "ada")):
            with pytest.raises(Busy) as caught:
                await work
            assert caught.value.retry_after == 1
        slow.go_on.set()
        await asyncio.gather(*tasks)

        assert (slow.most, slow.done) == (passwords.max_running, passwords.max_running + passwords.max_waiting)
        assert await passwords.hash("a") == "hash"

    def test_leaves_a_core_free(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Fewer at once than there are cores, but one at least."""
        running = []
        for cores in (1, 2, 8, None):
            monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
            running.append(Passwords(Settings()).max_running)

        assert running == [1, 1, 7, 1]

    async def test_a_cancelled_caller_frees_its_place(self, slow: Slow) -> None:
        """Cancelled callers do not fill the queue forever."""
        passwords = Passwords(Settings())
        passwords.hasher = slow  # type: ignore[assignment]
        tasks = [asyncio.create_task(passwords.hash("a")) for _ in range(passwords.max_running + passwords.max_waiting)]
        await until(lambda: slow.at_once == passwords.max_running)

        for task in tasks:
            task.cancel()
        slow.go_on.set()
        await asyncio.gather(*tasks, return_exceptions=True)

        assert passwords.jobs == 0

    async def test_a_refused_password_frees_its_place(self) -> None:
        """An error is an end too."""
        passwords = Passwords(Settings())
        for _ in range(3 * (passwords.max_running + passwords.max_waiting)):
            with pytest.raises(BadInput):
                await passwords.check("short", "ada")

        assert passwords.jobs == 0

    async def test_other_requests_are_served_at_the_same_time(
        self, start: Any, slow: Slow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """While every place is taken, sign-ins get 503 + Retry-After, and everything else is answered."""
        api = await start()
        headers = await api.sign_in()
        passwords = api.services.accounts.passwords
        monkeypatch.setattr(passwords, "hasher", slow)
        form = {"username": "ada", "password": PASSWORD}
        waiting = [
            asyncio.create_task(api.post("/token", data=form))
            for _ in range(passwords.max_running + passwords.max_waiting)
        ]
        await until(lambda: passwords.jobs == passwords.max_running + passwords.max_waiting)

        busy = await api.post("/token", data=form)
        also_busy = await api.post("/signup", json={"username": "bob", "password": PASSWORD})
        others = [await api.get(path, headers=headers) for path in ("/protected", "/health/ready", "/downloads")]
        slow.go_on.set()
        served = await asyncio.gather(*waiting)

        for answer in (busy, also_busy):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.json()["detail"] == "Too many people are signing in right now."
        assert [answer.status_code for answer in others] == [200] * 3
        assert {answer.status_code for answer in served} == {200}


class TestToken:
    """`POST /token` as OAuth2 clients use it."""

    async def test_answers_a_bearer_token(self, start: Any) -> None:
        """In the members of RFC 6749, valid for the configured time, never cached, without a cookie."""
        api = await start({"IMAGEVAULT_TOKEN_TTL": "120"})
        await api.sign_in()
        form = {"grant_type": "password", "username": "ada", "password": PASSWORD, "scope": "", "client_id": "x"}

        answer = await api.post("/token", data=form)
        token = answer.json()
        me = await api.get("/protected", headers={"Authorization": f"Bearer {token['access_token']}"})

        assert (answer.status_code, token.keys()) == (200, {"access_token", "token_type", "expires_in"})
        assert (token["token_type"], token["expires_in"]) == ("bearer", 120)
        assert (answer.headers["cache-control"], "set-cookie" in answer.headers) == ("no-store", False)
        assert (me.status_code, me.json()["username"]) == (200, "ada")

    async def test_a_wrong_one_is_401_with_a_challenge(self, start: Any) -> None:
        """The same answer for a wrong name and a wrong password."""
        api = await start()
        await api.sign_in()

        answers = [
            await api.post("/token", data={"username": name, "password": password})
            for name, password in (("ada", "wrong-harbour-71"), ("bob", PASSWORD), ("a b", "x"))
        ]

        assert {answer.status_code for answer in answers} == {401}
        assert {answer.headers["www-authenticate"] for answer in answers} == {'Bearer realm="imagevault"'}
        assert {answer.json()["detail"] for answer in answers} == {"The username or the password is wrong."}

    async def test_the_form_is_kept_nowhere(self, start: Any) -> None:
        """The framework's parser remembers a thousand bodies; ours must not go through it."""
        from litestar._parsers import parse_url_encoded_form_data

        api = await start()
        before = parse_url_encoded_form_data.cache_info().currsize
        for number in range(5):
            await api.post("/token", data={"username": "ada", "password": f"secret {number}"})

        assert parse_url_encoded_form_data.cache_info().currsize == before

    async def test_values_are_read_as_forms_write_them(self, start: Any) -> None:
        """A plus is a blank, %2B a plus, and what is empty is empty."""
        api = await start({"IMAGEVAULT_LIMITS_SIGNUP": "9/hour"})
        await api.post("/signup", json={"username": "ada+b", "password": "violet + harbour = 71 & ä"})

        right = b"username=ada%2Bb&password=violet+%2B+harbour+%3D+71+%26+%C3%A4&empty="
        answers = [
            await api.post("/token", content=content, headers=FORM)
            for content in (right, right.replace(b"%2B", b"+"), b"username=&password=")
        ]

        assert [answer.status_code for answer in answers] == [200, 401, 401]
