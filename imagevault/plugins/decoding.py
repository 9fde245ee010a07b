"""Reading an upstream's JSON: the whole answer, or record by record so that one bad record never costs the page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    import httpx  # slow to import, and only for annotations here

T = TypeVar("T")


def decode(response: httpx.Response, type: type[T]) -> T:
    """Return the body of a successful answer as this Struct.

    Raises `httpx.HTTPStatusError` for a status of 4xx or 5xx, and `msgspec.MsgspecError` for a body of another form.
    Let both through: the gateway understands them.
    """
    response.raise_for_status()
    return msgspec.json.decode(response.content, type=type)


def decode_each(records: Iterable[msgspec.Raw], type: type[T]) -> list[T]:
    """Return the records of a list as this Struct, without those that have another form.

    Declare the list as `list[msgspec.Raw]` in the Struct given to `decode`.
    """
    decoder = msgspec.json.Decoder(type)
    decoded = []
    for record in records:
        try:
            decoded.append(decoder.decode(record))
        except ValueError:  # msgspec.DecodeError, and UnicodeDecodeError for text that is not UTF-8
            continue
    return decoded
