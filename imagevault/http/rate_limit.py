"""How many requests one caller may send."""

import ipaddress
import math
import time
from collections.abc import Callable
from functools import lru_cache

from imagevault.config.settings import Settings
from imagevault.errors import TooMany
from imagevault.http.request import RequestContext
from imagevault.security.token_bucket import TokenBuckets

REMEMBERED_ADDRESSES = 1024


class RateLimit:
    """`limits.requests`: a token bucket for each account, and for each address of callers that are not signed in.

    The headers follow draft-ietf-httpapi-ratelimit-headers-10.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self.buckets = TokenBuckets(settings.limits.requests, clock)
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Put the limit of these settings in force."""
        rate = settings.limits.requests
        self.buckets.set_rate(rate)
        self.policy = f'"requests";q={rate.amount};w={rate.seconds}'.encode()

    def count(self, context: RequestContext) -> None:
        """Take a token from the bucket of the account, or of the address if nobody is signed in.

        Raises:
            TooMany: The bucket is empty.
        """
        self._take(context, context.caller.id if context.caller else context.network)

    def count_refusal(self, context: RequestContext) -> None:
        """Take a token from the bucket of the address. Without it, refused requests would be free and unlimited.

        Raises:
            TooMany: The bucket is empty.
        """
        self._take(context, context.network)

    def _take(self, context: RequestContext, key: str) -> None:
        context.response_headers.append((b"ratelimit-policy", self.policy))
        try:
            left = self.buckets.take(key)
        except TooMany as error:
            context.response_headers.append(_header(left=0, seconds=error.retry_after))
            raise
        until_full = (self.buckets.rate.amount - left) / self.buckets.per_second
        context.response_headers.append(_header(left=left, seconds=until_full))


def _header(left: float, seconds: float) -> tuple[bytes, bytes]:
    return b"ratelimit", f'"requests";r={int(left)};t={math.ceil(seconds)}'.encode()


@lru_cache(maxsize=REMEMBERED_ADDRESSES)
def network(address: str) -> str:
    """Return the key under which an address is counted: an IPv4 address, or the /64 of an IPv6 address.

    A household has 2**64 IPv6 addresses. Text that is not an IP address stands for itself.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ipaddress.ip_network(f"{parsed}/64", strict=False).network_address)
        parsed = parsed.ipv4_mapped  # On a socket for both versions, IPv4 looks like ::ffff:192.0.2.1.
    return str(parsed)
