"""Changing the config file for an admin, by tomlkit, which keeps comments and order."""

import os
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from imagevault.errors import ConfigError, ImageVaultError
from imagevault.plugins import Plugins
from imagevault.settings import Settings, config_path, make, nearest, provider_variable
from imagevault.sources import ConfigFile


def switch(settings: Settings, name: str, *, on: bool) -> Path:
    """Writes `enabled` for a provider, making the file or the table if need be. Answers the file.

    Raises ImageVaultError if there is no such provider, if the environment decides, or if the file cannot be written.
    """
    known = [*Plugins.load(settings).loaded]
    if name not in known:
        raise ImageVaultError(
            f"there is no provider {name}.{nearest(name, known)} There are: {', '.join(sorted(known))}"
        )
    name_in_environment = provider_variable(name, "enabled")
    if name_in_environment in settings.environment:
        source = settings.environment[name_in_environment][1]
        raise ImageVaultError(f"{source} decides whether {name} is on; change or remove it")
    path = config_path(settings.environment, settings.folder)
    text = ConfigFile.read(path) or ""
    try:
        document = tomlkit.parse(text)
        providers = document.setdefault("providers", tomlkit.table(is_super_table=True))
        providers.setdefault(name, tomlkit.table())["enabled"] = on
    except (TOMLKitError, AttributeError, TypeError, ValueError) as error:
        raise ConfigError(path.name, str(path), f"cannot be changed: {error}") from None
    changed = tomlkit.dumps(document)
    make(settings.environment, settings.folder, changed)  # never writes what a server would refuse
    _replace(path, changed)
    return path


def _replace(path: Path, text: str) -> None:
    """All of it or nothing, with the rights that the file had; a link stays one."""
    path = path.resolve()
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600  # it may come to hold keys
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(mode)
        owner = (path if path.exists() else path.parent).stat()
        if (owner.st_uid, owner.st_gid) != (draft.stat().st_uid, draft.stat().st_gid):
            os.chown(draft, owner.st_uid, owner.st_gid)  # the server must be able to read what an admin wrote
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
