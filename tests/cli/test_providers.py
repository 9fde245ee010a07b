"""`imagevault providers`: the provider list."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

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

        assert ended.returncode == 0
        assert {"acme": "not", "local": "disabled", "pexels": "unconfigured"}.items() <= rows.items()
        assert "ModuleNotFoundError: No module named 'no_such_module' (acme.py, line 1)" in ended.stdout
        assert ended.stderr.splitlines()[-1] == (
            "config: [providers.pexel]: there is no such provider. Did you mean pexels?"
        )

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
