"""Cursors: where a search is to go on, sealed so that only what we wrote is read."""

import base64
import binascii

import msgspec

from imagevault.errors import BadInput
from imagevault.security.keyring import TAG_BYTES, Keyring

VERSION = 1
MAX_LENGTH = 4096  # 200 characters of four bytes and thirty providers fit


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A provider's place in a walk: its page size then, and its offset (None: its list is over).

    `version`: of the provider's page that the walk is in the midst of.
    """

    name: str
    size: int
    offset: int | None
    version: int | None = None


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """A search under way: what was asked, whose turn it is, and every provider's place."""

    version: int
    text: str
    filters: dict[str, str]
    per_page: int
    turn: int
    places: list[Place]


_decoder = msgspec.msgpack.Decoder(Cursor)


def seal(cursor: Cursor, keyring: Keyring) -> str:
    """The cursor as text, safe in a URL."""
    packed = msgspec.msgpack.encode(cursor)
    return base64.urlsafe_b64encode(keyring.tag("cursor", packed) + packed).rstrip(b"=").decode()


def unseal(text: str, keyring: Keyring) -> Cursor:
    """The cursor that we sealed; BadInput for any other text."""
    problem = BadInput("cursor", "is not one that this server gave; begin the search again without it")
    if len(text) > MAX_LENGTH:
        raise problem
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise problem from None
    tag, packed = sealed[:TAG_BYTES], sealed[TAG_BYTES:]
    # one text, one cursor: the spare bits of the last character must be ours too
    if not keyring.verifies("cursor", packed, tag) or base64.urlsafe_b64encode(sealed).rstrip(b"=").decode() != text:
        raise problem
    try:
        cursor = _decoder.decode(packed)
    except msgspec.MsgspecError:
        raise problem from None
    if cursor.version != VERSION:
        raise problem
    return cursor
