"""`imagevault users` and `imagevault migrate`: accounts, and the database they are in."""

import sys

import rich_click as click
from rich.text import Text

from imagevault import terminal
from imagevault.app import Services
from imagevault.cli.group import cli, json_option, with_services
from imagevault.errors import BadInput
from imagevault.terminal import out, print_json, say


@cli.command()
def migrate() -> None:
    """Bring the database up to date; `serve` does so too."""

    async def work(services: Services) -> None:
        say(f"{services.database.place} is up to date.")

    with_services(work)


@cli.group()
def users() -> None:
    """Accounts."""


@users.command("create")
@click.argument("username")
@click.option("--admin", is_flag=True, help="An admin.")
@click.option("--password", help="Asked for if absent; - reads it from standard input.")
def create_user(username: str, password: str | None, admin: bool) -> None:
    """Make an account: imagevault users create ada --admin."""
    chosen = _password(password)

    async def work(services: Services) -> None:
        account = await services.accounts.create(username, chosen, is_admin=admin)
        out.print(Text(f"{account.username} ({'admin' if admin else 'user'})"))

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
    """List the accounts."""

    async def work(services: Services) -> None:
        accounts = await services.accounts.all()
        if as_json:
            print_json({"users": accounts})
            return
        rows = [
            (each["username"], "admin" if each["is_admin"] else "user", f"{each['created_at']:%Y-%m-%d}")
            for each in accounts
        ]
        terminal.print_table(("username", "role", "since"), rows)

    with_services(work)


@users.command("promote")
@click.argument("username")
def promote(username: str) -> None:
    """Make an account an admin: imagevault users promote ada."""
    _set_admin(username, is_admin=True)


@users.command("demote")
@click.argument("username")
def demote(username: str) -> None:
    """Make an admin a user again: imagevault users demote ada."""
    _set_admin(username, is_admin=False)


def _set_admin(username: str, *, is_admin: bool) -> None:
    async def work(services: Services) -> None:
        account = await services.accounts.set_admin(username, is_admin=is_admin)
        out.print(Text(f"{account} ({'admin' if is_admin else 'user'})"))

    with_services(work)
