"""Starts a declarative provider from a recorded answer: proposes where records, fields and files stand."""

import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, get_args
from urllib.parse import urlsplit

import msgspec

from imagevault.errors import BadInput
from imagevault.plugins.declaration import HOST
from imagevault.plugins.declarative.proposal_gaps import (
    IMAGE_FILE,
    what_is_missing,
    what_stands_for_a_list,
)
from imagevault.plugins.declarative.proposal_names import FILE_WORDS, ID_NAMES, NAMES, PICTURE_WORDS
from imagevault.records import RenditionName

MAX_DEPTH = 5  # objects in each other that are looked into
SAMPLE = 20  # records that are looked at
MAX_SAME_SIZE = 2  # pixels by which two sides may differ that mean the same
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")  # image and URL of imageURL; fixed, height of fixed_height
ADDRESS_WORD = re.compile(r"_?(?:url|uri|src|href|link)$", re.IGNORECASE)  # at the end of previewURL, thumb_src
WIDTHS = ("width", "imagewidth", "w")  # without underscores, as all names of sides here
HEIGHTS = ("height", "imageheight", "h")
TOTALS = ("total", "totalresults", "total_results", "totalhits", "total_count", "found", "matches", "numfound", "count")
RENDITIONS: tuple[RenditionName, ...] = get_args(RenditionName)  # the smallest first
# The largest width of a file -> our name for it.
SIZES: Mapping[int, RenditionName] = {250: "thumbnail", 700: "small", 1400: "medium"}
# Our name for a file -> how wide such a file usually is. One without a name is rather the original.
USUAL_WIDTHS: Mapping[str | None, int] = {
    "thumbnail": 150,
    "small": 400,
    "medium": 1000,
    "large": 2000,
    None: 3000,
    "original": 5000,
}
LIKE_AN_ID = re.compile(r"(?=.*[0-9])[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")  # fox-12, 4711
MARKUP = re.compile(r"</?[a-zA-Z]|&(?:#|[a-z]{2,8};)")  # <b>, &amp;
NUMBER_OF_DIGITS = re.compile(r"[0-9]{1,15}")


class ProposedFile(msgspec.Struct, frozen=True):
    """A file of an image.

    Attributes:
        path: where its address stands.
        width: where its own width stands; None if nowhere.
        height: where its own height stands.
        pixels: its usual width and height; None if they are not known.

    """

    path: str
    width: str | None = None
    height: str | None = None
    pixels: tuple[float, float] | None = None

    @property
    def named(self) -> RenditionName | None:
        """What the last word of its path calls it that says so; None if no word does."""
        return next((FILE_WORDS[word] for word in reversed(_words(self.path)) if word in FILE_WORDS), None)

    @property
    def rank(self) -> tuple[float, int]:
        """What sorts files from the smallest to the largest. Of two of one size, the shorter path is the larger."""
        width, height = self.pixels or (USUAL_WIDTHS[self.named], USUAL_WIDTHS[self.named])
        return width * height, -len(self.path)


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """Where everything stands in an answer.

    Attributes:
        records: the names that lead to the list of records; none if the answer is the list.
        size: how many records the answer has.
        total: the path to the number of results; None if there is none.
        fields: field of an image -> its path.
        markup: those of the fields that are HTML.
        renditions: name -> file, the smallest first.
        hosts: of the files.
        ids: those of the records.
        is_id_guessed: whether the name of the id's path does not say that it is one.

    """

    records: tuple[str, ...]
    size: int
    total: str | None
    fields: Mapping[str, str]
    markup: AbstractSet[str]
    renditions: Mapping[RenditionName, ProposedFile]
    hosts: Sequence[str]
    ids: Sequence[str | int]
    is_id_guessed: bool = False


def propose(answer: Any) -> Proposal:
    """Return where everything stands in an answer of a search.

    Raises:
        BadInput: the answer holds no list of objects, or they hold no id or no address of a picture.

    """
    found = max(_lists(answer, ()), key=lambda pair: len(pair[1]), default=None)
    if found is None:
        raise BadInput("--from", what_stands_for_a_list(answer))
    way, records = found
    values = _values(records[:SAMPLE])
    fields = _fields(values)
    id, is_id_guessed = _id(_values(records), len(records))
    if id is not None:
        fields = {"id": id, **fields}
    files = _files(values)
    if "id" not in fields or not files:
        raise BadInput(
            "--from", what_is_missing(way, records[:SAMPLE], list(values), has_id="id" in fields, has_file=bool(files))
        )
    sides = _sides_of_image(values, files)
    hosts = {urlsplit(address).hostname or "" for file in files for address in values[file.path]}
    return Proposal(
        records=way,
        size=len(records),
        total=_total(answer, len(records)),
        fields={**fields, **sides},
        markup={field for field, path in fields.items() if any(MARKUP.search(str(value)) for value in values[path])},
        renditions=_renditions(files, values, sides),
        hosts=sorted(host for host in hosts if HOST.fullmatch(host)),
        ids=_values(records)[fields["id"]],
        is_id_guessed=is_id_guessed,
    )


def _lists(value: Any, way: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Yield every list of objects in an answer that a plain path leads to."""
    if isinstance(value, list) and value and all(isinstance(element, dict) for element in value):
        yield way, value
    if isinstance(value, dict) and len(way) < MAX_DEPTH:
        for name, inner in value.items():
            if PLAIN.fullmatch(name):
                yield from _lists(inner, (*way, name))


def _values(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return path -> its values in these records, for plain paths to texts, numbers and lists of texts."""
    values: dict[str, list[Any]] = {}
    for record in records:
        for path, value in _scalars(record, ()):
            values.setdefault(path, []).append(value)
    return values


def _scalars(value: Any, way: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and len(way) < MAX_DEPTH:
        for name, inner in value.items():
            if PLAIN.fullmatch(name):
                yield from _scalars(inner, (*way, name))
    elif (isinstance(value, str | int | float) and value != "") or (
        isinstance(value, list) and value and all(isinstance(element, str) for element in value)
    ):
        yield ".".join(way), value


def _fields(values: Mapping[str, list[Any]]) -> dict[str, str]:
    """Return field -> the path that is proposed for it: the best name, of those the one least deep."""
    fields = {}
    for field, names in NAMES.items():
        fitting = [path for path, sample in values.items() if _last(path).lower() in names and _fits(field, sample)]
        if fitting:
            fields[field] = _best(fitting, names)
    return fields


def _id(values: Mapping[str, list[Any]], count: int) -> tuple[str | None, bool]:
    """Return the path of the id, and whether it is a guess: a path without such a name. None if nothing fits.

    Each of the `count` records has an id, and no two have the same.
    """
    fitting = [
        path
        for path, sample in values.items()
        if len(sample) == count and _fits("id", sample) and len(set(map(str, sample))) == count
    ]
    named = [path for path in fitting if _last(path).lower() in ID_NAMES]
    if named:
        return _best(named, ID_NAMES), False
    others = {*WIDTHS, *HEIGHTS, *NAMES["date"]}
    like_ids = [
        path
        for path in fitting
        if count > 1 and _last(path).lower() not in others and all(LIKE_AN_ID.fullmatch(str(id)) for id in values[path])
    ]
    return min(like_ids, key=lambda path: path.count("."), default=None), True


def _best(paths: Sequence[str], names: Sequence[str]) -> str:
    """Return the path with the best name, of those the one least deep."""
    return min(paths, key=lambda path: (names.index(_last(path).lower()), path.count(".")))


def _fits(field: str, sample: Sequence[Any]) -> bool:
    if field == "tags":
        return True
    if field == "id":
        return not any(isinstance(value, list | bool | float) for value in sample)
    if field == "source_url":
        return all(str(value).startswith("http") and not IMAGE_FILE.search(str(value)) for value in sample)
    return not any(isinstance(value, list | bool) for value in sample)


def _files(values: Mapping[str, list[Any]]) -> list[ProposedFile]:
    """Return the files of a record, from the smallest to the largest."""
    paths = [path for path, sample in values.items() if _is_file(sample)]
    paths = paths or [path for path, sample in values.items() if _is_named_as_file(path, sample)]
    files = []
    seen: set[str] = set()
    for path in paths:
        parent = path.rpartition(".")[0]
        width, height = _sides_of_file(path, values)
        if width is not None and _parent(width) == parent and _last(width).lower() in {*WIDTHS}:
            if width in seen:  # the same file in another format: `images.web.url`, `images.web.webp`
                continue
            seen.add(width)
        pixels = None if width is None or height is None else (_usual(values[width]), _usual(values[height]))
        files.append(ProposedFile(path, width, height, pixels))
    return sorted(files, key=lambda file: file.rank)


def _is_file(sample: Sequence[Any]) -> bool:
    """Return whether the values of a path are addresses of pictures."""
    return all(isinstance(value, str) and value.startswith("https://") and IMAGE_FILE.search(value) for value in sample)


def _is_named_as_file(path: str, sample: Sequence[Any]) -> bool:
    """Return whether addresses without an ending are those of pictures, by the name of the path."""
    is_address = all(isinstance(value, str) and value.startswith("https://") for value in sample)
    return is_address and bool({*_words(_last(path)), _last(path).lower()} & {*FILE_WORDS, *PICTURE_WORDS})


def _sides_of_file(path: str, values: Mapping[str, list[Any]]) -> tuple[str | None, str | None]:
    """Return where the width and height of this very file stand: in its own object, or under names like its own."""
    parent = _parent(path)
    stem = ADDRESS_WORD.sub("", _last(path))
    names = [stem] if stem else []
    if parent and stem.lower() not in FILE_WORDS:  # `urls.small`, `urls.full` share an object, whose size is of one
        names.append("")
    for name in names:
        width = _side(parent, [f"{name}{side}" for side in WIDTHS], values)
        height = _side(parent, [f"{name}{side}" for side in HEIGHTS], values)
        if width and height:
            return width, height
    return None, None


def _sides_of_image(values: Mapping[str, list[Any]], files: Sequence[ProposedFile]) -> dict[str, str]:
    """Return where the size of an image stands: at the record itself, else at the largest file, else anywhere alone."""
    width, height = _side("", WIDTHS, values), _side("", HEIGHTS, values)
    if not (width and height):
        width, height = files[-1].width, files[-1].height
    if not (width and height):
        width, height = _only_side(WIDTHS, values), _only_side(HEIGHTS, values)
    return {"width": width, "height": height} if width and height else {}


def _side(parent: str, names: Sequence[str], values: Mapping[str, list[Any]]) -> str | None:
    """Return the path of a side with one of these names below a parent; underscores and letter case do not count."""
    wanted = [name.replace("_", "").lower() for name in names]
    for path, sample in values.items():
        if _parent(path) == parent and _last(path).replace("_", "").lower() in wanted and _are_pixels(sample):
            return path
    return None


def _only_side(names: Sequence[str], values: Mapping[str, list[Any]]) -> str | None:
    """Return the path of the only side with such a name; None if there are several, which are of files then."""
    parents = {_parent(path) for path in values}
    found = [path for parent in parents if (path := _side(parent, names, values))]
    return found[0] if len(found) == 1 else None


def _are_pixels(sample: Sequence[Any]) -> bool:
    return all(
        not isinstance(value, bool | list) and (isinstance(value, int | float) or NUMBER_OF_DIGITS.fullmatch(value))
        for value in sample
    )


def _usual(sample: Sequence[Any]) -> float:
    return statistics.median(float(value) for value in sample)


def _renditions(
    files: Sequence[ProposedFile], values: Mapping[str, list[Any]], sides: Mapping[str, str]
) -> dict[RenditionName, ProposedFile]:
    """Return name -> file. The largest is the original unless its size or its name says otherwise."""
    *others, largest = files
    renditions: dict[RenditionName, ProposedFile] = {}
    for file in others:
        name = _name_by_size(file) or file.named  # without either it may be a crop, and is left out
        if name is not None:
            renditions.setdefault("large" if name == "original" else name, file)
    if not _is_original(largest, values, sides):
        renditions["large"] = largest
    elif largest.width is None and sides:
        renditions["original"] = msgspec.structs.replace(largest, width=sides["width"], height=sides["height"])
    else:
        renditions["original"] = largest
    return {name: renditions[name] for name in RENDITIONS if name in renditions}


def _name_by_size(file: ProposedFile) -> RenditionName | None:
    if file.pixels is None:
        return None
    return next((name for width, name in SIZES.items() if file.pixels[0] <= width), "large")


def _is_original(file: ProposedFile, values: Mapping[str, list[Any]], sides: Mapping[str, str]) -> bool:
    if file.pixels is not None and sides:
        return abs(_usual(values[sides["width"]]) - file.pixels[0]) <= MAX_SAME_SIZE
    return file.named in {None, "original"}


def _total(answer: Any, size: int) -> str | None:
    """Return the path to the number of results: no number below that of the records is one."""
    outside = {path: values[0] for path, values in _values([answer] if isinstance(answer, dict) else []).items()}
    fitting = [
        path
        for path, value in outside.items()
        if _last(path).lower() in TOTALS and isinstance(value, int) and not isinstance(value, bool) and value >= size
    ]
    return min(fitting, key=lambda path: TOTALS.index(_last(path).lower()), default=None)


def _words(path: str) -> list[str]:
    return [word.lower() for word in WORD.findall(path)]


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _parent(path: str) -> str:
    return path.rpartition(".")[0]
