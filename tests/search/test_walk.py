"""The walk over providers' lists, as a property of random worlds, and its rules one by one."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagevault.cache.keys import token_digest
from imagevault.cache.result import CacheResult
from imagevault.errors import ProviderError, TimedOut, Unavailable
from imagevault.images.identity import digests
from imagevault.records import Image, Page, Rendition
from imagevault.search.cursor import Cursor, CursorSeal, LongToken, Place
from imagevault.search.filters import Plan
from imagevault.search.merge import Listing, MergedImage, interleave
from imagevault.search.passed import PassedPictures
from imagevault.search.provider_cursor import PAGE_BUDGET, ProviderCursor
from imagevault.security.keyring import Keyring


def picture(id: str, *keys: str, width: int = 1) -> Image:
    """An image with these identity keys beside that of its id."""
    renditions = [Rendition(name="original", url="https://a.example/")]
    return Image(id=id, identities=[f"id:{id}", *keys], width=width, renditions=renditions)


def fetched(page: Page) -> CacheResult:
    """A page that came from the upstream."""
    return CacheResult(page, "miss", "upstream", version=1)


class List:
    """A provider's list as it would answer it, page by page."""

    most: int | None = None

    def __repr__(self) -> str:
        pages = [[image.identities for image in page] for page in self.pages]
        return f"{self.name}: size={self.size} window={self.window} most={self.most} last={self.tells_last} {pages}"

    def __init__(
        self,
        name: str,
        pages: list[list[Image]],
        size: int,
        *,
        tells_last: bool,
        window: int | None,
        rank: int = 0,
        tokens: list[str] | None = None,
    ) -> None:
        self.name = name
        self.rank = rank
        self.pages = pages
        self.size = size
        self.tells_last = tells_last
        self.window = window
        self.tokens = tokens  # of each page after the first, where it pages by token
        self.calls = 0

    async def read(self, number: int, version: int | None, token: str | LongToken | None = None) -> CacheResult:
        self.calls += 1
        if self.tokens is not None:
            return self.read_by_token(number, token)
        if number >= len(self.pages):
            return fetched(Page([], last=self.tells_last))
        return fetched(Page(self.pages[number], last=self.tells_last and number == len(self.pages) - 1))

    def read_by_token(self, number: int, token: str | LongToken | None) -> CacheResult:
        """The page that the token alone names. The number must be right too, for it is in the cache's key."""
        assert self.tokens is not None
        if isinstance(token, LongToken):
            assert token.page == f"{self.name}-{number - 1}", "the page that named the token"
            [token] = [known for known in self.tokens if token_digest(known) == token.digest]
        place = 0 if token is None else self.tokens.index(token) + 1
        assert place == number
        images = self.pages[number] if self.pages else []
        following = self.tokens[number] if number + 1 < len(self.pages) else None
        page = Page(images, last=following is None, next=following)
        return CacheResult(page, "miss", "upstream", version=1, key=f"{self.name}-{number}")

    def reachable(self) -> list[Image]:
        """What a walk to the end must show: all that is inside the window, also behind a page without any."""
        return [image for position, image in self.positions() if self.window is None or position < self.window]

    def until(self, offset: int) -> list[Image]:
        return [image for position, image in self.positions() if position < offset]

    def positions(self) -> Iterator[tuple[int, Image]]:
        for number, page in enumerate(self.pages):
            for index, image in enumerate(page):
                yield number * self.size + index, image

    def cursor(
        self, offset: int | Place | None, matches: Callable[[Image], bool], error: ProviderError | None = None
    ) -> ProviderCursor:
        return ProviderCursor(
            offset if isinstance(offset, Place) else Place(self.name, self.size, offset),
            Failing(error) if error else self,
            plan=Plan(tests={"test": matches}),
            max_results=self.window,
            max_images=self.most,
            rank=self.rank,
        )


class Failing:
    """A source that raises an error for every page."""

    def __init__(self, error: ProviderError) -> None:
        self.error = error

    async def read(self, number: int, version: int | None, token: str | LongToken | None) -> CacheResult:
        raise self.error


KEYS = [f"{kind}:{number}" for kind in ("page", "flickr") for number in range(8)]


@st.composite
def worlds(draw: st.DrawFn) -> list[List]:
    """One to four providers with uneven lists, short pages, windows, and pictures that others have too."""
    lists = []
    for number in range(draw(st.integers(1, 4))):
        name = f"p{number}"
        size = draw(st.integers(1, 6))
        pages = []
        for page in range(draw(st.integers(0, 6))):
            count = draw(st.integers(1, size))
            pages.append(
                [
                    picture(
                        f"{name}-{page}-{index}",
                        *sorted(draw(st.sets(st.sampled_from(KEYS), max_size=2))),
                        width=draw(st.integers(0, 2)),
                    )
                    for index in range(count)
                ]
            )
        window = draw(st.none() | st.integers(1, 30))
        lists.append(List(name, pages, size, tells_last=draw(st.booleans()), window=window))
        if draw(st.booleans()):
            lists[-1].pages = [page if draw(st.booleans()) else [] for page in pages]  # an empty one is not the end
            lengths = draw(st.lists(st.sampled_from([2, 256, 300]), min_size=len(pages), max_size=len(pages)))
            lists[-1].tokens = [f"{number}-".ljust(length, "x") for number, length in enumerate(lengths)]
        lists[-1].most = draw(st.none() | st.integers(1, 4))
        lists[-1].rank = draw(st.integers(0, 2))
    return lists


def passed_by(lists: list[List], offsets: list[int | None], filtered: bool) -> PassedPictures:
    """What a walk at these offsets has shown, where every page is still cached."""
    by_provider = {}
    for source, offset in zip(lists, offsets, strict=True):
        images = source.reachable() if offset is None else source.until(offset)
        by_provider[source.name] = {digest for image in images for digest in digests(image)}
    return PassedPictures(by_provider, filtered={source.name for source in lists} if filtered else set())


def file_keys(image: Image) -> set[str]:
    return {key for key in image.identities if key.startswith("flickr:")}


def is_of_several(listing: Listing, steps: list[MergedImage]) -> bool:
    """Whether a record has the file keys of several pictures of an answer."""
    keys = file_keys(listing.image)
    return sum(any(keys & file_keys(other.image) for other in step.listings) for step in steps) > 1


async def walk_to_the_end(data: st.DataObject, lists: list[List], matches: Callable[[Image], bool]) -> None:
    places = [Place(source.name, source.size, 0) for source in lists]
    seal = CursorSeal(Keyring(b"only for this test, with a key of sufficient length"))
    is_filtered = not matches(picture("x", width=0))
    turn = 0
    shown: dict[str, Image] = {}
    listed: dict[str, Image] = {}  # shown, or named by one that is
    for round in range(400):
        failing = data.draw(st.sets(st.integers(0, len(lists) - 1))) if round < 20 else set()
        count = data.draw(st.integers(1, 9))
        cursors = [
            source.cursor(place, matches, Unavailable("down") if number in failing else None)
            for number, (source, place) in enumerate(zip(lists, places, strict=True))
        ]
        offsets = [place.offset for place in places]

        steps, turn = await interleave(cursors, turn, count, passed_by(lists, offsets, is_filtered).was_shown)

        for step in steps:
            image = step.shown.image
            assert image.id not in shown, "shown twice"
            assert matches(image)
            assert all(
                step.shown.cursor.rank <= other.cursor.rank or is_of_several(other, steps) for other in step.others
            )
            if not is_filtered:
                same = [other.id for other in shown.values() if file_keys(other) & file_keys(image)]
                assert not same, "the same picture shown twice"
            shown[image.id] = image
            listed |= {listing.image.id: listing.image for listing in (step.shown, *step.others)}
        halted = [cursor for cursor in cursors if cursor.error or cursor.budget_exhausted or cursor.is_full]
        for source in lists:
            assert source.most is None or sum(step.shown.cursor.name == source.name for step in steps) <= source.most
        # As after a restart: what goes on is in the sealed cursor alone.
        sealed = seal.close(Cursor(1, "x", {}, count, turn, [cursor.place for cursor in cursors]))
        places = seal.open(sealed).places
        if all(place.offset is None for place in places):
            break
        assert len(steps) == count or halted, "a short page although nobody halted"
    else:
        raise AssertionError("the walk does not end")
    matching = [image for source in lists for image in source.reachable() if matches(image)]
    assert_nothing_lost(matching, listed)


def assert_nothing_lost(images: list[Image], listed: dict[str, Image]) -> None:
    """Each image is listed, or is the same picture as one that is, over any number of steps."""
    found = dict(listed)
    lost = [image for image in images if image.id not in found]
    keys = {key for image in found.values() for key in file_keys(image)}
    while known := [image for image in lost if file_keys(image) & keys]:
        keys |= {key for image in known for key in file_keys(image)}
        lost = [image for image in lost if image not in known]
    assert [image.id for image in lost] == []


@settings(max_examples=300, deadline=None)
@given(lists=worlds(), filtered=st.booleans(), data=st.data())
def test_no_repeat_no_gap_full_pages(lists: list[List], filtered: bool, data: st.DataObject) -> None:
    """Whatever the lists, the failures that come and go, the page sizes: each picture once, and only then the end."""
    asyncio.run(walk_to_the_end(data, lists, lambda image: not filtered or image.width == 1))


def names_of_others(step: MergedImage) -> list[str]:
    return [other.cursor.name for other in step.others]


def numbered(name: str, count: int, size: int, *, tells_last: bool = True, window: int | None = None) -> List:
    images = [picture(f"{name}{number}") for number in range(count)]
    pages = [images[start : start + size] for start in range(0, count, size)]
    return List(name, pages, size, tells_last=tells_last, window=window)


def everything(_: Image) -> bool:
    return True


class TestWalk:
    async def test_takes_one_from_each_in_turn(self) -> None:
        """Two providers alternate, from the one whose turn it is."""
        cursors = [numbered("a", 5, 5).cursor(0, everything), numbered("b", 5, 5).cursor(0, everything)]

        steps, turn = await interleave(cursors, 1, 5)

        assert [step.shown.image.id for step in steps] == ["b0", "a0", "b1", "a1", "b2"]
        assert turn == 0

    async def test_a_provider_page_is_read_once(self) -> None:
        """Ten pictures of one provider page of ten cost one call."""
        ten = numbered("a", 30, 10)

        await interleave([ten.cursor(0, everything)], 0, 10)

        assert ten.calls == 1

    async def test_the_end_is_told_with_the_last_picture(self) -> None:
        """When the last page says that it is the last, no empty page follows."""
        cursor = numbered("a", 10, 5).cursor(5, everything)

        steps, _ = await interleave([cursor], 0, 5)

        assert (len(steps), cursor.offset) == (5, None)

    async def test_pictures_that_do_not_match_at_the_end_do_not_make_an_empty_page(self) -> None:
        """The rest of a page already read is looked at before a next page is promised."""
        cursor = numbered("a", 10, 10).cursor(0, lambda image: image.id in {"a0", "a1"})

        steps, _ = await interleave([cursor], 0, 2)

        assert (len(steps), cursor.offset) == (2, None)

    async def test_a_page_without_any_picture_ends_no_list_by_itself(self) -> None:
        """A provider may have dropped all of it, and tells neither a total nor that it is the last."""
        pages = [[picture("1")], [], [picture("3")]]
        cursor = List("p", pages, 1, tells_last=True, window=None).cursor(0, lambda _: True)

        steps, _ = await interleave([cursor], 0, 5)

        assert ([step.shown.image.id for step in steps], cursor.offset) == (["1", "3"], None)

    async def test_two_of_them_end_a_list_that_tells_no_end(self) -> None:
        source = List("p", [[picture("1")]], 1, tells_last=False, window=None)
        cursor = source.cursor(0, lambda _: True)

        steps, _ = await interleave([cursor], 0, 5)

        assert ([step.shown.image.id for step in steps], cursor.offset, source.calls) == (["1"], None, 3)

    async def test_a_window_ends_a_list(self) -> None:
        """What lies behind a provider's window is not asked for."""
        windowed = numbered("a", 100, 10, window=20)
        cursor = windowed.cursor(0, everything)

        steps, _ = await interleave([cursor], 0, 50)

        assert (len(steps), cursor.offset, windowed.calls) == (20, None, 2)

    async def test_a_filter_that_matches_nothing_halts_at_the_budget(self) -> None:
        """Three upstream pages a request, then the cursor goes on from there."""
        long = numbered("a", 100, 10)
        cursor = long.cursor(0, lambda _: False)

        steps, _ = await interleave([cursor], 0, 5)

        assert (steps, cursor.budget_exhausted, cursor.offset, long.calls) == ([], True, 30, PAGE_BUDGET)

    async def test_one_that_fails_leaves_the_page_to_the_others(self) -> None:
        """The others fill the page; the one that failed keeps its place."""
        cursors = [
            numbered("a", 9, 9).cursor(4, everything, TimedOut("late")),
            numbered("b", 9, 9).cursor(0, everything),
        ]

        steps, _ = await interleave(cursors, 0, 6)

        assert [f"b{number}" for number in range(6)] == [step.shown.image.id for step in steps]
        assert cursors[0].offset == 4

    async def test_the_same_picture_of_another_provider_is_shown_once(self) -> None:
        """By its page. Two of one provider's with one page are two."""
        one = List("a", [[picture("a0", "page:s/1"), picture("a1", "page:s/1")]], 5, tells_last=True, window=None)
        two = List("b", [[picture("b0", "page:s/1"), picture("b1")]], 5, tells_last=True, window=None)

        steps, _ = await interleave([one.cursor(0, everything), two.cursor(0, everything)], 0, 9)

        assert [(step.shown.image.id, names_of_others(step)) for step in steps] == [
            ("a0", ["b"]),
            ("b1", []),
            ("a1", []),
        ]

    async def test_two_photographs_of_one_object_are_two(self) -> None:
        """They share its page, but their files contradict it."""
        one = List("a", [[picture("a0", "page:met/1", "met:1:front")]], 5, tells_last=True, window=None)
        two = List("b", [[picture("b0", "page:met/1", "met:1:back")]], 5, tells_last=True, window=None)

        steps, _ = await interleave([one.cursor(0, everything), two.cursor(0, everything)], 0, 9)

        assert [step.shown.image.id for step in steps] == ["a0", "b0"]

    async def test_two_photographs_of_one_object_are_two_beside_a_record_without_files(self) -> None:
        """It is one of them for all that its page says, and not both."""
        names = {"a": [], "b": ["met:1:front"], "c": ["met:1:back"]}
        sources = [
            List(name, [[picture(f"{name}0", *keys, "page:met/1")]], 5, tells_last=True, window=None)
            for name, keys in names.items()
        ]

        steps, _ = await interleave([source.cursor(0, everything) for source in sources], 0, 9)

        assert [(step.shown.image.id, names_of_others(step)) for step in steps] == [("a0", ["b"]), ("c0", [])]

    async def test_the_owners_record_is_shown(self) -> None:
        """In the place of the aggregator's, which came first."""
        aggregator = List("a", [[picture("a0", "flickr:7"), picture("a1")]], 5, tells_last=True, window=None, rank=3)
        owner = List("b", [[picture("b0", "flickr:7"), picture("b1")]], 5, tells_last=True, window=None)
        cursors = [aggregator.cursor(0, everything), owner.cursor(0, everything)]

        steps, _ = await interleave(cursors, 0, 9)

        shown = [(step.shown.image.id, names_of_others(step)) for step in steps]
        assert shown == [("b0", ["a"]), ("b1", []), ("a1", [])]
        assert [cursor.shown for cursor in cursors] == [1, 2]

    async def test_a_record_with_the_keys_of_two_pictures_repeats_neither(self) -> None:
        """The first two share no key, and both share one with their owner's record: it is named, and not shown."""
        sources = [
            List("a", [[picture("a0", "flickr:7")]], 5, tells_last=True, window=None, rank=3),
            List("b", [[picture("b0", "commons:fA.jpg")]], 5, tells_last=True, window=None, rank=3),
            List("c", [[picture("c0", "commons:fA.jpg", "flickr:7")]], 5, tells_last=True, window=None, rank=0),
        ]

        steps, _ = await interleave([source.cursor(0, everything) for source in sources], 0, 9)

        assert [(step.shown.image.id, names_of_others(step)) for step in steps] == [("a0", []), ("b0", ["c"])]

    async def test_two_records_of_one_provider_with_one_file_are_one(self) -> None:
        source = List("a", [[picture("a0", "flickr:7"), picture("a1", "flickr:7")]], 5, tells_last=True, window=None)

        steps, _ = await interleave([source.cursor(0, everything)], 0, 9)

        assert [(step.shown.image.id, names_of_others(step)) for step in steps] == [("a0", [])]

    async def test_a_picture_that_comes_twice_is_shown_once(self) -> None:
        """The upstream's list moved on: its third page holds what was on the first."""
        pages = [[picture("1"), picture("2")], [picture("3"), picture("4")], [picture("1"), picture("5")]]
        cursor = List("p", pages, 2, tells_last=True, window=None).cursor(0, everything)

        steps, _ = await interleave([cursor], 0, 10)

        assert [step.shown.image.id for step in steps] == ["1", "2", "3", "4", "5"]

    async def test_all_are_asked_at_once(self) -> None:
        """Two providers that each wait for the other to be asked both answer."""
        asked = [asyncio.Event(), asyncio.Event()]

        def reader(own: int) -> ProviderCursor:
            class Waiting:
                async def read(self, number: int, version: int | None, token: str | LongToken | None) -> CacheResult:
                    asked[own].set()
                    await asyncio.wait_for(asked[1 - own].wait(), 30)
                    return fetched(Page([picture(f"{own}")], last=True))

            return ProviderCursor(Place(f"p{own}", 1, 0), Waiting())

        steps, _ = await interleave([reader(0), reader(1)], 0, 2)

        assert [step.shown.image.id for step in steps] == ["0", "1"]

    async def test_one_gives_no_more_than_its_terms_allow_on_a_page(self) -> None:
        """The others fill the page; the next one goes on where it stopped, and its end is seen in time."""
        few, many = numbered("a", 3, 5), numbered("b", 50, 50)
        few.most = 2
        first = [few.cursor(0, everything), many.cursor(0, everything)]

        steps, _ = await interleave(first, 0, 10)

        assert [step.shown.image.id for step in steps] == ["a0", "b0", "a1", *(f"b{number}" for number in range(1, 8))]
        second = [few.cursor(first[0].offset, everything)]
        steps, _ = await interleave(second, 0, 10)
        assert [step.shown.image.id for step in steps] == ["a2"]
        assert second[0].offset is None

    @pytest.mark.parametrize("limit", [3, 7])
    async def test_a_limit_ends_the_request_but_not_the_list(self, limit: int) -> None:
        """`page` reads a fixed range; the cursor goes on behind it."""
        list = numbered("a", 20, 5)
        cursor = ProviderCursor(Place("a", 5, 0), list, end=limit)

        steps, _ = await interleave([cursor], 0, 50)

        assert (limit, limit) == (len(steps), cursor.offset)
