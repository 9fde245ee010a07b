"""Quotas: how many calls an upstream allows in a period of any length."""

import re
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

Period = Literal["second", "minute", "hour", "day", "month"]
# Seconds of each period. A month counts as 31 days, so no calendar month gets more calls than the limit.
PERIODS: dict[str, float] = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0, "month": 31 * 86400.0}
LONGEST = 366 * 86400  # seconds
# 5000/hour, 20/10 seconds, 100 / 5 minutes
WRITTEN = re.compile(r"\s*([1-9]\d{0,8})\s*/\s*(?:([1-9]\d{0,7})\s+)?(second|minute|hour|day|month)s?\s*", re.ASCII)
EXAMPLES = "such as 5000/hour or 20/10 seconds"


class Quota(msgspec.Struct, frozen=True):
    """The calls that an upstream allows in a period. The period slides: it may begin at any moment.

    `Quota(200, "hour")` and `Quota(20, seconds=10)` are quotas. A wrong one raises a ValueError.

    Attributes:
        limit: how many calls.
        period: how long; a month has 31 days. None where `seconds` says it.
        remaining: the upstream's header with the number of calls left, if it sends one. It can only lower the count.
        reset: the upstream's header with the time when the count starts again, as Unix time or as seconds from now.
        seconds: how long, in seconds, where that is none of the periods.

    """

    limit: Annotated[int, Meta(ge=1)]
    period: Period | None = None
    remaining: str | None = None
    reset: str | None = None
    seconds: Annotated[int, Meta(ge=1, le=LONGEST)] | None = None

    def __post_init__(self) -> None:
        """Check that the length is given once. A Struct does not check the values that a plugin gives."""
        if (self.period is None) == (self.seconds is None):
            raise ValueError(
                'Quota: needs a period or seconds, and not both: Quota(200, "hour"), Quota(20, seconds=10)'
            )
        if self.period is not None and self.period not in PERIODS:
            raise ValueError(f"Quota: period must be one of {', '.join(PERIODS)}; give another length as seconds=10")
        is_whole = isinstance(self.seconds, int) and not isinstance(self.seconds, bool)
        if self.seconds is not None and not (is_whole and 1 <= self.seconds <= LONGEST):
            raise ValueError(f"Quota: seconds must be a whole number from 1 to {LONGEST}")

    @classmethod
    def parse(cls, text: str) -> "Quota":
        """The quota written as `5000/hour` or `20/10 seconds`. Raises ValueError with what would be right."""
        found = WRITTEN.fullmatch(text[:100])
        if found is None:
            raise ValueError(f"quota: must be calls per second, minute, hour, day or month, {EXAMPLES}")
        limit = int(found[1])
        count = int(found[2] or 1)
        if count == 1:
            return cls(limit, _period(found[3]))
        seconds = count * int(PERIODS[found[3]])
        if seconds > LONGEST:
            raise ValueError(f"quota: the period must be at most {LONGEST // 86400} days, {EXAMPLES}")
        return cls(limit, seconds=seconds)

    @property
    def length(self) -> float:
        """The period in seconds."""
        return PERIODS[self.period] if self.period is not None else float(self.seconds or 1)

    @property
    def key(self) -> str:
        """The period as the stored count of calls is named: `hour`, `10s`. Quotas of one length have one key."""
        named = next((name for name, length in PERIODS.items() if length == self.length), None)
        return named or f"{self.seconds}s"

    @property
    def words(self) -> str:
        """The period in words: `hour`, `10 seconds`."""
        return self.key if self.key in PERIODS else f"{self.seconds} seconds"

    @property
    def name(self) -> str:
        """The quota as text: `200/hour`, `20/10 seconds`."""
        return f"{self.limit}/{self.words}"


def length_of(key: str) -> float:
    """Return the length in seconds of the quotas with this `key`."""
    return PERIODS[key] if key in PERIODS else float(key.removesuffix("s"))


def _period(text: str) -> Period:
    periods: tuple[Period, ...] = get_args(Period)
    return next(period for period in periods if period == text)
