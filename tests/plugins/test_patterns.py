"""Patterns of plugins: valid, and cheap for every text that a caller may send."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagevault.plugins.patterns import MAX_VALUE, check_pattern

GOOD = [
    r"[0-9]{4}(/[0-9]{4})?",
    r"-?[0-9]{1,4}(-[0-9]{2}(-[0-9]{2})?)?",
    r"[A-Za-z ]+",
    r"[a-z]+ [a-z]+",
    r"(photo|illustration|vector)",
    r"(?:a|b){3}",
    r"\d{1,3}\.\d{1,3}\.\d{1,3}",
]
TRIES = 5  # a busy machine spoils one
COSTLY = [
    r"(a+)+b",
    r"(a*)*b",
    r"([a-z]+,?)+",
    r"(a|aa)+b",
    r"(a?){50}b",
    r"a*a*a*a*b",
    r"(\d{1,9}){1,9}x",
    r"(.{1,50}){2,}$",
    r"a{1,99}a{1,99}a{1,99}b",
]


class TestCheckPattern:
    @pytest.mark.parametrize("pattern", GOOD)
    def test_ordinary_patterns_pass(self, pattern: str) -> None:
        check_pattern(pattern)

    @pytest.mark.parametrize("pattern", COSTLY)
    def test_what_may_take_long_is_refused(self, pattern: str) -> None:
        with pytest.raises(ValueError, match="could take long to match; repeat no group that holds a repeat"):
            check_pattern(pattern)

    @pytest.mark.parametrize("pattern", [r"(a)\1", r"(?=a)a", r"(?<!a)b", r"(a)?(?(1)b|c)"])
    def test_what_cannot_be_counted_is_refused(self, pattern: str) -> None:
        with pytest.raises(ValueError, match="must hold no back-reference, lookaround or condition"):
            check_pattern(pattern)

    @pytest.mark.parametrize("pattern", ["[", "(", "a{2,1}", "*", "(?P<a>", "\\"])
    def test_what_is_no_pattern_is_refused(self, pattern: str) -> None:
        with pytest.raises(ValueError, match="is no regular expression"):
            check_pattern(pattern)

    @pytest.mark.parametrize("pattern", ["[[a]", "[a||b]", "[a&&b]", "[a--b]", "[a~~b]"])
    def test_what_a_later_python_may_read_otherwise_is_refused(self, pattern: str) -> None:
        """In place of the warning of `re`, and whatever is done with warnings; escaped, it passes."""
        with pytest.raises(ValueError, match=r"could mean something else to a later Python: .* at position [0-9]; put"):
            check_pattern(pattern)
        check_pattern(r"[\[a\|\|b]")

    def test_a_long_or_deep_one_is_refused_without_work(self) -> None:
        with pytest.raises(ValueError, match="at most 300 characters"):
            check_pattern("a" * 100_000)
        with pytest.raises(ValueError, match="groups inside each other"):
            check_pattern("(" * 140 + "a" + ")" * 140)

    @settings(max_examples=200, deadline=None)
    @given(
        pattern=st.text(st.sampled_from("ab()[]|*+?{}0129,.\\d^$"), max_size=30) | st.sampled_from(GOOD + COSTLY),
        text=st.text(st.sampled_from("ab01"), min_size=MAX_VALUE, max_size=MAX_VALUE),
    )
    def test_what_passes_is_cheap(self, pattern: str, text: str) -> None:
        """It takes less time than a costly one; the costliest would not end within the life of this test."""
        try:
            check_pattern(pattern)
        except ValueError:
            return

        assert any(seconds(pattern, text) < seconds("a*a*a*a*b", "a" * MAX_VALUE) for _ in range(TRIES))


def seconds(pattern: str, text: str) -> float:
    """The processor time that one match takes."""
    started = time.thread_time()
    re.fullmatch(pattern, text)
    return time.thread_time() - started
