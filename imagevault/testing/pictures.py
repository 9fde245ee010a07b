"""What the picture files of a simulated upstream show; `picture_files.py` draws them when somebody asks for them."""

import math
import re

import msgspec

Color = tuple[int, int, int]
"""Red, green and blue from 0 to 255."""

JPEG = "image/jpeg"
PNG = "image/png"
GIF = "image/gif"
TIFF = "image/tiff"
WEBP = "image/webp"

COLORS: dict[str, Color] = {
    "red": (200, 40, 40),
    "orange": (230, 130, 40),
    "yellow": (230, 210, 60),
    "green": (60, 140, 70),
    "turquoise": (60, 190, 180),
    "blue": (50, 90, 190),
    "violet": (120, 70, 170),
    "purple": (120, 70, 170),
    "pink": (230, 150, 180),
    "brown": (110, 75, 50),
    "black": (40, 40, 40),
    "gray": (130, 130, 130),
    "grey": (130, 130, 130),
    "white": (225, 225, 225),
}


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """What a file shows.

    Attributes:
        width: pixels.
        height: pixels.
        type: `image/jpeg`, `image/png`, `image/gif`, `image/tiff` or `image/webp`.
        scene: any text. Equal texts give equal shapes, so all files of a record show the same.
        color: of the whole picture; by default the text decides it.

    """

    width: int
    height: int
    type: str = JPEG
    scene: str = ""
    color: Color | None = None


def fitted(size: tuple[int, int], box: tuple[float, float]) -> tuple[int, int]:
    """Return a size scaled down to fit into a box, rounded; never scaled up. `math.inf` is a side without a limit."""
    scale = min(1.0, box[0] / size[0], box[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def side_of(text: str | None) -> float:
    """Return the side of a box in pixels that an address asks for; no limit if it asks for none."""
    is_number = text is not None and re.fullmatch(r"[1-9][0-9]{0,4}", text)
    return int(text) if text and is_number else math.inf


def color_of(words: str) -> Color | None:
    """Return the first colour that words name: red for "a red fox"; None if they name none."""
    for word in words.casefold().split():
        if word in COLORS:
            return COLORS[word]
    return None
