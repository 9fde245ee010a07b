"""Health for load balancers. It counts against no limit and spends no provider's quota."""

import asyncio
from collections.abc import Awaitable, Callable

from imagevault.errors import DatabaseUnavailable
from imagevault.http.drain import Drain
from imagevault.http.problems import HTTPRefusal
from imagevault.http.request import RequestHead
from imagevault.http.types import Send

PREFIX = "/health/"
LIVE = "/health/live"
READY = "/health/ready"
PATHS = frozenset({LIVE, READY})
DATABASE_DEADLINE = 2.0  # seconds
BODY = b'{"status":"ok"}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]


class Health:
    """Answers `/health/live` and `/health/ready`. `ping` raises DatabaseUnavailable if the database is away."""

    def __init__(self, ping: Callable[[], Awaitable[None]], drain: Drain) -> None:
        self.ping = ping
        self.drain = drain

    async def answer(self, head: RequestHead, send: Send) -> None:
        """Send 200. The process is live if it answers; it is ready if the database answers and it does not drain.

        Raises:
            HTTPRefusal: 405, if the method is neither GET nor HEAD; 503, while the server drains.
            DatabaseUnavailable: The database does not answer within `DATABASE_DEADLINE`.
        """
        if head.method not in {"GET", "HEAD"}:
            raise HTTPRefusal(405, f"{head.method} is not possible here.", {"Allow": "GET, HEAD"})
        if head.path == READY:
            await self._check_ready()
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": BODY, "more_body": False})

    async def _check_ready(self) -> None:
        if self.drain.is_draining:
            raise HTTPRefusal(
                503,
                "The server is draining. It answers the requests that still arrive; send new ones elsewhere.",
                {"Retry-After": "60"},
            )
        try:
            await asyncio.wait_for(self.ping(), DATABASE_DEADLINE)
        except TimeoutError:
            raise DatabaseUnavailable(f"no answer in {DATABASE_DEADLINE} seconds") from None
