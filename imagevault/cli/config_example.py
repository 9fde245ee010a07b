"""The config file as its own documentation: an example with every key, and the settings in force with their sources.

Both are made from the definitions of the settings, so they always agree with the code.
"""

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from imagevault.config.limits import Rate
from imagevault.config.settings import RESTART, SECRET, Settings, description, keys, provider_variable, variable
from imagevault.plugins.host_settings import HOST_FIELDS
from imagevault.plugins.provider import TIMEOUT
from imagevault.plugins.registry import PluginRegistry
from imagevault.records import ProviderInfo
from imagevault.security.redaction import SECRET_NAME

HEAD = """\
# imagevault.toml: every key with its default. Remove the # in front of a key to change it.
# A running server applies a change within a second. It refuses a file with an error, and keeps the previous settings.
# ${NAME} inserts the value of an environment variable, which keeps secrets out of this file. $$ is a plain $.
# Environment variables take precedence over this file. The variable of each key is in parentheses.
"""
WIDTH = 118
SAMPLES = {  # example values of keys without a default
    "secret_key": "${SECRET_KEY}",
    "secret_key_previous": "${SECRET_KEY_PREVIOUS}",
    "database_url": "postgresql://imagevault:${DATABASE_PASSWORD}@db.example.org/imagevault",
    "public_url": "https://images.example.org",
    "allowed_hosts": ["images.example.org"],
    "cors_origins": ["https://app.example.org"],
    "trusted_proxies": ["10.0.0.0/8"],
    "allow_networks": ["192.168.7.0/24"],
    "plugins_dir": "plugins",
    "base_url": "http://127.0.0.1:9999/v1/",
    "files_path": "/files",
    "quota": ["5000/hour"],
    "contact": "ops@images.example.org",
}
PERIODS = {1: "second", 60: "minute", 3600: "hour", 86400: "day"}


class Row(msgspec.Struct, frozen=True):
    """A key in force, its value as text (`***` for a secret), and its source."""

    key: str
    value: str
    source: str


def example(plugins: PluginRegistry) -> str:
    """A config file with every key of the server and of each provider, commented out."""
    blocks = [HEAD, *_server_blocks(), "# A table for each provider.\n"]
    blocks += [_provider_block(name, plugin.declared) for name, plugin in sorted(plugins.loaded.items())]
    return "\n".join(block.rstrip("\n") + "\n" for block in blocks)


def _server_blocks() -> Iterator[str]:
    table = ""
    for key, field in keys():
        key_table, _, name = key.rpartition(".")
        if key_table != table:
            table = key_table
            yield f"[{table}]\n"
        restart = "; needs a restart" if key in RESTART else ""
        yield _entry(name, variable(key), field, f"{description(field)}{restart}")


def _provider_block(name: str, info: ProviderInfo) -> str:
    entries = [
        _entry(field.name, provider_variable(name, field.name), field, description(field))
        for field in msgspec.structs.fields(info.settings)
    ]
    declared: dict[str, object] = {
        "page_size": info.page_size,
        "timeout": info.timeout or TIMEOUT,
        "cache_for": max(info.cache_for, info.must_cache_for),
    }
    if info.quotas:
        declared["quota"] = [quota.name for quota in info.quotas]
    entries += [
        _entry(key, provider_variable(name, key), field, description(field), declared.get(key))
        for key, field in HOST_FIELDS.items()
    ]
    return f"[providers.{name}]  # {info.title}\n" + "".join(entries)


def in_force(settings: Settings, plugins: PluginRegistry) -> list[Row]:
    """Every key with its value and its source: the environment, `.env`, the file or `default`."""
    rows = [_row(settings, key) for key, _ in keys()]
    for name, plugin in sorted(plugins.loaded.items()):
        fields = {*HOST_FIELDS, *plugin.declared.settings.__struct_fields__}
        for setting in settings.provider_values(name, sorted(fields)):
            is_secret = bool(SECRET_NAME.search(setting.key)) or setting.key not in fields  # perhaps a misspelt secret
            key = f"providers.{name}.{setting.key}"
            rows.append(Row(key, "***" if setting.value and is_secret else _text(setting.value), settings.where(key)))
    return rows


def _row(settings: Settings, key: str) -> Row:
    value: Any = settings
    for name in key.split("."):
        value = getattr(value, name)
    return Row(key, "***" if key in SECRET and value else _text(value), settings.where(key))


def _entry(name: str, variable: str, field: msgspec.structs.FieldInfo, meaning: str, default: object = None) -> str:
    """A key as a comment with its meaning and its variable, and below it the key with its default."""
    value = default if default is not None else field.default
    if value is None or value is msgspec.NODEFAULT or value == ():
        value = SAMPLES.get(name, f"${{{variable}}}" if SECRET_NAME.search(name) else "")
    comment = textwrap.wrap(f"{meaning} ({variable})".strip(), WIDTH - 2)
    return "\n".join([*(f"# {line}" for line in comment), f"# {name} = {_toml(value)}", ""])


def _toml(value: object) -> str:
    """A value as TOML. JSON writes text, lists, numbers and booleans in the same way."""
    return json.dumps(_plain(value), ensure_ascii=False)


def _text(value: object) -> str:
    plain = _plain(value)
    if isinstance(plain, list):
        return ", ".join(map(str, plain))
    if isinstance(plain, bool):
        return _toml(plain)
    return "" if plain is None else str(plain)


def _plain(value: object) -> object:
    match value:
        case Rate(amount=amount, seconds=seconds):
            return f"{amount}/{PERIODS[seconds]}"
        case Path():
            return str(value)
        case tuple() | list():
            return list(value)
    return value
