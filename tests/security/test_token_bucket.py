"""Token buckets: what may be taken, when, and how many are kept."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imagevault.config.limits import Rate
from imagevault.errors import TooMany
from imagevault.security.token_bucket import TokenBuckets
from tests.support.clock import Clock


class TestBuckets:
    def test_the_whole_amount_may_come_at_once(self, clock: Clock) -> None:
        """Each call of a burst returns what is left."""
        buckets = TokenBuckets(Rate(3, 60), clock)

        assert [buckets.take("ada") for _ in range(3)] == [2, 1, 0]
        with pytest.raises(TooMany) as caught:
            buckets.take("ada")

        assert str(caught.value) == "At most 3 requests in 60 seconds are allowed; wait and try again."
        assert caught.value.retry_after == 20

    def test_it_refills_with_time_and_never_above_its_amount(self, clock: Clock) -> None:
        """One every 20 seconds; after an hour still three."""
        buckets = TokenBuckets(Rate(3, 60), clock)
        for _ in range(3):
            buckets.take("ada")

        clock.now += 19.9
        with pytest.raises(TooMany):
            buckets.take("ada")
        clock.now += 0.2
        assert math.floor(buckets.take("ada")) == 0
        clock.now += 3600
        assert buckets.take("ada") == 2

    def test_a_refusal_costs_nothing(self, clock: Clock) -> None:
        """Asking again does not make the wait longer."""
        buckets = TokenBuckets(Rate(1, 10), clock)
        buckets.take("ada")
        for _ in range(100):
            with pytest.raises(TooMany) as caught:
                buckets.take("ada")

        assert caught.value.retry_after == 10

    def test_keys_do_not_share(self, clock: Clock) -> None:
        """The burst of one key leaves the others full."""
        buckets = TokenBuckets(Rate(1, 60), clock)
        buckets.take("ada")

        assert buckets.take("bob") == 0

    def test_memory_is_bounded(self, clock: Clock) -> None:
        """Of too many keys, the one longest untouched goes first; the busy ones stay."""
        buckets = TokenBuckets(Rate(50, 60), clock, size=10)
        for number in range(100):
            if number % 5 == 0:
                buckets.take("busy")
            buckets.take(f"key {number}")

        assert len(buckets.buckets) == 10
        assert (buckets.take("busy"), buckets.take("key 99"), buckets.take("key 1")) == (29, 48, 49)

    @given(
        rate=st.builds(Rate, st.integers(1, 50), st.sampled_from([1, 60, 3600, 86400])),
        steps=st.lists(st.floats(0, 100, allow_subnormal=False), max_size=120),
    )
    def test_no_stretch_of_time_sees_more_than_its_share(self, rate: Rate, steps: list[float]) -> None:
        """Between any two moments: at most the amount, and what was refilled in the meantime."""
        clock = Clock(1000.0)
        buckets = TokenBuckets(rate, clock)
        taken: list[float] = []
        for step in steps:
            clock.now += step
            try:
                buckets.take("ada")
            except TooMany:
                continue
            taken.append(clock.now)

        per_second = rate.amount / rate.seconds
        for first, begin in enumerate(taken):
            for last, end in enumerate(taken[first:], first):
                assert last - first + 1 <= rate.amount + (end - begin) * per_second + 1e-6

    @given(
        rate=st.builds(Rate, st.integers(1, 1000), st.sampled_from([1, 60, 3600, 86400])),
        steps=st.lists(st.floats(0, 10), max_size=30),
    )
    @example(rate=Rate(72, 86400), steps=[1.007425266920309])  # a rounding error, where there is no room for one
    def test_a_caller_that_waits_for_retry_after_is_served(self, rate: Rate, steps: list[float]) -> None:
        """Retry-After (whole seconds, rounded up) is long enough."""
        clock = Clock(1000.0)
        buckets = TokenBuckets(rate, clock)
        for step in [*steps, *[0.0] * rate.amount]:
            clock.now += step
            try:
                buckets.take("ada")
            except TooMany as error:
                clock.now += max(1, math.ceil(error.retry_after))
                buckets.take("ada")
