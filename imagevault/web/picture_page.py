"""The page of one picture."""

import asyncio
from collections.abc import Sequence
from html import escape

import msgspec

from imagevault.errors import BadInput, ProviderError, ResourceNotFound
from imagevault.images.identity import contradict
from imagevault.images.record import ImageRecord, Rendition, with_others
from imagevault.plugins.provider import Provider
from imagevault.records import Image
from imagevault.search.gateway import Gateway
from imagevault.search.lookup import SEPARATOR
from imagevault.web.address import MAX_ALSO, picture_address
from imagevault.web.picture_sources import PictureSources
from imagevault.web.policy import is_allowed

LARGE = 1600  # pixels: the widest file that the page shows
SHOWN_TYPES = frozenset({None, "image/jpeg", "image/png", "image/gif", "image/webp", "image/avif"})


class PicturePage(msgspec.Struct, frozen=True, kw_only=True):
    """What the page of a picture shows.

    Attributes:
        provider: the provider of the record.
        record: the record, with those of the same picture at other providers.
        shown: the file on the page; None where it may load none of them.
        source: the address that it is loaded from.
        sources: where the page loads pictures from.

    """

    provider: Provider
    record: ImageRecord
    shown: Rendition | None
    source: str | None
    sources: PictureSources

    @property
    def must_ask(self) -> bool:
        """Whether the reader has not agreed yet to load files of the provider."""
        return self.sources.must_ask(self.provider)

    @property
    def reserved(self) -> tuple[int, int] | None:
        """Width and height of the place for the file, in pixels: its own, else the picture's; None for unknown ones."""
        for file in (self.shown, self.record):
            if file is not None and file.width and file.height:
                return file.width, file.height
        return None

    def address(self, *, at: str | None = None, pictures: bool = False) -> str:
        """Return the address of this page, or of the record `at` of the same picture.

        It carries what its reader agreed to, and with `pictures` that he agrees now.
        """
        return picture_address(self.record, pictures=pictures or self.sources.agreed, at=at)

    def html(self, alt: str) -> str:
        """Return the picture with its credit, to paste into a page; the credit alone where no address lasts."""
        credit = self.record.attribution.html
        if self.shown is None or self.record.hotlink == "temporary" or self.provider.holds_files:
            return credit
        size = f' width="{self.shown.width}" height="{self.shown.height}"' if self.shown.width else ""
        image = f'<img alt="{escape(alt)}" src="{escape(self.shown.url)}"{size}>'
        return f"<figure>{image}<figcaption>{credit}</figcaption></figure>"


async def read_picture_page(gateway: Gateway, id: str, also: str, caller: str, sources: PictureSources) -> PicturePage:
    """Look a picture up.

    Args:
        gateway: looks it up.
        id: its id.
        also: ids of records of the same picture, separated by commas; those that name another picture are left out.
        caller: whose share of a quota the calls use.
        sources: where the page loads pictures from.

    Raises:
        BadInput: the id has another form, or its provider does not exist or is switched off.
        ResourceNotFound: the provider has no such picture.
        ProviderError: the provider failed.

    """
    provider, image = await gateway.image(id, caller=caller)
    others = await _read_others(gateway, image, provider, also, caller)
    record = with_others(gateway.record(provider, image), others)
    shown = choose_shown(record, sources.showable(provider))
    source = sources.address(provider, image.id, shown.url) if shown is not None else None
    return PicturePage(provider=provider, record=record, shown=shown, source=source, sources=sources)


def choose_shown(record: ImageRecord, sources: set[str]) -> Rendition | None:
    """Return the widest file up to `LARGE` pixels that browsers show, of these origins, else the narrowest."""
    usable = [
        rendition
        for rendition in record.renditions
        if rendition.type in SHOWN_TYPES and is_allowed(rendition.url, sources)
    ]
    fitting = [rendition for rendition in usable if rendition.width and rendition.width <= LARGE]
    return fitting[-1] if fitting else next(iter(usable), None)


async def _read_others(
    gateway: Gateway, image: Image, provider: Provider, also: str, caller: str
) -> Sequence[ImageRecord]:
    """The records of the same picture at other providers. What cannot be looked up is left out."""
    ids = dict.fromkeys(id.strip() for id in SEPARATOR.split(also) if id.strip())
    found = await asyncio.gather(*(_read_other(gateway, id, caller) for id in list(ids)[:MAX_ALSO]))
    return [
        gateway.record(other_provider, other)
        for other_provider, other in filter(None, found)
        if other_provider.name != provider.name and _is_same(image, other)
    ]


async def _read_other(gateway: Gateway, id: str, caller: str) -> tuple[Provider, Image] | None:
    try:
        return await gateway.image(id, caller=caller)
    except (BadInput, ResourceNotFound, ProviderError):
        return None


def _is_same(image: Image, other: Image) -> bool:
    shared = set(image.identities) & set(other.identities)
    return bool(shared) and not contradict(image.identities, other.identities)
