"""What the end of a flight says about its provider."""

import msgspec

from imagevault.errors import NotFound, ProviderError, RateLimited, TokenLost
from imagevault.upstream.flight import Flight
from imagevault.upstream.limiter import CircuitOpen, ProviderDisabled, QuotaExhausted
from imagevault.upstream.models import Outcome
from imagevault.upstream.store import UnreadableState


def outcome_of(flight: Flight, error: BaseException | None) -> Outcome:
    """Return the outcome of a flight that ended with this error, None if it went well.

    A wait that any answer stated counts, also where the plugin made something else of that answer.
    """
    outcome = _without_stated_wait(flight, error)
    stated = flight.retry_after
    if stated is None or flight.provider.superseded or stated <= (outcome.retry_after or 0.0):
        return outcome
    return msgspec.structs.replace(outcome, retry_after=stated)


def _without_stated_wait(flight: Flight, error: BaseException | None) -> Outcome:
    reported = flight.reported
    if error is None or isinstance(error, NotFound):
        return Outcome(verdict="ok", reported=reported)
    if flight.provider.superseded:  # it says nothing about the address or key that is in force now
        return Outcome(verdict="refused")
    if isinstance(error, QuotaExhausted | CircuitOpen | ProviderDisabled | UnreadableState | TokenLost):
        return Outcome(verdict="refused", reported=reported)
    message = str(error)
    if isinstance(error, RateLimited):
        return Outcome(verdict="limited", reported=reported, retry_after=error.retry_after, error=message)
    if not isinstance(error, ProviderError) or type(error) is ProviderError:  # our fault, or the plugin's
        seconds = error.retry_after if isinstance(error, ProviderError) else None
        return Outcome(verdict="refused", reported=reported, retry_after=seconds, error=message)
    return Outcome(verdict="failed", reported=reported, retry_after=error.retry_after, error=message)
