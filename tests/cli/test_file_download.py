"""`imagevault download IMAGE --to DIR`: the file, its credit beside it, and no other file overwritten."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imagevault.images import signed_links
from imagevault.testing import faults
from imagevault.testing.upstreams.pexels import SimulatedPexels
from imagevault.testing.upstreams.unsplash import SimulatedUnsplash

AURORA = (Path(signed_links.__file__).parents[1] / "samples" / "aurora.jpg").read_bytes()
Here = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("patient")


@pytest.fixture
def ada(here: Here) -> None:
    here("users", "create", "ada", "--password", "violet-harbour-71")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def downloads(here: Here) -> list[dict[str, Any]]:
    return json.loads(here("downloads", "--as", "ada", "--json").stdout)["downloads"]  # type: ignore[no-any-return]


TAKE = ("download", "local:aurora.jpg", "--rendition", "original")


def test_writes_file_and_credit(here: Here, tmp_path: Path) -> None:
    """Into a folder that it makes. Nothing is recorded."""
    ended = here(*TAKE, "--to", "new/pictures")

    folder = tmp_path / "new" / "pictures"
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "new/pictures/local-aurora.jpg\n", "")
    assert names(folder) == ["local-aurora.jpg", "local-aurora.jpg.txt"]
    assert (folder / "local-aurora.jpg").read_bytes() == AURORA
    credit = (folder / "local-aurora.jpg.txt").read_text()
    assert "Licence: CC0 1.0 https://creativecommons.org/publicdomain/zero/1.0/\n" in credit


@pytest.mark.parametrize("folder", ["/proc/x", "aurora/below-a-file"])
def test_names_a_folder_that_cannot_be_written(here: Here, tmp_path: Path, folder: str) -> None:
    """With the reason and the remedy."""
    (tmp_path / "aurora").touch()

    ended = here(*TAKE, "--to", folder)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"imagevault: cannot write to {folder}: ")
    assert ended.stderr.endswith("; choose another folder with --to\n")


@pytest.mark.usefixtures("ada")
def test_records_once_however_often_it_is_repeated(here: Here, tmp_path: Path) -> None:
    """The record has the hash of the file."""
    first = here(*TAKE, "--as", "ada", "--project", "cards", "--to", "pictures", "--json")
    again = here(*TAKE, "--as", "ada", "--project", "cards", "--to", "pictures")
    [record] = downloads(here)

    written = json.loads(first.stdout)
    assert (written["path"], written["was_there"]) == ("pictures/local-aurora.jpg", False)
    assert written["download"]["id"] == record["id"]
    assert (again.returncode, again.stdout) == (0, "pictures/local-aurora.jpg (was there already)\n")
    assert (record["project"], record["file"]["size"]) == ("cards", len(AURORA))
    assert names(tmp_path / "pictures") == ["local-aurora.jpg", "local-aurora.jpg.txt"]


@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_never_overwrites_another_file(here: Here, tmp_path: Path, kind: str) -> None:
    """Nor the target of a link. A credit that is there stays, because its words may be somebody's."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    other = tmp_path / "other.jpg"
    other.write_bytes(AURORA if kind == "link" else b"mine")
    target = folder / "local-aurora.jpg"
    if kind == "file":
        target.write_bytes(b"mine")
    elif kind == "link":
        target.symlink_to(other)
    else:
        target.mkdir()

    ended = here(*TAKE, "--to", "pictures")

    reason = "imagevault: pictures/local-aurora.jpg is another file; move it away, or choose another folder with --to\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", reason)
    assert names(folder) == ["local-aurora.jpg"]
    assert target.is_symlink() == (kind == "link")
    if kind == "file":
        assert target.read_bytes() == b"mine"
        target.unlink()
        (folder / "local-aurora.jpg.txt").write_text("my words")
        assert here(*TAKE, "--to", "pictures").returncode == 0
        assert (folder / "local-aurora.jpg.txt").read_text() == "my words"


@pytest.mark.usefixtures("ada")
def test_a_file_that_breaks_off_leaves_nothing(
    here: Here, tmp_path: Path, pexels: SimulatedPexels, configured: dict[str, str]
) -> None:
    """The same command again completes it, and records nothing more."""
    environ = {**configured, "PEXELS_FILES_PATH": "/files", "IMAGEVAULT_ALLOW_NETWORKS": "127.0.0.1"}
    found = here("search", "fox", "-p", "pexels", "-n", "1", "--json", environ=environ)
    id = json.loads(found.stdout)["images"][0]["id"]
    command = ("download", id, "--rendition", "small", "--as", "ada", "--to", "pictures")
    pexels.fail(faults.truncated(), path=None)
    broken = here(*command, environ=environ)
    left = names(tmp_path / "pictures")
    pexels.heal()
    whole = here(*command, environ=environ)

    assert (broken.returncode, broken.stdout, left) == (1, "", [])
    assert whole.returncode == 0, whole.stderr
    assert len(downloads(here)) == 1
    assert names(tmp_path / "pictures") == [
        f"{id.replace(':', '-')}-small.jpg",
        f"{id.replace(':', '-')}-small.jpg.txt",
    ]


@pytest.mark.usefixtures("ada")
def test_a_provider_that_wants_its_links_used(here: Here, tmp_path: Path) -> None:
    """Nothing is recorded, and the message has the link."""
    with SimulatedUnsplash() as unsplash:
        environ = {
            "UNSPLASH_ENABLED": "true",
            "UNSPLASH_API_KEY": unsplash.key,
            "UNSPLASH_BASE_URL": unsplash.url,
        }
        found = here("search", "fox", "-p", "unsplash", "-n", "1", "--json", environ=environ)
        id = json.loads(found.stdout)["images"][0]["id"]
        ended = here("download", id, "--as", "ada", "--to", "pictures", environ=environ)

    assert ended.returncode == 1
    assert "want its files to be loaded from its own hosts. This file is at https://" in ended.stderr
    assert downloads(here) == []
    assert not (tmp_path / "pictures").exists()


@pytest.mark.parametrize("more", [(), ("--to", "pictures", "--project", "cards"), ("--to", "pictures", "--note", "x")])
def test_what_is_recorded_needs_an_account(here: Here, more: tuple[str, ...]) -> None:
    ended = here(*TAKE, *more)

    assert (ended.returncode, "Missing option '--as'" in ended.stderr) == (2, True)
