"""Edits of the config file that keep its comments and its order."""

import codecs
import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import tomlkit
from filelock import FileLock
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable

from imagevault.config.config_file import ConfigFile, read_config
from imagevault.config.settings import Settings, config_path, make, provider_variable
from imagevault.errors import ConfigError, ImageVaultError
from imagevault.files.atomic_write import write_atomically
from imagevault.plugins.registry import PluginRegistry
from imagevault.search.choice import unknown_provider


def set_enabled(settings: Settings, name: str, *, enabled: bool) -> Path:
    """Write `enabled` in the table of a provider. A missing file or table is created.

    Returns:
        The config file.

    Raises:
        BadInput: there is no such provider.
        ImageVaultError: the environment sets `enabled`.
        ConfigError: the file is wrong, before the change or after it.
        ImageVaultError: the file cannot be written. It is then unchanged.

    """
    _check_provider(settings, name)
    path = config_path(settings.environment, settings.folder)
    with _named_errors(path), _lock(path):
        read_config(path)  # raises our own error if the file cannot be read
        raw = path.read_bytes() if path.exists() else b""
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
        changed = _with_enabled(settings, path, text, name, enabled=enabled)
        make(settings.environment, settings.folder, changed)  # raises if a server would refuse the new text
        _replace(path, _encode_like(raw, changed))
    return path


@contextlib.contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    """Turn an OSError into one that names the config file, and not a lock or a draft beside it."""
    try:
        yield
    except OSError as error:
        remedy = ""
        if isinstance(error, PermissionError):
            remedy = f"; run the command as a user who may write to the folder {path.resolve().parent}"
        raise ImageVaultError(f"{path} cannot be changed: {error.strerror}{remedy}") from None


def _check_provider(settings: Settings, name: str) -> None:
    known = PluginRegistry.load(settings).loaded
    if name not in known:
        raise unknown_provider(name, known)
    variable = settings.environment.get(provider_variable(name, "enabled"))
    if variable is not None:
        raise ImageVaultError(f"{variable.source} decides whether {name} is enabled; change or remove it")


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Let one command at a time edit the file.

    The lock is a hidden file beside the config file, `.imagevault.toml.lock`. The holder removes it before it releases
    the lock; filelock notices in the waiting commands that the file is gone and creates another.
    """
    target = path.resolve()
    target.parent.stat()  # raises OSError for a missing folder, which filelock would create
    lock_file = target.with_name(f".{target.name}.lock")
    with FileLock(lock_file):
        try:
            yield
        finally:
            lock_file.unlink(missing_ok=True)


def _with_enabled(settings: Settings, path: Path, text: str, name: str, *, enabled: bool) -> str:
    """The text with `enabled` set in the table of the provider."""
    try:
        header = ConfigFile(path, text, settings.environment).line(f"providers.{name}")
        document = tomlkit.parse(text)
        providers = document.setdefault("providers", tomlkit.table(is_super_table=True))
        new_table = tomlkit.inline_table() if isinstance(providers, InlineTable) else tomlkit.table()
        table = providers.setdefault(name, new_table)
        if header is not None and "enabled" not in table:
            lines = text.split("\n")
            if re.match(r"\s*\[[^\[]", lines[header - 1]):  # `[providers.local]`
                # tomlkit appends the key at the end, below a comment that belongs to the table after this one.
                lines.insert(header, f"enabled = {str(enabled).lower()}")
                return "\n".join(lines)
        table["enabled"] = enabled
    except (TOMLKitError, AttributeError, TypeError, ValueError) as error:
        message = f"cannot be changed: {error}; edit it by hand"
        raise ConfigError(path.name, str(path), message) from None
    return tomlkit.dumps(document)


def _encode_like(raw: bytes, text: str) -> bytes:
    """The text with the line ends and the byte order mark of the file before."""
    if b"\r\n" in raw:
        text = text.replace("\n", "\r\n")
    return text.encode("utf-8-sig" if raw.startswith(codecs.BOM_UTF8) else "utf-8")


def _replace(path: Path, content: bytes) -> None:
    """Write the file whole, with its permissions and its owner. A symbolic link still leads to it."""
    target = path.resolve()
    if target.exists():
        before = target.stat()
        write_atomically(
            target, content, mode=before.st_mode & 0o777, owner=(before.st_uid, before.st_gid), durable=True
        )
    else:
        folder = target.parent.stat()  # its owner must be able to read what another admin writes
        write_atomically(target, content, mode=0o600, owner=(folder.st_uid, folder.st_gid), durable=True)
