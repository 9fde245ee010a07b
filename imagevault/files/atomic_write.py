"""Writing a file whole or not at all."""

import os
import secrets
from pathlib import Path


def write_atomically(
    path: Path, content: bytes, *, mode: int = 0o600, owner: tuple[int, int] | None = None, durable: bool = False
) -> None:
    """Write `content` to a draft beside `path`, then rename it: readers see the old file or the new one.

    Args:
        path: the file. A symbolic link is replaced; resolve it first to keep it.
        content: all of its bytes.
        mode: its permissions, whatever the umask is.
        owner: the ids of its user and its group; by default those of this process.
        durable: wait until the disk has the bytes.

    Raises:
        OSError: the folder cannot be written. The draft is removed, and `path` is unchanged.

    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            if owner is not None and owner != _owner(file.fileno()):
                os.fchown(file.fileno(), *owner)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _owner(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_uid, status.st_gid
