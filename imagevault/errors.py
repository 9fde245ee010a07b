"""The errors that packages share. A package derives its own from them.

    ImageVaultError
    |-- ConfigError                 a setting is wrong: the server does not start, or its provider is not used
    |-- PluginError                 a plugin cannot be loaded; the others are not affected
    |-- DatabaseUnavailable         the database does not answer now
    |-- ProviderError               an upstream failed; plugins raise this one and the first five
    |   |-- RateLimited             too many calls, with `retry_after` in seconds where known
    |   |-- Unauthorized            the key is missing, wrong or does not allow this
    |   |-- NotFound                there is no such image, or no longer
    |   |-- Unavailable             down, unreachable, or answering 5xx
    |   |   `-- TokenLost           the token of a page is gone; the upstream is well
    |   |-- InvalidResponse         the answer differs from what its documentation promises
    |   |-- TimedOut                no answer in time
    |   |-- Unsupported             it cannot do what this search asks for
    |   `-- Unconfigured            a setting is missing; the message names it
    `-- Refused                     a caller's request is refused; the edge gives it a status
        |-- BadInput                a value is wrong; `field` names it
        |   `-- ProviderNotEnabled  the provider that it names is switched off, or could not be loaded
        |-- NotSignedIn             no valid credential came with the request
        |-- Forbidden               the caller may not do this
        |   `-- ServedByProvider    the terms want a file to be loaded from its provider's host; `url` says where it is
        |-- ResourceNotFound        there is no such thing for this caller
        |-- Conflict                it exists already
        |   `-- StillRunning        a request with the same key has not ended; `retry_after` in seconds
        |-- KeyReused               an Idempotency-Key came with another body
        |-- RangeNotSatisfiable     the wanted part begins after the end of the file; `size` in bytes
        |-- TooMany                 a limit is reached; `retry_after` in seconds
        `-- Busy                    no room right now; `retry_after` in seconds

Messages are shown to callers and written to logs, so they never hold a key, a
password or a traceback. Plugins raise provider errors; only the edge speaks HTTP.
"""

import errno

OUT_OF_FILES = {errno.EMFILE, errno.ENFILE}  # `errno` of an OSError: this process, or this machine, has too many open


class ImageVaultError(Exception):
    """The root of the tree."""


class ConfigError(ImageVaultError):
    """A setting is wrong.

    Attributes:
        key: the name of the setting: `limits.requests`.
        source: where its value was found: `environment variable SECRET_KEY`, `imagevault.toml, line 7`.
        message: what would be right.

    """

    def __init__(self, key: str, source: str, message: str) -> None:
        super().__init__(f"{key}: {message} ({source})")
        self.key = key
        self.message = message
        self.source = source


class PluginError(ImageVaultError):
    """A plugin cannot be loaded; the message tells its author why."""


class DatabaseUnavailable(ImageVaultError):
    """The database refuses, drops or does not answer the connection."""


class ProviderError(ImageVaultError):
    """An upstream failed. Callers see `failed`, unless the error is of a kind derived from this one.

    Attributes:
        retry_after: seconds after which a call may succeed; None if unknown.

    """

    def __init__(self, message: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RateLimited(ProviderError):
    """The upstream, or the gateway's own limits for it, allows no call now. Callers see `rate_limited`.

    The gateway does not call the provider again for `retry_after` seconds. Where that is not known, it waits 2 seconds,
    and longer after each further refusal.
    """

    def __init__(self, message: str = "too many requests", retry_after: float | None = None) -> None:
        super().__init__(message, retry_after)


class Unauthorized(ProviderError):
    """The upstream does not accept the key, or the key does not allow this call. Callers see `unauthorized`."""


class NotFound(ProviderError):
    """The upstream has no such image: the same as None in `fetch_image`. In a search callers see `invalid_response`."""


class Unavailable(ProviderError):
    """The upstream is down or unreachable. Callers see `unavailable`; several in a row open the circuit breaker."""


class TokenLost(Unavailable):
    """The token of a page is gone, or the upstream takes it no more. It says nothing about the upstream's health."""


class InvalidResponse(ProviderError):
    """The upstream's answer differs from what its documentation promises. Callers see `invalid_response`."""


class TimedOut(ProviderError):
    """The upstream did not answer in time."""


class Unsupported(ProviderError):
    """The provider cannot do what was asked, and the gateway cannot emulate it."""


class Unconfigured(ProviderError):
    """The provider has a setting that is missing or wrong."""


class Refused(ImageVaultError):
    """A caller's request is refused."""


class BadInput(Refused):
    """A value in the request is wrong.

    Attributes:
        field: the name of the parameter or the field of the body.
        message: what would be right.

    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class ProviderNotEnabled(BadInput):
    """The provider that a request names is switched off here, or its plugin could not be loaded."""


class NotSignedIn(Refused):
    """No valid credential came with the request; the message is the same for every cause."""

    def __init__(self, message: str = "A valid access token is needed.") -> None:
        super().__init__(message)


class Forbidden(Refused):
    """The caller is known and may not do this."""


class ServedByProvider(Forbidden):
    """The terms of a provider want a file to be loaded from the provider's own hosts.

    Attributes:
        url: where it is.

    """

    def __init__(self, title: str, url: str) -> None:
        super().__init__(f"The terms of {title} want its files to be loaded from its own hosts. This file is at {url}")
        self.url = url


class ResourceNotFound(Refused):
    """The requested object does not exist, or it belongs to another caller."""


class Conflict(Refused):
    """The thing exists already."""


class KeyReused(Refused):
    """An Idempotency-Key came again with another body."""

    def __init__(self) -> None:
        super().__init__("Idempotency-Key: this key came with another body before; use a new key for a new request")


class StillRunning(Conflict):
    """A request with the same Idempotency-Key has not ended yet.

    Attributes:
        retry_after: seconds; most saves have ended by then.

    """

    retry_after = 1.0

    def __init__(self) -> None:
        super().__init__("A request with this Idempotency-Key is still running; repeat yours later.")


class RangeNotSatisfiable(Refused):
    """The part of a file that was asked for begins after its end.

    Attributes:
        size: bytes of the file.

    """

    def __init__(self, size: int) -> None:
        super().__init__(f"Range: the file has {size} bytes; ask for a part that begins before its end")
        self.size = size


class TooMany(Refused):
    """A limit is reached.

    Attributes:
        retry_after: seconds until the next request is allowed.

    """

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Busy(Refused):
    """The server has no room for this request at the moment.

    Attributes:
        retry_after: seconds after which there may be room.

    """

    def __init__(self, message: str, retry_after: float = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after
