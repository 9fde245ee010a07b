"""A folder of files that a provider holds: the files that exist now, and what is in each.

Each file is read once and again after a change. Hidden files, symbolic links and names with control characters are left
out, so nothing outside the folder can be reached.
"""

import contextlib
import hashlib
import logging
import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from time import monotonic
from typing import Generic, NamedTuple, TypeVar

from imagevault.errors import Unavailable
from imagevault.files.opening import UNSAFE

FRESH = 5.0  # seconds for which a listing of the folder is used
MAX_ID = 200  # characters of `Image.id`; the gateway drops a record with a longer one

T = TypeVar("T")
log = logging.getLogger(__name__)


class File(NamedTuple):
    """A file as last seen. A file that differs in any attribute is read again.

    Attributes:
        id: its name if an `Image.id` may be so: of 1 to 200 printable characters, without a blank at an end. Otherwise
            a tilde and a digest of the name, which is the same at each start.
        path: its absolute path.
        changed: the later of its mtime and ctime, in nanoseconds.
        size: in bytes.
        name: its path below the folder, with slashes on every system.

    """

    id: str
    path: str
    changed: int
    size: int
    name: str

    def still_there(self) -> Path | None:
        """Return its path; None if the file is gone or has become a link."""
        path = Path(self.path)
        return path if path.resolve() == path and path.is_file() else None


class Folder(Generic[T]):
    """The files of one folder by id, and what `read` makes of each.

    All methods may block, may be called from any thread, and raise Unavailable if there is no such folder.

    Args:
        path: the folder.
        read: makes something of a file. It may block and must not raise.
        name: what the folder is called where an admin sets it, for messages.

    """

    def __init__(self, path: Path, read: Callable[[File], T], name: str) -> None:
        self._path = path
        self._read = read
        self._name = name
        self._lock = threading.Lock()
        self._listed_at = -math.inf
        self._files: Mapping[str, File] = {}
        self._entries: dict[str, tuple[File, T]] = {}
        self._reader: threading.Thread | None = None

    def find(self, id: str) -> T | None:
        """Return what is in the file with this id; None if there is none. The id is never made into a path."""
        file = self._listing().get(id)
        return self._entry(file) if file else None

    def entries(self, patience: float) -> tuple[list[T], bool]:
        """Return what is in the files read so far, and whether those are all.

        Waits up to `patience` seconds for files that were never read before. Reading goes on after that.
        """
        files = self._listing()
        unread = self._unread(files)
        if unread:
            self._start_reading(unread).join(patience)
        entries = [self._entries.get(id) for id in files]
        is_complete = not unread or not self._unread(files)
        return [entry[1] for entry in entries if entry is not None], is_complete

    def _start_reading(self, files: list[File]) -> threading.Thread:
        """Return the thread that reads files; start one if none is running."""
        with self._lock:
            if self._reader is None or not self._reader.is_alive():
                self._reader = threading.Thread(target=self._read_all, args=(files,), daemon=True)
                self._reader.start()
            return self._reader

    def _read_all(self, files: list[File]) -> None:
        for file in files:
            self._entry(file)

    def _listing(self) -> Mapping[str, File]:
        with self._lock:
            if monotonic() - self._listed_at >= FRESH:
                self._files = {file.id: file for file in self._walk()}
                for id in self._entries.keys() - self._files.keys():
                    del self._entries[id]
                self._listed_at = monotonic()
            return self._files

    def _unread(self, files: Mapping[str, File]) -> list[File]:
        return [file for file in files.values() if not self._is_read(file)]

    def _is_read(self, file: File) -> bool:
        entry = self._entries.get(file.id)
        return entry is not None and entry[0] == file

    def _entry(self, file: File) -> T:
        entry = self._entries.get(file.id)
        if entry is None or entry[0] != file:
            entry = (file, self._read(file))
            self._entries[file.id] = entry
        return entry[1]

    def _walk(self) -> Iterator[File]:
        root = self._path.expanduser().resolve()
        if not root.is_dir():
            raise Unavailable(f"{self._name} is not a folder that can be read")
        folders = [(str(root), "")]
        while folders:
            folder, prefix = folders.pop()
            try:
                with os.scandir(folder) as listing:
                    items = list(listing)
            except OSError as error:
                log.debug("skipped %s: %s", folder, error)
                continue
            for item in items:
                if item.name.startswith(".") or UNSAFE.search(item.name):
                    continue
                with contextlib.suppress(OSError):  # the item was removed a moment ago
                    if item.is_dir(follow_symlinks=False):
                        folders.append((item.path, f"{prefix}{item.name}/"))
                    elif item.is_file(follow_symlinks=False):
                        yield _file(item, prefix)


def _file(item: "os.DirEntry[str]", prefix: str) -> File:
    stat = item.stat(follow_symlinks=False)
    # ctime changes with the permissions, and when a copy keeps the original's mtime.
    changed = max(stat.st_mtime_ns, stat.st_ctime_ns)
    name = f"{prefix}{item.name}"
    return File(_id(name), item.path, changed, stat.st_size, name)


def _id(name: str) -> str:
    """Return the id of the file with this name.

    A blank at an end, U+3000 or the joined parts of an emoji may stand in a file name, but not in an id.
    """
    if name.isprintable() and name == name.strip() and len(name) <= MAX_ID:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()
    return f"~{digest[:32]}"
