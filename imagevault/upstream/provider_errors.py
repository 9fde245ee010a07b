"""Translate any error of a plugin or its upstream into a ProviderError."""

import json
import logging
import re
import time
import traceback
from email.utils import parsedate_to_datetime
from xml.etree.ElementTree import ParseError

import httpx
import msgspec
from defusedxml import DefusedXmlException

from imagevault.errors import (
    ConfigError,
    InvalidResponse,
    NotFound,
    ProviderError,
    RateLimited,
    TimedOut,
    Unauthorized,
    Unavailable,
)
from imagevault.plugins.plain_text import one_line, several_lines
from imagevault.plugins.provider import Provider
from imagevault.upstream.limiter import CircuitOpen, QuotaExhausted

log = logging.getLogger(__name__)

MAX_RETRY_AFTER = 86400.0  # seconds that an upstream may ask for
LONGEST_WAIT = 31 * 86400.0  # seconds; our own refusals may wait for the end of a month
MAX_MESSAGE = 1000  # characters that are shown
MAX_TRACE = 20_000  # characters of a traceback that are logged
MAX_HEADER = 100  # characters of a header that are looked at
WHOLE_NUMBER = re.compile(r"[0-9]{1,15}")
DISCONNECTED = "disconnected"  # httpcore: "Server disconnected without sending a response."


def to_provider_error(error: Exception, provider: Provider) -> ProviderError:
    """Return the provider error for any exception.

    Its message is one line of valid text without a URL or a secret, fit to be shown, of at most 1000 characters. Its
    `retry_after` is None, or more than 0 and at most a day; a month for the limiter's own refusals.
    """
    try:
        # A wrong setting is met by commands only: no server starts with it.
        found = ProviderError(str(error)) if isinstance(error, ConfigError) else _translate(error, provider)
        message = _shown(str(found), provider)
        is_our_refusal = isinstance(found, QuotaExhausted | CircuitOpen)
        seconds = clamp_retry_after(found.retry_after, LONGEST_WAIT if is_our_refusal else MAX_RETRY_AFTER)
    except Exception as failure:  # noqa: BLE001  an error of a stranger's code may do anything
        return ProviderError(f"the plugin failed ({type(failure).__name__})")
    found.args = (message,)
    found.retry_after = seconds
    return found


def _shown(message: str, provider: Provider) -> str:
    """Return a message fit to be shown. It is redacted before it is cut, and again when it is one line.

    Characters that a line has not could stand inside a secret, which the first pass would then not find.
    """
    masked = provider.redacted_start(message, 2 * MAX_MESSAGE).encode("utf-8", "replace").decode()
    return provider.redacted(one_line(masked, MAX_MESSAGE) or "")


def clamp_retry_after(seconds: object, longest: float = MAX_RETRY_AFTER) -> float | None:
    """Return a wait in seconds, at most the longest; None if it is none: 0, negative, not a number."""
    if not isinstance(seconds, int | float) or not seconds > 0:
        return None
    return float(min(seconds, longest))


def _translate(error: Exception, provider: Provider) -> ProviderError:
    title = provider.info.title
    match error:
        case ProviderError():
            return error
        case httpx.HTTPStatusError(response=response):
            return _for_status(response, title, has_key=bool(provider.secrets))
        case httpx.TimeoutException():
            return TimedOut(f"{title} did not answer in time")
        case httpx.RemoteProtocolError() if DISCONNECTED in str(error):
            return Unavailable(f"{title} closed the connection without an answer")
        case httpx.DecodingError() | httpx.RemoteProtocolError() | httpx.TooManyRedirects() | httpx.InvalidURL():
            return InvalidResponse(f"{title} sent an answer that cannot be read ({type(error).__name__})")
        case httpx.TransportError():
            return Unavailable(f"{title} cannot be reached{_at_further_host(error, provider)} ({type(error).__name__})")
        case msgspec.MsgspecError() | json.JSONDecodeError() | UnicodeDecodeError() | RecursionError():
            return InvalidResponse(f"{title} sent an answer of another form than documented: {error}")
        case ParseError() | DefusedXmlException():
            return InvalidResponse(f"{title} sent XML that cannot be read: {_xml_problem(error)}")
        case _:
            trace = "".join(traceback.format_exception(error))  # an httpx error in the chain shows the URL and its key
            shown = several_lines(provider.redacted_start(trace, MAX_TRACE))  # a message may hold a lone surrogate
            log.error("plugin %s raised: %s", provider.name, shown)
            return ProviderError(f"the plugin failed ({type(error).__name__})")


def _at_further_host(error: httpx.TransportError, provider: Provider) -> str:
    """Name the host that failed if it is one of `api_hosts`. An admin may have moved `base_url` to a private one."""
    try:
        host = error.request.url.host
    except RuntimeError:  # it has no request
        return ""
    return f" at {host}" if host in provider.info.api_hosts else ""


def _xml_problem(error: Exception) -> str:
    """What is wrong with XML. A document that asks for a file or another address has its words nowhere."""
    return type(error).__name__ if isinstance(error, DefusedXmlException) else str(error)


def _for_status(response: httpx.Response, title: str, *, has_key: bool) -> ProviderError:
    status = response.status_code
    seconds = retry_after(response)
    if status in {401, 403}:
        refused = "does not accept the key" if has_key else "refuses calls of this server"
        return Unauthorized(f"{title} {refused} (it answered {status})", seconds)
    if status == 429:
        return RateLimited(f"{title} allows no more requests now", seconds)
    if status in {404, 410}:
        return NotFound(f"{title} has no such thing (it answered {status})", seconds)
    if status >= 500:
        return Unavailable(f"{title} answered {status}", seconds)
    return InvalidResponse(f"{title} did not understand the request (it answered {status})", seconds)


def retry_after(response: httpx.Response) -> float | None:
    """Return the seconds that `Retry-After` names, as a number or a date; a day at most.

    None if it names no time: 0, a date that is over, or what cannot be read.
    """
    text = response.headers.get("Retry-After", "").strip()[:MAX_HEADER]
    if WHOLE_NUMBER.fullmatch(text):
        return clamp_retry_after(float(text))
    try:
        seconds = parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return None
    return clamp_retry_after(seconds)
