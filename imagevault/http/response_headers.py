"""Headers of every response: security, timing, the id of the request, and the end of the connection."""

from urllib.parse import urlsplit

from imagevault.config.settings import Settings
from imagevault.http.drain import Drain
from imagevault.http.request import RequestContext
from imagevault.http.types import Message, Send

Headers = list[tuple[bytes, bytes]]

SECURITY_HEADERS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
]
HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
JSON_POLICY = b"default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
# A route may set these itself.
DEFAULT_HEADERS: Headers = [
    (b"content-security-policy", JSON_POLICY),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]


class ResponseHeaders:
    """Completes the response to each request."""

    def __init__(self, settings: Settings, drain: Drain) -> None:
        self.drain = drain
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Send Strict-Transport-Security if the public address of these settings is https."""
        is_https = urlsplit(settings.base_url).scheme == "https"
        self.security_headers = [*SECURITY_HEADERS, HSTS] if is_https else SECURITY_HEADERS

    async def send_whole(self, send: Send, context: RequestContext, status: int, headers: Headers, body: bytes) -> None:
        """Send a response of the edge itself by the `send` of the server. `wrap` is for all others.

        `headers` are in lower case, and have those of `DEFAULT_HEADERS`. A response to HEAD leaves the body out.
        """
        context.status = status
        complete = [*headers, *self.security_headers, *context.response_headers, *self._own(context)]
        complete = _with_one_vary(complete, context)
        await send({"type": "http.response.start", "status": status, "headers": complete})
        if context.head.method == "HEAD":
            body = b""
        await send({"type": "http.response.body", "body": body, "more_body": False})

    def wrap(self, send: Send, context: RequestContext) -> Send:
        """Return a `send` that adds the headers, notes the status, and leaves the body of a response to HEAD out.

        The start of a response waits for the first part of its body. One that fails in between becomes a problem.
        """
        is_head = context.head.method == "HEAD"
        start: Message | None = None

        async def send_complete(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            if start is not None:
                context.status = start["status"]
                await send({**start, "headers": self._complete(start["headers"], context)})
                start = None
            if is_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        return send_complete

    def _complete(self, headers: Headers, context: RequestContext) -> Headers:
        complete = [(name.lower(), value) for name, value in headers]
        present = {name for name, _ in complete}
        if b"allow" in present:
            complete = [_with_head(name, value) for name, value in complete]
        complete += self.security_headers
        complete += [header for header in DEFAULT_HEADERS if header[0] not in present]
        complete += context.response_headers
        complete += self._own(context)
        return _with_one_vary(complete, context)

    def _own(self, context: RequestContext) -> Headers:
        """The headers that differ from request to request."""
        own = [
            (b"x-request-id", context.request_id.encode()),
            (b"server-timing", b"total;dur=%.1f" % context.elapsed_ms),
        ]
        if self.drain.stopping:
            own.append((b"connection", b"close"))
        return own


def _with_head(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """Return a header. Litestar's Allow does not know that the edge answers HEAD wherever there is a GET."""
    if name == b"allow" and b"HEAD" not in value:
        value = value.replace(b"GET", b"GET, HEAD")
    return name, value


def _with_one_vary(headers: Headers, context: RequestContext) -> Headers:
    """Return the headers with one Vary, which names each header once. A route and several duties add theirs."""
    if all(name != b"vary" for name, _ in context.response_headers):
        return headers
    values = b",".join(value for name, value in headers if name == b"vary").split(b",")
    named = dict.fromkeys(value.strip() for value in values)
    return [*(header for header in headers if header[0] != b"vary"), (b"vary", b", ".join(named))]
