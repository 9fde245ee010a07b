"""The body of an upstream's answer, inflated piece by piece and no further than the cap."""

import zlib
from collections.abc import AsyncIterator

import httpx

from imagevault.errors import InvalidResponse

MEGABYTE = 1024 * 1024
MAX_BODY = 5 * MEGABYTE  # bytes, inflated
CHUNK = 64 * 1024  # bytes that are inflated at a time
CODINGS = {"identity", "gzip", "deflate"}
GZIP_OR_ZLIB = 47  # of zlib: recognize which of the two it is


class CappedBody(httpx.AsyncByteStream):
    """The inflated body of an answer. Reading raises InvalidResponse where it is broken or larger than the cap."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._coding = response.headers.get("Content-Encoding", "identity").strip().lower()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._coding not in CODINGS:
            raise InvalidResponse(f"its answer is encoded as {self._coding}, which was not asked for")
        size = 0
        async for piece in self._inflated():
            size += len(piece)
            if size > MAX_BODY:
                raise InvalidResponse(f"its answer is larger than {MAX_BODY // MEGABYTE} MB")
            yield piece

    async def _inflated(self) -> AsyncIterator[bytes]:
        stream = self._response.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        if self._coding == "identity":
            async for piece in stream:
                yield piece
            return
        inflater = zlib.decompressobj(GZIP_OR_ZLIB)
        async for piece in stream:
            compressed = piece
            while compressed and not inflater.eof:
                try:
                    yield inflater.decompress(compressed, CHUNK)
                except zlib.error:
                    raise InvalidResponse("its compressed answer is broken") from None
                compressed = inflater.unconsumed_tail
        if not inflater.eof:
            raise InvalidResponse("its compressed answer is cut off")

    async def aclose(self) -> None:
        """Close the answer."""
        await self._response.aclose()
