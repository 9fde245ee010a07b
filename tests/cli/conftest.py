"""What the tests of the command line share."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from imagevault.config.settings import load
from imagevault.runtime.services import Services

ACME = """
from imagevault import Page, ProviderInfo, hookimpl

@hookimpl
def provider_info():
    return ProviderInfo(title="Acme", page_size=10, base_url="https://a.example/", cache_for=3600, must_cache_for=900)

@hookimpl
async def search_images(query):
    return Page([])
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The config file of the folder that the commands run in."""
    return tmp_path / "imagevault.toml"


@pytest.fixture
def plugins(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """The environment with a folder of plugin files: `plugins(acme="source")`."""

    def write(**sources: str) -> dict[str, str]:
        folder = tmp_path / "plugins"
        folder.mkdir()
        for name, source in sources.items():
            (folder / f"{name}.py").write_text(source)
        return {"IMAGEVAULT_PLUGINS_DIR": str(folder)}

    return write


@pytest.fixture
def acme(plugins: Callable[..., dict[str, str]]) -> dict[str, str]:
    """The environment with a provider whose terms demand a cache."""
    return plugins(acme=ACME)


@pytest.fixture(scope="session")
def offline() -> dict[str, str]:
    """The environment that disables every provider without a simulation in these tests."""
    names = {point.name for point in entry_points(group="imagevault")} - {"local", "pexels"}
    return {f"{name.upper()}_ENABLED": "false" for name in names}


@pytest.fixture
def in_services(tmp_path: Path) -> Callable[..., Any]:
    """Run a coroutine function with the parts of a server in this folder: `in_services(work, environ)`."""

    def run(work: Callable[[Services], Awaitable[Any]], environ: Mapping[str, str] | None = None) -> Any:
        async def run_work() -> Any:
            services = Services(load(environ or {}, tmp_path))
            async with services.running():
                return await work(services)

        return asyncio.run(run_work())

    return run


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let searches and providers take the longest times that the settings allow: a busy machine is slow."""
    for name in ("IMAGEVAULT_DEADLINE", "LOCAL_TIMEOUT", "PEXELS_TIMEOUT"):
        monkeypatch.setenv(name, "30")
