"""`imagevault providers new`: what it writes is a provider that works before a line of it is changed."""

import json
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from imagevault.config.settings import load
from imagevault.errors import BadInput, ImageVaultError
from imagevault.plugins import scaffold
from imagevault.plugins.registry import PluginRegistry

NAMES = ("acme", "x", "tide-pool", "a__b", "n" * 32, "type", "x9")


class TestNames:
    @pytest.mark.parametrize("name", NAMES)
    def test_a_name_that_plugins_take_is_taken(self, name: str, tmp_path: Path) -> None:
        """And the project's module is a provider of that name."""
        module = scaffold.write(name, tmp_path / "projects")[0]
        (tmp_path / "plugins").mkdir()
        module.rename(tmp_path / "plugins" / f"{name}.py")

        plugins = PluginRegistry.load(load({"IMAGEVAULT_PLUGINS_DIR": "plugins"}, tmp_path))

        assert plugins.failures == []
        assert plugins.providers[name].state == "unconfigured"

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("", "lowercase letter"),
            ("Acme", "lowercase letter"),
            ("9lives", "lowercase letter"),
            ("red fox", "lowercase letter"),
            ("../acme", "lowercase letter"),
            ("äpfel", "lowercase letter"),
            ("acme\n", "lowercase letter"),
            ("n" * 33, "lowercase letter"),
            ("acme-", "the last not - or _"),
            ("all", "a meaning of its own"),
            ("pexels", "already a provider pexels"),
            ("migrations", "already a module imagevault_migrations"),
            ("imagevault-acme", "must not begin with imagevault"),
        ],
    )
    def test_another_is_refused_with_what_would_be_right(self, name: str, message: str, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match=message) as refused:
            scaffold.write(name, tmp_path)

        assert refused.value.field == "name"
        assert list(tmp_path.iterdir()) == []


class TestFolder:
    def test_is_made_with_those_above_it(self, tmp_path: Path) -> None:
        """Every file that is answered is there, and nothing else."""
        files = scaffold.write("acme", tmp_path / "work" / "plugins")

        project = tmp_path / "work" / "plugins" / "imagevault-acme"
        assert {path for path in project.rglob("*") if path.is_file()} == set(files)
        assert files[0] == project / "imagevault_acme.py"

    def test_may_be_there_if_it_is_empty(self, tmp_path: Path) -> None:
        (tmp_path / "imagevault-acme").mkdir()

        assert scaffold.write("acme", tmp_path)

    def test_is_left_alone_if_it_is_not(self, tmp_path: Path) -> None:
        """A second call overwrites nothing."""
        changed = scaffold.write("acme", tmp_path)[0]
        changed.write_text("my own work")

        with pytest.raises(ImageVaultError, match="imagevault-acme is not empty; nothing was written"):
            scaffold.write("acme", tmp_path)
        assert changed.read_text() == "my own work"

    def test_is_not_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "imagevault-acme").touch()
        (tmp_path / "file").touch()

        with pytest.raises(ImageVaultError, match="imagevault-acme exists and is not a folder"):
            scaffold.write("acme", tmp_path)
        with pytest.raises(ImageVaultError, match=r"cannot be written: Not a directory"):
            scaffold.write("acme", tmp_path / "file")


class TestCommand:
    def test_writes_the_project_and_says_how_to_try_it(self, cli: Any, tmp_path: Path) -> None:
        done = cli("providers", "new", "acme", "--in", "work")

        assert done.returncode == 0
        files = [tmp_path / line for line in done.stdout.splitlines()]
        assert len(files) == 6
        assert all(path.is_file() for path in files)
        assert "cd work/imagevault-acme && python -m pytest" in done.stderr

    def test_refuses_what_will_not_do(self, cli: Any) -> None:
        """A bad name as bad input, a folder in use as what failed; each in one line."""
        bad, _, again = (
            cli("providers", "new", "Acme"),
            cli("providers", "new", "acme"),
            cli("providers", "new", "acme"),
        )

        assert (bad.returncode, again.returncode) == (2, 1)
        assert bad.stderr.startswith("imagevault: name: must be a lowercase letter")
        assert again.stderr == "imagevault: imagevault-acme is not empty; nothing was written\n"


class TestText:
    @pytest.mark.parametrize("name", NAMES)
    def test_is_filled_in(self, name: str, tmp_path: Path) -> None:
        """No placeholder is left, and the entry point leads to the module."""
        files = {path.name: path.read_text() for path in scaffold.write(name, tmp_path)}
        project = tomllib.loads(files["pyproject.toml"])

        assert not any(re.search(r"\$\{?[a-z]", text) for text in files.values())
        assert project["project"]["name"] == f"imagevault-{name}"
        assert list(project["project"]["entry-points"]["imagevault"]) == [name]
        [module] = project["project"]["entry-points"]["imagevault"].values()
        assert f"{module}.py" in files
        assert project["tool"]["setuptools"]["py-modules"] == [module]

    @pytest.mark.processes
    def test_is_as_ruff_would_write_it(self, tmp_path: Path) -> None:
        scaffold.write("acme", tmp_path)
        ruff = [sys.executable, "-m", "ruff"]

        for command in (["format", "--check", "--line-length", "120"], ["check", "--extend-select", "I,UP"]):
            ended = subprocess.run(
                [*ruff, *command, "--no-cache", "."],
                cwd=tmp_path / "imagevault-acme",
                capture_output=True,
                text=True,
                check=False,
            )
            assert ended.returncode == 0, ended.stdout


@pytest.fixture(scope="module")
def project(installed: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new project, installed as it was written, beside ImageVault and nothing of this checkout."""
    folder: Path = scaffold.write("tide-pool", tmp_path_factory.mktemp("projects"))[0].parent
    installed.install(folder)
    return folder


@pytest.mark.soak
class TestInstalled:
    def test_its_own_tests_pass(self, installed: Any, project: Path, tmp_path: Path) -> None:
        """The whole contract among them, and none is skipped."""
        ended = installed.run(project, "-m", "pytest", "-q", environ={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})

        assert ended.returncode == 0, ended.stdout
        assert re.search(r"^[0-9]{2} passed in", ended.stdout, re.MULTILINE), ended.stdout

    def test_it_is_listed_with_the_key_that_it_needs(self, installed: Any, project: Path, tmp_path: Path) -> None:
        ended = installed.run(tmp_path, "-m", "imagevault", "providers", "--json")

        [row] = [row for row in json.loads(ended.stdout)["providers"] if row["name"] == "tide-pool"]
        assert (row["state"], row["title"], row["source"]) == (
            "unconfigured", "Tide Pool", "imagevault-tide-pool 0.1.0",
        )  # fmt: skip
        assert row["reason"].startswith("TIDE_POOL_API_KEY is not set")

    def test_it_is_searched(self, installed: Any, project: Path, tmp_path: Path) -> None:
        """Its simulation answers over HTTP, as the real API would."""
        with runpy.run_path(str(project / "tests" / "simulated_tide_pool.py"))["Simulated"]() as api:
            environ = {"TIDE_POOL_API_KEY": "test-key", "TIDE_POOL_BASE_URL": api.url}
            search = ("-m", "imagevault", "search", "red", "fox", "-p", "tide-pool", "--json")
            ended = installed.run(tmp_path, *search, environ=environ)

        assert ended.returncode == 0, ended.stderr
        answer = json.loads(ended.stdout)
        assert [image["id"] for image in answer["images"]] == [f"tide-pool:{number}" for number in range(1, 11)]
        assert answer["images"][0]["attribution"]["text"] == "Photo by Ada Example on Tide Pool"
        assert [(provider["name"], provider["status"], provider["total"]) for provider in answer["providers"]] == [
            ("tide-pool", "ok", 120)
        ]
        assert [call.query["q"] for call in api.calls] == ["red fox"]
