"""A page of hostile records holds the event loop for one record at a time, so that other requests run in between."""

import asyncio
import re
import time
from asyncio import events
from collections.abc import Callable, Mapping
from typing import Any

import imagevault_europeana
import imagevault_flickr
import imagevault_nasa
import imagevault_openverse
import imagevault_pexels
import imagevault_pixabay
import imagevault_smithsonian
import imagevault_wikimedia
import msgspec
import pytest

from imagevault.images import sanitize
from imagevault.testing import faults
from imagevault.testing.bench import Bench
from imagevault.testing.upstream import Upstream
from imagevault.testing.upstreams.europeana import SimulatedEuropeana
from imagevault.testing.upstreams.flickr import SimulatedFlickr
from imagevault.testing.upstreams.nasa import SimulatedNasa
from imagevault.testing.upstreams.openverse import SimulatedOpenverse
from imagevault.testing.upstreams.pexels import SimulatedPexels
from imagevault.testing.upstreams.pixabay import SimulatedPixabay
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
TRIES = 9  # of which the fastest counts: what else a machine does makes some of them slow, and a fault all of them
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


def changed(path: str, value: object) -> Callable[[Any], None]:
    """A change of what a path of an answer leads to; `*` stands for every element of a list."""

    def change(answer: Any, steps: list[str]) -> None:
        step, *below = steps
        if step == "*":
            for element in answer:
                change(element, below)
        elif below:
            change(answer[int(step) if isinstance(answer, list) else step], below)
        else:
            answer[step] = value

    return lambda answer: change(answer, path.split("."))


@pytest.fixture
def holds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of CPU time that each callback of the event loop takes."""
    seconds: list[float] = []
    run = events.Handle._run

    def timed(handle: events.Handle) -> None:
        start = time.thread_time()
        run(handle)
        seconds.append(time.thread_time() - start)

    monkeypatch.setattr(events.Handle, "_run", timed)
    return seconds


def longest_hold() -> float:
    """How long decoding 200 000 small objects takes on this machine: some 50 ms where it is at rest."""
    body = b"[" + b'{"a":"b"},' * 200_000 + b"0]"
    start = time.thread_time()
    msgspec.json.decode(body)
    return time.thread_time() - start


MEDIA = "response.rows.1.content.descriptiveNonRepeating.online_media.media"
WORDS = [f"w{number}" for number in range(300_000)]
EUROPEANA = (imagevault_europeana, KEY, SimulatedEuropeana)
FLICKR, NASA, OPENVERSE, SMITHSONIAN, WIKIMEDIA = PROVIDERS
PEXELS = (imagevault_pexels, KEY, SimulatedPexels)
PIXABAY = (imagevault_pixabay, KEY, SimulatedPixabay)
ODD = ("https://pixabay.com/users/" + "%C3%A9" * 3000, "é" * 10_000)
FIELDS: list[tuple[tuple[Any, Mapping[str, str], type[Upstream]], str, object]] = [
    (EUROPEANA, "items.0.dcDescriptionLangAware", {word: ["x"] for word in WORDS[:250_000]}),
    (EUROPEANA, "items.0.edmAgentLabel", [{"def": "x"}] * 300_000),
    (EUROPEANA, "items.0.edmAgentLabel", [{"def": "Ada " * 400_000}]),
    (FLICKR, "photos.photo.0.tags", "a " * 2_100_000),
    (NASA, "collection.items.0.links", [{"href": "x~y"}] * 250_000),
    (OPENVERSE, "results.0.tags", [{"name": word} for word in WORDS[:230_000]]),
    (PEXELS, "photos.*.url", "https://www.pexels.com/photo/" + "%C3%A9" * 8000 + "-7/"),
    (PIXABAY, "hits.*.pageURL", ODD[0]),
    (PIXABAY, "hits.*.user", ODD[1]),
    (PIXABAY, "hits.*.tags", "a, " * 800),
    (SMITHSONIAN, "response.rows.0.content.freetext.notes", [{"label": "Note", "content": "<i>x</i>"}] * 100_000),
    (SMITHSONIAN, "response.rows.0.content.indexedStructured.topic", WORDS),
    (SMITHSONIAN, MEDIA, [{"type": "x", "usage": {}}] * 150_000),
    (SMITHSONIAN, f"{MEDIA}.0.resources", [{"label": "x", "url": "y"}] * 150_000),
    (WIKIMEDIA, "query.pages.0.imageinfo.0.responsiveUrls", dict.fromkeys(WORDS, "x")),
]


@pytest.mark.parametrize(
    ("provider", "path", "value"), FIELDS, ids=[f"{provider[0].__name__} {path}" for provider, path, _ in FIELDS]
)
async def test_one_answer_holds_it_for_a_moment_only(
    provider: tuple[Any, Mapping[str, str], type[Upstream]], path: str, value: object, holds: list[float]
) -> None:
    """Lists and texts as long as an answer may be cost their own record at most."""
    plugin, settings, simulated = provider
    most = min(longest_hold() for _ in range(3))
    longest: list[float] = []
    with simulated() as upstream:
        async with Bench(plugin, settings, upstream) as bench:
            plain = await bench.given("cat")
            upstream.fail(faults.changed(changed(path, value)))
            while len(longest) < TRIES and min(longest, default=most) >= most:
                bench.configure(settings)
                await asyncio.sleep(0)
                holds.clear()
                page = await bench.given("cat")
                await asyncio.sleep(0)
                for image in page.images:
                    sanitize.image(image, bench.provider.info, holds_files=False)
                    await asyncio.sleep(0)
                longest.append(max(holds))

    assert len(page.images) >= len(plain.images) - 1
    assert min(longest) < most
