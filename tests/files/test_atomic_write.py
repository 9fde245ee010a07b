"""A file is written whole or not at all."""

import os
from pathlib import Path

import pytest

from imagevault.files.atomic_write import write_atomically


def test_replaces_a_file_with_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    before = os.umask(0o077)
    try:
        write_atomically(path, b"new", mode=0o644, durable=True)
    finally:
        os.umask(before)

    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o644)
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def refuse(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="no space left"):
        write_atomically(path, b"new")

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_gives_the_file_to_an_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only if another one owns the draft: most users may not change owners."""
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "fchown", lambda _, user, group: given.append((user, group)))
    path = tmp_path / "file"

    for owner in ((os.geteuid(), tmp_path.stat().st_gid), (os.geteuid() + 1, 7)):
        write_atomically(path, b"new", owner=owner)

    assert given == [(os.geteuid() + 1, 7)]
