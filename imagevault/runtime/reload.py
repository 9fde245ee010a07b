"""The settings in force while the server runs. A changed config file replaces them, or is refused as a whole."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping

import msgspec

from imagevault.config.config_file import read_config
from imagevault.config.environment import OutOfFiles
from imagevault.config.settings import RESTART, Settings, config_path, keys, make, variable
from imagevault.errors import ConfigError
from imagevault.plugins.provider import Provider
from imagevault.plugins.registry import PluginRegistry

log = logging.getLogger(__name__)

STABLE_POLLS = 2  # equal readings before a changed file is taken: an editor may still be writing
STABLE_POLLS_EMPTY = 4  # the same for an empty or missing file, which is usually half written
OUT_OF_FILES_INTERVAL = 60.0  # seconds between two lines that too many files are open

Subscriber = Callable[[Settings, Mapping[str, Provider]], None]


class FileSnapshot(msgspec.Struct, frozen=True):
    """One reading of the config file.

    Attributes:
        text: its text, None if there is no file or if it cannot be read.
        error: why it cannot be read.

    """

    text: str | None = None
    error: ConfigError | None = None

    def equals(self, other: "FileSnapshot | None") -> bool:
        """Whether both readings gave the same text or the same error."""
        return other is not None and self.text == other.text and str(self.error) == str(other.error)

    @property
    def is_empty(self) -> bool:
        """Whether the file is missing or has no text."""
        return self.error is None and not self.text


class LiveSettings:
    """The settings in force, and the subscribers to their changes.

    Attributes:
        settings: the settings in force.
        refusal: what is wrong with the config file, None if it is valid.
        needs_restart: keys that the file changes and that only a restart puts in force.
        path: the config file.

    Raises:
        ConfigError: no provider of the default list is loaded.

    """

    def __init__(self, settings: Settings, plugins: PluginRegistry) -> None:
        check_default(settings, plugins)
        self.settings = settings
        self.plugins = plugins
        self.refusal: ConfigError | None = None
        self.needs_restart: list[str] = []
        self.path = config_path(settings.environment, settings.folder)
        self._subscribers: list[Subscriber] = []
        self._taken: FileSnapshot | None = None  # the reading that was taken or refused last
        self._candidate: FileSnapshot | None = None  # a different reading, which must repeat before it is taken
        self._out_of_files_at: float | None = None  # when the log said so last, in seconds of time.monotonic
        self._readings = 0  # how often the candidate was read in a row

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call `subscriber(new_settings, previous_providers)` at each change.

        All subscribers run before the event loop runs anything else, so a request sees either all of the previous
        settings or all of the new ones.
        """
        self._subscribers.append(subscriber)

    def poll(self) -> bool:
        """Read the file and those of declarative providers, and take what changed and has stopped changing.

        Returns:
            Whether to poll again soon, because a file has changed and may still be changing.

        """
        is_changing = self._poll_providers()
        return self._poll_config() or is_changing

    def _poll_providers(self) -> bool:
        """Put changed declarative providers of `plugins_dir` in force. Returns whether a file may still be changing."""
        names, is_changing = self.plugins.reload()
        if names:
            previous_providers = self.plugins.providers
            self.plugins.configure(self.settings)
            for subscriber in self._subscribers:
                subscriber(self.settings, previous_providers)
            log.warning("declarative providers changed: %s", ", ".join(names))
        return is_changing

    def _poll_config(self) -> bool:
        try:
            snapshot = self._read()
        except OutOfFiles as error:
            self._log_out_of_files(error)
            return False
        if snapshot.equals(self._taken):
            self._readings = 0
            return False
        self._readings = self._readings + 1 if snapshot.equals(self._candidate) else 1
        self._candidate = snapshot
        if self._readings < (STABLE_POLLS_EMPTY if snapshot.is_empty else STABLE_POLLS):
            return True
        missing_from_the_start = self._taken is None and snapshot == FileSnapshot()
        self._taken = snapshot
        self._readings = 0
        if not missing_from_the_start:
            self._take(snapshot)
        return False

    def problems(self) -> list[str]:
        """What an admin should know: a refused file, keys without effect, and what is wrong with providers."""
        problems: list[str] = []
        if self.refusal is not None:
            problems.append(f"refused, the previous settings stay in force: {self.refusal}")
        problems += [f"{key}: changed in the file; restart the server to put it in force" for key in self.needs_restart]
        problems += [str(error) for _, error in wrong_providers(self.settings, self.plugins.providers)]
        problems += shadowed(self.settings)
        problems += self.plugins.problems
        return problems

    def _read(self) -> FileSnapshot:
        """Return a reading. Raises OutOfFiles if there can be none now."""
        try:
            return FileSnapshot(text=read_config(self.path))
        except OutOfFiles:
            raise
        except ConfigError as error:
            return FileSnapshot(error=error)

    def _log_out_of_files(self, error: OutOfFiles) -> None:
        """Say it once in a while: at the limit, one poll may fail and the next may not."""
        now = time.monotonic()
        if self._out_of_files_at is not None and now - self._out_of_files_at < OUT_OF_FILES_INTERVAL:
            return
        self._out_of_files_at = now
        log.warning("config unchanged: %s; the settings in force stay", error)

    def _take(self, snapshot: FileSnapshot) -> None:
        try:
            settings = self._parse(snapshot)
            providers = self._configure_providers(settings)
        except ConfigError as error:
            self.refusal = error
            log.error("config refused: %s; the previous settings stay in force", error, extra={"file": str(self.path)})
            return
        if self.refusal is not None:
            log.warning("config valid again")
        self.refusal = None
        self._put_in_force(settings, providers)

    def _parse(self, snapshot: FileSnapshot) -> Settings:
        """Return the settings of a reading. Raises ConfigError for the first thing that is wrong."""
        if snapshot.error is not None:
            raise snapshot.error
        if snapshot.text is None:
            message = "was removed; restore it, or create an empty file to use the defaults"
            raise ConfigError(self.path.name, str(self.path), message)
        try:
            settings = make(self.settings.environment, self.settings.folder, snapshot.text)
        except (OSError, ValueError) as error:
            raise self._unusable(error) from None
        check_default(settings, self.plugins)
        return settings

    def _configure_providers(self, settings: Settings) -> Mapping[str, Provider]:
        """Return the providers with these settings. Raises ConfigError if one becomes wrong that was right before."""
        try:
            providers = self.plugins.configured(settings)
        except (OSError, ValueError) as error:
            raise self._unusable(error) from None
        for name, reason in wrong_providers(settings, providers):
            previous = self.plugins.providers.get(name)
            was_wrong_before = previous is not None and previous.config_error == providers[name].config_error
            if not was_wrong_before:
                raise reason
        return providers

    def _unusable(self, error: Exception) -> ConfigError:
        """Name the type of the error only, because its message may hold a secret."""
        message = f"cannot be used: {type(error).__name__}; undo the last change"
        return ConfigError(self.path.name, str(self.path), message)

    def _put_in_force(self, settings: Settings, providers: Mapping[str, Provider]) -> None:
        previous_settings = self.settings
        previous_providers = self.plugins.providers
        fixed = {key: getattr(previous_settings, key) for key in sorted(RESTART)}
        self.needs_restart = [key for key, value in fixed.items() if getattr(settings, key) != value]
        self.settings = msgspec.structs.replace(settings, **fixed)
        self.plugins.configure(self.settings, providers)
        for subscriber in self._subscribers:
            subscriber(self.settings, previous_providers)
        changed = [*_changed(previous_settings, self.settings), *self.needs_restart]
        if changed:
            log.warning("config changed: %s", ", ".join(changed), extra={"needs_restart": self.needs_restart})
            for problem in self.problems():
                log.warning("config: %s", problem)


def check_default(settings: Settings, plugins: PluginRegistry) -> None:
    """Raise ConfigError if no provider of the default list is loaded."""
    if not any(name in plugins.loaded for name in settings.default):
        known = ", ".join(sorted(plugins.loaded))
        raise ConfigError(
            "default", settings.where("default"), f"names no provider that is loaded; choose from {known}"
        )


def wrong_providers(settings: Settings, providers: Mapping[str, Provider]) -> Iterator[tuple[str, ConfigError]]:
    """Yield each wrong setting of a provider, with its name and line. A missing setting is not wrong."""
    for name, provider in providers.items():
        if provider.config_error:
            errors = [(provider.config_error_key, provider.config_error), *provider.further_errors]
            for wrong_key, error in errors:
                key = f"providers.{name}.{wrong_key}" if wrong_key else f"providers.{name}"
                message = error.removeprefix(f"{wrong_key}: ")  # `key` says it already
                yield name, ConfigError(key, settings.where(key), message)


def shadowed(settings: Settings) -> list[str]:
    """Return the keys of the file that have no effect because the environment sets them to another value."""
    problems: list[str] = []
    for key, value in settings.written.items():
        winner = settings.environment.get(variable(key))
        if winner is not None and winner.value.lower() != _as_text(value).lower():
            problems.append(f"{key}: shadowed by {winner.source}")
    return problems


def _as_text(value: object) -> str:
    """Return a value of the file in the form that an environment variable has."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _changed(old: Settings, new: Settings) -> Iterator[str]:
    """Return the keys whose values differ."""
    for key, _ in keys():
        if _value(old, key) != _value(new, key):
            yield key
    for name in sorted({*old.providers, *new.providers}):
        old_table = old.providers.get(name, {})
        new_table = new.providers.get(name, {})
        for key in sorted({*old_table, *new_table}):
            if old_table.get(key) != new_table.get(key):
                yield f"providers.{name}.{key}"


def _value(settings: Settings, key: str) -> object:
    value: object = settings
    for name in key.split("."):
        value = getattr(value, name)
    return value
