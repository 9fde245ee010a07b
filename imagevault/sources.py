"""Where settings come from: the environment, `.env` and `imagevault.toml`, read and not yet judged."""

import io
import re
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


DEEPEST = 5  # tables in tables and lists in lists; no setting lies deeper, whatever the file holds


class ConfigFile:
    """The config file: its path, and what it says once each `${NAME}` is filled in from the environment."""

    def __init__(self, path: Path, text: str, variables: Mapping[str, tuple[str, str]]) -> None:
        self.path = path
        self.text = text
        self.lines = text.split("\n")
        self.document: dict[str, Any] = self._filled(self._parse(text), variables)

    @classmethod
    def read(cls, path: Path) -> str | None:
        """The text of the file, None if there is none. Raises ConfigError if it cannot be read."""
        try:
            return path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise ConfigError(path.name, str(path), f"cannot be read: {error}") from None

    def where(self, key: str) -> str:
        """The file and the line that a dotted key begins on, for messages; the file alone if it is not in it."""
        wanted, begun = key.split("."), 0
        for end in range(1, len(self.lines) + 1):
            try:
                document: Any = tomllib.loads("\n".join(self.lines[:end]))
            except (ValueError, RecursionError):
                continue  # in the midst of a value of several lines
            for name in wanted:
                document = document.get(name) if isinstance(document, dict) else None
            if document is not None:
                blank = next(n for n, line in enumerate(self.lines[begun:]) if line.strip() and line.strip()[0] != "#")
                return f"{self.path}, line {begun + blank + 1}"
            begun = end
        return str(self.path)

    def _parse(self, text: str) -> dict[str, Any]:
        try:
            return tomllib.loads(text)
        except RecursionError:
            raise ConfigError(self.path.name, str(self.path), "is nested too deeply") from None
        except ValueError as error:
            found = re.search(r" \(at line (\d+), column \d+\)$", str(error))
            line = found[1] if found else str(max(1, len(self.lines)))
            reason = str(error)[: found.start()] if found else str(error)
            raise ConfigError(self.path.name, f"{self.path}, line {line}", f"is not valid TOML: {reason}") from None

    def _filled(self, value: Any, variables: Mapping[str, tuple[str, str]], path: tuple[str, ...] = ()) -> Any:
        if isinstance(value, dict) and len(path) < DEEPEST:
            return {name: self._filled(each, variables, (*path, name)) for name, each in value.items()}
        if isinstance(value, list) and len(path) < DEEPEST:
            return [self._filled(each, variables, (*path, "")) for each in value]
        if not isinstance(value, str) or "$" not in value:
            return value

        def fill(found: re.Match[str]) -> str:
            if found[0] == "$$":
                return "$"
            if found[1] not in variables:
                key = ".".join(filter(None, path))
                wrong = f"${{{found[1]}}} stands for an environment variable that is not set"
                raise ConfigError(key, self.where(key), f"{wrong}; write $$ for a plain $")
            return variables[found[1]][0]

        return re.sub(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}", fill, value)
