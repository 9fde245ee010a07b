"""The lines of a TOML text on which its keys stand, for messages. tomllib tells none."""

import tomllib
from collections.abc import Callable, Sequence
from typing import Any

Document = dict[str, Any]


def line_of(text: str, way: Sequence[str | int]) -> int | None:
    """Return the line, from 1, on which a value begins; None if the text does not hold it.

    Args:
        text: a whole TOML text.
        way: the names of tables and the positions in lists that lead to the value: `("image", "renditions", 2, "url")`.

    """
    return first_line(text, lambda document: _holds(document, way))


def first_line(text: str, holds: Callable[[Document], bool]) -> int | None:
    """Return the line, from 1, on which the part of a TOML text begins that makes `holds` true.

    A binary search finds the shortest run of lines from the top for which it is true. A run that ends within a value
    cannot be parsed; the search then takes the next longer run that can.

    Args:
        text: a whole TOML text.
        holds: whether a document has that part. It stays true for every longer run of lines.

    """
    lines = text.split("\n")
    total = len(lines)
    whole = _parsed(lines, total)
    if whole is None or not holds(whole):
        return None
    without = 0  # this many lines do not hold it
    found = total  # this many lines hold it
    bound = total  # no run from here on needs to be tried
    while bound - without > 1:
        middle = (without + bound) // 2
        shortest = _shortest_run(lines, middle, bound)
        if shortest is None:
            bound = middle
            continue
        count, document = shortest
        if holds(document):
            found = count
            bound = middle
        else:
            without = count
    return _first_line_with_content(lines, without + 1, found)


def _shortest_run(lines: list[str], first: int, bound: int) -> tuple[int, Document] | None:
    """The shortest run of `first` up to `bound` - 1 lines that can be parsed, with its document."""
    for count in range(first, bound):
        document = _parsed(lines, count)
        if document is not None:
            return count, document
    return None


def _parsed(lines: list[str], count: int) -> Document | None:
    """The document of the first `count` lines; None if they end within a value."""
    try:
        return tomllib.loads("\n".join(lines[:count]))
    except (ValueError, RecursionError):
        return None


def _first_line_with_content(lines: list[str], first: int, last: int) -> int:
    """The first of these lines that is neither blank nor a comment; `last` if there is none."""
    for number in range(first, last + 1):
        content = lines[number - 1].strip()
        if content and not content.startswith("#"):
            return number
    return last


def _holds(value: Any, way: Sequence[str | int]) -> bool:
    if not way:
        return True
    first, *rest = way
    if isinstance(value, dict):
        return first in value and _holds(value[first], rest)
    if isinstance(value, list) and isinstance(first, int):
        return first < len(value) and _holds(value[first], rest)
    return False
