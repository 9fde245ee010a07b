"""`imagevault config example`: a file with every key."""

import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from imagevault.config.settings import Settings, keys, load, variable

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Here = Callable[..., Any]


def uncommented(text: str) -> str:
    """The example with every key uncommented."""
    return re.sub(r"(?m)^# (\w+ = )", r"\1", text)


def needed(text: str) -> dict[str, str]:
    """A value for each variable that the text refers to."""
    return {name: f"hidden value of the variable {name}" for name in re.findall(r"\$\{(\w+)\}", text)}


def value_of(settings: Settings, key: str) -> object:
    value: object = settings
    for name in key.split("."):
        value = getattr(value, name)
    return value


class TestExample:
    def test_is_accepted_as_it_is(self, here: Here, file: Path) -> None:
        """`imagevault config example > imagevault.toml`: every default, so it changes nothing."""
        shown = here("config", "example")
        file.write_text(shown.stdout)

        checked = here("config", "check")
        settings, defaults = load({}, file.parent), load({}, file.parent / "nowhere")

        assert (shown.returncode, shown.stderr, checked.returncode) == (0, "", 0)
        assert checked.stdout.endswith(f"{file}: valid\n")
        for key, _ in keys():
            if key != "data":
                assert value_of(settings, key) == value_of(defaults, key)

    def test_is_accepted_with_every_key(self, here: Here, file: Path, acme: dict[str, str]) -> None:
        """Each value is valid for its key, and each default is the one in force."""
        text = uncommented(here("config", "example", environ=acme).stdout)
        file.write_text(text)

        environ = {**needed(text), **acme}

        ended = here("config", "check", environ=environ)
        document = tomllib.loads(text)

        assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, f"{file}: valid")
        written = {f"{name}.{key}" for name in ("limits", "argon2") for key in document[name]}
        assert {*document} - {"limits", "argon2", "providers"} | written == {key for key, _ in keys()}
        settings, defaults = load(environ, file.parent), Settings()
        for key, field in keys():
            if field.default not in (None, ()) and key != "data":
                assert value_of(settings, key) == value_of(defaults, key), key

    def test_names_every_provider_and_all_that_it_takes(self, here: Here, acme: dict[str, str]) -> None:
        """Plugins of others too, with the values that their provider declares."""
        document = tomllib.loads(uncommented(here("config", "example", environ=acme).stdout))
        ours = {"enabled", "base_url", "allow_http", "files_path", "timeout", "quota", "cache_for", "page_size"}

        own = {name: set(table) - ours for name, table in document["providers"].items()}
        assert {(name, frozenset(fields)) for name, fields in own.items()} >= {
            ("acme", frozenset()),
            ("local", frozenset({"folder", "strip_location"})),
            ("openverse", frozenset({"client_id", "client_secret"})),
            ("pexels", frozenset({"api_key"})),
        }
        assert all(ours <= set(table) for table in document["providers"].values())
        assert (document["providers"]["acme"]["cache_for"], document["providers"]["acme"]["page_size"]) == (3600, 10)
        assert document["providers"]["pexels"]["quota"] == ["200/hour", "20000/month", "2/second"]

    def test_tells_the_variable_of_each_key(self, here: Here) -> None:
        """And says which keys need a restart."""
        text = " ".join(here("config", "example").stdout.replace("\n# (", " (").split())

        for key, _ in keys():
            assert f"({variable(key)}) # {key.rpartition('.')[2]} = " in text
        for name in ("PEXELS_API_KEY", "LOCAL_FOLDER", "OPENVERSE_ENABLED", "PEXELS_CACHE_FOR"):
            assert f"({name})" in text
        assert "needs a restart (IMAGEVAULT_PORT)" in text
        assert "needs a restart (IMAGEVAULT_DEADLINE)" not in text
