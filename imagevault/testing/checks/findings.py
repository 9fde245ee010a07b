"""What is wrong with what a plugin gives, in words that tell its author what to change."""

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from string import Formatter
from urllib.parse import urlsplit

import msgspec

from imagevault.errors import ProviderError
from imagevault.images.attribution import attribution
from imagevault.images.sanitize import MAX_ID
from imagevault.plugins.provider import Provider
from imagevault.records import Image, License, Page, ProviderInfo, Quota
from imagevault.search.filters import COLORS, EMULATED, LOCALE, VALUES

MARKUP = re.compile(r"</?[a-zA-Z][^>]*>|&(#\d+|#x[0-9a-fA-F]+|[a-z]{2,8});")
LICENSE_ID = re.compile(r"[a-z0-9+]+([.-][a-z0-9+]+)*")
HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
KEYLIKE = re.compile(r"(^|_)(key|apikey|token)$")
NOTHINGS = {"None", "null", "nan", "undefined", "N/A"}
CREDIT_FIELDS = {"title", "author", "license"}
LOOPBACK = "127.0.0.1"  # where the upstream under test is


def of_info(provider: Provider, *, upstream: bool) -> Iterator[str]:
    """What the gateway needs to know and is not told, or is told wrongly."""
    info = provider.info
    if upstream and not info.quotas:
        yield "quotas: say how many calls it allows, and if nobody knows, how many you would think polite"
    if upstream and not info.file_hosts:
        yield "file_hosts: say on which hosts its files are"
    for host in sorted(info.file_hosts):
        if not HOST.fullmatch(host):
            yield f"file_hosts: give the host name alone, in small letters, such as images.example.org, not {host}"
    for field, url in (("homepage", info.homepage), ("base_url", provider.declared.base_url)):
        if url is not None and not url.startswith("https://"):
            yield f"{field}: must begin with https://, not {url}"
    periods = [quota.period for quota in info.quotas]
    for period in sorted({each for each in periods if periods.count(each) > 1}):
        yield f"quotas: there are two per {period}; give the smaller one only"
    if info.max_results and info.max_results < info.page_size:
        yield f"max_results: is {info.max_results}, less than one page of {info.page_size}; it is meant for all pages"
    yield from _credit_line(info.credit)
    yield from _filters(info)
    keys = [field.name for field in msgspec.structs.fields(info.settings) if KEYLIKE.search(field.name)]
    if len(keys) == 1 and keys != ["api_key"]:
        yield f"settings: call the key api_key, not {keys[0]}, as with every provider"


def of_quotas(quotas: Sequence[Quota], headers: AbstractSet[str]) -> Iterator[str]:
    """The headers that quotas name and that came with no answer; `headers` in small letters."""
    for quota in quotas:
        for header in (quota.remaining, quota.reset):
            if header and header.lower() not in headers:
                yield f"quotas: no answer had the header {header}, which that per {quota.period} names"


def _credit_line(credit: str) -> Iterator[str]:
    if "<" in credit:
        yield f"credit: {credit!r} is plain text; the gateway makes HTML and Markdown of it"
    try:
        fields = [field for _, field, _, _ in Formatter().parse(credit) if field is not None]
    except ValueError as error:
        yield f"credit: {error} in {credit!r}"
        return
    for field in fields:
        if field not in CREDIT_FIELDS:
            yield f"credit: there is no {{{field}}}; use {{title}}, {{author}} and {{license}}"


def _filters(info: ProviderInfo) -> Iterator[str]:
    known = [*VALUES, "color", "locale"]
    for name, values in info.filters.items():
        if name not in known:
            yield f"filters: there is no filter {name}; there are {', '.join(known)}"
        allowed = [each for each in VALUES.get(name, COLORS) if each != "any"]
        for value in values:
            if name == "locale" and not LOCALE.fullmatch(value):
                yield f"filters: locale {value} must be a language tag such as de or de-DE"
            elif name in {*VALUES, "color"} and value not in allowed:
                yield f"filters: {name} has no value {value}; there are {', '.join(allowed)}"


def of_page(page: Page, number: int, size: int, before: Sequence[str]) -> Iterator[str]:
    """What cannot be, of a page of at most `size` images after those with the ids `before`."""
    if len(page.images) > size:
        yield f"page {number} has {len(page.images)} images, and {size} were asked for: send query.per_page on"
    ids = [image.id for image in page.images if isinstance(image, Image)]
    if repeated := sorted(set(ids) & set(before)):
        yield f"page {number} repeats {', '.join(repeated[:3])}: send query.page on"
    if not isinstance(page.last, bool):
        yield f"last of page {number} must be True or False, not {page.last!r}"
    if page.total is not None and (type(page.total) is not int or page.total < 0):
        yield f"total of page {number} must be a number or None, not {page.total!r}"
    elif page.total is not None and page.total < (came := len({*before, *ids})):
        yield f"total of page {number} is {page.total}, but {came} images came: it is that of all pages, else None"


def changed_by_mending(given: Page, mended: Sequence[Image]) -> Iterator[str]:
    """What the gateway had to drop or empty."""
    kept = {image.id: image for image in mended}
    seen = set()
    for image in given.images:
        if not isinstance(image, Image):
            yield f"a page holds a {type(image).__name__}, not an Image"
        elif image.id in seen:
            yield f"two images of a page have the id {image.id}"
        elif image.id not in kept:
            yield f"{image.id!r} was dropped: {_why_dropped(image)}"
        else:
            seen.add(image.id)
            yield from _one_sided(image)
            yield from _emptied(image, kept[image.id])


def _why_dropped(image: Image) -> str:
    try:
        msgspec.convert(msgspec.to_builtins(image), Image)
    except (msgspec.ValidationError, TypeError) as error:
        return str(error).replace("`", "").replace("$.", "")
    if not image.renditions:
        return "it has no renditions"
    if not image.id.isprintable() or not 0 < len(image.id.strip()) == len(image.id) <= MAX_ID:
        return f"its id must be text of 1 to {MAX_ID} characters in one line, without blanks around it"
    return f"no rendition has a link that is http(s): {image.renditions[0].url!r}"


def _one_sided(image: Image) -> Iterator[str]:
    for each in image.renditions:
        if (each.width is None) != (each.height is None):
            yield f"rendition {each.name} of {image.id} has one side only: give width and height, or neither"


def _emptied(given: Image, mended: Image) -> Iterator[str]:
    for field in ("source_url", "color", "blurhash", "width", "height", "author", "license"):
        if getattr(given, field) and getattr(mended, field) is None:
            yield f"{field} {getattr(given, field)!r} of {given.id} was dropped: it has not the form it must have"
    if len(given.renditions) != len(mended.renditions):
        bad = [each.name for each in given.renditions if each not in mended.renditions]
        yield f"a rendition of {given.id} was dropped: the link of {' or '.join(bad)} is not http(s)"


def of_image(image: Image, info: ProviderInfo, *, strangers: bool, files: bool) -> Iterator[str]:
    """What is missing in a mended record, or not as it should be."""
    texts = {"title": image.title, "alt": image.alt, "credit": image.credit}
    for field, text in (texts | {"author": image.author and image.author.name}).items():
        if text in NOTHINGS:
            yield f"{field} of {image.id} is {text!r}: where there is none, give None itself"
        elif MARKUP.search(text or ""):
            yield f"{field} of {image.id} holds markup: {text!r}; it was escaped twice: undo that once (html.unescape)"
    if not files:
        if image.source_url is None:
            yield f"{image.id} has no source_url: link to its page"
        yield from _links(image, info, strangers=strangers)
    yield from _renditions(image)
    if image.license is None:
        yield f"{image.id} has no licence: give License(...), or one for all as ProviderInfo.license"
    else:
        yield from _license(image, image.license)
    yield from _credit(image, attribution(info, image).text)


def _credit(image: Image, credit: str) -> Iterator[str]:
    license = image.license
    if image.author and image.author.name not in credit:
        yield f"the credit of {image.id} does not name its author: {credit!r}"
    if license and license.id.startswith("cc-") and license.name.casefold() not in credit.casefold():
        yield f"the credit of {image.id} does not name its licence, {license.name}: {credit!r}; use {{license}}"
    if re.search(r"\bNone\b", credit) and "None" not in f"{image.title} {image.author and image.author.name}":
        yield f"the credit of {image.id} holds None: {credit!r}"


def of_shapes(page: Page | ProviderError, value: str, native: str) -> Iterator[str]:
    """What is wrong with a page that was asked for in this orientation, which the provider calls so."""
    asked = f"orientation={value}, sent as {native!r}, finds"
    if isinstance(page, ProviderError) or not page.images:
        yield f"{asked} nothing: is that the right word, and does the upstream here know it?"
        return
    sized = [image for image in page.images if image.width and image.height]
    if other := next((image for image in sized if not EMULATED["orientation"](value)(image)), None):
        yield f"{asked} {other.width} x {other.height}: is that the right word?"


def _links(image: Image, info: ProviderInfo, *, strangers: bool) -> Iterator[str]:
    for name, url in (("source_url", image.source_url), ("author.url", image.author and image.author.url)):
        if url and not _secure(url):
            yield f"{name} of {image.id} is not https: {url}; give it as https where that works"
    hosts = [urlsplit(each.url or "").hostname for each in image.renditions]
    others = [host for host in hosts if host not in info.file_hosts | {LOOPBACK}]
    if others and not (strangers and len(others) < len(hosts)):
        yield f"renditions of {image.id} lead to {others[0]}: add it to file_hosts, or leave them out"
    for each in image.renditions:
        if each.url and not _secure(each.url):
            yield f"rendition {each.name} of {image.id} is not https: {each.url}"


def _renditions(image: Image) -> Iterator[str]:
    if (image.width is None) != (image.height is None):
        yield f"{image.id} has one side only: give width and height, or neither"
    names = [each.name for each in image.renditions]
    if len(names) != len(set(names)):
        yield f"two renditions of {image.id} have one name: {', '.join(names)}"
    if "original" not in names and "large" not in names:
        yield f"{image.id} has no rendition `original`, nor `large`: give the largest there is"
    for each in image.renditions:
        size = f"{each.width} x {each.height}"
        if each.width and image.width and (each.width > image.width or (each.height or 0) > (image.height or 0)):
            yield f"rendition {each.name} of {image.id} is larger than the image: {size}; see Rendition.within"
        elif each.name == "original" and each.width and image.width is None:
            yield f"{image.id} does not say its size, but its original does: give it width={each.width} and so on"
        elif each.name == "original" and each.width and (each.width, each.height) != (image.width, image.height):
            yield f"rendition original of {image.id} is {size}, the image {image.width} x {image.height}: they are one"


def _secure(url: str) -> bool:
    return url.startswith("https://") or urlsplit(url).hostname == LOOPBACK


def _license(image: Image, license: License) -> Iterator[str]:
    if not LICENSE_ID.fullmatch(license.id) or license.id == "unknown":
        yield f"the licence of {image.id} needs a stable id such as cc-by-4.0, not {license.id!r}"
    if license.url is None:
        yield f"the licence {license.id} of {image.id} has no link"
        return
    known = License.from_url(license.url)
    if known and known.id != license.id:
        yield f"the licence {license.id} of {image.id} links to {known.id}: use License.from_url"
    parts = license.id.split("-")
    promised = {
        "attribution_required": not license.attribution_required and parts[0] == "cc",
        "commercial": license.commercial and parts[0] == "cc" and "nc" in parts,
        "modification": license.modification and parts[0] == "cc" and "nd" in parts,
    }
    for flag, wrong in promised.items():
        value = getattr(license, flag)
        if wrong or (known and known.id == license.id and getattr(known, flag) != value):
            yield f"the licence {license.id} of {image.id} says {flag}={value}, which is not so: use License.from_url"
