"""`imagevault keys`: API keys of an account."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import rich_click as click
from typing_extensions import override

from imagevault.cli import output
from imagevault.cli.group import account, cli, json_option, with_services
from imagevault.cli.output import print_json, print_line, say
from imagevault.errors import BadInput, ImageVaultError, ResourceNotFound
from imagevault.security.caller import SCOPES

if TYPE_CHECKING:
    from imagevault.runtime.services import Services


class _Time(click.DateTime):
    """A time, of which an error shows examples and not the formats."""

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} must be a time such as 2027-01-31 or 2027-01-31T12:00:00.", param, ctx)


owner_option = click.option("--as", "username", required=True, metavar="ACCOUNT", help="The account of the key.")


@cli.group()
def keys() -> None:
    """Create, list and revoke API keys, with which machines send requests."""


@keys.command("create")
@click.argument("name")
@owner_option
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    default=("search",),
    show_default=True,
    help="What the key may do. Repeat the option for several scopes.",
)
@click.option(
    "-p",
    "--provider",
    "providers",
    multiple=True,
    metavar="NAME",
    help="A provider that the key may use. Repeat the option for several providers; without it, the key may use all.",
)
@click.option("--rate", metavar="RATE", help="How many requests the key may send, such as 60/minute.")
@click.option(
    "--expires",
    type=_Time(("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S")),
    metavar="TIME",
    help="When the key expires, in UTC: 2027-01-31 or 2027-01-31T12:00:00. Without it, the key never expires.",
)
@json_option
def create_key(
    name: str,
    username: str,
    scopes: tuple[str, ...],
    providers: tuple[str, ...],
    rate: str | None,
    expires: datetime | None,
    as_json: bool,
) -> None:
    """Create a key: imagevault keys create catalogue --as ada --scope search.

    The key is printed this once. NAME says what it is for.
    """

    async def work(services: "Services") -> None:
        from imagevault.accounts.api_keys import NewApiKey

        caller = await account(services.accounts, username)
        wanted = NewApiKey(
            name=name,
            scopes=scopes,
            providers=providers or None,
            rate=rate,
            expires_at=expires.replace(tzinfo=UTC) if expires else None,
        )
        record, key = await services.api_keys.create(caller, wanted)
        if as_json:
            print_json({"id": record.id, "prefix": record.prefix, "key": key})
            return
        say(f"Key {record.id}. It is shown this once:")
        print_line(key)

    with_services(work)


@keys.command("list")
@owner_option
@json_option
def list_keys(username: str, as_json: bool) -> None:
    """List the keys of an account, newest first: imagevault keys list --as ada."""

    async def work(services: "Services") -> None:
        caller = await account(services.accounts, username)
        records = await services.api_keys.list_of(caller.id)
        if as_json:
            print_json({"keys": records})
            return
        rows = [
            (
                record.id,
                record.name,
                record.prefix,
                " ".join(record.scopes),
                " ".join(record.providers or ["all"]),
                record.rate,
                f"{record.last_used:%Y-%m-%d}" if record.last_used else "never",
                f"{record.expires_at:%Y-%m-%d}" if record.expires_at else "never",
            )
            for record in records
        ]
        columns = ("id", "name", "prefix", "scopes", "providers", "rate", "last used", "expires")
        output.print_table(columns, rows, empty=f"{caller.username} has no key.")

    with_services(work)


@keys.command("revoke")
@click.argument("id")
@owner_option
@json_option
def revoke_key(id: str, username: str, as_json: bool) -> None:
    """Revoke a key: imagevault keys revoke ID --as ada. Every worker refuses it within a second."""
    list_them = f"list them with: imagevault keys list --as {username}"

    async def work(services: "Services") -> None:
        caller = await account(services.accounts, username)
        try:
            await services.api_keys.revoke(caller, id)
        except BadInput:
            raise BadInput("id", f"must be the id of a key; {list_them}") from None
        except ResourceNotFound:
            raise ImageVaultError(f"{caller.username} has no key {id}; {list_them}") from None
        if as_json:
            print_json({"id": id})
        else:
            print_line(f"{id} is revoked.")

    with_services(work)
