"""Repairing what makes the JSON of an upstream malformed as a whole, though one text or number of it is odd."""

import re
from collections.abc import Iterator

MAX_HALVES = 20_000  # escapes of halves in an answer; one with more stays as it is
MAX_REPAIRS = 10_000  # numbers that are none

# One half of a pair of escapes, as where an upstream cuts a text inside an emoji: "\ud83d" without "\ude00" behind it.
# A backslash before it may be the escape of a backslash, and then it is no escape: "\\ud83d" stays.
HALF_BEGINNINGS = (rb"\ud", rb"\uD")
LONE_HALF = re.compile(
    rb"(?<!\\)(?:\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)
REPLACEMENT = rb"\ufffd"  # as long as what it replaces

# What some languages write for a number that is none: `"width": NaN,`. `re` finds plain text first, and fast.
NO_NUMBER = re.compile(rb"NaN(?:(?<=[:,\[]NaN)|(?<=[:,\[] NaN))(?= ?[,}\]\r\n])")


def repaired(body: bytes) -> bytes:
    """Return JSON with U+FFFD for each unpaired half of an escaped character, and with null for each `NaN`.

    It takes time in proportion to the length. What cannot be repaired stays.
    """
    return NO_NUMBER.sub(b"null", _with_whole_characters(body), MAX_REPAIRS)


def _with_whole_characters(body: bytes) -> bytes:
    if not 0 < sum(body.count(beginning) for beginning in HALF_BEGINNINGS) <= MAX_HALVES:
        return body
    whole = bytearray(body)
    for start in _halves(body):
        if LONE_HALF.match(body, start):
            whole[start : start + len(REPLACEMENT)] = REPLACEMENT
    return bytes(whole)


def _halves(body: bytes) -> Iterator[int]:
    """Yield where the escapes of halves begin."""
    for beginning in HALF_BEGINNINGS:
        start = body.find(beginning)
        while start >= 0:
            yield start
            start = body.find(beginning, start + 1)
