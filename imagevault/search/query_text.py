"""The query: what was typed, without what nobody sees, and cut where a provider takes no more."""

import unicodedata

from imagevault.errors import BadInput

MAX_TEXT = 200  # characters, after invisible ones are left out
MAX_TYPED_TEXT = 4 * MAX_TEXT  # characters; to compose thousands of combining marks takes seconds
JOINERS = {"\u200c", "\u200d"}  # ZWNJ and ZWJ are part of words in Persian and Hindi, and of emoji
# Letters without a shape, though their category is that of letters and marks (Unicode: Default_Ignorable_Code_Point).
SHAPELESS = {"\u034f", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u3164", "\uffa0"}
INVISIBLE_CATEGORIES = {"Cc", "Cf", "Cs"}  # control and format characters, surrogates
VISIBLE_CLASSES = {"L", "N", "P", "S"}  # letters, digits, punctuation, symbols
# Python's tables are years behind: what they take for unassigned may be a new emoji or ideograph. These stay
# unassigned for ever, or are reserved for characters without a shape (Unicode: noncharacters, Default_Ignorable).
UNASSIGNED = "Cn"
NEVER_VISIBLE = (range(0x2065, 0x2066), range(0xFDD0, 0xFDF0), range(0xFFF0, 0xFFF9), range(0xE0000, 0xE1000))
EMOJI_TAGS = range(0xE0020, 0xE0080)  # they spell the region of a flag


def read_query(text: str | None) -> str:
    """Return the query that providers are asked for.

    It is composed (NFC), trimmed, with one blank for each run of blanks and line ends, and without invisible
    characters. Letter case and compatibility forms such as ½ stay as typed.

    Raises:
        BadInput: nothing visible is left, or it is longer than 200 characters.

    """
    typed = text or ""
    if len(typed) > MAX_TYPED_TEXT:
        raise _too_long()
    visible = "".join(char for char in typed if char.isspace() or not _is_invisible(char))
    query = " ".join(unicodedata.normalize("NFC", visible).split())
    if not any(_is_letter_or_sign(char) for char in query):
        raise BadInput("q", "must say what to search for; it holds no visible character")
    if len(query) > MAX_TEXT:
        raise _too_long()
    return query


def cut(text: str, max_length: int | None) -> str:
    """Return a query cut to this many characters, after a whole word where there is one."""
    if max_length is None or len(text) <= max_length:
        return text
    head = text[: max_length + 1]
    words, blank, _ = head.rpartition(" ")
    return words if blank else text[:max_length]


def _is_invisible(char: str) -> bool:
    if char in JOINERS or ord(char) in EMOJI_TAGS:
        return False
    category = unicodedata.category(char)
    if category == UNASSIGNED:
        return not _may_be_new(char)
    return char in SHAPELESS or category in INVISIBLE_CATEGORIES


def _is_letter_or_sign(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] in VISIBLE_CLASSES or category == UNASSIGNED  # those that are never visible are out by now


def _may_be_new(char: str) -> bool:
    """Whether a later version of Unicode than Python's may have given this code point a visible character."""
    code = ord(char)
    is_noncharacter = code & 0xFFFE == 0xFFFE
    return not is_noncharacter and not any(code in reserved for reserved in NEVER_VISIBLE)


def _too_long() -> BadInput:
    return BadInput("q", f"must have at most {MAX_TEXT} characters")
