"""Token buckets in memory, bounded, one set per worker."""

import time
from collections import OrderedDict
from collections.abc import Callable

from imagevault.config.settings import Rate
from imagevault.errors import TooMany

CALLERS = 20_000
ROUNDING = 1e-9  # what a token may lack: whoever waited as long as told must not fail for a rounding error


class TokenBuckets:
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
