"""What consumers see of an image: the record of a search, a look-up and the ledger."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from imagevault.licenses import License
from imagevault.records import Author, Flags, Hotlink, RenditionName

# The limits are those of `images/sanitize.py`.
Url = Annotated[str, Meta(max_length=2048, extra_json_schema={"format": "uri"})]
Pixels = Annotated[int, Meta(ge=1, le=1_000_000)]
MediaType = Annotated[str, Meta(pattern="^image/[a-z0-9.+-]+$", examples=["image/jpeg"])]
ImageId = Annotated[str, Meta(max_length=233, pattern="^[a-z][a-z0-9_-]{0,31}:.+$", examples=["pexels:2014422"])]
ProviderName = Annotated[str, Meta(pattern="^[a-z][a-z0-9_-]{0,31}$", examples=["pexels"])]
Tag = Annotated[str, Meta(max_length=100)]


class Attribution(msgspec.Struct, frozen=True):
    """The credit for an image, ready to paste.

    Attributes:
        text: the credit as plain text.
        html: the credit as HTML, escaped, with links.
        markdown: the credit as Markdown, escaped, with links.

    """

    text: str
    html: str
    markdown: str


class Rendition(msgspec.Struct, frozen=True, kw_only=True):
    """One file of an image.

    Attributes:
        name: the size that the file has among the others.
        url: where the file is.
        width: pixels of this file; null where the provider does not say.
        height: pixels of this file; null where the provider does not say.
        type: the MIME type; null where it is not known.

    """

    name: RenditionName
    url: Url
    width: Pixels | None
    height: Pixels | None
    type: MediaType | None


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """The file to show in a list of results: small, of the image's shape, and of a type that browsers show.

    Attributes:
        url: where the file is.
        width: pixels of this file; null where the provider does not say.
        height: pixels of this file; null where the provider does not say.
        type: the MIME type; null where it is not known.

    """

    url: Url
    width: Pixels | None
    height: Pixels | None
    type: MediaType | None


class AlsoAt(msgspec.Struct, frozen=True, kw_only=True):
    """The same picture at another provider, in the same answer.

    Attributes:
        id: the id of that provider's record.
        provider: the provider's name.
        source_url: the picture's page at that provider.
        license: the licence that this provider states; the id is `unknown` where it states none.

    """

    id: ImageId
    provider: ProviderName
    source_url: Url | None
    license: License


class ImageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An image as every consumer sees it, whatever the provider. Every field is always present.

    Attributes:
        id: the provider's name, a colon, and the provider's own id.
        provider: the provider's name.
        title: what the image is called, in one line.
        alt: what it shows; null where the provider does not describe it.
        description: what the provider says about it, plain text.
        date: when it was made: ISO 8601 at any precision, or the provider's words.
        extra: further facts by name, such as `place` or `medium`.
        width: pixels of the original.
        height: pixels of the original.
        color: the average or dominant colour.
        blurhash: the BlurHash (https://blurha.sh).
        tags: words that the provider gives, each once.
        author: who made it; null where the provider does not say.
        source_url: its page at the provider, for people.
        license: its licence; the id is `unknown` where the rights are unclear.
        flags: what the provider says beside the licence.
        attribution: the credit, ready to paste.
        hotlink: whether you may link to the files, must do so, or may do so only for a while.
        also_from: other providers that list the same picture in this answer.
        also_at: the records of the same picture at these providers, with their licences.
        license_conflict: whether the licences here and in `also_at` differ. Check the source pages then.
        preview: the file to show in a list of results.
        renditions: its files, sorted by width, unknown widths last.

    """

    id: ImageId
    provider: ProviderName
    title: Annotated[str, Meta(max_length=300)] | None
    alt: Annotated[str, Meta(max_length=1000)] | None
    description: Annotated[str, Meta(max_length=5000)] | None
    date: Annotated[str, Meta(max_length=100, examples=["1889-05"])] | None
    extra: Annotated[dict[str, str], Meta(max_length=20)]
    width: Pixels | None
    height: Pixels | None
    color: Annotated[str, Meta(pattern="^#[0-9A-F]{6}$", examples=["#1E90FF"])] | None
    blurhash: Annotated[str, Meta(min_length=6, max_length=100)] | None
    tags: Annotated[Sequence[Tag], Meta(max_length=50)]
    author: Author | None
    source_url: Url | None
    license: License
    flags: Flags
    attribution: Attribution
    hotlink: Hotlink
    also_from: Sequence[ProviderName]
    also_at: Sequence[AlsoAt]
    license_conflict: bool
    preview: Preview
    renditions: Annotated[Sequence[Rendition], Meta(min_length=1, max_length=20)]


def with_others(record: ImageRecord, others: Sequence[ImageRecord]) -> ImageRecord:
    """Return a record with the records of other providers for the same picture."""
    if not others:
        return record
    licenses = {other.license.id for other in (record, *others)}
    return msgspec.structs.replace(
        record,
        also_from=[other.provider for other in others],
        also_at=[
            AlsoAt(id=other.id, provider=other.provider, source_url=other.source_url, license=other.license)
            for other in others
        ],
        license_conflict=len(licenses) > 1,
    )
