"""Cache keys: which queries share a page."""

import pytest

from imagevault.cache.keys import PageKey, fold, image_digest, is_of, prefix_of


def key(text: str) -> str:
    return PageKey("pexels", text, (), 80, 1).digest


@pytest.mark.parametrize(("one", "other"), [("Red Fox", "red fox"), ("ÉTÉ", "été"), ("МОСКВА", "москва")])
def test_letter_case_shares_a_page(one: str, other: str) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Buße", "Busse"),
        ("İstanbul", "istanbul"),
        ("IŞIK", "işik"),
        ("½ moon", "1⁄2 moon"),
        ("LEGO™", "LEGOTM"),
        ("㈱", "(株)"),
        ("№ 7", "No 7"),
        ("ς", "σ"),
    ],
)
def test_what_an_upstream_may_tell_apart_does_not(one: str, other: str) -> None:
    assert key(one) != key(other)


def test_a_fold_is_stable() -> None:
    """Folding twice changes nothing, so a cursor may hold either form."""
    text = "İSTANBUL Straße ΣΊΣΥΦΟΣ ＡＢＣ Ǆ ﬁ"

    assert fold(fold(text)) == fold(text)


def test_keys_name_the_format() -> None:
    """Pages that an older version made are not found."""
    assert key("fox").startswith(prefix_of(""))
    assert image_digest("pexels", "7").startswith(prefix_of(""))


def test_a_key_tells_the_revision_of_its_page() -> None:
    """Of the same length, so that it fits its column."""
    first, second, none = (
        PageKey(provider="acme", text="fox", native=(), size=10, page=1, revision=revision).digest
        for revision in ("0123456789abcdef", "fedcba9876543210", "")
    )

    assert is_of(first, "0123456789abcdef")
    assert is_of(none, "")
    assert not is_of(first, "fedcba9876543210")
    assert not is_of(first, "")
    assert not is_of(none, "fedcba9876543210")
    assert not is_of("2-0123", "")
    assert len(first) == len(second) <= 64
