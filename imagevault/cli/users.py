"""`imagevault users` and `imagevault migrate`: accounts, and the database they are in."""

import sys

import rich_click as click
from rich.text import Text

from imagevault.cli import output as terminal
from imagevault.cli.group import cli, json_option, with_services
from imagevault.cli.output import out, print_json, say
from imagevault.errors import BadInput
from imagevault.runtime.services import Services


@cli.command()
@json_option
def migrate(as_json: bool) -> None:
    """Bring the database up to date, which `serve` does too: imagevault migrate."""

    async def work(services: Services) -> None:
        if as_json:
            print_json({"database": services.database.place})
            return
        say(f"{services.database.place} is up to date.")

    with_services(work)


@cli.group()
def users() -> None:
    """Accounts."""


@users.command("create")
@click.argument("username")
@click.option("--admin", is_flag=True, help="An admin.")
@click.option("--password", help="Asked for if absent; - reads it from standard input.")
@json_option
def create_user(username: str, password: str | None, admin: bool, as_json: bool) -> None:
    """Make an account: imagevault users create ada --admin."""
    chosen = _password(password)

    async def work(services: Services) -> None:
        account = await services.accounts.create(username, chosen, is_admin=admin)
        _tell(account.username, is_admin=admin, as_json=as_json)

    with_services(work)


def _password(given: str | None) -> str:
    if given == "-":
        try:
            return sys.stdin.buffer.readline().decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise BadInput("password", "must be UTF-8") from None
    if given is None and not sys.stdin.isatty():
        raise BadInput("password", "there is no terminal to ask for it; write it to standard input with --password -")
    return given if given is not None else str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


@users.command("list")
@json_option
def list_users(as_json: bool) -> None:
    """List the accounts: imagevault users list."""

    async def work(services: Services) -> None:
        accounts = await services.accounts.list_all()
        if as_json:
            print_json({"users": accounts})
            return
        rows = [
            (
                each["username"],
                "admin" if each["is_admin"] else "user",
                f"{each['created_at']:%Y-%m-%d}",
                "" if each["is_active"] else "locked",
            )
            for each in accounts
        ]
        terminal.print_table(("username", "role", "since", ""), rows)

    with_services(work)


@users.command("promote")
@click.argument("username")
@json_option
def promote(username: str, as_json: bool) -> None:
    """Make an account an admin: imagevault users promote ada."""
    _set_admin(username, is_admin=True, as_json=as_json)


@users.command("demote")
@click.argument("username")
@json_option
def demote(username: str, as_json: bool) -> None:
    """Make an admin a user again: imagevault users demote ada."""
    _set_admin(username, is_admin=False, as_json=as_json)


def _set_admin(username: str, *, is_admin: bool, as_json: bool) -> None:
    async def work(services: Services) -> None:
        account = await services.accounts.set_admin(username, is_admin=is_admin)
        _tell(account, is_admin=is_admin, as_json=as_json)

    with_services(work)


def _tell(username: str, *, is_admin: bool, as_json: bool) -> None:
    if as_json:
        print_json({"username": username, "is_admin": is_admin})
    else:
        out.print(Text(f"{username} ({'admin' if is_admin else 'user'})"))
