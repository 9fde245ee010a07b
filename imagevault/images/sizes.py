"""The sides of pictures and files, as far as they are known."""

from imagevault.records import MAX_SIDE


def known_side(pixels: int | None) -> int | None:
    """Return a side; None if it is missing or cannot be."""
    return pixels if pixels is not None and 0 < pixels <= MAX_SIDE else None


def known_size(width: int | None, height: int | None) -> tuple[int, int] | tuple[None, None]:
    """Return both sides, or none if one of them is missing or cannot be: one alone says nothing."""
    sides = known_side(width), known_side(height)
    return (None, None) if sides[0] is None or sides[1] is None else (sides[0], sides[1])
