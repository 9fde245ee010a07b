"""Rules for the licence and the credit of one image."""

import re
from collections.abc import Iterator

from imagevault.licenses import PUBLIC_DOMAIN_ID, License
from imagevault.records import Image

LICENSE_ID = re.compile(r"[a-z0-9+]+([.-][a-z0-9+]+)*")  # cc-by-4.0
FLAGS = ("attribution_required", "commercial", "modification")


def license_problems(image: Image) -> Iterator[str]:
    """What is wrong with the licence of an image, which is the provider's if the image has none of its own."""
    license = image.license
    if license is None:
        yield (
            f"{image.id} has no licence: give it a License(...), or License.unknown(statement) where the rights are "
            "unclear; give one licence for all images as ProviderInfo.license"
        )
        return
    if license.is_unknown or license.id == PUBLIC_DOMAIN_ID:  # a statement may have no page of its own
        return
    if not LICENSE_ID.fullmatch(license.id):
        yield f"the licence of {image.id} has the id {license.id!r}: give it a stable id, for example cc-by-4.0"
    if license.url is None:
        yield (
            f"the licence {license.id} of {image.id} has no link: give License(...) a url, "
            "or use License.unknown(statement) for unclear rights"
        )
        return
    linked = License.from_url(license.url)
    if linked is not None and linked.id != license.id:
        yield f"the licence {license.id} of {image.id} links to {linked.id}: use License.from_url"
        linked = None
    for flag in FLAGS:
        value = getattr(license, flag)
        differs = linked is not None and getattr(linked, flag) != value
        if differs or _contradicts(license, flag):
            yield f"the licence {license.id} of {image.id} has {flag}={value}, which is wrong: use License.from_url"


def _contradicts(license: License, flag: str) -> bool:
    """Whether the flag contradicts the id of a Creative Commons licence, for example commercial in cc-by-nc-4.0."""
    parts = license.id.split("-")
    if parts[0] != "cc":
        return False
    if flag == "attribution_required":
        return not license.attribution_required
    if flag == "commercial":
        return license.commercial and "nc" in parts
    return license.modification and "nd" in parts


def credit_problems(image: Image, credit: str) -> Iterator[str]:
    """What is wrong with the credit line of an image, as the gateway shows it."""
    author = image.author.name if image.author else None
    license = image.license
    if author and author not in credit and not image.credit:  # a licensor may demand other words
        yield f"the credit of {image.id} does not name its author: {credit!r}; add {{author}} to ProviderInfo.credit"
    if license and license.id.startswith("cc-") and license.name.casefold() not in credit.casefold():
        yield (
            f"the credit of {image.id} does not name its licence, {license.name}: {credit!r}; "
            "add {license} to ProviderInfo.credit"
        )
    if re.search(r"\bNone\b", credit) and "None" not in f"{image.title} {author}":
        yield f"the credit of {image.id} holds the word None: {credit!r}; leave out what is missing"
