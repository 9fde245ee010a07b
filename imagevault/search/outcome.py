"""What each provider did in a search, and what that makes of the whole."""

import math
from collections.abc import Sequence
from typing import Literal

import msgspec

from imagevault import errors
from imagevault.cache.page_cache import CacheStatus
from imagevault.errors import ImageVaultError, ProviderError
from imagevault.search.merge import ProviderCursor

Word = Literal[
    "ok",
    "timeout",
    "rate_limited",
    "unauthorized",
    "unavailable",
    "invalid_response",
    "unsupported",
    "unconfigured",
    "failed",
]
WORDS: dict[type[ProviderError], Word] = {
    errors.RateLimited: "rate_limited",
    errors.Unauthorized: "unauthorized",
    errors.NotFound: "invalid_response",
    errors.Unavailable: "unavailable",
    errors.InvalidResponse: "invalid_response",
    errors.TimedOut: "timeout",
    errors.Unsupported: "unsupported",
    errors.Unconfigured: "unconfigured",
}


class ProviderStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What one provider did: `total` is its own count, before emulated filters; `retry_after` is in seconds."""

    name: str
    status: Word
    total: int | None = None
    cache: CacheStatus | None = None
    emulated: Sequence[str] = ()
    retry_after: int | None = None
    detail: str | None = None


class SearchFailed(ImageVaultError):
    """No provider that was asked answered; `statuses` says why for each."""

    def __init__(self, statuses: Sequence[ProviderStatus]) -> None:
        reasons = "; ".join(f"{each.name}: {each.detail or each.status}" for each in statuses)
        super().__init__(f"No provider answered. {reasons}".strip())
        self.statuses = statuses

    @property
    def http_status(self) -> int:
        """422 all unsupported, 503 all limited, cooling or unconfigured, 504 all timed out, 502 otherwise."""
        words = {each.status for each in self.statuses}
        if words == {"unsupported"}:
            return 422
        if all(each.retry_after or each.status in {"rate_limited", "unconfigured"} for each in self.statuses):
            return 503
        return 504 if words == {"timeout"} else 502

    @property
    def retry_after(self) -> int | None:
        """The seconds after which the first of them may answer again, where any said so."""
        return min((each.retry_after for each in self.statuses if each.retry_after is not None), default=None)


def failed(name: str, error: ProviderError, emulated: Sequence[str] = ()) -> ProviderStatus:
    """The status of a provider that raised."""
    word: Word = next((WORDS[kind] for kind in type(error).__mro__ if kind in WORDS), "failed")
    wait = error.retry_after
    retry_after = max(1, math.ceil(wait)) if wait is not None else None
    return ProviderStatus(name=name, status=word, detail=str(error), retry_after=retry_after, emulated=emulated)


def of_seat(seat: ProviderCursor, emulated: Sequence[str]) -> ProviderStatus:
    """The status of a provider after a walk."""
    if seat.error is not None:
        halted = failed(seat.name, seat.error, emulated)
        return msgspec.structs.replace(halted, total=seat.total, cache=seat.cache)
    detail = None
    if seat.spent:
        detail = f"stopped after {seat.misses} pages of its list; the cursor goes on from there"
    elif seat.full and seat.offset is not None:
        detail = f"its terms allow {seat.most} of its images on one page; the cursor goes on from there"
    return ProviderStatus(
        name=seat.name, status="ok", total=seat.total, cache=seat.cache, emulated=emulated, detail=detail
    )
