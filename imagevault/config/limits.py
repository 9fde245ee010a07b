"""The limits on callers, and how a rate is written."""

import re
from typing import Annotated

import msgspec
from msgspec import Meta

PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}  # seconds


class Rate(msgspec.Struct, frozen=True):
    """`amount` per `seconds`, written `600/minute`."""

    amount: int
    seconds: int

    @property
    def per_second(self) -> float:
        """How many of it one second allows."""
        return self.amount / self.seconds

    @classmethod
    def parse(cls, text: object) -> "Rate":
        """Read `600/minute`. Raises ValueError, which says what is right."""
        pattern = r"\s*([0-9]{1,9})\s*/\s*(second|minute|hour|day)\s*"
        found = re.fullmatch(pattern, text) if isinstance(text, str) else None
        if found is None or not int(found[1]):
            raise ValueError("must be a number per second, minute, hour or day, such as 600/minute")
        return cls(int(found[1]), PERIODS[found[2]])


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Rate limits on callers."""

    requests: Annotated[
        Rate, Meta(description="requests that a worker accepts from one caller; all may come at once")
    ] = Rate(600, 60)
    signup: Annotated[Rate, Meta(description="accounts that one network address may create")] = Rate(5, 3600)
    wrong_passwords: Annotated[
        int, Meta(ge=1, le=100, description="wrong passwords for one account from one network before waits begin")
    ] = 5
    wrong_passwords_per_account: Annotated[
        int, Meta(ge=1, le=10_000, description="the same from all networks that the owner did not use before")
    ] = 100
    wrong_passwords_per_address: Annotated[
        int, Meta(ge=1, le=10_000, description="wrong passwords from one address, whichever the account")
    ] = 30
