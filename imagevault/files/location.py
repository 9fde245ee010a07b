"""Copies of picture files without the place where they were taken. Pixels are not encoded again.

Coordinates stand in EXIF and XMP. A copy keeps both without them (`coordinates`), and IPTC, comments and the colour
profile as they are. A copy of a JPEG, PNG or WebP leaves out what no program can check: application data of other
kinds, and what follows the picture, such as the film of a "motion photo". In GIF and AVIF nothing moves.
"""

import contextlib
import hashlib
import io
import itertools
import logging
import re
from pathlib import Path

import PIL.Image

from imagevault.files.atomic_write import write_atomically
from imagevault.files.coordinates import GPS_DIRECTORY, MAX_EXIF, Unreadable, cleaned_xmp, remove_from_exif
from imagevault.files.location_chunks import PNG_SIGNATURE, cleaned_png, cleaned_webp
from imagevault.files.location_jpeg import cleaned_jpeg
from imagevault.files.opening import FORMATS

MAX_BYTES = 128 * 1024 * 1024  # of a file; it is read whole

log = logging.getLogger(__name__)


def without_location(path: Path, folder: Path, version: str) -> Path | None:
    """Return the path of a copy of a picture without its location. It is made once for each version.

    Args:
        path: the picture file: JPEG, PNG, WebP, GIF or AVIF.
        folder: where copies are stored.
        version: identifies the content of the picture. The copy's name derives from it, so that an outdated copy is
            never served.

    Returns:
        The path; that of the picture itself if there is nothing to remove. None if the location cannot be removed, for
        which the log gives the reason.

    Raises:
        OSError: the copy cannot be stored.

    """
    name = hashlib.sha256(f"without location {version}".encode()).hexdigest()[:32]
    copy = folder / f"{name}.copy"
    needs_no_copy = folder / f"{name}.same"
    if copy.exists():
        return copy
    if needs_no_copy.exists():
        return path
    try:
        content = _read(path)
        cleaned = _cleaned(content)
        _check(cleaned)
    except (Unreadable, OSError) as error:
        log.warning("%s is not served: its location cannot be removed: %s", path, error)
        return None
    if cleaned == content:
        write_atomically(needs_no_copy, b"", mode=0o644)
        return path
    write_atomically(copy, cleaned, mode=0o644)
    return copy


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise Unreadable(f"it has more than {MAX_BYTES} bytes")
    return content


def _cleaned(content: bytes) -> bytes:
    """Return the file without its location."""
    if content.startswith(b"\xff\xd8"):
        return cleaned_jpeg(content)
    if content.startswith(PNG_SIGNATURE):
        return cleaned_png(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return cleaned_webp(content)
    return _cleaned_in_place(content)


def _check(cleaned: bytes) -> None:
    """Raise Unreadable if a copy still tells its location, or is no picture any more."""
    try:
        with PIL.Image.open(io.BytesIO(cleaned), formats=FORMATS) as image:
            has_gps = GPS_DIRECTORY in PIL.Image.Image.getexif(image)
            xmp = image.info.get("xmp", b"")
    except Exception as error:  # noqa: BLE001  a decoder can raise anything
        raise Unreadable(str(error)) from None
    if has_gps or cleaned_xmp(xmp) != xmp:
        raise Unreadable("its metadata is not where it should be")


# GIF and AVIF

TIFF_HEADER = re.compile(rb"II\*\0|MM\0\*")
MAX_HEADERS = 100
XMP_START = b"<x:xmpmeta"
XMP_END = b"</x:xmpmeta>"


def _cleaned_in_place(content: bytes) -> bytes:
    """Return a file in which EXIF and XMP are overwritten where they stand. They are found by how they begin."""
    data = bytearray(content)
    for found in itertools.islice(TIFF_HEADER.finditer(content), MAX_HEADERS):
        exif = data[found.start() : found.start() + MAX_EXIF]
        with contextlib.suppress(ValueError):  # it only looks like EXIF
            remove_from_exif(exif)
            data[found.start() : found.start() + MAX_EXIF] = exif
    start = content.find(XMP_START)
    end = content.find(XMP_END, start)
    while 0 <= start < end:
        end += len(XMP_END)
        data[start:end] = cleaned_xmp(content[start:end])
        start = content.find(XMP_START, end)
        end = content.find(XMP_END, start)
    return bytes(data)
