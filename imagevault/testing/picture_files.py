"""The picture files of simulated upstreams, made when somebody asks for them.

A picture is drawn small and scaled up. At most two are made at the same time, and large JPEGs are made in strips, so an
original of 150 megapixels takes 25 MB of memory for a second.
"""

import io
import threading
from typing import Any

from cachetools import LRUCache
from PIL import Image

from imagevault.testing import jpeg_strips
from imagevault.testing.pictures import GIF, JPEG, PNG, TIFF, WEBP, Picture, fitted
from imagevault.testing.scenes import landscape

SCENE_SIDE = 400  # pixels of the longer side of a drawing before it is scaled
STRIP_PIXELS = 1_000_000  # of one strip of a JPEG
MAX_PIXELS = {  # of the types that are made whole, with one byte a pixel; WebP with four
    PNG: 40_000_000,
    GIF: 40_000_000,
    TIFF: 40_000_000,
    WEBP: 10_000_000,
}
FORMATS = {JPEG: "JPEG", PNG: "PNG", GIF: "GIF", TIFF: "TIFF", WEBP: "WEBP"}
JPEG_OPTIONS = {"quality": 70, "subsampling": "4:2:0"}
WEBP_OPTIONS = {"quality": 70, "method": 0}
PALETTE = 64  # colours of a PNG, GIF or TIFF
AT_ONCE = 2  # made at the same time
KEPT_BYTES = 16_000_000
MAX_KEPT = 250_000  # bytes of one picture


class _Kept:
    """The pictures that were made last, as files. All simulated upstreams of a process share them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: LRUCache[Picture, bytes] = LRUCache(KEPT_BYTES, getsizeof=len)

    def get(self, picture: Picture) -> bytes | None:
        """Return the file, or None if it is not kept."""
        with self._lock:
            return self._files.get(picture)

    def put(self, picture: Picture, file: bytes) -> None:
        """Keep a file, unless it is large."""
        if len(file) <= MAX_KEPT:
            with self._lock:
                self._files[picture] = file


_kept = _Kept()
_making = threading.BoundedSemaphore(AT_ONCE)


def file_of(picture: Picture) -> bytes:
    """Return a picture as a file. Blocks while two others are made.

    Raises:
        ValueError: it is of another type, or too large for its type.

    """
    file = _kept.get(picture)
    if file is None:
        _check(picture)
        with _making:
            file = _make(picture)
        _kept.put(picture, file)
    return file


def _check(picture: Picture) -> None:
    if picture.type not in FORMATS:
        raise ValueError(f"a picture cannot be {picture.type}; choose one of {', '.join(FORMATS)}")
    pixels = picture.width * picture.height
    most = MAX_PIXELS.get(picture.type, pixels)
    if pixels > most:
        raise ValueError(f"a picture of {picture.type} cannot have {pixels} pixels, only {most}")


def _make(picture: Picture) -> bytes:
    size = (picture.width, picture.height)
    scene = landscape(picture.scene, picture.color, *fitted(size, (SCENE_SIDE, SCENE_SIDE)))
    if picture.type == JPEG:
        return _jpeg(scene, size)
    if picture.type == WEBP:
        return _written(scene.resize(size, Image.Resampling.BILINEAR), picture.type, **WEBP_OPTIONS)
    small = scene.quantize(PALETTE, method=Image.Quantize.FASTOCTREE)
    options = {"compression": "tiff_adobe_deflate"} if picture.type == TIFF else {}
    return _written(small.resize(size, Image.Resampling.NEAREST), picture.type, **options)


def _jpeg(scene: Image.Image, size: tuple[int, int]) -> bytes:
    """Return a scene as a JPEG of this size."""
    width, height = size
    rows = max(1, STRIP_PIXELS // width // jpeg_strips.SQUARE) * jpeg_strips.SQUARE
    scale = scene.height / height
    strips = []
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        part = (0, top * scale, scene.width, bottom * scale)
        strip = scene.resize((width, bottom - top), Image.Resampling.BILINEAR, box=part)
        strips.append(_written(strip, JPEG, **JPEG_OPTIONS))
    return jpeg_strips.joined(strips, width, height)


def _written(image: Image.Image, type: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, FORMATS[type], **options)
    return file.getvalue()
