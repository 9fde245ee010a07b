"""Answers of upstreams that are odd, broken or hostile, byte by byte over real sockets."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import ModuleType

import httpx
import msgspec
import pytest

from imagevault import Page, ProviderInfo, decode, hookimpl
from imagevault.config.settings import Settings
from imagevault.errors import InvalidResponse, ProviderError, RateLimited, Unavailable
from imagevault.plugins.provider import Provider
from imagevault.plugins.registry import PluginRegistry
from imagevault.upstream.content_coding import decoder_for
from imagevault.upstream.limiter import QuotaExhausted
from imagevault.upstream.provider_errors import to_provider_error
from imagevault.upstream.response_body import MAX_BODY
from imagevault.upstream.transport import open_client

BODY = b'{"text": "caf\xc3\xa9"}'


class Body(msgspec.Struct):
    text: str


class Keyed(msgspec.Struct, frozen=True):
    api_key: str = ""


def provider(base_url: str, concurrency: int = 2, api_key: str = "") -> Provider:
    """A provider whose API is at this address."""

    @hookimpl
    def provider_info() -> ProviderInfo:
        return ProviderInfo(
            title="Test",
            page_size=1,
            base_url="https://api.example/",
            settings=Keyed,
            concurrency=concurrency,
        )

    @hookimpl
    async def search_images() -> Page:
        return Page([])

    plugin = ModuleType("hostile")
    plugin.__dict__.update(provider_info=provider_info, search_images=search_images)
    plugins = PluginRegistry()
    plugins.add("hostile", lambda: plugin, "here")
    plugins.configure(Settings(providers={"hostile": {"base_url": base_url, "api_key": api_key}}))
    return plugins.providers["hostile"]


Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def upstream(answer: bytes | Answer) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an upstream that answers every request with these bytes, and closes the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            if isinstance(answer, bytes):
                writer.write(answer)
                await writer.drain()
            else:
                await answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, open_client(provider(f"http://127.0.0.1:{port}/")) as http:
        yield http


def response(body: bytes = BODY, *headers: bytes) -> bytes:
    """A whole answer with these further headers."""
    lines = [b"HTTP/1.1 200 OK", b"Content-Type: application/json", *headers, b"Content-Length: %d" % len(body)]
    return b"\r\n".join([*lines, b"", body])


async def error_of(answer: bytes | Answer) -> ProviderError:
    """What an answer is to the gateway."""
    async with upstream(answer) as http:
        try:
            decode(await http.get("x"), Body)
        except Exception as error:  # noqa: BLE001
            return to_provider_error(error, provider("http://127.0.0.1:9/"))
    raise AssertionError("it was taken as good")


class TestHeaders:
    @pytest.mark.parametrize(
        "header",
        [b"X-Note: caf\xe9", b"X-Note: \xff\xfe", b"X-Ratelimit-Remaining: \xb2", b"Retry-After: \xb2"],
    )
    async def test_other_bytes_than_ascii_do_no_harm(self, header: bytes) -> None:
        async with upstream(response(BODY, header)) as http:
            for _ in range(5):  # more often than there are connections
                assert decode(await http.get("x"), Body).text == "café"

    async def test_a_content_type_that_is_no_ascii(self) -> None:
        async with upstream(response().replace(b"application/json", b"application/caf\xe9")) as http:
            assert decode(await http.get("x"), Body).text == "café"

    @pytest.mark.parametrize("codec", [b"punycode", b"zlib", b"hex", b"unicode_escape", b"utf-16", b"idna"])
    async def test_no_charset_chooses_the_codec(self, codec: bytes) -> None:
        """The body counts as UTF-8, whatever the upstream says."""
        async with upstream(response().replace(b"json", b"json; charset=" + codec)) as http:
            answer = await http.get("x")

        assert answer.text == BODY.decode()


class TestConnections:
    async def test_a_failure_after_the_head_gives_the_connection_back(self) -> None:
        """As many failures as there are connections, and more, and the next good answer is read."""
        broken = response(b"no gzip", b"Content-Encoding: gzip")
        answers = [broken] * 6 + [response()]

        async def next_answer(writer: asyncio.StreamWriter) -> None:
            writer.write(answers.pop(0))
            await writer.drain()

        async with upstream(next_answer) as http:
            for _ in range(6):
                with pytest.raises(InvalidResponse):
                    await http.get("x")

            assert decode(await http.get("x"), Body).text == "café"

    async def test_an_upstream_that_closes_without_an_answer_is_unavailable(self) -> None:
        assert isinstance(await error_of(b""), Unavailable)

    async def test_bytes_that_make_no_sense_are_invalid(self) -> None:
        assert isinstance(await error_of(b"hello\r\n\r\n"), InvalidResponse)


def raw_deflate(data: bytes) -> bytes:
    """The data as RFC 1951 has it, without the header of zlib."""
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(data) + deflater.flush()


RAW = raw_deflate(BODY)


class TestContentCodings:
    @pytest.mark.parametrize(
        ("coding", "body"),
        [
            (b"gzip", gzip.compress(BODY)),
            (b"x-gzip", gzip.compress(BODY)),
            (b"GZIP", gzip.compress(BODY)),
            (b"gzip", gzip.compress(BODY[:5]) + gzip.compress(BODY[5:])),
            (b"gzip", gzip.compress(BODY) + b"\0" * 100),
            (b"deflate", zlib.compress(BODY)),
            (b"deflate", RAW),
            (b"identity", BODY),
            (b"gzip", gzip.compress(BODY + b" " * 65_521)),
            (b"deflate", raw_deflate(BODY + b" " * 65_521)),
            (b"deflate", raw_deflate(BODY + b" " * 200_000)),
        ],
        ids=[
            "gzip",
            "x-gzip",
            "upper case",
            "two members",
            "padding",
            "zlib",
            "raw deflate",
            "identity",
            "long gzip",
            "a little more than a chunk",
            "long raw deflate",
        ],
    )
    async def test_are_decoded(self, coding: bytes, body: bytes) -> None:
        """RFC 9110, section 8.4.1."""
        async with upstream(response(body, b"Content-Encoding: " + coding)) as http:
            assert decode(await http.get("x"), Body).text == "café"

    @pytest.mark.parametrize("body", [zlib.compress(BODY), RAW, gzip.compress(BODY)], ids=["zlib", "raw", "gzip"])
    async def test_are_decoded_byte_by_byte(self, body: bytes) -> None:
        """Whatever the pieces are that arrive."""
        coding = b"gzip" if body[:2] == b"\x1f\x8b" else b"deflate"
        head, _, _ = response(body, b"Content-Encoding: " + coding).partition(body)

        async def drip(writer: asyncio.StreamWriter) -> None:
            writer.write(head)
            for byte in body:
                writer.write(bytes([byte]))
                await writer.drain()

        async with upstream(drip) as http:
            assert decode(await http.get("x"), Body).text == "café"

    @pytest.mark.parametrize(
        ("coding", "body"),
        [
            (b"gzip", gzip.compress(BODY)[:-5]),
            (b"gzip", b"no gzip at all"),
            (b"gzip", gzip.compress(BODY) + gzip.compress(BODY)[:-5]),
            (b"gzip", gzip.compress(BODY) + gzip.compress(BODY)[:-8] + b"wrong!!!"),
            (b"deflate", zlib.compress(BODY)[:-5]),
            (b"deflate", b"x"),
            (b"br", BODY),
        ],
        ids=["cut gzip", "no gzip", "cut member", "wrong checksum", "cut zlib", "one byte", "brotli"],
    )
    async def test_broken_ones_are_invalid(self, coding: bytes, body: bytes) -> None:
        assert isinstance(await error_of(response(body, b"Content-Encoding: " + coding)), InvalidResponse)

    @pytest.mark.parametrize("size", [*range(65_500, 65_580), 131_072])
    def test_raw_deflate_of_any_length_is_complete(self, size: int) -> None:
        """Also where the end of the input and the end of a chunk are the same."""
        decoder = decoder_for("deflate")

        decoded = b"".join(decoder.decode(raw_deflate(b"a" * size)))
        decoder.finish()

        assert len(decoded) == size

    async def test_an_answer_without_a_body_may_name_a_coding(self) -> None:
        """A 429 of a network in front of the upstream keeps its time."""
        empty = response(b"", b"Content-Encoding: gzip", b"Retry-After: 40").replace(b"200 OK", b"429 Slow Down")

        error = await error_of(empty)

        assert isinstance(error, RateLimited)
        assert error.retry_after == 40

    async def test_what_follows_a_stream_is_counted(self) -> None:
        """An upstream that sends zeros without end is left after the cap."""
        sent = [0]

        async def endless(writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(BODY))
            while sent[0] < 20 * MAX_BODY:
                writer.write(b"\0" * 65536)
                sent[0] += 65536
                await writer.drain()

        error = await error_of(endless)

        assert isinstance(error, InvalidResponse)
        assert "larger than 5 MB" in str(error)
        assert sent[0] < 20 * MAX_BODY


STATUSES = [b"400 Bad", b"401 No", b"403 Slow Down", b"404 Gone", b"410 Gone", b"429 Slow Down", b"500 Oops"]


class TestWaits:
    @pytest.mark.parametrize("status", STATUSES)
    async def test_every_status_may_name_a_time(self, status: bytes) -> None:
        """A throttle is not always a 429."""
        error = await error_of(response(BODY, b"Retry-After: 120").replace(b"200 OK", status))

        assert error.retry_after == 120


class TestErrors:
    """What a plugin raises, whatever is in it."""

    @pytest.mark.parametrize("seconds", [0, -5, float("nan"), "soon", None])
    def test_a_wait_that_is_none(self, seconds: object) -> None:
        error = to_provider_error(RateLimited("slow down", seconds), provider("http://127.0.0.1:9/"))  # type: ignore[arg-type]

        assert error.retry_after is None

    @pytest.mark.parametrize("seconds", [1e300, float("inf"), 10**400])
    def test_a_wait_without_end_is_a_day(self, seconds: float) -> None:
        error = to_provider_error(RateLimited("slow down", seconds), provider("http://127.0.0.1:9/"))

        assert error.retry_after == 86400

    def test_a_further_host_that_cannot_be_reached_is_named(self) -> None:
        """One of `api_hosts`. That of `base_url` may be a private one."""
        owner = provider("http://127.0.0.1:9/")
        owner.info = msgspec.structs.replace(owner.info, api_hosts={"auth.test.example"})

        for url, expected in [
            ("https://auth.test.example/token", " cannot be reached at auth.test.example (ConnectError)"),
            ("http://127.0.0.1:9/x", " cannot be reached (ConnectError)"),
            (None, " cannot be reached (ConnectError)"),
        ]:
            request = httpx.Request("GET", url) if url else None
            error = to_provider_error(httpx.ConnectError("refused", request=request), owner)
            assert str(error) == f"{owner.info.title}{expected}"

    def test_a_message_is_valid_text(self) -> None:
        """A lone surrogate in it would be a 500 for every provider of the search."""
        error = to_provider_error(Unavailable("down \ud800" + "x" * 10_000), provider("http://127.0.0.1:9/"))

        assert str(error).encode().startswith(b"down ?xx")
        assert len(str(error)) == 1000

    def test_a_message_is_one_line_without_bidi_controls(self) -> None:
        """An upstream's words stand in the log, in a table and in `detail` beside ours."""
        error = to_provider_error(
            Unavailable("down\n2026-01-01 \u202efaked\u2066 line\x1b[2J"), provider("http://127.0.0.1:9/")
        )

        assert str(error) == "down 2026-01-01 faked line [2J"

    def test_no_part_of_a_secret_is_left_where_a_message_is_cut(self) -> None:
        """It is redacted first."""
        secret = "abcd1234efgh5678"
        owner = provider("http://127.0.0.1:9/", api_key=secret)

        for padding in range(970, 1001):
            message = str(to_provider_error(Unavailable("x" * padding + f"/{secret}/rest"), owner))

            assert "abcd" not in message

    @pytest.mark.parametrize("count", [100, 240, 250, 1000])
    def test_nor_where_its_reading_ends(self, count: int) -> None:
        """A thousand secrets become a short message, whose end is that of what was read."""
        secret = "abcd1234efgh5678" * 6
        owner = provider("http://127.0.0.1:9/", api_key=secret)

        for padding in range(0, 96, 7):
            message = str(to_provider_error(Unavailable("-" * padding + secret * count), owner))

            assert set(message) <= set("-*…")

    @pytest.mark.parametrize("odd", ["\u202e", "\ufeff", "\ud800\u202e"])
    def test_nor_where_a_line_leaves_a_character_out(self, odd: str) -> None:
        """Together again, its halves are masked."""
        secret = "abcd1234efgh5678"
        owner = provider("http://127.0.0.1:9/", api_key=secret)

        message = str(to_provider_error(Unavailable(f"see {secret[:8]}{odd}{secret[8:]}"), owner))

        assert secret not in message

    def test_our_own_refusal_may_last_a_month(self) -> None:
        """The quota of a month is used up: the time is that of the message."""
        error = to_provider_error(
            QuotaExhausted("no calls for 1200000 s", 1_200_000.0), provider("http://127.0.0.1:9/")
        )

        assert error.retry_after == 1_200_000.0

    def test_an_error_that_cannot_be_read(self) -> None:
        class Nasty(Exception):
            def __str__(self) -> str:
                raise RuntimeError("no")

        error = to_provider_error(Nasty(), provider("http://127.0.0.1:9/"))

        assert type(error) is ProviderError
        assert "the plugin failed" in str(error)
