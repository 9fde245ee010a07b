"""The declarative providers in `plugins_dir`: which files they are, and which of them changed."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from imagevault.plugins.declarative.reading import MAX_SIZE

# The table `[provider]`, also in a file that is no TOML otherwise: [provider], [provider.terms], provider.title = ""
PROVIDER_TABLE = re.compile(rb"^[ \t]*(?:\[[ \t]*)?provider[ \t]*[\].=]", re.MULTILINE)
BYTES_OF_A_CHARACTER = 4


class FileState(msgspec.Struct, frozen=True):
    """What tells a file's versions apart without reading it."""

    modified: int
    size: int
    inode: int


class ProviderFolder:
    """The TOML files of a folder.

    Args:
        folder: the folder; it may be missing.

    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._taken = self._states()
        self._candidate = self._taken

    def files(self) -> list[Path]:
        """Return the files that describe a provider, by name. Files without a table `[provider]` are none of them."""
        return [path for path in sorted(self._taken) if is_provider_file(path)]

    def poll(self) -> tuple[list[Path], bool]:
        """Return the files that changed, came or went since the last time, once they have stopped changing.

        Returns:
            The files, and whether to poll again soon because some may still be changing.

        """
        states = self._states()
        if states == self._taken:
            self._candidate = states
            return [], False
        if states != self._candidate:
            self._candidate = states
            return [], True
        known = {*states, *self._taken}
        changed = sorted(path for path in known if states.get(path) != self._taken.get(path))
        self._taken = states
        return changed, False

    def _states(self) -> Mapping[Path, FileState]:
        states: dict[Path, FileState] = {}
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    if entry.name.endswith(".toml") and entry.name[0] not in "._" and entry.is_file():
                        found = entry.stat()
                        states[Path(entry.path)] = FileState(found.st_mtime_ns, found.st_size, found.st_ino)
        except OSError:  # the folder is not there, or cannot be read now
            return states
        return states


def is_provider_file(path: Path) -> bool:
    """Return whether a TOML file has a table `[provider]`, even if the file is wrong otherwise."""
    try:
        with path.open("rb") as file:
            return PROVIDER_TABLE.search(file.read(MAX_SIZE * BYTES_OF_A_CHARACTER)) is not None
    except OSError:
        return False


def provider_name(path: Path) -> str:
    """Return the name of the provider in a file: `acme` for `acme.toml` and `imagevault_acme.toml`."""
    return path.stem.removeprefix("imagevault_")
