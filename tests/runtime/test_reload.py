"""Settings that change while the server runs: taken whole, refused whole, and no request lost meanwhile."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagevault.config.settings import Settings, load
from imagevault.plugins.registry import PluginRegistry
from imagevault.runtime.background import BEAT, BackgroundTasks
from imagevault.runtime.reload import LiveSettings
from imagevault.testing import faults
from imagevault.testing.upstreams.pexels import SimulatedPexels

SECRET = "a test secret of more than thirty-two bytes"
QUICK = 'quota = ["100000/second", "1000000/hour", "10000000/month"]\n'


class Place:
    """A config file, and the settings that follow it."""

    def __init__(self, folder: Path, text: str | None = "", environ: Mapping[str, str] | None = None) -> None:
        self.file = folder / "imagevault.toml"
        if text is not None:
            self.file.write_text(text)
        settings = load({"SECRET_KEY": SECRET, **(environ or {})}, folder)
        self.live = LiveSettings(settings, PluginRegistry.load(settings))
        self.followed: list[Settings] = []
        self.live.subscribe(lambda settings, _: self.followed.append(settings))
        self.poll()
        self.followed.clear()

    def poll(self) -> None:
        """As often as it asks to be looked at again."""
        while self.live.poll():
            pass

    def write(self, text: str) -> LiveSettings:
        self.file.write_text(text)
        self.poll()
        return self.live


class TestTaken:
    def test_a_valid_change_comes_into_force_at_once_for_all(self, tmp_path: Path) -> None:
        """Followers get the new settings, providers are configured by them."""
        place = Place(tmp_path, "deadline = 2.0\n")

        live = place.write('deadline = 3.0\n[providers.pexels]\napi_key = "k"\n')

        assert (live.settings.deadline, live.plugins.providers["pexels"].state) == (3.0, "ok")
        assert place.followed == [live.settings]
        assert live.problems() == []

    def test_a_file_that_was_not_there_is_seen(self, tmp_path: Path) -> None:
        assert Place(tmp_path, None).write("deadline = 3.0").settings.deadline == 3.0

    def test_what_changed_before_the_first_look_is_not_missed(self, tmp_path: Path) -> None:
        """Between reading the settings and watching the file, an admin may be quick."""
        (tmp_path / "imagevault.toml").write_text("deadline = 2.0")
        settings = load({"SECRET_KEY": SECRET}, tmp_path)
        (tmp_path / "imagevault.toml").write_text("deadline = 3.0")
        live = LiveSettings(settings, PluginRegistry.load(settings))

        while live.poll():
            pass

        assert live.settings.deadline == 3.0

    def test_is_read_once_it_keeps_still(self, tmp_path: Path) -> None:
        """A file that changes between two looks is half written."""
        place = Place(tmp_path, "deadline = 2.0")
        for text in ("deadline = 3", "deadline = 3.1", "deadline = 3.14"):
            place.file.write_text(text)
            assert place.live.poll()
            assert place.live.settings.deadline == 2.0

        assert not place.live.poll()
        assert place.live.settings.deadline == 3.14

    def test_an_empty_file_counts_as_half_written_first(self, tmp_path: Path) -> None:
        """Editors empty a file before they write it; one that stays empty says: the defaults."""
        place = Place(tmp_path, "deadline = 2.0")
        place.file.write_text("")

        polls = [place.live.poll() for _ in range(4)]

        assert polls == [True, True, True, False]
        assert place.live.settings.deadline == Settings().deadline

    def test_unchanged_providers_keep_their_memory(self, tmp_path: Path) -> None:
        place = Place(tmp_path, '[providers.pexels]\napi_key = "k"')
        pexels = place.live.plugins.providers["pexels"]

        live = place.write('deadline = 3.0\n[providers.pexels]\napi_key = "k"')

        assert live.plugins.providers["pexels"] is pexels

    def test_a_change_says_which_keys_and_shows_no_value(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        place = Place(tmp_path, '[providers.pexels]\napi_key = "first-test-key"')
        caplog.set_level(logging.INFO)

        place.write('deadline = 3\n[limits]\nsignup = "9/day"\n[providers.pexels]\napi_key = "second-test-key"')

        [message] = [record.getMessage() for record in caplog.records]
        assert message == "config changed: deadline, limits.signup, providers.pexels.api_key"

    def test_what_needs_a_restart_waits_for_it(self, tmp_path: Path) -> None:
        """It is told, the rest is in force, and taking it back ends the waiting."""
        place = Place(tmp_path, "port = 8001")

        live = place.write("port = 8002\ndeadline = 3.0")

        assert (live.settings.port, live.settings.deadline) == (8001, 3.0)
        assert live.problems() == ["port: changed in the file; a restart puts it in force"]
        assert place.write("port = 8001").problems() == []

    def test_what_the_environment_shadows_is_said(self, tmp_path: Path) -> None:
        """Unless both say the same, as with `${PEXELS_API_KEY}`."""
        environ = {"IMAGEVAULT_DEADLINE": "2.5", "PEXELS_API_KEY": "k", "PEXELS_TIMEOUT": "1"}
        place = Place(tmp_path, "", environ)

        live = place.write('deadline = 3.0\n[providers.pexels]\napi_key = "${PEXELS_API_KEY}"\ntimeout = 2')

        assert live.settings.deadline == 2.5
        assert live.plugins.providers["pexels"].host.timeout == 1
        assert live.problems() == [
            "deadline: shadowed by environment variable IMAGEVAULT_DEADLINE",
            "providers.pexels.timeout: shadowed by environment variable PEXELS_TIMEOUT",
        ]


class TestRefused:
    @pytest.mark.parametrize(
        ("text", "line", "key"),
        [
            ("deadline = 3\nport = ", 2, "imagevault.toml"),
            ("deadline = 3\nprot = 1", 2, "prot"),
            ('deadline = 3\n\n[limits]\n# soon\nrequests = "many"', 5, "limits.requests"),
            ('deadline = 3\ndefault = ["nobody"]', 2, "default"),
            ("deadline = 3\n[providers.pexels]\ntimout = 1", 3, "providers.pexels.timout"),
            ("deadline = 3\n[providers.openverse]\nenabled = false\ntimeout = 99", 4, "providers.openverse.timeout"),
            ('deadline = 3\n[providers.pexels]\napi_key = "${NO_SUCH_VARIABLE}"', 3, "providers.pexels.api_key"),
            ('deadline = 3\n[providers.openverse]\nclient_id = "a"', 2, "providers.openverse"),
        ],
    )
    def test_a_broken_file_changes_nothing(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str, line: int, key: str
    ) -> None:
        """Also not what is right in it; the line, the key and what would be right are told."""
        place = Place(tmp_path, "deadline = 2.0")
        before = place.live.plugins.providers

        live = place.write(text)

        assert (live.settings.deadline, live.plugins.providers, place.followed) == (2.0, before, [])
        assert live.refusal is not None
        assert (live.refusal.key, live.refusal.source) == (key, f"{place.file}, line {line}")
        [problem] = live.problems()
        assert problem.startswith("refused, the settings before it stay: ")
        assert str(live.refusal) in caplog.text

    def test_a_mended_file_is_taken(self, tmp_path: Path) -> None:
        place = Place(tmp_path, "deadline = 2.0")
        place.write("deadline = fast")

        live = place.write("deadline = 3.0")

        assert (live.settings.deadline, live.refusal, live.problems()) == (3.0, None, [])

    def test_one_that_goes_away(self, tmp_path: Path) -> None:
        """Nobody wants the defaults because an editor renames files."""
        place = Place(tmp_path, "deadline = 2.0")
        place.file.unlink()
        place.poll()

        assert place.live.settings.deadline == 2.0
        assert "is gone" in place.live.problems()[0]

    def test_what_was_wrong_before_harms_nobody(self, tmp_path: Path) -> None:
        """A provider that could not be configured at the start does not keep other changes out."""
        place = Place(tmp_path, "[providers.pexels]\ntimout = 1")

        assert place.write("deadline = 3.0\n[providers.pexels]\ntimout = 1").settings.deadline == 3.0

    def test_to_take_a_key_away_is_no_mistake(self, tmp_path: Path) -> None:
        place = Place(tmp_path, '[providers.pexels]\napi_key = "k"')

        assert place.write("[providers.pexels]\n").plugins.providers["pexels"].state == "unconfigured"


class TestPulse:
    async def test_a_database_that_hangs_delays_no_look_at_the_file(self) -> None:
        looked = asyncio.Event()
        polls = 0

        def poll() -> bool:
            nonlocal polls
            polls += 1
            if polls == 3:
                looked.set()
            return True

        async def hang() -> None:
            await asyncio.Event().wait()

        async with BackgroundTasks(poll, hang).running():
            await asyncio.wait_for(looked.wait(), 10 * BEAT)

    async def test_goes_on_after_an_error(self, caplog: pytest.LogCaptureFixture) -> None:
        carried = asyncio.Event()
        trips = 0

        async def carry() -> None:
            nonlocal trips
            trips += 1
            if trips == 3:
                carried.set()
            raise ValueError(trips)

        def poll() -> bool:
            raise OSError("disk on fire")

        async with BackgroundTasks(poll, carry).running():
            await asyncio.wait_for(carried.wait(), 10 * BEAT)

        assert "the pulse failed" in caplog.text
        assert "the config file could not be looked at" in caplog.text


class TestInForce:
    """What each setting changes in a running app."""

    @pytest.fixture
    async def api(self, start: Any) -> Any:
        return await start(toml="")

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
        assert [each.status_code for each in after] == [200, 200, 429, 429]
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

    async def test_the_default_chain_and_the_deadline(self, api: Any) -> None:
        headers = await api.sign_in()
        self.put(api, 'default = ["local"]\ndeadline = 1.5')
        answer = (await api.get("/search", params={"q": "fox"}, headers=headers)).json()

        assert [each["name"] for each in answer["providers"]] == ["local"]
        assert api.services.gateway.settings.deadline == 1.5

    async def test_draining(self, api: Any) -> None:
        """Load balancers are told; whoever comes all the same is answered."""
        headers = await api.sign_in()
        self.put(api, "draining = true")

        ready = await api.get("/health/ready")
        live = await api.get("/health/live")
        request = await api.get("/protected", headers=headers)
        assert (ready.status_code, live.status_code, request.status_code) == (503, 200, 200)

        self.put(api, "")
        assert (await api.get("/health/ready")).status_code == 200

    async def test_admins_see_what_is_refused(self, api: Any) -> None:
        """In `GET /providers`, with line and key; others do not."""
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
        """Also when its provider gets another key; the client of the old one is closed after its last call."""
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
        """Not even for a search that was under way: its next page is not asked for."""
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
        """To be counted takes a round trip to the database, in which an admin may switch it off."""
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
        """A server whose searches for these words hang at one Pexels, and which has the address of the other since."""
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
        """Neither one who asks for the same page nor others, however few calls at once are allowed."""
        with SimulatedPexels() as other:
            api, search, hanging = await self.moved(start, pexels, other, "fox", "owl")
            later = [await search(q) for q in ("fox", "elk")]
            pexels.heal()
            await asyncio.gather(*hanging)
            await api.services.gateway.pages.drain()

        assert [each.status_code for each in later] == [200, 200]
        assert len(other.calls) == 2

    async def test_what_the_old_address_did_is_not_held_against_the_new(
        self, start: Any, pexels: SimulatedPexels
    ) -> None:
        """Its failures come back late."""
        with SimulatedPexels() as other:
            api, _, [asked] = await self.moved(start, pexels, other, "fox")
            pexels.stop()
            failed = await asked
            await api.services.gateway.pages.drain()

        assert failed.status_code != 200
        assert api.services.gateway.limiter._seen["pexels"].last_error is None

    async def test_another_key_closes_the_breaker(self, start: Any, pexels: SimulatedPexels) -> None:
        """It failed with the old one; what is left of the quota stays counted."""
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


class Load:
    """Searches without end, some on kept connections and some on new ones; every answer but 200 is noted."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answered = 0
        self.failed: list[str] = []
        self.ended = asyncio.Event()

    @asynccontextmanager
    async def running(self, callers: int = 6) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self._search(number, kept=number % 2 == 0)) for number in range(callers)]
        try:
            yield
        finally:
            self.ended.set()
            await asyncio.gather(*tasks)

    async def _search(self, caller: int, *, kept: bool) -> None:
        count = 0
        async with httpx.AsyncClient(base_url=self.url, timeout=20) as client:
            while not self.ended.is_set():
                count += 1
                headers = {} if kept else {"Connection": "close"}
                params: dict[str, str | int] = {"q": f"word {caller} {count}", "per_page": 1}
                try:
                    answer = await client.get("/search", params=params, headers=headers)
                except httpx.TransportError as error:
                    self.failed.append(f"{type(error).__name__}: {error}")
                    continue
                if answer.status_code != 200:
                    self.failed.append(f"{answer.status_code}: {answer.text[:300]}")
                self.answered += 1


async def until(reached: Callable[[], bool], seconds: float) -> None:
    """Returns when it is reached; fails if that takes longer."""
    async with asyncio.timeout(seconds):
        while not reached():  # noqa: ASYNC110  a log file and another process give no event
            await asyncio.sleep(0.01)


BUSY = {"IMAGEVAULT_SEARCH": "open", "IMAGEVAULT_LOG": "json", "IMAGEVAULT_LIMITS_REQUESTS": "1000000/minute"}


@pytest.mark.alone
class TestUnderLoad:
    async def test_four_workers_have_each_change_within_a_second_and_no_request_fails(
        self, serve: Any, tmp_path: Path
    ) -> None:
        """Off, on, another key and address, broken, mended: told by the upstreams' calls and by each worker's log."""
        file = tmp_path / "imagevault.toml"
        with SimulatedPexels(key="first-test-key") as first, SimulatedPexels(key="second-test-key") as second:

            def text(upstream: SimulatedPexels, more: str = "") -> str:
                table = f'[providers.pexels]\nbase_url = "{upstream.url}"\napi_key = "{upstream.key}"\n{QUICK}{more}\n'
                return f'default = ["pexels", "local"]\n{table}'

            file.write_text(text(first))
            server = serve(BUSY, "--workers", "4").wait_until_ready()
            load = Load(server.url)
            late: dict[str, float] = {}

            async def change(to: str, event: str) -> float:
                before = len(server.lines(event))
                changed, since = time.time(), time.monotonic()
                file.write_text(to)
                await until(lambda: len(server.lines(event)) >= before + 4, 5)
                told = server.lines(event)[before:]
                assert len({line["pid"] for line in told}) == 4
                seconds = [time.mktime(time.strptime(line["timestamp"][:19], "%Y-%m-%dT%H:%M:%S")) for line in told]
                fractions = [float("0." + line["timestamp"][20:26]) for line in told]
                late[to[-40:]] = max(map(sum, zip(seconds, fractions, strict=True))) - time.timezone - changed
                return since + 1.0

            async def still_answered() -> None:
                answered = load.answered
                await until(lambda: load.answered >= answered + 20, 10)

            async with load.running():
                await until(lambda: len(first.calls) >= 10, 10)

                off = await change(text(first, "enabled = false"), "config changed")
                await still_answered()
                assert [call.at - off for call in first.calls if call.at > off] == []

                await change(text(first), "config changed")
                seen = len(first.calls)
                await until(lambda: len(first.calls) > seen + 5, 10)

                moved = await change(text(second), "config changed")
                await until(lambda: len(second.calls) >= 10, 10)
                assert [call.at - moved for call in first.calls if call.at > moved] == []
                assert {call.headers["authorization"] for call in second.calls} == {"second-test-key"}

                await change(text(second, "enabled = perhaps"), "config refused")
                seen = len(second.calls)
                await until(lambda: len(second.calls) > seen + 5, 10)

                await change(text(second, "timeout = 2.5"), "config changed")
                await still_answered()

            assert load.failed == []
            assert max(late.values()) < 1.0, late
        assert server.stop() == 0

    async def test_fifty_requests_under_way_outlive_sigterm(
        self, serve: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """All are answered, load balancers are told meanwhile, and the exit code is 0."""
        server = serve({**BUSY, **configured, "IMAGEVAULT_DEADLINE": "20", "PEXELS_TIMEOUT": "20"}).wait_until_ready()
        pexels.fail(faults.hang(), times=1)
        limits = httpx.Limits(max_connections=60)
        async with httpx.AsyncClient(base_url=server.url, timeout=30, limits=limits) as client:
            params = {"q": "fox", "provider": "pexels"}
            asked = [asyncio.create_task(client.get("/search", params=params)) for _ in range(50)]
            await asyncio.to_thread(pexels.wait_for_calls, 1)
            for _ in range(3):  # what was sent before these is being answered, for one worker reads in turn
                assert (await client.get("/health/live")).status_code == 200

            server.process.send_signal(signal.SIGTERM)
            await until(lambda: bool(server.lines("draining")), 5)
            async with httpx.AsyncClient(base_url=server.url) as other:
                ready = await other.get("/health/ready")
            pexels.heal()
            answers = await asyncio.gather(*asked)

        assert [answer.status_code for answer in answers] == [200] * 50
        assert {answer.headers["connection"] for answer in answers} == {"close"}
        assert (ready.status_code, ready.headers["connection"]) == (503, "close")
        assert await asyncio.to_thread(server.process.wait, 20) == 0

    async def test_a_broken_file_keeps_no_worker_from_starting(self, serve: Any, tmp_path: Path) -> None:
        """One that takes the place of a dead one has what the others have, and refuses the file as they did."""
        file = tmp_path / "imagevault.toml"
        file.write_text("port = 1")
        server = serve(BUSY, "--workers", "2").wait_until_ready()
        file.write_text('default = ["local"]\ndeadline = 3.5\n')
        await until(lambda: len(server.lines("config changed")) == 2, 10)
        file.write_text("deadline = perhaps\n")
        await until(lambda: len(server.lines("config refused")) == 2, 10)

        os.kill(server.lines("config refused")[0]["pid"], signal.SIGKILL)
        await until(lambda: len(server.lines("config refused")) == 3, 60)
        async with Load(server.url).running(2):
            new = server.lines("config refused")[-1]["pid"]
            await until(lambda: new in {line["pid"] for line in server.lines("request")}, 60)

        assert len({line["pid"] for line in server.lines("config refused")}) == 3
        file.write_text('default = ["local"]\ndeadline = 3.5\n')
        await until(lambda: len(server.lines("config good again")) == 2, 10)
        assert server.lines("config changed")[2:] == []
        assert server.stop() == 0

    async def test_the_end_does_not_wait_for_a_rolling_restart(self, serve: Any) -> None:
        """Once SIGTERM has come, no second one of the four is replaced: five leave in all, and not eight."""
        server = serve(BUSY, "--workers", "4").wait_until_ready()

        server.process.send_signal(signal.SIGHUP)
        await until(lambda: bool(server.lines("draining")), 30)
        server.process.send_signal(signal.SIGTERM)

        assert await asyncio.to_thread(server.process.wait, 30) == 0
        assert 4 <= len(server.lines("draining")) <= 5

    async def test_a_rolling_restart_fails_no_request(self, serve: Any, configured: dict[str, str]) -> None:
        """SIGHUP: each of four workers is replaced once its successor serves."""
        server = serve({**BUSY, "IMAGEVAULT_DEFAULT": "local"}, "--workers", "4").wait_until_ready()
        load = Load(server.url)

        async with load.running():
            await until(lambda: len({line["pid"] for line in server.lines("request")}) == 4, 30)
            former = {line["pid"] for line in server.lines("request")}
            server.process.send_signal(signal.SIGHUP)
            await until(lambda: len(server.lines("draining")) == 4, 120)
            await until(lambda: not former & {line["pid"] for line in server.lines("request")[-50:]}, 30)

        assert load.failed == []
        assert server.stop() == 0
