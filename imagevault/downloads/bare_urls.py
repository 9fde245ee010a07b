"""Whose picture is at a bare URL: the image, where the address holds its id, else the owner of the host."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from imagevault.downloads.rows import image_columns
from imagevault.errors import ProviderError, ResourceNotFound
from imagevault.images.identity import fold, keys_of_address
from imagevault.images.renditions import choose_download
from imagevault.plugins.provider import Provider
from imagevault.search.gateway import FoundImage, Gateway
from imagevault.security.caller import Caller

# The keys whose value is the provider's own id. The others name a file, or an object of several pictures.
IDS = {
    "flickr:": "flickr",
    "nasa:": "nasa",
    "pexels:": "pexels",
    "pixabay:": "pixabay",
    "unsplash:": "unsplash",
    "commons:p": "wikimedia",
}


async def find_record(gateway: Gateway, caller: Caller, url: str) -> FoundImage | None:
    """Return the image at an address, from a cached page or by one look-up. None if it is not known or cannot be asked.

    Raises Forbidden if the caller may not use the provider.
    """
    for key in keys_of_address(fold(url)):
        for prefix, name in IDS.items():
            provider = gateway.providers.get(name)
            if not key.startswith(prefix) or provider is None or provider.state != "ok":
                continue
            id = f"{name}:{key.removeprefix(prefix)}"
            try:
                found = await gateway.find_image(id, field="url", caller=caller.id, allowed=caller.providers)
            except (ResourceNotFound, ProviderError):
                return None
            return found if key in found.image.identities else None
    return None


def columns_of_url(gateway: Gateway, found: FoundImage, url: str) -> dict[str, Any]:
    """Return the columns of a row for an address whose image was found.

    The address of a page stands for the largest file that browsers show. The address of a file that is none of the
    renditions stays, without a size.
    """
    record = gateway.record(found.provider, found.image)
    wanted = fold(url)
    for rendition in record.renditions:
        if fold(rendition.url) == wanted:
            return image_columns(found, record, rendition)
    columns = image_columns(found, record, choose_download(record.renditions))
    if found.image.source_url is None or fold(found.image.source_url) != wanted:
        columns |= {"url": url, "rendition": None, "width": None, "height": None}
    return columns


def owner_of(providers: Mapping[str, Provider], url: str) -> Provider | None:
    """Return the provider whose file host a URL is on: no aggregator if there is another, and the most specific."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    owners = [providers[name] for name in sorted(providers) if host in providers[name].info.file_hosts]
    return min(owners, key=_remoteness, default=None)


def _remoteness(provider: Provider) -> tuple[bool, int]:
    """How unlikely it is that a provider owns the files of its hosts."""
    return provider.info.aggregator, len(provider.info.file_hosts)
