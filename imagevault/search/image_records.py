"""What consumers see of an image: its record, with the credit and with links that work."""

from collections.abc import Sequence

import msgspec
from cachetools import LRUCache

from imagevault.images.attribution import attribution
from imagevault.images.signed_links import SignedLinks
from imagevault.plugins.provider import Provider
from imagevault.records import Image, ImageRecord, ProviderInfo, Rendition

MAX_RECORDS = 4000  # kept, some 4 KB each


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

    def record(self, provider: Provider, image: Image, also_from: Sequence[str] = ()) -> ImageRecord:
        """Return the record of an image.

        Args:
            provider: the provider of the image.
            image: sanitized.
            also_from: other providers that have the same image on this page.

        """
        record = self._kept(provider, image)
        if record is None:
            record = self._make(provider, image)
            if not provider.holds_files:  # links to those files are signed anew every day
                self._made[provider.name, image.id] = _Made(image, provider.info, record)
        return msgspec.structs.replace(record, also_from=also_from) if also_from else record

    def _kept(self, provider: Provider, image: Image) -> ImageRecord | None:
        made = self._made.get((provider.name, image.id))
        if made is None or made.info is not provider.info:
            return None
        if made.image is not image and made.image != image:
            return None
        return made.record

    def _make(self, provider: Provider, image: Image) -> ImageRecord:
        return ImageRecord(
            id=f"{provider.name}:{image.id}",
            provider=provider.name,
            title=image.title,
            alt=image.alt,
            width=image.width,
            height=image.height,
            color=image.color,
            blurhash=image.blurhash,
            tags=image.tags,
            author=image.author,
            source_url=image.source_url,
            license=image.license,
            attribution=attribution(provider.info, image),
            hotlink=provider.info.hotlink,
            renditions=[self._with_link(provider, image, rendition) for rendition in image.renditions],
        )

    def _with_link(self, provider: Provider, image: Image, rendition: Rendition) -> Rendition:
        if rendition.url is not None:
            return rendition
        url = self._links.link(provider.name, image.id, rendition.name)
        return msgspec.structs.replace(rendition, url=url)
