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


def pattern_of(secrets: Iterable[str | None]) -> re.Pattern[str] | None:
    """Return a pattern that finds these secrets in plain text, in URLs, in reprs and in JSON.

    Secrets of fewer than six characters are left out. Returns None if none is left.
    """
    spellings: set[str] = set()
    for secret in secrets:
        if secret and len(secret) >= MIN_SECRET_LENGTH:
            spellings |= _spellings(secret)
    if not spellings:
        return None
    longest_first = sorted(spellings, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)))


def redacted(text: str, known: re.Pattern[str] | None = None) -> str:
    """Return the text with `***` in place of each known secret and of all that looks like a credential."""
    if known is not None:
        text = known.sub(MASK, text)
    if "eyJ" in text:
        text = DOTTED.sub(_without_token, text)
    return CREDENTIAL.sub(lambda match: f"{match['name'] or ''}{MASK}", text)


def _without_token(dotted: re.Match[str]) -> str:
    token = TOKEN_START.search(dotted[0])
    return dotted[0] if token is None else f"{dotted[0][: token.start()]}{MASK}"


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
