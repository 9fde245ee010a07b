"""Rules for the calls of a provider: the words and filters arrive, to the right host, and nothing blocks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from imagevault.errors import ProviderError
from imagevault.records import Page
from imagevault.search.filters import EMULATED
from imagevault.testing import faults
from imagevault.testing.bench import Bench, Outgoing
from imagevault.testing.checks.outcomes import (
    assert_none,
    failed_search,
    images_of,
    is_recorded,
    no_images,
    outcome_of,
    shown,
)
from imagevault.testing.checks.probes import longest_pause, sent
from imagevault.testing.exchange import Answer, Call
from imagevault.testing.sent_values import json_in
from imagevault.testing.upstream import Upstream

ODD_WORDS = "naïve 100% 日本 a&b c+d e#f g=h"
LEADS_ASTRAY = "leads to another host"  # in the message of the transport
NO_VALUE = "no value"  # of a parameter
MAX_PAUSE = 0.1  # seconds for which a hook may stop the event loop
UPSTREAM_DELAY = 3 * MAX_PAUSE  # a hook that waits for it holds the event loop long enough to show on a busy machine
ATTEMPTS = 3  # a busy machine pauses the event loop too, but not each time


async def check_words(bench: Bench, upstream: Upstream, query: str) -> None:
    """Letters beyond ASCII, and characters with a meaning in URLs, arrive unchanged."""
    await _search_works(bench, query)  # and an answer that the plugin caches must not serve other words
    outcome = await outcome_of(bench.given(ODD_WORDS))
    arrived = " ".join(text for call in upstream.calls for text in sent(call))
    lost = [word for word in ODD_WORDS.split() if word not in arrived]
    assert not any(map(_is_in_document, upstream.calls)), (
        "the words stand inside the GraphQL document: pass them in `variables`, where quotes and braces do no harm"
    )
    assert not lost or not isinstance(outcome, ProviderError), failed_search(bench, outcome, ODD_WORDS)
    assert_none(f"the word {word} did not arrive unchanged: pass query.text in `params`" for word in lost)


async def _search_works(bench: Bench, query: str) -> None:
    """Fail with what the search raises, where a check would blame something else for it."""
    outcome = await outcome_of(bench.given(query))
    assert not isinstance(outcome, ProviderError), failed_search(bench, outcome, query)
    assert_none(no_images(outcome))


def _is_in_document(call: Call) -> bool:
    """Whether a GraphQL call has the words in its document: `query { objects(text: "a&b") }`."""
    content = json_in(call.body)
    document = content.get("query") if isinstance(content, dict) else None
    return isinstance(document, str) and "{" in document and ODD_WORDS.rsplit(maxsplit=1)[-1] in document


async def check_filters(bench: Bench, upstream: Upstream, query: str) -> None:
    """Each value of each declared filter is sent, and an orientation finds images of that shape."""
    problems: list[str] = []
    if bench.provider.info.filters:
        await _search_works(bench, query)
    for name, values in bench.provider.info.filters.items():
        for value, native in values.items():
            upstream.calls.clear()
            page = await outcome_of(bench.given(query, native={name: native}))
            was_sent = any(native in text for call in upstream.calls for text in sent(call))
            if not was_sent:
                problems.append(f"{name}: {native!r} of query.native was not sent: add it to the parameters")
            elif name == "orientation" and not is_recorded(bench):
                problems += _shapes(bench, page, value, native)
    assert_none(problems)


def _shapes(bench: Bench, page: Page | ProviderError, orientation: str, native: str) -> Iterator[str]:
    """What is wrong with the page that the upstream found for this orientation, which it calls `native`."""
    sent_as = f"orientation={orientation}, sent as {native!r},"
    search = f"{sent_as} finds"
    remedy = f"correct the word for {orientation} in ProviderInfo.filters"
    if isinstance(page, ProviderError):
        yield f"{sent_as} raised {shown(bench, page)}: {remedy}"
        return
    if not page.images:
        yield f"{search} nothing: {remedy}, or let the simulated upstream answer it"
        return
    has_shape = EMULATED["orientation"](orientation)
    for image in page.images:
        if image.width and image.height and not has_shape(image):
            yield f"{search} {image.width} x {image.height}: {remedy}"
            return


async def check_sorts(bench: Bench, query: str) -> None:
    """Each declared order is sent as the provider's own value, and makes another call than the other orders."""
    if bench.provider.info.sorts:
        await _search_works(bench, query)
    orders = {order: {"sort": native} for order, native in bench.provider.info.sorts.items()}
    calls: dict[str, Sequence[Outgoing]] = {}
    for order, native in orders.items():
        bench.requests.clear()
        outcome = await outcome_of(bench.given(query, native=native))
        assert not isinstance(outcome, ProviderError), (
            f"sorts: {order}, sent as {native['sort']!r}, raised {shown(bench, outcome)}: correct the word in sorts"
        )
        calls[order] = list(bench.requests)
    assert_none(
        f"sorts: {order} makes the same call as {same}: send query.native['sort']" for order, same in _same(calls)
    )


async def check_parameters(bench: Bench, query: str) -> None:
    """Each value of a declared parameter changes the call. One of several may be the default, which is always sent."""
    if bench.provider.info.parameters:
        await _search_works(bench, query)  # and what the plugin caches, such as a token, is fetched once
    for name, parameter in bench.provider.info.parameters.items():
        values = parameter.values or [text for text in [parameter.example] if text is not None]
        calls: dict[str, Sequence[Outgoing]] = {}
        for given in [{}, *({name: value} for value in values)]:
            bench.requests.clear()
            outcome = await outcome_of(bench.given(query, parameters=given))
            shown_value = given.get(name, NO_VALUE)
            assert not isinstance(outcome, ProviderError), (
                f"parameters: {name}={shown_value} raised {shown(bench, outcome)}: correct its values in parameters"
            )
            calls[shown_value] = list(bench.requests)
        same_calls = list(_same(calls))
        defaults = [pair for pair in same_calls if pair[1] == NO_VALUE]
        if len(values) > 1 and len(defaults) == 1:
            same_calls.remove(defaults[0])
        assert_none(
            f"parameters: {name}={value} makes the same call as {same}: send query.parameters"
            for value, same in same_calls
        )


def _same(calls: Mapping[str, Sequence[Outgoing]]) -> Iterator[tuple[str, str]]:
    """Return the names whose calls are those of an earlier name, each with that name."""
    names = list(calls)
    for position, name in enumerate(names):
        for earlier in names[:position]:
            if calls[earlier] == calls[name]:
                yield name, earlier
                break


async def check_hosts(bench: Bench, upstream: Upstream, query: str) -> None:
    """Each call goes to `base_url`, through the client that the hooks get. The gateway refuses other hosts."""
    page = await outcome_of(bench.search(query))
    remedy = "correct the search first"
    if LEADS_ASTRAY in str(page):
        remedy = "call paths relative to base_url, or declare the host in api_hosts"
    assert not isinstance(page, ProviderError), f"search_images raised {shown(bench, page)}: {remedy}"
    for image in page.images[:1]:
        await outcome_of(bench.fetch(image.id))
    uses_only_http = bool(bench.requests) and len(upstream.calls) == len(bench.requests)
    assert uses_only_http, (
        "the provider calls its API with a client of its own, or not at all: make every call with the parameter `http`"
    )


async def check_blocking(bench: Bench, query: str, settings: Mapping[str, Any]) -> None:
    """No hook stops the event loop, which would stop every request of the server.

    A search that fails proves nothing, because it ends before it blocks.
    """
    pause = 0.0
    outcome: Page | ProviderError | None = None
    for _ in range(ATTEMPTS):
        bench.configure(settings)  # clears what the plugin caches
        if bench.upstream is not None:
            bench.upstream.fail(faults.delay(UPSTREAM_DELAY), times=1)
        pause, outcome = await longest_pause(outcome_of(bench.given(query)))
        if pause < MAX_PAUSE and not isinstance(outcome, ProviderError):
            return
    assert pause >= MAX_PAUSE or not isinstance(outcome, ProviderError), failed_search(bench, outcome, query)
    raise AssertionError(
        f"search_images blocks the server for {pause:.2f} s: await the calls of `http`, "
        "use asyncio.sleep, and run what blocks with asyncio.to_thread"
    )


async def check_download_event(bench: Bench, query: str) -> None:
    """Of a provider with the hook `image_downloaded`: it makes a call, and raises if the call fails."""
    if bench.upstream is None or is_recorded(bench) or "image_downloaded" not in bench.provider.hooks:
        return
    images = await images_of(bench, query)
    image = images[0]
    bench.requests.clear()
    error = await outcome_of(bench.downloaded(image))
    assert not isinstance(error, ProviderError), (
        f"image_downloaded raised {shown(bench, error)} for an image of the search: it must succeed for each"
    )
    assert bench.requests, "image_downloaded made no call: report the download to the service with `http`"
    bench.upstream.fail(Answer("", 500))
    assert await outcome_of(bench.downloaded(image)), (
        "image_downloaded must raise if its call fails: call response.raise_for_status()"
    )
