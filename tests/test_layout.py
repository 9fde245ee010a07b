"""The layout of the repository: what may import what, what is packaged, and that the wheel works on its own."""

import ast
import importlib
import json
import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PYPROJECT["tool"]["setuptools"]

# From the ground up: a module imports from the layers listed before its own, and from its own package.
LAYERS = [
    {"errors", "licenses", "quotas", "samples", "terms"},
    {"records"},
    {"files"},
    {"folder", "pictures"},
    {"config"},
    {"security"},
    {"logs"},
    {"counters"},
    {"storage"},
    {"plugins"},
    {"upstream"},
    {"images"},
    {"cache"},
    {"search"},
    {"accounts"},
    {"downloads"},
    {"personal"},
    {"web"},
    {"runtime"},
    {"testing"},
    {"http"},
    {"asgi"},
    {"cli"},
    {"__main__"},
]
FOR_PLUGINS = {"imagevault", "imagevault.folder", "imagevault.pictures"}  # what a plugin imports of ours


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {dotted(path): path for path in sorted((ROOT / "imagevault").rglob("*.py"))}
PROVIDERS = {path.stem: path for path in sorted((ROOT / "providers").glob("*.py"))}
# A declarative provider is a package, because a file beside a single module is not in a wheel.
DECLARATIVE = {path.parent.name: path for path in sorted((ROOT / "providers").glob("*/__init__.py"))}


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: say the whole name in imports"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else str(node.module)


def part(module: str) -> str:
    """The folder or file of the package that a module belongs to."""
    return module.split(".")[1] if "." in module else ""


def importers(package: str) -> set[str]:
    """The modules that import something of a third-party package."""
    everything = MODULES | PROVIDERS | DECLARATIVE
    return {name for name, path in everything.items() if package in {each.split(".")[0] for each in imports(path)}}


def is_packaged(path: Path) -> bool:
    """Whether a file is matched by a pattern of its package, which may be a folder or two above it."""
    packages = (
        (folder, SETUPTOOLS["package-data"].get(dotted(folder), ()))
        for folder in path.parents
        if ROOT in folder.parents
    )
    return any(fnmatch(str(path.relative_to(folder)), each) for folder, patterns in packages for each in patterns)


class TestImports:
    @pytest.mark.parametrize("name", ["imagevault", "imagevault.testing", "imagevault.testing.contract"])
    @pytest.mark.processes
    def test_what_a_plugin_author_imports_is_light(self, name: str) -> None:
        """Neither the web framework nor the database layer comes along in a fresh interpreter."""
        heavy = ("litestar", "piccolo", "uvicorn", "asyncpg", "aiosqlite", "PIL", "pwdlib", "jwt")
        code = f"import sys, {name}; print(*{{each.split('.')[0] for each in sys.modules}} & set({heavy!r}))"

        printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

        assert printed.split() == []

    @pytest.mark.processes
    def test_a_worker_imports_nothing_that_it_never_needs(self, tmp_path: Path) -> None:
        """Pydantic and attrs are installed, and Litestar would load its plugins for them: 9 MB in each worker."""
        code = (
            "import pathlib, sys; from imagevault.config.settings import load; from imagevault.asgi import create;"
            "from imagevault.runtime.services import Services;"
            f"create(Services(load({{}}, pathlib.Path({str(tmp_path)!r}))));"
            "print(*{each.split('.')[0] for each in sys.modules} & {'pydantic', 'attr'})"
        )

        printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

        assert printed.split() == []

    def test_every_module_has_its_layer(self) -> None:
        """Every file and folder of the package is in `LAYERS`."""
        assert {part(name) for name in MODULES} - {""} <= set().union(*LAYERS)

    @pytest.mark.parametrize("name", [name for name in MODULES if name != "imagevault"])
    def test_a_module_imports_from_the_layers_above_only(self, name: str) -> None:
        own = part(name)
        position = next(number for number, layer in enumerate(LAYERS) if own in layer)
        allowed = set().union(*LAYERS[:position], {own})
        if own == "samples":
            allowed = {own}

        found = {each for each in imports(MODULES[name]) if each.split(".")[0] == "imagevault"}

        assert {each for each in found if part(each) not in allowed} == set()

    def test_routes_are_imported_by_the_app_only(self) -> None:
        """The rules of a package do not depend on its routes."""
        found = {name for name, path in MODULES.items() if any(each.endswith(".routes") for each in imports(path))}

        assert found == {"imagevault.http.app"}

    def test_the_package_itself_imports_what_plugins_need_only(self) -> None:
        assert {part(each) for each in imports(MODULES["imagevault"])} == {
            "errors",
            "licenses",
            "plugins",
            "quotas",
            "records",
            "terms",
        }

    @pytest.mark.parametrize("path", [*PROVIDERS.values(), *DECLARATIVE.values()], ids=[*PROVIDERS, *DECLARATIVE])
    def test_our_providers_import_what_a_stranger_may(self, path: Path) -> None:
        """Authors copy these files."""
        found = {each for each in imports(path) if each.split(".")[0].startswith("imagevault")}

        assert found - FOR_PLUGINS == set()

    def test_litestar_is_known_in_the_app_the_edge_and_the_routes(self) -> None:
        found = importers("litestar")

        assert "imagevault.http.app" in found
        assert {name for name in found if ".http." not in name} <= {
            *(name for name in MODULES if name.endswith("routes")),
            "imagevault.web.responses",
        }

    def test_piccolo_is_known_in_the_database_the_tables_and_the_rules_that_query(self) -> None:
        found = importers("piccolo")

        assert {"imagevault.storage.database", "imagevault.storage.transactions", "imagevault.accounts.tables"} <= found
        assert {part(name) for name in found} <= {
            "storage",
            "accounts",
            "search",
            "cache",
            "upstream",
            "downloads",
            "runtime",
        }
        assert not any(name.endswith(".routes") for name in found)

    @pytest.mark.parametrize(
        ("driver", "engine"), [("asyncpg", "postgres"), ("aiosqlite", "sqlite"), ("sqlite3", "sqlite")]
    )
    def test_a_driver_is_known_to_its_engine_only(self, driver: str, engine: str) -> None:
        assert importers(driver) == {f"imagevault.storage.{engine}"}

    def test_pluggy_is_known_to_the_loader_and_the_hooks(self) -> None:
        assert importers("pluggy") == {
            "imagevault.plugins.hook_checks",
            "imagevault.plugins.hookspecs",
            "imagevault.plugins.registry",
        }


class TestNames:
    @pytest.mark.parametrize("name", ["imagevault", "imagevault.testing"])
    def test_all_is_what_it_imports(self, name: str) -> None:
        """`__all__` is what the package imports for others, each once, and each is there; ruff sorts it."""
        module = importlib.import_module(name)
        tree = ast.parse(MODULES[name].read_text())
        imported = [
            alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
        ]

        assert sorted(module.__all__) == sorted(imported)
        assert all(hasattr(module, each) for each in module.__all__)

    def test_no_file_is_long(self) -> None:
        """At most 350 lines. Provider files have no line budget."""
        lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}

        assert {name: lines for name, lines in lengths.items() if lines > 350} == {}


class TestPackaging:
    """pyproject.toml lists what exists."""

    def test_packages(self) -> None:
        folders = {dotted(path) for path in (ROOT / "imagevault").rglob("__init__.py")}

        assert SETUPTOOLS["packages"] == [*sorted(folders), "imagevault_migrations", *DECLARATIVE]
        assert {dotted(path.parent) for path in MODULES.values()} == folders

    def test_providers(self) -> None:
        """One entry point for each file and each package in providers/; a package holds its provider's TOML file."""
        assert SETUPTOOLS["py-modules"] == list(PROVIDERS)
        names = {name: name for name in PROVIDERS} | {name: f"{name}:plugin" for name in DECLARATIVE}
        assert PYPROJECT["project"]["entry-points"]["imagevault"] == {
            name.removeprefix("imagevault_"): value for name, value in names.items()
        }
        for name, path in DECLARATIVE.items():
            assert path.with_name(f"{name.removeprefix('imagevault_')}.toml").is_file()
            assert SETUPTOOLS["package-data"][name] == ["*.toml"]

    def test_files_that_are_no_code(self) -> None:
        """Each is matched by a pattern of its package."""
        files = [
            path
            for path in sorted((ROOT / "imagevault").rglob("*"))
            if path.is_file() and path.suffix not in {".py", ".pyc"} and path.name[0] != "."
        ]
        left_out = [str(path.relative_to(ROOT)) for path in files if not is_packaged(path)]

        assert {path.name for path in files} >= {"py.typed", "docs.js", "fox-in-snow.jpg", "provider.py.template"}
        assert left_out == []

    def test_the_command_is_there(self) -> None:
        module, _, function = PYPROJECT["project"]["scripts"]["imagevault"].partition(":")

        assert callable(getattr(importlib.import_module(module), function))


@pytest.mark.skipif(os.name == "nt", reason="the folders of an environment have other names")
class TestWheel:
    def test_holds_all_it_needs_and_no_more(self, installed: Any) -> None:
        """Code, migrations, samples and the script of the docs page; no tests, no folder of providers, no leftovers."""
        with zipfile.ZipFile(installed.wheel) as wheel:
            names = {name for name in wheel.namelist() if ".dist-info/" not in name}
            metadata = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
            points = wheel.read(metadata).decode()
        code = {str(path.relative_to(ROOT)) for path in MODULES.values()}
        code |= {f"{name}.py" for name in PROVIDERS}
        code |= {f"{name}/__init__.py" for name in DECLARATIVE}
        code |= {f"{name}/{name.removeprefix('imagevault_')}.toml" for name in DECLARATIVE}
        code |= {f"imagevault_migrations/{path.name}" for path in (ROOT / "piccolo_migrations").glob("*.py")}
        samples = {
            str(path.relative_to(ROOT))
            for path in (ROOT / "imagevault" / "samples").iterdir()
            if path.suffix not in {".py", ""}
        }

        templates = {str(path.relative_to(ROOT)) for path in (ROOT / "imagevault" / "plugins").rglob("*.template")}
        web = (ROOT / "imagevault" / "web").glob("*/*.*")
        templates |= {str(path.relative_to(ROOT)) for path in web if path.suffix != ".pyc"}

        assert names == code | samples | templates | {"imagevault/py.typed", "imagevault/http/docs.js"}
        assert len(samples) >= 10
        assert "imagevault = imagevault.cli:main" in points
        assert all(f"{name.removeprefix('imagevault_')} = {name}" in points for name in [*PROVIDERS, *DECLARATIVE])

    def test_is_what_runs(self, installed: Any, tmp_path: Path) -> None:
        """The environment imports the wheel, not the checkout. The command and the module are the same program."""
        code = (
            "import imagevault, imagevault_pexels, imagevault_migrations as m; print(imagevault.__file__, m.__file__)"
        )

        places = installed.run(tmp_path, "-c", code).stdout.split()

        assert [Path(place).is_relative_to(installed.python.parents[1]) for place in places] == [True, True]
        command = str(installed.python.parent / "imagevault")
        assert installed.run(tmp_path, command, "--version").stdout == f"imagevault, version {version('imagevault')}\n"

    def test_searches_in_an_empty_folder(self, installed: Any, tmp_path: Path) -> None:
        """The wheel brings its own samples and migrations and needs nothing of the checkout."""
        ended = installed.run(tmp_path, "-m", "imagevault", "search", "fox", "-p", "local", "--json")

        assert (ended.returncode, ended.stderr) == (0, "")
        assert [image["id"] for image in json.loads(ended.stdout)["images"]] == ["local:fox-in-snow.jpg"]
        assert (tmp_path / "imagevault-data" / "imagevault.sqlite").exists()

    def test_serves_in_an_empty_folder(self, installed: Any, monkeypatch: pytest.MonkeyPatch, serve: Any) -> None:
        """The API, its documentation with the files of that page, and a picture."""
        monkeypatch.setattr(sys, "executable", str(installed.python))
        server = serve({"IMAGEVAULT_SEARCH": "open"}).wait_until_ready()

        with httpx.Client(base_url=server.url) as client:
            found = client.get("/search", params={"q": "fox", "provider": "local"}).json()
            picture = client.get(found["images"][0]["renditions"][-1]["url"])
            docs = [client.get(f"/docs{path}").status_code for path in ("", "/openapi.json", "-assets/docs.js")]

        assert docs == [200, 200, 200]
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")
