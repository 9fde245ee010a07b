"""Which file of an image serves a purpose: the order of the renditions, the preview, the file to download."""

from collections.abc import Sequence
from typing import get_args

from imagevault.images.media_types import is_shown_by_browsers
from imagevault.images.record import Preview, Rendition
from imagevault.records import RenditionName

MIN_PREVIEW = 280  # pixels of width
LARGEST_PREVIEW = 2000  # pixels of width, where there is another file
SAME_SHAPE = 0.05  # the part by which two ratios of width to height may differ
NAMES: tuple[RenditionName, ...] = get_args(RenditionName)  # from the smallest to the original
UNSIZED_PREVIEWS: tuple[RenditionName, ...] = ("small", "medium", "thumbnail", "large", "original")

Size = tuple[int, int]
"""Width and height in pixels."""


def by_width(renditions: Sequence[Rendition]) -> list[Rendition]:
    """Return the renditions sorted by width; those of unknown width last, from the smallest name to the largest."""
    return sorted(
        renditions,
        key=lambda rendition: (rendition.width is None, rendition.width or 0, NAMES.index(rendition.name)),
    )


def choose_preview(renditions: Sequence[Rendition], original: Size | None) -> Preview:
    """Return the file to show in a list of results.

    It is the narrowest file of at least 280 pixels that has the shape of the original and a type that browsers show;
    else the widest such file; else one of unknown size, or of another shape. A file of unknown size comes before one
    that is wider than 2000 pixels.

    Args:
        renditions: of one image, at least one.
        original: the size of the original, if known.

    """
    shown = [rendition for rendition in renditions if is_shown_by_browsers(rendition.type)] or list(renditions)
    shape = original or _largest_size(shown)
    shaped = [rendition for rendition in shown if _has_shape(rendition, shape)]
    unsized = [rendition for rendition in shown if rendition.width is None and rendition.name != "original"]
    if unsized:  # a small file of unknown size loads at once, and a whole original does not
        shaped = [rendition for rendition in shaped if _width(rendition) <= LARGEST_PREVIEW]
    wide = [rendition for rendition in shaped if (rendition.width or 0) >= MIN_PREVIEW]
    if wide:
        chosen = min(wide, key=_width)
    elif shaped:
        chosen = max(shaped, key=_width)
    else:
        chosen = min(shown, key=_preference)
    return Preview(url=chosen.url, width=chosen.width, height=chosen.height, type=chosen.type)


def choose_download(renditions: Sequence[Rendition]) -> Rendition:
    """Return the largest file of a type that browsers show; else the largest of all."""
    shown = [rendition for rendition in renditions if is_shown_by_browsers(rendition.type)] or list(renditions)
    return max(shown, key=lambda rendition: (NAMES.index(rendition.name), rendition.width or 0))


def _largest_size(renditions: Sequence[Rendition]) -> Size | None:
    sizes = [(rendition.width, rendition.height) for rendition in renditions if rendition.width and rendition.height]
    return max(sizes, default=None)


def _has_shape(rendition: Rendition, shape: Size | None) -> bool:
    if shape is None or not rendition.width or not rendition.height:
        return False
    width, height = shape
    ratio = (rendition.width * height) / (rendition.height * width)
    return abs(ratio - 1) <= SAME_SHAPE


def _width(rendition: Rendition) -> int:
    return rendition.width or 0


def _preference(rendition: Rendition) -> tuple[bool, int]:
    """Files of unknown size first: they may have the shape, and one of a known size does not."""
    return rendition.width is not None, UNSIZED_PREVIEWS.index(rendition.name)
