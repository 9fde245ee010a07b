"""The file of a download through the gateway: bad addresses, bad answers, parts, and what is noted of it."""

import asyncio
import hashlib
import shutil
import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagevault.downloads import files
from imagevault.downloads.file_name import file_name
from imagevault.downloads.file_parts import Wanted, read_range
from imagevault.errors import RangeNotSatisfiable
from imagevault.images import signed_links
from imagevault.testing import faults
from imagevault.testing.exchange import Answer, Exchange
from imagevault.testing.upstreams.pexels import SimulatedPexels
from imagevault.upstream.file_client import FileLimits, Span
from tests.support.file_host import JPEG, OTHER, PUBLIC, FileHost
from tests.support.waiting import until, wait_until

SHOTS = """
from pathlib import Path
from imagevault import Image, Page, ProviderInfo, Rendition, hookimpl

LINK = Path({link!r})

@hookimpl
def provider_info():
    return ProviderInfo(
        title="Shots", base_url="https://api.example/", page_size=1, file_hosts={hosts}, hotlink={hotlink!r},
        aggregator=True,
    )

def image():
    return Image(id="7/a", title="Lily", renditions=[Rendition(name="original", url=LINK.read_text())])

@hookimpl
async def search_images():
    return Page([image()], last=True)

@hookimpl
async def fetch_image():
    return image() if LINK.read_text() else None
"""
LIMITS = FileLimits(size=1024 * 1024, pool=30.0, connect=30.0, read=30.0, total=30.0)
URL = "https://img.example/a.jpg"


class Shots:
    """A server with the provider `shots`, whose files are at a stand-in host, and an account there."""

    def __init__(self, api: Any, host: FileHost, headers: dict[str, str], link: Path) -> None:
        self.api = api
        self.host = host
        self.headers = headers
        self.link = link

    async def take(self, url: str = URL) -> str:
        """Records the download of a bare URL; answers its id."""
        answer = await self.api.post("/download", json={"url": url}, headers=self.headers)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def take_image(self) -> str:
        answer = await self.api.post("/download", json={"image": "shots:7/a"}, headers=self.headers)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def file(self, id: str, **headers: str) -> httpx.Response:
        return await self.api.get(f"/downloads/{id}/file", headers={**self.headers, **headers})  # type: ignore[no-any-return]

    async def noted(self, id: str) -> Any:
        return (await self.api.get(f"/downloads/{id}", headers=self.headers)).json()["file"]


@pytest.fixture
def limits() -> FileLimits:
    return LIMITS


@pytest.fixture
def host(limits: FileLimits) -> Iterator[FileHost]:
    host = FileHost(limits)
    yield host
    host.upstream.stop()


@pytest.fixture
def hotlink() -> str:
    return "allowed"


@pytest.fixture
def hosts() -> str:
    return '{"img.example", "cdn.example"}'


@pytest.fixture
async def shots(start: Any, tmp_path: Path, host: FileHost, hotlink: str, hosts: str) -> Any:
    """The server, with files at `hosts`, whose links may be used as `hotlink` says."""
    link = tmp_path / "link.txt"
    link.write_text(URL)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "shots.py").write_text(SHOTS.format(link=str(link), hotlink=hotlink, hosts=hosts))
    environ = {"IMAGEVAULT_PLUGINS_DIR": "plugins", "IMAGEVAULT_LIMITS_REQUESTS": "100000/minute"}
    api = await start(environ, file_client=host.client)
    return Shots(api, host, await api.sign_in(), link)


class TestWholeFile:
    async def test_is_streamed_and_noted(self, shots: Shots) -> None:
        """Under the type of its content and a name of ours, with nothing of the host's headers."""
        shots.host.files["/a.jpg"] = Answer(
            JPEG,
            headers={"Content-Type": "text/html", "Set-Cookie": "a=b", "Content-Disposition": "inline", "X-Odd": "1"},
        )
        id = await shots.take()
        assert await shots.noted(id) is None

        answer = await shots.file(id)

        assert (answer.status_code, answer.content == JPEG) == (200, True)
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["content-length"] == str(len(JPEG))
        assert answer.headers["content-disposition"] == 'attachment; filename="shots-a.jpg"'
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert not {"set-cookie", "x-odd"} & answer.headers.keys()
        sha256 = hashlib.sha256(JPEG).hexdigest()
        assert await shots.noted(id) == {"size": len(JPEG), "sha256": sha256, "type": "image/jpeg"}

    async def test_the_host_gets_no_secret_and_is_reached_at_the_checked_address(self, shots: Shots) -> None:
        """TLS verifies the name all the same."""
        await shots.file(await shots.take(f"{URL}?w=1"))

        [call] = shots.host.calls
        assert call.headers["Host"] == "img.example"
        assert call.headers["Accept-Encoding"] == "identity"
        assert not {"Authorization", "Cookie", "Referer", "X-Forwarded-For"} & {name.title() for name in call.headers}
        assert call.query["w"] == "1"
        assert shots.host.network.connected == [(PUBLIC, 443)]
        assert shots.host.network.verified == ["img.example"]

    async def test_the_first_complete_reading_stays(self, shots: Shots) -> None:
        id = await shots.take()
        await shots.file(id)
        first = await shots.noted(id)
        shots.host.files["/a.jpg"] = Answer(JPEG + b"other")

        assert (await shots.file(id)).content == JPEG + b"other"
        assert await shots.noted(id) == first

    async def test_a_file_without_a_length(self, shots: Shots) -> None:
        """Chunks tell where it ends."""
        shots.host.upstream.fail(chunked(JPEG))
        id = await shots.take()

        answer = await shots.file(id, Range="bytes=5-9")  # no part of a file of unknown size can be named

        assert (answer.status_code, answer.content == JPEG) == (200, True)
        assert "content-length" not in answer.headers
        assert (await shots.noted(id))["size"] == len(JPEG)

    async def test_each_raster_type(self, shots: Shots) -> None:
        id = await shots.take()
        for begins, type, extension in (
            (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
            (b"GIF89a", "image/gif", "gif"),
            (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp", "webp"),
            (b"\0\0\0\x1cftypavif\0\0\0\0", "image/avif", "avif"),
        ):
            shots.host.files["/a.jpg"] = Answer(begins + bytes(100))

            answer = await shots.file(id)

            assert answer.headers["content-type"] == type
            assert answer.headers["content-disposition"].endswith(f'"shots-a.{extension}"')

    async def test_head_reads_nothing_but_the_start(self, shots: Shots) -> None:
        id = await shots.take()

        headers = {**shots.headers, "Range": "bytes=0-9"}  # which HEAD ignores
        answer = await shots.api.client.head(f"/downloads/{id}/file", headers=headers)

        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-length"] == str(len(JPEG))
        assert await shots.noted(id) is None

    async def test_a_body_of_the_request_does_not_matter(self, shots: Shots) -> None:
        """Not even one that no request may have: GET needs none."""
        id = await shots.take()
        for content in (b"\0", b"x" * 2_000_000):
            answer = await shots.api.client.request(
                "GET", f"/downloads/{id}/file", content=content, headers=shots.headers
            )
            assert (answer.status_code, answer.content == JPEG) in {(200, True), (413, False)}

        assert (await shots.noted(id))["size"] == len(JPEG)

    async def test_belongs_to_its_owner_alone(self, shots: Shots) -> None:
        """Another account, nobody, and a key of other providers."""
        id = await shots.take()
        other = await shots.api.sign_in("bob")
        wanted = {"name": "x", "scopes": ["downloads"], "providers": ["local"]}
        key = (await shots.api.post("/api-keys", json=wanted, headers=shots.headers)).json()["key"]

        statuses = [
            (await shots.api.get(f"/downloads/{id}/file", headers=headers)).status_code
            for headers in (other, {}, {"Authorization": f"Bearer {key}"})
        ]

        assert statuses == [404, 401, 403]
        assert shots.host.calls == []


def chunked(body: bytes, *, ends: bool = True) -> Any:
    """The body in chunks of 1000 bytes; without the last one if it does not end."""

    def play(exchange: Exchange) -> None:
        exchange.close()
        exchange.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for first in range(0, len(body), 1000):
            piece = body[first : first + 1000]
            exchange.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        if ends:
            exchange.write(b"0\r\n\r\n")

    return play


def stops_half_way(exchange: Exchange) -> None:
    """Half of the file, and no end of the connection."""
    exchange.begin(Answer(JPEG), len(JPEG))
    exchange.write(JPEG[: len(JPEG) // 2])
    exchange.wait()


def raw(*parts: bytes) -> Any:
    """Exactly these bytes, and the end of the connection."""

    def play(exchange: Exchange) -> None:
        exchange.close()
        for part in parts:
            exchange.write(part)

    return play


class TestBadAddresses:
    async def test_a_host_that_leads_to_a_private_address(self, shots: Shots) -> None:
        """Alone, and among public addresses: no byte leaves."""
        id = await shots.take()
        for address in (
            "127.0.0.1",
            "10.0.0.1",
            "169.254.169.254",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "fd00::1",
        ):
            for answers in ([address], [PUBLIC, address], [address, PUBLIC]):
                shots.host.network.names["img.example"] = [answers]

                answer = await shots.file(id)

                assert answer.status_code == 502, answers
                assert "img.example leads to an address that is not public" in answer.json()["detail"]
        assert shots.host.network.connected == []

    async def test_a_name_that_leads_elsewhere_at_the_second_look(self, shots: Shots) -> None:
        """There is one look for each connection, and the connection goes to what it found."""
        shots.host.network.names["img.example"] = [[PUBLIC], ["127.0.0.1"]]
        id = await shots.take()

        first = await shots.file(id)
        second = await shots.file(id)

        assert (first.status_code, second.status_code) == (200, 502)
        assert shots.host.network.looked_up == ["img.example"] * 2
        assert shots.host.network.connected == [(PUBLIC, 443)]

    async def test_a_host_without_an_address(self, shots: Shots) -> None:
        shots.host.network.names["img.example"] = [[]]

        answer = await shots.file(await shots.take())

        assert (answer.status_code, "cannot be reached" in answer.json()["detail"]) == (502, True)

    @pytest.mark.parametrize("hosts", ['{"img.example", "*"}'])
    async def test_an_address_that_no_file_is_at(self, shots: Shots) -> None:
        """Also where the provider declares any host: in a record, and as a redirect."""
        for name in ("127.0.0.1", "::1"):
            shots.host.network.names[name] = [[name]]
        redirected = await shots.take("https://img.example/moved.jpg")
        id = await shots.take()
        for url, detail in (
            ("https://127.0.0.1/a.jpg", "not public"),
            ("https://[::1]/a.jpg", "not public"),
            ("https://2130706433/a.jpg", "no plain address"),
            ("https://0x7f.1/a.jpg", "no plain address"),
            ("https://0177.0.0.1/a.jpg", "no plain address"),
            ("https://127.1/a.jpg", "no plain address"),
            ("https://user:pass@img.example/a.jpg", "a user or a password"),
            ("https://img.example:8443/a.jpg", "unusual port"),
            ("https://img.example:22/a.jpg", "unusual port"),
            ("http://img.example:443/a.jpg", "unusual port"),
            ("ftp://img.example/a.jpg", "neither https nor http"),
            ("https://img.example\\@127.0.0.1/a.jpg", "printable ASCII"),
            ("https://127。0。0。1/a.jpg", "printable ASCII"),
            ("http://127.0.0.1:8000/downloads", "is not at this server"),
        ):
            shots.host.redirect("/moved.jpg", url.encode("ascii", "replace").decode())
            await put_url(id, url)
            answer = await shots.file(id)
            assert (answer.status_code, detail in answer.json()["detail"]) == (502, True), (url, answer.text)
            assert (await shots.file(redirected)).status_code == 502, url
        assert {call.path for call in shots.host.calls} == {"/moved.jpg"}

    async def test_a_host_that_the_provider_does_not_declare(self, shots: Shots) -> None:
        """In a record, by a redirect, or with a name that only begins or ends alike."""
        for number, name in enumerate(("evil.example", "img.example.evil.example", "ximg.example", "example")):
            shots.host.network.names[name] = [[PUBLIC]]
            shots.host.redirect(f"/{number}.jpg", f"https://{name}/a.jpg")
            answer = await shots.file(await shots.take(f"https://img.example/{number}.jpg"))
            assert (answer.status_code, f"{name} is none of the hosts" in answer.json()["detail"]) == (502, True)
            id = await shots.take()
            await put_url(id, f"https://{name}/a.jpg")
            assert (await shots.file(id)).status_code == 502
        assert shots.host.network.looked_up == ["img.example"] * 4

    async def test_a_url_of_no_provider_here(self, shots: Shots) -> None:
        answer = await shots.file(await shots.take("https://other.example/a.jpg"))

        assert answer.status_code == 403
        assert answer.json()["detail"].endswith("This file is at https://other.example/a.jpg")

    async def test_an_old_link_by_http_is_read_by_https(self, shots: Shots) -> None:
        assert (await shots.file(await shots.take("http://img.example/a.jpg"))).status_code == 200
        assert shots.host.network.connected == [(PUBLIC, 443)]


async def put_url(id: str, url: str) -> None:
    """Writes an address into a record that no request could put there."""
    from imagevault.downloads.tables import Download

    await Download.update({Download.url: url}).where(Download.id == id)


class TestRedirects:
    async def test_to_another_host_of_the_provider(self, shots: Shots) -> None:
        """The new host is looked up and checked too."""
        id = await shots.take("https://img.example/moved.jpg")
        for status in (301, 302, 303, 307, 308):
            shots.host.redirect("/moved.jpg", "https://CDN.example./a.jpg?x=1", status)

            answer = await shots.file(id)

            assert (answer.status_code, answer.content == JPEG) == (200, True)
            assert shots.host.network.connected[-2:] == [(PUBLIC, 443), (OTHER, 443)]

    async def test_to_a_private_address(self, shots: Shots) -> None:
        shots.host.network.names["cdn.example"] = [["10.0.0.1"]]
        shots.host.redirect("/moved.jpg", "https://cdn.example/a.jpg")

        answer = await shots.file(await shots.take("https://img.example/moved.jpg"))

        assert (answer.status_code, "not public" in answer.json()["detail"]) == (502, True)
        assert shots.host.network.connected == [(PUBLIC, 443)]

    async def test_to_what_is_no_secure_address(self, shots: Shots) -> None:
        id = await shots.take("https://img.example/moved.jpg")
        for target in ("http://img.example/a.jpg", "", "https://[::1", "javascript:x", "/" + "a" * 3000):
            shots.host.redirect("/moved.jpg", target)

            assert (await shots.file(id)).status_code == 502, target
        assert {call.path for call in shots.host.calls} == {"/moved.jpg"}

    async def test_three_at_most(self, shots: Shots) -> None:
        for number in range(5):
            shots.host.redirect(f"/{number}.jpg", f"/{number + 1}.jpg")
        shots.host.files["/5.jpg"] = Answer(JPEG)

        statuses = [(await shots.file(await shots.take(f"https://img.example/{n}.jpg"))).status_code for n in (2, 1)]

        assert statuses == [200, 502]
        shots.host.redirect("/loop.jpg", "/loop.jpg")
        assert (await shots.file(await shots.take("https://img.example/loop.jpg"))).status_code == 502


class TestBadAnswers:
    async def test_what_is_no_raster_image(self, shots: Shots) -> None:
        """Whatever the host calls it."""
        id = await shots.take()
        for body in (
            b"<!doctype html><script>alert(1)</script>",
            b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
            b"<?xml version='1.0'?><svg/>",
            b"%PDF-1.7",
            b"II*\0 a TIFF",
            b" \xff\xd8\xff",
            b"\xff\xd8",
            b"",
        ):
            for sent in ({}, {"Range": "bytes=0-3"}):
                shots.host.files["/a.jpg"] = Answer(body, headers={"Content-Type": "image/jpeg"})

                answer = await shots.file(id, **sent)

                assert answer.status_code == 502, body
                assert answer.headers["content-type"] == "application/problem+json"
        assert await shots.noted(id) is None

    async def test_a_compressed_one(self, shots: Shots) -> None:
        """It is refused by its head, so a bomb is never inflated."""
        id = await shots.take()
        for coding in ("gzip", "br", "deflate", "GZIP, identity"):
            shots.host.files["/a.jpg"] = Answer(zlib.compress(JPEG), headers={"Content-Encoding": coding})

            answer = await shots.file(id)

            assert (answer.status_code, "encoded" in answer.json()["detail"]) == (502, True), coding

    async def test_one_that_says_that_it_is_too_large(self, shots: Shots) -> None:
        id = await shots.take()
        for length in (LIMITS.size + 1, 10**14):
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode()
            shots.host.upstream.fail(raw(head, JPEG), times=1)

            answer = await shots.file(id)

            assert (answer.status_code, "larger than 1 MB" in answer.json()["detail"]) == (502, True)

    async def test_a_head_that_makes_no_sense(self, shots: Shots) -> None:
        """A file that ends where the connection ends could be cut off anywhere, so it is none."""
        id = await shots.take()
        for head in (
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.0 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 9\r\n\r\n",
            b"HTTP/1.1 206 Partial\r\nContent-Length: 5\r\nContent-Range: bytes 0-4/9\r\n\r\n",
            b"HTTP/1.1 204 No Content\r\n\r\n",
            b"HTTP/1.1 304 Not Modified\r\n\r\n",
            b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
            b"not HTTP",
            b"",
        ):
            shots.host.upstream.fail(raw(head, JPEG), times=1)
            assert (await shots.file(id)).status_code == 502, head[:60]
        assert await shots.noted(id) is None

    async def test_a_host_that_fails(self, shots: Shots) -> None:
        id = await shots.take()
        for fault, status in (
            (Answer(status=404), 404),
            (Answer(status=410), 404),
            (Answer(status=403), 502),
            (Answer(status=429, headers={"Retry-After": "7"}), 503),
            (Answer(status=500), 502),
            (faults.reset(), 502),
        ):
            shots.host.upstream.fail(fault, times=1)

            answer = await shots.file(id)

            assert answer.status_code == status
            assert answer.headers.get("retry-after", "7") == "7"

    async def test_an_image_that_vanished(self, shots: Shots) -> None:
        del shots.host.files["/a.jpg"]

        answer = await shots.file(await shots.take())

        assert (answer.status_code, answer.json()["detail"]) == (404, "Shots has this file no more (it answered 404)")

    @pytest.mark.parametrize(
        "fault",
        [
            faults.truncated(),
            chunked(JPEG, ends=False),
            raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5000\r\n" + JPEG),
            raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + JPEG),
            chunked(JPEG[:1000] + bytes(2 * LIMITS.size)),
        ],
        ids=["truncated", "no last chunk", "half a chunk", "no chunk", "too large"],
    )
    async def test_one_that_breaks_off_never_looks_complete(self, shots: Shots, fault: Any) -> None:
        """The answer is a problem where nothing was sent, and else it does not end."""
        id = await shots.take()
        shots.host.upstream.fail(fault)

        status, is_complete = await sent_over_a_socket(shots, id)

        assert status in {200, 502}
        assert not is_complete or status != 200
        assert await shots.noted(id) is None

    @pytest.mark.parametrize("limits", [FileLimits(read=0.5, total=1.0)])
    async def test_one_that_takes_too_long(self, shots: Shots) -> None:
        """No answer, a file that stops, and one that comes byte by byte."""
        id = await shots.take()
        endings = []
        for fault in (faults.hang(), stops_half_way, faults.drip(0.05)):
            shots.host.upstream.fail(fault, times=1)
            endings.append(await sent_over_a_socket(shots, id))
        shots.host.upstream.heal()

        assert endings[0] == (504, True)
        assert (200, True) not in endings
        assert await shots.noted(id) is None


async def sent_over_a_socket(shots: Shots, id: str) -> tuple[int, bool]:
    """The status of an answer, and whether it ended as it should: the ASGI messages as a server gets them."""
    messages: list[Any] = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/downloads/{id}/file",
        "raw_path": f"/downloads/{id}/file".encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), (b"authorization", shots.headers["Authorization"].encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "scheme": "http",
        "http_version": "1.1",
        "state": {},
    }
    is_asked = False

    async def receive() -> dict[str, Any]:
        nonlocal is_asked
        if is_asked:
            await asyncio.Event().wait()
        is_asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    await shots.api.client._transport.app(scope, receive, send)
    return messages[0]["status"], not messages[-1].get("more_body", True)


class TestParts:
    @pytest.mark.parametrize("ranges", [True, False])
    async def test_one_part(self, shots: Shots, ranges: bool) -> None:
        """From a host that sends parts, and from one that always sends the whole file. A part is not noted."""
        shots.host.ranges = ranges
        id = await shots.take()
        for range, first, last in (
            ("bytes=0-0", 0, 0),
            ("bytes=0-", 0, len(JPEG) - 1),
            ("bytes=5-99", 5, 99),
            ("bytes=40-40", 40, 40),
            (f"bytes=70000-{len(JPEG) + 999}", 70000, len(JPEG) - 1),
            ("bytes=-100", len(JPEG) - 100, len(JPEG) - 1),
            ("bytes=-99999999", 0, len(JPEG) - 1),
        ):
            answer = await shots.file(id, Range=range)

            assert (answer.status_code, answer.content == JPEG[first : last + 1]) == (206, True), range
            assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(JPEG)}"
            assert answer.headers["content-length"] == str(last - first + 1)
            assert answer.headers["content-type"] == "image/jpeg"
        for range in (f"bytes={len(JPEG)}-", "bytes=999999-1000000", "bytes=-0"):
            answer = await shots.file(id, Range=range)

            assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(JPEG)}"), range
        assert await shots.noted(id) is None

    async def test_what_names_no_single_part_gets_the_whole_file(self, shots: Shots) -> None:
        id = await shots.take()
        for range in ("bytes=5-2", "bytes=0-1,5-6", "bytes=-", "bytes=a-b", "bytes 0-1", "items=0-1", "x" * 9000):
            answer = await shots.file(id, Range=range)

            assert (answer.status_code, answer.content == JPEG) == (200, True), range

    async def test_a_host_that_sends_another_part(self, shots: Shots) -> None:
        id = await shots.take()
        for content_range in ("bytes 6-9/100", "bytes 5-9/*", "bytes 5-8/100", "5-9", "bytes 5-9/5", ""):
            shots.host.upstream.fail(Answer(JPEG[:32], 206, {"Content-Range": "bytes 0-31/100"}), times=1)
            shots.host.upstream.fail(Answer(b"12345", 206, {"Content-Range": content_range}), times=1)

            assert (await shots.file(id, Range="bytes=5-9")).status_code == 502, content_range

    async def test_goes_on_only_with_the_same_file(self, shots: Shots) -> None:
        """`If-Range` has the tag of the parts before. The host's own tag is not shown."""
        shots.host.tag = '"abc"'
        id = await shots.take()
        tag = (await shots.file(id, Range="bytes=0-9")).headers["etag"]

        same = await shots.file(id, Range="bytes=10-19", **{"If-Range": tag})
        shots.host.tag = '"other"'
        other = await shots.file(id, Range="bytes=10-19", **{"If-Range": tag})
        by_date = await shots.file(id, Range="bytes=10-19", **{"If-Range": "Wed, 21 Oct 2015 07:28:00 GMT"})

        assert "abc" not in tag
        assert [answer.status_code for answer in (same, other, by_date)] == [206, 200, 200]
        assert other.content == JPEG

    async def test_is_not_sent_again(self, shots: Shots) -> None:
        """304 while the file is the one that the client has, for GET and HEAD (RFC 9110, section 13.1.2)."""
        shots.host.tag = '"abc"'
        id = await shots.take()
        tag = (await shots.file(id)).headers["etag"]

        same = await shots.file(id, **{"If-None-Match": f'"x", {tag}'})
        part = await shots.file(id, Range="bytes=0-9", **{"If-None-Match": tag})
        shots.host.tag = '"other"'
        other = await shots.file(id, **{"If-None-Match": tag})

        assert [answer.status_code for answer in (same, part, other)] == [304, 304, 200]
        assert (same.content, same.headers["etag"]) == (b"", tag)
        assert "content-length" not in same.headers
        assert other.content == JPEG

    async def test_without_a_strong_tag_nothing_is_put_together(self, shots: Shots) -> None:
        id = await shots.take()
        for tag in ('W/"abc"', "abc", '"' + "a" * 500 + '"', None):
            shots.host.tag = tag

            answer = await shots.file(id, Range="bytes=0-9", **{"If-Range": '"abc"'})

            assert (answer.status_code, "etag" in answer.headers) == (200, False), tag

    def test_where_a_part_lies(self) -> None:
        assert read_range("bytes=2-") == Wanted(2, None)
        assert Wanted(2, 9).within(5) == Span(2, 4)
        assert Wanted(None, 2).within(5) == Span(3, 4)
        with pytest.raises(RangeNotSatisfiable):
            Wanted(None, 5).within(0)


class TestTerms:
    @pytest.mark.parametrize("hotlink", ["required"])
    async def test_a_provider_that_wants_its_links_used(self, shots: Shots) -> None:
        """Nothing is fetched, and the response leads there."""
        answer = await shots.file(await shots.take_image())

        assert (answer.status_code, answer.headers["location"], answer.content) == (303, URL, b"")
        assert shots.host.calls == []

    @pytest.mark.parametrize("hotlink", ["temporary"])
    async def test_links_that_expire_are_fetched_anew(self, shots: Shots) -> None:
        id = await shots.take_image()
        del shots.host.files["/a.jpg"]
        shots.host.files["/b.jpg"] = Answer(JPEG)
        shots.link.write_text("https://cdn.example/b.jpg")

        answer = await shots.file(id)

        assert (answer.status_code, [call.path for call in shots.host.calls]) == (200, ["/b.jpg"])
        assert answer.headers["content-disposition"].endswith('"shots-7-a.jpg"')
        shots.link.write_text("")
        gone = await shots.file(id)
        assert (gone.status_code, gone.json()["detail"]) == (404, "Shots has no image 7/a any more.")

    async def test_a_hidden_picture(self, shots: Shots) -> None:
        id = await shots.take_image()
        shots.api.services.database.use()
        await shots.api.services.gateway.hidden.hide("shots:7/a", "takedown")

        assert (await shots.file(id)).status_code == 404


class TestManyAtOnce:
    async def test_four_of_one_account(self, shots: Shots) -> None:
        """The fifth waits its turn, another account does not, and the places become free again."""
        id = await shots.take()
        other = await shots.api.sign_in("bob")
        theirs = (await shots.api.post("/download", json={"url": URL}, headers=other)).json()["id"]
        shots.host.upstream.fail(faults.hang(), times=files.AT_ONCE)
        reading = [asyncio.create_task(shots.file(id)) for _ in range(files.AT_ONCE)]
        await until(lambda: len(shots.host.calls) == files.AT_ONCE)

        fifth = await shots.file(id)
        neighbour = await shots.api.get(f"/downloads/{theirs}/file", headers=other)
        shots.host.upstream.heal()
        answers = await asyncio.gather(*reading)

        assert (fifth.status_code, fifth.headers["retry-after"], neighbour.status_code) == (429, "5", 200)
        assert {answer.status_code for answer in answers} == {200}
        assert (await shots.file(id)).status_code == 200


class TestHeldFiles:
    @pytest.fixture
    async def local(self, start: Any, tmp_path: Path) -> tuple[Any, dict[str, str], str, bytes]:
        """A server with one picture in its folder, its owner, and the download of it."""
        sample = Path(signed_links.__file__).parents[1] / "samples" / "aurora.jpg"
        (tmp_path / "pictures").mkdir()
        shutil.copy(sample, tmp_path / "pictures" / "aurora.jpg")
        api = await start({"LOCAL_FOLDER": str(tmp_path / "pictures")})
        headers = await api.sign_in()
        taken = await api.post(
            "/download", json={"image": "local:aurora.jpg", "rendition": "original"}, headers=headers
        )
        return api, headers, taken.json()["id"], sample.read_bytes()

    async def test_are_served_alike(self, local: Any) -> None:
        api, headers, id, content = local

        whole = await api.get(f"/downloads/{id}/file", headers=headers)
        part = await api.get(f"/downloads/{id}/file", headers={**headers, "Range": "bytes=100-199"})
        resumed = await api.get(
            f"/downloads/{id}/file", headers={**headers, "Range": "bytes=-9", "If-Range": whole.headers["etag"]}
        )
        beyond = await api.get(f"/downloads/{id}/file", headers={**headers, "Range": "bytes=99999999-"})
        noted = (await api.get(f"/downloads/{id}", headers=headers)).json()["file"]

        assert (whole.status_code, whole.content == content) == (200, True)
        assert whole.headers["content-disposition"] == 'attachment; filename="local-aurora.jpg"'
        assert whole.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert (part.status_code, part.content == content[100:200]) == (206, True)
        assert part.headers["content-range"] == f"bytes 100-199/{len(content)}"
        assert (resumed.status_code, resumed.content == content[-9:]) == (206, True)
        assert beyond.status_code == 416
        assert noted["sha256"] == hashlib.sha256(content).hexdigest()

    async def test_one_that_is_gone(self, local: Any, tmp_path: Path) -> None:
        api, headers, id, _ = local
        (tmp_path / "pictures" / "aurora.jpg").unlink()
        answer = await api.get(f"/downloads/{id}/file", headers=headers)

        assert answer.status_code in {200, 404}  # the listing of the folder is looked at every five seconds
        (tmp_path / "pictures" / "aurora.jpg").write_text("<svg/>")
        assert (await api.get(f"/downloads/{id}/file", headers=headers)).status_code == 404


class TestNames:
    @pytest.mark.parametrize(
        ("image", "url", "rendition", "name"),
        [
            ("pexels:2014422", "x", "original", "pexels-2014422.jpg"),
            ("pexels:2014422", "x", "small", "pexels-2014422-small.jpg"),
            ("pexels:../../etc/passwd", "x", "original", "pexels-etc-passwd.jpg"),
            ('pexels:a"b\r\nc.PNG', "x", "original", "pexels-a-b-c.jpg"),
            ("pexels:.hidden", "x", "original", "pexels-hidden.jpg"),
            ("pexels:日本", "x", "original", "pexels-file.jpg"),
            ("pexels:" + "a" * 200, "x", "original", f"pexels-{'a' * 80}.jpg"),
            (None, "https://a.example/x/owl.jpeg?w=1", None, "pexels-owl.jpg"),
            (None, "https://a.example/", None, "pexels-file.jpg"),
        ],
    )
    def test_are_safe(self, image: str | None, url: str, rendition: str | None, name: str) -> None:
        row = {"provider": "pexels", "image": image, "url": url, "rendition": rendition}

        assert file_name(row, "image/jpeg") == name


@pytest.mark.processes
class TestServer:
    """A real server, its files at a simulated Pexels on loopback, which the admin allows."""

    @pytest.fixture
    def environ(self, configured: dict[str, str]) -> dict[str, str]:
        return {**configured, "PEXELS_FILES_PATH": "/files", "IMAGEVAULT_ALLOW_NETWORKS": "127.0.0.1"}

    @staticmethod
    @contextmanager
    def taken(url: str) -> Iterator[tuple[httpx.Client, str]]:
        """A client with an account, and the path of the file of its download."""
        with httpx.Client(base_url=url, timeout=60) as client:
            account = {"username": "ada", "password": "violet-harbour-71"}
            client.post("/signup", json=account).raise_for_status()
            token = client.post("/token", data=account).json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            found = client.get("/search", params={"q": "fox", "provider": "pexels"}).json()["images"]
            taken = client.post("/download", json={"image": found[0]["id"], "rendition": "medium"})
            yield client, f"/downloads/{taken.json()['id']}/file"

    def test_serves_a_file_and_cuts_a_broken_one_off(
        self, serve: Any, pexels: SimulatedPexels, environ: dict[str, str]
    ) -> None:
        server = serve(environ).wait_until_ready()
        with self.taken(server.url) as (client, path):
            whole = client.get(path)
            pexels.fail(broken_off)
            with pytest.raises(httpx.RemoteProtocolError):
                client.get(path)
            pexels.heal()
            again = client.get(path)

        assert (whole.status_code, whole.headers["content-type"]) == (200, "image/jpeg")
        assert again.content == whole.content

    def test_is_not_reached_unless_the_admin_allows_it(self, serve: Any, environ: dict[str, str]) -> None:
        server = serve({**environ, "IMAGEVAULT_ALLOW_NETWORKS": ""}).wait_until_ready()
        with self.taken(server.url) as (client, path):
            answer = client.get(path)

        assert (answer.status_code, "not public" in answer.json()["detail"]) == (502, True)

    def test_memory_is_flat_and_a_client_that_leaves_ends_the_reading(
        self, serve: Any, pexels: SimulatedPexels, environ: dict[str, str]
    ) -> None:
        """100 MB cost no more memory than one; and a slow client holds the provider back."""
        server = serve(environ).wait_until_ready()
        sent = Endless(100 * 1024 * 1024)
        with self.taken(server.url) as (client, path):
            client.get(path)
            before = peak_memory(server.process.pid)
            pexels.fail(sent)
            size = 0
            with client.stream("GET", path) as answer:
                for piece in answer.iter_bytes():
                    size += len(piece)
            assert size == sent.size
            assert peak_memory(server.process.pid) - before < 20 * 1024 * 1024
            leaving = socket.create_connection(("127.0.0.1", server.port))
            leaving.sendall(
                f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Authorization: {client.headers['Authorization']}\r\n\r\n".encode()
            )
            leaving.recv(1000)
            leaving.close()
            wait_until(lambda: sent.ended == 2, "the reading from the provider to end")
        assert sent.sent < 150 * 1024 * 1024


class Endless:
    """A JPEG of so many bytes, sent in pieces; it counts what was sent, and how many readings ended."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.sent = 0
        self.ended = 0

    def __call__(self, exchange: Exchange) -> None:
        exchange.close()
        exchange.begin(Answer(JPEG), self.size)
        try:
            exchange.write(JPEG[:65536])
            for _ in range(self.size // 65536 - 1):
                exchange.write(bytes(65536))
                self.sent += 65536
        finally:
            self.ended += 1


def broken_off(exchange: Exchange) -> None:
    """Half of a megabyte that was promised."""
    exchange.close()
    exchange.begin(Answer(JPEG), 1_000_000)
    exchange.write(JPEG[:65536] + bytes(430_000))


def peak_memory(pid: int) -> int:
    """The most bytes of memory that a process had."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024
