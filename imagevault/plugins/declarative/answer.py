"""Reading the answers of an upstream by JMESPath, bounded: in a thread, with a budget of work, record by record."""

import asyncio
import contextlib
import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, TypeVar

import msgspec

from imagevault.errors import InvalidResponse
from imagevault.plugins.declarative.expressions import Expression, describe, is_true, kind_of
from imagevault.plugins.declarative.record import RecordReader
from imagevault.plugins.declarative.template import TextSource
from imagevault.plugins.declarative.values import WrongRecord
from imagevault.plugins.decoding import RecordCount, drop_unreadable, note_hidden, record_limit, report_unshown
from imagevault.plugins.json_repair import repaired
from imagevault.records import Image

T = TypeVar("T")

# Decoding holds the event loop, in whichever thread: these take it about 50 ms at most (measured: 2026-11-29).
MAX_CONTAINERS = 100_000  # lists and objects in an answer
MAX_VALUES = 500_000  # values in an answer
MAX_RECORD = 256_000  # bytes of one record
MAX_DIGITS = 300  # of a whole number; a longer one is unknown
MAX_REREAD = 1_500_000  # characters of an answer with a number that is too large: reading it takes three times as long
WORK_BUDGET = 2.0  # seconds of CPU time for reading one answer


class _Stopped(Exception):
    """Nobody waits for the answer any more."""


class Work:
    """The work on one answer, done in a thread beside the event loop.

    Args:
        budget: seconds of CPU time that it may take.

    """

    def __init__(self, budget: float = WORK_BUDGET) -> None:
        self._budget = budget
        self._stopped = threading.Event()
        self._started = 0.0

    async def run(self, read: Callable[["Work"], T]) -> T:
        """Return what `read(work)` returns. It calls `check` between its steps.

        Raises:
            InvalidResponse: the budget is spent. Also raises what `read` raises.

        """
        try:
            return await asyncio.to_thread(self._run, read)
        finally:
            self._stopped.set()

    def check(self) -> None:
        """Go on, unless nobody waits any more or the budget is spent."""
        if self._stopped.is_set():
            raise _Stopped
        if time.thread_time() - self._started > self._budget:
            raise InvalidResponse("the answer takes too long to read; ask for fewer fields or smaller pages")

    def _run(self, read: Callable[["Work"], T]) -> T:
        self._started = time.thread_time()
        return read(self)


def decoded(body: bytes) -> Any:
    """Return the JSON value of a body.

    Where the body is no JSON for one odd value, only that value is lost: bytes that are no UTF-8 become U+FFFD, and a
    number that no computer holds becomes null.

    Raises:
        InvalidResponse: it is HTML or XML, or holds more values than are read.
        msgspec.DecodeError: it is no JSON.

    """
    if body.lstrip()[:1] == b"<":
        raise InvalidResponse(_markup(body))
    containers = body.count(b"[") + body.count(b"{")
    if containers > MAX_CONTAINERS or body.count(b",") > MAX_VALUES:
        raise InvalidResponse("the answer holds more values than are read; ask for fewer fields or smaller pages")
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = repaired(body).decode("utf-8", "replace")
        with contextlib.suppress(ValueError):
            return msgspec.json.decode(text)
        if len(text) > MAX_REREAD:
            raise
        with contextlib.suppress(ValueError):
            return json.loads(text, parse_int=_whole, parse_float=_fraction, parse_constant=lambda _: None)
        raise


def _markup(body: bytes) -> str:
    """Say that a body is HTML or XML."""
    start = body.lstrip()[:200].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "the answer is a page of HTML, and no JSON"
    return "the answer is XML, which a TOML file cannot read; ask for JSON, or write Python (docs/recipes.md)"


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) <= MAX_DIGITS else None


def _fraction(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def records_in(answer: Any, path: Expression, key: str) -> list[Any]:
    """Return the list of records in an answer. Raises InvalidResponse, which says what is there instead."""
    found = find(answer, path, key)
    if found is None:
        raise InvalidResponse(f"{key}: `{path.text}` found nothing; {path.missing(answer)}")
    if not isinstance(found, list):
        hint = ""
        if isinstance(found, dict) and found and all(isinstance(record, dict) for record in found.values()):
            hint = f"; write values({path.text}) if each record holds its id; if the id is only the key, write Python"
        message = f"`{path.text}` found {kind_of(found)}, and a list is needed: {describe(found)}{hint}"
        raise InvalidResponse(f"{key}: {message}")
    return found


def images_of(records: list[Any], reader: RecordReader, work: Work, *, may_be_large: bool) -> list[Image]:
    """Return the images of those records that can be read and are to be shown.

    Args:
        records: the records.
        reader: makes an image of each.
        work: is checked between two records.
        may_be_large: whether the answer has more bytes than a record may have.

    Raises:
        InvalidResponse: there are records, and none of them can be read.

    """
    read = list(_read(islice(records, record_limit()), reader, work, may_be_large=may_be_large))
    return [image for image in drop_unreadable(read) if image is not None]


def _read(
    records: Iterator[Any], reader: RecordReader, work: Work, *, may_be_large: bool
) -> Iterator[Image | WrongRecord | None]:
    is_first_unwanted = True
    for record in records:
        work.check()
        if may_be_large and len(msgspec.json.encode(record)) > MAX_RECORD:
            yield WrongRecord(f"the record is larger than {MAX_RECORD // 1000} kB; ask for fewer fields")
            continue
        try:
            image = reader.image(record, "search.records")
        except WrongRecord as error:
            yield error
            continue
        if image is None:
            unwanted = reader.why_unwanted(record)
            if unwanted is None:  # its licence is unknown
                report_unshown(RecordCount(dropped=1, reason=reader.why_hidden(record)))
            elif is_first_unwanted:
                note_hidden(unwanted)
                is_first_unwanted = False
        yield image


def whole_number(answer: Any, path: Expression | None, key: str) -> int | None:
    """Return the number at a path of an answer; None if there is none, or no number."""
    found = None if path is None else find(answer, path, key)
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) <= 15:
        found = int(found)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found < 1e15:
        return None
    return int(found)


def text_in(answer: Any, source: TextSource, key: str) -> str | None:
    """Return the text that a source finds in an answer. Raises InvalidResponse if it is none."""
    try:
        return source.text(answer)
    except ValueError as error:
        raise InvalidResponse(f"{key}: {error}") from None


def truth(answer: Any, path: Expression, key: str) -> bool:
    """Return whether what a path finds is true. Raises InvalidResponse if the path fails."""
    return is_true(find(answer, path, key))


def find(answer: Any, path: Expression, key: str) -> Any:
    """Return what a path finds in an answer. Raises InvalidResponse if a function in it fails."""
    try:
        return path.find(answer)
    except ValueError as error:
        raise InvalidResponse(f"{key}: {error}") from None
