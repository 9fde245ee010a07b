"""The edge: the first code that a request meets, and the last that its response meets.

Each duty has a file of its own. Read `Edge._run_duties` for their order.
"""

import logging
import re
from collections.abc import Callable

from imagevault.accounts.audit import bind_origin
from imagevault.config.settings import Settings
from imagevault.errors import Refused
from imagevault.http.access_log import AccessLog, mark_request
from imagevault.http.allowed_hosts import AllowedHosts
from imagevault.http.authentication import Authentication
from imagevault.http.client_address import ClientAddress
from imagevault.http.cors import Cors, send_preflight
from imagevault.http.drain import Drain
from imagevault.http.health import BODY as HEALTH_BODY
from imagevault.http.health import HEADERS as HEALTH_HEADERS
from imagevault.http.health import PATHS as HEALTH_PATHS
from imagevault.http.health import Health
from imagevault.http.kept_answers import KeptAnswers
from imagevault.http.metrics import PATH as METRICS_PATH
from imagevault.http.metrics import MetricsEndpoint
from imagevault.http.problem_pages import send_refusal
from imagevault.http.problems import HTTPRefusal
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

    `use_database` binds the database of this application to the task of the request. Without `kept_answers`, the
    application answers each search.
    """

    def __init__(  # noqa: PLR0913  one for each duty
        self,
        app: App,
        *,
        use_database: Callable[[], None],
        drain: Drain,
        client_address: ClientAddress,
        allowed_hosts: AllowedHosts,
        cors: Cors,
        health: Health,
        authentication: Authentication,
        rate_limit: RateLimit,
        response_headers: ResponseHeaders,
        access_log: AccessLog,
        metrics: MetricsEndpoint,
        kept_answers: KeptAnswers | None = None,
    ) -> None:
        self.app = app
        self.use_database = use_database
        self.drain = drain
        self.client_address = client_address
        self.allowed_hosts = allowed_hosts
        self.cors = cors
        self.health = health
        self.authentication = authentication
        self.rate_limit = rate_limit
        self.response_headers = response_headers
        self.access_log = access_log
        self.metrics = metrics
        self.kept_answers = kept_answers

    def configure(self, settings: Settings) -> None:
        """Put these settings in force."""
        self.client_address.configure(settings)
        self.allowed_hosts.configure(settings)
        self.cors.configure(settings)
        self.rate_limit.configure(settings)
        self.response_headers.configure(settings)
        self.access_log.configure(settings)
        self.metrics.configure(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the start and end of the server."""
        if scope["type"] != "lifespan":
            mark_request()
        if scope["type"] == "http":
            await self._respond(scope, receive, send)
        elif scope["type"] == "lifespan":
            self.drain.install()
            try:
                await self.app(scope, receive, _with_short_failures(send))
            finally:
                self.access_log.flush()
        else:  # a WebSocket, of which there are none
            await send({"type": "websocket.close", "code": 1000})

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens, and log it."""
        head = RequestHead.read(scope)
        address = self.client_address.of(head)
        context = RequestContext(
            head=head,
            request_id=choose_request_id(head),
            network=network(address),
            host=self.client_address.host_of(head),
        )
        bind_origin(address)
        bind_fields({"request_id": context.request_id})
        try:
            self.use_database()
            await self._run_duties(context, scope, receive, send)
        except Exception as error:
            if context.status:
                log.error("failed after the answer began", exc_info=error)
                raise
            await send_refusal(error, _with_context(scope, context), self.response_headers.wrap(send, context))
        finally:
            self.access_log.add(context)
            self.metrics.count(context)

    async def _run_duties(self, context: RequestContext, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the duties in order, then the application. Raises the error that refuses the request."""
        head = context.head
        is_health_probe = head.path in HEALTH_PATHS
        try:
            self.allowed_hosts.check(head)
            is_preflight = self.cors.apply(context)
            check_head(head)
            if is_preflight:
                await send_preflight(self.response_headers.wrap(send, context))
                return
            if is_health_probe:
                context.route = head.path
                await self.health.check(head)
                await self.response_headers.send_whole(send, context, 200, HEALTH_HEADERS, HEALTH_BODY)
                return
            is_for_metrics = head.path == METRICS_PATH and self.metrics.is_served
            if is_for_metrics:
                context.route = METRICS_PATH
                self.metrics.check(context)
            else:
                await self.authentication.identify(context)
        except (Refused, HTTPRefusal):
            if not is_health_probe:
                self.rate_limit.count_refusal(context)
            raise
        self.rate_limit.count(context)
        if is_for_metrics:
            await self.response_headers.send_whole(send, context, *await self.metrics.answer())
            return
        kept = self.kept_answers.find(context) if self.kept_answers is not None else None
        if kept is not None:
            context.route = head.path
            await self.response_headers.send_whole(send, context, *kept)
            return
        scope = _with_context(scope, context)
        try:
            await self.app(scope, LimitedBody(receive, context).receive, self.response_headers.wrap(send, context))
        finally:
            context.route = scope.get("path_template", "")  # as Litestar's router found it


def _with_context(scope: Scope, context: RequestContext) -> Scope:
    """Return the scope as the application gets it. HEAD is a GET without the body, which `ResponseHeaders` drops."""
    method = "GET" if context.head.method == "HEAD" else context.head.method
    return {**scope, "method": method, CONTEXT: context, "user": context.caller}  # Litestar's `request.user`


def _with_short_failures(send: Send) -> Send:
    """Wrap `send`: replace Litestar's traceback of a failed start with a one-line reason."""

    async def send_short(message: Message) -> None:
        if message["type"].endswith(".failed"):
            reason = re.search(r"imagevault\.errors\.\w+: (.*)", message["message"])
            if reason is not None:
                message = {**message, "message": f"imagevault: {reason[1]}"}
        await send(message)

    return send_short
