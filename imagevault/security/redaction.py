"""Secrets kept out of what is shown: log lines, messages of errors, recorded answers."""

import json
import re
from collections.abc import Iterable
from urllib.parse import quote

SECRET_NAME = re.compile(r"key|secret|token|password|client_id")  # of a setting that is never shown
# What looks like a credential wherever it stands: tokens, our keys, and keys in the query of a URL.
CREDENTIAL = re.compile(
    r"eyJ[\w-]{10,}\.[\w-]+\.[\w-]+|\biv_\w{8,}|(?i:bearer\s+)[\w.~+/-]{8,}=*"
    r"|(?i:(?P<name>\b(?:(?:api_?)?key|client_id|client_secret|access_token|token|wskey|password)=))[^&\s'\"]+"
)
SHORTEST = 6  # characters; a shorter "secret" would be found in every other word
MASK = "***"


def pattern_of(secrets: Iterable[str | None]) -> re.Pattern[str] | None:
    """What finds these secrets as they are, in a URL, in a repr and in JSON; None if there are none."""
    found = {form for secret in secrets if secret and len(secret) >= SHORTEST for form in _forms(secret)}
    return re.compile("|".join(map(re.escape, sorted(found, key=len, reverse=True)))) if found else None


def redacted(text: str, known: re.Pattern[str] | None = None) -> str:
    """The text with `***` for every known secret, and for what looks like a credential."""
    text = known.sub(MASK, text) if known else text
    return CREDENTIAL.sub(lambda found: f"{found['name'] or ''}{MASK}", text)


def _forms(secret: str) -> set[str]:
    told = {secret, quote(secret, safe=""), quote(secret), repr(secret)[1:-1], json.dumps(secret)[1:-1]}
    return told | {json.dumps(form)[1:-1] for form in told}  # as it then stands in a line of JSON
