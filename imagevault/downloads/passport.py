"""The licence passport: who declared the licence of a download, in which words, and the proof of it."""

import hashlib
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from imagevault.records import Image, ProviderInfo

DeclaredBy = Literal["record", "provider", "caller"]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class LicensePassport(msgspec.Struct, frozen=True, kw_only=True):
    """Who declared the licence, and the proof.

    Attributes:
        declared_by: `record`: the provider's record of this image; `provider`: the provider, for all of its images;
            `caller`: the account that recorded the download; null where nobody stated a licence.
        field: the field of the provider's record that declares the licence; null where the plugin does not name it.
        words: the words of that field as they were sent, or the caller's words.
        fetched_at: when the provider sent the record; null where it was not asked.
        record_sha256: the SHA-256 of the record, which `GET /downloads/{id}` returns; null where there is none.

    """

    declared_by: DeclaredBy | None
    field: str | None
    words: str | None
    fetched_at: datetime | None
    record_sha256: Sha256 | None


def canonical_json(image: Image) -> str:
    """Return the record of an image as canonical JSON: names sorted, no blanks, letters as they are, in UTF-8.

    Left out is what is not the provider's statement: `ref`, which is private to the plugin, and `identities`, which the
    gateway completes.
    """
    fields = msgspec.to_builtins(msgspec.structs.replace(image, ref=None, identities=()))
    del fields["ref"], fields["identities"]
    return msgspec.json.encode(fields, order="sorted").decode()


def sha256(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def declared_by(image: Image, info: ProviderInfo) -> DeclaredBy | None:
    """Return who declared the licence of a sanitized image. Where the plugin gave none, it has the provider's."""
    if image.license is None:
        return None
    if image.declared is None and image.license == info.license:
        return "provider"
    return "record"
