"""Log lines: structured, as text for people or as JSON, with the id of their request, and without any secret.

All code logs through the standard library, and `extra={...}` becomes fields. structlog formats the lines, also those of
other libraries.
"""

import logging
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from imagevault.config.settings import Settings
from imagevault.security.redaction import longest_of, pattern_of, redacted, redacted_start


class HiddenSecrets:
    """The secrets of this process that no log line may show."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.pattern: re.Pattern[str] | None = None
        self.longest = 0
        self.additions = 0

    def add(self, secrets: Iterable[str | None]) -> None:
        """Hide these too; None and empty ones are ignored."""
        self.secrets.update(filter(None, secrets))
        self.pattern = pattern_of(self.secrets)
        self.longest = longest_of(self.secrets)
        self.additions += 1

    def mask(self, line: str) -> str:
        """The line with `***` for every secret, and for whatever looks like a credential."""
        return redacted(line, self.pattern)


_hidden = HiddenSecrets()


def hide(secrets: Iterable[str | None]) -> None:
    """Keep these secrets out of all log lines from now on."""
    _hidden.add(secrets)


def mask(line: str) -> str:
    """The line with `***` for every secret, and for whatever looks like a credential."""
    return _hidden.mask(line)


def number_of_secrets() -> int:
    """A number that grows whenever secrets are added; what `mask` returned before may then show one."""
    return _hidden.additions


def masked_start(text: str, length: int) -> str:
    """The first characters of a text with `***` for every secret, for a field that is cut before it is logged."""
    return redacted_start(text, length, _hidden.pattern, _hidden.longest)


def dict_config(settings: Settings) -> dict[str, Any]:
    """The configuration for `logging.config.dictConfig`, which uvicorn passes to each worker."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": "imagevault.logs.formatter", "style": settings.log}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "imagevault": {"level": settings.log_level.upper()},
            # ImageVault reports an outage once; asyncpg would write a trace for each attempt.
            "asyncpg": {"level": "CRITICAL"},
        },
    }


class FallbackHandler(logging.StreamHandler[TextIO]):
    """Writes to standard error what no handler of the root logger takes.

    A program that our application is a part of may set its log up later. From then on, it alone has our lines.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, unless the root logger has a handler."""
        if not logging.getLogger().handlers:
            super().emit(record)


def configure_fallback(settings: Settings) -> None:
    """Set our log up if nobody has: under plain uvicorn, which configures its own loggers only."""
    ours = logging.getLogger("imagevault")
    if ours.hasHandlers():
        return
    handler = FallbackHandler()
    handler.setFormatter(formatter(settings.log))
    ours.addHandler(handler)
    ours.setLevel(settings.log_level.upper())
    logging.getLogger("asyncpg").setLevel("CRITICAL")  # as in `dict_config`


def configure(settings: Settings) -> None:
    """Put the log settings in force in this process, after its log was set up."""
    ours = logging.getLogger("imagevault")
    ours.setLevel(settings.log_level.upper())
    for handler in (*logging.getLogger().handlers, *ours.handlers):
        if isinstance(handler.formatter, LineFormatter):
            handler.setFormatter(formatter(settings.log))


class LineFormatter(structlog.stdlib.ProcessorFormatter):
    """A formatter of ours. `style` is `console` or `json`."""

    def __init__(self, style: str, **options: Any) -> None:
        super().__init__(**options)
        self.style = style


def formatter(style: str) -> LineFormatter:
    """A formatter that makes one line of a log record. `style` is `console` or `json`."""
    return LineFormatter(
        style,
        foreign_pre_chain=[
            _add_bound_fields,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _add_pid,
            *(_json_processors() if style == "json" else _console_processors()),
            _mask_secrets,  # comes last, so that it sees the whole line
        ],
    )


def handlers_of(logger: logging.Logger) -> Iterator[logging.Handler]:
    """The handlers that receive the records of a logger, as `Logger.callHandlers` finds them."""
    current: logging.Logger | None = logger
    while current is not None:
        yield from current.handlers
        current = current.parent if current.propagate else None


def style_of(handler: logging.Handler) -> str | None:
    """The form in which a handler writes whole lines by `write`: `console` or `json`; None if it takes records only."""
    if type(handler) in {logging.StreamHandler, FallbackHandler} and isinstance(handler.formatter, LineFormatter):
        return handler.formatter.style
    return None


def write(handler: logging.Handler, lines: str) -> None:
    """Write whole lines, which show no secret, to the stream of a handler that has a style."""
    if isinstance(handler, FallbackHandler) and logging.getLogger().handlers:
        return
    try:
        with handler.lock or nullcontext():
            handler.stream.write(lines)  # type: ignore[attr-defined]
            handler.flush()
    except Exception:  # noqa: BLE001  as in `StreamHandler.emit`: a log that cannot be written stops no request
        handler.handleError(logging.LogRecord(__name__, logging.INFO, __file__, 0, lines, (), None))


# structlog's own context variables take ten times as long to bind, at every request.
_bound: ContextVar[Mapping[str, str]] = ContextVar("imagevault_log_fields", default=MappingProxyType({}))


def bind_fields(fields: Mapping[str, str]) -> None:
    """Add these fields, and no others, to every line of the running task, and of the tasks that it starts."""
    _bound.set(fields)


def _json_processors() -> list[Processor]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(sort_keys=False)]


def _console_processors() -> list[Processor]:
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    return [_escape_unprintable, renderer]


def _add_bound_fields(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for name, value in _bound.get().items():
        event.setdefault(name, value)
    return event


def _add_pid(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["pid"] = os.getpid()
    return event


def _mask_secrets(_logger: WrappedLogger, _method: str, line: Any) -> str:
    return _hidden.mask(line)


def _escape_unprintable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep a caller's text from starting a line of its own and from controlling a terminal."""
    return {name: printable(value) if isinstance(value, str) else value for name, value in event.items()}


def printable(text: str) -> str:
    """The text with an escape for each character that would start a line or control a terminal."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
