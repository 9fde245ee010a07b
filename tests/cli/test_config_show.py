"""`imagevault config show`: the settings in force, and where each comes from."""

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from imagevault.config.settings import keys

SECRET = "a test secret of more than thirty-two bytes"
Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Here = Callable[..., Any]


class TestShow:
    TEXT = f"""
secret_key_previous = "{SECRET} hidden"
database_url = "postgresql://ada:hidden-password@db.example/vault"
port = 81
default = ["local", "pexels"]
[limits]
signup = "7/day"
[providers.openverse]
client_id = "hidden-id"
client_secret = "hidden-secret"
[providers.pexels]
api_key = "hidden-key"
timeout = 2.5
quota = ["5/hour"]
"""
    ENVIRON = {"SECRET_KEY": f"hidden {SECRET}", "IMAGEVAULT_WORKERS": "3", "PEXELS_TIMEOUT": "2"}

    def rows(self, here: Here, environ: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        answer = json.loads(here("config", "show", "--json", environ=environ).stdout)
        return {row["key"]: (row["value"], row["source"]) for row in answer["settings"]}

    def test_no_secret(self, here: Here, file: Path) -> None:
        """Neither as text nor as JSON. Both show that a secret is set, and where."""
        file.write_text(self.TEXT)
        (file.parent / ".env").write_text("OPENVERSE_CLIENT_SECRET=hidden-too\n")

        shown = [here("config", "show", *more, environ=self.ENVIRON) for more in ([], ["--json"])]
        rows = self.rows(here, self.ENVIRON)

        for ended in shown:
            assert (ended.returncode, ended.stderr) == (0, "")
            assert "hidden" not in ended.stdout
            assert SECRET not in ended.stdout
        masked = {key: source for key, (value, source) in rows.items() if value == "***"}
        assert {key: source.removeprefix(str(file)) for key, source in masked.items()} == {
            "secret_key": "environment variable SECRET_KEY",
            "secret_key_previous": ", line 2",
            "database_url": ", line 3",
            "providers.openverse.client_id": ", line 9",
            "providers.openverse.client_secret": ".env variable OPENVERSE_CLIENT_SECRET",
            "providers.pexels.api_key": ", line 12",
        }

    def test_no_secret_whose_key_is_misspelt(self, here: Here, file: Path) -> None:
        """A misspelt key may hold a secret."""
        file.write_text("[providers.pexels]\napi_kee = 'hidden-kee'\n[providers.pexel]\napi_key = 'hidden-key'\n")

        for more in ([], ["--json"]):
            assert "hidden" not in here("config", "show", *more).stdout

    def test_the_source_of_every_value(self, here: Here, file: Path) -> None:
        """The environment over `.env` over the line of the file over the default."""
        file.write_text(self.TEXT)
        (file.parent / ".env").write_text("IMAGEVAULT_WORKERS=2\nIMAGEVAULT_DEADLINE=3\n")

        rows = self.rows(here, self.ENVIRON)

        assert {key for key, _ in keys()} <= set(rows)
        assert {
            key: rows[key] for key in ("port", "default", "draining", "limits.signup", "limits.requests", "host")
        } == {
            "port": ("81", f"{file}, line 4"),
            "default": ("local, pexels", f"{file}, line 5"),
            "draining": ("false", "default"),
            "limits.signup": ("7/day", f"{file}, line 7"),
            "limits.requests": ("600/minute", "default"),
            "host": ("127.0.0.1", "default"),
        }
        assert rows["workers"] == ("3", "environment variable IMAGEVAULT_WORKERS")
        assert rows["deadline"] == ("3.0", ".env variable IMAGEVAULT_DEADLINE")
        assert rows["providers.pexels.timeout"] == ("2", "environment variable PEXELS_TIMEOUT")
        assert rows["providers.pexels.quota"] == ("5/hour", f"{file}, line 14")

    def test_as_text(self, here: Here, file: Path) -> None:
        """The same rows: key, value, from."""
        file.write_text("deadline = 3\n")

        lines = here("config", "show", environ={"IMAGEVAULT_WORKERS": "3"}).stdout.splitlines()
        rows = {line.split()[0]: line.split()[1:] for line in lines}

        assert rows["key"] == ["value", "from"]
        assert rows["workers"] == ["3", "environment", "variable", "IMAGEVAULT_WORKERS"]
        assert rows["deadline"] == ["3.0", f"{file},", "line", "1"]
        assert rows["log"] == ["console", "default"]
        assert rows["secret_key"] == ["default"]

    def test_a_wrong_file_is_an_error(self, here: Here, file: Path) -> None:
        file.write_text("prt = 1")

        ended = here("config", "show")

        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith("imagevault: prt: there is no such setting. Did you mean port?")
        assert ended.stderr.count("\n") == 1
