"""One request: its head, read once, and what the server learns about it on the way."""

import time

import msgspec

from imagevault.http.types import Scope
from imagevault.records import Caller

CONTEXT = "imagevault"  # the key of the `RequestContext` in the ASGI scope
# ASGI servers send header names in lower case.
NAMED_HEADERS = frozenset(
    {
        b"access-control-request-method",
        b"authorization",
        b"content-length",
        b"content-type",
        b"host",
        b"origin",
        b"x-request-id",
    }
)


class RequestHead(msgspec.Struct, frozen=True, kw_only=True):
    """The head of a request: all that the duties of the edge read.

    `hosts` and `authorizations` hold every value, because a duty refuses a repeated header. Of any other header the
    first value counts, and None means that the header was not sent.

    Attributes:
        method: As sent, so HEAD is HEAD.
        path: Percent-decoded.
        raw_path: As sent; empty if the server does not pass it on.
        query: As sent, without the question mark.
        client: Address of the caller as the server sees it; `local` if the server knows none.
        server: Address at which the connection arrived; empty if the server knows none.
        headers_size: Bytes of all header names and values together.
        requested_method: Value of Access-Control-Request-Method, which a CORS preflight sends.
    """

    method: str
    path: str
    raw_path: bytes
    query: bytes
    client: str
    server: str
    headers_size: int
    hosts: list[bytes]
    authorizations: list[bytes]
    request_id: bytes | None
    origin: bytes | None
    requested_method: bytes | None
    content_length: bytes | None
    content_type: bytes | None

    @classmethod
    def read(cls, scope: Scope) -> "RequestHead":
        """Read the head from an ASGI scope, in one pass over the headers."""
        size = 0
        values: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            size += len(name) + len(value)
            if name in NAMED_HEADERS:
                values.setdefault(name, []).append(value)
        client = scope.get("client")
        server = scope.get("server")
        return cls(
            method=scope["method"],
            path=scope["path"],
            raw_path=scope.get("raw_path") or b"",
            query=scope["query_string"],
            client=client[0] if client else "local",
            server=server[0] if server else "",
            headers_size=size,
            hosts=values.get(b"host", []),
            authorizations=values.get(b"authorization", []),
            request_id=_first(values, b"x-request-id"),
            origin=_first(values, b"origin"),
            requested_method=_first(values, b"access-control-request-method"),
            content_length=_first(values, b"content-length"),
            content_type=_first(values, b"content-type"),
        )


class RequestContext(msgspec.Struct, kw_only=True):
    """What the server knows about one request. It is `scope["imagevault"]`, and the duties of the edge complete it.

    Attributes:
        network: What limits per address count by; see `rate_limit.network`.
        started_at: Seconds of `time.perf_counter`.
        caller: Who sent a valid credential; None for anybody else.
        bad_credential: Whether a credential came and is not valid.
        response_headers: Headers that the duties add to the response.
        status: Status of the response; 0 until the response starts.
    """

    head: RequestHead
    request_id: str
    network: str
    started_at: float = msgspec.field(default_factory=time.perf_counter)
    caller: Caller | None = None
    bad_credential: bool = False
    response_headers: list[tuple[bytes, bytes]] = []
    status: int = 0

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since the request came."""
        return (time.perf_counter() - self.started_at) * 1000


def context_of(scope: Scope) -> RequestContext:
    """Return the context of a request that passed the edge."""
    context: RequestContext = scope[CONTEXT]
    return context


def _first(values: dict[bytes, list[bytes]], name: bytes) -> bytes | None:
    found = values.get(name)
    return found[0] if found else None
