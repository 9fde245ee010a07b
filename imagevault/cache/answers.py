"""Kept answers: whole answers of searches in memory, as they were sent. Each worker has its own.

An answer is kept only if it is the same for everybody with the same list of allowed providers, and only as long as the
search would find the same pages fresh. Without this file, the gateway works as before, and slower.
"""

import zlib
from collections.abc import Callable, Sequence
from hashlib import sha256

import msgspec
from cachetools import LRUCache

from imagevault.cache.statistics import CacheStatistics
from imagevault.cache.tiers import CacheTiers
from imagevault.cache.uses import PageUses
from imagevault.counters import Counters, Series

MAX_BYTES = 16 * 1024 * 1024  # of all kept answers, their addresses and their compressed forms
OVERHEAD = 500  # bytes that an answer costs beside its texts
DAY = 86400  # seconds
SKEW = 86400.0  # seconds that the clock may go back; then nobody knows how old a page is (`cache/freshness.py`)
TAG_LENGTH = 24  # hexadecimal digits of an entity tag
GZIP_LEVEL = 5  # of 67 KB, level 5 makes 7 KB in 0.7 ms; level 9 makes 2 % less in twice the time
RESERVED = 0.5  # of a body's size, for its compressed form; JSON of pictures takes a ninth
GZIP = 31  # the `wbits` of zlib for the gzip format

Headers = list[tuple[bytes, bytes]]


class AnswerKey(msgspec.Struct, frozen=True):
    """What an answer depends on: the query as it was sent, and the providers that the caller may use (None for all)."""

    query: bytes
    allowed: frozenset[str] | None


class Source(msgspec.Struct, frozen=True):
    """A page that an answer was cut from.

    Attributes:
        provider: its name.
        key: of the page in the cache.
        version: of the page.
        fresh_until: Unix time at which the page is no longer fresh while calls are plenty.
        is_shared: whether the page is in the database too.

    """

    provider: str
    key: str
    version: int
    fresh_until: float
    is_shared: bool


class Answer(msgspec.Struct):
    """A whole answer.

    Attributes:
        body: JSON.
        tag: the entity tag, without its quotes. It is a weak one: the body may be sent compressed.
        headers: that go with the body, in lower case.
        compressed: the body by gzip, None until somebody takes it.

    """

    body: bytes
    tag: str
    headers: Headers
    compressed: bytes | None = None

    @classmethod
    def of(cls, body: bytes, headers: Headers) -> "Answer":
        """Return the answer with this body; its tag is made from it."""
        tag = sha256(body).hexdigest()[:TAG_LENGTH]  # processors have instructions for it: twice as fast as BLAKE2
        return cls(body, tag, headers)

    def gzip(self) -> bytes:
        """Return the body by gzip. It is compressed once, when the first client takes it."""
        if self.compressed is not None:
            return self.compressed
        compressor = zlib.compressobj(GZIP_LEVEL, wbits=GZIP)
        compressed = compressor.compress(self.body) + compressor.flush()
        if len(compressed) <= len(self.body) * RESERVED:  # as all JSON of pictures
            self.compressed = compressed
        return compressed


class KeptAnswer(msgspec.Struct, frozen=True):
    """An answer, the pages that it was cut from, when it is good (Unix time), and its size in bytes.

    `counted` is what a search with this answer adds to the counters.
    """

    answer: Answer
    sources: Sequence[Source]
    good_from: float
    good_until: float
    size: int
    counted: Sequence[Series]


class Answers:
    """The kept answers of one worker."""

    def __init__(
        self,
        tiers: CacheTiers,
        uses: PageUses,
        statistics: CacheStatistics,
        clock: Callable[[], float],
        counters: Counters,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """Make an empty cache.

        Args:
            tiers: knows the pages.
            uses: notes which pages were used.
            statistics: counts how pages were found.
            clock: the time that all workers share, in seconds.
            counters: count the answers.
            max_bytes: of all that is kept.

        """
        self._tiers = tiers
        self._uses = uses
        self._statistics = statistics
        self._clock = clock
        self._counters = counters
        self._kept: LRUCache[AnswerKey, KeptAnswer] = LRUCache(max_bytes, getsizeof=lambda kept: kept.size)
        self.generation = 0

    @property
    def size(self) -> int:
        """The bytes in use."""
        return int(self._kept.currsize)

    def clear(self) -> None:
        """Forget all answers. Searches under way keep none: they began with what is no longer in force."""
        self._kept.clear()
        self.generation += 1

    def keep(
        self,
        key: AnswerKey,
        answer: Answer,
        sources: Sequence[Source],
        generation: int,
        counted: Sequence[Series] = (),
    ) -> None:
        """Keep an answer.

        Args:
            key: what it depends on.
            answer: the answer.
            sources: all pages that it was cut from.
            generation: what `generation` was when the search began.
            counted: what the search added to the counters, beside its pages.

        """
        now = self._clock()
        if generation != self.generation or not sources:
            return
        next_day = (now // DAY + 1) * DAY  # signed links of the next day are others
        good_until = min(next_day, *(source.fresh_until for source in sources))
        if now >= good_until:
            return
        size = len(key.query) + _size(answer, sources)
        if size <= self._kept.maxsize:
            self._kept[key] = KeptAnswer(answer, sources, now - SKEW, good_until, size, counted)

    def find(self, key: AnswerKey) -> Answer | None:
        """Return the answer that a search would give now, None if that is not known.

        It counts as a search does: the pages were hit, and used.
        """
        try:
            kept = self._kept[key]  # `get` of cachetools looks twice
        except KeyError:
            return None
        is_good = kept.good_from <= self._clock() < kept.good_until
        if not is_good or not all(self._tiers.is_current(source.key, source.version) for source in kept.sources):
            del self._kept[key]
            return None
        for source in kept.sources:
            self._statistics.count(source.provider, "hit", "memory")
            if source.is_shared:
                self._uses.note(source.key)
        for series in kept.counted:
            self._counters.add(*series)
        self._counters.add("kept_answers")
        return kept.answer


def _size(answer: Answer, sources: Sequence[Source]) -> int:
    """The bytes that an answer takes at most, once it has its compressed form too."""
    headers = sum(len(name) + len(value) for name, value in answer.headers)
    return int(len(answer.body) * (1 + RESERVED)) + headers + OVERHEAD * (1 + len(sources))
