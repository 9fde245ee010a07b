"""JPEGs of the same width as one JPEG, below each other, without decoding them: so a large one needs little memory."""

from collections.abc import Sequence

import msgspec

SQUARE = 16  # pixels: the side of the squares that a JPEG encodes together, where its colours have half the pixels
START_OF_FRAME = 0xC0  # of the segment with the size
START_OF_SCAN = 0xDA  # of the segment before the pixels
RESTARTS = 8  # different markers of a restart
END = b"\xff\xd9"


class _Parts(msgspec.Struct, frozen=True):
    """Where the parts of a JPEG begin: the segment with the size, the segment before the pixels, and the pixels."""

    frame: int
    scan: int
    pixels: int


def joined(strips: Sequence[bytes], width: int, height: int) -> bytes:
    """Return strips as one JPEG.

    All must have the same tables. Between two of them stands a restart marker, which tells a decoder to begin anew, as
    it did at the start of each strip (ITU T.81, sections B.2.4.4 and E.1.4).

    Args:
        strips: encoded in squares of 16 pixels, the upper one first. All but the last have the same height, a multiple
            of 16 pixels.
        width: pixels of each strip.
        height: pixels of all strips together.

    """
    first = strips[0]
    if len(strips) == 1:
        return first
    parts = _parts(first)
    head = bytearray(first[: parts.scan])
    strip_height = int.from_bytes(head[parts.frame + 5 : parts.frame + 7])
    head[parts.frame + 5 : parts.frame + 7] = height.to_bytes(2)
    squares = -(-width // SQUARE) * strip_height // SQUARE
    interval = b"\xff\xdd\x00\x04" + squares.to_bytes(2)
    pieces = [bytes(head), interval, first[parts.scan : -len(END)]]
    for number, strip in enumerate(strips[1:]):
        pieces.append(bytes([0xFF, 0xD0 + number % RESTARTS]))
        pieces.append(strip[_parts(strip).pixels : -len(END)])
    return b"".join([*pieces, END])


def _parts(jpeg: bytes) -> _Parts:
    """Find the parts. Each segment begins with FF, its kind, and its length in two bytes."""
    frame = 0
    position = 2
    while True:
        kind = jpeg[position + 1]
        end = position + 2 + int.from_bytes(jpeg[position + 2 : position + 4])
        if kind == START_OF_SCAN:
            return _Parts(frame, position, end)
        if kind == START_OF_FRAME:
            frame = position
        position = end
