"""From what goes wrong in a plugin or on the way to its upstream, to one of our provider errors."""

import json
import logging
import time
import traceback
from email.utils import parsedate_to_datetime

import httpx
import msgspec

from imagevault.errors import (
    InvalidResponse,
    NotFound,
    ProviderError,
    RateLimited,
    TimedOut,
    Unauthorized,
    Unavailable,
)
from imagevault.plugins.provider import Provider

log = logging.getLogger(__name__)

MAX_RETRY_AFTER = 86400.0  # seconds


def to_provider_error(error: Exception, provider: Provider) -> ProviderError:
    """Return the provider error for any exception. Its message holds no URL and no secret, and is fit to be shown."""
    title = provider.info.title
    match error:
        case ProviderError():
            error.args = (provider.redacted(str(error)),)
            return error
        case httpx.HTTPStatusError(response=response):
            return _for_status(response, title, has_key=bool(provider.secrets))
        case httpx.TimeoutException():
            return TimedOut(f"{title} did not answer in time")
        case httpx.DecodingError() | httpx.RemoteProtocolError() | httpx.TooManyRedirects() | httpx.InvalidURL():
            return InvalidResponse(f"{title} sent an answer that cannot be read ({type(error).__name__})")
        case httpx.TransportError():
            return Unavailable(f"{title} cannot be reached ({type(error).__name__})")
        case msgspec.MsgspecError() | json.JSONDecodeError() | UnicodeDecodeError() | RecursionError():
            reason = provider.redacted(str(error))
            return InvalidResponse(f"{title} sent an answer of another form than documented: {reason}")
        case _:
            trace = "".join(traceback.format_exception(error))  # an httpx error in the chain shows the URL and its key
            log.error("plugin %s raised: %s", provider.name, provider.redacted(trace))
            return ProviderError(f"the plugin failed ({type(error).__name__})")


def _for_status(response: httpx.Response, title: str, *, has_key: bool) -> ProviderError:
    status = response.status_code
    if status in {401, 403}:
        refused = "does not accept the key" if has_key else "refuses calls of this server"
        return Unauthorized(f"{title} {refused} (it answered {status})")
    if status == 429:
        return RateLimited(f"{title} allows no more requests now", retry_after(response))
    if status in {404, 410}:
        return NotFound(f"{title} has no such thing (it answered {status})")
    if status >= 500:
        return Unavailable(f"{title} answered {status}", retry_after(response))
    return InvalidResponse(f"{title} did not understand the request (it answered {status})")


def retry_after(response: httpx.Response) -> float | None:
    """Return the seconds that `Retry-After` names, as a number or a date; a day at most, None if it names no time."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return min(float(text), MAX_RETRY_AFTER)
    try:
        seconds = parsedate_to_datetime(text).timestamp() - time.time()
    except ValueError:
        return None
    return min(seconds, MAX_RETRY_AFTER) if seconds > 0 else None
