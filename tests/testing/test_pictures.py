"""A gallery of every simulated upstream, through a real gateway: each picture is there, and is what its record says."""

import asyncio
import io
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from PIL import Image

from imagevault.images.renditions import SAME_SHAPE
from imagevault.testing.simulated import SIMULATED, environment
from imagevault.testing.upstream import Upstream
from imagevault.testing.upstreams.openverse import SimulatedOpenverse

RESULTS = [30, pytest.param(200, marks=pytest.mark.soak)]  # each picture is drawn, which takes 20 ms
MANY = {"smithsonian": "cat", "pexels": "nature", "openverse": "nature", "pixabay": "nature", "unsplash": "nature"}
QUOTAS = {"met": "100000/minute, 1000/second", "openverse": "100000/minute, 100000/day"}  # 200 results cost 200 calls
SAMPLE = 25  # of every so many images, all files are fetched
AT_ONCE = 8


@pytest.fixture(params=list(SIMULATED))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def _originals_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow warns of a bomb above 89 megapixels. Only the heads of those are read here."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)


def environ(name: str, upstream: Upstream) -> dict[str, str]:
    """The environment of a gateway with this provider, whose quotas suffice for a walk."""
    if isinstance(upstream, SimulatedOpenverse):
        for throttle in upstream.throttles.values():
            throttle.limit = 100_000
    quota = {f"{name.upper()}_QUOTA": QUOTAS[name]} if name in QUOTAS else {}
    patient = {f"{name.upper()}_ENABLED": "true", f"{name.upper()}_TIMEOUT": "20"}
    return environment(name, upstream) | quota | patient | {"IMAGEVAULT_SEARCH": "open"}


async def walk(api: Any, name: str, words: str, most: int) -> list[dict[str, Any]]:
    """The records of a search, page by page."""
    records: list[dict[str, Any]] = []
    query: Mapping[str, Any] = {"q": words, "provider": name, "per_page": 50}
    while len(records) < most:
        answer = await api.get("/search", params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert [status["status"] for status in page["providers"]] == ["ok"], page["providers"]
        records += page["images"]
        if page["next"] is None:
            break
        query = {"cursor": page["next"]}
    return records[:most]


def has_shape(size: tuple[int, int], record: Mapping[str, Any]) -> bool:
    """Whether a picture has the shape that its record states, if it states one."""
    if not record["width"] or not record["height"]:
        return True
    ratio = (size[0] * record["height"]) / (size[1] * record["width"])
    return bool(abs(ratio - 1) <= SAME_SHAPE)


def wrong(file: Mapping[str, Any], answer: httpx.Response) -> str:
    """What is wrong with the answer to the address of a preview or a rendition; empty if all is well."""
    if answer.status_code != 200:
        return f"status {answer.status_code}"
    with Image.open(io.BytesIO(answer.content)) as picture:
        type = Image.MIME[picture.format or ""]
        size = picture.size
    if answer.headers["content-type"] != type:
        return f"sent as {answer.headers['content-type']}, but {type}"
    if file["type"] not in {None, type}:
        return f"said to be {file['type']}, but {type}"
    if file["width"] and (file["width"], file["height"]) != size:
        return f"said to have {file['width']} x {file['height']} pixels, but {size}"
    return ""


class TestGallery:
    @pytest.mark.parametrize("results", RESULTS)
    async def test_every_preview_is_what_its_record_says(self, name: str, results: int, start: Any) -> None:
        """Of all results: there, of the type and size that is stated, and of the shape of the original."""
        with SIMULATED[name]() as upstream:
            api = await start(environ(name, upstream))
            records = await walk(api, name, MANY.get(name, "everything"), results)
            base = f"http://127.0.0.1:{upstream.port}/"
            turn = asyncio.Semaphore(AT_ONCE)

            async def fault(http: httpx.AsyncClient, record: dict[str, Any], file: dict[str, Any]) -> str:
                async with turn:
                    answer = await http.get(file["url"])
                problem = wrong(file, answer)
                if not problem and file is record["preview"]:
                    with Image.open(io.BytesIO(answer.content)) as picture:
                        picture.load()
                        problem = "" if has_shape(picture.size, record) else f"of another shape, {picture.size}"
                return f"{file['url']} of {record['id']}: {problem}" if problem else ""

            async with httpx.AsyncClient(timeout=60) as http:
                files = [(record, record["preview"]) for record in records]
                files += [(record, file) for record in records[::SAMPLE] for file in record["renditions"]]
                assert all(file["url"].startswith(base) for _, file in files)
                faults = await asyncio.gather(*(fault(http, record, file) for record, file in files))

        assert [fault for fault in faults if fault] == []
        assert len(records) == results

    async def test_results_are_about_the_words(self, name: str, start: Any) -> None:
        """Each record has them in its title, its tags or its texts, and a look-up says the same."""
        with SIMULATED[name]() as upstream:
            api = await start(environ(name, upstream))
            records = await walk(api, name, "red fox", 30)
            others = await walk(api, name, "Blue <lake> & c++", 30)
            found = (await api.get(f"/images/{records[0]['id']}")).json()

        for words, shown in (("red fox", records), ("blue lake", others)):
            assert len(shown) > 10
            for record in shown:
                texts = [record["title"], record["alt"], record["description"], *record["tags"]]
                text = " ".join(filter(None, texts)).casefold()
                assert all(word in text for word in words.split()), record
        assert (found["id"], found["title"]) == (records[0]["id"], records[0]["title"])

    async def test_is_the_same_each_time(self, name: str, start: Any) -> None:
        """In every process: words alone decide what they find."""
        found: list[list[tuple[str, str | None, int | None]]] = []
        for words in ("red fox", "red fox"):
            with SIMULATED[name]() as upstream:
                api = await start(environ(name, upstream) | {"IMAGEVAULT_DATA": f"data-{len(found)}"})
                records = await walk(api, name, words, 10)
                found.append([(record["id"], record["title"], record["preview"]["width"]) for record in records])

        assert found[0] == found[1]
