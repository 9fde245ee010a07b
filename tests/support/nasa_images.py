"""What every picture of a NASA answer of 2026 must become."""

from typing import Any

from imagevault import Image


def check_nasa_image(image: Image, item: Any) -> None:
    """Assert that an image is the record of this item: five files, the size that is seen, and its own words."""
    data = item["data"][0]
    sizes = {link["rel"]: link for link in item["links"]}
    canonical = sizes["canonical"]
    preview = sizes["preview"]

    assert image.id.replace("%20", " ") == data["nasa_id"]
    assert image.title == " ".join(data["title"].split())
    assert image.title != image.alt
    assert image.date == data["date_created"].removesuffix("T00:00:00Z")
    assert f"nasa:{data['nasa_id']}" in image.identities

    names = [rendition.name for rendition in image.renditions]
    assert names == ["thumbnail", "small", "medium", "large", "original"]
    assert {image.width, image.height} == {canonical["width"], canonical["height"]}
    assert image.width is not None
    assert image.height is not None
    assert abs(image.width / image.height - preview["width"] / preview["height"]) < 0.02

    assert image.author is not None
    assert image.author.name.startswith("NASA")
    assert image.license is not None
    assert image.license.id == "nasa"
    assert image.credit == f"Credit: {image.author.name}"
