"""What people see in a terminal: tables, one line for an error, JSON for programs."""

import sys
from collections.abc import Mapping, Sequence
from typing import Self

import msgspec
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from imagevault.gateway.search import Answer, Event

out = Console()
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
    table = Table(Column(first, overflow="fold", no_wrap=True), *others, box=None, header_style="bold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    out.print(table)


def show(answer: Answer) -> None:
    """The images of an answer, then what each provider did."""
    rows = [
        (
            image.id,
            image.title,
            f"{image.width} x {image.height}" if image.width and image.height else "",
            image.attribution.text,
            image.license.name if image.license else "",
        )
        for image in answer.images
    ]
    if rows:
        print_table(("id", "title", "size", "credit", "licence"), rows)
    for status in answer.providers:
        total = f", {status.total} in all" if status.total is not None else ""
        detail = f": {status.detail}" if status.detail else ""
        say(f"{status.name}: {status.status}{total}{detail}")


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
        if event.got is None and event.error is None:
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
        if event.got is not None:
            rows.append((event.provider, event.page, event.got.found, event.got.storey, event.got.calls))
        else:
            rows.append((event.provider, event.page, "failed", str(event.error), ""))
    print_table(("provider", "page", "cache", "from", "upstream calls"), rows)
    for name, words in left.items():
        say(f"{name}: {words} left")
