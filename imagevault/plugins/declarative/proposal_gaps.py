"""What a recorded answer does not tell of its records, and what their author writes by hand."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

IMAGE_FILE = re.compile(r"\.(?:jpe?g|png|gif|webp|tiff?)(?:$|\?)|/full/[^/]*/0/", re.IGNORECASE)
MAX_DEPTH = 5  # objects in each other that are looked into
RELATIVE = re.compile(r'"(?!https?:)[^"\\s:]+\.(?:jpe?g|png|gif|webp|tiff?)"', re.IGNORECASE)  # "b/1.jpg"


def what_is_missing(
    way: tuple[str, ...], records: Sequence[Any], paths: Sequence[str], *, has_id: bool, has_file: bool
) -> str:
    """Say whether the id or the picture cannot be told, and what to write by hand.

    Args:
        way: the names that lead to the records.
        records: some of them.
        paths: what they hold.
        has_id: whether their id can be told.
        has_file: whether their pictures can be told.

    """
    reasons = []
    if not has_id:
        reasons.append("no field that differs in each record is named like an id; give one the name `id` in a copy")
    if not has_file:
        reasons.append(_no_picture(records))
    inner = next((name for record in records for name, value in record.items() if _is_records(value)), None)
    if inner is not None:
        reasons.append(f'if the records are in `{inner}` of each, write records = "{".".join(way)}[].{inner}[]"')
    where = ".".join(way) or "@"
    return (
        f"has {len(records)} records at `{where}`, but {'; '.join(reasons)}. They hold {', '.join(paths)}. "
        "Or write the file by hand, from the example in docs/declarative.md"
    )


def what_stands_for_a_list(answer: Any) -> str:
    """Say what an answer holds in place of a list of records, and what to write by hand."""
    way = next(_keyed_records(answer, ()), None)
    if way is None:
        return "holds no list of objects; save an answer of a search that finds something"
    where = ".".join(way) or "@"
    return (
        f"holds its records as an object, by key, at `{where}`. If each holds its id too, write the file by hand, with "
        f'records = "values({where})". If the id is only the key, write Python: docs/plugins.md'
    )


def _keyed_records(value: Any, way: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the way to each object of several objects with the same names, from the outside in."""
    if not isinstance(value, dict) or len(way) > MAX_DEPTH:
        return
    inner = list(value.values())
    if len(inner) > 1 and all(isinstance(record, dict) and record.keys() & inner[0].keys() for record in inner):
        yield way
    for name, below in value.items():
        yield from _keyed_records(below, (*way, name))


def _no_picture(records: Sequence[Any]) -> str:
    """Say which links the records have in place of a whole address of a picture."""
    text = msgspec.json.encode(records).decode()
    if RELATIVE.search(text):
        return "the links to pictures are relative; write url = \"path && join('', ['https://HOST/', path])\""
    listed = next((name for record in records for name, value in record.items() if _holds_picture(value)), None)
    if listed is not None:
        return f'the pictures are in a list; write url = "{listed}[0].NAME", or "{listed}[0]" for texts'
    return "no field holds an https address that ends as a picture does (.jpg); write its path as url"


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(element, dict) for element in value)


def _holds_picture(value: Any) -> bool:
    return (
        isinstance(value, list) and IMAGE_FILE.search(msgspec.json.encode(value).decode().replace('"', "?")) is not None
    )
