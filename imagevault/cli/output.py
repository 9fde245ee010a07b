"""What people see in a terminal: tables, one line for an error, JSON for programs."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Self

import msgspec
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from imagevault.downloads.ledger import DownloadRecord
from imagevault.search.provider_cursor import Event
from imagevault.search.provider_list import FailedPlugin, ProviderHealth, ProviderRecord
from imagevault.search.search import SearchResponse

out = Console()
if not out.is_terminal and "COLUMNS" not in os.environ:
    out.width = 240  # for grep and logs, which nobody folds
err = Console(stderr=True)


def say(text: str, end: str = "\n") -> None:
    """One line for people, beside what programs read."""
    err.print(Text(text), end=end, soft_wrap=True)


def print_json(value: object) -> None:
    """A value as JSON, indented, bytes as the API would send them."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table; the first column is never cut, for it is what is copied."""
    first, *others = columns
    folding = [Column(each, overflow="fold") for each in others]
    table = Table(Column(first, overflow="fold", no_wrap=True), *folding, box=None, header_style="bold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    out.print(table)


def show(answer: SearchResponse) -> None:
    """The images of an answer, two lines each, then what each provider did."""
    for image in answer.images:
        size = f"{image.width} x {image.height}" if image.width and image.height else None
        title = image.title if image.title and image.title not in image.attribution.text else None
        licence = image.license.name if image.license else None
        facts = "  ".join(filter(None, (size, licence, title)))
        out.print(Text.assemble((image.id, "bold"), f"  {facts}"), soft_wrap=True)
        out.print(Text(f"    {image.attribution.text}"), soft_wrap=True)
    for status in answer.providers:
        total = f", {status.total} in all" if status.total is not None else ""
        detail = f": {status.detail}" if status.detail else ""
        say(f"{status.name}: {status.status}{total}{detail}")


def downloads(records: Sequence[DownloadRecord]) -> tuple[Sequence[str], Sequence[Sequence[object]]]:
    """Columns and rows of a list of downloads."""
    rows = [
        (
            each.image or each.url,
            each.rendition,
            each.attribution.text if each.attribution else "",
            each.license.name if each.license else "",
            each.project,
            f"{each.created_at:%Y-%m-%d %H:%M}",
        )
        for each in records
    ]
    return ("image", "rendition", "credit", "licence", "project", "taken (UTC)"), rows


def list_providers(
    providers: Sequence[ProviderRecord], failures: Sequence[FailedPlugin]
) -> tuple[Sequence[str], Sequence[Sequence[object]]]:
    """Columns and rows of the board: all that an admin wants to see of each provider in one look."""
    rows: list[tuple[object, ...]] = []
    for each in providers:
        health = each.health
        state, quotas, rate = each.state, list[str](), None
        if health is not None:
            quotas = [
                f"{quota.left} of {quota.name}{_more(quota.more_in)}"
                for quota in health.quotas
                if not quota.name.endswith("/second")  # bursts are waited out
            ]
            rate = health.cache.rate if health.cache else None
            state += f", breaker {health.breaker}" if health.breaker != "closed" else ""
            state += f", again in {_span(health.retry_after)}" if health.retry_after else ""
        why = each.reason or _error(health)
        rows.append((each.name, state, "\n".join(quotas), "" if rate is None else f"{rate:.0%}", why, each.source))
    rows += [(each.name, "not loaded", "", "", each.reason, each.source) for each in failures]
    return ("provider", "state", "left of its quotas", "cache", "why, or the last error", "from"), rows


def _error(health: ProviderHealth | None) -> str:
    if health is None or health.last_error is None:
        return ""
    ago = max(0, round(time.time() - (health.last_error_at or 0)))
    return f"{health.last_error} ({_span(ago)} ago)"


def _more(seconds: int | None) -> str:
    return "" if seconds is None else f", more in {_span(seconds)}"


def _span(seconds: int) -> str:
    """A time in the largest unit that makes at least two of it: 90 s, 5 min, 3 h, 12 d."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


class Progress:
    """A line in the terminal that tells which providers are still being asked."""

    def __init__(self) -> None:
        self.asking: dict[str, int] = {}
        self.events: list[Event] = []
        self.status = err.status("searching")

    def __enter__(self) -> Self:
        if err.is_terminal:
            self.status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.status.stop()

    def watch(self, event: Event) -> None:
        """Takes in what happened in the search."""
        if event.result is None and event.error is None:
            self.asking[event.provider] = event.page
        else:
            self.asking.pop(event.provider, None)
            self.events.append(event)
        asking = ", ".join(f"{name} (page {page})" for name, page in self.asking.items())
        self.status.update(Text(f"asking {asking}" if asking else "merging"))


def explain(events: Sequence[Event], left: Mapping[str, str]) -> None:
    """Where the pages of a search came from, what they cost, and what is left of the quotas."""
    rows: list[tuple[object, ...]] = []
    for event in events:
        if event.result is not None:
            rows.append((event.provider, event.page, event.result.status, event.result.tier, event.result.calls))
        else:
            rows.append((event.provider, event.page, "failed", str(event.error), ""))
    print_table(("provider", "page", "cache", "from", "upstream calls"), rows)
    for name, words in left.items():
        say(f"{name}: {words} left")
