"""The walk over providers' lists, as a property of random worlds, and its rules one by one."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagevault.cache.result import CacheResult
from imagevault.errors import ProviderError, TimedOut, Unavailable
from imagevault.records import Image, Page, Rendition
from imagevault.search.cursor import Place
from imagevault.search.merge import interleave
from imagevault.search.provider_cursor import PAGE_BUDGET, ProviderCursor


def picture(id: str, source: str | None = None, width: int = 1) -> Image:
    return Image(
        id=id, source_url=source, width=width, renditions=[Rendition(name="original", url="https://a.example/")]
    )


def fetched(page: Page) -> CacheResult:
    """A page that came from the upstream."""
    return CacheResult(page, "miss", "upstream", version=1)


class List:
    """A provider's list as it would answer it, page by page."""

    most: int | None = None

    def __init__(self, name: str, pages: list[list[Image]], size: int, *, tells_last: bool, window: int | None) -> None:
        self.name = name
        self.pages = pages
        self.size = size
        self.tells_last = tells_last
        self.window = window
        self.calls = 0

    async def read(self, number: int, version: int | None) -> CacheResult:
        self.calls += 1
        if number >= len(self.pages):
            return fetched(Page([], last=self.tells_last))
        return fetched(Page(self.pages[number], last=self.tells_last and number == len(self.pages) - 1))

    def reachable(self) -> list[Image]:
        """What a walk to the end must show: all that is inside the window, also behind a page without any."""
        found = []
        for number, page in enumerate(self.pages):
            for index, image in enumerate(page):
                if self.window is None or number * self.size + index < self.window:
                    found.append(image)
        return found

    def cursor(
        self, offset: int | None, matches: Callable[[Image], bool], error: ProviderError | None = None
    ) -> ProviderCursor:
        return ProviderCursor(
            Place(self.name, self.size, offset),
            Failing(error) if error else self,
            matches=matches,
            max_results=self.window,
            max_images=self.most,
        )


class Failing:
    """A source that raises an error for every page."""

    def __init__(self, error: ProviderError) -> None:
        self.error = error

    async def read(self, number: int, version: int | None) -> CacheResult:
        raise self.error


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
                        source=f"https://s.example/{draw(st.integers(0, 9))}" if draw(st.booleans()) else None,
                        width=draw(st.integers(0, 2)),
                    )
                    for index in range(count)
                ]
            )
        window = draw(st.none() | st.integers(1, 30))
        lists.append(List(name, pages, size, tells_last=draw(st.booleans()), window=window))
        lists[-1].most = draw(st.none() | st.integers(1, 4))
    return lists


async def walk_to_the_end(data: st.DataObject, lists: list[List], matches: Callable[[Image], bool]) -> None:
    offsets: list[int | None] = [0] * len(lists)
    turn = 0
    shown: set[str] = set()
    covered: set[str] = set()
    for round in range(400):
        failing = data.draw(st.sets(st.integers(0, len(lists) - 1))) if round < 20 else set()
        count = data.draw(st.integers(1, 9))
        cursors = [
            list.cursor(offset, matches, Unavailable("down") if number in failing else None)
            for number, (list, offset) in enumerate(zip(lists, offsets, strict=True))
        ]

        steps, turn = await interleave(cursors, turn, count)

        for step in steps:
            assert step.image.id not in shown, "shown twice"
            assert matches(step.image)
            shown.add(step.image.id)
            covered |= {f"{name} {step.image.source_url}" for name in step.also_from}
        halted = [cursor for cursor in cursors if cursor.error or cursor.budget_exhausted or cursor.is_full]
        for each in lists:
            assert each.most is None or sum(step.cursor.name == each.name for step in steps) <= each.most
        offsets = [cursor.offset for cursor in cursors]
        if all(offset is None for offset in offsets):
            break
        assert len(steps) == count or halted, "a short page although nobody halted"
    else:
        raise AssertionError("the walk does not end")
    for each in lists:
        for image in filter(matches, each.reachable()):
            assert image.id in shown or f"{each.name} {image.source_url}" in covered, f"{image.id} was left out"


@settings(max_examples=300, deadline=None)
@given(lists=worlds(), filtered=st.booleans(), data=st.data())
def test_no_repeat_no_gap_full_pages(lists: list[List], filtered: bool, data: st.DataObject) -> None:
    """Whatever the lists, the failures that come and go, the page sizes: each picture once, and only then the end."""
    asyncio.run(walk_to_the_end(data, lists, lambda image: not filtered or image.width == 1))


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

        assert [step.image.id for step in steps] == ["b0", "a0", "b1", "a1", "b2"]
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

        assert ([step.image.id for step in steps], cursor.offset) == (["1", "3"], None)

    async def test_two_of_them_end_a_list_that_tells_no_end(self) -> None:
        source = List("p", [[picture("1")]], 1, tells_last=False, window=None)
        cursor = source.cursor(0, lambda _: True)

        steps, _ = await interleave([cursor], 0, 5)

        assert ([step.image.id for step in steps], cursor.offset, source.calls) == (["1"], None, 3)

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

        assert [f"b{number}" for number in range(6)] == [step.image.id for step in steps]
        assert cursors[0].offset == 4

    async def test_the_same_picture_of_another_provider_is_shown_once(self) -> None:
        """By its source page; `also_from` names who has it too. Two of one provider's with one source are two."""
        source = "https://s.example/1"
        one = List("a", [[picture("a0", source), picture("a1", source)]], 5, tells_last=True, window=None)
        two = List("b", [[picture("b0", source), picture("b1")]], 5, tells_last=True, window=None)

        steps, _ = await interleave([one.cursor(0, everything), two.cursor(0, everything)], 0, 9)

        assert [(step.image.id, step.also_from) for step in steps] == [("a0", ["b"]), ("b1", []), ("a1", [])]

    async def test_a_picture_that_comes_twice_is_shown_once(self) -> None:
        """The upstream's list moved on: its third page holds what was on the first."""
        pages = [[picture("1"), picture("2")], [picture("3"), picture("4")], [picture("1"), picture("5")]]
        cursor = List("p", pages, 2, tells_last=True, window=None).cursor(0, everything)

        steps, _ = await interleave([cursor], 0, 10)

        assert [step.image.id for step in steps] == ["1", "2", "3", "4", "5"]

    async def test_all_are_asked_at_once(self) -> None:
        """Two providers that each wait for the other to be asked both answer."""
        asked = [asyncio.Event(), asyncio.Event()]

        def reader(own: int) -> ProviderCursor:
            class Waiting:
                async def read(self, number: int, version: int | None) -> CacheResult:
                    asked[own].set()
                    await asyncio.wait_for(asked[1 - own].wait(), 30)
                    return fetched(Page([picture(f"{own}")], last=True))

            return ProviderCursor(Place(f"p{own}", 1, 0), Waiting())

        steps, _ = await interleave([reader(0), reader(1)], 0, 2)

        assert [step.image.id for step in steps] == ["0", "1"]

    async def test_one_gives_no_more_than_its_terms_allow_on_a_page(self) -> None:
        """The others fill the page; the next one goes on where it stopped, and its end is seen in time."""
        few, many = numbered("a", 3, 5), numbered("b", 50, 50)
        few.most = 2
        first = [few.cursor(0, everything), many.cursor(0, everything)]

        steps, _ = await interleave(first, 0, 10)

        assert [step.image.id for step in steps] == ["a0", "b0", "a1", *(f"b{number}" for number in range(1, 8))]
        second = [few.cursor(first[0].offset, everything)]
        steps, _ = await interleave(second, 0, 10)
        assert [step.image.id for step in steps] == ["a2"]
        assert second[0].offset is None

    @pytest.mark.parametrize("limit", [3, 7])
    async def test_a_limit_ends_the_request_but_not_the_list(self, limit: int) -> None:
        """`page` reads a fixed range; the cursor goes on behind it."""
        list = numbered("a", 20, 5)
        cursor = ProviderCursor(Place("a", 5, 0), list, end=limit)

        steps, _ = await interleave([cursor], 0, 50)

        assert (limit, limit) == (len(steps), cursor.offset)
