"""The text of HTML, in linear time: no input makes it scan the same characters again and again."""

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

# The elements of HTML, current and obsolete (https://html.spec.whatwg.org/multipage/indices.html). Anything else in
# angle brackets is text: somebody may call herself <Ann/>.
ELEMENTS = frozenset(
    re.findall(
        r"\w+",
        """
        a abbr acronym address applet area article aside audio b base bdi bdo big blink blockquote body br button
        canvas caption center cite code col colgroup data datalist dd del details dfn dialog dir div dl dt em embed
        fieldset figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i
        iframe img input ins kbd label legend li link main map mark marquee menu meta meter nav nobr noframes noscript
        object ol optgroup option output p param picture pre progress q rp rt ruby s samp script search section select
        slot small source span strike strong style sub summary sup svg table tbody td template textarea tfoot th thead
        time title tr track tt u ul var video wbr
        """,
    )
)
SEPARATING = frozenset(
    re.findall(r"\w+", "br p div li ul ol dl dt dd tr td th table h1 h2 h3 h4 h5 h6 hr blockquote section")
)
HIDDEN = frozenset({"script", "style", "template"})  # they hold no text for people
TAG_NAME = re.compile(r"</?([a-zA-Z][a-zA-Z0-9]{0,14})(?=[\s/>])")
ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")  # &amp; &#233; &#xE9;
DECLARATION = re.compile(r"<[!?][a-zA-Z]|<!\[CDATA\[")  # <!DOCTYPE html>, <![CDATA[x]]>, <?php ?>
END_OF_HIDDEN = {name: re.compile(f"</{name}", re.IGNORECASE) for name in HIDDEN}
# Possessive, so that one tag is read once, also where a quote never ends: href="a>b" title='c'>
REST_OF_TAG = re.compile(r"""(?:[^"'>]++|"[^"]*+"|'[^']*+')*+>""")


MAX_MARKUP = 20_000  # characters; what follows is not read


def text_of(markup: str) -> str:
    """Return the text of HTML: without tags, comments, scripts and styles, and with its entities resolved.

    Blocks, cells and items are set apart by a blank, and runs of blanks become one. An entity ends in a semicolon;
    `coffee&notes` is text. At most 20 000 characters are read, in linear time.

    >>> text_of("<p>Fish &amp; chips</p><p>at sea</p>")
    'Fish & chips at sea'
    """
    return " ".join("".join(_pieces(markup[:MAX_MARKUP])).split())


def _pieces(markup: str) -> Iterator[str]:
    position = 0
    is_quoting_sound = True
    while (start := markup.find("<", position)) >= 0:
        yield _unescaped(markup[position:start])
        tag = _tag(markup, start)
        if tag is None:  # the bracket is text
            yield "<"
            position = start + 1
            continue
        end = REST_OF_TAG.match(markup, tag.attributes) if tag.name and is_quoting_sound else None
        if tag.name and end is None:
            is_quoting_sound = False  # otherwise each tag that follows would be read to the end of everything too
        position = end.end() if end else _behind(tag.closed_by, markup, tag.attributes)
        if tag.name in SEPARATING:
            yield " "
        if tag.name in HIDDEN and not markup.startswith("</", start):
            position = _end_of_hidden(markup, tag.name, position)
    yield _unescaped(markup[position:])


class _Tag(NamedTuple):
    """A tag, a comment or a declaration that begins in a markup.

    Attributes:
        name: of its element, in lower case; empty for comments and declarations.
        attributes: the position after the name.
        closed_by: what ends it. A `>` in quotes does not end a tag, unless a quote is never closed.

    """

    name: str
    attributes: int
    closed_by: str = ">"


def _tag(markup: str, start: int) -> _Tag | None:
    """The tag that begins here; None where none begins.

    A tag that is never closed takes the rest with it, as in a text that was cut.
    """
    if markup.startswith("<!--", start):
        return _Tag("", start + 4, closed_by="-->")
    if DECLARATION.match(markup, start):
        return _Tag("", start)
    found = TAG_NAME.match(markup, start)
    if found is None or found[1].lower() not in ELEMENTS:
        return None
    return _Tag(found[1].lower(), found.end())


def _end_of_hidden(markup: str, name: str, position: int) -> int:
    """The position after the end tag of an element that holds no text; the end of everything if it has none."""
    found = END_OF_HIDDEN[name].search(markup, position)
    return _behind(">", markup, found.end()) if found else len(markup)


def _behind(end: str, markup: str, position: int) -> int:
    found = markup.find(end, position)
    return len(markup) if found < 0 else found + len(end)


def _unescaped(text: str) -> str:
    return ENTITY.sub(lambda found: html.unescape(found[0]), text) if "&" in text else text
