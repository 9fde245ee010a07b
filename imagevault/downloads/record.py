"""What consumers see of a download: its record, made from a row of the ledger."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from imagevault.downloads.passport import LicensePassport, Sha256
from imagevault.images.record import Attribution, ImageId, MediaType, Pixels, ProviderName, Url
from imagevault.licenses import License
from imagevault.records import Author, RenditionName

MAX_NOTE = 2000  # characters
MAX_PROJECT = 200  # characters

Project = Annotated[str, Meta(max_length=MAX_PROJECT, examples=["autumn-brochure"])]
Note = Annotated[str, Meta(max_length=MAX_NOTE)]
CheckStatus = Literal["unchanged", "license_changed", "withdrawn", "gone"]
StatedField = Literal["title", "author", "license"]


class DownloadFile(msgspec.Struct, frozen=True, kw_only=True):
    """The file of a download, as `GET /downloads/{id}/file` first read it completely.

    Attributes:
        size: bytes.
        sha256: the hash of the provider's bytes, in hexadecimal digits.
        type: the media type, by the content.

    """

    size: Annotated[int, Meta(ge=0)]
    sha256: Sha256
    type: MediaType


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What a check at the source found that differs from the record. The record itself stays as it was.

    Attributes:
        noticed_at: when it was found first.
        license: the licence that the provider states now; null where the image is gone.

    """

    noticed_at: datetime
    license: License | None


class DownloadRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A download as its owner sees it, with title, author, licence and credit as of the day it was recorded.

    Attributes:
        id: the id of the record.
        image: the id of the image; null if only a URL was given.
        provider: the provider's name; null where no provider owns the URL's host.
        url: where the file is.
        rendition: the rendition that was taken; null if only a URL was given.
        width: pixels of the file; null where they are not known.
        height: pixels of the file; null where they are not known.
        title: what the image was called.
        author: who made it.
        source_url: its page at the provider.
        license: its licence on that day.
        passport: who declared that licence, and the proof.
        attribution: its credit on that day.
        stated_by_caller: the fields that hold the caller's own words.
        project: what it is for, in the owner's words.
        note: any text of the owner.
        created_at: when it was recorded.
        status: what the last check at the source found: `unchanged`; `license_changed`; `withdrawn`: no longer free to
            use; `gone`: the provider has no such image any more. Null before the first check.
        checked_at: when that was.
        change: what differs now; null where nothing does.
        file: the file, once it was read through the gateway.

    """

    id: uuid.UUID
    image: ImageId | None
    provider: ProviderName | None
    url: Url
    rendition: RenditionName | None
    width: Pixels | None
    height: Pixels | None
    title: str | None
    author: Author | None
    source_url: Url | None
    license: License | None
    passport: LicensePassport
    attribution: Attribution | None
    stated_by_caller: list[StatedField]
    project: Project | None
    note: Note | None
    created_at: datetime
    status: CheckStatus | None
    checked_at: datetime | None
    change: Change | None
    file: DownloadFile | None


class DownloadProof(DownloadRecord, frozen=True, kw_only=True):
    """One download with its proof.

    Attributes:
        record: the provider's record of the image as canonical JSON. The SHA-256 of this text in UTF-8 is
            `passport.record_sha256`. Null for a bare URL, and for downloads of older versions.

    """

    record: str | None


def record_fields(row: Mapping[str, Any], url: str) -> dict[str, Any]:
    """Return the fields of the `DownloadRecord` of a row. `url` is where the file is now."""
    return {
        "id": row["id"],
        "image": row["image"],
        "provider": row["provider"],
        "url": url,
        "rendition": row["rendition"],
        "width": row["width"],
        "height": row["height"],
        "title": row["title"],
        "author": _author(row),
        "source_url": row["source_url"],
        "license": license_of(row),
        "passport": _passport(row),
        "attribution": _attribution(row),
        "stated_by_caller": (row["stated_by_caller"] or "").split(",") if row["stated_by_caller"] else [],
        "project": row["project"],
        "note": row["note"],
        "created_at": row["created_at"],
        "status": row["status"],
        "checked_at": from_milliseconds(row["checked_at"]) if row["status"] else None,
        "change": msgspec.json.decode(row["change"], type=Change) if row["change"] else None,
        "file": _file(row),
    }


def license_columns(license: License | None) -> dict[str, Any]:
    """Return the columns that hold a licence."""
    if license is None:
        return {}
    return {
        "license_id": license.id,
        "license_name": license.name,
        "license_url": license.url,
        "attribution_required": license.attribution_required,
        "commercial": license.commercial,
        "modification": license.modification,
    }


def license_of(row: Mapping[str, Any]) -> License | None:
    """Return the licence in a row."""
    if row["license_id"] is None:
        return None
    return License(
        id=row["license_id"],
        name=row["license_name"],
        url=row["license_url"],
        attribution_required=bool(row["attribution_required"]),
        commercial=bool(row["commercial"]),
        modification=bool(row["modification"]),
    )


def from_milliseconds(milliseconds: int) -> datetime:
    """Return the time at so many milliseconds since 1970."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _author(row: Mapping[str, Any]) -> Author | None:
    if not row["author_name"]:
        return None
    return Author(row["author_name"], row["author_url"])


def _attribution(row: Mapping[str, Any]) -> Attribution | None:
    if not row["credit_text"]:
        return None
    return Attribution(row["credit_text"], row["credit_html"], row["credit_markdown"])


def _passport(row: Mapping[str, Any]) -> LicensePassport:
    return LicensePassport(
        declared_by=row["declared_by"],
        field=row["declared_field"],
        words=row["declared_words"],
        fetched_at=row["fetched_at"],
        record_sha256=row["record_hash"],
    )


def _file(row: Mapping[str, Any]) -> DownloadFile | None:
    if row["sha256"] is None:
        return None
    return DownloadFile(size=row["size"], sha256=row["sha256"], type=row["media_type"])
