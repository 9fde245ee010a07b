"""The cache, the quota and the breaker through real servers: over workers, restarts, kills and failing upstreams."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from imagevault.cache import single_flight
from imagevault.config.settings import load
from imagevault.runtime.services import Services
from imagevault.search.search import SearchRequest
from imagevault.testing import Answer, faults
from imagevault.testing.upstreams.pexels import SimulatedPexels
from tests.support.waiting import until

UNHURRIED = 'quota = ["1000/second", "{hour}/hour", "20000/month"]\n'


def status_of(response: httpx.Response, name: str = "pexels") -> dict[str, Any]:
    return next(each for each in response.json()["providers"] if each["name"] == name)


def table(hour: int = 1000, more: str = "") -> str:
    """A config without bursts, so that a test need not wait for them."""
    return "[providers.pexels]\n" + UNHURRIED.format(hour=hour) + more


class TestTiers:
    async def test_outlives_a_restart(
        self, start: Any, database_url: str, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """The first search of another server costs no call, nor does a download of what the first one showed."""
        environ = {**configured, "DATABASE_URL": database_url}
        first = await start(environ)
        headers = await first.sign_in()
        shown = await first.get("/search", params={"q": "nature"}, headers=headers)
        await first.services.gateway.pages.drain()
        second = await start(environ)

        again = await second.get("/search", params={"q": "  NATURE"}, headers=headers)
        image = shown.json()["images"][7]["id"]
        kept = await second.post("/download", json={"image": image}, headers=headers)

        assert again.json()["images"] == shown.json()["images"]
        assert status_of(again)["cache"] == "hit"
        assert kept.status_code == 201
        assert len(pexels.calls) == 1

    async def test_an_old_page_is_served_while_a_new_one_is_got(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """At once, marked stale; the next search has the new one."""
        api = await start(configured, toml=table(more="cache_for = 60\n"))
        headers = await api.sign_in()
        await api.get("/search", params={"q": "nature"}, headers=headers)
        await api.services.gateway.pages.drain()
        api.services.gateway.clock.offset += 61

        old = await api.get("/search", params={"q": "nature"}, headers=headers)
        await api.services.gateway.pages.drain()
        new = await api.get("/search", params={"q": "nature"}, headers=headers)

        assert [status_of(each)["cache"] for each in (old, new)] == ["stale", "hit"]
        assert len(pexels.calls) == 2

    async def test_a_page_is_not_shown_when_its_links_may_be_dead(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """Not even when nothing else is there, nor for a lookup."""
        api = await start(configured, toml=table(more="cache_for = 60\n"))
        headers = await api.sign_in()
        provider = api.services.plugins.providers["pexels"]
        provider.info = msgspec.structs.replace(provider.info, max_age=120)
        shown = await api.get("/search", params={"q": "nature", "provider": "pexels"}, headers=headers)
        id = shown.json()["images"][0]["id"]
        await api.services.gateway.pages.drain()
        pexels.fail(Answer("", 500))

        api.services.gateway.clock.offset += 100
        old = await api.get("/search", params={"q": "nature", "provider": "pexels"}, headers=headers)
        await api.services.gateway.pages.drain()
        api.services.gateway.clock.offset += 30
        dead = await api.get("/search", params={"q": "nature", "provider": "pexels"}, headers=headers)
        looked_up = await api.get(f"/images/{id}", headers=headers)

        assert (old.status_code, status_of(old)["cache"]) == (200, "stale")
        assert (dead.status_code, looked_up.status_code) == (502, 502)

    async def test_a_page_of_the_future_is_not_shown(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """The clock was set back by more than a day: nobody knows how old the page is."""
        api = await start(configured, toml=table())
        headers = await api.sign_in()
        for seconds in (0, -3600, -2 * 86_400):
            api.services.gateway.clock.offset += seconds
            found = await api.get("/search", params={"q": "nature", "provider": "pexels"}, headers=headers)
            await api.services.gateway.pages.drain()
            assert found.status_code == 200

        assert status_of(found)["cache"] == "miss"
        assert len(pexels.calls) == 2

    async def test_old_pages_serve_through_failures(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """With the upstream gone they are served and marked; when it is back, so is the new page."""
        api = await start(configured, toml=table(more="cache_for = 60\n"))
        headers = await api.sign_in()
        pages = api.services.gateway.pages
        await api.get("/search", params={"q": "nature"}, headers=headers)
        await pages.drain()
        pexels.stop()
        words = []
        for _ in range(8):
            api.services.gateway.clock.offset += 61
            words.append(status_of(await api.get("/search", params={"q": "nature"}, headers=headers))["cache"])
            await pages.drain()
        pexels.start()
        api.services.gateway.clock.offset += 301
        await api.get("/search", params={"q": "nature"}, headers=headers)
        await pages.drain()

        back = await api.get("/search", params={"q": "nature"}, headers=headers)

        assert words == ["stale"] * 8
        assert status_of(back)["cache"] == "hit"

    async def test_an_open_walk_goes_on_with_the_page_it_began_with(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """A page that is replaced in the midst of a walk changes nothing for that walk."""
        api = await start(configured, toml=table(more="cache_for = 60\n"))
        headers = await api.sign_in()
        search = {"q": "nature", "provider": "pexels", "per_page": 10}
        first = (await api.get("/search", params=search, headers=headers)).json()
        whole = (await api.get("/search", params={**search, "per_page": 20}, headers=headers)).json()
        await api.services.gateway.pages.drain()
        api.services.gateway.clock.offset += 61
        pexels.fail(faults.changed(lambda answer: {**answer, "photos": answer["photos"][40:]}), times=1)
        await api.get("/search", params=search, headers=headers)
        await api.services.gateway.pages.drain()

        second = (await api.get("/search", params={"cursor": first["next"]}, headers=headers)).json()
        anew = (await api.get("/search", params=search, headers=headers)).json()

        assert first["images"] + second["images"] == whole["images"]
        assert anew["images"] != first["images"]

    async def test_a_walk_may_go_on_in_another_worker(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """One that still holds the page before looks for the one that the walk is in the midst of."""
        one, two = [await start(configured, toml=table(more="cache_for = 60\n")) for _ in range(2)]
        headers = await one.sign_in()
        search = {"q": "nature", "provider": "pexels", "per_page": 10}
        await one.get("/search", params=search, headers=headers)
        await one.services.gateway.pages.drain()
        two.services.gateway.clock.offset += 61
        pexels.fail(faults.changed(lambda answer: {**answer, "photos": answer["photos"][40:]}), times=1)
        await two.get("/search", params=search, headers=headers)
        await two.services.gateway.pages.drain()
        whole = (await two.get("/search", params={**search, "per_page": 20}, headers=headers)).json()
        first = (await two.get("/search", params=search, headers=headers)).json()

        second = (await one.get("/search", params={"cursor": first["next"]}, headers=headers)).json()

        assert first["images"] + second["images"] == whole["images"]

    async def test_a_call_that_left_is_not_thrown_away_at_the_end(
        self, start: Any, tmp_path: Path, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """A server that stops waits for the page that is paid for; the next one has it."""
        environ = {
            "SECRET_KEY": "a test secret of more than thirty-two bytes",
            "OPENVERSE_ENABLED": "false",
            **configured,
        }
        services = Services(load(environ, tmp_path))
        pexels.fail(faults.delay(0.4), times=1)
        async with services.running():
            searching = asyncio.create_task(services.gateway.search(SearchRequest(text="nature", providers="pexels")))
            await until(lambda: pexels.calls, "the call")
            searching.cancel()
        again = Services(load(environ, tmp_path))
        async with again.running():
            answer = await again.gateway.search(SearchRequest(text="nature", providers="pexels"))

        assert answer.providers[0].cache == "hit"
        assert len(pexels.calls) == 1

    async def test_a_caller_who_leaves_cancels_nothing(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """Others wait for the same page and get it."""
        api = await start(configured)
        headers = await api.sign_in()
        pexels.fail(faults.delay(0.3), times=1)
        get = [api.get("/search", params={"q": "nature"}, headers=headers) for _ in range(3)]
        leaving, *staying = [asyncio.create_task(each) for each in get]
        await until(lambda: pexels.calls, "the call")

        leaving.cancel()
        answers = await asyncio.gather(*staying)

        assert [each.status_code for each in answers] == [200, 200]
        assert len(pexels.calls) == 1


class TestQuota:
    async def test_the_call_after_the_last_never_leaves(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """`rate_limited`, with the seconds until the next may leave; a restart forgets nothing."""
        api = await start(configured, toml=table(hour=3))
        headers = await api.sign_in()
        answers = [
            await api.get("/search", params={"q": f"q{n}", "provider": "pexels"}, headers=headers) for n in range(5)
        ]
        await api.services.gateway.pages.drain()
        again = await start(configured, toml=table(hour=3))

        after = await again.get("/search", params={"q": "other", "provider": "pexels"}, headers=headers)

        assert [each.status_code for each in [*answers, after]] == [200, 200, 200, 503, 503, 503]
        assert status_of(after)["status"] == "rate_limited"
        assert 3500 < int(after.headers["retry-after"]) <= 3600 + 2 * 72
        assert len(pexels.calls) == 3

    async def test_a_used_up_month_is_learned_from_the_headers(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """What the upstream says is left counts, although we counted fewer."""
        pexels.remaining = 2
        api = await start(configured, toml=table())
        headers = await api.sign_in()
        codes = []
        for number in range(4):
            answer = await api.get("/search", params={"q": f"q{number}", "provider": "pexels"}, headers=headers)
            await api.services.gateway.pages.drain()
            codes.append(answer.status_code)

        assert codes == [200, 200, 503, 503]
        assert len(pexels.calls) == 2

    async def test_one_caller_leaves_the_others_their_share(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """A script that hammers new queries gets half of ten; the other caller's still go."""
        api = await start(configured, toml=table(hour=10))
        script, person = await api.sign_in("script"), await api.sign_in("person")
        first = await api.get("/search", params={"q": "mine", "provider": "pexels"}, headers=person)
        hammered = [
            await api.get("/search", params={"q": f"q{n}", "provider": "pexels"}, headers=script) for n in range(9)
        ]
        others = [
            await api.get("/search", params={"q": f"o{n}", "provider": "pexels"}, headers=person) for n in range(3)
        ]

        assert first.status_code == 200
        assert [each.status_code for each in hammered].count(200) == 5
        assert [each.status_code for each in others] == [200, 200, 200]

    async def test_who_is_refused_counts_as_one_who_wants_it(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """So that there is a part for him when the window has moved on."""
        api = await start(configured, toml=table(hour=2))
        ada, bob = await api.sign_in("ada"), await api.sign_in("bob")
        for headers, word in ((ada, "one"), (ada, "two"), (bob, "three")):
            last = await api.get("/search", params={"q": word, "provider": "pexels"}, headers=headers)
        gateway = api.services.gateway
        api.services.database.use()
        state, _ = await gateway.limiter.store.read("pexels")

        assert last.status_code == 503
        assert len(state.callers) == 2

    async def test_anothers_used_share_is_not_ones_own(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A caller who waits for the same page as one whose share is used gets the page by a share of its own."""
        api = await start(configured, toml=table(hour=10))
        script, person = await api.sign_in("script"), await api.sign_in("person")
        for word, headers in [("mine", person), *((f"q{n}", script) for n in range(5))]:
            await api.get("/search", params={"q": word, "provider": "pexels"}, headers=headers)
        pages = api.services.gateway.pages
        await pages.drain()
        flights = pages._flights
        really_start = flights.start
        aboard = asyncio.Queue[None]()

        def start_and_tell(*given: Any) -> Any:
            aboard.put_nowait(None)
            return really_start(*given)

        monkeypatch.setattr(flights, "start", start_and_tell)

        answers = []
        async with api.services.gateway.limiter._locks["pexels"]:  # no call leaves before both wait for the one flight
            for headers in (script, person):
                get = api.get("/search", params={"q": "new", "provider": "pexels"}, headers=headers)
                answers.append(asyncio.create_task(get))
                await aboard.get()
        refused, served = await asyncio.gather(*answers)

        assert (refused.status_code, served.status_code) == (503, 200)

    async def test_consumers_see_how_it_stands(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """ok, low, out; admins see the numbers and the last error."""
        api = await start(configured, toml=table(hour=10))
        users, admins = await api.sign_in("bob"), await api.sign_in("ada", admin=True)

        async def quota(headers: dict[str, str]) -> dict[str, Any]:
            listed = (await api.get("/providers", headers=headers)).json()["providers"]
            return next(each for each in listed if each["name"] == "pexels")

        words = [(await quota(users))["quota"]]
        for number in range(10):
            await api.get("/search", params={"q": f"q{number}", "provider": "pexels"}, headers=admins)
            await api.services.gateway.pages.drain()
            words.append((await quota(users))["quota"])
        for_admins = await quota(admins)

        assert words == ["ok"] * 9 + ["low", "out"]
        assert (await quota(users))["standing"] is None
        hour = next(each for each in for_admins["standing"]["quotas"] if each["name"] == "10/hour")
        assert (hour["limit"], hour["left"]) == (10, 0)
        assert for_admins["standing"]["breaker"] == "closed"


class TestBreaker:
    async def test_a_failing_provider_is_left_alone_and_asked_again(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """After five failures no call leaves; when it cooled, one does, and all is normal."""
        api = await start(configured, toml=table())
        headers = await api.sign_in()

        async def search(word: str) -> httpx.Response:
            return await api.get("/search", params={"q": word, "provider": "pexels"}, headers=headers)  # type: ignore[no-any-return]

        pexels.fail(Answer("", 500))
        failed = [await search(f"q{number}") for number in range(7)]
        calls = len(pexels.calls)
        pexels.heal()
        api.services.gateway.clock.offset += 31
        after = [await search(f"r{number}") for number in range(2)]

        assert [each.status_code for each in failed] == [502] * 5 + [503] * 2
        assert failed[-1].headers["retry-after"] == "30"
        assert calls == 5
        assert [each.status_code for each in after] == [200, 200]

    @pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
    async def test_whatever_names_a_time_pauses_at_once(
        self,
        start: Any,
        pexels: SimulatedPexels,
        configured: dict[str, str],
        status: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Also the 404 of one image, and where the database is slow: no call leaves until the time is over."""
        api = await start(configured, toml=table())
        headers = await api.sign_in()
        limiter = api.services.gateway.limiter
        observe = limiter.observe

        async def observe_late(*arguments: Any) -> None:
            await asyncio.sleep(0.2)
            await observe(*arguments)

        monkeypatch.setattr(limiter, "observe", observe_late)
        pexels.fail(Answer("", status, headers={"Retry-After": "120"}), times=1)
        await api.get("/images/pexels:900000001", headers=headers)

        paused = await api.get("/search", params={"q": "fox", "provider": "pexels"}, headers=headers)
        api.services.gateway.clock.offset += 121
        after = await api.get("/search", params={"q": "fox", "provider": "pexels"}, headers=headers)

        assert (paused.status_code, status_of(paused)["status"]) == (503, "rate_limited")
        assert 110 < int(paused.headers["retry-after"]) <= 120
        assert after.status_code == 200
        assert len(pexels.calls) == 2

    async def test_a_database_that_hangs_holds_no_failure_back(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its caller waits a moment for the record, which is made once."""
        api = await start(configured, toml=table())
        headers = await api.sign_in()
        limiter = api.services.gateway.limiter
        observe = limiter.observe
        answers = asyncio.Event()
        observed: list[Any] = []

        async def hang(*arguments: Any) -> None:
            observed.append(arguments)
            await answers.wait()
            await observe(*arguments)

        monkeypatch.setattr(limiter, "observe", hang)
        monkeypatch.setattr(single_flight, "MAX_RECORDING", 0.1)
        pexels.fail(Answer("", 500))

        failed = await api.get("/search", params={"q": "fox", "provider": "pexels"}, headers=headers)
        answers.set()
        await api.services.gateway.pages.drain()

        assert (failed.status_code, status_of(failed)["status"]) == (502, "unavailable")
        assert len(observed) == 1

    async def test_retries_are_few(self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]) -> None:
        """A refused connection and a 503 are tried once more, but of all calls a tenth at most."""
        api = await start(configured, toml=table())
        headers = await api.sign_in()
        pexels.fail(Answer("", 503), times=1)

        once = await api.get("/search", params={"q": "one", "provider": "pexels"}, headers=headers)
        pexels.fail(Answer("", 503))
        await api.get("/search", params={"q": "two", "provider": "pexels"}, headers=headers)

        assert once.status_code == 200
        assert len(pexels.calls) == 3


async def get_all(url: str, headers: dict[str, str], words: list[str]) -> list[httpx.Response]:
    """All searches at once."""
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(headers=headers, limits=limits, timeout=30) as client:
        gets = (client.get(f"{url}/search", params={"q": word, "provider": "pexels"}) for word in words)
        return await asyncio.gather(*gets)


def sign_in(url: str) -> dict[str, str]:
    account = {"username": "ada", "password": "violet-harbour-71"}
    httpx.post(f"{url}/signup", json=account)
    return {"Authorization": f"Bearer {httpx.post(f'{url}/token', data=account).json()['access_token']}"}


class TestWorkers:
    @pytest.fixture
    def environ(self, tmp_path: Any, database_url: str, configured: dict[str, str]) -> dict[str, str]:
        (tmp_path / "imagevault.toml").write_text(table(hour=10))
        return {
            **configured,
            "DATABASE_URL": database_url,
            "SECRET_KEY": "a test secret of more than thirty-two bytes",
        }

    def test_a_hundred_equal_searches_are_one_call(
        self, serve: Any, environ: dict[str, str], pexels: SimulatedPexels
    ) -> None:
        """Over four workers, with letter case and blanks varied."""
        server = serve(environ, "--workers", "4").wait_until_ready()
        headers = sign_in(server.url)
        pexels.fail(faults.delay(0.4))
        words = [("red fox", "RED FOX", " Red  fox")[number % 3] for number in range(100)]

        answers = asyncio.run(get_all(server.url, headers, words))

        assert {each.status_code for each in answers} == {200}
        assert len(pexels.calls) == 1

    def test_a_quota_of_ten_lets_ten_calls_leave(
        self, serve: Any, environ: dict[str, str], pexels: SimulatedPexels
    ) -> None:
        """Of fifty different queries at once over four workers; and killed, started again, none."""
        server = serve(environ, "--workers", "4").wait_until_ready()
        headers = sign_in(server.url)

        answers = asyncio.run(get_all(server.url, headers, [f"query {number}" for number in range(50)]))
        assert len(pexels.calls) == 10
        assert [each.status_code for each in answers].count(200) == 10
        assert {each.status_code for each in answers} == {200, 503}
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait(10)
        again = serve(environ, "--workers", "4").wait_until_ready()
        answered = next(number for number, each in enumerate(answers) if each.status_code == 200)
        words = [f"query {answered}", "another query"]
        known, new = asyncio.run(get_all(again.url, headers, words))

        assert (known.status_code, status_of(known)["cache"]) == (200, "hit")
        assert (new.status_code, status_of(new)["status"]) == (503, "rate_limited")
        assert len(pexels.calls) == 10
