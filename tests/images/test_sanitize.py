"""Mending: whatever a plugin gives, a record that is shown is clean, or it is not shown."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagevault.images import sanitize
from imagevault.records import Author, Image, License, Page, ProviderInfo, Rendition

ORIGINAL = Rendition(name="original", url="https://a.example/1.jpg")
INFO = ProviderInfo(title="A", page_size=10, file_hosts={"a.example"})


def mended(**fields: object) -> Image | None:
    given = Image(**{"id": "1", "renditions": [ORIGINAL], **fields})  # type: ignore[arg-type]
    return sanitize.image(given, INFO, holds_files=False)


class TestText:
    @pytest.mark.parametrize(
        ("given", "right"),
        [
            ("A <b>bold</b> fox", "A bold fox"),
            ("<script>alert(1)</script>Fox", "Fox"),
            ("Fish &amp; chips", "Fish & chips"),
            ("a < b and c > d", "a < b and c > d"),
            ("two\nlines\x00 and\u2028more", "two lines and more"),
            ("   ", None),
            ("<img src=x onerror=alert(1)>", None),
            ("x" * 400, "x" * 299 + "…"),
            ("\ud800lone", "lone"),
        ],
    )
    def test_titles_become_plain_text(self, given: str, right: str | None) -> None:
        """No HTML, no control characters, one line, bounded."""
        image = mended(title=given)

        assert image is not None
        assert right == image.title

    @given(st.text(max_size=400))
    def test_no_text_can_break_it(self, given: str) -> None:
        """Any text gives a record that can be encoded, with no line longer than allowed."""
        image = mended(title=given, alt=given, author=Author(given), tags=[given] * 3, credit=given)

        assert image is not None
        msgspec.json.encode(image)
        assert len(image.title or "") <= 300
        assert not set(image.title or "") & {"\x00", "\n", "\u2028"}

    def test_ten_thousand_tags(self) -> None:
        """Fifty different ones are kept."""
        image = mended(tags=[f"tag {number // 2}" for number in range(10_000)])

        assert image is not None
        assert [f"tag {number}" for number in range(50)] == image.tags


class TestLinks:
    @pytest.mark.parametrize(
        "url",
        [
            "javascript:alert(1)",
            "data:text/html,x",
            "//a.example/x",
            "java\tscript:alert(1)",
            "http://",
            "https://a.example/with\nline",
            "https://ä b.example/",
            "https://user:pw@a.example/",
            "https://a.example:99999/",
            "https://[::1/",
            "https://a.example/" + "x" * 2048,
            'https://a.example/"onload="x',
            "https://a.example\\@b.example/",
            "",
        ],
    )
    def test_what_is_no_web_address_becomes_null(self, url: str) -> None:
        """For the page and the author; a rendition without its link is none."""
        image = mended(source_url=url, author=Author("A", url), renditions=[ORIGINAL, Rendition(name="small", url=url)])

        assert image is not None
        assert (image.source_url, image.author, image.renditions) == (None, Author("A"), [ORIGINAL])

    def test_web_addresses_stay(self) -> None:
        """As they are, to the letter."""
        url = "https://a.example:8443/a%20b/c?d=e&f=(g)#h"
        image = mended(source_url=url)

        assert image is not None
        assert url == image.source_url

    def test_raw_blanks_and_letters_are_encoded(self) -> None:
        """As browsers do it; some upstreams name files by their titles and leave that to others."""
        image = mended(source_url=" https://a.example/Kalimian Temple é 100%25 90%.jpg ")

        assert image is not None
        assert image.source_url == "https://a.example/Kalimian%20Temple%20%C3%A9%20100%25%2090%25.jpg"

    @pytest.mark.parametrize("id", ["a  b", "a/b c&d%", "<b>", "ä" * 200])
    def test_an_id_is_nobody_elses_business(self, id: str) -> None:
        """What an upstream calls a picture is kept to the letter, for it is asked for by that."""
        image = mended(id=id)

        assert image is not None
        assert image.id == id

    def test_files_on_a_declared_host_are_linked_by_https(self) -> None:
        """The provider says that it serves its files there; of any other host nobody knows."""
        urls = ["http://a.example/1.jpg", "http://b.example/2.jpg"]
        image = mended(renditions=[Rendition(name="original", url=url) for url in urls])

        assert image is not None
        assert [each.url for each in image.renditions] == ["https://a.example/1.jpg", "http://b.example/2.jpg"]


class TestRecords:
    @pytest.mark.parametrize(
        "fields",
        [
            {"id": ""},
            {"id": " padded "},
            {"id": "x" * 201},
            {"id": "a\nb"},
            {"id": 5},
            {"renditions": []},
            {"renditions": [Rendition(name="huge", url="https://a.example/")]},  # type: ignore[arg-type]
            {"renditions": None},
            {"width": "wide"},
            {"tags": 7},
            {"license": "CC BY"},
        ],
    )
    def test_what_cannot_be_mended_is_dropped(self, fields: dict[str, object]) -> None:
        """No id, no file, or values of another type."""
        assert mended(**fields) is None

    def test_one_bad_record_does_not_cost_the_page(self) -> None:
        """The others stay, in their order; an id comes once."""
        good = [Image(id=str(number), renditions=[ORIGINAL]) for number in range(3)]
        page = Page([good[0], None, good[1], "junk", good[1], good[2]], total=-1)  # type: ignore[list-item]

        kept = sanitize.page(page, INFO, holds_files=False)

        assert [image.id for image in kept.images] == ["0", "1", "2"]
        assert kept.total is None

    @pytest.mark.parametrize("side", [0, -5, 10**9])
    def test_sizes_that_cannot_be_become_null(self, side: int) -> None:
        """So an emulated filter never matches them."""
        image = mended(width=side, height=side)

        assert image is not None
        assert (image.width, image.height) == (None, None)

    @pytest.mark.parametrize(
        ("color", "right"), [("#a0b1c2", "#A0B1C2"), ("red", None), ("#12345", None), (None, None)]
    )
    def test_colours_have_one_form(self, color: str | None, right: str | None) -> None:
        """#RRGGBB in capitals, or nothing."""
        image = mended(color=color)

        assert image is not None
        assert right == image.color

    def test_the_providers_licence_is_that_of_images_without_one(self) -> None:
        """An image's own comes first."""
        house, own = License("house", "House licence"), License("own", "Own licence", "javascript:x")
        given = [Image(id="1", renditions=[ORIGINAL]), Image(id="2", renditions=[ORIGINAL], license=own)]

        page = sanitize.page(Page(given), msgspec.structs.replace(INFO, license=house), holds_files=False)

        assert [image.license for image in page.images] == [house, License("own", "Own licence")]

    def test_only_a_provider_that_holds_files_may_leave_out_a_link(self) -> None:
        """The host makes one; anyone else's rendition without a link is none."""
        held = Image(id="1", renditions=[Rendition(name="original")])

        assert sanitize.image(held, INFO, holds_files=True) is not None
        assert sanitize.image(held, INFO, holds_files=False) is None


def test_a_long_markup_keeps_its_text() -> None:
    """Five linked authors in 600 characters of HTML are five names."""
    names = ["Ada Example", "Bo Example", "Cy Example", "Di Example", "Ed Example"]
    link = '<a href="https://commons.example/wiki/User:{0}" title="User:{0}" class="mw-redirect" rel="nofollow">{0}</a>'
    author = Author(", ".join(link.format(name) for name in names))
    returned = Image(id="1", author=author, renditions=[Rendition(name="original", url="https://a.example/1.jpg")])

    found = sanitize.image(returned, ProviderInfo(title="Test", page_size=1), holds_files=False)

    assert found is not None
    assert found.author is not None
    assert found.author.name == ", ".join(names)
