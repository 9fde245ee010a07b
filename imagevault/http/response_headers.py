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

    def wrap(self, send: Send, context: RequestContext) -> Send:
        """Return a `send` that adds the headers, notes the status, and leaves the body of a response to HEAD out."""
        is_head = context.head.method == "HEAD"

        async def send_complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                context.status = message["status"]
                message = {**message, "headers": self._complete(message["headers"], context)}
            elif is_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        return send_complete

    def _complete(self, headers: Headers, context: RequestContext) -> Headers:
        complete = [(name.lower(), value) for name, value in headers]
        present = {name for name, _ in complete}
        complete += self.security_headers
        complete += [header for header in DEFAULT_HEADERS if header[0] not in present]
        complete += context.response_headers
        complete.append((b"x-request-id", context.request_id.encode()))
        if self.drain.stopping:
            complete.append((b"connection", b"close"))
        complete.append((b"server-timing", f"total;dur={context.elapsed_ms:.1f}".encode()))
        return complete
