"""The files of the page: one stylesheet, which each page holds itself, and scripts at addresses with their digest."""

import base64
import gzip
import hashlib
from importlib.resources import files

import msgspec

STATIC = files("imagevault.web") / "static"
MEDIA_TYPES = {".js": "text/javascript", ".svg": "image/svg+xml"}
# Every module of the page, the first one first: the others are preloaded, so that they come in one round trip.
SCRIPTS = ("page.js", "pages.js", "more.js", "dialog.js", "grid.js", "copying.js", "chips.js")
ICON = "icon.svg"


class Asset(msgspec.Struct, frozen=True):
    """A file as it is sent.

    Attributes:
        media_type: its MIME type.
        content: its bytes.
        compressed: the same bytes as gzip.

    """

    media_type: str
    content: bytes
    compressed: bytes


def _read(name: str) -> bytes:
    return (STATIC / name).read_bytes()


def _asset(name: str) -> Asset:
    content = _read(name)
    suffix = name[name.rindex(".") :]
    return Asset(MEDIA_TYPES[suffix], content, gzip.compress(content, mtime=0))


ASSETS = {name: _asset(name) for name in (*SCRIPTS, ICON)}
# One digest of all files: a module finds those beside it, and none of an earlier version.
VERSION = hashlib.sha256(b"".join(asset.content for asset in ASSETS.values())).hexdigest()[:12]
STYLE = _read("page.css").decode()
# The policy allows this one style element by its hash, and no style attribute.
STYLE_HASH = "sha256-" + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()


def address_of(name: str) -> str:
    """Return the path of a file of the page."""
    return f"/assets/{VERSION}/{name}"
