"""Average colours and thumbnails of picture files."""

import hashlib
import io
import os
import threading
from pathlib import Path

import PIL.Image
import PIL.ImageOps

from imagevault.files.opening import ORIENTATION, orientation, tried

COLOR_PIXELS = 1_000_000  # larger pictures get no colour: decoding that many pixels takes 4 ms, reading metadata 0.2 ms
THUMBNAIL = 400  # pixels, the longer side


def average_color(image: PIL.Image.Image) -> str | None:
    """`#RRGGBB`; None where something shines through, and for large pictures."""
    if image.width * image.height > COLOR_PIXELS:
        return None
    pixel = _reduced(image, (1, 1))
    return f"#{pixel.tobytes().hex().upper()}" if pixel.mode == "RGB" else None


def fitted(size: tuple[int, int]) -> tuple[int, int]:
    """The size of its thumbnail; never larger than it was."""
    scale = min(1.0, THUMBNAIL / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def thumbnail(path: Path, folder: Path, version: str) -> Path | None:
    """The thumbnail, JPEG or PNG, made once for each `version` of the picture; None if that is none.

    It is named after the version, so that an outdated one is never served. Raises OSError if it cannot be stored.
    """
    stamp = hashlib.sha256(version.encode()).hexdigest()[:32]
    for made in (folder / f"{stamp}.jpg", folder / f"{stamp}.png"):
        if made.exists():
            return made
    rendered = tried(path, _rendered)
    if rendered is None:
        return None
    content, suffix = rendered
    half = folder / f"{stamp}.{os.getpid()}-{threading.get_ident()}"
    try:
        half.write_bytes(content)
        return half.replace(folder / (stamp + suffix))
    finally:
        half.unlink(missing_ok=True)


def _rendered(image: PIL.Image.Image) -> tuple[bytes, str]:
    turn = orientation(image)
    profile = image.info.get("icc_profile") if image.mode in {"RGB", "RGBA"} else None
    small = _reduced(image, fitted(image.size))
    small.info.clear()  # or the comment would be written again
    small.getexif()[ORIENTATION] = turn
    small = PIL.ImageOps.exif_transpose(small)
    file = io.BytesIO()
    if small.mode == "RGBA":
        small.save(file, "PNG", icc_profile=profile)
        return file.getvalue(), ".png"
    small.save(file, "JPEG", quality=82, optimize=True, progressive=True, icc_profile=profile)
    return file.getvalue(), ".jpg"


def _reduced(image: PIL.Image.Image, size: tuple[int, int]) -> PIL.Image.Image:
    """In this size: RGB, or RGBA where something shines through. A JPEG is decoded only as finely as that needs."""
    image.draft("RGB", (2 * size[0], 2 * size[1]))
    if image.mode.startswith("I"):  # 16 bits, which Pillow would cut off, not scale
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    small = image.resize(size, PIL.Image.Resampling.LANCZOS, reducing_gap=2.0)
    opaque = small.mode == "RGB" or min(small.getchannel("A").tobytes()) == 255
    return small.convert("RGB") if opaque else small
