"""Small providers of invented services, each with its simulated upstream, for the tests of the contract suite.

`tiny`: numbered pages by GET, JSON. `graph`: pages by token, GraphQL by POST. `feed`: XML with a fixed page size.
`sheet`: a TOML file, for records in groups.
Each provider is a file as an author writes it; a test changes pieces of its source to make a wrong one.
"""

import logging
import time
import types
from pathlib import Path
from typing import Any

import imagevault
from imagevault.plugins.declarative.plugin import make_plugin

FOLDER = Path(__file__).parent

Change = tuple[str, str]
"""A piece of a source, and what stands there instead."""


def source(name: str) -> str:
    """Return the source of an example provider."""
    return file(name).read_text(encoding="utf-8")


def file(name: str) -> Path:
    """Return the file of an example provider."""
    python = FOLDER / f"{name}.py"
    return python if python.exists() else FOLDER / f"{name}.toml"


def changed(name: str, *changes: Change) -> Any:
    """Return the provider as a module, or as what is made of its TOML file, with these pieces of its source replaced.

    Each piece stands there once. What stands there instead may use `time`, `logging` and all public names of
    `imagevault`.
    """
    text = source(name)
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in the source of {name}"
        text = text.replace(old, new)
    if file(name).suffix == ".toml":
        return make_plugin(Path(f"{name}.toml"), text)
    module = types.ModuleType(f"imagevault_{name}")
    module.__dict__.update({public: getattr(imagevault, public) for public in imagevault.__all__})
    module.__dict__.update(time=time, logging=logging)
    exec(compile(text, f"{name}.py", "exec"), module.__dict__)  # noqa: S102  a file of this folder
    return module
