"""The text of the last configuration that was put in force, shared by the workers of one server.

A worker that starts while the config file is broken uses this text. The supervisor makes a private temporary folder
for it and removes it at the end.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from imagevault.files.atomic_write import write_atomically

VARIABLE = "_IMAGEVAULT_LAST_GOOD"  # environment variable that workers inherit: the path of the text


@contextlib.contextmanager
def share_last_good(text: str) -> Iterator[None]:
    """Share this text with the processes that start while the block runs."""
    with tempfile.TemporaryDirectory(prefix="imagevault-") as folder:  # mode 0700: the text may hold keys
        os.environ[VARIABLE] = str(Path(folder, "last-good.toml"))
        save_last_good(text)
        try:
            yield
        finally:
            del os.environ[VARIABLE]


def save_last_good(text: str) -> None:
    """Replace the shared text. Does nothing if no supervisor shares one."""
    path = os.environ.get(VARIABLE)
    if path is not None:
        write_atomically(Path(path), text.encode())


def read_last_good() -> str | None:
    """Read the shared text. Returns None if no supervisor shares one."""
    path = os.environ.get(VARIABLE)
    return None if path is None else Path(path).read_text(encoding="utf-8")
