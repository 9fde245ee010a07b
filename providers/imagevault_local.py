"""Local, a provider without a network: a folder of one's own pictures, found by name and by what is embedded in them.

JPEG, PNG, GIF, WebP and AVIF, told by content, of at most 50 megapixels. Hidden files and symbolic links are left out,
so nothing outside the folder is reached. So is what cannot be read; the log says why at level DEBUG.
"""

import asyncio
import functools
import re
import unicodedata
from importlib import resources
from pathlib import Path, PurePosixPath

import msgspec
import PIL.Image

from imagevault import Author, Image, License, Page, ProviderInfo, Rendition, SearchQuery, hookimpl
from imagevault.folder import File, Folder
from imagevault.pictures import average_color, fitted, metadata, shown_size, thumbnail, tried

PATIENCE = 1.0  # seconds a search waits for files never read before, then it answers with those read so far
WORD = re.compile(r"[^\W_]+")
LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;)]")


class Settings(msgspec.Struct, frozen=True):
    """`folder` (LOCAL_FOLDER): pictures, in subfolders too. Without it, the samples that come with ImageVault."""

    folder: str | None = None


class Found(msgspec.Struct):
    """What a file holds: no picture if `image` is None. `front` is the part of its `words` in title and keywords."""

    file: File
    image: Image | None = None
    front: str = ""
    words: str = ""
    looked: bool = False

    def look(self) -> Image | None:
        """The picture with its colour, for which it is decoded once; None if it turns out to be broken."""
        if (plain := self.image) and not self.looked:
            colored = tried(self.file.path, lambda pixels: msgspec.structs.replace(plain, color=average_color(pixels)))
            self.image, self.looked = colored, True
        return self.image


@hookimpl
def provider_info() -> ProviderInfo:
    """Cached briefly, for the folder may change; a picture brings its own credit where title and author will not do."""
    return ProviderInfo(title="Local library", settings=Settings, page_size=50, cache_for=5, hotlink="temporary")


@hookimpl
async def search_images(query: SearchQuery, settings: Settings) -> Page:
    """The pictures in which every word of the query begins a word; matches in title and keywords come first."""
    return await asyncio.to_thread(_search, _library(settings.folder), query)


@hookimpl
async def fetch_image(image_id: str, settings: Settings) -> Image | None:
    """The picture with this path below the folder."""
    found = await asyncio.to_thread(_library(settings.folder).find, image_id)
    return await asyncio.to_thread(found.look) if found else None


@hookimpl
def open_file(image_id: str, rendition: str, settings: Settings, scratch: Path) -> Path | None:
    """The `original` itself, or its `thumbnail`, made on demand in `scratch`, anew when the file has changed."""
    found = _library(settings.folder).find(image_id)
    path = found.file.still_there() if found and found.image else None
    if found and path and rendition == "thumbnail":
        return thumbnail(path, scratch, repr(found.file))
    return path if rendition == "original" else None


@functools.lru_cache(maxsize=4)
def _library(folder: str | None) -> Folder[Found]:
    return Folder(Path(folder or str(resources.files("imagevault.samples"))), _found, "LOCAL_FOLDER")


def _search(library: Folder[Found], query: SearchQuery) -> Page:
    """One page of matches; without any word, of everything. The total is not told while files are still being read."""
    words = _words(query.text).split()
    entries, complete = library.entries(PATIENCE)
    matches = [each for each in entries if each.image and all(_has(each.words, word) for word in words)]
    matches.sort(key=lambda each: (-sum(_has(each.front, word) for word in words), each.file.id))
    end = query.page * query.per_page
    images = [image for each in matches[end - query.per_page : end] if (image := each.look())]
    total = len(matches) if complete else None
    return Page(images, total=total, last=total is not None and end >= total)


def _words(*texts: str) -> str:
    return " ".join(WORD.findall(unicodedata.normalize("NFKC", " ".join(texts)).casefold()))


def _has(words: str, word: str) -> bool:
    """Whether one of `words` (each between blanks) begins with `word`, or is its singular."""
    return any(f" {form}" in words for form in (word, word.removesuffix("s") + " ", word.removesuffix("es") + " "))


def _found(file: File) -> Found:
    """What is in a file. One that cannot be read is remembered too, so that it is not tried at each search."""
    return tried(file.path, lambda picture: _described(file, picture)) or Found(file)


def _described(file: File, picture: PIL.Image.Image) -> Found:
    texts, name, size = metadata(picture), PurePosixPath(file.id), shown_size(picture)
    first = {field: values[0] for field, values in texts.items()}
    stem = re.sub(r"[-_\s]+", " ", name.stem).strip() or name.stem
    title = first.get("title") or first.get("description") or stem[:1].upper() + stem[1:]
    author, rights = ", ".join(texts.get("author", ())), first.get("rights", "")
    tags = ";".join(texts.get("tag", ())).split(";")
    links = LINK.findall(" ".join([*texts.get("license", ()), *texts.get("rights", ())]))
    license = next(filter(None, map(License.from_url, links)), None)
    credit = None if author else f"{title}. {rights}" if rights else title
    if license and license.attribution_required:
        credit = f"{credit or f'{title} by {author}'}. {license.name}, {license.url}"
    small = fitted(size)
    image = Image(
        id=file.id,
        title=title,
        alt=first.get("alt") or first.get("description"),
        width=size[0],
        height=size[1],
        tags=tags,
        author=Author(author) if author else None,
        source_url=first["source"] if LINK.fullmatch(first.get("source", "")) else None,
        license=license,
        credit=first.get("credit") or credit,
        renditions=[
            Rendition(name="thumbnail", width=small[0], height=small[1]),
            Rendition(name="original", width=size[0], height=size[1]),
        ],
    )
    front = f" {_words(title, *tags)} "
    return Found(file, image, front, f"{front}{_words(author, rights, *name.parts[:-1], name.stem)} ")
