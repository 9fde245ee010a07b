"""Content codings of HTTP answers (RFC 9110, section 8.4.1): gzip, its alias x-gzip, deflate, identity.

Each decoder inflates piece by piece, so that a small answer never becomes a large one in memory.
"""

import zlib
from collections.abc import Iterator
from typing import Protocol

from imagevault.errors import InvalidResponse

CHUNK = 64 * 1024  # bytes that are inflated at a time
GZIP = 16 + zlib.MAX_WBITS
ZLIB = zlib.MAX_WBITS
RAW_DEFLATE = -zlib.MAX_WBITS
ZLIB_HEADER = 2  # bytes
GZIP_MAGIC = b"\x1f\x8b"
CODINGS = ("gzip", "deflate")  # what we ask for


class Decoder(Protocol):
    """Decodes the body of one answer."""

    def decode(self, piece: bytes) -> Iterator[bytes]:
        """Yield what a piece decodes to. Raises InvalidResponse if it is broken."""
        ...

    def finish(self) -> None:
        """Check that the body is complete. Raises InvalidResponse if it is cut off."""
        ...


class Identity:
    """No coding."""

    def decode(self, piece: bytes) -> Iterator[bytes]:
        """Yield the piece."""
        yield piece

    def finish(self) -> None:
        """Every end is right."""


class Gzip:
    """RFC 1952: one or more members, one after the other. What is no member after the last one is ignored."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(GZIP)
        self._start = b""  # of the next member, until its magic number is there
        self._has_member = False
        self._is_in_member = False
        self._is_over = False

    def decode(self, piece: bytes) -> Iterator[bytes]:
        """Yield what a piece inflates to."""
        while piece and not self._is_over:
            if not self._is_in_member:
                self._start += piece
                if len(self._start) < len(GZIP_MAGIC):
                    return
                if self._has_member and not self._start.startswith(GZIP_MAGIC):
                    self._is_over = True  # padding after the last member
                    return
                piece = self._start
                self._start = b""
                self._is_in_member = True
            yield from _inflate(self._inflater, piece)
            piece = b""
            if self._inflater.eof:
                piece = self._inflater.unused_data
                self._has_member = True
                self._is_in_member = False
                self._inflater = zlib.decompressobj(GZIP)

    def finish(self) -> None:
        """Check that every member is complete."""
        if self._is_in_member or not self._has_member:
            raise InvalidResponse("its compressed answer is cut off")


class Deflate:
    """RFC 1950 (zlib), and the raw RFC 1951 that some servers send under this name."""

    def __init__(self) -> None:
        self._start = b""  # until the two bytes of a zlib header are there
        self._inflater: zlib._Decompress | None = None

    def decode(self, piece: bytes) -> Iterator[bytes]:
        """Yield what a piece inflates to."""
        if self._inflater is None:
            self._start += piece
            if len(self._start) < ZLIB_HEADER:
                return
            self._inflater = zlib.decompressobj(ZLIB if _has_zlib_header(self._start) else RAW_DEFLATE)
            piece = self._start
        yield from _inflate(self._inflater, piece)

    def finish(self) -> None:
        """Check that the stream is complete."""
        if self._inflater is None or not self._inflater.eof:
            raise InvalidResponse("its compressed answer is cut off")


def _inflate(inflater: "zlib._Decompress", piece: bytes) -> Iterator[bytes]:
    """Yield all that a piece inflates to, in parts of at most CHUNK bytes."""
    while not inflater.eof:
        try:
            inflated = inflater.decompress(piece, CHUNK)
        except zlib.error:
            raise InvalidResponse("its compressed answer is broken") from None
        if inflated:
            yield inflated
        piece = inflater.unconsumed_tail
        if not piece and len(inflated) < CHUNK:  # the inflater holds nothing back
            return


def _has_zlib_header(start: bytes) -> bool:
    """Whether these bytes begin with CMF and FLG of RFC 1950: method 8, and a multiple of 31 as one number."""
    return start[0] & 0x0F == 8 and (start[0] * 256 + start[1]) % 31 == 0


def decoder_for(coding: str) -> Decoder:
    """Return the decoder of a `Content-Encoding`.

    Raises:
        InvalidResponse: the coding is unknown.

    """
    match coding.strip().lower():
        case "" | "identity":
            return Identity()
        case "gzip" | "x-gzip":
            return Gzip()
        case "deflate":
            return Deflate()
        case _:
            raise InvalidResponse(f"its answer is encoded as {coding}, which was not asked for")
