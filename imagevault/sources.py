"""Where settings come from: the environment, `.env` and `imagevault.toml`, read and not yet judged."""

import io
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dotenv.parser import parse_stream

from imagevault.errors import ConfigError


def environment(environ: Mapping[str, str], folder: Path) -> dict[str, tuple[str, str]]:
    """Every variable that is not empty as (value, source), the environment's over those of `.env`."""
    found = {}
    for source, values in ((".env", _written(folder / ".env")), ("environment", environ)):
        found.update({name: (value, f"{source} variable {name}") for name, value in values.items() if value})
    return found


def _written(path: Path) -> dict[str, str]:
    if path.is_dir():  # somebody's virtual environment
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(".env", str(path), f"cannot be read: {error}") from None
    bindings = list(parse_stream(io.StringIO(text)))
    for binding in bindings:
        if binding.error:
            blank = binding.original.string[: -len(binding.original.string.lstrip())]
            line = binding.original.line + blank.count("\n")
            raise ConfigError(".env", f"{path}, line {line}", "must be NAME=value, quotes closed")
    return {binding.key: binding.value or "" for binding in bindings if binding.key}


def document(path: Path) -> dict[str, Any] | None:
    """What the config file says, None if there is none."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ConfigError(path.name, str(path), f"cannot be read: {error}") from None
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigError(path.name, str(path), "is nested too deeply") from None
    except ValueError as error:
        raise ConfigError(path.name, str(path), f"is not valid TOML: {error}") from None
