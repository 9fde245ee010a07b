"""An optional field of another type than documented counts as unknown. It costs neither its record nor the page."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import pytest

from imagevault.testing import faults
from imagevault.testing.bench import Bench
from imagevault.testing.upstream import Upstream
from imagevault.testing.upstreams.artic import SimulatedArtic
from imagevault.testing.upstreams.europeana import SimulatedEuropeana
from imagevault.testing.upstreams.flickr import SimulatedFlickr
from imagevault.testing.upstreams.openverse import SimulatedOpenverse
from imagevault.testing.upstreams.pexels import SimulatedPexels
from imagevault.testing.upstreams.pixabay import SimulatedPixabay
from imagevault.testing.upstreams.smithsonian import SimulatedSmithsonian
from imagevault.testing.upstreams.smk import SimulatedSmk
from imagevault.testing.upstreams.unsplash import SimulatedUnsplash
from imagevault.testing.upstreams.wikimedia import SimulatedWikimedia

KEY = {"api_key": "test-key"}
Provider = tuple[str, Mapping[str, str], type[Upstream]]
ARTIC: Provider = ("artic", {}, SimulatedArtic)
EUROPEANA: Provider = ("europeana", KEY, SimulatedEuropeana)
FLICKR: Provider = ("flickr", KEY, SimulatedFlickr)
OPENVERSE: Provider = ("openverse", {}, SimulatedOpenverse)
PEXELS: Provider = ("pexels", KEY, SimulatedPexels)
PIXABAY: Provider = ("pixabay", KEY, SimulatedPixabay)
SMITHSONIAN: Provider = ("smithsonian", KEY, SimulatedSmithsonian)
SMK: Provider = ("smk", {}, SimulatedSmk)
UNSPLASH: Provider = ("unsplash", KEY, SimulatedUnsplash)
WIKIMEDIA: Provider = ("wikimedia", {"contact": "ops@vault.example"}, SimulatedWikimedia)

TOTALS: list[tuple[Provider, str]] = [
    (ARTIC, "pagination.total"),
    (EUROPEANA, "totalResults"),
    (FLICKR, "photos.total"),
    (OPENVERSE, "result_count"),
    (PEXELS, "total_results"),
    (PIXABAY, "totalHits"),
    (SMITHSONIAN, "response.rowCount"),
    (SMK, "found"),
    (UNSPLASH, "total"),
]
FIELDS: list[tuple[Provider, str, object]] = [
    (ARTIC, "pagination", "odd"),
    (ARTIC, "config", []),
    (ARTIC, "config.iiif_url", 7),
    (ARTIC, "data.0.thumbnail.width", "4000"),
    (ARTIC, "data.0.term_titles", ["etching", None]),
    (EUROPEANA, "error", {"code": 7}),
    (EUROPEANA, "items.0.previewNoDistribute", "false"),
    (EUROPEANA, "items.0.title", 7),
    (EUROPEANA, "items.0.dcTitleLangAware", "A lamp"),
    (EUROPEANA, "items.0.dcCreatorLangAware", {"def": 7}),
    (EUROPEANA, "items.0.dcDescriptionLangAware", []),
    (EUROPEANA, "items.0.edmConceptPrefLabelLangAware", [7]),
    (OPENVERSE, "page_count", "3"),
    (OPENVERSE, "results.0.creator_url", 7),
    (OPENVERSE, "results.0.category", ["photograph"]),
    (OPENVERSE, "results.0.thumbnail", {}),
    (OPENVERSE, "results.0.width", "1024"),
    (PEXELS, "photos.0.avg_color", 7),
    (PEXELS, "photos.0.photographer_url", None),
    (PEXELS, "photos.0.src.tiny", 7),
    (PIXABAY, "hits.0.user_id", "17"),
    (PIXABAY, "hits.0.previewWidth", "150"),
    (PIXABAY, "hits.0.tags", ["bridge", "road"]),
    (SMK, "items.0.materials", {"odd": 1}),
    (SMK, "items.0.techniques", [7]),
    (SMK, "items.0.artist", [7]),
    (UNSPLASH, "results.0.tags", ["fog", "forest"]),
    (UNSPLASH, "results.0.color", 7),
    (WIKIMEDIA, "continue", None),
    (WIKIMEDIA, "continue", []),
    (WIKIMEDIA, "query.pages.0.index", None),
]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def put(answer: Any, path: str, value: object) -> None:
    """Put a value where a path leads in an answer; `...` takes it away."""
    *above, last = path.split(".")
    for step in above:
        answer = answer[int(step) if isinstance(answer, list) else step]
    if value is ...:
        answer.pop(last, None)
    else:
        answer[last] = value


async def images(provider: Provider, path: str, value: object) -> tuple[int, int]:
    """How many images an answer has, and how many of them are left with this value in it."""
    name, settings, simulated = provider
    module = import_module(f"imagevault_{name}")
    plugin = getattr(module, "plugin", module)
    with simulated() as upstream:
        async with Bench(plugin, settings, upstream) as bench:
            plain = await bench.given("cat")
            bench.configure(settings)
            upstream.fail(faults.changed(lambda answer: put(answer, path, value)))
            page = await bench.given("cat")
    return len(plain.images), len(page.images)


@pytest.mark.parametrize("value", ["27", 27.0, 27.5, None, ..., [], 10**400], ids=repr)
@pytest.mark.parametrize(("provider", "path"), TOTALS, ids=[provider[0] for provider, _ in TOTALS])
async def test_an_odd_total(provider: Provider, path: str, value: object) -> None:
    plain, left = await images(provider, path, value)

    assert left == plain > 0


@pytest.mark.parametrize(
    ("provider", "path", "value"), FIELDS, ids=[f"{provider[0]} {path} {value!r}" for provider, path, value in FIELDS]
)
async def test_an_odd_field(provider: Provider, path: str, value: object) -> None:
    plain, left = await images(provider, path, value)

    assert left == plain > 0
