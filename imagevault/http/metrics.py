"""`GET /metrics` for Prometheus, and the count of each request."""

import secrets
from collections.abc import Awaitable, Callable

from imagevault.config.settings import Settings
from imagevault.counters import Counters
from imagevault.errors import NotSignedIn
from imagevault.http.problems import HTTPRefusal
from imagevault.http.request import RequestContext
from imagevault.http.response_headers import DEFAULT_HEADERS
from imagevault.runtime.metrics import is_served

PATH = "/metrics"
TYPE = b"text/plain; version=0.0.4; charset=utf-8"  # the text format, which every version of Prometheus reads
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
OTHER = "other"  # in place of what callers may choose freely, so that they make no series


class MetricsEndpoint:
    """Answers `/metrics`, and counts requests while anybody may read them.

    `text` returns all metrics.
    """

    def __init__(self, settings: Settings, counters: Counters, text: Callable[[], Awaitable[bytes]]) -> None:
        self.counters = counters
        self.text = text
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Let those read whom these settings name."""
        self.token = settings.metrics_token.encode() if settings.metrics_token else None
        self.is_served = is_served(settings)

    def check(self, context: RequestContext) -> None:
        """Check that a request may read the metrics.

        Raises:
            HTTPRefusal: 405, if the method is neither GET nor HEAD.
            NotSignedIn: The token is missing or wrong.
        """
        if context.head.method not in {"GET", "HEAD"}:
            raise HTTPRefusal(405, f"{context.head.method} is not possible here.", {"Allow": "GET, HEAD"})
        if self.token is not None and not self._has_token(context, self.token):
            context.bad_credential = bool(context.head.authorizations)
            raise NotSignedIn("Send the metrics_token of the server as Authorization: Bearer ...")

    async def answer(self) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Return status, headers and body."""
        body = await self.text()
        headers = [(b"content-type", TYPE), (b"content-length", b"%d" % len(body)), *DEFAULT_HEADERS]
        return 200, headers, body

    def count(self, context: RequestContext) -> None:
        """Count a request that has ended."""
        if not self.is_served:
            return
        method = context.head.method if context.head.method in METHODS else OTHER
        route = context.route or OTHER
        self.counters.add("http_requests", method, route, str(context.status))
        self.counters.observe(context.elapsed_ms / 1000, "http_request_duration_seconds", route)

    def _has_token(self, context: RequestContext, token: bytes) -> bool:
        sent = context.head.authorizations
        if len(sent) != 1:
            return False
        scheme, _, credential = sent[0].partition(b" ")
        return scheme.lower() == b"bearer" and secrets.compare_digest(credential.strip(), token)
