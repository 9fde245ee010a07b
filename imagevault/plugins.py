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
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal

import httpx
import msgspec
import pluggy
from msgspec import Meta

from imagevault import hookspecs
from imagevault.errors import InvalidResponse, NotFound, PluginError, Unconfigured
from imagevault.memory import Memory
from imagevault.records import Image, Page, ProviderInfo, Quota, SearchQuery
from imagevault.settings import Settings, nearest, provider_variable
from imagevault.values import check_url, clean_key, convert

log = logging.getLogger(__name__)

GROUP = "imagevault"
NEEDED = ("provider_info", "search_images")
RESERVED = {"all"}  # `provider=all` asks every one
State = Literal["ok", "disabled", "unconfigured", "failed"]


class HostSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the host itself reads from `[providers.NAME]` and `NAME_KEY`; the other keys are the plugin's."""

    enabled: Annotated[bool, Meta(description="switches the provider on or off")] = True
    base_url: Annotated[str | None, Meta(description="another address of the upstream: a mirror, a simulation")] = None
    timeout: Annotated[float, Meta(ge=0.1, le=30, description="seconds it may take in one search")] = 3.0
    quota: Annotated[
        tuple[str, ...], Meta(description="calls it allows, such as 5000/hour, instead of the declared of that period")
    ] = ()
    cache_for: Annotated[int, Meta(ge=0, description="seconds a page is fresh, within its terms")] | None = None
    page_size: Annotated[int, Meta(ge=1, description="images it is asked for at once")] | None = None


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
        self.lacking = False
        self.hooks = {caller.name for caller in manager.get_hookcallers(plugin) or ()}
        self.holds_files = "open_file" in self.hooks
        self.declared = self.info = _checked(self._call("provider_info"), "provider_info")

    def _call(self, hook: str, **arguments: Any) -> Any:
        others = [other for other in self.manager.get_plugins() if other is not self.plugin]
        answers = self.manager.subset_hook_caller(hook, others)(**arguments)
        return answers[0] if answers else None

    def configure(self, settings: Settings) -> None:
        """Takes these settings; a missing or wrong key makes the provider `unconfigured` and says which."""
        self.state, self.reason, self.keep, self.lacking = "ok", None, Memory(), False
        self.host, self.settings, self.info = HostSettings(), None, self.declared
        try:
            self.settings = self.declared.settings(**self._values(settings))
            if "configure" in self.hooks:
                self.info = _checked(self._call("configure", info=self.info, settings=self.settings), "configure")
            self.info = _in_force(self.info, self.host)
        except (Unconfigured, ValueError) as error:
            self.state, self.reason = "unconfigured", str(error)
        except (Exception, SystemExit) as error:  # noqa: BLE001  a stranger's code: only this provider is lost
            self.state, self.reason = "failed", _reason(error)
        if not self.host.enabled:
            self.state, self.reason = "disabled", f"switched off: enabled = false for {self.name}"

    def _values(self, settings: Settings) -> dict[str, Any]:
        """The plugin's own settings; the host's, which come first, are taken at once."""
        host = {field.name: field for field in msgspec.structs.fields(HostSettings)}
        own = {field.name: field for field in msgspec.structs.fields(self.declared.settings)}
        values: dict[str, Any] = {}
        for key, value, source in settings.provider_values(self.name, [*host, *own]):
            converted = _convert(self.name, key, value, source, host | own)
            if key in host:
                self.host = msgspec.structs.replace(self.host, **{key: converted})
            elif (key, converted) != ("api_key", ""):
                values[key] = converted
        for key, field in own.items():
            if field.required and key not in values:
                self.lacking = True
                raise Unconfigured(
                    f"{provider_variable(self.name, key)} is not set (or {key} in [providers.{self.name}])"
                )
        return values

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

    async def image_downloaded(self, image: Image, http: httpx.AsyncClient) -> None:
        """Tells the provider of a download, if it wants to know. Raises what the plugin raises."""
        if "image_downloaded" in self.hooks:
            await self._call("image_downloaded", image=image, http=http, settings=self.settings, keep=self.keep)

    def open_file(self, image_id: str, rendition: str, scratch: Path) -> Path | None:
        """The file of a rendition; blocks, so call it in a thread."""
        path = self._call("open_file", image_id=image_id, rendition=rendition, settings=self.settings, scratch=scratch)
        if path is not None and not isinstance(path, Path):
            raise InvalidResponse(f"open_file of {self.name} must return a Path or None")
        return path


def _in_force(info: ProviderInfo, host: HostSettings) -> ProviderInfo:
    """The info as the admin's settings change it. ValueError where the provider's terms or nature forbid that."""
    configured = {quota.period: quota for quota in map(Quota.parse, host.quota)}
    quotas = [
        msgspec.structs.replace(each, limit=configured.pop(each.period).limit) if each.period in configured else each
        for each in info.quotas
    ]
    if host.cache_for is not None and host.cache_for < info.must_cache_for:
        raise ValueError(f"cache_for: must be at least {info.must_cache_for}; the terms of {info.title} demand it")
    if host.page_size is not None and host.page_size > info.page_size:
        raise ValueError(f"page_size: must be at most {info.page_size}; {info.title} gives no more at once")
    return msgspec.structs.replace(
        info,
        quotas=[*quotas, *configured.values()],
        cache_for=max(info.cache_for if host.cache_for is None else host.cache_for, info.must_cache_for),
        page_size=host.page_size or info.page_size,
    )


def _convert(name: str, key: str, value: object, source: str, fields: dict[str, msgspec.structs.FieldInfo]) -> Any:
    if key not in fields:
        raise Unconfigured(f"{key}: there is no such setting of {name}.{nearest(key, list(fields))} ({source})")
    try:
        converted = convert(value, fields[key].type)
        if key == "base_url":
            check_url(converted)
        if key == "api_key" and isinstance(converted, str):
            converted = clean_key(converted)
    except ValueError as error:
        raise Unconfigured(f"{key}: {error} ({source})") from None
    return converted


def _checked(info: object, hook: str) -> ProviderInfo:
    """The info, whose values a Struct does not check when it is made. Raises PluginError with what is wrong."""
    if not isinstance(info, ProviderInfo):
        raise PluginError(f"{hook} must return a ProviderInfo, not {type(info).__name__}")
    for field in msgspec.structs.fields(ProviderInfo):
        if field.name == "settings":
            continue
        try:
            msgspec.convert(msgspec.to_builtins(getattr(info, field.name)), field.type)
        except (msgspec.ValidationError, TypeError) as error:
            raise PluginError(f"{hook}: {field.name}: {error}".replace("`", "")) from None
    if not isinstance(info.settings, type) or not issubclass(info.settings, msgspec.Struct):
        raise PluginError(f"{hook}: settings: must be a subclass of msgspec.Struct")
    try:
        own = {field.name for field in msgspec.structs.fields(info.settings)}
    except NameError as error:
        raise PluginError(f"{hook}: settings: {error}") from None
    for name in own.intersection(HostSettings.__struct_fields__):
        raise PluginError(f"{hook}: settings: {name} is a key of the host's own; call it otherwise")
    return info


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
        for point in sorted(entry_points(group=GROUP), key=_ours_first):
            distribution = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
            plugins.add(point.name, point.load, distribution)
        for path in sorted(settings.plugins_dir.glob("[!_]*.py")) if settings.plugins_dir else ():
            plugins.add(path.stem, partial(_import_file, path), str(path))
        for provider in plugins.providers.values():
            provider.configure(settings)
        plugins.problems = list(plugins._problems(settings))
        return plugins

    def modules(self) -> dict[str, str]:
        """The name of each plugin's module -> the provider."""
        plugins = ((each.plugin, name) for name, each in self.providers.items())
        return {getattr(plugin, "__name__", type(plugin).__module__): name for plugin, name in plugins}

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
            reason = _reason(error)
            self.failures.append(Failure(name, source, reason))
            log.error("plugin %s (%s) is not loaded: %s", name, source, reason)

    def _check_name(self, name: str) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", name):
            raise PluginError("a provider's name is a small letter, then up to 31 small letters, digits, - or _")
        if name in RESERVED:
            raise PluginError(f"the name {name} has a meaning of its own in a search")
        if name in self.providers:
            raise PluginError(f"the name is taken by {self.providers[name].source}")

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
            if name not in self.providers:
                yield f"[providers.{name}]: there is no such provider.{nearest(name, list(self.providers))}"
        for name in settings.default:
            if name not in self.providers:
                yield f"default: there is no provider {name}.{nearest(name, list(self.providers))}"


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
