"""The values in the body of a call, each by its place, so that two calls can be compared value by value."""

from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import msgspec

Place: TypeAlias = tuple[str | int, ...]
"""Where a value stands in a call: `("query", 1, "page")`, `("path", 2)`, `("json", "variables", "first")`."""


def json_in(body: bytes) -> Any:
    """Return what a JSON body holds; None if it is no JSON."""
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None


def form_in(body: bytes) -> list[tuple[str, str]]:
    """Return the fields of a form."""
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)


def values_in_body(body: bytes) -> dict[Place, object]:
    """Return each value of a body of JSON or of a form."""
    content = json_in(body)
    if isinstance(content, dict | list):
        return _leaves(content, ("json",))
    return {("form", number, name): value for number, (name, value) in enumerate(form_in(body))}


def _leaves(content: object, place: Place) -> dict[Place, object]:
    if isinstance(content, dict):
        inner: Any = content.items()
    elif isinstance(content, list):
        inner = enumerate(content)
    else:
        return {place: content}
    leaves: dict[Place, object] = {}
    for key, value in inner:
        leaves |= _leaves(value, (*place, key))
    return leaves
