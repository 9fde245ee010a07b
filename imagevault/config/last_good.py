"""The config as it was last put in force, which the workers of one server hand on: a broken file harms no new one."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "_IMAGEVAULT_LAST_GOOD"  # of the environment that workers inherit: where the text is kept


@contextlib.contextmanager
def handed_on(text: str) -> Iterator[None]:
    """While the block runs, processes that it starts have this text, or what `keep` made of it since."""
    with tempfile.TemporaryDirectory(prefix="imagevault-") as folder:  # its owner's only: the text may hold keys
        os.environ[VARIABLE] = str(Path(folder, "last-good.toml"))
        keep(text)
        try:
            yield
        finally:
            del os.environ[VARIABLE]


def keep(text: str) -> None:
    """Says that this text was put in force. Nothing happens where no text is handed on."""
    if VARIABLE not in os.environ:
        return
    path = Path(os.environ[VARIABLE])
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def last_good() -> str | None:
    """The text that was put in force last, None where none is handed on."""
    return Path(os.environ[VARIABLE]).read_text(encoding="utf-8") if VARIABLE in os.environ else None
