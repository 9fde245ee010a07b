"""The board of providers: how each stands, as text of any width and as JSON, after real calls that went well or not."""

import asyncio
import contextlib
import json
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagevault.config.settings import load
from imagevault.records import Image
from imagevault.runtime.services import Services
from imagevault.search.outcome import SearchFailed
from imagevault.search.search import SearchRequest
from imagevault.testing import Answer
from imagevault.testing.upstreams.pexels import SimulatedPexels
from tests.support.commands import InProcess
from tests.support.offline import OFFLINE
from tests.support.waiting import EVENT_LIMIT

Work = Callable[[Services], Awaitable[None]]
DAY = 86400
COLUMNS = ("provider", "state", "quota left", "cache", "problem", "source")
OURS = f"imagevault {version('imagevault')}"


class Place:
    """A folder in which a server works, and then `imagevault providers` is asked."""

    def __init__(self, folder: Path, cli: InProcess, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self.cli = cli
        self.environ = dict(environ)

    def write(self, hour: int = 1000, more: str = "") -> None:
        """A config without bursts, so that a test need not wait for them."""
        quota = f'quota = ["1000/second", "{hour}/hour", "20000/month"]\n'
        (self.folder / "imagevault.toml").write_text(f"[providers.pexels]\n{quota}{more}")

    def serve(self, work: Work) -> None:
        """A server does this work, and ends."""

        async def run() -> None:
            services = Services(load({"OPENVERSE_ENABLED": "false", **self.environ}, self.folder))
            async with services.running():
                await work(services)

        asyncio.run(run())

    def search(self, *words: str, offset: float = 0.0) -> None:
        """Each is searched for, one after the other; `offset`: seconds that the server's clock is off."""

        async def work(services: Services) -> None:
            services.gateway.clock.offset += offset
            for word in words:
                await search(services, word)

        self.serve(work)

    def list_providers(self) -> dict[str, dict[str, Any]]:
        """The providers on the board, by name."""
        ended = self.cli("providers", "--json", environ=self.environ)
        assert ended.returncode == 0, ended.stderr
        return {each["name"]: each for each in json.loads(ended.stdout)["providers"]}

    def rows(self, width: int) -> tuple[dict[str, dict[str, str]], str]:
        """The cells of each row of the board as text, without their blanks, and the text."""
        ended = self.cli("providers", environ={**self.environ, "COLUMNS": str(width)})
        assert ended.returncode == 0, ended.stderr
        return cells(ended.stdout), ended.stdout


async def search(services: Services, word: str) -> None:
    """One search of Pexels, whatever comes of it."""
    with contextlib.suppress(SearchFailed):
        await services.gateway.search(SearchRequest(text=word, providers="pexels"))
    await services.gateway.pages.drain()


def cells(text: str) -> dict[str, dict[str, str]]:
    """The cells of each row by the names of their columns, without blanks, wherever they stand: beside or below."""
    head, *lines = text.splitlines()
    found = list(re.finditer(r"\S+(?: \S+)*", head))
    ends = [*(name.start() for name in found[1:]), None]
    rows: list[dict[str, str]] = []
    below = ""  # the column whose cell goes on in the next lines
    for line in lines:
        named = re.fullmatch(r" {4}(state|quota left|cache|problem|source):(.*)", line)
        if named:
            below = named[1]
            rows[-1][below] = squeezed(named[2])
        elif below and line.startswith(" " * 8):
            rows[-1][below] += squeezed(line)
        else:
            if not line.startswith(" "):
                rows.append(dict.fromkeys(COLUMNS, ""))
            below = ""
            for name, end in zip(found, ends, strict=True):
                rows[-1][name[0]] += squeezed(line[name.start() : end])
    return {row["provider"]: row for row in rows}


@pytest.fixture
def place(tmp_path: Path, here: InProcess, configured: dict[str, str]) -> Place:
    place = Place(tmp_path, here, OFFLINE | configured)
    place.write()
    return place


@pytest.fixture
def broken(place: Place) -> str:
    """The path of a plugin that cannot be loaded."""
    folder = place.folder / "plugins"
    folder.mkdir()
    (folder / "acme.py").write_text("import no_such_module\n")
    place.environ["IMAGEVAULT_PLUGINS_DIR"] = str(folder)
    return str(folder / "acme.py")


FAILURE = "ModuleNotFoundError: No module named 'no_such_module' (acme.py, line 1)"


class TestText:
    @pytest.mark.parametrize("width", [80, 160])
    def test_tells_how_one_stands(self, place: Place, pexels: SimulatedPexels, broken: str, width: int) -> None:
        """State, breaker, what is left of each quota, the cache rate, the last error, and where it came from."""
        place.search("fox", "fox", "fox")
        pexels.fail(Answer("", 500))
        place.search(*(f"word {number}" for number in range(5)))

        rows, text = place.rows(width)

        assert [name for name in rows if name in {"acme", "local", "openverse", "pexels"}][:3] == [
            "local",
            "openverse",
            "pexels",
        ]
        assert list(rows)[-1] == "acme"
        assert list(rows["local"].values())[1:] == ["ok", "", "", "", ""]
        why = squeezed("switched off: enabled = false for openverse")
        assert list(rows["openverse"].values())[1:] == ["disabled", "", "", why, ""]
        assert rows["acme"]["state"] == "notloaded"
        state, quotas, cache, why, source = list(rows["pexels"].values())[1:]
        assert re.fullmatch(r"ok,breakeropen,againin(30|2\d)s", state)
        assert re.fullmatch(r"994of1000/hour,morein6\dmin;?19994of20000/month,morein3\dd", quotas)
        assert cache == "67%"
        assert re.fullmatch(r"Pexelsanswered500\(\d+sago\)", why)
        assert source == ""  # it is included
        assert [line for line in text.splitlines() if len(line) > width and len(line.split()) > 1] == []

    @pytest.mark.parametrize("width", [80, 160])
    def test_cuts_nothing(self, place: Place, broken: str, width: int) -> None:
        """A reason says what to do: what is too long for the terminal goes on in the next line."""
        del place.environ["PEXELS_API_KEY"]

        rows, text = place.rows(width)

        reason = "PEXELS_API_KEY is not set (or api_key in [providers.pexels])"
        assert list(rows["pexels"].values())[1:] == ["unconfigured", "", "", squeezed(reason), ""]
        assert list(rows["acme"].values())[1:] == ["notloaded", "", "", squeezed(FAILURE), squeezed(broken)]
        assert "…" not in text

    def test_shows_the_downloads_that_are_not_reported(self, place: Place) -> None:
        """With the age of the oldest; nothing if none waits."""
        place.environ |= {"UNSPLASH_ENABLED": "true", "UNSPLASH_API_KEY": "test-key"}

        async def work(services: Services) -> None:
            for age in (7300, 60):
                now = services.gateway.clock() - age
                await services.outbox.write(uuid.uuid4(), "unsplash", Image(id="x"), now)

        before, _ = place.rows(160)
        place.serve(work)
        rows, _ = place.rows(160)

        assert before["unsplash"]["state"] == "ok"
        assert rows["unsplash"]["state"] == "ok,downloadswaiting:2,oldest2h"
        assert rows["pexels"]["state"] == "ok"

    def test_before_anything_was_asked(self, place: Place) -> None:
        """All of each quota is there; no cache rate, no error."""
        rows, _ = place.rows(160)

        quotas = "1000of1000/hour20000of20000/month"
        assert list(rows["pexels"].values())[1:] == ["ok", quotas, "", "", ""]


def squeezed(text: str) -> str:
    return "".join(text.split())


class TestJson:
    def test_of_one_that_is_asked(self, place: Place) -> None:
        """All that the API tells an admin."""
        place.search("fox", "owl", "fox", "fox")

        found = place.list_providers()["pexels"]
        health = found["standing"]

        assert (found["state"], found["reason"], found["source"], found["quota"]) == ("ok", None, OURS, "ok")
        assert set(health) == {"quotas", "breaker", "retry_after", "last_error", "last_error_at", "cache", "calls"}
        assert (health["breaker"], health["retry_after"], health["last_error"]) == ("closed", 0, None)
        assert health["cache"] == {"hits": 2, "stale": 0, "misses": 2}
        quotas = {each["name"]: each for each in health["quotas"]}
        assert (quotas["1000/hour"]["limit"], quotas["1000/hour"]["left"]) == (1000, 998)
        assert 3600 <= quotas["1000/hour"]["more_in"] <= 3600 + 3 * 72
        assert quotas["20000/month"]["left"] == 19998

    def test_of_one_that_is_not(self, place: Place) -> None:
        """One that is switched off, and one without an upstream, stand nowhere."""
        found = place.list_providers()
        unconfigured = Place(place.folder, place.cli, OFFLINE).list_providers()["pexels"]

        assert (found["openverse"]["state"], found["openverse"]["standing"]) == ("disabled", None)
        assert found["openverse"]["reason"] == "switched off: enabled = false for openverse"
        assert (found["local"]["state"], found["local"]["standing"]) == ("ok", None)
        assert (unconfigured["state"], unconfigured["standing"]) == ("unconfigured", None)
        quotas = [each["quota"] for each in (found["openverse"], unconfigured, found["local"])]
        assert quotas == [None, None, "ok"]  # null: it cannot be asked, whatever is left

    def test_of_a_failed_plugin(self, place: Place, broken: str) -> None:
        """With where it came from; the others are there as before."""
        ended = place.cli("providers", "--json", environ=place.environ)
        answer = json.loads(ended.stdout)

        assert ended.returncode == 0
        assert set(answer) == {"providers", "failures", "problems", "cache"}
        assert answer["failures"] == [{"name": "acme", "source": broken, "reason": FAILURE}]
        assert {"local", "openverse", "pexels"} <= {each["name"] for each in answer["providers"]}

    def test_is_what_the_api_gives_an_admin(self, place: Place, serve: Any) -> None:
        """A server at work and the command read the same database."""
        place.environ["SECRET_KEY"] = "a test secret of more than thirty-two bytes"
        made = place.cli("users", "create", "ada", "--admin", "--password", "violet-harbour-71", environ=place.environ)
        assert made.returncode == 0
        server = serve(place.environ).wait_until_ready()
        with httpx.Client(base_url=server.url) as client:
            form = {"username": "ada", "password": "violet-harbour-71"}
            token = client.post("/token", data=form).json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            assert client.get("/search", params={"q": "fox", "provider": "pexels"}).status_code == 200
            listed = client.get("/providers").json()["providers"]
        found = place.list_providers()

        for each in listed:
            own = found[each["name"]]
            if each["standing"] is not None:
                for health in (each["standing"], own["standing"]):
                    health["cache"] = None  # the server writes it with its next background task
                    for quota in health["quotas"]:
                        del quota["more_in"]
                    health["quotas"] = [quota for quota in health["quotas"] if "second" not in quota["name"]]
            assert each == own


class TestQuota:
    def test_that_is_used_up(self, place: Place, pexels: SimulatedPexels) -> None:
        """What is left and when there is more; a refusal of our own is no error of the provider."""
        place.write(hour=2)
        place.search("a", "b", "c")

        found = place.list_providers()["pexels"]
        hour = next(each for each in found["standing"]["quotas"] if each["name"] == "2/hour")

        assert (hour["left"], found["quota"]) == (0, "out")
        assert 3600 <= hour["more_in"] <= 3600 + 3 * 72
        assert found["standing"]["last_error"] is None
        assert len(pexels.calls) == 2

    def test_over_a_restart_with_less(self, place: Place) -> None:
        """An admin lowered it below what is used already."""
        place.search("a", "b", "c", "d")
        place.write(hour=3)

        found = place.list_providers()["pexels"]
        hour = next(each for each in found["standing"]["quotas"] if each["name"] == "3/hour")

        assert (hour["limit"], hour["left"], found["quota"]) == (3, 0, "out")

    def test_that_the_upstream_counts(self, place: Place, pexels: SimulatedPexels) -> None:
        """A key that others use too: what the upstream says is left, until the day it begins anew."""
        pexels.remaining = 5
        pexels.reset = int(time.time()) + 10 * DAY
        place.search("fox")

        quotas = {each["name"]: each for each in place.list_providers()["pexels"]["standing"]["quotas"]}

        assert quotas["20000/month"]["left"] == 4
        assert 10 * DAY - 60 <= quotas["20000/month"]["more_in"] <= 10 * DAY + 1


class TestBreaker:
    def test_open(self, place: Place, pexels: SimulatedPexels, database_url: str) -> None:
        """After five failures, with the last error and when; on both engines."""
        place.environ["DATABASE_URL"] = database_url
        pexels.fail(Answer("", 500))
        began = time.time()
        place.search(*(f"word {number}" for number in range(7)))

        health = place.list_providers()["pexels"]["standing"]

        assert (health["breaker"], health["last_error"]) == ("open", "Pexels answered 500")
        assert 0 < health["retry_after"] <= 30
        assert began - 1 <= health["last_error_at"] <= time.time() + 1
        assert len(pexels.calls) == 5

    def test_probing(self, place: Place, pexels: SimulatedPexels) -> None:
        """When it has cooled, the next call tries it; until that went well it is on probation."""
        pexels.fail(Answer("", 500))
        place.search(*(f"word {number}" for number in range(5)), offset=-31)

        health = place.list_providers()["pexels"]["standing"]
        rows, _ = place.rows(160)

        assert (health["breaker"], health["retry_after"]) == ("probing", 0)
        assert rows["pexels"]["state"] == "ok,breakerprobing"

    def test_closed_again(self, place: Place, pexels: SimulatedPexels) -> None:
        """By the first call that went well; what failed last is still told."""
        pexels.fail(Answer("", 500), times=5)
        place.search(*(f"word {number}" for number in range(5)), offset=-31)
        place.search("another")

        health = place.list_providers()["pexels"]["standing"]
        rows, _ = place.rows(160)

        assert (health["breaker"], health["last_error"]) == ("closed", "Pexels answered 500")
        assert rows["pexels"]["state"] == "ok"
        assert rows["pexels"]["problem"].startswith("Pexelsanswered500(3")

    def test_a_pause_that_was_asked_for(self, place: Place, pexels: SimulatedPexels) -> None:
        """Is no failure, and told with its end."""
        pexels.fail(Answer("", 429, {"Retry-After": "600"}))
        place.search("fox", "owl")

        health = place.list_providers()["pexels"]["standing"]
        rows, _ = place.rows(160)

        assert (health["breaker"], health["last_error"]) == ("closed", "Pexels allows no more requests now")
        assert 500 < health["retry_after"] <= 600
        assert re.fullmatch(r"ok,againin(9|10)min", rows["pexels"]["state"])
        assert len(pexels.calls) == 1

    def test_a_wrong_key(self, place: Place) -> None:
        """What the upstream said of it; the key is not shown."""
        place.environ["PEXELS_API_KEY"] = "wrong-hidden-key"
        place.search("fox")

        health = place.list_providers()["pexels"]["standing"]

        assert health["last_error"] == "Pexels does not accept the key (it answered 401)"
        assert "hidden" not in json.dumps(place.list_providers())


class TestCacheRate:
    def test_of_searches_from_a_terminal(self, place: Place, pexels: SimulatedPexels) -> None:
        """Each process writes what it counted; the database is where the next one finds the page."""
        for _ in range(2):
            ended = place.cli("search", "red", "fox", "-p", "pexels", environ=place.environ)
            assert ended.returncode == 0

        rows, _ = place.rows(160)

        assert place.list_providers()["pexels"]["standing"]["cache"] == {"hits": 1, "stale": 0, "misses": 1}
        assert rows["pexels"]["cache"] == "50%"
        assert len(pexels.calls) == 1

    def test_counts_old_pages_and_no_failures(self, place: Place, pexels: SimulatedPexels) -> None:
        """An old page is served without waiting; what failed was served from nowhere."""
        place.write(more="cache_for = 60\n")

        async def work(services: Services) -> None:
            await search(services, "fox")
            await search(services, "fox")
            services.gateway.clock.offset += 61
            await search(services, "fox")
            pexels.fail(Answer("", 500))
            await search(services, "owl")

        place.serve(work)

        assert place.list_providers()["pexels"]["standing"]["cache"] == {"hits": 1, "stale": 1, "misses": 1}

    def test_of_a_server_that_runs(self, place: Place) -> None:
        """A background task writes them, not only the end of the server."""

        async def run() -> dict[str, Any]:
            services = Services(load({"OPENVERSE_ENABLED": "false", **place.environ}, place.folder))
            async with services.serving(), asyncio.timeout(EVENT_LIMIT):
                await search(services, "fox")
                while True:
                    found = (await asyncio.to_thread(place.list_providers))["pexels"]["standing"]["cache"]
                    if found is not None:
                        return dict(found)

        assert asyncio.run(run()) == {"hits": 0, "stale": 0, "misses": 1}
