"""A new provider's project, as `imagevault providers new NAME` writes it: it works at once, and is then changed.

The templates below are filled in by `string.Template`. What they make is a provider of an invented API with that API
simulated beside it, so that its tests pass and a search finds something before a line is changed.
"""

import importlib.util
import re
from importlib.metadata import entry_points
from pathlib import Path
from string import Template

from imagevault.config.settings import provider_variable
from imagevault.errors import BadInput, ImageVaultError
from imagevault.plugins.registry import GROUP, RESERVED


def write(name: str, folder: Path) -> list[Path]:
    """Writes the project `imagevault-NAME` into this folder, which is made if need be; answers its files.

    Raises BadInput if the name will not do for a provider, ImageVaultError if there is something in the way.
    """
    _check(name)
    project = folder / f"imagevault-{name}"
    if project.exists() and not project.is_dir():
        raise ImageVaultError(f"{project} is there already, and no folder; nothing was written")
    if project.is_dir() and any(project.iterdir()):
        raise ImageVaultError(f"{project} is not empty; nothing was written")
    words = {
        "name": name,
        "slug": _slug(name),
        "title": re.sub("[-_]+", " ", name).title(),
        "label": re.sub("[-_]+", "-", name),
        "key": provider_variable(name, "api_key"),
        "base": provider_variable(name, "base_url"),
    }
    files = [(project / Template(place).substitute(words), text.lstrip("\n")) for place, text in TEMPLATES.items()]
    try:
        for path, text in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(Template(text).substitute(words), encoding="utf-8")
    except OSError as error:
        raise ImageVaultError(f"{error.filename or project} cannot be written: {error.strerror}") from None
    return [path for path, _ in files]


def _slug(name: str) -> str:
    """The name as it may stand in that of a module, beginning with `imagevault_`."""
    return name.replace("-", "_")


def _check(name: str) -> None:
    """The rule of `PluginRegistry`, and what a package's name must keep to besides."""
    if not re.fullmatch(r"[a-z]([a-z0-9_-]{0,30}[a-z0-9])?", name):
        raise BadInput(
            "name", "must be a small letter, then up to 31 small letters, digits, - or _, none of these two last"
        )
    if name.startswith("imagevault"):
        raise BadInput("name", "must not begin with imagevault, as the variables of the gateway's own settings do")
    if name in RESERVED:
        raise BadInput("name", f"{name} has a meaning of its own in a search; choose another")
    if name in entry_points(group=GROUP).names:
        raise BadInput("name", f"there is a provider {name} already; choose another")
    if importlib.util.find_spec(f"imagevault_{_slug(name)}") is not None:
        raise BadInput("name", f"there is a module imagevault_{_slug(name)} already; choose another")


PROVIDER = '''
"""$title, a provider for ImageVault. https://$label.example/docs ("API docs" below).

The API is an invented one. CHANGE marks what differs from API to API; when nothing is marked any more, it is yours.
Say where each number comes from, "API docs" or "measured": 1000 calls an hour, 50 photos a page (API docs).
"""

import math
from typing import Annotated

import httpx
import msgspec
from imagevault import (
    Author,
    Image,
    License,
    Page,
    ProviderInfo,
    Quota,
    Rendition,
    RenditionName,
    SearchQuery,
    decode,
    decode_each,
    hookimpl,
)

# CHANGE: its files by its own names -> ours, and the box in pixels that each fits into (API docs).
FILES: dict[str, tuple[RenditionName, tuple[float, float]]] = {
    "thumb": ("thumbnail", (320, 320)),
    "web": ("medium", (1280, 1280)),
    "full": ("original", (math.inf, math.inf)),
}
# CHANGE: uniform name -> uniform value -> its value. Orientation, size and licence may be left to the gateway.
FILTERS = {"orientation": {"landscape": "wide", "portrait": "tall"}}
PARAMS = {"orientation": "shape"}  # CHANGE: uniform name -> its parameter


class Settings(msgspec.Struct, frozen=True):
    """What an admin sets: `$key`. CHANGE: without a field here it needs no key."""

    api_key: str


class _Person(msgspec.Struct):
    name: str
    url: str | None = None


class _Photo(msgspec.Struct):
    """CHANGE: the fields used of a photo, `| None = None` where one may be null or missing."""

    id: int
    width: Annotated[int, msgspec.Meta(gt=0)]
    height: Annotated[int, msgspec.Meta(gt=0)]
    page: str
    files: dict[str, str]
    title: str | None = None
    description: str | None = None
    tags: list[str] | None = None
    by: _Person | None = None


class _Listing(msgspec.Struct):
    """CHANGE: a page of results. `msgspec.Raw` leaves each photo undecoded, so that a bad one is left out alone."""

    photos: list[msgspec.Raw]
    pages: int
    total: int | None = None


@hookimpl
def provider_info() -> ProviderInfo:
    """CHANGE: what it offers, and what its terms demand. The reference explains each field."""
    return ProviderInfo(
        title="$title",
        homepage="https://$label.example",
        base_url="https://api.$label.example/v1/",
        settings=Settings,
        page_size=50,
        filters=FILTERS,
        quotas=[Quota(1000, "hour", remaining="X-RateLimit-Remaining")],
        license=License("$label", "$title Licence", "https://$label.example/licence"),
        credit="Photo by {author} on $title",
        file_hosts={"files.$label.example"},
        cache_for=24 * 3600,
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings) -> Page:
    """One page of `GET /photos`. CHANGE: path, parameters, and how it tells that no page follows."""
    params: dict[str, str | int] = {"q": query.text, "page": query.page, "size": query.per_page}
    params |= {PARAMS[name]: value for name, value in query.native.items()}
    listing = decode(await http.get("photos", params=params, headers=_headers(settings)), _Listing)
    images = [_image(photo) for photo in decode_each(listing.photos, _Photo)]
    return Page(images, total=listing.total, last=query.page >= listing.pages)


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings) -> Image | None:
    """`GET /photos/{id}`; ids are numbers, so anything else costs no call. CHANGE: path, and which ids there can be."""
    if not (image_id.isascii() and image_id.isdigit()):
        return None
    response = await http.get(f"photos/{image_id}", headers=_headers(settings))
    return None if response.status_code == httpx.codes.NOT_FOUND else _image(decode(response, _Photo))


def _headers(settings: Settings) -> dict[str, str]:
    """CHANGE: how the key is sent."""
    return {"X-Api-Key": settings.api_key}


def _image(photo: _Photo) -> Image:
    """CHANGE: one photo in our terms. HTML, blanks and bad links need no care: the gateway mends them."""
    size = photo.width, photo.height
    return Image(
        id=str(photo.id),
        title=photo.title,
        alt=photo.description,
        width=photo.width,
        height=photo.height,
        tags=photo.tags or (),
        author=Author(photo.by.name, photo.by.url) if photo.by else None,
        source_url=photo.page,
        renditions=[
            Rendition.within(name, photo.files[theirs], size, box)
            for theirs, (name, box) in FILES.items()
            if theirs in photo.files
        ],
    )
'''

SIMULATION = '''
"""$title simulated on loopback, with invented photos. CHANGE: it answers as the documentation of your API says.

python tests/simulated_$slug.py serves it, to be searched without a key and without a network.
"""

import threading
from contextlib import suppress
from typing import Any

from imagevault.testing import Answer, Call, Upstream


def photo(id: int) -> dict[str, Any]:
    """The photo with this id: every third is upright, every fourth lacks what may be missing."""
    width, height = (3000, 4000) if id % 3 == 0 else (4000, 3000)
    missing = id % 4 == 0
    return {
        "id": id,
        "width": width,
        "height": height,
        "page": f"https://$label.example/photos/{id}",
        "files": {name: f"https://files.$label.example/{id}/{name}.jpg" for name in ("thumb", "web", "full")},
        "title": f"A photo, number {id}",
        "description": None if missing else "What it shows",
        "tags": None if missing else ["invented", "sample"],
        "by": None if missing else {"name": "Ada Example", "url": "https://$label.example/people/ada"},
    }


class Simulated(Upstream):
    """Any words find 120 photos, but `nothing` finds none."""

    def __init__(self, *, key: str = "test-key", port: int = 0) -> None:
        super().__init__("/v1/", port=port)
        self.key = key
        self.before(self._check_key)
        self.get("photos")(self._search)
        self.get("photos/{id}")(self._photo)

    def _check_key(self, call: Call) -> Answer | None:
        return None if call.headers.get("x-api-key") == self.key else Answer({"error": "unknown key"}, 401)

    def _search(self, call: Call) -> Answer:
        page, size = int(call.query["page"]), min(int(call.query["size"]), 50)
        found = [photo(id) for id in range(1, 121) if call.query["q"] != "nothing"]
        if shape := call.query.get("shape"):
            found = [each for each in found if (each["width"] > each["height"]) == (shape == "wide")]
        photos = found[(page - 1) * size : page * size]
        body = {"photos": photos, "total": len(found), "pages": -(-len(found) // size)}
        return Answer(body, headers={"X-RateLimit-Remaining": str(1000 - len(self.calls))})

    def _photo(self, call: Call, id: str) -> object:
        return photo(int(id)) if id.isdecimal() and 1 <= int(id) <= 120 else Answer({"error": "no such photo"}, 404)


if __name__ == "__main__":
    with Simulated(port=9999) as api, suppress(KeyboardInterrupt):
        print(f"$key={api.key} $base={api.url}", flush=True)
        threading.Event().wait()
'''

TESTS = '''
"""$title: the contract that every provider keeps, and what only this one does."""

from imagevault.testing.bench import on_bench
from imagevault.testing.contract import ProviderContract
from simulated_$slug import Simulated

import imagevault_$slug

SETTINGS = {"api_key": "test-key"}


class TestContract(ProviderContract):
    plugin = imagevault_$slug
    settings = SETTINGS

    def upstream(self) -> Simulated:
        return Simulated()


def test_a_photo_in_our_terms() -> None:
    """CHANGE: what the simulation says of one photo."""
    image = on_bench(imagevault_$slug, SETTINGS, Simulated(), lambda bench: bench.fetch("3"))

    assert image is not None
    assert (image.title, image.alt) == ("A photo, number 3", "What it shows")
    sizes = [(each.name, each.width, each.height) for each in image.renditions]
    assert sizes == [("thumbnail", 240, 320), ("medium", 960, 1280), ("original", 3000, 4000)]
'''

PYPROJECT = """
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "imagevault-$name"
version = "0.1.0"
description = "$title, a provider for ImageVault."
readme = "README.md"
keywords = ["imagevault"]
requires-python = ">=3.11"
dependencies = ["imagevault"]  # httpx and msgspec come along with it

[project.optional-dependencies]
test = ["pytest"]

[project.entry-points.imagevault]
$name = "imagevault_$slug"

[tool.setuptools]
py-modules = ["imagevault_$slug"]

[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["."]
addopts = "--tb=short"
"""

README = """
# imagevault-$name

$title, a provider for ImageVault.

    pip install imagevault-$name
    $key=... imagevault search red fox -p $name

The key comes from https://$label.example/keys. Instead, set `api_key` in `[providers.$name]` of `imagevault.toml`.

## Working on it

    pip install --editable '.[test]'
    python -m pytest

Without a key and a network, search the simulation: start `python tests/simulated_$slug.py`, and in a second terminal

    $key=test-key $base=http://127.0.0.1:9999/v1/ imagevault search red fox -p $name
"""

TEMPLATES = {
    "imagevault_$slug.py": PROVIDER,
    "tests/simulated_$slug.py": SIMULATION,
    "tests/test_$slug.py": TESTS,
    "pyproject.toml": PYPROJECT,
    "README.md": README,
    ".gitignore": "__pycache__/\n*.egg-info/\n/.env\n/.venv/\n/build/\n/dist/\n/imagevault-data/\n",
}
