"""The command line. Errors are one line and an exit code: 1 for what failed, 2 for how it was called."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import version

import msgspec
import rich_click as click
import uvicorn
from rich.console import Console
from rich.table import Column, Table

from imagevault.app import Services
from imagevault.asgi import create
from imagevault.errors import ImageVaultError
from imagevault.gateway.search import Answer, Asked
from imagevault.gateway.status import SearchFailed
from imagevault.plugins import Plugins
from imagevault.settings import Settings, is_loopback, load, variable

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"imagevault": {"level": "INFO"}},
}

out = Console()
err = Console(stderr=True)


def main() -> None:
    """The entry point of the `imagevault` command."""
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except ImageVaultError as error:
        err.print(f"imagevault: {error}", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("imagevault"), prog_name="imagevault")
def cli() -> None:
    """One search over many image providers, with a record of who took what under which licence."""


def _json(value: object) -> None:
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def _with_services(work: Callable[[Services], Awaitable[None]]) -> None:
    async def run() -> None:
        services = Services(load())
        async with services.running():
            await work(services)

    asyncio.run(run())


@cli.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes.")
@click.option("--reload", is_flag=True, help="Start again when a source file changes; for development.")
@click.option("--strict", is_flag=True, help="Refuse to start if a plugin or the configuration of one is wrong.")
def serve(host: str | None, port: int | None, workers: int | None, reload: bool, strict: bool) -> None:
    """Serve the API."""
    for key, value in (("host", host), ("port", port), ("workers", workers)):
        if value is not None:
            os.environ[variable(key)] = str(value)  # for the workers too, which read their own settings
    settings = load()
    services = Services(settings)
    if services.keyring.own and not is_loopback(settings.host):
        raise ImageVaultError(
            f"SECRET_KEY must be set to serve on {settings.host}; make one with: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
        )
    if strict:
        _check_strictly(services.plugins)
    asyncio.run(_try_database(services))
    _tell_where(settings, services)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn ends by the signal itself once all is finished
    alone = settings.workers == 1 and not reload
    uvicorn.run(
        create(services) if alone else "imagevault.asgi:app",
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        reload=reload,
        reload_dirs=[str(settings.plugins_dir)] if reload and settings.plugins_dir else None,
        server_header=False,
        timeout_graceful_shutdown=20,
        log_config=LOGGING,
        access_log=False,
    )


def _check_strictly(plugins: Plugins) -> None:
    wrong = [f"{each.name}: {each.reason}" for each in plugins.failures]
    wrong += [f"{each.name}: {each.reason}" for each in plugins.providers.values() if each.state == "failed"]
    wrong += plugins.problems
    if wrong:
        raise ImageVaultError(f"not started (--strict): {'; '.join(wrong)}")


async def _try_database(services: Services) -> None:
    async with services.running():
        pass


def _tell_where(settings: Settings, services: Services) -> None:
    base = settings.base_url
    providers = ", ".join(
        name if each.state == "ok" else f"{name} ({each.state})" for name, each in services.plugins.providers.items()
    )
    err.print(f"[bold]ImageVault {version('imagevault')}[/bold] on [bold]{base}[/bold]", highlight=False)
    err.print(f"  documentation  {base}/docs", highlight=False)
    err.print(f"  providers      {providers}", highlight=False)
    err.print(f"  database       {services.database.place}", highlight=False, soft_wrap=True)
    err.print("  try this       ", end="")
    err.print(
        f"curl {base}/signup -H 'Content-Type: application/json' "
        """-d '{"username": "ada", "password": "violet-harbour-71"}'""",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


@cli.command()
@click.argument("words", nargs=-1, required=True)
@click.option("-p", "--provider", help="Names, separated by commas, or `all`; by default the chain of the config.")
@click.option("-n", "--per-page", type=click.IntRange(1, 100), default=10, show_default=True, help="How many images.")
@click.option("--json", "as_json", is_flag=True, help="The answer as the API gives it.")
def search(words: tuple[str, ...], provider: str | None, per_page: int, as_json: bool) -> None:
    """Search for images: imagevault search red fox -p local."""

    async def work(services: Services) -> None:
        asked = Asked(text=" ".join(words), providers=provider, per_page=per_page)
        try:
            answer = await services.gateway.search(asked)
        except SearchFailed as error:
            if as_json:
                _json({"images": [], "providers": error.statuses, "next": None})
            raise
        if as_json:
            _json(answer)
        else:
            _show(answer)

    _with_services(work)


def _show(answer: Answer) -> None:
    table = Table(Column("id", overflow="fold"), "title", "size", "credit", "licence", box=None, header_style="bold")
    for image in answer.images:
        size = f"{image.width} x {image.height}" if image.width and image.height else ""
        licence = image.license.name if image.license else ""
        table.add_row(*map(_escaped, (image.id, image.title or "", size, image.attribution.text, licence)))
    if answer.images:
        out.print(table)
    for status in answer.providers:
        total = f", {status.total} in all" if status.total is not None else ""
        detail = f": {status.detail}" if status.detail else ""
        err.print(f"{status.name}: {status.status}{total}{detail}", markup=False, highlight=False, soft_wrap=True)


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def providers(as_json: bool) -> None:
    """List the providers, and the plugins that could not be loaded."""
    plugins = Plugins.load(load())
    rows = [
        {"name": name, "state": each.state, "title": each.info.title, "reason": each.reason, "source": each.source}
        for name, each in sorted(plugins.providers.items())
    ]
    rows += [
        {"name": each.name, "state": "failed", "title": None, "reason": each.reason, "source": each.source}
        for each in plugins.failures
    ]
    if as_json:
        _json({"providers": rows, "problems": plugins.problems})
        return
    table = Table("provider", "state", "from", "why", box=None, header_style="bold")
    for row in rows:
        table.add_row(*(_escaped(row[column] or "") for column in ("name", "state", "source", "reason")))
    out.print(table)
    for problem in plugins.problems:
        err.print(f"config: {problem}", markup=False, highlight=False, soft_wrap=True)


@cli.command()
def migrate() -> None:
    """Bring the database up to date; `serve` does so too."""

    async def work(services: Services) -> None:
        err.print(f"{services.database.place} is up to date.", markup=False, highlight=False, soft_wrap=True)

    _with_services(work)


@cli.group()
def users() -> None:
    """Accounts."""


@users.command("create")
@click.argument("username")
@click.option("--admin", is_flag=True, help="An admin.")
@click.password_option(help="Asked for if absent; - reads it from standard input.")
def create_user(username: str, password: str, admin: bool) -> None:
    """Make an account."""
    if password == "-":  # noqa: S105
        password = sys.stdin.readline().rstrip("\n")

    async def work(services: Services) -> None:
        account = await services.accounts.create(username, password, is_admin=admin)
        out.print(f"{account.username} ({'admin' if admin else 'user'})", markup=False, highlight=False)

    _with_services(work)


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_users(as_json: bool) -> None:
    """List the accounts."""

    async def work(services: Services) -> None:
        accounts = await services.accounts.all()
        if as_json:
            _json({"users": accounts})
            return
        table = Table("username", "role", "since", box=None, header_style="bold")
        for each in accounts:
            role = "admin" if each["is_admin"] else "user"
            table.add_row(str(each["username"]), role, f"{each['created_at']:%Y-%m-%d}")
        out.print(table)

    _with_services(work)
