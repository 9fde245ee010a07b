"""An upstream whose records cannot be read, from its answer to the consumer: through cache, breaker, chain and log."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import httpx
import pytest

from imagevault.cache.tables import CachedImage, CachedPage
from imagevault.testing import faults
from imagevault.testing.upstreams.pexels import SimulatedPexels
from imagevault.upstream.breaker import FAILURES
from imagevault.upstream.models import State
from tests.support.commands import InProcess

Photo = dict[str, Any]
Start = Callable[..., Awaitable[Any]]
CHAIN = 'default = ["pexels", "local"]\n'
UNHURRIED = '[providers.pexels]\nquota = ["1000/second", "1000/hour", "20000/month"]\n'
READ_REASON = "none of 80 records can be read: Expected `int`, got `str` - at `$.width`"
SHOW_REASON = "none of 80 records can be shown: no rendition of "
PAGE = 80
CACHE_FOR = 60  # seconds


def wide_as_text(photo: Photo) -> Photo:
    """What the plugin cannot decode: FAULTS of a real API that changed a type."""
    return {**photo, "width": f"{photo['width']}"}


def without_links(photo: Photo) -> Photo:
    """What the plugin decodes, and what cannot be shown: every file is an address that is no web address."""
    return {**photo, "src": {name: f"ftp:{url}" for name, url in photo["src"].items()}}


def spoil(pexels: SimulatedPexels, change: Callable[[Photo], Photo], positions: Sequence[int] = range(PAGE)) -> None:
    """Let each answer hold changed photos at these positions."""

    def changed(answer: Mapping[str, Any]) -> Mapping[str, Any]:
        photos = [change(photo) if number in positions else photo for number, photo in enumerate(answer["photos"])]
        return {**answer, "photos": photos}

    pexels.fail(faults.changed(changed))


@pytest.fixture
async def api(start: Start, database_url: str, configured: dict[str, str]) -> Any:
    """A server on a database of either engine, with Pexels first in the default chain, and local second."""
    toml = CHAIN + UNHURRIED + f"cache_for = {CACHE_FOR}\n"
    api = await start({**configured, "DATABASE_URL": database_url}, toml=toml)
    api.headers = await api.sign_in()
    return api


async def search(api: Any, **parameters: str) -> httpx.Response:
    """One search, whose pages and outcome are stored when it returns."""
    answer: httpx.Response = await api.get("/search", params={"q": "mountain", **parameters}, headers=api.headers)
    await api.services.gateway.pages.drain()
    return answer


async def stored(api: Any) -> tuple[list[Any], list[Any]]:
    """What the database holds of pages and of images."""
    api.services.database.use()
    return await CachedPage.select(CachedPage.provider), await CachedImage.select(CachedImage.id)


async def state(api: Any) -> State:
    """What all workers know of Pexels."""
    api.services.database.use()
    found, _ = await api.services.gateway.limiter.store.read("pexels")
    return found  # type: ignore[no-any-return]


def messages(caplog: pytest.LogCaptureFixture, part: str) -> list[str]:
    """The lines of the log that hold a part."""
    return [record.getMessage() for record in caplog.records if part in record.getMessage()]


LOSSES = pytest.mark.parametrize(
    ("change", "reason"), [(wide_as_text, READ_REASON), (without_links, SHOW_REASON)], ids=["unread", "unshown"]
)


class TestTotalLoss:
    """None of the records can be read by the plugin, or none can be shown."""

    @LOSSES
    async def test_is_an_invalid_response_with_the_first_reason(
        self, api: Any, pexels: SimulatedPexels, change: Callable[[Photo], Photo], reason: str
    ) -> None:
        spoil(pexels, change)

        answer = await search(api, provider="pexels")

        assert answer.status_code == 502
        [status] = answer.json()["providers"]
        assert status["status"] == "invalid_response"
        assert status["detail"].startswith(reason)

    @LOSSES
    async def test_is_never_cached(
        self, api: Any, pexels: SimulatedPexels, change: Callable[[Photo], Photo], reason: str
    ) -> None:
        """Neither in the database nor in memory: a healthy upstream serves the next search."""
        spoil(pexels, change)
        await search(api, provider="pexels")
        assert await stored(api) == ([], [])
        pexels.heal()

        answer = await search(api, provider="pexels", q="Mountain")

        assert [status["cache"] for status in answer.json()["providers"]] == ["miss"]
        assert len(answer.json()["images"]) == 30
        assert len(pexels.calls) == 2

    @LOSSES
    async def test_costs_one_call(
        self, api: Any, pexels: SimulatedPexels, change: Callable[[Photo], Photo], reason: str
    ) -> None:
        """It is no empty page, after which a walk looks at the next ones."""
        spoil(pexels, change)

        await search(api, provider="pexels")

        assert len(pexels.calls) == 1

    @LOSSES
    async def test_reaches_the_breaker(
        self, api: Any, pexels: SimulatedPexels, change: Callable[[Photo], Photo], reason: str
    ) -> None:
        """Each counts as a failure, its reason is the provider's last error, and five of them open the breaker."""
        spoil(pexels, change)
        await search(api, provider="pexels", q="word 0")
        first = await state(api)
        for number in range(1, FAILURES):
            await search(api, provider="pexels", q=f"word {number}")

        refused = await search(api, provider="pexels", q="another word")

        assert (first.failures, (first.last_error or "").startswith(reason)) == (1, True)
        assert (await state(api)).trips == 1
        assert refused.status_code == 503
        assert len(pexels.calls) == FAILURES

    @LOSSES
    async def test_lets_the_chain_go_on(
        self, api: Any, pexels: SimulatedPexels, change: Callable[[Photo], Photo], reason: str
    ) -> None:
        """The next provider of the default chain answers, and the answer says what was wrong with the first."""
        spoil(pexels, change)

        answer = await search(api)

        assert answer.status_code == 200
        statuses = [(status["name"], status["status"]) for status in answer.json()["providers"]]
        assert statuses == [("pexels", "invalid_response"), ("local", "ok")]
        assert {image["provider"] for image in answer.json()["images"]} == {"local"}

    async def test_leaves_an_old_page_in_use(self, api: Any, pexels: SimulatedPexels) -> None:
        """A refresh that brings nothing readable replaces no page."""
        good = await search(api, provider="pexels")
        spoil(pexels, wide_as_text)

        found = []
        for word in ("Mountain", "MOUNTAIN"):
            api.services.gateway.clock.offset += CACHE_FOR + 1
            found.append(await search(api, provider="pexels", q=word))

        assert [answer.json()["images"] == good.json()["images"] for answer in found] == [True, True]
        assert [answer.json()["providers"][0]["cache"] for answer in found] == ["stale", "stale"]
        assert (await state(api)).failures == 2

    async def test_of_one_image_is_an_invalid_response(self, api: Any, pexels: SimulatedPexels) -> None:
        """A look-up fails, and nothing of it is kept."""
        shown = await search(api, provider="pexels")
        id = shown.json()["images"][0]["id"]
        api.services.gateway.clock.offset += 8 * 86400  # no cached page may answer any more
        pexels.fail(faults.changed(lambda photo: {**photo, "src": {}}), path="photos/{id}")

        answer = await api.get(f"/images/{id}", headers=api.headers)
        await api.services.gateway.pages.drain()

        assert answer.status_code == 502
        assert (await state(api)).failures == 1


class TestSomeLost:
    """Two of eighty records are dropped: one cannot be decoded, the other cannot be shown."""

    @pytest.fixture
    def partly(self, pexels: SimulatedPexels) -> None:
        def change(photo: Photo) -> Photo:
            return wide_as_text(photo) if photo["id"] % 2 else without_links(photo)

        spoil(pexels, change, positions=(3, 4))

    @pytest.mark.usefixtures("partly")
    async def test_the_page_is_served_and_cached(self, api: Any, pexels: SimulatedPexels) -> None:
        first = await search(api, provider="pexels", per_page="70")
        again = await search(api, provider="pexels", q="Mountain", per_page="70")

        assert (first.status_code, first.json()["providers"][0]["status"]) == (200, "ok")
        assert again.json()["images"] == first.json()["images"]
        pages, images = await stored(api)
        assert {page["provider"] for page in pages} == {"pexels"}
        assert len(images) == 78

    @pytest.mark.usefixtures("partly")
    async def test_the_log_says_it_once(
        self, api: Any, pexels: SimulatedPexels, caplog: pytest.LogCaptureFixture
    ) -> None:
        """In one line for each page that is fetched, with the count and the first reason."""
        caplog.set_level(logging.INFO)

        await search(api, provider="pexels")

        [line] = messages(caplog, "can be used")
        assert line.startswith("pexels: 78 of 80 records can be used; the first that was dropped: ")
        assert "Expected `int`, got `str`" in line

    @pytest.mark.usefixtures("partly")
    def test_the_check_says_it(self, here: InProcess, configured: dict[str, str], pexels: SimulatedPexels) -> None:
        """`imagevault providers check` says how many of how many, and why, for people and for programs."""
        as_text = here("providers", "check", "pexels", "-q", "nature", environ={**configured, "COLUMNS": "240"})
        as_json = here("providers", "check", "pexels", "-q", "nature", "--json", environ=configured)

        assert "78 of 80 (Expected" in as_text.stdout
        [checked] = json.loads(as_json.stdout)["providers"]
        assert (checked["ok"], checked["images"], checked["records"]) == (True, 78, 80)
        assert "got `str`" in checked["dropped"]

    def test_the_check_of_a_total_loss_names_the_reason(
        self, here: InProcess, configured: dict[str, str], pexels: SimulatedPexels
    ) -> None:
        """It does not advise other words."""
        spoil(pexels, wide_as_text)

        ended = here("providers", "check", "pexels", "--json", environ=configured)

        [checked] = json.loads(ended.stdout)["providers"]
        assert (ended.returncode, checked["ok"]) == (1, False)
        assert checked["error"] == READ_REASON
