"""The command `imagevault`, to which the other modules add their commands, and what the commands share."""

import asyncio
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import TYPE_CHECKING

import rich_click as click

from imagevault.config.settings import load
from imagevault.errors import ImageVaultError

if TYPE_CHECKING:
    from imagevault.accounts.service import Accounts
    from imagevault.runtime.services import Services
    from imagevault.security.caller import Caller

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, for programs.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("imagevault"), prog_name="imagevault")
def cli() -> None:
    """Search many image providers at once, and record each download with its licence and credit.

    The settings come from the environment, and from the files .env and imagevault.toml in the current folder.

    Exit codes: 0 success, 1 something failed, 2 the command was called wrongly, 130 stopped by Ctrl-C.
    """


def with_services(work: "Callable[[Services], Awaitable[None]]") -> None:
    """Run `work` with the parts of a server. They use the settings of the working directory and its database."""
    from imagevault.accounts.audit import COMMAND_LINE, bind_origin
    from imagevault.runtime.services import Services

    async def run() -> None:
        services = Services(load())
        bind_origin(COMMAND_LINE)
        async with services.running():
            await work(services)

    asyncio.run(run())


async def account(accounts: "Accounts", username: str) -> "Caller":
    """Find an account by its name. Raises ImageVaultError if there is none, or if it is locked."""
    caller = await accounts.find_active(username)
    if caller is None:
        raise ImageVaultError(f"there is no active account {username}; list the accounts with: imagevault users list")
    return caller
