"""Recorded answers: what is recorded of a provider, what is left out, and how it is served again."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from imagevault.cli.provider_check import Recorder
from imagevault.config.settings import Settings
from imagevault.plugins.provider import Provider
from imagevault.plugins.registry import PluginRegistry
from imagevault.quotas import Quota
from imagevault.records import Page, ProviderInfo
from imagevault.testing import Answer, Recorded, Recording, Upstream


class TestServing:
    @pytest.fixture
    def serve(self, tmp_path: Path) -> Callable[..., Recorded]:
        """What is served of these recordings, each a method, an address and a body."""

        def serve(*recordings: tuple[str, str, str], status: int = 200, **headers: str) -> Recorded:
            path = tmp_path / "answers.json"
            kept = [Recording(method, url, status, headers, body) for method, url, body in recordings]
            path.write_bytes(msgspec.json.encode(kept))
            return Recorded(path)

        return serve

    def test_the_query_most_alike_wins(self, serve: Callable[..., Recorded]) -> None:
        """Words that were not recorded find what others found; the page is told by its number."""
        with (
            serve(("GET", "find?q=cat&page=1&size=9", "one"), ("GET", "find?q=cat&page=2&size=9", "two")) as recorded,
            httpx.Client(base_url=recorded.url) as http,
        ):
            assert http.get("find", params={"q": "dog", "page": 2, "size": 9}).text == "two"
            assert http.get("find", params={"q": "dog", "page": 1, "size": 9}).text == "one"
            assert http.get("find", params={"q": "dog", "page": 3, "size": 9}).text == "one"
            assert http.get("find").text == "one"

    def test_the_path_may_be_a_text(self, serve: Callable[..., Recorded], tmp_path: Path) -> None:
        serve(("GET", "find", "one"))

        assert len(Recorded(str(tmp_path / "answers.json")).recordings) == 1

    def test_the_body_most_alike_wins(self, tmp_path: Path) -> None:
        """Of searches by POST, which all have one address."""
        path = tmp_path / "answers.json"
        sent = ('{"text":"cat","after":null,"first":9}', '{"text":"cat","after":"x","first":9}')
        kept = [Recording("POST", "graphql", 200, {}, body, text) for body, text in zip("12", sent, strict=True)]
        path.write_bytes(msgspec.json.encode(kept))
        with Recorded(path) as recorded, httpx.Client(base_url=recorded.url) as http:
            assert http.post("graphql", json={"first": 9, "after": "x", "text": "dog"}).text == "2"
            assert http.post("graphql", json={"first": 9, "after": None, "text": "dog"}).text == "1"
            assert http.post("graphql", json={"first": 9, "after": "y", "text": "dog"}).text == "1"
            assert http.post("graphql").text == "1"

    def test_fields_of_a_form_are_compared_too(self, tmp_path: Path) -> None:
        path = tmp_path / "answers.json"
        kept = [Recording("POST", "find", 200, {}, body, f"q=cat&page={body}") for body in "12"]
        path.write_bytes(msgspec.json.encode(kept))
        with Recorded(path) as recorded, httpx.Client(base_url=recorded.url) as http:
            assert http.post("find", data={"q": "dog", "page": 2}).text == "2"

    def test_an_older_file_has_no_bodies(self, tmp_path: Path) -> None:
        path = tmp_path / "answers.json"
        path.write_text('[{"method": "POST", "url": "find", "status": 200, "headers": {}, "body": "old"}]')
        with Recorded(path) as recorded, httpx.Client(base_url=recorded.url) as http:
            assert http.post("find", data={"q": "dog"}).text == "old"

    def test_what_was_not_recorded_is_not_there(self, serve: Callable[..., Recorded]) -> None:
        """Another path, or another method: 404."""
        with serve(("GET", "find?q=cat", "one")) as recorded, httpx.Client(base_url=recorded.url) as http:
            assert http.get("find/").status_code == 404
            assert http.post("find").status_code == 404
            assert http.get("photos/7").json() == {"error": "nothing like this call was recorded"}

    def test_status_and_headers_come_back(self, serve: Callable[..., Recorded]) -> None:
        headers = {"retry-after": "9", "content-type": "text/plain"}
        recorded = serve(("GET", "find", "slow down"), status=429, **headers)
        with recorded, httpx.Client(base_url=recorded.url) as http:
            answer = http.get("find")
        assert (answer.status_code, answer.text) == (429, "slow down")
        assert (answer.headers["retry-after"], answer.headers["content-type"]) == ("9", "text/plain")

    def test_an_address_that_is_not_below_the_base(self, serve: Callable[..., Recorded]) -> None:
        with serve(("POST", "/sign/in", "{}"), ("GET", "?q=cat", "root")) as recorded:
            assert httpx.post(recorded.url + "sign/in").json() == {}
            assert httpx.get(recorded.url, params={"q": "cat"}).text == "root"

    @pytest.mark.parametrize(
        ("content", "told"),
        [("[]", "holds no answers; record them: imagevault providers check NAME --record"), ("{}", "Expected `array`")],
    )
    def test_a_file_of_something_else(self, tmp_path: Path, content: str, told: str) -> None:
        (tmp_path / "answers.json").write_text(content)
        with pytest.raises(ValueError, match=told):
            Recorded(tmp_path / "answers.json")

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            Recorded(tmp_path / "answers.json")


class Secret(msgspec.Struct, frozen=True):
    api_key: str
    client_secret: str = ""


class Acme:
    """A plugin whose API is below `/api/v2/`."""

    from imagevault import hookimpl

    @hookimpl
    def provider_info(self) -> ProviderInfo:
        return ProviderInfo(
            title="Acme",
            page_size=9,
            base_url="https://acme.example/api/v2/",
            settings=Secret,
            quotas=[Quota(9, "hour", remaining="X-Calls-Left", reset="X-Calls-Reset")],
        )

    @hookimpl
    async def search_images(self) -> Page:
        return Page([])


class TestRecording:
    KEY, SECRET = "test key/of+acme", "test-secret-of-acme"

    @pytest.fixture
    def acme(self) -> Provider:
        plugins = PluginRegistry()
        plugins.add("acme", Acme, "test")
        plugins.configure(Settings(providers={"acme": {"api_key": self.KEY, "client_secret": self.SECRET}}))
        return plugins.providers["acme"]

    @pytest.fixture
    def api(self) -> Upstream:
        api = Upstream("/api/v2/")

        @api.get("find")
        def find(call: Any) -> Answer:
            next_page = f"https://acme.example/api/v2/find?page=2&key={call.query['key']}"
            content = {"photos": [{"id": 7, "by": "Ädä"}], "next": next_page, "you_sent": self.KEY}
            headers = {"X-Calls-Left": "8", "X-Calls-Reset": "60", "X-RateLimit-Limit": "9", "X-Request-Id": "of-you"}
            headers["X-Next-Page"] = f"find?page=2&key={call.query['key']}"
            return Answer(content, headers={**headers, "Set-Cookie": "session=of-you"})

        api.post("token")(
            lambda _: {"access_token": "opaque-token", "refresh_token": "opaque-too", "token_type": "Bearer"}
        )
        api.get("photos/{id}")(lambda _, id: {"id": id})  # noqa: A006
        api.get("/elsewhere")(lambda _: {"id": 9})
        return api

    def record(self, api: Upstream, acme: Provider, path: Path) -> str:
        recorder = Recorder()

        async def call() -> None:
            async with httpx.AsyncClient(transport=recorder, base_url=api.url) as http:
                await http.post("token", data={"client_secret": self.SECRET, "grant": "client"})
                await http.get("find", params={"q": "cat", "key": self.KEY}, headers={"X-Key": self.KEY})
                await http.get("photos/a%2Fb")
                await http.get(f"http://127.0.0.1:{api.port}/elsewhere")

        with api:
            asyncio.run(call())
        recorder.save(path, acme)
        return path.read_text(encoding="utf-8")

    def test_no_secret_is_in_the_file(self, api: Upstream, acme: Provider, tmp_path: Path) -> None:
        """Neither a key, as it is or as it stands in URLs, nor what a sign-in gave; and the file is still JSON."""
        text = self.record(api, acme, tmp_path / "answers.json")
        for secret in (self.KEY, "test+key", "test%20key", "acme\\", self.SECRET, "opaque", "of-you"):
            assert secret not in text
        bodies = [msgspec.json.decode(recording.body) for recording in Recorded(tmp_path / "answers.json").recordings]
        assert bodies[0]["access_token"] == "***"
        assert Recorded(tmp_path / "answers.json").recordings[0].sent == "client_secret=***&grant=client"
        assert bodies[0]["token_type"] == "Bearer"
        assert bodies[1]["next"] == "https://acme.example/api/v2/find?page=2&key=***"
        assert bodies[1]["photos"] == [{"id": 7, "by": "Ädä"}]

    def test_addresses_are_below_the_base(self, api: Upstream, acme: Provider, tmp_path: Path) -> None:
        """So that they can be served from anywhere."""
        self.record(api, acme, tmp_path / "answers.json")
        recorded = Recorded(tmp_path / "answers.json")
        assert [(recording.method, recording.url) for recording in recorded.recordings] == [
            ("POST", "token"),
            ("GET", "find?q=cat&key=***"),
            ("GET", "photos/a%2Fb"),
            ("GET", "/elsewhere"),
        ]
        with recorded:
            assert httpx.get(recorded.url + "photos/a%2Fb").json() == {"id": "a/b"}

    def test_headers_that_something_may_read_are_kept(self, api: Upstream, acme: Provider, tmp_path: Path) -> None:
        self.record(api, acme, tmp_path / "answers.json")
        headers = Recorded(tmp_path / "answers.json").recordings[1].headers
        assert headers == {
            "content-type": "application/json",
            "x-calls-left": "8",
            "x-calls-reset": "60",
            "x-next-page": "find?page=2&key=***",
            "x-ratelimit-limit": "9",
        }
