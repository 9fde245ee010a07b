"""The name of the file of a download, made by us: no provider and no caller chooses a path."""

import re
from collections.abc import Mapping
from typing import Any

from imagevault.images.media_types import TYPES

EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp", "image/avif": "avif"}
MAX_STEM = 80  # characters of a file name
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def file_name(row: Mapping[str, Any], kind: str) -> str:
    """Return a name of safe ASCII letters for the file of a download: `pexels-2014422.jpg`, `met-4711-small.jpg`."""
    native_id = row["image"].partition(":")[2] if row["image"] else row["url"].partition("?")[0].rpartition("/")[2]
    stem, _, extension = native_id.rpartition(".")
    if not stem or extension.lower() not in TYPES:
        stem = native_id
    stem = UNSAFE.sub("-", stem)[:MAX_STEM].strip("-.") or "file"
    rendition = f"-{row['rendition']}" if row["rendition"] not in {None, "original"} else ""
    return f"{row['provider']}-{stem}{rendition}.{EXTENSIONS[kind]}"
