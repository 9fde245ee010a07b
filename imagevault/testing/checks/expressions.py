"""Rules for a TOML file: each expression that it declares finds something in the answers of the upstream."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import httpx
import msgspec

from imagevault.errors import ProviderError
from imagevault.licenses import License
from imagevault.plugins.declarative.answer import whole_number
from imagevault.plugins.declarative.expressions import Expression, is_true
from imagevault.plugins.declarative.plugin import DeclarativePlugin
from imagevault.plugins.declarative.reading import ProviderFile, Way
from imagevault.plugins.declarative.template import Template, TextSource, encoded
from imagevault.plugins.declarative.values import WrongRecord, pixels_at
from imagevault.testing.bench import Bench
from imagevault.testing.checks.outcomes import assert_none, outcome_of
from imagevault.testing.checks.walk import WalkedPage, is_end, next_page
from imagevault.testing.sent_values import json_in

MAX_PAGES = 5  # that are read
OF_SEARCH = ("records", "total", "last", "next")
PICTURE = re.compile(r"\.(?:jpe?g|png|gif|webp|tiff?)", re.IGNORECASE)

Source = Expression | Template | TextSource


async def check_expressions(bench: Bench, query: str, may_find_nothing: Collection[str]) -> None:
    """Each expression of `[search]` and `[image]` finds something in the pages of the query, or in one of them."""
    plugin = bench.plugin.module
    if not isinstance(plugin, DeclarativePlugin):
        return
    answers = [json_in(body) for body in await _bodies(bench, query)]
    problems = _problems(plugin, [answer for answer in answers if answer is not None])
    assert_none(problem for problem in problems if not any(f": {key}: " in problem for key in may_find_nothing))


async def _bodies(bench: Bench, query: str) -> list[bytes]:
    """Return the bodies of the first pages as the upstream sends them."""
    bodies: list[bytes] = []

    async def keep(response: httpx.Response) -> None:
        bodies.append(await response.aread())

    bench.http.event_hooks = {"response": [keep]}
    walked: WalkedPage | None = None
    while walked is None or (walked.number < MAX_PAGES and not is_end(bench.provider.info, walked.page)):
        walked = await next_page(bench, query, walked)
    bench.http.event_hooks = {}
    return bodies


def _problems(plugin: DeclarativePlugin, answers: Sequence[Any]) -> Iterator[str]:
    file = plugin.file
    records = _records(file, answers)
    for way, source in _sources(file, "search"):
        if way[1] in OF_SEARCH:
            yield from _problem(file, way, source, answers, "answers")
    shown = [record for record in records if not _is_left_out(file, plugin, record)]
    if records and not shown:
        yield f"none of {len(records)} records is shown: {plugin.reader.why_hidden(records[0])}"
    for way, source in _sources(file, "image"):
        yield from _problem(file, way, source, [plugin.reader.context(record) for record in shown], "records")


def _sources(file: ProviderFile, table: str) -> Iterator[tuple[Way, Source]]:
    yield from ((way, source) for way, source in file.compiled.items() if way[0] == table and len(way) > 1)


def _records(file: ProviderFile, answers: Sequence[Any]) -> list[dict[str, Any]]:
    path = file.compiled["search", "records"]
    found = [record for answer in answers for record in _found(path, answer) or []]
    return [record for record in found if isinstance(record, dict)]


def _is_left_out(file: ProviderFile, plugin: DeclarativePlugin, record: dict[str, Any]) -> bool:
    """Whether `image.when` leaves a record out, or the record cannot be read. Others say so."""
    try:
        context = plugin.reader.context(record)
    except WrongRecord:
        return True
    when = file.compiled.get(("image", "when"))
    return when is not None and not is_true(_found(when, context))


def _problem(file: ProviderFile, way: Way, source: Source, contexts: Sequence[Any], kind: str) -> Iterator[str]:
    """What is wrong with one expression in these records or answers: it finds nothing in all of them, or no number."""
    if not contexts:
        return
    found = [_found(source, context) for context in contexts]
    values = [value for value in found if value not in (None, "", [], {})]
    text = getattr(source, "written", None) or getattr(source, "text", "")
    if not values or (way[-1] == "when" and not any(map(is_true, values))):
        verdict = "is not true" if way[-1] == "when" else "found nothing"
        reason = _missing(source, contexts[0])
        yield _said(file, way, f"`{text}` {verdict} in any of {len(contexts)} {kind}; {reason}")
    elif _is_number(way) and isinstance(source, Expression) and not any(map(_reads(way, source), contexts)):
        remedy = "`number(before(x, ' '))` reads a number before a blank; leave the key out where none is stated"
        yield _said(file, way, f"`{text}` found {values[0]!r:.100}, which is no number; {remedy}")
    elif way == ("image", "license", "word"):
        yield from _unknown_words(file, values)
    elif way[1] == "renditions" and way[-1] == "url" and isinstance(source, TextSource):
        yield from _encoded_paths(file, way, source, contexts)


def _is_number(way: Way) -> bool:
    return way == ("search", "total") or way[-1] in {"width", "height"}


def _reads(way: Way, source: Expression) -> Any:
    if way[0] == "search":
        return lambda answer: whole_number(answer, source, "search.total") is not None
    return lambda record: pixels_at(str(way[-1]), source, record) is not None


def _unknown_words(file: ProviderFile, words: Sequence[Any]) -> Iterator[str]:
    """Where `values` are declared, one of the words stands there, or is an address of Creative Commons."""
    license = file.sources.image.license
    if license is None or not license.values:
        return
    texts = list(dict.fromkeys(map(str, words)))
    if not any(text in license.values or License.from_url(text) for text in texts):
        given = ", ".join(repr(text[:60]) for text in texts[:3])
        way = ("image", "license", "values")
        yield _said(file, way, f"none of the words that `{license.word}` found stands here: {given}; add them")


def _encoded_paths(file: ProviderFile, way: Way, source: TextSource, contexts: Sequence[Any]) -> Iterator[str]:
    """A path of folders, such as `b/1.jpg`, whose `/` became `%2F` at the end of an address."""
    *before, last = source.template.parts if source.template else ["", ""]
    if not before or not isinstance(last, Expression):
        return
    for context in contexts:
        value = _found(last, context)
        address = _address(source, context)
        is_path = isinstance(value, str) and "/" in value.strip("/") and PICTURE.search(value[-5:])
        if is_path and "?" not in address and address.endswith(encoded(value)):
            start = before[-1] if isinstance(before[-1], str) else ""
            remedy = f"write join('', ['{start}', {last.text}])"
            yield _said(file, way, f"`{source.written}` makes %2F of each / in {value[:100]!r}, a dead link; {remedy}")
            return


def _address(source: TextSource, context: Any) -> str:
    try:
        return source.address(context) or ""
    except ValueError:
        return ""


def _found(source: Source, context: Any) -> Any:
    """Return what a source finds; a failure counts as found, because the record itself says so."""
    try:
        return source.find(context) if isinstance(source, Expression) else source.value(context)
    except ValueError:
        return True


def _missing(source: Source, context: Any) -> str:
    return "" if isinstance(source, Template) else source.missing(context)


def _said(file: ProviderFile, way: Way, message: str) -> str:
    return str(file.error(way, message))


async def reason_not_found(bench: Bench, id: str) -> str:
    """Say why `fetch_image` finds nothing: no call was made, the status of the answer, or what was not in it."""
    responses: list[httpx.Response] = []

    async def keep(response: httpx.Response) -> None:
        await response.aread()
        responses.append(response)

    bench.http.event_hooks = {"response": [keep]}
    outcome = await outcome_of(bench.fetch(id))
    bench.http.event_hooks = {}
    plugin = bench.plugin.module
    sources = plugin.file.compiled if isinstance(plugin, DeclarativePlugin) else {}
    if isinstance(outcome, ProviderError) and not responses:
        return f"it raised {outcome!r}"
    if not responses:
        remedy = f": lookup.id does not match {id!r}, or lookup.when is not true" if sources else ""
        return f"no call was made{remedy}"
    response = responses[-1]
    if response.status_code != httpx.codes.OK or not isinstance(plugin, DeclarativePlugin):
        return f"the answer to {response.request.url.path} was {response.status_code}"
    way: Way = ("lookup", "records") if ("lookup", "records") in sources else ("lookup", "record")
    answer = msgspec.json.decode(response.content)
    source = sources[way]
    found = _found(source, answer)
    if not is_true(found):
        return _said(plugin.file, way, f"`{getattr(source, 'text', '')}` found nothing; {_missing(source, answer)}")
    record = found[0] if isinstance(found, list) else found
    return plugin.reader.why_hidden(record) if isinstance(record, dict) else "the answer holds no record"
