"""docs/declarative.md is true: its file passes the contract, and it names every key and function that there is."""

import re
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import msgspec
import pytest

from imagevault.errors import InvalidResponse, PluginError, ProviderError, RateLimited, Unauthorized
from imagevault.plugins import templates
from imagevault.plugins.declarative import schema
from imagevault.plugins.declarative.expressions import Functions
from imagevault.plugins.declarative.plugin import make_plugin
from imagevault.testing import Answer, Upstream
from imagevault.testing.bench import Bench
from imagevault.testing.contract import ProviderContract
from tests.docs.test_plugins import meadow, module

PAGE = (Path(__file__).parents[2] / "docs" / "declarative.md").read_text(encoding="utf-8")
[MEADOW] = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
[ERRORS] = re.findall(r"^```toml errors\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
PATH = Path("meadow.toml")
ITEM = {
    "id": 1,
    "ref": "fox-1",
    "licence": "https://creativecommons.org/licenses/by/4.0/",
    "file": "https://img.meadow.example/1.jpg",
}


class TestContract(ProviderContract):
    """The provider of the page, against the simulation of docs/plugins.md."""

    plugin = make_plugin(PATH, MEADOW)
    settings = {"api_key": "test-key"}

    def upstream(self) -> Upstream:
        simulation: Any = module("simulated_meadow", meadow("tests/simulated_meadow.py"))
        upstream: Upstream = simulation.Simulated()
        return upstream


def test_the_message_that_the_page_quotes() -> None:
    with pytest.raises(PluginError) as raised:
        make_plugin(PATH, MEADOW.replace('\ntitle = "html', '\ntitel = "html'))

    assert f"\n{raised.value}\n" in PAGE


@pytest.mark.parametrize(
    ("line", "known", "unknown"),
    [
        ('lookup.records = "data"', {"data": [ITEM]}, {"data": []}),
        ('lookup.record = "data"', {"data": ITEM}, {"data": []}),
        ('lookup.record = "data"', {"data": ITEM}, {"data": {}}),
        ('lookup.record = "data"', {"data": ITEM}, {"data": None}),
        ('lookup.record = "id && @"', ITEM, {"error": "no such image"}),
    ],
)
async def test_the_recipe_for_an_unknown_id(line: str, known: object, unknown: object) -> None:
    assert f"`{line}`" in PAGE
    text = MEADOW.replace('path = "items/{id}"', f'path = "items/{{id}}"\n{line.removeprefix("lookup.")}')
    with Upstream("/v1/") as upstream:
        async with Bench(make_plugin(PATH, text), {"api_key": "test-key"}, upstream) as bench:
            upstream.fail(Answer(known), times=1)
            upstream.fail(Answer(unknown), times=1)
            assert await bench.fetch("fox-1") is not None
            assert await bench.fetch("fox-2") is None


@pytest.mark.parametrize(
    ("code", "error"),
    [(101, Unauthorized), (110, RateLimited), (7, InvalidResponse)],
)
async def test_the_recipe_for_errors_with_status_200(code: int, error: type[ProviderError]) -> None:
    """Such an answer is neither an empty page nor a missing image."""
    answer = {"status": "error", "error": {"code": code, "message": "no"}}
    unknown = {"status": "error", "error": {"code": "no_such_item", "message": "no"}}
    with Upstream("/v1/") as upstream:
        async with Bench(make_plugin(PATH, MEADOW + ERRORS), {"api_key": "test-key"}, upstream) as bench:
            upstream.fail(Answer(answer), times=2)
            for call in (bench.search("fox"), bench.fetch("fox-1")):
                with pytest.raises(error, match=f"Meadow answered an error: {code}: no"):
                    await call
            upstream.fail(Answer(unknown), times=1)
            assert await bench.fetch("fox-2") is None


def test_the_package_of_the_page_is_whole() -> None:
    """Its files are those that `providers new` writes, but for the parts that a first package does not need."""
    [written] = re.findall(r"^```toml pyproject\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    template = (resources.files(templates) / "declarative_pyproject.toml.template").read_text(encoding="utf-8")
    generated = Template(template).substitute(name="meadow", slug="meadow", title="Meadow")

    assert set(written.splitlines()) - set(generated.splitlines()) == set()
    assert 'plugin = declarative(Path(__file__).with_name("meadow.toml"))' in PAGE


@pytest.mark.parametrize(
    "table",
    [
        schema.Sources,
        schema.Search,
        schema.Lookup,
        schema.Errors,
        schema.ImageSource,
        schema.LicenseSource,
        schema.RenditionSource,
    ],
)
def test_every_key_is_named(table: type[msgspec.Struct]) -> None:
    named = set(re.findall(r"[`.\[]([a-z_]+)", PAGE))

    assert set(table.__struct_fields__) - named == set()


def test_every_function_is_named() -> None:
    own = {name for name in vars(Functions) if name.startswith("_func_")} - {"_func_join"}

    assert {f"_func_{name}" for name in re.findall(r"`(\w+)\(", PAGE)} >= own
