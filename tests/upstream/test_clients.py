"""The httpx clients of providers: open while they are used, closed after the last use, none left over."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from imagevault.config.settings import load
from imagevault.plugins.provider import Provider
from imagevault.plugins.registry import PluginRegistry
from imagevault.records import SearchQuery
from imagevault.testing import faults
from imagevault.testing.upstreams.pexels import SimulatedPexels
from imagevault.upstream.clients import Clients

QUERY = SearchQuery(text="nature", per_page=10)


class Watched(Clients):
    """Remembers every client that it ever opened."""

    def __init__(self) -> None:
        super().__init__(None)
        self.seen: set[httpx.AsyncClient] = set()

    async def search(self, provider: Provider) -> int:
        """One search by the provider's client; how many images came."""
        async with self.of(provider) as http:
            self.seen.add(http)
            return len((await provider.search_images(QUERY, http)).images)

    @property
    def left(self) -> list[httpx.AsyncClient]:
        """Those that are still open."""
        return [client for client in self.seen if not client.is_closed]


@pytest.fixture
async def clients() -> AsyncIterator[Watched]:
    clients = Watched()
    yield clients
    await clients.aclose()


def make(folder: Path, key: str, url: str, timeout: str = "3") -> Provider:
    """Pexels on these settings."""
    environ = {"PEXELS_API_KEY": key, "PEXELS_BASE_URL": url, "PEXELS_TIMEOUT": timeout}
    return PluginRegistry.load(load(environ, folder)).providers["pexels"]


@pytest.fixture
def provider(tmp_path: Path, pexels: SimulatedPexels) -> Provider:
    """Pexels as it was first."""
    return make(tmp_path, pexels.key, pexels.url)


@pytest.fixture
def other(tmp_path: Path, pexels: SimulatedPexels) -> Provider:
    """Pexels on other settings."""
    return make(tmp_path, pexels.key, pexels.url, timeout="2")


class TestOpen:
    async def test_one_for_all_uses(self, clients: Watched, provider: Provider, other: Provider) -> None:
        """It stays open between them, so that connections are kept; each provider has its own."""
        await asyncio.gather(*(clients.search(provider) for _ in range(5)))
        await clients.search(provider)
        assert len(clients.seen) == 1
        assert clients.left == list(clients.seen)

        await clients.search(other)

        assert len(clients.left) == 2

    async def test_closed_at_the_end(self, clients: Watched, provider: Provider, other: Provider) -> None:
        """Those of retired providers as well."""
        await clients.search(provider)
        await clients.search(other)

        await clients.aclose()

        assert clients.left == []
        assert clients._clients == {}

    async def test_is_opened_again_after_the_end(self, clients: Watched, provider: Provider) -> None:
        """A late call does not meet a closed client."""
        await clients.search(provider)
        await clients.aclose()

        assert await clients.search(provider) == 10


class TestRetired:
    async def test_unused_is_closed_at_once(self, clients: Watched, provider: Provider, other: Provider) -> None:
        """The others stay."""
        await clients.search(provider)
        await clients.search(other)

        await clients.retire([provider])

        assert list(clients._clients) == [other]
        assert len(clients.left) == 1

    async def test_never_used(self, clients: Watched, provider: Provider) -> None:
        await clients.retire([provider, provider])

        assert clients._clients == {}
        assert not clients._uses

    async def test_in_use_is_closed_after_the_last(
        self, clients: Watched, provider: Provider, pexels: SimulatedPexels
    ) -> None:
        """A call under way ends well; the first of two that ends closes nothing."""
        pexels.fail(faults.hang(), times=2)
        first, last = (asyncio.create_task(clients.search(provider)) for _ in range(2))
        await asyncio.to_thread(pexels.wait_for_calls, 2)

        await clients.retire([provider])
        first.cancel()
        await asyncio.wait([first])
        open_between = len(clients.left)
        pexels.heal()

        assert await last == 10
        assert open_between == 1
        assert clients.left == []
        assert clients._clients == {}
        assert not clients._uses

    async def test_is_opened_again_and_closed_again(self, clients: Watched, provider: Provider) -> None:
        """A search that began before goes on to its second page after its client was closed."""
        await clients.search(provider)
        await clients.retire([provider])

        found = [await clients.search(provider) for _ in range(3)]

        assert found == [10, 10, 10]
        assert len(clients.seen) == 4
        assert clients.left == []
        assert clients._clients == {}
        assert not clients._uses

    async def test_uses_side_by_side_share_the_new_client(
        self, clients: Watched, provider: Provider, pexels: SimulatedPexels
    ) -> None:
        """And it is closed after the last of them."""
        await clients.retire([provider])
        pexels.fail(faults.hang(), times=2)
        searches = [asyncio.create_task(clients.search(provider)) for _ in range(2)]
        await asyncio.to_thread(pexels.wait_for_calls, 2)
        pexels.heal()

        assert await asyncio.gather(*searches) == [10, 10]
        assert len(clients.seen) == 1
        assert clients.left == []

    async def test_after_a_failure(self, clients: Watched, provider: Provider, pexels: SimulatedPexels) -> None:
        """An error or a cancelled call counts as an end too."""
        pexels.fail(faults.reset(), times=1)
        await clients.retire([provider])
        with pytest.raises(httpx.HTTPError):
            await clients.search(provider)
        assert clients.left == []
        calls = len(pexels.calls)

        pexels.fail(faults.hang(), times=1)
        hanging = asyncio.create_task(clients.search(provider))
        await asyncio.to_thread(pexels.wait_for_calls, calls + 1)
        hanging.cancel()
        await asyncio.wait([hanging])

        assert hanging.cancelled()
        assert len(clients.seen) == 2
        assert clients.left == []
        assert not clients._uses

    async def test_another_in_force_is_not_touched(
        self, clients: Watched, provider: Provider, other: Provider, pexels: SimulatedPexels
    ) -> None:
        """It has the same name, and its client stays open also when the former one closes."""
        pexels.fail(faults.hang(), times=1)
        former = asyncio.create_task(clients.search(provider))
        await asyncio.to_thread(pexels.wait_for_calls, 1)
        await clients.retire([provider])

        assert await clients.search(other) == 10
        pexels.heal()
        assert await former == 10

        assert list(clients._clients) == [other]
        assert len(clients.left) == 1


class TestAnySchedule:
    @pytest.mark.parametrize("seed", range(20))
    async def test_no_use_meets_a_closed_client_and_none_leaks(
        self, clients: Watched, tmp_path: Path, seed: int
    ) -> None:
        """Whenever uses begin, end and are cancelled, and whenever a provider is retired meanwhile."""
        dice = random.Random(seed)
        retired, other = (make(tmp_path, "test-key", "http://127.0.0.1:1/", timeout) for timeout in ("3", "2"))
        broken = []

        async def use(provider: Provider, begin: int, steps: int) -> None:
            for _ in range(begin):
                await asyncio.sleep(0)
            async with clients.of(provider) as http:
                clients.seen.add(http)
                for _ in range(steps):
                    broken.extend([http] if http.is_closed else [])
                    await asyncio.sleep(0)

        async def retire(at: int) -> None:
            for _ in range(at):
                await asyncio.sleep(0)
            await clients.retire([retired])

        uses = [
            asyncio.create_task(use(dice.choice([retired, other]), dice.randrange(30), dice.randrange(12)))
            for _ in range(40)
        ]
        retiring = asyncio.create_task(retire(dice.randrange(30)))
        for _ in range(dice.randrange(20)):
            await asyncio.sleep(0)
        for task in dice.sample(uses, 5):
            task.cancel()
        await asyncio.gather(*uses, retiring, return_exceptions=True)

        assert broken == []
        assert set(clients.left) == set(clients._clients.values())
        assert set(clients._clients) <= {other}
        assert retired not in clients._uses
        await clients.aclose()
        assert clients.left == []
