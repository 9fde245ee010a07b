"""`imagevault search`, `download` and `downloads`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import rich_click as click

from imagevault.cli import output
from imagevault.cli.group import account, as_option, cli, json_option, with_services
from imagevault.cli.output import print_json

if TYPE_CHECKING:
    from imagevault.runtime.services import Services
    from imagevault.search.provider_cursor import Event


@cli.command()
@click.argument("words", nargs=-1, required=True)
@click.option(
    "-p", "--provider", help="Names separated by commas, or `all`. By default, the setting `default` decides."
)
@click.option("-n", "--per-page", type=click.IntRange(1, 100), default=10, show_default=True, help="Number of images.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer of the API as JSON.")
@click.option("--as", "username", metavar="NAME", help="Count the calls for this account's share of the quotas.")
@click.option(
    "--explain", is_flag=True, help="Also print where each page came from, what it cost, and the quotas left."
)
def search(
    words: tuple[str, ...], provider: str | None, per_page: int, as_json: bool, username: str | None, explain: bool
) -> None:
    """Search for images: imagevault search red fox -p local."""
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
@as_option
@click.option("--rendition", help="thumbnail, small, medium, large or original. By default, the largest.")
@click.option("--project", help="The project that uses the image.")
@click.option("--note", help="A note to keep with the download.")
@json_option
def download(
    image: str, username: str, rendition: str | None, project: str | None, note: str | None, as_json: bool
) -> None:
    """Record the download of an image by an account: imagevault download local:fox-in-snow.jpg --as ada."""

    async def work(services: "Services") -> None:
        caller = await account(services.accounts, username)
        record = await services.ledger.save_image(caller.id, image, rendition, project, note)
        if as_json:
            print_json(record)
        else:
            output.print_table(*output.download_rows([record]))

    with_services(work)


@cli.command()
@as_option
@click.option("-n", "--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="Number of downloads.")
@json_option
def downloads(username: str, limit: int, as_json: bool) -> None:
    """List the downloads of an account, newest first: imagevault downloads --as ada."""

    async def work(services: "Services") -> None:
        caller = await account(services.accounts, username)
        page = await services.ledger.page(caller.id, limit, None)
        if as_json:
            print_json({"downloads": page.downloads, "next": page.next_cursor})
        else:
            output.print_table(*output.download_rows(page.downloads))

    with_services(work)
