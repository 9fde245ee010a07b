"""Rules for a provider that pages by token: each page names the next one, and the token alone leads there."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from imagevault.errors import ProviderError
from imagevault.images.sanitize import MAX_TOKEN
from imagevault.records import Page, ProviderInfo
from imagevault.testing.bench import Bench, Outgoing
from imagevault.testing.checks.outcomes import is_recorded, outcome_of
from imagevault.testing.checks.walk import WalkedPage, next_page, pages_by_token

UNKNOWN_TOKEN = "no-such-token"  # noqa: S105


def token_problems(info: ProviderInfo, walked: WalkedPage) -> Iterator[str]:
    """What is wrong with the token that a page gives."""
    token = walked.page.next
    if token is None:
        return
    if not pages_by_token(info):
        yield f"page {walked.number} has a `next`, but pages have numbers: declare paging='token' in ProviderInfo"
    elif not isinstance(token, str) or not 0 < len(token) <= MAX_TOKEN:
        yield (
            f"next of page {walked.number} is {token!r:.100}: give the upstream's token as text of 1 to {MAX_TOKEN} "
            "characters, and None where no page follows"
        )
    elif token == walked.token:
        yield f"page {walked.number} names itself as the next one: give the token of its own answer as Page.next"


def check_first_call(first: Sequence[Outgoing], second: Sequence[Outgoing]) -> None:
    """Page 1 makes no more searches than page 2, which would mean that the records of the first are thrown away."""
    searched = {(call.method, call.url.path) for call in second}
    for kind in searched:
        before = sum((call.method, call.url.path) == kind for call in first)
        after = sum((call.method, call.url.path) == kind for call in second)
        assert before <= after, (
            f"page 1 calls {kind[1]} {before} times, page 2 {after} times: is page 1 really the first? "
            "Without query.token, return the records of the first answer"
        )


async def check_tokens(bench: Bench, query: str, settings: Mapping[str, Any]) -> None:
    """A page is found again by its token alone, and an unknown token is an error."""
    if not pages_by_token(bench.provider.info):
        return
    first = await next_page(bench, query)
    if first.page.next is None:
        return  # `check_pages` says so
    second = await next_page(bench, query, first)
    bench.configure(settings)  # another worker has nothing of the pages before
    again = await outcome_of(bench.given(query, 2, token=first.page.next))
    is_same = isinstance(again, Page) and _ids(again) == _ids(second.page)
    assert is_same, (
        "page 2 is another one when a new worker asks for it with the same token: "
        "keep nothing between pages, put all that leads to the next page into Page.next"
    )
    if is_recorded(bench):
        return  # the recording answers with the call that is most alike
    refused = await outcome_of(bench.given(query, 2, token=UNKNOWN_TOKEN))
    found = "the first page" if isinstance(refused, Page) and _ids(refused) == _ids(first.page) else "a page"
    assert isinstance(refused, ProviderError), (
        f"an unknown token finds {found}: send query.token, and raise an error where the upstream refuses it "
        "(a simulated upstream must refuse it too)"
    )


def _ids(page: Page) -> list[str]:
    return [image.id for image in page.images]
