"""Rules for failures of the upstream: each becomes the right error, after one call, and shows no secret."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import httpx

from imagevault.errors import (
    InvalidResponse,
    NotFound,
    ProviderError,
    RateLimited,
    TimedOut,
    Unauthorized,
    Unavailable,
)
from imagevault.records import Page
from imagevault.testing import faults
from imagevault.testing.bench import Bench
from imagevault.testing.checks.outcomes import assert_none, images_of, outcome_of, same_ids
from imagevault.testing.checks.probes import RecordSpoiler, repeated, secrets
from imagevault.testing.exchange import Answer, Fault
from imagevault.testing.upstream import Upstream

Errors = tuple[type[ProviderError], ...]

RETRY_AFTER = 37  # seconds
OVERSIZED = 6 * 1024 * 1024  # bytes; the gateway reads at most 5 * 1024 * 1024 bytes of an answer

# A failure of the upstream, and the errors that name it.
FAILURES: dict[str, tuple[Fault, Errors]] = {
    "401": (Answer({"error": "no"}, 401), (Unauthorized,)),
    "403": (Answer("", 403), (Unauthorized, RateLimited)),
    "404": (Answer({"error": "no"}, 404), (NotFound, InvalidResponse)),
    "429": (Answer({"error": "slow down"}, 429), (RateLimited,)),
    "429 for a while": (Answer({"error": "slow down"}, 429, {"Retry-After": f"{RETRY_AFTER}"}), (RateLimited,)),
    "500": (Answer("oops", 500), (Unavailable,)),
    "503": (Answer("", 503), (Unavailable,)),
    "a reset connection": (faults.reset(), (Unavailable, InvalidResponse)),
    "an answer that is cut off": (faults.truncated(), (Unavailable, InvalidResponse)),
    "half of the answer": (faults.cut_json(), (InvalidResponse,)),
    "a page of HTML": (faults.html_page(), (InvalidResponse,)),
    "values of other types": (faults.wrong_types(), (InvalidResponse,)),
    "an answer of six megabytes": (faults.oversized(OVERSIZED), (InvalidResponse,)),
    "six megabytes, gzipped": (faults.gzip_bomb(OVERSIZED), (InvalidResponse,)),
}
# A failure that httpx raises before there is an answer, and the errors that name it.
RAISED: dict[str, tuple[Exception, Errors]] = {
    "a time-out": (httpx.ReadTimeout("late"), (TimedOut,)),
    "no connection": (httpx.ConnectError("refused"), (Unavailable,)),
}


async def check_failure(bench: Bench, upstream: Upstream, query: str, kind: str, settings: Mapping[str, Any]) -> None:
    """While the upstream fails like this, a search and a lookup raise the right error after a single call each."""
    images = await images_of(bench, query)
    id = images[0].id
    bench.configure(settings)  # clears what the plugin caches
    if kind in FAILURES:
        fault, _ = FAILURES[kind]
        upstream.fail(fault)
    else:
        bench.fault, _ = RAISED[kind]
    hooks: dict[str, Callable[[], Awaitable[object]]] = {
        "search_images": lambda: bench.search(query),
        "fetch_image": lambda: bench.fetch(id),
    }
    for name, call_hook in hooks.items():
        if name not in bench.provider.hooks:
            continue
        bench.requests.clear()
        outcome = await outcome_of(call_hook())
        assert_none(_failure_problems(kind, name, outcome))
        assert_none(
            f"{kind}: {name} called {call.url.path} twice: call once, because the gateway retries and counts calls"
            for call in repeated(bench.requests)
        )


def check_log(log: str, settings: Mapping[str, Any]) -> None:
    """No log line holds a secret of the settings. The gateway removes secrets from messages, but not from a log."""
    assert_none(f"a log line holds the secret {secret!r}: remove it" for secret in secrets(settings) if secret in log)


def _failure_problems(kind: str, hook: str, outcome: object) -> Iterator[str]:
    """What is wrong with the outcome of a hook during this failure."""
    _, expected = FAILURES[kind] if kind in FAILURES else RAISED[kind]
    names = " or ".join(error.__name__ for error in expected)
    if not isinstance(outcome, ProviderError):
        if hook == "fetch_image" and kind == "404" and outcome is None:
            return
        shown = f"a page of {len(outcome.images)} images" if isinstance(outcome, Page) else f"{outcome!r:.200}"
        yield f"{kind}: {hook} must raise {names}, but it returned {shown}: do not hide the failure"
    elif not isinstance(outcome, expected):
        yield f"{kind}: {hook} must raise {names}, not {outcome!r}"
    elif kind == "429 for a while" and outcome.retry_after != RETRY_AFTER:
        yield (
            f"{kind}: {hook} raised an error with retry_after={outcome.retry_after}: "
            f"set it to {RETRY_AFTER}, the value of Retry-After"
        )


async def check_bad_record(bench: Bench, upstream: Upstream, query: str, settings: Mapping[str, Any]) -> bool:
    """One record that cannot be decoded is left out, and the other records of the page stay.

    Returns:
        False if there is nothing to spoil: the answers hold no list of records and no lookup of the first image.
    """
    before = [image.id for image in await images_of(bench, query)]
    assert_none(same_ids(await bench.given(query)))
    spoiler = RecordSpoiler(before)
    bench.configure(settings)  # clears what the plugin caches
    upstream.fail(spoiler)
    page = await outcome_of(bench.search(query))
    if not spoiler.done:
        return False
    assert not isinstance(page, ProviderError), (
        f"one bad record loses the whole page: declare the list as list[msgspec.Raw] and use decode_each ({page})"
    )
    after = {image.id for image in page.images}
    assert after < set(before), (
        "a record without any of its fields is still on the page: give the fields that you read a type and no default"
    )
    lost = len(before) - len(after)
    assert lost == 1, f"one bad record loses {lost} records: decode each record on its own with decode_each"
    return True
