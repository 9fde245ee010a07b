"""The examples work as published packages: installed with ImageVault, without anything else of this checkout."""

import ast
import json
import runpy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import imagevault

EXAMPLES = Path(__file__).parents[2] / "examples"
HERBARIUM = EXAMPLES / "imagevault-herbarium"


@pytest.fixture(scope="module")
def herbarium(installed: Any) -> Any:
    """The environment with the example installed."""
    installed.install(HERBARIUM)
    return installed


@pytest.fixture
def api() -> Iterator[Any]:
    """The herbarium's API on loopback, simulated as in the example's own tests."""
    with runpy.run_path(str(HERBARIUM / "tests" / "simulated_herbarium.py"))["Simulated"]() as api:
        yield api


@pytest.fixture
def environ(api: Any) -> dict[str, str]:
    return {"HERBARIUM_API_KEY": "test-key", "HERBARIUM_BASE_URL": api.url}


def search(installed: Any, folder: Path, environ: Mapping[str, str], *arguments: str) -> Any:
    """The output of `imagevault search ... -p herbarium --json`."""
    command = ("-m", "imagevault", "search", *arguments, "-p", "herbarium", "--json")
    return json.loads(installed.run(folder, *command, environ=environ).stdout)


@pytest.mark.soak
def test_its_own_tests_pass(herbarium: Any) -> None:
    ended = herbarium.run(
        herbarium.folder / HERBARIUM.name, "-m", "pytest", "-q", environ={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    )

    assert ended.returncode == 0, ended.stdout
    assert "skipped" not in ended.stdout


def test_it_is_found_by_its_entry_point(herbarium: Any, tmp_path: Path) -> None:
    """It is listed with its own version. Without a key, the reason names the variable to set."""
    rows = json.loads(herbarium.run(tmp_path, "-m", "imagevault", "providers", "--json").stdout)["providers"]

    [row] = [row for row in rows if row["name"] == "herbarium"]
    assert (row["state"], row["title"], row["source"]) == (
        "unconfigured",
        "Open Herbarium",
        "imagevault-herbarium 1.2.0",
    )
    assert row["reason"].startswith("HERBARIUM_API_KEY is not set")


def test_it_is_searched(herbarium: Any, api: Any, environ: dict[str, str], tmp_path: Path) -> None:
    """Each picture has its own licence and credit. Pictures that are not free are left out."""
    answer = search(herbarium, tmp_path, environ, "poppy", "-n", "20")

    images = answer["images"]
    assert [image["id"] for image in images][:4] == [f"herbarium:HB/1897/{number}" for number in (1, 2, 4, 5)]
    assert len(images) == 20
    assert {image["license"]["id"] for image in images} == {"cc0-1.0", "cc-by-4.0", "cc-by-nc-4.0"}
    assert images[0]["attribution"]["text"] == (
        "Papaver rhoeas L., sheet 1, collected by E. Fennel, Open Herbarium (CC BY 4.0)"
    )
    assert answer["providers"][0]["status"] == "ok"
    assert len(api.calls) == 1


def test_a_wrong_key_is_reported(herbarium: Any, environ: dict[str, str], tmp_path: Path) -> None:
    """Its upstream reports a wrong key with status 200."""
    answer = search(herbarium, tmp_path, {**environ, "HERBARIUM_API_KEY": "a-wrong-key"}, "poppy")

    assert [provider["status"] for provider in answer["providers"]] == ["unauthorized"]


@pytest.mark.parametrize("folder", [path.name for path in sorted(EXAMPLES.iterdir()) if path.is_dir()])
def test_an_example_imports_only_what_a_plugin_may(folder: str) -> None:
    """From ImageVault it imports the public names, and in its tests the testing kit."""
    for path in sorted((EXAMPLES / folder).rglob("*.py")):
        nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        for node in nodes:
            module = str(node.module)
            if module == "imagevault":
                assert {alias.name for alias in node.names} <= set(imagevault.__all__), path.name
            elif module.startswith("imagevault."):
                assert module.startswith("imagevault.testing"), f"{path.name}: {module}"
                assert path.parent.name == "tests", f"{path.name}: {module}"
