"""The line of a value in a TOML text, by the way that leads to it."""

import pytest

from imagevault.config.toml_lines import line_of

TEXT = """\
# a comment
[image]
title = "a"
let.base = "b"

[[image.files]]
name = "small"

[[image.files]]
name = "large"
url = '''
https://pictures.example/
'''
box = [
    1,
    2,
]
["odd.name"]
x = 1
"""


@pytest.mark.parametrize(
    ("way", "line"),
    [
        (("image",), 2),
        (("image", "title"), 3),
        (("image", "let", "base"), 4),
        (("image", "files", 0, "name"), 7),
        (("image", "files", 1), 9),
        (("image", "files", 1, "url"), 11),
        (("image", "files", 1, "box"), 14),
        (("odd.name", "x"), 19),
        (("image", "files", 2), None),
        (("image", "title", "below"), None),
        (("nothing",), None),
    ],
)
def test_the_line_on_which_a_value_begins(way: tuple[str | int, ...], line: int | None) -> None:
    assert line_of(TEXT, way) == line


def test_a_text_that_is_no_toml_has_no_lines() -> None:
    assert line_of("[image", ("image",)) is None
