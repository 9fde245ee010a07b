"""Say which type a value of a plugin should have, in the words of its author: `Author(...)`, and not `object`."""

import re
from collections.abc import Iterator
from typing import Any

from msgspec import inspect

from imagevault.config.sources import alternatives

# Of msgspec, for example: Expected `object | null`, got `str` - at `$.author`
MESSAGE = re.compile(
    r"(?:Expected `(?P<expected>[^`]{1,200})`, got `(?P<got>[^`]{1,200})`|Invalid enum value (?P<value>.{1,300}?))"
    r"(?: - at `(?P<key>key` in `)?\$(?P<path>[^`]{0,500})`)?"
)
STEP = re.compile(r"\.(?P<field>\w+)|\[(?P<element>\d+|\.\.\.)\]")
NAMES = {"object": "a dict", "array": "a list", "null": "None", "str": "a text", "int": "a number", "bool": "a bool"}


def explain_mismatch(error: Exception, type: Any, name: str = "") -> str:
    """Return what is wrong with a value, and what would be right.

    Args:
        error: what msgspec raised when it converted the value.
        type: the type that the value should have.
        name: the name of the value, if it has one.

    Returns:
        such as `author: must be Author(...) or None, not a text`. The words of msgspec where they are clear.

    """
    text = str(error)
    found = MESSAGE.fullmatch(text[:1200])
    if found is None:
        return _named(name, text.replace("`", "").replace("$.", ""))
    path = found["path"] or ""
    place = _type_at(inspect.type_info(type), path)
    if found["key"] is not None:
        place = next((kind.key_type for kind in _kinds(place) if isinstance(kind, inspect.DictType)), None)
    expected = _expected(place)
    if expected is None:
        return _named(name, text.replace("`", "").replace("$.", ""))
    got = found["value"] or NAMES.get(found["got"], found["got"])
    subject = "each key must be" if found["key"] is not None else "must be"
    return _named(f"{name}{path}".removeprefix("."), f"{subject} {expected}, not {got}")


def _named(name: str, message: str) -> str:
    return f"{name}: {message}" if name else message


def _type_at(node: inspect.Type | None, path: str) -> inspect.Type | None:
    """Return the type at the end of a path such as `.renditions[0].name`; None if the path leads nowhere."""
    for step in STEP.finditer(path):
        node = next((found for kind in _kinds(node) if (found := _inner(kind, step["field"])) is not None), None)
    return node


def _inner(node: inspect.Type, name: str | None) -> inspect.Type | None:
    """Return the type of a field of a Struct, or of an element of a list or a dict."""
    if name is not None:
        fields = node.fields if isinstance(node, inspect.StructType) else ()
        return next((field.type for field in fields if field.name == name), None)
    if isinstance(node, inspect.DictType):
        return node.value_type
    inner: inspect.Type | None = getattr(node, "item_type", None)
    return inner


def _kinds(node: inspect.Type | None) -> Iterator[inspect.Type]:
    """Yield the type itself, or those of a union, without the metadata around them."""
    if isinstance(node, inspect.Metadata):
        yield from _kinds(node.type)
    elif isinstance(node, inspect.UnionType):
        for inner in node.types:
            yield from _kinds(inner)
    elif node is not None:
        yield node


def _expected(node: inspect.Type | None) -> str | None:
    """Return the words for a type; None if there are none."""
    words = [_words(kind) for kind in _kinds(node)]
    known = [word for word in words if word is not None]
    return alternatives(known) if known and len(known) == len(words) else None


def _words(node: inspect.Type) -> str | None:
    match node:
        case inspect.StructType(cls=cls):
            return f"{cls.__name__}(...)"
        case inspect.LiteralType(values=values):
            return f"one of {', '.join(map(str, values))}"
        case inspect.NoneType():
            return "None"
        case inspect.StrType():
            return "a text"
        case inspect.IntType():
            return "a whole number"
        case inspect.FloatType():
            return "a number"
        case inspect.BoolType():
            return "True or False"
        case inspect.DictType(value_type=value):
            return f"a dict of {_plural(value)}"
    element = getattr(node, "item_type", None)
    return f"a list of {_plural(element)}" if element is not None else None


def _plural(node: inspect.Type) -> str:
    """Return the words for the elements of a list or dict."""
    words = _expected(node) or "values"
    return {"a text": "texts", "a whole number": "whole numbers", "a number": "numbers"}.get(words, words)
