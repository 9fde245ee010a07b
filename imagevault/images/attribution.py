"""The credit for an image, from the provider's credit line, as text, HTML and Markdown."""

import html
import re
from collections.abc import Callable
from string import Formatter

from imagevault.records import Attribution, Image, ProviderInfo

Linked = Callable[[str, str | None], str]


def attribution(info: ProviderInfo, image: Image) -> Attribution:
    """The credit: the record's own sentence if it has one, else the provider's line with author, title, licence."""
    return Attribution(
        text=_fill(info, image, lambda text, _: text),
        html=_fill(info, image, _html),
        markdown=_fill(info, image, _markdown),
    )


def _fill(info: ProviderInfo, image: Image, linked: Linked) -> str:
    if image.credit:
        return linked(image.credit, image.source_url)
    license, author = image.license, image.author
    values = {
        "title": linked(image.title or "Untitled", image.source_url),
        "author": linked(author.name if author else "an unknown author", author.url if author else None),
        "license": linked(license.name, license.url) if license else linked("unknown licence", None),
    }
    own_link = None if "{title}" in info.credit else image.source_url
    filled = []
    for literal, field, _, _ in Formatter().parse(info.credit):
        before, name, after = literal.partition(info.title)  # "on Pexels": its name links to the image's page
        filled += [linked(before, None), linked(name, own_link) if name else "", linked(after, None)]
        filled.append(values.get(field, "") if field else "")
    return "".join(filled)


def _html(text: str, url: str | None) -> str:
    escaped = html.escape(text)
    return f'<a href="{html.escape(url)}">{escaped}</a>' if url else escaped


def _markdown(text: str, url: str | None) -> str:
    escaped = re.sub(r"([\\\[\]()*_`<>#|~!])", r"\\\1", text)
    return f"[{escaped}]({url.replace('(', '%28').replace(')', '%29')})" if url else escaped
