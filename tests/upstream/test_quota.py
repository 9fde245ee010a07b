"""What is left of a quota, and when there is more: by our own count and by what the upstream reports."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagevault.quotas import Quota
from imagevault.upstream import quota
from imagevault.upstream.models import ReportedQuota, State

NOW = 1_800_000_000.0
HOUR = Quota(20, "hour")
STEP = 72.0  # seconds of a step of an hour


def state(ago: Mapping[float, int], reported: tuple[int, float] | None = None) -> State:
    """Calls by how many seconds ago they were made, and what the upstream said is left, and for how long."""
    windows: dict[int, int] = {}
    for seconds, count in ago.items():
        step = int((NOW - seconds) / STEP)
        windows[step] = windows.get(step, 0) + count
    found = State(windows={"hour": windows} if windows else {})
    if reported is not None:
        found.reported["hour"] = ReportedQuota(reported[0], NOW + reported[1])
    return found


class TestSecondsUntilMore:
    """The seconds until there is more left of a quota than now."""

    @pytest.mark.parametrize(
        ("ago", "reported", "low", "high"),
        [
            ({}, None, None, None),
            ({5000: 3}, None, None, None),
            ({0: 1}, None, 3600, 3600 + 2 * STEP),
            ({1800: 1, 0: 5}, None, 1800, 1800 + 2 * STEP),
            ({}, (5, 100.0), 100, 100),
            ({}, (5, 99.2), 100, 100),
            ({1800: 10}, (10, 900.0), 1800, 1800 + 2 * STEP),
            ({1800: 10}, (10, 3000.0), 3000, 3000),
            ({1800: 20}, (0, 3000.0), 3000, 3000),
        ],
    )
    def test_by_either_count(
        self, ago: Mapping[float, int], reported: tuple[int, float] | None, low: float | None, high: float | None
    ) -> None:
        """None where all of it is left."""
        found = quota.seconds_until_more(state(ago, reported), HOUR, NOW)

        if low is None or high is None:
            assert found is None
        else:
            assert found is not None
            assert low <= found <= high

    def test_where_the_upstream_says_less_than_we_counted(self) -> None:
        """What counts is when that is over: our own count allows more all the while."""
        assert quota.seconds_until_more(state({0: 1}, (5, 100.0)), HOUR, NOW) == 100

    def test_where_the_upstream_says_more_than_we_counted(self) -> None:
        """What counts is when our own count gets less."""
        found = quota.seconds_until_more(state({3000: 10}, (18, 3500.0)), HOUR, NOW)

        assert found is not None
        assert 600 <= found <= 600 + 2 * STEP

    @pytest.mark.parametrize("left", [20, 25])
    def test_where_the_upstream_says_that_all_is_left(self, left: int) -> None:
        assert quota.seconds_until_more(state({}, (left, 100.0)), HOUR, NOW) is None

    def test_where_more_is_used_than_allowed(self) -> None:
        """An admin lowered the quota: that one step is forgotten frees nothing yet."""
        found = quota.seconds_until_more(state({3000: 1, 1800: 20}), HOUR, NOW)

        assert found is not None
        assert 1800 <= found <= 1800 + 2 * STEP

    @given(
        ago=st.dictionaries(st.floats(0, 3800), st.integers(1, 9), max_size=4),
        reported=st.none() | st.tuples(st.integers(-2, 25), st.floats(1, 5000)),
    )
    def test_is_true(self, ago: dict[float, int], reported: tuple[int, float] | None) -> None:
        """At that time there is more, a second before there is not; None only where all is left."""
        known = state(ago, reported)
        now = quota.left(known, HOUR, NOW)

        found = quota.seconds_until_more(known, HOUR, NOW)

        if found is None:
            assert now == HOUR.limit
        else:
            assert quota.left(known, HOUR, NOW + found + 0.01) > now
            assert found == 1 or quota.left(known, HOUR, NOW + found - 1.01) == now
