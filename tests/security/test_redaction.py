"""What looks like a credential is masked, and hostile text takes linear time."""

import pytest

from imagevault.security.redaction import redacted
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
