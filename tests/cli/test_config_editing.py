"""`imagevault providers enable` and `disable`: edits of the config file that keep the rest of it."""

import json
import os
import re
import resource
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imagevault.config.settings import load

FILES = {
    "empty": "",
    "a comment": "# c\n",
    "no line end": "port = 1",
    "a table": "# a\n[providers.local] # b\n# c\nfolder = 'x' # d\n\n[limits] # e\nrequests = '1/minute'\n",
    "it is there": "[providers.local] # a\nenabled = true # b\n# c\ntimeout = 2\n",
    "it is wrong": "[providers.local]\nenabled = false # a\n",
    "dotted": "# a\nproviders.local.folder = 'x' # b\nport = 80 # c\n[limits]\nrequests = '1/minute'\n",
    "dotted in a table": "[providers] # a\nlocal.enabled = true # b\npexels.timeout = 1 # c\n",
    "dotted, another": "port = 80 # a\nproviders.pexels.timeout = 2 # b\n",
    "inline": "providers = { local = { folder = 'x' } } # a\nport = 3 # b\n",
    "inline in a table": "[providers] # a\nlocal = { folder = 'x' } # b\n[limits] # c\n",
    "inline, another": "providers = { pexels = { timeout = 2 } } # a\nport = 3 # b\n",
    "inline, empty": "providers = {} # a\nport = 3 # b\n",
    "out of order": "[providers.pexels] # a\ntimeout = 1\n[limits]\n# b\n[providers.openverse]\n# c\ntimeout = 2\n",
    "out of order, itself": "[providers.pexels] # a\n[limits] # b\n[providers.local]\n# c\nx = 2\n[argon2]\n# d\n",
    "an empty table": "[providers] # a\n\n[limits] # b\n",
    "several lines": "default = [ # a\n 'local', # b\n]\n[providers.local]\nfolder = '''\n# x\n''' # c\n",
    "in quotes": "[\"providers\".'local'] # a\n'timeout' = 2 # b\n",
    "variables": "[providers.pexels]\napi_key = '${KEY}$$' # a\n",
    "at the end": "[limits]\nsignup = '1/day'\n# a\n\n# b\n",
}
Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Here = Callable[..., Any]


def comments(text: str) -> list[str]:
    """The comments of a file, in their order."""
    return re.findall(r"# \w$", text, re.MULTILINE)


class TestSetEnabled:
    """`imagevault providers enable` and `disable`."""

    def test_there_and_back(self, here: Here, file: Path) -> None:
        """Disabling and enabling a provider changes nothing but the value."""
        text = here("config", "example").stdout
        file.write_text(text)

        here("providers", "disable", "pexels")
        off = load({}, file.parent).providers
        here("providers", "enable", "pexels")

        assert (off["pexels"], load({}, file.parent).providers["pexels"]) == ({"enabled": False}, {"enabled": True})
        added = file.read_text().splitlines()
        added.remove("enabled = true")
        assert [line for line in added if line] == [line for line in text.splitlines() if line]

    def test_is_in_force(self, here: Here, file: Path) -> None:
        """As the provider list then shows."""
        file.write_text("[providers.local]\nenabled = true\n")

        switched = here("providers", "disable", "local")
        listed = json.loads(here("providers", "--json").stdout)["providers"]

        assert (switched.returncode, switched.stdout) == (0, "")
        assert switched.stderr == f"local is disabled in {file}\n"
        assert {provider["name"]: provider["state"] for provider in listed}["local"] == "disabled"

    def test_makes_the_file(self, here: Here, file: Path) -> None:
        """Only its owner may read it, because it may later hold keys."""
        former = os.umask(0)
        try:
            ended = here("providers", "disable", "local")
        finally:
            os.umask(former)

        assert (ended.returncode, file.stat().st_mode & 0o777) == (0, 0o600)
        assert tomllib.loads(file.read_text()) == {"providers": {"local": {"enabled": False}}}

    @pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o666])
    def test_keeps_the_rights(self, here: Here, file: Path, mode: int) -> None:
        """With any umask."""
        file.write_text("port = 1")
        file.chmod(mode)
        former = os.umask(0o077)
        try:
            here("providers", "disable", "local")
        finally:
            os.umask(former)

        assert file.stat().st_mode & 0o777 == mode
        assert "enabled = false" in file.read_text()

    @pytest.mark.processes
    def test_of_two_at_once_none_is_lost(self, tmp_path: Path, file: Path) -> None:
        """Each command edits the result of the one before."""
        names = ["local", "pexels", "met", "nasa", "artic", "openverse"]
        file.write_text("")
        command = [sys.executable, "-m", "imagevault", "providers", "disable"]
        running = [subprocess.Popen([*command, name], cwd=tmp_path, stderr=subprocess.DEVNULL) for name in names]

        assert [process.wait(60) for process in running] == [0] * len(names)
        assert set(tomllib.loads(file.read_text())["providers"]) == set(names)
        assert os.listdir(tmp_path) == [file.name]  # noqa: PTH208  hidden files too

    def test_keeps_links(self, here: Here, file: Path) -> None:
        """The target of the link is changed in its place."""
        target = file.parent / "etc" / "real.toml"
        target.parent.mkdir()
        target.write_text("port = 1 # a\n")
        (file.parent / "link.toml").symlink_to("etc/real.toml")
        file.symlink_to("link.toml")

        ended = here("providers", "disable", "local")

        assert ended == (0, "", f"local is disabled in {file}\n")
        assert file.readlink() == Path("link.toml")
        assert (file.parent / "link.toml").readlink() == Path("etc/real.toml")
        assert "port = 1 # a\n" in target.read_text()
        assert "enabled = false" in target.read_text()
        assert os.listdir(target.parent) == ["real.toml"]  # noqa: PTH208

    def test_the_file_that_the_environment_names(self, here: Here, file: Path) -> None:
        other = file.parent / "other.toml"
        other.write_text("port = 1\n")

        ended = here("providers", "disable", "local", environ={"IMAGEVAULT_CONFIG": "other.toml"})

        assert ended == (0, "", f"local is disabled in {other}\n")
        assert not file.exists()

    @pytest.mark.parametrize(
        ("name", "environ", "text", "reason"),
        [
            (
                "pexel",
                {},
                "port = 1",
                "provider: there is no provider pexel. Did you mean pexels? There are: ",
            ),
            ("xyzzy", {}, "port = 1", "provider: there is no provider xyzzy. There are: "),
            ("Local", {}, "port = 1", "provider: there is no provider Local. Did you mean local?"),
            (
                "local",
                {"LOCAL_ENABLED": "true"},
                "port = 1",
                "environment variable LOCAL_ENABLED decides whether local",
            ),
            ("local", {}, "port = 0", "port: must be a whole number"),
            ("local", {}, "port = ", "imagevault.toml: is not valid TOML"),
            ("local", {}, "[[providers.local]]", "providers.local: must be a table"),
            ("local", {}, "[providers.pexels]\napi_key = '${NO}'", "providers.pexels.api_key: ${NO} names an"),
        ],
    )
    @pytest.mark.parametrize("word", ["disable", "enable"])
    def test_refuses(
        self, here: Here, file: Path, word: str, name: str, environ: dict[str, str], text: str, reason: str
    ) -> None:
        """In one line; the file stays unchanged."""
        file.write_text(text)

        ended = here("providers", word, name, environ=environ)

        assert (ended.returncode, ended.stdout) == (2 if reason.startswith("provider: ") else 1, "")
        assert ended.stderr.startswith(f"imagevault: {reason}")
        assert ended.stderr.count("\n") == 1
        assert file.read_text() == text
        assert os.listdir(file.parent) == [file.name]  # noqa: PTH208

    def test_refuses_where_dotenv_decides(self, here: Here, file: Path) -> None:
        (file.parent / ".env").write_text("LOCAL_ENABLED=true\n")

        ended = here("providers", "disable", "local")

        assert ended.returncode == 1
        assert ended.stderr == (
            "imagevault: .env variable LOCAL_ENABLED decides whether local is enabled; change or remove it\n"
        )
        assert not file.exists()

    def test_a_full_disk_costs_nothing(self, cli: Cli, file: Path) -> None:
        """The file stays unchanged, and no draft and no lock file are left beside it."""
        text = f"port = 81 # a\n# {'x' * 5000}\n"
        file.write_text(text)

        def fill() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

        environ = {"PYTHONDONTWRITEBYTECODE": "1"}
        ended = cli("providers", "disable", "local", environ=environ, preexec_fn=fill)

        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr == f"imagevault: {file} cannot be changed: File too large\n"
        assert file.read_text() == text
        assert os.listdir(file.parent) == [file.name]  # noqa: PTH208

    def test_a_folder_that_is_not_there(self, here: Here, file: Path) -> None:
        """A broken link is an error of one line, which names the file."""
        file.symlink_to("no/folder.toml")

        ended = here("providers", "disable", "local")

        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr == f"imagevault: {file} cannot be changed: No such file or directory\n"
        assert file.is_symlink()

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_folder_that_may_not_be_written(self, here: Here, file: Path) -> None:
        """The error names the config file, and not the lock that could not be made beside it."""
        file.write_text("port = 81\n")
        file.parent.chmod(0o555)

        ended = here("providers", "disable", "local")

        file.parent.chmod(0o755)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr == (
            f"imagevault: {file} cannot be changed: Permission denied; run the command as a user who may write to the "
            f"folder {file.parent}\n"
        )

    def test_a_call_without_a_name(self, here: Here) -> None:
        ended = here("providers", "disable")

        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr == "imagevault: Missing argument 'NAME'. See imagevault providers disable --help.\n"

    @pytest.mark.parametrize("word", ["disable", "enable"])
    @pytest.mark.parametrize("name", FILES)
    def test_sets_that_key_and_nothing_else(self, here: Here, file: Path, name: str, word: str) -> None:
        """In every form that TOML allows. Comments and the order of the lines stay."""
        file.write_text(FILES[name])
        expected = tomllib.loads(FILES[name])
        expected.setdefault("providers", {}).setdefault("local", {})["enabled"] = word == "enable"

        ended = here("providers", word, "local", environ={"KEY": "k"})
        text = file.read_text()

        said = f"local is {word}d in {file}\n"
        assert ended == (0, "", said)
        assert tomllib.loads(text) == expected
        assert comments(text) == comments(FILES[name])
        kept = [line for line in FILES[name].splitlines() if "enabled" not in line and "inline" not in name and line]
        found = iter(text.splitlines())
        assert [line for line in kept if line not in found] == []
        assert os.listdir(file.parent) == [file.name]  # noqa: PTH208  hidden files too

    def test_a_comment_about_the_next_table_stays_with_it(self, here: Here, file: Path) -> None:
        """The new line belongs to its own table."""
        file.write_text("[providers.local]\ntimeout = 2\n\n# about limits\n[limits]\nsignup = '1/day'\n")

        here("providers", "disable", "local")

        assert "# about limits\n[limits]" in file.read_text()

    @pytest.mark.parametrize(
        "text", [b"# a\r\nport = 80\r\n[providers.local]\r\ntimeout = 2\r\n", b"\xef\xbb\xbf# a\nport = 80\n"]
    )
    def test_line_ends_and_mark_of_windows_stay(self, here: Here, file: Path, text: bytes) -> None:
        """Otherwise version control would show every line as changed."""
        file.write_bytes(text)

        assert here("providers", "disable", "local").returncode == 0
        found = file.read_bytes()

        assert found.startswith(text.splitlines()[0])
        assert found.count(b"\r\n") == (found.count(b"\n") if b"\r" in text else 0)
