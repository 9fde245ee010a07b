"""Local: a folder of your own pictures, searched by file name and by the metadata in the files. It uses no network.

The formats are JPEG, PNG, GIF, WebP and AVIF, recognized by content, with at most 50 megapixels. Hidden files and
symbolic links are skipped, so nothing outside the folder can be reached. A file that cannot be read is skipped too, and
the log gives the reason at level DEBUG.

A search knows no operators: `-dog` searches for "dog". Each word of the query must be found, and punctuation is none.
"""

import asyncio
import datetime
import functools
import itertools
import re
import unicodedata
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec
import PIL.Image

from imagevault import Author, Declared, Image, License, Page, ProviderInfo, Rendition, SearchQuery, hookimpl
from imagevault.folder import File, Folder
from imagevault.pictures import average_color, fitted, metadata, shown_size, thumbnail, tried, without_location

# The metadata of one picture, as `imagevault.pictures.metadata` returns it: values by field, such as `title` or `tag`.
Texts = dict[str, list[str]]

# What a word is made of: letters and digits of a script that sets words apart, of one that does not, or signs.
Kind = Literal["letters", "unspaced", "signs"]

# How long a search waits for files that were never read before, in seconds. It then answers with those read so far.
PATIENCE = 1.0

PAGE_SIZE = 50

# The folder may change at any time, so its pages stay fresh for a few seconds only.
CACHE_FOR = 5

# How many characters of one text a search looks at. To compose thousands of combining marks takes seconds.
SEARCHED = 500

# The first and the last letter of scripts that do not set words apart (https://www.unicode.org/Public/UNIDATA/Blocks.txt).
UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x109F),  # Tibetan, Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x2E80, 0x2FDF),  # radicals of Chinese characters
    (0x3005, 0x3007),  # marks that repeat a Chinese character, and its zero
    (0x3040, 0x312F),  # Hiragana, Katakana, Bopomofo
    (0x31A0, 0x31FF),  # more Bopomofo and Katakana, strokes of Chinese characters
    (0x3400, 0x4DBF),  # rare Chinese characters
    (0x4E00, 0x9FFF),  # Chinese characters
    (0xA980, 0xA9DF),  # Javanese
    (0xAA60, 0xAA7F),  # more Myanmar
    (0xF900, 0xFAFF),  # compatible Chinese characters
    (0x1B000, 0x1B16F),  # older Hiragana and Katakana
    (0x20000, 0x323AF),  # very rare Chinese characters
)

# Signs of rights say nothing about a picture: "LEGO\u2122" is "LEGO". They are TM, SM, (R) and (C).
SIGNS_OF_RIGHTS = str.maketrans("", "", "\u2122\u2120\u00ae\u00a9")

# In Turkish, the small letter of I is U+0131, without a dot, and that of U+0130, with a dot, is i. Letters alone do not
# tell the language, so a search takes the four for one letter.
DOTTED_I = "i\u0307"  # what `casefold` makes of U+0130
DOTLESS_I = "\u0131"

# What separates the words of a file name: the underscore and the hyphen of "red_fox-2".
SEPARATORS = re.compile(r"[-_\s]+")

# What cameras and programs write into the title or description by themselves: "SONY DSC", "OLYMPUS DIGITAL CAMERA",
# "KONICA MINOLTA DIGITAL CAMERA", "Digital StillCamera", "SAMSUNG CAMERA PICTURES", "Exif_JPEG_PICTURE".
STAMP = re.compile(
    r"sony dsc|samsung camera pictures|exif[ _]jpeg(?:[ _]picture)?|(?:\w{1,20} ){0,2}digital (?:still ?)?camera",
    re.IGNORECASE,
)

# A file name, which is no title: "File:Fox.jpg", "DCIM\100MEDIA\DJI_0001.JPG".
FILE_NAME = re.compile(r"[^\n]{0,300}\.(?:jpe?g|png|gif|webp|avif|heic|tiff?|dng|nef|cr[23]|arw)", re.IGNORECASE)

# A file name of a camera without its ending: "DSC_0228", "IMG_20240131_142530", "P1010001".
CAMERA_NUMBER = re.compile(r"(?:_?DSC[FN]?|_?IMG|_?MG|MVIMG|PXL|DJI|GOPR|CIMG|SAM|P)[-_ ]?[0-9]{3,8}[-_0-9]{0,20}")

# The beginning of a date: "2024-01-31T14:25" (XMP), "2024:01:31 14:25:30" (EXIF), "20240131" (IPTC), "2024".
DATE = re.compile(r"([1-9][0-9]{3})(?:[-:]?([0-9]{2}))?(?:[-:]?([0-9]{2}))?(?![0-9])")

# A link in a text, without the punctuation that follows it. In "(see https://ada.example/rights)." it is
# "https://ada.example/rights".
LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;)]")


class Settings(msgspec.Struct, frozen=True):
    """The settings of this provider.

    Attributes:
        folder: The folder of pictures, with its subfolders. Without it, the samples that come with ImageVault are
            searched. Its environment variable is LOCAL_FOLDER.
        strip_location: Whether originals are served as copies without the place where they were taken. Without it, they
            are served as they are. Its environment variable is LOCAL_STRIP_LOCATION.

    """

    folder: str | None = None
    strip_location: bool = False


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
    """Find the pictures that have every word of the query. Matches in title and keywords come first.

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

    A thumbnail and a copy without a location are made on demand in `scratch`, and again after the file has changed.
    """
    indexed = _library(settings.folder).find(image_id)
    if indexed is None or indexed.image is None:
        return None
    path = indexed.file.still_there()
    if path is None:
        return None
    version = repr(indexed.file)
    if rendition == "thumbnail":
        return thumbnail(path, scratch, version)
    if rendition == "original" and settings.strip_location:
        return without_location(path, scratch, version)
    if rendition == "original":
        return path
    return None


@functools.lru_cache(maxsize=4)
def _library(folder: str | None) -> Folder[_IndexedFile]:
    """Return the index of a folder, the same one for each call, so that every file is read once."""
    samples = str(resources.files("imagevault.samples"))
    return Folder(Path(folder or samples), _read, "LOCAL_FOLDER")


def _search(library: Folder[_IndexedFile], query: SearchQuery) -> Page:
    """Return one page of matches. A query of punctuation alone finds nothing.

    A blank text, which the gateway does not send, matches every picture.
    The total is None while files are still being read.
    """
    words = _words(query.text)
    files, complete = library.entries(PATIENCE)
    has_no_words = not words and bool(query.text.strip())
    if has_no_words:
        return Page([], total=0, last=True)
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
    """Return the place of a match: by how many words its title and keywords have, most first, then by name."""
    words_in_title = sum(_has_word(indexed.title_words, word) for word in words)
    return (-words_in_title, indexed.file.name)


def _has_word(text: str, word: str) -> bool:
    """Return whether a word of the text begins with `word`, or is its singular.

    Nothing shows where a word begins in a script that sets none apart, or among signs, so `word` may be anywhere there.

    Args:
        text: Words with a blank before and behind each: " red fox ".
        word: "fo" and "foxes" are both found there.

    """
    if _kind(word[0]) != "letters":
        return word in text
    if f" {word}" in text:
        return True
    singulars = (word.removesuffix("s"), word.removesuffix("es"))
    return any(singular and f" {singular} " in text for singular in singulars)


def _words(*texts: str) -> list[str]:
    """Return the words of some texts, folded: "Red_FOX-2" has "red", "fox" and "2".

    A word ends where the kind of its characters changes, so that "cat" is found in a title without blanks around it.
    """
    words: list[str] = []
    for text in texts:
        runs = itertools.groupby(_folded(text), _kind)
        words.extend("".join(characters) for kind, characters in runs if kind is not None)
    return words


def _folded(text: str) -> str:
    """Return a text without differences of letter case, of Unicode's compatible forms, and of what nobody sees."""
    known = text[:SEARCHED].translate(SIGNS_OF_RIGHTS)
    composed = unicodedata.normalize("NFKC", known).casefold()
    folded = unicodedata.normalize("NFKC", composed)  # `casefold` takes some letters apart
    folded = folded.replace(DOTTED_I, "i").replace(DOTLESS_I, "i")
    return "".join(character for character in folded if not _is_invisible(character))


def _is_invisible(character: str) -> bool:
    """Return whether a character only joins or styles others: U+200B, U+200D, U+00AD, or a variation selector."""
    is_variation_selector = "\ufe00" <= character <= "\ufe0f"
    return is_variation_selector or unicodedata.category(character) == "Cf"


@functools.lru_cache(maxsize=10_000)
def _kind(character: str) -> Kind | None:
    """Return what a character makes words of, or None if it separates them: a blank, an underscore, punctuation.

    The marks of letters belong to words: without them, Thai and Hindi words would fall apart.
    """
    category = unicodedata.category(character)[0]
    if category == "S":
        return "signs"
    if category not in "LMN":
        return None
    code = ord(character)
    if any(first <= code <= last for first, last in UNSPACED):
        return "unspaced"
    return "letters"


def _read(file: File) -> _IndexedFile:
    """Read a file. One that holds no picture is remembered too, so that it is not read at every search."""
    indexed = tried(file.path, lambda picture: _index(file, picture))
    if indexed is None:
        return _IndexedFile(file)
    return indexed


def _index(file: File, picture: PIL.Image.Image) -> _IndexedFile:
    """Return the record of a picture and the words by which it is found. The picture is not decoded for it."""
    texts = metadata(picture)
    path = PurePosixPath(file.name)
    image = _image(file, texts, shown_size(picture))
    words_of_title = _words(_title(texts, path), *_tags(texts))
    other_words = _words(_author_name(texts), _first(texts, "rights"), *path.parts[:-1], path.stem)
    return _IndexedFile(
        file=file,
        image=image,
        title_words=_searchable(words_of_title),
        words=_searchable([*words_of_title, *other_words]),
    )


def _searchable(words: list[str]) -> str:
    """Return words as `_has_word` searches them: " red fox "."""
    return f" {' '.join(words)} "


def _image(file: File, texts: Texts, size: tuple[int, int]) -> Image:
    """Return the record of a picture with this metadata and this size (width, height) in pixels."""
    title = _title(texts, PurePosixPath(file.name))
    author_name = _author_name(texts)
    license = _license(texts)
    return Image(
        id=file.id,
        title=title,
        alt=_alt(texts),
        description=_description(texts),
        date=_date(texts),
        width=size[0],
        height=size[1],
        tags=_tags(texts),
        author=Author(author_name) if author_name else None,
        source_url=_source_url(texts),
        license=license,
        declared=_declared(texts),
        credit=_credit(texts, title, license),
        renditions=_renditions(size),
    )


def _first(texts: Texts, field: str) -> str:
    """Return the first value of a field, or an empty text if it has none."""
    values = texts.get(field)
    if not values:
        return ""
    return values[0]


def _written(texts: Texts, field: str) -> str:
    """Return the first value of a field if a person wrote it, or an empty text: neither a stamp nor a file name."""
    text = _first(texts, field)
    is_by_itself = STAMP.fullmatch(text) or FILE_NAME.fullmatch(text) or CAMERA_NUMBER.fullmatch(text)
    return "" if is_by_itself else text


def _title(texts: Texts, path: PurePosixPath) -> str:
    """Return the title, else the description, else the words of the file name: "Red fox 2" of "red_fox-2.jpg"."""
    title = _written(texts, "title") or _written(texts, "description")
    if title:
        return title
    name = SEPARATORS.sub(" ", path.stem).strip() or path.stem
    return name[:1].upper() + name[1:]


def _alt(texts: Texts) -> str | None:
    """Return what the picture shows: its text for people who do not see it, else its description, else None."""
    return _first(texts, "alt") or _description(texts)


def _description(texts: Texts) -> str | None:
    """Return the description that is embedded, or None."""
    return _written(texts, "description") or None


def _date(texts: Texts) -> str | None:
    """Return the day on which the picture was taken, or the month or the year if no more is known: "2024-01-31".

    IPTC writes zeros for a month or a day that is unknown, and a camera without a clock for the year too.
    """
    found = DATE.match(_first(texts, "date"))
    if found is None:
        return None
    year, month, day = found.groups()
    if _is_day(year, month, day):
        return f"{year}-{month}-{day}"
    if _is_day(year, month, "01"):
        return f"{year}-{month}"
    return year


def _is_day(year: str, month: str | None, day: str | None) -> bool:
    """Return whether the calendar has this day."""
    try:
        datetime.date(int(year), int(month or 0), int(day or 0))
    except ValueError:
        return False
    return True


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
    """Return the licence of the picture, or None if its metadata says nothing of rights.

    It is the first Creative Commons licence or public domain mark that the metadata links to. Any other statement, such
    as "(c) Ada Example", leaves the rights unclear.
    """
    declared = _declared(texts)
    if declared is None:
        return None
    for link in LINK.findall(declared.words):
        license = License.from_url(link)
        if license is not None:
            return license
    links = LINK.findall(" ".join(texts.get("license", [])))
    return License.unknown(declared.words, links[0] if links else None)


def _declared(texts: Texts) -> Declared | None:
    """Return the statement that names the licence, with its field as `imagevault.pictures.metadata` calls it.

    Programs put a link to the licence into the field for it, or somewhere into the text on rights. Without such a link
    it is the text on rights, or what stands in the field for the licence.
    """
    statements = [Declared(field, words) for field in ("license", "rights") for words in texts.get(field, [])]
    for statement in statements:
        if any(License.from_url(link) for link in LINK.findall(statement.words)):
            return statement
    on_rights = [statement for statement in statements if statement.field == "rights"]
    unclear = on_rights or statements
    return unclear[0] if unclear else None


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
