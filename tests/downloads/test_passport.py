"""The licence passport: who declared the licence, and a hash that anyone can check."""

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from imagevault.downloads.passport import canonical_json
from imagevault.records import Author, Image

DECLARING = """
from imagevault import Declared, Image, License, Page, ProviderInfo, Rendition, hookimpl

BY = License.from_url("https://creativecommons.org/licenses/by/4.0/")

@hookimpl
def provider_info():
    hosts = {"files.odd.example"}
    return ProviderInfo(title="Odd", base_url="https://api.odd.example/", page_size=1, file_hosts=hosts)

@hookimpl
async def search_images():
    file = Rendition(name="original", url="https://files.odd.example/1.jpg")
    words = Declared("license_url", "http://creativecommons.org/licenses/by/4.0/deed.en")
    return Page([Image(id="1", title="A lily", license=BY, declared=words, ref="secret", renditions=[file])], last=True)
"""


class TestPassport:
    async def test_names_the_field_and_the_words_of_the_record(
        self, start: Any, database_url: str, tmp_path: Path
    ) -> None:
        """And when the record was fetched, which is before the download."""
        (tmp_path / "plugins").mkdir()
        (tmp_path / "plugins" / "odd.py").write_text(DECLARING)
        api = await start({"DATABASE_URL": database_url, "IMAGEVAULT_PLUGINS_DIR": "plugins"})
        headers = await api.sign_in()
        await api.get("/search", params={"q": "lily", "provider": "odd"}, headers=headers)

        kept = (await api.post("/download", json={"image": "odd:1"}, headers=headers)).json()

        passport = kept["passport"]
        assert (passport["declared_by"], passport["field"]) == ("record", "license_url")
        assert passport["words"] == "http://creativecommons.org/licenses/by/4.0/deed.en"
        assert passport["fetched_at"] <= kept["created_at"]

    async def test_no_record_is_fetched_after_its_download(
        self, start: Any, database_url: str, configured: dict[str, str]
    ) -> None:
        """The clock that the workers share is ahead of this host's by a minute."""
        api = await start({"DATABASE_URL": database_url, **configured})
        api.services.gateway.clock.offset += 60
        headers = await api.sign_in()
        found = await api.get("/search", params={"q": "nature", "per_page": 1}, headers=headers)

        kept = (await api.post("/download", json={"image": found.json()["images"][0]["id"]}, headers=headers)).json()

        assert kept["passport"]["fetched_at"] == kept["created_at"]

    async def test_the_hash_is_that_of_the_record(
        self, start: Any, database_url: str, configured: dict[str, str]
    ) -> None:
        """Anyone can compute it from the record that `GET /downloads/{id}` returns."""
        api = await start({"DATABASE_URL": database_url, **configured})
        headers = await api.sign_in()
        found = await api.get("/search", params={"q": "nature", "per_page": 1}, headers=headers)
        image = found.json()["images"][0]

        kept = (await api.post("/download", json={"image": image["id"]}, headers=headers)).json()
        proof = (await api.get(f"/downloads/{kept['id']}", headers=headers)).json()

        assert hashlib.sha256(proof["record"].encode()).hexdigest() == kept["passport"]["record_sha256"]
        assert json.loads(proof["record"])["license"]["id"] == "pexels"
        assert kept["passport"]["declared_by"] == "provider"
        assert {key: value for key, value in proof.items() if key != "record"} == kept

    @pytest.mark.parametrize(
        ("words", "license", "name", "credit"),
        [
            ({"license": "https://creativecommons.org/licenses/by/4.0/"}, "cc-by-4.0", "CC BY 4.0", None),
            ({"license": "ask Ann"}, "unknown", "ask Ann", "ask Ann"),
            ({"title": "Owl", "author": "Ann"}, None, None, "Owl by Ann"),
        ],
    )
    async def test_marks_the_words_of_the_caller(
        self, api: Any, words: dict[str, str], license: str | None, name: str | None, credit: str | None
    ) -> None:
        """A licence in free words allows nothing."""
        headers = await api.sign_in()

        kept = (await api.post("/download", json={"url": "https://a.example/1.jpg", **words}, headers=headers)).json()

        assert kept["stated_by_caller"] == list(words)
        assert kept["passport"]["declared_by"] == ("caller" if "license" in words else None)
        assert kept["passport"]["words"] == words.get("license")
        assert (kept["license"] or {}).get("id") == license
        assert (kept["license"] or {}).get("name") == name
        assert kept["title"] == words.get("title")
        if credit is not None:
            assert kept["attribution"]["text"] == credit

    @pytest.mark.parametrize("field", ["title", "author", "license"])
    async def test_takes_words_for_a_bare_url_only(self, start: Any, field: str) -> None:
        """The provider states them of its own image."""
        api = await start()

        answer = await api.post("/download", json={"image": "local:x", field: "x"}, headers=await api.sign_in())

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)


class TestCanonicalJson:
    def test_is_the_same_for_the_same_statement(self) -> None:
        """Whatever the order of the fields; without what the gateway or the plugin adds."""
        image = Image(id="1", title="Ärger", author=Author("Ann"), extra={"b": "1", "a": "2"})
        other = msgspec.structs.replace(image, extra={"a": "2", "b": "1"}, ref="x", identities=["flickr:1"])

        assert canonical_json(image) == canonical_json(other)
        assert '"extra":{"a":"2","b":"1"}' in canonical_json(image)
        assert "Ärger" in canonical_json(image)
        assert "flickr" not in canonical_json(other)

    def test_is_another_for_another_licence(self) -> None:
        image = Image(id="1")

        assert canonical_json(image) != canonical_json(msgspec.structs.replace(image, title="x"))
