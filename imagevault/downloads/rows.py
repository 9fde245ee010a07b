"""Rows of the ledger: what is kept of an image, and of a bare URL."""

import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from imagevault.downloads import finding, passport
from imagevault.downloads.new_download import CallersWords
from imagevault.downloads.record import license_columns
from imagevault.downloads.tables import Download
from imagevault.errors import BadInput
from imagevault.images.attribution import plain_credit
from imagevault.images.record import Attribution, ImageRecord, Rendition
from imagevault.images.renditions import choose_download
from imagevault.licenses import License
from imagevault.plugins.plain_text import several_lines
from imagevault.plugins.provider import Provider
from imagevault.search.gateway import FoundImage


def download_row(account: str, *, project: str | None, note: str | None, **columns: Any) -> Download:
    """Return a new row with these columns, made now."""
    created_at = datetime.now(UTC)
    values = {**columns, "project": several_lines(project), "note": several_lines(note)}
    if "fetched_at" in values:
        # The clock that all workers share may be ahead of this host's.
        values["fetched_at"] = min(values["fetched_at"], created_at)
    return Download(
        id=uuid.uuid4(),
        account=uuid.UUID(account),
        created_at=created_at,
        search_text=finding.search_text(values),
        **values,
    )


def image_columns(found: FoundImage, record: ImageRecord, chosen: Rendition) -> dict[str, Any]:
    """Return the columns of a row that hold an image: what consumers see of it, and its licence passport."""
    provider, image, fetched_at = found
    upstream_links = {provider.file_link(file.url) for file in image.renditions if file.url}
    is_held_by_us = chosen.url not in upstream_links
    proof = passport.canonical_json(image)
    return {
        "image": record.id,
        "provider": provider.name,
        "url": _path(chosen.url) if is_held_by_us else chosen.url,
        "rendition": chosen.name,
        "width": chosen.width,
        "height": chosen.height,
        "title": record.title,
        "author_name": record.author.name if record.author else None,
        "author_url": record.author.url if record.author else None,
        "source_url": record.source_url,
        "credit_text": record.attribution.text,
        "credit_html": record.attribution.html,
        "credit_markdown": record.attribution.markdown,
        "provider_ref": image.ref,
        "fetched_at": datetime.fromtimestamp(fetched_at, UTC),
        "declared_by": passport.declared_by(image, provider.info),
        "declared_field": image.declared.field if image.declared else None,
        "declared_words": image.declared.words if image.declared else None,
        "record": proof,
        "record_hash": passport.sha256(proof),
        **license_columns(record.license),
    }


def chosen_rendition(record: ImageRecord, name: str | None) -> Rendition:
    """Return the rendition with this name, or the largest that browsers show.

    Raises:
        BadInput: if the image has no such rendition, with those that it has.

    """
    if name is None:
        return choose_download(record.renditions)
    by_name = {str(rendition.name): rendition for rendition in record.renditions}
    if name not in by_name:
        raise BadInput("rendition", f"this image has no {name}; it has {', '.join(sorted(by_name))}")
    return by_name[name]


def url_columns(owner: Provider | None, words: CallersWords) -> dict[str, Any]:
    """Return the columns of a row for a bare URL. The caller's words come before the provider's licence."""
    credit = _url_credit(owner, words)
    license = owner.info.license if owner is not None else None
    declared_by = "provider" if license is not None else None
    if words.license is not None:
        license = License.from_url(words.license) or License.unknown(words.license)
        declared_by = "caller"
    return {
        "provider": owner.name if owner is not None else None,
        "title": words.title,
        "author_name": words.author,
        "credit_text": credit.text if credit else None,
        "credit_html": credit.html if credit else None,
        "credit_markdown": credit.markdown if credit else None,
        "declared_by": declared_by,
        "declared_words": words.license,
        "stated_by_caller": ",".join(words.fields) or None,
        **license_columns(license),
    }


def _url_credit(owner: Provider | None, words: CallersWords) -> Attribution | None:
    """Return the credit of a bare URL: the caller's words, and the notice or name of its owner; None without any."""
    parts = []
    if words.title or words.author:
        parts.append(f"{words.title or 'Untitled'} by {words.author or 'an unknown author'}")
    if words.license:
        parts.append(words.license)
    if owner is not None:
        parts.append(owner.info.notice or owner.info.title)
    return plain_credit(", ".join(parts)) if parts else None


def _path(url: str) -> str:
    """Return the path of a link to a file of ours, without its signature, which expires."""
    return urlsplit(url).path
