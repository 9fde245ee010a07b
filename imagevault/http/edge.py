"""The edge: the first code that a request meets, and the last that its response meets.

Each duty has a file of its own. Read `Edge._run_duties` for their order.
"""

import logging
import re
from collections.abc import Callable

from imagevault.config.settings import Settings
from imagevault.errors import Refused
from imagevault.http.access_log import log_request
from imagevault.http.allowed_hosts import AllowedHosts
from imagevault.http.authentication import Authentication
from imagevault.http.cors import Cors, send_preflight
from imagevault.http.drain import Drain
from imagevault.http.health import PATHS as HEALTH_PATHS
from imagevault.http.health import Health
from imagevault.http.problems import HTTPRefusal, send_problem
from imagevault.http.rate_limit import RateLimit, network
from imagevault.http.request import CONTEXT, RequestContext, RequestHead
from imagevault.http.request_id import choose_request_id
from imagevault.http.request_limits import LimitedBody, check_head
from imagevault.http.response_headers import ResponseHeaders
from imagevault.http.types import App, Message, Receive, Scope, Send
from imagevault.logs import bind_fields

log = logging.getLogger(__name__)


class Edge:
    """An ASGI application that passes good requests on to `app` and answers all others itself.

    `use_database` binds the database of this application to the task of the request.
    """

    def __init__(
        self,
        app: App,
        *,
        use_database: Callable[[], None],
        drain: Drain,
        allowed_hosts: AllowedHosts,
        cors: Cors,
        health: Health,
        authentication: Authentication,
        rate_limit: RateLimit,
        response_headers: ResponseHeaders,
    ) -> None:
        self.app = app
        self.use_database = use_database
        self.drain = drain
        self.allowed_hosts = allowed_hosts
        self.cors = cors
        self.health = health
        self.authentication = authentication
        self.rate_limit = rate_limit
        self.response_headers = response_headers

    def configure(self, settings: Settings) -> None:
        """Put these settings in force."""
        self.allowed_hosts.configure(settings)
        self.cors.configure(settings)
        self.rate_limit.configure(settings)
        self.response_headers.configure(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the start and end of the server."""
        if scope["type"] == "http":
            await self._respond(scope, receive, send)
        elif scope["type"] == "lifespan":
            self.drain.install()
            await self.app(scope, receive, _with_short_failures(send))
        else:  # a WebSocket, of which there are none
            await send({"type": "websocket.close", "code": 1000})

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens, and log it."""
        head = RequestHead.read(scope)
        context = RequestContext(head=head, request_id=choose_request_id(head), network=network(head.client))
        scope = {**scope, CONTEXT: context, "user": None}
        if head.method == "HEAD":
            scope["method"] = "GET"  # HEAD is a GET without the body, which `ResponseHeaders` leaves out.
        send = self.response_headers.wrap(send, context)
        bind_fields(request_id=context.request_id)
        try:
            self.use_database()
            await self._run_duties(context, scope, receive, send)
        except Exception as error:
            if context.status:
                log.error("failed after the answer began", exc_info=error)
                raise
            await send_problem(error, scope, send)
        finally:
            log_request(context)

    async def _run_duties(self, context: RequestContext, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the duties in order, then the application. Raises the error that refuses the request."""
        head = context.head
        is_health_probe = head.path in HEALTH_PATHS
        try:
            self.allowed_hosts.check(head)
            is_preflight = self.cors.apply(context)
            check_head(head)
            if is_preflight:
                await send_preflight(send)
                return
            if is_health_probe:
                await self.health.answer(head, send)
                return
            await self.authentication.identify(context)
        except (Refused, HTTPRefusal):
            if not is_health_probe:
                self.rate_limit.count_refusal(context)
            raise
        self.rate_limit.count(context)
        scope["user"] = context.caller  # Litestar's `request.user`
        await self.app(scope, LimitedBody(receive, head).receive, send)


def _with_short_failures(send: Send) -> Send:
    """Wrap `send`: replace Litestar's traceback of a failed start with a one-line reason."""

    async def send_short(message: Message) -> None:
        if message["type"].endswith(".failed"):
            reason = re.search(r"imagevault\.errors\.\w+: (.*)", message["message"])
            if reason is not None:
                message = {**message, "message": f"imagevault: {reason[1]}"}
        await send(message)

    return send_short
