"""Average colours and thumbnails of picture files.

A picture of 50 megapixels takes 200 MB while it is decoded, and a WebP four times as much. So at most one large picture
is decoded at once, it is reduced in bands without a copy of the whole, and its memory goes back to the system.
"""

import contextlib
import ctypes
import hashlib
import io
import threading
from pathlib import Path

import PIL.Image
import PIL.ImageOps

from imagevault.files.atomic_write import write_atomically
from imagevault.files.opening import ORIENTATION, orientation, tried

# Larger pictures get no colour: decoding that many pixels takes 4 ms, reading metadata 0.2 ms.
COLOR_PIXELS = 1_000_000
THUMBNAIL = 400  # pixels, the longer side
JPEG_QUALITY = 82
LARGE_PIXELS = 4_000_000  # at most one picture with more is decoded at once
BAND_PIXELS = 1_000_000  # about as many are converted at once
REDUCING_GAP = 2  # a picture is first reduced to this many times its final size, by a quick average of pixels

_one_large_picture = threading.Lock()


def average_color(image: PIL.Image.Image) -> str | None:
    """Return the average colour, `#RRGGBB`; None for pictures with transparent parts and for large ones."""
    if image.width * image.height > COLOR_PIXELS:
        return None
    pixel = _reduced(image, (1, 1))
    return f"#{pixel.tobytes().hex().upper()}" if pixel.mode == "RGB" else None


def fitted(size: tuple[int, int]) -> tuple[int, int]:
    """Return the size of the thumbnail of a picture of this size: width and height in pixels, never scaled up."""
    scale = min(1.0, THUMBNAIL / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def thumbnail(path: Path, folder: Path, version: str) -> Path | None:
    """Return the path of a picture's thumbnail, JPEG or PNG. It is made once for each version.

    Args:
        path: the picture file.
        folder: where thumbnails are stored.
        version: identifies the content of the picture. The thumbnail's name derives from it, so that an outdated
            thumbnail is never served.

    Returns:
        The path; None if the file is not a picture that can be read.

    Raises:
        OSError: the thumbnail cannot be stored.

    """
    name = hashlib.sha256(version.encode()).hexdigest()[:32]
    existing = _existing(folder, name)
    if existing is not None:
        return existing
    if not tried(path, _is_large):
        return _made(path, folder, name)
    with _one_large_picture:
        existing = _existing(folder, name)  # made while this call waited
        if existing is not None:
            return existing
        try:
            return _made(path, folder, name)
        finally:
            _release_memory()


def _existing(folder: Path, name: str) -> Path | None:
    """Return the thumbnail of this name; None if there is none."""
    for existing in (folder / f"{name}.jpg", folder / f"{name}.png"):
        if existing.exists():
            return existing
    return None


def _made(path: Path, folder: Path, name: str) -> Path | None:
    """Make and store the thumbnail of this name; None if the file is not a picture that can be read."""
    rendered = tried(path, _rendered)
    if rendered is None:
        return None
    content, suffix = rendered
    stored = folder / f"{name}{suffix}"
    write_atomically(stored, content, mode=0o644)
    return stored


def _is_large(image: PIL.Image.Image) -> bool:
    """Return whether decoding takes much memory. A JPEG takes little, unless it is progressive: see `_reduced`."""
    is_read_small = image.format == "JPEG" and not image.info.get("progressive")
    return not is_read_small and image.width * image.height > LARGE_PIXELS


def _release_memory() -> None:
    """Give freed memory back to the system. glibc keeps it for later, up to the most that was ever in use.

    See malloc_trim(3). Other C libraries have no such function.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def _rendered(image: PIL.Image.Image) -> tuple[bytes, str]:
    """Return the content of the thumbnail and the suffix of its file."""
    turn = orientation(image)
    profile = image.info.get("icc_profile") if image.mode in {"RGB", "RGBA"} else None
    small = _reduced(image, fitted(image.size))
    small.info.clear()  # otherwise the thumbnail contains the picture's comment
    small.getexif()[ORIENTATION] = turn
    small = PIL.ImageOps.exif_transpose(small)
    file = io.BytesIO()
    if small.mode == "RGBA":
        small.save(file, "PNG", icc_profile=profile)
        return file.getvalue(), ".png"
    small.save(
        file,
        "JPEG",
        quality=JPEG_QUALITY,
        optimize=True,
        progressive=True,
        icc_profile=profile,
    )
    return file.getvalue(), ".jpg"


def _reduced(image: PIL.Image.Image, size: tuple[int, int]) -> PIL.Image.Image:
    """Return the picture in this size: RGB, or RGBA if parts are transparent.

    A JPEG is decoded at the lowest resolution that suffices. Any other picture is decoded whole.
    """
    image.draft("RGB", (REDUCING_GAP * size[0], REDUCING_GAP * size[1]))
    image.load()
    if size == image.size:
        small = _converted(image, "RGBA" if image.has_transparency_data else "RGB")
    else:
        small = _scaled(image, size)
    if small.mode == "RGB":
        return small
    is_opaque = min(small.getchannel("A").tobytes()) == 255
    return small.convert("RGB") if is_opaque else small


def _scaled(image: PIL.Image.Image, size: tuple[int, int]) -> PIL.Image.Image:
    """Return a decoded picture scaled down to this size: RGB or RGBA."""
    factors = (
        max(1, image.width // (REDUCING_GAP * size[0])),
        max(1, image.height // (REDUCING_GAP * size[1])),
    )
    # The last row and column of the reduced picture may stand for fewer pixels than the others.
    exact_box = (0, 0, image.width / factors[0], image.height / factors[1])
    small = _reduced_in_bands(image, factors).resize(size, PIL.Image.Resampling.LANCZOS, exact_box)
    return small if small.mode == "RGB" else small.convert("RGBA")


def _reduced_in_bands(image: PIL.Image.Image, factors: tuple[int, int]) -> PIL.Image.Image:
    """Return a decoded picture, reduced by these factors (across, down): RGB, or RGBa, where alpha is multiplied in.

    Some rows are converted at a time, so no copy of the whole picture is made.
    """
    mode = "RGBa" if image.has_transparency_data else "RGB"
    across, down = factors
    reduced = PIL.Image.new(mode, (-(-image.width // across), -(-image.height // down)))  # rounded up
    rows = down * max(1, BAND_PIXELS // (image.width * down))
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        reduced.paste(_converted(band, mode).reduce(factors), (0, top // down))
    return reduced


def _converted(image: PIL.Image.Image, mode: str) -> PIL.Image.Image:
    """Return a picture as RGB, RGBA or RGBa."""
    if image.mode.startswith("I"):  # 16 bits a pixel, which Pillow would cut to 8 instead of scaling
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    if mode == "RGBa":
        image = image.convert("RGBA")  # no other mode leads to RGBa
    return image.convert(mode)
