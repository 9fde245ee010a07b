"""Errors that an upstream answers under status 200, as `[errors]` of the file recognises them."""

from typing import Any

from imagevault.errors import InvalidResponse, NotFound, ProviderError, RateLimited, Unauthorized, Unavailable
from imagevault.plugins.declarative.answer import find, text_in, truth
from imagevault.plugins.declarative.reading import ProviderFile
from imagevault.plugins.declarative.schema import Errors
from imagevault.plugins.declarative.template import as_text

# The keys of `[errors]` with codes -> the error that a code there means.
KINDS: dict[str, type[ProviderError]] = {
    "unauthorized": Unauthorized,
    "rate_limited": RateLimited,
    "not_found": NotFound,
    "unavailable": Unavailable,
}


class ErrorReader:
    """Recognises errors, by one file.

    Args:
        file: the provider's file.
        errors: how `[errors]` is written.
        title: of the provider, for messages.

    Raises:
        PluginError: an expression is wrong, or a code has no meaning or two.

    """

    def __init__(self, file: ProviderFile, errors: Errors, title: str) -> None:
        self._title = title
        self._when = file.expression(errors.when, "errors", "when")
        self._text = None if errors.text is None else file.text_source(errors.text, "errors", "text")
        self._code = None if errors.code is None else file.expression(errors.code, "errors", "code")
        self._kinds: dict[str, type[ProviderError]] = {}
        for key, kind in KINDS.items():
            for code in map(str, getattr(errors, key)):
                if code in self._kinds:
                    raise file.error(("errors", key), f"the code {code} has another meaning already; keep one of both")
                self._kinds[code] = kind
        if self._kinds and self._code is None:
            raise file.error(("errors",), "has codes, but no code; add the expression that finds it in the answer")
        if self._code is not None and not self._kinds:
            raise file.error(("errors", "code"), f"is compared with nothing; add one of {', '.join(KINDS)}")

    def check(self, answer: Any) -> None:
        """Raise the error that an answer is; return if it is none.

        Raises:
            NotFound: there is no such image, or a search found nothing.
            Unauthorized: the key is refused.
            RateLimited: too many calls.
            Unavailable: the upstream is down.
            InvalidResponse: another error, or an expression failed; the message names its key.

        """
        if not truth(answer, self._when, "errors.when"):
            return
        code = self._code_in(answer)
        text = None if self._text is None else text_in(answer, self._text, "errors.text")
        said = ": ".join(part for part in (code, text) if part)
        kind = self._kinds.get(code or "", InvalidResponse)
        raise kind(f"{self._title} answered an error: {said}" if said else f"{self._title} answered an error")

    def _code_in(self, answer: Any) -> str | None:
        if self._code is None:
            return None
        try:
            return as_text(find(answer, self._code, "errors.code"), self._code)
        except ValueError as error:
            raise InvalidResponse(f"errors.code: {error}") from None
