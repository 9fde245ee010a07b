"""Conditional requests: whether a client has already what it asks for (RFC 9110, section 13)."""

import os
import re

ENTITY_TAG = re.compile(r'"([^"]*)"')  # "18a2f-c0de"; a weak one, W/"18a2f-c0de", counts as the same here


def file_tag(status: os.stat_result) -> str:
    """Return the entity tag of a file, without its quotes: another one after every change of the file."""
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"


def has_current(if_none_match: str, tag: str) -> bool:
    """Whether If-None-Match names this entity tag, alone, in a list, or by `*`."""
    return if_none_match.strip() == "*" or tag in ENTITY_TAG.findall(if_none_match)
