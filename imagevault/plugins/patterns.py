"""Regular expressions of plugins, which are matched against what callers send: they must be cheap for every text.

The cost of a pattern is the number of ways in which a matcher may try to match one text, counted too high rather than
too low. A pattern of a small cost never holds the event loop, whatever the text.
"""

import importlib
import re
import warnings
from typing import Any

# The only reader of this syntax, and not public: the tests would notice if it changed.
parser: Any = importlib.import_module("re._parser")

MAX_VALUE = 100  # characters of a text that is matched
MAX_PATTERN = 300  # characters
MAX_COST = 50_000  # ways to match; some milliseconds
MAX_DEPTH = 20  # groups inside groups

SINGLE = {"LITERAL", "NOT_LITERAL", "ANY", "IN", "AT", "CATEGORY", "RANGE"}
REPEATS = {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}


def check_pattern(pattern: str) -> None:
    """Check that a pattern is valid and cheap to match. Raises ValueError with what would be right."""
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"must have at most {MAX_PATTERN} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)
            parsed = parser.parse(pattern)
            re.compile(pattern)
    except FutureWarning as warning:
        raise ValueError(
            f"could mean something else to a later Python: {warning}; put a backslash before that character"
        ) from None
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is no regular expression: {error}") from None
    if _cost(parsed) > MAX_COST:
        raise ValueError(
            "could take long to match; repeat no group that holds a repeat, repeat at most two parts without a limit, "
            "and give the others limits such as {1,4}"
        )


def _cost(items: Any, depth: int = 0) -> int:
    """The ways to match a sequence of parsed items, at most `MAX_COST + 1`."""
    if depth > MAX_DEPTH:
        raise ValueError(f"has more than {MAX_DEPTH} groups inside each other")
    cost = 1
    for operation, argument in items:
        cost = min(MAX_COST + 1, cost * _cost_of(str(operation), argument, depth))
    return cost


def _cost_of(operation: str, argument: Any, depth: int) -> int:
    if operation in SINGLE:
        return 1
    if operation in REPEATS:
        least, most, repeated = argument
        return _cost_of_repeat(int(least), min(int(most), MAX_VALUE), _cost(repeated, depth + 1))
    if operation == "BRANCH":
        _, branches = argument
        return sum(_cost(branch, depth + 1) for branch in branches)
    if operation == "SUBPATTERN":
        *_, grouped = argument
        return _cost(grouped, depth + 1)
    if operation == "ATOMIC_GROUP":
        return _cost(argument, depth + 1)
    raise ValueError("must hold no back-reference, lookaround or condition")


def _cost_of_repeat(least: int, most: int, cost: int) -> int:
    """The ways to match a part of this cost from `least` to `most` times."""
    if cost == 1:
        return max(1, most - least + 1)
    ways = 0
    for count in range(least, most + 1):
        ways += cost**count
        if ways > MAX_COST:
            return MAX_COST + 1
    return ways
