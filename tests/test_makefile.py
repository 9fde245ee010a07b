"""`make` on machines where Python lacks a part, with a Python that plays them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYTHON = """#!/bin/sh
# A Python: `-m venv` and `-m virtualenv` do what the test has in MAKES, whose environment holds this same script.
echo "$@" >> "$CALLS"
case "$*" in
*"-m $MAKES "*) mkdir -p .venv/bin && cp "$0" .venv/bin/python && cp "$0" .venv/bin/imagevault ;;
*"-m venv "*) mkdir -p .venv/bin && touch .venv/bin/python && echo "$VENV_SAYS" && exit 1 ;;
*"-m virtualenv "*) exit 1 ;;
*"install"*" uv") cp "$FAKE_UV" .venv/bin/uv ;;
*"--editable"*) exit "$PIP_ENDS" ;;
esac
"""
DEBIAN = """The virtual environment was not created successfully because ensurepip is not
available.  On Debian/Ubuntu systems, you need to install the python3-venv
package using the following command.

    apt install python3.12-venv
"""

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed here"),
]


class Machine:
    """A clone on a machine with a Python of its own. `calls`: what that Python was asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "calls"
        for name in ("Makefile", "pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, folder)
        tools = folder / "tools"
        tools.mkdir()
        self.python = self._write(tools / "python3", PYTHON)
        self._write(tools / "uv", '#!/bin/sh\necho "uv $@" >> "$CALLS"\nexit "$UV_ENDS"\n')
        makeflags = dict.fromkeys(("MAKEFLAGS", "MAKELEVEL", "MFLAGS"), "")  # of a `make test` around this test
        self.environ = {
            **os.environ,
            **makeflags,
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "CALLS": str(self.log),
            "FAKE_UV": str(tools / "uv"),
            "UV_ENDS": "1",
            "PIP_ENDS": "0",
            "VENV_SAYS": DEBIAN,
        }

    def make(self, target: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        """`make target` with this Python, whose behaviour `environ` changes."""
        self.log.write_text("")
        return subprocess.run(
            ["make", f"PYTHON={self.python}", target],
            cwd=self.folder,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def calls(self) -> list[str]:
        """The arguments of each call of the Python, and of uv."""
        return self.log.read_text().splitlines()

    @staticmethod
    def _write(path: Path, script: str) -> Path:
        path.write_text(script)
        path.chmod(0o755)
        return path


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_help_lists_every_target(machine: Machine) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert [line.split()[1] for line in machine.make("help").stdout.splitlines()] == targets


class TestEnvironment:
    def test_without_ensurepip(self, machine: Machine) -> None:
        """One line says what to install, nothing broken stays behind, and after that the same command works."""
        failed = machine.make("venv", MAKES="nothing")

        assert failed.returncode != 0
        assert failed.stderr.splitlines()[:1] == [
            f"{machine.python} cannot make a virtual environment; on Debian and Ubuntu run: apt install python3-venv"
        ]
        assert not (machine.folder / ".venv").exists()
        assert machine.make("venv", MAKES="venv").returncode == 0

    def test_that_fails_for_another_reason(self, machine: Machine) -> None:
        """The reason is shown."""
        failed = machine.make("venv", MAKES="nothing", VENV_SAYS="No space left on device")

        assert "No space left on device\n" in failed.stderr
        assert "apt" not in failed.stderr

    def test_virtualenv_takes_the_place_of_venv(self, machine: Machine) -> None:
        made = machine.make("venv", MAKES="virtualenv")

        assert (made.returncode, made.stderr) == (0, "")
        assert (machine.folder / ".venv" / "bin" / "python").stat().st_size > 0

    def test_that_is_broken_is_made_again(self, machine: Machine) -> None:
        """Its Python is gone, after an upgrade of the system for example."""
        (machine.folder / ".venv" / "bin").mkdir(parents=True)
        (machine.folder / ".venv" / "bin" / "python").symlink_to("/nowhere/python3")
        (machine.folder / ".venv" / "test").touch()

        made = machine.make("venv", MAKES="venv")

        assert (made.returncode, made.stdout) == (0, "The environment in .venv is broken; making it again ...\n")
        assert not (machine.folder / ".venv" / "test").exists()

    def test_that_works_is_kept(self, machine: Machine) -> None:
        machine.make("venv", MAKES="venv")

        assert machine.make("venv", MAKES="nothing").returncode == 0


class TestInstall:
    def test_is_done_by_uv_once(self, machine: Machine) -> None:
        """A second `make` installs nothing, until a requirement changes."""
        machine.make("check", MAKES="venv", UV_ENDS="0")

        [call] = [call for call in machine.calls if "--editable" in call]
        assert call.startswith("uv pip install --python .venv/bin/python ")
        assert call.endswith(" --constraint constraints.txt --editable .[test]")
        machine.make("check", MAKES="venv", UV_ENDS="0")
        assert [call for call in machine.calls if "install" in call] == []

    def test_is_done_by_pip_where_uv_fails(self, machine: Machine) -> None:
        """With its own output, which shows the progress."""
        made = machine.make("check", MAKES="venv")

        assert machine.calls[-1] == (
            "-m pip install --disable-pip-version-check --constraint constraints.txt --editable .[test]"
        )
        assert "uv could not do it; installing with pip ...\n" in made.stdout

    def test_that_fails_is_tried_again(self, machine: Machine) -> None:
        failed = machine.make("check", MAKES="venv", PIP_ENDS="1")

        assert failed.returncode != 0
        assert not (machine.folder / ".venv" / "test").exists()


def test_browser_tests_say_that_chromium_is_missing(machine: Machine) -> None:
    commands = machine.folder / "commands"
    commands.mkdir()
    for name in ("sh", "make", "cp", "mkdir", "rm", "touch", "expr", "getconf"):
        found = shutil.which(name)
        assert found is not None
        (commands / name).symlink_to(found)

    failed = machine.make("test-browser", MAKES="venv", PATH=f"{machine.folder / 'tools'}{os.pathsep}{commands}")

    assert failed.returncode != 0
    assert failed.stderr.splitlines()[0] == "Chromium is missing; on Debian run: apt install chromium"
    assert not any("pytest" in call for call in machine.calls)
