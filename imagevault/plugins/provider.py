"""A provider in force: a loaded plugin with the settings it runs on. It never changes; other settings make another."""

import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import httpx
import msgspec
from msgspec import Meta

from imagevault.config.settings import Settings, description, nearest, provider_variable
from imagevault.config.validation import check_url, clean_key, convert
from imagevault.errors import InvalidResponse, NotFound, PluginError, Unconfigured
from imagevault.plugins.cache import PluginCache
from imagevault.records import Image, Page, ProviderInfo, Quota, SearchQuery
from imagevault.security.redaction import SECRET_NAME, pattern_of, redacted

State = Literal["ok", "disabled", "unconfigured", "failed"]


class HostSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the host itself reads from `[providers.NAME]` and `NAME_KEY`; the other keys are the plugin's."""

    enabled: Annotated[bool, Meta(description="switches the provider on or off")] = True
    base_url: Annotated[str | None, Meta(description="another address of the upstream: a mirror, a simulation")] = None
    timeout: Annotated[float, Meta(ge=0.1, le=30, description="seconds it may take in one search")] = 3.0
    quota: Annotated[
        tuple[str, ...], Meta(description="calls it allows, such as 5000/hour, instead of the declared of that period")
    ] = ()
    cache_for: Annotated[
        Annotated[int, Meta(ge=0)] | None, Meta(description="seconds a page is fresh, within its terms")
    ] = None
    page_size: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="images it is asked for at once")] = None


HOST_FIELDS = {field.name: field for field in msgspec.structs.fields(HostSettings)}


class Hooks(Protocol):
    """A loaded plugin, as a provider sees it: its hooks, called one by one, and what it declared of itself."""

    name: str
    source: str
    declared: ProviderInfo
    hooks: set[str]

    def call(self, hook: str, **arguments: Any) -> Any:
        """What this plugin's hook answers, None if it has no such hook."""
        ...

    def explain(self, error: BaseException) -> str:
        """What went wrong and where, in one line, for the plugin's author."""
        ...


class Provider:
    """One provider with the settings that it runs on.

    `state` and `reason`: whether it can be asked, and why not. `lacking`: a setting is missing. `fault`: what is set
    wrongly, also where it is switched off, and `wrong` the key of it, where it is one.
    `withdrawn`: it was switched off meanwhile, and nothing more may leave. `superseded`: it is reached by another key
    or address meanwhile.
    """

    def __init__(self, plugin: Hooks, settings: Settings) -> None:
        self.plugin = plugin
        self.name = plugin.name
        self.source = plugin.source
        self.hooks = plugin.hooks
        self.declared = plugin.declared
        self.holds_files = "open_file" in plugin.hooks
        self.keep = PluginCache()
        self.state: State = "ok"
        self.reason: str | None = None
        self.lacking = False
        self.fault: str | None = None
        self.wrong: str | None = None
        self.withdrawn = self.superseded = False
        self.host, self.info = HostSettings(), self.declared
        self.settings: msgspec.Struct | None = None
        self.given = [(key, value) for key, value, _ in self._given(settings)]
        self._configure(settings)

    def suits(self, settings: Settings) -> bool:
        """Whether these settings say the same of this provider as those that it has."""
        return self.fault is None and self.given == [(key, value) for key, value, _ in self._given(settings)]

    @property
    def reached_by(self) -> tuple[str | None, msgspec.Struct | None]:
        """What a call depends on: the address, and the plugin's own settings, the key among them."""
        return self.host.base_url, self.settings

    @property
    def excuse(self) -> str:
        """Why it cannot be asked, for everybody: what is set wrongly is for admins only."""
        return f"{self.info.title} is set wrongly; an admin sees why" if self.fault else f"{self.reason}"

    @property
    def secrets(self) -> list[str]:
        """The values that must not be shown: those of keys, secrets, tokens and passwords."""
        return [value for name, value in self._texts() if SECRET_NAME.search(name)]

    def redacted(self, text: str) -> str:
        """The text without any setting of the plugin's own, secret by its name or not, and without credentials."""
        return redacted(text, self._hidden)

    @functools.cached_property
    def _hidden(self) -> re.Pattern[str] | None:
        return pattern_of(value for _, value in self._texts())

    def _texts(self) -> Iterator[tuple[str, str]]:
        """The plugin's own settings that are text and set, in whatever state it is, and those secret by their name."""
        for key, value in self.given:
            if isinstance(value, str) and value.strip() and key not in HOST_FIELDS:
                yield key, value.strip()
        for field in msgspec.structs.fields(self.settings) if self.settings else ():
            value = getattr(self.settings, field.name)
            if value and isinstance(value, str) and (value != field.default or SECRET_NAME.search(field.name)):
                yield field.name, value

    def _configure(self, settings: Settings) -> None:
        try:
            self.settings = self.declared.settings(**self._values(settings))
            if "configure" in self.hooks:
                self.info = checked(self._call("configure", info=self.info, settings=self.settings), "configure")
            self.info = _in_force(self.info, self.host)
        except _Lacking as error:
            self.state, self.reason, self.lacking = "unconfigured", str(error), True
        except (Unconfigured, ValueError) as error:
            self.state, self.reason = "unconfigured", str(error)
            self.fault, self.wrong = self.reason, getattr(error, "key", None)
            if source := getattr(error, "source", None):
                self.reason += f" ({source})"
        except (Exception, SystemExit) as error:  # noqa: BLE001  a stranger's code: only this provider is lost
            self.state, self.reason = "failed", self.plugin.explain(error)
            self.fault = self.reason
        self.reason = self.reason and self.redacted(self.reason)
        self.fault = self.fault and self.redacted(self.fault)
        if not self.host.enabled:
            self.state, self.reason = "disabled", f"switched off: enabled = false for {self.name}"

    def _given(self, settings: Settings) -> Iterator[tuple[str, Any, str]]:
        return settings.provider_values(self.name, [*HOST_FIELDS, *self.declared.settings.__struct_fields__])

    def _values(self, settings: Settings) -> dict[str, Any]:
        """The plugin's own settings; the host's, which come first, are taken at once."""
        own = {field.name: field for field in msgspec.structs.fields(self.declared.settings)}
        values: dict[str, Any] = {}
        for key, value, source in self._given(settings):
            converted = _convert(self.name, key, value, source, HOST_FIELDS | own)
            if key in HOST_FIELDS:
                self.host = msgspec.structs.replace(self.host, **{key: converted})
            elif (key, converted) != ("api_key", ""):
                values[key] = converted
        for key, field in own.items():
            if field.required and key not in values:
                raise _Lacking(f"{provider_variable(self.name, key)} is not set (or {key} in [providers.{self.name}])")
        return values

    def _call(self, hook: str, **arguments: Any) -> Any:
        return self.plugin.call(hook, **arguments)

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


class _Wrong(Unconfigured):
    """A setting is unknown or has a wrong value."""

    def __init__(self, key: str, message: str, source: str | None = None) -> None:
        super().__init__(message)
        self.key = key
        self.source = source


class _Lacking(Unconfigured):
    """A setting is missing."""


def _in_force(info: ProviderInfo, host: HostSettings) -> ProviderInfo:
    """The info as the admin's settings change it. Unconfigured where the provider's terms or nature forbid that."""
    try:
        configured = {quota.period: quota for quota in map(Quota.parse, host.quota)}
    except ValueError as error:
        raise _Wrong("quota", str(error)) from None
    quotas = [
        msgspec.structs.replace(each, limit=configured.pop(each.period).limit) if each.period in configured else each
        for each in info.quotas
    ]
    if host.cache_for is not None and host.cache_for < info.must_cache_for:
        raise _Wrong(
            "cache_for", f"cache_for: must be at least {info.must_cache_for}; the terms of {info.title} demand it"
        )
    if host.page_size is not None and host.page_size > info.page_size:
        raise _Wrong("page_size", f"page_size: must be at most {info.page_size}; {info.title} gives no more at once")
    return msgspec.structs.replace(
        info,
        quotas=[*quotas, *configured.values()],
        cache_for=max(info.cache_for if host.cache_for is None else host.cache_for, info.must_cache_for),
        page_size=host.page_size or info.page_size,
    )


def _convert(name: str, key: str, value: object, source: str, fields: dict[str, msgspec.structs.FieldInfo]) -> Any:
    if key not in fields:
        raise _Wrong(key, f"{key}: there is no such setting of {name}.{nearest(key, list(fields))}", source)
    try:
        converted = convert(value, fields[key].type)
        if key == "base_url":
            check_url(converted)
        if key == "api_key" and isinstance(converted, str):
            converted = clean_key(converted)
    except ValueError as error:
        words = description(fields[key])
        raise _Wrong(key, f"{key}: {error}{words and f'; it is: {words}'}", source) from None
    return converted


def checked(info: object, hook: str) -> ProviderInfo:
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
    for name in own.intersection(HOST_FIELDS):
        raise PluginError(f"{hook}: settings: {name} is a key of the host's own; call it otherwise")
    return info
