"""The start of `imagevault serve`: what it prints, and when it refuses to start."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagevault.cli.serve import _announce
from imagevault.config.settings import load
from imagevault.runtime.services import Services
from tests.support.offline import OFFLINE

BROKEN_PLUGIN = "import no_such_module"
Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Here = Callable[..., Any]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The options of `serve` go into the environment, where the workers read them; here, into a copy."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    os.environ.pop("COLUMNS", None)


class TestServe:
    def test_says_where_to_look(self, serve: Any) -> None:
        """The URL of the documentation, the providers, the database, and a first call that works as printed."""
        server = serve().wait_until_ready()
        head, *lines = server.log.read_text().partition("ImageVault ")[2].splitlines()
        shown = {line[:17].strip(): line[17:] for line in lines[:6]}
        command = shlex.split(shown["try this"])

        assert head == f"{version('imagevault')} on {server.url}"
        assert httpx.get(shown["documentation"]).status_code == 200
        assert shown["providers"] == "local"
        assert shown["not configured"] == "pexels (PEXELS_API_KEY)"
        assert shown["disabled"].startswith("artic, cleveland, europeana, flickr, ")
        assert shown["database"] == f"SQLite at {server.log.parent}/imagevault-data/imagevault.sqlite"
        assert [command[0], command[1]] == ["curl", f"{server.url}/signup"]
        made = httpx.post(command[1], headers=dict([command[3].split(": ")]), content=command[5])
        assert (made.status_code, made.json()["username"]) == (201, "ada")

    def test_makes_no_account_where_there_is_one(self, serve: Any, cli: Cli) -> None:
        """The report then has no suggestion."""
        assert cli("users", "create", "grace", "--password", "violet-harbour-71").returncode == 0

        server = serve().wait_until_ready()

        assert "  documentation  " in server.log.read_text()
        assert "try this" not in server.log.read_text()
        assert "ada" not in server.log.read_text()

    def test_suggests_what_the_settings_allow(self, serve: Any, cli: Cli, tmp_path: Path) -> None:
        """Nobody can sign up where signing up is closed; nobody needs to where searching is open."""
        closed = serve({"IMAGEVAULT_SIGNUP": "closed"}).wait_until_ready().log.read_text()
        opened = serve({"IMAGEVAULT_SEARCH": "open", "IMAGEVAULT_DEFAULT": "local"}).wait_until_ready().log.read_text()
        suggested = [re.findall(r"^  try this       (.*)$", log, re.MULTILINE) for log in (closed, opened)]
        create, search = (shlex.split(command) for [command] in suggested)

        made = cli(*create[1:], "--password", "violet-harbour-71")
        found = httpx.get(search[1], timeout=60)

        assert (create[0], made.stdout) == ("imagevault", "ada (admin)\n")
        assert (search[0], found.status_code) == ("curl", 200)
        assert found.json()["images"]

    @pytest.mark.parametrize(
        ("environ", "names"),
        [
            ({}, ["documentation", "providers", "not configured", "database"]),
            (OFFLINE, ["documentation", "providers", "not configured", "disabled", "database"]),
            ({**OFFLINE, "PEXELS_API_KEY": "k"}, ["documentation", "providers", "disabled", "database"]),
            ({**OFFLINE, "LOCAL_ENABLED": "false"}, ["documentation", "not configured", "disabled", "database"]),
            (
                {**OFFLINE, "PEXELS_API_KEY": "k", "PEXELS_TIMEOUT": "abc"},
                ["documentation", "providers", "disabled", "database", "config"],
            ),
            (
                {**OFFLINE, "PEXELS_API_KEY": "k", "IMAGEVAULT_PUBLIC_URL": "https://images.example"},
                ["listening", "documentation", "providers", "disabled", "database"],
            ),
        ],
        ids=["nothing set", "others off", "a key", "local off", "a wrong setting", "a public address"],
    )
    def test_says_only_what_there_is(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], environ: dict[str, str], names: list[str]
    ) -> None:
        """One line each. A provider with a wrong setting has a line of its own, which says what is wrong."""
        settings = load(environ, tmp_path)

        _announce(settings, Services(settings), has_accounts=True)

        lines = capsys.readouterr().err.splitlines()[1:]
        assert [line[2:17].strip() for line in lines] == names
        assert [line[17:61] for line in lines if line.startswith("  config")] == [
            "providers.pexels.timeout: must be a number f"
        ] * names.count("config")

    def test_names_the_variable_of_every_provider_that_needs_one(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """In one line; setting it is all that is to do."""
        settings = load({}, tmp_path)
        services = Services(settings)

        _announce(settings, services, has_accounts=True)

        [line] = [line for line in capsys.readouterr().err.splitlines() if "not configured" in line]
        named = dict(re.findall(r"(\w+) \((\w+)\)", line))
        unconfigured = {
            name for name, provider in services.plugins.providers.items() if provider.state == "unconfigured"
        }
        assert named.keys() == unconfigured
        assert len(unconfigured) > 5
        configured = load(dict.fromkeys(named.values(), "you@example.org"), tmp_path)
        assert {provider.state for provider in Services(configured).plugins.providers.values()} == {"ok"}

    def test_says_it_in_a_narrow_terminal(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Lists go on below their first word, and no word is broken."""
        settings = load({}, tmp_path)
        _announce(settings, Services(settings), has_accounts=True)
        whole = capsys.readouterr().err
        monkeypatch.setenv("COLUMNS", "80")

        _announce(settings, Services(settings), has_accounts=True)

        narrow = capsys.readouterr().err
        assert narrow.split() == whole.split()
        lines = narrow.partition("  not configured ")[2].partition("  database ")[0].splitlines()
        assert len(lines) > 2
        assert all(re.match(r" {17}\S", line) and len(line) <= 80 for line in lines[1:])

    def test_says_an_address_as_it_is(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """An IPv6 address has brackets, and a folder may have them too."""
        folder = tmp_path / "[red]"
        folder.mkdir()
        settings = load({"IMAGEVAULT_HOST": "fe80::1"}, folder)

        _announce(settings, Services(settings), has_accounts=False)

        shown = capsys.readouterr().err
        assert "  documentation  http://[fe80::1]:8000/docs\n" in shown
        assert f"  database       SQLite at {folder}/imagevault-data/imagevault.sqlite\n" in shown

    @pytest.mark.processes
    def test_refuses_other_machines_without_a_secret(self, here: Here) -> None:
        """The generated secret is for loopback only. The error has a command that generates a good one."""
        ended = here("serve", "--host", "0.0.0.0", "--port", "1")

        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr == (
            "imagevault: SECRET_KEY must be set to serve on 0.0.0.0; make one with: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'\n"
        )
        command = shlex.split(ended.stderr.partition("make one with: ")[2])
        made = subprocess.run([sys.executable, *command[1:]], capture_output=True, text=True, check=True).stdout
        assert load({"SECRET_KEY": made.strip()}).secret_key == made.strip()

    def test_strictly_refuses_what_is_wrong(self, here: Here, tmp_path: Path, plugins: Any) -> None:
        """One line names every broken plugin and every problem of the config. An unconfigured provider is none."""
        (tmp_path / "imagevault.toml").write_text("[providers.pexel]\nenabled = true\n")

        ended = here("serve", "--strict", "--port", "1", environ=plugins(acme=BROKEN_PLUGIN))

        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.splitlines()[-1] == (
            "imagevault: not started (--strict): "
            "acme: ModuleNotFoundError: No module named 'no_such_module' (acme.py, line 1); "
            "[providers.pexel]: there is no such provider. Did you mean pexels?"
        )
        assert "Traceback" not in ended.stderr

    def test_strictly_starts_where_all_is_well(self, serve: Any) -> None:
        """And ends with code 0 on SIGTERM."""
        server = serve({}, "--strict").wait_until_ready()

        assert server.stop() == 0

    def test_as_json_it_says_where_it_is_in_a_line_as_the_others(self, serve: Any) -> None:
        """Every line of the log is JSON."""
        server = serve({"IMAGEVAULT_LOG": "json"}).wait_until_ready()
        assert server.stop() == 0

        lines = [json.loads(line) for line in server.log.read_text().splitlines()]

        [line] = [line for line in lines if line["event"] == "serving"]
        assert line["url"] == server.url
        assert (line["providers"], line["not_configured"]) == ("local", "pexels (PEXELS_API_KEY)")
        assert line["listening"] == f"127.0.0.1 port {server.port}"
        assert line["database"].startswith("SQLite at ")

    @pytest.mark.parametrize("host", ["127.0.0.1", "nowhere.invalid", "192.0.2.1"])
    def test_an_address_that_cannot_be_had(self, here: Here, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
        """A port in use, or an address of another machine: the error comes before the server is announced."""
        monkeypatch.setattr(os, "environ", {**os.environ, "SECRET_KEY": "a test secret of more than 32 bytes"})
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]

            ended = here("serve", "--host", host, "--port", str(port))

        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith(f"imagevault: cannot listen on {host} port {port}: ")
        assert ended.stderr.endswith("; choose another with --host and --port, or IMAGEVAULT_PORT\n")
        assert ended.stderr.count("\n") == 1

    def test_strict_refuses_a_setting_that_is_wrong(self, here: Here) -> None:
        """A missing setting is not an error."""
        done = here("serve", "--strict", environ={"PEXELS_API_KEY": "x", "PEXELS_TIMEOUT": "abc"})

        assert done.returncode == 1
        assert "pexels: timeout: must be a number" in done.stderr

    def test_a_default_chain_of_nobody_is_refused(self, here: Here) -> None:
        """No search could be answered."""
        done = here("serve", environ={"IMAGEVAULT_DEFAULT": "pexls"})

        assert done.returncode == 1
        assert (
            "default: names no provider that is loaded; choose from artic, cleveland, europeana, flickr, local"
            in done.stderr
        )

    def test_a_command_is_no_secret(self, here: Here) -> None:
        """A command that the README shows is public."""
        done = here(
            "migrate", environ={"SECRET_KEY": "$(python3 -c 'import secrets; print(secrets.token_urlsafe(48))')"}
        )

        assert done.returncode == 1
        assert "secret_key: is a command and not its output" in done.stderr
