"""The query: what is asked is what was typed."""

import pytest

from imagevault.errors import BadInput
from imagevault.search.query_text import cut, read_query

KEPT = [
    "İstanbul",
    "IŞIK",
    "LEGO™ bricks",
    "Σίσυφος",
    "½ moon",
    "№ 7",
    "㈱",
    "Buße",
    "ＡＢＣ",
    "-dog cat",
    "ส้ม",
    "🦊",
    "👨\u200d👩\u200d👧",
    "می\u200cخواهم",
    "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "!!!",
    "\U0001fae9",  # a face of Unicode 16, which Python 3.11 does not know
    "\U00031350",  # an ideograph of Unicode 15
]


@pytest.mark.parametrize("typed", KEPT)
def test_is_kept_as_typed(typed: str) -> None:
    assert read_query(typed) == typed


@pytest.mark.parametrize(
    ("typed", "query"),
    [
        ("  lily \u3000\t pond\n", "lily pond"),
        ("lily\u200b pond", "lily pond"),
        ("li\u00adly", "lily"),
        ("\ufefflily\u202e", "lily"),
        ("lily\x00pond\x07", "lilypond"),
        ("cafe\u0301", "café"),
        ("lily\u3164", "lily"),
        ("lily\ufffe\U0010ffff\ufdd0\u2065\ufff0\U000e0fff", "lily"),
    ],
)
def test_loses_what_nobody_sees(typed: str, query: str) -> None:
    assert read_query(typed) == query


@pytest.mark.parametrize(
    "typed",
    [
        None,
        "",
        "   ",
        "\u200b",
        "\ufeff",
        "\u00ad",
        "\x00\x07",
        "\u200d\u200c",
        "\u3164",
        "\ud800",
        "\u0301",
        "\uffff",
        "\U000e0fff",
    ],
)
def test_must_hold_something_visible(typed: str | None) -> None:
    with pytest.raises(BadInput, match="no visible character"):
        read_query(typed)


@pytest.mark.parametrize("typed", ["x" * 201, "é" * 201, " " * 1000 + "x"])
def test_has_a_greatest_length(typed: str) -> None:
    with pytest.raises(BadInput, match="at most 200"):
        read_query(typed)


@pytest.mark.parametrize(
    ("text", "length", "cut_text"),
    [
        ("red fox in snow", None, "red fox in snow"),
        ("red fox in snow", 15, "red fox in snow"),
        ("red fox in snow", 14, "red fox in"),
        ("red fox in snow", 10, "red fox in"),
        ("red fox in snow", 9, "red fox"),
        ("redfoxinsnow", 6, "redfox"),
    ],
)
def test_is_cut_after_a_word(text: str, length: int | None, cut_text: str) -> None:
    assert cut(text, length) == cut_text
