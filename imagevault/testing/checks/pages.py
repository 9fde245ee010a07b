"""Rules for a search: pages follow each other to the end, have the size that was asked for, and may be empty."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx

from imagevault.errors import ProviderError
from imagevault.records import Image, Page
from imagevault.testing.bench import Bench
from imagevault.testing.checks.outcomes import assert_none, is_recorded, outcome_of

MAX_PAGES = 40
RECORDED_PAGES = 2
SMALL_PAGE = 3  # images of a page of a provider without an upstream, which may have few files


async def check_pages(bench: Bench, query: str, settings: Mapping[str, Any]) -> None:
    """Pages follow each other without a repeat, up to the first that says `last`.

    Of recorded answers, two pages are read, or one if the second was not recorded.
    """
    if bench.upstream is None:
        bench.configure({**settings, "page_size": SMALL_PAGE})
    size = bench.provider.info.page_size
    recorded = is_recorded(bench)
    ids: list[str] = []
    previous_calls: list[httpx.URL] = []
    for number in range(1, (RECORDED_PAGES if recorded else MAX_PAGES) + 1):
        bench.calls.clear()
        page = await bench.given(query, number)
        repeats_call = bool(previous_calls) and bench.calls == previous_calls
        assert not repeats_call, f"page {number} makes the same call as page {number - 1}: send query.page"
        if recorded and ids and [image.id for image in page.images] == ids:
            return  # the second page was not recorded
        assert_none(_page_problems(page, number, size, ids))
        previous_calls = list(bench.calls)
        ids += [image.id for image in page.images]
        if page.last:
            break
    if recorded:
        return
    assert page.last, f"no page of {query!r} says last=True: set last on the page where the upstream ends"
    assert len(ids) > size, (
        f"{query!r} found only one page: set `query` of the test class to words that find more, "
        "or set last=True on the last page only"
    )
    await _check_nothing_follows(bench, query, number, ids)


async def _check_nothing_follows(bench: Bench, query: str, last: int, ids: Sequence[str]) -> None:
    """Ask for one page more than the last, unless it lies beyond `max_results`."""
    info = bench.provider.info
    if info.max_results is not None and last * info.page_size >= info.max_results:
        return
    following = await outcome_of(bench.given(query, last + 1))
    if isinstance(following, ProviderError):
        return
    unseen = {image.id for image in following.images} - set(ids)
    assert not unseen, (
        f"page {last} says last=True, but page {last + 1} has images: "
        "take the end from the upstream, because a short page need not be the last"
    )


def _page_problems(page: Page, number: int, size: int, seen: Sequence[str]) -> Iterator[str]:
    """What is wrong with a page of at most `size` images that follows those with the ids `seen`."""
    if len(page.images) > size:
        yield f"page {number} has {len(page.images)} images, but {size} were asked for: send query.per_page"
    ids = [image.id for image in page.images if isinstance(image, Image)]
    repeated = sorted(set(ids) & set(seen))
    if repeated:
        yield f"page {number} repeats {', '.join(repeated[:3])}: send query.page"
    if not isinstance(page.last, bool):
        yield f"last of page {number} is {page.last!r}: give True or False"
    if page.total is None:
        return
    count = len({*seen, *ids})
    if type(page.total) is not int or page.total < 0:
        yield f"total of page {number} is {page.total!r}: give a number of 0 or more, or None"
    elif page.total < count:
        yield (
            f"total of page {number} is {page.total}, but {count} images were found: "
            "give the total of all pages, or None if the upstream does not say"
        )


async def check_page_size(bench: Bench, query: str, settings: Mapping[str, Any]) -> None:
    """With half of the `page_size`, two pages hold what one held before."""
    half = SMALL_PAGE
    if bench.upstream is not None:
        half = max(1, bench.provider.info.page_size // 2)
    whole = await bench.given(query)
    bench.configure({**settings, "page_size": half})
    first = await bench.given(query, 1)
    second = await bench.given(query, 2)
    assert_none(_page_problems(first, 1, half, []))
    assert_none(_page_problems(second, 2, half, [image.id for image in first.images]))
    known = {image.id for image in whole.images}
    unknown = [image.id for image in second.images if image.id not in known]
    assert not unknown, (
        f"page 2 of {half} images has {unknown[0]}, but one page of twice the size has not: "
        "compute offsets from query.per_page, or lower page_size to what the upstream gives"
    )


async def check_empty_search(bench: Bench, nothing: str) -> None:
    """A search that finds nothing is an empty page, the last one, and no error."""
    page = await outcome_of(bench.given(nothing))
    assert not isinstance(page, ProviderError), (
        f"a search that finds nothing raised {page!r}: return Page([], last=True)"
    )
    assert not page.images, f"{nothing!r} found something: set `nothing` of the test class to words that find nothing"
    assert page.last, "a search that finds nothing says last=False: return Page([], last=True)"
