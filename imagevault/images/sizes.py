"""The size of a picture: both of its sides, or none."""

from imagevault.records import MAX_SIDE


def known_size(width: int | None, height: int | None) -> tuple[int, int] | tuple[None, None]:
    """Return both sides, or none if one of them is missing or cannot be: one alone says nothing."""
    if width is None or height is None or not 0 < width <= MAX_SIDE or not 0 < height <= MAX_SIDE:
        return None, None
    return width, height
