"""What the server holds about an account: its use, its export and its deletion, on both engines."""

import asyncio
import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from imagevault.accounts import audit
from imagevault.accounts.tables import Account, ApiKey, PageSession, SecurityEvent, Throttle
from imagevault.downloads.tables import Download, RepeatableSave
from imagevault.errors import DatabaseUnavailable
from imagevault.testing import Answer
from imagevault.testing.upstreams.pexels import SimulatedPexels
from imagevault.upstream.tables import DailyUsage
from imagevault.upstream.usage import UsageCounter
from imagevault.upstream.usage_store import KEPT_DAYS, UsageStore, read_usage
from tests.support.clock import Clock

PASSWORD = "violet-harbour-71"
ADA = "0b6f7a52-9c1e-4f5c-8f0a-3d5b8d1c2e7f"
TEXT = {"Content-Type": "application/json"}


@pytest.fixture
async def api(start: Any, database_url: str, configured: dict[str, str]) -> Any:
    """A server with a simulated Pexels."""
    return await start({"DATABASE_URL": database_url, **configured})


async def delete(api: Any, headers: dict[str, str], password: str = PASSWORD) -> int:
    content = json.dumps({"password": password})
    answer = await api.client.request("DELETE", "/account", content=content, headers={**headers, **TEXT})
    return int(answer.status_code)


async def make_account(api: Any, id: str, username: str = "ada") -> None:
    """Make an account with this id."""
    api.services.database.use()
    await Account.insert(Account(id=uuid.UUID(id), username=username, password_hash="!", created_at=datetime.now(UTC)))


class TestCounter:
    @pytest.fixture(autouse=True)
    async def _ada(self, api: Any) -> None:
        await make_account(api, ADA)

    async def test_adds_up_what_workers_count(self, api: Any) -> None:
        """Callers without an account are left out."""
        api.services.database.use()
        ours, theirs = UsageCounter(today=lambda: 20_000), UsageCounter(today=lambda: 20_000)
        for counter in (ours, theirs, ours):
            counter.count_search(ADA)
            counter.count_call(ADA, "pexels")
            counter.count_call("192.0.2.7", "pexels")
            await UsageStore(counter).flush(now=True)

        rows = [(row["provider"], row["searches"], row["calls"]) for row in await read_usage(20_000, ADA)]

        assert sorted(rows) == [("", 3, 0), ("pexels", 0, 3)]
        assert len(await read_usage(0)) == 2

    async def test_writes_every_few_seconds_only(self, api: Any) -> None:
        api.services.database.use()
        clock = Clock(1000.0)
        counter = UsageCounter(lambda: 20_000)
        store = UsageStore(counter, clock)
        counter.count_search(ADA)

        await store.flush()
        assert await read_usage(0, ADA) == []
        clock.advance(5)
        await store.flush()
        assert len(await read_usage(0, ADA)) == 1

    async def test_keeps_what_could_not_be_written(self, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        api.services.database.use()
        counter = UsageCounter(today=lambda: 20_000)
        counter.count_search(ADA)
        with monkeypatch.context() as patch:

            def failing(*_: Any) -> None:
                raise DatabaseUnavailable("gone")

            patch.setattr(DailyUsage, "raw", failing)
            with pytest.raises(DatabaseUnavailable):
                await UsageStore(counter).flush(now=True)
        await UsageStore(counter).flush(now=True)

        assert [row["searches"] for row in await read_usage(0, ADA)] == [1]

    async def test_counts_of_an_account_that_is_gone_are_dropped(self, api: Any) -> None:
        """They were in memory when it was deleted."""
        api.services.database.use()
        counter = UsageCounter(today=lambda: 20_000)
        counter.count_call(ADA, "pexels")
        counter.count_call(str(uuid.uuid4()), "pexels")

        await UsageStore(counter).flush(now=True)

        assert [row["caller"] for row in await DailyUsage.select()] == [ADA]
        assert not counter.counts()

    async def test_old_days_are_deleted(self, api: Any) -> None:
        api.services.database.use()
        old, now = UsageCounter(today=lambda: 20_000), UsageCounter(today=lambda: 20_001 + KEPT_DAYS)
        old.count_search(ADA)
        await UsageStore(old).flush(now=True)
        await UsageStore(now).flush()

        assert await read_usage(0) == []


class TestUsage:
    async def test_says_what_an_account_used(self, api: Any) -> None:
        """A page from the cache causes no call, and an answer that is kept as a whole counts as a search."""
        ada, bob = await api.sign_in("ada"), await api.sign_in("bob")
        for _ in range(4):
            assert (await api.get("/search?q=fox&provider=pexels", headers=ada)).status_code == 200
        await api.post("/download", json={"url": "https://a.example/b.jpg"}, headers=ada)

        mine = (await api.get("/usage", headers=ada)).json()
        other = (await api.get("/usage", headers=bob)).json()

        assert mine["today"] == {"searches": 4, "upstream_calls": 1, "downloads": 1}
        assert mine["last_30_days"] == mine["today"]
        assert mine["requests"] == {"amount": 600, "seconds": 60}
        assert mine["providers"] is None
        assert other["today"] == {"searches": 0, "upstream_calls": 0, "downloads": 0}

    async def test_a_refused_search_is_none(self, api: Any, pexels: SimulatedPexels) -> None:
        """Nobody was asked. A search that no provider answered is one."""
        ada = await api.sign_in("ada")
        key = await api.post(
            "/api-keys", json={"name": "cms", "scopes": ["search"], "providers": ["local"]}, headers=ada
        )
        limited = {"Authorization": f"Bearer {key.json()['key']}"}

        forbidden = await api.get("/search?q=fox&provider=pexels", headers=limited)
        bad = await api.get("/search?q=fox&provider=pexels&page=0", headers=ada)
        pexels.fail(Answer(status=500))
        nobody = await api.get("/search?q=fox&provider=pexels", headers=ada)

        mine = (await api.get("/usage", headers=ada)).json()
        assert [answer.status_code for answer in (forbidden, bad, nobody)] == [403, 400, 502]
        assert mine["today"]["searches"] == 1

    async def test_a_look_writes_nothing(self, api: Any) -> None:
        """Each look would otherwise cost a write of all that the worker has counted."""
        ada = await api.sign_in("ada")
        await api.get("/search?q=fox&provider=pexels", headers=ada)

        mine = (await api.get("/usage", headers=ada)).json()

        assert (mine["today"]["searches"], mine["today"]["upstream_calls"]) == (1, 1)
        api.services.database.use()
        assert await DailyUsage.count() == 0

    async def test_those_with_most_calls_come_first_and_are_few(
        self, api: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of each provider, over 30 days; a search is no call."""
        monkeypatch.setattr("imagevault.personal.usage.MAX_CALLERS", 2)
        root = await api.sign_in("chief", admin=True)
        today = api.services.gateway.usage.today()
        for number, calls in enumerate((1, 3, 2)):
            account = str(uuid.UUID(int=number))
            await make_account(api, account, f"user{number}")
            for day in (today - 30, today - 29, today):
                counter = UsageCounter(lambda day=day: day)  # type: ignore[misc]
                counter.count_search(account)
                for _ in range(calls):
                    counter.count_call(account, "pexels")
                await UsageStore(counter).flush(now=True)

        [pexels] = (await api.get("/usage", headers=root)).json()["providers"]

        assert pexels["callers"] == [
            {"username": "user1", "today": 3, "last_30_days": 6},
            {"username": "user2", "today": 2, "last_30_days": 4},
        ]

    async def test_shows_admins_who_uses_the_quotas(self, api: Any) -> None:
        ada, root = await api.sign_in("ada"), await api.sign_in("chief", admin=True)
        await api.get("/search?q=fox&provider=pexels", headers=ada)

        [pexels] = (await api.get("/usage", headers=root)).json()["providers"]

        assert pexels["callers"] == [{"username": "ada", "today": 1, "last_30_days": 1}]
        assert pexels["quotas"][0]["limit"] - pexels["quotas"][0]["left"] == 1


class TestExport:
    async def test_has_all_that_is_held(self, api: Any) -> None:
        """And no hash of a password or a key, and nothing of others."""
        ada, bob = await api.sign_in("ada"), await api.sign_in("bob")
        await api.post("/token", data={"username": "ada", "password": PASSWORD})
        key = (await api.post("/api-keys", json={"name": "cms", "scopes": ["search"]}, headers=ada)).json()["key"]
        await api.get("/search?q=fox&provider=local", headers=ada)
        await api.services.gateway.usage_store.flush(now=True)
        for headers, note in ((ada, "mine"), (bob, "theirs"), (ada, "mine too")):
            body = {"url": "https://a.example/b.jpg", "note": note}
            assert (await api.post("/download", json=body, headers=headers)).status_code == 201

        answer = await api.get("/account/export", headers=ada)
        found = answer.json()

        assert answer.headers["cache-control"] == "no-store"
        assert found["account"]["username"] == "ada"
        assert [network["network"] for network in found["sign_in_networks"]] == ["127.0.0.0/24"]
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        assert found["sign_in_networks"][0]["last_sign_in"].startswith(today[:8])
        assert [use["provider"] for use in found["usage"]] == [None]
        assert found["usage"][0]["day"].startswith(today[:8])
        assert [item["name"] for item in found["api_keys"]] == ["cms"]
        assert {event["event"] for event in found["security_events"]} >= {"signed_in", "key_created"}
        assert [item["note"] for item in found["downloads"]] == ["mine", "mine too"]
        assert not [secret for secret in (key, "argon2", "digest", "password_hash") if secret in answer.text]

    async def test_has_the_answers_that_are_kept_for_a_repetition(self, api: Any) -> None:
        """They outlive the download by a day at most."""
        ada = await api.sign_in("ada")
        body = {"url": "https://a.example/b.jpg", "note": "mine"}
        saved = await api.post("/download", json=body, headers={**ada, "Idempotency-Key": "7f0e"})
        await api.client.delete(f"/downloads/{saved.json()['id']}", headers=ada)

        found = (await api.get("/account/export", headers=ada)).json()

        assert found["downloads"] == []
        assert [kept["answer"]["note"] for kept in found["repeatable_saves"]] == ["mine"]
        assert await delete(api, ada) == 204
        api.services.database.use()
        assert await RepeatableSave.count() == 0

    async def test_of_a_long_ledger_is_complete(self, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("imagevault.personal.export.PAGE", 3)
        ada = await api.sign_in("ada")
        for number in range(10):
            await api.post("/download", json={"url": "https://a.example/b.jpg", "note": str(number)}, headers=ada)

        found = (await api.get("/account/export", headers=ada)).json()

        assert [item["note"] for item in found["downloads"]] == [str(number) for number in range(10)]

    async def test_needs_a_person(self, api: Any) -> None:
        """An API key reads and deletes no account."""
        ada = await api.sign_in("ada")
        scopes = ["search", "downloads", "interactive"]
        key = (await api.post("/api-keys", json={"name": "cms", "scopes": scopes}, headers=ada)).json()["key"]
        headers = {"Authorization": f"Bearer {key}"}

        assert (await api.get("/account/export", headers=headers)).status_code == 403
        assert await delete(api, headers) == 403
        assert (await api.get("/account/export")).status_code == 401


class TestDeletion:
    async def test_leaves_nothing_of_the_account(self, api: Any) -> None:
        """Token and key stop working; another account keeps its records; the trail keeps events without names."""
        ada, bob = await api.sign_in("ada"), await api.sign_in("bob")
        await api.post("/token", data={"username": "ada", "password": PASSWORD})
        await api.post("/api-keys", json={"name": "cms", "scopes": ["search"]}, headers=ada)
        for headers in (ada, bob):
            await api.post("/download", json={"url": "https://a.example/b.jpg"}, headers=headers)

        assert await delete(api, ada) == 204

        assert (await api.get("/protected", headers=ada)).status_code == 401
        assert (await api.post("/token", data={"username": "ada", "password": PASSWORD})).status_code == 401
        assert len((await api.get("/downloads", headers=bob)).json()["downloads"]) == 1
        api.services.database.use()
        assert [row["username"] for row in await Account.select()] == ["bob"]
        assert await ApiKey.count() == 0
        assert await Download.count() == 1
        events = await audit.read()
        assert "account_deleted" in {line.event for line in events}
        assert not [row for row in await SecurityEvent.select() if row["username"] == "ada"]

    @pytest.mark.parametrize("change", ["deleted", "locked"])
    async def test_a_save_under_way_leaves_nothing(
        self, api: Any, change: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It began before the account was deleted, and writes after it."""
        ada = await api.sign_in("ada")
        ledger = api.services.ledger
        begin = ledger.saves.begin

        async def slow(*given: Any) -> Any:
            begun = await begin(*given)
            if change == "deleted":
                assert await delete(api, ada) == 204
            else:
                await api.services.administration.lock("ada")
            return begun

        monkeypatch.setattr(ledger.saves, "begin", slow)
        body = {"url": "https://a.example/b.jpg"}
        answer = await api.post("/download", json=body, headers={**ada, "Idempotency-Key": "7f0e"})

        assert answer.status_code == 401
        api.services.database.use()
        assert (await Download.count(), await RepeatableSave.count()) == (0, 0)

    @pytest.mark.parametrize("change", ["deleted", "locked"])
    async def test_nor_does_one_without_a_key(self, api: Any, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """It writes in no transaction."""
        ada = await api.sign_in("ada")
        ledger = api.services.ledger
        write = ledger._write

        async def slow(*given: Any) -> Any:
            if change == "deleted":
                assert await delete(api, ada) == 204
            else:
                await api.services.administration.lock("ada")
            return await write(*given)

        monkeypatch.setattr(ledger, "_write", slow)
        answer = await api.post("/download", json={"url": "https://a.example/b.jpg"}, headers=ada)

        assert answer.status_code == 401
        api.services.database.use()
        assert await Download.count() == 0

    async def test_happens_once(self, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of two requests at once, the later one finds no account: its credential is worth nothing any more."""
        ada = await api.sign_in("ada")
        check = api.services.sign_in.check
        are_both_checked = asyncio.Barrier(2)

        async def check_together(*given: Any) -> None:
            await check(*given)
            await are_both_checked.wait()

        monkeypatch.setattr(api.services.sign_in, "check", check_together)

        assert sorted(await asyncio.gather(delete(api, ada), delete(api, ada))) == [204, 401]
        api.services.database.use()
        assert [line.event for line in await audit.read(event="account_deleted")] == ["account_deleted"]

    async def test_a_sign_in_under_way_leaves_no_session(self, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """The password was right, and the account is gone before its session is stored."""
        ada = await api.sign_in("ada")
        authenticate = api.services.sign_in.authenticate

        async def authenticate_slowly(*given: Any) -> Any:
            account = await authenticate(*given)
            assert await delete(api, ada) == 204
            return account

        monkeypatch.setattr(api.services.sign_in, "authenticate", authenticate_slowly)
        answer = await api.post("/session", json={"username": "ada", "password": PASSWORD})

        assert answer.status_code == 401
        api.services.database.use()
        assert await PageSession.count() == 0

    async def test_needs_the_password(self, api: Any) -> None:
        """Wrong ones are counted like those of a sign-in."""
        ada = await api.sign_in("ada")

        wrong = [await delete(api, ada, "wrong") for _ in range(8)]

        assert wrong == [403] * 6 + [429] * 2
        assert (await api.get("/protected", headers=ada)).status_code == 200

    async def test_a_form_of_another_site_does_nothing(self, api: Any) -> None:
        """The body must be JSON, which a form cannot send."""
        ada = await api.sign_in("ada")
        answer = await api.client.request(
            "DELETE", "/account", content=b'{"password": "x"}', headers={**ada, "Content-Type": "text/plain"}
        )

        assert answer.status_code == 415

    async def test_the_name_is_free_again(self, api: Any) -> None:
        """Whoever takes it gets nothing of the former account."""
        ada = await api.sign_in("ada")
        await api.post("/download", json={"url": "https://a.example/b.jpg"}, headers=ada)
        await delete(api, ada)

        again = await api.sign_in("ada")

        assert (await api.get("/downloads", headers=again)).json()["downloads"] == []
        assert uuid.UUID((await api.get("/protected", headers=again)).json()["id"])
        api.services.database.use()
        assert not [row for row in await Throttle.select() if row["known_at"]]
