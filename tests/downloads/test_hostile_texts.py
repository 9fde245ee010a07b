"""Texts that a database refuses: no text of an upstream or a caller is a 500, on either engine."""

import logging
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from imagevault.accounts.tables import Throttle
from imagevault.testing.upstreams.pexels import SimulatedPexels

HOSTILE = "a\0b\ud800c\udfffd\x01\x1b[2Je\u202ef\ufffeg\U0010ffff\u2028h"
ACME = f"""
from imagevault import (
    Author, Declared, Flags, Image, License, Page, ProviderInfo, RateLimited, Rendition, Unauthorized, hookimpl
)

BAD = {HOSTILE!a}
ERRORS = {{"limited": RateLimited, "unauthorized": Unauthorized, "odd": RuntimeError}}
FILE = Rendition(name="original", url="https://a.example/1.jpg")

def image(id):
    return Image(
        id=id, renditions=[FILE], title=BAD, alt=BAD, description=BAD, date=BAD, extra={{BAD: BAD}}, color=BAD,
        blurhash=BAD, tags=[BAD], author=Author(BAD, BAD), source_url=BAD, license=License(BAD, BAD, BAD),
        declared=Declared(BAD, BAD), flags=Flags(restrictions=[BAD]), identities=["flickr:" + BAD, "flickr:1"],
        credit=BAD, ref="https://a.example/" + BAD,
    )

@hookimpl
def provider_info():
    return ProviderInfo(title="Acme", page_size=10, base_url="https://a.example/", file_hosts={{"a.example"}})

@hookimpl
async def search_images(query, http):
    await http.get("anything")
    if query.text in ERRORS:
        raise ERRORS[query.text](BAD)
    return Page([image("1"), image(BAD)], last=True)

@hookimpl
async def fetch_image(image_id):
    return image(image_id)
"""


@pytest.fixture
async def api(start: Any, database_url: str, tmp_path: Path, pexels: SimulatedPexels) -> Any:
    """A server with the hostile plugin, whose calls go to an upstream that answers anything."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "acme.py").write_text(ACME)
    environ = {"IMAGEVAULT_PLUGINS_DIR": str(tmp_path / "plugins"), "ACME_BASE_URL": pexels.url}
    environ |= {"PEXELS_API_KEY": pexels.key, "PEXELS_BASE_URL": pexels.url}
    return await start({"DATABASE_URL": database_url, **environ})


class TestUpstream:
    async def test_a_record_of_hostile_texts_is_shown_kept_and_cached(
        self, api: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        """In every text of the record. The page is in the database too."""
        headers = await api.sign_in()

        found = await api.get("/search", params={"q": "fox", "provider": "acme"}, headers=headers)
        await api.services.gateway.pages.drain()
        kept = await api.post("/download", json={"image": "acme:1"}, headers=headers)
        listed = await api.get("/downloads", headers=headers)

        assert (found.status_code, [image["id"] for image in found.json()["images"]]) == (200, ["acme:1"])
        assert (kept.status_code, listed.json()["downloads"]) == (201, [kept.json()])
        assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
        stored = await api.services.gateway.pages._tiers._store.find("acme", "1", "")
        assert stored is not None

    @pytest.mark.parametrize("word", ["limited", "unauthorized", "odd"])
    async def test_an_error_with_a_hostile_message_is_that_error(self, api: Any, word: str) -> None:
        """Its message is stored with the state of the provider."""
        headers = await api.sign_in(admin=True)

        found = await api.get("/search", params={"q": word, "provider": "acme"}, headers=headers)
        await api.services.gateway.pages.drain()
        listed = await api.get("/providers", headers=headers)
        again = await api.get("/search", params={"q": word, "provider": "acme"}, headers=headers)

        assert found.status_code in {502, 503}
        assert again.status_code == found.status_code
        assert listed.status_code == 200


TEXTS = ["\0", "a\0b", "\x01\x1b\x7f\x85", "\ufffe\U0010ffff", "\u202e\ufeff\u200b", "{}", "%s", "'; --", "\\u0000"]
BYTES = [b"%00", b"%ed%a0%80", b"%ff", b"%c0%80"]  # NUL, a surrogate, no UTF-8, NUL in two bytes
ESCAPES = [rb"\u0000", rb"\ud800", rb"\udfff\ud800", b"\xed\xa0\x80", b"\0"]
PATHS = [
    "/search?provider=local&q={}",
    "/search?q=fox&provider={}",
    "/search?cursor={}",
    "/search?q=fox&provider=local&orientation={}",
    "/search?q=fox&provider=local&color={}",
    "/search?q=fox&provider=local&locale={}",
    "/search?q=fox&{}=1",
    "/images/{}",
    "/images/local:{}",
    "/images/acme:{}",
    "/downloads?cursor={}",
    "/downloads?limit={}",
    "/media/{}/original/fox?expires=1&signature=x",
    "/media/local/{}/fox?expires=1&signature=x",
    "/media/local/original/{}?expires=1&signature=x",
    "/media/local/original/fox?expires=1&signature={}",
    "/media/local/original/fox?expires={}&signature=x",
    "/{}",
]
BODIES = [
    ("/download", b'{"image": "%s"}'),
    ("/download", b'{"image": "local:%s"}'),
    ("/download", b'{"image": "acme:%s"}'),
    ("/download", b'{"image": "acme:1", "rendition": "%s"}'),
    ("/download", b'{"url": "https://a.example/%s"}'),
    ("/download", b'{"url": "https://%s/"}'),
    ("/download", b'{"url": "https://a.example/", "project": "%s", "note": "%s"}'),
    ("/download", b'{"%s": "x"}'),
    ("/signup", b'{"username": "ada%s", "password": "violet-harbour-71"}'),
    ("/signup", b'{"username": "grace", "password": "violet-harbour-71%s"}'),
]
FORMS = [b"username=%s&password=violet-harbour-71", b"username=ada&password=%s", b"username=ada&password=x&%s=1"]


class TestCallers:
    async def test_an_id_that_no_image_can_have_costs_no_call(self, api: Any, pexels: SimulatedPexels) -> None:
        headers = await api.sign_in()

        for id in ("a%01b", "%20a", "a" * 201, "%E2%80%AE"):
            answer = await api.get(f"/images/pexels:{id}", headers=headers)

            assert answer.status_code == 404
        assert pexels.calls == []

    async def test_no_path_or_query_is_a_500(self, api: Any) -> None:
        headers = await api.sign_in()
        texts = [quote(text, safe="").encode() for text in TEXTS] + BYTES

        for path in PATHS:
            for text in texts:
                answer = await api.get(path.replace("{}", text.decode()), headers=headers)

                assert answer.status_code < 500, (path, text, answer.text)

    async def test_no_body_is_a_500(self, api: Any) -> None:
        """What is stored is read again."""
        headers = await api.sign_in()
        texts = [msgspec.json.encode(text)[1:-1] for text in TEXTS] + ESCAPES

        for path, body in BODIES:
            for text in texts:
                content = body.replace(b"%s", text)
                answer = await api.post(path, content=content, headers={**headers, "Content-Type": "application/json"})

                assert answer.status_code < 500, (content, answer.text)
        assert (await api.get("/downloads", headers=headers)).status_code == 200

    async def test_no_form_is_a_500(self, api: Any) -> None:
        await api.sign_in()
        api.services.database.use()
        texts = [quote(text, safe="").encode() for text in TEXTS] + BYTES + [b"\0", b"\xff"]

        for form in FORMS:
            for text in texts:
                await Throttle.delete(force=True)  # it would refuse all but the first few
                content = form.replace(b"%s", text)
                headers = {"Content-Type": "application/x-www-form-urlencoded"}
                answer = await api.post("/token", content=content, headers=headers)

                assert answer.status_code in {200, 400, 401}, (content, answer.text)

    @pytest.mark.parametrize("name", ["Authorization", "X-Request-ID", "Origin", "Content-Type", "If-None-Match"])
    async def test_no_header_is_a_500(self, api: Any, name: str) -> None:
        for value in (b"\xff", b"Bearer \xff\xfe", b"Bearer a.b.c", b"\xed\xa0\x80", b"a\x01b", b"a" * 3000):
            for path in ("/protected", "/search?q=fox", "/media/local/original/fox?expires=1&signature=x"):
                answer = await api.get(path, headers=[(name.encode(), value)])

                assert answer.status_code < 500, (path, value, answer.text)
