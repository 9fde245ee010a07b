"""One call to a simulated upstream, its answer, and the connection between them, which a fault may disturb."""

import http.client
import socket
import struct
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from threading import Event
from typing import TypeAlias

import httpx
import msgspec


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call as it arrived. `path` is percent-encoded, as it was sent; `at` is its time by `time.monotonic()`."""

    method: str
    path: str
    query: httpx.QueryParams
    headers: httpx.Headers
    body: bytes = b""
    at: float = msgspec.field(default_factory=time.monotonic)


class Answer(msgspec.Struct, frozen=True):
    """One answer. Bytes are sent as they are, all that is no text as JSON; `headers` may name another type.

    A `str` that begins with `<?xml` is sent as XML, any other `str` as HTML.
    """

    content: object = b""
    status: int = 200
    headers: Mapping[str, str] = {}

    @property
    def body(self) -> bytes:
        """The bytes that are sent."""
        if isinstance(self.content, bytes):
            return self.content
        if isinstance(self.content, str):
            return self.content.encode()
        return msgspec.json.encode(self.content)

    @property
    def content_type(self) -> str:
        """The media type that is sent unless `headers` name one."""
        if isinstance(self.content, bytes):
            return "application/octet-stream"
        if isinstance(self.content, str):
            is_xml = self.content.startswith("<?xml")
            return "application/xml; charset=utf-8" if is_xml else "text/html; charset=utf-8"
        return "application/json"


class Exchange:
    """A call that waits for its answer. A fault answers it with these methods, or drops it by doing nothing."""

    def __init__(
        self,
        call: Call,
        respond: Callable[[Call], Answer],
        handler: BaseHTTPRequestHandler,
        *,
        released: Event,
        stopping: Event,
    ) -> None:
        self.call = call
        self._respond = respond
        self._handler = handler
        self._released = released
        self._stopping = stopping

    def answer(self) -> Answer:
        """Run the checks and the route of the upstream, and return what it answers when healthy."""
        return self._respond(self.call)

    def send(self, answer: Answer) -> None:
        """Send the whole answer correctly."""
        body = answer.body
        content = b"" if self.call.method == "HEAD" else body
        self.write(self._head(answer, len(body)) + content)

    def begin(self, answer: Answer, length: int | None = None) -> None:
        """Send only status and headers, which promise `length` bytes of body, whatever follows.

        Without a `length`, the body ends where the connection ends.
        """
        if length is None:
            self._handler.close_connection = True
        self.write(self._head(answer, length))

    def write(self, data: bytes) -> None:
        """Send a piece of the body. Raises OSError if the client has disconnected, which ends the exchange quietly."""
        self._handler.wfile.write(data)

    def close(self) -> None:
        """End the connection after this exchange, even if the answer is not complete."""
        self._handler.close_connection = True

    def reset(self) -> None:
        """End the connection with a TCP reset: the client reads "connection reset by peer"."""
        self._handler.close_connection = True
        linger_none = struct.pack("ii", 1, 0)  # close() then discards the data and resets the connection
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_none)

    def wait(self, seconds: float | None = None) -> None:
        """Wait so many seconds, or for ever. `Upstream.heal` ends the wait; a stop of the upstream drops the call."""
        if not self._stopping.is_set():  # a stopping upstream has already released the waiting calls
            self._released.wait(seconds)
        if self._stopping.is_set():
            raise ConnectionAbortedError

    def _head(self, answer: Answer, length: int | None) -> bytes:
        headers = httpx.Headers({"Content-Type": answer.content_type, **answer.headers})
        if length is not None:
            headers["Content-Length"] = str(length)
        if self._handler.close_connection:
            headers["Connection"] = "close"
        phrase = http.client.responses.get(answer.status, "")
        status_line = f"HTTP/1.1 {answer.status} {phrase}"
        header_lines = [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([status_line, *header_lines, "", ""]).encode("latin-1")


Fault: TypeAlias = Answer | Callable[[Exchange], None]
"""What happens to a call instead of its own answer: another answer, or a function of the exchange."""
