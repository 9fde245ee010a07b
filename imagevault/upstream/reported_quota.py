"""What an upstream's answers say about its quotas, in headers that each provider names."""

import re
from collections.abc import Mapping, Sequence

from imagevault.quotas import Quota
from imagevault.upstream.models import Report

NUMBER = re.compile(r"[0-9]{1,16}(\.[0-9]{0,16})?")
WHOLE_NUMBER = re.compile(r"[0-9]{1,15}")  # larger ones are no count of calls
MILLISECONDS = 1e11  # a larger reset is Unix time in milliseconds
UNIX_TIME = 1e9  # a larger one is Unix time in seconds; a smaller one is seconds from now


def reported_quotas(quotas: Sequence[Quota], headers: Mapping[str, str], now: float) -> dict[str, Report]:
    """Return what the headers of an answer say of each quota, by its key.

    An answer from somebody's cache says nothing about now, and is passed over.

    Args:
        quotas: the quotas of a provider, which name the headers.
        headers: of the answer; looked up without regard to letter case.
        now: Unix time.

    """
    if _is_from_a_cache(headers):
        return {}
    found: dict[str, Report] = {}
    for quota in quotas:
        remaining = headers.get(quota.remaining or "", "").strip()
        if WHOLE_NUMBER.fullmatch(remaining):
            found[quota.key] = (int(remaining), _reset_time(headers.get(quota.reset or "", "").strip(), now))
    return found


def _is_from_a_cache(headers: Mapping[str, str]) -> bool:
    return headers.get("age", "0") not in {"", "0"} or headers.get("cf-cache-status", "").upper() == "HIT"


def _reset_time(text: str, now: float) -> float | None:
    """The Unix time that a reset header names, None if it names none."""
    if not NUMBER.fullmatch(text):
        return None
    reset = float(text)
    if reset > MILLISECONDS:
        return reset / 1000
    return reset if reset > UNIX_TIME else now + reset
