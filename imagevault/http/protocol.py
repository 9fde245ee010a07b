"""The HTTP protocol of `imagevault serve`: uvicorn's, with limits for heads, and with less work for plain responses.

The parser collects the head of a request until it is complete, and only then passes it on. uvicorn waits for it without
a limit of size or time: 150 MB of headers took 2.4 GB of memory (measured with uvicorn 0.54 on 2026-11-29).

uvicorn's other parser, h11, has a limit of size and none of time, and costs three times as much. CPU for one request to
a bare ASGI app, measured on 2026-11-29: httptools 32 us, this class 34 us, h11 103 us.
"""

import asyncio
import logging
import secrets
from typing import TYPE_CHECKING, Any, cast

import msgspec
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from imagevault.http.problems import MEDIA_TYPE, Problem, title_of
from imagevault.http.request_limits import MAX_FIELDS
from imagevault.http.types import Message

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application, ASGISendEvent

log = logging.getLogger(__name__)

MAX_HEAD = 32 * 1024  # bytes; more than the edge accepts, so that the edge answers whatever is complete
HEAD_DEADLINE = 10.0  # seconds for a whole head to arrive
LINGER = 2.0  # seconds that a client has to read a response before the connection closes under what it still sends
MAX_DISCARDED = 1024 * 1024  # bytes that it may send in this time
# Headers that say more of the connection or the body than a plain response does.
UNUSUAL = frozenset({b"connection", b"transfer-encoding"})
# Control characters that no header may have. CR and LF are counted, because they also end each header.
CONTROLS = bytes({*range(0x20), 0x7F} - set(b"\t\r\n"))
NOT_IN_NAMES = bytes({*range(0x21), 0x7F, *b'()<>@,;:[]={}\\"'})


class Refusal(msgspec.Struct, frozen=True):
    """Why a connection ends, as the response says it."""

    status: int
    detail: str


TOO_LARGE = Refusal(431, f"The head of a request must be at most {MAX_HEAD} bytes with {MAX_FIELDS} header fields.")
MALFORMED = Refusal(400, "The request is not valid HTTP/1.1, or its method is unknown.")
TOO_LATE = Refusal(408, f"The head of the request took longer than {HEAD_DEADLINE:.0f} seconds.")


class LimitedHttpProtocol(HttpToolsProtocol):
    """One connection. It ends when a head is too large or too late.

    * Size: the parser holds at most `MAX_HEAD` bytes that complete nothing. These are bytes of a head, of trailers, of
      a chunk extension, or empty lines between requests.
    * Time: a head must be complete `HEAD_DEADLINE` seconds after the connection began, and on a connection that had a
      request before, after its first byte. The same time counts for the rest of a body whose response is sent already.

    A head that arrives in one piece starts no timer.

    A response that closes the connection may come before the request is complete. The connection then lingers
    (RFC 9112, section 9.6): the server sends no more, and discards what arrives until the client closes. Otherwise the
    system resets the connection, and the client may lose the response.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._is_in_head = False
        self._is_in_body = False
        self._held = 0  # bytes received since the parser completed anything
        self._deadline: asyncio.TimerHandle | None = None
        self._is_discarding = False  # what arrives: no other request is read on this connection
        self._discarded = 0  # bytes

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_deadline()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_deadline()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._is_discarding:
            self._discard(data)
            return
        self._held += len(data)
        super().data_received(data)
        if (self._is_in_head or self._held) and not self._is_discarding:
            self._check_incomplete()

    @override
    def on_message_begin(self) -> None:
        self._is_in_head = True
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        super().on_headers_complete()  # raises where the target is no address
        self._is_in_head = False
        self._is_in_body = True
        self._held = 0
        if self._deadline is not None:
            self._stop_deadline()

    @override
    def on_body(self, body: bytes) -> None:
        self._held = 0
        super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        self._is_in_body = False
        self._held = 0
        super().on_message_complete()

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            return
        if not self._is_responding and cast("PlainResponseCycle", self.cycle).ends_connection:
            self._linger()
        elif self._is_in_body:
            self._start_deadline()

    @override
    def send_400_response(self, msg: str) -> None:
        self._refuse(MALFORMED)

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        cycle.__class__ = PlainResponseCycle  # uvicorn names its own class where it makes the cycle
        super()._start_asgi_task(cycle, app)

    def _check_incomplete(self) -> None:
        """Check what the parser holds after it has read all that arrived."""
        if self.transport.is_closing():
            return
        has_too_many_fields = self._is_in_head and len(self.headers) > MAX_FIELDS
        if self._held > MAX_HEAD or has_too_many_fields:
            self._refuse(TOO_LARGE)
        elif not self._is_in_body:
            self._start_deadline()

    def _start_deadline(self) -> None:
        """Start the time for a head, unless it runs already."""
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_DEADLINE, self._end_late)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end_late(self) -> None:
        """End the connection. While a response is under way, the client waits for the server, and the time restarts."""
        self._deadline = None
        if self.transport.is_closing():
            return
        if self._is_responding:
            self._start_deadline()
        elif self._is_in_head:
            self._refuse(TOO_LATE)
        else:
            self._linger()

    @property
    def _is_responding(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self, refusal: Refusal) -> None:
        """Read no more, and close the connection. Say why, unless another response is under way or was sent."""
        request_id = secrets.token_hex(8)
        app_has_it = self._is_in_body and not self.pipeline and not self.cycle.response_started
        if self._is_responding and not app_has_it:
            self._is_discarding = True
            self.cycle.keep_alive = False
            cast("PlainResponseCycle", self.cycle).ends_connection = True
        else:
            is_answered = self._is_in_body and not app_has_it
            if not is_answered:
                self.transport.write(_response(refusal, request_id))
            self._linger()
        log.info("connection refused", extra={"status": refusal.status, "request_id": request_id})

    def _linger(self) -> None:
        """Send no more. Close the connection when the client has closed its side, or has had time to read."""
        self._is_discarding = True
        if self._is_responding:
            self.cycle.disconnected = True  # the app ends, and whatever it still sends is dropped
            self.cycle.message_event.set()
        self._stop_deadline()
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        if self.transport.can_write_eof():  # TLS cannot
            self.transport.write_eof()
        self._deadline = self.loop.call_later(LINGER, self.transport.close)

    def _discard(self, data: bytes) -> None:
        self._discarded += len(data)
        if self._discarded > MAX_DISCARDED:
            self.transport.close()


class PlainResponseCycle(RequestResponseCycle):
    """One request and its response. A plain response is written with less work, and with the same bytes as by uvicorn.

    A response is plain if its whole body comes in one message, its connection stays open, and no header is repeated or
    says anything unusual of body or connection. uvicorn writes all others, and refuses those that are wrong. The head
    waits for the first part of the body, as ASGI demands.

    uvicorn looks at each header by two patterns. CPU for a response with fifteen headers, measured on 2026-11-30:
    uvicorn 17 us, this class 11 us.
    """

    ends_connection = False  # after the response, though the client may still be sending
    _start: Message | None = None  # until the first part of the body comes

    @override
    async def send(self, message: "ASGISendEvent") -> None:
        if message["type"] == "http.response.start" and self._start is None and not self.response_started:
            self._start = cast("Message", message)
            self.waiting_for_100_continue = False
            return
        start, self._start = self._start, None
        if start is None:
            await self._send_by_uvicorn(message)
            return
        content = cast("Message", message)
        head = self._plain_head(start, content)
        if head is None or self.flow.write_paused or self.disconnected:
            await super().send(cast("ASGISendEvent", start))
            await self._send_by_uvicorn(message)
            return
        self.response_started = True
        self.transport.write(head)
        self.transport.write(content["body"])
        self.response_complete = True
        self.message_event.set()
        self.on_response()

    async def _send_by_uvicorn(self, message: "ASGISendEvent") -> None:
        is_last = message["type"] == "http.response.body" and not message.get("more_body")
        if is_last and not self.keep_alive and (self.more_body or self.ends_connection):
            self.ends_connection = True
            self.keep_alive = True  # otherwise uvicorn closes the connection at once
        await super().send(message)

    @override
    async def send_500_response(self) -> None:
        self._start = None  # of a response that failed before its body
        await super().send_500_response()

    def _plain_head(self, start: Message, content: Message) -> bytes | None:
        """Return the status line and the headers of a plain response; None for any other response."""
        body: bytes = content.get("body") or b""
        is_whole = content["type"] == "http.response.body" and not content.get("more_body")
        if not is_whole or not body or self.scope["method"] == "HEAD" or not self.keep_alive:
            return None
        headers = [*self.default_headers, *start.get("headers", ())]
        named = dict(headers)
        has_length = named.get(b"content-length") == b"%d" % len(body)
        if not has_length or len(named) != len(headers) or not UNUSUAL.isdisjoint(named):
            return None
        names = b"".join(named)
        lines = b"\r\n".join([b": ".join(header) for header in headers])
        is_safe = (
            names.islower()
            and len(names.translate(None, NOT_IN_NAMES)) == len(names)
            and len(lines.translate(None, CONTROLS)) == len(lines)
            and lines.count(b"\r") == lines.count(b"\n") == len(headers) - 1
        )
        return b"".join([STATUS_LINE[start["status"]], lines, b"\r\n\r\n"]) if is_safe else None


def _response(refusal: Refusal, request_id: str) -> bytes:
    """Return the whole response: the problem, with its headers."""
    phrase = title_of(refusal.status)
    problem = Problem(title=phrase, status=refusal.status, detail=refusal.detail, request_id=request_id)
    body = msgspec.json.encode(problem)
    lines = (
        f"HTTP/1.1 {refusal.status} {phrase}",
        f"content-type: {MEDIA_TYPE}",
        f"content-length: {len(body)}",
        "cache-control: no-store",
        "x-content-type-options: nosniff",
        f"x-request-id: {request_id}",
        "connection: close",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
