"""Probes of the contract: what a call carried, which answer holds the records, how long the event loop stood still."""

import asyncio
import time
from collections.abc import Awaitable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus, unquote, unquote_plus
from xml.etree.ElementTree import Element

import msgspec

from imagevault.testing.bench import Outgoing
from imagevault.testing.exchange import Answer, Call, Exchange
from imagevault.testing.sent_values import json_in
from imagevault.testing.xml_answers import elements_in, read_xml, spoil, write_xml

T = TypeVar("T")

TICK = 0.005  # seconds between two checks of the event loop
READINGS = 10  # at most, of two clocks that have to be read together
SCHEDULER = Path("/proc/thread-self/schedstat")
Slot = tuple[list[Any], int]
"""The place of a record in an answer: the list that it stands in, and its position there."""
SECRET_WORDS = ("key", "secret", "token", "password")  # in the name of a setting


def sent(call: Call) -> list[str]:
    """Return the texts that a call carried, decoded: its path, the values of its parameters, and its body."""
    body = call.body.decode("utf-8", "replace")
    values = [value for _, value in call.query.multi_items()]
    return [unquote(call.path), *values, body, unquote_plus(body), *_texts_in(json_in(call.body))]


def _texts_in(content: Any) -> list[str]:
    """Return the texts of a JSON value. In the body itself, letters beyond ASCII may stand as escapes."""
    if isinstance(content, str):
        return [content]
    if isinstance(content, dict):
        content = list(content.values())
    if not isinstance(content, list):
        return []
    return [text for inner in content for text in _texts_in(inner)]


def secrets(settings: Mapping[str, Any]) -> set[str]:
    """Return the settings that must not be shown, each as it is and as it is written in a URL."""
    forms: set[str] = set()
    for name, value in settings.items():
        is_secret = any(word in name for word in SECRET_WORDS)
        if value and is_secret:
            text = str(value)
            forms |= {text, quote(text, safe=""), quote_plus(text)}
    return forms


def records_in(content: Any, count: int) -> list[Slot] | None:
    """Return the places of at least `count` objects that stand in one list, or in lists of one path: `groups[].hits[]`.

    They are those nearest to the root of an answer, the most of several. None if there are none.
    """
    level: list[list[Any]] = [[content]]  # each inner list: the values of one path
    while level:
        found = [slots for values in level if len(slots := _slots(values)) >= count]
        if found:
            return max(found, key=len)
        level = [inner for values in level for inner in _below(values)]
    return None


def _slots(values: Sequence[Any]) -> list[Slot]:
    """Return the places of the objects in those of these values that are lists."""
    lists = [value for value in values if isinstance(value, list)]
    return [(elements, at) for elements in lists for at, element in enumerate(elements) if isinstance(element, dict)]


def _below(values: Sequence[Any]) -> list[list[Any]]:
    """Return the values one step further down, by path."""
    by_name: dict[str | None, list[Any]] = {}
    for value in values:
        if isinstance(value, dict):
            for name, inner in value.items():
                by_name.setdefault(name, []).append(inner)
        elif isinstance(value, list):
            by_name.setdefault(None, []).extend(value)
    return list(by_name.values())


class RecordSpoiler:
    """A fault that empties the record of one image and leaves every other answer as it is.

    The record is an element of a list of about as many objects as there are ids, or of several such lists together, or
    the whole answer to a lookup.

    Attributes:
        ids: the ids of a page; the record of the first one is spoiled.
        done: whether the record was found.
    """

    def __init__(self, ids: Sequence[str]) -> None:
        self.ids = ids
        self.done = False

    def __call__(self, exchange: Exchange) -> None:
        """Send the answer, spoiled if it holds the record."""
        answer = exchange.answer()
        content = None if self.done else self._spoiled(exchange.call, answer.body)
        headers = {"Content-Type": answer.content_type, **answer.headers}
        exchange.send(answer if content is None else Answer(content, answer.status, headers))

    def _spoiled(self, call: Call, body: bytes) -> object:
        """Return the content with the record spoiled, or None if it does not hold the record."""
        root = read_xml(body)
        if root is not None:
            return self._spoiled_xml(call, root)
        content = json_in(body)
        records = records_in(content, max(2, len(self.ids)))
        if records is None:
            self.done = self.ids[0] in unquote(call.path).split("/")
            return {"unexpected": True} if self.done else None
        self.done = True
        elements, at = records[self._position([msgspec.json.encode(elements[at]) for elements, at in records])]
        elements[at] = {"unexpected": True}
        return content

    def _spoiled_xml(self, call: Call, root: Element) -> object:
        """Return the XML document with the record spoiled, or None if it does not hold the record."""
        elements = elements_in(root, max(2, len(self.ids)))
        if elements is None:
            self.done = self.ids[0] in unquote(call.path).split("/")
            if not self.done:
                return None
            spoil(root)
        else:
            self.done = True
            spoil(elements[self._position([write_xml(element) for element in elements])])
        return write_xml(root)

    def _position(self, records: Sequence[bytes]) -> int:
        """Return the position of the first record that names the id, or 0 if none does."""
        id = self.ids[0].encode()
        for position, record in enumerate(records):
            if id in record:
                return position
        return 0


async def longest_pause(work: Awaitable[T]) -> tuple[float, T]:
    """Return the longest time, in seconds, for which the event loop did nothing else while `work` ran, and its result.

    The time for which a busy machine kept the thread waiting for a processor is left out, where the system tells it.
    """
    ticks = [_time_with_processor()]

    async def tick() -> None:
        while True:
            await asyncio.sleep(TICK)
            ticks.append(_time_with_processor())

    ticking = asyncio.create_task(tick())
    try:
        result = await work
    finally:
        ticking.cancel()
    ticks.append(_time_with_processor())
    return max(later - earlier for earlier, later in pairwise(ticks)), result


def _time_with_processor() -> float:
    """Return the seconds of a clock that stands still while this thread waits for a processor."""
    for _ in range(READINGS):
        waited = _waited_for_processor()
        now = time.monotonic()
        if _waited_for_processor() == waited:
            break  # otherwise, the wait came between the two readings, and it is unknown on which side of `now`
    return now - waited


def _waited_for_processor() -> float:
    """Return the seconds for which this thread was ready to run, but had no processor; 0 where Linux does not say.

    Source: https://docs.kernel.org/scheduler/sched-stats.html, /proc/<pid>/schedstat, the second number.
    """
    try:
        return int(SCHEDULER.read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def repeated(calls: Sequence[Outgoing]) -> list[Outgoing]:
    """Return the calls that were made again: the same method, address and body."""
    return [call for position, call in enumerate(calls) if call in calls[:position]]
