"""The type of a picture file, by the end of its name or by its first bytes, and which types a browser shows."""

from imagevault.errors import InvalidResponse

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
SLASHES = 3  # in a link before the name of a file: https://a.example/
HEAD = 32  # bytes that tell the type of a file
# The first bytes of the raster formats that are sent. SVG, HTML and the like are never sent.
SIGNATURES = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


def media_type_of_url(url: str | None) -> str | None:
    """Return the type that the path of a link ends with, `image/jpeg` for `/a/b.JPG?w=400`; None if it names none."""
    if url is None:
        return None
    place = url.partition("#")[0].partition("?")[0]
    before, _, extension = place.rpartition(".")
    if len(extension) > MAX_EXTENSION or before.count("/") < SLASHES:
        return None
    return TYPES.get(extension.lower())  # none has a slash, so the dot is in the last name


def is_shown_by_browsers(type: str | None) -> bool:
    """Return whether a browser shows a file of this type. A file of an unknown type counts as one that it shows."""
    return type is None or type in SHOWN_BY_BROWSERS


def type_of_content(head: bytes) -> str | None:
    """Return the type of a raster image by its first bytes, None for anything else."""
    for signature, kind in SIGNATURES.items():
        if head.startswith(signature):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return "image/avif" if head[4:12] in {b"ftypavif", b"ftypavis"} else None


def raster_type(content: bytes, owner: str) -> str:
    """Return the type of a file that `owner` sent, by its first bytes.

    Raises:
        InvalidResponse: it is no raster image.

    """
    kind = type_of_content(content[:HEAD])
    if kind is None:
        raise InvalidResponse(f"{owner} sent no JPEG, PNG, GIF, WebP or AVIF; no other file is passed on")
    return kind
