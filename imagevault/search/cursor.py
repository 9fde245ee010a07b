"""Cursors: where a search goes on, sealed so that only cursors of our own are read."""

import unicodedata
from collections.abc import Sequence

import msgspec

from imagevault.cache.keys import fold
from imagevault.errors import BadInput
from imagevault.plugins.provider import Provider
from imagevault.search.query_text import MAX_TEXT
from imagevault.security import base64url
from imagevault.security.keyring import TAG_BYTES, Keyring

VERSION = 1
# Characters: a query of 200 four-byte characters, its earlier form, thirty providers and `MAX_TOKENS` fit.
MAX_LENGTH = 6656
MAX_TOKEN = 256  # bytes of a token that is part of the cursor
MAX_TOKENS = 1024  # bytes of all tokens in one cursor


class LongToken(msgspec.Struct, frozen=True, array_like=True):
    """A token that is too long for a cursor. The page that named it holds it as long as that page is kept.

    Attributes:
        digest: of the token.
        page: the cache key of the page that named it.

    """

    digest: bytes
    page: str


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A provider's place in a walk.

    Attributes:
        name: the provider.
        size: its page size when the walk began.
        offset: into its own list; None if the list is over.
        version: the version of the page that the offset is in the middle of.
        token: of the page that the offset is in, where the provider pages by token and this is not its first page.

    """

    name: str
    size: int
    offset: int | None
    version: int | None = None
    token: str | LongToken | None = None


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """A search in progress: what was asked, whose turn it is, and each provider's place.

    Attributes:
        version: of this Struct.
        text: the query as earlier workers compare it, so that they take the cursor too while a server is upgraded.
        filters: filter -> value.
        per_page: images on a page.
        turn: the index of the place whose turn it is.
        places: one for each provider.
        typed: the query where it differs from `text`; None in a cursor of an earlier worker.

    """

    version: int
    text: str
    filters: dict[str, str]
    per_page: int
    turn: int
    places: list[Place]
    typed: str | None = None

    @property
    def query(self) -> str:
        """The query that providers are asked for."""
        return self.typed or self.text

    @classmethod
    def at_start(
        cls, query: str, filters: dict[str, str], per_page: int, providers: Sequence[Provider], offset: int = 0
    ) -> "Cursor":
        """Return the cursor of a search that begins, at this offset into each provider's list."""
        places = [Place(provider.name, provider.info.page_size, offset) for provider in providers]
        text = _earlier_form(query)
        return cls(
            version=VERSION,
            text=text,
            filters=filters,
            per_page=per_page,
            turn=0,
            places=places,
            typed=query if query != text else None,
        )

    def belongs_to(self, query: str) -> bool:
        """Return whether a query, repeated beside the cursor, is that of the search."""
        if self.typed is None and self.text == _earlier_form(query):
            return True
        return fold(query) == fold(self.query)


def _earlier_form(query: str) -> str:
    """Return a query as earlier workers send it to providers and compare it. They refuse one that is then too long."""
    folded = " ".join(unicodedata.normalize("NFKC", query).casefold().split())
    return folded if 0 < len(folded) <= MAX_TEXT else query


_decoder = msgspec.msgpack.Decoder(Cursor)


class CursorSeal:
    """Seals cursors with the keyring's subkey for them, and opens them again."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def close(self, cursor: Cursor) -> str:
        """Return a cursor as text that is safe in a URL."""
        packed = msgspec.msgpack.encode(cursor)
        return base64url.encode(self._keyring.tag("cursor", packed) + packed)

    def open(self, text: str) -> Cursor:
        """Return the cursor of a text.

        Raises:
            BadInput: this server did not make it.

        """
        problem = BadInput("cursor", "is not one that this server gave; begin the search again without it")
        if len(text) > MAX_LENGTH:
            raise problem
        try:
            sealed = base64url.decode(text)
        except ValueError:
            raise problem from None
        tag = sealed[:TAG_BYTES]
        packed = sealed[TAG_BYTES:]
        if not self._keyring.verifies("cursor", packed, tag):
            raise problem
        try:
            cursor = _decoder.decode(packed)
        except msgspec.MsgspecError:
            raise problem from None
        if cursor.version != VERSION:
            raise problem
        return cursor
