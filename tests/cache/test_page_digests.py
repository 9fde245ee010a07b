"""Digests of the pictures on a page: encoded, decoded, and of two versions."""

from hypothesis import given
from hypothesis import strategies as st

from imagevault.cache.page_digests import PageDigests, decode, encode
from imagevault.images.identity import digest
from imagevault.records import Image, Rendition


def picture(*keys: str) -> Image:
    return Image(id="1", identities=keys, renditions=[Rendition(name="original", url="https://a.example/1.jpg")])


PAGE = encode([picture("a:1", "b:1", "page:x"), picture(), picture("a:2")])
NEWER = encode([picture("a:3"), picture("a:1")])


class TestCoding:
    def test_holds_file_keys(self) -> None:
        assert decode(PAGE) == {digest("a:1"), digest("b:1"), digest("a:2")}

    def test_of_the_first_images(self) -> None:
        assert decode(PAGE, 0) == set()
        assert decode(PAGE, 2) == {digest("a:1"), digest("b:1")}
        assert decode(PAGE, 9) == decode(PAGE)

    def test_an_image_with_many_keys(self) -> None:
        """Twenty are kept; the next image is read all the same."""
        content = encode([picture(*(f"a:{number}" for number in range(300))), picture("b:1")])

        assert len(decode(content)) == 21
        assert digest("b:1") in decode(content)

    @given(st.lists(st.lists(st.text(min_size=1, max_size=5).map(lambda text: f"a:{text}"), max_size=5), max_size=5))
    def test_any_keys(self, keys: list[list[str]]) -> None:
        content = encode([picture(*of_image) for of_image in keys])

        assert decode(content) == {digest(key) for of_image in keys for key in of_image}


class TestVersions:
    def test_a_page_that_replaced_none(self) -> None:
        assert PageDigests(2, PAGE).of_passed_page() == decode(PAGE)

    def test_only_what_both_versions_hold_was_passed_for_certain(self) -> None:
        assert PageDigests(2, NEWER, 1, PAGE).of_passed_page() == {digest("a:1")}

    def test_of_the_first_images_that_both_versions_hold(self) -> None:
        """Where the list ends in the middle of the page."""
        assert PageDigests(2, NEWER, 1, PAGE).of_passed_page(1) == set()
        assert PageDigests(2, PAGE).of_passed_page(1) == {digest("a:1"), digest("b:1")}

    def test_the_first_images_of_a_version(self) -> None:
        page = PageDigests(2, NEWER, 1, PAGE)

        assert page.of_first_images(1, 2) == {digest("a:3")}
        assert page.of_first_images(1, 1) == {digest("a:1"), digest("b:1")}
        assert page.of_first_images(1, 7) == set()
        assert page.of_first_images(1, None) == set()
