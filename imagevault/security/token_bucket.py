"""Token buckets in memory, a bounded number of them. Each worker has its own."""

import time
from collections.abc import Callable

import msgspec
from cachetools import LRUCache

from imagevault.config.limits import Rate
from imagevault.errors import TooMany

MAX_BUCKETS = 20_000
# A token may be short by this much: a caller who waits for `retry_after` must not fail because of a rounding error.
ROUNDING = 1e-9


class Bucket(msgspec.Struct):
    """What was left in a bucket when a token was last taken.

    Attributes:
        tokens: how many, fractions included.
        updated_at: the moment, in seconds of the buckets' clock.

    """

    tokens: float
    updated_at: float


class TokenBuckets:
    """One token bucket for each key, with the same rate unless a call says another.

    A full set drops the bucket that was used least recently.
    """

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic, size: int = MAX_BUCKETS) -> None:
        self.rate = rate
        self.clock = clock
        self.buckets: LRUCache[str, Bucket] = LRUCache(maxsize=size)

    def set_rate(self, rate: Rate) -> None:
        """Use another rate from now on. No bucket gains tokens by the change."""
        self.rate = rate

    def take(self, key: str, rate: Rate | None = None) -> float:
        """Take one token and return how many are left.

        Args:
            key: names the bucket.
            rate: that of this bucket; by default that of all.

        Raises:
            TooMany: the bucket is empty, with the seconds until it holds a token.

        """
        rate = rate or self.rate
        now = self.clock()
        bucket = self.buckets.get(key)
        left = _level(bucket, rate, now) - 1
        if left < -ROUNDING:
            raise TooMany(
                f"At most {rate.amount} requests in {rate.seconds} seconds are allowed; wait and try again.",
                retry_after=-left / rate.per_second,
            )
        if bucket is None:
            self.buckets[key] = Bucket(left, now)
        else:
            bucket.tokens = left
            bucket.updated_at = now
        return left


def _level(bucket: Bucket | None, rate: Rate, now: float) -> float:
    """How many tokens a bucket holds now, fractions included; one that nobody took from is full."""
    if bucket is None:
        return float(rate.amount)
    refilled = bucket.tokens + (now - bucket.updated_at) * rate.per_second
    return min(float(rate.amount), refilled)
