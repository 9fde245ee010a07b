"""Passes pictures of providers on, so that their hosts do not see the readers of a page (`private_display`)."""

import asyncio

import msgspec

from imagevault.errors import Busy, Forbidden, InvalidResponse, ResourceNotFound, TimedOut
from imagevault.images.media_types import HEAD, raster_type
from imagevault.search.gateway import Gateway
from imagevault.upstream.file_client import FileClient
from imagevault.web.picture_sources import may_pass_on

MAX_SIZE = 8 * 1024 * 1024  # bytes; the page shows files of at most 1600 pixels
AT_ONCE = 8  # pictures that a worker reads
PATIENCE = 10.0  # seconds until a picture can be read, and for reading it


class Picture(msgspec.Struct, frozen=True):
    """A picture: its type, by its content, and its bytes."""

    media_type: str
    content: bytes


class PictureReader:
    """Reads pictures at the hosts of their providers. One for each worker.

    A picture is read as a whole before it is sent, so that a slow reader holds up no connection to a host.

    Args:
        gateway: knows the providers.
        client: reads files.

    """

    def __init__(self, gateway: Gateway, client: FileClient) -> None:
        self._gateway = gateway
        self._client = client
        self._places = asyncio.Semaphore(AT_ONCE)

    async def read(self, provider: str, id: str, url: str) -> Picture:
        """Read a picture that a signed link names.

        Raises:
            ResourceNotFound: the provider cannot be asked now, or an admin has hidden the picture.
            Forbidden: its terms demand that its files are loaded from its own host.
            Busy: the server reads too many pictures.
            ProviderError: the host failed, or sent something else than a raster image of a usual size.

        """
        owner = self._gateway.providers.get(provider)
        if owner is None or owner.state != "ok":
            raise ResourceNotFound(f"There are no pictures of {provider} here.")
        if id in self._gateway.hidden.of(provider):
            raise ResourceNotFound("An admin of this server has hidden this picture.")
        if not may_pass_on(owner):
            raise Forbidden(f"The terms of {owner.info.title} want its files to be loaded from its own hosts.")
        try:
            async with asyncio.timeout(PATIENCE):
                await self._places.acquire()
        except TimeoutError:
            raise Busy("The server reads too many pictures at the moment.") from None
        content = bytearray()
        try:
            async with asyncio.timeout(PATIENCE), self._client.open(owner, url) as answer:
                _check_size(answer.size or 0)
                async for piece in answer.pieces():
                    content += piece
                    _check_size(len(content))
        except TimeoutError:
            raise TimedOut(f"{owner.info.title} takes too long to send the picture") from None
        finally:
            self._places.release()
        kind = raster_type(bytes(content[:HEAD]), owner.info.title)
        return Picture(kind, bytes(content))


def _check_size(size: int) -> None:
    if size > MAX_SIZE:
        raise InvalidResponse(f"the picture is larger than {MAX_SIZE // 1024 // 1024} MB")
