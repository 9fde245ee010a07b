"""What an upstream may do instead of answering well, and which of our errors say so."""

from collections.abc import Iterator

import httpx

from imagevault.errors import (
    InvalidResponse,
    NotFound,
    ProviderError,
    RateLimited,
    TimedOut,
    Unauthorized,
    Unavailable,
)
from imagevault.records import Page
from imagevault.testing import faults
from imagevault.testing.exchange import Answer, Fault

Errors = tuple[type[ProviderError], ...]

A_WHILE = 37  # seconds
BIG = 6 * 1024 * 1024  # bytes; the gateway takes five million of an answer

FAILURES: dict[str, tuple[Fault, Errors]] = {
    "401": (Answer({"error": "no"}, 401), (Unauthorized,)),
    "403": (Answer("", 403), (Unauthorized, RateLimited)),
    "404": (Answer({"error": "no"}, 404), (NotFound, InvalidResponse)),
    "429": (Answer({"error": "slow down"}, 429), (RateLimited,)),
    "429 for a while": (Answer({"error": "slow down"}, 429, {"Retry-After": f"{A_WHILE}"}), (RateLimited,)),
    "500": (Answer("oops", 500), (Unavailable,)),
    "503": (Answer("", 503), (Unavailable,)),
    "a reset connection": (faults.reset(), (Unavailable, InvalidResponse)),
    "an answer that ends in its midst": (faults.truncated(), (Unavailable, InvalidResponse)),
    "half of the JSON": (faults.cut_json(), (InvalidResponse,)),
    "a page of HTML": (faults.html_page(), (InvalidResponse,)),
    "values of other types": (faults.wrong_types(), (InvalidResponse,)),
    "an answer of six megabytes": (faults.oversized(BIG), (InvalidResponse,)),
    "six megabytes in a small zip": (faults.gzip_bomb(BIG), (InvalidResponse,)),
}
RAISED: dict[str, tuple[Exception, Errors]] = {
    "a time-out": (httpx.ReadTimeout("late"), (TimedOut,)),
    "no connection": (httpx.ConnectError("refused"), (Unavailable,)),
}


def of_failure(kind: str, hook: str, found: object) -> Iterator[str]:
    """What is wrong with what a hook answered, or raised, while this failure was played."""
    _, expected = FAILURES[kind] if kind in FAILURES else RAISED[kind]
    wanted = " or ".join(each.__name__ for each in expected)
    if not isinstance(found, ProviderError):
        if hook == "fetch_image" and kind == "404" and found is None:
            return
        shown = f"a page of {len(found.images)} images" if isinstance(found, Page) else f"{found!r:.200}"
        yield f"{kind}: {hook} must raise {wanted}, not hide it: it answered {shown}"
    elif not isinstance(found, expected):
        yield f"{kind}: {hook} must raise {wanted}, not {found!r}"
    elif kind == "429 for a while" and found.retry_after != A_WHILE:
        yield f"{kind}: {hook} must raise it with retry_after={A_WHILE}, as Retry-After says, not {found.retry_after}"
