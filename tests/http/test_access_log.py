"""The log line of each request. tests/test_logs.py tests the lines of real servers."""

import io
import json
import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagevault import logs
from imagevault.config.settings import Settings
from imagevault.counters import Counters
from imagevault.http import access_log
from imagevault.http.access_log import MAX_WRITE, AccessLog, RequestLine
from imagevault.http.edge import Edge
from imagevault.http.request import RequestContext, RequestHead
from tests.support.waiting import EVENT_LIMIT, until, wait_until

LOGGER = "imagevault.http.access_log"
STYLES = ("json", "console")
HOSTILE = [
    "/a b",
    "/é=\n\x1b[2J\x9b",
    "/\"quoted\" 'twice'\\",
    "/" + "ö" * 300,
    "/token/iv_1a2b3c4d5e6f",
    "/hidden-key-27",
]
CRASHING = """
import asyncio
from imagevault import ProviderInfo, hookimpl

@hookimpl
def provider_info():
    return ProviderInfo(title="Acme", page_size=10)

def crash():
    raise SystemExit(9)

@hookimpl
async def search_images(query):
    asyncio.get_running_loop().call_soon(crash)
    await asyncio.sleep(60)
"""


def line_of(path: str, **more: Any) -> RequestLine:
    fields = {
        "level": logging.INFO,
        "ended_at": 1_795_000_000.25,
        "method": "GET",
        "status": 200,
        "ms": 0.3,
        "caller": None,
        "request_id": "0123456789abcdef",
        "has_sent_id": False,
    }
    return RequestLine(path=path, **{**fields, **more})


@pytest.fixture
def context(raw_scope: Callable[..., dict[str, Any]]) -> Callable[[str], RequestContext]:
    """The context of a request with this path, which has ended."""

    def context(path: str) -> RequestContext:
        head = RequestHead.read(raw_scope([], path=path))
        return RequestContext(head=head, request_id="0123456789abcdef", network="127.0.0.1", status=200)

    return context


class Stream(io.StringIO):
    """A stream that knows what each write wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        self.writes.append(text)
        return super().write(text)


@pytest.fixture
def ours() -> Iterator[Callable[[str], Stream]]:
    """Sets our log up in one style, and returns the stream that it writes to."""
    logger = logging.getLogger(LOGGER)
    handlers: list[logging.Handler] = []

    def ours(style: str) -> Stream:
        stream = Stream()
        handlers.append(logging.StreamHandler(stream))
        handlers[-1].setFormatter(logs.formatter(style))
        logger.addHandler(handlers[-1])
        logger.propagate = False
        logger.setLevel(logging.INFO)
        return stream

    yield ours
    for handler in handlers:
        logger.removeHandler(handler)
    logger.propagate = True
    logger.setLevel(logging.NOTSET)


class TestLine:
    async def test_says_what_was_asked_and_answered(
        self, api: Any, edge_of: Callable[[Any], Edge], caplog: pytest.LogCaptureFixture
    ) -> None:
        """HEAD is logged as HEAD, the path without its query, and a refusal by the edge like any other request."""
        with caplog.at_level(logging.INFO, LOGGER):
            await api.client.head("/protected?x=secret", headers=api.headers)
            await api.get("/nothing", headers={"Host": "evil.example"})
            await api.get("/" + "a" * 9000)
            edge_of(api).access_log.flush()

        lines: list[Any] = [record for record in caplog.records if record.name == LOGGER]
        assert {line.getMessage() for line in lines} == {"request"}
        assert [(line.method, line.path[:10], line.status) for line in lines] == [
            ("HEAD", "/protected", 400),
            ("GET", "/nothing", 400),
            ("GET", "/" + "a" * 9, 414),
        ]
        assert [line.caller is not None for line in lines] == [True, False, False]
        assert all(line.ms >= 0 for line in lines)

    async def test_of_a_health_probe_is_for_debugging(
        self, api: Any, edge_of: Callable[[Any], Edge], caplog: pytest.LogCaptureFixture
    ) -> None:
        """Load balancers send one every few seconds."""
        with caplog.at_level(logging.DEBUG, LOGGER):
            await api.get("/health/live")
            await api.get("/health/nothing")
            await api.get("/nothing")
            edge_of(api).access_log.flush()

        levels = [record.levelname for record in caplog.records if record.name == LOGGER]
        assert levels == ["DEBUG", "DEBUG", "INFO"]

    async def test_is_left_out_where_the_settings_say_so(
        self, api: Any, edge_of: Callable[[Any], Edge], caplog: pytest.LogCaptureFixture
    ) -> None:
        """`access_log = false`."""
        edge_of(api).access_log.configure(Settings(access_log=False))
        with caplog.at_level(logging.INFO, LOGGER):
            await api.get("/nothing")
            edge_of(api).access_log.flush()
        edge_of(api).access_log.configure(Settings())

        assert [record for record in caplog.records if record.name == LOGGER] == []


class TestForm:
    """A line that is written directly looks like one that passed the formatter of all other lines."""

    @pytest.mark.parametrize("style", STYLES)
    @pytest.mark.parametrize("path", ["/search", *HOSTILE])
    @pytest.mark.parametrize("more", [{}, {"caller": "7d1", "level": logging.DEBUG, "method": "M-SEARCH", "ms": 12.0}])
    def test_is_that_of_the_formatter(self, style: str, path: str, more: dict[str, Any]) -> None:
        logs.hide(["hidden-key-27"])
        line = line_of(path, **more)
        record = logging.LogRecord(LOGGER, line.level, "", 0, "request", (), None)
        shown = logs.masked_start(path, access_log.MAX_PATH)
        fields = ("method", "status", "ms", "caller", "request_id")
        vars(record).update({name: getattr(line, name) for name in fields}, path=shown)
        formatted = logs.formatter(style).format(record)

        written = access_log.FORMATS[style](line)

        assert written.endswith("\n")
        if style == "json":
            wanted = json.loads(formatted)
            assert json.loads(written) == {**wanted, "timestamp": "2026-11-18T11:06:40.250000Z"}
            assert written.index('"event": "request"') == 1
        else:
            assert written[27:-1] == formatted[27:]

    @pytest.mark.parametrize("style", STYLES)
    def test_shows_no_secret(self, style: str) -> None:
        """Neither in the path, nor in the id of the request, nor once it is known only after a first line."""
        write = access_log.FORMATS[style]
        late = f"late-hidden-key-of-{style}"
        assert late in write(line_of(f"/{late}"))

        logs.hide([late, "hidden-key-27"])
        lines = [
            write(line_of(f"/{late}")),
            write(line_of("/x", request_id="hidden-key-27", has_sent_id=True)),
            write(line_of("/" + "x" * 195 + "hidden-key-27")),
            write(line_of("/x", method="hidden-key-27")),
        ]

        assert all("hidden-key" not in line and "hidde" not in line for line in lines)
        assert sum("***" in line for line in lines) >= 3


class TestBatches:
    @pytest.mark.parametrize("style", STYLES)
    async def test_are_written_soon(
        self, ours: Callable[[str], Stream], context: Callable[[str], RequestContext], style: str
    ) -> None:
        """In the order of the requests, without anybody asking for it."""
        stream = ours(style)
        access_log = AccessLog(Settings(), Counters())

        for number in range(3):
            access_log.add(context(f"/{number}"))
        assert stream.writes == []
        await until(lambda: stream.writes, "the lines")

        lines = stream.getvalue().splitlines()
        assert [f"/{number}" in line for number, line in enumerate(lines)] == [True] * 3
        assert len(stream.writes) == 1

    async def test_are_written_in_whole_lines(
        self, ours: Callable[[str], Stream], context: Callable[[str], RequestContext]
    ) -> None:
        """One write is short enough for a pipe to take it in one piece, beside those of other workers."""
        stream = ours("json")
        access_log = AccessLog(Settings(), Counters())
        for number in range(100):
            access_log.add(context(f"/{number}/" + "ö" * 150))
        access_log.flush()

        assert all(write.endswith("\n") for write in stream.writes)
        assert all(len(write.encode()) <= MAX_WRITE for write in stream.writes)
        assert 1 < len(stream.writes) < 50
        assert [json.loads(line)["path"][:3] for line in stream.getvalue().splitlines()[:3]] == ["/0/", "/1/", "/2/"]

    async def test_say_how_late_they_are(
        self, ours: Callable[[str], Stream], context: Callable[[str], RequestContext]
    ) -> None:
        """The oldest line of each batch counts."""
        ours("json")
        counters = Counters()
        access_log = AccessLog(Settings(), counters)
        for _ in range(2):
            access_log.add(context("/first"))
            access_log.add(context("/second"))
            access_log.flush()
        access_log.flush()  # of nothing

        lag = counters.durations[("log_lag_seconds",)]
        assert sum(lag.counts) == 2
        assert lag.seconds >= 0

    async def test_are_not_early_where_the_clock_is_set_back(
        self,
        ours: Callable[[str], Stream],
        context: Callable[[str], RequestContext],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        ours("json")
        counters = Counters()
        access_log = AccessLog(Settings(), counters)
        access_log.add(context("/x"))
        monkeypatch.setattr("time.time", lambda: 1000.0)

        access_log.flush()

        assert counters.durations[("log_lag_seconds",)].seconds == 0

    async def test_have_a_bound(
        self,
        ours: Callable[[str], Stream],
        context: Callable[[str], RequestContext],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """However many requests end at once."""
        monkeypatch.setattr(access_log, "MAX_WAITING", 10)
        stream = ours("json")
        lines = AccessLog(Settings(), Counters())
        for _ in range(25):
            lines.add(context("/x"))

        assert stream.getvalue().count("\n") == 20

    async def test_that_cannot_be_written_harm_nobody(
        self,
        ours: Callable[[str], Stream],
        context: Callable[[str], RequestContext],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """As with any handler of the logging module."""
        ours("json").close()
        access_log = AccessLog(Settings(), Counters())
        access_log.add(context("/x"))

        access_log.flush()

        assert "I/O operation on closed file" in capsys.readouterr().err


class TestEnd:
    """Real servers."""

    def test_a_worker_that_is_killed_loses_the_last_lines_only(self, serve: Any) -> None:
        """What may be lost are the lines of the last 0.1 s; none is cut."""
        server = serve({"IMAGEVAULT_LOG": "json"}).wait_until_ready()
        with httpx.Client(base_url=server.url, timeout=EVENT_LIMIT) as client:
            for number in range(20):
                client.get(f"/early/{number}")
            wait_until(lambda: len(server.lines("request")) == 20, "the early lines")
            for number in range(20):
                client.get(f"/late/{number}")
            os.kill(server.process.pid, signal.SIGKILL)
            server.process.wait(EVENT_LIMIT)

        text = server.log.read_text()
        paths = [line["path"] for line in server.lines("request")]
        assert paths[:20] == [f"/early/{number}" for number in range(20)]
        assert paths[20:] == [f"/late/{number}" for number in range(20)][: len(paths) - 20]
        assert text.endswith("\n")

    def test_a_crash_of_the_event_loop_loses_nothing(self, serve: Any, tmp_path: Path) -> None:
        """The line of the request that the crash ended is there too, though no timer runs any more."""
        (tmp_path / "plugins").mkdir()
        (tmp_path / "plugins" / "acme.py").write_text(CRASHING)
        environ = {
            "IMAGEVAULT_LOG": "json",
            "IMAGEVAULT_PLUGINS_DIR": str(tmp_path / "plugins"),
            "IMAGEVAULT_SEARCH": "open",
        }
        server = serve(environ).wait_until_ready()
        with httpx.Client(base_url=server.url, timeout=EVENT_LIMIT) as client:
            for number in range(5):
                client.get(f"/early/{number}")
            with suppress(httpx.TransportError):  # this request may be answered while the loop ends
                client.get("/search?q=fox&provider=acme")
        wait_until(lambda: len(server.lines("request")) == 6, "the last line")
        server.kill()

        paths = [line["path"] for line in server.lines("request")]
        assert paths == [*(f"/early/{number}" for number in range(5)), "/search"]
