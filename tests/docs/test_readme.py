"""README.md is true: its settings table matches the code, and its commands run in the order of the page."""

import contextlib
import functools
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest

from imagevault.cli.group import cli
from imagevault.config.limits import Rate
from imagevault.config.settings import description, keys, variable
from imagevault.testing.simulated import SIMULATED
from tests.support.waiting import EVENT_LIMIT, SCRIPT_LIMIT, wait_until

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SERVER_URL = "http://127.0.0.1:8000"
SEPARATOR = "\n---\n"


class Block(NamedTuple):
    """A fenced block: its language, the note after the language, and its text."""

    language: str
    note: str
    text: str


def blocks(text: str) -> list[Block]:
    return [Block(*found) for found in BLOCK.findall(text)]


def section(title: str) -> str:
    """The text below a heading of the second level."""
    found = README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    assert found, f"README has no section {title}"
    return found


def default(field: msgspec.structs.FieldInfo) -> str:
    """The default as the settings table writes it."""
    value = field.default
    if isinstance(value, Rate):
        names = {1: "second", 60: "minute", 3600: "hour", 86400: "day"}
        return f"`{value.amount}/{names[value.seconds]}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" for item in value)
    return "" if value is None else f"`{value}`"


def test_settings_table_matches_the_code() -> None:
    """The table has every key with its variable, default and description. The message shows the right table."""
    rows = [f"| `{key}` | `{variable(key)}` | {default(field)} | {description(field)} |" for key, field in keys()]
    header = "| key in `imagevault.toml` | in the environment | default | what it is |\n|---|---|---|---|\n"
    table = README.partition(header)[2].partition("\n\n")[0]

    assert table.splitlines() == rows, "the table should be:\n" + "\n".join(rows)


def shape(value: object) -> object:
    """A JSON value reduced to field names and types, which do not differ between runs.

    Except `total`: it is null while a busy machine is still reading the samples.
    """
    if isinstance(value, dict):
        return {key: "total" if key == "total" else shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__


class TestBlocks:
    """A reader can paste the blocks in order."""

    def test_blocks_that_stay_in_the_foreground_are_marked(self) -> None:
        """They hold one command each, and the text before them says so. All other blocks return."""
        shell = [block for block in blocks(README) if block.language == "sh"]
        staying = {"make serve": "server", "make demo": "demo"}

        for block in shell:
            notes = {note for command, note in staying.items() if command in block.text}
            assert {block.note} == (notes or {""}), block.text
            if notes:
                assert len(block.text.splitlines()) == 1, block.text
                before = README.partition(f"```sh {block.note}\n{block.text}")[0]
                assert re.search(r"foreground|first terminal", before[-300:]), block.text

    def test_serving_other_machines(self, cli: Any, tmp_path: Path) -> None:
        """The block writes valid settings to `.env`."""
        [script] = commands(blocks(section("Configure")))

        subprocess.run(["bash", "-c", f"set -euo pipefail\n{script}"], check=True, timeout=SCRIPT_LIMIT, cwd=tmp_path)

        shown = cli("config", "show", "--json")
        assert shown.returncode == 0, shown.stderr
        assert "https://images.example.org" in shown.stdout
        assert len((tmp_path / ".env").read_text().splitlines()) == 2

    def test_every_block_has_a_known_language(self) -> None:
        assert {block.language for block in blocks(README)} == {"sh", "json", "dotenv", "toml"}
        assert len(blocks(README)) == README.count("```") // 2


@contextlib.contextmanager
def demo(folder: Path) -> Iterator[str]:
    """Runs the page's demo on a free port; the value is its URL."""
    command = [sys.executable, "-m", "imagevault", "demo", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                found = re.search(r"documentation +(http://127\.0\.0\.1:\d+)/docs", line)
                if found:
                    url = found[1]
                    wait_until(functools.partial(is_ready, url), "the demo to start", 2 * EVENT_LIMIT)
                    yield url
                    return
            raise AssertionError("the demo printed no URL")
        finally:
            process.terminate()


def is_ready(url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{url}/health/ready").status_code == 200
    return False


@pytest.mark.processes
@pytest.mark.skipif(shutil.which("curl") is None, reason="the block is a curl command")
def test_the_demo(tmp_path: Path) -> None:
    """`make demo` runs it, and the search that the page shows has pictures of all providers."""
    tried = blocks(section("Try it without any key"))
    [make] = [block.text for block in tried if block.note == "demo"]
    dry_run = ["make", "--dry-run", *shlex.split(make)[1:]]
    shown = subprocess.run(dry_run, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "exec .venv/bin/imagevault demo" in shown

    with demo(tmp_path) as url:
        [command] = commands(tried)
        ended = subprocess.run(
            ["bash", "-c", command.replace(SERVER_URL, url)],
            capture_output=True,
            text=True,
            timeout=SCRIPT_LIMIT,
            check=True,
        )

    found = json.loads(ended.stdout)
    assert {provider["status"] for provider in found["providers"]} == {"ok"}
    assert len({image["provider"] for image in found["images"]}) == len(found["images"]) == len(SIMULATED) + 1


def test_the_table_of_commands_has_every_command() -> None:
    """One of a group has a row of its own, or stands in the row of another: also `list`, `revoke`."""
    for group, command in cli.commands.items():
        rows = re.findall(rf"^\| `imagevault {group}\b.*", section("Command line"), re.MULTILINE)

        assert rows, group
        for name in getattr(command, "commands", {}):
            assert re.search(rf"\b{name}\b", " ".join(rows)), f"{group} {name}"


@pytest.mark.skipif(shutil.which("curl") is None, reason="the tour consists of curl commands")
def test_the_tour_and_the_search_of_pexels(serve: Any, tmp_path: Path, configured: dict[str, str]) -> None:
    """Each command runs, and each answer has the shape that the page shows. Pexels is simulated."""
    tour = blocks(section("A tour in two minutes"))
    pexels = blocks(section("Search Pexels"))
    shown = [json.loads(block.text) for block in tour if block.language == "json"]
    server = serve().wait_until_ready()

    def run(*scripts: str) -> list[Any]:
        """What the commands print, as JSON."""
        commands = [script.replace(SERVER_URL, server.url) for script in scripts]
        script = "set -euo pipefail\n" + "\nprintf '\\n---\\n'\n".join(commands)
        ended = subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, timeout=SCRIPT_LIMIT, check=True, cwd=tmp_path
        )
        return [json.loads(text) for text in ended.stdout.split(SEPARATOR)]

    answers = run(*commands(tour))
    assert len(answers) == 4
    for answer, example in zip(answers, shown, strict=True):
        assert shape(answer) == shape(example), answer
    assert answers[2]["images"][0]["id"] == shown[2]["images"][0]["id"]

    assert server.stop() == 0
    server = serve(configured).wait_until_ready()
    sign_in = commands(tour)[1]
    found = run(sign_in, *commands(pexels))[-1]

    assert [image["provider"] for image in found["images"]] == ["pexels", "pexels"]
    assert [provider["status"] for provider in found["providers"]] == ["ok"]


def commands(some: list[Block]) -> list[str]:
    """The shell blocks that return."""
    return [block.text for block in some if block.language == "sh" and not block.note]
