"""One field of an upstream's answer that is as long as an answer may be: it is cut, or costs its own record only."""

from collections.abc import Mapping
from typing import Any

import imagevault_artic
import imagevault_europeana
import imagevault_met
import imagevault_nasa
import imagevault_wikimedia
import pytest

from imagevault.records import Page
from imagevault.testing import faults
from imagevault.testing.bench import Bench
from imagevault.testing.upstream import Upstream
from imagevault.testing.upstreams.artic import SimulatedArtic
from imagevault.testing.upstreams.europeana import SimulatedEuropeana
from imagevault.testing.upstreams.met import SimulatedMet
from imagevault.testing.upstreams.nasa import SimulatedNasa
from imagevault.testing.upstreams.wikimedia import SimulatedWikimedia

LONG = "é " * 400_000
MOST = 200_000  # characters of one record, all files and texts together

Path = tuple[str | int, ...]
PROVIDERS: list[tuple[Any, Mapping[str, str], type[Upstream], Path]] = [
    (imagevault_artic, {}, SimulatedArtic, ("config", "iiif_url")),
    (imagevault_artic, {}, SimulatedArtic, ("data", 0, "image_id")),
    (imagevault_europeana, {"api_key": "test-key"}, SimulatedEuropeana, ("items", 0, "id")),
    (imagevault_europeana, {"api_key": "test-key"}, SimulatedEuropeana, ("items", 0, "title", 0)),
    (imagevault_met, {}, SimulatedMet, ("title",)),
    (imagevault_met, {}, SimulatedMet, ("artistDisplayName",)),
    (imagevault_nasa, {}, SimulatedNasa, ("collection", "items", 0, "data", 0, "nasa_id")),
    (imagevault_wikimedia, {"contact": "ops@vault.example"}, SimulatedWikimedia, ("query", "pages", 0, "title")),
]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def lengthen(answer: Any, path: Path) -> None:
    """Add a long text to what stands at a path of an answer; nothing if the answer has no such path."""
    part = answer
    *above, last = path
    try:
        for step in above:
            part = part[step]
        part[last] += LONG
    except (KeyError, IndexError):  # another kind of answer, of the several that a page takes
        return


def length(page: Page) -> int:
    """The characters of the longest record."""
    return max(len(repr(image)) for image in page.images)


@pytest.mark.parametrize(("plugin", "settings", "simulated", "path"), PROVIDERS)
async def test_a_long_field(plugin: Any, settings: Mapping[str, str], simulated: type[Upstream], path: Path) -> None:
    with simulated() as upstream:
        async with Bench(plugin, settings, upstream) as bench:
            plain = await bench.given("cat")
            bench.configure(settings)
            upstream.fail(faults.changed(lambda answer: lengthen(answer, path)))

            page = await bench.given("cat")

    assert len(page.images) >= len(plain.images) - 1
    assert length(page) < MOST
