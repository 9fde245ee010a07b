"""Finding, loading and isolating plugins: the only file that knows pluggy.

Each plugin is taken all or nothing. One that fails to import, misspells a hook, is not async where it must be or takes
a used name is listed with its reason, and the rest serves.
"""

import asyncio
import importlib.util
import inspect
import logging
import re
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal, TypeVar

import httpx
import msgspec
import pluggy
from msgspec import Meta

from imagevault import hookspecs
from imagevault.errors import InvalidResponse, NotFound, PluginError, Unconfigured
from imagevault.records import Image, Page, ProviderInfo, SearchQuery
from imagevault.settings import Settings, check_url, convert, nearest, provider_variable

log = logging.getLogger(__name__)

GROUP = "imagevault"
NEEDED = ("provider_info", "search_images")
COROUTINES = ("search_images", "fetch_image")
T = TypeVar("T")
State = Literal["ok", "disabled", "unconfigured", "failed"]


class HostSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the host itself reads from `[providers.NAME]` and `NAME_KEY`; the other keys are the plugin's."""

    enabled: Annotated[bool, Meta(description="switches the provider on or off")] = True
    base_url: Annotated[str | None, Meta(description="another address of the upstream: a mirror, a simulation")] = None
    timeout: Annotated[float, Meta(ge=0.1, le=30, description="seconds it may take in one search")] = 3.0


class Memory:
    """What one plugin keeps between calls (`Keep`): one `make` at a time per key, bounded, the oldest thrown away."""

    SIZE = 10_000

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.kept: dict[str, tuple[float, Any]] = {}
        self.making: dict[str, asyncio.Future[Any]] = {}

    async def __call__(self, key: str, make: Callable[[], Awaitable[T]], seconds: float) -> T:
        """What is kept under `key`, made now if it is not there or too old."""
        until, value = self.kept.get(key, (0.0, None))
        if self.clock() < until:
            return value  # type: ignore[no-any-return]
        task = self.making.get(key)
        if task is None:
            task = self.making[key] = asyncio.ensure_future(make())
            task.add_done_callback(lambda done: self._store(key, done, seconds))
        return await asyncio.shield(task)  # one caller's leaving disturbs no other

    def _store(self, key: str, done: "asyncio.Future[Any]", seconds: float) -> None:
        del self.making[key]
        if not done.cancelled() and done.exception() is None:
            self.kept.pop(key, None)
            self.kept[key] = (self.clock() + seconds, done.result())
            while len(self.kept) > self.SIZE:
                del self.kept[next(iter(self.kept))]


class Provider:
    """One provider: its info, its settings in force, and its hooks, called one by one."""

    def __init__(self, name: str, plugin: object, manager: pluggy.PluginManager, source: str) -> None:
        self.name = name
        self.source = source
        self.plugin = plugin
        self.manager = manager
        self.host = HostSettings()
        self.settings: msgspec.Struct | None = None
        self.state: State = "ok"
        self.reason: str | None = None
        self.keep = Memory()
        self.hooks = {caller.name for caller in manager.get_hookcallers(plugin) or ()}
        self.holds_files = "open_file" in self.hooks
        self.declared = self.info = _info(self._call("provider_info"), "provider_info")

    def _call(self, hook: str, **arguments: Any) -> Any:
        others = [other for other in self.manager.get_plugins() if other is not self.plugin]
        answers = self.manager.subset_hook_caller(hook, others)(**arguments)
        return answers[0] if answers else None

    def configure(self, settings: Settings) -> None:
        """Takes these settings; a missing or wrong key makes the provider `unconfigured` and says which."""
        self.state, self.reason, self.keep = "ok", None, Memory()
        own = {field.name: field for field in msgspec.structs.fields(self.info.settings)}
        host = {field.name: field for field in msgspec.structs.fields(HostSettings)}
        values: dict[str, Any] = {}
        try:
            for key, value, source in settings.provider_values(self.name, [*host, *own]):
                values[key] = self._convert(key, value, source, own | host)
            self.host = HostSettings(**{key: values.pop(key) for key in host if key in values})
            missing = next((key for key, field in own.items() if field.required and key not in values), None)
            if missing:
                self.state = "unconfigured"
                self.reason = (
                    f"{provider_variable(self.name, missing)} is not set (or {missing} in [providers.{self.name}])"
                )
                return
            self.settings = self.info.settings(**values)
            self.info = self.declared
            if "configure" in self.hooks:
                self.info = _info(self._call("configure", info=self.declared, settings=self.settings), "configure")
        except (Unconfigured, ValueError) as error:
            self.state, self.reason = "unconfigured", str(error)
        except Exception as error:  # noqa: BLE001  a stranger's code: only this provider is lost
            self.state, self.reason = "failed", f"configure: {type(error).__name__}: {error}"
        finally:
            if not self.host.enabled:
                self.state, self.reason = "disabled", f"switched off: enabled = false for {self.name}"

    def _convert(self, key: str, value: object, source: str, fields: dict[str, msgspec.structs.FieldInfo]) -> Any:
        if key not in fields:
            raise Unconfigured(
                f"{key}: there is no such setting of {self.name}.{nearest(key, list(fields))} ({source})"
            )
        try:
            converted = convert(value, fields[key].type)
            if key == "base_url":
                check_url(converted)
        except ValueError as error:
            raise Unconfigured(f"{key}: {error} ({source})") from None
        return converted

    async def search_images(self, query: SearchQuery, http: httpx.AsyncClient) -> Page:
        """The plugin's page. Raises what the plugin raises, InvalidResponse if it is no Page."""
        page = await self._call("search_images", query=query, http=http, settings=self.settings, keep=self.keep)
        if not isinstance(page, Page) or not isinstance(page.images, Sequence):
            raise InvalidResponse(f"search_images of {self.name} must return a Page")
        return page

    async def fetch_image(self, image_id: str, http: httpx.AsyncClient) -> Image | None:
        """The plugin's image of this id, None if there is none. NotFound if the plugin cannot look one up."""
        if "fetch_image" not in self.hooks:
            raise NotFound(f"{self.name} cannot look up a single image")
        image = await self._call("fetch_image", image_id=image_id, http=http, settings=self.settings, keep=self.keep)
        if image is not None and not isinstance(image, Image):
            raise InvalidResponse(f"fetch_image of {self.name} must return an Image or None")
        return image

    def open_file(self, image_id: str, rendition: str, scratch: Path) -> Path | None:
        """The file of a rendition; blocks, so call it in a thread."""
        path = self._call("open_file", image_id=image_id, rendition=rendition, settings=self.settings, scratch=scratch)
        return path if isinstance(path, Path) else None


def _info(info: object, hook: str) -> ProviderInfo:
    if not isinstance(info, ProviderInfo):
        raise PluginError(f"{hook} must return a ProviderInfo")
    return info


class Failure(msgspec.Struct, frozen=True):
    """A plugin that was not loaded, and why."""

    name: str
    source: str
    reason: str


class Plugins:
    """All providers by name, those that failed to load, and what the settings say of providers that do not exist."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(GROUP)
        self.manager.add_hookspecs(hookspecs)
        self.providers: dict[str, Provider] = {}
        self.failures: list[Failure] = []
        self.problems: list[str] = []

    @classmethod
    def load(cls, settings: Settings) -> "Plugins":
        """Every plugin found, configured by these settings."""
        plugins = cls()
        for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
            distribution = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
            plugins.add(point.name, point.load, distribution)
        for path in sorted(settings.plugins_dir.glob("*.py")) if settings.plugins_dir else ():
            plugins.add(path.stem, partial(_import_file, path), str(path))
        for provider in plugins.providers.values():
            provider.configure(settings)
        plugins.problems = list(plugins._problems(settings))
        return plugins

    def add(self, name: str, load: Callable[[], object], source: str) -> None:
        """Takes one plugin, or lists it as failed with its reason."""
        plugin = None
        try:
            self._check_name(name)
            plugin = load()
            self.manager.register(plugin, name)
            self._check_hooks(plugin)
            self.providers[name] = Provider(name, plugin, self.manager, source)
        except (Exception, SystemExit) as error:  # noqa: BLE001  a stranger's code: only this plugin is lost
            if plugin is not None and self.manager.get_plugin(name) is plugin and name not in self.providers:
                self.manager.unregister(plugin)
            reason = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
            self.failures.append(Failure(name, source, reason))
            log.error("plugin %s (%s) is not loaded: %s", name, source, reason)

    def _check_name(self, name: str) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", name):
            raise PluginError("a provider's name is a small letter, then up to 31 small letters, digits, - or _")
        if name in self.providers:
            raise PluginError(f"the name is taken by {self.providers[name].source}")

    def _check_hooks(self, plugin: object) -> None:
        self.manager.check_pending()
        hooks = {caller.name for caller in self.manager.get_hookcallers(plugin) or ()}
        for hook in NEEDED:
            if hook not in hooks:
                raise PluginError(f"it has no hook {hook} (a function marked @hookimpl)")
        for hook in COROUTINES:
            if hook in hooks and not inspect.iscoroutinefunction(getattr(plugin, hook)):
                raise PluginError(f"{hook} must be a coroutine: async def {hook}(...)")

    def _problems(self, settings: Settings) -> Iterator[str]:
        for name in settings.providers:
            if name not in self.providers:
                yield f"[providers.{name}]: there is no such provider.{nearest(name, list(self.providers))}"
        for name in settings.default:
            if name not in self.providers:
                yield f"default: there is no provider {name}.{nearest(name, list(self.providers))}"


def _import_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise PluginError("it is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[path.stem]
        raise
    return module
