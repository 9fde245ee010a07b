"""What strangers send to the ways in: endless, doubled, look-alike and simultaneous."""

import asyncio
import statistics
import time
from collections import Counter
from typing import Any

import pytest

from imagevault.accounts.tables import Account, Throttle
from tests.support.linear_time import is_linear_async

PASSWORD = "violet-harbour-71"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MARKS = "a" + "\u0301\u0316" * 5_000  # an "a" under a tower of accents
RELAXED = {f"IMAGEVAULT_LIMITS_WRONG_PASSWORDS{of}": "100" for of in ("", "_PER_ACCOUNT", "_PER_ADDRESS")}


async def sign_in(api: Any, username: str, password: str, **headers: str) -> Any:
    return await api.post("/token", data={"username": username, "password": password}, headers=headers)


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            "\u0430da",
            "ad\u0430",
            "\u0391da",
            "a\u200bda",
            "\u202eada",
            "ada\u0301",
            "\u00e4da",
            "a\u00addа",
            "ada\u2028",
        ],
    )
    async def test_that_look_like_another_are_refused(self, start: Any, name: str) -> None:
        """Letters of another script, marks and invisible characters are no part of a username."""
        api = await start()
        await api.sign_in("ada")

        made = await api.post("/signup", json={"username": name, "password": PASSWORD})
        token = await sign_in(api, name, PASSWORD)

        assert (made.status_code, made.json()["errors"][0]["field"]) == (400, "username")
        assert token.status_code == 401

    @pytest.mark.parametrize("field", ["username", "password"])
    async def test_nul_is_refused(self, start: Any, field: str) -> None:
        """PostgreSQL stores none. It is the caller's mistake and counts as no guess."""
        api = await start()
        fields = {"username": "ada", "password": PASSWORD} | {field: "ada\0"}

        assert (await api.post("/token", data=fields)).status_code == 400
        assert (await api.post("/session", data=fields)).status_code == 400
        assert (await api.post("/session", json=fields)).status_code == 400
        assert (await api.post("/signup", json=fields)).status_code == 400
        api.services.database.use()
        assert await Throttle.select(Throttle.failures).where(Throttle.failures > 0) == []


class TestLength:
    @pytest.mark.parametrize("path", ["/token", "/session", "/signup", "/password-reset"])
    async def test_a_megabyte_is_refused_before_it_is_read(self, start: Any, path: str) -> None:
        api = await start()
        content = b"username=ada&password=" + b"x" * 1_000_000
        headers = FORM if path in {"/token", "/session"} else {"Content-Type": "application/json"}

        assert (await api.post(path, content=content, headers=headers)).status_code == 413

    async def test_combining_marks_cost_linear_time(self, start: Any) -> None:
        """In a name and in a password, below the limit of a body too. None of them is normalized when it is so long."""
        api = await start(RELAXED)
        assert (await sign_in(api, MARKS, MARKS)).status_code == 413
        api.services.database.use()

        async def guess(marks: int) -> None:
            text = "a" + "\u0301" * marks
            with pytest.raises(Exception, match="wrong"):
                await api.services.accounts.check_password(text, text)

        assert await is_linear_async(guess, 50_000)


class TestFields:
    @pytest.mark.parametrize(
        "form",
        [
            "username=ada&username=bob&password=x",
            "username=ada&password=x&password=y",
            "password=x&username=ada&password=x",
            "username=ada&%70assword=x&password=y",
        ],
    )
    async def test_given_twice_are_refused(self, start: Any, form: str) -> None:
        """Two parts of a system might read different ones."""
        api = await start()

        answer = await api.post("/token", content=form, headers=FORM)

        assert answer.status_code == 400
        assert "must be given once" in answer.json()["detail"]


class TestAddresses:
    async def test_a_claimed_address_earns_no_further_guess(self, start: Any) -> None:
        """From an address that is no proxy, X-Forwarded-For changes nothing, however long it is."""
        api = await start({"IMAGEVAULT_LIMITS_WRONG_PASSWORDS": "2"})
        await api.sign_in("ada")
        claimed = [f"203.0.113.{number}" for number in range(200)]

        statuses = [
            (await sign_in(api, "ada", "wrong", **{"X-Forwarded-For": text})).status_code
            for text in (claimed[0], claimed[1], ", ".join(claimed), claimed[3], claimed[4])
        ]

        assert statuses == [401, 401, 401, 429, 429]

    async def test_behind_a_proxy_each_caller_counts(self, start: Any) -> None:
        """By the address that the proxy added; what the caller wrote left of it earns nothing."""
        api = await start({"IMAGEVAULT_LIMITS_WRONG_PASSWORDS": "1", "IMAGEVAULT_TRUSTED_PROXIES": "127.0.0.1"})
        await api.sign_in("ada")

        async def status(forwarded: str) -> int:
            return int((await sign_in(api, "ada", "wrong", **{"X-Forwarded-For": forwarded})).status_code)

        assert [await status(f"6.6.6.{number}, 198.51.100.7") for number in range(3)] == [401, 401, 429]
        assert await status("203.0.113.7") == 401


class TestManyAtOnce:
    async def test_a_thousand_wrong_ones(self, start: Any) -> None:
        """Six are checked. The others are refused with the time to wait, and the owner signs in after it."""
        api = await start()
        await api.sign_in("ada")
        clock = api.services.gateway.clock
        moment = clock()
        api.services.sign_in_throttle.clock = lambda: moment

        answers = await asyncio.gather(*(sign_in(api, "ada", "wrong") for _ in range(1000)))

        statuses = Counter(answer.status_code for answer in answers)
        assert set(statuses) <= {401, 429, 503}
        assert statuses[401] <= 6
        assert {answer.headers["retry-after"] for answer in answers if answer.status_code != 401} == {"1"}
        api.services.sign_in_throttle.clock = lambda: moment + 2
        assert (await sign_in(api, "ada", PASSWORD)).status_code == 200


class TestUnknownUser:
    async def test_cannot_be_told_from_a_known_one(self, start: Any) -> None:
        """Status, body, headers and the waits are the same, and so is what is written, over 40 alternating tries."""
        api = await start({"IMAGEVAULT_LIMITS_WRONG_PASSWORDS_PER_ADDRESS": "1000"})
        await api.sign_in("ada")
        moment = api.services.gateway.clock()
        api.services.sign_in_throttle.clock = lambda: moment
        seen: dict[str, list[Any]] = {"ada": [], "eve": []}
        for _ in range(20):
            for name, answers in seen.items():
                answer = await sign_in(api, name, "wrong")
                body = {key: value for key, value in answer.json().items() if key != "request_id"}
                answers.append((answer.status_code, answer.headers.get("retry-after"), sorted(answer.headers), body))

        assert seen["ada"] == seen["eve"]

    @pytest.mark.soak
    async def test_cannot_be_told_by_the_time(self, start: Any, database_url: str, real_argon2: bool) -> None:
        """Over 400 alternating tries the medians differ by less than a tenth."""
        generous = {f"IMAGEVAULT_LIMITS_WRONG_PASSWORDS{of}": "10000" for of in ("_PER_ACCOUNT", "_PER_ADDRESS")}
        api = await start({**generous, "DATABASE_URL": database_url, "IMAGEVAULT_LIMITS_REQUESTS": "9999/second"})
        await api.sign_in("ada")
        moment = api.services.gateway.clock()
        times: dict[str, list[float]] = {"ada": [], "eve": []}
        for number in range(200):
            # Each pair of tries comes later than the wait of the one before.
            later = moment + 1000.0 * number
            api.services.sign_in_throttle.clock = lambda later=later: later
            for name in ("ada", "eve") if number % 2 else ("eve", "ada"):
                started = time.process_time()
                assert (await sign_in(api, name, "wrong")).status_code == 401
                times[name].append(time.process_time() - started)

        known, unknown = (statistics.median(values) for values in times.values())
        print(f"known {known * 1000:.2f} ms, unknown {unknown * 1000:.2f} ms")
        assert abs(known - unknown) < 0.1 * max(known, unknown)


class TestClosedDoors:
    async def test_no_account_exists_by_default(self, start: Any) -> None:
        """There is no default account, and no default password."""
        api = await start()
        api.services.database.use()

        assert await Account.count() == 0
