"""The effect of each setting in a running server, and on the requests at that moment."""

import asyncio
from typing import Any

import pytest

from imagevault.testing import faults
from imagevault.testing.upstreams.pexels import SimulatedPexels

QUICK = 'quota = ["100000/second", "1000000/hour", "10000000/month"]\n'


class TestInForce:
    """The effect of each setting in a running app."""

    @pytest.fixture
    async def api(self, start: Any) -> Any:
        return await start(toml="deadline = 20")

    def put(self, api: Any, text: str) -> None:
        live = api.services.live
        live.path.write_text(text)
        while live.poll():
            pass
        assert live.refusal is None

    async def test_who_may_search_and_sign_up(self, api: Any) -> None:
        body = {"username": "ada", "password": "violet-harbour-71"}
        closed = await api.get("/search", params={"q": "fox", "provider": "local"})
        self.put(api, 'search = "open"\nsignup = "closed"')
        opened = await api.get("/search", params={"q": "fox", "provider": "local"})

        assert (closed.status_code, opened.status_code) == (401, 200)
        assert (await api.post("/signup", json=body)).status_code == 403

    async def test_limits(self, api: Any) -> None:
        headers = await api.sign_in()
        before = await api.get("/protected", headers=headers)
        self.put(api, '[limits]\nrequests = "2/minute"')
        after = [await api.get("/protected", headers=headers) for _ in range(4)]

        assert before.headers["ratelimit-policy"] == '"requests";q=600;w=60'
        assert [response.status_code for response in after] == [200, 200, 429, 429]
        assert after[0].headers["ratelimit-policy"] == '"requests";q=2;w=60'

    async def test_hosts_and_origins(self, api: Any) -> None:
        asked = {"Host": "vault.example", "Origin": "https://app.example"}
        before = await api.get("/health/live", headers=asked)
        self.put(api, 'allowed_hosts = ["vault.example."]\ncors_origins = ["https://app.example"]')
        after = await api.get("/health/live", headers=asked)

        assert (before.status_code, after.status_code) == (400, 200)
        assert after.headers["access-control-allow-origin"] == "https://app.example"

    async def test_accounts(self, api: Any) -> None:
        await api.sign_in()
        self.put(api, "token_ttl = 120\npassword_min_length = 20")
        short = await api.post("/signup", json={"username": "bob", "password": "violet-harbour-71"})
        form = {"username": "ada", "password": "violet-harbour-71"}

        assert "at least 20 characters" in short.json()["detail"]
        assert (await api.post("/token", data=form)).json()["expires_in"] == 120

    async def test_a_shorter_life_of_tokens_ends_those_in_use(self, api: Any) -> None:
        """The server remembers each for a second, and reads it again before the second is over."""
        headers = await api.sign_in()
        before = await api.get("/protected", headers=headers)
        self.put(api, "token_ttl = 120")
        after = await api.get("/protected", headers=headers)
        await api.services.credentials.refresh()

        assert (before.status_code, after.status_code) == (200, 401)
        assert (await api.get("/protected", headers=headers)).status_code == 401

    async def test_a_shorter_life_ends_a_token_that_is_being_verified(
        self, api: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was read before the change is not remembered after it."""
        token = (await api.sign_in())["Authorization"].partition(" ")[2]
        credentials = api.services.credentials
        read = credentials._read

        async def slow(wanted: Any) -> Any:
            found = await read(wanted)
            self.put(api, "token_ttl = 120")
            return found

        monkeypatch.setattr(credentials, "_read", slow)
        await credentials.verify(token)
        monkeypatch.undo()

        assert await credentials.verify(token) is None

    async def test_the_default_chain_and_the_deadline(self, api: Any) -> None:
        headers = await api.sign_in()
        self.put(api, 'default = ["local"]\ndeadline = 1.5')
        answer = (await api.get("/search", params={"q": "fox"}, headers=headers)).json()

        assert [provider["name"] for provider in answer["providers"]] == ["local"]
        assert api.services.gateway.settings.deadline == 1.5

    async def test_draining(self, api: Any) -> None:
        """The readiness probe fails, and requests are still answered."""
        headers = await api.sign_in()
        self.put(api, "draining = true")

        ready = await api.get("/health/ready")
        live = await api.get("/health/live")
        request = await api.get("/protected", headers=headers)
        assert (ready.status_code, live.status_code, request.status_code) == (503, 200, 200)

        self.put(api, "")
        assert (await api.get("/health/ready")).status_code == 200

    async def test_admins_see_what_is_refused(self, api: Any) -> None:
        """In `GET /providers`, with line and key; other accounts do not."""
        headers, admin = await api.sign_in("ada"), await api.sign_in("grace", admin=True)
        live = api.services.live
        live.path.write_text("\nprot = 1")
        while live.poll():
            pass

        assert (await api.get("/providers", headers=headers)).json()["problems"] == []
        [problem] = (await api.get("/providers", headers=admin)).json()["problems"]
        assert "line 2" in problem
        assert "Did you mean port?" in problem

    async def test_a_search_under_way_ends_on_what_it_began_with(self, start: Any, pexels: SimulatedPexels) -> None:
        """Also if its provider gets another key. The client with the old key closes after its last call."""
        table = f'[providers.pexels]\nbase_url = "{pexels.url}"\napi_key = '
        api = await start(toml=f'{table}"{pexels.key}"')
        headers = await api.sign_in()
        former = api.services.plugins.providers["pexels"]
        pexels.fail(faults.hang(), times=1)

        asked = asyncio.create_task(api.get("/search", params={"q": "fox", "provider": "pexels"}, headers=headers))
        await asyncio.to_thread(pexels.wait_for_calls, 1)
        self.put(api, f'{table}"wrong-test-key"')
        pexels.heal()
        answer = await asked
        refused = await api.get("/search", params={"q": "owl", "provider": "pexels"}, headers=headers)

        assert (answer.status_code, len(answer.json()["images"])) == (200, 30)
        assert refused.json()["providers"][0]["status"] == "unauthorized"
        await api.services.gateway.pages.drain()
        assert former not in api.services.gateway.pages._clients._clients

    async def test_nothing_leaves_once_it_is_switched_off(self, start: Any, pexels: SimulatedPexels) -> None:
        """Not even for a current search: its next page is not requested."""
        table = f'[providers.pexels]\nbase_url = "{pexels.url}"\napi_key = "{pexels.key}"\n{QUICK}'
        api = await start(toml=table)
        headers = await api.sign_in()
        pexels.fail(faults.hang(), times=1)

        params = {"q": "nature", "provider": "pexels", "per_page": 100}
        asked = asyncio.create_task(api.get("/search", params=params, headers=headers))
        await asyncio.to_thread(pexels.wait_for_calls, 1)
        self.put(api, f"{table}enabled = false")
        pexels.heal()
        answer = await asked

        assert len(pexels.calls) == 1
        assert answer.status_code == 200
        assert len(answer.json()["images"]) == 80
        assert "was switched off" in answer.json()["providers"][0]["detail"]

    async def test_nothing_leaves_that_was_let_through_before_it(self, start: Any, pexels: SimulatedPexels) -> None:
        """An admin may disable the provider while the call waits for the database to count it."""
        table = f'[providers.pexels]\nbase_url = "{pexels.url}"\napi_key = "{pexels.key}"\n{QUICK}'
        api = await start(toml=table)
        headers = await api.sign_in()
        store = api.services.gateway.limiter.store
        swap = store.swap

        async def switched_off_meanwhile(*given: Any) -> bool:
            self.put(api, f"{table}enabled = false")
            return bool(await swap(*given))

        store.swap = switched_off_meanwhile
        answer = await api.get("/search", params={"q": "fox", "provider": "pexels"}, headers=headers)

        assert pexels.calls == []
        assert "was switched off" in answer.json()["detail"]

    async def moved(self, start: Any, pexels: SimulatedPexels, other: SimulatedPexels, *words: str) -> Any:
        """A server whose searches for these words hang at one Pexels, and whose base URL is then the other."""
        table = f'[providers.pexels]\napi_key = "{pexels.key}"\n{QUICK}base_url = '
        api = await start(toml=f'{table}"{pexels.url}"')
        headers = await api.sign_in()

        async def search(q: str) -> Any:
            return await api.client.get("/search", params={"q": q, "provider": "pexels"}, headers=headers)

        pexels.fail(faults.hang())
        hanging = [asyncio.create_task(search(q)) for q in words]
        await asyncio.to_thread(pexels.wait_for_calls, len(words))
        self.put(api, f'{table}"{other.url}"')
        return api, search, hanging

    async def test_a_call_that_hangs_at_the_old_address_holds_nobody_back(
        self, start: Any, pexels: SimulatedPexels
    ) -> None:
        """Neither a search for the same page nor another search, also with a low limit of concurrent calls."""
        with SimulatedPexels() as other:
            api, search, hanging = await self.moved(start, pexels, other, "fox", "owl")
            later = [await search(q) for q in ("fox", "elk")]
            pexels.heal()
            await asyncio.gather(*hanging)
            await api.services.gateway.pages.drain()

        assert [response.status_code for response in later] == [200, 200]
        assert len(other.calls) == 2

    async def test_what_the_old_address_did_is_not_held_against_the_new(
        self, start: Any, pexels: SimulatedPexels
    ) -> None:
        """Its failures are reported after the change."""
        with SimulatedPexels() as other:
            api, _, [asked] = await self.moved(start, pexels, other, "fox")
            pexels.stop()
            failed = await asked
            await api.services.gateway.pages.drain()

        assert failed.status_code != 200
        assert api.services.gateway.limiter._seen["pexels"].last_error is None

    async def test_another_key_closes_the_breaker(self, start: Any, pexels: SimulatedPexels) -> None:
        """The failures belong to the old key. The calls still count for the quota."""
        table = f'[providers.pexels]\nbase_url = "{pexels.url}"\n{QUICK}api_key = '
        api = await start(toml=f'{table}"wrong-test-key"')
        headers = await api.sign_in()
        for number in range(6):
            last = await api.get("/search", params={"q": f"w{number}", "provider": "pexels"}, headers=headers)
            await api.services.gateway.pages.drain()
        assert last.json()["providers"][0]["status"] == "unavailable"

        self.put(api, f'{table}"{pexels.key}"')
        await api.services.gateway.pages.drain()
        good = await api.get("/search", params={"q": "fox", "provider": "pexels"}, headers=headers)

        assert good.status_code == 200
        state = api.services.gateway.limiter._seen["pexels"]
        assert sum(state.windows["hour"].values()) == 6
