"""The environment variables, with those of the `.env` file in the working directory beneath them."""

import io
from collections.abc import Mapping
from pathlib import Path

import msgspec
from dotenv.parser import Binding, parse_stream

from imagevault.errors import OUT_OF_FILES, ConfigError

TOO_MANY_FILES = "cannot be read now: too many files are open; raise the limit (ulimit -n, LimitNOFILE of systemd)"


class OutOfFiles(ConfigError):
    """A file cannot be read now, because too many others are open. It says nothing about the file."""


class Variable(msgspec.Struct, frozen=True):
    """A variable that is set.

    Attributes:
        value: its value, never empty.
        source: where it was set, for messages: `environment variable NAME` or `.env variable NAME`.

    """

    value: str
    source: str


def read_environment(environ: Mapping[str, str], folder: Path) -> dict[str, Variable]:
    """Read all variables of `environ` and of `folder/.env`; those of `environ` win.

    A variable that is set to the empty string counts as not set.

    Raises:
        ConfigError: `.env` cannot be read or has a malformed line.

    """
    variables: dict[str, Variable] = {}
    for source, values in ((".env", read_dotenv(folder / ".env")), ("environment", environ)):
        for name, value in values.items():
            if value:
                variables[name] = Variable(value, f"{source} variable {name}")
    return variables


def read_dotenv(path: Path) -> dict[str, str]:
    """Read a `.env` file. A missing file, or a folder of that name, holds no variables.

    Raises:
        ConfigError: the file cannot be read or has a malformed line.

    """
    if path.is_dir():  # a virtual environment may have this name
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise unreadable(error, path) from None
    except ValueError as error:
        message = f"cannot be read: {error}; make it a UTF-8 file that the server may read"
        raise ConfigError(path.name, str(path), message) from None
    values: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            raise ConfigError(".env", f"{path}, line {_line(binding)}", "must be NAME=value with every quote closed")
        if binding.key:
            values[binding.key] = binding.value or ""
    return values


def unreadable(error: OSError, path: Path) -> ConfigError:
    """Return the error for a file that cannot be read, with the reason and the remedy."""
    if error.errno in OUT_OF_FILES:
        return OutOfFiles(path.name, str(path), TOO_MANY_FILES)
    return ConfigError(path.name, str(path), f"cannot be read: {error}; make it a file that the server may read")


def _line(binding: Binding) -> int:
    """Return the line that a binding begins on; the parser counts from the blank lines before it."""
    original = binding.original
    blank = original.string[: -len(original.string.lstrip())]
    return original.line + blank.count("\n")
