"""One part of a file: how a caller names it, where it lies, and the bytes of it."""

import re
from collections.abc import AsyncIterator
from typing import NamedTuple

import anyio

from imagevault.errors import InvalidResponse, RangeNotSatisfiable
from imagevault.upstream.file_client import Span

PIECE = 256 * 1024  # bytes of a local file that are read at once
RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})")


class Wanted(NamedTuple):
    """A part of a file as a caller names it: from a byte on, up to a byte, or the last bytes (`first` is None)."""

    first: int | None
    last: int | None

    def within(self, size: int) -> Span:
        """Return the part of a file of so many bytes. Raises RangeNotSatisfiable if it begins after its end."""
        if self.first is None:
            first, last = max(0, size - (self.last or 0)), size - 1
        else:
            first, last = self.first, size - 1 if self.last is None else min(self.last, size - 1)
        if first > last:
            raise RangeNotSatisfiable(size)
        return Span(first, last)


def read_range(text: str | None) -> Wanted | None:
    """Return the part that the header `Range` names; None for no part, several parts, and what cannot be read."""
    found = RANGE.fullmatch(text or "")
    if found is None:
        return None
    first, last = (int(number) if number else None for number in found.groups())
    if first is None and last is None:
        return None
    if first is not None and last is not None and first > last:
        return None
    return Wanted(first, last)


def is_current(if_range: str | None, tag: str | None) -> bool:
    """Whether a part goes with the parts that the caller has (RFC 9110, section 13.1.5)."""
    return if_range is None or (tag is not None and if_range.strip() == f'"{tag}"')


async def read_next(file: "anyio.AsyncFile[bytes]", length: int) -> AsyncIterator[bytes]:
    """Yield the next `length` bytes of a file. Raises InvalidResponse if it has become shorter."""
    while length:
        piece = await file.read(min(PIECE, length))
        if not piece:
            raise InvalidResponse("the file became shorter while it was read")
        length -= len(piece)
        yield piece


async def after_start(start: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the first bytes of a file, and then the others."""
    yield start
    async for piece in pieces:
        yield piece


async def part_of(pieces: AsyncIterator[bytes], span: Span) -> AsyncIterator[bytes]:
    """Yield one part of a whole file. Raises InvalidResponse if the file ends before."""
    position = 0
    async for piece in pieces:
        first = max(0, span.first - position)
        position += len(piece)
        rest = max(0, position - 1 - span.last)
        if kept := piece[first : len(piece) - rest]:
            yield kept
        if position > span.last:
            return
    raise InvalidResponse("the file is shorter than the provider said")
