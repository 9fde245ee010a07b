"""What README and docs say is true: their tables agree with the code, and their commands run."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from imagevault.config.settings import Rate, description, keys, variable

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def default(field: msgspec.structs.FieldInfo) -> str:
    """The default as it is written in the table."""
    value = field.default
    if isinstance(value, Rate):
        names = {1: "second", 60: "minute", 3600: "hour", 86400: "day"}
        return f"`{value.amount}/{names[value.seconds]}`"
    if isinstance(value, tuple):
        return ", ".join(f"`{each}`" for each in value)
    return "" if value is None else f"`{value}`"


def test_the_table_of_settings_is_that_of_the_code() -> None:
    """Every key with its variable, default and meaning; the rows are printed when they differ."""
    rows = [f"| `{key}` | `{variable(key)}` | {default(field)} | {description(field)} |" for key, field in keys()]
    header = "| key in `imagevault.toml` | in the environment | default | what it is |\n|---|---|---|---|\n"
    table = README.partition(header)[2].partition("\n\n")[0]

    assert table.splitlines() == rows, "the table should be:\n" + "\n".join(rows)


def shape(value: object) -> object:
    """A JSON value without what differs from run to run: names of fields, and the types of their values."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value]
    return type(value).__name__


@pytest.mark.skipif(shutil.which("curl") is None, reason="the tour is made of curl commands")
def test_the_tour_is_what_it_shows(serve: Any, tmp_path: Path) -> None:
    """Each command of the tour runs, and answers in the shape that the README shows."""
    server = serve().wait_until_ready()
    tour = README.partition("## A tour in two minutes")[2].partition("\n## ")[0]
    blocks = re.findall(r"```(sh|json)\n(.*?)```", tour, re.DOTALL)
    commands = [text.replace("http://127.0.0.1:8000", server.url) for kind, text in blocks if kind == "sh"]
    shown = [json.loads(text) for kind, text in blocks if kind == "json"]
    script = "set -euo pipefail\n" + "\nprintf '\\n---\\n'\n".join(commands)

    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path)

    answers = [json.loads(text) for text in ran.stdout.split("\n---\n")]
    assert len(answers) == 4
    assert [shape(answer) for answer in answers] == [shape(answer) for answer in shown]
    assert answers[2]["images"][0]["id"] == shown[2]["images"][0]["id"]


def test_every_duty_names_a_test_that_is_there() -> None:
    """docs/providers.md says of each duty which test goes red; those of the contract are every provider's."""
    named = re.findall(r"`(test_\w+\.py)::(?:(\w+)::)?(test_\w+)`", (ROOT / "docs" / "providers.md").read_text())
    contract = (ROOT / "imagevault" / "testing" / "contract.py").read_text()
    lacking = [
        f"{file}::{test}"
        for file, _, test in named
        if f"def {test}(" not in next((ROOT / "tests").rglob(file)).read_text() + contract
    ]

    assert len(named) > 100
    assert lacking == []


def test_links_between_the_documents_lead_somewhere() -> None:
    """Every relative link of README and docs names a file that is there."""
    for document in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
