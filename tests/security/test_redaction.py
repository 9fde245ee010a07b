"""What looks like a credential is masked, and hostile text takes linear time."""

import pytest

from imagevault.security.redaction import MAX_CREDENTIAL, longest_of, pattern_of, redacted, redacted_start
from tests.support.linear_time import is_linear

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"Bearer {TOKEN}", "Bearer ***"),
        (f"token {TOKEN} is old", "token *** is old"),
        (f"\\u0022{TOKEN}\\u0022", "\\u0022***\\u0022"),
        (f"%22{TOKEN}%22", "%22***%22"),
        (f"a_long_host_name.example.{TOKEN}", "a_long_host_name.example.***"),
        (f"x.{TOKEN}", "x.***"),
        ("iv_1a2b3c4d5e", "***"),
        ("/search?api_key=1a2b3c&q=fox", "/search?api_key=***&q=fox"),
        ("images.example.org answered 3.11.7", "images.example.org answered 3.11.7"),
        ("eyJ is how tokens begin", "eyJ is how tokens begin"),
    ],
)
def test_shown(text: str, shown: str) -> None:
    assert redacted(text) == shown


@pytest.mark.parametrize(
    "piece",
    ["eyJ", "eyJ.", "eyJabcdefghijk.", "a.", "a", "-", "iv_", "key=", "key=a&", "Bearer ", "bearer  ", "token=eyJ"],
)
def test_takes_linear_time(piece: str) -> None:
    """A refused request of 60 KB must not hold the server for seconds while its log line is written."""
    assert is_linear(lambda size: redacted(piece * size), 5_000)


SECRET = "abcd1234-efgh5678"


class TestStart:
    """The start of a long text: whatever is in front of it, no part of a secret stands at its end."""

    @pytest.mark.parametrize("count", [100, *range(135, 145), 5000])
    def test_of_many_secrets(self, count: int) -> None:
        """Masks are short, so that the end of what is read comes into what is shown."""
        secret = "abcd1234-efgh5678-" * 5
        known, longest = pattern_of([secret]), longest_of([secret])
        for padding in range(0, 100, 9):
            shown = redacted_start("x" * padding + f"{secret} " * count, 1000, known, longest)

            assert len(shown) <= 1000
            assert set(shown) <= set("x* ")

    @pytest.mark.parametrize(
        "credential",
        [
            TOKEN,
            f"Bearer {'a1' * 40}",
            f"iv_{'b2' * 20}",
            f"?api_key={'c3' * 30}&",
            f"eyJ{'d4' * 200}.{'e5' * 500}.{'f6' * 40}",
        ],
    )
    @pytest.mark.parametrize("cut", range(0, 60, 7))
    def test_of_many_credentials_that_nobody_knows(self, credential: str, cut: int) -> None:
        """They are masked by their form, of which a part may not have it."""
        text = "." * cut + f" {credential} " * (60_000 // len(credential))

        shown = redacted_start(text, 1000)

        assert not set(shown) & set("123456789")

    def test_of_a_secret_that_is_longer_than_all_that_is_shown(self) -> None:
        """Rather nothing is shown than a part of it."""
        secret = "".join(chr(97 + number % 26) for number in range(20_000))

        shown = redacted_start(
            f"see {secret}, {secret}, {secret[:-1]}", 100, pattern_of([secret]), longest_of([secret])
        )

        assert shown == ""

    def test_of_a_short_text_is_all_of_it(self) -> None:
        assert redacted_start(f"see {SECRET}.", 1000, pattern_of([SECRET]), longest_of([SECRET])) == "see ***."
        assert redacted_start("x" * 2000, 1000) == "x" * 1000

    def test_of_a_text_without_secrets_is_as_long_as_it_may_be(self) -> None:
        assert redacted_start("x" * 10_000_000, 1000) == "x" * 1000

    def test_reads_a_bounded_part(self) -> None:
        """Fifty million characters cost no more than fifty thousand."""
        read = redacted_start("x " * 25_000_000 + "api_key=abc", 10)

        assert read == "x x x x x "
        assert 10 * 10 + MAX_CREDENTIAL < 50_000


def test_the_longest_spelling_counts() -> None:
    """Percent-encoded, a secret is up to three times as long."""
    assert longest_of(["////////"]) == 24
    assert longest_of(["short", None, ""]) == 0
