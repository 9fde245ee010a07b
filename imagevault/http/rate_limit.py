"""How many requests one caller may send."""

import ipaddress
import math
import time
from collections.abc import Callable
from functools import lru_cache

from imagevault.config.limits import Rate
from imagevault.config.settings import Settings
from imagevault.errors import TooMany
from imagevault.http.request import RequestContext
from imagevault.security.token_bucket import TokenBuckets

REMEMBERED_ADDRESSES = 1024


class RateLimit:
    """`limits.requests`: a token bucket for each account, and for each address of callers that are not signed in.

    An API key that has a rate of its own takes from a bucket of its own, too. The headers follow
    draft-ietf-httpapi-ratelimit-headers-10: a policy named `requests`, and one named `key`.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self.buckets = TokenBuckets(settings.limits.requests, clock)
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Put the limit of these settings in force."""
        rate = settings.limits.requests
        self.buckets.set_rate(rate)
        self.policy = _policy("requests", rate)

    def count(self, context: RequestContext) -> None:
        """Take a token from the bucket of the account, or of the address if nobody is signed in.

        Raises:
            TooMany: The bucket is empty, or that of the API key.
        """
        caller = context.caller
        if caller is None:
            self._take(context, context.network)
            return
        if caller.key_id is not None and caller.rate is not None:
            context.response_headers.append((b"ratelimit-policy", _policy("key", caller.rate)))
            self._take_from(context, caller.key_id, "key", caller.rate)
        self._take(context, caller.id)

    def count_refusal(self, context: RequestContext) -> None:
        """Take a token from the bucket of the address. Without it, refused requests would be free and unlimited.

        Raises:
            TooMany: The bucket is empty.
        """
        self._take(context, context.network)

    def _take(self, context: RequestContext, key: str) -> None:
        context.response_headers.append((b"ratelimit-policy", self.policy))
        self._take_from(context, key, "requests", self.buckets.rate)

    def _take_from(self, context: RequestContext, key: str, name: str, rate: Rate) -> None:
        try:
            left = self.buckets.take(key, rate)
        except TooMany as error:
            until_full = error.retry_after + (rate.amount - 1) / rate.per_second
            context.response_headers.append(_header(name, left=0, seconds=until_full))
            raise
        until_full = (rate.amount - left) / rate.per_second
        context.response_headers.append(_header(name, left=left, seconds=until_full))


def _policy(name: str, rate: Rate) -> bytes:
    return f'"{name}";q={rate.amount};w={rate.seconds}'.encode()


def _header(name: str, left: float, seconds: float) -> tuple[bytes, bytes]:
    return b"ratelimit", f'"{name}";r={int(left)};t={math.ceil(seconds)}'.encode()


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
