"""The outermost layer: request id, host, caps, deadlines on the way in; security headers and timing on the way out."""

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Callable
from urllib.parse import unquote_to_bytes, urlsplit

from imagevault.config.settings import Settings, is_loopback
from imagevault.errors import BadInput
from imagevault.http.drain import Drain
from imagevault.http.problems import HTTPRefusal, send_problem
from imagevault.http.types import App, Message, Receive, Scope, Send
from imagevault.logs import bind

log = logging.getLogger(__name__)

MAX_HEADERS = 16 * 1024
MAX_TARGET = 8 * 1024
MAX_BODY = 64 * 1024
BODY_DEADLINE = 10.0  # seconds for a whole body to arrive
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
FORM = b"application/x-www-form-urlencoded"
NUL = {True: re.compile(rb"\0|%00"), False: re.compile(rb"\0|(?<!\\)(?:\\\\)*\\u0000")}  # in a form, in JSON
JSON_POLICY = b"default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
]
DEFAULT_HEADERS = [
    (b"content-security-policy", JSON_POLICY),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]
CORS_METHODS = b"GET, POST, PUT, PATCH, DELETE"
CORS_REQUEST_HEADERS = b"Authorization, Content-Type, Idempotency-Key, X-Request-ID"
CORS_EXPOSED = b"Link, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID"


class Envelope:
    """ASGI middleware that every request meets first. `use_database` binds the app's database to the request's task."""

    def __init__(
        self, app: App, settings: Settings, drain: Drain, *, use_database: Callable[[], None], loopback_only: bool
    ) -> None:
        self.app = app
        self.drain = drain
        self.use_database = use_database
        self.loopback_only = loopback_only
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Puts these settings in force: the hosts to answer to, the origins of CORS, the headers of every answer."""
        self.origins = {origin.encode() for origin in settings.cors_origins}
        self.hosts = {"localhost", "127.0.0.1", "[::1]", settings.host.lower(), *map(str.lower, settings.allowed_hosts)}
        public = urlsplit(settings.base_url)
        self.hosts.add(_bracketed(public.hostname or ""))
        self.hosts = {name.rstrip(".") for name in self.hosts}
        self.always = list(SECURITY_HEADERS)
        if public.scheme == "https":
            self.always.append((b"strict-transport-security", b"max-age=31536000; includeSubDomains"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a good request on, and answers a bad one itself."""
        if scope["type"] == "lifespan":
            self.drain.install()
            await self.app(scope, receive, _in_one_line(send))
            return
        if scope["type"] == "websocket":  # there are none here
            await send({"type": "websocket.close", "code": 1000})
            return
        exchange = _Exchange(self, {**scope}, receive, send)
        bind(request_id=exchange.scope["imagevault.request_id"])
        try:
            self.use_database()
            if exchange.admit():
                await self.app(exchange.scope, exchange.receive, exchange.send)
            else:
                await send_preflight(exchange.send)
        except Exception as error:
            if exchange.started:
                log.error("failed after the answer began", exc_info=error)
                raise
            await send_problem(error, exchange.scope, exchange.send)
        finally:
            exchange.log()


class _Exchange:
    """One request and its answer."""

    def __init__(self, envelope: Envelope, scope: Scope, receive: Receive, send: Send) -> None:
        self.envelope = envelope
        self.scope = scope
        self._receive = receive
        self._send = send
        self.begun = time.perf_counter()
        self.started = False
        self.status = 0
        self.headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            self.headers.setdefault(name.lower(), []).append(value)
        given = self.headers.get(b"x-request-id", [b""])[0]
        self.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8).encode()
        self.head = scope["method"] == "HEAD"
        if self.head:
            scope["method"] = "GET"  # a HEAD is a GET whose body is not sent
        self.answer_headers: list[tuple[bytes, bytes]] = []
        scope["imagevault.request_id"] = self.request_id.decode()
        scope["imagevault.headers"] = self.answer_headers
        scope["imagevault.timings"] = []
        self.received = 0
        self.body = bytearray()
        self.body_deadline: float | None = None

    def admit(self) -> bool:
        """Whether the request goes on to the app (False: a CORS preflight). Raises if it is not in order."""
        self._check_host()
        preflight = self._cors()
        self._check_sizes()
        raw = self.scope.get("raw_path") or b""
        for name, part in (("path", raw), ("query", self.scope["query_string"])):
            decoded = unquote_to_bytes(part)
            if b"\0" in decoded:
                raise BadInput(name, "a NUL character is not allowed")
            try:
                decoded.decode()
            except UnicodeDecodeError:
                raise BadInput(name, "must be UTF-8, percent-encoded") from None
        return not preflight

    def _check_host(self) -> None:
        if self.envelope.loopback_only and not is_loopback((self.scope.get("server") or ("",))[0]):
            raise HTTPRefusal(
                503, "Set SECRET_KEY to serve other machines: the secret made by itself is for loopback only."
            )
        hosts = self.headers.get(b"host", [])
        if len(hosts) != 1:
            raise BadInput("Host", "must be sent once")
        name = hosts[0].decode("latin-1").lower()
        if re.sub(r":\d*$", "", name).rstrip(".") not in self.envelope.hosts:
            raise BadInput("Host", "this server does not answer to that name; an admin adds it to allowed_hosts")

    def _check_sizes(self) -> None:
        if sum(len(name) + len(value) for name, value in self.scope["headers"]) > MAX_HEADERS:
            raise HTTPRefusal(431, f"All headers together must be at most {MAX_HEADERS} bytes.")
        if len(self.scope.get("raw_path") or b"") + len(self.scope["query_string"]) > MAX_TARGET:
            raise HTTPRefusal(414, f"Path and query together must be at most {MAX_TARGET} bytes.")
        length = self.headers.get(b"content-length", [b"0"])[0]
        if not length.isdigit():
            raise BadInput("Content-Length", "must be a number")
        if len(length) > len(str(MAX_BODY)) or int(length) > MAX_BODY:
            raise HTTPRefusal(413, f"A body must be at most {MAX_BODY} bytes.")

    def _cors(self) -> bool:
        origin = self.headers.get(b"origin", [b""])[0]
        if not self.envelope.origins:
            return False
        self.answer_headers.append((b"vary", b"Origin"))
        if origin not in self.envelope.origins:
            return False
        self.answer_headers += [
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", CORS_EXPOSED),
        ]
        return self.scope["method"] == "OPTIONS" and b"access-control-request-method" in self.headers

    def log(self) -> None:
        """One line for this request; without its query, which may tell what somebody looks for."""
        caller = self.scope.get("user")
        log.log(
            logging.DEBUG if self.scope["path"].startswith("/health/") else logging.INFO,
            "request",
            extra={
                "method": "HEAD" if self.head else self.scope["method"],
                "path": self.scope["path"],
                "status": self.status,
                "ms": round((time.perf_counter() - self.begun) * 1000, 1),
                "caller": caller.id if caller else None,
            },
        )

    async def receive(self) -> Message:
        """The next message, within the body's cap and deadline; without the NUL that PostgreSQL would refuse."""
        if self.body_deadline is None:
            self.body_deadline = asyncio.get_running_loop().time() + BODY_DEADLINE
        if self.received < 0:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self.body_deadline):
                message = await self._receive()
        except TimeoutError:
            detail = f"The body took longer than {BODY_DEADLINE:.0f} seconds."
            raise HTTPRefusal(408, detail, {"Connection": "close"}) from None
        if message["type"] == "http.disconnect":
            raise HTTPRefusal(400, "The body ended before it was complete.")
        if message["type"] == "http.request":
            body = message.get("body", b"")
            self.received += len(body)
            if self.received > MAX_BODY:
                raise HTTPRefusal(413, f"A body must be at most {MAX_BODY} bytes.")
            self.body += body
            if not message.get("more_body"):
                self.received = -1  # from now on only a disconnect can come, and that may take its time
                form = self.headers.get(b"content-type", [b""])[0].lower().startswith(FORM)
                if NUL[form].search(self.body):
                    raise BadInput("body", "a NUL character is not allowed")
        return message

    async def send(self, message: Message) -> None:
        """Passes the answer on, with the headers that every answer has."""
        if message["type"] == "http.response.start":
            self.started = True
            headers = [(name.lower(), value) for name, value in message["headers"]]
            present = {name for name, _ in headers}
            headers += self.envelope.always
            headers += [(name, value) for name, value in DEFAULT_HEADERS if name not in present]
            headers += self.answer_headers
            headers.append((b"x-request-id", self.request_id))
            if self.envelope.drain.leaving:
                headers.append((b"connection", b"close"))
            self.status = message["status"]
            timings = [*self.scope["imagevault.timings"], ("total", time.perf_counter() - self.begun)]
            timing = ", ".join(f"{name};dur={seconds * 1000:.1f}" for name, seconds in timings)
            headers.append((b"server-timing", timing.encode()))
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body" and self.head:
            message = {**message, "body": b""}
        await self._send(message)


async def send_preflight(send: Send) -> None:
    """Answers a CORS preflight of an allowed origin."""
    headers = [
        (b"access-control-allow-methods", CORS_METHODS),
        (b"access-control-allow-headers", CORS_REQUEST_HEADERS),
        (b"access-control-max-age", b"600"),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _in_one_line(send: Send) -> Send:
    """Tells the server why a start failed in one line, where Litestar would send the whole trace."""

    async def passed_on(message: Message) -> None:
        if message["type"].endswith(".failed"):
            ours = re.search(r"imagevault\.errors\.\w+: (.*)", message["message"])
            message = {**message, "message": f"imagevault: {ours[1]}"} if ours else message
        await send(message)

    return passed_on


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host.lower()
