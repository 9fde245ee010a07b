"""Tests of Wellcome Collection's provider, which is a TOML file, against a simulated catalogue."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from imagevault_wellcome import plugin

from imagevault import Author, Declared, RateLimited
from imagevault.downloads.credits import with_license
from imagevault.images.attribution import attribution
from imagevault.search.filters import plan
from imagevault.testing import Answer, Upstream
from imagevault.testing.bench import Bench
from imagevault.testing.contract import ProviderContract
from imagevault.testing.upstreams.wellcome import SimulatedWellcome, as_json, find, license_of

RECORDED = Path(__file__).parent / "recorded" / "wellcome"
CAT = [f"w{number:06d}x" for number in find("cat") if license_of(number) != "inc"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def wellcome() -> Iterator[SimulatedWellcome]:
    with SimulatedWellcome() as wellcome:
        yield wellcome


@pytest.fixture
async def bench(wellcome: SimulatedWellcome) -> Any:
    async with Bench(plugin, {}, wellcome) as bench:
        yield bench


def location(**changes: Any) -> dict[str, Any]:
    """The location of the picture, with these changes."""
    return {**as_json(30)["locations"][0], **changes}


async def lookup(bench: Bench, **changes: Any) -> Any:
    """A picture with these changes, fetched through the plugin."""
    assert bench.upstream is not None
    bench.upstream.fail(Answer({**as_json(30), **changes}), times=1)
    return await bench.fetch("w000030x")


def source(**changes: Any) -> dict[str, Any]:
    return {**as_json(30)["source"], **changes}


class TestContract(ProviderContract):
    plugin = plugin

    def upstream(self) -> SimulatedWellcome:
        return SimulatedWellcome()


class TestSearch:
    async def test_asks_as_the_docs_say(self, bench: Bench, wellcome: SimulatedWellcome) -> None:
        await bench.search("Red fox 日本", 3)

        [call] = wellcome.calls
        assert call.path == "/catalogue/v2/images"
        assert (call.query["query"], call.query["page"], call.query["pageSize"]) == ("Red fox 日本", "3", "100")
        assert call.query["include"] == "source.contributors,source.genres,source.subjects"

    async def test_never_asks_for_what_is_in_copyright(self, bench: Bench, wellcome: SimulatedWellcome) -> None:
        page = await bench.search("cat")

        assert [image.id for image in page.images] == CAT[:100]
        licenses = wellcome.calls[0].query["locations.license"].split(",")
        assert "inc" not in licenses
        assert {"pdm", "cc-0", "cc-by", "cc-by-nc-nd", "ogl", "opl"} <= set(licenses)

    @pytest.mark.parametrize(
        ("use", "licenses"),
        [
            ("commercial", {"pdm", "cc-0", "cc-by", "cc-by-sa", "cc-by-nd", "ogl", "opl"}),
            ("modification", {"pdm", "cc-0", "cc-by", "cc-by-sa", "cc-by-nc", "cc-by-nc-sa", "ogl", "opl"}),
            ("public-domain", {"pdm", "cc-0"}),
        ],
    )
    async def test_the_licences_of_each_use(
        self, bench: Bench, wellcome: SimulatedWellcome, use: str, licenses: set[str]
    ) -> None:
        """And every record that comes back allows it."""
        native = bench.provider.info.filters["license"][use]
        page = await bench.search("cat", native={"license": native})

        assert set(wellcome.calls[0].query["locations.license"].split(",")) == licenses
        for image in page.images:
            assert image.license is not None
            allowed = {
                "commercial": image.license.commercial,
                "modification": image.license.modification,
                "public-domain": image.license.is_public_domain,
            }
            assert allowed[use]

    def test_colours_are_emulated(self) -> None:
        info = plugin.provider_info()

        assert list(info.filters) == ["license"]
        assert plan(info, {"color": "red"}).emulated == ["color"]

    async def test_walks_to_the_end(self, bench: Bench) -> None:
        pages = [await bench.search("cat", number) for number in range(1, 5)]

        assert [page.last for page in pages] == [False, False, False, True]
        assert [image.id for page in pages for image in page.images] == CAT
        assert pages[0].total == len(CAT)

    async def test_asks_nothing_behind_the_ten_thousandth(self, bench: Bench, wellcome: SimulatedWellcome) -> None:
        assert (await bench.search("everything", 100)).last
        assert (await bench.search("everything", 101)).images == []
        assert len(wellcome.calls) == 1

    async def test_too_many_calls(self, bench: Bench, wellcome: SimulatedWellcome) -> None:
        wellcome.throttled = True

        with pytest.raises(RateLimited):
            await bench.search("cat")


class TestRecord:
    async def test_is_whole(self, bench: Bench) -> None:
        image = await lookup(bench)

        assert (image.id, image.title, image.width) == ("w000030x", "Picture 30", None)
        assert image.author == Author("Bo Marsh, 1848-1925.")
        assert image.source_url == "https://wellcomecollection.org/works/k000030y/images?id=w000030x"
        assert image.tags == ["Wood engravings", "Jars"]
        assert image.declared == Declared("locations[].license.id", "cc-by")
        assert [(file.name, file.width, file.type) for file in image.renditions] == [
            ("thumbnail", None, "image/jpeg"),
            ("small", None, "image/jpeg"),
            ("medium", None, "image/jpeg"),
            ("original", None, "image/jpeg"),
        ]

    @pytest.mark.parametrize("asset", ["V0014401", "V0014401.jpg", "b28887505_0001.jp2", "B20166473.JP2"])
    async def test_files(self, bench: Bench, asset: str) -> None:
        url = f"https://iiif.wellcomecollection.org/image/{asset}/info.json"

        image = await lookup(bench, locations=[location(url=url)])

        host = "https://iiif.wellcomecollection.org"
        assert [file.url for file in image.renditions] == [
            f"{host}/thumbs/{asset}/full/!200,200/0/default.jpg",
            f"{host}/image/{asset}/full/400,/0/default.jpg",
            f"{host}/image/{asset}/full/960,/0/default.jpg",
            f"{host}/image/{asset}/full/full/0/default.jpg",
        ]

    async def test_the_location_of_the_picture(self, bench: Bench) -> None:
        book = location(
            locationType={"id": "iiif-presentation"}, url="https://iiif.wellcomecollection.org/presentation/b1"
        )

        image = await lookup(bench, locations=[book, location()])

        assert all("/presentation/" not in file.url for file in image.renditions)

    @pytest.mark.parametrize(
        ("id", "license", "commercial", "modification"),
        [
            ("pdm", "pdm-1.0", True, True),
            ("cc-0", "cc0-1.0", True, True),
            ("cc-by-nd", "cc-by-nd-4.0", True, False),
            ("cc-by-nc-sa", "cc-by-nc-sa-4.0", False, True),
            ("ogl", "ogl-3.0", True, True),
            ("opl", "opl", True, True),
        ],
    )
    async def test_licences(self, bench: Bench, id: str, license: str, commercial: bool, modification: bool) -> None:
        image = await lookup(bench, locations=[location(license={"id": id, "label": "?"})])

        found = image.license
        assert (found.id, found.commercial, found.modification) == (license, commercial, modification)

    @pytest.mark.parametrize("license", [{"id": "inc"}, {"id": "new"}, {}, None])
    async def test_a_picture_that_is_not_free_is_not_shown(self, bench: Bench, license: object) -> None:
        assert await lookup(bench, locations=[location(license=license)]) is None

    @pytest.mark.parametrize(
        ("statuses", "shown", "sensitive"),
        [
            (["open"], True, False),
            (["open-with-advisory"], True, True),
            (["restricted"], False, None),
            ([], True, None),
        ],
    )
    async def test_access(self, bench: Bench, statuses: list[str], shown: bool, sensitive: bool | None) -> None:
        conditions = [{"status": {"id": status}} for status in statuses]

        image = await lookup(bench, locations=[location(accessConditions=conditions)])

        assert (image is not None) is shown
        if image is not None:
            assert image.flags.sensitive is sensitive

    @pytest.mark.parametrize(
        ("ratio", "color", "expected"),
        [
            (1.5, "#8e847a", "#8E847A"),
            (1.0, "#ffffff", None),
            (1.0, "#8e847a", "#8E847A"),
            (1.5, "#ffffff", "#FFFFFF"),
            (1.0, "#FFFFFF", None),
        ],
    )
    async def test_the_colour(self, bench: Bench, ratio: float, color: str, expected: str | None) -> None:
        assert (await lookup(bench, aspectRatio=ratio, averageColor=color)).color == expected

    @pytest.mark.parametrize(
        ("changes", "credit"),
        [
            ({}, "Picture 30. Bo Marsh, 1848-1925. Wellcome Collection. {label}"),
            (
                {"source": source(title="A jar. Etching.", contributors=[])},
                "A jar. Etching. Wellcome Collection. {label}",
            ),
            (
                {"locations": [location(credit="University of Exampleton")], "source": source(contributors=None)},
                "Picture 30. University of Exampleton. {label}",
            ),
            (
                {
                    "locations": [location(credit="University X.")],
                    "source": source(title="What is it?", contributors=[]),
                },
                "What is it? University X. {label}",
            ),
        ],
    )
    async def test_the_credit(self, bench: Bench, changes: dict[str, Any], credit: str) -> None:
        image = await lookup(bench, **changes)

        shown = attribution(bench.provider.info, image)
        assert shown.text == credit.format(label=location()["license"]["label"])
        assert f'href="{image.source_url.replace("&", "&amp;")}"' in shown.html

    @pytest.mark.parametrize(
        ("id", "label", "named"),
        [
            ("pdm", "Public Domain Mark", "Public Domain Mark 1.0"),
            ("ogl", "Open Government Licence", "Open Government Licence 3.0"),
            ("cc-by", "Attribution 4.0 International (CC BY 4.0)", "Attribution 4.0 International (CC BY 4.0)"),
            ("opl", "Open Parliament Licence", "Open Parliament Licence"),
        ],
    )
    async def test_the_credit_names_the_licence_once(self, bench: Bench, id: str, label: str, named: str) -> None:
        """With a link to its text, which CC BY demands. An export adds the name where a credit lacks it."""
        image = await lookup(bench, locations=[location(license={"id": id, "label": label})])

        shown = with_license(attribution(bench.provider.info, image), image.license, (image.title, None))
        assert shown.text == f"Picture 30. Bo Marsh, 1848-1925. Wellcome Collection. {named}"
        assert f'<a href="{image.license.url}">{image.license.name}</a>' in shown.html
        assert f"]({image.license.url})" in shown.markdown

    async def test_nothing_describes_what_a_picture_shows(self, bench: Bench) -> None:
        """A title of a catalogue is no description, and all pictures of one book have the same."""
        image = await lookup(bench, source=source(title="A jar with a lid, seen from above. Etching."))

        assert (image.alt, image.description) == (None, None)


class TestRecorded:
    """Invented answers in the form of the real ones."""

    async def test_a_search_and_an_unknown_id(self) -> None:
        with Upstream() as recorded:
            async with Bench(plugin, {}, recorded) as bench:
                recorded.fail(Answer((RECORDED / "search.json").read_bytes()), times=1)
                page = await bench.search("foot")
                recorded.fail(Answer((RECORDED / "error_404.json").read_bytes(), 404), times=1)
                missing = await bench.fetch("zzzzzzzz")

        content = json.loads((RECORDED / "search.json").read_bytes())
        assert (page.total, page.last) == (content["totalResults"], True)
        assert [image.id for image in page.images] == ["aaaaaaaa"]  # the second is in copyright
        assert missing is None
