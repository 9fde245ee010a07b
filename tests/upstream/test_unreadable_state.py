"""A stored state of a provider that nobody can read: an error of that provider alone, with a way out."""

import json
import logging
from typing import Any

import pytest

from imagevault.upstream.models import State
from imagevault.upstream.store import UnreadableState
from imagevault.upstream.tables import ProviderState

UNREADABLE = {
    "no JSON": "not json",
    "nothing": "",
    "a list": "[]",
    "another type": '{"windows": 3}',
    "a key that is no number": '{"windows": {"hour": {"x": 1}}}',
    "a number that no float holds": '{"windows": {"hour": {"1": 99999999999999999999999999}}}',
    "a step that no float holds": '{"windows": {"hour": {"99999999999999999999999999": 1}}}',
    "a report beyond 64 bits": '{"learned": {"hour": {"left": 18446744073709551616, "until": 1e12}}}',
    "too many levels": "[" * 10_000,
}
CHAIN = 'default = ["pexels", "local"]\n'


@pytest.fixture(params=UNREADABLE.values(), ids=list(UNREADABLE))
def state(request: pytest.FixtureRequest) -> str:
    """What stands in the row of Pexels."""
    return str(request.param)


async def spoil(api: Any, state: str, provider: str = "pexels") -> None:
    """Store a state with a version that no worker knows."""
    api.services.database.use()
    await api.services.gateway.limiter.store.read(provider)  # makes the row
    values: Any = {ProviderState.state: state, ProviderState.version: 77}
    await ProviderState.update(values).where(ProviderState.name == provider)


async def test_is_an_error_of_its_provider_alone(
    start: Any, configured: dict[str, str], state: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It blames no upstream, costs no call, and the other providers go on, in the list of providers too."""
    api = await start(configured, toml=CHAIN)
    headers = await api.sign_in(admin=True)
    await spoil(api, state)
    caplog.set_level(logging.ERROR)

    listed = await api.get("/providers", headers=headers)
    alone = await api.get("/search", params={"q": "mountain", "provider": "pexels"}, headers=headers)
    chain = await api.get("/search", params={"q": "mountain"}, headers=headers)
    everywhere = await api.get("/search", params={"q": "mountain", "provider": "all"}, headers=headers)

    assert (alone.status_code, chain.status_code, everywhere.status_code) == (502, 200, 200)
    for answer in (alone, chain, everywhere):
        statuses = {status["name"]: status for status in answer.json()["providers"]}
        assert statuses["pexels"]["status"] == "unavailable"
        assert "the stored state of pexels cannot be read" in statuses["pexels"]["detail"]
        assert "imagevault providers repair pexels" in statuses["pexels"]["detail"]
    assert {image["provider"] for image in chain.json()["images"]} == {"local"}
    assert listed.status_code == 200
    health = {provider["name"]: provider["standing"] for provider in listed.json()["providers"]}
    assert "imagevault providers repair pexels" in health["pexels"]["last_error"]
    told = [record for record in caplog.records if "cannot be read" in record.getMessage()]
    assert [record.provider for record in told] == ["pexels"]  # type: ignore[attr-defined]  # once, not every second


async def test_the_other_states_are_read(start: Any, configured: dict[str, str]) -> None:
    """One round trip reads them all."""
    api = await start({**configured, "UNSPLASH_API_KEY": "k"})
    await spoil(api, "not json", "unsplash")
    store = api.services.gateway.limiter.store
    await store.swap("pexels", 0, State(failures=3))
    await store.read("pexels")

    changes = {name: state for name, state, _ in await store.changes({})}

    assert isinstance(changes["unsplash"], UnreadableState)
    assert isinstance(changes["pexels"], State)


async def test_an_admin_replaces_it(start: Any, configured: dict[str, str], here: Any) -> None:
    """The running server goes on with the empty state."""
    api = await start(configured, toml=CHAIN)
    headers = await api.sign_in()
    await spoil(api, "not json")
    limiter, pexels = api.services.gateway.limiter, api.services.gateway.providers["pexels"]
    await limiter.refresh()

    assert await limiter.repair(pexels)
    await limiter.refresh()

    answer = await api.get("/search", params={"q": "mountain", "provider": "pexels"}, headers=headers)
    assert answer.json()["providers"][0]["status"] == "ok"
    assert limiter.last_seen(pexels).last_error is None


class TestCommand:
    """`imagevault providers repair`."""

    def test_leaves_a_state_that_can_be_read(self, here: Any) -> None:
        """Otherwise it would be a way round a quota."""
        ended = here("providers", "repair", "pexels", environ={"PEXELS_API_KEY": "k"})

        assert (ended.returncode, ended.stdout) == (0, "")
        assert ended.stderr == "the state of pexels is in order; nothing is changed\n"

    def test_says_so_to_programs(self, here: Any) -> None:
        ended = here("providers", "repair", "local", "--json")

        assert json.loads(ended.stdout) == {"name": "local", "repaired": False}

    def test_names_a_provider_that_is_not_there(self, here: Any) -> None:
        ended = here("providers", "repair", "pexel")

        assert ended.returncode == 2
        assert "there is no provider pexel. Did you mean pexels?" in ended.stderr
