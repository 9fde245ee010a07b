"""How much one caller may ask: token buckets in memory, bounded, one set per worker."""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable

from imagevault.config.settings import Rate
from imagevault.edge.types import App, Receive, Scope, Send
from imagevault.errors import TooMany

CALLERS = 20_000
ROUNDING = 1e-9  # what a token may lack: whoever waited as long as told must not fail for a rounding error


class Buckets:
    """One token bucket per key, all of one rate. The bucket longest untouched goes first when there are too many."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic, size: int = CALLERS) -> None:
        self.clock = clock
        self.size = size
        self.set_rate(rate)
        self.buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def set_rate(self, rate: Rate) -> None:
        """Another rate from now on; nobody has more left of it than he had."""
        self.rate = rate
        self.per_second = rate.amount / rate.seconds

    def level(self, key: str) -> float:
        """What is left in the bucket of this key, fractions included."""
        tokens, then = self.buckets.get(key, (float(self.rate.amount), self.clock()))
        return min(float(self.rate.amount), tokens + (self.clock() - then) * self.per_second)

    def take(self, key: str) -> float:
        """Takes one token and answers what is left; TooMany, with the seconds to wait, if there is none."""
        left = self.level(key) - 1
        if left < -ROUNDING:
            raise TooMany(
                f"At most {self.rate.amount} in {self.rate.seconds} seconds are allowed.",
                retry_after=-left / self.per_second,
            )
        self.buckets[key] = (left, self.clock())
        self.buckets.move_to_end(key)
        if len(self.buckets) > self.size:
            self.buckets.popitem(last=False)
        return left

    def give_back(self, key: str) -> None:
        """Puts back a token that was taken for nothing."""
        if key in self.buckets:
            tokens, then = self.buckets[key]
            self.buckets[key] = (tokens + 1, then)  # `level` never tells more than the amount


class Limit:
    """ASGI middleware: `limits.requests` for each account, or for each address where nobody is signed in."""

    def __init__(self, app: App, rate: Rate) -> None:
        self.app = app
        self.buckets = Buckets(rate)
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
