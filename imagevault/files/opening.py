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
ON_ITS_SIDE = 5  # from this value of the tag on, width and height are swapped

T = TypeVar("T")
log = logging.getLogger(__name__)


def tried(path: str | Path, work: Callable[[PIL.Image.Image], T]) -> T | None:
    """What `work` makes of the picture, or None if it is none or broken: then a decoder can raise anything."""
    try:
        with opened(path) as image:
            return work(image)
    except Exception as error:  # noqa: BLE001
        log.debug("skipped %s: %s", path, error)
        return None


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[PIL.Image.Image]:
    """The picture, not decoded yet. Pillow's own limit on pixels belongs to the process, so ours is looked at here."""
    with Path(path).open("rb") as file, PIL.Image.open(file, formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"{image.width}x{image.height} pixels are too many")
        if image.format == "PNG":
            image.info |= _late_chunks(file)
        yield image


def _late_chunks(file: BinaryIO) -> dict[str | tuple[int, int], Any]:
    """All text of a PNG. ExifTool writes it after the pixels, and Pillow would decode them to get there."""
    here = file.tell()
    stream = PngImagePlugin.PngStream(file)
    with contextlib.suppress(Exception):  # then what came before the damage has to do
        file.seek(8)
        while (chunk := stream.read())[0] != b"IEND":
            if chunk[0] in {b"eXIf", b"iTXt", b"tEXt", b"zTXt"}:
                stream.call(*chunk)
            file.seek(chunk[1] + chunk[2] + 4)
    file.seek(here)
    return stream.im_info


def orientation(image: PIL.Image.Image) -> int:
    """How the picture is to be turned for display, 1 to 8 as EXIF counts it."""
    with contextlib.suppress(Exception):  # broken EXIF says nothing
        found = PIL.Image.Image.getexif(image).get(ORIENTATION, 1)
        return int(found) if found in range(1, 9) else 1
    return 1


def shown_size(image: PIL.Image.Image) -> tuple[int, int]:
    """Width and height as it is displayed, in pixels."""
    return image.size[::-1] if orientation(image) >= ON_ITS_SIDE else image.size
