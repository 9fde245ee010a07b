"""Reading an upstream's JSON: whole, or record by record, so that one bad record never costs the page."""

from collections.abc import Iterable
from typing import TypeVar

import httpx
import msgspec

T = TypeVar("T")


def decode(response: httpx.Response, type: type[T]) -> T:
    """The body of a good answer as this Struct.

    Raises `httpx.HTTPStatusError` for 4xx and 5xx and `msgspec.MsgspecError` for another form; the gateway understands
    both.
    """
    response.raise_for_status()
    return msgspec.json.decode(response.content, type=type)


def decode_each(records: Iterable[msgspec.Raw], type: type[T]) -> list[T]:
    """Those records of a list (declared as `list[msgspec.Raw]`) that are of this form; the others are left out."""
    decoder = msgspec.json.Decoder(type)
    decoded = []
    for record in records:
        try:
            decoded.append(decoder.decode(record))
        except ValueError:  # also text that is not UTF-8
            continue
    return decoded
