"""`imagevault providers`: the provider list."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BROKEN_PLUGIN = "import no_such_module"
Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Here = Callable[..., Any]


class TestProviders:
    def test_as_text(self, here: Here, tmp_path: Path, plugins: Any) -> None:
        """Every provider with its state and the reason. A plugin that failed is no error of the command."""
        (tmp_path / "imagevault.toml").write_text("[providers.pexel]\nenabled = true\n[providers.local]\nenabled=false")

        ended = here("providers", environ=plugins(acme=BROKEN_PLUGIN))
        lines = [line.split() for line in ended.stdout.splitlines()[1:] if not line.startswith("  ")]  # not what wraps
        rows = {cells[0]: cells[1] for cells in lines}
        sources = [line for line in ended.stdout.splitlines() if "imagevault " in line]

        assert ended.returncode == 0
        assert {"acme": "not", "local": "disabled", "pexels": "unconfigured"}.items() <= rows.items()
        assert "ModuleNotFoundError: No module named 'no_such_module' (acme.py, line 1)" in ended.stdout
        assert sources == []  # of the included providers
        assert str(tmp_path / "plugins" / "acme.py") in ended.stdout
        assert ended.stderr.splitlines()[-1] == (
            "config: [providers.pexel]: there is no such provider. Did you mean pexels?"
        )

    def test_show_says_why_a_plugin_is_not_loaded(self, here: Here, plugins: Any) -> None:
        ended = here("providers", "show", "acme", environ=plugins(acme=BROKEN_PLUGIN))

        assert ended.returncode == 2
        assert "the plugin of acme could not be loaded: ModuleNotFoundError" in " ".join(ended.stderr.split())

    @pytest.mark.parametrize("width", [60, 80, 120])
    def test_in_a_narrow_terminal(self, here: Here, tmp_path: Path, width: int) -> None:
        """Lines break between words, in the table and in the problems below it."""
        (tmp_path / "imagevault.toml").write_text("[providers.pexel]\nenabled = true\n")
        whole = here("providers")
        narrow = here("providers", environ={"COLUMNS": str(width)})

        lines = [*narrow.stdout.splitlines(), *narrow.stderr.splitlines()]
        assert max(map(len, lines)) <= width
        assert set(whole.stdout.split()) - {"problem"} <= set(narrow.stdout.split())
        assert narrow.stderr.split() == whole.stderr.split()

    def test_as_json(self, here: Here, tmp_path: Path, plugins: Any) -> None:
        environ = {**plugins(acme=BROKEN_PLUGIN), "IMAGEVAULT_DEFAULT": "locl,local", "PEXELS_API_KEY": "k"}

        ended = here("providers", "--json", environ=environ)
        answer = json.loads(ended.stdout)

        assert ended.returncode == 0
        assert {provider["name"]: provider["state"] for provider in answer["providers"]}.items() >= {
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
