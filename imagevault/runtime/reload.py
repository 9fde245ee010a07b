"""The settings in force while the server runs: a changed config file takes their place, or is refused as a whole."""

import logging
from collections.abc import Callable, Iterator, Mapping

import msgspec

from imagevault.config.config_file import ConfigFile
from imagevault.config.settings import RESTART, Settings, config_path, keys, make, variable
from imagevault.errors import ConfigError
from imagevault.plugins.provider import Provider
from imagevault.plugins.registry import PluginRegistry

log = logging.getLogger(__name__)

Subscriber = Callable[[Settings, Mapping[str, Provider]], None]


class LiveSettings:
    """The settings in force, and whoever wants to know when others come into force.

    A follower is given the new settings and the providers until now. `refusal`: what is wrong with the file as it is;
    `waiting`: keys that it changes and that need a restart.
    """

    def __init__(self, settings: Settings, plugins: PluginRegistry) -> None:
        self.settings = settings
        self.plugins = plugins
        self.subscribers: list[Subscriber] = []
        self.refusal: ConfigError | None = None
        self.waiting: list[str] = []
        self.path = config_path(settings.environment, settings.folder)
        self.read: object = None  # what was read last
        self.moving: object = None  # what was seen last, and is not known to be all
        self.polls = 0
        check_default(settings, plugins)

    def subscribe(self, follower: Subscriber) -> None:
        """Calls the follower whenever other settings come into force, all followers without a pause between them."""
        self.subscribers.append(follower)

    def poll(self) -> bool:
        """Takes the file if it changed and has kept still since the last look. Whether it should be looked at soon."""
        try:
            text: object = ConfigFile.read(self.path)
        except ConfigError as error:
            text = error
        if _same(text, self.read):
            self.polls = 0
            return False
        self.polls = self.polls + 1 if _same(text, self.moving) else 1
        self.moving = text
        if self.polls < (4 if text in {None, ""} else 2):  # an empty or missing one is half written, most often
            return True
        first, self.read, self.polls = self.read is None, text, 0
        if not (first and text is None):
            self._take(text)
        return False

    def problems(self) -> list[str]:
        """What an admin should know of the config: a refused file, what waits for a restart, what has no effect."""
        refused = [f"refused, the settings before it stay: {self.refusal}"] if self.refusal else []
        waiting = [f"{key}: changed in the file; a restart puts it in force" for key in self.waiting]
        wrong = [str(error) for _, error in wrong_providers(self.settings, self.plugins.providers)]
        return [*refused, *waiting, *wrong, *shadowed(self.settings), *self.plugins.problems]

    def _take(self, text: object) -> None:
        try:
            try:
                settings, providers = self._judged(text)
            except (OSError, ValueError) as error:
                raise ConfigError(self.path.name, str(self.path), f"cannot be used: {type(error).__name__}") from None
        except ConfigError as error:
            self.refusal = error
            log.error("config refused: %s; the settings before it stay", error, extra={"file": str(self.path)})
            return
        if self.refusal is not None:
            log.warning("config good again")
        self.refusal = None
        self._put_in_force(settings, providers)

    def _judged(self, text: object) -> tuple[Settings, Mapping[str, Provider]]:
        """What the file says, whole. Raises ConfigError for the first thing in it that is wrong."""
        if text is None:
            raise ConfigError(self.path.name, str(self.path), "is gone; write an empty file to have the defaults")
        if isinstance(text, ConfigError):
            raise text
        settings = make(self.settings.environment, self.settings.folder, str(text))
        check_default(settings, self.plugins)
        providers = self.plugins.configured(settings)
        for name, error in wrong_providers(settings, providers):
            former = self.plugins.providers.get(name)
            if former is None or former.config_error != providers[name].config_error:
                raise error
        return settings, providers

    def _put_in_force(self, settings: Settings, providers: Mapping[str, Provider]) -> None:
        self.waiting = [key for key in sorted(RESTART) if getattr(settings, key) != getattr(self.settings, key)]
        settings = msgspec.structs.replace(settings, **{key: getattr(self.settings, key) for key in RESTART})
        changed = [*_changed(self.settings, settings), *self.waiting]
        before, self.settings = self.plugins.providers, settings
        self.plugins.configure(settings, providers)
        for follower in self.subscribers:
            follower(settings, before)
        if changed:
            log.warning("config changed: %s", ", ".join(changed), extra={"needs_restart": self.waiting})
            for problem in self.problems():
                log.warning("config: %s", problem)


def check_default(settings: Settings, plugins: PluginRegistry) -> None:
    """Raises ConfigError if no provider of the default chain exists."""
    if not any(name in plugins.loaded for name in settings.default):
        known = ", ".join(sorted(plugins.loaded))
        raise ConfigError("default", settings.where("default"), f"names no provider; there are {known}")


def wrong_providers(settings: Settings, providers: Mapping[str, Provider]) -> Iterator[tuple[str, ConfigError]]:
    """The providers that are set wrongly, each with an error that names the line; to lack a setting is not wrong."""
    for name, provider in providers.items():
        if provider.config_error:
            key = f"providers.{name}" + (f".{provider.config_error_key}" if provider.config_error_key else "")
            yield name, ConfigError(key, settings.where(key), provider.config_error)


def shadowed(settings: Settings) -> list[str]:
    """The keys of the file that have no effect because the environment sets them too."""
    found = []
    for key, value in settings.written.items():
        name = variable(key)
        if name in settings.environment and settings.environment[name][0].lower() != _as_text(value).lower():
            found.append(f"{key}: shadowed by {settings.environment[name][1]}")
    return found


def _as_text(value: object) -> str:
    """A value of the file as one would write it into the environment."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _changed(old: Settings, new: Settings) -> Iterator[str]:
    for key, _ in keys():
        if _value(old, key) != _value(new, key):
            yield key
    for name in sorted({*old.providers, *new.providers}):
        before, after = old.providers.get(name, {}), new.providers.get(name, {})
        yield from (f"providers.{name}.{key}" for key in sorted({*before, *after}) if before.get(key) != after.get(key))


def _value(settings: Settings, key: str) -> object:
    value: object = settings
    for name in key.split("."):
        value = getattr(value, name)
    return value


def _same(one: object, other: object) -> bool:
    if isinstance(one, ConfigError) and isinstance(other, ConfigError):
        return str(one) == str(other)
    return one == other
