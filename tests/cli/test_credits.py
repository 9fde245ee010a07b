"""`imagevault credits`: of one account, or of all."""

import csv
import io
import json
from typing import Any

import pytest

PASSWORD = "violet-harbour-71"


@pytest.fixture(autouse=True)
def accounts(here: Any, patient: None) -> None:
    for name, image in (("ada", "local:fox-in-snow.jpg"), ("grace", "local:aurora.jpg")):
        here("users", "create", name, "--password", PASSWORD)
        assert here("download", image, "--as", name, "--project", "cards").returncode == 0


def test_of_one_account(here: Any) -> None:
    """As Markdown by default; `--account` is the same as `--as`."""
    ended = here("credits", "--account", "ada", "--project", "cards")
    of_another = here("credits", "--as", "ada", "--project", "other")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == (
        "- Red fox in snow by ImageVault ([CC0 1.0](https://creativecommons.org/publicdomain/zero/1.0/))\n"
    )
    assert of_another.stdout == ""


def test_of_all(here: Any) -> None:
    """Each credit names its account."""
    rows = list(csv.DictReader(io.StringIO(here("credits", "--all", "--format", "csv").stdout)))
    objects = json.loads(here("credits", "--all", "--format", "json").stdout)["credits"]

    assert [(row["account"], row["image"]) for row in rows] == [
        ("ada", "local:fox-in-snow.jpg"),
        ("grace", "local:aurora.jpg"),
    ]
    assert [credit["account"] for credit in objects] == ["ada", "grace"]


@pytest.mark.parametrize("words", ["credits", "credits --all --as ada", "credits --as ada --format pdf"])
def test_refuses_a_wrong_call(here: Any, words: str) -> None:
    ended = here(*words.split())

    assert (ended.returncode, ended.stdout) == (2, "")


def test_verify_looks_images_up(here: Any) -> None:
    """Of all accounts, or of one; nothing is printed of what is unchanged."""
    ended = here("downloads", "verify")
    of_one = here("downloads", "verify", "--as", "ada", "--project", "cards", "--json")

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "unchanged: 2\n")
    assert json.loads(of_one.stdout) == {
        "images": [{"image": "local:fox-in-snow.jpg", "status": "unchanged", "detail": None}]
    }
