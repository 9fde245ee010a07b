"""docs/plugins.md is true: its commands and files, in the order of the page, create a provider that ImageVault finds.

The blocks run in an empty folder and a new environment, as a reader runs them. Two things differ from a reader's
machine: pip installs ImageVault from a wheel built here and finds all dependencies installed, and ports are free ones.
"""

import contextlib
import os
import re
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import imagevault
from imagevault.testing.contract import ProviderContract
from tests.support.ports import free_port
from tests.support.waiting import EVENT_LIMIT, SCRIPT_LIMIT

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(?P<language>\w+) ?(?P<note>[^\n]*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
HANDS_ON = ("From nothing to a published provider", "How to test")  # the sections whose blocks are run
SECOND, THIRD = "second terminal", "third terminal"


def section(title: str) -> str:
    """The text under a heading of the second level."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


class Reader:
    """A reader who follows the page with a shell that keeps its state, and with further terminals."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self.ports = {SECOND: free_port(), THIRD: free_port()}
        self.environ = {**environ, "IMAGEVAULT_PORT": str(self.ports[THIRD])}
        self.state = folder.with_name("state")
        self.state.write_text(f"cd '{folder}'\n")
        self.terminals: dict[str, subprocess.Popen[bytes]] = {}
        self.output = ""

    def follow(self, text: str) -> None:
        """Carry out the blocks of a text in order."""
        before = 0
        for block in BLOCK.finditer(text):
            note, content = block["note"], self._here(block["text"])
            match block["language"]:
                case "sh" if note in self.ports:
                    self.start(note, content)
                case "sh":
                    self.run(content, fails=note == "fails")
                case "python":
                    [path] = re.findall(r"`([\w./-]+\.py)`[^`]*\Z", text[before : block.start()])
                    self.save(path, content)
                case "text":
                    self.see(content)
                case language:
                    assert language == "http", f"the test cannot carry out a block of {language}"
            before = block.end()

    def run(self, script: str, *, fails: bool = False) -> None:
        """Run commands in the state in which the previous ones ended."""
        ended = self._bash(f"{script}\n{{ export -p; echo \"cd '$PWD'\"; }} > '{self.state}'")
        self.output = ended.stdout
        assert (ended.returncode != 0) is fails, f"{script}\nended with {ended.returncode}:\n{ended.stdout}"

    def start(self, terminal: str, script: str) -> None:
        """Run commands in another terminal and stop what runs there; return when they listen."""
        self.stop(terminal)
        for simulation in self.folder.glob("*/tests/simulated_*.py"):
            simulation.write_text(self._here(simulation.read_text()))
        log = self.folder.with_name(f"{terminal}.log")
        with log.open("wb") as out:
            self.terminals[terminal] = process = subprocess.Popen(
                self._command(script), env=self.environ, stdout=out, stderr=out, start_new_session=True
            )
        deadline = time.monotonic() + EVENT_LIMIT
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.ports[terminal])):
                return
            time.sleep(0.05)
        raise AssertionError(f"{script}\ndid not start to listen:\n{log.read_text()}")

    def stop(self, terminal: str) -> None:
        """Stop what runs in a terminal, if anything does."""
        if process := self.terminals.pop(terminal, None):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)

    def save(self, path: str, content: str) -> None:
        """Write a file of the page into the current folder of the shell."""
        here = Path(self._bash("pwd").stdout.strip())
        assert (here / path).parent.is_dir(), f"the folder of {path} does not exist"
        (here / path).write_text(content)

    def see(self, shown: str) -> None:
        """Check that the last output holds each of these lines. Numbers, blanks and table borders may differ."""
        found = plain(self.output)
        for line in shown.splitlines():
            assert plain(line) in found, f"{line}\nis not in:\n{self.output}"

    def _bash(self, script: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self._command(script),
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SCRIPT_LIMIT,
            check=False,
        )

    def _command(self, script: str) -> list[str]:
        return ["bash", "-c", f"set -euo pipefail\n. '{self.state}'\n{script}"]

    def _here(self, text: str) -> str:
        """The text with ports that are free on this machine, and with ImageVault's wheel in place of its clone."""
        return (
            text.replace(" ../imagevault ", " imagevault ")
            .replace("9999", str(self.ports[SECOND]))
            .replace("8000", str(self.ports[THIRD]))
        )


def plain(text: str) -> str:
    """The text with every number as 0, and with blanks and table borders as one blank."""
    return re.sub(r"[\s\u2500-\u257f|]+", " ", re.sub(r"\d+", "0", text)).strip()


@pytest.fixture
def reader(wheel: Path, tmp_path: Path) -> Iterator[Reader]:
    """A reader whose pip finds ImageVault's wheel, with all dependencies already installed."""
    there = tmp_path / "there"
    there.mkdir()
    for place in {sysconfig.get_path(name) for name in ("purelib", "platlib")}:
        for path in Path(place).iterdir():
            if "imagevault" not in path.name and not path.name.startswith("pip"):
                (there / path.name).symlink_to(path)
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "VIRTUAL_ENV"))},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(there),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheel.parent),
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads the value of this variable and ignores the NO in its name
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # a reader has no pytest plugin except that of anyio
        "COLUMNS": "200",
    }
    folder = tmp_path / "work"
    folder.mkdir()
    reader = Reader(folder, environ)
    yield reader
    for terminal in list(reader.terminals):
        reader.stop(terminal)


@pytest.mark.skipif(not all(map(shutil.which, ("bash", "curl"))), reason="the page consists of such commands")
@pytest.mark.soak
def test_the_page_leads_to_a_working_provider(reader: Reader) -> None:
    """Every block runs, in order, from an empty folder; each prints what the page shows."""
    for title in HANDS_ON:
        reader.follow(section(title))

    reader.run("imagevault providers --json; imagevault search red fox -p meadow -n 3 --json")

    assert '"source": "imagevault-meadow 0.1.0"' in reader.output
    assert re.findall(r'"id": "(meadow:[^"]+)"', reader.output) == ["meadow:fox-1", "meadow:fox-2", "meadow:fox-3"]


def meadow(path: str) -> str:
    """A file of the page."""
    [text] = re.findall(rf"`{re.escape(path)}`[^`]*```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return str(text)


def module(name: str, text: str) -> ModuleType:
    made = ModuleType(name)
    exec(compile(text, f"{name}.py", "exec"), made.__dict__)  # noqa: S102  the text is our own
    return made


# A message of the page's table of failures -> the test that raises it, and the change of the provider that causes it.
Breaks = dict[str, tuple[str, dict[str, str]]]
BREAKS: Breaks = {
    "renditions of fox-1 lead to img.meadow.example": (
        "test_every_record_is_whole",
        {'{"img.meadow.example"}': '{"www.meadow.example"}'},
    ),
    "page 2 makes the same call as page 1": (
        "test_pages_follow_without_repeat",
        {'"start": start': '"start": 0'},
    ),
    "no page of 'cat' says last=True": (
        "test_pages_follow_without_repeat",
        {"last=start + query.per_page >= found.matches": "last=False"},
    ),
    "page 1 says last=True, but page 2 has images": (
        "test_pages_follow_without_repeat",
        {"last=start + query.per_page >= found.matches": "last=True"},
    ),
    "orientation: 'wide' of query.native was not sent": (
        "test_native_filters_are_sent",
        {'"orientation" in query.native': "False"},
    ),
    "orientation=landscape, sent as 'high'": (
        "test_native_filters_are_sent",
        {'"landscape": "wide"': '"landscape": "high"'},
    ),
    "source_url of fox-1 is not https": (
        "test_every_record_is_whole",
        {"source_url=item.link": 'source_url=item.link.replace("https:", "http:")'},
    ),
    "401: search_images must raise Unauthorized": (
        "test_every_failure_has_its_name",
        {
            'decode(await http.get("find", params=params), _Found)': (
                'msgspec.json.decode((await http.get("find", params=params)).content, type=_Found)'
            )
        },
    ),
    "Meadow sent an answer of another form than documented": (
        "test_a_bad_record_is_left_out_alone",
        {"list[msgspec.Raw]": "list[_Item]", "decode_each(found.items, _Item)": "found.items"},
    ),
    "fox-1 has no licence": (
        "test_every_record_is_whole",
        {"License.from_url(item.licence)": "None"},
    ),
    "quotas: none is declared": (
        "test_declares_what_the_gateway_must_know",
        {'quotas=[Quota(600, "hour", remaining="X-Calls-Left")],': ""},
    ),
}


def rows() -> list[str]:
    """The messages that the table of failures quotes."""
    table = PAGE.partition("| it says | because |\n|---|---|\n")[2].partition("\n\n")[0]
    return [re.findall(r"^\| (`+)(.+?)\1", row)[0][1] for row in table.splitlines()]


def test_every_failure_of_the_table_is_caused_below() -> None:
    assert len(rows()) == len(BREAKS)
    assert all(row.startswith(message) for row, message in zip(rows(), BREAKS, strict=True))


@pytest.mark.parametrize("quoted", rows())
def test_the_contract_reports_what_the_page_quotes(quoted: str, caplog: pytest.LogCaptureFixture) -> None:
    """Change the page's own provider and read the message."""
    test, changes = next(breaks for start, breaks in BREAKS.items() if quoted.startswith(start))
    text = meadow("imagevault_meadow.py")
    for right, wrong in changes.items():
        assert text.count(right) == 1
        text = text.replace(right, wrong)
    broken = module("imagevault_meadow", text)
    simulation = module("simulated_meadow", meadow("tests/simulated_meadow.py"))

    class Contract(ProviderContract):
        plugin = broken
        settings = {"api_key": "test-key"}

        def upstream(self) -> Any:
            return simulation.Simulated()

    arguments = ("401", caplog) if test == "test_every_failure_has_its_name" else ()
    with pytest.raises(BaseException) as failed:  # noqa: PT011  the message is what counts
        getattr(Contract(), test)(*arguments)
    assert quoted in str(failed.value)


def test_the_reference_is_that_of_the_docstrings() -> None:
    """If it is not, run `python docs/plugins_reference.py` and review the page."""
    made = runpy.run_path(str(ROOT / "docs" / "plugins_reference.py"))

    assert made["page"](PAGE) == PAGE, "docs/plugins.md is out of date: run python docs/plugins_reference.py"


def test_the_reference_has_every_public_name() -> None:
    reference = section("Reference")
    named = {name for name in imagevault.__all__ if re.search(rf"`@?{name}`|^{name} = ", reference, re.MULTILINE)}

    assert set(imagevault.__all__) - named == set()


def test_every_field_is_documented() -> None:
    """The docstring of each Struct has a line for each of its fields, from which the table is made."""
    made = runpy.run_path(str(ROOT / "docs" / "plugins_reference.py"))
    for name in made["STRUCTS"]:
        struct = getattr(imagevault, name)
        assert set(getattr(struct, "__struct_fields__", ())) == dict(made["_meanings"](struct)).keys()
