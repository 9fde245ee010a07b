"""Health for load balancers. It counts against no limit and spends no provider's quota."""

from collections.abc import Awaitable, Callable

from imagevault.http.drain import Drain
from imagevault.http.problems import HTTPRefusal
from imagevault.http.request import RequestHead
from imagevault.http.response_headers import DEFAULT_HEADERS

PREFIX = "/health/"
LIVE = "/health/live"
READY = "/health/ready"
PATHS = frozenset({LIVE, READY})
BODY = b'{"status":"ok"}'
HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", str(len(BODY)).encode()),
    *DEFAULT_HEADERS,
]


class Health:
    """Decides what `/health/live` and `/health/ready` answer.

    `check_database` raises DatabaseUnavailable if the database cannot serve requests.
    """

    def __init__(self, check_database: Callable[[], Awaitable[None]], drain: Drain) -> None:
        self.check_database = check_database
        self.drain = drain

    async def check(self, head: RequestHead) -> None:
        """Return if the response is 200: the process is live, or ready: the database works and it does not drain.

        Raises:
            HTTPRefusal: 405, if the method is neither GET nor HEAD; 503, while the server drains.
            DatabaseUnavailable: The database does not answer in time, or takes no writes.
        """
        if head.method not in {"GET", "HEAD"}:
            raise HTTPRefusal(405, f"{head.method} is not possible here.", {"Allow": "GET, HEAD"})
        if head.path == READY:
            await self._check_ready()

    async def _check_ready(self) -> None:
        if self.drain.is_draining:
            raise HTTPRefusal(
                503,
                "The server is draining. It answers the requests that still arrive; send new ones elsewhere.",
                {"Retry-After": "60"},
            )
        await self.check_database()
