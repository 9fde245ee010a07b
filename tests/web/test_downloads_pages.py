"""Taking a picture, and the pages of somebody's downloads, as forms without script use them."""

import html
import re
from typing import Any

import httpx
import pytest

PICTURE = "/picture/local:fox-in-snow.jpg"


def fields(response: httpx.Response) -> dict[str, str]:
    """The hidden fields of the form that takes a picture."""
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', response.text)
    return {name: html.unescape(value) for name, value in found}


class TestTake:
    async def test_records_it_and_shows_it(self, start: Any) -> None:
        api = await start()
        headers = await api.sign_in()
        form = fields(await api.get(PICTURE, headers=headers))
        data = {**form, "rendition": "original", "project": "Autumn & co"}

        sent = [await api.post("/my/downloads", data=data, headers=headers) for _ in range(2)]
        shown = await api.get(sent[0].headers["location"], headers=headers)

        assert [response.status_code for response in sent] == [303, 303]
        assert sent[0].headers["location"] == sent[1].headers["location"]  # a form that is sent twice records one
        assert "Red fox in snow" in shown.text
        assert 'value="Autumn &amp; co"' in shown.text
        recorded = (await api.get("/downloads", headers=headers)).json()["downloads"]
        assert [record["project"] for record in recorded] == ["Autumn & co"]
        assert f"original, {recorded[0]['width']} × {recorded[0]['height']}" in shown.text
        assert f'<h2><a href="{recorded[0]["license"]["url"]}"' in shown.text

    async def test_going_back_to_take_another_size_records_another(self, start: Any) -> None:
        """The browser sends the same form with the same hidden fields, but for the size."""
        api = await start()
        headers = await api.sign_in()
        form = fields(await api.get(PICTURE, headers=headers))

        sizes = ("original", "thumbnail")
        sent = [await api.post("/my/downloads", data={**form, "rendition": size}, headers=headers) for size in sizes]

        assert [response.status_code for response in sent] == [303, 303]
        recorded = (await api.get("/downloads", headers=headers)).json()["downloads"]
        assert sorted(record["rendition"] for record in recorded) == ["original", "thumbnail"]

    async def test_no_page_of_downloads_is_kept_by_a_cache(self, start: Any) -> None:
        """A shared computer must not show them after their owner has signed out."""
        api = await start()
        headers = await api.sign_in()
        form = fields(await api.get(PICTURE, headers=headers))
        taken = await api.post("/my/downloads", data=form, headers=headers)

        pages = [await api.get(path, headers=headers) for path in ("/my/downloads", taken.headers["location"])]

        assert [page.status_code for page in pages] == [200, 200]
        assert {page.headers["cache-control"] for page in (taken, *pages)} == {"no-store"}

    async def test_the_picture_says_that_it_is_yours(self, start: Any) -> None:
        """On its own page and in the list, for nobody else."""
        api = await start({"IMAGEVAULT_SEARCH": "open"})
        headers = await api.sign_in()
        other = await api.sign_in("bob")
        await api.post("/download", json={"image": "local:fox-in-snow.jpg"}, headers=headers)

        for path in (PICTURE, "/?q=fox&provider=local"):
            assert "Yours since" in (await api.get(path, headers=headers)).text
            assert "Yours since" not in (await api.get(path, headers=other)).text
            assert "Yours since" not in (await api.get(path)).text

    @pytest.mark.parametrize(
        ("data", "status", "words"),
        [
            ({"project": "autumn"}, 400, "image: is missing"),
            ({"image": "local:fox-in-snow.jpg", "rendition": "huge"}, 400, "Size: "),
            ({"image": "local:none.jpg"}, 404, "has no image"),
            ({"image": "local:fox-in-snow.jpg", "project": "x" * 201}, 400, "Project: must be at most 200 characters"),
        ],
    )
    async def test_an_error_is_a_page(self, start: Any, data: dict[str, str], status: int, words: str) -> None:
        api = await start()

        response = await api.post("/my/downloads", data=data, headers=await api.sign_in())

        assert (response.status_code, response.headers["content-type"]) == (status, "text/html; charset=utf-8")
        assert words in html.unescape(response.text)

    async def test_needs_an_account_and_a_form(self, start: Any) -> None:
        api = await start({"IMAGEVAULT_SEARCH": "open"})
        data = {"image": "local:fox-in-snow.jpg"}

        assert (await api.post("/my/downloads", data=data)).status_code == 401
        assert (await api.post("/my/downloads", json=data, headers=await api.sign_in())).status_code == 415


class TestList:
    async def test_filters_by_words_and_project(self, start: Any) -> None:
        api = await start()
        headers = await api.sign_in()
        for image, project in (("fox-in-snow", "autumn"), ("aurora", "winter"), ("pine-forest", None)):
            await api.post("/download", json={"image": f"local:{image}.jpg", "project": project}, headers=headers)

        everything = (await api.get("/my/downloads", headers=headers)).text
        autumn = (await api.get("/my/downloads?project=autumn&q=&status=", headers=headers)).text
        nothing = (await api.get("/my/downloads?q=submarine", headers=headers)).text

        assert everything.count("<li>\n<h2>") == 3
        assert '<option value="winter">winter (1)</option>' in everything
        assert autumn.count("<li>\n<h2>") == 1
        assert "Red fox in snow" in autumn
        assert "No download matches" in nothing

    async def test_exports_the_credits_of_what_is_shown(self, start: Any) -> None:
        """In each format, of the chosen project."""
        api = await start()
        headers = await api.sign_in()
        for image, project in (("fox-in-snow", "R&D"), ("aurora", "winter")):
            await api.post("/download", json={"image": f"local:{image}.jpg", "project": project}, headers=headers)

        text = html.unescape((await api.get("/my/downloads", params={"project": "R&D"}, headers=headers)).text)
        found = (await api.get("/my/downloads?q=fox", headers=headers)).text
        addresses = re.findall(r'href="(/downloads/export[^"]*)"', text)

        assert "Credits of all downloads for <b><bdi>R&D</bdi></b>:" in text
        assert "Credits of all downloads:" in found  # words choose what is shown, and not what is exported
        assert len(addresses) == 5
        for address in addresses:
            exported = await api.get(address, headers=headers)
            assert exported.status_code == 200
            assert "Red fox in snow" in exported.text
            assert "Aurora" not in exported.text

    async def test_is_ones_own(self, start: Any) -> None:
        api = await start()
        headers = await api.sign_in()
        other = await api.sign_in("bob")
        made = await api.post("/download", json={"image": "local:fox-in-snow.jpg"}, headers=headers)
        path = f"/my/downloads/{made.json()['id']}"

        assert "Nothing yet" in (await api.get("/my/downloads", headers=other)).text
        assert (await api.get(path, headers=other)).status_code == 404
        assert (await api.post(path, data={"action": "forget"}, headers=other)).status_code == 404
        assert (await api.get(path, headers=headers)).status_code == 200

    async def test_project_and_note_change_and_a_download_is_forgotten(self, start: Any) -> None:
        api = await start()
        headers = await api.sign_in()
        made = await api.post(
            "/download", json={"image": "local:fox-in-snow.jpg", "project": "autumn"}, headers=headers
        )
        path = f"/my/downloads/{made.json()['id']}"

        changed = await api.post(path, data={"project": "", "note": "<b>cover</b>", "action": "save"}, headers=headers)
        text = (await api.get(path, headers=headers)).text
        forgotten = await api.post(path, data={"action": "forget"}, headers=headers)

        assert changed.headers["location"] == f"{path}#saved"
        assert "&lt;b&gt;cover&lt;/b&gt;" in text
        assert "autumn" not in text
        confirmed = await api.get(forgotten.headers["location"], headers=headers)
        assert confirmed.status_code == 200
        assert re.search(r'role="status">\s*<h1>The download is deleted</h1>', confirmed.text)
        gone = await api.get(path, headers=headers)
        assert gone.status_code == 404
        for text in (confirmed.text, gone.text):
            assert '<li><a href="/my/downloads">My downloads</a></li>' in text

    async def test_a_line_break_is_one_character_as_in_the_api(self, start: Any) -> None:
        """Browsers send it as two, so a note of full length would be too long."""
        api = await start()
        headers = await api.sign_in()
        made = await api.post("/download", json={"image": "local:fox-in-snow.jpg"}, headers=headers)
        note = "\n".join(["x" * 19] * 100)  # 1999 characters
        path = f"/my/downloads/{made.json()['id']}"

        changed = await api.post(path, data={"note": note.replace("\n", "\r\n"), "action": "save"}, headers=headers)

        stored = (await api.get(f"/downloads/{made.json()['id']}", headers=headers)).json()["note"]
        assert changed.status_code == 303
        assert stored == note

    async def test_a_wrong_status_is_named(self, start: Any) -> None:
        api = await start()

        response = await api.get("/my/downloads?status=stolen", headers=await api.sign_in())

        assert response.status_code == 400
        assert "Found at the source: must be one of unchanged" in response.text
