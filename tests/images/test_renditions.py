"""Which file serves a purpose: the order, the preview, and the file to download."""

from typing import Any

import pytest

from imagevault.images.record import Rendition
from imagevault.images.renditions import by_width, choose_download, choose_preview
from imagevault.records import RenditionName


def file(
    name: RenditionName, width: int | None = None, height: int | None = None, type: str | None = "image/jpeg"
) -> Rendition:
    url = f"https://a.example/{name}-{width}"
    return Rendition(name=name, url=url, width=width, height=height, type=type)


CROP = file("thumbnail", 280, 200)
SMALL = file("small", 525, 350)
MEDIUM = file("medium", 940, 627)
ORIGINAL = file("original", 6000, 4000)
TINY = file("thumbnail", 150, 100)
TIFF = file("original", 6000, 4000, "image/tiff")
UNSIZED = file("small")


@pytest.mark.parametrize(
    ("renditions", "chosen"),
    [
        ([CROP, SMALL, MEDIUM, ORIGINAL], SMALL),
        ([TINY, ORIGINAL], ORIGINAL),
        ([TINY], TINY),
        ([TINY, file("small", 240, 160)], file("small", 240, 160)),
        ([TIFF, TINY], TINY),
        ([TIFF], TIFF),
        ([CROP, UNSIZED], UNSIZED),
        ([CROP], CROP),
        ([ORIGINAL, file("thumbnail")], file("thumbnail")),
        ([ORIGINAL, MEDIUM, file("thumbnail")], MEDIUM),
        ([ORIGINAL, TIFF], ORIGINAL),
        ([CROP, TIFF], CROP),
        ([file("original"), file("thumbnail"), UNSIZED], UNSIZED),
        ([file("small", 350, 525), MEDIUM], MEDIUM),
        ([file("small", 500, 333, None), ORIGINAL], file("small", 500, 333, None)),
    ],
)
def test_the_preview(renditions: list[Rendition], chosen: Rendition) -> None:
    """Of an original of 6000 x 4000."""
    assert choose_preview(renditions, (6000, 4000)).url == chosen.url


def test_a_preview_without_the_size_of_the_original() -> None:
    """The largest file tells the shape."""
    assert choose_preview([CROP, SMALL, MEDIUM], None).url == SMALL.url


def test_renditions_are_sorted() -> None:
    """By width, the unknown ones last."""
    files = [ORIGINAL, file("large"), file("thumbnail"), CROP, MEDIUM]

    assert by_width(files) == [CROP, MEDIUM, ORIGINAL, file("thumbnail"), file("large")]


@pytest.mark.parametrize(
    ("renditions", "chosen"),
    [
        ([SMALL, MEDIUM, ORIGINAL], ORIGINAL),
        ([SMALL, TIFF], SMALL),
        ([file("large"), TIFF, SMALL], file("large")),
        ([TIFF], TIFF),
        ([SMALL, file("original", type=None)], file("original", type=None)),
    ],
)
def test_the_file_to_download(renditions: list[Any], chosen: Rendition) -> None:
    """The largest that a browser shows."""
    assert choose_download(renditions) == chosen
