"""A working directory with plugins, and the sources that they are made of."""

import importlib
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from imagevault.config.settings import load
from imagevault.plugins.provider import Provider
from imagevault.plugins.registry import PluginRegistry
from tests.support.plugin_sources import GOOD, HEAD


class Place:
    """A working directory with plugin files, and installed packages of strangers."""

    HEAD = HEAD

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.files = folder / "plugins"
        self.files.mkdir()
        self.site = folder / "site"
        self.site.mkdir()
        monkeypatch.syspath_prepend(self.site)
        self.before = set(sys.modules)

    def write(self, name: str, source: str) -> None:
        (self.files / f"{name}.py").write_text(source, encoding="utf-8")

    def install(self, package: str, entry_point: str, source: str) -> None:
        """What pip leaves of a stranger's package: a module, and metadata with an entry point `name = module`."""
        (self.site / f"{package}.py").write_text(source)
        metadata = self.site / f"{package}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[imagevault]\n{entry_point}\n")
        importlib.invalidate_caches()

    def load(self, environ: Mapping[str, str] | None = None, toml: str = "") -> PluginRegistry:
        (self.folder / "imagevault.toml").write_text(toml)
        return PluginRegistry.load(load({"IMAGEVAULT_PLUGINS_DIR": "plugins", **(environ or {})}, self.folder))

    def provider(self, source: str, environ: Mapping[str, str] | None = None, toml: str = "") -> Provider:
        """The provider `acme` that this source makes."""
        self.write("acme", HEAD + source)
        self.plugins = self.load(environ, toml)
        assert self.plugins.failures == []
        return self.plugins.providers["acme"]

    def failure(self, source: str, name: str = "acme") -> str:
        """Why this source does not load; everything else is there as before."""
        self.write(name, source)
        self.write("other", GOOD)
        plugins = self.load()
        assert {"local", "other", "pexels"} <= set(plugins.providers)
        assert plugins.providers["other"].state == "ok"
        [failure] = plugins.failures
        assert (failure.name, failure.source) == (name, str(self.files / f"{name}.py"))
        return failure.reason


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    place = Place(tmp_path, monkeypatch)
    yield place
    for name in set(sys.modules) - place.before:
        if str(tmp_path) in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client
