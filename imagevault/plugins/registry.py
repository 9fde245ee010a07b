"""Finding, loading and isolating plugins: the only file besides `hookspecs` that knows pluggy.

A plugin is loaded whole or not at all. One that cannot be imported, misspells a hook, is not async where it must be or
takes a used name is listed with the reason; the others are not affected.
"""

import importlib.util
import inspect
import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any
from weakref import WeakSet

import msgspec
import pluggy

from imagevault.config.settings import Settings
from imagevault.config.sources import nearest
from imagevault.errors import PluginError
from imagevault.plugins import hookspecs
from imagevault.plugins.provider import Provider
from imagevault.plugins.provider_settings import check_info

log = logging.getLogger(__name__)

GROUP = "imagevault"
REQUIRED_HOOKS = ("provider_info", "search_images")
RESERVED_NAMES = {"all"}  # `provider=all` asks every provider
NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")  # pexels, tide-pool


class Plugin:
    """A loaded plugin (see `LoadedPlugin`). Creating one calls `provider_info` and checks its answer."""

    def __init__(self, name: str, module: object, manager: pluggy.PluginManager, source: str) -> None:
        self.name = name
        self.source = source
        self.module = module
        self.manager = manager
        self.hooks = {caller.name for caller in manager.get_hookcallers(module) or ()}
        self.declared = check_info(self.call("provider_info"), "provider_info")

    def call(self, hook: str, **arguments: Any) -> Any:
        """Return what this hook of the plugin returns; None if it has no such hook."""
        others = [other for other in self.manager.get_plugins() if other is not self.module]
        results = self.manager.subset_hook_caller(hook, others)(**arguments)
        return results[0] if results else None

    def explain(self, error: BaseException) -> str:
        """Return what went wrong and where, in one line, for the plugin's author."""
        return _explain(error)


def _explain(error: BaseException) -> str:
    """Return the error in one line, with the last line of foreign code: `KeyError: 'x' (acme.py, line 12)`."""
    lines = [line.strip() for line in str(error).splitlines()]
    text = "; ".join(line for line in lines if line)
    if isinstance(error, PluginError | pluggy.PluginValidationError):
        return text
    foreign = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_foreign(frame)]
    if not foreign:
        return f"{type(error).__name__}: {text}"
    innermost = foreign[-1]
    return f"{type(error).__name__}: {text} ({Path(innermost.filename).name}, line {innermost.lineno})"


def _is_foreign(frame: traceback.FrameSummary) -> bool:
    """Return whether a frame belongs neither to this file nor to the machinery that imports and calls plugins."""
    if frame.filename.startswith("<") or frame.filename == __file__:
        return False
    return not {"importlib", "pluggy"} & set(Path(frame.filename).parts[-3:])


class LoadFailure(msgspec.Struct, frozen=True):
    """A plugin that was not loaded, and why."""

    name: str
    source: str
    reason: str


class PluginRegistry:
    """All plugins, and the provider that the settings make of each.

    Attributes:
        loaded: the plugins by name.
        failures: the plugins that could not be loaded.
        providers: the providers in force by name.
        problems: what the settings say of providers that do not exist.

    """

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(GROUP)
        self.manager.add_hookspecs(hookspecs)
        self.loaded: dict[str, Plugin] = {}
        self.failures: list[LoadFailure] = []
        self.providers: Mapping[str, Provider] = {}
        self.problems: list[str] = []
        # Providers that were in force and are still used by a search or a call.
        self._previous: dict[str, WeakSet[Provider]] = {}

    @classmethod
    def load(cls, settings: Settings) -> "PluginRegistry":
        """Load the installed plugins and those in `plugins_dir`, and configure their providers."""
        registry = cls()
        for point in sorted(entry_points(group=GROUP), key=_loading_order):
            source = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
            registry.add(point.name, point.load, source)
        for path in sorted(settings.plugins_dir.glob("[!_]*.py")) if settings.plugins_dir else ():
            name = path.stem.removeprefix("imagevault_")
            registry.add(name, partial(_import_file, path), str(path))
        registry.configure(settings)
        return registry

    def add(self, name: str, load: Callable[[], object], source: str) -> None:
        """Load one plugin, or list it in `failures` with the reason.

        Args:
            name: the provider's name.
            load: imports the plugin and returns it.
            source: where it comes from, for messages.

        """
        plugin = None
        try:
            self._check_name(name)
            plugin = load()
            self.manager.register(plugin, name)
            self._check_hooks(plugin)
            self.loaded[name] = Plugin(name, plugin, self.manager, source)
        except (Exception, SystemExit) as error:  # noqa: BLE001  a stranger's code: only this plugin is lost
            is_registered = plugin is not None and self.manager.get_plugin(name) is plugin
            if is_registered and name not in self.loaded:
                self.manager.unregister(plugin)
            reason = _explain(error)
            self.failures.append(LoadFailure(name, source, reason))
            log.error("plugin %s (%s) is not loaded: %s", name, source, reason)

    def configured(self, settings: Settings) -> dict[str, Provider]:
        """Return every provider as these settings make it: the one in force where they change nothing."""
        return {name: self._configured(plugin, settings) for name, plugin in self.loaded.items()}

    def _configured(self, plugin: Plugin, settings: Settings) -> Provider:
        current = self.providers.get(plugin.name)
        if current is not None and current.is_configured_by(settings):
            return current
        return Provider(plugin, settings)

    def configure(self, settings: Settings, providers: Mapping[str, Provider] | None = None) -> None:
        """Put these settings in force, and mark previous providers that are now disabled or superseded.

        Args:
            settings: the settings.
            providers: what `configured` returned for them, if it was called before.

        """
        replaced = self.providers
        self.providers = providers or self.configured(settings)
        self.problems = list(self._problems(settings))
        for name, provider in replaced.items():
            self._previous.setdefault(name, WeakSet()).add(provider)
            for previous in self._previous[name]:
                previous.compare_with(self.providers[name])

    def modules(self) -> dict[str, str]:
        """Return the name of each plugin's module -> the provider's name. A plugin object counts for its class's."""
        names = {}
        for name, plugin in self.loaded.items():
            module = getattr(plugin.module, "__name__", type(plugin.module).__module__)
            names[module] = name
        return names

    def _check_name(self, name: str) -> None:
        if not NAME.fullmatch(name):
            raise PluginError(
                "the provider's name must be a lowercase letter, then up to 31 lowercase letters, digits, - or _"
            )
        if name in RESERVED_NAMES:
            raise PluginError(f"the name {name} has a meaning of its own in a search; choose another")
        if name in self.loaded:
            raise PluginError(f"the name is taken by {self.loaded[name].source}; choose another")

    def _check_hooks(self, plugin: object) -> None:
        callers = self.manager.get_hookcallers(plugin) or []
        for caller in callers:
            for implementation in caller.get_hookimpls():
                if implementation.plugin is plugin:
                    self._check_hook(caller, implementation)
        found = {caller.name for caller in callers}
        for hook in REQUIRED_HOOKS:
            if hook not in found:
                raise PluginError(f"it has no hook {hook} (a function marked @hookimpl)")

    def _check_hook(self, caller: pluggy.HookCaller, implementation: pluggy.HookImpl) -> None:
        name = caller.name
        if caller.spec is None:
            if implementation.optionalhook:
                return
            known = [hook for hook, other in vars(self.manager.hook).items() if other.has_spec()]
            raise PluginError(f"there is no hook {name}.{nearest(name, known)}")
        must_be_async = inspect.iscoroutinefunction(caller.spec.function)
        is_async = inspect.iscoroutinefunction(implementation.function)
        if must_be_async and not is_async:
            raise PluginError(f"{name} must be a coroutine: async def {name}(...)")
        if is_async and not must_be_async:
            raise PluginError(f"{name} must be a plain function: def {name}(...)")

    def _problems(self, settings: Settings) -> Iterator[str]:
        for name in settings.providers:
            if name not in self.loaded:
                yield f"[providers.{name}]: there is no such provider.{nearest(name, list(self.loaded))}"
        for name in settings.default:
            if name not in self.loaded:
                yield f"default: there is no provider {name}.{nearest(name, list(self.loaded))}"


def _loading_order(point: EntryPoint) -> tuple[bool, str, str]:
    """Our own providers first, so that no other package takes the name of one."""
    is_foreign = point.dist is None or point.dist.name != GROUP
    return is_foreign, point.name, point.value


def _import_file(path: Path) -> ModuleType:
    name = f"{GROUP}_file_{path.stem}"  # so that a file json.py does not replace the module json
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError("it is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
