"""What the docs say of providers, tests and files is true."""

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

from imagevault.config.settings import load
from imagevault.plugins.registry import PluginRegistry
from imagevault.records import FlagName, ProviderInfo

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
PROVIDERS = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")
NO_END = {"no known limit", "no limit"}


def number(value: float) -> str:
    """With a blank between thousands, as the page writes it: 20 000."""
    return f"{value:,.0f}".replace(",", " ") if value >= 10_000 else f"{value:.0f}"


def quotas(info: ProviderInfo) -> str:
    texts = [f"{number(quota.limit)} {'an' if quota.period == 'hour' else 'a'} {quota.period}" for quota in info.quotas]
    return ", ".join(texts) or "none"


def freshness(info: ProviderInfo) -> str:
    seconds = max(info.cache_for, info.must_cache_for or 0)
    return f"{seconds / 3600:.0f} h" if seconds >= 3600 else f"{seconds:.0f} s"


def test_the_table_of_providers_matches_the_plugins(tmp_path: Path) -> None:
    """Images per call, end of a search, quota and freshness; numbers in parentheses need an application's key."""
    rows = re.findall(r"^\| \[.+?\]\(#.+?\) \| `(\w+)` \| (.+) \|$", PROVIDERS, re.MULTILINE)
    shown = {name: [re.sub(r" \(.*?\)", "", cell) for cell in cells.split(" | ")][1:] for name, cells in rows}
    loaded = PluginRegistry.load(load({}, tmp_path)).providers

    assert shown.keys() == loaded.keys()
    for name, (per_call, end, quota, fresh) in shown.items():
        info = loaded[name].info
        ends = {number(info.max_results)} if info.max_results else NO_END
        assert (per_call, quota, fresh) == (str(info.page_size), quotas(info), freshness(info)), name
        assert end in ends, name


def test_the_table_of_flags_matches_the_plugins(tmp_path: Path) -> None:
    """Which flags the records of each provider carry."""
    names = get_args(FlagName)
    pattern = r"^\| `(\w+)` \|" + r" (yes)? ?\|" * (len(names) + 1) + "$"
    rows = {name: cells[:-1] for name, *cells in re.findall(pattern, PROVIDERS, re.MULTILINE)}
    loaded = PluginRegistry.load(load({}, tmp_path)).providers

    assert {name: {flag for flag, cell in zip(names, cells, strict=True) if cell} for name, cells in rows.items()} == {
        name: set(provider.info.declares) for name, provider in loaded.items()
    }


def definitions(path: Path) -> set[str]:
    """The tests and test classes of a file: `test_x`, `TestY`, `TestY::test_z`."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            inner = [item.name for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)]
            found |= {node.name, *(f"{node.name}::{name}" for name in inner)}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
    return found


CONTRACT = {
    name.replace("ProviderContract::", "TestContract::")
    for name in definitions(ROOT / "imagevault" / "testing" / "contract.py")
}


def named_tests() -> list[tuple[str, str]]:
    """The last column of the tables as (file, test). A name without a file is in the file named before it."""
    found: list[tuple[str, str]] = []
    file = ""
    for column in re.findall(r"^\|.+\| (.+) \|$", PROVIDERS, re.MULTILINE):
        for new_file, test in re.findall(r"`(?:(test_\w+\.py)::)?((?:Test\w+(?:::)?)?(?:test_\w+)?)`", column):
            file = new_file or file
            if test and file:
                found.append((file, test))
    return found


def test_every_duty_names_an_existing_test() -> None:
    """A test of the contract belongs to the `TestContract` of every provider."""
    named = named_tests()
    files = {file: definitions(next((ROOT / "tests").rglob(file))) | CONTRACT for file in {file for file, _ in named}}

    assert len(named) > 200
    assert [f"{file}::{test}" for file, test in named if test not in files[file]] == []


def anchors(document: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them: `## How to test` is `#how-to-test`."""
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    """A relative link names an existing file, and its anchor an existing heading."""
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", document.read_text(encoding="utf-8")):
        path = document.parent / target if target else document
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path), f"{target}#{anchor}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_a_page_says_what_it_is_for(document: Path) -> None:
    """Its first paragraph follows the title and is prose."""
    lines = document.read_text(encoding="utf-8").splitlines()

    assert lines[0].startswith("# ")
    assert lines[1] == ""
    assert re.match(r"[A-Z]", lines[2])
