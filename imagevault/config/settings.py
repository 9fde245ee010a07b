"""The settings: every key with its type, default and description, and how one object is made of their sources.

The environment wins over `.env`, that over `imagevault.toml`, that over the defaults. Every key can be set in the file
and in the environment:

| key | in the environment |
|---|---|
| `public_url` | `IMAGEVAULT_PUBLIC_URL` |
| `limits.requests` | `IMAGEVAULT_LIMITS_REQUESTS` |
| `secret_key`, `secret_key_previous`, `database_url` | `SECRET_KEY`, `SECRET_KEY_PREVIOUS`, `DATABASE_URL` |
| `api_key` in `[providers.pexels]` | `PEXELS_API_KEY` |

A variable that is set to the empty string counts as not set.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args

import msgspec
from msgspec import Meta

from imagevault.config import sources
from imagevault.config.config_file import ConfigFile, read_config
from imagevault.config.conversion import converted
from imagevault.config.environment import Variable, read_environment
from imagevault.config.limits import Limits, Rate
from imagevault.config.sources import CONFIG_VARIABLE, PREFIX
from imagevault.errors import ConfigError

UNPREFIXED = {"secret_key": "SECRET_KEY", "secret_key_previous": "SECRET_KEY_PREVIOUS", "database_url": "DATABASE_URL"}


class Argon2(msgspec.Struct, frozen=True, kw_only=True):
    """The cost of a password hash. Default and minimum: OWASP Password Storage Cheat Sheet, Argon2id."""

    memory: Annotated[int, Meta(ge=19456, le=1048576, description="KiB of memory for one password hash")] = 19456
    passes: Annotated[int, Meta(ge=2, le=20, description="passes over that memory")] = 2


class ProviderValue(NamedTuple):
    """A setting of a provider, as it was written, and where."""

    key: str
    value: Any
    source: str


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings in force, as `load` makes them. The fields of `NOT_KEYS` describe the sources and are no settings.

    Attributes:
        config: the config file, None if there is none.
        folder: the folder that the file and `.env` were looked for in.
        text: the text of the file.
        written: the keys that the file sets, with their values as written there.
        providers: the tables `[providers.NAME]` of the file, by name.
        environment: the variables that were set, those of `.env` among them.

    """

    secret_key: Annotated[
        str | None,
        Meta(description="key of at least 32 bytes that signs tokens, cursors and links; generated on loopback"),
    ] = None
    secret_key_previous: Annotated[
        str | None, Meta(description="previous secret key, which still verifies what it signed")
    ] = None
    database_url: Annotated[
        str | None, Meta(description="postgresql://, postgresql+asyncpg:// or sqlite:///; by default SQLite in `data`")
    ] = None
    data: Annotated[
        Path, Meta(description="folder of the SQLite database, the generated secret key and the thumbnails")
    ] = Path("imagevault-data")
    host: Annotated[str, Meta(description="address to listen on")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535, description="port to listen on")] = 8000
    workers: Annotated[int, Meta(ge=1, le=64, description="number of worker processes")] = 1
    public_url: Annotated[
        str | None,
        Meta(description="public URL of this server, used in links to its pictures; by default host and port"),
    ] = None
    allowed_hosts: Annotated[
        tuple[str, ...],
        Meta(description="host names accepted in requests besides loopback, `host` and the host of `public_url`"),
    ] = ()
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(
            description="networks of your reverse proxies; only their `X-Forwarded-For` tells the address of a caller"
        ),
    ] = ()
    allow_networks: Annotated[
        tuple[str, ...],
        Meta(description="private networks from which files of providers may come, such as that of a mirror of yours"),
    ] = ()
    cors_origins: Annotated[
        tuple[str, ...], Meta(description="origins whose pages may call the API, such as https://app.example")
    ] = ()
    default: Annotated[
        tuple[str, ...],
        Meta(description="providers that a search tries in order if it names none; the first that answers is used"),
    ] = ("pexels", "openverse", "local")
    search: Annotated[
        Literal["account", "open"], Meta(description="who may search: only accounts (`account`) or anyone (`open`)")
    ] = "account"
    signup: Annotated[
        Literal["open", "invite", "closed"],
        Meta(
            description="who may create an account: anyone (`open`), anyone with an invitation (`invite`), or nobody "
            "(`closed`)"
        ),
    ] = "open"
    audit_days: Annotated[int, Meta(ge=1, le=3650, description="days for which security events are kept")] = 180
    private_display: Annotated[
        bool, Meta(description="whether the page shows pictures through this server, and asks where terms forbid that")
    ] = False
    deadline: Annotated[float, Meta(ge=0.1, le=30, description="maximum duration of a search in seconds")] = 4.0
    cache_size: Annotated[int, Meta(ge=10, le=1_000_000, description="megabytes of cached pages in the database")] = 512
    token_ttl: Annotated[int, Meta(ge=60, le=86400, description="lifetime of an access token in seconds")] = 3600
    password_min_length: Annotated[
        int, Meta(ge=8, le=128, description="minimum length of a new password; 15 is safer than the default")
    ] = 8
    draining: Annotated[
        bool, Meta(description="whether `/health/ready` answers 503, so that load balancers stop sending requests")
    ] = False
    log: Annotated[
        Literal["console", "json"],
        Meta(description="log format: text for people (`console`) or one JSON object a line (`json`)"),
    ] = "console"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="lowest level that is logged: `debug`, `info`, `warning` or `error`"),
    ] = "info"
    access_log: Annotated[bool, Meta(description="whether the log has a line of level `info` for each request")] = True
    metrics: Annotated[
        Literal["off", "open"], Meta(description="whether anyone may read `/metrics` (`open`), or nobody (`off`)")
    ] = "off"
    metrics_token: Annotated[
        str | None, Meta(description="bearer token of at least 32 bytes, without which nobody reads `/metrics`")
    ] = None
    plugins_dir: Annotated[
        Path | None, Meta(description="folder of single-file provider plugins, for their development")
    ] = None
    limits: Limits = Limits()
    argon2: Argon2 = Argon2()
    config: Path | None = None
    folder: Path = Path()
    text: str = ""
    written: Mapping[str, Any] = {}
    providers: Mapping[str, Mapping[str, Any]] = {}
    environment: Mapping[str, Variable] = {}

    def __repr__(self) -> str:
        """Name the file only, because the fields hold secrets."""
        return f"Settings({self.config or 'no file'})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """The same for rich, which otherwise prints the fields."""
        return [("config", self.config)]

    @property
    def base_url(self) -> str:
        """The URL that callers reach this server at, without a trailing slash."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::", "localhost"} else self.host  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def where(self, key: str) -> str:
        """Where a key is set, for messages: an environment variable, a line of the file, or `default`."""
        name = variable(key)
        if name in self.environment:
            return self.environment[name].source
        if self.config is None:
            return "default"
        place = ConfigFile(self.config, self.text, self.environment).where(key)
        return "default" if place == str(self.config) else place

    def provider_values(self, name: str, fields: Iterable[str]) -> Iterator[ProviderValue]:
        """Return the values that are set for these fields of a provider; the environment wins over the file.

        Keys of the file that are not in `fields` come last.
        """
        table = dict(self.providers.get(name, {}))
        place = f"{self.config}, [providers.{name}]" if self.config else f"[providers.{name}]"
        for field in fields:
            in_file = table.pop(field, None)
            in_environment = self.environment.get(provider_variable(name, field))
            if in_environment is not None:
                yield ProviderValue(field, in_environment.value, in_environment.source)
            elif in_file is not None:
                yield ProviderValue(field, in_file, place)
        for field, value in table.items():
            yield ProviderValue(field, value, place)


NOT_KEYS = {"config", "folder", "text", "written", "providers", "environment"}
SECRET = frozenset({"secret_key", "secret_key_previous", "database_url", "metrics_token"})  # never shown
RESTART = SECRET | {"data", "host", "port", "workers", "public_url", "plugins_dir"}  # need a restart to change


def keys(struct: type[msgspec.Struct] = Settings, prefix: str = "") -> Iterator[tuple[str, msgspec.structs.FieldInfo]]:
    """Return every key in dotted form (`limits.requests`), with its definition."""
    for field in msgspec.structs.fields(struct):
        if field.name in NOT_KEYS:
            continue
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct) and field.type is not Rate:
            yield from keys(field.type, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", field


def variable(key: str) -> str:
    """Return the environment variable of a key, also of `providers.pexels.api_key`."""
    if key.startswith("providers."):
        name, _, field = key.removeprefix("providers.").partition(".")
        return provider_variable(name, field).rstrip("_")
    return UNPREFIXED.get(key) or PREFIX + key.replace(".", "_").upper()


def provider_variable(name: str, key: str) -> str:
    """Return the environment variable of a provider's key: `PEXELS_API_KEY`."""
    return re.sub(r"\W", "_", f"{name}_{key}").upper()


def description(field: msgspec.structs.FieldInfo) -> str:
    """What a key means, in one line."""
    for argument in get_args(field.type):
        if isinstance(argument, Meta):
            return argument.description or ""
    return ""


def load(environ: Mapping[str, str] | None = None, folder: Path | None = None, text: str | None = None) -> Settings:
    """Read the settings of a folder.

    Args:
        environ: the environment variables; by default those of this process.
        folder: where the config file and `.env` are; by default the working directory.
        text: the text of the config file; by default it is read.

    Raises:
        ConfigError: for the first key that is unknown or has a wrong value. A provider's keys are checked later, with
            the definitions of its plugin.

    """
    return _without_mistakes(*read(environ, folder, text))


def read(
    environ: Mapping[str, str] | None = None, folder: Path | None = None, text: str | None = None
) -> tuple[Settings, list[ConfigError]]:
    """Read the settings of a folder as `load` does, and each mistake in them. A key with a mistake has its default.

    Raises:
        ConfigError: what can be read is not the text of any settings.

    """
    folder = folder or Path.cwd()
    environment = read_environment(os.environ if environ is None else environ, folder)
    path = config_path(environment, folder)
    if text is None:
        text = read_config(path)
    if text is None and CONFIG_VARIABLE in environment:
        source = environment[CONFIG_VARIABLE].source
        raise ConfigError(CONFIG_VARIABLE, source, f"there is no file {path}; create it or correct the path")
    return _read(environment, folder, text)


def config_path(environment: Mapping[str, Variable], folder: Path) -> Path:
    """Where the config file is, or would be."""
    if CONFIG_VARIABLE in environment:
        return folder / environment[CONFIG_VARIABLE].value
    return folder / "imagevault.toml"


def make(environment: Mapping[str, Variable], folder: Path, text: str | None) -> Settings:
    """Make the settings of an environment and the text of the config file; None stands for no file.

    Raises:
        ConfigError: for the first key that is unknown or has a wrong value, with its line.

    """
    return _without_mistakes(*_read(environment, folder, text))


def _without_mistakes(settings: Settings, mistakes: list[ConfigError]) -> Settings:
    if mistakes:
        raise mistakes[0]
    return settings


def _read(environment: Mapping[str, Variable], folder: Path, text: str | None) -> tuple[Settings, list[ConfigError]]:
    file = ConfigFile(config_path(environment, folder), text or "", environment)
    settings, mistakes = _settings(environment, folder, file)
    in_lines = [
        ConfigError(mistake.key, file.where(mistake.key), mistake.message)
        if mistake.source == str(file.path)
        else mistake
        for mistake in mistakes
    ]
    return settings if text is not None else msgspec.structs.replace(settings, config=None), in_lines


def _settings(
    environment: Mapping[str, Variable], folder: Path, file: ConfigFile
) -> tuple[Settings, list[ConfigError]]:
    mistakes: list[ConfigError] = []
    source = str(file.path)
    definitions = dict(keys())
    variables = {variable(key): key for key in definitions}
    in_file = dict(sources.keys_in_file(file.document, source, definitions, mistakes))
    given = in_file | dict(sources.keys_in_environment(environment, variables, mistakes))
    providers = sources.provider_tables(file.document, source, mistakes)
    values = dict(converted(given, definitions, folder, mistakes))
    values["data"] = folder / values.get("data", "imagevault-data")
    tables: dict[str, dict[str, Any]] = {"limits": {}, "argon2": {}}
    for key in [key for key in values if "." in key]:
        table, _, name = key.partition(".")
        tables[table][name] = values.pop(key)
    settings = Settings(
        **values,
        limits=Limits(**tables["limits"]),
        argon2=Argon2(**tables["argon2"]),
        config=file.path,
        folder=folder,
        text=file.text,
        written={key: value.value for key, value in in_file.items()} | sources.dotted(providers),
        providers=providers,
        environment=environment,
    )
    return settings, mistakes
