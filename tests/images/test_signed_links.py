"""Signed links over a real server: one spelling works, and a client that has the file gets 304."""

import os
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from imagevault.errors import Busy
from imagevault.images import signed_links
from imagevault.images.conditional import has_current
from tests.support.open_files import room_for

ODD_NAME = "a (1) & b's ä~%2e+x.jpg"  # what some encode, and others do not


@pytest.fixture
async def api(start: Any, tmp_path: Path) -> Any:
    """A server with one picture of that name in its folder, which shows it to everybody."""
    samples = Path(signed_links.__file__).parents[1] / "samples"
    (tmp_path / "pictures").mkdir()
    shutil.copy(samples / "aurora.jpg", tmp_path / "pictures" / ODD_NAME)
    return await start({"IMAGEVAULT_SEARCH": "open", "LOCAL_FOLDER": str(tmp_path / "pictures")})


async def link(api: Any) -> str:
    """The path and the query of a link to its original."""
    found = await api.get("/search", params={"q": "a", "provider": "local"})
    [image] = found.json()["images"]
    url = next(rendition["url"] for rendition in image["renditions"] if rendition["name"] == "original")
    return str(url).removeprefix("http://127.0.0.1:8000")


async def sent(api: Any, target: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """The answer to exactly this path and query. An HTTP client would encode some spellings anew."""
    path, _, query = target.partition("?")
    messages: list[Any] = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), *((name.encode(), value.encode()) for name, value in headers.items())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "scheme": "http",
        "http_version": "1.1",
        "state": {},
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    await api.client._transport.app(scope, receive, send)
    names = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
    return messages[0]["status"], names, b"".join(message.get("body", b"") for message in messages[1:])


class TestSpelling:
    async def test_a_link_encodes_what_may_not_stand_in_a_path(self, api: Any) -> None:
        """Characters that may stand in a path stay, and all others are encoded."""
        path, _, query = (await link(api)).partition("?")

        assert path == "/media/local/original/a%20(1)%20&%20b's%20%C3%A4~%252e+x.jpg"
        assert [pair.split("=")[0] for pair in query.split("&")] == ["expires", "signature"]

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            pytest.param("(", "%28", id="encoded without need"),
            pytest.param(".jpg", "%2Ejpg", id="an encoded full stop"),
            pytest.param("/original", "/%6Friginal", id="an encoded rendition"),
            pytest.param("/local", "/loca%6C", id="an encoded provider"),
            pytest.param("%C3%A4", "%c3%a4", id="lower case digits"),
            pytest.param("/media", "//media", id="two slashes first"),
            pytest.param("/original/", "/original//", id="two slashes inside"),
            pytest.param(".jpg?", ".jpg/?", id="a slash at the end"),
            pytest.param("expires=", "expires=0", id="a zero in front"),
            pytest.param("expires=", "expires=%2B", id="a plus in front"),
            pytest.param("expires=", "expires=%20", id="a blank in front"),
            pytest.param("&signature", "_0&signature", id="an underscore"),
            pytest.param("&signature", ".0&signature", id="a fraction"),
            pytest.param("signature=", "%73ignature=", id="an encoded name"),
            pytest.param("&signature", "&&signature", id="an empty parameter"),
            pytest.param("&signature", ";signature", id="a semicolon"),
            pytest.param("?", "?&", id="an empty parameter first"),
        ],
    )
    async def test_another_spelling_does_not_work(self, api: Any, old: str, new: str) -> None:
        """A cache would keep a copy for each."""
        target = await link(api)
        assert (await sent(api, target))[0] == 200

        assert (await sent(api, target.replace(old, new, 1)))[0] in {400, 403, 404}
        assert (await sent(api, f"{target}{new}"))[0] in {400, 403, 404}

    async def test_nor_do_other_ends_and_orders_of_the_query(self, api: Any) -> None:
        target = await link(api)
        path, _, query = target.partition("?")
        expires, signature = query.split("&")

        for other in (
            f"{signature}&{expires}",
            f"{query}&",
            f"{query}=",
            f"{query}==",
            f"{query}%3D",
            f"{query}%20",
            f"{query}&{signature}",
            f"{expires}&{query}",
            f"{query}&x=1",
            f"{query}#",
        ):
            assert (await sent(api, f"{path}?{other}"))[0] in {400, 403}, other

    async def test_a_signature_has_one_form(self, api: Any) -> None:
        """Its last character has four bits that do not count, and `+/` is another alphabet."""
        target = await link(api)
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

        answers = {char: (await sent(api, target[:-1] + char))[0] for char in alphabet}

        assert [char for char, status in answers.items() if status == 200] == [target[-1]]
        assert set(answers.values()) == {200, 403}

    async def test_a_server_that_does_not_say_how_a_path_was_sent(self, api: Any) -> None:
        """ASGI does not demand `raw_path`; the signature holds all the same."""
        target = await link(api)
        parts = urlsplit(target)
        links = api.services.gateway.links
        query = dict(pair.split("=") for pair in parts.query.split("&"))

        opened = await links.open(
            "local", ODD_NAME, "original", int(query["expires"]), query["signature"], path=None, query=parts.query
        )

        assert opened.media_type == "image/jpeg"


class TestConditional:
    async def test_a_client_that_has_the_file_gets_304(self, api: Any) -> None:
        """With the same headers as the file, and without a body."""
        target = await link(api)
        status, headers, body = await sent(api, target)

        again, other, nothing = await sent(api, target, **{"if-none-match": headers["etag"]})

        same = ("etag", "content-security-policy", "cross-origin-resource-policy", "x-content-type-options")
        assert (status, again, len(body) > 1000, nothing) == (200, 304, True, b"")
        assert [other[name] for name in same] == [headers[name] for name in same]
        assert other["cache-control"].startswith("public, max-age=")
        assert not {"content-length", "content-type", "transfer-encoding"} & other.keys()

    async def test_a_changed_file_is_sent_with_another_tag(self, api: Any, tmp_path: Path) -> None:
        target = await link(api)
        _, before, _ = await sent(api, target)
        file = tmp_path / "pictures" / ODD_NAME
        os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))

        status, after, _ = await sent(api, target, **{"if-none-match": before["etag"]})

        assert (status, after["etag"] == before["etag"]) == (200, False)

    async def test_the_tag_says_nothing_of_the_path(self, api: Any, tmp_path: Path) -> None:
        """The same file in another folder has the same tag."""
        status = (tmp_path / "pictures" / ODD_NAME).stat()

        _, headers, _ = await sent(api, await link(api))

        assert headers["etag"] == f'"{status.st_mtime_ns:x}-{status.st_size:x}"'

    async def test_a_wrong_link_is_403_whatever_the_client_has(self, api: Any) -> None:
        target = await link(api)
        _, headers, _ = await sent(api, target)

        assert (await sent(api, f"{target}A", **{"if-none-match": headers["etag"]}))[0] == 403
        assert (await sent(api, f"{target}A", **{"if-none-match": "*"}))[0] == 403

    @pytest.mark.parametrize(
        ("sent", "right"),
        [
            ('"a-b"', True),
            ('W/"a-b"', True),
            ('"x", W/"a-b" ,"y"', True),
            ("*", True),
            (" * ", True),
            ("", False),
            ("a-b", False),
            ('"a-b', False),
            ('"A-B"', False),
            ('"x"', False),
            ('"*"', False),
            ('"' * 10_000, False),
        ],
    )
    def test_if_none_match(self, sent: str, right: bool) -> None:
        """A list of tags, strong or weak, or everything."""
        assert has_current(sent, "a-b") == right


class TestOpenFiles:
    def test_a_server_out_of_files_does_not_say_that_a_picture_is_gone(self, tmp_path: Path) -> None:
        """A cache would believe a 404."""
        file = tmp_path / "a.gif"
        file.write_bytes(b"GIF89a")
        assert signed_links._look_into(file, 60) is not None
        assert signed_links._look_into(tmp_path / "none.gif", 60) is None

        with room_for(0), pytest.raises(Busy):
            signed_links._look_into(file, 60)
