"""Whose picture is at a bare URL: the image, where the address holds its id, else the owner of the host."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from imagevault.downloads.rows import image_columns
from imagevault.errors import ProviderError, ResourceNotFound
from imagevault.images.identity import fold, keys_of_address
from imagevault.images.renditions import choose_download
from imagevault.plugins.provider import Provider
from imagevault.records import Image
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
# The pages, folded, whose address holds the provider's own id.
PAGES = {
    "artic": re.compile(r"artic\.edu/artworks/([0-9]{1,12})(?:[?/].*)?"),
    "europeana": re.compile(r"europeana\.eu/(?:[a-z]{2}/)?item(/[^/?]{1,100}/[^/?]{1,150})(?:\?.*)?"),
    "met": re.compile(r"metmuseum\.org/art/collection/search/([0-9]{1,12})(?:[?/].*)?"),
    "smk": re.compile(r"open\.smk\.dk/artwork/image/([^?]{1,60})(?:\?.*)?"),
    "wellcome": re.compile(r"wellcomecollection\.org/works/[a-z0-9]{1,20}/images\?id=([a-z0-9]{1,20})"),
}


async def find_record(gateway: Gateway, caller: Caller, url: str) -> FoundImage | None:
    """Return the image at an address, from a cached page or by one look-up. None if it is not known or cannot be asked.

    Raises Forbidden if the caller may not use the provider.
    """
    folded = fold(url)
    for name, id in _named_by(folded):
        provider = gateway.providers.get(name)
        if provider is None or provider.state != "ok":
            continue
        try:
            found = await gateway.find_image(f"{name}:{id}", field="url", caller=caller.id, allowed=caller.providers)
        except (ResourceNotFound, ProviderError):
            return None
        return found if _is_at(found.image, folded, (name, id)) else None
    return None


def _named_by(folded: str) -> Iterator[tuple[str, str]]:
    """Yield the providers whose ids a folded address holds, and these ids."""
    for key in keys_of_address(folded):
        for prefix, name in IDS.items():
            if key.startswith(prefix):
                yield name, key.removeprefix(prefix)
    for name, pattern in PAGES.items():
        page = pattern.fullmatch(folded)
        if page is not None:
            yield name, page[1]


def _is_at(image: Image, folded: str, named: tuple[str, str]) -> bool:
    """Whether an image that was found by the id in an address says itself that it is there."""
    if any(key in image.identities for key in keys_of_address(folded)):
        return True
    return image.source_url is not None and named in _named_by(fold(image.source_url))


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
    if not _is_page(url, found, [rendition.url for rendition in record.renditions]):
        columns |= {"url": url, "rendition": None, "width": None, "height": None}
    return columns


def _is_page(url: str, found: FoundImage, files: Sequence[str]) -> bool:
    """Whether an address that holds the id of an image is one of its pages, and not a file.

    Args:
        url: the address. A page may have several, such as one in each language.
        found: the image.
        files: the addresses of its renditions.

    """
    source_url = found.image.source_url
    if source_url is not None and fold(source_url) == fold(url):
        return True
    host = _host(url)
    if host not in {*found.provider.info.file_hosts, *map(_host, files)}:
        return True
    if source_url is None or host != _host(source_url):
        return False
    # Pages and files share this host. What is read in their addresses tells them apart.
    return not any(host == _host(file) and any(keys_of_address(fold(file))) for file in files)


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".")


def owner_of(providers: Mapping[str, Provider], url: str) -> Provider | None:
    """Return the provider whose file host a URL is on: no aggregator if there is another, and the most specific."""
    host = _host(url)
    owners = [providers[name] for name in sorted(providers) if host in providers[name].info.file_hosts]
    return min(owners, key=_remoteness, default=None)


def _remoteness(provider: Provider) -> tuple[bool, int]:
    """How unlikely it is that a provider owns the files of its hosts."""
    return provider.info.aggregator, len(provider.info.file_hosts)
