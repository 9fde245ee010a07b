"""What is wrong with a record, in words that tell its author what to change."""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from imagevault.gateway.attribution import attribution
from imagevault.records import Image, License, Page, ProviderInfo

MARKUP = re.compile(r"</?[a-zA-Z][^>]*>|&(#\d+|#x[0-9a-fA-F]+|[a-z]{2,8});")
LICENSE_ID = re.compile(r"[a-z0-9+]+([.-][a-z0-9+]+)*")
LOOPBACK = "127.0.0.1"  # where the upstream under test is


def changed_by_mending(given: Page, mended: Sequence[Image]) -> Iterator[str]:
    """What the gateway had to drop or empty."""
    kept = {image.id: image for image in mended}
    for image in given.images:
        if image.id not in kept:
            yield f"{image.id!r} was dropped: an image needs an id, and a rendition with an http(s) link"
            continue
        for field in ("source_url", "color", "blurhash", "width", "height", "author"):
            if getattr(image, field) and getattr(kept[image.id], field) is None:
                yield f"{field} {getattr(image, field)!r} of {image.id} was dropped: it has not the form it must have"
        if len(image.renditions) != len(kept[image.id].renditions):
            yield f"a rendition of {image.id} was dropped: its link is not http(s)"


def of_image(image: Image, info: ProviderInfo, *, strangers: bool, files: bool) -> Iterator[str]:
    """What is missing in a mended record, or not as it should be."""
    for field in ("title", "alt", "credit"):
        if MARKUP.search(getattr(image, field) or ""):
            yield f"{field} of {image.id} holds markup: {getattr(image, field)!r}"
    if image.author and MARKUP.search(image.author.name):
        yield f"author of {image.id} holds markup: {image.author.name!r}"
    if not files:
        if image.source_url is None:
            yield f"{image.id} has no source_url: link to its page"
        yield from _links(image, info, strangers=strangers)
    yield from _renditions(image)
    if image.license is None:
        yield f"{image.id} has no licence: give License(...), or one for all as ProviderInfo.license"
    else:
        yield from _license(image, image.license)
    credit = attribution(info, image).text
    if image.author and image.author.name not in credit:
        yield f"the credit of {image.id} does not name its author: {credit!r}"
    if image.license and image.license.attribution_required and "None" in credit:
        yield f"the credit of {image.id} holds None: {credit!r}"


def _links(image: Image, info: ProviderInfo, *, strangers: bool) -> Iterator[str]:
    for name, url in (("source_url", image.source_url), ("author.url", image.author and image.author.url)):
        if url and not _secure(url):
            yield f"{name} of {image.id} is not https: {url}"
    hosts = [urlsplit(each.url or "").hostname for each in image.renditions]
    others = [host for host in hosts if host not in info.file_hosts | {LOOPBACK}]
    if others and not (strangers and len(others) < len(hosts)):
        yield f"renditions of {image.id} lead to {others[0]}: add it to file_hosts, or leave them out"
    for each in image.renditions:
        if each.url and not _secure(each.url):
            yield f"rendition {each.name} of {image.id} is not https: {each.url}"


def _renditions(image: Image) -> Iterator[str]:
    names = [each.name for each in image.renditions]
    if len(names) != len(set(names)):
        yield f"two renditions of {image.id} have one name: {', '.join(names)}"
    if "original" not in names and "large" not in names:
        yield f"{image.id} has no rendition `original`, nor `large`: give the largest there is"
    for each in image.renditions:
        if (each.width is None) != (each.height is None):
            yield f"rendition {each.name} of {image.id} has one side only"
        elif each.width and image.width and (each.width > image.width or (each.height or 0) > (image.height or 0)):
            yield f"rendition {each.name} of {image.id} is larger than the image: {each.width} x {each.height}"


def _secure(url: str) -> bool:
    return url.startswith("https://") or urlsplit(url).hostname == LOOPBACK


def _license(image: Image, license: License) -> Iterator[str]:
    if not LICENSE_ID.fullmatch(license.id) or license.id == "unknown":
        yield f"the licence of {image.id} needs a stable id such as cc-by-4.0, not {license.id!r}"
    if license.url is None:
        yield f"the licence {license.id} of {image.id} has no link"
