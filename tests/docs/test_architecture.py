"""docs/architecture.md is true: the files it names exist, and its import order is the one that the tests enforce."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
TREE = re.compile(r"^  (\w+)/ {2,}((?:\w+\.?\w*[^\n]*\n(?: {20,}[^\n]*\n)*))", re.MULTILINE)


def section(title: str) -> str:
    found = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    assert found, f"the page has no section {title}"
    return found


def tree() -> dict[str, list[str]]:
    """The packages of the tree with the words that the page lists for each."""
    return {
        package: re.findall(r"[a-z0-9_]+/?", re.sub(r"\([^)]*\)", "", text))
        for package, text in TREE.findall(section("The tree"))
    }


def quoted() -> list[str]:
    """The paths in backquotes that name a file or a folder of the repository."""
    return sorted(
        {
            path
            for path in re.findall(r"`([\w.-]+(?:/[\w.-]+)*/?)`", PAGE)
            if path.startswith(("imagevault/", "providers/", "tests/", "piccolo_migrations"))
        }
    )


def drawn() -> list[str]:
    """The paths in the two pictures: a folder ends a line or stands before its files."""
    found: list[str] = []
    for title in ("How a search runs", "How a download runs"):
        folder = ""
        for line in section(title).splitlines():
            for path in re.findall(r"[\w/]+\.py|\b(?:imagevault/)?\w+/(?=\s|$)", line):
                if path.startswith("imagevault/") and path.endswith("/"):
                    folder = path
                elif path.startswith(("imagevault/", "providers/")):
                    found.append(path)
                elif "/" in path:
                    found.append(f"imagevault/{path}")
                else:
                    found.append(f"{folder}{path}")
    return sorted(set(found))


def test_pictures_and_tables_name_many_files() -> None:
    assert len(drawn()) > 20
    assert len(quoted()) > 50


@pytest.mark.parametrize("path", sorted({*drawn(), *quoted()}))
def test_a_path_on_the_page_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_tree_lists_every_package() -> None:
    """And no package that is not there."""
    packages = {path.parent.name for path in (ROOT / "imagevault").glob("*/__init__.py")}

    assert set(tree()) == packages


@pytest.mark.parametrize(
    "package", ["http", "search", "cache", "images", "upstream", "plugins", "storage", "security", "config", "files"]
)
def test_the_tree_lists_every_module(package: str) -> None:
    """For the packages whose modules the page lists one by one."""
    modules = {path.stem for path in (ROOT / "imagevault" / package).glob("*.py")} - {"__init__"}

    assert modules - set(tree()[package]) == set(), "the page does not list these"


@pytest.mark.parametrize("package", ["http", "search", "cache", "images", "upstream", "plugins", "storage", "config"])
def test_the_tree_lists_no_module_that_is_not_there(package: str) -> None:
    folder = ROOT / "imagevault" / package

    assert [
        name for name in tree()[package] if not (folder / f"{name}.py").exists() and not (folder / name).is_dir()
    ] == []


def test_the_index_has_a_row_for_many_changes() -> None:
    rows = re.findall(r"^\| (?!to change|---)", PAGE.partition("\n## To change X, open Y\n")[2], re.MULTILINE)

    assert len(rows) >= 25


def test_import_order_is_the_enforced_one() -> None:
    """The page lists the layers from the top down, `tests/test_layout.py` from the ground up."""
    [order] = re.findall(r"```\n(.*?)```", section("Import order"), re.DOTALL)
    shown = [set(line.split(", ")) for line in order.splitlines()]
    layers = runpy.run_path(str(ROOT / "tests" / "test_layout.py"))["LAYERS"]
    package = ROOT / "imagevault"
    existing = [
        {name for name in layer if (package / name).is_dir() or (package / f"{name}.py").exists()} for layer in layers
    ]

    assert shown[::-1] == [layer for layer in existing if layer]
