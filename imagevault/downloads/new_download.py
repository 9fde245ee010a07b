"""What a caller sends to record a download."""

from typing import Annotated

import msgspec
from msgspec import Meta

from imagevault.downloads.record import Note, Project
from imagevault.errors import BadInput
from imagevault.images.sanitize import MAX_NAME, MAX_TITLE


class NewDownload(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What was downloaded: an image of a search, or a bare address. Give `image` or `url`, not both.

    Attributes:
        image: the id of an image.
        rendition: the name of its rendition; by default the largest that a browser shows.
        url: the address of a file, http or https.
        title: what the picture at `url` is called, in your words.
        author: who made it, in your words.
        license: its licence, in your words, or the address of a Creative Commons licence.
        project: what it is for.
        note: any text.

    """

    image: Annotated[str, Meta(max_length=260, examples=["pexels:2014422"])] | None = None
    rendition: Annotated[str, Meta(max_length=16, examples=["original"])] | None = None
    url: Annotated[str, Meta(max_length=2048)] | None = None
    title: Annotated[str, Meta(max_length=MAX_TITLE)] | None = None
    author: Annotated[str, Meta(max_length=MAX_NAME)] | None = None
    license: Annotated[str, Meta(max_length=MAX_NAME)] | None = None
    project: Project | None = None
    note: Note | None = None


class CallersWords(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller says about the picture at a bare URL; None where it says nothing."""

    title: str | None = None
    author: str | None = None
    license: str | None = None

    @property
    def fields(self) -> list[str]:
        """The names of the fields that say something."""
        return [name for name in self.__struct_fields__ if getattr(self, name) is not None]


def check_fields(new: NewDownload) -> None:
    """Check that no field came with the wrong one of `image` and `url`. Raises BadInput."""
    if new.image is None and new.rendition is not None:
        raise BadInput("rendition", "goes with image, not with url")
    for field in ("title", "author", "license"):
        if new.image is not None and getattr(new, field) is not None:
            raise BadInput(field, "goes with url, not with image: the provider states it")
