"""Opening picture files: JPEG, PNG, GIF, WebP and AVIF, recognized by content, of at most 50 megapixels."""

import contextlib
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import PIL.Image
from PIL import PngImagePlugin

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF")
MAX_PIXELS = 50_000_000

# Control characters, bidirectional control characters, and surrogates, which stand for bytes that are not UTF-8.
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

ORIENTATION = 0x0112  # the EXIF tag
ON_ITS_SIDE = 5  # from this value of the tag, width and height are swapped

# The parts of a PNG: https://www.w3.org/TR/png-3/#5DataRep
SIGNATURE_BYTES = 8
CHECKSUM_BYTES = 4
METADATA_CHUNKS = {b"eXIf", b"iTXt", b"tEXt", b"zTXt"}

T = TypeVar("T")
log = logging.getLogger(__name__)


def tried(path: str | Path, work: Callable[[PIL.Image.Image], T]) -> T | None:
    """Return what `work` makes of a picture; None if the file is not a picture or is broken.

    Any error counts as broken, because a decoder can raise anything.
    """
    try:
        with opened(path) as image:
            return work(image)
    except Exception as error:  # noqa: BLE001
        log.debug("skipped %s: %s", path, error)
        return None


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[PIL.Image.Image]:
    """Open a picture without decoding it.

    Raises:
        ValueError: it has more than `MAX_PIXELS`. Pillow's own limit would apply to the whole process.
        OSError: the file cannot be read or is no picture of these formats.

    """
    with Path(path).open("rb") as file, PIL.Image.open(file, formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"{image.width}x{image.height} pixels are too many")
        if image.format == "PNG":
            image.info |= _late_chunks(file)
        yield image


def _late_chunks(file: BinaryIO) -> dict[str | tuple[int, int], Any]:
    """Return all metadata of a PNG. ExifTool writes it after the pixels, which Pillow would decode to get there."""
    position = file.tell()
    stream = PngImagePlugin.PngStream(file)
    with contextlib.suppress(Exception):  # what was read before the damage is used
        _read_chunks(file, stream)
    file.seek(position)
    return stream.im_info


def _read_chunks(file: BinaryIO, stream: PngImagePlugin.PngStream) -> None:
    """Read the chunks of metadata into `stream`, and skip all others."""
    file.seek(SIGNATURE_BYTES)
    while True:
        kind, start, length = stream.read()
        if kind == b"IEND":
            return
        if kind in METADATA_CHUNKS:
            stream.call(kind, start, length)
        file.seek(start + length + CHECKSUM_BYTES)


def orientation(image: PIL.Image.Image) -> int:
    """Return how the picture must be turned for display, 1 to 8 as in EXIF; 1 if broken EXIF does not tell."""
    with contextlib.suppress(Exception):
        found = PIL.Image.Image.getexif(image).get(ORIENTATION, 1)
        return int(found) if found in range(1, 9) else 1
    return 1


def shown_size(image: PIL.Image.Image) -> tuple[int, int]:
    """Return width and height of the picture as displayed, in pixels."""
    return image.size[::-1] if orientation(image) >= ON_ITS_SIDE else image.size
