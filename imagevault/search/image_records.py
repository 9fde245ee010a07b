"""What consumers see of an image: its record, with the credit and with links that work."""

import msgspec
from cachetools import LRUCache

from imagevault import records
from imagevault.images.attribution import attribution
from imagevault.images.record import ImageRecord, Rendition
from imagevault.images.renditions import by_width, choose_preview
from imagevault.images.signed_links import SignedLinks
from imagevault.licenses import License
from imagevault.plugins.provider import Provider
from imagevault.records import Image, ProviderInfo

UNSTATED = License.unknown("Licence not stated")
MAX_RECORDS = 4000  # kept, some 4 KB each
MAX_KEPT = 8000  # characters of an image; the longest have 60 000, and 4000 of them would take 400 MB


class _Made(msgspec.Struct, frozen=True):
    """A record, and what it was made from."""

    image: Image
    info: ProviderInfo
    record: ImageRecord


class ImageRecords:
    """Makes records and caches the recently used ones. One for each worker."""

    def __init__(self, links: SignedLinks) -> None:
        self._links = links
        self._made: LRUCache[tuple[str, str], _Made] = LRUCache(MAX_RECORDS)

    def record(self, provider: Provider, image: Image) -> ImageRecord:
        """Return the record of a sanitized image of this provider."""
        record = self._kept(provider, image)
        if record is None:
            record = self._make(provider, image)
            if not provider.holds_files and _length(image) <= MAX_KEPT:  # links to held files are signed anew daily
                self._made[provider.name, image.id] = _Made(image, provider.info, record)
        return record

    def _kept(self, provider: Provider, image: Image) -> ImageRecord | None:
        made = self._made.get((provider.name, image.id))
        if made is None or made.info is not provider.info:
            return None
        if made.image is not image and made.image != image:
            return None
        return made.record

    def _make(self, provider: Provider, image: Image) -> ImageRecord:
        renditions = by_width([self._shown(provider, image, rendition) for rendition in image.renditions])
        size = (image.width, image.height) if image.width and image.height else None
        return ImageRecord(
            id=f"{provider.name}:{image.id}",
            provider=provider.name,
            title=image.title,
            alt=image.alt,
            description=image.description,
            date=image.date,
            extra=dict(image.extra),
            width=image.width,
            height=image.height,
            color=image.color,
            blurhash=image.blurhash,
            tags=image.tags,
            author=image.author,
            source_url=image.source_url,
            license=image.license or UNSTATED,
            flags=image.flags,
            attribution=attribution(provider.info, image),
            hotlink=provider.info.hotlink,
            also_from=(),
            also_at=(),
            license_conflict=False,
            preview=choose_preview(renditions, size),
            renditions=renditions,
        )

    def _shown(self, provider: Provider, image: Image, rendition: records.Rendition) -> Rendition:
        """A rendition with its link; one of a file that the provider holds gets a signed link."""
        if rendition.url:
            url = provider.file_link(rendition.url)
        else:
            url = self._links.link(provider.name, image.id, rendition.name)
        return Rendition(
            name=rendition.name,
            url=url,
            width=rendition.width,
            height=rendition.height,
            type=rendition.type,
        )


def _length(image: Image) -> int:
    """The characters of what may be long in an image."""
    urls = sum(len(rendition.url or "") for rendition in image.renditions)
    tags = sum(len(tag) for tag in image.tags)
    return urls + tags + len(image.description or "")
