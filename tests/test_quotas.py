"""Quotas: of any length, written by authors and by admins."""

from typing import Any

import pytest

from imagevault.quotas import LONGEST, Quota


class TestParse:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("5000/hour", Quota(5000, "hour")),
            (" 20 / 10 seconds ", Quota(20, seconds=10)),
            ("20/1 second", Quota(20, "second")),
            ("100/5 minutes", Quota(100, seconds=300)),
            ("1/2 days", Quota(1, seconds=172_800)),
        ],
    )
    def test_what_an_admin_writes(self, text: str, expected: Quota) -> None:
        assert Quota.parse(text) == expected

    @pytest.mark.parametrize(
        "text", ["", "5000", "0/hour", "5/fortnight", "5/0 seconds", "5/hour/2", "5/١٠ seconds", "5/-3 days", "9" * 99]
    )
    def test_everything_else_is_refused_with_the_units(self, text: str) -> None:
        with pytest.raises(ValueError, match="per second, minute, hour, day or month, such as 5000/hour or 20/10 sec"):
            Quota.parse(text)

    def test_a_period_of_years_is_refused(self) -> None:
        with pytest.raises(ValueError, match="at most 366 days"):
            Quota.parse("5/400 days")


class TestNames:
    @pytest.mark.parametrize(
        ("quota", "name", "key", "length"),
        [
            (Quota(200, "hour"), "200/hour", "hour", 3600),
            (Quota(20, seconds=10), "20/10 seconds", "10s", 10),
            (Quota(20, seconds=60), "20/minute", "minute", 60),
            (Quota(20, "month"), "20/month", "month", 31 * 86400),
        ],
    )
    def test_quotas_of_one_length_have_one_key(self, quota: Quota, name: str, key: str, length: float) -> None:
        """The count of calls goes on when an author writes the same length in another way."""
        assert (quota.name, quota.key, quota.length) == (name, key, length)
        assert Quota.parse(quota.name).key == quota.key


class TestWrong:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"limit": 5}, "needs a period or seconds, and not both"),
            ({"limit": 5, "period": "hour", "seconds": 10}, "needs a period or seconds, and not both"),
            ({"limit": 5, "period": "10 seconds"}, "period must be one of second, minute, hour, day, month"),
            ({"limit": 5, "seconds": 0}, "seconds must be a whole number from 1"),
            ({"limit": 5, "seconds": 1.5}, "seconds must be a whole number from 1"),
            ({"limit": 5, "seconds": True}, "seconds must be a whole number from 1"),
            ({"limit": 5, "seconds": LONGEST + 1}, "seconds must be a whole number from 1"),
        ],
    )
    def test_says_what_would_be_right(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            Quota(**arguments)
