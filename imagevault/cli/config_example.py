"""The config file as its own documentation: an example with every key, and what is in force with its sources.

Both are made from the definitions of the settings, so that they cannot tell anything else than the code does.
"""

import json
import textwrap
from pathlib import Path
from typing import Any

import msgspec

from imagevault.config.settings import RESTART, SECRET, Rate, Settings, description, keys, provider_variable, variable
from imagevault.plugins.provider_settings import HOST_FIELDS
from imagevault.plugins.registry import PluginRegistry
from imagevault.security.redaction import SECRET_NAME

HEAD = """\
# imagevault.toml: every key with its default. Take the # away from what you change.
# A running server has a change within a second; a file with a mistake in it is refused, and all stays as it was.
# ${NAME} takes a value from the environment, so that keys stay out of this file; $$ is a plain $.
# A variable of the environment wins over this file; each key names its own.
"""
WIDTH = 118
SAMPLES = {  # where the default is nothing, what a value looks like
    "secret_key": "${SECRET_KEY}",
    "secret_key_previous": "${SECRET_KEY_PREVIOUS}",
    "database_url": "postgresql://imagevault:${DATABASE_PASSWORD}@db.example.org/imagevault",
    "public_url": "https://images.example.org",
    "allowed_hosts": ["images.example.org"],
    "cors_origins": ["https://app.example.org"],
    "plugins_dir": "plugins",
    "base_url": "http://127.0.0.1:9999/v1/",
    "quota": ["5000/hour"],
    "contact": "ops@images.example.org",
}
PERIODS = {1: "second", 60: "minute", 3600: "hour", 86400: "day"}


class Row(msgspec.Struct, frozen=True):
    """One key in force: its value as text (`***` for a secret), and where it comes from."""

    key: str
    value: str
    source: str


def example(plugins: PluginRegistry) -> str:
    """A config file in which every key of ours and of each provider stands, commented out."""
    blocks = [HEAD]
    table = ""
    for key, field in keys():
        head, _, name = key.rpartition(".")
        if head != table:
            table = head
            blocks.append(f"[{table}]\n")
        restart = "; needs a restart" if key in RESTART else ""
        blocks.append(_entry(name, variable(key), field, f"{description(field)}{restart}"))
    blocks.append("# A table for each provider.\n")
    for name, plugin in sorted(plugins.loaded.items()):
        info = plugin.declared
        own = msgspec.structs.fields(info.settings)
        entries = [_entry(field.name, provider_variable(name, field.name), field, description(field)) for field in own]
        defaults: dict[str, object] = {
            "page_size": info.page_size,
            "cache_for": max(info.cache_for, info.must_cache_for),
        }
        defaults |= {"quota": [quota.name for quota in info.quotas]} if info.quotas else {}
        entries += [
            _entry(key, provider_variable(name, key), field, description(field), defaults.get(key))
            for key, field in HOST_FIELDS.items()
        ]
        blocks.append("".join([f"[providers.{name}]  # {info.title}\n", *entries]))
    return "\n".join(block.rstrip("\n") + "\n" for block in blocks)


def in_force(settings: Settings, plugins: PluginRegistry) -> list[Row]:
    """Every key with its value and its source: the environment, `.env`, the file or `default`."""
    rows = []
    for key, _ in keys():
        value: Any = settings
        for name in key.split("."):
            value = getattr(value, name)
        rows.append(Row(key, "***" if key in SECRET and value else _text(value), settings.where(key)))
    for name, plugin in sorted(plugins.loaded.items()):
        fields = {*HOST_FIELDS, *plugin.declared.settings.__struct_fields__}
        for key, value, _ in settings.provider_values(name, sorted(fields)):
            shown = "***" if value and (SECRET_NAME.search(key) or key not in fields) else _text(value)
            rows.append(Row(f"providers.{name}.{key}", shown, settings.where(f"providers.{name}.{key}")))
    return rows


def _entry(name: str, variable: str, field: msgspec.structs.FieldInfo, meaning: str, default: object = None) -> str:
    value = default if default is not None else field.default
    if value is None or value is msgspec.NODEFAULT or value == ():
        value = SAMPLES.get(name, f"${{{variable}}}" if SECRET_NAME.search(name) else "")
    wrapped = textwrap.wrap(f"{meaning} ({variable})".strip(), WIDTH - 2)
    return "\n".join([*(f"# {line}" for line in wrapped), f"# {name} = {_toml(value)}", ""])


def _toml(value: object) -> str:
    """A value as it stands in the file; JSON writes text, lists, numbers and booleans as TOML does."""
    return json.dumps(_plain(value), ensure_ascii=False)


def _text(value: object) -> str:
    plain = _plain(value)
    return ", ".join(map(str, plain)) if isinstance(plain, list) else "" if plain is None else str(plain)


def _plain(value: object) -> object:
    match value:
        case Rate(amount=amount, seconds=seconds):
            return f"{amount}/{PERIODS[seconds]}"
        case Path():
            return str(value)
        case tuple() | list():
            return list(value)
    return value
