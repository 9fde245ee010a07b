"""Finding, loading and isolating plugins: the only file besides `hookspecs` and `hook_checks` that knows pluggy.

A plugin is loaded whole or not at all. One that cannot be imported, misspells a hook, is not async where it must be or
takes a used name is listed with the reason; the others are not affected.
"""

import importlib.util
import itertools
import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from weakref import WeakSet

import msgspec
import pluggy

from imagevault.config.settings import Settings
from imagevault.config.sources import nearest
from imagevault.errors import PluginError
from imagevault.plugins import hookspecs
from imagevault.plugins.declaration import check_info
from imagevault.plugins.declarative.folder import ProviderFolder, is_provider_file, provider_name
from imagevault.plugins.declarative.plugin import DeclarativePlugin, declarative
from imagevault.plugins.hook_checks import check_hooks, check_marks
from imagevault.plugins.provider import Provider

log = logging.getLogger(__name__)

GROUP = "imagevault"
RESERVED_NAMES = {"all"}  # `provider=all` asks every provider
PACKAGE = Path(__file__).parents[1]
NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")  # pexels, tide-pool


class Plugin:
    """A loaded plugin (see `LoadedPlugin`). Creating one calls `provider_info` and checks its answer."""

    def __init__(self, name: str, module: object, manager: pluggy.PluginManager, source: str) -> None:
        self.name = name
        self.source = source
        self.module = module
        self.manager = manager
        self.revision = module.digest if isinstance(module, DeclarativePlugin) else ""
        self.hooks = {caller.name for caller in manager.get_hookcallers(module) or ()}
        self.needs_address = "open_file" not in self.hooks and self._takes_client()
        is_needed_now = self.needs_address and "configure" not in self.hooks  # that hook may give the address
        self.declared = check_info(self.call("provider_info"), "provider_info", needs_address=is_needed_now)

    def _takes_client(self) -> bool:
        """Return whether a hook has the argument `http`, with which it calls the upstream."""
        callers = self.manager.get_hookcallers(self.module) or ()
        own = [hook for caller in callers for hook in caller.get_hookimpls() if hook.plugin is self.module]
        return any("http" in hook.argnames for hook in own)

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
    """Return whether a frame belongs neither to this package nor to the machinery that imports and calls plugins."""
    if frame.filename.startswith("<") or Path(frame.filename).is_relative_to(PACKAGE):
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
        self._folder: ProviderFolder | None = None
        self._replaced: list[Plugin] = []  # earlier versions, which providers of `_previous` may still use
        self._versions = itertools.count()

    @classmethod
    def load(cls, settings: Settings) -> "PluginRegistry":
        """Load the installed plugins and those in `plugins_dir`, and configure their providers."""
        registry = cls()
        for point in _installed():
            registry.add(point.name, point.load, point.source)
        for path in sorted(settings.plugins_dir.glob("[!_]*.py")) if settings.plugins_dir else ():
            registry.add(provider_name(path), partial(_import_file, path), str(path))
        if settings.plugins_dir:
            registry._folder = ProviderFolder(settings.plugins_dir)
            for path in registry._folder.files():
                registry.add(provider_name(path), partial(declarative, path), str(path))
        registry.configure(settings)
        return registry

    def add(self, name: str, load: Callable[[], object], source: str) -> None:
        """Load one plugin, or list it in `failures` with the reason.

        Args:
            name: the provider's name.
            load: imports the plugin and returns it.
            source: where it comes from, for messages.

        """
        try:
            self._check_name(name)
            self.loaded[name] = self._register(name, load(), source)
        except (Exception, SystemExit) as error:  # noqa: BLE001  a stranger's code: only this plugin is lost
            self._note_failure(name, source, _explain(error))

    def _register(self, name: str, module: object, source: str) -> Plugin:
        """Register a plugin and check it. One that is wrong leaves nothing behind. Raises what is wrong."""
        # Earlier plugins of this name stay registered as long as a search uses them.
        registered_name = f"{name} {next(self._versions)}" if self.manager.has_plugin(name) else name
        try:
            check_marks(module)
            self.manager.register(module, registered_name)
            check_hooks(self.manager, module)
            return Plugin(name, module, self.manager, source)
        except BaseException:
            if self.manager.get_plugin(registered_name) is module:
                self.manager.unregister(module)
            raise

    def _note_failure(self, name: str, source: str, reason: str) -> None:
        self.failures.append(LoadFailure(name, source, reason))
        log.error("plugin %s (%s) is not loaded: %s", name, source, reason)

    def reload(self) -> tuple[list[str], bool]:
        """Load the declarative providers of `plugins_dir` again whose files changed; `configure` puts them in force.

        A file that is wrong is listed in `failures`, and the version in force stays. A provider whose file is gone is
        removed.

        Returns:
            The names of these providers, and whether to call again soon because a file may still be changing.

        """
        if self._folder is None:
            return [], False
        changed, is_changing = self._folder.poll()
        # First what is gone: a file that was renamed may take over the name of its provider.
        gone_first = sorted(changed, key=is_provider_file)
        names = [provider_name(path) for path in gone_first if self._reload(path)]
        return list(dict.fromkeys(names)), is_changing

    def _reload(self, path: Path) -> bool:
        """Load, replace or remove the declarative provider of a file. Returns whether that changed a provider."""
        source = str(path)
        name = provider_name(path)
        previous = self.loaded.get(name)
        self.failures = [failure for failure in self.failures if failure.source != source]
        if previous is None or previous.source != source:
            if is_provider_file(path):
                self.add(name, partial(declarative, path), source)
            return name in self.loaded and self.loaded[name] is not previous
        if is_provider_file(path):
            return self._replace(previous, path)
        del self.loaded[name]
        self._replaced.append(previous)
        return True

    def _replace(self, previous: Plugin, path: Path) -> bool:
        """Load the new version of a declarative provider. If it is wrong, the one in force stays."""
        name = previous.name
        try:
            self.loaded[name] = self._register(name, declarative(path), previous.source)
        except (Exception, SystemExit) as error:  # noqa: BLE001  only this version is lost
            self._note_failure(name, previous.source, f"{_explain(error)}; the previous version stays in force")
            return False
        self._replaced.append(previous)
        return True

    def _drop_unused(self) -> None:
        """Forget the earlier versions that no search and no call uses any more."""
        for plugin in list(self._replaced):
            if not any(provider.plugin is plugin for provider in self._previous.get(plugin.name, ())):
                self.manager.unregister(plugin.module)
                self._replaced.remove(plugin)

    def configured(self, settings: Settings) -> dict[str, Provider]:
        """Return every provider as these settings make it: the one in force where they change nothing."""
        return {name: self._configured(plugin, settings) for name, plugin in self.loaded.items()}

    def _configured(self, plugin: Plugin, settings: Settings) -> Provider:
        current = self.providers.get(plugin.name)
        if current is not None and current.plugin is plugin and current.is_configured_by(settings):
            return current
        return Provider(plugin, settings)

    def configure(self, settings: Settings, providers: Mapping[str, Provider] | None = None) -> None:
        """Put these settings in force, and mark previous providers that are now disabled or superseded.

        Args:
            settings: the settings.
            providers: what `configured` returned for them, if it was called before.

        """
        replaced = self.providers
        self.providers = self.configured(settings) if providers is None else providers
        self.problems = list(self._problems(settings))
        for name, provider in replaced.items():
            self._previous.setdefault(name, WeakSet()).add(provider)
            for previous in self._previous[name]:
                previous.compare_with(self.providers.get(name))
        self._drop_unused()

    @property
    def not_loaded(self) -> set[str]:
        """The names of the plugins that could not be loaded."""
        return {failure.name for failure in self.failures} - self.loaded.keys()

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

    def _problems(self, settings: Settings) -> Iterator[str]:
        for name in settings.providers:
            if name not in self.loaded:
                yield f"[providers.{name}]: {self._missing(name, 'there is no such provider')}"
        for name in settings.default:
            if name not in self.loaded:
                yield f"default: {self._missing(name, f'there is no provider {name}')}"

    def _missing(self, name: str, message: str) -> str:
        """The message for a name without a loaded plugin: why it was not loaded, or the nearest name."""
        for failure in self.failures:
            if failure.name == name:
                return f"the plugin {name} is not loaded: {failure.reason}"
        return f"{message}.{nearest(name, list(self.loaded))}"


class _EntryPoint(NamedTuple):
    """An installed plugin, in the order of loading: our own first, so that no other package takes the name of one."""

    is_foreign: bool
    name: str
    value: str
    source: str
    load: Callable[[], object]


def _installed() -> list[_EntryPoint]:
    """The installed plugins in the order of loading."""
    points = entry_points(group=GROUP)
    # Each reading of a name or a version parses all metadata of the distribution.
    sources = {dist: (dist.name, f"{dist.name} {dist.version}") for dist in {point.dist for point in points} if dist}
    found = []
    for point in points:
        package, source = sources[point.dist] if point.dist else ("", point.value)
        found.append(_EntryPoint(package != GROUP, point.name, point.value, source, point.load))
    return sorted(found, key=lambda point: point[:3])


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
