"""The parts of a link are those that `urlsplit` finds."""

from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imagevault.images.links import LinkParts, split_link
from tests.support.linear_time import is_linear

LIKELY = st.text(st.sampled_from('aZ0.-:/?#@[]%&=\\ \t\n"<é\0'), max_size=30)
URLS = st.one_of(st.text(max_size=30), st.builds("{}{}".format, st.sampled_from(["http://", "HTTPS://", "//"]), LIKELY))


@given(URLS)
@example("https://images.pexels.com/photos/1/a.jpeg?w=1&h=2#top")
@example("http://127.0.0.1:8000/a?b?c")
@example("https://A.Example.:443?q#f")
@example("https://user:word@a.example/x")
@example("https://[::1]:80/x")
@example("https://%A/x")
@example("https://[::1/x")
@example("https://a.example:99999/")
def test_are_those_of_urlsplit(url: str) -> None:
    """And where it raises ValueError, so does `split_link`."""
    try:
        parts = urlsplit(url)
        expected = (LinkParts(parts.netloc, parts.path, parts.query), (parts.hostname or "").rstrip("."))
    except ValueError:
        expected = None

    try:
        split = split_link(url)
        found = (split, split.host)
    except ValueError:
        found = None

    assert found == expected


@pytest.mark.parametrize("part", ["a", "/", "?", "#", ".", ":", "%", "é"])
def test_in_linear_time(part: str) -> None:
    assert is_linear(lambda size: split_link("https://a.example/" + part * size), 20_000)
