"""The keys that the config file and the environment set, before their values are checked."""

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any

import msgspec

from imagevault.config.environment import Variable
from imagevault.errors import ConfigError

PREFIX = "IMAGEVAULT_"
CONFIG_VARIABLE = "IMAGEVAULT_CONFIG"  # path of the config file; no key of the file itself


class Given(msgspec.Struct, frozen=True):
    """A value as it was written, and where."""

    value: Any
    source: str


def keys_in_file(
    document: Mapping[str, Any], source: str, known: Collection[str], mistakes: list[ConfigError]
) -> Iterator[tuple[str, Given]]:
    """Return the known keys that the file sets, in dotted form, without those of providers.

    `mistakes` takes in each key that is not known, and each value that stands where a table must.
    """
    tables = {key.partition(".")[0] for key in known if "." in key}
    for name, value in document.items():
        if name == "providers":
            continue
        entries = {name: value}
        if name in tables:
            if not isinstance(value, dict):
                mistakes.append(ConfigError(name, source, f"must be a table: [{name}]"))
                continue
            entries = {f"{name}.{inner}": inner_value for inner, inner_value in value.items()}
        for key, entry in entries.items():
            if key in known:
                yield key, Given(entry, source)
            else:
                near = nearest(key, [*known, *sorted(tables), "providers"])
                mistakes.append(ConfigError(key, source, _unknown(near)))


def keys_in_environment(
    environment: Mapping[str, Variable], known: Mapping[str, str], mistakes: list[ConfigError]
) -> Iterator[tuple[str, Given]]:
    """Return the keys that the environment sets. `known` maps a variable to its key.

    `mistakes` takes in each unknown variable that begins with `IMAGEVAULT_`.
    """
    for name, variable in environment.items():
        if name in known:
            yield known[name], Given(variable.value, variable.source)
        elif name.startswith(PREFIX) and name != CONFIG_VARIABLE:
            unprefixed = name.removeprefix(PREFIX)
            if unprefixed in known or _is_of_provider(unprefixed):
                near = f" Did you mean {unprefixed}?"
            else:
                near = nearest(name, [*known, CONFIG_VARIABLE])
            mistakes.append(ConfigError(name, variable.source, _unknown(near)))


def _is_of_provider(variable: str) -> bool:
    """Whether a variable begins with the name of an installed provider, as `LOCAL_FOLDER` does."""
    names = [point.name for point in entry_points(group="imagevault")]
    return any(variable.startswith(f"{re.sub(r'[^A-Za-z0-9]', '_', name).upper()}_") for name in names)


def provider_tables(
    document: Mapping[str, Any], source: str, mistakes: list[ConfigError]
) -> Mapping[str, Mapping[str, Any]]:
    """Return the tables `[providers.NAME]`, by name. `mistakes` takes in what stands there in place of a table."""
    tables = document.get("providers", {})
    if not isinstance(tables, dict):
        mistakes.append(ConfigError("providers", source, "must be tables, one for each provider: [providers.NAME]"))
        return {}
    for name, table in tables.items():
        if not isinstance(table, dict):
            mistakes.append(ConfigError(f"providers.{name}", source, f"must be a table: [providers.{name}]"))
    return {name: table for name, table in tables.items() if isinstance(table, dict)}


def dotted(providers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the provider tables as dotted keys: `providers.pexels.api_key`."""
    return {f"providers.{name}.{key}": value for name, table in providers.items() for key, value in table.items()}


def nearest(name: str, known: Iterable[str]) -> str:
    """` Did you mean X?`, or the empty string if no known name is similar."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]}?" if close else ""


def alternatives(words: Iterable[object]) -> str:
    """Return the words as a choice: `closed, invite or open`."""
    *others, last = map(str, words)
    return f"{', '.join(others)} or {last}" if others else last


def _unknown(near: str) -> str:
    return f"there is no such setting.{near or ' Remove it; imagevault config example prints every setting.'}"
