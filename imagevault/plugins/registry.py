"""Finding, loading and isolating plugins: the only file that knows pluggy.

Each plugin is taken all or nothing. One that fails to import, misspells a hook, is not async where it must be or takes
a used name is listed with its reason, and the rest serves.
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

from imagevault.config.settings import Settings, nearest
from imagevault.errors import PluginError
from imagevault.plugins import hookspecs
from imagevault.plugins.provider import Provider, checked

log = logging.getLogger(__name__)

GROUP = "imagevault"
NEEDED = ("provider_info", "search_images")
RESERVED = {"all"}  # `provider=all` asks every one


class Plugin:
    """One plugin that was loaded: its hooks, called one by one, and what it declares of its provider."""

    def __init__(self, name: str, module: object, manager: pluggy.PluginManager, source: str) -> None:
        self.name = name
        self.source = source
        self.module = module
        self.manager = manager
        self.hooks = {caller.name for caller in manager.get_hookcallers(module) or ()}
        self.declared = checked(self.call("provider_info"), "provider_info")

    def call(self, hook: str, **arguments: Any) -> Any:
        """What this plugin's hook answers, None if it has no such hook."""
        others = [other for other in self.manager.get_plugins() if other is not self.module]
        answers = self.manager.subset_hook_caller(hook, others)(**arguments)
        return answers[0] if answers else None

    def explain(self, error: BaseException) -> str:
        """What went wrong and where, in one line, for the plugin's author."""
        return _reason(error)


def _reason(error: BaseException) -> str:
    """What went wrong and where, in one line, for the plugin's author."""
    text = "; ".join(filter(None, map(str.strip, str(error).splitlines())))
    if isinstance(error, PluginError | pluggy.PluginValidationError):
        return text
    foreign = [
        f" ({Path(frame.filename).name}, line {frame.lineno})"
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<")
        and not {"importlib", "pluggy", __file__} & {frame.filename, *Path(frame.filename).parts[-3:]}
    ]
    return f"{type(error).__name__}: {text}{foreign[-1] if foreign else ''}"


class Failure(msgspec.Struct, frozen=True):
    """A plugin that was not loaded, and why."""

    name: str
    source: str
    reason: str


class PluginRegistry:
    """All providers by name, those that failed to load, and what the settings say of providers that do not exist."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(GROUP)
        self.manager.add_hookspecs(hookspecs)
        self.loaded: dict[str, Plugin] = {}
        self.providers: Mapping[str, Provider] = {}
        self.former: dict[str, WeakSet[Provider]] = {}
        self.failures: list[Failure] = []
        self.problems: list[str] = []

    @classmethod
    def load(cls, settings: Settings) -> "PluginRegistry":
        """Every plugin found, configured by these settings."""
        plugins = cls()
        for point in sorted(entry_points(group=GROUP), key=_ours_first):
            distribution = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
            plugins.add(point.name, point.load, distribution)
        for path in sorted(settings.plugins_dir.glob("[!_]*.py")) if settings.plugins_dir else ():
            plugins.add(path.stem.removeprefix("imagevault_"), partial(_import_file, path), str(path))
        plugins.configure(settings)
        return plugins

    def configured(self, settings: Settings) -> dict[str, Provider]:
        """Every provider as these settings make it; the same object where they change nothing."""
        known = self.providers
        return {
            name: known[name] if name in known and known[name].suits(settings) else Provider(plugin, settings)
            for name, plugin in self.loaded.items()
        }

    def configure(self, settings: Settings, providers: Mapping[str, Provider] | None = None) -> None:
        """Puts these settings in force; `providers` as `configured` made them. What is switched off is withdrawn."""
        before, self.providers = self.providers, providers or self.configured(settings)
        self.problems = list(self._problems(settings))
        for name, provider in before.items():
            self.former.setdefault(name, WeakSet()).add(provider)
            for each in self.former[name]:
                each.withdrawn = self.providers[name].state == "disabled"
                each.superseded = each.reached_by != self.providers[name].reached_by

    def modules(self) -> dict[str, str]:
        """The name of each plugin's module -> the provider."""
        plugins = ((each.module, name) for name, each in self.loaded.items())
        return {getattr(module, "__name__", type(module).__module__): name for module, name in plugins}

    def add(self, name: str, load: Callable[[], object], source: str) -> None:
        """Takes one plugin, or lists it as failed with its reason."""
        plugin = None
        try:
            self._check_name(name)
            plugin = load()
            self.manager.register(plugin, name)
            self._check_hooks(plugin)
            self.loaded[name] = Plugin(name, plugin, self.manager, source)
        except (Exception, SystemExit) as error:  # noqa: BLE001  a stranger's code: only this plugin is lost
            if plugin is not None and self.manager.get_plugin(name) is plugin and name not in self.loaded:
                self.manager.unregister(plugin)
            reason = _reason(error)
            self.failures.append(Failure(name, source, reason))
            log.error("plugin %s (%s) is not loaded: %s", name, source, reason)

    def _check_name(self, name: str) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", name):
            raise PluginError("a provider's name is a small letter, then up to 31 small letters, digits, - or _")
        if name in RESERVED:
            raise PluginError(f"the name {name} has a meaning of its own in a search")
        if name in self.loaded:
            raise PluginError(f"the name is taken by {self.loaded[name].source}")

    def _check_hooks(self, plugin: object) -> None:
        known = [name for name, caller in vars(self.manager.hook).items() if caller.has_spec()]
        callers = {caller.name: caller for caller in self.manager.get_hookcallers(plugin) or ()}
        for name, caller in callers.items():
            for each in caller.get_hookimpls():
                if each.plugin is not plugin or (caller.spec is None and each.optionalhook):
                    continue
                if caller.spec is None:
                    raise PluginError(f"there is no hook {name}.{nearest(name, known)}")
                wanted = inspect.iscoroutinefunction(caller.spec.function)
                if inspect.iscoroutinefunction(each.function) != wanted:
                    kind, word = ("a coroutine", "async def") if wanted else ("a plain function", "def")
                    raise PluginError(f"{name} must be {kind}: {word} {name}(...)")
        for hook in NEEDED:
            if hook not in callers:
                raise PluginError(f"it has no hook {hook} (a function marked @hookimpl)")

    def _problems(self, settings: Settings) -> Iterator[str]:
        for name in settings.providers:
            if name not in self.loaded:
                yield f"[providers.{name}]: there is no such provider.{nearest(name, list(self.loaded))}"
        for name in settings.default:
            if name not in self.loaded:
                yield f"default: there is no provider {name}.{nearest(name, list(self.loaded))}"


def _ours_first(point: EntryPoint) -> tuple[bool, str, str]:
    """No stranger takes the name of a provider of ours."""
    return point.dist is None or point.dist.name != GROUP, point.name, point.value


def _import_file(path: Path) -> ModuleType:
    name = f"{GROUP}_file_{path.stem}"  # a file called json.py must not become everybody's json
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
