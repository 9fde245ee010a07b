"""What the commands print: tables and lines for people, JSON for programs."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Self

import msgspec
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

if TYPE_CHECKING:
    from imagevault.downloads.ledger import DownloadRecord
    from imagevault.records import ImageRecord
    from imagevault.search.provider_cursor import Event
    from imagevault.search.provider_list import FailedPlugin, ProviderHealth, ProviderRecord
    from imagevault.search.search import SearchResponse

out = Console()
if not out.is_terminal and "COLUMNS" not in os.environ:
    out.width = 240  # output that goes to grep or into a log is not folded
err = Console(stderr=True)

UNITS = ((86400, "d"), (3600, "h"), (60, "min"))  # seconds, and the unit


class Rows(NamedTuple):
    """A table: its column names and its rows."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


def say(text: str, end: str = "\n") -> None:
    """Print a line for people on standard error."""
    err.print(Text(text), end=end, soft_wrap=True)


def print_line(text: str) -> None:
    """Print a line on standard output, without markup and without folding."""
    out.print(Text(text), soft_wrap=True)


def print_json(value: object) -> None:
    """Print a value as the API answers it, indented."""
    encoded = msgspec.json.encode(value)
    sys.stdout.buffer.write(msgspec.json.format(encoded, indent=2) + b"\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table. The first column is never folded, because people copy what is in it."""
    first, *others = columns
    table = Table(
        Column(first, overflow="fold", no_wrap=True),
        *(Column(name, overflow="fold") for name in others),
        box=None,
        header_style="bold",
    )
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    out.print(table)


def print_search(response: "SearchResponse") -> None:
    """Print the images of a search, two lines each, and the status of each provider on standard error."""
    for image in response.images:
        out.print(Text.assemble((image.id, "bold"), f"  {_facts(image)}"), soft_wrap=True)
        print_line(f"    {image.attribution.text}")
    for status in response.providers:
        total = f", {status.total} in all" if status.total is not None else ""
        detail = f": {status.detail}" if status.detail else ""
        say(f"{status.name}: {status.status}{total}{detail}")


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
            record.rendition,
            record.attribution.text if record.attribution else "",
            record.license.name if record.license else "",
            record.project,
            f"{record.created_at:%Y-%m-%d %H:%M}",
        )
        for record in records
    ]
    return Rows(("image", "rendition", "credit", "licence", "project", "downloaded (UTC)"), rows)


def provider_rows(providers: "Sequence[ProviderRecord]", failures: "Sequence[FailedPlugin]") -> Rows:
    """The table of the provider list."""
    rows = [
        (
            provider.name,
            _state(provider),
            "\n".join(_quotas(provider.health)),
            _cache_rate(provider.health),
            provider.reason or _last_error(provider.health),
            provider.source,
        )
        for provider in providers
    ]
    rows += [(plugin.name, "not loaded", "", "", plugin.reason, plugin.source) for plugin in failures]
    return Rows(("provider", "state", "quota left", "cache", "reason or last error", "source"), rows)


def _state(provider: "ProviderRecord") -> str:
    """The state, with the breaker and the pause of a provider that is paused."""
    parts: list[str] = [provider.state]
    if provider.health is not None and provider.health.breaker != "closed":
        parts.append(f"breaker {provider.health.breaker}")
    if provider.health is not None and provider.health.retry_after:
        parts.append(f"again in {_duration(provider.health.retry_after)}")
    return ", ".join(parts)


def _quotas(health: "ProviderHealth | None") -> list[str]:
    """What is left of each quota, without those per second: a call waits for such a quota."""
    lines: list[str] = []
    for quota in health.quotas if health is not None else ():
        if not quota.name.endswith("/second"):
            more = "" if quota.more_in is None else f", more in {_duration(quota.more_in)}"
            lines.append(f"{quota.left} of {quota.name}{more}")
    return lines


def _cache_rate(health: "ProviderHealth | None") -> str:
    if health is None or health.cache is None or health.cache.rate is None:
        return ""
    return f"{health.cache.rate:.0%}"


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
    print_table(("provider", "page", "cache", "from", "upstream calls"), rows)
    for name, left in quotas_left.items():
        say(f"{name}: {left} left")
