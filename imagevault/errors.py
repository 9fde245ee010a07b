"""Every error that ImageVault raises on purpose.

    ImageVaultError
    |-- ConfigError                 a setting is wrong: the start stops, or its provider does
    |-- PluginError                 a plugin cannot be loaded: only that plugin is lost
    |-- DatabaseUnavailable         the database does not answer now
    |-- ProviderError               an upstream failed; plugins raise the first five
    |   |-- RateLimited             too many calls, with `retry_after` in seconds where known
    |   |-- Unauthorized            the key is missing, wrong or not allowed to do this
    |   |-- NotFound                there is no such image (any more)
    |   |-- Unavailable             down, unreachable, or answering 5xx
    |   |-- InvalidResponse         an answer that is not what its documentation promises
    |   |-- TimedOut                no answer in time
    |   |-- Unsupported             it cannot do what this search asks for
    |   `-- Unconfigured            it lacks a setting, named in the message
    `-- Refused                     a caller's request is turned down; the edge gives it a status
        |-- BadInput                a value is wrong; `field` names it
        |-- NotSignedIn             no valid credential came with the request
        |-- Forbidden               the caller may not do this
        |-- Missing                 there is no such thing for this caller
        |-- Conflict                it exists already
        |-- TooMany                 a limit is reached; `retry_after` in seconds
        `-- Busy                    no room right now; `retry_after` in seconds

Messages are shown to callers and written to logs: they never hold a key, a
password or a trace. Plugins raise provider errors; only the edge speaks HTTP.
"""


class ImageVaultError(Exception):
    """The root of the tree."""


class ConfigError(ImageVaultError):
    """One setting is wrong.

    `key` is its name (`limits.requests`), `source` where the value was found (`environment variable
    SECRET_KEY`, `imagevault.toml, line 7`), and `message` says what would be right.
    """

    def __init__(self, key: str, source: str, message: str) -> None:
        super().__init__(f"{key}: {message} ({source})")
        self.key = key
        self.message = message
        self.source = source


class PluginError(ImageVaultError):
    """A plugin cannot be loaded; the message says why, for its author."""


class DatabaseUnavailable(ImageVaultError):
    """The database refuses, drops or does not answer the connection."""


class ProviderError(ImageVaultError):
    """An upstream failed. Callers see `failed`, unless it is one of the kinds derived from this.

    The message tells why. `retry_after`: seconds after which it may do better, where that is known.
    """

    def __init__(self, message: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RateLimited(ProviderError):
    """The upstream, or our own bookkeeping for it, allows no call now. Callers see `rate_limited`.

    The provider is left alone for `retry_after` seconds; where that is not known, for 2 and then ever longer.
    """

    def __init__(self, message: str = "too many requests", retry_after: float | None = None) -> None:
        super().__init__(message, retry_after)


class Unauthorized(ProviderError):
    """The upstream does not accept the key, or not for this. Callers see `unauthorized`."""


class NotFound(ProviderError):
    """The upstream has no such image. In a lookup the same as None; in a search callers see `invalid_response`."""


class Unavailable(ProviderError):
    """The upstream is down or unreachable. Callers see `unavailable`; several in a row open the breaker."""


class InvalidResponse(ProviderError):
    """The upstream's answer is not what its documentation promises. Callers see `invalid_response`."""


class TimedOut(ProviderError):
    """The upstream did not answer in time."""


class Unsupported(ProviderError):
    """The provider cannot do what was asked, and it cannot be emulated."""


class Unconfigured(ProviderError):
    """The provider lacks a setting."""


class Refused(ImageVaultError):
    """A caller's request is turned down."""


class BadInput(Refused):
    """A value in the request is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class NotSignedIn(Refused):
    """No valid credential came with the request; one message for every cause."""

    def __init__(self, message: str = "A valid access token is needed.") -> None:
        super().__init__(message)


class Forbidden(Refused):
    """The caller is known and may not do this."""


class ResourceNotFound(Refused):
    """No such thing, or not this caller's."""


class Conflict(Refused):
    """It exists already."""


class TooMany(Refused):
    """A limit is reached."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Busy(Refused):
    """No room at this moment."""

    def __init__(self, message: str, retry_after: float = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after
