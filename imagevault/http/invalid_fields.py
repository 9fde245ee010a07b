"""What is right for a field of a request that Litestar refuses, in place of the words of Litestar and msgspec."""

import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import msgspec
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from imagevault.config.sources import alternatives, nearest

BODY = "body"
MAX_NAME = 40  # characters of an unknown field that a message repeats
# Of Litestar: Missing required query parameter 'q' for path /search
MISSING_PARAMETER = re.compile(r"Missing required \w+ parameter '(\w+)'")
# Of msgspec: Object contains unknown field `x`; Object missing required field `x`
UNKNOWN_FIELD = re.compile(r".*unknown field `(.*)`", re.DOTALL)
MISSING_FIELD = re.compile(r".*missing required field `(\w+)`")
# Of msgspec: Expected `int | null`, got `str`; Expected `int` >= 1; Expected `str` of length <= 260
WRONG_TYPE = re.compile(r"Expected `(\w+)(?: \| null)?`, got `[^`]*`")
WRONG_NUMBER = re.compile(r"Expected `(?:int|float)` (<=|>=) ([0-9.]+)")
WRONG_LENGTH = re.compile(r"Expected `(str|array|object)` of length (<=|>=) ([0-9]+)")
TIME = "must be a time with its time zone, such as 2027-01-31T12:00:00Z"
TYPES = {
    "datetime": TIME,
    "bool": "must be true or false",
    "int": "must be a whole number",
    "float": "must be a number",
    "str": "must be text",
    "array": "must be a list",
    "object": "must be an object",
    "null": "must be null",
}
UNITS = {"str": "characters", "array": "entries", "object": "entries"}
LIMITS = {"<=": "at most", ">=": "at least"}


def invalid_fields(error: HTTPException, handler: HTTPRouteHandler) -> list[tuple[str, str]]:
    """Return the fields that are wrong, each with the remedy: parameters of the query, or fields of the body.

    Args:
        error: what Litestar raised.
        handler: of the route.

    """
    missing = MISSING_PARAMETER.search(error.detail)
    if missing:
        return [(missing[1], "is missing")]
    complaints = error.extra if isinstance(error.extra, list) else []
    if not complaints:
        reason = error.detail.partition(" - at ")[0]  # at `$[...]` names no field
        return [(BODY, f"cannot be read: {reason.replace('`', '')}")]
    return [_invalid_field(complaint, handler) for complaint in complaints]


def remedy(message: str, annotation: Any) -> str:
    """Return what is right in place of a message of msgspec about a value of this type."""
    found = WRONG_TYPE.fullmatch(message)
    if found is not None and found[1] in TYPES:
        return TYPES[found[1]]
    found = WRONG_NUMBER.fullmatch(message)
    if found is not None:
        return f"must be {LIMITS[found[1]]} {found[2]}"
    found = WRONG_LENGTH.fullmatch(message)
    if found is not None:
        return f"must have {LIMITS[found[2]]} {found[3]} {UNITS[found[1]]}"
    if message.startswith("Invalid enum value"):
        return expected(annotation)
    if message.endswith("encoded datetime"):
        return TIME
    return message.replace("`", "")


def expected(annotation: Any) -> str:
    """Return what a value of this type must be, such as: must be csv or json."""
    values = list(_values(annotation))
    if values:
        return f"must be {alternatives(values)}"
    names = {bool: "bool", int: "int", float: "float"}
    known = [names[kind] for kind in (annotation, *get_args(annotation)) if kind in names]
    return TYPES[known[0]] if known else "must be another value"


def _invalid_field(complaint: dict[str, str], handler: HTTPRouteHandler) -> tuple[str, str]:
    """Return the field that a complaint of Litestar names, with the remedy."""
    message = complaint.get("message", "is wrong")
    unknown = UNKNOWN_FIELD.fullmatch(message)
    if unknown:
        return _unknown_field(unknown[1], handler)
    missing = MISSING_FIELD.fullmatch(message)
    if missing:
        return missing[1], "is missing"
    if message == "'data'":  # Litestar found no body.
        return BODY, "is missing"
    name = complaint.get("key", BODY).replace("data", BODY)
    return name, remedy(message, _annotation(name, handler))


def _unknown_field(name: str, handler: HTTPRouteHandler) -> tuple[str, str]:
    field = handler.parsed_data_field
    known = [field.name for field in msgspec.structs.fields(field.annotation)] if field is not None else []
    return name[:MAX_NAME], f"there is no such field.{nearest(name[:MAX_NAME], known)} There are: {', '.join(known)}."


def _annotation(name: str, handler: HTTPRouteHandler) -> Any:
    """Return the type of a parameter or a field of the body; None if it is unknown."""
    for parameter, field in handler.parsed_fn_signature.parameters.items():
        declared = getattr(field.kwarg_definition, "name", None)
        if name == (declared or parameter):
            return field.annotation
    body = handler.parsed_data_field
    fields = msgspec.structs.fields(body.annotation) if body is not None else ()
    return next((field.type for field in fields if field.encode_name == name), None)


def _values(annotation: Any) -> Iterator[str]:
    """Yield the values of a `Literal`, also of an optional or annotated one."""
    if get_origin(annotation) is Literal:
        yield from map(str, get_args(annotation))
        return
    for inner in get_args(annotation):
        yield from _values(inner)
