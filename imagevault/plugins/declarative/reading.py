"""Reading a declarative provider's file. Whatever is wrong in it is named with file, line, key and remedy."""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import msgspec

from imagevault.config.sources import alternatives, nearest
from imagevault.config.toml_lines import line_of
from imagevault.errors import PluginError
from imagevault.licenses import License
from imagevault.plugins.declarative.expressions import Expression, WrongExpression
from imagevault.plugins.declarative.schema import ProviderTable, Setting, Sources
from imagevault.plugins.declarative.template import Template, TextSource
from imagevault.plugins.mismatch import explain_mismatch
from imagevault.plugins.patterns import check_pattern
from imagevault.quotas import Quota
from imagevault.records import NoSettings, Parameter, ProviderInfo

T = TypeVar("T")
Way = tuple[str | int, ...]
"""The names of tables and the positions in lists that lead to a value of the file."""

_Type = type
MAX_SIZE = 100_000  # characters of a file
TOML_PLACE = re.compile(r" \(at line (\d+), column \d+\)$")  # how tomllib ends a message
# How msgspec ends a message: " - at `$.image.renditions[...].name`", " - at `key` in `$.sorts`"
MSGSPEC_PLACE = re.compile(r" - at `(?:(?P<key>key)` in `)?\$(?P<way>[^`]*)`$")
WRONG_VALUE = re.compile(r"Invalid enum value (?P<value>.+)")
WRONG_KIND = re.compile(r"Expected `[^`]*`, got `(?P<kind>[^`]*)`")
NO_FIELD = re.compile(r"Object missing required field `(?P<field>\w+)`")
KINDS: Mapping[str, type | tuple[type, ...]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "array": list,
    "object": dict,
}
WRONG_KINDS = re.compile(r"Expected (?P<expected>\w+(?: \| \w+)*), got (?P<got>\w+)")
WRONG_LENGTH = re.compile(r"Expected array of length (?P<expected>\d+), got (?P<got>\d+)")
WRONG_RANGE = re.compile(r"Expected (?P<kind>int|float) (?P<sign>[<>]=?) (?P<limit>[0-9.]+)")
DECLARED_TWICE = re.compile(r"Cannot declare \((?P<names>.*)\) twice")
# The kinds of msgspec -> their names in TOML.
KIND_WORDS: Mapping[str, str] = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}
LIMITS = {">=": "of {} or more", "<=": "of {} or less", ">": "above {}", "<": "below {}"}
STEP = re.compile(r"\.(?P<name>\w+)|\[(?P<position>\d+)\]|\[\.\.\.\]")  # .image.renditions[0], [...]


class ProviderFile:
    """The text of a declarative provider's file, and what is in it.

    Attributes:
        path: where it is, for messages.
        text: the whole text.
        sources: its content.
        compiled: its expressions and templates, each by its place.

    Raises:
        PluginError: the text is no TOML, or has another form; the message names the line and the key.

    """

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.text = text
        if len(text) > MAX_SIZE:
            raise PluginError(f"{path.name}: is longer than {MAX_SIZE} characters; make it shorter")
        self.compiled: dict[Way, Expression | Template | TextSource] = {}
        document = self._parse()
        self._check_keys(document, Sources, ())
        self._check_keys(document.get("provider"), ProviderTable, ("provider",))
        self.sources = self._convert(document, Sources, ())

    def error(self, way: Way, message: str) -> PluginError:
        """Return an error about a value of the file: `acme.toml, line 12: image.title: ...`."""
        return PluginError(
            f"{self._place(way)}: {_dotted(way)}: {message}" if way else f"{self._place(way)}: {message}"
        )

    def expression(self, text: str, *way: str | int) -> Expression:
        """Compile the expression at a place of the file. Raises PluginError."""
        self.compiled[way] = compiled = self._compile(Expression, text, way)
        return compiled

    def template(self, text: str, *way: str | int) -> Template:
        """Compile the template at a place of the file. Raises PluginError."""
        self.compiled[way] = compiled = self._compile(Template, text, way)
        return compiled

    def text_source(self, text: str, *way: str | int) -> TextSource:
        """Compile the path or the template at a place of the file. Raises PluginError."""
        self.compiled[way] = compiled = self._compile(TextSource, text, way)
        return compiled

    def license(self, written: str | License, *way: str | int) -> License:
        """Return the licence at a place of the file. Raises PluginError if it is an address of no known licence."""
        if isinstance(written, License):
            return written
        found = License.from_url(written)
        if found is None:
            message = "must be an address of Creative Commons, or a table with id and name: { id = ..., name = ... }"
            raise self.error(way, message)
        return found

    def info(self) -> ProviderInfo:
        """Return the info that the file declares. Raises PluginError."""
        table: Any = self._convert(dict(self.sources.provider), ProviderTable, ("provider",))
        values = {field: getattr(table, field) for field in table.__struct_fields__}
        values["quotas"] = [self._quota(quota, position) for position, quota in enumerate(table.quotas)]
        if table.base_url is None:
            raise self.error(("provider",), "has no base_url; add the https address of the API")
        if table.license is not None:
            values["license"] = self.license(table.license, "provider", "license")
        return ProviderInfo(**values, settings=self._settings())

    def pattern(self, text: str, *way: str | int) -> re.Pattern[str]:
        """Compile a pattern that is cheap to match. Raises PluginError if it is not."""
        try:
            check_pattern(text)
        except ValueError as error:
            raise self.error(way, f"the pattern {error}") from None
        return re.compile(text)

    def _settings(self) -> type[msgspec.Struct]:
        settings = self.sources.settings
        if not settings:
            return NoSettings
        fields = [_setting_field(name, setting) for name, setting in settings.items()]
        try:
            return msgspec.defstruct("Settings", fields, frozen=True, kw_only=True, forbid_unknown_fields=True)
        except (ValueError, TypeError, SyntaxError) as error:
            raise self.error(("settings",), f"{error}; choose names of letters, digits and _") from None

    def _quota(self, written: str | Quota, position: int) -> Quota:
        if isinstance(written, Quota):
            return written
        try:
            return Quota.parse(written)
        except ValueError as error:
            raise self.error(("provider", "quotas", position), f"{error}".removeprefix("quota: ")) from None

    def _compile(self, make: type[T], text: str, way: Way) -> T:
        try:
            return make(text)  # type: ignore[call-arg]
        except WrongExpression as error:
            raise self.error(way, str(error)) from None

    def _parse(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self.text)
        except RecursionError:
            raise PluginError(f"{self.path.name}: is nested too deeply; make it simpler") from None
        except ValueError as error:
            message = str(error)
            place = TOML_PLACE.search(message)
            line = f", line {place[1]}" if place else ""
            message = _syntax_fault(message[: place.start()] if place else message)
            raise PluginError(f"{self.path.name}{line}: is not valid TOML: {message}") from None

    def _convert(self, value: Any, type: type[T], way: Way) -> T:
        try:
            return msgspec.convert(value, type)
        except (msgspec.ValidationError, RecursionError) as error:
            message = str(error)
            place = MSGSPEC_PLACE.search(message)
            if place is not None:
                message = message[: place.start()]
                way = (*way, *_way_to(value, place, message))
            explained = explain_mismatch(error, type)
            if WRONG_VALUE.match(message) and "must be one of " in explained:
                raise self.error(way, explained[explained.index("must be one of ") :]) from None
            raise self.error(way, _in_plain_words(message)) from None

    def _check_keys(self, value: Any, type: Any, way: Way) -> None:
        """Refuse a key that the table at this place does not know, with the nearest key that it knows."""
        for struct in _structs(type):
            if not isinstance(value, Mapping):
                return
            fields = {field.encode_name: field.type for field in msgspec.structs.fields(struct)}
            for key, inner in value.items():
                if key not in fields:
                    near = nearest(key, fields) or f" There are: {', '.join(fields)}."
                    if struct is Parameter and key == "default":
                        near = f" Give it where the parameter is sent: {{parameters.{way[-1]} || {inner!r}}}."
                    raise self.error((*way, key), f"there is no such key.{near}")
                self._check_inner(inner, fields[key], (*way, key))

    def _check_inner(self, value: Any, type: Any, way: Way) -> None:
        if isinstance(value, list):
            for position, inner in enumerate(value):
                self._check_inner(inner, type, (*way, position))
        elif isinstance(value, Mapping) and _is_mapping(type):
            for key, inner in value.items():
                self._check_keys(inner, type, (*way, key))
        else:
            self._check_keys(value, type, way)

    def _place(self, way: Way) -> str:
        """Return file and line of a value, or of the nearest table around it that is in the file."""
        for length in range(len(way), 0, -1):
            line = line_of(self.text, way[:length])
            if line is not None:
                return f"{self.path.name}, line {line}"
        return self.path.name


def _setting_field(name: str, setting: Setting) -> Any:
    if isinstance(setting.default, msgspec.UnsetType):
        return (name, str)
    return (name, type(setting.default), setting.default)


def _dotted(way: Way) -> str:
    """Return a way as it is written: `image.renditions[2].url`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in way).removeprefix(".")


def _way_to(value: Any, place: re.Match[str], message: str) -> Way:
    """Return the way to what a message of msgspec is about, as far as it can be told.

    msgspec writes `[...]` for any element of a list and any key of a free table: it is the first that fits the message.
    """
    wrong = WRONG_VALUE.match(message)
    steps = [_step(found) for found in STEP.finditer(place["way"])]
    if place["key"] is not None and wrong is not None:
        steps.append(wrong["value"].strip("'"))
        return _searched(value, steps, lambda _: True) or ()
    named = next((at for at, step in enumerate(steps) if step is None), len(steps))
    found = _searched(value, steps, lambda inner: _fits(inner, message))
    return tuple(step for step in steps[:named] if step is not None) if found is None else found


def _step(found: re.Match[str]) -> str | int | None:
    if found["name"] is not None:
        return found["name"]
    return None if found["position"] is None else int(found["position"])


def _searched(value: Any, steps: Sequence[str | int | None], fits: Callable[[Any], bool]) -> Way | None:
    """Return the first way by these steps to a value that fits; None stands for any step."""
    if not steps:
        return () if fits(value) else None
    step, *rest = steps
    inner = dict(value) if isinstance(value, Mapping) else dict(enumerate(value)) if isinstance(value, list) else {}
    for key in inner if step is None else [step] if step in inner else []:
        below = _searched(inner[key], rest, fits)
        if below is not None:
            return (key, *below)
    return None


def _fits(value: Any, message: str) -> bool:
    """Return whether a message of msgspec can be about this value."""
    if (found := WRONG_VALUE.match(message)) is not None:
        return repr(value) == found["value"]
    if (found := NO_FIELD.match(message)) is not None:
        return isinstance(value, Mapping) and found["field"] not in value
    found = WRONG_KIND.match(message)
    return found is None or type(value) is KINDS.get(found["kind"], type(value))


def _syntax_fault(message: str) -> str:
    """Return a message of tomllib; in words for authors where a table or a key stands there twice."""
    twice = DECLARED_TWICE.fullmatch(message)
    if twice is not None:
        name = ".".join(re.findall(r"'([^']*)'", twice["names"]))
        return f"[{name}] stands there twice; if it is a list, write [[{name}]] for all its elements"
    if message == "Cannot overwrite a value":
        return "a key or table stands there twice; if it is a list, write [[...]] for all its elements"
    return f"{message}; correct it"


def _in_plain_words(message: str) -> str:
    """Return a message of msgspec in words for authors, with the remedy."""
    message = message.replace("`", "")
    missing = re.fullmatch(r"Object missing required field (\w+)", message)
    if missing is not None:
        return f"has no {missing[1]}; add it"
    if (length := WRONG_LENGTH.fullmatch(message)) is not None:
        return f"must be a list of {length['expected']} values, not of {length['got']}"
    if (kinds := WRONG_KINDS.fullmatch(message)) is not None:
        expected = [KIND_WORDS.get(kind, kind) for kind in kinds["expected"].split(" | ") if kind != "null"]
        return f"must be {alternatives(expected)}, not {KIND_WORDS.get(kinds['got'], kinds['got'])}"
    if (range := WRONG_RANGE.fullmatch(message)) is not None:
        return f"must be {KIND_WORDS[range['kind']]} {LIMITS[range['sign']].format(range['limit'])}"
    return f"{message}; correct it"


def _structs(type: Any) -> list[Any]:
    """Return the Structs that a type names, itself or inside of a union, list or mapping."""
    if isinstance(type, _Type) and issubclass(type, msgspec.Struct):
        return [type]
    return [struct for inner in get_args(type) for struct in _structs(inner)]


def _is_mapping(type: Any) -> bool:
    """Return whether a type is a table with free keys."""
    return getattr(type, "__origin__", None) is not None and issubclass(type.__origin__, Mapping)
