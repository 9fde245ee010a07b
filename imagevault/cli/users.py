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
    """Create the tables of the database, or bring them up to date: imagevault migrate.

    The server does the same when it starts, so you need this only to do it earlier.
    """

    async def work(services: "Services") -> None:
        if as_json:
            print_json({"database": services.database.place})
        else:
            say(f"{services.database.place} is up to date.")

    with_services(work)


@cli.group()
def users() -> None:
    """Create, list, lock and delete accounts, choose admins, reset passwords, and invite people."""


@users.command("create")
@click.argument("username")
@click.option("--admin", is_flag=True, help="Let the account see the state and the errors of every provider.")
@click.option(
    "--password",
    metavar="TEXT",
    help="The password of the account. With - it is read from standard input, which keeps it out of the history of the "
    "shell. Without this option, you are asked for it.",
)
@json_option
def create_user(username: str, password: str | None, admin: bool, as_json: bool) -> None:
    """Create an account: imagevault users create ada --admin."""
    chosen_password = _read_password(password)

    async def work(services: "Services") -> None:
        name = await services.administration.create(username, chosen_password, is_admin=admin)
        _print_role(name, is_admin=admin, as_json=as_json)

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
    """List all accounts, with their roles and those that are locked: imagevault users list."""

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
                "active" if account["is_active"] else "locked",
            )
            for account in accounts
        ]
        output.print_table(("username", "role", "created", "status"), rows, empty="There is no account.")

    with_services(work)


@users.command("promote")
@click.argument("username")
@json_option
def promote(username: str, as_json: bool) -> None:
    """Make an account an admin: imagevault users promote ada.

    An admin sees in GET /providers how each provider is doing, and what is wrong with plugins and settings.
    """
    _set_admin(username, is_admin=True, as_json=as_json)


@users.command("demote")
@click.argument("username")
@json_option
def demote(username: str, as_json: bool) -> None:
    """Make an admin an ordinary account again: imagevault users demote ada."""
    _set_admin(username, is_admin=False, as_json=as_json)


def _set_admin(username: str, *, is_admin: bool, as_json: bool) -> None:
    async def work(services: "Services") -> None:
        name = await services.administration.set_admin(username, is_admin=is_admin)
        _print_role(name, is_admin=is_admin, as_json=as_json)

    with_services(work)


def _print_role(username: str, *, is_admin: bool, as_json: bool) -> None:
    if as_json:
        print_json({"username": username, "is_admin": is_admin})
    else:
        print_line(f"{username} ({'admin' if is_admin else 'user'})")


@users.command("lock")
@click.argument("username")
@json_option
def lock(username: str, as_json: bool) -> None:
    """Shut an account out within a second: imagevault users lock ada.

    Its password, tokens, sessions and API keys do not work until you unlock it.
    """

    async def work(services: "Services") -> None:
        _print_status(await services.administration.lock(username), "locked", as_json=as_json)

    with_services(work)


@users.command("unlock")
@click.argument("username")
@json_option
def unlock(username: str, as_json: bool) -> None:
    """Let an account in again: imagevault users unlock ada.

    This also ends the wait after wrong passwords. Tokens from before a lock stay revoked; API keys work again.
    """

    async def work(services: "Services") -> None:
        _print_status(await services.administration.unlock(username), "active", as_json=as_json)

    with_services(work)


@users.command("reset-password")
@click.argument("username")
@click.option("--revoke-keys", is_flag=True, help="Revoke the API keys of the account too.")
@json_option
def reset_password(username: str, revoke_keys: bool, as_json: bool) -> None:
    """End a password and print a code for a new one: imagevault users reset-password ada.

    The old password and all tokens stop working at once. Hand the code to the owner, who sends it with a new password
    to POST /password-reset. It works once, within a day.
    """

    async def work(services: "Services") -> None:
        code = await services.administration.reset_password(username, revoke_keys=revoke_keys)
        if as_json:
            print_json({"code": code.code, "expires_at": code.expires_at})
        else:
            print_line(code.code)
            say(f"The code sets a new password once, until {code.expires_at:%Y-%m-%d %H:%M} UTC.")

    with_services(work)


@users.command("delete")
@click.argument("username")
@click.option("--yes", is_flag=True, help="Delete without asking for confirmation.")
@json_option
def delete(username: str, yes: bool, as_json: bool) -> None:
    """Delete an account with its keys and all records of its downloads: imagevault users delete ada --yes.

    Nothing brings them back. The audit trail keeps what happened, without the name.
    """
    if not yes:
        click.confirm(f"Delete {username} and all records of its downloads?", abort=True, err=True)

    async def work(_: "Services") -> None:
        from imagevault.accounts.administration import find
        from imagevault.personal.deletion import delete_account

        id, name = await find(username)
        await delete_account(id, name)
        _print_status(name, "deleted", as_json=as_json)

    with_services(work)


@users.command("invite")
@click.option("--days", type=click.IntRange(1, 90), default=7, show_default=True, help="For how many days it works.")
@json_option
def invite(days: int, as_json: bool) -> None:
    """Print an invitation that one person may sign up with: imagevault users invite.

    It is needed where the setting signup is "invite".
    """

    async def work(services: "Services") -> None:
        code = await services.administration.invite(days)
        if as_json:
            print_json({"invitation": code.code, "expires_at": code.expires_at})
        else:
            print_line(code.code)
            say(f"The invitation is for one account, until {code.expires_at:%Y-%m-%d %H:%M} UTC.")

    with_services(work)


def _print_status(username: str, status: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"username": username, "status": status})
    else:
        print_line(f"{username} ({status})")
