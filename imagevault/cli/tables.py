"""Tables and texts for a terminal of any width. A line breaks between two words and never inside one.

A cell that does not fit beside the others stands below its row, with the name of its column:

    provider   state         quota left
    pexels     unconfigured
        problem: PEXELS_API_KEY is not set (or api_key in [providers.pexels])
"""

import re
from collections.abc import Iterator, Sequence

from rich.cells import cell_len

GAP = "  "  # between two columns
INDENT = "    "  # of what stands below
WORD = re.compile(r"\s*\S+")  # a word with the blanks before it

Cells = Sequence[str]
Lengths = Sequence[Sequence[int]]
"""The lengths of the cells of each row."""


def lay_out(columns: Cells, rows: Sequence[Sequence[object]], width: int | None) -> list[str]:
    """The lines of a table, its heading first. A column without any value is left out, unless it is the first.

    Args:
        columns: their names.
        rows: the cells, None for an empty one. A cell may have several lines.
        width: of the terminal, in characters; None if lines may have any length.

    """
    texts = [["" if cell is None else str(cell).rstrip() for cell in row] for row in rows]
    used = [column for column in range(len(columns)) if column == 0 or any(row[column] for row in texts)]
    names = [columns[column] for column in used]
    cells = [[row[column] for column in used] for row in texts]
    widths = _widths(names, cells, width)
    lines = [_line(names, widths)]
    for row in cells:
        lines += _row(names, row, widths, width)
    return lines


def wrap(text: str, width: int | None, indent: str = INDENT) -> list[str]:
    """Break a text between words. Every line but the first begins with `indent`. A longer word has its own line."""
    lines: list[str] = []
    line = ""
    for word in WORD.findall(text):
        if line and width is not None and cell_len(line + word) > width:
            lines.append(line)
            line = indent + word.lstrip()
        else:
            line += word
    return [*lines, line]


def _widths(names: Cells, rows: Sequence[Cells], width: int | None) -> list[int]:
    """The width of each column; 0 for one whose cells all stand below.

    Of all widths that fit, those are taken that leave the fewest cells below, and among these the last columns' cells.
    """
    lengths = [[_length(cell) for cell in row] for row in rows]
    longest = max((length for row in lengths for length in row), default=0)
    if width is None:
        return _widths_within(names, lengths, longest, len(names))
    limits = {length for row in lengths for length in row if length <= width} | {0}
    candidates = [
        _widths_within(names, lengths, limit, kept) for limit in sorted(limits) for kept in range(1, len(names) + 1)
    ]
    fitting = [widths for widths in candidates if _total(widths) <= width]
    return min(fitting or candidates[:1], key=lambda widths: _cost(lengths, widths))


def _widths_within(names: Cells, lengths: Lengths, limit: int, kept: int) -> list[int]:
    """The widths of the first `kept` columns if their cells have at most `limit` characters.

    A column of which most cells have more goes below as a whole.
    """
    widths: list[int] = []
    for column, name in enumerate(names):
        filled = [row[column] for row in lengths if row[column]]
        fitting = [length for length in filled if length <= limit]
        goes_below = column >= kept or (column > 0 and len(fitting) * 2 < len(filled))
        widths.append(0 if goes_below else max([cell_len(name), *fitting]))
    return widths


def _total(widths: Sequence[int]) -> int:
    """The length of a line with all columns."""
    shown = [width for width in widths if width]
    return sum(shown) + len(GAP) * (len(shown) - 1)


def _cost(lengths: Lengths, widths: Sequence[int]) -> tuple[int, int]:
    """How many cells do not fit, and how far to the left they are."""
    below = [column for row in lengths for column, length in enumerate(row) if length > widths[column]]
    return len(below), sum(len(widths) - column for column in below)


def _row(names: Cells, row: Cells, widths: Sequence[int], width: int | None) -> Iterator[str]:
    """The lines of a row: the cells that fit, side by side, then those that do not."""
    fits = [_length(cell) <= column_width for cell, column_width in zip(row, widths, strict=True)]
    beside = [cell if is_fitting else "" for cell, is_fitting in zip(row, fits, strict=True)]
    if not fits[0]:
        yield row[0]
    if fits[0] or any(beside):
        parts = [cell.split("\n") for cell in beside]
        for number in range(max(map(len, parts))):
            yield _line([part[number] if number < len(part) else "" for part in parts], widths)
    for name, cell, is_fitting in list(zip(names, row, fits, strict=True))[1:]:
        if cell and not is_fitting:
            below = "; ".join(cell.split("\n"))
            yield from wrap(f"{INDENT}{name}: {below}", width, indent=2 * INDENT)


def _line(cells: Cells, widths: Sequence[int]) -> str:
    """Cells side by side, padded to the widths of their columns."""
    padded = [
        cell + " " * (column_width - cell_len(cell))
        for cell, column_width in zip(cells, widths, strict=True)
        if column_width
    ]
    return GAP.join(padded).rstrip()


def _length(cell: str) -> int:
    """The width of a cell in characters of the terminal: that of its longest line."""
    return max(map(cell_len, cell.split("\n")))
