"""The text of HTML, and how long it takes for input that was made to take long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagevault.plugins.html_text import MAX_MARKUP, text_of
from tests.support.linear_time import is_linear


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("Tom &amp; Jerry", "Tom & Jerry"),
        ("caf&#233; &#xE9;", "café é"),
        ("coffee&notes", "coffee&notes"),
        ("AT&T", "AT&T"),
        ("&unknown;", "&unknown;"),
        ('<a href="https://a.example/?x=1&amp;y=2" title="a > b">Ann</a>', "Ann"),
        ("<b>bold</b> and <I>more</I>", "bold and more"),
        ("one<br>two<br/>three", "one two three"),
        ("<table><tr><td>Andy</td><td>trainer</td></tr></table>", "   Andy trainer   "),
        ("<Ann/>", "<Ann/>"),
        ("<3 you", "<3 you"),
        ("a < b > c", "a < b > c"),
        ("x <!-- hidden --> y", "x  y"),
        ("x <!-- never ends", "x "),
        ("<script>alert(1)</script>after", "after"),
        ("<STYLE type='x'>p {}</style >after", "after"),
        ("<script>never ends", ""),
        ('<a title="it never ends', ""),
        ("a <![1", "a <![1"),
        ("a <!DOCTYPE html> b", "a b"),
        ("a <?php x ?> b", "a b"),
        ("a <![CDATA[x]]> b", "a b"),
        ("<img src='a>b' alt=x>after", "after"),
        ('<a title="it\'s">Ann</a> <b title="o\'clock">Bo</b>', "Ann Bo"),
        ("5 <! 6", "5 <! 6"),
        ("<b title='x>y'>Ann</b> <i title='never ends>Bo</i> <img src=\"a>b\">Cy", 'Ann Bo b">Cy'),
        ("", ""),
    ],
)
def test_text(markup: str, text: str) -> None:
    assert " ".join(text_of(markup).split()) == " ".join(text.split())


@given(st.text(alphabet="<>/!-&;\"'ab \n", max_size=200))
def test_any_text_is_read(markup: str) -> None:
    """Nothing raises, and no more comes out than went in but for the blanks between blocks."""
    assert len(text_of(markup)) <= len(markup) + 1


HOSTILE = [
    "<a ",
    "<a '",
    '<a "',
    "<!--",
    "</",
    "<",
    "&",
    "&#",
    "<script>",
    "<a>",
    '<a title=">',
    "<a '>",
    "<a \"'>",
    "<a '>'",
    "<a '>\"<a \">'",
    "=<b'<a '-->",
    "<![1",
    "<!D",
    "<?",
    "<br",
    "-->",
    "</script",
    "<script></script",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_takes_linear_time(piece: str) -> None:
    """Up to the greatest length: what follows is not read at all."""
    count = MAX_MARKUP // 2 // len(piece)

    assert is_linear(lambda size: text_of(piece * size), count)
