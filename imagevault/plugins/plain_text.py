"""Plain text from strangers, made fit to show and to store: without control characters, without bidi controls."""

import unicodedata
from collections.abc import Collection, Iterator, Mapping

CONTROLS = {"Cc", "Cs"}  # Unicode categories: control characters (U+0000 among them), surrogates
REPLACED = CONTROLS | {"Zl", "Zp"}  # and line separators
LINE_BREAKS = {"\n", "\r", "\t"}  # control characters that a text of several lines keeps
READ_FACTOR = 2  # of a text this many times its greatest length is read; the rest costs no work
# Embeddings, overrides and isolates turn the letters around them, also those of the page that shows the text
# (https://www.unicode.org/reports/tr9/). The marks U+200E, U+200F and U+061C stay: they are part of correct writing.
BIDI_CONTROLS = {"\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"}
BYTE_ORDER_MARK = "\ufeff"
DROPPED = BIDI_CONTROLS | {BYTE_ORDER_MARK}


def one_line(text: str | None, max_length: int) -> str | None:
    """Return a text on one line with single blanks, cut to `max_length` characters; None if nothing is left.

    Control characters become blanks, bidi controls vanish, and everything else stays letter by letter.
    """
    if not text:
        return None
    text = text[: READ_FACTOR * max_length]
    if not text.isprintable():
        text = "".join(_shown(char) for char in text)
    text = " ".join(text.split())
    if len(text) > max_length:
        text = text[: max_length - 1].rstrip() + "…"
    return text or None


def several_lines(text: str | None) -> str | None:
    """Return a text with its line breaks, tabs and blanks as they are; None if there is nothing to see.

    Other control characters become blanks, bidi controls vanish, and everything else stays letter by letter.
    """
    if not text:
        return None
    if not text.isprintable():
        text = "".join(char if char in LINE_BREAKS else _shown(char) for char in text)
    return text if has_visible(text) else None


def has_visible(text: str) -> bool:
    """Whether a text holds anything to see: no blank, control or zero-width character (Unicode categories Z and C)."""
    return any(unicodedata.category(char)[0] not in "ZC" for char in text)


def without_controls(text: str, max_length: int) -> str:
    """Return a text without control characters and surrogates, cut to `max_length` characters.

    Everything else stays letter by letter, for texts that nobody reads, such as addresses. PostgreSQL stores no U+0000,
    and a surrogate is no UTF-8.
    """
    text = text[:max_length]
    if text.isprintable():
        return text
    return "".join(char for char in text if unicodedata.category(char) not in CONTROLS)


def is_storable(text: str) -> bool:
    """Whether both databases store a text: it holds no U+0000, and no surrogate, which is no UTF-8."""
    return text.isprintable() or not any(char == "\0" or unicodedata.category(char) == "Cs" for char in text)


def texts_in(value: object) -> Iterator[str]:
    """Yield every text in a value of plain types."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from texts_in(key)
            yield from texts_in(inner)
    elif isinstance(value, Collection):
        for inner in value:
            yield from texts_in(inner)


def _shown(char: str) -> str:
    if char in DROPPED:
        return ""
    return " " if unicodedata.category(char) in REPLACED else char
