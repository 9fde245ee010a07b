"""The calls of a declarative provider: from what a search knows to a request."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from imagevault.config.sources import nearest
from imagevault.errors import InvalidResponse
from imagevault.plugins.declarative.expressions import Expression, is_true
from imagevault.plugins.declarative.reading import ProviderFile, Way
from imagevault.plugins.declarative.schema import Call, Constant, Request
from imagevault.plugins.declarative.template import Template, encoded

if TYPE_CHECKING:
    import httpx  # slow to import, and only for annotations here

# A search or a look-up changes nothing upstream, so a POST may be tried again as a GET is.
SAFE_TO_REPEAT = {"imagevault": {"retry": True}}

Known = Mapping[str, frozenset[str] | None]
"""The names that a request knows. With a set, only these names below it; None for a plain value."""
Value = str | int | float | bool | None
Part = Template | list[Any] | dict[str, Any] | Value
"""A part of a JSON body, its texts compiled."""


class CallTemplate:
    """A call, compiled. It fits every search.

    Args:
        file: where it stands.
        call: how it is written.
        shared: what every call sends; the call's own parameters and headers win.
        name: of its table, `search` or `lookup`.
        known: what its templates may name.

    Raises:
        PluginError: a template or an expression is wrong, or names what a request does not know.

    """

    def __init__(self, file: ProviderFile, call: Call, shared: Request, name: str, known: Known) -> None:
        self._file = file
        self._name = name
        self._known = known
        self._expressions: list[Expression] = []
        self._method = call.method
        self._path = self._template(call.path, (name, "path"))
        self._query = {
            **self._templates(shared.query, ("request", "query")),
            **self._templates(call.query, (name, "query")),
        }
        self._headers = {
            **self._templates(shared.headers, ("request", "headers")),
            **self._templates(call.headers, (name, "headers")),
        }
        self._json = None if call.json is None else self._part(call.json, (name, "json"))
        self._when = None
        if call.when is not None:
            self._when = file.expression(call.when, name, "when")
            self._check_names(self._when, (name, "when"))

    def names(self) -> set[tuple[str, ...]]:
        """Return what it reads: `("text",)`, `("filters", "orientation")`."""
        return {name for expression in self._expressions for name in expression.names()}

    def is_needed(self, context: Mapping[str, Any]) -> bool:
        """Return whether the call is made at all (`when`). Raises InvalidResponse if that cannot be computed."""
        if self._when is None:
            return True
        with self._naming("when"):
            return is_true(self._when.find(context))

    async def send(self, http: httpx.AsyncClient, context: Mapping[str, Any]) -> httpx.Response:
        """Make the call.

        Raises:
            InvalidResponse: it cannot be filled; the message names the key of the file.
            httpx.HTTPError: the call failed.

        """
        with self._naming("path"):
            path = self._path.fill(context, encoded)
        if path is None:
            raise InvalidResponse(f"{self._name}.path: {self._path.unfilled(context)}")
        with self._naming("query"):
            params = dict(_filled(self._query, context))
        with self._naming("headers"):
            headers = dict(_filled(self._headers, context))
        with self._naming("json"):
            body = _body(self._json, context)
        return await http.request(
            self._method,
            path,
            params=params,
            headers=headers,
            json=body,
            extensions=SAFE_TO_REPEAT,
        )

    @contextlib.contextmanager
    def _naming(self, key: str) -> Iterator[None]:
        """Name the key of the file in whose expressions a function cannot take what it was given."""
        try:
            yield
        except ValueError as error:
            raise InvalidResponse(f"{self._name}.{key}: {error}") from None

    def _templates(self, values: Mapping[str, Constant], way: Way) -> dict[str, Template]:
        return {name: self._template(_written(value), (*way, name)) for name, value in values.items()}

    def _template(self, text: str, way: Way) -> Template:
        template = self._file.template(text, *way)
        for expression in template.placeholders:
            self._check_names(expression, way)
        return template

    def _check_names(self, expression: Expression, way: Way) -> None:
        """Refuse a name that a request does not know: it would find nothing, for ever."""
        self._expressions.append(expression)
        for first, *below in expression.names():
            if first not in self._known:
                raise self._file.error(way, f"a request knows no {first}.{self._remedy(first, expression)}")
            names = self._known[first]
            if names is None or not below or below[0] in names:
                continue
            near = nearest(below[0], names)
            message = (
                f"there is no {first}.{below[0]}.{near}" if names else f"the file declares no {first}; do so first"
            )
            raise self._file.error(way, message)

    def _remedy(self, name: str, expression: Expression) -> str:
        """Return what to write for a name that a request does not know."""
        for table, names in self._known.items():
            if names is not None and name in names:
                written = re.sub(rf"(?<![\w.'\"]){name}\b", f"{table}.{name}", expression.text)
                return f" Write {{{written}}}."
        return f"{nearest(name, self._known)} It knows: {', '.join(self._known)}."

    def _part(self, value: Any, way: Way) -> Part:
        """Compile the texts in a part of a JSON body."""
        if isinstance(value, Mapping):
            return {name: self._part(inner, (*way, name)) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._part(inner, (*way, position)) for position, inner in enumerate(value)]
        if isinstance(value, str):
            return self._template(value, way)
        if isinstance(value, int | float):
            return value
        raise self._file.error(way, "must be text, a number, true or false, a list or a table; write dates as text")


def _written(value: Constant) -> str:
    """Return a constant as it stands in a URL: `1`, `true`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _filled(templates: Mapping[str, Template], context: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the parameters or headers that have a value."""
    for name, template in templates.items():
        value = template.fill(context)
        if value is not None or not template.parts:
            yield name, value or ""


def _body(part: Part, context: Mapping[str, Any]) -> Any:
    """Return a JSON body; a value whose placeholder finds nothing is left out."""
    if isinstance(part, Template):
        return part.value(context) if part.parts else ""
    if isinstance(part, dict):
        filled = {name: _body(inner, context) for name, inner in part.items()}
        return {name: value for name, value in filled.items() if value is not None}
    if isinstance(part, list):
        values = [_body(inner, context) for inner in part]
        return [value for value in values if value is not None]
    return part
