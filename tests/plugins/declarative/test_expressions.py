"""JMESPath with the functions of declarative providers, and what is refused of it."""

from typing import Any

import pytest

from imagevault.plugins.declarative.expressions import Expression, WrongExpression, describe
from tests.support.linear_time import is_linear

RECORD = {"title": "Fox (2) & friends", "images": {"print": {"width": "3400"}, "full": None}, "tags": ["a", None, "b"]}


class TestFunctions:
    @pytest.mark.parametrize(
        ("expression", "found"),
        [
            ("without_suffix('a/info.json', '/info.json')", "a"),
            ("without_suffix('a', '/info.json')", "a"),
            ("before('Ada (Oslo) (1900)', ' (')", "Ada"),
            ("before_last('Ada (Oslo) (1900)', ' (')", "Ada (Oslo)"),
            ("before('Ada', ' (')", "Ada"),
            ("before('Ada', '')", "Ada"),
            ("after('id=7=8', '=')", "7=8"),
            ("after_last('id=7=8', '=')", "8"),
            ("after('id', '=')", None),
            ("letters_only('[\"Ærø\"]: AND x-9')", "Ærø AND x 9"),
            ("letters_only('\u0e2a\u0e49\u0e21')", "\u0e2a\u0e49\u0e21"),
            ("letters_only('?!')", None),
            ("letters_only('50% [off]', '%+')", "50% off"),
            ("number('3400')", 3400),
            ("number(' -0.5 ')", -0.5),
            ("number('3,400')", None),
            ("number('1e400')", None),
            ("number('²')", None),
            ("number(`7`)", 7),
            ("html('<p>Fish &amp; chips</p>')", "Fish & chips"),
            ("html('<br>')", None),
            ("sentence('A fox')", "A fox."),
            ("sentence('A fox.')", "A fox."),
            ("sentence('Which fox?')", "Which fox?"),
            ("sentence('')", ""),
            ("join(', ', tags[?@])", "a, b"),
            ("images.print.width", "3400"),
            ("images.full.width", None),
            ("nothing.at.all", None),
            ("tags.width", None),
        ],
    )
    def test_finds(self, expression: str, found: object) -> None:
        assert Expression(expression).find(RECORD) == found

    @pytest.mark.parametrize(
        "function",
        [
            "without_suffix(x, '')",
            "before(x, 'a')",
            "after(x, 'a')",
            "letters_only(x)",
            "number(x)",
            "html(x)",
            "sentence(x)",
        ],
    )
    def test_null_stays_null(self, function: str) -> None:
        assert Expression(function).find({"x": None}) is None

    @pytest.mark.parametrize(
        ("expression", "message"),
        [
            ("join(', ', tags)", r"join\(\) got null among its texts"),
            ("before(images, ' ')", r"before\(\) takes a text or null, not an object: "),
            ("letters_only(tags)", r"letters_only\(\) takes a text or null, not a list: "),
            ('sum(`[1, "x"]`)', r"sum\(\) takes a list of numbers, not a text in the list: 'x'"),
        ],
    )
    def test_a_value_of_the_wrong_kind_is_named(self, expression: str, message: str) -> None:
        with pytest.raises(ValueError, match=rf"`.*` failed: {message}"):
            Expression(expression).find(RECORD)


class TestRefused:
    @pytest.mark.parametrize(
        ("expression", "message"),
        [
            ("images.", r"`images\.` is not JMESPath: it ends too early; close each \[, \( and \{$"),
            ("", r"is not JMESPath: it is empty; write the name of a field$"),
            ("image-url", "a name with a dash needs quotes: write '\"image-url\"' in the file"),
            ("a.b-c", "a name with a dash needs quotes: write '\"b-c\"' in the file"),
            ("page-1", "JMESPath does not compute; .*; a name with a dash needs quotes$"),
            ("(a)/2", "JMESPath does not compute"),
            ("a[?b = 'c']", "= is not known; write == to compare$"),
            ("a[?w > 5]", "a number stands between backticks: `5`$"),
            ("a ? b", r"\? is not known \(character 3\)$"),
            ("a b", r"'b' cannot stand there \(character 3\)$"),
            ("'x", "the ' of character 1 is not closed$"),
            ("upper(title)", r"there is no function upper\(\)"),
            ("befor(title, 'x')", r"there is no function befor\(\)\. Did you mean before\?"),
            ("before(title)", r"before\(\) takes 2 values, not 1"),
            ("not_null()", r"not_null\(\) takes at least 1 values, not 0"),
            ("a" * 1001, "longer than 1000"),
            ("!" * 900 + "a", "nested too deeply"),
            ("[" * 40 + "a" + "]" * 40, "nested too deeply"),
            ("[@,@] | [@,@] | [@,@] | [@,@] | [@,@] | [@,@] | [@,@]", "multiplies"),
            ("map(&[@,@,@,@,@,@,@,@,@], [@,@,@,@,@,@,@,@,@])", "multiplies"),
        ],
    )
    def test_says_why(self, expression: str, message: str) -> None:
        with pytest.raises(WrongExpression, match=message):
            Expression(expression)

    def test_a_text_made_by_join_is_bounded(self) -> None:
        """A long separator between many texts would be as long as the product of both."""
        record = {"separator": "x" * 10_000, "texts": ["a"] * 10_000}

        with pytest.raises(ValueError, match="more than 100000 characters"):
            Expression("join(separator, texts)").find(record)

    @pytest.mark.parametrize(
        "expression", ["a[?b == 'x'].c | [0]", "a[].b[]", "join('', a[].d)", "sort(a[].d)", "a[*].*"]
    )
    def test_work_is_linear(self, expression: str) -> None:
        """In the size of what is read."""
        compiled = Expression(expression)
        records = {size: {"a": [{"b": ["y"], "c": 1, "d": "z"}] * size} for size in (5_000, 10_000)}

        assert is_linear(lambda size: compiled.find(records[size]), 5_000)

    def test_a_deep_answer_fails_alone(self) -> None:
        deep: Any = "x"
        for _ in range(100_000):
            deep = [deep]

        with pytest.raises(ValueError, match="failed"):
            Expression("a == b").find({"a": deep, "b": [deep]})


class TestMessages:
    @pytest.mark.parametrize(
        ("expression", "message"),
        [
            ("images.web.url", "images has no web; it has: print (object), full (null)"),
            ("pictures", "it has no pictures; it has: title (text), images (object), tags (list of 3)"),
            ("before(images.web.url, 'x')", "images has no web; it has: print (object), full (null)"),
            ("tags[7].name", "tags has no [7]; it has: a list of 3, first: 'a'"),
        ],
    )
    def test_what_was_there(self, expression: str, message: str) -> None:
        assert Expression(expression).missing(RECORD) == message

    def test_names_at_the_root(self) -> None:
        names = Expression("not_null(filters.color, before(text, 'x')) || list[?a == b].c | [0]").names()

        assert names == {("filters", "color"), ("text",), ("list",)}

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (None, "null"),
            ([], "a list of 0"),
            ({f"k{n}": n for n in range(14)}, "k10 (number), k11 (number) and 2 more"),
            ("x" * 1000, "…"),
        ],
    )
    def test_a_value_in_words(self, value: object, text: str) -> None:
        described = describe(value)

        assert described.endswith(text)
        assert len(described) <= 300
