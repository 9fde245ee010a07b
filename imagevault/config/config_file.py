"""The config file: its text, the values in it, and the line that each key is on."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imagevault.config.environment import Variable, unreadable
from imagevault.config.toml_lines import first_line
from imagevault.errors import ConfigError

MAX_DEPTH = 5  # tables in tables and lists in lists in which ${NAME} is replaced; every setting lies higher
REFERENCE = re.compile(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}")  # `$$` or `${NAME}`
TOML_PLACE = re.compile(r" \(at line (\d+), column \d+\)$")  # how tomllib ends a message


def read_config(path: Path) -> str | None:
    """Read the text of the config file. Returns None if there is no file.

    Raises:
        ConfigError: the file cannot be read, or is not UTF-8. OutOfFiles, if it cannot be read now.

    """
    try:
        is_pipe = path.is_fifo()
        if is_pipe:  # reading a pipe would block the event loop until somebody writes to it
            raise ConfigError(path.name, str(path), "cannot be read: it is a pipe; use a regular file")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(path.name, f"{path}, line {line}", "must be UTF-8; save it in that encoding") from None
    except OSError as error:
        raise unreadable(error, path) from None


class ConfigFile:
    """A parsed config file.

    Attributes:
        path: where the file is.
        text: its whole text.
        document: its tables and values, with each `${NAME}` replaced from the environment.

    Raises:
        ConfigError: the text is not TOML, or refers to a variable that is not set.

    """

    def __init__(self, path: Path, text: str, variables: Mapping[str, Variable]) -> None:
        self.path = path
        self.text = text
        self._variables = variables
        self.document: dict[str, Any] = self._expand(self._parse(), ())

    def where(self, key: str) -> str:
        """The file and the line of a dotted key, for messages; only the file if the key is not in it."""
        line = self.line(key)
        return str(self.path) if line is None else f"{self.path}, line {line}"

    def line(self, key: str) -> int | None:
        """The line that a dotted key begins on, counted from 1; None if the key is not in the file."""
        return first_line(self.text, lambda document: _holds(document, key))

    def _parse(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self.text)
        except RecursionError:
            message = "is nested too deeply; no setting needs a table within [providers.NAME]"
            raise ConfigError(self.path.name, str(self.path), message) from None
        except ValueError as error:
            raise self._syntax_error(str(error)) from None

    def _syntax_error(self, message: str) -> ConfigError:
        """The error for a message of tomllib; the last line if the message names none."""
        line = max(1, len(self.text.splitlines()))
        place = TOML_PLACE.search(message)
        if place is not None:
            line = min(line, int(place[1]))
            message = message[: place.start()]
        return ConfigError(self.path.name, f"{self.path}, line {line}", f"is not valid TOML: {message}; correct it")

    def _expand(self, value: Any, path: tuple[str, ...]) -> Any:
        """The value with the variables put in. `path` names the tables around it; "" stands for a list."""
        if isinstance(value, dict) and len(path) < MAX_DEPTH:
            return {name: self._expand(inner, (*path, name)) for name, inner in value.items()}
        if isinstance(value, list) and len(path) < MAX_DEPTH:
            return [self._expand(inner, (*path, "")) for inner in value]
        if isinstance(value, str) and "$" in value:
            key = ".".join(filter(None, path))
            return REFERENCE.sub(lambda reference: self._replacement(reference, key), value)
        return value

    def _replacement(self, reference: re.Match[str], key: str) -> str:
        if reference[0] == "$$":
            return "$"
        variable = self._variables.get(reference[1])
        if variable is None:
            message = f"{reference[0]} names an environment variable that is not set; set it, or write $$ for a plain $"
            raise ConfigError(key, self.where(key), message)
        return variable.value


def _holds(document: Any, key: str) -> bool:
    """Whether a dotted key is in a document. A quoted name may itself contain dots."""
    if not isinstance(document, dict):
        return False
    return any(
        name == key or (key.startswith(f"{name}.") and _holds(value, key[len(name) + 1 :]))
        for name, value in document.items()
    )
