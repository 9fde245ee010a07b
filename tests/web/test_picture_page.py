"""The page of one picture."""

import asyncio
import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from imagevault.images.record import ImageRecord, Rendition
from imagevault.testing import Upstream, faults
from imagevault.testing.upstreams.pexels import SimulatedPexels
from imagevault.web.picture_page import choose_shown

OPEN = {"IMAGEVAULT_SEARCH": "open"}
# A provider whose pictures are on Flickr under the same numbers as those of the others.
PLUGIN = """
import httpx

from imagevault import Image, License, Page, ProviderInfo, Rendition, SearchQuery, hookimpl


@hookimpl
def provider_info() -> ProviderInfo:
    return ProviderInfo(
        title="NAME",
        base_url="https://api.NAME.example/",
        page_size=5,
        license=License("free", "Free licence"),
        file_hosts={"files.NAME.example"},
        tells_sizes=True,
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient) -> Page:
    return Page([], last=True)


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient) -> Image:
    (await http.get("NAME")).raise_for_status()
    return Image(
        id=image_id,
        source_url=f"https://www.flickr.com/photos/ann/{image_id}",
        width=200,
        height=100,
        renditions=[Rendition(name="original", url=f"https://files.NAME.example/{image_id}.jpg")],
    )
"""
PROVIDERS = ("archive", "index", "museum")


class TestSamePicture:
    @pytest.fixture
    def upstream(self) -> Iterator[Upstream]:
        with Upstream("/") as upstream:
            upstream.get("{name}")(lambda _, name: {"name": name})
            yield upstream

    @pytest.fixture
    async def api(self, start: Any, tmp_path: Path, upstream: Upstream) -> Any:
        (tmp_path / "plugins").mkdir()
        for name in PROVIDERS:
            (tmp_path / "plugins" / f"{name}.py").write_text(PLUGIN.replace("NAME", name))
        addresses = {f"{name.upper()}_BASE_URL": upstream.url for name in PROVIDERS}
        return await start({**OPEN, **addresses, "IMAGEVAULT_PLUGINS_DIR": "plugins"})

    async def test_its_other_records_link_to_each_other(self, api: Any) -> None:
        """Neither the other records nor what the reader agreed to gets lost on the way."""
        response = await api.get("/picture/archive:7?also=index:7,museum:7,local:fox-in-snow.jpg&pictures=yes")
        text = html.unescape(response.text)

        assert 'href="/picture/index:7?also=archive:7,museum:7&pictures=yes"' in text
        assert 'href="/picture/museum:7?also=archive:7,index:7&pictures=yes"' in text
        assert "local:fox-in-snow.jpg" not in text

    async def test_its_other_records_are_looked_up_together(self, api: Any, upstream: Upstream) -> None:
        """One that is slow does not hold up the others."""
        for name in PROVIDERS[1:]:
            upstream.fail(faults.hang(), path=name)

        asked = asyncio.create_task(api.get("/picture/archive:7?also=index:7,museum:7"))
        await asyncio.to_thread(upstream.wait_for_calls, 3)
        upstream.heal()

        assert "Also at" in (await asked).text

    async def test_the_way_through_the_sign_in_leads_back_to_it(self, api: Any) -> None:
        text = html.unescape((await api.get("/picture/archive:7?also=index:7,museum:7")).text)

        assert 'href="/my/sign-in?next=%2Fpicture%2Farchive%3A7%3Falso%3Dindex%3A7%2Cmuseum%3A7"' in text

    async def test_the_place_for_a_file_of_unknown_size_has_the_shape_of_the_picture(self, api: Any) -> None:
        text = (await api.get("/picture/archive:7")).text

        assert re.search(r'<img src="https://files.archive.example/7.jpg"[^>]* width="200" height="100">', text)


class TestPage:
    async def test_shows_credit_licence_and_files(self, start: Any, configured: dict[str, str]) -> None:
        api = await start({**OPEN, **configured})
        found = (await api.get("/search", params={"q": "red fox"})).json()["images"][0]

        response = await api.get(f"/picture/{found['id']}")
        text = html.unescape(response.text)

        assert response.status_code == 200
        assert found["attribution"]["markdown"] in text
        assert found["attribution"]["html"] in text
        assert "Commercial use is allowed." in text
        assert "Credit is not required." in text
        for rendition in found["renditions"]:
            assert rendition["url"] in text

    async def test_names_the_records_of_the_same_picture_only(self, start: Any, configured: dict[str, str]) -> None:
        """An address can name any; one that is another picture is left out."""
        api = await start({**OPEN, **configured})

        response = await api.get(
            "/picture/local:fox-in-snow.jpg?also=pexels:2014422,pexels:1,nothing:2,local:aurora.jpg"
        )

        assert response.status_code == 200
        assert "Also at" not in response.text

    async def test_needs_an_account_where_searching_does(self, start: Any) -> None:
        api = await start()

        response = await api.get("/picture/local:fox-in-snow.jpg")
        allowed = await api.get("/picture/local:fox-in-snow.jpg", headers=await api.sign_in())

        assert (response.status_code, allowed.status_code) == (401, 200)
        assert "needs an account" in response.text

    @pytest.mark.parametrize(
        ("id", "status", "words"),
        [
            ("local:nothing.jpg", 404, "has no image"),
            ("nothing:1", 400, "there is no provider nothing"),
            ("pexels:1", 503, "PEXELS_API_KEY"),
            ("x", 400, "a colon"),
        ],
    )
    async def test_an_error_is_a_page_too(self, start: Any, id: str, status: int, words: str) -> None:
        api = await start(OPEN)

        response = await api.get(f"/picture/{id}")

        assert (response.status_code, response.headers["content-type"]) == (status, "text/html; charset=utf-8")
        assert words in html.unescape(response.text)
        assert 'href="/"' in response.text
        assert response.headers["content-security-policy"].startswith("default-src 'none'")

    async def test_an_error_of_the_upstream_is_a_page_too(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        api = await start({**OPEN, **configured})
        pexels.stop()

        response = await api.get("/picture/pexels:2014422")

        assert (response.status_code, response.headers["content-type"]) == (502, "text/html; charset=utf-8")


class TestChoice:
    """Which file the page shows."""

    @pytest.fixture
    async def record(self, start: Any) -> ImageRecord:
        api = await start(OPEN)
        return msgspec.json.decode((await api.get("/images/local:fox-in-snow.jpg")).content, type=ImageRecord)

    def choose(self, record: ImageRecord, *renditions: tuple[str, int | None, str | None]) -> str | None:
        files = [
            Rendition(name="large", url=url, width=width, height=width, type=type) for url, width, type in renditions
        ]
        shown = choose_shown(msgspec.structs.replace(record, renditions=files), {"https://a.example"})
        return None if shown is None else shown.url

    async def test_the_widest_that_fits(self, record: ImageRecord) -> None:
        url = self.choose(
            record,
            ("https://a.example/1", 300, None),
            ("https://a.example/2", 1600, "image/jpeg"),
            ("https://a.example/3", 1601, "image/jpeg"),
        )

        assert url == "https://a.example/2"

    async def test_the_narrowest_where_none_fits(self, record: ImageRecord) -> None:
        url = self.choose(record, ("https://a.example/1", 2000, None), ("https://a.example/2", 3000, None))

        assert url == "https://a.example/1"

    async def test_none_of_another_host_or_of_a_type_that_browsers_lack(self, record: ImageRecord) -> None:
        assert self.choose(record, ("https://b.example/1", 300, None)) is None
        assert self.choose(record, ("http://a.example/1", 300, None)) is None
        assert self.choose(record, ("https://a.example/1", 300, "image/tiff")) is None
