"""The type of a picture file by the end of its name, and which types a browser shows."""

from imagevault.images.link_parts import split_link

TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "jpe": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "svg": "image/svg+xml",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "jp2": "image/jp2",
    "bmp": "image/bmp",
    "heic": "image/heic",
    "djvu": "image/vnd.djvu",
    "xcf": "image/x-xcf",
    "psd": "image/vnd.adobe.photoshop",
}
SHOWN_BY_BROWSERS = {"image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/svg+xml", "image/bmp"}
MAX_EXTENSION = 5  # characters


def media_type_of_url(url: str | None) -> str | None:
    """Return the type that the path of a link ends with, `image/jpeg` for `/a/b.JPG?w=400`; None if it names none."""
    if url is None:
        return None
    name = split_link(url).path.rpartition("/")[2]
    _, dot, extension = name.rpartition(".")
    if not dot or len(extension) > MAX_EXTENSION:
        return None
    return TYPES.get(extension.lower())


def is_shown_by_browsers(type: str | None) -> bool:
    """Return whether a browser shows a file of this type. A file of an unknown type counts as one that it shows."""
    return type is None or type in SHOWN_BY_BROWSERS
