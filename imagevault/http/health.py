"""Health for load balancers: never counted against a limit, never spending a provider's quota."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from imagevault.errors import DatabaseUnavailable
from imagevault.http.drain import Drain
from imagevault.http.problems import HTTPRefusal
from imagevault.http.types import App, Receive, Scope, Send

log = logging.getLogger(__name__)

DATABASE_DEADLINE = 2.0


class Health:
    """ASGI middleware that answers `/health/live` and `/health/ready`. `ping` raises when the database is away."""

    def __init__(self, app: App, ping: Callable[[], Awaitable[None]], drain: Drain) -> None:
        self.app = app
        self.ping = ping
        self.drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Live: the process answers. Ready: so does the database, and it wants requests."""
        path = scope["path"] if scope["type"] == "http" else ""
        if path not in {"/health/live", "/health/ready"}:
            await self.app(scope, receive, send)
            return
        if scope["method"] != "GET":
            raise HTTPRefusal(405, f"{scope['method']} is not possible here.", {"Allow": "GET, HEAD"})
        if path == "/health/ready":
            if self.drain.wanted:
                raise HTTPRefusal(503, "Draining: what comes is answered, but send no more.", {"Retry-After": "60"})
            try:
                await asyncio.wait_for(self.ping(), DATABASE_DEADLINE)
            except TimeoutError:
                raise DatabaseUnavailable(f"no answer in {DATABASE_DEADLINE} seconds") from None
        body = b'{"status":"ok"}'
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})
