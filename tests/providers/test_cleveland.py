"""Tests of the Cleveland Museum of Art's provider, which is a TOML file, against a simulated museum."""

from collections.abc import Iterator
from typing import Any

import pytest
from imagevault_cleveland import plugin

from imagevault import Author, Declared, RateLimited
from imagevault.images import sanitize
from imagevault.images.attribution import attribution
from imagevault.testing import Answer
from imagevault.testing.bench import Bench
from imagevault.testing.contract import ProviderContract
from imagevault.testing.upstreams.cleveland import SimulatedCleveland, as_json, find, has_picture, is_open

CAT = [str(id) for id in find("cat") if is_open(id) and has_picture(id)]
WORK = as_json(100_020)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def cleveland() -> Iterator[SimulatedCleveland]:
    with SimulatedCleveland() as cleveland:
        yield cleveland


@pytest.fixture
async def bench(cleveland: SimulatedCleveland) -> Any:
    async with Bench(plugin, {}, cleveland) as bench:
        yield bench


async def lookup(bench: Bench, **changes: Any) -> Any:
    """A work with these changes, fetched through the plugin."""
    assert bench.upstream is not None
    bench.upstream.fail(Answer({"data": {**WORK, **changes}}), times=1)
    return await bench.fetch("100020")


class TestContract(ProviderContract):
    plugin = plugin

    def upstream(self) -> SimulatedCleveland:
        return SimulatedCleveland()


class TestSearch:
    async def test_asks_for_free_works_with_a_picture(self, bench: Bench, cleveland: SimulatedCleveland) -> None:
        page = await bench.search("Red fox 日本", 3)

        [call] = cleveland.calls
        assert call.path == "/api/artworks/"
        sent = dict(call.query)
        assert {"id", "images", "share_license_status"} <= set(sent.pop("fields").split(","))
        assert sent == {"q": "Red fox 日本", "skip": "200", "limit": "100", "cc0": "1", "has_image": "1"}
        assert page.images == []

    async def test_walks_to_the_end(self, bench: Bench) -> None:
        count = -(-len(CAT) // 100)
        pages = [await bench.search("cat", number + 1) for number in range(count)]

        assert [page.last for page in pages] == [False] * (count - 1) + [True]
        assert [image.id for page in pages for image in page.images] == CAT

    async def test_too_many_calls(self, bench: Bench, cleveland: SimulatedCleveland) -> None:
        cleveland.throttled = True

        with pytest.raises(RateLimited):
            await bench.search("cat")


class TestRecord:
    async def test_is_whole(self, bench: Bench) -> None:
        image = await lookup(bench)

        assert (image.id, image.title, image.date) == ("100020", "Object 100020", "c. 1874")
        assert image.description == "A round lid & a jar."
        assert image.author == Author("Ada Lind")
        assert image.license.id == "cc0-1.0"
        assert image.declared == Declared("share_license_status", "CC0")
        assert image.extra == {
            "culture": "Exampleland, 19th century",
            "technique": "clay",
            "accession number": "1950.100020",
        }
        assert image.tags == ["Vessel", "clay", "Ceramics"]
        assert image.source_url == "https://clevelandart.org/art/1950.100020"
        assert attribution(bench.provider.info, image).text == WORK["tombstone"]

    @pytest.mark.parametrize("status", ["Copyrighted", "Other", None])
    async def test_a_work_that_is_not_free(self, bench: Bench, status: str | None) -> None:
        assert await lookup(bench, share_license_status=status) is None

    @pytest.mark.parametrize("images", [None, {}, {"annotation": "x"}, {"web": None}])
    async def test_a_work_without_a_picture(self, bench: Bench, images: object) -> None:
        assert await lookup(bench, images=images) is None

    @pytest.mark.parametrize(
        ("kinds", "expected"),
        [
            (("web", "print", "full"), [("medium", "_web.jpg", 900), ("large", "_print.jpg", 3400)]),
            (("web", "full"), [("large", "_web.jpg", 900)]),
        ],
    )
    async def test_files(self, bench: Bench, kinds: tuple[str, ...], expected: list[tuple[str, str, int]]) -> None:
        images = {"annotation": "a note", **{kind: WORK["images"][kind] for kind in kinds}}

        image = await lookup(bench, images=images)

        files = [(file.name, "_" + (file.url or "").rpartition("_")[2], file.width) for file in image.renditions]
        assert files == expected
        assert image.width == expected[-1][2]

    @pytest.mark.parametrize(
        ("printed", "expected"),
        [
            ({"width": ""}, (None, None)),
            ({"height": None}, (None, None)),
            ({"url": None}, (int(WORK["images"]["web"]["width"]), int(WORK["images"]["web"]["height"]))),
        ],
    )
    async def test_sizes_of_two_files_are_not_mixed(
        self, bench: Bench, printed: dict[str, object], expected: tuple[int | None, int | None]
    ) -> None:
        images = {**WORK["images"], "print": {**WORK["images"]["print"], **printed}}

        image = sanitize.image(await lookup(bench, images=images), bench.provider.info, holds_files=False)

        largest = image.renditions[-1]
        assert (image.width, image.height) == (largest.width, largest.height) == expected

    async def test_a_title_that_ends_in_a_full_stop(self, bench: Bench) -> None:
        image = await lookup(bench, tombstone=None, title="Vase.", creators=[])

        shown = attribution(bench.provider.info, image)
        assert shown.text == "an unknown author. Vase. The Cleveland Museum of Art"

    @pytest.mark.parametrize(
        ("descriptions", "name"),
        [
            (["Ada Lind (American, 1848-1925)"], "Ada Lind"),
            (["El Ejemplo (Dov Amsel) (Greek, 1541-1614)"], "El Ejemplo (Dov Amsel)"),
            (["Ada Lind (American, 1848-1925)", "Studio"], "Ada Lind and Studio"),
            ([None], None),
            ([], None),
        ],
    )
    async def test_creators(self, bench: Bench, descriptions: list[str | None], name: str | None) -> None:
        """A culture takes no creator's place."""
        image = await lookup(bench, creators=[{"description": description} for description in descriptions])

        assert (image.author and image.author.name) == name

    @pytest.mark.parametrize(
        ("qualifier", "name"),
        [
            (None, "Ada Lind"),
            ("and", "Ada Lind"),
            ({"Id": 63, "Value": "and"}, "Ada Lind"),
            ("attributed to", "attributed to Ada Lind"),
            ({"Id": 7, "Value": "after"}, "after Ada Lind"),
            ({"Id": 7, "Value": None}, "Ada Lind"),
            (7, "Ada Lind"),
            ({}, "Ada Lind"),
        ],
    )
    async def test_how_sure_a_creator_is(self, bench: Bench, qualifier: object, name: str) -> None:
        """A copy "after Ada Lind" is not by her."""
        creator = {"description": "Ada Lind (American, 1848-1925)", "qualifier": qualifier}

        image = await lookup(bench, creators=[creator])

        assert image.author.name == name

    async def test_nothing_describes_what_a_picture_shows(self, bench: Bench) -> None:
        """The museum's text is about the work, and a note beside the files describes no picture."""
        image = await lookup(bench, images={**WORK["images"], "annotation": "The lid is open."})

        assert image.alt is None
        assert image.description == "A round lid & a jar."
