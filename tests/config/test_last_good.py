"""The text of the last valid configuration, which the workers of one server share."""

import os
from pathlib import Path

from imagevault.config.last_good import VARIABLE, read_last_good, save_last_good, share_last_good


def test_nothing_is_shared_by_default() -> None:
    save_last_good("port = 1")

    assert read_last_good() is None


def test_the_text_is_shared_while_the_block_runs() -> None:
    """In a folder that only its owner can enter, which the end of the block removes."""
    with share_last_good("port = 1"):
        first = read_last_good()
        save_last_good("port = 2  # ä")
        second = read_last_good()
        path = Path(os.environ[VARIABLE])
        modes = [place.stat().st_mode & 0o077 for place in (path, path.parent)]
        names = [file.name for file in path.parent.iterdir()]

    assert (first, second) == ("port = 1", "port = 2  # ä")
    assert (modes, names) == ([0, 0], ["last-good.toml"])
    assert not path.parent.exists()
    assert read_last_good() is None
