"""Reading an upstream's JSON: the whole answer, or record by record so that one bad record never costs the page."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import msgspec

from imagevault.errors import InvalidResponse
from imagevault.plugins.json_repair import repaired
from imagevault.plugins.lenient import decode_known

if TYPE_CHECKING:
    import httpx  # slow to import, and only for annotations here

T = TypeVar("T")

# Decoding holds the event loop. Values are counted by the commas between them, which costs next to nothing.
MAX_VALUES = 500_000  # values in an answer
MAX_RECORD_VALUES = 50_000  # values in one record, or in one part of it
MAX_PARTS = 500  # elements of a list inside a record that are read
MAX_REASON = 200  # characters of the reason why a record was dropped that are shown


class RecordCount(msgspec.Struct):
    """How many records of an upstream were read, how many of them could not be used, and why the first could not.

    The reason may hold words of the upstream, of any length. `Provider.redacted_start` makes it fit to be shown.

    Attributes:
        records: how many were read.
        dropped: how many of them could not be used.
        reason: why the first could not.
        hidden: why the first was left out that could be used, but is not to be shown; None if no plugin says that.
        limit: how many of one list are read at most; None for all.

    """

    records: int = 0
    dropped: int = 0
    reason: str | None = None
    hidden: str | None = None
    limit: int | None = None

    def drop(self, reason: str) -> None:
        """Count one record that cannot be used."""
        self.dropped += 1
        if self.reason is None:
            self.reason = reason

    def add_dropped(self, other: RecordCount) -> None:
        """Add what another count dropped."""
        self.dropped += other.dropped
        if self.reason is None:
            self.reason = other.reason


def report_unshown(count: RecordCount) -> None:
    """Add a count of images that cannot be shown to the counts in progress."""
    for outer in _counts.get():
        outer.records = max(outer.records, count.records)  # `decode_each` has counted the same records
        outer.add_dropped(count)


def note_hidden(reason: str) -> None:
    """Note in the counts in progress why a record is not to be shown."""
    for outer in _counts.get():
        outer.hidden = outer.hidden or reason


_counts: ContextVar[tuple[RecordCount, ...]] = ContextVar("counts of records", default=())


@contextlib.contextmanager
def count_records(limit: int | None = None) -> Iterator[RecordCount]:
    """Count the records that are read and dropped inside the block, also in tasks that the block starts.

    A record is dropped where it cannot be decoded (`decode_each`), and where its `Image` cannot be shown. With a limit,
    `decode_each` reads no more records of one list: an upstream may send thousands that nobody asked for.
    """
    count = RecordCount(limit=limit)
    token = _counts.set((*_counts.get(), count))
    try:
        yield count
    finally:
        _counts.reset(token)


def record_limit() -> int | None:
    """Return how many records of one list are read at most, by the counts in progress; None for all."""
    return min((outer.limit for outer in _counts.get() if outer.limit is not None), default=None)


def decode(response: httpx.Response, type: type[T]) -> T:
    """Return the body of a successful answer as this Struct.

    One half of an escaped emoji, as where an upstream cuts a text, or one `NaN` makes a whole answer malformed. The
    first is read as U+FFFD, the second as null. A field with a default that has another type counts as missing.

    Raises `httpx.HTTPStatusError` for a status of 4xx or 5xx, `msgspec.MsgspecError` for a body of another form, and
    `InvalidResponse` for one of more values than are read. Let all of them through: the gateway understands them.
    """
    response.raise_for_status()
    body = response.content
    if body.count(b",") > MAX_VALUES:
        raise InvalidResponse("the answer holds more values than are read; ask for fewer fields or smaller pages")
    try:
        return decode_known(body, type)
    except RecursionError:
        raise msgspec.DecodeError("JSON is nested too deeply") from None
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        whole = repaired(body)
        if whole == body:
            raise
        return decode_known(whole, type)


def decode_each(records: Iterable[msgspec.Raw], type: type[T]) -> list[T]:
    """Return the records of a list as this Struct, without those that have another form.

    In a record, a field with a default that has another type counts as missing, and the record stays. A record of more
    than 50 000 values is left out.

    Declare the list as `list[msgspec.Raw]` in the Struct given to `decode`. The gateway logs how many records were
    dropped, with the first reason. In a search, it reads at most twice the `page_size`, and never less than a hundred.

    Raises:
        InvalidResponse: there are records, and none of them can be read.

    """
    decoder = msgspec.json.Decoder(type)
    results: list[T | ValueError] = []
    for record in islice(records, record_limit()):
        try:
            results.append(_decoded(record, decoder))
        except ValueError as error:  # msgspec.DecodeError, and UnicodeDecodeError for text that is not UTF-8
            results.append(error)
        except RecursionError:
            results.append(ValueError("JSON is nested too deeply"))
    return drop_unreadable(results)


def _decoded(record: msgspec.Raw, decoder: msgspec.json.Decoder[T]) -> T:
    if _is_too_large(record):
        raise ValueError(f"the record holds more than {MAX_RECORD_VALUES} values")
    try:
        return decoder.decode(record)
    except msgspec.ValidationError:
        return decode_known(record, decoder.type)


def _is_too_large(part: msgspec.Raw) -> bool:
    is_long = memoryview(part).nbytes > MAX_RECORD_VALUES
    return is_long and bytes(part).count(b",") > MAX_RECORD_VALUES


def decode_part(part: msgspec.Raw, type: type[T]) -> T | None:
    """Return a part of a record as this type; None if it has another form, or more than 50 000 values.

    For a part without which the record is still worth showing: declare it as `msgspec.Raw`. Nothing is counted.
    """
    if _is_too_large(part):
        return None
    try:
        return decode_known(part, type)
    except (ValueError, RecursionError):  # also msgspec.DecodeError, and UnicodeDecodeError for text that is not UTF-8
        return None


def decode_parts(part: msgspec.Raw, type: type[T]) -> list[T]:
    """Return those of the first 500 elements of a list that have this type; none if the part is no list."""
    elements = decode_part(part, list[msgspec.Raw]) or []
    decoded = [decode_part(element, type) for element in elements[:MAX_PARTS]]
    return [element for element in decoded if element is not None]


def drop_unreadable(records: Iterable[T | ValueError]) -> list[T]:
    """Return the records, without those that could not be read.

    For a provider that fetches its records one by one: where `decode` raises a ValueError for a record, put the error
    into the list in its place. The gateway logs how many records were dropped, with the first reason.

    Raises:
        InvalidResponse: there are records, and none of them could be read.

    """
    readable: list[T] = []
    count = RecordCount()
    for record in records:
        count.records += 1
        if isinstance(record, ValueError):
            count.drop(str(record))
        else:
            readable.append(record)
    for outer in _counts.get():
        outer.records += count.records
        outer.add_dropped(count)
    if count.records and not readable:
        raise InvalidResponse(f"none of {count.records} records can be read: {count.reason}")
    return readable
