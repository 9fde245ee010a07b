"""`imagevault images hide`, `unhide` and `hidden`."""

import json
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
        (["unhide", FOX], 1, f"imagevault: {FOX} is not hidden; "),
    ],
)
def test_refuses(here: Any, words: list[str], code: int, reason: str) -> None:
    ended = here("images", *words)

    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr.startswith(reason)
