"""What the checks share: the outcome of a hook, the images of a search, and one failure for all problems found."""

from collections import Counter
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from typing import TypeVar

from imagevault.errors import ProviderError
from imagevault.plugins.decoding import RecordCount, count_records
from imagevault.records import Image, Page, ProviderInfo
from imagevault.testing.bench import Bench
from imagevault.testing.recorded import Recorded

T = TypeVar("T")

MAX_SHOWN = 20  # problems in one failure


async def outcome_of(hook: Awaitable[T]) -> T | ProviderError:
    """Return what the hook returns, or the `ProviderError` that it raises."""
    try:
        return await hook
    except ProviderError as error:
        return error


async def images_of(bench: Bench, query: str) -> Sequence[Image]:
    """Return the first page of a search, sanitized.

    Raises:
        AssertionError: the search fails, finds nothing, or finds more than was asked for.
    """
    with count_records() as count:
        page = await outcome_of(_checked_page(bench, query))
    assert not isinstance(page, ProviderError), failed_search(bench, page, query)
    assert page.images, found_nothing(query, count, page.total)
    return page.images


def failed_search(bench: Bench, error: ProviderError, query: str) -> str:
    """Return what to say of a search that a check needs and that fails."""
    return f"search_images raised {shown(bench, error)} for {query!r}: correct the search first"


async def _checked_page(bench: Bench, query: str) -> Page:
    given = await bench.given(query)
    assert_none([*no_images(given), *too_large(bench.provider.info, given, 1)])
    return bench.sanitized(given)


def no_images(page: Page) -> Iterator[str]:
    """What a page holds that is no Image. A check cannot read it."""
    for image in page.images:
        if not isinstance(image, Image):
            yield f"a page holds a {type(image).__name__}, not an Image: put only Image(...) into Page.images"


def same_ids(page: Page) -> Iterator[str]:
    """The ids that two images of a page have."""
    for id, count in Counter(image.id for image in page.images).items():
        if count > 1:
            yield f"two images of a page have the id {id}: take the id that the service gives to each image"


def too_large(info: ProviderInfo, page: Page, number: int) -> Iterator[str]:
    """A page with more images than `page_size`: the gateway would cut it."""
    if len(page.images) <= info.page_size:
        return
    remedy = "give page_size that number"
    if not info.fixed_page_size:
        remedy = "send query.per_page, or declare fixed_page_size=True if the upstream knows no other size"
    yield f"page {number} has {len(page.images)} images, but {info.page_size} were asked for: {remedy}"


def shown(bench: Bench, error: ProviderError) -> str:
    """Return an error as the author needs it: what the plugin itself raised, with its line, if the fault is its own."""
    cause = error.__cause__
    if cause is None or isinstance(cause, ProviderError) or type(error) is not ProviderError:
        return repr(error)
    return bench.plugin.explain(cause)


def found_nothing(query: str, count: RecordCount, total: int | None) -> str:
    """The message for a page without images: what dropped its records, or that the `query` does not suit."""
    if count.records:
        reason = count.hidden or count.reason or "the plugin leaves them out"
        return f"{query!r} found {count.records} records, and none of them is shown: {reason}"
    if total:
        return (
            f"the upstream reports {total} results for {query!r}, but no record was found: correct where the records "
            "stand in the answer (search.records in TOML)"
        )
    return f"{query!r} found nothing: set `query` of the test class to words that find something"


def is_recorded(bench: Bench) -> bool:
    """Whether the answers come from a recording, which answers only the calls that were recorded."""
    return isinstance(bench.upstream, Recorded)


def assert_none(problems: Iterable[str]) -> None:
    """Fail with one line for each distinct problem, up to `MAX_SHOWN` of them."""
    distinct = list(dict.fromkeys(problems))
    assert not distinct, "\n".join(distinct[:MAX_SHOWN])
