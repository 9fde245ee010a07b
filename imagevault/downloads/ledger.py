"""The ledger: one row per download, with credit and licence as they were that day."""

import base64
import binascii
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from imagevault.downloads.tables import Download
from imagevault.errors import BadInput
from imagevault.images.sanitize import link
from imagevault.plugins.provider import Provider
from imagevault.records import Attribution, Author, License
from imagevault.search.gateway import Gateway

MAX_NOTE = 2000
MAX_PROJECT = 200
ORDER = ("original", "large", "medium", "small", "thumbnail")


class DownloadRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A download as its owner sees it. `image` is null where only a URL was given, and what is not known is null."""

    id: uuid.UUID
    image: str | None
    provider: str | None
    url: str
    rendition: str | None
    width: int | None
    height: int | None
    title: str | None
    author: Author | None
    source_url: str | None
    license: License | None
    attribution: Attribution | None
    project: str | None
    note: str | None
    created_at: datetime


class Ledger:
    """Writes and reads downloads; each account sees its own only."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    async def save_image(
        self, account: str, id: str, rendition: str | None, project: str | None, note: str | None
    ) -> DownloadRecord:
        """Keeps the download of an image in one of its renditions: the largest, unless another is named."""
        provider, image = await self.gateway.image(id, field="image", caller=account)
        record = self.gateway.record(provider, image)
        by_name = {each.name: each for each in reversed(record.renditions)}
        if rendition is None:
            rendition = next((name for name in ORDER if name in by_name), record.renditions[0].name)
        chosen = by_name.get(rendition)  # type: ignore[call-overload]
        if chosen is None:
            raise BadInput("rendition", f"this image has no {rendition}; it has {', '.join(sorted(by_name))}")
        held = image.renditions[list(record.renditions).index(chosen)].url is None
        return await self._insert(
            account,
            image=record.id,
            provider=provider.name,
            url=_unsigned(chosen.url) if held else chosen.url,
            rendition=rendition,
            width=chosen.width,
            height=chosen.height,
            title=record.title,
            author_name=record.author and record.author.name,
            author_url=record.author and record.author.url,
            source_url=record.source_url,
            credit_text=record.attribution.text,
            credit_html=record.attribution.html,
            credit_markdown=record.attribution.markdown,
            provider_ref=image.ref,
            project=project,
            note=note,
            **_license_columns(record.license),
        )

    async def save_url(self, account: str, url: str, project: str | None, note: str | None) -> DownloadRecord:
        """Keeps the download of a bare URL, credited to the provider whose file host it is on, if any."""
        if link(url) != url:
            raise BadInput("url", "must be an http or https address of at most 2048 characters, percent-encoded")
        provider = self._owner(url)
        notice = provider.info.notice or provider.info.title if provider else None
        return await self._insert(
            account,
            url=url,
            provider=provider.name if provider else None,
            credit_text=notice,
            credit_html=notice,
            credit_markdown=notice,
            project=project,
            note=note,
            **_license_columns(provider.info.license if provider else None),
        )

    async def page(self, account: str, limit: int, cursor: str | None) -> tuple[list[DownloadRecord], str | None]:
        """(downloads, cursor of the next page or None), newest first. Raises BadInput for a cursor that is none."""
        query = Download.select().where(Download.account == uuid.UUID(account))
        if cursor is not None:
            time, id = _read_cursor(cursor)
            query = query.where((Download.created_at < time) | ((Download.created_at == time) & (Download.id < id)))
        order = (Download.created_at, Download.id)
        rows = await query.order_by(*order, ascending=False).limit(limit + 1)
        more = len(rows) > limit
        rows = rows[:limit]
        return [self._record(row) for row in rows], _cursor(rows[-1]) if more else None

    async def _insert(self, account: str, **columns: Any) -> DownloadRecord:
        row = Download(id=uuid.uuid4(), account=uuid.UUID(account), created_at=datetime.now(UTC), **columns)
        await Download.insert(row)
        return self._record(row.to_dict())

    def _owner(self, url: str) -> Provider | None:
        host = (urlsplit(url).hostname or "").rstrip(".")
        owners = [each for _, each in sorted(self.gateway.plugins.providers.items()) if host in each.info.file_hosts]
        return min(
            owners, key=lambda each: len(each.info.file_hosts), default=None
        )  # its own host before an aggregator

    def _record(self, row: Mapping[str, Any]) -> DownloadRecord:
        url = row["url"]
        if row["image"] and url.startswith("/media/"):
            provider, _, native = row["image"].partition(":")
            url = self.gateway.links.link(provider, native, row["rendition"])
        return DownloadRecord(
            id=row["id"],
            image=row["image"],
            provider=row["provider"],
            url=url,
            rendition=row["rendition"],
            width=row["width"],
            height=row["height"],
            title=row["title"],
            author=Author(row["author_name"], row["author_url"]) if row["author_name"] else None,
            source_url=row["source_url"],
            license=_license(row),
            attribution=Attribution(row["credit_text"], row["credit_html"], row["credit_markdown"])
            if row["credit_text"]
            else None,
            project=row["project"],
            note=row["note"],
            created_at=row["created_at"],
        )


def _unsigned(url: str | None) -> str:
    """What is kept of a link to a file of ours: its path, signed afresh whenever it is shown."""
    return urlsplit(url or "").path


def _license_columns(license: License | None) -> dict[str, Any]:
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


def _license(row: Mapping[str, Any]) -> License | None:
    if row["license_id"] is None:
        return None
    return License(
        row["license_id"],
        row["license_name"],
        row["license_url"],
        bool(row["attribution_required"]),
        bool(row["commercial"]),
        bool(row["modification"]),
    )


def _cursor(row: Mapping[str, Any]) -> str:
    text = f"{row['created_at'].isoformat()}/{row['id'].hex}"
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _read_cursor(text: str) -> tuple[datetime, uuid.UUID]:
    try:
        padded = text + "=" * (-len(text) % 4)
        time, id = base64.b64decode(padded, altchars=b"-_", validate=True).decode().split("/")
        return datetime.fromisoformat(time).astimezone(UTC), uuid.UUID(hex=id)
    except (ValueError, binascii.Error, OverflowError):
        raise BadInput("cursor", "is not one that this server gave; begin again without it") from None
