"""The credit for an image, from the provider's credit line, as text, HTML and Markdown."""

import html
import re
from collections.abc import Callable
from functools import lru_cache
from string import Formatter

from imagevault.images.record import Attribution
from imagevault.licenses import License
from imagevault.records import Image, ProviderInfo

Link = Callable[[str, str | None], str]
"""Formats a text, and the address that it links to, for one output format."""

# CommonMark (https://spec.commonmark.org/0.31.2/#backslash-escapes): a backslash before any ASCII punctuation mark
# makes it text, wherever it stands. These are the marks that mean something there or in a usual extension: lists,
# headings, quotes, rules, tables, entities, links, HTML, emphasis, autolinks, mathematics, attributes.
MARKDOWN_SPECIAL = re.compile(
    r"[!#$%&()*+<=>@\[\\\]^_`{|}~]"
    r"|(?<![0-9A-Za-z])-|-(?![0-9A-Za-z])"  # `- x`, `---`; not CC BY-SA
    r"|\A\.|(?<=[0-9])\.(?![0-9])|(?<![0-9])\.(?!\s|\Z)"  # `1. x`, www.a.example; not CC BY 2.0, J. Doe
    r"|(?<![0-9A-Za-z]):|:(?! )"  # https://a.example, `: x`; not Photo: Ada
)
ENTITY = re.compile(r"&(?=#?[0-9A-Za-z]{1,40};)")  # &copy; in an address would become another letter
STOPS = (".", "!", "?", "…")  # what ends a sentence
KEPT = 256  # formatted texts: the words of credit lines and the names of licences are the same in all records
IN_MARKDOWN_ADDRESS = str.maketrans({"(": "%28", ")": "%29", "|": "%7C"})  # they end an address, or a cell of a table


def plain_credit(text: str, url: str | None = None) -> Attribution:
    """Return a credit of this text in each format, which links to the address if there is one."""
    return Attribution(text=text, html=_as_html(text, url), markdown=_as_markdown(text, url))


def attribution(info: ProviderInfo, image: Image) -> Attribution:
    """Return the credit: the record's own sentence if it has one, else the provider's credit line, filled in."""
    return Attribution(
        text=_credit(info, image, _as_text),
        html=_credit(info, image, _as_html),
        markdown=_credit(info, image, _as_markdown),
    )


def _credit(info: ProviderInfo, image: Image, link: Link) -> str:
    if image.credit:
        return _own_sentence(image.credit, image, link)
    pieces: list[str] = []
    ends_sentence = False
    for literal, field in _parts(info.credit):
        sound = literal.removeprefix(".") if ends_sentence else literal  # no full stop behind another stop
        pieces.append(_with_provider_link(sound, info, image, link))
        if field:
            pieces.append(_value(field, image, link))
            ends_sentence = _value(field, image, _as_text).endswith(STOPS)
    return "".join(pieces)


@lru_cache(KEPT)
def _parts(credit: str) -> list[tuple[str, str | None]]:
    """The parts of a credit line: a text, and the field behind it, None at the end."""
    return [(literal, field) for literal, field, _, _ in Formatter().parse(credit)]


def _own_sentence(sentence: str, image: Image, link: Link) -> str:
    """A record's own sentence, linked to the image's page; the licence in it is linked to its text."""
    license = image.license
    named = named_license(sentence, license) if license is not None and license.url else None
    if license is None or named is None:
        return link(sentence, image.source_url)
    before, words, after = sentence.rpartition(named)  # a title may name it too, and stands before
    about_image = before.rstrip(" ,;:(")
    between = before[len(about_image) :]
    return (
        link(about_image, image.source_url if about_image else None)
        + link(between, None)
        + link(words, license.url)
        + link(after, None)
    )


def named_license(sentence: str, license: License) -> str | None:
    """Return the words of a sentence that name the licence: its address, else its name; None if there are none."""
    if license.url and license.url in sentence:
        return license.url
    if not license.name:
        return None
    return license.name if re.search(rf"(?<!\w){re.escape(license.name)}(?!\w)", sentence) else None


def _value(field: str, image: Image, link: Link) -> str:
    """What a field of a credit line stands for; nothing for an unknown field."""
    match field:
        case "title":
            return link(image.title or "Untitled", image.source_url)
        case "author" if image.author is not None:
            return link(image.author.name, image.author.url)
        case "author":
            return link("an unknown author", None)
        case "license" if image.license is not None:
            return link(image.license.name, image.license.url)
        case "license":
            return link("unknown licence", None)
        case _:
            return ""


def _with_provider_link(literal: str, info: ProviderInfo, image: Image, link: Link) -> str:
    """A part of the credit line, in which the provider's name links to the image's page unless the title does."""
    before, name, after = literal.partition(info.title)
    if not name:
        return link(before, None)
    url = None if "{title}" in info.credit else image.source_url
    return link(before, None) + link(name, url) + link(after, None)


def _as_text(text: str, _url: str | None) -> str:
    return text


@lru_cache(KEPT)
def _as_html(text: str, url: str | None) -> str:
    escaped = html.escape(text)
    return f'<a href="{html.escape(url)}">{escaped}</a>' if url else escaped


@lru_cache(KEPT)
def _as_markdown(text: str, url: str | None) -> str:
    r"""Return Markdown that every CommonMark renderer shows as the text, letter by letter, also at the start of a line.

    >>> print(_as_markdown("1. Fox & [hounds]", None))
    1\. Fox \& \[hounds\]
    """
    escaped = MARKDOWN_SPECIAL.sub(r"\\\g<0>", text)
    if not url:
        return escaped
    address = ENTITY.sub(r"\\&", url.translate(IN_MARKDOWN_ADDRESS))
    return f"[{escaped}]({address})"
