"""Tests of SMK's provider, which is a TOML file, against a simulated museum."""

from collections.abc import Iterator
from typing import Any

import pytest
from imagevault_smk import plugin

from imagevault import Author, RateLimited
from imagevault.images.attribution import attribution
from imagevault.testing import Answer
from imagevault.testing.bench import Bench
from imagevault.testing.contract import ProviderContract
from imagevault.testing.upstreams.smk import IN_COPYRIGHT, SimulatedSmk, as_json, find, is_open, number_of

CAT = [number_of(number) for number in find("cat") if is_open(number) and number % 9 != 5]
WORK = as_json(20)
IIIF = "https://iip.smk.dk/iiif/jp2/kms20.tif.jp2"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def smk() -> Iterator[SimulatedSmk]:
    with SimulatedSmk() as smk:
        yield smk


@pytest.fixture
async def bench(smk: SimulatedSmk) -> Any:
    async with Bench(plugin, {}, smk) as bench:
        yield bench


async def lookup(bench: Bench, **changes: Any) -> Any:
    """A work with these changes, fetched through the plugin; a field that is changed to `...` is missing."""
    assert bench.upstream is not None
    work = {name: value for name, value in {**WORK, **changes}.items() if value is not ...}
    bench.upstream.fail(Answer({"items": [work]}), times=1)
    return await bench.fetch(work["object_number"])


class TestContract(ProviderContract):
    plugin = plugin
    may_find_nothing = ("image.let.makers", "image.let.after", "image.description", "image.extra.after")

    def upstream(self) -> SimulatedSmk:
        return SimulatedSmk()


class TestSearch:
    async def test_asks_for_free_works_with_a_picture(self, bench: Bench, smk: SimulatedSmk) -> None:
        page = await bench.search("cat", 2)

        [call] = smk.calls
        assert dict(call.query) == {
            "keys": "cat",
            "filters": "[public_domain:true],[has_image:true]",
            "offset": "100",
            "rows": "100",
            "lang": "en",
        }
        assert [image.id for image in page.images] == CAT[100:200]

    @pytest.mark.parametrize(
        ("typed", "sent"),
        [("Red fox 日本", "Red fox 日本"), ('"fox" [den]: (x)', "fox den x"), ("50% Ærø", "50% Ærø"), ("?!", None)],
    )
    async def test_words(self, bench: Bench, smk: SimulatedSmk, typed: str, sent: str | None) -> None:
        await bench.search(typed)

        assert [call.query["keys"] for call in smk.calls] == ([sent] if sent else [])

    async def test_walks_to_the_end(self, bench: Bench) -> None:
        count = -(-len(CAT) // 100)
        pages = [await bench.search("cat", number + 1) for number in range(count)]

        assert [page.last for page in pages] == [False] * (count - 1) + [True]
        assert [image.id for page in pages for image in page.images] == CAT

    async def test_behind_the_end(self, bench: Bench) -> None:
        page = await bench.search("cat", 9)

        assert (page.images, page.last) == ([], True)

    async def test_too_many_calls(self, bench: Bench, smk: SimulatedSmk) -> None:
        smk.throttled = True

        with pytest.raises(RateLimited):
            await bench.search("cat")


class TestLookup:
    async def test_a_number_with_a_slash(self, bench: Bench, smk: SimulatedSmk) -> None:
        image = await bench.fetch("KMS28/2")

        assert image is not None
        assert image.id == "KMS28/2"
        assert image.source_url == "https://open.smk.dk/artwork/image/KMS28/2"

    @pytest.mark.parametrize("id", ["KMS99999", "kms20", "NOPE-0", "x" * 90])
    async def test_unknown(self, bench: Bench, id: str) -> None:
        assert await bench.fetch(id) is None


class TestRecord:
    async def test_is_whole(self, bench: Bench) -> None:
        image = await lookup(bench)

        assert (image.id, image.title, image.date) == ("KMS20", "Jar 20", "1896")
        assert image.author == Author("Ada Lind")
        assert image.license.id == "pdm-1.0"
        assert image.tags == ["Painting", "Oil on canvas", "canvas"]
        assert image.extra == {"technique": "Oil on canvas", "object number": "KMS20"}
        assert attribution(bench.provider.info, image).text == "Ada Lind, Jar 20, 1896. SMK, Statens Museum for Kunst"

    @pytest.mark.parametrize(
        ("changes", "title"),
        [
            ({"titles": [{"title": "Krukke", "language": "dansk"}]}, "Krukke"),
            ({"titles": []}, "Painting"),
            ({"titles": ...}, "Painting"),
            ({"titles": ..., "object_names": ...}, None),
        ],
    )
    async def test_titles(self, bench: Bench, changes: dict[str, Any], title: str | None) -> None:
        assert (await lookup(bench, **changes)).title == title

    @pytest.mark.parametrize(
        ("artist", "name"),
        [(["Ada Lind", "Bo Marsh"], "Ada Lind, Bo Marsh"), (["Unknown"], None), ([], None), (..., None)],
    )
    async def test_artists(self, bench: Bench, artist: object, name: str | None) -> None:
        image = await lookup(bench, artist=artist)

        assert (image.author and image.author.name) == name

    @pytest.mark.parametrize(
        ("production", "name", "after"),
        [
            ([{"creator": "Lind, Ada", "creator_forename": "Ada", "creator_surname": "Lind"}], "Ada Lind", None),
            ([{"creator": "Lind, Ada"}, {"creator": "Ubekendt"}], "Lind, Ada", None),
            ([{}, {"creator": None}, {"creator_role": None}], None, None),
            ([], None, None),
        ],
    )
    async def test_artists_of_an_answer_without_their_list(
        self, bench: Bench, production: object, name: str | None, after: str | None
    ) -> None:
        image = await lookup(bench, artist=..., production=production)

        assert (image.author and image.author.name, image.extra.get("after")) == (name, after)

    async def test_who_made_the_model_is_not_the_artist(self, bench: Bench) -> None:
        """`artist` names both."""
        engraver = {"creator": "Lind, Ada", "creator_forename": "Ada", "creator_surname": "Lind"}
        painter = {"creator": "Marsh, Bo", "creator_role": "after"}

        print_ = await lookup(bench, artist=["Ada Lind", "Bo Marsh"], production=[engraver, painter])
        copy = await lookup(bench, artist=["Bo Marsh"], production=[painter])

        assert (print_.author, print_.extra["after"]) == (Author("Ada Lind"), "Marsh, Bo")
        assert (copy.author, copy.extra["after"]) == (None, "Marsh, Bo")
        assert attribution(bench.provider.info, copy).text == "Jar 20, 1896. SMK, Statens Museum for Kunst"

    async def test_the_page_of_an_answer_without_its_address(self, bench: Bench) -> None:
        image = await lookup(bench, object_number="KMSst28Ø", frontend_url=...)

        assert image.source_url == "https://open.smk.dk/artwork/image/KMSst28%C3%98"

    async def test_nothing_describes_what_a_picture_shows(self, bench: Bench) -> None:
        """Neither a title nor the museum's label does."""
        image = await lookup(bench, labels=[{"text": "Painted in the year of the first exhibition."}])

        assert image.alt is None
        assert image.description == "Painted in the year of the first exhibition."

    @pytest.mark.parametrize(
        "changes",
        [
            {"public_domain": False},
            {"public_domain": "false"},
            {"has_image": False},
            {"rights": IN_COPYRIGHT},
            {"rights": ...},
            {"rights": "x"},
        ],
    )
    async def test_a_work_that_is_not_free(self, bench: Bench, changes: dict[str, Any]) -> None:
        assert await lookup(bench, **changes) is None

    @pytest.mark.parametrize(
        ("rights", "license"),
        [
            ("https://creativecommons.org/publicdomain/mark/1.0/", "pdm-1.0"),
            ("https://creativecommons.org/share-your-work/public-domain/cc0/", "cc0-1.0"),
        ],
    )
    async def test_licences(self, bench: Bench, rights: str, license: str) -> None:
        assert (await lookup(bench, rights=rights)).license.id == license

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            (
                {},
                [
                    ("small", f"{IIIF}/full/400,/0/default.jpg", 400, 267),
                    ("medium", f"{IIIF}/full/1024,/0/default.jpg", 1024, 683),
                    ("large", f"{IIIF}/full/2048,/0/default.jpg", 2048, 1365),
                    ("original", WORK["image_native"], 6000, 4000),
                ],
            ),
            (
                {"image_width": 900, "image_height": 600},
                [
                    ("small", f"{IIIF}/full/400,/0/default.jpg", 400, 267),
                    ("original", WORK["image_native"], 900, 600),
                ],
            ),
            ({"image_iiif_id": ...}, [("original", WORK["image_native"], 6000, 4000)]),
        ],
    )
    async def test_files(self, bench: Bench, changes: dict[str, Any], expected: list[Any]) -> None:
        image = await lookup(bench, **changes)

        assert [(file.name, file.url, file.width, file.height) for file in image.renditions] == expected


@pytest.mark.parametrize(
    ("changes", "credit"),
    [
        ({"titles": [{"title": "Interiør."}], "production_date": []}, "Interiør. SMK, Statens Museum for Kunst"),
        (
            {"titles": [{"title": "Interiør."}], "production_date": [{"period": "1896."}]},
            "Interiør, 1896. SMK, Statens Museum for Kunst",
        ),
        ({"titles": [{"title": "Hvem?"}], "production_date": []}, "Hvem? SMK, Statens Museum for Kunst"),
    ],
)
async def test_no_full_stop_follows_another(bench: Bench, changes: dict[str, Any], credit: str) -> None:
    image = await lookup(bench, artist=["Ubekendt"], **changes)

    assert image.credit == credit
