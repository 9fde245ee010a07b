"""Picture files, for plugins: opening, metadata, colours, thumbnails, locations. An alias of `imagevault.files`."""

from imagevault.files.location import without_location
from imagevault.files.metadata import metadata
from imagevault.files.opening import opened, orientation, shown_size, tried
from imagevault.files.thumbnails import average_color, fitted, thumbnail

__all__ = [
    "average_color",
    "fitted",
    "metadata",
    "opened",
    "orientation",
    "shown_size",
    "thumbnail",
    "tried",
    "without_location",
]
