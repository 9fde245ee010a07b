"""Limits of a request: the size of its head and body, the time for its body, and the characters in it."""

import asyncio
import re
from urllib.parse import unquote_to_bytes

from imagevault.errors import BadInput
from imagevault.http.problems import HTTPRefusal
from imagevault.http.request import RequestContext, RequestHead
from imagevault.http.types import Message, Receive

MAX_HEADERS = 16 * 1024  # bytes of all names and values
MAX_FIELDS = 256  # header fields; an empty one costs a hundred bytes of memory
MAX_TARGET = 8 * 1024  # bytes of path and query
MAX_BODY = 64 * 1024  # bytes
BODY_DEADLINE = 10.0  # seconds for the whole body to arrive
PERCENT = ord("%")  # `37 in query` is five times as fast as `b"%" in query`
NUL = 0
FORM = b"application/x-www-form-urlencoded"
NUL_IN_FORM = re.compile(rb"\0|%00")
NUL_IN_JSON = re.compile(rb"\0|(?<!\\)(?:\\\\)*\\u0000")  # `\u0000` with an even number of backslashes before it


def check_head(head: RequestHead) -> None:
    """Check the sizes that the head has or declares, then the characters of path and query.

    Raises:
        HTTPRefusal: 431, 414 or 413, if headers, path and query, or the declared body are too large.
        BadInput: Content-Length is not a number, or path or query is not UTF-8 or holds a NUL.
    """
    _check_sizes(head)
    _check_characters("path", head.raw_path)
    _check_characters("query", head.query)


def _check_sizes(head: RequestHead) -> None:
    if head.headers_size > MAX_HEADERS or head.fields > MAX_FIELDS:
        raise HTTPRefusal(431, f"All headers together must be at most {MAX_HEADERS} bytes in {MAX_FIELDS} fields.")
    if len(head.raw_path) + len(head.query) > MAX_TARGET:
        raise HTTPRefusal(414, f"Path and query together must be at most {MAX_TARGET} bytes.")
    check_declared_body(head, MAX_BODY)


def check_declared_body(head: RequestHead, max_body: int) -> None:
    """Check the size of the body that the head declares, if it declares one.

    Raises:
        HTTPRefusal: 413, if it is larger than `max_body`.
        BadInput: Content-Length is not a number.
    """
    if head.content_length is None:
        return
    if not head.content_length.isdigit():
        raise BadInput("Content-Length", "must be a number")
    # Python refuses to convert thousands of digits, so the number of digits is compared first.
    if len(head.content_length) > len(str(max_body)) or int(head.content_length) > max_body:
        raise _body_too_large(max_body)


def _check_characters(part: str, raw: bytes) -> None:
    if raw.isascii() and PERCENT not in raw and NUL not in raw:
        return  # as nearly all
    decoded = unquote_to_bytes(raw)
    if b"\0" in decoded:
        raise _nul_in(part)
    try:
        decoded.decode()
    except UnicodeDecodeError:
        raise BadInput(part, "must be UTF-8, percent-encoded") from None


class LimitedBody:
    """Wraps the `receive` of a request: the body has a maximum size and a deadline, and holds no NUL.

    PostgreSQL stores no NUL in a text, so it is refused here. A route may set a smaller size in the context, until the
    body is read.
    """

    def __init__(self, receive: Receive, context: RequestContext) -> None:
        self._receive = receive
        self._context = context
        content_type = context.head.content_type or b""
        self._nul = NUL_IN_FORM if content_type.lower().startswith(FORM) else NUL_IN_JSON
        self._body = bytearray()
        self._is_complete = False
        self._deadline: float | None = None  # time of the event loop; set by the first read

    async def receive(self) -> Message:
        """Return the next message from the client.

        Raises:
            HTTPRefusal: 413 for a body that is too large, 408 for one that is late, 400 for one that is cut off.
            BadInput: The body holds a NUL.
        """
        if self._is_complete:  # Only a disconnect can follow, and it has no deadline.
            return await self._receive()
        message = await self._receive_in_time()
        if message["type"] == "http.disconnect":
            raise HTTPRefusal(400, "The body ended before it was complete.")
        if message["type"] == "http.request":
            self._add(message)
        return message

    async def _receive_in_time(self) -> Message:
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + BODY_DEADLINE
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._receive()
        except TimeoutError:
            detail = f"The body took longer than {BODY_DEADLINE:.0f} seconds."
            raise HTTPRefusal(408, detail, {"Connection": "close"}) from None

    def _add(self, message: Message) -> None:
        chunk = message.get("body", b"")
        max_body = self._context.max_body or MAX_BODY
        if len(self._body) + len(chunk) > max_body:
            raise _body_too_large(max_body)
        self._body += chunk
        if message.get("more_body"):
            return
        self._is_complete = True
        if self._nul.search(self._body):
            raise _nul_in("body")


def _body_too_large(max_body: int) -> HTTPRefusal:
    return HTTPRefusal(413, f"A body must be at most {max_body} bytes.")


def _nul_in(part: str) -> BadInput:
    return BadInput(part, "a NUL character is not allowed")
