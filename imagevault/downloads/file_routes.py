"""The route of the file of a download, and the response that streams it."""

import logging
import uuid
from typing import Annotated, Any

import anyio
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, PathParameter
from litestar.types import HTTPResponseStartEvent, Receive, Scope, Send

from imagevault.downloads.files import Files, OpenFile
from imagevault.errors import ProviderError, ServedByProvider
from imagevault.images.conditional import has_current
from imagevault.security.caller import Caller

log = logging.getLogger(__name__)

POLICY = "default-src 'none'; sandbox"


class FileResponse(Response[bytes]):
    """Opens a file when it is sent, so that an error is still a problem, and the file is closed whatever happens."""

    def __init__(
        self,
        files: Files,
        caller: Caller,
        id: uuid.UUID,
        range: str | None,
        if_range: str | None,
        if_none_match: str | None,
        *,
        is_head: bool,
    ) -> None:
        super().__init__(b"")
        self._files = files
        self._if_none_match = if_none_match
        # A range is for GET only (RFC 9110, section 14.2).
        self._arguments = (caller, id, None if is_head else range, if_range)
        self._is_head = is_head

    def to_asgi_response(self, *_: Any, **__: Any) -> Any:
        """Return the ASGI application that sends this response."""
        return self._respond

    async def _respond(self, _: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._send_file(receive, send)
        except ServedByProvider as error:  # raised before anything is sent
            headers = [(b"location", error.url.encode()), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 303, "headers": headers})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_file(self, receive: Receive, send: Send) -> None:
        async with self._files.open(*self._arguments) as file:
            if self._if_none_match and file.tag is not None and has_current(self._if_none_match, file.tag):
                headers = [(b"etag", f'"{file.tag}"'.encode())]
                await send({"type": "http.response.start", "status": 304, "headers": headers})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            start: HTTPResponseStartEvent = {
                "type": "http.response.start",
                "status": 206 if file.span else 200,
                "headers": _headers(file),
            }
            if self._is_head:
                await send(start)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            unsent: ProviderError | None = None
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_cancel_at_disconnect, receive, tasks.cancel_scope)
                unsent = await _send_body(file, start, send)
                tasks.cancel_scope.cancel()
            if unsent is not None:
                raise unsent  # here, because a task group puts what is raised in it into another exception


@get(
    "/downloads/{id:uuid}/file",
    opt={"scopes": ("downloads",), "problems": (404, 416, 502, 504)},
    responses={status: ResponseSpec(data_container=None, generate_examples=False) for status in (206, 303, 304)},
    tags=["downloads"],
    summary="The file of a download",
)
async def download_file(
    request: Request[Caller, Any, Any],
    files: NamedDependency[Files],
    id: Annotated[uuid.UUID, PathParameter(description="The id of a download of yours.")],
    range: Annotated[
        str | None,
        HeaderParameter(name="Range", description="One part of the file: `bytes=0-99`, `bytes=100-`, `bytes=-100`."),
    ] = None,
    if_range: Annotated[
        str | None,
        HeaderParameter(name="If-Range", description="The `ETag` of the parts before: with another, all is sent."),
    ] = None,
    if_none_match: Annotated[
        str | None,
        HeaderParameter(name="If-None-Match", description="The `ETag` of a file that you have: 304 if it is the same."),
    ] = None,
) -> FileResponse:
    """Get the file of one of your downloads, streamed from its provider.

    Only JPEG, PNG, GIF, WebP and AVIF are passed on, by their content. A file that was read completely is noted in the
    record: size, hash and type. Where the terms of a provider want its files to be loaded from its own hosts, the
    response leads there.
    """
    is_head = request.scope["imagevault"].head.method == "HEAD"  # type: ignore[typeddict-item]
    return FileResponse(files, request.user, id, range, if_range, if_none_match, is_head=is_head)


def _headers(file: OpenFile) -> list[tuple[bytes, bytes]]:
    headers = {
        "content-type": file.media_type,
        "content-disposition": f'attachment; filename="{file.name}"',
        "content-security-policy": POLICY,
    }
    if file.length is not None:
        headers["content-length"] = str(file.length)
        headers["accept-ranges"] = "bytes"
    if file.span is not None:
        headers["content-range"] = f"bytes {file.span.first}-{file.span.last}/{file.size}"
    if file.tag is not None:
        headers["etag"] = f'"{file.tag}"'
    return [(name.encode(), value.encode()) for name, value in headers.items()]


async def _send_body(file: OpenFile, start: HTTPResponseStartEvent, send: Send) -> ProviderError | None:
    """Send the start of the response with the first piece of the file, and the last piece once the file is complete.

    A file that breaks off is not ended, so that the server closes the connection and no client takes it for complete.
    Returns the error of a file that breaks off before anything was sent, so that it can still become a problem.
    """
    last = b""
    has_begun = False

    async def send_piece(piece: bytes, *, more: bool) -> None:
        nonlocal has_begun
        if not has_begun:
            await send(start)
            has_begun = True
        await send({"type": "http.response.body", "body": piece, "more_body": more})

    try:
        async for piece in file.pieces:
            if last:
                await send_piece(last, more=True)
            last = piece
    except ProviderError as error:
        log.warning("file broke off", extra={"file": file.name, "reason": str(error)})
        return None if has_begun else error
    await send_piece(last, more=False)
    return None


async def _cancel_at_disconnect(receive: Receive, scope: anyio.CancelScope) -> None:
    """Stop reading from the provider when nobody takes the bytes any more."""
    try:
        while (await receive())["type"] != "http.disconnect":
            pass
    except Exception:  # noqa: BLE001  a GET needs no body, so what is wrong with one harms no transfer
        return
    scope.cancel()


ROUTES = [download_file]
