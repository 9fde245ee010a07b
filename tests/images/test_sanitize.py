"""Sanitizing: whatever a plugin returns, a record that is shown is clean, or it is not shown."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagevault.errors import InvalidResponse
from imagevault.images import sanitize
from imagevault.images.links import link
from imagevault.licenses import License
from imagevault.plugins.decoding import count_records
from imagevault.records import Author, Declared, Flags, Image, Page, ProviderInfo, Rendition

ORIGINAL = Rendition(name="original", url="https://a.example/1.jpg", type="image/jpeg")
INFO = ProviderInfo(title="A", page_size=10, file_hosts={"a.example"})


def sanitized(**fields: object) -> Image:
    given = Image(**{"id": "1", "renditions": [ORIGINAL], **fields})  # type: ignore[arg-type]
    return sanitize.image(given, INFO, holds_files=False)


class TestText:
    @pytest.mark.parametrize(
        ("given", "right"),
        [
            ("A <b>bold</b> fox", "A <b>bold</b> fox"),
            ("<Ann/>", "<Ann/>"),
            ("coffee&notes", "coffee&notes"),
            ("Fish &amp; chips", "Fish &amp; chips"),
            ("a < b and c > d", "a < b and c > d"),
            ("abc\u202egpj.exe", "abcgpj.exe"),
            ("\u2066left\u2069 \ufeffright", "left right"),
            ("\u05d0\u200f!", "\u05d0\u200f!"),
            ("two\nlines\x00 and\u2028more", "two lines and more"),
            ("   ", None),
            ("x" * 400, "x" * 299 + "…"),
            ("\ud800lone", "lone"),
        ],
    )
    def test_titles_become_one_line(self, given: str, right: str | None) -> None:
        """Letter by letter, but without control characters and bidi controls, and bounded."""
        image = sanitized(title=given)

        assert right == image.title

    @given(st.text(max_size=400))
    def test_no_text_can_break_it(self, given: str) -> None:
        """Any text gives a record that can be encoded, with no line longer than allowed."""
        image = sanitized(title=given, alt=given, author=Author(given), tags=[given] * 3, credit=given)

        msgspec.json.encode(image)
        assert len(image.title or "") <= 300
        assert not set(image.title or "") & {"\x00", "\n", "\u2028"}

    def test_ten_thousand_tags(self) -> None:
        """Fifty different ones are kept."""
        image = sanitized(tags=[f"tag {number // 2}" for number in range(10_000)])

        assert [f"tag {number}" for number in range(50)] == image.tags

    def test_lists_of_nothing_are_not_read_to_their_end(self) -> None:
        """Ten times as many as are kept are looked at."""
        image = sanitized(
            tags=[*[""] * 500, "late"],
            extra={**{" " * number: "x" for number in range(200)}, "late": "x"},
            identities=[*["none"] * 100, "flickr:7"],
        )

        assert (image.tags, image.extra, image.identities) == ([], {}, [])


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
            "https://a.example/" + "é" * 400,  # too long once it is encoded
            'https://a.example/"onload="x',
            "https://a.example\\@b.example/",
            "",
        ],
    )
    def test_what_is_no_web_address_becomes_null(self, url: str) -> None:
        """For the page and the author; a rendition without its link is none."""
        image = sanitized(
            source_url=url, author=Author("A", url), renditions=[ORIGINAL, Rendition(name="small", url=url)]
        )

        assert (image.source_url, image.author, image.renditions) == (None, Author("A"), [ORIGINAL])

    @pytest.mark.parametrize("text", ["x" * 3000, "é" * 3000, "😀 " * 3000, "50% " * 3000])
    def test_none_is_longer_than_allowed(self, text: str) -> None:
        """Neither once it is encoded, nor once its scheme is https."""
        links = [link(f"http://a.example/{text[:length]}") for length in range(0, 2100, 7)]
        longest = Rendition(name="small", url="http://a.example/" + "x" * (2048 - len("http://a.example/")))
        image = sanitized(renditions=[ORIGINAL, longest])

        assert any(links)
        assert all(len(link) <= 2048 for link in links if link)
        assert image.renditions == [ORIGINAL]

    def test_web_addresses_stay(self) -> None:
        """As they are, to the letter."""
        url = "https://a.example:8443/a%20b/c?d=e&f=(g)#h"
        image = sanitized(source_url=url)

        assert url == image.source_url

    def test_raw_blanks_and_letters_are_encoded(self) -> None:
        """As browsers do it; some upstreams name files by their titles and leave that to others."""
        image = sanitized(source_url=" https://a.example/Kalimian Temple é 100%25 90%.jpg ")

        assert image.source_url == "https://a.example/Kalimian%20Temple%20%C3%A9%20100%25%2090%25.jpg"

    @pytest.mark.parametrize("id", ["a  b", "a/b c&d%", "<b>", "ä" * 200])
    def test_an_id_is_nobody_elses_business(self, id: str) -> None:
        """What an upstream calls a picture is kept to the letter, for it is asked for by that."""
        image = sanitized(id=id)

        assert image.id == id

    def test_files_on_a_declared_host_are_linked_by_https(self) -> None:
        """The provider says that it serves its files there. Where it may list any host, nobody knows of the others."""
        info = msgspec.structs.replace(INFO, file_hosts={"a.example", "*"}, aggregator=True)
        urls = ["http://a.example/1.jpg", "http://b.example/2.jpg"]
        record = Image(id="1", renditions=[Rendition(name="original", url=url) for url in urls])

        image = sanitize.image(record, info, holds_files=False)

        assert [each.url for each in image.renditions] == ["https://a.example/1.jpg", "http://b.example/2.jpg"]

    def test_files_on_other_hosts_are_left_out_and_counted(self) -> None:
        """A record without any other file is left out too, and the reason names the host."""
        other = Rendition(name="large", url="https://cdn.b.example/2.jpg")
        records = [Image(id="1", renditions=[ORIGINAL, other]), Image(id="2", renditions=[other])]
        sanitizer = sanitize.PageSanitizer(Page(records), INFO, holds_files=False)

        for record in sanitizer.records:
            sanitizer.add(record)

        assert [[each.name for each in image.renditions] for image in sanitizer.page().images] == [["original"]]
        assert sanitizer.undeclared == {"cdn.b.example": 2}
        with pytest.raises(sanitize.InvalidRecord, match=r"2 is on a host that file_hosts names, but on cdn\.b"):
            sanitize.image(records[1], INFO, holds_files=False)

    def test_files_where_the_upstream_was_moved_keep_its_scheme(self) -> None:
        """A mirror in the admin's network may answer http only. Another port of that host is another server."""
        urls = ["http://a.example:8080/1.jpg", "http://a.example/2.jpg"]
        record = Image(id="1", renditions=[Rendition(name="original", url=url) for url in urls])

        image = sanitize.image(record, INFO, holds_files=False, moved_to="http://a.example:8080/")

        assert [each.url for each in image.renditions] == ["http://a.example:8080/1.jpg", "https://a.example/2.jpg"]


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
    def test_what_cannot_be_shown_is_dropped(self, fields: dict[str, object]) -> None:
        """No id, no file, or values of another type."""
        with pytest.raises(sanitize.InvalidRecord):
            sanitized(**fields)

    def test_one_bad_record_does_not_cost_the_page(self) -> None:
        """The others stay, in their order; an id comes once; the bad ones are counted with the first reason."""
        good = [Image(id=str(number), renditions=[ORIGINAL]) for number in range(3)]
        page = Page([good[0], None, good[1], "junk", good[1], good[2]], total=-1)  # type: ignore[list-item]

        with count_records() as count:
            kept = sanitize.page(page, INFO, holds_files=False)

        assert [image.id for image in kept.images] == ["0", "1", "2"]
        assert kept.total is None
        assert (count.records, count.dropped, count.reason) == (6, 2, "a NoneType is no Image")

    def test_a_page_of_bad_records_is_no_page(self) -> None:
        """Else a total loss would pass for a search without results, and would be cached."""
        page = Page([Image(id="", renditions=[ORIGINAL]), Image(id="2")], last=True)

        with pytest.raises(InvalidResponse, match=r"none of 2 records can be shown: the id '' is not"):
            sanitize.page(page, INFO, holds_files=False)

    def test_an_empty_page_is_a_page(self) -> None:
        assert sanitize.page(Page([], last=True), INFO, holds_files=False) == Page([], last=True)

    def test_facts_are_plain_and_bounded(self) -> None:
        image = sanitized(
            description="x\n" * 10_000,
            date=" 1889-05 ",
            extra={"place": "Oslo\u202e", "": "x", "empty": "", **{f"n{number}": "v" for number in range(30)}},
            flags=Flags(ai_generated=True, restrictions=["personality rights", "personality rights", ""]),
            declared=Declared("rights", "CC BY\x004.0"),
            identities=["flickr:7", "no colon", "UP:7", "commons:fA lily.jpg"],
        )

        assert len(image.description or "") == 5000
        assert image.date == "1889-05"
        assert image.extra["place"] == "Oslo"
        assert len(image.extra) == 20
        assert image.flags == Flags(ai_generated=True, restrictions=["personality rights"])
        assert image.declared == Declared("rights", "CC BY 4.0")
        assert image.identities == ["flickr:7", "commons:fA lily.jpg"]

    def test_restrictions_without_a_word_are_none(self) -> None:
        assert not sanitized(flags=Flags(restrictions=["", " ", "\0"])).flags.restrictions

    @pytest.mark.parametrize(
        ("url", "type", "right"),
        [
            ("https://a.example/1.JPG?w=400", None, "image/jpeg"),
            ("https://a.example/1.tif", None, "image/tiff"),
            ("https://a.example/photo-1", None, None),
            ("https://a.example/a.b/photo", None, None),
            ("https://a.example/1.jpg", "image/webp", "image/webp"),
            ("https://a.example/1.jpg", "text/html", "image/jpeg"),
        ],
    )
    def test_a_rendition_has_the_type_of_its_name(self, url: str, type: str | None, right: str | None) -> None:
        image = sanitized(renditions=[Rendition(name="original", url=url, type=type)])

        assert image.renditions[0].type == right

    @pytest.mark.parametrize("side", [0, -5, 10**9])
    def test_sizes_that_cannot_be_become_null(self, side: int) -> None:
        """So an emulated filter never matches them."""
        image = sanitized(width=side, height=side)

        assert (image.width, image.height) == (None, None)

    @pytest.mark.parametrize(
        ("color", "right"), [("#a0b1c2", "#A0B1C2"), ("red", None), ("#12345", None), (None, None)]
    )
    def test_colours_have_one_form(self, color: str | None, right: str | None) -> None:
        """#RRGGBB in capitals, or nothing."""
        image = sanitized(color=color)

        assert right == image.color

    def test_the_providers_licence_is_that_of_images_without_one(self) -> None:
        """An image's own comes first."""
        house, own = License("house", "House licence"), License("own", "Own licence", "javascript:x")
        given = [Image(id="1", renditions=[ORIGINAL]), Image(id="2", renditions=[ORIGINAL], license=own)]

        page = sanitize.page(Page(given), msgspec.structs.replace(INFO, license=house), holds_files=False)

        assert [image.license for image in page.images] == [house, License("own", "Own licence")]

    @pytest.mark.parametrize("id", ["", "  ", "unknown"])
    def test_unclear_rights_allow_nothing(self, id: str) -> None:
        """Whatever the flags of the plugin's licence say, which allow everything by default."""
        image = sanitized(license=License(id, "Rights unclear", "https://a.example/rights"))

        assert image.license == License.unknown("Rights unclear", "https://a.example/rights")

    def test_identity_keys_can_be_encoded(self) -> None:
        """A key with a lone surrogate would cost the page, which is then neither kept nor counted as fetched."""
        keys = ["flickr:\ud800", "flickr:7\x00", "flickr:7\n", "no key", "commons:fÉté à\u00a0Paris.jpg", "flickr:7"]
        image = sanitized(identities=keys)

        assert image.identities == ["commons:fÉté à\u00a0Paris.jpg", "flickr:7"]

    def test_only_a_provider_that_holds_files_may_leave_out_a_link(self) -> None:
        """The host makes one; anyone else's rendition without a link is none."""
        held = Image(id="1", renditions=[Rendition(name="original")])

        assert sanitize.image(held, INFO, holds_files=True).id == "1"
        with pytest.raises(sanitize.InvalidRecord):
            sanitize.image(held, INFO, holds_files=False)
