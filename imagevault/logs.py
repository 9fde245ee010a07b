"""Log lines: structured, for people or as JSON, with the request they belong to and without any secret.

Everything logs by the standard library; `extra={...}` becomes fields. structlog makes the lines: it is what the field
uses, and formats what other libraries log as well.
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

_secrets: set[str] = set()
_known: list[re.Pattern[str] | None] = [None]


def hide(secrets: Iterable[str | None]) -> None:
    """From now on none of these is written to the log."""
    _secrets.update(filter(None, secrets))
    _known[0] = pattern_of(_secrets)


def config(settings: Settings) -> dict[str, Any]:
    """The configuration for `logging.config.dictConfig`; uvicorn gives it to each worker."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": "imagevault.logs.formatter", "style": settings.log}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "imagevault": {"level": settings.log_level.upper()},
            "asyncpg": {"level": "CRITICAL"},  # an outage is told by us, once, and without a trace for each try
        },
    }


def configure(settings: Settings) -> None:
    """Puts the log settings in force in this process, where a server has set its log up already."""
    logging.getLogger("imagevault").setLevel(settings.log_level.upper())
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, structlog.stdlib.ProcessorFormatter):
            handler.setFormatter(formatter(settings.log))


def formatter(style: str) -> logging.Formatter:
    """What makes a line of a record: `console` or `json`."""
    render: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(sort_keys=False)]
        if style == "json"
        else [
            _in_one_line,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _with_process, *render, _redact],
    )


def bind(**fields: str) -> None:
    """These fields stand in every line of the task that runs, and of those it starts."""
    structlog.contextvars.bind_contextvars(**fields)


def _with_process(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["pid"] = os.getpid()
    return event


def _redact(_logger: WrappedLogger, _method: str, line: Any) -> str:
    """The whole line, once it is written: nothing that stands in it was passed over."""
    return redacted(line, _known[0])


def _in_one_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A caller's words can neither begin a line nor steer a terminal."""
    return {name: _printable(value) if isinstance(value, str) else value for name, value in event.items()}


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
