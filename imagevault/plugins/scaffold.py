"""A new provider's project, as `imagevault providers new NAME` writes it.

The project is a working provider of an invented API, with a simulation of that API for its tests. Its author changes it
step by step while the tests keep passing.
"""

import importlib.util
import re
from collections.abc import Mapping
from importlib import resources
from importlib.metadata import entry_points
from pathlib import Path
from string import Template

import msgspec

from imagevault.config.settings import provider_variable
from imagevault.errors import BadInput, ImageVaultError
from imagevault.plugins import templates
from imagevault.plugins.declarative.proposal import propose
from imagevault.plugins.declarative.proposed_words import words_of_file, words_of_simulation, words_of_test
from imagevault.plugins.registry import GROUP, RESERVED_NAMES

# The path of each file in the project -> the template that it is made from. The provider's module comes first.
FILES = {
    "imagevault_$slug.py": "provider.py.template",
    "tests/simulated_$slug.py": "simulation.py.template",
    "tests/test_$slug.py": "test_provider.py.template",
    "pyproject.toml": "pyproject.toml.template",
    "README.md": "README.md.template",
    ".gitignore": "gitignore.template",
}
DECLARATIVE_FILES = {
    "imagevault_$slug/$name.toml": "declarative.toml.template",
    "imagevault_$slug/__init__.py": "declarative_init.py.template",
    "tests/simulated_$slug.py": "declarative_simulation.py.template",
    "tests/test_$slug.py": "declarative_test.py.template",
    "pyproject.toml": "declarative_pyproject.toml.template",
    "README.md": "README.md.template",
    ".gitignore": "gitignore.template",
}
NAME = re.compile(r"[a-z]([a-z0-9_-]{0,30}[a-z0-9])?")  # acme, tide-pool


def write(name: str, folder: Path) -> list[Path]:
    """Write the project `imagevault-NAME` into a folder and return the paths of its files.

    Args:
        name: the provider's name.
        folder: where the project's own folder is created. It is created too if it does not exist.

    Raises:
        BadInput: a provider cannot have this name.
        ImageVaultError: the project's folder is not empty or cannot be written.

    """
    _check_name(name)
    project = project_folder(name, folder)
    _check_folder(project)
    words = _words(name)
    files = {project / _filled(path, words): _filled(_template(file), words) for path, file in FILES.items()}
    _save(files)
    return list(files)


def write_declarative(name: str, folder: Path, answer: Path) -> list[Path]:
    """Write the project of a provider without code, proposed from a recorded answer, and return its files.

    Args:
        name: the provider's name.
        folder: where the project's own folder is created.
        answer: a JSON file with the answer of a search.

    Raises:
        BadInput: a provider cannot have this name, or nothing can be proposed from the answer.
        ImageVaultError: the answer cannot be read, or the project's folder is not empty or cannot be written.

    """
    _check_name(name)
    project = project_folder(name, folder)
    _check_folder(project)
    try:
        recorded_bytes = answer.read_bytes()
        if recorded_bytes.lstrip().startswith(b"<"):
            raise ImageVaultError(f"{answer} is XML or HTML; write the provider in Python, see docs/recipes.md")
        content = msgspec.json.decode(recorded_bytes)
    except (OSError, ValueError) as error:
        raise ImageVaultError(f"{answer} cannot be read as JSON: {error}") from None
    words = _words(name)
    proposal = propose(content)
    proposed = {
        "declarative.toml.template": words_of_file(proposal, words),
        "declarative_simulation.py.template": words_of_simulation(proposal),
        "declarative_test.py.template": words_of_test(proposal),
    }
    files = {
        project / _filled(path, words): _filled(_template(file), {**words, **proposed.get(file, {})})
        for path, file in DECLARATIVE_FILES.items()
    }
    recorded = msgspec.json.format(msgspec.json.encode(content), indent=1).decode()
    files[project / "tests" / "answer.json"] = f"{recorded}\n"
    _save(files)
    return list(files)


def project_folder(name: str, folder: Path) -> Path:
    """Return the folder of the project for a provider."""
    return folder / f"imagevault-{name}"


def _save(files: Mapping[Path, str]) -> None:
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ImageVaultError(f"{error.filename or path} cannot be written: {error.strerror}") from None


def _words(name: str) -> dict[str, str]:
    """Return what stands for each placeholder of the templates. Examples are for the name `tide-pool`."""
    return {
        "name": name,
        "slug": _slug(name),  # tide_pool
        "title": re.sub("[-_]+", " ", name).title(),  # Tide Pool
        "label": re.sub("[-_]+", "-", name),  # tide-pool, as in a host name
        "key": provider_variable(name, "api_key"),  # TIDE_POOL_API_KEY
        "base": provider_variable(name, "base_url"),  # TIDE_POOL_BASE_URL
    }


def _template(file: str) -> str:
    return (resources.files(templates) / file).read_text(encoding="utf-8")


def _filled(text: str, words: dict[str, str]) -> str:
    return Template(text).substitute(words)


def _slug(name: str) -> str:
    """Return the name as a part of the module's name, `imagevault_SLUG`."""
    return name.replace("-", "_")


def _check_folder(project: Path) -> None:
    if project.exists() and not project.is_dir():
        raise ImageVaultError(f"{project} exists and is not a folder; nothing was written")
    if project.is_dir() and any(project.iterdir()):
        raise ImageVaultError(f"{project} is not empty; nothing was written")


def _check_name(name: str) -> None:
    """Check the name by the registry's rule and those for the names of packages and modules."""
    if not NAME.fullmatch(name):
        raise BadInput(
            "name",
            "must be a lowercase letter, then up to 31 lowercase letters, digits, - or _, the last not - or _",
        )
    if name.startswith("imagevault"):
        raise BadInput("name", "must not begin with imagevault, because the gateway's own variables do")
    if name in RESERVED_NAMES:
        raise BadInput("name", f"{name} has a meaning of its own in a search; choose another")
    if name in entry_points(group=GROUP).names:
        raise BadInput("name", f"there is already a provider {name}; choose another")
    if importlib.util.find_spec(f"imagevault_{_slug(name)}") is not None:
        raise BadInput("name", f"there is already a module imagevault_{_slug(name)}; choose another")
