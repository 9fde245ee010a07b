"""Settings: environment over `.env` over `imagevault.toml` over defaults, made into one frozen object.

Every key can be set in the file and in the environment: `public_url` is `IMAGEVAULT_PUBLIC_URL`, `limits.requests` is
`IMAGEVAULT_LIMITS_REQUESTS`; `SECRET_KEY`, `SECRET_KEY_PREVIOUS` and `DATABASE_URL` go by their own names. A provider's
keys are `[providers.NAME]` in the file and `NAME_KEY` in the environment. A variable set to nothing counts as not set.
"""

import difflib
import ipaddress
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from imagevault.config import config_file as sources
from imagevault.config import validation as values
from imagevault.config.config_file import ConfigFile
from imagevault.errors import ConfigError

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
OWN_NAMES = {"secret_key": "SECRET_KEY", "secret_key_previous": "SECRET_KEY_PREVIOUS", "database_url": "DATABASE_URL"}
PREFIX = "IMAGEVAULT_"


class Rate(msgspec.Struct, frozen=True):
    """`amount` per `seconds`, written `600/minute`."""

    amount: int
    seconds: int

    @classmethod
    def parse(cls, text: object) -> "Rate":
        """The rate that `600/minute` says; ValueError says what would be right."""
        pattern = r"\s*([0-9]{1,9})\s*/\s*(second|minute|hour|day)\s*"
        found = re.fullmatch(pattern, text) if isinstance(text, str) else None
        if found is None or not int(found[1]):
            raise ValueError("must be a number per second, minute, hour or day, such as 600/minute")
        return cls(int(found[1]), SECONDS[found[2]])


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much one caller may ask of us."""

    requests: Annotated[Rate, Meta(description="requests of one caller at each worker, all at once if need be")] = Rate(
        600, 60
    )
    signup: Annotated[Rate, Meta(description="accounts made from one address at each worker")] = Rate(5, 3600)


class Argon2(msgspec.Struct, frozen=True, kw_only=True):
    """The cost of a password hash. Default and floor: OWASP Password Storage Cheat Sheet, Argon2id."""

    memory: Annotated[int, Meta(ge=19456, le=1048576, description="KiB of memory for one password hash")] = 19456
    passes: Annotated[int, Meta(ge=2, le=20, description="passes over that memory")] = 2


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings in force. Made by `load`, which names the key, the source and the right value of what is wrong.

    `config`: the file they came from, if there is one, and `text` what it says; `written`: the keys that it sets, with
    their values; `folder`: where it was looked for.
    """

    secret_key: Annotated[
        str | None, Meta(description="signs tokens, cursors and links; 32 bytes or more; made by itself on loopback")
    ] = None
    secret_key_previous: Annotated[str | None, Meta(description="the key before, still good for checking")] = None
    database_url: Annotated[
        str | None, Meta(description="postgresql://, postgresql+asyncpg:// or sqlite:///; by default SQLite in `data`")
    ] = None
    data: Annotated[Path, Meta(description="folder of the embedded database, the secret and thumbnails")] = Path(
        "imagevault-data"
    )
    host: Annotated[str, Meta(description="address to listen on")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535, description="port to listen on")] = 8000
    workers: Annotated[int, Meta(ge=1, le=64, description="worker processes")] = 1
    public_url: Annotated[
        str | None, Meta(description="how callers reach this server; picture links begin with it; by default the bind")
    ] = None
    allowed_hosts: Annotated[
        tuple[str, ...], Meta(description="host names to answer to, besides loopback, `host` and that of `public_url`")
    ] = ()
    cors_origins: Annotated[
        tuple[str, ...], Meta(description="origins whose pages may call this API, such as https://app.example")
    ] = ()
    default: Annotated[
        tuple[str, ...], Meta(description="providers tried in turn when a search names none; the first to answer wins")
    ] = ("pexels", "openverse", "local")
    search: Annotated[
        Literal["account", "open"], Meta(description="who may search: those with an account, or anyone (`open`)")
    ] = "account"
    signup: Annotated[
        Literal["open", "closed"], Meta(description="whether strangers may make an account (`open` or `closed`)")
    ] = "open"
    deadline: Annotated[float, Meta(ge=0.1, le=30, description="seconds a search may take")] = 4.0
    token_ttl: Annotated[int, Meta(ge=60, le=86400, description="seconds an access token is good for")] = 3600
    password_min_length: Annotated[
        int, Meta(ge=8, le=128, description="characters a new password must have; 15 is better than the default")
    ] = 8
    draining: Annotated[
        bool, Meta(description="tell load balancers to send no more requests; those that come are answered")
    ] = False
    log: Annotated[
        Literal["console", "json"], Meta(description="how log lines are written: for people, or a JSON object each")
    ] = "console"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="the least serious lines that are written")
    ] = "info"
    plugins_dir: Annotated[Path | None, Meta(description="folder of single-file plugins under construction")] = None
    limits: Limits = Limits()
    argon2: Argon2 = Argon2()
    config: Path | None = None
    folder: Path = Path()
    text: str = ""
    written: Mapping[str, Any] = {}
    providers: Mapping[str, Mapping[str, Any]] = {}
    environment: Mapping[str, tuple[str, str]] = {}

    def __repr__(self) -> str:
        """Names the file only: the fields hold secrets."""
        return f"Settings({self.config or 'no file'})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """The same for rich, which would print the fields."""
        return [("config", self.config)]

    @property
    def base_url(self) -> str:
        """How callers reach this server, without a slash at the end."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::", "localhost"} else self.host  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def where(self, key: str) -> str:
        """Where a key is set, for messages: an environment variable, a line of the file, or `default`."""
        if variable(key) in self.environment:
            return self.environment[variable(key)][1]
        if self.config is None:
            return "default"
        place = ConfigFile(self.config, self.text, self.environment).where(key)
        return "default" if place == str(self.config) else place

    def provider_values(self, name: str, fields: Iterable[str]) -> Iterator[tuple[str, Any, str]]:
        """What is set for a provider, as (field, value, source), the environment winning; unknown keys come last."""
        table = dict(self.providers.get(name, {}))
        for field in fields:
            inherited = table.pop(field, None)
            if found := self.environment.get(provider_variable(name, field)):
                yield field, found[0], found[1]
            elif inherited is not None:
                yield field, inherited, f"{self.config}, [providers.{name}]"
        for field, value in table.items():
            yield field, value, f"{self.config}, [providers.{name}]"


NOT_KEYS = {"config", "folder", "text", "written", "providers", "environment"}
SECRET = frozenset({"secret_key", "secret_key_previous", "database_url"})  # never shown
# What a running server cannot change: who it is, where it stands, and what it is made of.
RESTART = SECRET | {"data", "host", "port", "workers", "public_url", "plugins_dir"}
CHECKS: dict[str, Callable[[Any], None]] = {
    "secret_key": values.check_secret,
    "secret_key_previous": values.check_secret,
    "database_url": values.check_database,
    "host": values.check_host,
    "public_url": values.check_url,
    "allowed_hosts": values.check_hosts,
    "cors_origins": values.check_origins,
    "default": values.check_names,
}


def keys(struct: type[msgspec.Struct] = Settings, prefix: str = "") -> Iterator[tuple[str, msgspec.structs.FieldInfo]]:
    """Every key with its definition, in dotted form (`limits.requests`)."""
    for field in msgspec.structs.fields(struct):
        if field.name in NOT_KEYS:
            continue
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct) and field.type is not Rate:
            yield from keys(field.type, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", field


def variable(key: str) -> str:
    """The environment variable of a key, `providers.pexels.api_key` too."""
    if key.startswith("providers."):
        return provider_variable(*f"{key.removeprefix('providers.')}.".split(".", 1)).rstrip("_")
    return OWN_NAMES.get(key) or PREFIX + key.replace(".", "_").upper()


def provider_variable(name: str, key: str) -> str:
    """The environment variable of a provider's key: `PEXELS_API_KEY`."""
    return re.sub(r"\W", "_", f"{name}_{key}").upper()


def description(field: msgspec.structs.FieldInfo) -> str:
    """What a key means, in one line."""
    meta = next((arg for arg in get_args(field.type) if isinstance(arg, Meta)), None)
    return (meta and meta.description) or ""


def nearest(name: str, known: Iterable[str]) -> str:
    """` Did you mean X?`, or nothing if no known name is near."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]}?" if close else ""


def load(environ: Mapping[str, str] | None = None, folder: Path | None = None, text: str | None = None) -> Settings:
    """The settings in force in `folder` (the working directory), with this text of the config file if one is given.

    Raises ConfigError for the first key that is unknown or wrong; a provider's own keys are left to its plugin.
    """
    folder = folder or Path.cwd()
    environment = sources.environment(os.environ if environ is None else environ, folder)
    path = config_path(environment, folder)
    text = ConfigFile.read(path) if text is None else text
    if text is None and PREFIX + "CONFIG" in environment:
        raise ConfigError(PREFIX + "CONFIG", environment[PREFIX + "CONFIG"][1], f"there is no file {path}")
    return make(environment, folder, text)


def config_path(environment: Mapping[str, tuple[str, str]], folder: Path) -> Path:
    """Where the config file is, or would be."""
    return folder / environment.get(PREFIX + "CONFIG", ("imagevault.toml", ""))[0]


def make(environment: Mapping[str, tuple[str, str]], folder: Path, text: str | None) -> Settings:
    """The settings that this environment and this text of the config file make. Raises ConfigError, with the line."""
    path = config_path(environment, folder)
    file = ConfigFile(path, text or "", environment)
    try:
        settings = _made(environment, folder, file)
    except ConfigError as error:
        if error.source != str(path):
            raise
        raise ConfigError(error.key, file.where(error.key), error.message) from None
    return settings if text is not None else msgspec.structs.replace(settings, config=None)


def _made(environment: Mapping[str, tuple[str, str]], folder: Path, file: ConfigFile) -> Settings:
    source = str(file.path)
    written = dict(_in_document(file.document, source))
    found = written | dict(_in_environment(environment))
    definitions = dict(keys())
    converted = {key: _convert(key, definitions[key], value, source) for key, (value, source) in found.items()}
    converted["data"] = folder / converted.get("data", "imagevault-data")
    if converted.get("plugins_dir") is not None:
        converted["plugins_dir"] = folder / converted["plugins_dir"]
        if not converted["plugins_dir"].is_dir():
            raise ConfigError("plugins_dir", found["plugins_dir"][1], f"there is no folder {converted['plugins_dir']}")
    nested: dict[str, dict[str, Any]] = {"limits": {}, "argon2": {}}
    for key in [key for key in converted if "." in key]:
        table, name = key.split(".")
        nested[table][name] = converted.pop(key)
    providers = _provider_tables(file.document, source)
    return Settings(
        **converted,
        limits=Limits(**nested["limits"]),
        argon2=Argon2(**nested["argon2"]),
        config=file.path,
        folder=folder,
        text=file.text,
        written={key: value for key, (value, _) in written.items()}
        | {f"providers.{name}.{key}": value for name, table in providers.items() for key, value in table.items()},
        providers=providers,
        environment=environment,
    )


def _in_document(document: Mapping[str, Any], source: str) -> Iterator[tuple[str, tuple[Any, str]]]:
    known = [key for key, _ in keys()]
    tables = {key.partition(".")[0] for key in known if "." in key}
    for name, value in document.items():
        if name == "providers":
            continue
        entries = {name: value}
        if name in tables:
            if not isinstance(value, dict):
                raise ConfigError(name, source, f"must be a table: [{name}]")
            entries = {f"{name}.{inner}": each for inner, each in value.items()}
        for key, each in entries.items():
            if key not in known:
                near = nearest(key, [*known, *sorted(tables), "providers"])
                raise ConfigError(key, source, f"there is no such setting.{near}")
            yield key, (each, source)


def _in_environment(environment: Mapping[str, tuple[str, str]]) -> Iterator[tuple[str, tuple[Any, str]]]:
    known = {variable(key): key for key, _ in keys()}
    for name, found in environment.items():
        if name in known:
            yield known[name], found
        elif name.startswith(PREFIX) and name != PREFIX + "CONFIG":
            own = name.removeprefix(PREFIX)
            near = f" Did you mean {own}?" if own in known else nearest(name, [*known, PREFIX + "CONFIG"])
            raise ConfigError(name, found[1], f"there is no such setting.{near}")


def _provider_tables(document: Mapping[str, Any], source: str) -> Mapping[str, Mapping[str, Any]]:
    tables = document.get("providers", {})
    if not isinstance(tables, dict):
        raise ConfigError("providers", source, "must be tables, one for each provider: [providers.NAME]")
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigError(f"providers.{name}", source, f"must be a table: [providers.{name}]")
    return tables


def _convert(key: str, field: msgspec.structs.FieldInfo, value: object, source: str) -> Any:
    try:
        converted = values.convert(value, field.type)
        CHECKS.get(key, lambda _: None)(converted)
    except ValueError as error:
        raise ConfigError(key, source, f"{error}; it is: {description(field)}") from None
    return converted


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
