"""How many requests one caller may send."""

import ipaddress
import math

from imagevault.config.settings import Rate
from imagevault.errors import TooMany
from imagevault.http.types import App, Receive, Scope, Send
from imagevault.security.token_bucket import TokenBuckets


class Limit:
    """ASGI middleware: `limits.requests` for each account, or for each address where nobody is signed in."""

    def __init__(self, app: App, rate: Rate) -> None:
        self.app = app
        self.buckets = TokenBuckets(rate)
        self.set_rate(rate)

    def set_rate(self, rate: Rate) -> None:
        """Another limit from now on."""
        self.buckets.set_rate(rate)
        self.policy = f'"requests";q={rate.amount};w={rate.seconds}'.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Counts the request and tells how much is left (draft-ietf-httpapi-ratelimit-headers-10)."""
        if scope["type"] == "http":
            headers = scope["imagevault.headers"]
            headers.append((b"ratelimit-policy", self.policy))
            caller = scope["user"]
            scope["imagevault.network"] = network(scope)
            key = caller.id if caller else scope["imagevault.network"]
            try:
                left = self.buckets.take(key)
            except TooMany as error:
                headers.append((b"ratelimit", f'"requests";r=0;t={math.ceil(error.retry_after)}'.encode()))
                raise
            full_in = math.ceil((self.buckets.rate.amount - left) / self.buckets.per_second)
            headers.append((b"ratelimit", f'"requests";r={int(left)};t={full_in}'.encode()))
        await self.app(scope, receive, send)


def network(scope: Scope) -> str:
    """The caller's address as the server saw it; of IPv6 the /64, for a household has 2**64 addresses."""
    host = str((scope.get("client") or ("local", 0))[0])
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address  # on a socket for both, IPv4 looks like ::ffff:192.0.2.1
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network(f"{address}/64", strict=False).network_address)
