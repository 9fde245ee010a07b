"""`imagevault search`, `download`, `downloads` and `credits`."""

import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
import rich_click as click
from click.core import ParameterSource

from imagevault.cli import output
from imagevault.cli.file_download import Wanted, download_file, record_download
from imagevault.cli.group import account, cli, json_option, with_services
from imagevault.cli.output import print_json

if TYPE_CHECKING:
    from imagevault.downloads.credits import Credit, CreditFormat
    from imagevault.downloads.record import DownloadRecord
    from imagevault.runtime.services import Services
    from imagevault.search.provider_cursor import Event

LEDGER_PAGE = 200  # downloads that are read at once


@cli.command()
@click.argument("words", nargs=-1, required=True)
@click.option(
    "-p",
    "--provider",
    metavar="NAMES",
    help="The providers to search, with commas between their names, or all. By default, those of the setting default "
    "are tried one after the other, and the first that answers is used.",
)
@click.option(
    "-n",
    "--per-page",
    type=click.IntRange(1, 100),
    default=10,
    show_default=True,
    help="How many images to print at most.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON, as GET /search gives it.")
@click.option(
    "--as",
    "username",
    metavar="ACCOUNT",
    help="Search for this account: the calls count against its share of the providers' quotas.",
)
@click.option(
    "--explain",
    is_flag=True,
    help="Also print whether each page came from the cache or from the provider, how many calls it cost, and how many "
    "calls are left.",
)
def search(
    words: tuple[str, ...], provider: str | None, per_page: int, as_json: bool, username: str | None, explain: bool
) -> None:
    """Search for images: imagevault search red fox -p local.

    Prints the id, size and licence of each image, its credit, and the address of its page or file. What each provider
    did follows on standard error.
    """
    from imagevault.search.outcome import SearchFailed
    from imagevault.search.search import SearchRequest

    async def work(services: "Services") -> None:
        caller = (await account(services.accounts, username)).id if username else ""
        request = SearchRequest(text=" ".join(words), providers=provider, per_page=per_page, caller=caller)
        with output.Progress() as progress:
            try:
                response = await services.gateway.search(request, progress.watch)
            except SearchFailed as error:
                if as_json:
                    print_json({"images": [], "providers": error.statuses, "next": None})
                raise
        if as_json:
            print_json(response)
        else:
            output.print_search(response)
        if explain:
            await services.gateway.pages.drain()
            await _explain(services, progress.events)

    with_services(work)


async def _explain(services: "Services", events: "Sequence[Event]") -> None:
    from imagevault.search.provider_list import list_providers

    listed = await list_providers(services.gateway, admin=True)
    searched = {event.provider for event in events}
    quotas_left = {
        provider.name: ", ".join(f"{quota.left} of {quota.name}" for quota in provider.health.quotas)
        for provider in listed.providers
        if provider.health is not None and provider.name in searched
    }
    output.print_explanation(events, quotas_left)


@cli.command()
@click.argument("image")
@click.option("--as", "username", metavar="ACCOUNT", help="The account whose list of downloads gets the record.")
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write the file into this folder, and a text with its credit beside it. Without --as, nothing is recorded.",
)
@click.option(
    "--rendition",
    metavar="SIZE",
    help="Which file of the image you use: thumbnail, small, medium, large or original. By default, the largest that "
    "browsers show.",
)
@click.option("--project", metavar="TEXT", help="What you use the image for, such as the name of a project.")
@click.option("--note", metavar="TEXT", help="Any text that you want to keep with the record.")
@json_option
@click.pass_context
def download(
    context: click.Context,
    image: str,
    username: str | None,
    folder: Path | None,
    rendition: str | None,
    project: str | None,
    note: str | None,
    as_json: bool,
) -> None:
    """Record that an account uses an image: imagevault download local:fox-in-snow.jpg --as ada --to pictures.

    IMAGE is an id as a search prints it. The record holds title, author, licence and credit as they are today. With
    --to, the file is downloaded too. A file that is there already is never overwritten, and a command that was stopped
    may be repeated: within a day it records nothing more.
    """
    if username is None and (folder is None or project is not None or note is not None):
        [option] = [option for option in context.command.params if option.name == "username"]
        raise click.MissingParameter(ctx=context, param=option)
    wanted = Wanted(image, username, rendition, project, note)

    async def work(services: "Services") -> None:
        if folder is not None:
            await download_file(services, wanted, folder, as_json=as_json)
            return
        record = await record_download(services, wanted)
        if as_json:
            print_json(record)
        elif record is not None:
            output.print_table(*output.download_rows([record]))

    with_services(work)


@cli.command()
@click.option("--as", "--account", "username", metavar="ACCOUNT", help="The account whose credits are exported.")
@click.option("--all", "of_all", is_flag=True, help="Export the credits of all accounts, one after the other.")
@click.option("--project", metavar="TEXT", help="Only downloads for this project.")
@click.option(
    "--format",
    "format",
    type=click.Choice(["csv", "json", "markdown", "html", "jsonld"]),
    default="markdown",
    show_default=True,
    help="The format of the export.",
)
def credits(username: str | None, of_all: bool, project: str | None, format: "CreditFormat") -> None:
    """Export the credits of recorded downloads: imagevault credits --as ada --format html > credits.html.

    They have each provider's wording and links, newest first. With --all, each credit names its account where the
    format has fields: csv and json.
    """
    if of_all == (username is not None):
        raise click.UsageError("Give either --as ACCOUNT or --all.")

    async def work(services: "Services") -> None:
        from imagevault.downloads.credits import export

        pages = _credits(services, username, project)
        async for piece in export(pages, format):
            sys.stdout.buffer.write(piece.encode())

    with_services(work)


async def _credits(
    services: "Services", username: str | None, project: str | None
) -> "AsyncIterator[Sequence[Credit]]":
    """Yield the credits of one account, or of all."""
    from imagevault.downloads.finding import Filters

    filters = Filters(project=project)
    if username is not None:
        caller = await account(services.accounts, username)
        async for page in services.ledger.credits(caller.id, filters):
            yield page
        return
    for listed in await services.accounts.list_all():
        async for page in services.ledger.credits(str(listed["id"]), filters, str(listed["username"])):
            yield page


@cli.group(invoke_without_command=True)
@click.option("--as", "--account", "username", metavar="ACCOUNT", help="The account whose downloads are listed.")
@click.option("--all", "of_all", is_flag=True, help="List all downloads of all accounts, one account after the other.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(1, 200),
    default=20,
    show_default=True,
    help="How many downloads to list at most.",
)
@json_option
@click.pass_context
def downloads(context: click.Context, username: str | None, of_all: bool, limit: int, as_json: bool) -> None:
    """List the recorded downloads of an account, newest first: imagevault downloads --as ada."""
    if context.invoked_subcommand is not None:
        return
    if of_all is (username is not None):
        raise click.UsageError("Give either --as ACCOUNT or --all.", context)
    if of_all and context.get_parameter_source("limit") is not ParameterSource.DEFAULT:
        raise click.UsageError("--all lists everything; leave out --limit.")
    if username is None:
        with_services(_print_all_as_json if as_json else _print_all)
        return

    async def work(services: "Services") -> None:
        caller = await account(services.accounts, username)
        page = await services.ledger.page(caller.id, limit, None)
        if as_json:
            print_json({"downloads": page.downloads, "next": page.next_cursor})
        else:
            output.print_table(*output.download_rows(page.downloads), empty=f"{caller.username} has no download.")

    with_services(work)


async def _print_all(services: "Services") -> None:
    """Print the downloads of all accounts, a table for each page of an account."""
    is_empty = True
    async for username, page in _all_downloads(services):
        is_empty = False
        columns, rows = output.download_rows(page)
        output.print_table(("account", *columns), [(username, *row) for row in rows])
    if is_empty:
        output.say("There is no download.")


async def _print_all_as_json(services: "Services") -> None:
    """Print the downloads of all accounts as one JSON object, page by page. Each names its account."""
    write = sys.stdout.buffer.write
    write(b'{"downloads": [')
    separator = b"\n"
    async for username, page in _all_downloads(services):
        for record in page:
            write(separator + msgspec.json.encode({"account": username, **msgspec.structs.asdict(record)}))
            separator = b",\n"
    write(b"\n]}\n")


async def _all_downloads(services: "Services") -> "AsyncIterator[tuple[str, Sequence[DownloadRecord]]]":
    """Yield the downloads of all accounts in pages that are not empty, each with the name of its account."""
    for listed in await services.accounts.list_all():
        cursor = None
        while True:
            page = await services.ledger.page(str(listed["id"]), LEDGER_PAGE, cursor)
            if page.downloads:
                yield str(listed["username"]), page.downloads
            cursor = page.next_cursor
            if cursor is None:
                break


@downloads.command()
@click.option("--as", "--account", "username", metavar="ACCOUNT", help="Only downloads of this account.")
@click.option("--project", metavar="TEXT", help="Only downloads for this project.")
@json_option
def verify(username: str | None, project: str | None, as_json: bool) -> None:
    """Look downloaded images up at their sources again, to notice changes: imagevault downloads verify.

    Prints what differs now: license_changed, withdrawn (no longer free to use) or gone. The records keep the licence
    and the proof of their day. At least half of each provider's quota is left to searches; not_checked says why an
    image was not looked up.
    """

    async def work(services: "Services") -> None:
        id = UUID((await account(services.accounts, username)).id) if username is not None else None
        counts: Counter[str] = Counter()
        checks = []
        async for check in services.verification.verify(id, project):
            counts[check.status] += 1
            if as_json:
                checks.append(check)
            elif check.status != "unchanged":
                output.print_line(f"{check.image}  {check.status}{f'  {check.detail}' if check.detail else ''}")
        if as_json:
            print_json({"images": checks})
        else:
            summary = ", ".join(f"{status}: {count}" for status, count in sorted(counts.items()))
            output.say(summary or "There is no download of an image.")

    with_services(work)
