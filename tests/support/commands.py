"""The command line in this process, for the many tests that look at its output and exit code only."""

import contextlib
import io
import logging
import sys
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pytest

from imagevault.cli import main

SEARCHING = {"search", "download"}  # the commands that call upstreams


class Ended(NamedTuple):
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


class InProcess:
    """A runner of `imagevault ...` in this process: `here("config", "check", environ={...}, input="...")`.

    `searching`: the environment of the commands that call upstreams. `COLUMNS` is the width of the output.
    """

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], searching: Mapping[str, str]
    ) -> None:
        self.monkeypatch = monkeypatch
        self.capsys = capsys
        self.searching = searching

    def __call__(self, *arguments: str, environ: Mapping[str, str] | None = None, input: str = "") -> Ended:
        code = 0
        with self.monkeypatch.context() as patch, _logging_kept(patch):
            known = {"COLUMNS": "200", **(self.searching if SEARCHING & set(arguments[:1]) else {})}
            known |= environ or {}
            for name, value in known.items():
                patch.setenv(name, value)
            patch.setattr("imagevault.cli.output.out.width", int(known["COLUMNS"]))
            patch.setattr(sys, "argv", ["imagevault", *arguments])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(input.encode()), encoding="utf-8"))
            try:
                main()
            except SystemExit as ended:
                code = int(ended.code or 0)
        return Ended(code, *self.capsys.readouterr())


@contextlib.contextmanager
def _logging_kept(patch: pytest.MonkeyPatch) -> Iterator[None]:
    for logger in (logging.getLogger(), logging.getLogger("imagevault")):
        patch.setattr(logger, "handlers", [*logger.handlers])  # `serve` adds one on this test's stream
        patch.setattr(logger, "level", logger.level)
    yield
