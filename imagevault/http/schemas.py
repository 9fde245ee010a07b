"""The schemas of the OpenAPI document, made from the Structs of requests and responses.

Descriptions come from the docstrings: the text of a Struct, and the `Attributes:` section for its fields.
"""

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

REFERENCE = "#/components/schemas/{name}"
SECTION = "\nAttributes:\n"
FIELD = re.compile(r"    (\w+): (.*)")  # "    width: pixels of this file"
NULL = {"type": "null"}


Struct = type[msgspec.Struct]


def make_schemas(responses: Iterable[Struct], requests: Iterable[Struct]) -> dict[str, Any]:
    """Return the schema of each Struct by its name, also of those that it is made of.

    A response always has all of its fields, unless its Struct leaves out defaults. A field of a request that has a
    default may be left out.

    Args:
        responses: Structs that the server sends.
        requests: Structs that the server reads.

    """
    sent = list(responses)
    read = list(requests)
    _, schemas = msgspec.json.schema_components([*sent, *read], ref_template=REFERENCE)
    structs = {struct.__name__: struct for struct in _with_parts([*sent, *read])}
    is_read = {struct.__name__ for struct in _with_parts(read)}
    for name, schema in schemas.items():
        struct = structs[name]
        _describe(schema, struct)
        if name in is_read:
            _drop_null_defaults(schema)
        elif not struct.__struct_config__.omit_defaults:
            _require_all(schema)
        for field, value in schema.get("properties", {}).items():
            schema["properties"][field] = simplified(value)
    return schemas


def simplified(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema of a nullable value as one type or enum, where that says the same as `anyOf`."""
    plain = dict(schema)
    for keyword in ("anyOf", "oneOf"):
        choices = [choice for choice in plain.get(keyword, []) if choice != NULL]
        is_nullable = len(choices) < len(plain.get(keyword, []))
        if not is_nullable or len(choices) != 1:
            continue
        del plain[keyword]
        if "$ref" in choices[0]:
            plain["oneOf"] = [choices[0], NULL]
            break
        [choice] = choices
        plain |= {name: value for name, value in choice.items() if name != "enum"}
        if "enum" in choice:
            plain["enum"] = [*choice["enum"], None]
        if "type" in choice:
            plain["type"] = [choice["type"], "null"]
    return plain


def without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema without null, for a parameter that may be left out but is never null."""
    plain = simplified(schema)
    if isinstance(plain.get("type"), list):
        plain["type"] = next(kind for kind in plain["type"] if kind != "null")
    if None in plain.get("enum", ()):
        plain["enum"] = [value for value in plain["enum"] if value is not None]
    if plain.get("default", ...) is None:
        del plain["default"]
    return plain


def field_descriptions(struct: Struct) -> dict[str, str]:
    """Return what the docstrings of a Struct and of those that it extends say of its fields, one sentence each."""
    descriptions: dict[str, str] = {}
    for described in reversed(struct.__mro__):
        _, _, section = inspect.cleandoc(described.__doc__ or "").partition(SECTION)
        name = ""
        for line in section.splitlines():
            found = FIELD.fullmatch(line)
            if found is not None:
                name = found[1]
                descriptions[name] = found[2]
            elif line.strip() and name:
                descriptions[name] += f" {line.strip()}"
    return {name: text[0].upper() + text[1:] for name, text in descriptions.items()}


def _with_parts(structs: Iterable[Struct]) -> set[Struct]:
    """The Structs, and those that their fields hold."""
    found: set[Struct] = set()
    waiting = [msgspec.inspect.type_info(struct) for struct in structs]
    while waiting:
        info = waiting.pop()
        if isinstance(info, msgspec.inspect.StructType):
            if info.cls in found:
                continue
            found.add(info.cls)
            waiting += [field.type for field in info.fields]
        for part in ("types", "item_types"):
            waiting += getattr(info, part, ())
        for part in ("type", "item_type", "value_type"):
            inner = getattr(info, part, None)
            if isinstance(inner, msgspec.inspect.Type):
                waiting.append(inner)
    return found


def _describe(schema: dict[str, Any], struct: Struct) -> None:
    text, _, _ = (inspect.getdoc(struct) or "").partition(SECTION)
    schema["description"] = " ".join(text.split())
    encoded = {field.name: field.encode_name for field in msgspec.structs.fields(struct)}
    for name, description in field_descriptions(struct).items():
        field = schema["properties"][encoded[name]]
        if "$ref" in field:  # what stands beside a reference describes the field, and not the Struct
            schema["properties"][encoded[name]] = {"$ref": field["$ref"], "description": description}
        else:
            field["description"] = description


def _drop_null_defaults(schema: dict[str, Any]) -> None:
    """Drop defaults of null: code generators take a field with a default for one that is always there."""
    for field in schema.get("properties", {}).values():
        if field.get("default", ...) is None:
            del field["default"]


def _require_all(schema: dict[str, Any]) -> None:
    properties = schema.get("properties", {})
    schema["required"] = list(properties)
    for field in properties.values():
        field.pop("default", None)
