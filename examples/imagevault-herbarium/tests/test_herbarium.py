"""The Open Herbarium: the contract that every provider keeps, and what only this one does."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import imagevault_herbarium
import pytest
from simulated_herbarium import Simulated, specimen

from imagevault import InvalidResponse, RateLimited, Unauthorized
from imagevault.testing import Answer
from imagevault.testing.bench import Bench, on_bench
from imagevault.testing.contract import ProviderContract

T = TypeVar("T")
SETTINGS = {"api_key": "test-key"}


def herbarium(work: Callable[[Bench], Awaitable[T]], upstream: Simulated | None = None) -> T:
    """Do the work with the provider behind the gateway's transport and sanitizing."""
    return on_bench(imagevault_herbarium, SETTINGS, upstream or Simulated(), work)


class TestContract(ProviderContract):
    """What every provider must do."""

    plugin = imagevault_herbarium
    settings = SETTINGS

    def upstream(self) -> Simulated:
        """Return a new herbarium for each test."""
        return Simulated()


def test_the_record() -> None:
    """A picture in our terms: the label without its markup, and sizes that are those of the files."""
    image = herbarium(lambda bench: bench.fetch("HB/1897/5"))

    assert image is not None
    assert image.title == "Papaver rhoeas L., sheet 5"
    assert image.tags == ["Papaveraceae"]
    assert image.license is not None
    assert image.license.id == "cc-by-4.0"
    assert image.license.attribution_required
    assert [(rendition.name, rendition.width, rendition.height) for rendition in image.renditions] == [
        ("thumbnail", 300, 200),
        ("medium", 1000, 667),
        ("original", 6000, 4000),
    ]
    assert image.renditions[0].url == "https://pictures.herbarium.example/hb%201897%205/300.jpg"


def test_the_author_is_the_collector() -> None:
    """One that nobody knows is left out."""
    known = herbarium(lambda bench: bench.fetch("HB/1897/1"))
    unknown = herbarium(lambda bench: bench.fetch("HB/1897/2"))

    assert known is not None
    assert known.author is not None
    assert known.author.name == "E. Fennel"
    assert unknown is not None
    assert unknown.author is None


def test_only_what_is_free_and_photographed_is_found() -> None:
    """The others are no images, whether or not the API was asked to leave them out."""
    upstream = Simulated()

    async def work(bench: Bench) -> list[str]:
        upstream.fail(Answer({"ok": True, "specimens": [specimen(number) for number in range(1, 9)], "count": 8}))
        return [image.id for image in (await bench.search("poppy")).images]

    assert herbarium(work, upstream) == [f"HB/1897/{number}" for number in (1, 2, 4, 5, 6, 8)]
    assert upstream.calls[0].query["rights"] == "cc0,by,by-nc"
    assert herbarium(lambda bench: bench.fetch("HB/1897/3")) is None


def test_the_list_ends_where_the_api_ends_it() -> None:
    """At a thousand, whatever the count says: the API refuses a page after that."""
    upstream = Simulated()

    async def work(bench: Bench) -> list[bool]:
        upstream.fail(Answer({"ok": True, "specimens": [], "count": 4000}))
        return [(await bench.given("poppy", page)).last for page in (24, 25)]

    assert herbarium(work, upstream) == [False, True]


def test_trouble_under_status_200_has_its_name() -> None:
    """A wrong key, too many calls with the seconds to wait, and anything else."""
    with pytest.raises(Unauthorized):
        herbarium(lambda bench: bench.search("poppy"), Simulated(key="another-key"))
    with pytest.raises(RateLimited) as limited:
        herbarium(lambda bench: bench.search("poppy"), Simulated(left=0))
    assert limited.value.retry_after == 90
    with pytest.raises(InvalidResponse, match="range"):
        herbarium(lambda bench: bench.search("poppy", 26))


def test_an_id_that_cannot_be_costs_no_call() -> None:
    """Only what looks like a specimen's id is looked up, its slashes encoded."""
    upstream = Simulated()

    async def work(bench: Bench) -> None:
        for id in ("7", "HB/1897/", "hb/1897/7", "HB/1897/7/8"):
            assert await bench.fetch(id) is None
        assert await bench.fetch("HB/1897/999") is None

    herbarium(work, upstream)
    assert [call.path for call in upstream.calls] == ["/api/specimens/HB%2F1897%2F999"]
