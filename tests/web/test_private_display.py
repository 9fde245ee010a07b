"""With `private_display`, no host of a provider sees the readers of a page before they agree."""

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from imagevault.testing import Answer
from imagevault.upstream.file_client import FileLimits
from imagevault.web import passing_on
from tests.support.file_host import JPEG, FileHost

PLUGIN = """
from imagevault import Image, License, Page, ProviderInfo, Rendition, hookimpl

@hookimpl
def provider_info():
    return ProviderInfo(
        title="NAME", base_url="https://api.NAME.example/", page_size=1, file_hosts={"HOST"}, hotlink="HOTLINK",
        license=License("free", "Free licence"),
    )

def image():
    return Image(id="7/a b", title="Lily", width=400, height=300,
        renditions=[Rendition(name="medium", url="https://HOST/a.jpg?w=1&h=2", width=400, height=300)])

@hookimpl
async def search_images():
    return Page([image()], last=True)

@hookimpl
async def fetch_image():
    return image()
"""
OWN = {"'self'", "http://127.0.0.1:8000"}
PRIVATE = {
    "IMAGEVAULT_SEARCH": "open",
    "IMAGEVAULT_PRIVATE_DISPLAY": "true",
    "IMAGEVAULT_PLUGINS_DIR": "plugins",
    "LOCAL_ENABLED": "true",
}
SEARCH = "/?q=lily&provider=ours&provider=theirs"


def loaded(text: str) -> list[str]:
    """The addresses of the pictures on a page."""
    return [html.unescape(address) for address in re.findall(r'<img src="([^"]*)"', text)]


def sources(response: Any) -> set[str]:
    policy = re.search(r"img-src ([^;]*)", response.headers["content-security-policy"])
    assert policy is not None
    return set(policy[1].split())


def path_of(link: str) -> str:
    """Path and query of a link to this server."""
    assert link.startswith("http://127.0.0.1:8000/media/"), link
    return urlsplit(link)._replace(scheme="", netloc="").geturl()


@pytest.fixture
def host() -> Iterator[FileHost]:
    host = FileHost(FileLimits(pool=30, connect=30, read=30, total=30))
    yield host
    host.upstream.stop()


@pytest.fixture
async def api(start: Any, tmp_path: Path, host: FileHost) -> Any:
    """A server with a provider whose files may be passed on, and one whose files must be loaded from its own host."""
    (tmp_path / "plugins").mkdir()
    for name, at, hotlink in (("ours", "img.example", "allowed"), ("theirs", "cdn.example", "required")):
        text = PLUGIN.replace("NAME", name).replace("HOST", at).replace("HOTLINK", hotlink)
        (tmp_path / "plugins" / f"{name}.py").write_text(text)
    return await start(PRIVATE, file_client=host.client)


class TestPages:
    async def test_a_search_shows_what_it_may_pass_on_and_asks_for_the_rest(self, api: Any) -> None:
        response = await api.get(SEARCH)

        [link] = loaded(response.text)
        picture = await api.get(path_of(link))

        assert sources(response) == OWN
        assert 'href="/?q=lily&amp;provider=ours&amp;provider=theirs&amp;pictures=yes"' in response.text
        assert (picture.status_code, picture.content == JPEG) == (200, True)

    async def test_who_agrees_loads_only_the_rest_from_its_host(self, api: Any) -> None:
        response = await api.get(f"{SEARCH}&pictures=yes")

        links = loaded(response.text)

        assert sources(response) == {*OWN, "https://cdn.example"}
        assert sorted(urlsplit(link).netloc for link in links) == ["127.0.0.1:8000", "cdn.example"]
        assert "Show the pictures" not in response.text

    async def test_where_all_can_be_passed_on_it_does_not_ask(self, api: Any) -> None:
        response = await api.get("/?q=lily&provider=ours")

        assert len(loaded(response.text)) == 1
        assert "Show the pictures" not in response.text

    async def test_the_page_of_a_picture_does_the_same(self, api: Any) -> None:
        """What is copied from it has the address of the provider, for the link of this server ends."""
        ours, theirs = [await api.get(f"/picture/{name}:7/a%20b") for name in ("ours", "theirs")]
        agreed = await api.get("/picture/theirs:7/a%20b?pictures=yes")

        [link] = loaded(ours.text)
        assert (await api.get(path_of(link))).content == JPEG
        assert sources(ours) == sources(theirs) == OWN
        assert 'src="https://img.example/a.jpg?w=1&amp;h=2"' in html.unescape(ours.text)
        assert "/media/" not in html.unescape(ours.text).partition("</textarea>")[2].partition("</section>")[0]
        assert loaded(theirs.text) == []
        assert "Show it" in theirs.text
        assert loaded(agreed.text) == ["https://cdn.example/a.jpg?w=1&h=2"]
        assert sources(agreed) == {*OWN, "https://cdn.example"}


class TestPassingOn:
    @pytest.fixture
    async def path(self, api: Any) -> str:
        """Of a picture that is passed on."""
        [link] = loaded((await api.get("/?q=lily&provider=ours")).text)
        return path_of(link)

    async def test_under_the_type_of_the_content_and_with_no_header_of_the_host(
        self, api: Any, host: FileHost, path: str
    ) -> None:
        host.files["/a.jpg"] = Answer(JPEG, headers={"Content-Type": "text/html", "Set-Cookie": "a=b", "X-Odd": "1"})

        answer = await api.get(path)

        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["cache-control"] == "private, max-age=3600"
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert not {"set-cookie", "x-odd"} & set(answer.headers)
        assert not {"cookie", "referer", "authorization"} & {name.lower() for name in host.calls[-1].headers}

    @pytest.mark.parametrize(
        ("part", "other"),
        [
            ("img.example", "evil.example"),
            ("media/ours", "media/theirs"),
            ("id=7", "id=8"),
            ("expires=1", "expires=2"),
            ("signature=", "signature=A"),
        ],
    )
    async def test_another_link_opens_nothing(self, api: Any, host: FileHost, path: str, part: str, other: str) -> None:
        assert part in path

        answer = await api.get(path.replace(part, other))

        assert answer.status_code == 403
        assert host.calls == []

    async def test_a_link_ends(self, api: Any, path: str) -> None:
        links = api.services.gateway.links
        now = links._clock
        links._clock = lambda: now() + 2 * 86400

        assert (await api.get(path)).status_code == 403

    async def test_a_link_to_a_held_file_opens_none(self, api: Any, path: str) -> None:
        """A signature is good at one door only."""
        [held] = loaded((await api.get("/?q=fox&provider=local")).text)
        signature = urlsplit(held).query.partition("signature=")[2]

        assert (await api.get(path.partition("signature=")[0] + f"signature={signature}")).status_code == 403

    @pytest.mark.parametrize(
        "answer",
        [
            Answer("<html><script>alert(1)</script>"),
            Answer("<svg xmlns='http://www.w3.org/2000/svg'/>", headers={"Content-Type": "image/svg+xml"}),
            Answer(JPEG + b"0" * passing_on.MAX_SIZE),
            Answer("", 500),
            Answer("", 302, {"Location": "https://10.0.0.1/a.jpg"}),
        ],
        ids=["html", "svg", "large", "failed", "redirected"],
    )
    async def test_what_is_no_picture_is_not_passed_on(
        self, api: Any, host: FileHost, path: str, answer: Answer
    ) -> None:
        host.files["/a.jpg"] = answer

        response = await api.get(path)

        assert (response.status_code, response.headers["content-type"]) == (502, "application/problem+json")

    async def test_a_private_address_is_not_reached(self, api: Any, host: FileHost, path: str) -> None:
        host.network.names["img.example"] = [["10.0.0.1"]]

        assert (await api.get(path)).status_code == 502
        assert host.calls == []

    async def test_a_hidden_picture_is_not_passed_on(self, api: Any, host: FileHost, path: str) -> None:
        await api.services.gateway.hidden.hide("ours:7/a b", "takedown notice")

        assert (await api.get(path)).status_code == 404
        assert host.calls == []

    async def test_a_place_is_free_again_after_a_failure(self, api: Any, host: FileHost, path: str) -> None:
        host.files["/a.jpg"] = Answer("", 500)
        for _ in range(passing_on.AT_ONCE + 1):
            assert (await api.get(path)).status_code == 502
        host.files["/a.jpg"] = Answer(JPEG)

        assert (await api.get(path)).status_code == 200
