"""Errors of the command line: one line on standard error and an exit code, never a trace."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import COMMAND_LIMIT

PASSWORD = "violet-harbour-71"
UNENCODED = "database_url: must be postgresql://USER:PASSWORD@HOST:PORT/NAME with the special characters of USER and PA"
SHORT_SECRET = "secret_key: must be at least 32 bytes long; make one with: python3 -c"
Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Here = Callable[..., Any]


class TestErrors:
    """One line on standard error and an exit code: 1 for a failure, 2 for a wrong call. Never a traceback."""

    @pytest.mark.parametrize(
        ("arguments", "environ", "code", "reason"),
        [
            (["serch"], {}, 2, "No such command 'serch'. (Did you mean one of: 'search', "),
            (["search", "fox", "-p", "nope"], {}, 2, "provider: there is no provider nope. There are: local, "),
            (["migrate"], {"SECRET_KEY": "short"}, 1, SHORT_SECRET),
            (["users", "list"], {"DATABASE_URL": "postgresql://a:hidden@127.0.0.1:1/x"}, 1, "PostgreSQL at 127.0.0.1"),
            (["serve"], {"DATABASE_URL": "postgresql://a:hidden@127.0.0.1:1/x"}, 1, "PostgreSQL at 127.0.0.1:1/x cann"),
            (["migrate"], {"DATABASE_URL": "postgresql://a:hidden@hidden:1@127.0.0.1:1/x"}, 1, UNENCODED),
            (["serve"], {"DATABASE_URL": "postgresql://a:hidden%hidden@127.0.0.1:1/x"}, 1, UNENCODED),
            (["users", "list"], {"DATABASE_URL": "postgresql://a:hidden:hidden@127.0.0.1:1/x"}, 1, UNENCODED),
            (["search", "fox"], {"IMAGEVAULT_DATA": "/dev/null/x"}, 1, "data: cannot keep a secret there ("),
        ],
    )
    def test_of_the_environment(
        self,
        here: Here,
        offline: dict[str, str],
        arguments: list[str],
        environ: dict[str, str],
        code: int,
        reason: str,
    ) -> None:
        ended = here(*arguments, environ={**offline, **environ})

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
            ("users create ada", 2, "password: cannot be prompted for without a terminal; write it to standard input"),
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
        ("arguments", "field"),
        [
            ("search fox -p xyzzy", "provider"),
            ("search fox -p local,xyzzy", "provider"),
            ("download xyzzy:1 --as ada", "image"),
            ("providers check xyzzy", "provider"),
            ("providers check xyzzy --record recorded.json", "provider"),
            ("providers enable xyzzy", "provider"),
            ("providers disable xyzzy", "provider"),
            ("providers show xyzzy", "provider"),
            ("providers repair xyzzy", "provider"),
        ],
    )
    def test_of_a_provider_that_there_is_not(self, here: Here, tmp_path: Path, arguments: str, field: str) -> None:
        """It is a wrong call in every command, and the error lists the providers."""
        here("users", "create", "ada", "--password", PASSWORD)

        ended = here(*shlex.split(arguments))

        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr.startswith(f"imagevault: {field}: there is no provider xyzzy. There are: ")
        assert ended.stderr.count("\n") == 1
        assert not (tmp_path / "recorded.json").exists()

    @pytest.mark.parametrize("arguments", ["search fox -p loc", "providers check loc"])
    def test_of_a_plugin_that_is_not_loaded(self, here: Here, tmp_path: Path, arguments: str) -> None:
        """It is not answered with a name that is only similar."""
        (tmp_path / "plugins").mkdir()
        (tmp_path / "plugins" / "loc.py").write_text("import no_such_module\n")

        ended = here(*shlex.split(arguments), environ={"IMAGEVAULT_PLUGINS_DIR": "plugins"})

        assert (ended.returncode, ended.stdout) == (2, "")
        assert "provider: the plugin loc could not be loaded; `imagevault providers` shows why. " in ended.stderr
        assert "Did you mean" not in ended.stderr

    @pytest.mark.parametrize(
        "arguments",
        ["search fox -p ''", "search fox -p ,", "search fox -p ' , '", "providers check ''", "providers check ,"],
    )
    def test_of_no_provider_at_all(self, here: Here, arguments: str) -> None:
        """Nothing is called. Without the option, `search` asks the default chain, and `check` all providers."""
        ended = here(*shlex.split(arguments))

        assert (ended.returncode, ended.stdout) == (2, "")
        message = "imagevault: provider: must name at least one provider, or be all. There are: "
        assert ended.stderr.startswith(message)
        assert ended.stderr.count("\n") == 1

    @pytest.mark.parametrize(
        ("toml", "reason"),
        [
            ("port = \n", "imagevault.toml: is not valid TOML: Invalid value; correct it (/"),
            ("prt = 80", "prt: there is no such setting. Did you mean port? (/"),
            (
                '"two\\nlines" = 1',
                "two lines: there is no such setting. Remove it; imagevault config example prints every setting. (/",
            ),
            (
                '"[bold]x[/]" = 1',
                "[bold]x[/]: there is no such setting. Remove it; imagevault config example prints every setting. (/",
            ),
        ],
    )
    def test_of_the_config(self, here: Here, tmp_path: Path, toml: str, reason: str) -> None:
        """The error names the file in one line, and nothing in it is taken for markup."""
        (tmp_path / "imagevault.toml").write_text(toml)

        ended = here("providers")

        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith(f"imagevault: {reason}")
        assert ended.stderr.count("\n") == 1

    @pytest.mark.parametrize(
        ("arguments", "environ", "code", "reason"),
        [
            (["search", b"\xff"], {}, 2, "The arguments must be UTF-8."),
            (["migrate"], {"SECRET_KEY": "short"}, 1, SHORT_SECRET),
        ],
    )
    def test_of_a_process(
        self, cli: Cli, arguments: list[str | bytes], environ: dict[str, str], code: int, reason: str
    ) -> None:
        """With the exit code that a script sees."""
        ended = cli(*arguments, environ=environ)

        assert (ended.returncode, ended.stdout) == (code, "")
        assert ended.stderr.startswith(f"imagevault: {reason}")
        assert ended.stderr.count("\n") == 1

    def test_a_password_that_is_not_utf8(self, cli: Cli, tmp_path: Path) -> None:
        ended = subprocess.run(
            [sys.executable, "-m", "imagevault", "users", "create", "ada", "--password", "-"],
            cwd=tmp_path,
            input=b"violet-\xff-harbour\n",
            capture_output=True,
            timeout=COMMAND_LIMIT,
            check=False,
        )

        assert (ended.returncode, ended.stderr) == (2, b"imagevault: password: must be UTF-8\n")


class TestClosedOutput:
    @pytest.mark.parametrize("command", ["config show", "providers --json", "search fox -p local"])
    @pytest.mark.processes
    def test_nobody_listens(self, tmp_path: Path, command: str) -> None:
        """No traceback: `imagevault ... >&-`."""
        script = f"{shlex.quote(sys.executable)} -m imagevault {command} >&-"

        ended = subprocess.run(
            ["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=COMMAND_LIMIT, check=False
        )

        assert "Traceback" not in ended.stderr
        assert ended.returncode == 0
