"""A folder of files that a provider holds; what is in a file is here its text."""

import gc
import hashlib
import os
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from imagevault import Unavailable
from imagevault.files.folder import FRESH, File, Folder
from imagevault.images import sanitize


class Reader:
    """Reads files, and remembers which."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def __call__(self, file: File) -> str:
        self.read.append(file.id)
        return Path(file.path).read_text(encoding="utf-8")


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def folder(tmp_path: Path, reader: Reader) -> Folder[str]:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "sub" / "b.txt").write_text("two")
    return Folder(tmp_path, reader, "ACME_FOLDER")


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets the time pass after which the folder is looked at again."""
    now = [1000.0]
    monkeypatch.setattr("imagevault.files.folder.monotonic", lambda: now[0])
    return lambda: now.__setitem__(0, now[0] + FRESH)


def test_a_file_is_read_once_however_it_is_asked_for(folder: Folder[str], reader: Reader) -> None:
    assert [folder.find("sub/b.txt") for _ in range(2)] == ["two", "two"]
    assert [folder.entries(60) for _ in range(2)] == [(["one", "two"], True)] * 2
    assert reader.read == ["sub/b.txt", "a.txt"]


@pytest.mark.parametrize(
    "name",
    [
        " leading.txt",
        "trailing.txt ",
        "\u3000ideographic.txt",
        "wide\u3000blank.txt",
        "\U0001f468\u200d\U0001f469.txt",
        "/".join(["long" * 20] * 3),
    ],
    ids=["leading", "trailing", "leading U+3000", "U+3000", "joined emoji", "long"],
)
def test_a_name_that_can_be_no_id_has_a_digest(tmp_path: Path, name: str) -> None:
    """The digest depends on the name alone. The sanitizer takes it, and would drop the name."""
    found: list[File] = []
    place = tmp_path / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("three")

    Folder(tmp_path, found.append, "ACME_FOLDER").entries(60)

    [file] = found
    assert (file.name, file.path) == (name, str(place))
    assert file.id == f"~{hashlib.sha256(name.encode()).hexdigest()[:32]}"
    assert Folder(tmp_path, lambda file: file.name, "ACME_FOLDER").find(file.id) == name
    assert sanitize.is_id(file.id)
    assert not sanitize.is_id(name)


@pytest.mark.parametrize("name", ["a.txt", "two words.txt", "sub/ blank.txt", "~a.txt", "%20.txt", "é.txt", "x" * 200])
def test_any_other_name_is_the_id(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("three")

    assert Folder(tmp_path, lambda file: file.name, "ACME_FOLDER").find(name) == name
    assert sanitize.is_id(name)


def test_it_is_looked_at_again_only_after_a_while(
    folder: Folder[str], tmp_path: Path, later: Callable[[], None]
) -> None:
    assert folder.find("new.txt") is None
    (tmp_path / "new.txt").write_text("three")
    assert folder.find("new.txt") is None
    later()
    assert folder.find("new.txt") == "three"


def test_what_was_in_a_file_that_is_gone_is_forgotten(tmp_path: Path, later: Callable[[], None]) -> None:
    """Or the memory of a busy folder would only grow."""

    class Content:
        """Something that can be looked for in memory."""

    (tmp_path / "a.txt").touch()
    folder = Folder(tmp_path, lambda _: Content(), "ACME_FOLDER")
    content = weakref.ref(folder.find("a.txt") or Content())
    assert content() is not None
    (tmp_path / "a.txt").unlink()
    later()
    assert folder.entries(60) == ([], True)
    gc.collect()
    assert content() is None


def test_a_file_says_whether_it_is_still_there(tmp_path: Path) -> None:
    """A link in its place, or in that of a folder above it, leads elsewhere: it is not."""
    found: list[File] = []
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.txt").write_text("two")
    Folder(tmp_path, found.append, "ACME_FOLDER").entries(60)
    [file] = found
    assert file.still_there() == tmp_path / "sub" / "b.txt"
    (tmp_path / "sub").rename(tmp_path / "other")
    assert file.still_there() is None
    (tmp_path / "sub").symlink_to(tmp_path / "other")
    assert file.still_there() is None


def test_a_folder_below_it_that_cannot_be_listed_is_left_out(
    folder: Folder[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("sub"):
            raise PermissionError(13, "Permission denied")
        return really(path)

    monkeypatch.setattr("imagevault.files.folder.os.scandir", refuse)
    assert folder.entries(60) == (["one"], True)


def test_a_home_folder_may_be_written_short(
    folder: Folder[str], reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Folder(Path("~/sub"), reader, "ACME_FOLDER").find("b.txt") == "two"


def test_one_that_is_not_there_is_named(tmp_path: Path, reader: Reader) -> None:
    gone = Folder(tmp_path / "nowhere", reader, "ACME_FOLDER")
    for ask in (lambda: gone.find("a.txt"), lambda: gone.entries(1)):
        with pytest.raises(Unavailable, match="ACME_FOLDER is not a folder that can be read"):
            ask()
