"""Local, a provider without a network: a folder of one's own pictures, found by name and by what is embedded in them.

JPEG, PNG, GIF, WebP and AVIF, told by content, of at most 50 megapixels. Hidden files and symbolic links are left out,
so nothing outside the folder is reached. So is what cannot be read; the log says why at level DEBUG.
"""

import asyncio
import contextlib
import functools
import hashlib
import importlib.resources
import io
import logging
import math
import os
import re
import threading
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from time import monotonic
from typing import NamedTuple

import msgspec
import PIL.Image
import PIL.ImageOps

from imagevault import Author, Image, License, Page, ProviderInfo, Rendition, SearchQuery, Unavailable, hookimpl
from imagevault.pictures import ON_ITS_SIDE, ORIENTATION, UNSAFE, metadata, orientation, tried

COLOR_PIXELS = 1_000_000  # larger pictures get no colour: decoding so many costs some 4 ms, reading metadata 0.2
THUMBNAIL = 400  # pixels, the longer side
FRESH = 5.0  # seconds until the folder is looked at again: with `cache_for`, a new file is found within 10
PATIENCE = 1.0  # seconds a search waits for files never read before, then it answers with those read so far
MAX_TITLE, MAX_TAG, MAX_TAGS = 300, 100, 50

WORD = re.compile(r"[^\W_]+")
LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;)]")

log = logging.getLogger(__name__)


class Settings(msgspec.Struct, frozen=True):
    """`folder` (LOCAL_FOLDER): pictures, in subfolders too. Without it, the samples that come with ImageVault."""

    folder: str | None = None


@hookimpl
def provider_info() -> ProviderInfo:
    """Cached briefly, for the folder may change; a picture whose author is unknown brings its own credit."""
    return ProviderInfo(title="Local library", settings=Settings, page_size=50, cache_for=5, hotlink="temporary")


@hookimpl
async def search_images(query: SearchQuery, settings: Settings) -> Page:
    """The pictures in which every word of the query begins a word; matches in title and keywords come first."""
    return await asyncio.to_thread(_search, _library(settings.folder), query)


@hookimpl
async def fetch_image(image_id: str, settings: Settings) -> Image | None:
    """The picture with this path below the folder."""
    library = _library(settings.folder)
    return await asyncio.to_thread(lambda: library.look(library.find(image_id)))


@hookimpl
def open_file(image_id: str, rendition: str, settings: Settings, scratch: Path) -> Path | None:
    """The `original` itself, or its `thumbnail`, made on demand in `scratch`."""
    entry = _library(settings.folder).find(image_id)
    path = Path(entry.file.path)
    if entry.image is None or path.resolve() != path or not path.is_file():  # gone, or a link by now
        return None
    if rendition == "original":
        return path
    return _thumbnail(entry.file, scratch) if rendition == "thumbnail" else None


class File(NamedTuple):
    """A file as last seen, `changed` in nanoseconds. One that differs in any of this is read again."""

    id: str
    path: str
    changed: int
    size: int


class Entry(NamedTuple):
    """What a file holds: no picture if `image` is None. `front` (title, keywords) and `rest` are words for `_has`."""

    file: File
    image: Image | None = None
    front: str = ""
    rest: str = ""
    looked: bool = False


NOTHING = Entry(File("", "", 0, 0))


class Library:
    """The pictures of one folder, by id. Its methods may block, and be called from any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._seen = -math.inf
        self._files: Mapping[str, File] = {}
        self._entries: dict[str, Entry] = {}
        self._reader: threading.Thread | None = None

    def find(self, id: str) -> Entry:
        """The file with this id, or NOTHING. An id is looked up, never made into a path."""
        file = self._listing().get(id)
        return self._read(file) if file else NOTHING

    def entries(self) -> tuple[list[Entry], bool]:
        """The files read so far, and whether those are all; reading goes on after the answer."""
        files = self._listing()
        if unread := self._unread(files):
            with self._lock:
                if self._reader is None or not self._reader.is_alive():
                    self._reader = threading.Thread(target=lambda: [self._read(file) for file in unread], daemon=True)
                    self._reader.start()
                reader = self._reader
            reader.join(PATIENCE)
        return [entry for id in files if (entry := self._entries.get(id))], not (unread and self._unread(files))

    def look(self, entry: Entry) -> Image | None:
        """The picture with its colour, for which it is decoded once; None if it turns out to be broken."""
        if entry.image and not entry.looked:
            plain = entry.image
            image = tried(entry.file.path, lambda pixels: msgspec.structs.replace(plain, color=_color(pixels)))
            entry = self._entries[entry.file.id] = entry._replace(image=image, looked=True)
        return entry.image

    def _listing(self) -> Mapping[str, File]:
        with self._lock:
            if monotonic() - self._seen >= FRESH:
                self._files = {file.id: file for file in _walk(self._folder.resolve())}
                for id in self._entries.keys() - self._files.keys():
                    del self._entries[id]
                self._seen = monotonic()
            return self._files

    def _unread(self, files: Mapping[str, File]) -> list[File]:
        return [file for id, file in files.items() if self._entries.get(id, NOTHING).file != file]

    def _read(self, file: File) -> Entry:
        entry = self._entries.get(file.id, NOTHING)
        if entry.file != file:
            entry = self._entries[file.id] = _entry(file)
        return entry


@functools.lru_cache(maxsize=4)
def _library(folder: str | None) -> Library:
    return Library(Path(folder or str(importlib.resources.files("imagevault.samples"))).expanduser())


def _walk(root: Path) -> Iterator[File]:
    """Every plain file below `root`, save hidden ones and names that are no clean text."""
    if not root.is_dir():
        raise Unavailable("LOCAL_FOLDER is not a folder that can be read")
    folders = [(str(root), "")]
    while folders:
        folder, prefix = folders.pop()
        try:
            with os.scandir(folder) as listing:
                items = list(listing)
        except OSError as error:
            log.debug("skipped %s: %s", folder, error)
            continue
        for item in items:
            if item.name.startswith(".") or UNSAFE.search(item.name):
                continue
            with contextlib.suppress(OSError):  # gone at this moment
                if item.is_dir(follow_symlinks=False):
                    folders.append((item.path, f"{prefix}{item.name}/"))
                elif item.is_file(follow_symlinks=False):
                    stat = item.stat(follow_symlinks=False)
                    changed = max(stat.st_mtime_ns, stat.st_ctime_ns)  # ctime: its rights, or a copy that keeps mtime
                    yield File(prefix + item.name, item.path, changed, stat.st_size)


def _search(library: Library, query: SearchQuery) -> Page:
    """One page of matches; without any word, of everything. The total is not told while files are still being read."""
    words = _words(query.text)
    entries, complete = library.entries()
    found = []
    for entry in entries:
        ahead = [_has(entry.front, word) for word in words]
        if entry.image and all(first or _has(entry.rest, word) for word, first in zip(words, ahead, strict=True)):
            found.append((-sum(ahead), entry.file.id, entry))
    end = query.page * query.per_page
    page = [library.look(entry) for *_, entry in sorted(found)[end - query.per_page : end]]
    total = len(found) if complete else None
    return Page([image for image in page if image], total=total, last=total is not None and end >= total)


def _words(*texts: str) -> list[str]:
    return WORD.findall(unicodedata.normalize("NFKC", " ".join(texts)).casefold())


def _has(words: str, word: str) -> bool:
    """Whether one of `words` (each between blanks) begins with `word`, or is its singular."""
    return any(f" {form}" in words for form in (word, word.removesuffix("s") + " ", word.removesuffix("es") + " "))


def _entry(file: File) -> Entry:
    """What is in a file. One that cannot be read is remembered too, so that it is not tried at each search."""
    entry = tried(file.path, lambda image: _described(file, image))
    return entry or Entry(file)


def _described(file: File, picture: PIL.Image.Image) -> Entry:
    found, name = metadata(picture), PurePosixPath(file.id)
    width, height = picture.size[::-1] if orientation(picture) >= ON_ITS_SIDE else picture.size
    small = _fitted(width, height)
    stem = re.sub(r"[-_\s]+", " ", name.stem).strip() or name.stem
    one = {field: texts[0] for field, texts in found.items()}
    title = (one.get("title") or one.get("description") or stem[:1].upper() + stem[1:])[:MAX_TITLE].rstrip()
    author = ", ".join(found.get("author", ()))[:MAX_TITLE]
    rights = one.get("rights", "")
    tags = [tag.strip()[:MAX_TAG].rstrip() for tag in ";".join(found.get("tag", ())).split(";")]
    tags = list(dict.fromkeys(filter(None, tags)))[:MAX_TAGS]
    links = LINK.findall(" ".join([*found.get("license", ()), *found.get("rights", ())]))
    image = Image(
        id=file.id,
        title=title,
        alt=one.get("alt") or one.get("description"),
        width=width,
        height=height,
        tags=tags,
        author=Author(author) if author else None,
        source_url=one["source"] if LINK.fullmatch(one.get("source", "")) else None,
        license=next(filter(None, map(_license, links)), None),
        credit=one.get("credit") or (None if author else f"{title}. {rights}" if rights else title),
        renditions=[
            Rendition(name="thumbnail", width=small[0], height=small[1]),
            Rendition(name="original", width=width, height=height),
        ],
    )
    front, rest = _words(title, *tags), _words(author, rights, *name.parts[:-1], name.stem)
    return Entry(file, image, f" {' '.join(front)} ", f" {' '.join(rest)} ")


_license = functools.lru_cache(64)(License.from_url)  # thousands of pictures share a few


# Pixels


def _fitted(width: int, height: int) -> tuple[int, int]:
    """The size within the thumbnail's box; never larger than it was."""
    scale = min(1.0, THUMBNAIL / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _reduced(image: PIL.Image.Image, size: tuple[int, int]) -> PIL.Image.Image:
    """In this size: RGB, or RGBA where something shines through. A JPEG is decoded only as finely as that needs."""
    image.draft("RGB", (2 * size[0], 2 * size[1]))
    if image.mode.startswith("I"):  # 16 bits, which Pillow would cut off, not scale
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    small = image.resize(size, PIL.Image.Resampling.LANCZOS, reducing_gap=2.0)
    opaque = small.mode == "RGB" or min(small.getchannel("A").tobytes()) == 255
    return small.convert("RGB") if opaque else small


def _color(image: PIL.Image.Image) -> str | None:
    """The average colour, `#RRGGBB`."""
    if image.width * image.height > COLOR_PIXELS:
        return None
    pixel = _reduced(image, (1, 1))
    return f"#{pixel.tobytes().hex().upper()}" if pixel.mode == "RGB" else None


def _thumbnail(file: File, scratch: Path) -> Path | None:
    """The thumbnail, whose name changes with the file, so that an outdated one is never served."""
    stamp = hashlib.sha256(repr((file.id, file.changed, file.size)).encode()).hexdigest()[:32]
    for made in (scratch / f"{stamp}.jpg", scratch / f"{stamp}.png"):
        if made.exists():
            return made
    rendered = tried(file.path, _rendered)
    if rendered is None:
        return None
    content, suffix = rendered
    half = scratch / f"{stamp}.{os.getpid()}-{threading.get_ident()}"
    try:
        half.write_bytes(content)
        return half.replace(scratch / (stamp + suffix))
    finally:
        half.unlink(missing_ok=True)


def _rendered(image: PIL.Image.Image) -> tuple[bytes, str]:
    turn, size = orientation(image), _fitted(*image.size)
    profile = image.info.get("icc_profile") if image.mode in {"RGB", "RGBA"} else None
    small = _reduced(image, size)
    small.info.clear()  # or the comment would be written again
    small.getexif()[ORIENTATION] = turn
    small = PIL.ImageOps.exif_transpose(small)
    file = io.BytesIO()
    if small.mode == "RGBA":
        small.save(file, "PNG", icc_profile=profile)
        return file.getvalue(), ".png"
    small.save(file, "JPEG", quality=82, optimize=True, progressive=True, icc_profile=profile)
    return file.getvalue(), ".jpg"
