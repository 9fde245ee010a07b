"""The credit for an image, from the provider's credit line, as text, HTML and Markdown."""

import html
import re
from collections.abc import Callable
from string import Formatter

from imagevault.records import Attribution, Image, ProviderInfo

Link = Callable[[str, str | None], str]
"""Formats a text, and the address that it links to, for one output format."""

MARKDOWN_SPECIAL = re.compile(r"([\\\[\]()*_`<>#|~!])")


def attribution(info: ProviderInfo, image: Image) -> Attribution:
    """Return the credit: the record's own sentence if it has one, else the provider's credit line, filled in."""
    return Attribution(
        text=_credit(info, image, _as_text),
        html=_credit(info, image, _as_html),
        markdown=_credit(info, image, _as_markdown),
    )


def _credit(info: ProviderInfo, image: Image, link: Link) -> str:
    if image.credit:
        return link(image.credit, image.source_url)
    values = _values(image, link)
    pieces: list[str] = []
    for literal, field, _, _ in Formatter().parse(info.credit):
        pieces.append(_with_provider_link(literal, info, image, link))
        if field:
            pieces.append(values.get(field, ""))
    return "".join(pieces)


def _values(image: Image, link: Link) -> dict[str, str]:
    """What the fields of a credit line stand for."""
    author = link("an unknown author", None)
    if image.author is not None:
        author = link(image.author.name, image.author.url)
    license = link("unknown licence", None)
    if image.license is not None:
        license = link(image.license.name, image.license.url)
    return {
        "title": link(image.title or "Untitled", image.source_url),
        "author": author,
        "license": license,
    }


def _with_provider_link(literal: str, info: ProviderInfo, image: Image, link: Link) -> str:
    """A part of the credit line, in which the provider's name links to the image's page unless the title does."""
    before, name, after = literal.partition(info.title)
    if not name:
        return link(before, None)
    url = None if "{title}" in info.credit else image.source_url
    return link(before, None) + link(name, url) + link(after, None)


def _as_text(text: str, _url: str | None) -> str:
    return text


def _as_html(text: str, url: str | None) -> str:
    escaped = html.escape(text)
    return f'<a href="{html.escape(url)}">{escaped}</a>' if url else escaped


def _as_markdown(text: str, url: str | None) -> str:
    escaped = MARKDOWN_SPECIAL.sub(r"\\\1", text)
    if not url:
        return escaped
    safe_url = url.replace("(", "%28").replace(")", "%29")
    return f"[{escaped}]({safe_url})"
