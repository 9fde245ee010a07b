"""The values of the keys, converted to their types and checked, with each mistake in them."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from imagevault.config import validation
from imagevault.config.sources import Given
from imagevault.errors import ConfigError

CHECKS: dict[str, Callable[[Any], None]] = {  # what the type of a key does not say
    "secret_key": validation.check_secret,
    "secret_key_previous": validation.check_secret,
    "metrics_token": validation.check_secret,
    "database_url": validation.check_database,
    "host": validation.check_host,
    "public_url": validation.check_url,
    "allowed_hosts": validation.check_hosts,
    "cors_origins": validation.check_origins,
    "trusted_proxies": validation.check_networks,
    "allow_networks": validation.check_networks,
    "default": validation.check_names,
}


def converted(
    given: Mapping[str, Given],
    definitions: Mapping[str, msgspec.structs.FieldInfo],
    folder: Path,
    mistakes: list[ConfigError],
) -> Iterator[tuple[str, Any]]:
    """Return the keys with their values, without those that are wrong.

    Args:
        given: the keys as they were written.
        definitions: all keys.
        folder: which relative paths start from.
        mistakes: takes in what is wrong.

    """
    for key, value in given.items():
        try:
            yield key, _converted(key, definitions[key], value, folder)
        except ConfigError as error:
            mistakes.append(error)


def _converted(key: str, field: msgspec.structs.FieldInfo, given: Given, folder: Path) -> Any:
    try:
        value = validation.convert(given.value, field.type, example=field.default)
        if key in CHECKS:
            CHECKS[key](value)
        if key == "plugins_dir" and value is not None:
            value = folder / value
            validation.check_folder(value)
    except ValueError as error:
        raise ConfigError(key, given.source, str(error)) from None
    return value
