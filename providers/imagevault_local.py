"""Local: a folder of your own pictures, searched by file name and by the metadata in the files. It uses no network.

The formats are JPEG, PNG, GIF, WebP and AVIF, recognized by content, with at most 50 megapixels. Hidden files and
symbolic links are skipped, so nothing outside the folder can be reached. A file that cannot be read is skipped too, and
the log gives the reason at level DEBUG.
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

# The metadata of one picture, as `imagevault.pictures.metadata` returns it: values by field, such as `title` or `tag`.
Texts = dict[str, list[str]]

# How long a search waits for files that were never read before, in seconds. It then answers with those read so far.
PATIENCE = 1.0

PAGE_SIZE = 50

# The folder may change at any time, so its pages stay fresh for a few seconds only.
CACHE_FOR = 5

# A word of letters and digits. "red_fox-2" has three: "red", "fox", "2".
WORD = re.compile(r"[^\W_]+")

# What separates the words of a file name: the underscore and the hyphen of "red_fox-2".
SEPARATORS = re.compile(r"[-_\s]+")

# A link in a text, without the punctuation that follows it. In "(see https://ada.example/rights)." it is
# "https://ada.example/rights".
LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;)]")


class Settings(msgspec.Struct, frozen=True):
    """The settings of this provider.

    Attributes:
        folder: The folder of pictures, with its subfolders. Without it, the samples that come with ImageVault are
            searched. Its environment variable is LOCAL_FOLDER.

    """

    folder: str | None = None


class _IndexedFile(msgspec.Struct):
    """One file of the folder, read once and remembered until it changes.

    Attributes:
        file: Where the file is, and in which version it was read.
        image: The picture's record, or None if the file holds no picture that can be read.
        title_words: The words of title and keywords, as `_has_word` searches them.
        words: `title_words`, and the words of author, rights and path.
        is_decoded: Whether the picture was decoded once, which is how its colour becomes known.

    """

    file: File
    image: Image | None = None
    title_words: str = ""
    words: str = ""
    is_decoded: bool = False

    def image_with_color(self) -> Image | None:
        """Return the record with the picture's average colour, or None if the picture is broken.

        The first call decodes the picture, so this method blocks.
        """
        image = self.image
        if image is None or self.is_decoded:
            return image
        self.image = tried(
            self.file.path,
            lambda picture: msgspec.structs.replace(image, color=average_color(picture)),
        )
        self.is_decoded = True
        return self.image


@hookimpl
def provider_info() -> ProviderInfo:
    """Describe the folder. It has no licence for all pictures; `_license` reads that of each picture."""
    return ProviderInfo(
        title="Local library",
        settings=Settings,
        page_size=PAGE_SIZE,
        cache_for=CACHE_FOR,
        hotlink="temporary",
    )


@hookimpl
async def search_images(query: SearchQuery, settings: Settings) -> Page:
    """Find the pictures in which every word of the query begins a word. Matches in title and keywords come first.

    Raises:
        Unavailable: There is no such folder.

    """
    library = _library(settings.folder)
    return await asyncio.to_thread(_search, library, query)


@hookimpl
async def fetch_image(image_id: str, settings: Settings) -> Image | None:
    """Return the picture with this id, which is its path below the folder, or None if there is none.

    Raises:
        Unavailable: There is no such folder.

    """
    library = _library(settings.folder)
    indexed = await asyncio.to_thread(library.find, image_id)
    if indexed is None:
        return None
    return await asyncio.to_thread(indexed.image_with_color)


@hookimpl
def open_file(image_id: str, rendition: str, settings: Settings, scratch: Path) -> Path | None:
    """Return the path of a picture's `original` or `thumbnail`, or None if there is none.

    A thumbnail is made on demand in `scratch`, and again after the file has changed.
    """
    indexed = _library(settings.folder).find(image_id)
    if indexed is None or indexed.image is None:
        return None
    path = indexed.file.still_there()
    if path is None:
        return None
    if rendition == "thumbnail":
        version = repr(indexed.file)
        return thumbnail(path, scratch, version)
    if rendition == "original":
        return path
    return None


@functools.lru_cache(maxsize=4)
def _library(folder: str | None) -> Folder[_IndexedFile]:
    """Return the index of a folder, the same one for each call, so that every file is read once."""
    samples = str(resources.files("imagevault.samples"))
    return Folder(Path(folder or samples), _read, "LOCAL_FOLDER")


def _search(library: Folder[_IndexedFile], query: SearchQuery) -> Page:
    """Return one page of matches. A query without any word matches every picture.

    The total is None while files are still being read.
    """
    words = _words(query.text)
    files, complete = library.entries(PATIENCE)
    matches = [file for file in files if file.image is not None and _matches(file, words)]
    matches.sort(key=lambda match: _rank(match, words))
    end = query.page * query.per_page
    start = end - query.per_page
    images = []
    for match in matches[start:end]:
        image = match.image_with_color()
        if image is not None:
            images.append(image)
    total = len(matches) if complete else None
    is_last = total is not None and end >= total
    return Page(images, total=total, last=is_last)


def _matches(indexed: _IndexedFile, words: list[str]) -> bool:
    """Return whether every word is found in the file."""
    return all(_has_word(indexed.words, word) for word in words)


def _rank(indexed: _IndexedFile, words: list[str]) -> tuple[int, str]:
    """Return the place of a match: by how many words its title and keywords have, most first, then by id."""
    words_in_title = sum(_has_word(indexed.title_words, word) for word in words)
    return (-words_in_title, indexed.file.id)


def _has_word(text: str, word: str) -> bool:
    """Return whether a word of the text begins with `word`, or is its singular.

    Args:
        text: Words with a blank before and behind each: " red fox ".
        word: "fo" and "foxes" are both found there.

    """
    begins = f" {word}"
    singular = f" {word.removesuffix('s')} "
    singular_of_es = f" {word.removesuffix('es')} "
    return begins in text or singular in text or singular_of_es in text


def _words(*texts: str) -> list[str]:
    """Return the words of some texts, without differences of letter case and of Unicode's compatible forms."""
    text = unicodedata.normalize("NFKC", " ".join(texts)).casefold()
    return WORD.findall(text)


def _read(file: File) -> _IndexedFile:
    """Read a file. One that holds no picture is remembered too, so that it is not read at every search."""
    indexed = tried(file.path, lambda picture: _index(file, picture))
    if indexed is None:
        return _IndexedFile(file)
    return indexed


def _index(file: File, picture: PIL.Image.Image) -> _IndexedFile:
    """Return the record of a picture and the words by which it is found. The picture is not decoded for it."""
    texts = metadata(picture)
    path = PurePosixPath(file.id)
    image = _image(file.id, texts, shown_size(picture))
    words_of_title = _words(_title(texts, path), *_tags(texts))
    other_words = _words(_author_name(texts), _first(texts, "rights"), *path.parts[:-1], path.stem)
    title_words = f" {' '.join(words_of_title)} "
    return _IndexedFile(
        file=file,
        image=image,
        title_words=title_words,
        words=f"{title_words}{' '.join(other_words)} ",
    )


def _image(id: str, texts: Texts, size: tuple[int, int]) -> Image:
    """Return the record of a picture with this metadata and this size (width, height) in pixels."""
    title = _title(texts, PurePosixPath(id))
    author_name = _author_name(texts)
    license = _license(texts)
    return Image(
        id=id,
        title=title,
        alt=_alt(texts),
        width=size[0],
        height=size[1],
        tags=_tags(texts),
        author=Author(author_name) if author_name else None,
        source_url=_source_url(texts),
        license=license,
        credit=_credit(texts, title, license),
        renditions=_renditions(size),
    )


def _first(texts: Texts, field: str) -> str:
    """Return the first value of a field, or an empty text if it has none."""
    values = texts.get(field)
    if not values:
        return ""
    return values[0]


def _title(texts: Texts, path: PurePosixPath) -> str:
    """Return the title, else the description, else the words of the file name: "Red fox 2" of "red_fox-2.jpg"."""
    title = _first(texts, "title") or _first(texts, "description")
    if title:
        return title
    name = SEPARATORS.sub(" ", path.stem).strip() or path.stem
    return name[:1].upper() + name[1:]


def _alt(texts: Texts) -> str | None:
    """Return what the picture shows: its text for people who do not see it, else its description, else None."""
    return _first(texts, "alt") or _first(texts, "description") or None


def _tags(texts: Texts) -> list[str]:
    """Return the keywords. Some programs write them one by one, others as one text: "fox; snow"."""
    tags: list[str] = []
    for text in texts.get("tag", []):
        tags.extend(text.split(";"))
    return tags


def _author_name(texts: Texts) -> str:
    """Return the names of all creators, separated by commas, or an empty text."""
    return ", ".join(texts.get("author", []))


def _license(texts: Texts) -> License | None:
    """Return the first Creative Commons licence or public domain mark that the metadata links to, or None.

    Programs put the link into the field for the licence, or somewhere into the text on rights.
    """
    statements = [*texts.get("license", []), *texts.get("rights", [])]
    for link in LINK.findall(" ".join(statements)):
        license = License.from_url(link)
        if license is not None:
            return license
    return None


def _credit(texts: Texts, title: str, license: License | None) -> str | None:
    """Return the credit line, or None where the gateway's own "TITLE by AUTHOR" says everything.

    A credit line in the metadata is taken as it is. A picture without an author is credited by its title and its
    rights. A licence that demands attribution is named at the end.
    """
    credit = _first(texts, "credit")
    if credit:
        return credit
    author_name = _author_name(texts)
    rights = _first(texts, "rights")
    if author_name:
        credit = f"{title} by {author_name}"
    elif rights:
        credit = f"{title}. {rights}"
    else:
        credit = title
    if license is not None and license.attribution_required:
        return f"{credit}. {license.name}, {license.url}"
    if author_name:
        return None  # the gateway makes the same line, with links
    return credit


def _source_url(texts: Texts) -> str | None:
    """Return the link in the field for the source, or None if that field holds no link."""
    source = _first(texts, "source")
    if not LINK.fullmatch(source):
        return None
    return source


def _renditions(size: tuple[int, int]) -> list[Rendition]:
    """Return the two files of a picture. They have no address: `open_file` gives their paths."""
    thumbnail_size = fitted(size)
    return [
        Rendition(name="thumbnail", width=thumbnail_size[0], height=thumbnail_size[1]),
        Rendition(name="original", width=size[0], height=size[1]),
    ]
