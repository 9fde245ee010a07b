"""Short digests of the pictures on a page, so that a walk knows what it has shown without reading whole pages.

They are kept beside the page: for each image, in its order, one byte with the number of its digests, then these. Where
a provider pages by token, the digest of the token of the next page follows.
"""

from collections.abc import Sequence

import msgspec

from imagevault.cache.keys import TOKEN_DIGEST, token_digest
from imagevault.images.identity import DIGEST, digests
from imagevault.records import Image

MAX_DIGESTS = 20  # of one image
NEXT = 0xFF  # in place of a number of digests: the digest of the next token follows


class PageDigests(msgspec.Struct, frozen=True):
    """The digests of a cached page, and of the page that it replaced; empty where there is none.

    Attributes:
        version: of the page.
        content: its digests, encoded.
        previous_version: of the page that it replaced, 0 if there was none.
        previous: the digests of that page, encoded.

    """

    version: int
    content: bytes
    previous_version: int = 0
    previous: bytes = b""

    @property
    def next_token(self) -> bytes | None:
        """The digest of the token of the next page; None at the end, and where the provider pages by number."""
        start = len(self.content) - TOKEN_DIGEST
        return self.content[start:] if _end_of_images(self.content) < start else None

    def of_passed_page(self, count: int | None = None) -> set[bytes]:
        """Return the digests of the images that a walk has passed for certain: of the first `count`, or of all.

        It is not known which version the walk read, so these are the images that both versions hold.
        """
        current = decode(self.content, count)
        return current & decode(self.previous, count) if self.previous_version else current

    def of_first_images(self, count: int, version: int | None) -> set[bytes]:
        """Return the digests of the first images of this version of the page; none if that version is gone."""
        if version == self.version:
            return decode(self.content, count)
        if version == self.previous_version:
            return decode(self.previous, count)
        return set()


def encode(images: Sequence[Image], next_token: str | None = None) -> bytes:
    """Return the digests of the images of a page, and of the token of the next page, as they are stored."""
    parts: list[bytes] = []
    for image in images:
        found = digests(image)[:MAX_DIGESTS]
        parts += [bytes([len(found)]), *found]
    if next_token is not None:
        parts += [bytes([NEXT]), token_digest(next_token)]
    return b"".join(parts)


def decode(content: bytes, count: int | None = None) -> set[bytes]:
    """Return the digests of the first `count` images, or of all."""
    found: set[bytes] = set()
    position = 0
    images = 0
    while position < len(content) and content[position] != NEXT and images != count:
        end = position + 1 + content[position] * DIGEST
        found.update(content[start : start + DIGEST] for start in range(position + 1, end, DIGEST))
        position = end
        images += 1
    return found


def _end_of_images(content: bytes) -> int:
    position = 0
    while position < len(content) and content[position] != NEXT:
        position += 1 + content[position] * DIGEST
    return position
