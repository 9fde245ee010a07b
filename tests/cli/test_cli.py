"""The `imagevault` command: what it prints, how it ends, and that an error is one line."""

import asyncio
import json
import os
import pty
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import PIL.Image
import pytest

from imagevault.cli.serve import _tell_where
from imagevault.config.settings import load
from imagevault.runtime.services import Services

PASSWORD = "violet-harbour-71"
SHORT_SECRET = "secret_key: must be at least 32 bytes long; make one with: python3 -c"
BROKEN_PLUGIN = "import no_such_module"
Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Here = Callable[..., Any]


def plugins(tmp_path: Path, **sources: str) -> dict[str, str]:
    """The environment with a folder of these plugin files."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source)
    return {"IMAGEVAULT_PLUGINS_DIR": str(folder)}


class TestSearch:
    def test_as_text(self, cli: Cli) -> None:
        """The images on standard output, two lines each; who answered and who did not on standard error."""
        ended = cli("search", "red", "fox", environ={"IMAGEVAULT_DEFAULT": "pexels,local"})

        assert ended.returncode == 0
        assert ended.stdout.splitlines() == [
            "local:fox-in-snow.jpg  1000 x 1000  CC0 1.0",
            "    Red fox in snow by ImageVault",
        ]
        assert ended.stderr.splitlines() == [
            "pexels: unconfigured: PEXELS_API_KEY is not set (or api_key in [providers.pexels])",
            "local: ok, 1 in all",
        ]

    def test_as_json(self, cli: Cli) -> None:
        """The same as the API gives, and nothing else on standard output."""
        ended = cli("search", "fox", "-p", "local", "-n", "1", "--json")
        answer = json.loads(ended.stdout)

        assert (ended.returncode, ended.stderr) == (0, "")
        assert set(answer) == {"images", "providers", "next"}
        assert [image["id"] for image in answer["images"]] == ["local:fox-in-snow.jpg"]
        assert answer["images"][0]["attribution"]["text"]
        assert answer["providers"][0]["status"] == "ok"

    def test_that_nobody_answers(self, cli: Cli) -> None:
        """Ends with 1, one line of reasons, and with --json the statuses all the same."""
        ended = cli("search", "fox", "-p", "pexels", "--json")

        assert ended.returncode == 1
        assert ended.stderr == (
            "imagevault: No provider answered. pexels: PEXELS_API_KEY is not set (or api_key in [providers.pexels])\n"
        )
        assert [each["status"] for each in json.loads(ended.stdout)["providers"]] == ["unconfigured"]

    def test_that_finds_nothing(self, here: Here) -> None:
        """No results is an answer."""
        ended = here("search", "no such thing at all", "-p", "local")

        assert ended == (0, "", "local: ok, 0 in all\n")

    def test_words_are_shown_as_they_are(self, here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing in a title is taken for markup, an emoji's name or an end of it."""
        folder = tmp_path / "pictures"
        folder.mkdir()
        name = r"[bold]owl[/bold] :cat: \[red] [/]"
        PIL.Image.new("RGB", (8, 8)).save(folder / f"{name.replace('/', '')}.png")
        monkeypatch.setenv("LOCAL_FOLDER", str(folder))

        ended = here("search", "owl", "-p", "local")

        assert ended.returncode == 0
        for word in ("[bold]owl[bold]", ":cat:", r"\[red]", "[]"):
            assert word in ended.stdout

    @pytest.mark.parametrize("unbuffered", ["", "1"])
    def test_into_a_closed_pipe(self, tmp_path: Path, unbuffered: str) -> None:
        """`imagevault search fox --json | head` ends without a word, whether the pipe breaks early or at the end."""
        command = [sys.executable, "-m", "imagevault", "search", "fox", "-p", "local", "--json"]
        environ = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
        read, write = os.pipe()
        os.close(read)
        with os.fdopen(write, "w") as closed:
            ended = subprocess.run(
                command,
                cwd=tmp_path,
                env=environ,
                stdout=closed,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
                check=False,
            )

        assert (ended.returncode, ended.stderr) == (1, "")


class TestProviders:
    def test_as_text(self, cli: Cli, tmp_path: Path) -> None:
        """Those that serve, those that do not and why; a failed plugin is no error of the command."""
        (tmp_path / "imagevault.toml").write_text("[providers.pexel]\nenabled = true\n[providers.local]\nenabled=false")

        ended = cli("providers", environ=plugins(tmp_path, acme=BROKEN_PLUGIN))
        rows = {line.split()[0]: line.split()[1] for line in ended.stdout.splitlines()[1:]}

        assert ended.returncode == 0
        assert {"acme": "not", "local": "disabled", "pexels": "unconfigured"}.items() <= rows.items()
        assert "ModuleNotFoundError: No module named 'no_such_module' (acme.py, line 1)" in ended.stdout
        assert ended.stderr.splitlines()[-1] == (
            "config: [providers.pexel]: there is no such provider. Did you mean pexels?"
        )

    def test_as_json(self, cli: Cli, tmp_path: Path) -> None:
        environ = {**plugins(tmp_path, acme=BROKEN_PLUGIN), "IMAGEVAULT_DEFAULT": "locl,local", "PEXELS_API_KEY": "k"}

        ended = cli("providers", "--json", environ=environ)
        answer = json.loads(ended.stdout)

        assert ended.returncode == 0
        assert {each["name"]: each["state"] for each in answer["providers"]}.items() >= {
            "local": "ok",
            "pexels": "ok",
        }.items()
        assert answer["failures"] == [
            {
                "name": "acme",
                "reason": "ModuleNotFoundError: No module named 'no_such_module' (acme.py, line 1)",
                "source": str(tmp_path / "plugins" / "acme.py"),
            }
        ]
        assert answer["problems"] == ["default: there is no provider locl. Did you mean local?"]


class TestDatabase:
    def test_migrate_makes_it_and_may_be_repeated(self, cli: Cli, tmp_path: Path) -> None:
        """It says which database; a second time there is nothing to do."""
        path = tmp_path / "imagevault-data" / "imagevault.sqlite"

        ended = [cli("migrate") for _ in range(2)]

        assert [each.returncode for each in ended] == [0, 0]
        assert [each.stdout for each in ended] == ["", ""]
        assert [each.stderr for each in ended] == [f"SQLite at {path} is up to date.\n"] * 2
        assert path.read_bytes().startswith(b"SQLite format 3")

    def test_accounts_are_made_and_listed(self, cli: Cli, here: Here) -> None:
        """The password comes by standard input, so that it stands in no history; names are folded."""
        made = cli("users", "create", "Ada", "--admin", "--password", "-", input=f"{PASSWORD}\r\n")
        again = here("users", "create", "ADA", "--password", PASSWORD)
        other = here("users", "create", "grace", "--password", PASSWORD)
        listed = here("users", "list")
        as_json = json.loads(here("users", "list", "--json").stdout)

        assert (made.returncode, made.stdout, made.stderr) == (0, "ada (admin)\n", "")
        assert again == (1, "", "imagevault: The username ada is taken.\n")
        assert other == (0, "grace (user)\n", "")
        assert [line.split()[:2] for line in listed.stdout.splitlines()[1:]] == [["ada", "admin"], ["grace", "user"]]
        assert [(each["username"], each["is_admin"]) for each in as_json["users"]] == [("ada", True), ("grace", False)]
        assert not any("password" in key for each in as_json["users"] for key in each)

    def test_a_password_piped_in_is_the_one_that_signs_in(self, here: Here, cli: Cli, tmp_path: Path) -> None:
        """Whatever ends its line."""
        cli("users", "create", "ada", "--password", "-", input=f"{PASSWORD}\r\n")

        async def sign_in() -> str:
            services = Services(load({}, tmp_path))
            async with services.running():
                return await services.accounts.sign_in("ada", PASSWORD)

        assert asyncio.run(sign_in())

    def test_a_password_is_asked_for_at_a_terminal(self, tmp_path: Path) -> None:
        """Twice, and it is not shown."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "imagevault", "users", "create", "ada"],
            cwd=tmp_path,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        shown = b""
        for prompt in (b"Password: ", b"Repeat for confirmation: "):
            while not shown.endswith(prompt):
                shown += os.read(ours, 1024)
            os.write(ours, PASSWORD.encode() + b"\n")
        while not shown.endswith(b"(user)\r\n"):
            shown += os.read(ours, 1024)

        assert process.wait(30) == 0
        assert PASSWORD.encode() not in shown
        os.close(ours)


class TestErrors:
    """One line on standard error and an exit code: 1 for what failed, 2 for how it was called. Never a trace."""

    @pytest.mark.parametrize(
        ("arguments", "environ", "code", "reason"),
        [
            (["serch"], {}, 2, "No such command 'serch'. (Did you mean one of: 'search', "),
            (["search", "fox", "-p", "nope"], {}, 2, "provider: there is no provider nope. There are: local, "),
            (["search", b"\xff"], {}, 2, "The arguments must be UTF-8."),
            (["migrate"], {"SECRET_KEY": "short"}, 1, SHORT_SECRET),
            (["users", "list"], {"DATABASE_URL": "postgresql://a:hidden@127.0.0.1:1/x"}, 1, "PostgreSQL at 127.0.0.1"),
            (["serve"], {"DATABASE_URL": "postgresql://a:hidden@127.0.0.1:1/x"}, 1, "PostgreSQL at 127.0.0.1:1/x cann"),
            (["search", "fox"], {"IMAGEVAULT_DATA": "/dev/null/x"}, 1, "data: cannot keep a secret there ("),
        ],
    )
    def test_of_a_process(
        self, cli: Cli, arguments: list[str], environ: dict[str, str], code: int, reason: str
    ) -> None:
        ended = cli(*arguments, environ=environ)

        assert (ended.returncode, ended.stdout) == (code, "")
        assert ended.stderr.startswith(f"imagevault: {reason}")
        assert ended.stderr.count("\n") == 1
        assert "hidden" not in ended.stderr

    @pytest.mark.parametrize(
        ("arguments", "code", "reason"),
        [
            ("search", 2, "Missing argument 'WORDS...'. See imagevault search --help."),
            ("search fox --nope", 2, "No such option '--nope'. See imagevault search --help."),
            ("search fox -n 0", 2, "Invalid value for '-n' / '--per-page': 0 is not in the range 1<=x<=100."),
            ("search ' '", 2, "q: must say what to search for"),
            (f"search {'x' * 201}", 2, "q: must have at most 200 characters"),
            ("users crate", 2, "No such command 'crate'. Did you mean 'create'? See imagevault users --help."),
            ("users create a b", 2, "Got unexpected extra argument"),
            ("users create ada", 2, "password: there is no terminal to ask for it; write it to standard input with"),
            ("users create ada --password short", 2, "password: must have at least 8 characters"),
            ("users create ada --password password1", 2, "password: "),
            (f"users create 'a da' --password {PASSWORD}", 2, "username: must be 3 to 64 letters, digits and"),
            ("serve --port x", 2, "Invalid value for '--port': 'x' is not a valid integer range."),
            ("serve --workers 65", 2, "Invalid value for '--workers': 65 is not in the range 1<=x<=64."),
            ("serve --host http://x", 1, "host: must be a host name or address, without scheme, port or brackets"),
        ],
    )
    def test_of_a_call(
        self, here: Here, monkeypatch: pytest.MonkeyPatch, arguments: str, code: int, reason: str
    ) -> None:
        monkeypatch.setattr(os, "environ", os.environ.copy())  # `serve --host` leaves its value for the workers there

        ended = here(*shlex.split(arguments))

        assert (ended.returncode, ended.stdout) == (code, "")
        assert ended.stderr.startswith(f"imagevault: {reason}")
        assert ended.stderr.count("\n") == 1

    @pytest.mark.parametrize(
        ("toml", "reason"),
        [
            ("port = \n", "imagevault.toml: is not valid TOML: Invalid value (/"),
            ("prt = 80", "prt: there is no such setting. Did you mean port? (/"),
            ('"two\\nlines" = 1', "two lines: there is no such setting. (/"),
            ('"[bold]x[/]" = 1', "[bold]x[/]: there is no such setting. (/"),
        ],
    )
    def test_of_the_config(self, here: Here, tmp_path: Path, toml: str, reason: str) -> None:
        """The file is named, the message stays in one line, and nothing in it is taken for markup."""
        (tmp_path / "imagevault.toml").write_text(toml)

        ended = here("providers")

        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith(f"imagevault: {reason}")
        assert ended.stderr.count("\n") == 1

    def test_a_password_that_is_not_utf8(self, cli: Cli, tmp_path: Path) -> None:
        ended = subprocess.run(
            [sys.executable, "-m", "imagevault", "users", "create", "ada", "--password", "-"],
            cwd=tmp_path,
            input=b"violet-\xff-harbour\n",
            capture_output=True,
            timeout=60,
            check=False,
        )

        assert (ended.returncode, ended.stderr) == (2, b"imagevault: password: must be UTF-8\n")


class TestClosedOutput:
    @pytest.mark.parametrize("command", ["config show", "providers --json", "search fox -p local"])
    def test_nobody_listens(self, tmp_path: Path, command: str) -> None:
        """No trace then: `imagevault ... >&-`."""
        script = f"{shlex.quote(sys.executable)} -m imagevault {command} >&-"

        ended = subprocess.run(
            ["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )

        assert "Traceback" not in ended.stderr
        assert ended.returncode == 0


class TestHelp:
    def test_version(self, cli: Cli) -> None:
        ended = cli("--version")

        assert (ended.returncode, ended.stdout, ended.stderr) == (
            0,
            f"imagevault, version {version('imagevault')}\n",
            "",
        )

    @pytest.mark.parametrize("flag", ["-h", "--help"])
    @pytest.mark.parametrize("command", ["", "search", "providers", "migrate", "users", "users create", "serve"])
    def test_every_command_has_help(self, here: Here, command: str, flag: str) -> None:
        ended = here(*command.split(), flag)

        assert (ended.returncode, ended.stderr) == (0, "")
        assert "Usage: imagevault" in ended.stdout

    @pytest.mark.parametrize("command", ["", "users"])
    def test_no_command_shows_the_help(self, here: Here, command: str) -> None:
        """With the code of a wrong call."""
        ended = here(*command.split())

        assert (ended.returncode, ended.stderr.strip()) == (2, "")
        assert "Usage: imagevault" in ended.stdout
        assert "Commands" in ended.stdout


class TestServe:
    def test_says_where_to_look(self, serve: Any) -> None:
        """The address of the documentation, the providers, the database, and a first call that works as printed."""
        server = serve().wait_until_ready()
        head, *lines = server.log.read_text().partition("ImageVault ")[2].splitlines()
        shown = {line[:17].strip(): line[17:] for line in lines[:4]}
        command = shlex.split(shown["try this"])

        assert head == f"{version('imagevault')} on {server.url}"
        assert httpx.get(shown["documentation"]).status_code == 200
        assert "local, " in shown["providers"]
        assert "pexels (unconfigured)" in shown["providers"]
        assert shown["database"] == f"SQLite at {server.log.parent}/imagevault-data/imagevault.sqlite"
        assert [command[0], command[1]] == ["curl", f"{server.url}/signup"]
        made = httpx.post(command[1], headers=dict([command[3].split(": ")]), content=command[5])
        assert (made.status_code, made.json()["username"]) == (201, "ada")

    def test_says_an_address_as_it_is(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """That of IPv6 has brackets, and so may a folder."""
        folder = tmp_path / "[red]"
        folder.mkdir()
        settings = load({"IMAGEVAULT_HOST": "fe80::1"}, folder)

        _tell_where(settings, Services(settings))

        shown = capsys.readouterr().err
        assert "  documentation  http://[fe80::1]:8000/docs\n" in shown
        assert f"  database       SQLite at {folder}/imagevault-data/imagevault.sqlite\n" in shown

    def test_refuses_other_machines_without_a_secret(self, cli: Cli) -> None:
        """The secret that it makes for itself is for loopback only; the line has the command for a good one."""
        ended = cli("serve", "--host", "0.0.0.0", "--port", "1")

        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr == (
            "imagevault: SECRET_KEY must be set to serve on 0.0.0.0; make one with: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'\n"
        )
        command = shlex.split(ended.stderr.partition("make one with: ")[2])
        made = subprocess.run([sys.executable, *command[1:]], capture_output=True, text=True, check=True).stdout
        assert load({"SECRET_KEY": made.strip()}).secret_key == made.strip()

    def test_strictly_refuses_what_is_wrong(self, cli: Cli, tmp_path: Path) -> None:
        """Every broken plugin and every problem of the config, in one line; an unconfigured provider is none."""
        (tmp_path / "imagevault.toml").write_text("[providers.pexel]\nenabled = true\n")

        ended = cli("serve", "--strict", "--port", "1", environ=plugins(tmp_path, acme=BROKEN_PLUGIN))

        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.splitlines()[-1] == (
            "imagevault: not started (--strict): "
            "acme: ModuleNotFoundError: No module named 'no_such_module' (acme.py, line 1); "
            "[providers.pexel]: there is no such provider. Did you mean pexels?"
        )
        assert "Traceback" not in ended.stderr

    def test_strictly_starts_where_all_is_well(self, serve: Any) -> None:
        """And ends as a service manager expects."""
        server = serve({}, "--strict").wait_until_ready()

        assert server.stop() == 0

    def test_as_json_it_says_where_it_is_in_a_line_as_the_others(self, serve: Any) -> None:
        """Whoever reads the log of a server finds nothing else in it."""
        server = serve({"IMAGEVAULT_LOG": "json"}).wait_until_ready()
        assert server.stop() == 0

        lines = [json.loads(line) for line in server.log.read_text().splitlines()]

        [line] = [line for line in lines if line["event"] == "serving"]
        assert line["url"] == server.url
        assert "local, " in line["providers"]
        assert line["database"].startswith("SQLite at ")

    @pytest.mark.parametrize("host", ["127.0.0.1", "nowhere.invalid", "192.0.2.1"])
    def test_an_address_that_cannot_be_had(self, here: Here, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
        """A port in use, or a host that is not this one: said before anything claims to listen there."""
        monkeypatch.setattr(os, "environ", {**os.environ, "SECRET_KEY": "a test secret of more than 32 bytes"})
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]

            ended = here("serve", "--host", host, "--port", str(port))

        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith(f"imagevault: cannot listen on {host} port {port}: ")
        assert ended.stderr.endswith("; see --host and --port, or IMAGEVAULT_PORT\n")
        assert ended.stderr.count("\n") == 1
