"""The ledger through the whole server, on both engines."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from imagevault.downloads.tables import Download
from imagevault.testing.upstreams.pexels import SimulatedPexels
from tests.support.waiting import EVENT_LIMIT

ODD = r"""
from imagevault import Image, License, Page, ProviderInfo, Rendition, hookimpl


@hookimpl
def provider_info() -> ProviderInfo:
    return ProviderInfo(
        title="Odd",
        base_url="https://api.odd.example/",
        page_size=1,
        license=License("odd", "Odd"),
        file_hosts={"files.odd.example"},
    )


@hookimpl
async def search_images() -> Page:
    file = Rendition(name="original", url="https://files.odd.example/1.jpg")
    return Page([Image(id="1", title="A\x00lily", ref="\x00photos/\ud8001", renditions=[file])], last=True)


@hookimpl
async def image_downloaded() -> None:
    return None
"""


async def a_sample(api: Any, headers: dict[str, str]) -> dict[str, Any]:
    response = await api.get("/search", params={"q": "mountain", "provider": "local"}, headers=headers)
    return response.json()["images"][0]  # type: ignore[no-any-return]


class TestDownload:
    async def test_keeps_the_image_with_its_credit(self, api: Any) -> None:
        """201 and the record: title, author, licence, credit; the same again in the list."""
        headers = await api.sign_in()
        image = await a_sample(api, headers)

        kept = await api.post(
            "/download", json={"image": image["id"], "project": "atlas", "note": "cover"}, headers=headers
        )
        listed = await api.get("/downloads", headers=headers)

        assert kept.status_code == 201
        record = kept.json()
        assert record["image"] == image["id"]
        assert record["rendition"] == "original"
        assert (record["width"], record["height"]) == (image["width"], image["height"])
        for field in ("title", "author", "license", "attribution", "source_url", "provider"):
            assert record[field] == image[field], field
        assert (record["project"], record["note"]) == ("atlas", "cover")
        assert listed.json() == {"downloads": [record], "next": None}

    async def test_takes_characters_that_a_database_refuses(
        self, start: Any, database_url: str, tmp_path: Path
    ) -> None:
        """PostgreSQL stores no NUL; neither stores half a surrogate pair."""
        (tmp_path / "plugins").mkdir()
        (tmp_path / "plugins" / "odd.py").write_text(ODD)
        api = await start({"DATABASE_URL": database_url, "IMAGEVAULT_PLUGINS_DIR": "plugins"})
        headers = await api.sign_in()
        await api.get("/search", params={"q": "lily", "provider": "odd"}, headers=headers)

        kept = await api.post("/download", json={"image": "odd:1"}, headers=headers)

        assert (kept.status_code, kept.json()["title"]) == (201, "A lily")
        assert [row["provider_ref"] for row in await Download.select(Download.provider_ref)] == ["photos/1"]

    async def test_keeps_the_rendition_that_was_taken(self, api: Any) -> None:
        """Its link opens, also from the ledger; one that the image has not is 400 with those that it has."""
        headers = await api.sign_in()
        image = await a_sample(api, headers)

        kept = await api.post("/download", json={"image": image["id"], "rendition": "thumbnail"}, headers=headers)
        wrong = await api.post("/download", json={"image": image["id"], "rendition": "huge"}, headers=headers)

        assert (await api.get(kept.json()["url"])).status_code == 200
        assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "rendition")
        assert "original, thumbnail" in wrong.json()["detail"]

    async def test_keeps_the_link_of_a_file_that_an_admin_moved(
        self, start: Any, configured: dict[str, str], pexels: SimulatedPexels
    ) -> None:
        """As consumers see it in a search: a whole address, at which the file is."""
        api = await start({**configured, "PEXELS_FILES_PATH": "/files"})
        headers = await api.sign_in()
        found = await api.get("/search", params={"q": "nature", "per_page": 1}, headers=headers)
        image = found.json()["images"][0]

        kept = (await api.post("/download", json={"image": image["id"]}, headers=headers)).json()

        assert kept["url"].startswith(f"http://127.0.0.1:{pexels.port}/files/images.pexels.com/")
        assert kept["url"] in {rendition["url"] for rendition in image["renditions"]}

    async def test_credit_stays_as_of_that_day(self, start: Any, database_url: str, pexels: SimulatedPexels) -> None:
        """A later change upstream changes nothing that was kept, and a searched picture costs no further call."""
        api = await start({"DATABASE_URL": database_url, "PEXELS_API_KEY": pexels.key, "PEXELS_BASE_URL": pexels.url})
        headers = await api.sign_in()
        found = await api.get("/search", params={"q": "nature", "per_page": 1}, headers=headers)
        image = found.json()["images"][0]

        kept = (await api.post("/download", json={"image": image["id"]}, headers=headers)).json()
        pexels.stop()
        listed = (await api.get("/downloads", headers=headers)).json()["downloads"][0]

        assert listed == kept
        assert kept["attribution"]["text"] == f"Photo by {image['author']['name']} on Pexels"
        assert len(pexels.calls) == 1

    @pytest.mark.parametrize(
        ("url", "owner"),
        [
            ("https://live.staticflickr.com/65535/7_a_o.jpg", "flickr"),
            ("https://upload.wikimedia.org/wikipedia/commons/a/ab/A.jpg", "wikimedia"),
            ("https://images.metmuseum.org/CRDImages/ep/original/DT1.jpg", "met"),
            ("https://images.pexels.com/photos/1/pexels-photo-1.jpeg", "pexels"),
        ],
    )
    async def test_a_bare_url_belongs_to_its_owner(self, start: Any, url: str, owner: str) -> None:
        """An aggregator lists files on the hosts of many; the owner of a host is the provider that is none."""
        api = await start({"OPENVERSE_ENABLED": "true", "EUROPEANA_API_KEY": "k"})

        kept = await api.post("/download", json={"url": url}, headers=await api.sign_in())

        assert (kept.status_code, kept.json()["provider"]) == (201, owner)

    @pytest.mark.parametrize(
        ("url", "provider", "credit"),
        [
            ("https://images.pexels.com/photos/1/a.jpeg?w=1", "pexels", "Photos provided by Pexels"),
            ("https://images.pexels.com./photos/1/a.jpeg", "pexels", "Photos provided by Pexels"),
            ("https://images.pexels.com.evil.example/1.jpeg", None, None),
            ("http://pictures.example/1.jpg", None, None),
        ],
    )
    async def test_keeps_a_bare_url(self, api: Any, url: str, provider: str | None, credit: str | None) -> None:
        """Credited to the provider whose file host it is on, and to nobody else."""
        kept = await api.post("/download", json={"url": url}, headers=await api.sign_in())

        assert kept.status_code == 201
        record = kept.json()
        assert (record["url"], record["provider"], record["image"]) == (url, provider, None)
        assert (record["attribution"] or {"text": None})["text"] == credit

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "image"),
            ({"image": "local:x", "url": "https://a.example/"}, "image"),
            ({"image": "nobody:1"}, "image"),
            ({"image": "without-colon"}, "image"),
            ({"url": "javascript:alert(1)"}, "url"),
            ({"url": "file:///etc/passwd"}, "url"),
            ({"url": "https://a.example/", "rendition": "small"}, "rendition"),
            ({"url": "https://a.example/", "notes": "x"}, "notes"),
            ({"url": "https://a.example/", "note": "x" * 2001}, "note"),
        ],
    )
    async def test_names_the_field_that_is_wrong(self, start: Any, body: dict[str, str], field: str) -> None:
        """400, and nothing is kept."""
        api = await start()
        headers = await api.sign_in()

        response = await api.post("/download", json=body, headers=headers)

        assert response.status_code == 400
        assert response.json()["errors"][0]["field"] == field
        assert (await api.get("/downloads", headers=headers)).json()["downloads"] == []

    async def test_an_image_that_is_not_there(self, start: Any) -> None:
        """404."""
        api = await start()

        response = await api.post("/download", json={"image": "local:none.jpg"}, headers=await api.sign_in())

        assert response.status_code == 404

    async def test_two_hundred_at_once_are_all_kept(self, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Concurrent saves of one account lose nothing. On a busy machine, one may wait long for a connection."""
        monkeypatch.setattr("imagevault.storage.postgres.CONNECT_TIMEOUT", EVENT_LIMIT)
        headers = await api.sign_in()

        answers = await asyncio.gather(
            *(api.post("/download", json={"url": f"https://a.example/{n}"}, headers=headers) for n in range(200))
        )
        listed = (await api.get("/downloads", params={"limit": 200}, headers=headers)).json()

        assert {response.status_code for response in answers} == {201}
        assert listed["next"] is None
        assert {download["url"] for download in listed["downloads"]} == {f"https://a.example/{n}" for n in range(200)}


class TestDownloads:
    async def test_walks_newest_first_without_repeat_or_gap(self, api: Any) -> None:
        """Also while more are added in front."""
        headers = await api.sign_in()
        for number in range(7):
            await api.post("/download", json={"url": f"https://a.example/{number}"}, headers=headers)
        seen: list[str] = []
        params: dict[str, Any] = {"limit": 3}
        while params:
            page = await api.get("/downloads", params=params, headers=headers)
            seen += [download["url"][-1] for download in page.json()["downloads"]]
            await api.post("/download", json={"url": "https://a.example/new"}, headers=headers)
            following = page.json()["next"]
            assert (following is not None) == ("link" in page.headers)
            params = {"limit": 3, "cursor": following} if following else {}

        assert seen == ["6", "5", "4", "3", "2", "1", "0"]

    async def test_are_ones_own_only(self, api: Any) -> None:
        """What another account kept is not there."""
        await api.post("/download", json={"url": "https://a.example/"}, headers=await api.sign_in("ada"))

        assert (await api.get("/downloads", headers=await api.sign_in("bob"))).json()["downloads"] == []

    @pytest.mark.parametrize(
        "params", [{"limit": 0}, {"limit": 201}, {"cursor": "x"}, {"cursor": "eA"}, {"cursor": ""}, {"before": "x"}]
    )
    async def test_names_the_parameter_that_is_wrong(self, start: Any, params: dict[str, Any]) -> None:
        """400 with its name."""
        api = await start()

        response = await api.get("/downloads", params=params, headers=await api.sign_in())

        assert response.status_code == 400
        assert response.json()["errors"][0]["field"] == next(iter(params))
