"""`imagevault config check`: what is wrong with a config file, and what an admin should know."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Here = Callable[..., Any]


class TestCheckRefuses:
    """Exit code 1, and for each error the line, the key and the remedy; never a secret."""

    def test_what_is_no_text(self, here: Here, file: Path) -> None:
        """The error names the line of the first wrong byte."""
        file.write_bytes(b"# c\nhost = '\xff'\n")

        ended = here("config", "check")

        assert ended.returncode == 1
        assert ended.stdout == f"{file}, line 2: imagevault.toml: must be UTF-8; save it in that encoding\n"

    def test_every_wrong_provider_at_once(self, here: Here, file: Path) -> None:
        """Each with its own line; the notes come last."""
        file.write_text("[providers.local]\ntimeout = 99\n[providers.pexels]\nenabled = 5\n[providers.openvers]\n")

        ended = here("config", "check")
        answer = json.loads(here("config", "check", "--json").stdout)

        assert ended.returncode == 1
        assert [error["where"].rpartition(" ")[2] for error in answer["errors"]] == ["2", "4"]
        shown = [line.partition(": ")[0] for line in ended.stdout.splitlines()]
        assert shown[:2] == [f"{file}, line 2", f"{file}, line 4"]
        assert set(shown[2:]) == {"note"}

    def test_every_mistake_at_once(self, here: Here, file: Path) -> None:
        """Of the server's keys and of the providers', several in one table, of the file and of the environment."""
        file.write_text(
            "deadline = 'abc'\nworkers = 'x'\nlogg = 1\nlimits = 5\nplugins_dir = 'none'\n"
            "[argon2]\npases = 1\n[providers]\nmet = 5\n[providers.pexels]\ntimeout = 99\nenabld = true\nenabled = 5\n"
        )

        ended = here("config", "check", "--json", environ={"IMAGEVAULT_PRT": "1", "IMAGEVAULT_PORT": "x"})
        errors = {error["key"]: error["where"] for error in json.loads(ended.stdout)["errors"]}

        assert ended.returncode == 1
        assert errors == {
            "deadline": f"{file}, line 1",
            "workers": f"{file}, line 2",
            "logg": f"{file}, line 3",
            "limits": f"{file}, line 4",
            "plugins_dir": f"{file}, line 5",
            "argon2.pases": f"{file}, line 7",
            "providers.met": f"{file}, line 9",
            "providers.pexels.timeout": f"{file}, line 11",
            "providers.pexels.enabld": f"{file}, line 12",
            "providers.pexels.enabled": f"{file}, line 13",
            "IMAGEVAULT_PRT": "environment variable IMAGEVAULT_PRT",
            "port": "environment variable IMAGEVAULT_PORT",
        }

    def test_a_wrong_key_of_a_provider_holds_no_secret(self, here: Here, file: Path) -> None:
        """Not of the others that are wrong either."""
        file.write_text("[providers.pexels]\napi_key = 'hidden-27'\ntimeout = 99\npage_size = 'hidden-27'\n")

        ended = here("config", "check")

        assert ended.stdout.count(f"{file}, line ") == 2
        assert "hidden-27" not in ended.stdout + ended.stderr

    @pytest.mark.parametrize("environ", [{}, {"SECRET_KEY": "a secret of more than thirty-two bytes"}])
    def test_other_machines_without_a_secret(self, here: Here, file: Path, environ: dict[str, str]) -> None:
        """`serve` refuses that. The check leaves no secret behind."""
        file.write_text("# c\nhost = '192.0.2.1'\n")

        ended = here("config", "check", environ=environ)

        assert ended.returncode == (0 if environ else 1)
        must = f"{file}, line 2: secret_key: must be set to serve on 192.0.2.1; make one with: python3 "
        assert ended.stdout.startswith(must) is not bool(environ)
        assert not (file.parent / "imagevault-data").exists()

    def test_a_wrong_line_of_dotenv(self, here: Here, file: Path) -> None:
        (file.parent / ".env").write_text("A=1\nSECRET_KEY: hidden\n")

        ended = here("config", "check")

        assert ended.stdout == f"{file.parent}/.env, line 2: .env: must be NAME=value with every quote closed\n"
        assert ended.returncode == 1

    @pytest.mark.parametrize("password", ["hid@den", "hid@den:5", "hid:den", "hid%zden", "hid/den", "hid#den"])
    def test_a_password_that_is_not_percent_encoded(self, here: Here, file: Path, password: str) -> None:
        """In a database URL of the environment, of `.env` and of the file. No part of it is shown."""
        url = f"postgresql://vault:{password}@db.example/vault"
        shown = [here("config", "check", environ={"DATABASE_URL": url}).stdout]
        (file.parent / ".env").write_text(f"DATABASE_URL='{url}'\n")
        shown.append(here("config", "check").stdout)
        (file.parent / ".env").unlink()
        file.write_text(f"# c\ndatabase_url = '{url}'\n")
        ended = here("config", "check")

        assert ended.returncode == 1
        assert [text.partition(" with ")[0] for text in (*shown, ended.stdout)] == [
            f"{source}: database_url: must be postgresql://USER:PASSWORD@HOST:PORT/NAME"
            for source in ("environment variable DATABASE_URL", ".env variable DATABASE_URL", f"{file}, line 2")
        ]
        assert not re.search("hid|den|db.example", "".join(shown) + ended.stdout + ended.stderr)

    def test_notes_in_a_narrow_terminal(self, here: Here) -> None:
        """Lines break between words."""
        words = here("config", "check").stdout.split()
        narrow = here("config", "check", environ={"COLUMNS": "60"}).stdout

        assert narrow.split() == words
        assert max(len(line) for line in narrow.splitlines()) <= 60

    def test_a_database_of_several_hosts_is_good(self, here: Here) -> None:
        url = "postgresql://vault:hidden@h1:5432,h2:5432/vault?target_session_attrs=read-write"

        assert here("config", "check", environ={"DATABASE_URL": url}).returncode == 0

    def test_another_file(self, here: Here, file: Path) -> None:
        """A file that is not in force yet; the file in force does not matter."""
        file.write_text("port = 1")
        (file.parent / "new.toml").write_text("host = '::1'\nprt = 1")

        ended = here("config", "check", "new.toml")

        assert (ended.returncode, here("config", "check").returncode) == (1, 0)
        assert ended.stdout.startswith(f"{file.parent}/new.toml, line 2: prt: there is no such setting.")

    @pytest.mark.parametrize("name", ["no.toml", "."])
    def test_a_file_that_is_none(self, here: Here, name: str) -> None:
        """A wrong call."""
        ended = here("config", "check", name)

        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr.count("\n") == 1

    def test_in_a_process(self, cli: Cli, file: Path) -> None:
        """A mistake is a whole line in a narrow terminal; the notes follow."""
        file.write_text("[limits]\n\nrequest = '1/day'")

        ended = cli("config", "check", environ={"COLUMNS": "40"})

        assert (ended.returncode, ended.stderr) == (1, "")
        assert ended.stdout.startswith(
            f"{file}, line 3: limits.request: there is no such setting. Did you mean limits.requests?\nnote: "
        )

    @pytest.mark.parametrize(
        "text",
        ["port = 1\ndefault = [\n'local',\n", "port = 1\nhost = '''\n\n", "port = 1\nhost = '::1\nworkers = 2\n"],
    )
    def test_what_is_never_closed(self, here: Here, file: Path, text: str) -> None:
        """The error names a line that exists."""
        file.write_text(text)

        found = re.match(rf"{re.escape(str(file))}, line (\d+): imagevault.toml: ", here("config", "check").stdout)

        assert found is not None
        assert int(found[1]) in range(2, len(text.splitlines()) + 1)

    @pytest.mark.parametrize(
        ("text", "environ", "where", "key"),
        [
            ("", {"IMAGEVAULT_PORT": "x"}, "environment variable IMAGEVAULT_PORT", "port"),
            ("port = 1", {"IMAGEVAULT_PORT": "x"}, "environment variable IMAGEVAULT_PORT", "port"),
            ("", {"IMAGEVAULT_PRT": "x"}, "environment variable IMAGEVAULT_PRT", "IMAGEVAULT_PRT"),
            ("", {"IMAGEVAULT_DEFAULT": "x"}, "environment variable IMAGEVAULT_DEFAULT", "default"),
            ("default = 'local'", {"IMAGEVAULT_DEFAULT": "x"}, "environment variable IMAGEVAULT_DEFAULT", "default"),
            ("", {"PEXELS_TIMEOUT": "x"}, "environment variable PEXELS_TIMEOUT", "providers.pexels.timeout"),
            (
                "[providers.pexels]\ntimeout = 2",
                {"PEXELS_TIMEOUT": "x"},
                "environment variable PEXELS_TIMEOUT",
                "providers.pexels.timeout",
            ),
            (
                "[providers.pexels]\napi_key = 'hidden'",
                {"PEXELS_PAGE_SIZE": "99"},
                "environment variable PEXELS_PAGE_SIZE",
                "providers.pexels.page_size",
            ),
            (
                "[providers.pixabay]\napi_key = 'hidden'",
                {"PIXABAY_PAGE_SIZE": "2"},
                "environment variable PIXABAY_PAGE_SIZE",
                "providers.pixabay.page_size",
            ),
            (
                "port = 1",
                {"IMAGEVAULT_CONFIG": "no.toml"},
                "environment variable IMAGEVAULT_CONFIG",
                "IMAGEVAULT_CONFIG",
            ),
        ],
    )
    def test_a_wrong_variable(
        self, here: Here, file: Path, text: str, environ: dict[str, str], where: str, key: str
    ) -> None:
        """The error names the variable and not a line of the file without effect."""
        file.write_text(text)

        ended = here("config", "check", "--json", environ=environ)
        [error] = json.loads(ended.stdout)["errors"]

        assert ended.returncode == 1
        assert (error["where"], error["key"]) == (where, key)


class TestCheckAccepts:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "# nothing\n",
            "port = 81\n",
            "\ufeffport = 81\r\n[limits]\r\nrequests = '7/second'\r\n",
            "default = ['local']\nlimits.signup = '1/day'\n[providers.local]\nenabled = true\n",
            "[providers.pexels]\napi_key = '${PEXELS}$$'\nquota = ['5/hour', '7/day']\ncache_for = 0\npage_size = 80\n",
        ],
    )
    def test_a_good_file(self, here: Here, file: Path, text: str) -> None:
        file.write_bytes(text.encode())
        environ = {"PEXELS": "a-key", "PEXELS_API_KEY": "a-key"}

        ended = here("config", "check", environ=environ)
        answer = json.loads(here("config", "check", "--json", environ=environ).stdout)

        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout.splitlines()[-1] == f"{file}: valid"
        assert (answer["ok"], answer["errors"]) == (True, [])

    def test_no_file(self, here: Here) -> None:
        """The defaults are valid. The missing key of Pexels is a note and no error."""
        ended = here("config", "check")

        assert (ended.returncode, ended.stderr) == (0, "")
        *notes, last = ended.stdout.splitlines()
        assert "note: pexels: PEXELS_API_KEY is not set (or api_key in [providers.pexels])" in notes
        assert last == "no config file: the defaults and the environment: valid"


class TestNotes:
    """What a server accepts and an admin should know."""

    def notes(self, here: Here, environ: Mapping[str, str] | None = None) -> list[str]:
        """The notes, without those about missing keys of providers."""
        environ = {"PEXELS_API_KEY": "a-key", **(environ or {})}
        ended = here("config", "check", environ=environ)
        answer = json.loads(here("config", "check", "--json", environ=environ).stdout)
        assert (ended.returncode, answer["ok"]) == (0, True)
        shown = [line.removeprefix("note: ") for line in ended.stdout.splitlines() if line.startswith("note: ")]
        assert shown == answer["notes"]
        return [note for note in shown if "is not set (or " not in note]

    def test_shadowed_keys(self, here: Here, file: Path) -> None:
        """Keys of the file that the environment sets to another value. No value is shown."""
        file.write_text(
            "port = 81\nworkers = 2\nlimits.signup = '5/day'\n"
            "[providers.pexels]\ntimeout = 2\napi_key = 'hidden'\n[providers.local]\nenabled = false\n"
        )
        environ = {
            "IMAGEVAULT_PORT": "82",
            "IMAGEVAULT_WORKERS": "2",
            "IMAGEVAULT_LIMITS_SIGNUP": "6/day",
            "PEXELS_TIMEOUT": "3",
            "LOCAL_ENABLED": "true",
        }

        assert self.notes(here, environ) == [
            "port: shadowed by environment variable IMAGEVAULT_PORT",
            "limits.signup: shadowed by environment variable IMAGEVAULT_LIMITS_SIGNUP",
            "providers.pexels.timeout: shadowed by environment variable PEXELS_TIMEOUT",
            "providers.pexels.api_key: shadowed by environment variable PEXELS_API_KEY",
            "providers.local.enabled: shadowed by environment variable LOCAL_ENABLED",
        ]

    @pytest.mark.parametrize(
        ("text", "environ"),
        [
            ("port = 81", {"IMAGEVAULT_PORT": "81"}),
            ("draining = false", {"IMAGEVAULT_DRAINING": "false"}),
            ("default = ['local', 'pexels']", {"IMAGEVAULT_DEFAULT": "local,pexels"}),
            ("[providers.local]\nenabled = true", {"LOCAL_ENABLED": "true"}),
        ],
    )
    def test_the_same_value_is_no_news(self, here: Here, file: Path, text: str, environ: dict[str, str]) -> None:
        """Booleans and lists are compared too."""
        file.write_text(text)

        assert self.notes(here, environ) == []

    def test_shadowed_by_dotenv(self, here: Here, file: Path) -> None:
        file.write_text("port = 81")
        (file.parent / ".env").write_text("IMAGEVAULT_PORT=82")

        assert self.notes(here) == ["port: shadowed by .env variable IMAGEVAULT_PORT"]

    def test_providers_that_lack_a_setting(self, here: Here) -> None:
        """The note names the variable and the key; a provider that has its key gets no note."""
        note = "note: pexels: PEXELS_API_KEY is not set (or api_key in [providers.pexels])"

        without, given = (here("config", "check", environ={"PEXELS_API_KEY": key}) for key in ("", "a-key"))

        assert note in without.stdout.splitlines()
        assert "pexels" not in given.stdout

    def test_unknown_providers(self, here: Here, file: Path) -> None:
        """Suggests the most similar name; the other providers of the list serve."""
        file.write_text("default = ['locl', 'local']\n[providers.pexel]\napi_key = 'hidden'\n")

        assert self.notes(here) == [
            "[providers.pexel]: there is no such provider. Did you mean pexels?",
            "default: there is no provider locl. Did you mean local?",
        ]


class TestPipe:
    def test_a_pipe_is_no_config(self, here: Here, file: Path) -> None:
        """A server would wait until somebody writes to it."""
        os.mkfifo(file)

        ended = here("config", "check")

        assert (ended.returncode, ended.stdout) == (
            1,
            f"{file}: imagevault.toml: cannot be read: it is a pipe; use a regular file\n",
        )
