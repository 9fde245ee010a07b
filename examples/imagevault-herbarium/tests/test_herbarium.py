"""Tests of the Open Herbarium: the contract of every provider, and what only this provider does."""

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
    """Run `work` with the provider behind the gateway's transport and sanitizing."""
    return on_bench(imagevault_herbarium, SETTINGS, upstream or Simulated(), work)


class TestContract(ProviderContract):
    """The contract of every provider."""

    plugin = imagevault_herbarium
    settings = SETTINGS

    def upstream(self) -> Simulated:
        """Each test gets a new herbarium."""
        return Simulated()


def test_the_record() -> None:
    """The title has no markup, and each rendition has the size of its file."""
    image = herbarium(lambda bench: bench.fetch("HB/1897/5"))

    assert image is not None
    assert (image.title, image.tags) == ("Papaver rhoeas L., sheet 5", ["Papaveraceae"])
    assert image.license is not None
    assert (image.license.id, image.license.attribution_required) == ("cc-by-4.0", True)
    assert [(rendition.name, rendition.width, rendition.height) for rendition in image.renditions] == [
        ("thumbnail", 300, 200),
        ("medium", 1000, 667),
        ("original", 6000, 4000),
    ]
    assert image.renditions[0].url == "https://pictures.herbarium.example/hb%201897%205/300.jpg"


def test_only_what_is_free_and_photographed_is_found() -> None:
    """Other specimens give no image, even if the API sends them."""
    upstream = Simulated()

    async def work(bench: Bench) -> list[str]:
        upstream.fail(Answer({"ok": True, "specimens": [specimen(number) for number in range(1, 9)], "count": 8}))
        return [image.id for image in (await bench.search("poppy")).images]

    assert herbarium(work, upstream) == [f"HB/1897/{number}" for number in (1, 2, 4, 5, 6, 8)]
    assert upstream.calls[0].query["rights"] == "cc0,by,by-nc"
    assert herbarium(lambda bench: bench.fetch("HB/1897/3")) is None


def test_the_list_ends_where_the_api_ends_it() -> None:
    """The API refuses a page after the thousandth specimen, whatever its count says."""
    upstream = Simulated()

    async def work(bench: Bench) -> list[bool]:
        upstream.fail(Answer({"ok": True, "specimens": [], "count": 4000}))
        return [(await bench.given("poppy", page)).last for page in (24, 25)]

    assert herbarium(work, upstream) == [False, True]


def test_failures_under_status_200_raise_the_right_error() -> None:
    """A wrong key, too many calls with the seconds to wait, and any other failure."""
    with pytest.raises(Unauthorized):
        herbarium(lambda bench: bench.search("poppy"), Simulated(key="another-key"))
    with pytest.raises(RateLimited) as limited:
        herbarium(lambda bench: bench.search("poppy"), Simulated(left=0))
    assert limited.value.retry_after == 90
    with pytest.raises(InvalidResponse, match="range"):
        herbarium(lambda bench: bench.search("poppy", 26))


def test_an_id_of_another_form_costs_no_call() -> None:
    """Only an id in the form of a specimen's is looked up, with its slashes encoded."""
    upstream = Simulated()

    async def work(bench: Bench) -> None:
        for id in ("7", "HB/1897/", "hb/1897/7", "HB/1897/7/8"):
            assert await bench.fetch(id) is None
        assert await bench.fetch("HB/1897/999") is None

    herbarium(work, upstream)
    assert [call.path for call in upstream.calls] == ["/api/specimens/HB%2F1897%2F999"]
