"""JMESPath with the functions of declarative providers: compiled and judged at load, so that no answer can run wild.

JMESPath selects (https://jmespath.org); it cannot cut a text or read a number out of one. The functions here do that:

    without_suffix(text, suffix)   the text without this end
    before(text, mark)             what stands before the first mark; the whole text if there is no mark
    before_last(text, mark)        what stands before the last mark; the whole text if there is no mark
    after(text, mark)              what stands after the first mark; null if there is no mark
    after_last(text, mark)         what stands after the last mark; null if there is no mark
    letters_only(text)             letters, digits and single blanks; null if nothing is left
    letters_only(text, kept)       the same, and these characters
    number(text)                   the number that a text is; null if it is none
    html(text)                     the text of HTML; see `imagevault.text_of`
    sentence(text)                 the text with a full stop, unless it ends in a stop already

Each of them answers null for null.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

import jmespath
from jmespath import exceptions, functions, visitor

from imagevault.config.sources import nearest
from imagevault.plugins.declarative.expression_faults import failure, syntax_fault
from imagevault.plugins.html_text import text_of

MAX_LENGTH = 1000  # characters of an expression
MAX_DEPTH = 30  # expressions in expressions
MAX_GROWTH = 64  # how many times its input an expression may read or write
MAX_JOINED = 100_000  # characters that join() makes
MAX_SHOWN_NAMES = 12  # of an object, in messages
MAX_SHOWN = 300  # characters of a value, in messages
NUMBER = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?")  # 3400, -0.5
STOPS = (".", "!", "?", "…")  # what ends a sentence
TEXT = {"types": ["string", "null"]}
MARK = {"types": ["string"]}
TYPE_NAMES = {dict: "object", list: "list", str: "text", bool: "true or false", int: "number", float: "number"}

Ast = Mapping[str, Any]
"""A node of the tree that jmespath makes: its `type`, `children` and, where it has one, `value`."""


class WrongExpression(ValueError):
    """An expression that cannot be used. The message says why."""


class Functions(functions.Functions):  # type: ignore[misc]  # jmespath has no types
    """The functions of JMESPath, and those of declarative providers."""

    @functions.signature(TEXT, MARK)  # type: ignore[untyped-decorator]
    def _func_without_suffix(self, text: str | None, suffix: str) -> str | None:
        return None if text is None else text.removesuffix(suffix)

    @functions.signature(TEXT, MARK)  # type: ignore[untyped-decorator]
    def _func_before(self, text: str | None, mark: str) -> str | None:
        if text is None or not mark:
            return text
        return text.split(mark, 1)[0]

    @functions.signature(TEXT, MARK)  # type: ignore[untyped-decorator]
    def _func_before_last(self, text: str | None, mark: str) -> str | None:
        if text is None or not mark:
            return text
        return text.rsplit(mark, 1)[0]

    @functions.signature(TEXT, MARK)  # type: ignore[untyped-decorator]
    def _func_after(self, text: str | None, mark: str) -> str | None:
        if text is None or not mark or mark not in text:
            return None
        return text.split(mark, 1)[1]

    @functions.signature(TEXT, MARK)  # type: ignore[untyped-decorator]
    def _func_after_last(self, text: str | None, mark: str) -> str | None:
        if text is None or not mark or mark not in text:
            return None
        return text.rsplit(mark, 1)[1]

    @functions.signature({**TEXT, "variadic": True})  # type: ignore[untyped-decorator]
    def _func_letters_only(self, text: str | None, kept: str = "") -> str | None:
        if text is None:
            return None
        # Categories L, M and N: letters, the marks that belong to them, and digits.
        letters = (char if char in kept or unicodedata.category(char)[0] in "LMN" else " " for char in text)
        return " ".join("".join(letters).split()) or None

    @functions.signature({"types": ["string", "number", "null"]})  # type: ignore[untyped-decorator]
    def _func_number(self, value: str | float | None) -> float | None:
        if not isinstance(value, str):
            return value
        text = value.strip()[:40]
        if NUMBER.fullmatch(text) is None:
            return None
        return float(text) if "." in text else int(text)

    @functions.signature(TEXT)  # type: ignore[untyped-decorator]
    def _func_html(self, text: str | None) -> str | None:
        if text is None:
            return None
        return text_of(text) or None

    @functions.signature(TEXT)  # type: ignore[untyped-decorator]
    def _func_sentence(self, text: str | None) -> str | None:
        return text if not text or text.endswith(STOPS) else f"{text}."

    @functions.signature({"types": ["string"]}, {"types": ["array"]})  # type: ignore[untyped-decorator]
    def _func_join(self, separator: str, texts: list[str]) -> str:
        """JMESPath's own, but bounded: a long separator between many texts is longer than both."""
        for text in texts:
            if text is None:
                raise ValueError("join() got null among its texts; write `x && join(...)`, where x may be null")
            if not isinstance(text, str):
                raise TypeError(f"join() got {kind_of(text)} among its texts; write to_string(x)")
        length = sum(map(len, texts)) + len(separator) * len(texts)
        if length > MAX_JOINED:
            raise ValueError(f"join() makes a text of more than {MAX_JOINED} characters")
        return separator.join(texts)


_INTERPRETER = visitor.TreeInterpreter(visitor.Options(custom_functions=Functions()))
_FAILURES = (exceptions.JMESPathError, ValueError, TypeError, ArithmeticError, RecursionError)


class Expression:
    """A compiled expression. Evaluating it reads a value a bounded number of times.

    Attributes:
        text: as it was written.

    Raises:
        WrongExpression: it is not JMESPath, calls a function that does not exist, or could read far more than it gets.

    """

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > MAX_LENGTH:
            raise WrongExpression(f"is longer than {MAX_LENGTH} characters; make it shorter")
        try:
            self._ast: Ast = jmespath.compile(text).parsed
        except RecursionError:
            raise WrongExpression("is nested too deeply; make it simpler") from None
        except (exceptions.JMESPathError, ValueError) as error:
            raise WrongExpression(f"`{text}` is not JMESPath: {syntax_fault(text, error)}") from None
        self._check()
        self._names = _plain_names(self._ast)
        self._reads_let = any(name[0] == "let" for name in self.names())

    def find(self, value: Any) -> Any:
        """Return what the expression finds in a value; None if it finds nothing.

        Raises:
            ValueError: a function of the expression cannot take what it was given.

        """
        if self._names:  # ten times as fast as the interpreter, and most expressions are of this kind
            for name in self._names:
                value = value.get(name) if isinstance(value, dict) else None
            return value
        try:
            return _INTERPRETER.visit(self._ast, value)
        except _FAILURES as error:
            raise ValueError(f"`{self.text}` failed: {failure(error)}") from None

    def names(self) -> set[tuple[str, ...]]:
        """Return the names at the root that it reads, each with the one below it if that is named: `("filters", "x")`.

        Names that it reads inside of a list or behind a pipe are left out.
        """
        return set(_roots(self._ast))

    def missing(self, value: Any) -> str:
        """Say where in a value the search for this expression ended: `images has no web; it has: print, full`."""
        if isinstance(value, dict) and isinstance(value.get("let"), dict) and not self._reads_let:
            value = {name: inner for name, inner in value.items() if name != "let"}  # the file's, not the upstream's
        found, way = value, ""
        for name in _steps(self._ast):
            below = _below(found, name)
            if below is None:
                is_null = isinstance(found, dict) and name in found
                lacks = f"{f'{way}.{name}'.lstrip('.')} is null" if is_null else f"{way or 'it'} has no {name}"
                return f"{lacks}; it has: {describe(found)}"
            found, way = below, f"{way}{name}" if name.startswith("[") else f"{way}.{name}".lstrip(".")
        return f"it has: {describe(value)}"

    def _check(self) -> None:
        for node, depth in _nodes(self._ast):
            if depth > MAX_DEPTH:
                raise WrongExpression("is nested too deeply; make it simpler")
            if node["type"] == "function_expression":
                _check_function(node)
        if _growth(self._ast) > MAX_GROWTH:
            raise WrongExpression("multiplies what it reads too often; use fewer lists of expressions in each other")


def is_true(value: object) -> bool:
    """Return whether JMESPath counts a value as true: all but null, false, and an empty text, list or object."""
    return value is not None and value is not False and value not in ("", [], {})


def describe(value: Any) -> str:
    """Return what a value is, for messages: the names in an object with their kinds, else the kind and the start."""
    if isinstance(value, dict):
        shown = [f"{name} ({_kind(inner)})" for name, inner in list(value.items())[:MAX_SHOWN_NAMES]]
        more = len(value) - len(shown)
        return _cut(", ".join(shown) + (f" and {more} more" if more > 0 else "")) or "nothing"
    if isinstance(value, list):
        return _cut(f"a list of {len(value)}" + (f", first: {describe(value[0])}" if value else ""))
    return _cut(f"{value!r}") if value is not None else "null"


def kind_of(value: Any) -> str:
    """Return the kind of a value in plain words: `a list`, `a text`."""
    if value is None:
        return "null"
    name = TYPE_NAMES.get(type(value), type(value).__name__)
    return f"{'an' if name == 'object' else 'a'} {name}"


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"list of {len(value)}"
    return TYPE_NAMES.get(type(value), type(value).__name__)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def _nodes(node: Ast, depth: int = 0) -> Iterator[tuple[Ast, int]]:
    """Yield each node below this one and its depth. Stops where an expression is nested too deeply anyway."""
    yield node, depth
    if depth > MAX_DEPTH:
        return
    for child in node.get("children", ()):
        if isinstance(child, Mapping):  # the parts of a slice are numbers
            yield from _nodes(child, depth + 1)


def _check_function(node: Ast) -> None:
    name = node["value"]
    table = Functions.FUNCTION_TABLE
    if name not in table:
        raise WrongExpression(f"there is no function {name}().{nearest(name, table)}")
    expected = table[name]["signature"]
    given = len(node["children"])
    is_variadic = bool(expected) and bool(expected[-1].get("variadic"))
    if given < len(expected) or (given > len(expected) and not is_variadic):
        wanted = f"{'at least ' if is_variadic else ''}{len(expected)}"
        raise WrongExpression(f"{name}() takes {wanted} values, not {given}")


def _growth(node: Ast) -> int:
    """Return how many times its input the result of a node can be at most, and about how often it is read.

    Each list of expressions multiplies: `[@, @] | [@, @]` gives four times what it gets.
    """
    children = [child for child in node.get("children", ()) if isinstance(child, Mapping)]
    grown = [_growth(child) for child in children]
    match node["type"]:
        case "multi_select_list" | "multi_select_dict" | "or_expression" | "and_expression" | "comparator":
            return sum(grown)
        case "function_expression":
            per_element = [growth for child, growth in zip(children, grown, strict=True) if child["type"] == "expref"]
            return max(1, sum(grown)) * max([1, *per_element])
        case _:
            product = 1
            for growth in grown:
                product *= growth
            return min(product, MAX_GROWTH + 1)


def _roots(node: Ast) -> Iterator[tuple[str, ...]]:
    children = node.get("children", ())
    match node["type"]:
        case "field":
            yield (node["value"],)
        case "subexpression" if children[0]["type"] == children[1]["type"] == "field":
            yield (children[0]["value"], children[1]["value"])
        case "subexpression" | "index_expression" | "projection" | "value_projection" | "filter_projection" | "pipe":
            yield from _roots(children[0])
        case "expref" | "literal" | "slice":
            pass
        case _:
            for child in children:
                yield from _roots(child)


def _plain_names(node: Ast) -> tuple[str, ...]:
    """Return the names that an expression goes down if it does nothing else: `a.b.c`; else none."""
    if node["type"] == "field":
        return (node["value"],)
    children = node.get("children", ())
    is_plain = node["type"] == "subexpression" and all(child["type"] == "field" for child in children)
    return tuple(child["value"] for child in children) if is_plain else ()


def _steps(node: Ast) -> Iterator[str]:
    """Yield the names and positions that an expression goes down, as far as it is a plain path."""
    children = node.get("children", ())
    match node["type"]:
        case "field":
            yield node["value"]
        case "index":
            yield f"[{node['value']}]"
        case "subexpression" | "index_expression":
            for child in children:
                yield from _steps(child)
        case "projection" | "filter_projection" if _steps_end_in_list(children[0]):
            yield from _steps(children[0])
            yield "[0]"
            yield from _steps(children[1])
        case "pipe" | "projection" | "filter_projection" | "flatten":
            yield from _steps(children[0])
        case "function_expression" if children:
            yield from _steps(children[0])


def _steps_end_in_list(node: Ast) -> bool:
    """Return whether the steps of a node lead to the list that a projection goes through."""
    return node["type"] in {"field", "flatten", "subexpression", "projection", "identity"}


def _below(value: Any, name: str) -> Any:
    if name.startswith("["):
        position = int(name[1:-1])
        return value[position] if isinstance(value, list) and -len(value) <= position < len(value) else None
    return value.get(name) if isinstance(value, dict) else None
