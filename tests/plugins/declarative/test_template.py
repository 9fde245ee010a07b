"""Texts with placeholders: how they are filled, encoded and left out."""

import pytest

from imagevault.plugins.declarative.expressions import WrongExpression
from imagevault.plugins.declarative.template import Template, TextSource, encoded

RECORD = {"id": "a/b c", "base": "https://pictures.example/x", "count": 3, "yes": True, "none": None, "list": [1]}


class TestTemplate:
    @pytest.mark.parametrize(
        ("text", "filled"),
        [
            ("plain", "plain"),
            ("{id}.jpg", "a/b c.jpg"),
            ("{count} of {yes}", "3 of true"),
            ("{{ {count} }}", "{ 3 }"),
            ("{before(id, '/')}", "a"),
            ("{id}{none}", None),
            ("", ""),
        ],
    )
    def test_placeholders_are_filled(self, text: str, filled: str | None) -> None:
        assert Template(text).fill(RECORD) == filled

    @pytest.mark.parametrize(("text", "name"), [("{id}/{none}", "none"), ("{before(none, '/')}", "before(none, '/')")])
    def test_one_without_a_value_is_named(self, text: str, name: str) -> None:
        assert Template(text).unfilled(RECORD) == f"the placeholder {{{name}}} has no value"

    def test_what_is_put_in_is_encoded(self) -> None:
        """As one segment of a path; the text around it stays."""
        assert Template("works/{id}?x").fill(RECORD, encoded) == "works/a%2Fb%20c?x"

    def test_one_placeholder_alone_keeps_its_kind(self) -> None:
        """For a body in JSON."""
        assert Template("{count}").value(RECORD) == 3
        assert Template("{count} ").value(RECORD) == "3 "

    def test_a_list_is_no_text(self) -> None:
        with pytest.raises(ValueError, match="`list` found a list, and a text is needed"):
            Template("{list}").fill(RECORD)

    @pytest.mark.parametrize(
        ("text", "message"),
        [("{id", "without }"), ("id}", "without {"), ("{}", "is not JMESPath"), ("{upper(id)}", "no function upper")],
    )
    def test_what_is_wrong(self, text: str, message: str) -> None:
        with pytest.raises(WrongExpression, match=message):
            Template(text)


class TestTextSource:
    def test_a_brace_makes_a_template(self) -> None:
        assert TextSource("count").text(RECORD) == "3"
        assert TextSource("No. {count}").text(RECORD) == "No. 3"

    @pytest.mark.parametrize(
        ("written", "address"),
        [
            ("base", "https://pictures.example/x"),
            ("{base}/{id}.jpg", "https://pictures.example/x/a%2Fb%20c.jpg"),
            ("https://pictures.example/{id}", "https://pictures.example/a%2Fb%20c"),
            ("{none}/{id}", None),
            ("{base}/{none}", None),
        ],
    )
    def test_an_address_is_encoded_behind_its_beginning(self, written: str, address: str | None) -> None:
        assert TextSource(written).address(RECORD) == address

    def test_says_what_is_missing(self) -> None:
        assert TextSource("{base}/{none}").missing({"base": "x"}) == "it has no none; it has: base (text)"
