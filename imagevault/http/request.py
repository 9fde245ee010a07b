"""One request: its head, read once, and what the server learns about it on the way."""

import time
from typing import Any

import msgspec

from imagevault.http.types import Scope
from imagevault.security.caller import Caller

CONTEXT = "imagevault"  # the key of the `RequestContext` in the ASGI scope
# ASGI servers send header names in lower case.
NAMED_HEADERS = {
    b"accept": "accept",
    b"accept-encoding": "accept_encoding",
    b"access-control-request-method": "requested_method",
    b"authorization": "authorizations",
    b"content-length": "content_length",
    b"content-type": "content_type",
    b"cookie": "cookies",
    b"host": "hosts",
    b"if-none-match": "if_none_match",
    b"origin": "origin",
    b"sec-fetch-site": "fetch_site",
    b"x-forwarded-for": "forwarded",
    b"x-forwarded-host": "forwarded_hosts",
    b"x-request-id": "request_id",
}
"""The headers that the duties read, and the fields of `RequestHead` that have them."""
REPEATED = frozenset({"authorizations", "cookies", "forwarded", "forwarded_hosts", "hosts"})
JOINED = frozenset({"accept", "accept_encoding", "if_none_match"})


class RequestHead(msgspec.Struct, frozen=True, kw_only=True):
    """The head of a request: all that the duties of the edge read.

    `hosts`, `authorizations`, `cookies`, `forwarded` and `forwarded_hosts` hold every value: a duty refuses a repeated
    header, or reads them all. Of any other header the first value counts, and None means that the header was not sent.

    Attributes:
        method: As sent, so HEAD is HEAD.
        path: Percent-decoded.
        raw_path: As sent; empty if the server does not pass it on.
        query: As sent, without the question mark.
        client: Address at the other end of the connection, which may be a proxy; `local` if the server knows none.
        server: Address at which the connection arrived; empty if the server knows none.
        headers_size: Bytes of all header names and values together.
        fields: Number of header fields.
        accept: All values, joined by commas; empty if there are none.
        accept_encoding: The same.
        if_none_match: The same.
        requested_method: Value of Access-Control-Request-Method, which a CORS preflight sends.
    """

    method: str
    path: str
    raw_path: bytes
    query: bytes
    client: str
    server: str
    headers_size: int
    fields: int
    hosts: list[bytes] = []
    authorizations: list[bytes] = []
    cookies: list[bytes] = []
    forwarded: list[bytes] = []
    forwarded_hosts: list[bytes] = []
    request_id: bytes | None = None
    origin: bytes | None = None
    fetch_site: bytes | None = None
    requested_method: bytes | None = None
    content_length: bytes | None = None
    content_type: bytes | None = None
    accept: str = ""
    accept_encoding: str = ""
    if_none_match: str = ""

    @classmethod
    def read(cls, scope: Scope) -> "RequestHead":
        """Read the head from an ASGI scope, in one pass over the headers."""
        size = 0
        read: dict[str, Any] = {}
        headers = scope["headers"]
        for name, value in headers:
            size += len(name) + len(value)
            field = NAMED_HEADERS.get(name)
            if field is None:
                continue
            if field in REPEATED:
                read.setdefault(field, []).append(value)
            elif field in JOINED:
                text = value.decode("latin-1")
                read[field] = f"{read[field]},{text}" if field in read else text
            else:
                read.setdefault(field, value)
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
            fields=len(headers),
            **read,
        )


class RequestContext(msgspec.Struct, kw_only=True):
    """What the server knows about one request. It is `scope["imagevault"]`, and the duties of the edge complete it.

    Attributes:
        network: What limits per address count by; see `rate_limit.network`.
        host: Host that the caller addressed, as sent: that of X-Forwarded-Host where a trusted proxy sent the request.
        started_at: Seconds of `time.perf_counter`.
        caller: Who sent a valid credential; None for anybody else.
        bad_credential: Whether a credential came and is not valid.
        has_unproven_session: Whether a session's cookie came with a write that does not say which site it comes from.
        max_body: Bytes that the body may have at this route; None for the limit of all routes.
        response_headers: Headers that the duties add to the response.
        route: Template of the path that the router matched; empty for none.
        status: Status of the response; 0 until the response starts.
    """

    head: RequestHead
    request_id: str
    network: str
    host: bytes = b""
    started_at: float = msgspec.field(default_factory=time.perf_counter)
    caller: Caller | None = None
    bad_credential: bool = False
    has_unproven_session: bool = False
    max_body: int | None = None
    response_headers: list[tuple[bytes, bytes]] = []
    route: str = ""
    status: int = 0

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since the request came."""
        return (time.perf_counter() - self.started_at) * 1000


def context_of(scope: Scope) -> RequestContext:
    """Return the context of a request that passed the edge."""
    context: RequestContext = scope[CONTEXT]
    return context
