"""Small providers of invented services, each with its simulated upstream, for the tests of the contract suite.

`tiny`: numbered pages by GET, JSON. `graph`: pages by token, GraphQL by POST. `feed`: XML with a fixed page size.
Each provider is a file as an author writes it; a test changes pieces of its source to make a wrong one.
"""

import logging
import time
import types
from pathlib import Path
from typing import Any

import imagevault

FOLDER = Path(__file__).parent

Change = tuple[str, str]
"""A piece of a source, and what stands there instead."""


def source(name: str) -> str:
    """Return the source of an example provider."""
    return (FOLDER / f"{name}.py").read_text(encoding="utf-8")


def changed(name: str, *changes: Change) -> Any:
    """Return the provider as a module, with these pieces of its source replaced. Each piece stands there once.

    What stands there instead may use `time`, `logging` and all public names of `imagevault`.
    """
    text = source(name)
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in the source of {name}"
        text = text.replace(old, new)
    module = types.ModuleType(f"imagevault_{name}")
    module.__dict__.update({public: getattr(imagevault, public) for public in imagevault.__all__})
    module.__dict__.update(time=time, logging=logging)
    exec(compile(text, f"{name}.py", "exec"), module.__dict__)  # noqa: S102  a file of this folder
    return module
