"""The parts of a link are those that `urlsplit` finds."""

from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imagevault.images.links import LinkParts, link, split_link
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


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://münchen.example/ü.jpg", "http://xn--mnchen-3ya.example/%C3%BC.jpg"),
        ("https://MÜNCHEN.example:8080/a b", "https://xn--mnchen-3ya.example:8080/a%20b"),
        ("https://日本.example", "https://xn--wgv71a.example"),
        ("https://a.example/münchen", "https://a.example/m%C3%BCnchen"),
        ("https://ada@münchen.example/", None),
        ("https://ü..example/", None),
        ("https://１２７.0.0.1/x", None),
        ("https://a․example/", None),
        ("https://ex⁄ample.org/x", None),
        ("https://" + "ü" * 250 + ".example/", None),
    ],
)
def test_a_host_beyond_ascii(url: str, expected: str | None) -> None:
    """It is written as DNS knows it. What only looks like a host is no link."""
    assert link(url) == expected


@pytest.mark.parametrize("part", ["ü", "ü.", "１", "á"])
def test_a_host_takes_bounded_time(part: str) -> None:
    assert is_linear(lambda size: link("https://" + part * size), 20_000)
