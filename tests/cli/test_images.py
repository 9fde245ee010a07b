"""`imagevault images hide`, `unhide` and `hidden`."""

import json
from pathlib import Path
from typing import Any

import pytest

FOX = "local:fox-in-snow.jpg"


def test_hides_and_shows_again(here: Any) -> None:
    hidden = here("images", "hide", FOX, "--reason", "takedown notice")
    found = here("search", "fox", "-p", "local", "--json")
    listed = here("images", "hidden")
    as_json = json.loads(here("images", "hidden", "--json").stdout)
    shown = here("images", "unhide", FOX)
    again = here("search", "fox", "-p", "local", "--json")

    assert (hidden.returncode, hidden.stdout) == (0, f"{FOX} is hidden: takedown notice\n")
    assert FOX not in [image["id"] for image in json.loads(found.stdout)["images"]]
    assert "takedown notice" in listed.stdout
    assert [(one["image"], one["reason"]) for one in as_json["images"]] == [(FOX, "takedown notice")]
    assert (shown.returncode, shown.stdout) == (0, f"{FOX} is shown again\n")
    assert FOX in [image["id"] for image in json.loads(again.stdout)["images"]]


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (["hide", FOX], 2, "imagevault: Missing option '--reason'"),
        (["hide", FOX, "--reason", " "], 2, "imagevault: reason: must say why"),
        (["hide", "fox.jpg", "--reason", "x"], 2, "imagevault: id: must be a provider's name, a colon and its own id"),
        (["hide", "locl:fox", "--reason", "x"], 2, "imagevault: id: there is no provider locl. Did you mean local? "),
        (["unhide", FOX], 1, f"imagevault: {FOX} is not hidden; "),
    ],
)
def test_refuses(here: Any, words: list[str], code: int, reason: str) -> None:
    ended = here("images", *words)

    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr.startswith(reason)


@pytest.mark.parametrize("state", ["disabled", "not loaded"])
def test_hides_a_picture_of_a_provider_that_is_not_searched(here: Any, tmp_path: Path, state: str) -> None:
    """It may be searched again later; then the picture must not appear."""
    environ = {"LOCAL_ENABLED": "false"} if state == "disabled" else {"IMAGEVAULT_PLUGINS_DIR": str(tmp_path)}
    (tmp_path / "acme.py").write_text("raise RuntimeError")
    image = FOX if state == "disabled" else "acme:7"

    hidden = here("images", "hide", image, "--reason", "takedown notice", environ=environ)
    listed = here("images", "hidden")

    assert hidden.returncode == 0, hidden.stderr
    assert image in listed.stdout


def test_shows_a_picture_again_whose_provider_is_gone(here: Any, tmp_path: Path) -> None:
    (tmp_path / "acme.py").write_text("raise RuntimeError")
    here("images", "hide", "acme:7", "--reason", "x", environ={"IMAGEVAULT_PLUGINS_DIR": str(tmp_path)})

    shown = here("images", "unhide", "acme:7", "--json")

    assert (shown.returncode, json.loads(shown.stdout)) == (0, {"image": "acme:7"})
