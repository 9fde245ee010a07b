"""`Image.ref`: the plugin's own text, which nobody sees and the ledger stores."""

import pytest

from imagevault.images import sanitize
from imagevault.records import Image, ProviderInfo, Rendition

INFO = ProviderInfo(title="A", page_size=10, file_hosts={"a.example"})
FILE = Rendition(name="original", url="https://a.example/1.jpg")


def sanitized(ref: str | None) -> str | None:
    return sanitize.image(Image(id="1", renditions=[FILE], ref=ref), INFO, holds_files=False).ref


@pytest.mark.parametrize(
    "ref", ["https://a.example/x?y=%00&z=(1) 2#ä", "<b>1</b>  &amp; '\"\\", "x" * 2048, "\u202eabc\u2028"]
)
def test_is_kept_letter_by_letter(ref: str) -> None:
    """It may be an address that the plugin calls later."""
    assert sanitized(ref) == ref


@pytest.mark.parametrize(
    ("ref", "right"),
    [
        ("a\0b", "ab"),
        ("\ud800a", "a"),
        ("a\r\nb\x1b", "ab"),
        ("\0", None),
        ("", None),
        (None, None),
        ("x" * 3000, "x" * 2048),
    ],
)
def test_holds_nothing_that_a_database_refuses(ref: str | None, right: str | None) -> None:
    assert sanitized(ref) == right


def test_an_identity_is_printable() -> None:
    """It is stored with the page."""
    identities = ["flickr:7352", "flickr:\ud800", "flickr:a\0", "Flickr:1", "flickr:"]
    image = Image(id="1", renditions=[FILE], identities=identities)

    assert sanitize.image(image, INFO, holds_files=False).identities == ["flickr:7352"]
