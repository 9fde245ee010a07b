"""Decoding a record of which only what is needed must be right: an optional field of another type is left out."""

from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec

T = TypeVar("T")


def decode_known(body: bytes | msgspec.Raw, type: type[T]) -> T:
    """Return JSON as this type. In a Struct, a field with a default that has another type counts as missing.

    A required field must have its type, and so must a Struct with required fields where there is one.

    Raises:
        msgspec.MsgspecError: it has another form.

    """
    try:
        return msgspec.json.decode(body, type=type)
    except msgspec.ValidationError:
        struct = _struct_of(type)
        known = None if struct is None else _without_odd(body, struct)
        if known is None:
            raise
        return msgspec.json.decode(known, type=type)


def _without_odd(body: bytes | msgspec.Raw, struct: type[msgspec.Struct]) -> bytes | None:
    """Return a JSON object without the optional fields that have another type than in the Struct; None if it is none.

    Each part is decoded once more, so this costs a few times as much as decoding.
    """
    if not _is(body, dict[str, msgspec.Raw]):
        return None
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    for field in msgspec.structs.fields(struct):
        part = fields.get(field.encode_name)
        if part is None or _is(part, field.type):
            continue
        inner = _struct_of(field.type)
        known = None if inner is None else _without_odd(part, inner)
        if known is not None and _is(known, field.type):
            fields[field.encode_name] = msgspec.Raw(known)
        elif not field.required and not _has_required(field.type):
            del fields[field.encode_name]
    return msgspec.json.encode(fields)


def _is(body: bytes | msgspec.Raw, type: Any) -> bool:
    try:
        msgspec.json.decode(body, type=type)
    except (ValueError, RecursionError):
        return False
    return True


def _struct_of(type: Any) -> type[msgspec.Struct] | None:
    """Return the Struct that a type is, alone or beside None."""
    found = [inner for inner in (type, *_alternatives(type)) if _is_struct(inner)]
    return found[0] if found else None


def _has_required(type: Any) -> bool:
    """Return whether a type has a Struct in it with a field that is required, or holds undecoded records.

    Such a part is what a provider needs, though it may be missing as a whole.
    """
    if type is msgspec.Raw:
        return True
    if _is_struct(type):
        return any(field.required or _has_required(field.type) for field in msgspec.structs.fields(type))
    return any(_has_required(inner) for inner in get_args(type))


def _alternatives(type: Any) -> tuple[Any, ...]:
    return get_args(type) if get_origin(type) in {Union, UnionType} else ()


def _is_struct(type: Any) -> bool:
    return isinstance(type, msgspec.StructMeta) and not type.__struct_config__.array_like
