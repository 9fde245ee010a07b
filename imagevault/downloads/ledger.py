"""The ledger: one row for each download, with credit and licence as they were on that day."""

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
from imagevault.records import Attribution, Author, ImageRecord, License, Rendition
from imagevault.search.gateway import Gateway
from imagevault.security import base64url

MAX_NOTE = 2000  # characters
MAX_PROJECT = 200  # characters
LARGEST_FIRST = ("original", "large", "medium", "small", "thumbnail")


class DownloadRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A download as its owner sees it. Unknown fields are null; `image` is null if only a URL was given."""

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


class LedgerPage(msgspec.Struct, frozen=True):
    """A page of the ledger.

    Attributes:
        downloads: newest first.
        next_cursor: the cursor of the page after it; None at the end.

    """

    downloads: list[DownloadRecord]
    next_cursor: str | None


class Position(msgspec.Struct, frozen=True):
    """A place in the ledger: that of one download, which a cursor names."""

    created_at: datetime
    id: uuid.UUID


class Ledger:
    """Writes and reads downloads. Each account sees only its own."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    async def save_image(
        self, account: str, id: str, rendition: str | None, project: str | None, note: str | None
    ) -> DownloadRecord:
        """Record the download of an image.

        Args:
            account: the account's id.
            id: the image's id, as a search answers it.
            rendition: the name of the rendition; None for the largest.
            project: what it is for.
            note: any text.

        Raises:
            BadInput: if there is no such provider or rendition.
            ResourceNotFound: if the provider has no such image.
            ProviderError: if the provider must be asked for the image and fails.

        """
        provider, image = await self.gateway.image(id, field="image", caller=account)
        record = self.gateway.record(provider, image)
        chosen = _chosen_rendition(record, rendition)
        is_held_by_us = image.renditions[list(record.renditions).index(chosen)].url is None
        return await self._insert(
            account,
            image=record.id,
            provider=provider.name,
            url=_path(chosen.url) if is_held_by_us else chosen.url,
            rendition=chosen.name,
            width=chosen.width,
            height=chosen.height,
            title=record.title,
            author_name=record.author.name if record.author else None,
            author_url=record.author.url if record.author else None,
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
        """Record the download of a bare URL. It is credited to the provider whose file host it is on, if any.

        Raises:
            BadInput: if the URL cannot be a link.

        """
        if link(url) != url:
            raise BadInput("url", "must be an http or https address of at most 2048 characters, percent-encoded")
        provider = self._owner(url)
        credit = (provider.info.notice or provider.info.title) if provider else None
        return await self._insert(
            account,
            url=url,
            provider=provider.name if provider else None,
            credit_text=credit,
            credit_html=credit,
            credit_markdown=credit,
            project=project,
            note=note,
            **_license_columns(provider.info.license if provider else None),
        )

    async def page(self, account: str, limit: int, cursor: str | None) -> LedgerPage:
        """Return `limit` downloads of an account, from the newest or from a cursor.

        Raises:
            BadInput: if the cursor is not one that this server issued.

        """
        query = Download.select().where(Download.account == uuid.UUID(account))
        if cursor is not None:
            start = _read_cursor(cursor)
            is_older = Download.created_at < start.created_at
            is_same_time = Download.created_at == start.created_at
            query = query.where(is_older | (is_same_time & (Download.id < start.id)))
        # One more than the page holds tells whether another page follows.
        rows = await query.order_by(Download.created_at, Download.id, ascending=False).limit(limit + 1)
        shown = rows[:limit]
        next_cursor = _cursor(shown[-1]) if len(rows) > limit else None
        return LedgerPage([self._record(row) for row in shown], next_cursor)

    async def _insert(self, account: str, **columns: Any) -> DownloadRecord:
        row = Download(id=uuid.uuid4(), account=uuid.UUID(account), created_at=datetime.now(UTC), **columns)
        await Download.insert(row)
        return self._record(row.to_dict())

    def _owner(self, url: str) -> Provider | None:
        """Return the provider whose file host a URL is on; the most specific one, because aggregators name many."""
        host = (urlsplit(url).hostname or "").rstrip(".")
        providers = self.gateway.plugins.providers
        owners = [providers[name] for name in sorted(providers) if host in providers[name].info.file_hosts]
        return min(owners, key=_number_of_hosts, default=None)

    def _record(self, row: Mapping[str, Any]) -> DownloadRecord:
        return DownloadRecord(
            id=row["id"],
            image=row["image"],
            provider=row["provider"],
            url=self._url(row),
            rendition=row["rendition"],
            width=row["width"],
            height=row["height"],
            title=row["title"],
            author=_author(row),
            source_url=row["source_url"],
            license=_license(row),
            attribution=_attribution(row),
            project=row["project"],
            note=row["note"],
            created_at=row["created_at"],
        )

    def _url(self, row: Mapping[str, Any]) -> str:
        """Return the URL; one of a file of ours is signed anew each time."""
        url: str = row["url"]
        if not row["image"] or not url.startswith("/media/"):
            return url
        provider, _, image_id = row["image"].partition(":")
        return self.gateway.links.link(provider, image_id, row["rendition"])


def _chosen_rendition(record: ImageRecord, name: str | None) -> Rendition:
    """Return the rendition with this name, or the largest.

    Raises:
        BadInput: if the image has no such rendition, with those that it has.

    """
    by_name = {str(rendition.name): rendition for rendition in reversed(record.renditions)}
    if name is None:
        largest = next((candidate for candidate in LARGEST_FIRST if candidate in by_name), None)
        return by_name[largest] if largest else record.renditions[0]
    if name not in by_name:
        raise BadInput("rendition", f"this image has no {name}; it has {', '.join(sorted(by_name))}")
    return by_name[name]


def _number_of_hosts(provider: Provider) -> int:
    return len(provider.info.file_hosts)


def _path(url: str | None) -> str:
    """Return the path of a link to a file of ours, without its signature, which expires."""
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
        id=row["license_id"],
        name=row["license_name"],
        url=row["license_url"],
        attribution_required=bool(row["attribution_required"]),
        commercial=bool(row["commercial"]),
        modification=bool(row["modification"]),
    )


def _author(row: Mapping[str, Any]) -> Author | None:
    if not row["author_name"]:
        return None
    return Author(row["author_name"], row["author_url"])


def _attribution(row: Mapping[str, Any]) -> Attribution | None:
    if not row["credit_text"]:
        return None
    return Attribution(row["credit_text"], row["credit_html"], row["credit_markdown"])


def _cursor(row: Mapping[str, Any]) -> str:
    """Return the cursor that continues after this row: its time and id, in base64url."""
    text = f"{row['created_at'].isoformat()}/{row['id'].hex}"
    return base64url.encode(text.encode())


def _read_cursor(cursor: str) -> Position:
    try:
        text = base64url.decode(cursor).decode()
        created_at, _, id = text.partition("/")
        return Position(datetime.fromisoformat(created_at).astimezone(UTC), uuid.UUID(hex=id))
    except (ValueError, OverflowError):
        raise BadInput("cursor", "is not one that this server issued; begin again without it") from None
