"""The command `imagevault`, to which every other file here adds commands, and what they share."""

import asyncio
from collections.abc import Awaitable, Callable
from importlib.metadata import version

import rich_click as click

from imagevault.accounts.service import Accounts
from imagevault.config.settings import load
from imagevault.errors import ImageVaultError
from imagevault.records import Caller
from imagevault.runtime.services import Services

json_option = click.option("--json", "as_json", is_flag=True, help="As JSON.")
as_option = click.option("--as", "username", required=True, metavar="NAME", help="The account that acts.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("imagevault"), prog_name="imagevault")
def cli() -> None:
    """One search over many image providers, with a record of who took what under which licence.

    Exit codes: 0 all went well, 1 something failed, 2 the command was not understood, 130 stopped by Ctrl-C.
    """


def with_services(work: Callable[[Services], Awaitable[None]]) -> None:
    """Does the work on the database directly, as a server would, with the settings of this folder."""

    async def run() -> None:
        services = Services(load())
        async with services.running():
            await work(services)

    asyncio.run(run())


async def account(accounts: Accounts, username: str) -> Caller:
    """The account of this name. Raises ImageVaultError if there is none, or if it is locked."""
    found = await accounts.find_active(username)
    if found is None:
        raise ImageVaultError(f"there is no account {username} that may act; see imagevault users list")
    return found
