"""Is page 1 really the first page? Its call is sent again, one step back: nothing new may be there.

The numbers that count pages are found by comparison: those that page 2 sends and page 1 does not, while all else in the
two calls is the same. They stand in the path, in the query, or in a body of JSON or of a form.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec

from imagevault.errors import ProviderError
from imagevault.testing.bench import Bench, Outgoing
from imagevault.testing.checks.outcomes import is_recorded, outcome_of
from imagevault.testing.sent_values import Place, form_in, json_in, values_in_body

WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")


class Step(msgspec.Struct, frozen=True):
    """The call of page 1, the numbers in it that count pages, and the same numbers one step back."""

    call: Outgoing
    numbers: Mapping[Place, int]
    earlier: Mapping[Place, int]
    length: int  # of the step, by the first number

    @property
    def name(self) -> str:
        """The name of the first number that is stepped back; of the first one if none is."""
        moved = (place for place, number in self.numbers.items() if self.earlier[place] != number)
        place = next(moved, next(iter(self.numbers)))
        return "number in the path" if place[0] == "path" else str(place[-1])

    @property
    def counts_pages(self) -> bool:
        """Whether a number counts pages, not images."""
        return any(self.numbers[place] - number == 1 for place, number in self.earlier.items())


async def check_first_page(
    bench: Bench, query: str, settings: Mapping[str, Any], calls: Sequence[Sequence[Outgoing]], known: Sequence[str]
) -> None:
    """Page 1 of the provider is the first page of the upstream.

    Args:
        bench: the bench.
        query: the words that were searched.
        settings: of the provider.
        calls: what pages 1 and 2 called.
        known: the ids of all pages that were read.

    """
    step = step_back(*calls)
    if step is None:
        return
    remedy = (
        "send query.page, or query.page - 1 where the upstream counts from 0"
        if step.counts_pages
        else "send (query.page - 1) * query.per_page, and 1 more where the upstream counts from 1"
    )
    if is_recorded(bench):  # the recording may not hold the page before
        lost = step.counts_pages and min(step.numbers.values()) > 1
        assert not lost, f"page 1 is not the first: it sends {step.name}={min(step.numbers.values())}; {remedy}"
        return
    bench.configure(settings)  # clears what the plugin caches
    bench.rewrite = lambda request: _stepped(request, step)
    page = await outcome_of(bench.given(query, 1))
    bench.rewrite = None
    if isinstance(page, ProviderError):
        return
    unseen = [image.id for image in page.images if image.id not in known]
    assert not unseen, (
        f"page 1 is not the first: a smaller {step.name} finds {unseen[0]}, which no page has; {remedy} "
        "(a simulated upstream finds nothing before its first page)"
    )


def step_back(first: Sequence[Outgoing], second: Sequence[Outgoing]) -> Step | None:
    """Return the step before the calls of page 1, by comparison with those of page 2; None if there is none before."""
    step = step_between(first, second)
    return step if step is not None and step.earlier != step.numbers else None


def step_between(first: Sequence[Outgoing], second: Sequence[Outgoing]) -> Step | None:
    """Return the step from the calls of page 1 to those of page 2; None if nothing counts pages."""
    for one in first:
        steps = [step for step in (_step_of_call(one, two) for two in second) if step is not None]
        if len(steps) == 1:  # several calls of one kind look up one record each
            return steps[0]
    return None


def _step_of_call(first: Outgoing, second: Outgoing) -> Step | None:
    """Return the step that the difference of two calls makes; None if they differ in more than what counts pages."""
    if first.method != second.method or first.url.host != second.url.host:
        return None
    values = values_in(first)
    later = values_in(second)
    if values.keys() != later.keys():
        return None
    return _step(first, [(place, values[place], later[place]) for place in values if values[place] != later[place]])


def _step(call: Outgoing, changed: Sequence[tuple[Place, object, object]]) -> Step | None:
    """Return the step that these changes make: place, value of page 1, value of page 2; None if not all count pages."""
    numbers: dict[Place, int] = {}
    earlier: dict[Place, int] = {}
    for place, value, later_value in changed:
        number, later = _number(value), _number(later_value)
        if number is None or later is None or not _may_count(number, later - number):
            return None
        numbers[place] = number
        earlier[place] = max(0, number - (later - number))
    lengths = [later - numbers[place] for place, _, value in changed if (later := _number(value)) is not None]
    return Step(call, numbers, earlier, lengths[0]) if numbers else None


def _may_count(number: int, step: int) -> bool:
    """Whether page 1 may send this number if page 2 sends one larger by `step`. The id of a record is far larger."""
    return step > 0 and number <= 2 * step + 1


def values_in(call: Outgoing) -> dict[Place, object]:
    """Return every value of a call by its place."""
    values: dict[Place, object] = {("path", number): part for number, part in enumerate(call.url.path.split("/"))}
    for number, (name, value) in enumerate(call.url.params.multi_items()):
        values["query", number, name] = value
    values |= values_in_body(call.body)
    return values


def _number(value: object) -> int | None:
    if isinstance(value, str) and WHOLE_NUMBER.fullmatch(value):
        return int(value)
    return value if type(value) is int and value >= 0 else None


def _stepped(request: httpx.Request, step: Step) -> httpx.Request:
    """Return the request with smaller numbers, if it is the call of page 1."""
    if Outgoing(request.method, request.url, request.content) != step.call:
        return request
    parts = request.url.path.split("/")
    query = request.url.params.multi_items()
    form = form_in(request.content)
    content = json_in(request.content)
    for place, number in step.earlier.items():
        match place:
            case ("path", int(position)):
                parts[position] = str(number)
            case ("query", int(position), str(name)):
                query[position] = (name, str(number))
            case ("form", int(position), str(name)):
                form[position] = (name, str(number))
            case ("json", *inner, last):
                target = content
                for key in inner:
                    target = target[key]
                target[last] = str(number) if isinstance(target[last], str) else number
    body = msgspec.json.encode(content) if isinstance(content, dict | list) else urlencode(form).encode()
    headers = {name: value for name, value in request.headers.items() if name not in {"content-length", "host"}}
    url = request.url.copy_with(params=query) if query else request.url
    if parts != request.url.path.split("/"):
        url = url.copy_with(path="/".join(parts))
    return httpx.Request(
        request.method,
        url,
        headers=headers,
        content=body if request.content else None,
        extensions=request.extensions,
    )
