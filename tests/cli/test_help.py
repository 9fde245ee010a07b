"""`--help` and `--version`."""

import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import click
import pytest

from imagevault.cli.group import cli as command

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Here = Callable[..., Any]


def commands(group: click.Command, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command, including the groups."""
    found = [words]
    for name, inner in getattr(group, "commands", {}).items():
        found += commands(inner, (*words, name))
    return found


EVERY = [" ".join(words) for words in commands(command)]


class TestHelp:
    def test_version(self, cli: Cli) -> None:
        ended = cli("--version")

        assert (ended.returncode, ended.stdout, ended.stderr) == (
            0,
            f"imagevault, version {version('imagevault')}\n",
            "",
        )

    @pytest.mark.processes
    def test_needs_no_heavy_package(self) -> None:
        """A fresh interpreter loads the command line without the packages that only some commands need."""
        heavy = {"PIL", "aiosqlite", "asyncpg", "filelock", "httpx", "litestar", "piccolo", "tomlkit", "uvicorn"}
        code = "import sys, imagevault.cli; print(*{module.split('.')[0] for module in sys.modules})"

        printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

        assert heavy & set(printed.split()) == set()

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

    def test_all_are_known(self) -> None:
        """The tests below run for every command."""
        assert {"config check", "config example", "config show", "download", "downloads", "migrate"} <= set(EVERY)
        assert {"providers enable", "providers disable", "users promote", "users demote"} <= set(EVERY)

    @pytest.mark.parametrize("words", EVERY)
    def test_works_and_names_every_option(self, here: Here, words: str) -> None:
        ended = here(*words.split(), "--help")

        assert (ended.returncode, ended.stderr) == (0, "")
        assert f"Usage: imagevault {words}".strip() in ended.stdout
        assert "--help" in ended.stdout

    @pytest.mark.parametrize("words", [words for words in EVERY if words not in {"", "config", "users"}])
    def test_shows_an_example(self, here: Here, words: str) -> None:
        """A complete command; groups show examples of their commands."""
        shown = here(*words.split(), "--help").stdout.partition("Usage: ")[2].partition("\n")[2]

        assert f"imagevault {words}" in " ".join(re.sub("[│╭╮╰╯─]", " ", shown).split())

    @pytest.mark.parametrize("words", EVERY)
    def test_says_what_each_option_does(self, words: str) -> None:
        """In a sentence for who does not know the code: not one word, nor the name of the option again."""
        found: click.Command = command
        for word in words.split():
            assert isinstance(found, click.Group)
            found = found.commands[word]

        for option in found.params:
            if isinstance(option, click.Option):
                help = option.help or ""
                assert len(help.split()) >= 5, option.name
                assert re.match(r"[A-Z].*\.$", help, re.DOTALL), option.name
                assert "`" not in help, option.name  # which a terminal shows as it is
        assert len((found.help or "").partition(":")[0].split()) >= 3

    @pytest.mark.parametrize("words", ["config", "users", "providers"])
    def test_of_a_group_lists_its_commands(self, here: Here, words: str) -> None:
        inner = [inner.split()[1] for inner in EVERY if inner.startswith(f"{words} ")]
        shown = here(words, "--help").stdout

        assert all(re.search(rf"(?m)^│ {name} ", shown) for name in inner)
