"""What the contract looks at: what a call carried, which answer holds the records, and whether the loop stood still."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

import httpx
import msgspec

from imagevault.testing.exchange import Answer, Call, Exchange

SECRETIVE = ("key", "secret", "token", "password")  # in the name of a setting


def sent(call: Call) -> list[str]:
    """The texts that a call carried: its path and the values of its parameters, decoded, and its body."""
    body = call.body.decode("utf-8", "replace")
    return [unquote(call.path), *(value for _, value in call.query.multi_items()), body, unquote_plus(body)]


def secrets(settings: Mapping[str, Any]) -> set[str]:
    """The settings that must not be seen, also as they stand in a URL."""
    found = [str(value) for name, value in settings.items() if value and any(word in name for word in SECRETIVE)]
    return {form for value in found for form in (value, quote(value, safe=""), quote_plus(value))}


def records_in(content: Any, count: int) -> list[Any] | None:
    """The list of at least so many objects that is nearest to the root of an answer, the longest of several."""
    level = [content]
    while level:
        lists = [each for each in level if isinstance(each, list) and len(each) >= count and isinstance(each[0], dict)]
        if lists:
            return max(lists, key=len)
        level = [value for each in level if isinstance(each, dict) for value in each.values()]
    return None


class Spoiler:
    """A fault that leaves nothing of the record of the first of these images, and every other answer as it is.

    The record is one of a list of about as many, or the whole answer to a call for that image. `done`: it was found.
    """

    def __init__(self, ids: Sequence[str]) -> None:
        self.ids = ids
        self.done = False

    def __call__(self, exchange: Exchange) -> None:
        """Sends the answer, spoiled if it is the one."""
        answer = exchange.answer()
        content = None if self.done else self._spoiled(exchange.call, answer.body)
        exchange.send(answer if content is None else Answer(content, answer.status, answer.headers))

    def _spoiled(self, call: Call, body: bytes) -> object:
        try:
            content = msgspec.json.decode(body)
        except ValueError:
            return None
        records = records_in(content, max(2, len(self.ids)))
        self.done = records is not None or self.ids[0] in unquote(call.path).split("/")
        if records is None:
            return {"unexpected": True} if self.done else None
        holding = [at for at, each in enumerate(records) if self.ids[0].encode() in msgspec.json.encode(each)]
        records[holding[0] if holding else 0] = {"unexpected": True}
        return content


async def longest_pause(work: Awaitable[object]) -> float:
    """The longest time, in seconds, for which the event loop did nothing else while this was awaited."""
    loop = asyncio.get_running_loop()
    ticks = [loop.time()]

    async def tick() -> None:
        while True:
            await asyncio.sleep(0.005)
            ticks.append(loop.time())

    ticking = asyncio.create_task(tick())
    try:
        await work
    finally:
        ticking.cancel()
    ticks.append(loop.time())
    return max(later - earlier for earlier, later in pairwise(ticks))


def repeated(calls: Sequence[httpx.URL]) -> list[httpx.URL]:
    """The addresses that were called more than once."""
    return [url for at, url in enumerate(calls) if url in calls[:at]]
