"""Any text in the file, the environment or `.env` makes settings or a ConfigError."""

import contextlib
import datetime
import math
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from imagevault.config.settings import Settings, keys, load, variable
from imagevault.errors import ConfigError


def toml(value: Any) -> str:
    """The value as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
    if isinstance(value, float):
        return str(value) if not math.isnan(value) else "nan"
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else str(value)


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
scalars = (
    text
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.times()
    | st.datetimes()
    | st.sampled_from(["600/minute", "https://a.example", "sqlite:///x", "postgresql://db/x", "open", "127.0.0.1"])
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
dotted = st.sampled_from([key for key, _ in keys()])
names = dotted | st.sampled_from(["limits", "argon2", "providers", "providers.pexels", "config"]) | text.map(toml)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder for all examples of a property."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


class TestProperties:
    @hypothesis_settings(deadline=None)
    @given(key=names, value=anything)
    def test_any_value_of_any_key_loads_or_is_refused(self, place: Path, key: str, value: Any) -> None:
        """Any file makes settings or a ConfigError, never another error."""
        document = f"{key} = {toml(value)}\n"
        tomllib.loads(document)
        (place / "imagevault.toml").write_text(document, encoding="utf-8")

        try:
            settings = load({}, place)
        except ConfigError as error:
            source = error.source
        else:
            source = str(settings.config)

        assert source.startswith(f"{place}/imagevault.toml")

    @hypothesis_settings(deadline=None)
    @given(key=dotted, value=st.text(max_size=40) | scalars.map(str))
    def test_any_variable_loads_or_is_refused(self, place: Path, key: str, value: str) -> None:
        """The same for the environment, with bytes that are not UTF-8 in it."""
        try:
            settings = load({variable(key): value}, place / "empty")
        except ConfigError as error:
            found = (error.key, error.source)
        else:
            given = settings.environment.get(variable(key))
            found = (key, given.source if given else f"environment variable {variable(key)}")

        assert found == (key, f"environment variable {variable(key)}")

    @hypothesis_settings(deadline=None)
    @given(dotenv=st.text(st.sampled_from("AB=\"'\\\n #$é\0"), max_size=20) | st.text(max_size=30))
    def test_any_dotenv_loads_or_is_refused(self, place: Path, dotenv: str) -> None:
        folder = place / "dotenv"
        folder.mkdir(exist_ok=True)
        (folder / ".env").write_bytes(dotenv.encode("utf-8", "surrogatepass"))

        with contextlib.suppress(ConfigError):
            assert isinstance(load({}, folder), Settings)
