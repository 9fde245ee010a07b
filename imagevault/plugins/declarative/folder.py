"""The declarative providers in `plugins_dir`: which files they are, and which of them changed."""

import os
import re
import stat
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
        self._taken: Mapping[Path, FileState] = {}
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
        """Return the states of the files now. What cannot be read at the moment counts as unchanged."""
        states: dict[Path, FileState] = {}
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    state = self._state(entry)
                    if state is not None:
                        states[Path(entry.path)] = state
        except FileNotFoundError:  # the folder is not there
            return {}
        except OSError:  # too many files are open, or a network drive is away
            return self._taken
        return states

    def _state(self, entry: os.DirEntry[str]) -> FileState | None:
        """Return the state of a TOML file, None for anything else."""
        if not entry.name.endswith(".toml") or entry.name[0] in "._":
            return None
        try:
            found = entry.stat()
        except FileNotFoundError:  # it was removed in the meantime, or is a link to nothing
            return None
        except OSError:
            return self._taken.get(Path(entry.path))
        is_file = stat.S_ISREG(found.st_mode)
        return FileState(found.st_mtime_ns, found.st_size, found.st_ino) if is_file else None


def is_provider_file(path: Path) -> bool:
    """Return whether a TOML file has a table `[provider]`, even if the file is wrong otherwise or cannot be read."""
    try:
        with path.open("rb") as file:
            return PROVIDER_TABLE.search(file.read(MAX_SIZE * BYTES_OF_A_CHARACTER)) is not None
    except FileNotFoundError:
        return False
    except OSError:
        return True  # loading it says why it cannot be read


def provider_name(path: Path) -> str:
    """Return the name of the provider in a file: `acme` for `acme.toml` and `imagevault_acme.toml`."""
    return path.stem.removeprefix("imagevault_")
