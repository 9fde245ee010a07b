"""What the commands print: tables and lines for people, JSON for programs."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Self

import msgspec
from rich.console import Console
from rich.text import Text

from imagevault.cli.tables import INDENT, lay_out, wrap

if TYPE_CHECKING:
    from imagevault.cache.eviction import CacheUse
    from imagevault.downloads.record import DownloadRecord
    from imagevault.images.record import ImageRecord
    from imagevault.search.provider_cursor import Event
    from imagevault.search.provider_list import FailedPlugin, ProviderHealth, ProviderRecord
    from imagevault.search.search import SearchResponse

out = Console()
err = Console(stderr=True)

MEGABYTE = 1024 * 1024  # bytes
INCLUDED = "imagevault "  # how the source of an included provider begins; a version follows
UNITS = ((86400, "d"), (3600, "h"), (60, "min"))  # seconds, and the unit


class Rows(NamedTuple):
    """A table: its column names and its rows."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


def say(text: str, end: str = "\n") -> None:
    """Print a line for people on standard error."""
    err.print(Text(text), end=end, soft_wrap=True)


def say_wrapped(text: str, indent: str = INDENT) -> None:
    """The same, broken between words where the terminal ends. For texts without a command to copy."""
    for line in wrap(text, _width(err), indent):
        say(line)


def print_line(text: str) -> None:
    """Print a line on standard output, without markup and without folding."""
    out.print(Text(text), soft_wrap=True)


def print_wrapped(text: str) -> None:
    """The same, broken between words where the terminal ends. For texts without a command to copy."""
    for line in wrap(text, _width(out)):
        print_line(line)


def print_json(value: object) -> None:
    """Print a value as the API answers it, indented."""
    encoded = msgspec.json.encode(value)
    sys.stdout.buffer.write(msgspec.json.format(encoded, indent=2) + b"\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str = "There is nothing.") -> None:
    """Print a table that fits the terminal. In a pipe, each row has its cells side by side, however long they are.

    Args:
        columns: their names.
        rows: the cells of each row.
        empty: what to say on standard error if there is no row.

    """
    if not rows:
        say(empty)
        return
    heading, *lines = lay_out(columns, rows, _width(out))
    out.print(Text(heading, style="bold"), soft_wrap=True)
    for line in lines:
        print_line(line)


def print_search(response: "SearchResponse") -> None:
    """Print the images of a search, and the status of each provider on standard error.

    An image has its id and facts, its credit, and the address of its page, or of its file if it has no page.
    """
    for image in response.images:
        _print_image(image)
    for status in response.providers:
        total = f", {status.total} in all" if status.total is not None else ""
        detail = f": {status.detail}" if status.detail else ""
        say_wrapped(f"{status.name}: {status.status}{total}{detail}")


def _print_image(image: "ImageRecord") -> None:
    from imagevault.images.renditions import choose_download

    first, *others = wrap(f"{image.id}  {_facts(image)}", _width(out))
    heading = Text(first)
    heading.stylize("bold", end=len(image.id))
    out.print(heading, soft_wrap=True)
    for line in (*others, *wrap(INDENT + image.attribution.text, _width(out))):
        print_line(line)
    print_line(INDENT + (image.source_url or choose_download(image.renditions).url))


def _width(console: Console) -> int | None:
    """The width of a terminal; None for a pipe or a file, whose lines may have any length."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit():
        return int(columns) or None
    return console.width if console.is_terminal else None


def _facts(image: "ImageRecord") -> str:
    """Size, licence and title of an image, as far as they are known; no title that the credit line has anyway."""
    facts: list[str] = []
    if image.width and image.height:
        facts.append(f"{image.width} x {image.height}")
    if image.license:
        facts.append(image.license.name)
    if image.title and image.title not in image.attribution.text:
        facts.append(image.title)
    return "  ".join(facts)


def download_rows(records: "Sequence[DownloadRecord]") -> Rows:
    """The table of a list of downloads."""
    rows = [
        (
            record.image or record.url,
            record.license.name if record.license else "",
            f"{record.created_at:%Y-%m-%d %H:%M}",
            record.rendition,
            record.project,
            record.attribution.text if record.attribution else "",
        )
        for record in records
    ]
    return Rows(("image", "licence", "downloaded (UTC)", "rendition", "project", "credit"), rows)


def provider_rows(providers: "Sequence[ProviderRecord]", failures: "Sequence[FailedPlugin]") -> Rows:
    """The table of the provider list."""
    rows = [
        (
            provider.name,
            _state(provider),
            "\n".join(_quotas(provider.health)),
            _cache_rate(provider.health),
            provider.reason or _last_error(provider.health),
            None if (provider.source or "").startswith(INCLUDED) else provider.source,
        )
        for provider in providers
    ]
    rows += [(plugin.name, "not loaded", "", "", plugin.reason, plugin.source) for plugin in failures]
    return Rows(("provider", "state", "quota left", "cache", "problem", "source"), rows)


def _state(provider: "ProviderRecord") -> str:
    """The state, with the breaker and the pause of a provider that is paused, and the downloads that wait."""
    parts: list[str] = [provider.state]
    if provider.health is not None and provider.health.breaker != "closed":
        parts.append(f"breaker {provider.health.breaker}")
    if provider.health is not None and provider.health.retry_after:
        parts.append(f"again in {_duration(provider.health.retry_after)}")
    if provider.downloads_waiting:
        oldest = _duration(provider.oldest_waiting or 0)
        parts.append(f"downloads waiting: {provider.downloads_waiting}, oldest {oldest}")
    return ", ".join(parts)


def _quotas(health: "ProviderHealth | None") -> list[str]:
    """What is left of each quota, without those per second: a call waits for such a quota."""
    lines: list[str] = []
    for quota in health.quotas if health is not None else ():
        if not quota.is_burst:
            more = "" if quota.more_in is None else f", more in {_duration(quota.more_in)}"
            lines.append(f"{quota.left} of {quota.name}{more}")
    return lines


def _cache_rate(health: "ProviderHealth | None") -> str:
    if health is None or health.cache is None or health.cache.rate is None:
        return ""
    return f"{health.cache.rate:.0%}"


def cache_line(use: "CacheUse") -> str:
    """Say how many cached pages the database holds, and how much of the allowed size they take."""
    used = use.bytes / MEGABYTE
    allowed = use.max_bytes / MEGABYTE
    return f"cache: {used:.1f} of {allowed:.0f} MB in the database; pages: {use.pages}"


def _last_error(health: "ProviderHealth | None") -> str:
    if health is None or health.last_error is None:
        return ""
    seconds = max(0, round(time.time() - (health.last_error_at or 0)))
    return f"{health.last_error} ({_duration(seconds)} ago)"


def _duration(seconds: int) -> str:
    """A duration in the largest unit of which it has at least two: 90 s, 5 min, 3 h, 12 d."""
    for size, unit in UNITS:
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


class Progress:
    """A line in the terminal that names the providers whose answers are awaited, and the events so far."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._awaited: dict[str, int] = {}  # provider -> number of the page
        self._status = err.status("searching")

    def __enter__(self) -> Self:
        if err.is_terminal:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def watch(self, event: "Event") -> None:
        """Show an event of the search. An event without a result and without an error marks the start of a call."""
        if event.result is None and event.error is None:
            self._awaited[event.provider] = event.page
        else:
            self._awaited.pop(event.provider, None)
            self.events.append(event)
        awaited = ", ".join(f"{name} (page {page})" for name, page in self._awaited.items())
        self._status.update(Text(f"waiting for {awaited}" if awaited else "merging"))


def print_explanation(events: "Sequence[Event]", quotas_left: Mapping[str, str]) -> None:
    """Print where each page of a search came from, what it cost, and what is left of the quotas."""
    rows: list[tuple[object, ...]] = []
    for event in events:
        if event.result is not None:
            rows.append((event.provider, event.page, event.result.status, event.result.tier, event.result.calls))
        else:
            rows.append((event.provider, event.page, "failed", str(event.error), ""))
    print_table(("provider", "page", "cache", "from", "upstream calls"), rows, empty="No page was read.")
    for name, left in quotas_left.items():
        say(f"{name}: {left} left")
