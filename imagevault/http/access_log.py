"""The access log: one line for each request, and none of the server's, which would show what somebody looks for.

The lines have the form of all others (`imagevault/logs.py`). They do not pass through its processors, because those
cost more than the rest of a cached search. Lines are collected and written together, at most `MAX_DELAY` after the
request. A process that is killed with SIGKILL loses the lines that it has not written; any other end writes them.
"""

import asyncio
import atexit
import json
import logging
import os
import time
import weakref
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import lru_cache

import msgspec

from imagevault import logs
from imagevault.config.settings import Settings
from imagevault.counters import Counters
from imagevault.http import health
from imagevault.http.request import RequestContext

log = logging.getLogger(__name__)

EVENT = "request"
MAX_PATH = 200  # characters of the path that are logged
MAX_DELAY = 0.08  # seconds between the end of a request and its line
MAX_WAITING = 1000  # lines that wait; the next one writes them all
MAX_WRITE = 4096  # bytes of one write, which no other process on the same pipe interrupts (PIPE_BUF of Linux)
REMEMBERED_TEXTS = 256  # methods and paths whose form in a line is remembered
# Loggers of uvicorn that write the path with its query: of a request, and of a WebSocket.
SERVER_LOGGERS = ("uvicorn.access", "uvicorn.error")
_is_ours: ContextVar[bool] = ContextVar("imagevault_request", default=False)


class RequestLine(msgspec.Struct, frozen=True, gc=False):
    """What the line of one request says.

    Attributes:
        level: of the logging module.
        ended_at: Unix time.
        path: without the query.
        ms: milliseconds that the request took.
        caller: id of the account, None if nobody was signed in.
        has_sent_id: whether the caller chose the request id, which may then be anything.
    """

    level: int
    ended_at: float
    method: str
    path: str
    status: int
    ms: float
    caller: str | None
    request_id: str
    has_sent_id: bool


class AccessLog:
    """The lines of one server. They are written in the order in which the requests end.

    The counters observe, once for each batch, how late its oldest line was written.
    """

    def __init__(self, settings: Settings, counters: Counters) -> None:
        self._counters = counters
        self._waiting: list[RequestLine] = []
        self._timer: asyncio.TimerHandle | None = None
        self.configure(settings)
        _open_logs.add(self)

    def configure(self, settings: Settings) -> None:
        """Write lines only if `access_log` is set."""
        self.enabled = settings.access_log

    def add(self, context: RequestContext) -> None:
        """Take in a request that has ended. `log_level` decides whether it has a line."""
        head = context.head
        level = logging.DEBUG if head.path.startswith(health.PREFIX) else logging.INFO
        if not self.enabled or not log.isEnabledFor(level):
            return
        line = RequestLine(
            level,
            time.time(),
            head.method,
            head.path,
            context.status,
            round(context.elapsed_ms, 1),
            context.caller.id if context.caller else None,
            context.request_id,
            head.request_id is not None,
        )
        self._waiting.append(line)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(MAX_DELAY, self.flush)
        elif len(self._waiting) >= MAX_WAITING:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines, self._waiting = self._waiting, []
        if not lines:
            return
        for handler in logs.handlers_of(log):
            style = logs.style_of(handler)
            if style is None:
                _handle(handler, lines)
            else:
                for text in _portions(map(FORMATS[style], lines)):
                    logs.write(handler, text)
        lag = max(0.0, time.time() - lines[0].ended_at)  # the clock may have been set back
        self._counters.observe(lag, "log_lag_seconds")


# What is open when the interpreter exits is written then: after a crash of the event loop, nothing else runs.
_open_logs: weakref.WeakSet[AccessLog] = weakref.WeakSet()


@atexit.register
def _flush_all() -> None:
    for access_log in list(_open_logs):
        access_log.flush()


def json_line(line: RequestLine) -> str:
    """Return a line as one JSON object, with its end."""
    quote = _json_text
    return (
        f'{{"event": "{EVENT}", "request_id": "{_request_id(line)}", "level": "{LEVELS[line.level]}", '
        f'"logger": "{__name__}", "method": {_shown(line.method, quote)}, "path": {_shown(line.path, quote)}, '
        f'"status": {line.status}, "ms": {line.ms}, "caller": {_json_caller(line)}, '
        f'"timestamp": "{_timestamp(line.ended_at)}", "pid": {os.getpid()}}}\n'
    )


def console_line(line: RequestLine) -> str:
    """Return a line for people, with its end."""
    quote = _console_text
    return (
        f"{_timestamp(line.ended_at)} [{LEVELS[line.level]:<9}] {EVENT:<30} [{__name__}] caller={line.caller} "
        f"method={_shown(line.method, quote)} ms={line.ms} path={_shown(line.path, quote)} pid={os.getpid()} "
        f"request_id={_request_id(line)} status={line.status}\n"
    )


LEVELS = {logging.DEBUG: "debug", logging.INFO: "info"}
FORMATS: dict[str, Callable[[RequestLine], str]] = {"json": json_line, "console": console_line}


def _request_id(line: RequestLine) -> str:
    return logs.mask(line.request_id) if line.has_sent_id else line.request_id


def _json_caller(line: RequestLine) -> str:
    return "null" if line.caller is None else f'"{line.caller}"'


def _json_text(text: str) -> str:
    return json.dumps(text)


def _console_text(text: str) -> str:
    """Quote a text with blanks or quotes, as structlog's ConsoleRenderer does."""
    text = logs.printable(text)
    return repr(text) if set(text) & set(" \t=\r\n\"'") else text


def _shown(text: str, quote: Callable[[str], str]) -> str:
    """Return a text of the caller as a line shows it: cut, without secrets, quoted. Texts that lines show are short."""
    if len(text) > MAX_PATH:
        return _masked(text, quote)
    return _remembered(text, quote, logs.number_of_secrets())


@lru_cache(maxsize=REMEMBERED_TEXTS)
def _remembered(text: str, quote: Callable[[str], str], _secrets: int) -> str:
    return _masked(text, quote)


def _masked(text: str, quote: Callable[[str], str]) -> str:
    return logs.mask(quote(logs.masked_start(text, MAX_PATH)))


def _timestamp(unix_time: float) -> str:
    seconds = int(unix_time)
    return f"{_second(seconds)}.{int((unix_time - seconds) * 1e6):06d}Z"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _portions(lines: Iterator[str]) -> Iterator[str]:
    """Join whole lines to texts of at most `MAX_WRITE` bytes; a longer line stands alone."""
    portion: list[str] = []
    size = 0
    for line in lines:
        length = len(line) if line.isascii() else len(line.encode())
        if portion and size + length > MAX_WRITE:
            yield "".join(portion)
            portion, size = [], 0
        portion.append(line)
        size += length
    yield "".join(portion)


def _handle(handler: logging.Handler, lines: list[RequestLine]) -> None:
    """Give the lines to a handler of somebody else's, as records of the logging module."""
    for line in lines:
        if line.level >= handler.level:
            handler.handle(_record(line))


def _record(line: RequestLine) -> logging.LogRecord:
    fields = {
        "method": line.method,
        "path": logs.masked_start(line.path, MAX_PATH),
        "status": line.status,
        "ms": line.ms,
        "caller": line.caller,
        "request_id": line.request_id,
    }
    record = log.makeRecord(log.name, line.level, __file__, 0, EVENT, (), None, extra=fields)
    record.created = line.ended_at
    record.msecs = line.ended_at % 1 * 1000
    return record


class _OtherRequests(logging.Filter):
    """Drops what a server says of a request of ours. Its warnings and errors stay, and all lines of other requests."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write a record."""
        return record.levelno > logging.INFO or not _is_ours.get()


_other_requests = _OtherRequests()  # one, so that it is added once


def silence_server_log() -> None:
    """Keep uvicorn from logging our requests, also where an admin starts uvicorn with a log configuration."""
    for name in SERVER_LOGGERS:
        logging.getLogger(name).addFilter(_other_requests)


def mark_request() -> None:
    """Mark the running task: it serves a request of ours."""
    _is_ours.set(True)
