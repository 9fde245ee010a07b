"""What the tests of the settings share."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from imagevault.config.settings import Settings, load
from imagevault.errors import ConfigError


class Folder:
    """A working directory with a config file and a `.env`, as given."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(
        self, environ: Mapping[str, str] | None = None, *, toml: str | bytes = "", dotenv: str | bytes = ""
    ) -> Settings:
        for name, text in (("imagevault.toml", toml), (".env", dotenv)):
            if text:
                (self.path / name).write_bytes(text.encode() if isinstance(text, str) else text)
        return load(environ or {}, self.path)

    def refusal(self, *args: Any, **kwargs: Any) -> ConfigError:
        with pytest.raises(ConfigError) as caught:
            self.load(*args, **kwargs)
        return caught.value


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)
