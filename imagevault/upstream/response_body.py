"""The body of an upstream's answer: decoded piece by piece, and capped both on the wire and decoded."""

from collections.abc import AsyncIterator

import httpx

from imagevault.errors import InvalidResponse
from imagevault.upstream.content_coding import decoder_for

MEGABYTE = 1024 * 1024  # bytes
MAX_BODY = 5 * MEGABYTE  # bytes, on the wire and decoded


class CappedBody(httpx.AsyncByteStream):
    """The decoded body of an answer. Reading raises InvalidResponse where it is broken or larger than the cap."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        decoder = decoder_for(self._response.headers.get("Content-Encoding", ""))
        stream = self._response.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        received = 0
        decoded = 0
        async for piece in stream:
            received += len(piece)
            _check_size(received)
            for part in decoder.decode(piece):
                decoded += len(part)
                _check_size(decoded)
                yield part
        if received:  # an answer without a body may name a coding all the same
            decoder.finish()

    async def aclose(self) -> None:
        """Close the answer."""
        await self._response.aclose()


def _check_size(size: int) -> None:
    if size > MAX_BODY:
        raise InvalidResponse(f"the answer is larger than {MAX_BODY // MEGABYTE} MB")
