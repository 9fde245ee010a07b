"""Cache keys: the form of a query that decides which page it is, and a digest for each page and each image."""

import hashlib

import msgspec

from imagevault.records import Paging

FORMAT = 4
"""How records are made. A version that makes them differently counts it up, and older pages are not shown."""
TOKEN_DIGEST = 16  # bytes
KEY_DIGEST = 20  # bytes
MAX_REVISION = 16  # characters of a revision in a key


class PageKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """One page of a provider's results.

    Attributes:
        provider: the provider's name.
        text: the query that goes upstream. Two queries that differ in letter case share a page.
        native: (filter, the provider's own value), sorted.
        size: images on each of its pages.
        page: the page number, from 1.
        parameters: (the provider's own parameter, its value), sorted.
        paging: how the provider pages, so that a provider that pages in another way begins anew.
        token: of a page after the first where the provider pages by token; its digest where the token is not known.
        revision: of a declarative provider's file, so that an edit shows at once; empty for other providers.

    """

    provider: str
    text: str
    native: tuple[tuple[str, str], ...]
    size: int
    page: int
    parameters: tuple[tuple[str, str], ...] = ()
    paging: Paging = "number"
    token: str | bytes | None = None
    revision: str = ""

    @property
    def digest(self) -> str:
        """The key in the cache, of the same length for every query. It holds the digest of the token."""
        token = token_digest(self.token) if isinstance(self.token, str) else self.token
        content = msgspec.json.encode(msgspec.structs.replace(self, text=fold(self.text), token=token))
        return _key(content, self.revision)

    def at(self, number: int, token: str | bytes | None = None) -> "PageKey":
        """Return the key of another page of the same results, counted from 0."""
        return msgspec.structs.replace(self, page=number + 1, token=token)


def token_digest(token: str) -> bytes:
    """Return the digest of a token, by which a page can be found without it."""
    return hashlib.blake2b(token.encode(), digest_size=TOKEN_DIGEST).digest()


def fold(text: str) -> str:
    """Return the form of a query that the cache key uses: without letter case, where no upstream tells it apart.

    A letter is folded only if it has exactly one partner, so `Buße` and `Busse` stay two queries, as do `Σίσυφος` and
    `σίσυφοσ`. In a text beyond ASCII the letter I stays as it is: in Turkish it is the capital of the dotless i.
    """
    if text.isascii():
        return text.lower()
    return "".join(_folded(char) for char in text)


def _folded(char: str) -> str:
    lower = char.lower()
    return lower if char != "I" and len(lower) == 1 and lower.upper() == char else char


def image_digest(provider: str, id: str, revision: str = "") -> str:
    """Return the key of a look-up of one image, by the provider's own id and its revision (see `PageKey`)."""
    return _key(f"image\0{provider}\0{id}".encode(), revision)


def prefix_of(revision: str) -> str:
    """Return how the keys of all pages of a revision begin (see `PageKey`), in the format of this version."""
    return f"{FORMAT}-{revision[:MAX_REVISION]}-" if revision else f"{FORMAT}-"


def is_of(key: str, revision: str) -> bool:
    """Return whether a page's key is of this revision, in the format of this version."""
    return f"{key.rpartition('-')[0]}-" == prefix_of(revision)


def _key(content: bytes, revision: str) -> str:
    return prefix_of(revision) + hashlib.blake2b(content, digest_size=KEY_DIGEST).hexdigest()
