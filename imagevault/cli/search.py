"""`imagevault search`, `download` and `downloads`: what consumers do, from a terminal."""

from collections.abc import Sequence

import rich_click as click

from imagevault.cli import output as terminal
from imagevault.cli.group import account, as_option, cli, json_option, with_services
from imagevault.cli.output import print_json
from imagevault.runtime.services import Services
from imagevault.search.outcome import SearchFailed
from imagevault.search.provider_cursor import Event
from imagevault.search.provider_list import list_providers
from imagevault.search.search import SearchRequest


@cli.command()
@click.argument("words", nargs=-1, required=True)
@click.option("-p", "--provider", help="Names, separated by commas, or `all`; by default the chain of the config.")
@click.option("-n", "--per-page", type=click.IntRange(1, 100), default=10, show_default=True, help="How many images.")
@click.option("--json", "as_json", is_flag=True, help="The answer as the API gives it.")
@click.option("--as", "username", metavar="NAME", help="The account whose share of a quota this uses.")
@click.option("--explain", is_flag=True, help="Tell where each page came from, what it cost, and what is left.")
def search(
    words: tuple[str, ...], provider: str | None, per_page: int, as_json: bool, username: str | None, explain: bool
) -> None:
    """Search for images: imagevault search red fox -p local."""

    async def work(services: Services) -> None:
        caller = (await account(services.accounts, username)).id if username else ""
        asked = SearchRequest(text=" ".join(words), providers=provider, per_page=per_page, caller=caller)
        with terminal.Progress() as progress:
            try:
                answer = await services.gateway.search(asked, progress.watch)
            except SearchFailed as error:
                if as_json:
                    print_json({"images": [], "providers": error.statuses, "next": None})
                raise
        if as_json:
            print_json(answer)
        else:
            terminal.show(answer)
        if explain:
            await services.gateway.pages.drain()
            await _explain(services, progress.events)

    with_services(work)


async def _explain(services: Services, events: Sequence[Event]) -> None:
    listed = (await list_providers(services.gateway, admin=True)).providers
    asked = {event.provider for event in events}
    left = {
        each.name: ", ".join(f"{quota.left} of {quota.name}" for quota in each.health.quotas)
        for each in listed
        if each.health is not None and each.name in asked
    }
    terminal.explain(events, left)


@cli.command()
@click.argument("image")
@as_option
@click.option("--rendition", help="thumbnail, small, medium, large or original; by default the largest.")
@click.option("--project", help="What it is for.")
@click.option("--note", help="What you want to remember of it.")
@json_option
def download(
    image: str, username: str, rendition: str | None, project: str | None, note: str | None, as_json: bool
) -> None:
    """Record that an account takes an image: imagevault download local:fox-in-snow.jpg --as ada."""

    async def work(services: Services) -> None:
        taker = await account(services.accounts, username)
        record = await services.ledger.save_image(taker.id, image, rendition, project, note)
        if as_json:
            print_json(record)
        else:
            terminal.print_table(*terminal.downloads([record]))

    with_services(work)


@cli.command()
@as_option
@click.option("-n", "--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="How many.")
@json_option
def downloads(username: str, limit: int, as_json: bool) -> None:
    """List what an account took, newest first: imagevault downloads --as ada."""

    async def work(services: Services) -> None:
        taker = await account(services.accounts, username)
        page = await services.ledger.page(taker.id, limit, None)
        if as_json:
            print_json({"downloads": page.downloads, "next": page.next_cursor})
        else:
            terminal.print_table(*terminal.downloads(page.downloads))

    with_services(work)
