"""Changing the config file for an admin, by tomlkit, which keeps comments and order."""

import codecs
import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable

from imagevault.config.config_file import ConfigFile
from imagevault.config.settings import Settings, config_path, make, nearest, provider_variable
from imagevault.errors import ConfigError, ImageVaultError
from imagevault.plugins.registry import PluginRegistry

try:
    import fcntl
except ImportError:  # pragma: no cover  (Windows, where a folder cannot be opened either)
    fcntl = None  # type: ignore[assignment]


def switch(settings: Settings, name: str, *, on: bool) -> Path:
    """Writes `enabled` for a provider, making the file or the table if need be. Answers the file.

    Raises ImageVaultError if there is no such provider, if the environment decides, or if the file cannot be written.
    """
    known = [*PluginRegistry.load(settings).loaded]
    if name not in known:
        raise ImageVaultError(
            f"there is no provider {name}.{nearest(name, known)} There are: {', '.join(sorted(known))}"
        )
    name_in_environment = provider_variable(name, "enabled")
    if name_in_environment in settings.environment:
        source = settings.environment[name_in_environment][1]
        raise ImageVaultError(f"{source} decides whether {name} is on; change or remove it")
    path = config_path(settings.environment, settings.folder)
    with _turn(path):
        ConfigFile.read(path)  # says what is wrong with it, in our words
        raw = path.read_bytes() if path.exists() else b""
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
        changed = _changed(settings, path, text, name, on=on)
        make(settings.environment, settings.folder, changed)  # never writes what a server would refuse
        if b"\r\n" in raw:
            changed = changed.replace("\n", "\r\n")
        _replace(path, changed.encode("utf-8-sig" if raw.startswith(codecs.BOM_UTF8) else "utf-8"))
    return path


@contextlib.contextmanager
def _turn(path: Path) -> Iterator[None]:
    """Of two commands at once the second one waits, and changes what the first one wrote.

    They lock the file's folder, for the file itself is another after each change.
    """
    handle = os.open(path.resolve().parent, os.O_RDONLY)
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _changed(settings: Settings, path: Path, text: str, name: str, *, on: bool) -> str:
    try:
        header = ConfigFile(path, text, settings.environment).line(f"providers.{name}")
        document = tomlkit.parse(text)
        providers = document.setdefault("providers", tomlkit.table(is_super_table=True))
        table = providers.setdefault(
            name, tomlkit.inline_table() if isinstance(providers, InlineTable) else tomlkit.table()
        )
        lines = text.split("\n")
        if header and "enabled" not in table and re.match(r"\s*\[[^\[]", lines[header - 1]):
            # tomlkit would put it at the end, below a comment that belongs to the table after this one
            lines.insert(header, f"enabled = {str(on).lower()}")
            return "\n".join(lines)
        table["enabled"] = on
    except (TOMLKitError, AttributeError, TypeError, ValueError) as error:
        raise ConfigError(path.name, str(path), f"cannot be changed: {error}") from None
    return tomlkit.dumps(document)


def _replace(path: Path, content: bytes) -> None:
    """All of it or nothing, with the rights that the file had; a link stays one."""
    path = path.resolve()
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600  # it may come to hold keys
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(mode)
        owner = (path if path.exists() else path.parent).stat()
        if (owner.st_uid, owner.st_gid) != (draft.stat().st_uid, draft.stat().st_gid):
            os.chown(draft, owner.st_uid, owner.st_gid)  # the server must be able to read what an admin wrote
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
