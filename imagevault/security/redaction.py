"""Removing secrets from what is shown: log lines, error messages, recorded answers."""

import json
import re
from collections.abc import Iterable
from urllib.parse import quote

SECRET_NAME = re.compile(r"key|secret|token|password|client_id")  # names of settings whose values are never shown
# Text that looks like a credential wherever it stands. Examples of each alternative:
#   iv_1a2b3c4d5e                                 one of our API keys
#   Bearer 1a2b3c4d5e                             the value of an Authorization header
#   ?api_key=1a2b3c, &client_id=1a2b3c            a key in the query of a URL; its name stays
CREDENTIAL = re.compile(
    r"\biv_\w{8,}"
    r"|(?i:bearer\s+)[\w.~+/-]{8,}=*"
    r"|(?i:(?P<name>\b(?:(?:api_?)?key|client_id|client_secret|access_token|token|wskey|password)=))[^&\s'\"]+"
)
# Three parts or more with dots between them, of which a JSON web token is one: eyJhbGciOiJIUzI1NiJ9.e30.abc. The match
# begins where a word begins and never backtracks, so that `eyJ` a thousand times is read once.
DOTTED = re.compile(r"(?<![\w-])[\w-]++(?:\.[\w-]++){2,}+")
TOKEN_START = re.compile(r"eyJ[\w-]{10}")  # {" in Base64
MIN_SECRET_LENGTH = 6  # characters; a shorter secret would match inside ordinary words
MASK = "***"
READ_FACTOR = 10  # of a text this many times what is shown is read: masks are shorter than what they stand for
MAX_CREDENTIAL = 4096  # characters of a credential that only looks like one; no provider's token is longer


def pattern_of(secrets: Iterable[str | None]) -> re.Pattern[str] | None:
    """Return a pattern that finds these secrets in plain text, in URLs, in reprs and in JSON.

    Secrets of fewer than six characters are left out. Returns None if none is left.
    """
    spellings = _all_spellings(secrets)
    if not spellings:
        return None
    longest_first = sorted(spellings, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)))


def longest_of(secrets: Iterable[str | None]) -> int:
    """Return how many characters the longest spelling of these secrets has; 0 if none is long enough to be masked."""
    return max(map(len, _all_spellings(secrets)), default=0)


def redacted(text: str, known: re.Pattern[str] | None = None) -> str:
    """Return the text with `***` in place of each known secret and of all that looks like a credential."""
    if known is not None:
        text = known.sub(MASK, text)
    if "eyJ" in text:
        text = DOTTED.sub(_without_token, text)
    return CREDENTIAL.sub(lambda match: f"{match['name'] or ''}{MASK}", text)


def redacted_start(text: str, length: int, known: re.Pattern[str] | None = None, longest: int = 0) -> str:
    """Return the first `length` characters of a text of any length, redacted.

    It reads a bounded part of the text. No part of a secret is left where that part ends: what is cut off there is as
    long as the longest secret.

    Args:
        text: of any length.
        length: how many characters to return at most.
        known: the pattern of the known secrets.
        longest: how many characters the longest of them has.
    """
    margin = max(MAX_CREDENTIAL, longest)
    window = READ_FACTOR * length + margin
    masked = redacted(text[:window], known)
    if len(text) > window:
        masked = masked[: max(0, len(masked) - margin)]
    return masked[:length]


def _without_token(dotted: re.Match[str]) -> str:
    token = TOKEN_START.search(dotted[0])
    return dotted[0] if token is None else f"{dotted[0][: token.start()]}{MASK}"


def _all_spellings(secrets: Iterable[str | None]) -> set[str]:
    spellings: set[str] = set()
    for secret in secrets:
        if secret and len(secret) >= MIN_SECRET_LENGTH:
            spellings |= _spellings(secret)
    return spellings


def _spellings(secret: str) -> set[str]:
    spellings = {
        secret,
        quote(secret, safe=""),
        quote(secret),
        repr(secret)[1:-1],
        json.dumps(secret)[1:-1],
    }
    in_a_json_log_line = {json.dumps(spelling)[1:-1] for spelling in spellings}
    return spellings | in_a_json_log_line
