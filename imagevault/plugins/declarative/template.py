"""Texts with placeholders: `https://pictures.example/{id}`. A placeholder is a JMESPath expression between braces."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

from imagevault.plugins.declarative.expressions import Expression, WrongExpression, describe, kind_of

Encode = Callable[[str], str]


class Template:
    """A text with placeholders. `{{` and `}}` stand for one brace.

    Attributes:
        text: as it was written.
        parts: the pieces of text between the placeholders, and the placeholders.

    Raises:
        WrongExpression: a brace is not closed, or a placeholder is no expression.

    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.parts: tuple[str | Expression, ...] = tuple(_parts(text))

    @property
    def placeholders(self) -> list[Expression]:
        """The expressions in it."""
        return [part for part in self.parts if isinstance(part, Expression)]

    def names(self) -> set[tuple[str, ...]]:
        """Return the names that it reads, as `Expression.names` does."""
        return {name for placeholder in self.placeholders for name in placeholder.names()}

    def value(self, context: Any) -> Any:
        """Return what is found, as it is, where the template is one placeholder and nothing else; else its text."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Expression):
            return self.parts[0].find(context)
        return self.fill(context)

    def fill(self, context: Any, encode: Encode = str) -> str | None:
        """Return the text with every placeholder filled; None if a placeholder finds nothing.

        Args:
            context: what the placeholders read.
            encode: changes what is put into a placeholder, such as `encoded`.

        Raises:
            ValueError: a placeholder finds a list or an object.

        """
        return _filled(self.parts, context, encode)

    def unfilled(self, context: Any) -> str:
        """Say which placeholder has no value, where `fill` returns None."""
        empty = next(part for part in self.placeholders if as_text(part.find(context), part) is None)
        return f"the placeholder {{{empty.text}}} has no value"

    def address(self, context: Any) -> str | None:
        """Return the text as an address: what a placeholder finds is url-encoded, except at the beginning of the text.

        There it is the beginning of the address itself. Returns None and raises as `fill` does.
        """
        if not self.parts or isinstance(self.parts[0], str):
            return _filled(self.parts, context, encoded)
        start = _filled(self.parts[:1], context, str)
        end = _filled(self.parts[1:], context, encoded)
        return None if start is None or end is None else start + end


class TextSource:
    """Where a text of a record stands: a template if it has a brace, else a JMESPath expression.

    Attributes:
        written: as it stands in the file.

    Raises:
        WrongExpression: it is neither.

    """

    def __init__(self, written: str) -> None:
        self.written = written
        has_brace = "{" in written or "}" in written
        self._source: Template | Expression = Template(written) if has_brace else Expression(written)

    @property
    def template(self) -> Template | None:
        """The template; None if it is an expression."""
        return self._source if isinstance(self._source, Template) else None

    def names(self) -> set[tuple[str, ...]]:
        """Return the names that it reads, as `Expression.names` does."""
        return self._source.names()

    def text(self, record: Any) -> str | None:
        """Return the text; None if it is not there. Raises ValueError if a list or an object stands there."""
        if isinstance(self._source, Template):
            return self._source.fill(record)
        return as_text(self._source.find(record), self._source)

    def address(self, record: Any) -> str | None:
        """Return the address, as `Template.address` does; None if it is not there. Raises ValueError as `text` does."""
        if isinstance(self._source, Template):
            return self._source.address(record)
        return self.text(record)

    def value(self, record: Any) -> Any:
        """Return what an expression finds, as it is; the text of a template."""
        if isinstance(self._source, Template):
            return self._source.fill(record)
        return self._source.find(record)

    def missing(self, record: Any) -> str:
        """Say what was there instead of what was searched for."""
        if isinstance(self._source, Expression):
            return self._source.missing(record)
        empty = next((part for part in self._source.placeholders if part.find(record) is None), None)
        return empty.missing(record) if empty else f"it has: {describe(record)}"


def _filled(parts: Sequence[str | Expression], context: Any, encode: Encode) -> str | None:
    pieces = []
    for part in parts:
        if isinstance(part, str):
            pieces.append(part)
            continue
        found = as_text(part.find(context), part)
        if found is None:
            return None
        pieces.append(encode(found))
    return "".join(pieces)


def encoded(text: str) -> str:
    """Return a text url-encoded as one segment of a path: `a/b c` is `a%2Fb%20c`."""
    return quote(text, safe="")


def as_text(found: Any, expression: Expression) -> str | None:
    """Return what an expression found as text; None if it found nothing, or an empty text.

    Raises:
        ValueError: it is a list or an object.

    """
    match found:
        case None | "":
            return None
        case str():
            return found
        case bool():
            return "true" if found else "false"
        case int() | float():
            return str(found)
    raise ValueError(f"`{expression.text}` found {kind_of(found)}, and a text is needed; name one value in it")


def _parts(text: str) -> Iterator[str | Expression]:
    """Split a text into pieces and placeholders."""
    piece = ""
    position = 0
    while position < len(text):
        char = text[position]
        if text.startswith(("{{", "}}"), position):
            piece += char
            position += 2
        elif char == "{":
            end = text.find("}", position)
            if end < 0:
                raise WrongExpression("has { without }; write {{ for a plain brace")
            if piece:
                yield piece
            piece = ""
            yield Expression(text[position + 1 : end].strip())
            position = end + 1
        elif char == "}":
            raise WrongExpression("has } without {; write }} for a plain brace")
        else:
            piece += char
            position += 1
    if piece:
        yield piece
