"""The file of a download: opened at its provider's host, or where the provider holds it, and passed on in pieces.

Only raster images are passed on, by their content, and under the type that the content shows. A file that was read
completely is noted in its record: size, hash and type.
"""

import hashlib
import logging
import os
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, NamedTuple

import anyio
import msgspec

from imagevault.downloads import finding
from imagevault.downloads.file_name import file_name
from imagevault.downloads.file_parts import Wanted, after_start, is_current, part_of, read_next, read_range
from imagevault.downloads.tables import Download
from imagevault.errors import (
    OUT_OF_FILES,
    Busy,
    DatabaseUnavailable,
    Forbidden,
    InvalidResponse,
    ResourceNotFound,
    ServedByProvider,
    TooMany,
    Unconfigured,
)
from imagevault.images.conditional import file_tag
from imagevault.images.media_types import HEAD, raster_type
from imagevault.plugins.declaration import ANY_HOST
from imagevault.plugins.provider import Provider
from imagevault.search.choice import check_allowed
from imagevault.search.gateway import Gateway
from imagevault.security.caller import Caller
from imagevault.upstream.file_client import FileAnswer, FileClient, Span

log = logging.getLogger(__name__)

AT_ONCE = 4  # files that one account may read at once from a worker
RETRY_AFTER = 5.0  # seconds after which one of them may have ended


class OpenFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is being read.

    Attributes:
        name: a file name of safe letters.
        media_type: by the content.
        size: bytes of the whole file; None if the provider does not say it.
        span: the part that `pieces` yields; None for the whole file.
        tag: its entity tag, without quotes; None if the provider has none.
        pieces: the bytes. They end only where the file or the part is complete; otherwise they raise a ProviderError.

    """

    name: str
    media_type: str
    size: int | None
    span: Span | None
    tag: str | None
    pieces: AsyncIterator[bytes]

    @property
    def length(self) -> int | None:
        """How many bytes `pieces` yields; None if that is not known."""
        return self.size if self.span is None else self.span.last - self.span.first + 1


class _Content(NamedTuple):
    """What is known of a file before its name is made."""

    media_type: str
    size: int | None
    span: Span | None
    tag: str | None
    pieces: AsyncIterator[bytes]


class Files:
    """Opens the files of downloads. One for each worker."""

    def __init__(self, gateway: Gateway, client: FileClient) -> None:
        """Prepare.

        Args:
            gateway: knows the providers, and looks images up.
            client: reads files at the hosts of providers.

        """
        self._gateway = gateway
        self._client = client
        self._open: Counter[str] = Counter()

    @asynccontextmanager
    async def open(
        self, caller: Caller, id: uuid.UUID, range: str | None = None, if_range: str | None = None
    ) -> AsyncIterator[OpenFile]:
        """Open the file of a download, which is closed when the block ends.

        Args:
            caller: whose download it is.
            id: of the download.
            range: the header `Range`: one part of the file. A header that cannot be read counts as none.
            if_range: the header `If-Range`: without this entity tag, the whole file is sent.

        Raises:
            ResourceNotFound: the caller has no such download, or there is no such file any more.
            NotFound: the provider's host has no such file any more.
            Forbidden: the file is not passed on. The message has its link.
            ServedByProvider: the terms of the provider are why.
            RangeNotSatisfiable: the part begins after the end of the file.
            TooMany: the caller reads too many files at once.
            Busy: the server reads too many files at once.
            ProviderError: the provider failed, or sent something else than a raster image.

        """
        with self._counted(caller):
            row = await finding.find_one(caller.id, id)
            if row is None:
                raise ResourceNotFound(f"You have no download {id}.")
            async with self.read(caller, row, read_range(range), if_range) as file:
                pieces = _noted(file.pieces, id, file.media_type) if file.span is None else file.pieces
                yield msgspec.structs.replace(file, pieces=pieces)

    @asynccontextmanager
    async def read(
        self, caller: Caller, row: Mapping[str, Any], wanted: Wanted | None = None, if_range: str | None = None
    ) -> AsyncIterator[OpenFile]:
        """Open the file that the row of a download names, which need not be recorded. Raises as `open` does."""
        provider = self.check(caller, row)
        async with AsyncExitStack() as stack:
            if provider.holds_files and row["image"]:
                content = await self._open_held(stack, row, wanted, if_range)
            else:
                content = await self._open_remote(stack, caller, provider, row, wanted, if_range)
            yield OpenFile(name=file_name(row, content.media_type), **content._asdict())

    @contextmanager
    def _counted(self, caller: Caller) -> Iterator[None]:
        """Count a file as being read. Raises TooMany if the caller reads too many already."""
        if self._open[caller.id] >= AT_ONCE:
            raise TooMany(f"You read {AT_ONCE} files already; wait until one has ended.", RETRY_AFTER)
        self._open[caller.id] += 1
        try:
            yield
        finally:
            self._open[caller.id] -= 1
            if not self._open[caller.id]:
                del self._open[caller.id]

    def check(self, caller: Caller, row: Mapping[str, Any]) -> Provider:
        """Return the provider of a download, if its files may be passed on now.

        Raises:
            Forbidden: it is not a provider of this server, or the caller may not use it.
            ServedByProvider: its terms forbid it.
            ResourceNotFound: an admin has hidden the picture.
            Unconfigured: an admin has switched the provider off.

        """
        provider = self._gateway.providers.get(row["provider"] or "")
        if provider is None:
            raise Forbidden(f"This server passes on files of its providers only. This file is at {row['url']}")
        check_allowed(provider.name, caller.providers)
        if provider.state == "disabled":
            raise Unconfigured(f"{provider.name}: {provider.public_reason}")
        if row["image"] and row["image"].partition(":")[2] in self._gateway.hidden.of(provider.name):
            raise ResourceNotFound(f"An admin of this server has hidden {row['image']}.")
        if provider.info.hotlink == "required":
            raise ServedByProvider(provider.info.title, row["url"])
        return provider

    async def _open_held(
        self, stack: AsyncExitStack, row: Mapping[str, Any], wanted: Wanted | None, if_range: str | None
    ) -> _Content:
        """Open a file that the provider holds itself."""
        name, _, image_id = row["image"].partition(":")
        found = await self._gateway.links.find(name, image_id, row["rendition"])
        try:
            file = await stack.enter_async_context(await anyio.open_file(found.path, "rb"))
        except OSError as error:
            if error.errno in OUT_OF_FILES:
                raise Busy("The server has too many open files.") from None
            raise ResourceNotFound(f"{name} has no such file any more.") from None
        status = os.fstat(file.wrapped.fileno())
        tag = file_tag(status)
        kind = raster_type(await file.read(HEAD), name)
        span = wanted.within(status.st_size) if wanted is not None and is_current(if_range, tag) else None
        first, last = (span.first, span.last) if span else (0, status.st_size - 1)
        await file.seek(first)
        return _Content(kind, status.st_size, span, tag, read_next(file, last - first + 1))

    async def _open_remote(
        self,
        stack: AsyncExitStack,
        caller: Caller,
        provider: Provider,
        row: Mapping[str, Any],
        wanted: Wanted | None,
        if_range: str | None,
    ) -> _Content:
        """Open a file at the provider's host.

        A part is asked for in two requests: its own bytes do not tell the type of the file, and the first bytes do. A
        host that sends the whole file each time costs one request only.
        """
        url = await self._url(caller, provider, row)
        head = Span(0, HEAD - 1) if wanted is not None else None
        answer, kind, pieces = await self._request(stack, provider, url, head)
        tag = _own_tag(answer)
        size = answer.size
        if wanted is None or size is None:  # a part of a file of unknown size cannot be named
            return _Content(kind, size, None, tag, pieces)
        if not is_current(if_range, tag):
            if answer.span is not None:
                answer, kind, pieces = await self._request(stack, provider, url, None)
            return _Content(kind, answer.size, None, _own_tag(answer), pieces)
        span = wanted.within(size)
        if answer.span is not None:
            part = await stack.enter_async_context(self._client.open(provider, url, span))
            if part.size != size or part.tag != answer.tag:
                raise InvalidResponse(f"{provider.info.title} changed the file at this moment; ask again")
            pieces = part.pieces() if part.span is not None else part_of(part.pieces(), span)
        else:
            pieces = part_of(pieces, span)
        return _Content(kind, size, span, tag, pieces)

    async def _request(
        self, stack: AsyncExitStack, provider: Provider, url: str, span: Span | None
    ) -> tuple[FileAnswer, str, AsyncIterator[bytes]]:
        """Ask for a file from its first byte on, and return the answer, the type by its content, and its bytes."""
        answer = await stack.enter_async_context(self._client.open(provider, url, span))
        pieces = answer.pieces()
        start = b""
        async for piece in pieces:
            start += piece
            if len(start) >= HEAD:
                break
        return answer, raster_type(start, provider.info.title), after_start(start, pieces)

    async def _url(self, caller: Caller, provider: Provider, row: Mapping[str, Any]) -> str:
        """Return where the file is now: a new link by a look-up, if the provider's links work for a while only.

        Raises:
            ResourceNotFound: the provider has no such image or rendition any more.
            ProviderError: the look-up failed.

        """
        url = str(row["url"])
        if provider.info.hotlink == "temporary" and row["image"] and "fetch_image" in provider.hooks:
            native_id = row["image"].partition(":")[2]
            seconds = min(self._gateway.settings.deadline, provider.timeout)
            image = await self._gateway.pages.fetch_image(provider, native_id, seconds, caller=caller.id)
            if image is None:
                raise ResourceNotFound(f"{provider.info.title} has no image {native_id} any more.")
            record = self._gateway.record(provider, image)
            urls = {rendition.name: rendition.url for rendition in record.renditions}
            if row["rendition"] not in urls:
                raise ResourceNotFound(f"{provider.info.title} has no {row['rendition']} of this image any more.")
            return urls[row["rendition"]]
        is_moved = provider.moved_to is not None and url.startswith(provider.moved_to)
        if url.startswith("http:") and not is_moved and ANY_HOST not in provider.info.file_hosts:
            return url.replace("http:", "https:", 1)
        return url


def _own_tag(answer: FileAnswer) -> str | None:
    """Return an entity tag that changes with that of the host, and shows nothing of it."""
    return hashlib.sha256(answer.tag.encode()).hexdigest()[:32] if answer.tag is not None else None


async def _noted(pieces: AsyncIterator[bytes], id: uuid.UUID, kind: str) -> AsyncIterator[bytes]:
    """Yield the bytes of a whole file, and note in the record of the download what they were, the first time."""
    hashed = hashlib.sha256()
    size = 0
    async for piece in pieces:
        hashed.update(piece)
        size += len(piece)
        yield piece
    values: dict[Any, Any] = {
        Download.size: size,
        Download.sha256: hashed.hexdigest(),
        Download.media_type: kind,
    }
    try:
        await Download.update(values).where(Download.id == id, Download.sha256.is_null())
    except DatabaseUnavailable:
        log.warning("the hash of a file could not be noted: the database does not answer")
