"""Credits in five formats, made record by record, so that an export of any length takes the memory of one page.

The words and links of a credit are those of `attribution`, which follow the provider's terms. Where they do not name
the licence, its name and address follow.
"""

import csv
import io
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, get_args

import msgspec

from imagevault.downloads.record import CheckStatus, DownloadRecord
from imagevault.images.attribution import named_license, plain_credit
from imagevault.images.record import Attribution, ImageRecord
from imagevault.images.renditions import choose_download
from imagevault.licenses import License

CreditFormat = Literal["csv", "json", "markdown", "html", "jsonld"]
FORMATS: tuple[CreditFormat, ...] = get_args(CreditFormat)
FORMULA_STARTS = {"=", "+", "-", "@", "\t", "\r", "\n"}  # a spreadsheet takes a cell that begins so for a formula
CHANGES: Mapping[str, str] = {
    "license_changed": "The provider has changed the licence since.",
    "withdrawn": "The provider has withdrawn the licence since.",
    "gone": "The provider has removed the picture since.",
}
# https://schema.org/ImageObject, and the fields of the IPTC Photo Metadata Standard by their XMP names
# (https://iptc.org/std/photometadata/specification/).
CONTEXT = {
    "@vocab": "https://schema.org/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "license": {"@type": "@id"},
    "acquireLicensePage": {"@type": "@id"},
    "contentUrl": {"@type": "@id"},
    "url": {"@type": "@id"},
    "xmpRights:WebStatement": {"@type": "@id"},
    "plus:LicensorURL": {"@type": "@id"},
}


class Credit(msgspec.Struct, frozen=True, kw_only=True):
    """The credit of one picture, with what it was taken from.

    Attributes:
        image: the id of the image; null for a bare URL.
        provider: the provider's name.
        title: what the image was called.
        author: who made it.
        author_url: the author's page.
        source_url: its page at the provider.
        file_url: where the file is.
        license: the id of its licence.
        license_name: the licence as people write it.
        license_url: where the text of the licence is.
        text: the credit as plain text.
        html: the credit as HTML, escaped, with links.
        markdown: the credit as Markdown, escaped, with links.
        project: what it is for.
        taken_at: when the download was recorded; null for an image that was not taken.
        status: what the last check at the source found.
        account: whose download it is, in exports of an admin; null elsewhere.

    """

    image: str | None
    provider: str | None
    title: str | None
    author: str | None
    author_url: str | None
    source_url: str | None
    file_url: str
    license: str | None
    license_name: str | None
    license_url: str | None
    text: str
    html: str
    markdown: str
    project: str | None = None
    taken_at: datetime | None = None
    status: CheckStatus | None = None
    account: str | None = None


class _Writer(msgspec.Struct, frozen=True):
    """One format: what stands before the credits, one credit, what stands between two, and the end."""

    media_type: str
    extension: str
    begin: str
    credit: Callable[[Credit], str]
    separator: str
    end: str


def credit_of(record: DownloadRecord, account: str | None = None) -> Credit:
    """Return the credit of a download."""
    license = record.license
    credit = record.attribution or plain_credit(_description(record))
    author = record.author.name if record.author else None
    named = with_license(credit, license, (record.title, author))
    return Credit(
        image=record.image,
        provider=record.provider,
        title=record.title,
        author=author,
        author_url=record.author.url if record.author else None,
        source_url=record.source_url,
        file_url=record.url,
        license=license.id if license else None,
        license_name=license.name if license else None,
        license_url=license.url if license else None,
        text=named.text,
        html=named.html,
        markdown=named.markdown,
        project=record.project,
        taken_at=record.created_at,
        status=record.status,
        account=account,
    )


def credit_of_image(record: ImageRecord) -> Credit:
    """Return the credit of an image that was not taken. Its file is the one that a download would take."""
    author = record.author.name if record.author else None
    named = with_license(record.attribution, record.license, (record.title, author))
    return Credit(
        image=record.id,
        provider=record.provider,
        title=record.title,
        author=author,
        author_url=record.author.url if record.author else None,
        source_url=record.source_url,
        file_url=choose_download(record.renditions).url,
        license=record.license.id,
        license_name=record.license.name,
        license_url=record.license.url,
        text=named.text,
        html=named.html,
        markdown=named.markdown,
    )


def with_license(credit: Attribution, license: License | None, about: Iterable[str | None]) -> Attribution:
    """Return a credit that names the licence: as it is where it does so already.

    `about` is what the credit says of the picture, its title and its author. A licence in a title is no statement.
    """
    if license is None:
        return credit
    rest = credit.text
    for words in about:
        rest = rest.replace(words, "", 1) if words else rest
    if named_license(rest, license) is not None:
        return credit
    named = plain_credit(license.name, license.url)
    return Attribution(
        text=f"{credit.text} ({license.name})",
        html=f"{credit.html} ({named.html})",
        markdown=f"{credit.markdown} ({named.markdown})",
    )


async def export(credits: AsyncIterator[Sequence[Credit]], format: CreditFormat) -> AsyncIterator[str]:
    """Yield an export in pieces, one for each sequence of credits."""
    writer = WRITERS[format]
    piece = writer.begin
    is_first = True
    async for some in credits:
        for credit in some:
            piece += ("" if is_first else writer.separator) + writer.credit(credit)
            is_first = False
        yield piece
        piece = ""
    yield piece + writer.end


def whole(credits: Sequence[Credit], format: CreditFormat) -> str:
    """Return an export as one text."""
    writer = WRITERS[format]
    return writer.begin + writer.separator.join(writer.credit(credit) for credit in credits) + writer.end


def media_type(format: CreditFormat) -> str:
    """Return the media type of a format."""
    return WRITERS[format].media_type


def file_name(format: CreditFormat) -> str:
    """Return the name of an exported file."""
    return f"credits.{WRITERS[format].extension}"


def _description(record: DownloadRecord) -> str:
    return record.title or record.source_url or record.url


def _as_csv(values: Sequence[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([_cell(value) for value in values])
    return line.getvalue()


def _cell(value: object) -> str:
    """Return a cell of a table, which no spreadsheet takes for a formula."""
    if value is None:
        return ""
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    first = unicodedata.normalize("NFKC", text.lstrip(" ")[:1])  # some fold the full-width, small and raised forms
    return f"'{text}" if first in FORMULA_STARTS else text


def _csv_row(credit: Credit) -> str:
    return _as_csv([getattr(credit, name) for name in CSV_COLUMNS])


def _json_object(credit: Credit) -> str:
    return msgspec.json.encode(credit).decode()


def _markdown_item(credit: Credit) -> str:
    change = f" *{notice}*" if (notice := CHANGES.get(credit.status or "")) else ""
    return f"- {credit.markdown}{change}\n"


def _html_item(credit: Credit) -> str:
    change = f" <em>{notice}</em>" if (notice := CHANGES.get(credit.status or "")) else ""
    return f"<li>{credit.html}{change}</li>\n"


def _json_ld(credit: Credit) -> str:
    creator = {"name": credit.author, "url": credit.author_url} if credit.author else None
    licensor = [{"plus:LicensorURL": credit.source_url}] if credit.source_url else None
    statement: dict[str, Any] = {
        "@type": "ImageObject",
        "identifier": credit.image,
        "name": credit.title,
        "contentUrl": credit.file_url,
        "creator": _stated(creator),
        "creditText": credit.text,
        "license": credit.license_url,
        "acquireLicensePage": credit.source_url,
        "dc:creator": credit.author,
        "dc:title": credit.title,
        "photoshop:Credit": credit.text,
        "xmpRights:UsageTerms": credit.license_name,
        "xmpRights:WebStatement": credit.license_url,
        "plus:Licensor": licensor,
    }
    # It is pasted into a <script> of a page, which </script> in a title would end.
    return msgspec.json.encode(_stated(statement)).decode().replace("<", r"\u003c")


def _stated(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the values that say something."""
    return {name: value for name, value in values.items() if value is not None} if values is not None else None


CSV_COLUMNS = [name for name in Credit.__struct_fields__ if name not in {"html", "markdown"}]
WRITERS: Mapping[CreditFormat, _Writer] = {
    "csv": _Writer("text/csv", "csv", _as_csv(CSV_COLUMNS), _csv_row, "", ""),
    "json": _Writer("application/json", "json", '{"credits":[\n', _json_object, ",\n", "\n]}\n"),
    "markdown": _Writer("text/markdown", "md", "", _markdown_item, "", ""),
    "html": _Writer("text/html", "html", "<ul>\n", _html_item, "", "</ul>\n"),
    "jsonld": _Writer(
        "application/ld+json",
        "jsonld",
        f'{{"@context":{msgspec.json.encode(CONTEXT).decode()},"@graph":[\n',
        _json_ld,
        ",\n",
        "\n]}\n",
    ),
}
