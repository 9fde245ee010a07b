"""How much each account uses, as one worker counts it in memory. `UsageStore` adds it up for all workers.

Quotas are counted elsewhere, exactly.
"""

import time
from collections import Counter
from collections.abc import Callable

import msgspec

DAY = 86400  # seconds
ACCOUNT_ID_LENGTH = 36  # characters of a UUID
SEARCHES = ""  # stands for the provider where searches are counted


class Use(msgspec.Struct, frozen=True):
    """What is counted: searches, or calls to one provider, of one account on one day.

    Attributes:
        day: the number of the day since 1970.
        caller: the id of the account.
        provider: the provider that was called; `SEARCHES` for a search.

    """

    day: int
    caller: str
    provider: str


class UsageCounter:
    """The counts of one worker that are not stored yet.

    Args:
        today: the number of the day since 1970.

    """

    def __init__(self, today: Callable[[], int] = lambda: int(time.time()) // DAY) -> None:
        self.today = today
        self._counts: Counter[Use] = Counter()

    def count_search(self, caller: str) -> None:
        """Count a search of an account."""
        self._count(caller, SEARCHES)

    def count_call(self, caller: str, provider: str) -> None:
        """Count a call to an upstream that an account caused."""
        self._count(caller, provider)

    def counts(self) -> Counter[Use]:
        """Return a copy of the counts."""
        return Counter(self._counts)

    def take(self) -> Counter[Use]:
        """Return the counts, and begin anew."""
        counts, self._counts = self._counts, Counter()
        return counts

    def put_back(self, counts: Counter[Use]) -> None:
        """Add counts that could not be stored."""
        self._counts.update(counts)

    def _count(self, caller: str, provider: str) -> None:
        # Callers who are not signed in are not counted: that would keep a list of addresses.
        if len(caller) == ACCOUNT_ID_LENGTH:
            self._counts[Use(self.today(), caller, provider)] += 1
