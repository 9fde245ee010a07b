"""Rules for one record: nothing of it is dropped, text is plain, links are https, renditions fit the image."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from imagevault.errors import InvalidResponse
from imagevault.images import sanitize
from imagevault.images.attribution import attribution
from imagevault.images.sanitize import MAX_ID
from imagevault.plugins.declaration import ANY_HOST
from imagevault.plugins.decoding import RecordCount, count_records
from imagevault.plugins.mismatch import explain_mismatch
from imagevault.plugins.provider import Provider
from imagevault.records import Image, Page, ProviderInfo, Rendition
from imagevault.testing.bench import Bench
from imagevault.testing.checks.licenses import credit_problems, license_problems
from imagevault.testing.checks.outcomes import assert_none, found_nothing, images_of, same_ids, too_large
from imagevault.testing.checks.probes import secrets
from imagevault.testing.checks.walk import WalkedPage, is_end, next_page

MARKUP = re.compile(r"</?[a-zA-Z][^>]*>|&(#\d+|#x[0-9a-fA-F]+|[a-z]{2,8});")  # <b>, &amp;, &#39;
# An address whose server answers http alone: it names a port, or is no name: http://host.example:8080/, http://1.2.3.4/
HTTP_ONLY = re.compile(r"http://(?:[^/:]{1,253}:[0-9]{1,5}|[0-9.]{7,15})(?:/|$)")
PLACEHOLDERS = {"None", "null", "nan", "undefined", "N/A"}
LOOPBACK = "127.0.0.1"  # the host of the upstream under test
MAX_DROPPED = 0.2  # of the records of a page
DROPPABLE = ("source_url", "color", "blurhash", "width", "height", "author", "license")


async def check_records(bench: Bench, query: str, *, hosts_of_strangers: bool) -> None:
    """Each record of the first two pages survives the gateway's sanitizing whole, and follows every rule below."""
    info = bench.provider.info
    holds_files = bench.provider.holds_files
    problems: list[str] = []
    walked: WalkedPage | None = None
    for number in (1, 2):
        with count_records() as count:
            walked = await next_page(bench, query, walked)
        given = walked.page
        problems += _dropped(number, count)
        assert_none(too_large(info, given, number))  # the gateway cuts it, and images would seem to be dropped
        sanitized = _sanitized(given, bench.provider)
        problems += _lost(given, sanitized, info)
        if not holds_files:
            for image in given.images:
                problems += _hosts(image, info, hosts_of_strangers=hosts_of_strangers)
        for image in sanitized:
            problems += _text(image)
            problems += _renditions(image)
            problems += license_problems(image)
            problems += credit_problems(image, attribution(info, image).text)
            if not holds_files:
                problems += _links(image, hosts_of_strangers=hosts_of_strangers)
        assert given.images or number > 1, found_nothing(query, count, given.total)
        problems += _sizes(sanitized, info)
        if is_end(info, given):
            break
    assert_none(problems)


async def check_secrets(bench: Bench, query: str, settings: Mapping[str, Any]) -> None:
    """No record holds a secret of the settings, and no field but `ref` holds the `ref`."""
    problems: list[str] = []
    first = await next_page(bench, query)
    problems += [
        f"next of page 1 holds the secret {secret!r}: give the token alone, without the address and its key"
        for secret in secrets(settings)
        if secret in (first.page.next or "")
    ]
    for image in await images_of(bench, query):
        shown = msgspec.json.encode(msgspec.structs.replace(image, ref=None)).decode()
        problems += [
            f"the record {image.id} holds the secret {secret!r}: remove it from every field"
            for secret in secrets(settings)
            if secret in shown
        ]
        if image.ref and image.ref in shown:
            problems.append(
                f"another field of {image.id} holds its ref {image.ref}: keep it in `ref` only, which nobody is shown"
            )
    assert_none(problems)


def _dropped(number: int, count: RecordCount) -> Iterator[str]:
    """More records of a page are lost than can be by chance. Those that a plugin leaves out itself do not count."""
    if count.dropped > MAX_DROPPED * count.records and count.dropped < count.records:
        yield (
            f"{count.dropped} of {count.records} records of page {number} are dropped: {count.reason}; mend that, or "
            "declare the field with a default and leave such records out yourself"
        )


def _sanitized(given: Page, provider: Provider) -> Sequence[Image]:
    try:
        page = sanitize.page(given, provider.info, holds_files=provider.holds_files, moved_to=provider.moved_to)
    except InvalidResponse:  # nothing of the page can be shown; `_lost` says why, record by record
        return []
    return page.images


def _lost(given: Page, sanitized: Sequence[Image], info: ProviderInfo) -> Iterator[str]:
    """What the gateway dropped or emptied."""
    kept = {image.id: image for image in sanitized}
    seen: set[str] = set()
    yield from same_ids(given)
    for image in given.images:
        if image.id in seen:
            continue  # `same_ids` says that
        if image.renditions and len(_undeclared(image.renditions, info)) == len(image.renditions):
            continue  # `_hosts` says that
        elif image.id not in kept:
            yield f"{image.id!r} was dropped: {_reason_dropped(image)}"
        else:
            seen.add(image.id)
            yield from _one_side(image.renditions, image.id)
            yield from _emptied(image, kept[image.id], info)


def _reason_dropped(image: Image) -> str:
    try:
        msgspec.convert(msgspec.to_builtins(image), Image)
    except (msgspec.ValidationError, TypeError) as error:
        return explain_mismatch(error, Image)
    if not image.renditions:
        return "it has no renditions; give it at least one Rendition, or leave the image out"
    stripped = image.id.strip()
    if not image.id.isprintable() or stripped != image.id or not 0 < len(image.id) <= MAX_ID:
        return f"its id must be 1 to {MAX_ID} printable characters with no space at either end"
    return f"no rendition has an http(s) link to a declared host; {image.renditions[0].url!r} is none"


def _one_side(renditions: Sequence[Rendition], id: str) -> Iterator[str]:
    for rendition in renditions:
        if (rendition.width is None) != (rendition.height is None):
            yield f"rendition {rendition.name} of {id} has one side only: give both width and height, or neither"


def _emptied(given: Image, sanitized: Image, info: ProviderInfo) -> Iterator[str]:
    for field in DROPPABLE:
        value = getattr(given, field)
        if value and getattr(sanitized, field) is None:
            yield f"{field} {value!r} of {given.id} was dropped: it is not valid; see Image.{field} in the reference"
    kept = [rendition.name for rendition in sanitized.renditions]
    dropped = [
        rendition.name
        for rendition in given.renditions
        if rendition.name not in kept and not _undeclared([rendition], info)  # `_hosts` says that
    ]
    if dropped:
        yield f"a rendition of {given.id} was dropped: {' or '.join(dropped)} has no http(s) link; give a whole address"


def _text(image: Image) -> Iterator[str]:
    texts = {
        "title": image.title,
        "alt": image.alt,
        "credit": image.credit,
        "author": image.author.name if image.author else None,
    }
    for field, text in texts.items():
        if text in PLACEHOLDERS:
            yield f"{field} of {image.id} is the text {text!r}: give None where the service has no value"
        elif MARKUP.search(text or ""):
            yield (
                f"{field} of {image.id} holds markup: {text!r}; texts are shown letter by letter: "
                "pass HTML through imagevault.text_of"
            )


def _links(image: Image, *, hosts_of_strangers: bool) -> Iterator[str]:
    if image.source_url is None:
        yield f"{image.id} has no source_url: give the address of its page"
    pages = {
        "source_url": image.source_url,
        "author.url": image.author.url if image.author else None,
    }
    for field, url in pages.items():
        if url and not _is_secure(url):
            yield f"{field} of {image.id} is not https: {url}; give an https address that works"
    for rendition in image.renditions:
        may_be_http = hosts_of_strangers and HTTP_ONLY.match(rendition.url or "")
        if rendition.url and not _is_secure(rendition.url) and not may_be_http:
            yield f"rendition {rendition.name} of {image.id} is not https: {rendition.url}; give an https address"


def _hosts(image: Image, info: ProviderInfo, *, hosts_of_strangers: bool) -> Iterator[str]:
    undeclared = _undeclared(image.renditions, info)
    one_is_declared = len(undeclared) < len(image.renditions)
    if undeclared and "%2F" in undeclared[0].upper():
        yield (
            f"renditions of {image.id} lead to {undeclared[0]}: a path was url-encoded behind the host; put / behind "
            "the host, and write join('', ['https://HOST/', path]) in TOML"
        )
    elif undeclared and not (hosts_of_strangers and one_is_declared):
        yield (
            f"renditions of {image.id} lead to {undeclared[0]}, which is not declared: "
            "add it to file_hosts, or leave these renditions out"
        )


def _undeclared(renditions: Sequence[Rendition], info: ProviderInfo) -> list[str]:
    """Return the hosts of files that the gateway leaves out, because `file_hosts` does not name them."""
    if ANY_HOST in info.file_hosts:
        return []
    hosts = [urlsplit(rendition.url or "").hostname for rendition in renditions]
    return [host for host in hosts if host is not None and host not in info.file_hosts | {LOOPBACK}]


def _is_secure(url: str) -> bool:
    return url.startswith("https://") or urlsplit(url).hostname == LOOPBACK


def _renditions(image: Image) -> Iterator[str]:
    if (image.width is None) != (image.height is None):
        yield f"{image.id} has one side only: give both width and height, or neither"
    names = [rendition.name for rendition in image.renditions]
    if len(names) != len(set(names)):
        yield f"two renditions of {image.id} have the same name: {', '.join(names)}; keep one of each name"
    is_thumbnail_alone = set(names) == {"thumbnail"}  # a service may have no other file
    if "original" not in names and "large" not in names and not is_thumbnail_alone:
        yield f"{image.id} has neither a rendition `original` nor `large`: give the largest file that there is"
    for rendition in image.renditions:
        yield from _size(rendition, image)


def _sizes(images: Sequence[Image], info: ProviderInfo) -> Iterator[str]:
    """A filter by orientation or size leaves out images without a size, so a provider without sizes declares that."""
    if images and info.tells_sizes and not any(image.width for image in images):
        yield "no image has a size: give width and height, or declare tells_sizes=False if the service tells none"


def _size(rendition: Rendition, image: Image) -> Iterator[str]:
    if not rendition.width:
        return
    size = f"{rendition.width} x {rendition.height}"
    if image.width is None:
        if rendition.name == "original":
            yield f"{image.id} has no size, but its original has: give the image width={rendition.width} and its height"
        return
    if rendition.width > image.width or (rendition.height or 0) > (image.height or 0):
        yield f"rendition {rendition.name} of {image.id} is larger than the image: {size}; use Rendition.within"
    elif rendition.name == "original" and (rendition.width, rendition.height) != (image.width, image.height):
        yield (
            f"rendition original of {image.id} is {size}, but the image is {image.width} x {image.height}: "
            "give both the same size"
        )
