"""What an admin sets for one provider: read, converted, checked, and made into a `ProviderConfig`."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import FieldInfo

from imagevault.config.settings import Settings, provider_variable
from imagevault.config.sources import nearest
from imagevault.config.validation import check_path, check_url, clean_key, convert, is_loopback
from imagevault.errors import Unconfigured
from imagevault.plugins.declaration import check_info
from imagevault.plugins.host_settings import HOST_FIELDS, HostSettings
from imagevault.quotas import Quota
from imagevault.records import ProviderInfo
from imagevault.security.redaction import SECRET_NAME, pattern_of, redacted

ProviderState = Literal["ok", "disabled", "unconfigured", "failed"]


class LoadedPlugin(Protocol):
    """A loaded plugin: its hooks, called one by one, and the info that it declares.

    Attributes:
        name: the provider's name.
        source: where the plugin comes from: a distribution and its version, or a file.
        declared: what `provider_info` returned.
        hooks: the names of the hooks that it has.
        needs_address: whether it makes calls, so that its info must have a `base_url`.
        revision: a digest of what it is made of, where it can change while the server runs; else empty.

    """

    name: str
    source: str
    declared: ProviderInfo
    hooks: set[str]
    needs_address: bool
    revision: str

    def call(self, hook: str, **arguments: Any) -> Any:
        """Return what this hook of the plugin returns; None if it has no such hook."""
        ...

    def explain(self, error: BaseException) -> str:
        """Return what went wrong and where, in one line, for the plugin's author."""
        ...


class ConfiguredValue(msgspec.Struct, frozen=True):
    """One value as an admin wrote it.

    Attributes:
        key: the key in `[providers.NAME]`.
        value: text from the environment, or any TOML value.
        source: where it was found, for messages. Two values that differ only in this are the same setting.

    """

    key: str
    value: Any
    source: str

    @property
    def setting(self) -> tuple[str, Any]:
        """The key with its value."""
        return self.key, self.value


class ProviderConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings make of one provider.

    Attributes:
        state: `ok`; `disabled`: an admin switched it off; `unconfigured`: a setting is missing or wrong; `failed`: its
            plugin raised an error.
        reason: why the state is not `ok`, for admins. It holds no secret.
        config_error: what is wrong, also while the provider is disabled; None if only a setting is missing.
        config_error_key: the key that is wrong, where it is one.
        further_errors: the other keys that are wrong, with what is wrong with each.
        missing_variable: the environment variable of a required setting that is missing; None if none is.
        host: the values of the host's own keys.
        settings: the plugin's own settings; None if they could not be made.
        info: the declared info as the settings change it.

    """

    state: ProviderState
    reason: str | None = None
    config_error: str | None = None
    config_error_key: str | None = None
    further_errors: tuple[tuple[str, str], ...] = ()
    missing_variable: str | None = None
    host: HostSettings
    settings: msgspec.Struct | None
    info: ProviderInfo


class _WrongSetting(Unconfigured):
    """A setting is unknown or has a wrong value.

    Attributes:
        key: its name.
        source: where its value was found, if known.
        further: the other settings of the provider that are wrong.

    """

    def __init__(self, key: str, message: str, *, source: str | None = None) -> None:
        super().__init__(f"{key}: {message}")
        self.key = key
        self.source = source
        self.further: list[_WrongSetting] = []


class _MissingSetting(Unconfigured):
    """A required setting is missing.

    Attributes:
        variable: its environment variable.

    """

    def __init__(self, provider: str, key: str) -> None:
        self.variable = provider_variable(provider, key)
        super().__init__(f"{self.variable} is not set (or {key} in [providers.{provider}])")


def read_values(plugin: LoadedPlugin, settings: Settings) -> list[ConfiguredValue]:
    """Return what is set for this provider: the host's keys first, then the plugin's, then unknown keys."""
    known = [*HOST_FIELDS, *plugin.declared.settings.__struct_fields__]
    return [ConfiguredValue(*found) for found in settings.provider_values(plugin.name, known)]


def configure(plugin: LoadedPlugin, values: list[ConfiguredValue]) -> ProviderConfig:
    """Make a provider's configuration from the values that are set for it. Never raises.

    An error of the plugin costs its own provider only.
    """
    config = _ConfigBuilder(plugin).build(values)
    known_secrets = pattern_of(value for _, value in private_texts(values, config.settings))
    config = msgspec.structs.replace(
        config,
        reason=config.reason and redacted(config.reason, known_secrets),
        config_error=config.config_error and redacted(config.config_error, known_secrets),
        further_errors=tuple((key, redacted(error, known_secrets)) for key, error in config.further_errors),
    )
    if config.host.enabled:
        return config
    return msgspec.structs.replace(
        config,
        state="disabled",
        reason=f"switched off: enabled = false for {plugin.name}",
    )


class _ConfigBuilder:
    """Builds one provider's configuration. What was read before an error is part of the result."""

    def __init__(self, plugin: LoadedPlugin) -> None:
        self.plugin = plugin
        self.host = HostSettings()
        self.settings: msgspec.Struct | None = None
        self.info = plugin.declared

    def build(self, values: list[ConfiguredValue]) -> ProviderConfig:
        """Return the configuration; an error decides its state and reason."""
        try:
            self._read(values)
        except _MissingSetting as error:
            return self._result("unconfigured", str(error), missing_variable=error.variable)
        except _WrongSetting as error:
            source = f" ({error.source})" if error.source else ""
            return self._result(
                "unconfigured",
                f"{error}{source}",
                config_error=str(error),
                config_error_key=error.key,
                further_errors=tuple((further.key, str(further)) for further in error.further),
            )
        except (Unconfigured, ValueError) as error:
            return self._result("unconfigured", str(error), config_error=str(error))
        except (Exception, SystemExit) as error:  # noqa: BLE001  a stranger's code: only this provider is lost
            reason = self.plugin.explain(error)
            return self._result("failed", reason, config_error=reason)
        return self._result("ok", None)

    def _read(self, values: list[ConfiguredValue]) -> None:
        own_fields = {field.name: field for field in msgspec.structs.fields(self.plugin.declared.settings)}
        own_values = self._convert(values, own_fields)
        _check_required(self.plugin.name, own_fields, own_values)
        self.settings = self.plugin.declared.settings(**own_values)
        if "configure" in self.plugin.hooks:
            info = self.plugin.call("configure", info=self.info, settings=self.settings)
            needs_address = self.plugin.needs_address and self.host.base_url is None
            self.info = check_info(info, "configure", needs_address=needs_address)
        self.info = _with_host_settings(self.info, self.host)
        _check_encryption(self.host)
        _check_files_path(self.host)

    def _convert(self, values: list[ConfiguredValue], own_fields: Mapping[str, FieldInfo]) -> dict[str, Any]:
        """Take the host's values and return the plugin's.

        Raises:
            _WrongSetting: the first value that is wrong, with the others. Those that are right are taken all the same,
                so a wrong value does not hide that the provider is disabled.

        """
        own_values: dict[str, Any] = {}
        wrong: list[_WrongSetting] = []
        for given in values:
            try:
                converted = _converted(self.plugin.name, given, {**HOST_FIELDS, **own_fields})
            except _WrongSetting as error:
                wrong.append(error)
                continue
            if given.key in HOST_FIELDS:
                self.host = msgspec.structs.replace(self.host, **{given.key: converted})
            elif given.key == "api_key" and converted == "":
                continue  # a blank key counts as not set
            else:
                own_values[given.key] = converted
        if wrong:
            wrong[0].further = wrong[1:]
            raise wrong[0]
        return own_values

    def _result(self, state: ProviderState, reason: str | None, **errors: Any) -> ProviderConfig:
        return ProviderConfig(
            state=state,
            reason=reason,
            host=self.host,
            settings=self.settings,
            info=self.info,
            **errors,
        )


def private_texts(values: list[ConfiguredValue], settings: msgspec.Struct | None) -> list[tuple[str, str]]:
    """Return the plugin's own settings that are text, as (key, text).

    These are the values as they were written, however the configuration ended, and the values in force. A default is
    left out unless its name says that it is secret.
    """
    texts = [
        (given.key, given.value.strip())
        for given in values
        if isinstance(given.value, str) and given.value.strip() and given.key not in HOST_FIELDS
    ]
    for field in msgspec.structs.fields(settings) if settings else ():
        value = getattr(settings, field.name)
        is_default = value == field.default and not SECRET_NAME.search(field.name)
        if isinstance(value, str) and value and not is_default:
            texts.append((field.name, value))
    return texts


def _converted(name: str, given: ConfiguredValue, fields: Mapping[str, FieldInfo]) -> Any:
    key = given.key
    if key not in fields:
        message = f"there is no such setting of {name}.{nearest(key, list(fields))}"
        raise _WrongSetting(key, message, source=given.source)
    try:
        converted = convert(given.value, fields[key].type, example=fields[key].default)
        if key == "base_url":
            check_url(converted)
        if key == "files_path":
            check_path(converted)
        if key == "api_key" and isinstance(converted, str):
            converted = clean_key(converted)
    except ValueError as error:
        raise _WrongSetting(key, str(error), source=given.source) from None
    return converted


def _check_required(name: str, fields: Mapping[str, FieldInfo], values: Mapping[str, Any]) -> None:
    for key, field in fields.items():
        if field.required and key not in values:
            raise _MissingSetting(name, key)


def _with_host_settings(info: ProviderInfo, host: HostSettings) -> ProviderInfo:
    """Return the info with the admin's quota, cache time and page size.

    Raises:
        _WrongSetting: if the provider's terms or abilities do not allow one of them.

    """
    if host.cache_for is not None and host.cache_for < info.must_cache_for:
        raise _WrongSetting("cache_for", f"must be at least {info.must_cache_for}; the terms of {info.title} demand it")
    if host.page_size is not None and host.page_size != info.page_size and info.fixed_page_size:
        raise _WrongSetting("page_size", f"must be {info.page_size}; the pages of {info.title} have this size always")
    if host.page_size is not None and host.page_size > info.page_size:
        raise _WrongSetting("page_size", f"must be at most {info.page_size}; {info.title} gives no more at once")
    if host.page_size is not None and host.page_size < info.min_page_size:
        raise _WrongSetting(
            "page_size", f"must be at least {info.min_page_size}; {info.title} accepts no smaller pages"
        )
    cache_for = info.cache_for if host.cache_for is None else host.cache_for
    return msgspec.structs.replace(
        info,
        quotas=_quotas(info, host),
        cache_for=max(cache_for, info.must_cache_for),
        page_size=host.page_size or info.page_size,
    )


def _check_encryption(host: HostSettings) -> None:
    """Refuse an address that sends calls unencrypted over a network, unless the admin allows it."""
    if host.base_url is None or host.allow_http:
        return
    parts = urlsplit(host.base_url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        message = "must begin with https://; for a host in your own network, set allow_http = true beside it"
        raise _WrongSetting("base_url", message)


def _check_files_path(host: HostSettings) -> None:
    """Refuse a path for the files where the upstream is at its own address: its terms say where its files are."""
    if host.files_path is not None and host.base_url is None:
        raise _WrongSetting("files_path", "is a path at the host of base_url; set base_url beside it")


def _quotas(info: ProviderInfo, host: HostSettings) -> list[Quota]:
    """Return the declared quotas with the admin's limits, and the admin's quotas for other lengths of time."""
    try:
        configured = {quota.key: quota for quota in map(Quota.parse, host.quota)}
    except ValueError as error:
        raise _WrongSetting("quota", str(error).removeprefix("quota: ")) from None
    quotas = []
    for declared in info.quotas:
        replacement = configured.pop(declared.key, declared)
        quotas.append(msgspec.structs.replace(declared, limit=replacement.limit))
    return [*quotas, *configured.values()]
