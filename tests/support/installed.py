"""The wheel, and an environment that has it installed: made once for a whole test run."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from filelock import FileLock

from tests.support.patience import PATIENT
from tests.support.waiting import COMMAND_LIMIT

ROOT = Path(__file__).parents[2]


def build_wheel(run_folder: Path) -> Path:
    """The wheel; the first worker builds it from a copy, since a build leaves folders that a later one takes in."""
    folder = run_folder / "wheel"
    with FileLock(run_folder / "wheel.lock"):
        if not list(folder.glob("*.whl")):
            folder.mkdir(exist_ok=True)
            _build_wheel(folder)
    return next(folder.glob("*.whl"))


def _build_wheel(folder: Path) -> None:
    source = folder / "source"
    ignored = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "imagevault-data")
    shutil.copytree(ROOT, source, ignore=ignored, dirs_exist_ok=True)
    (source / "imagevault" / "left_over.txt").touch()  # stands for what lies about in a working copy
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source)]
    try:
        enough = int(version("setuptools").partition(".")[0]) >= 77
    except PackageNotFoundError:
        enough = False
    if enough:
        command.append("--no-build-isolation")  # needs no index
    built = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_LIMIT, check=False)
    if "No matching distribution found for setuptools" in built.stderr:
        pytest.skip("setuptools is too old here to build a wheel, and no index has a newer one")
    assert built.returncode == 0, built.stderr


class Installed:
    """The wheel in an environment that sees our dependencies, and nothing of this checkout.

    All workers share the environment. What a module installs more lies in a folder of its own.
    """

    def __init__(self, run_folder: Path, folder: Path, wheel: Path) -> None:
        self.folder = folder
        self.wheel = wheel
        self.added = folder / "added"
        environment = run_folder / "environment"
        self.python = environment / "bin" / "python"
        complete = run_folder / "environment-is-complete"
        with FileLock(run_folder / "environment.lock"):
            if not complete.exists():
                self._make(environment)
                complete.touch()

    def install(self, project: Path) -> None:
        """Builds this project from a copy and installs it for this module."""
        copy = shutil.copytree(project, self.folder / project.name)
        self._pip("install", "--no-build-isolation", "--target", self.added, copy)

    def run(
        self, folder: Path, *arguments: str, environ: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """`python ...` of this environment in a folder."""
        return subprocess.run(
            [self.python, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(self.added), **PATIENT, **(environ or {})},
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT,
            check=False,
        )

    def _make(self, environment: Path) -> None:
        venv.create(environment, symlinks=True, clear=True)
        self._pip("install", self.wheel)
        [site] = (environment / "lib").glob("python*/site-packages")
        # A path in a .pth file is searched, but the .pth files in it are not read: the editable install stays unseen.
        dependencies = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
        (site / "dependencies.pth").write_text("\n".join(dependencies))

    def _pip(self, *arguments: str | Path) -> None:
        command = [sys.executable, "-m", "pip", "--python", self.python, *arguments]
        ended = subprocess.run(
            [*command, "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"],
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
