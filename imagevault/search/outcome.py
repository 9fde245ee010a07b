"""What each provider did in a search, and what that means for the search as a whole."""

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from imagevault import errors
from imagevault.cache.result import CacheStatus
from imagevault.errors import ImageVaultError, ProviderError
from imagevault.images.record import ProviderName
from imagevault.search.provider_cursor import ProviderCursor

Status = Literal[
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
STATUS_OF: dict[type[ProviderError], Status] = {
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
    """What one provider did in a search.

    Attributes:
        name: the provider.
        status: `ok`, or why it did not answer.
        total: the provider's own count of results, before emulated filters.
        cache: how its pages were found: hit, stale or miss.
        emulated: the filters that the gateway applied for it.
        hints_ignored: the hints that it cannot follow: `locale`.
        undeclared: the filters `ai` and `sensitive` where its records do not say so, so nothing is left out.
        retry_after: seconds after which it may answer again.
        detail: what else there is to say, for people.

    """

    name: ProviderName
    status: Status
    total: Annotated[int, Meta(ge=0)] | None = None
    cache: CacheStatus | None = None
    emulated: Sequence[str] = ()
    hints_ignored: Sequence[str] = ()
    undeclared: Sequence[str] = ()
    retry_after: Annotated[int, Meta(ge=1)] | None = None
    detail: str | None = None


class SearchFailed(ImageVaultError):
    """No provider answered. `statuses` says why, for each that was asked."""

    def __init__(self, statuses: Sequence[ProviderStatus]) -> None:
        """Say why.

        Args:
            statuses: of the providers whose list was not over before.

        """
        reasons = "; ".join(f"{status.name}: {status.detail or status.status}" for status in statuses)
        super().__init__(f"No provider answered. {reasons}".strip())
        self.statuses = statuses

    @property
    def http_status(self) -> int:
        """The status of the response.

        Only providers that can search so count. 422 if there are none; 503 if all are limited, paused or unconfigured;
        504 if all timed out; otherwise 502.
        """
        statuses = {status.status for status in self.statuses}
        if statuses - {"unconfigured"} == {"unsupported"}:
            return 422
        able = [status for status in self.statuses if status.status != "unsupported"]
        if all(status.retry_after or status.status in {"rate_limited", "unconfigured"} for status in able):
            return 503
        return 504 if {status.status for status in able} == {"timeout"} else 502

    @property
    def retry_after(self) -> int | None:
        """The seconds after which the first of them may answer again, None if nobody knows."""
        seconds = [status.retry_after for status in self.statuses if status.retry_after is not None]
        return min(seconds, default=None)


def status_of(cursor: ProviderCursor) -> ProviderStatus:
    """Return what a provider did in a search."""
    status = ProviderStatus(
        name=cursor.name,
        status="ok",
        total=cursor.total,
        cache=cursor.cache_status,
        emulated=cursor.plan.emulated,
        hints_ignored=cursor.plan.hints_ignored,
        undeclared=cursor.plan.undeclared,
        detail=_remarks(cursor),
    )
    if cursor.error is None:
        return status
    return msgspec.structs.replace(
        status,
        status=status_for(cursor.error),
        retry_after=_whole_seconds(cursor.error.retry_after),
        detail=str(cursor.error),
    )


def has_answer(cursors: Sequence[ProviderCursor]) -> bool:
    """Whether any provider that still had results answered or did not fail. True if all lists had already ended."""
    asked = [cursor for cursor in cursors if cursor.was_open]
    return not asked or any(cursor.has_answered or cursor.error is None for cursor in asked)


def status_for(error: ProviderError) -> Status:
    """Return the status of a provider that failed so."""
    return next((STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF), "failed")


def _whole_seconds(seconds: float | None) -> int | None:
    return None if seconds is None else max(1, math.ceil(seconds))


def _remarks(cursor: ProviderCursor) -> str | None:
    """What to say about a provider's answer: a cut query, or why it gave fewer images than it might have."""
    remarks = []
    if cursor.max_text is not None:
        remarks.append(f"it searched for the first words of q only; it takes {cursor.max_text} characters")
    if cursor.budget_exhausted:
        remarks.append(f"stopped after {cursor.misses} pages of its list; the cursor goes on from there")
    elif cursor.is_full and cursor.offset is not None:
        remarks.append(f"its terms allow {cursor.max_images} of its images on one page; the cursor goes on from there")
    return "; ".join(remarks) or None
