"""Average colours and thumbnails of picture files."""

import hashlib
import io
from pathlib import Path

import PIL.Image
import PIL.ImageOps

from imagevault.files.atomic_write import write_atomically
from imagevault.files.opening import ORIENTATION, orientation, tried

# Larger pictures get no colour: decoding that many pixels takes 4 ms, reading metadata 0.2 ms.
COLOR_PIXELS = 1_000_000
THUMBNAIL = 400  # pixels, the longer side
JPEG_QUALITY = 82


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
        OSError: if the thumbnail cannot be stored.

    """
    name = hashlib.sha256(version.encode()).hexdigest()[:32]
    for existing in (folder / f"{name}.jpg", folder / f"{name}.png"):
        if existing.exists():
            return existing
    rendered = tried(path, _rendered)
    if rendered is None:
        return None
    content, suffix = rendered
    stored = folder / f"{name}{suffix}"
    write_atomically(stored, content, mode=0o644)
    return stored


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

    A JPEG is decoded at the lowest resolution that suffices.
    """
    image.draft("RGB", (2 * size[0], 2 * size[1]))
    if image.mode.startswith("I"):  # 16 bits a pixel, which Pillow would cut to 8 instead of scaling
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    small = image.resize(size, PIL.Image.Resampling.LANCZOS, reducing_gap=2.0)
    opaque = small.mode == "RGB" or min(small.getchannel("A").tobytes()) == 255
    return small.convert("RGB") if opaque else small
