"""Cursors: where a search goes on, sealed so that only cursors of our own are read."""

from collections.abc import Sequence

import msgspec

from imagevault.errors import BadInput
from imagevault.plugins.provider import Provider
from imagevault.security import base64url
from imagevault.security.keyring import TAG_BYTES, Keyring

VERSION = 1
MAX_LENGTH = 4096  # characters: a query of 200 four-byte characters and thirty providers fit


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A provider's place in a walk.

    Attributes:
        name: the provider.
        size: its page size when the walk began.
        offset: into its own list; None if the list is over.
        version: the version of the page that the offset is in the middle of.

    """

    name: str
    size: int
    offset: int | None
    version: int | None = None


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """A search in progress: what was asked, whose turn it is, and each provider's place."""

    version: int
    text: str
    filters: dict[str, str]
    per_page: int
    turn: int
    places: list[Place]

    @classmethod
    def at_start(
        cls, text: str, filters: dict[str, str], per_page: int, providers: Sequence[Provider], offset: int = 0
    ) -> "Cursor":
        """Return the cursor of a search that begins, at this offset into each provider's list."""
        places = [Place(provider.name, provider.info.page_size, offset) for provider in providers]
        return cls(
            version=VERSION,
            text=text,
            filters=filters,
            per_page=per_page,
            turn=0,
            places=places,
        )


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
