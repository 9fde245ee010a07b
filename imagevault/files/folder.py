"""A folder of files that a provider holds: which there are now, and what each of them is, read once while it stays.

Hidden files, symbolic links and names that are no clean text are left out, so nothing outside the folder is reached.
"""

import contextlib
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

FRESH = 5.0  # seconds until the folder is looked at again

T = TypeVar("T")
log = logging.getLogger(__name__)


class File(NamedTuple):
    """A file as last seen, `changed` in nanoseconds. One that differs in any of this is read again.

    `id`: its path below the folder, with slashes on every system.
    """

    id: str
    path: str
    changed: int
    size: int

    def still_there(self) -> Path | None:
        """Its path, None if the file is gone or became a link."""
        path = Path(self.path)
        return path if path.resolve() == path and path.is_file() else None


class Folder(Generic[T]):
    """The files of one folder by id, and what `read` makes of each.

    `read` may block and must not raise. `name` is what the folder is called where an admin sets it. All methods may
    block, may be called from any thread, and raise Unavailable if there is no such folder.
    """

    def __init__(self, path: Path, read: Callable[[File], T], name: str) -> None:
        self._path = path
        self._read = read
        self._name = name
        self._lock = threading.Lock()
        self._seen = -math.inf
        self._files: Mapping[str, File] = {}
        self._entries: dict[str, tuple[File, T]] = {}
        self._reader: threading.Thread | None = None

    def find(self, id: str) -> T | None:
        """What is in the file with this id, None if there is none. An id is looked up, never made into a path."""
        file = self._listing().get(id)
        return self._entry(file) if file else None

    def entries(self, patience: float) -> tuple[list[T], bool]:
        """What is in the files read so far, and whether those are all.

        Files never read before are waited for `patience` seconds; reading goes on after the answer.
        """
        files = self._listing()
        if unread := self._unread(files):
            with self._lock:
                if self._reader is None or not self._reader.is_alive():
                    self._reader = threading.Thread(target=lambda: [self._entry(file) for file in unread], daemon=True)
                    self._reader.start()
                reader = self._reader
            reader.join(patience)
        entries = [entry[1] for id in files if (entry := self._entries.get(id))]
        return entries, not (unread and self._unread(files))

    def _listing(self) -> Mapping[str, File]:
        with self._lock:
            if monotonic() - self._seen >= FRESH:
                self._files = {file.id: file for file in self._walk()}
                for id in self._entries.keys() - self._files.keys():
                    del self._entries[id]
                self._seen = monotonic()
            return self._files

    def _unread(self, files: Mapping[str, File]) -> list[File]:
        return [file for id, file in files.items() if (entry := self._entries.get(id)) is None or entry[0] != file]

    def _entry(self, file: File) -> T:
        entry = self._entries.get(file.id)
        if entry is None or entry[0] != file:
            entry = self._entries[file.id] = (file, self._read(file))
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
                with contextlib.suppress(OSError):  # gone at this moment
                    if item.is_dir(follow_symlinks=False):
                        folders.append((item.path, f"{prefix}{item.name}/"))
                    elif item.is_file(follow_symlinks=False):
                        stat = item.stat(follow_symlinks=False)
                        changed = max(stat.st_mtime_ns, stat.st_ctime_ns)  # ctime: its rights, or a copy with its mtime
                        yield File(prefix + item.name, item.path, changed, stat.st_size)
