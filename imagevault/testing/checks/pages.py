"""Rules for a search: pages follow each other to the end, have the size that was asked for, and may be empty."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from imagevault.errors import ProviderError
from imagevault.plugins.decoding import count_records
from imagevault.records import ProviderInfo
from imagevault.testing.bench import Bench
from imagevault.testing.checks.first_page import check_first_page, step_between
from imagevault.testing.checks.outcomes import assert_none, is_recorded, outcome_of, same_ids, shown, too_large
from imagevault.testing.checks.tokens import check_first_call, token_problems
from imagevault.testing.checks.walk import WalkedPage, is_end, next_page, pages_by_token

MAX_PAGES = 40
RECORDED_PAGES = 2
SMALL_PAGE = 3  # images of a page of a provider without an upstream, which may have few files


async def check_pages(bench: Bench, query: str, settings: Mapping[str, Any]) -> None:
    """Pages follow each other without a repeat, from the first of the upstream up to the end.

    Of recorded answers, two pages are read, or one if the second was not recorded.
    """
    if bench.upstream is None:
        bench.configure({**settings, "page_size": SMALL_PAGE})
    info = bench.provider.info
    recorded = is_recorded(bench)
    walk: list[WalkedPage] = []
    ids: list[str] = []
    with count_records() as count:
        while len(walk) < (RECORDED_PAGES if recorded else MAX_PAGES):
            walked = await next_page(bench, query, walk[-1] if walk else None)
            if walk:
                _check_other_call(info, walk[-1], walked)
            if recorded and ids and [image.id for image in walked.page.images] == ids:
                return  # the second page was not recorded
            earlier = walk[-1] if walk else None
            assert_none([*_page_problems(info, walked, ids, earlier), *token_problems(info, walked)])
            walk.append(walked)
            ids += [image.id for image in walked.page.images]
            if is_end(info, walked.page):
                break
    _check_fixed_size(info, walk)
    if not recorded:
        await _check_end(bench, query, walk[-1], ids)
    if len(walk) > 1 and pages_by_token(info):
        check_first_call(walk[0].calls, walk[1].calls)
    elif len(walk) > 1:
        await check_first_page(bench, query, settings, [walk[0].calls, walk[1].calls], ids)
    if not recorded:
        _check_none_missing(info, walk[-1].page.total, max(len(ids), count.records))


def _check_fixed_size(info: ProviderInfo, walk: Sequence[WalkedPage]) -> None:
    """Pages of a fixed size that have numbers are full. The gateway computes the place of a result from that."""
    if not info.fixed_page_size or pages_by_token(info):
        return
    followed = [max(walked.records, len(walked.page.images)) for walked in walk if not is_end(info, walked.page)]
    largest = max(followed, default=info.page_size)
    assert largest >= info.page_size, (
        f"page 1 has {largest} images, page_size says {info.page_size}, and more follow: give page_size the number "
        "that the upstream gives"
    )


def _check_other_call(info: ProviderInfo, previous: WalkedPage, walked: WalkedPage) -> None:
    field = "query.token" if pages_by_token(info) else "query.page"
    repeats_call = bool(walked.calls) and walked.calls == previous.calls
    assert not repeats_call, f"page {walked.number} makes the same call as page {previous.number}: send {field}"


async def _check_end(bench: Bench, query: str, last: WalkedPage, ids: Sequence[str]) -> None:
    """The walk came to an end, nothing follows, and there was more than one page."""
    info = bench.provider.info
    by_token = pages_by_token(info)
    remedy = "give next=None on the last page" if by_token else "set last on the page where the upstream ends"
    says = "next=None" if by_token else "last=True"
    assert is_end(info, last.page), f"no page of {query!r} says {says}: {remedy}"
    if not by_token:
        await _check_nothing_follows(bench, query, last.number, ids)
    assert last.number > 1, (
        f"{query!r} found only one page: set `query` of the test class to words that find more, "
        + ("or give Page.next where a page follows" if by_token else "or set last=True on the last page only")
    )


def _check_none_missing(info: ProviderInfo, total: int | None, found: int) -> None:
    """Compare the records of all pages with the total that the upstream reports. A few may be left out of a page."""
    reachable = min(total or 0, info.max_results or total or 0)
    assert reachable - found < info.page_size, (
        f"the pages hold {found} of {reachable} results: page 1 is not the first, or a page in between is left out; "
        "send query.page as the upstream counts it, or give max_results if the upstream ends before its total"
    )


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


def _page_problems(
    info: ProviderInfo, walked: WalkedPage, seen: Sequence[str], earlier: WalkedPage | None = None
) -> Iterator[str]:
    """What is wrong with a page that follows the `earlier` one, after pages with the ids `seen`."""
    page = walked.page
    number = walked.number
    yield from too_large(info, page, number)
    ids = [image.id for image in page.images]
    repeated = sorted(set(ids) & set(seen))
    twice = list(same_ids(page))
    yield from twice
    if repeated and not twice:
        yield f"page {number} repeats {', '.join(repeated[:3])}: {_remedy_of_repeat(info, walked, earlier)}"
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


def _remedy_of_repeat(info: ProviderInfo, walked: WalkedPage, earlier: WalkedPage | None) -> str:
    """Return what to send so that no image comes again: by the step between the numbers that two pages sent."""
    if pages_by_token(info):
        return "send query.token"
    step = None if earlier is None else step_between(earlier.calls, walked.calls)
    if earlier is None or step is None:
        return "send query.page"
    if [image.id for image in walked.page.images] == [image.id for image in earlier.page.images]:
        return f"{step.name} changes nothing, so correct the name of the parameter"
    if step.length == 1:
        return (
            f"{step.name} counts pages, but the upstream counts images by it: "
            "send (query.page - 1) * query.per_page, and 1 more where the upstream counts from 1"
        )
    return f"{step.name} leads too few images further: compute offsets from query.page - 1 and query.per_page"


async def check_page_size(bench: Bench, query: str, settings: Mapping[str, Any]) -> None:
    """With half of the `page_size`, two pages hold what one held before. No check where the page size is fixed."""
    info = bench.provider.info
    if info.fixed_page_size:
        return
    half = SMALL_PAGE
    if bench.upstream is not None:
        half = max(info.min_page_size, info.page_size // 2)
    whole = (await next_page(bench, query)).page
    bench.configure({**settings, "page_size": half})
    info = bench.provider.info
    walked = await next_page(bench, query)
    first = walked.page
    assert_none(_page_problems(info, walked, []))
    if is_end(info, first):
        return
    following = await next_page(bench, query, walked)
    second = following.page
    assert_none(_page_problems(info, following, [image.id for image in first.images], walked))
    known = {image.id for image in whole.images}
    begins_elsewhere = {image.id for image in first.images} - known
    assert not begins_elsewhere, (
        f"page 1 of {half} images has {min(begins_elsewhere)}, but page 1 of twice the size has not, so neither is the "
        "first: compute offsets from query.page - 1 and query.per_page"
    )
    unknown = [image.id for image in second.images if image.id not in known]
    assert not unknown, (
        f"page 2 of {half} images has {unknown[0]}, but one page of twice the size has not: "
        "compute offsets from query.per_page, or lower page_size to what the upstream gives"
    )


async def check_empty_search(bench: Bench, nothing: str) -> None:
    """A search that finds nothing is an empty page, the last one, and no error."""
    page = await outcome_of(bench.given(nothing))
    assert not isinstance(page, ProviderError), (
        f"a search that finds nothing raised {shown(bench, page)}: return Page([], last=True)"
    )
    assert not page.images, f"{nothing!r} found something: set `nothing` of the test class to words that find nothing"
    info = bench.provider.info
    if pages_by_token(info):
        assert page.next is None, "a search that finds nothing names a next page: return Page([], next=None)"
    else:
        assert page.last, "a search that finds nothing says last=False: return Page([], last=True)"
