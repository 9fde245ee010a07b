"""Credits as Markdown and HTML: a renderer shows the text of the record letter by letter, wherever the text stands."""

from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from imagevault.images.attribution import attribution, plain_credit
from imagevault.licenses import License
from imagevault.plugins.plain_text import one_line
from imagevault.records import Author, Image, ProviderInfo
from tests.support.linear_time import is_linear

CREDIT = '"{title}" by {author}, {license}'
INFO = ProviderInfo(title="Acme", page_size=10, credit=CREDIT)
RENDERERS = {
    "CommonMark": MarkdownIt("commonmark"),
    "tables and HTML": MarkdownIt("js-default", {"html": True}),
    "no HTML": MarkdownIt("js-default", {"html": False}),
}
TYPOGRAPHY = MarkdownIt("js-default", {"typographer": True})
# What means something to Markdown: https://spec.commonmark.org/0.31.2/, and the extensions of GitHub.
SPECIAL = [
    "1. x",
    "12) x",
    "999999999. x",
    "- x",
    "-",
    "---",
    "- - -",
    "+ x",
    "* x",
    "# x",
    "###### x #",
    "> x",
    "===",
    "=",
    "~~~",
    "```js",
    "    x",
    "`x`",
    "*x* **x** _x_ __x__ ~~x~~",
    "[x](https://a.example) [x] [x]: https://a.example",
    "![x](https://a.example/x.png)",
    "<https://a.example> <a@b.example>",
    "https://a.example/x www.a.example a@b.example mailto:a@b.example",
    "<b>x</b> <!-- x --> <script>x</script>",
    "<div>",
    "&amp; &copy; &#65; &#x41; &nbsp",
    "a | b | c",
    "| - | - |",
    ":---: | ---",
    "- [ ] x",
    "[^1]: x",
    "\\",
    "\\* x \\",
    "x\\",
    "$x$ $$x$$ ==x== ^x^ {.x} :fox: @ada #12 %x",
    "C++ vs. C#: St. John-at-Sea, 2.0 (CC BY-SA 2.0)",
    "Buße ½ 日本語 \u05e9\u05dc\u05d5\u05dd \u200d \u00a0x",
]
PIECES = [*SPECIAL, *"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ 19ax", "\u00a0", "é"]
CREDITS = ["{title}", CREDIT]
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=8).map("".join)


class Shown(HTMLParser):
    """What a browser shows of HTML: the text, the elements, and the addresses of the links."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.elements: list[str] = []
        self.addresses: list[str | None] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.addresses += [value for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def shown(markdown: str, renderer: str) -> Shown:
    """What a renderer makes of Markdown."""
    return Shown(RENDERERS[renderer].render(markdown))


def line(text: str) -> str:
    """A text as the gateway takes it from an upstream: without control characters, on one line."""
    return one_line(text, 300) or "x"


@pytest.mark.parametrize("renderer", RENDERERS)
class TestMarkdown:
    @pytest.mark.parametrize("text", SPECIAL)
    def test_shows_every_special_text(self, renderer: str, text: str) -> None:
        """At the start of a line, as one paragraph, with nothing in it but its letters."""
        expected = line(text)

        found = shown(plain_credit(expected).markdown, renderer)

        assert (found.text, found.elements) == (f"{expected}\n", ["p"])

    @given(text=texts)
    def test_shows_every_text(self, renderer: str, text: str) -> None:
        expected = line(text)

        found = shown(plain_credit(expected).markdown, renderer)

        assert (found.text, found.elements) == (f"{expected}\n", ["p"])

    @given(text=texts)
    def test_shows_it_after_other_words(self, renderer: str, text: str) -> None:
        """A line of a paragraph stays one, and no heading is made of the line before it."""
        expected = line(text)

        found = shown(f"Credits\n{plain_credit(expected).markdown}", renderer)

        assert (found.text, found.elements) == (f"Credits\n{expected}\n", ["p"])

    @given(text=texts)
    @pytest.mark.parametrize("before", ["- ", "> ", "1. ", "# "])
    def test_shows_it_in_a_list_a_quote_and_a_heading(self, renderer: str, text: str, before: str) -> None:
        expected = line(text)

        found = shown(f"{before}{plain_credit(expected).markdown}", renderer)

        assert found.text.strip("\n") == expected
        assert len(found.elements) <= 2

    @given(title=texts, author=texts, license=texts, credit=st.none() | texts, info=st.sampled_from(CREDITS))
    @example(title="1", author="x", license="x", credit=None, info="{title}. {author}")
    @example(title="x", author="-", license="-", credit=None, info="{author} {license} -")
    def test_shows_every_credit(
        self, renderer: str, title: str, author: str, license: str, credit: str | None, info: str
    ) -> None:
        """The whole credit, with and without links, however its parts meet."""
        for url in (None, "https://a.example/1_(2)*3*?a=b&copy;c|d#[e]"):
            image = Image(
                id="1",
                title=line(title),
                author=Author(line(author), url),
                license=License("x", line(license), url),
                source_url=url,
                credit=line(credit) if credit else None,
                renditions=[],
            )
            made = attribution(ProviderInfo(title="Acme", page_size=10, credit=info), image)

            found = shown(made.markdown, renderer)

            assert found.text == f"{made.text}\n"
            assert set(found.elements) == ({"p", "a"} if url else {"p"})
            assert Shown(made.html).text == made.text

    def test_links_lead_where_the_record_says(self, renderer: str) -> None:
        """Brackets and bars are encoded, and what looks like an entity stays as it is."""
        image = Image(
            id="1",
            title="x",
            source_url="https://a.example/1_(2)*3*?a=b&copy;c&d|e",
            author=Author("y", "https://b.example/"),
            renditions=[],
        )

        found = shown(attribution(INFO, image).markdown, renderer)

        assert found.addresses == ["https://a.example/1_%282%29*3*?a=b&copy;c&d%7Ce", "https://b.example/"]


@given(text=texts)
def test_a_cell_of_a_table_holds_every_text(text: str) -> None:
    expected = line(text)

    found = shown(f"| credit | x |\n|---|---|\n| {plain_credit(expected).markdown} | y |", "tables and HTML")

    assert found.elements == ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"]
    assert f"\n{expected}\ny\n" in found.text


def test_a_link_stays_in_its_cell_of_a_table() -> None:
    """A bar in an address would end the cell."""
    image = Image(id="1", title="a|b", source_url="https://a.example/?x=1|2", renditions=[])
    credit = attribution(ProviderInfo(title="Acme", page_size=10, credit="{title}"), image).markdown

    found = shown(f"| credit | x |\n|---|---|\n| {credit} | y |", "tables and HTML")

    assert found.addresses == ["https://a.example/?x=1%7C2"]


@pytest.mark.parametrize("text", ["a -- b", "a --- b", "wait...", "(c) 2024 (tm) (r)", "+- 1"])
def test_typography_changes_no_letter(text: str) -> None:
    """Some renderers make dashes, dots and signs of letters; quotation marks may turn round."""
    assert Shown(TYPOGRAPHY.render(plain_credit(text).markdown)).text == f"{text}\n"


@pytest.mark.parametrize(
    "text",
    [
        '"Fox in snow" by Ada Lind on Flickr, CC BY-SA 2.0',
        "Photo: J. Doe, St. John-at-Sea",
        "Sunflowers; Vincent van Gogh, 1888",
    ],
)
def test_ordinary_words_stay_readable(text: str) -> None:
    """Nothing is escaped that means nothing."""
    assert plain_credit(text).markdown == text


@pytest.mark.parametrize("text", ["-", ".", "1.", ":", "&", "(", "\\", "&copy;", "- ", "a.b", "http://"])
def test_takes_linear_time(text: str) -> None:
    assert is_linear(lambda size: plain_credit(text * size), 20_000)


def test_a_notice_of_a_provider_is_escaped_too() -> None:
    """A bare URL is credited with the notice of its provider."""
    made = plain_credit("1. A & B <https://a.example>")

    assert made.html == "1. A &amp; B &lt;https://a.example&gt;"
    assert made.markdown == r"1\. A \& B \<https\://a\.example\>"


class TestOwnSentence:
    """A record's own sentence leads to its page, and the licence in it to the licence."""

    @pytest.fixture
    def image(self) -> Image:
        license = License.from_url("https://creativecommons.org/licenses/by-sa/3.0/de/")
        assert license is not None
        return Image(
            id="1",
            source_url="https://acme.example/1",
            license=license,
            credit=f"Ada, CC BY-SA 3.0 DE ({license.url}), via Acme",
        )

    def test_as_html(self, image: Image) -> None:
        assert attribution(INFO, image).html == (
            '<a href="https://acme.example/1">Ada, CC BY-SA 3.0 DE</a> ('
            '<a href="https://creativecommons.org/licenses/by-sa/3.0/de/">'
            "https://creativecommons.org/licenses/by-sa/3.0/de/</a>), via Acme"
        )

    def test_as_markdown(self, image: Image) -> None:
        assert attribution(INFO, image).markdown == (
            r"[Ada, CC BY-SA 3.0 DE](https://acme.example/1) \("
            r"[https\://creativecommons\.org/licenses/by-sa/3.0/de/](https://creativecommons.org/licenses/by-sa/3.0/de/)"
            r"\), via Acme"
        )

    def test_as_text(self, image: Image) -> None:
        assert attribution(INFO, image).text == image.credit

    def test_without_the_address_in_it(self, image: Image) -> None:
        plain = msgspec.structs.replace(image, credit="Ada & Bo")

        assert attribution(INFO, plain).html == '<a href="https://acme.example/1">Ada &amp; Bo</a>'

    @pytest.mark.parametrize(
        ("sentence", "html"),
        [
            ("Lamp. Ada. {name}", "<a>Lamp. Ada.</a> <l>{name}</l>"),
            ("Credit: Ada & Bo ({name})", "<a>Credit: Ada &amp; Bo</a> (<l>{name}</l>)"),
            ("{name} logo by Ada, {name}, via Acme", "<a>{name} logo by Ada</a>, <l>{name}</l>, via Acme"),
            ("{name}, Ada", "<l>{name}</l>, Ada"),
            ("X{name} by Ada", "<a>X{name} by Ada</a>"),
            ("{name}X by Ada", "<a>{name}X by Ada</a>"),
        ],
    )
    def test_with_the_name_of_the_licence_in_it(self, image: Image, sentence: str, html: str) -> None:
        """The last one is meant: a title stands before it. A part of a word is no name."""
        assert image.license is not None
        name = image.license.name
        named = msgspec.structs.replace(image, credit=sentence.format(name=name))

        links = {"<a>": '<a href="https://acme.example/1">', "<l>": f'<a href="{image.license.url}">', "</l>": "</a>"}
        expected = html.format(name=name)
        for mark, tag in links.items():
            expected = expected.replace(mark, tag)
        assert attribution(INFO, named).html == expected

    def test_with_the_name_of_a_licence_that_has_no_address(self, image: Image) -> None:
        plain = msgspec.structs.replace(image, license=License("own", "Own terms"), credit="Ada, Own terms")

        assert attribution(INFO, plain).html == '<a href="https://acme.example/1">Ada, Own terms</a>'


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("Vase", "Ada. Vase. Acme"),
        ("Vase.", "Ada. Vase. Acme"),
        ("Which vase?", "Ada. Which vase? Acme"),
        ("A vase…", "Ada. A vase… Acme"),
    ],
)
def test_no_full_stop_follows_another_stop(title: str, text: str) -> None:
    info = ProviderInfo(title="Acme", page_size=10, credit="{author}. {title}. Acme")

    assert attribution(info, Image(id="1", title=title, author=Author("Ada"))).text == text
