"""A page of hostile records holds the event loop for one record at a time, so that other requests run in between."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import imagevault_flickr
import imagevault_nasa
import imagevault_openverse
import imagevault_smithsonian
import imagevault_wikimedia
import pytest

from imagevault.testing import faults
from imagevault.testing.bench import Bench
from imagevault.testing.upstream import Upstream
from imagevault.testing.upstreams.flickr import SimulatedFlickr
from imagevault.testing.upstreams.nasa import SimulatedNasa
from imagevault.testing.upstreams.openverse import SimulatedOpenverse
from imagevault.testing.upstreams.smithsonian import SimulatedSmithsonian
from imagevault.testing.upstreams.wikimedia import SimulatedWikimedia

KEY = {"api_key": "test-key"}
# The providers whose texts are HTML. Those that are TOML files read their answers in a thread.
PROVIDERS: list[tuple[Any, Mapping[str, str], type[Upstream]]] = [
    (imagevault_flickr, KEY, SimulatedFlickr),
    (imagevault_nasa, {}, SimulatedNasa),
    (imagevault_openverse, {}, SimulatedOpenverse),
    (imagevault_smithsonian, KEY, SimulatedSmithsonian),
    (imagevault_wikimedia, {"contact": "ops@vault.example"}, SimulatedWikimedia),
]
HOSTILE = "<p>x</p>" * 100
PLAIN_TEXT = re.compile(r"[^/:.<>]{0,200} [^/:.<>]{0,200}")  # has a blank: no id, no address, no code


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def spoiled(value: Any) -> Any:
    """An answer whose texts end in HTML of the worst kind."""
    if isinstance(value, dict):
        return {name: spoiled(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [spoiled(inner) for inner in value]
    return value + HOSTILE if isinstance(value, str) and PLAIN_TEXT.fullmatch(value) else value


@pytest.mark.parametrize(
    ("plugin", "settings", "simulated"), PROVIDERS, ids=[plugin.__name__ for plugin, *_ in PROVIDERS]
)
async def test_others_run_between_two_records(
    plugin: Any, settings: Mapping[str, str], simulated: type[Upstream], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another task runs at least once for each record. The time of one is bounded by the length of its texts."""
    made = 0
    most_at_once = 0
    make = plugin._image

    def counted(*given: Any) -> Any:
        nonlocal made
        made += 1
        return make(*given)

    async def look() -> None:
        nonlocal most_at_once
        while True:
            before = made
            await asyncio.sleep(0)
            most_at_once = max(most_at_once, made - before)

    monkeypatch.setattr(plugin, "_image", counted)
    with simulated() as upstream:
        upstream.fail(faults.changed(spoiled))
        async with Bench(plugin, settings, upstream) as bench:
            looking = asyncio.create_task(look())
            page = await bench.given("cat")
            looking.cancel()

    assert len(page.images) > 10
    assert "x x x" in repr(page.images)  # the texts were read
    assert most_at_once == 1
