"""`imagevault users` and `imagevault migrate`: the accounts and their database."""

import sys
from typing import TYPE_CHECKING

import rich_click as click

from imagevault.cli import output
from imagevault.cli.group import cli, json_option, with_services
from imagevault.cli.output import print_json, print_line, say
from imagevault.errors import BadInput

if TYPE_CHECKING:
    from imagevault.runtime.services import Services


@cli.command()
@json_option
def migrate(as_json: bool) -> None:
    """Create the database or bring it up to date: imagevault migrate.

    `imagevault serve` does the same when it starts.
    """

    async def work(services: "Services") -> None:
        if as_json:
            print_json({"database": services.database.place})
        else:
            say(f"{services.database.place} is up to date.")

    with_services(work)


@cli.group()
def users() -> None:
    """Manage accounts."""


@users.command("create")
@click.argument("username")
@click.option("--admin", is_flag=True, help="Create the account with admin rights.")
@click.option("--password", help="The password. Use - to read it from standard input. By default, it is prompted for.")
@json_option
def create_user(username: str, password: str | None, admin: bool, as_json: bool) -> None:
    """Create an account: imagevault users create ada --admin."""
    chosen_password = _read_password(password)

    async def work(services: "Services") -> None:
        account = await services.accounts.create(username, chosen_password, is_admin=admin)
        _print_role(account.username, is_admin=admin, as_json=as_json)

    with_services(work)


def _read_password(option: str | None) -> str:
    """The password of the option, of standard input, or of a prompt."""
    if option == "-":
        try:
            return sys.stdin.buffer.readline().decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise BadInput("password", "must be UTF-8") from None
    if option is not None:
        return option
    if not sys.stdin.isatty():
        message = "cannot be prompted for without a terminal; write it to standard input and use --password -"
        raise BadInput("password", message)
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


@users.command("list")
@json_option
def list_users(as_json: bool) -> None:
    """List the accounts: imagevault users list."""

    async def work(services: "Services") -> None:
        accounts = await services.accounts.list_all()
        if as_json:
            print_json({"users": accounts})
            return
        rows = [
            (
                account["username"],
                "admin" if account["is_admin"] else "user",
                f"{account['created_at']:%Y-%m-%d}",
                "" if account["is_active"] else "locked",
            )
            for account in accounts
        ]
        output.print_table(("username", "role", "created", ""), rows)

    with_services(work)


@users.command("promote")
@click.argument("username")
@json_option
def promote(username: str, as_json: bool) -> None:
    """Give an account admin rights: imagevault users promote ada."""
    _set_admin(username, is_admin=True, as_json=as_json)


@users.command("demote")
@click.argument("username")
@json_option
def demote(username: str, as_json: bool) -> None:
    """Take admin rights from an account: imagevault users demote ada."""
    _set_admin(username, is_admin=False, as_json=as_json)


def _set_admin(username: str, *, is_admin: bool, as_json: bool) -> None:
    async def work(services: "Services") -> None:
        name = await services.accounts.set_admin(username, is_admin=is_admin)
        _print_role(name, is_admin=is_admin, as_json=as_json)

    with_services(work)


def _print_role(username: str, *, is_admin: bool, as_json: bool) -> None:
    if as_json:
        print_json({"username": username, "is_admin": is_admin})
    else:
        print_line(f"{username} ({'admin' if is_admin else 'user'})")
