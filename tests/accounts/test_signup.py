"""Making an account."""

import asyncio
import contextlib
import unicodedata
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
import zxcvbn_rs_py

from imagevault.accounts import audit, passwords
from imagevault.accounts.service import RESERVED, normalize_username
from imagevault.accounts.tables import Account, Throttle
from imagevault.errors import BadInput, Conflict, DatabaseUnavailable
from tests.support.clock import Clock
from tests.support.database_locks import delete_counters_before

PASSWORD = "violet-harbour-71"


async def usernames(worker: Any) -> list[object]:
    """Those of all accounts."""
    return [account["username"] for account in await worker.accounts.list_all()]


class TestCreate:
    async def test_keeps_a_hash_and_no_password(self, worker: Any, real_argon2: bool) -> None:
        """The account is active, no admin, and made now."""
        ours = await worker(memory=19_456, passes=2)

        before = datetime.now(UTC)
        made = await ours.accounts.create("ada", PASSWORD)

        [row] = await Account.select()
        assert (row["id"], row["username"], row["created_at"]) == (made.id, "ada", made.created_at)
        assert (row["is_admin"], row["is_active"], row["epoch"]) == (False, True, 0)
        assert row["password_hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert PASSWORD not in str(row)
        assert before <= made.created_at <= datetime.now(UTC)

    async def test_a_name_is_taken_in_every_spelling(self, worker: Any) -> None:
        """Names that look or sort alike are one name."""
        ours = await worker()
        spellings = {
            "ada": ["Ada", "ADA", "\uff21\uff24\uff21"],  # fullwidth
            "kelvin": ["\u212aelvin"],  # the Kelvin sign
            "office": ["o\ufb03ce"],  # a ligature
            "strasse": ["stra\u00dfe"],
        }

        for name, others in spellings.items():
            await ours.accounts.create(name, PASSWORD)
            for other in (name, *others):
                with pytest.raises(Conflict, match=f"The username {name} is taken"):
                    await ours.accounts.create(other, PASSWORD)

        assert await usernames(ours) == list(spellings)

    async def test_of_many_at_once_one_wins(self, worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """200 signups of the same name, over two workers, all past the first look: one account, 199 conflicts."""
        ours, theirs = await worker(), await worker()
        for one in (ours, theirs):
            one.passwords.max_waiting = 1000
            monkeypatch.setattr(one.passwords, "check", _fine)
            monkeypatch.setattr(one.passwords, "hash", _quick)

        async def signup(number: int) -> str:
            one = (ours, theirs)[number % 2]
            one.database.use()
            try:
                await one.accounts.create("ada" if number % 4 < 2 else "ADA", PASSWORD)
            except Conflict:
                return "conflict"
            return "made"

        answers = await asyncio.gather(*(signup(number) for number in range(200)))

        assert (answers.count("made"), answers.count("conflict")) == (1, 199)
        assert await usernames(ours) == ["ada"]

    async def test_reserved_names_are_for_admins(self, worker: Any) -> None:
        """Nobody signs up as `root`; the command line may make one."""
        ours = await worker()
        for name in sorted(RESERVED):
            with pytest.raises(BadInput, match="is reserved"):
                await ours.accounts.create(name.upper(), PASSWORD)

        await ours.accounts.create("root", PASSWORD, is_admin=True)

        assert [(account["username"], account["is_admin"]) for account in await ours.accounts.list_all()] == [
            ("root", True)
        ]


async def _fine(password: str, username: str) -> None:
    """A check that finds nothing."""


async def _quick(password: str) -> str:
    """A hash that costs nothing; gives others a turn, as the real one does."""
    await asyncio.sleep(0)
    return "hash"


class TestFold:
    @pytest.mark.parametrize(
        ("given", "folded"),
        [
            ("ada", "ada"),
            ("Ada.Lovelace@Example.ORG", "ada.lovelace@example.org"),
            ("a_b-c+d.e", "a_b-c+d.e"),
            ("007", "007"),
            ("a" * 64, "a" * 64),
            ("\uff21da", "ada"),
        ],
    )
    def test_makes_one_form(self, given: str, folded: str) -> None:
        """NFKC, small letters; folding the folded changes nothing."""
        assert normalize_username(given) == folded
        assert normalize_username(folded) == folded

    @pytest.mark.parametrize(
        "given",
        [
            "",
            "ab",
            "a" * 65,
            "ada lovelace",
            " ada",
            "ada ",
            "ada\n",
            "ada\t",
            ".ada",
            "-ada",
            "@ada",
            "ada/../bob",
            "ada:bob",
            "ada\u200b",
            "\u202eada",
            "<ada>",
            "ада",
            "adä",
            "ada\u0301",
            "a'b--",
            "ada;",
        ],
    )
    def test_refuses_what_is_no_name(self, given: str) -> None:
        """Blanks, control characters, other alphabets that look alike, too short, too long."""
        with pytest.raises(BadInput, match="must be 3 to 64 letters, digits and"):
            normalize_username(given)


class TestPasswords:
    """Which passwords are accepted, over HTTP as a caller sees it."""

    @pytest.mark.parametrize(
        ("password", "reason"),
        [
            ("", "must have at least 8 characters"),
            ("vh-71-x", "must have at least 8 characters"),
            ("\u00e9" * 7, "must have at least 8 characters"),
            ("e\u0301" * 7, "must have at least 8 characters"),  # 14 code points, 7 characters
            ("x7-" * 86, "must have at most 256 characters"),
            ("password", "This is a top-10 common password; "),
            ("Password123", "This is a very common password; "),
            ("12345678", "This is a top-10 common password; "),
            ("qwertyuiop", "This is a top-100 common password; "),
            ("zxcvbnm,./", "Straight rows of keys are easy to guess; "),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 'Repeats like "aaa" are easy to guess; '),
            ("abcdefghijklmnop", "Sequences like abc or 6543 are easy to guess; "),
            ("20240101", "Dates are often easy to guess; "),
            ("imagevault", "This password is easy to guess; "),
            ("1m4g3v4ult!", "This password is easy to guess; "),
            ("ImageVault1", "This password is easy to guess; "),
            ("my-lovelace-71-xq", "must not contain the username"),
            ("MY-LoveLace-71-xq", "must not contain the username"),
            ("my-\uff4c\uff4f\uff56\uff45lace-71-xq", "must not contain the username"),
        ],
    )
    async def test_are_refused_with_the_reason(self, start: Any, password: str, reason: str) -> None:
        """Too short, too long, guessable, or the name itself: 400 says which, and no account is made."""
        api = await start()

        answer = await api.post("/signup", json={"username": "Lovelace", "password": password})

        assert answer.status_code == 400
        [error] = answer.json()["errors"]
        assert (error["field"], error["message"][: len(reason)]) == ("password", reason)
        assert await api.services.accounts.list_all() == []

    @pytest.mark.parametrize(
        "password",
        [
            "vh-71-xq",
            PASSWORD,
            "correct horse battery staple",
            "  violet harbour  71  ",
            ("violet harbour 71 crimson " * 10)[:255] + "x",
            "\U0001f98a-over-the-\U0001f319-71",
            "\u00e9l\u00e9phant-violet-71",
            "тихая гавань 71",
            "p\u00e4ssw\u00f6rter \u00fcber b\u00e4ume\t71",
            "'; DROP TABLE iv_account; --",
            "violet-harbour-71-" + "e\u0301" * 238,  # 494 code points, 256 characters
        ],
    )
    async def test_are_taken_as_they_are(self, start: Any, password: str) -> None:
        """Blanks, every printable character, 256 of them: what was set signs in, trimmed or recased it does not."""
        api = await start({"IMAGEVAULT_LIMITS_SIGNUP": "100/hour"})

        made = await api.post("/signup", json={"username": "ada", "password": password})
        statuses = [
            (await api.post("/token", data={"username": "ada", "password": attempt})).status_code
            for attempt in (password, password.strip() + "!", password[:-1], password.swapcase() + "?")
        ]

        assert made.status_code == 201
        assert statuses == [200, 401, 401, 401]

    async def test_are_equal_in_every_composition(self, start: Any) -> None:
        """The same characters, composed by one keyboard and decomposed by another, are the same password."""
        api = await start()
        composed = unicodedata.normalize("NFC", "\u00e9l\u00e9phant-violet-71")
        decomposed = unicodedata.normalize("NFD", composed)
        await api.post("/signup", json={"username": "ada", "password": composed})
        await api.post("/signup", json={"username": "bob", "password": decomposed})

        statuses = [
            (await api.post("/token", data={"username": name, "password": spelling})).status_code
            for name in ("ada", "bob")
            for spelling in (composed, decomposed)
        ]

        assert composed != decomposed
        assert statuses == [200] * 4

    async def test_the_shortest_length_is_a_setting(self, start: Any) -> None:
        """An admin who wants fifteen gets fifteen."""
        api = await start({"IMAGEVAULT_PASSWORD_MIN_LENGTH": "15"})

        answers = [
            await api.post("/signup", json={"username": "ada", "password": password})
            for password in ("violet-harb-71", "violet-harbo-71")
        ]

        assert [answer.status_code for answer in answers] == [400, 201]
        assert answers[0].json()["detail"] == "password: must have at least 15 characters"

    @pytest.mark.parametrize(
        "alphabet", ["4@8({[<369!1|7$5+%2", "4a8b(c{d[e<369!1|i7t$s5+x%z2", "a", "ab", "aA4@bB8cC({[<"]
    )
    def test_only_the_beginning_of_a_hostile_one_is_estimated(
        self, alphabet: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The strength library takes seconds for some long passwords, so it gets no more than 24 characters."""
        estimated: list[str] = []
        estimate = zxcvbn_rs_py.zxcvbn

        def recording(password: str, user_inputs: list[str]) -> object:
            estimated.append(password)
            return estimate(password, user_inputs)

        monkeypatch.setattr(zxcvbn_rs_py, "zxcvbn", recording)
        password = (alphabet * 256)[:256]
        with contextlib.suppress(BadInput):
            passwords.check_password(password, "ada", 8)

        assert estimated == [password[:24]]


class TestSignup:
    async def test_answers_the_account(self, start: Any) -> None:
        """201 with its id, its folded name and the time; nothing of the password."""
        api = await start()

        answer = await api.post("/signup", json={"username": "Ada.L", "password": PASSWORD})

        made = answer.json()
        assert answer.status_code == 201
        assert made.keys() == {"id", "username", "created_at"}
        assert (UUID(made["id"]).version, made["username"]) == (4, "ada.l")
        assert datetime.fromisoformat(made["created_at"]).tzinfo is not None

    async def test_a_taken_name_is_409_in_any_letter_case(self, start: Any) -> None:
        """And the account that has it stays as it was."""
        api = await start()
        await api.post("/signup", json={"username": "ada", "password": PASSWORD})

        answer = await api.post("/signup", json={"username": "ADA", "password": "crimson-lantern-42"})
        token = await api.post("/token", data={"username": "Ada", "password": PASSWORD})

        assert (answer.status_code, answer.json()["detail"]) == (409, "The username ada is taken; choose another.")
        assert token.status_code == 200

    async def test_200_at_once_make_one_account(self, start: Any, database_url: str) -> None:
        """Over HTTP: one 201; the others get 409, or 503 with Retry-After."""
        api = await start({"IMAGEVAULT_LIMITS_SIGNUP": "1000/hour", "DATABASE_URL": database_url})
        body = {"username": "ada", "password": PASSWORD}

        answers = await asyncio.gather(*(api.post("/signup", json=body) for _ in range(200)))

        statuses = [answer.status_code for answer in answers]
        assert statuses.count(201) == 1
        assert set(statuses) <= {201, 409, 503}
        assert {answer.headers.get("retry-after") for answer in answers if answer.status_code == 503} <= {"1"}
        assert len(await api.services.accounts.list_all()) == 1

    async def test_can_be_closed(self, start: Any) -> None:
        """403, whatever is sent; those who have an account sign in as before."""
        api = await start({"IMAGEVAULT_SIGNUP": "closed"})
        await api.sign_in("ada")

        answer = await api.post("/signup", json={"username": "bob", "password": PASSWORD})
        token = await api.post("/token", data={"username": "ada", "password": PASSWORD})

        assert (answer.status_code, token.status_code) == (403, 200)
        assert answer.json()["detail"] == "Signing up is closed; ask an admin of this server for an account."
        assert [account["username"] for account in await api.services.accounts.list_all()] == ["ada"]

    async def test_nobody_makes_himself_an_admin(self, start: Any) -> None:
        """A field that is not offered is refused, not ignored."""
        api = await start()

        for field in ("is_admin", "id", "is_active", "epoch", "password_hash"):
            answer = await api.post("/signup", json={"username": "ada", "password": PASSWORD, field: 1})

            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)
        assert await api.services.accounts.list_all() == []


class TestLimit:
    """`limits.signup` counts accounts made from one address."""

    async def test_counts_accounts_made(self, start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """The third is 429 with Retry-After; the two made can sign in."""
        api = await start({"IMAGEVAULT_LIMITS_SIGNUP": "2/hour"})
        monkeypatch.setattr(api.services.signups, "clock", lambda: 1000.0)

        answers = [await api.post("/signup", json={"username": f"ada{n}", "password": PASSWORD}) for n in range(3)]

        assert [answer.status_code for answer in answers] == [201, 201, 429]
        assert answers[2].headers["retry-after"] == "1800"
        assert answers[2].json()["type"].endswith("#quota-exceeded")

    async def test_is_in_the_audit_trail_once_for_each_wait(self, start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Not once for each refusal, or an attacker could fill the database with them."""
        api = await start({"IMAGEVAULT_LIMITS_SIGNUP": "1/hour"})
        clock = Clock(1000.0)
        monkeypatch.setattr(api.services.signups, "clock", clock)
        for number in range(2):
            statuses = [
                (await api.post("/signup", json={"username": f"ada{number}{n}", "password": PASSWORD})).status_code
                for n in range(4)
            ]
            assert statuses == [201, 429, 429, 429]
            clock.advance(3600)

        api.services.database.use()
        refused = await audit.read(event="sign_up_throttled")

        assert [(line.address, line.detail) for line in refused] == [("127.0.0.1", "the next account waits 3600 s")] * 2

    async def test_does_not_count_what_was_refused(self, start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Taken names, bad passwords, reserved names, a database away: one tries again."""
        api = await start({"IMAGEVAULT_LIMITS_SIGNUP": "2/hour"})
        await api.post("/signup", json={"username": "ada", "password": PASSWORD})
        for body in (
            {"username": "ada", "password": PASSWORD},
            {"username": "bob", "password": "password"},
            {"username": "root", "password": PASSWORD},
            {"username": "a b", "password": PASSWORD},
            {"username": "bob"},
        ) * 2:
            assert (await api.post("/signup", json=body)).status_code in {400, 409}

        with monkeypatch.context() as patch:
            for error in (DatabaseUnavailable("gone"), ZeroDivisionError("a bug")):

                async def failing(*_: Any, error: Exception = error) -> None:
                    raise error

                patch.setattr(api.services.accounts, "create", failing)
                for _ in range(3):
                    assert (await api.post("/signup", json={"username": "bob", "password": PASSWORD})).status_code in {
                        500,
                        503,
                    }

        assert (await api.post("/signup", json={"username": "bob", "password": PASSWORD})).status_code == 201
        assert (await api.post("/signup", json={"username": "eve", "password": PASSWORD})).status_code == 429

    async def test_does_not_count_a_client_that_hangs_up(self, start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        api = await start({"IMAGEVAULT_LIMITS_SIGNUP": "1/hour"})
        api.services.database.use()
        is_hashing = asyncio.Event()

        async def hash_for_ever(_: str) -> str:
            is_hashing.set()
            await asyncio.Event().wait()
            raise AssertionError

        with monkeypatch.context() as patch:
            patch.setattr(api.services.accounts.passwords, "hash", hash_for_ever)
            signing_up = asyncio.create_task(api.services.signups.create("ada", PASSWORD, None, "127.0.0.1"))
            await is_hashing.wait()
            signing_up.cancel()
            with pytest.raises(asyncio.CancelledError):
                await signing_up

        assert (await api.post("/signup", json={"username": "bob", "password": PASSWORD})).status_code == 201

    async def test_a_counter_that_is_deleted_while_a_sign_up_waits_for_it_is_made_again(
        self, start: Any, database_url: str
    ) -> None:
        """It meant nothing any more, but the sign-up had found it already."""
        api = await start({"IMAGEVAULT_LIMITS_SIGNUP": "2/hour", "DATABASE_URL": database_url})
        assert (await api.post("/signup", json={"username": "ada", "password": PASSWORD})).status_code == 201
        api.services.database.use()

        answer = await delete_counters_before(api.post("/signup", json={"username": "bob", "password": PASSWORD}))

        assert answer.status_code == 201
        assert await Throttle.count() == 1

    async def test_is_not_exceeded_by_many_at_once(self, start: Any) -> None:
        """However they are timed, no more are made."""
        api = await start({"IMAGEVAULT_LIMITS_SIGNUP": "3/hour"})
        api.services.accounts.passwords.max_waiting = 100

        answers = await asyncio.gather(
            *(api.post("/signup", json={"username": f"ada{n}", "password": PASSWORD}) for n in range(20))
        )

        statuses = [answer.status_code for answer in answers]
        assert (statuses.count(201), statuses.count(429)) == (3, 17)
        assert len(await api.services.accounts.list_all()) == 3

    async def test_each_address_has_its_own(self, start: Any) -> None:
        """Another address is not held to it; another one of the same IPv6 network is, and so is a claimed one."""
        api = await start({"IMAGEVAULT_LIMITS_SIGNUP": "1/hour"})
        app = api.client._transport.app

        async def signup(address: str, name: str, **headers: str) -> int:
            transport = httpx.ASGITransport(app, client=(address, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                body = {"username": name, "password": PASSWORD}
                return (await client.post("/signup", json=body, headers=headers)).status_code

        assert await signup("192.0.2.1", "ada1") == 201
        assert await signup("192.0.2.1", "ada2", **{"X-Forwarded-For": "198.51.100.1"}) == 429
        assert await signup("192.0.2.2", "ada3") == 201
        assert await signup("2001:db8::1", "ada4") == 201
        assert await signup("2001:db8::2", "ada5") == 429
        assert await signup("2001:db8:0:1::1", "ada6") == 201
