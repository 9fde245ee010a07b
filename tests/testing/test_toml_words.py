"""The messages of the suite for authors of TOML files."""

import ast
from pathlib import Path

import pytest

from imagevault.testing.checks import toml_words
from imagevault.testing.checks.toml_words import WORDS, in_words_of_toml

CODE = Path(toml_words.__file__).parents[2]


def texts_of_the_code() -> set[str]:
    """Every text in the code, but for those of the table itself."""
    files = [path for path in CODE.rglob("*.py") if path != Path(toml_words.__file__)]
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


@pytest.mark.parametrize("words", WORDS)
def test_each_stands_in_a_message(words: str) -> None:
    """Otherwise a message has changed, and authors of TOML files read Python again."""
    assert any(words in text for text in texts_of_the_code())


def test_the_longest_words_win() -> None:
    message = "the call has no page: send query.page, or query.page - 1 where the upstream counts from 0"

    assert in_words_of_toml(message) == "the call has no page: send {page}, or {page_from_0}"
