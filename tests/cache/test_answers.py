"""The cache of whole answers: what it keeps, how long, and how much."""

import gzip
import random
from types import SimpleNamespace
from typing import Any

import pytest

from imagevault.cache.answers import DAY, OVERHEAD, SKEW, Answer, AnswerKey, Answers, Source
from imagevault.cache.statistics import CacheStatistics
from imagevault.counters import Counters

NOON = 20_000 * DAY + DAY / 2
KEY = AnswerKey(b"q=fox", None)


class Pages:
    """Pages whose versions a test sets, and notes of their use."""

    def __init__(self) -> None:
        self.versions: dict[str, int] = {}
        self.used: list[str] = []

    def is_current(self, key: str, version: int) -> bool:
        return self.versions.get(key, version) == version

    def note(self, key: str) -> None:
        self.used.append(key)


@pytest.fixture
def made() -> Any:
    """An empty cache of 100 KB, with its pages, statistics and clock."""
    pages = Pages()
    statistics = CacheStatistics()
    clock = SimpleNamespace(now=NOON)
    counters = Counters()
    answers = Answers(pages, pages, statistics, lambda: clock.now, counters, max_bytes=100_000)  # type: ignore[arg-type]
    return SimpleNamespace(answers=answers, pages=pages, statistics=statistics, clock=clock, counters=counters)


def source(key: str = "page", fresh_until: float = NOON + 100, **more: Any) -> Source:
    fields = {"provider": "pexels", "version": 7, "is_shared": True, **more}
    return Source(key=key, fresh_until=fresh_until, **fields)


def answer(body: bytes = b"{}") -> Answer:
    return Answer.of(body, [])


class TestKeeping:
    def test_a_kept_answer_is_found_by_query_and_allowed_providers(self, made: Any) -> None:
        """Whoever may use other providers gets another answer."""
        made.answers.keep(KEY, answer(), [source()], made.answers.generation)

        found = made.answers.find(KEY)

        assert found is not None
        assert found.body == b"{}"
        assert made.answers.find(AnswerKey(b"q=fox&", None)) is None
        assert made.answers.find(AnswerKey(b"q=fox", frozenset({"pexels"}))) is None

    def test_it_counts_as_a_search_does(self, made: Any) -> None:
        """Every page was hit, and those that are in the database were used."""
        sources = [source("a"), source("b", provider="local", is_shared=False)]
        made.answers.keep(KEY, answer(), sources, made.answers.generation)

        made.answers.find(KEY)

        assert made.statistics.counts == {("pexels", "hit"): 1, ("local", "hit"): 1}
        assert made.pages.used == ["a"]
        assert made.counters.counts["kept_answers",] == 1

    def test_an_answer_without_pages_is_not_kept(self, made: Any) -> None:
        made.answers.keep(KEY, answer(), [], made.answers.generation)

        assert made.answers.find(KEY) is None


class TestEnd:
    @pytest.mark.parametrize(
        ("moved", "is_good"), [(0, True), (99.9, True), (100, False), (-SKEW + 1, True), (-SKEW - 1, False)]
    )
    def test_is_that_of_the_page_that_ends_first(self, made: Any, moved: float, is_good: bool) -> None:
        """Also where the clock was set back so far that nobody knows the age of a page."""
        sources = [source("a", NOON + 500), source("b", NOON + 100)]
        made.answers.keep(KEY, answer(), sources, made.answers.generation)

        made.clock.now += moved

        assert (made.answers.find(KEY) is not None) == is_good

    def test_is_midnight_at_the_latest(self, made: Any) -> None:
        """Signed links of the next day are others, and work longer."""
        made.answers.keep(KEY, answer(), [source(fresh_until=NOON + 5 * DAY)], made.answers.generation)

        made.clock.now += DAY / 2 - 1
        assert made.answers.find(KEY) is not None
        made.clock.now += 1
        assert made.answers.find(KEY) is None

    def test_is_when_a_page_was_replaced(self, made: Any) -> None:
        """A page that memory has dropped changes nothing."""
        made.answers.keep(KEY, answer(), [source("page", version=7)], made.answers.generation)
        assert made.answers.find(KEY) is not None

        made.pages.versions["page"] = 8

        assert made.answers.find(KEY) is None
        assert made.statistics.counts == {("pexels", "hit"): 1}

    def test_is_a_change_of_the_settings(self, made: Any) -> None:
        """A search that began before it keeps nothing afterwards."""
        began = made.answers.generation
        made.answers.keep(KEY, answer(), [source()], began)

        made.answers.clear()
        assert made.answers.find(KEY) is None
        made.answers.keep(KEY, answer(), [source()], began)
        assert made.answers.find(KEY) is None

    def test_comes_before_anything_is_kept(self, made: Any) -> None:
        """A page that is fresh only because calls are scarce counts as old here."""
        made.answers.keep(KEY, answer(), [source(fresh_until=NOON)], made.answers.generation)

        assert made.answers.find(KEY) is None


class TestBound:
    def test_is_in_bytes(self, made: Any) -> None:
        """Bodies, compressed bodies and queries count; the least recently used answer goes first."""
        keys = [AnswerKey(b"q=%d" % number, None) for number in range(50)]
        for key in keys:
            made.answers.keep(key, answer(b"x" * 10_000), [source()], made.answers.generation)
            made.answers.find(keys[0])

        kept = [key for key in keys if made.answers.find(key) is not None]

        assert keys[0] in kept
        assert keys[-1] in kept
        assert 5 <= len(kept) <= 7
        assert made.answers.size <= 100_000

    def test_holds_for_long_queries(self, made: Any) -> None:
        """The key is in memory too."""
        for number in range(50):
            key = AnswerKey(b"q=%d&" % number + b"x" * 8000, None)
            made.answers.keep(key, answer(), [source()], made.answers.generation)

        assert 50 * (8000 + OVERHEAD) > 100_000
        assert made.answers.size <= 100_000
        kept = sum(made.answers.find(AnswerKey(b"q=%d&" % n + b"x" * 8000, None)) is not None for n in range(50))
        assert 8 <= kept <= 12

    def test_keeps_out_what_is_too_large(self, made: Any) -> None:
        made.answers.keep(KEY, answer(b"x" * 70_000), [source()], made.answers.generation)

        assert made.answers.find(KEY) is None

    def test_holds_for_compressed_bodies(self) -> None:
        """What hardly gets smaller is compressed each time anew."""
        text = answer(b"fox " * 1000)
        noise = answer(random.Random(1).randbytes(4000))

        assert gzip.decompress(text.gzip()) == text.body
        assert text.gzip() is text.gzip()
        assert gzip.decompress(noise.gzip()) == noise.body
        assert noise.compressed is None
