"""Cache keys: the one form of a query, and a digest for each page and each image."""

import hashlib
import unicodedata

import msgspec


class PageKey(msgspec.Struct, frozen=True):
    """One page of a provider's results.

    Attributes:
        provider: the provider's name.
        text: the query, as `normalize_query` returns it.
        native: (filter, the provider's own value), sorted.
        size: images on each of its pages.
        page: the page number, from 1.

    """

    provider: str
    text: str
    native: tuple[tuple[str, str], ...]
    size: int
    page: int

    @property
    def digest(self) -> str:
        """The key in the cache, of the same length for every query."""
        return _digest(msgspec.json.encode(self))

    @property
    def previous(self) -> "PageKey | None":
        """The page before this one, None for the first."""
        return msgspec.structs.replace(self, page=self.page - 1) if self.page > 1 else None


def normalize_query(text: str) -> str:
    """Return the one form of a query: NFKC, case folded, with single blanks. Providers are asked for this form too."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def image_digest(provider: str, id: str) -> str:
    """Return the key of a look-up of one image, by the provider's own id."""
    return _digest(f"image\0{provider}\0{id}".encode())


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=20).hexdigest()
