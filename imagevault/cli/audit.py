"""`imagevault audit`: the audit trail."""

from typing import TYPE_CHECKING

import rich_click as click

from imagevault.cli import output
from imagevault.cli.group import cli, json_option, with_services
from imagevault.cli.output import print_json
from imagevault.errors import BadInput

if TYPE_CHECKING:
    from imagevault.runtime.services import Services


@cli.command()
@click.option("--user", "username", metavar="NAME", help="Show the events of this account only.")
@click.option("--event", metavar="NAME", help="Show this kind of event only, such as sign_in_failed.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Show at most so many.")
@json_option
def audit(username: str | None, event: str | None, limit: int, as_json: bool) -> None:
    """Show what happened to accounts, the newest first: imagevault audit --user ada.

    Times are UTC. The events are kept for the days of the setting audit_days.
    """
    from imagevault.accounts.administration import find
    from imagevault.accounts.audit import EVENTS, read

    if event is not None and event not in EVENTS:
        raise BadInput("event", f"there is no such event. There are: {', '.join(EVENTS)}")

    async def work(_: "Services") -> None:
        account = (await find(username))[0] if username is not None else None
        lines = await read(account=account, event=event, limit=limit)
        if as_json:
            print_json({"events": lines})
            return
        rows = [
            (f"{line.at:%Y-%m-%d %H:%M:%S}", line.event, line.username, line.address, line.detail) for line in lines
        ]
        output.print_table(("time", "event", "account", "from", "detail"), rows, empty="No such event is recorded.")

    with_services(work)
