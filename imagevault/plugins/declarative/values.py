"""The values of a record: texts, addresses, sides of a picture. Each raises WrongRecord where it finds another kind."""

from collections.abc import Iterator
from typing import Any

from imagevault.plugins.declarative.expressions import Expression, kind_of
from imagevault.plugins.declarative.template import TextSource


class WrongRecord(ValueError):
    """A record that cannot be read. The message names the key of the file, and says what was there."""


def found_at(name: str, path: Expression, context: Any) -> Any:
    """Return what an expression finds. `name` is that of the key below `[image]`, here and below."""
    try:
        return path.find(context)
    except ValueError as error:
        raise WrongRecord(f"image.{name}: {error}") from None


def text_at(name: str, source: TextSource, context: Any) -> str | None:
    """Return a text; None if it is not there."""
    try:
        return source.text(context)
    except ValueError as error:
        raise WrongRecord(f"image.{name}: {error}") from None


def address_at(name: str, source: TextSource, context: Any) -> str | None:
    """Return an address; None if it is not there."""
    try:
        return source.address(context)
    except ValueError as error:
        raise WrongRecord(f"image.{name}: {error}") from None


def pixels_at(name: str, path: Expression, context: Any) -> int | None:
    """Return a side of a picture; None if it is not there, or no number above 0. A text of digits is a number."""
    found = found_at(name, path, context)
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) <= 9:
        found = int(found)
    if isinstance(found, bool) or not isinstance(found, int | float):
        if found is None or isinstance(found, str):
            return None
        raise WrongRecord(f"image.{name}: `{path.text}` found {kind_of(found)}, and a number is needed")
    return round(found) if 0.5 <= found < 1e9 else None


def texts_at(name: str, path: Expression, context: Any) -> list[str]:
    """Return a list of texts; a text is split at its commas."""
    found = found_at(name, path, context)
    if found is None:
        return []
    if isinstance(found, str):
        found = [part.strip() for part in found.split(",")]
    if not isinstance(found, list):
        raise WrongRecord(f"image.{name}: `{path.text}` found {kind_of(found)}, and a list of texts is needed")
    return list(_flat_texts(name, path, found))


def _flat_texts(name: str, path: Expression, found: list[Any]) -> Iterator[str]:
    for element in found:
        if isinstance(element, str):
            if element:
                yield element
        elif element is not None:
            message = f"`{path.text}` found a list with {kind_of(element)} in it, and texts are needed: `...[].name`"
            raise WrongRecord(f"image.{name}: {message}")


def flag_at(name: str, path: Expression, context: Any) -> bool | None:
    """Return true or false; None if it is not there."""
    found = found_at(name, path, context)
    if found is None or isinstance(found, bool):
        return found
    raise WrongRecord(f"image.{name}: `{path.text}` found {kind_of(found)}, and true or false is needed; compare it")
