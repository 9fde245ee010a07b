"""Cross-origin requests: which pages of other origins may call the API (the CORS protocol of the Fetch standard)."""

from imagevault.config.settings import Settings
from imagevault.http.request import RequestContext
from imagevault.http.types import Send

# The headers that docs/rest.md names: those of requests, and those of responses that no script may read unasked.
ALLOWED_HEADERS = b"Authorization, Content-Type, Idempotency-Key, If-None-Match, If-Range, Range, X-Request-ID"
PREFLIGHT_HEADERS = [
    (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
    (b"access-control-allow-headers", ALLOWED_HEADERS),
    (b"access-control-max-age", b"600"),
]
EXPOSED_HEADERS = (
    b"Content-Disposition, Content-Range, ETag, Idempotent-Replayed, Link, RateLimit, RateLimit-Policy, Retry-After, "
    b"X-Request-ID"
)


class Cors:
    """Allows the origins in `cors_origins`.

    Credentials are never allowed, so no other origin can use the session cookie.
    """

    def __init__(self, settings: Settings) -> None:
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Allow the origins of these settings from now on."""
        self.origins = {origin.encode() for origin in settings.cors_origins}

    def apply(self, context: RequestContext) -> bool:
        """Add the CORS headers to the response. Returns whether the request is a preflight of an allowed origin."""
        if not self.origins:
            return False
        context.response_headers.append((b"vary", b"Origin"))
        head = context.head
        if head.origin is None or head.origin not in self.origins:
            return False
        context.response_headers.append((b"access-control-allow-origin", head.origin))
        context.response_headers.append((b"access-control-expose-headers", EXPOSED_HEADERS))
        return head.method == "OPTIONS" and head.requested_method is not None


async def send_preflight(send: Send) -> None:
    """Answer a preflight."""
    await send({"type": "http.response.start", "status": 204, "headers": PREFLIGHT_HEADERS})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
