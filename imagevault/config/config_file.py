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
        if path.is_fifo():  # to read it would wait for whoever writes it, and all requests with it
            raise ConfigError(path.name, str(path), "cannot be read: it is a pipe")
        try:
            return path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise ConfigError(path.name, f"{path}, line {line}", "must be UTF-8") from None
        except OSError as error:
            raise ConfigError(path.name, str(path), f"cannot be read: {error}") from None

    def where(self, key: str) -> str:
        """The file and the line that a dotted key begins on, for messages; the file alone if it is not in it."""
        line = self.line(key)
        return str(self.path) if line is None else f"{self.path}, line {line}"

    def line(self, key: str) -> int | None:
        """The line that a dotted key begins on, counted from 1; None if it is not in the file.

        Halves the file until the shortest part of it that holds the key is found; a part that ends in the midst of a
        value cannot be parsed, and is passed over.
        """
        before, end, bound = 0, len(self.lines), len(self.lines)
        if not _holds(self._first(end), key):
            return None
        while bound - before > 1:
            middle = tried = (before + bound) // 2
            while tried < bound and (document := self._first(tried)) is None:
                tried += 1
            if tried == bound:
                bound = middle
            elif _holds(document, key):
                end, bound = tried, middle
            else:
                before = tried
        written = (at for at in range(before + 1, end + 1) if self.lines[at - 1].strip()[:1] not in {"", "#"})
        return next(written, end)

    def _first(self, count: int) -> dict[str, Any] | None:
        """What the first lines say, None if they end in the midst of a value."""
        try:
            return tomllib.loads("\n".join(self.lines[:count]))
        except (ValueError, RecursionError):
            return None

    def _parse(self, text: str) -> dict[str, Any]:
        try:
            return tomllib.loads(text)
        except RecursionError:
            raise ConfigError(self.path.name, str(self.path), "is nested too deeply") from None
        except ValueError as error:
            found = re.search(r" \(at line (\d+), column \d+\)$", str(error))
            last = max(1, len(text.splitlines()))
            line = min(int(found[1]), last) if found else last
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


def _holds(document: Any, key: str) -> bool:
    """Whether a dotted key is in a document; a name in quotes may hold dots itself."""
    if not isinstance(document, dict):
        return False
    return any(
        name == key or (key.startswith(f"{name}.") and _holds(value, key[len(name) + 1 :]))
        for name, value in document.items()
    )
