"""All simulated upstreams from a shell: what they print is what a server needs."""

import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from imagevault.testing.simulated import SIMULATED, main
from imagevault.testing.upstreams.pexels import SimulatedPexels

COMMAND = [sys.executable, "-W", "error", "-m", "imagevault.testing.simulated", "--port", "0"]

ENABLED = {f"{name.upper()}_ENABLED": "true" for name in SIMULATED}  # which the other tests switch off
PATIENT = {f"{name.upper()}_TIMEOUT": "20" for name in SIMULATED}  # on a busy machine twelve searches take long


def serve(count: int, *names: str, end: signal.Signals, use: Callable[[dict[str, str]], None]) -> None:
    """Starts them, reads `count` variables, uses these, ends it, and sees that it ended well."""
    with subprocess.Popen([*COMMAND, *names], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            printed = [server.stdout.readline().strip() for _ in range(count)]
            use(ENABLED | dict(line.split("=", 1) for line in printed))
            server.send_signal(end)
            assert server.communicate(timeout=20) == ("", "")
            assert server.returncode == 0
        finally:
            server.kill()


def test_a_server_with_what_they_print_has_every_provider(cli: Any) -> None:
    """One search of all, and eleven statuses that are ok."""

    def search(environ: dict[str, str]) -> None:
        found = cli("search", "cat", "-p", ",".join(SIMULATED), "-n", "22", environ=environ | PATIENT)
        assert [line.split(",")[0] for line in found.stderr.splitlines()] == [f"{name}: ok" for name in SIMULATED]

    serve(11 + 7, end=signal.SIGTERM, use=search)


def test_some_of_them(cli: Any) -> None:
    """And Ctrl-C ends them."""

    def search(environ: dict[str, str]) -> None:
        assert set(environ) - set(ENABLED) == {"NASA_BASE_URL", "PEXELS_BASE_URL", "PEXELS_API_KEY"}
        assert cli("search", "cat", "-p", "pexels", environ=environ).returncode == 0

    serve(3, "nasa", "pexels", end=signal.SIGINT, use=search)


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with SimulatedPexels() as pexels, pytest.raises(SystemExit):
        main(["nasa", "--port", str(pexels.port)])

    expected = f"nasa cannot listen on port {pexels.port}: Address already in use; choose another with --port"
    assert expected in capsys.readouterr().err


def test_one_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["pexls"])

    assert "there is no pexls: use artic, europeana, flickr" in capsys.readouterr().err
