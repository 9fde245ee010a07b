"""Tables and texts for a terminal of any width."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from imagevault.cli.tables import lay_out, wrap

COLUMNS = ("image", "licence", "day", "credit")
SHORT = ("local:a.jpg", "CC0 1.0", "2026-05-06", "A fox by Ada")
LONG = ("local:b.jpg", "CC0 1.0", "2026-05-07", "A red fox in deep snow by Ada of Example")


class TestTable:
    def test_that_fits(self) -> None:
        """Columns side by side, two blanks between them, and no blank at the end of a line."""
        assert lay_out(COLUMNS, [SHORT, LONG], 80) == [
            "image        licence  day         credit",
            "local:a.jpg  CC0 1.0  2026-05-06  A fox by Ada",
            "local:b.jpg  CC0 1.0  2026-05-07  A red fox in deep snow by Ada of Example",
        ]

    def test_a_cell_that_is_too_long_stands_below(self) -> None:
        """With the name of its column, and broken between words. The other rows keep theirs."""
        assert lay_out(COLUMNS, [SHORT, LONG], 50) == [
            "image        licence  day         credit",
            "local:a.jpg  CC0 1.0  2026-05-06  A fox by Ada",
            "local:b.jpg  CC0 1.0  2026-05-07",
            "    credit: A red fox in deep snow by Ada of",
            "        Example",
        ]

    def test_most_of_a_column_that_is_too_long(self) -> None:
        """All its cells stand below: one of them beside the others would look like a mistake."""
        assert lay_out(COLUMNS, [SHORT, LONG, LONG], 50) == [
            "image        licence  day",
            "local:a.jpg  CC0 1.0  2026-05-06",
            "    credit: A fox by Ada",
            *["local:b.jpg  CC0 1.0  2026-05-07", "    credit: A red fox in deep snow by Ada of", "        Example"]
            * 2,
        ]

    def test_a_first_cell_that_is_too_long(self) -> None:
        """It has a line of its own and is never broken: people copy it. The rest stays in its columns."""
        image = f"local:{'x' * 60}.jpg"

        assert lay_out(COLUMNS, [SHORT, (image, *SHORT[1:])], 50) == [
            "image        licence  day         credit",
            "local:a.jpg  CC0 1.0  2026-05-06  A fox by Ada",
            image,
            "             CC0 1.0  2026-05-06  A fox by Ada",
        ]

    def test_of_two_cells_that_do_not_fit_both(self) -> None:
        """The one further to the left stays: the first columns say most."""
        row = ("acme", "ok, again in 27 s", "62%, the rest missed")

        assert lay_out(("provider", "state", "cache"), [row], 36) == [
            "provider  state",
            "acme      ok, again in 27 s",
            "    cache: 62%, the rest missed",
        ]
        assert lay_out(("provider", "cache", "state"), [(row[0], row[2], row[1])], 36)[1:] == [
            "acme      62%, the rest missed",
            "    state: ok, again in 27 s",
        ]

    def test_columns_that_do_not_fit(self) -> None:
        """The last ones stand below, whatever the length of their cells."""
        assert lay_out(COLUMNS, [SHORT], 25) == [
            "image        licence",
            "local:a.jpg  CC0 1.0",
            "    day: 2026-05-06",
            "    credit: A fox by Ada",
        ]

    def test_in_a_pipe(self) -> None:
        """A row is one line, however long."""
        assert lay_out(COLUMNS, [(*SHORT[:3], "x " * 500)], None)[1] == f"{'  '.join(SHORT[:3])}  {'x ' * 500}".rstrip()

    def test_a_column_without_a_value(self) -> None:
        """It is left out, unless it is the first. A table without rows has its first column."""
        assert lay_out(("a", "b", "c"), [("1", None, 3), ("", "", 0)], 80) == ["a  c", "1  3", "   0"]
        assert lay_out(("a", "b"), [], 80) == ["a"]

    def test_a_cell_of_several_lines(self) -> None:
        """Beside others its lines stand under each other; below its row they are one text."""
        row = ("acme", "14 of 20/minute\n194 of 200/day", "imagevault 0.1.0")

        assert lay_out(("provider", "quota left", "source"), [row], 80) == [
            "provider  quota left       source",
            "acme      14 of 20/minute  imagevault 0.1.0",
            "          194 of 200/day",
        ]
        assert lay_out(("provider", "quota left", "source"), [row], 24) == [
            "provider",
            "acme",
            "    quota left: 14 of",
            "        20/minute; 194",
            "        of 200/day",
            "    source: imagevault",
            "        0.1.0",
        ]

    def test_wide_characters_take_two_places(self) -> None:
        """Those of Chinese and Japanese, in a terminal."""
        lines = lay_out(("image", "title"), [("local:山.jpg", "a"), ("local:ab.jpg", "b")], 80)

        assert [cell_len(line[: line.rindex(" ")]) for line in lines[1:]] == [13, 13]

    @given(
        st.lists(st.tuples(*[st.text("ab 山\n", max_size=40)] * 4), max_size=6),
        st.integers(12, 100),
    )
    @example([("aaaaaaaaa 山 ", "", "", "")], 12)
    def test_no_word_is_lost_or_broken(self, rows: list[tuple[str, ...]], width: int) -> None:
        """And no line is longer than the terminal, unless it has one word, or is a first cell."""
        lines = lay_out(COLUMNS, rows, width)

        for row in rows:
            for word in " ".join(row).replace("\n", " ").split():
                assert any(word in line.replace(";", " ").split() for line in lines)
        first = {row[0].rstrip() for row in rows}
        for line in lines[1:]:
            assert cell_len(line) <= width or line in first or len(line.split(": ")[-1].split()) <= 1


class TestWrap:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("one two three", ["one two", "    three"]),
            ("  one two", ["  one two"]),
            ("one  twelve", ["one", "    twelve"]),
            ("incomprehensible", ["incomprehensible"]),
            ("an incomprehensible word", ["an", "    incomprehensible", "    word"]),
            ("", [""]),
        ],
    )
    def test_between_words(self, text: str, expected: list[str]) -> None:
        assert wrap(text, 10) == expected

    def test_in_a_pipe(self) -> None:
        assert wrap("one  two " * 50, None) == [("one  two " * 50).rstrip()]
