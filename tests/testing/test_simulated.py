"""All simulated upstreams from a shell: what they print is what a server needs, and where it is to be put."""

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imagevault.testing.simulated import SIMULATED, main
from imagevault.testing.upstreams.pexels import SimulatedPexels
from tests.support.waiting import EVENT_LIMIT

COMMAND = [sys.executable, "-W", "error", "-m", "imagevault.testing.simulated", "--port", "0"]

ENABLED = {f"{name.upper()}_ENABLED": "true" for name in SIMULATED}  # which the other tests switch off


def serve(count: int, *names: str, end: signal.Signals, use: Callable[[dict[str, str]], None]) -> None:
    """Starts them, reads `count` variables, uses these, ends it, and sees that it ended well and said what to do."""
    with subprocess.Popen([*COMMAND, *names], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            printed = [server.stdout.readline().strip() for _ in range(count)]
            use(ENABLED | dict(line.split("=", 1) for line in printed))
            server.send_signal(end)
            out, instructions = server.communicate(timeout=EVENT_LIMIT)
            assert (server.returncode, out) == (0, "")
            assert instructions.startswith(f"Simulating {', '.join(names or SIMULATED)}. It runs until Ctrl-C, or ")
            assert f"kill {server.pid}\n" in instructions
            assert "the file .env in the folder where the server starts" in instructions
            assert "env $(cat simulated.env) imagevault serve\n" in instructions
        finally:
            server.kill()


def test_a_server_with_what_they_print_has_every_provider(cli: Any) -> None:
    """One search of all, and a status of each that is ok."""

    def search(environ: dict[str, str]) -> None:
        found = cli("search", "cat", "-p", ",".join(SIMULATED), "-n", "22", environ=environ)
        lines = [line.split(",")[0] for line in found.stderr.splitlines()]
        statuses = [line for line in lines if line.partition(":")[0] in SIMULATED]  # a busy machine may log others
        assert statuses == [f"{name}: ok" for name in SIMULATED]

    serve(2 * len(SIMULATED) + 7, end=signal.SIGTERM, use=search)


def test_some_of_them(cli: Any) -> None:
    """And Ctrl-C ends them."""

    def search(environ: dict[str, str]) -> None:
        names = {"NASA_BASE_URL", "NASA_FILES_PATH", "PEXELS_BASE_URL", "PEXELS_FILES_PATH", "PEXELS_API_KEY"}
        assert set(environ) - set(ENABLED) == names
        assert cli("search", "cat", "-p", "pexels", environ=environ).returncode == 0

    serve(5, "nasa", "pexels", end=signal.SIGINT, use=search)


@pytest.mark.processes
def test_the_variables_reach_a_server_as_it_says(tmp_path: Path) -> None:
    """By the two ways that the instructions name: the variables before the command, and `.env`."""
    saved = tmp_path / "simulated.env"
    with saved.open("w") as file, subprocess.Popen([*COMMAND, "pexels"], stdout=file, stderr=subprocess.PIPE) as server:
        try:
            assert server.stderr is not None
            assert server.stderr.readline().startswith(b"Simulating pexels.")  # the variables were written before
            show = f"{shlex.quote(sys.executable)} -m imagevault config show --json"
            before = [subprocess.check_output(["bash", "-c", f"env $(cat simulated.env) {show}"], cwd=tmp_path)]
            saved.rename(tmp_path / ".env")
            before.append(subprocess.check_output(["bash", "-c", show], cwd=tmp_path))
        finally:
            server.kill()

    for shown in before:
        rows = {row["key"]: row for row in json.loads(shown)["settings"]}
        assert rows["providers.pexels.base_url"]["value"].startswith("http://127.0.0.1:")
        assert rows["providers.pexels.api_key"]["value"] == "***"


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with SimulatedPexels() as pexels, pytest.raises(SystemExit):
        main(["nasa", "--port", str(pexels.port)])

    expected = f"nasa cannot listen on port {pexels.port}: Address already in use; choose another with --port"
    assert expected in capsys.readouterr().err


def test_one_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["pexls"])

    assert "there is no pexls: use artic, cleveland, europeana, flickr" in capsys.readouterr().err
