"""A walk through the pages of a search, by number or by token, as the provider declares."""

from collections.abc import Sequence

import msgspec

from imagevault.errors import ProviderError
from imagevault.plugins.decoding import count_records
from imagevault.records import Page, ProviderInfo
from imagevault.testing.bench import Bench, Outgoing
from imagevault.testing.checks.outcomes import assert_none, no_images, outcome_of, shown


class WalkedPage(msgspec.Struct, frozen=True):
    """One page of a walk.

    Attributes:
        number: from 1.
        page: what the plugin returned.
        token: the token that the page was asked with; None for the first, and where pages have numbers.
        calls: the calls that it took.
        records: how many records were read for it; 0 where the plugin does not count them.

    """

    number: int
    page: Page
    token: str | None
    calls: Sequence[Outgoing]
    records: int


def pages_by_token(info: ProviderInfo) -> bool:
    """Whether each page names the next one."""
    return info.paging == "token"


def is_end(info: ProviderInfo, page: Page) -> bool:
    """Whether the page says that no page follows."""
    return page.next is None if pages_by_token(info) else page.last


async def next_page(bench: Bench, query: str, previous: WalkedPage | None = None) -> WalkedPage:
    """Return the page after the previous one, or the first page.

    Raises:
        AssertionError: the search fails, or finds what is no Image.

    """
    number = previous.number + 1 if previous else 1
    token = previous.page.next if previous and pages_by_token(bench.provider.info) else None
    bench.requests.clear()
    with count_records() as count:
        page = await outcome_of(bench.given(query, number, token=token))
    assert not isinstance(page, ProviderError), f"page {number} of {query!r} raised {shown(bench, page)}"
    assert_none(no_images(page))
    return WalkedPage(number, page, token, list(bench.requests), count.records)
