"""Which files of a folder are providers, and when a change of them is taken."""

import os
from pathlib import Path

import pytest

from imagevault.plugins.declarative.folder import ProviderFolder, provider_name
from tests.support.declarative_file import ACME


def settled(folder: ProviderFolder) -> list[str]:
    """The names of the files that changed, polled until nothing changes any more."""
    while True:
        changed, is_changing = folder.poll()
        if not is_changing:
            return [path.name for path in changed]


@pytest.mark.parametrize(
    ("text", "is_provider"),
    [
        (ACME, True),
        ("# x\n [ provider ]\n", True),
        ('provider.title = "x"\n', True),
        ("[provider.terms]\n", True),
        ("[provider]\nbroken = ", True),
        ('[providers.acme]\napi_key = "x"\n', False),
        ('[project]\nname = "provider"\n', False),
        ("", False),
    ],
)
def test_a_file_with_a_table_of_a_provider_is_one(tmp_path: Path, text: str, is_provider: bool) -> None:
    """Others in the same folder, such as `imagevault.toml`, are left alone."""
    (tmp_path / "acme.toml").write_text(text)

    assert ProviderFolder(tmp_path).files() == ([tmp_path / "acme.toml"] if is_provider else [])


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    """Drafts and hidden files, folders, and what has another ending."""
    for name in ("_draft.toml", ".hidden.toml", "acme.txt"):
        (tmp_path / name).write_text(ACME)
    (tmp_path / "folder.toml").mkdir()
    os.mkfifo(tmp_path / "pipe.toml")

    assert ProviderFolder(tmp_path).files() == []
    assert ProviderFolder(tmp_path / "nowhere").files() == []


def test_what_changes_comes_and_goes(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    folder = ProviderFolder(tmp_path)

    assert settled(folder) == []
    path.write_text(ACME)
    assert folder.poll() == ([], True)  # it may still be written
    assert settled(folder) == ["acme.toml"]
    assert settled(folder) == []
    path.write_text(ACME + "#")
    assert settled(folder) == ["acme.toml"]
    path.unlink()
    assert settled(folder) == ["acme.toml"]


def test_the_name_of_a_provider() -> None:
    assert [provider_name(Path(name)) for name in ("acme.toml", "imagevault_acme.toml")] == ["acme", "acme"]
