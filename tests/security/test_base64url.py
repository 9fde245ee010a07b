"""Base64 in URLs: one text for each value, and nothing else is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagevault.security import base64url


@given(st.binary(max_size=64))
def test_every_value_survives(data: bytes) -> None:
    text = base64url.encode(data)

    assert base64url.decode(text) == data
    assert set("+/=").isdisjoint(text)


@pytest.mark.parametrize("text", ["A", "AB", "AA==", "A+8A", "A A", "Ää", "AAA\n", "\ud800"])
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the callers make their own message
        base64url.decode(text)
