"""Log lines: structured, as text for people or as JSON, with the id of their request, and without any secret.

All code logs through the standard library, and `extra={...}` becomes fields. structlog formats the lines, also those of
other libraries.
"""

import logging
import os
import re
from collections.abc import Iterable
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from imagevault.config.settings import Settings
from imagevault.security.redaction import pattern_of, redacted


class HiddenSecrets:
    """The secrets of this process that no log line may show."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.pattern: re.Pattern[str] | None = None

    def add(self, secrets: Iterable[str | None]) -> None:
        """Hides these too; None and empty ones are ignored."""
        self.secrets.update(filter(None, secrets))
        self.pattern = pattern_of(self.secrets)

    def mask(self, line: str) -> str:
        """The line with `***` for every secret, and for whatever looks like a credential."""
        return redacted(line, self.pattern)


_hidden = HiddenSecrets()


def hide(secrets: Iterable[str | None]) -> None:
    """Keeps these secrets out of all log lines from now on."""
    _hidden.add(secrets)


def mask(text: str) -> str:
    """The text with `***` for every secret, for a field that is cut before it is logged."""
    return _hidden.mask(text)


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


def configure(settings: Settings) -> None:
    """Puts the log settings in force in this process, after `dict_config` has set its log up."""
    logging.getLogger("imagevault").setLevel(settings.log_level.upper())
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, structlog.stdlib.ProcessorFormatter):
            handler.setFormatter(formatter(settings.log))


def formatter(style: str) -> logging.Formatter:
    """A formatter that makes one line of a log record. `style` is `console` or `json`."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
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


def bind_fields(**fields: str) -> None:
    """Adds these fields to every line of the running task, and of the tasks that it starts."""
    structlog.contextvars.bind_contextvars(**fields)


def _json_processors() -> list[Processor]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(sort_keys=False)]


def _console_processors() -> list[Processor]:
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    return [_escape_unprintable, renderer]


def _add_pid(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["pid"] = os.getpid()
    return event


def _mask_secrets(_logger: WrappedLogger, _method: str, line: Any) -> str:
    return _hidden.mask(line)


def _escape_unprintable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keeps a caller's text from starting a line of its own and from controlling a terminal."""
    return {name: _printable(value) if isinstance(value, str) else value for name, value in event.items()}


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
