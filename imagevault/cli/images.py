"""`imagevault images`: take pictures out of every answer, and show them again."""

from typing import TYPE_CHECKING

import rich_click as click

from imagevault.cli import output
from imagevault.cli.group import cli, json_option, with_services
from imagevault.cli.output import print_json

if TYPE_CHECKING:
    from imagevault.runtime.services import Services


@cli.group()
def images() -> None:
    """Take pictures out of every answer, and show them again."""


@images.command()
@click.argument("image")
@click.option("--reason", required=True, metavar="TEXT", help="Why, for those who look at the list later.")
@json_option
def hide(image: str, reason: str, as_json: bool) -> None:
    """Take a picture out of every answer: imagevault images hide pexels:2014422 --reason "takedown notice".

    Every running server follows within a second. Records of earlier downloads stay.
    """

    async def work(services: "Services") -> None:
        _check_provider(services, image)
        hidden = await services.gateway.hidden.hide(image, reason)
        if as_json:
            print_json(hidden)
        else:
            output.print_line(f"{hidden.image} is hidden: {hidden.reason}")

    with_services(work)


def _check_provider(services: "Services", image: str) -> None:
    """Raises BadInput unless the image has a provider that is installed: also one that is disabled or not loaded."""
    from imagevault.search.choice import unknown_provider
    from imagevault.search.hidden import provider_of

    name = provider_of(image)
    plugins = services.gateway.plugins
    installed = plugins.loaded.keys() | plugins.not_loaded
    if name not in installed:
        raise unknown_provider(name, installed, "id")


@images.command()
@click.argument("image")
@json_option
def unhide(image: str, as_json: bool) -> None:
    """Show a hidden picture again: imagevault images unhide pexels:2014422."""

    async def work(services: "Services") -> None:
        await services.gateway.hidden.unhide(image)
        if as_json:
            print_json({"image": image})
        else:
            output.print_line(f"{image} is shown again")

    with_services(work)


@images.command()
@json_option
def hidden(as_json: bool) -> None:
    """List the hidden pictures, the last hidden first: imagevault images hidden."""

    async def work(services: "Services") -> None:
        listed = await services.gateway.hidden.list_all()
        if as_json:
            print_json({"images": listed})
        else:
            rows = [(one.image, f"{one.hidden_at:%Y-%m-%d %H:%M}", one.reason) for one in listed]
            output.print_table(("image", "hidden (UTC)", "reason"), rows, empty="No picture is hidden.")

    with_services(work)
