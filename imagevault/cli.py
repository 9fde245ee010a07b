"""The command line. Errors are one line and an exit code: 1 for what failed, 2 for how it was called."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import NoReturn

import msgspec
import rich_click as click
import uvicorn
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from imagevault.app import Services
from imagevault.asgi import create
from imagevault.errors import BadInput, ImageVaultError
from imagevault.gateway.search import Answer, Asked
from imagevault.gateway.status import SearchFailed
from imagevault.plugins import Plugins
from imagevault.settings import Settings, is_loopback, load, variable
from imagevault.values import MAKE_SECRET

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"imagevault": {"level": "INFO"}},
}

EXAMPLE = """-d '{"username": "ada", "password": "violet-harbour-71"}'"""

out = Console()
err = Console(stderr=True)


def main() -> None:
    """The entry point of the `imagevault` command."""
    try:
        if any("\ud800" <= char <= "\udfff" for word in sys.argv for char in word):  # bytes that are not UTF-8
            raise click.UsageError("The arguments must be UTF-8.")
        cli(prog_name="imagevault", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        _stop(error.format_message() + (f" See {context.command_path} --help." if context else ""), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _stop("stopped", 130)
    except BrokenPipeError:  # the reader has seen enough: imagevault search fox --json | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except BadInput as error:
        _stop(str(error), 2)
    except (ImageVaultError, OSError) as error:
        _stop(str(error), 1)


def _stop(reason: str, code: int) -> NoReturn:
    _say(f"imagevault: {' '.join(reason.split())}")
    sys.exit(code)


def _say(text: str, end: str = "\n") -> None:
    err.print(Text(text), end=end, soft_wrap=True)


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
        raise ImageVaultError(f"SECRET_KEY must be set to serve on {settings.host}; make one with: {MAKE_SECRET}")
    if strict:
        _check_strictly(services.plugins)
    _try_address(settings)
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


def _try_address(settings: Settings) -> None:
    """Before anything says that the server is there."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        where = f"{settings.host} port {settings.port}"
        raise ImageVaultError(f"cannot listen on {where}: {error.strerror}; see --host and --port") from None


async def _try_database(services: Services) -> None:
    async with services.running():
        pass


def _tell_where(settings: Settings, services: Services) -> None:
    base = settings.base_url
    providers = ", ".join(
        name if each.state == "ok" else f"{name} ({each.state})" for name, each in services.plugins.providers.items()
    )
    err.print(Text.assemble((f"ImageVault {version('imagevault')}", "bold"), " on ", (base, "bold")), soft_wrap=True)
    _say(f"  documentation  {base}/docs")
    _say(f"  providers      {providers}")
    _say(f"  database       {services.database.place}")
    _say(f"""  try this       curl {base}/signup -H 'Content-Type: application/json' {EXAMPLE}""")


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
    table = Table(
        Column("id", overflow="fold", no_wrap=True), "title", "size", "credit", "licence", box=None, header_style="bold"
    )
    for image in answer.images:
        size = f"{image.width} x {image.height}" if image.width and image.height else ""
        licence = image.license.name if image.license else ""
        table.add_row(*map(Text, (image.id, image.title or "", size, image.attribution.text, licence)))
    if answer.images:
        out.print(table)
    for status in answer.providers:
        total = f", {status.total} in all" if status.total is not None else ""
        detail = f": {status.detail}" if status.detail else ""
        _say(f"{status.name}: {status.status}{total}{detail}")


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
        table.add_row(*(Text(row[column] or "") for column in ("name", "state", "source", "reason")))
    out.print(table)
    for problem in plugins.problems:
        _say(f"config: {problem}")


@cli.command()
def migrate() -> None:
    """Bring the database up to date; `serve` does so too."""

    async def work(services: Services) -> None:
        _say(f"{services.database.place} is up to date.")

    _with_services(work)


@cli.group()
def users() -> None:
    """Accounts."""


@users.command("create")
@click.argument("username")
@click.option("--admin", is_flag=True, help="An admin.")
@click.option("--password", help="Asked for if absent; - reads it from standard input.")
def create_user(username: str, password: str | None, admin: bool) -> None:
    """Make an account."""
    chosen = _password(password)

    async def work(services: Services) -> None:
        account = await services.accounts.create(username, chosen, is_admin=admin)
        out.print(Text(f"{account.username} ({'admin' if admin else 'user'})"))

    _with_services(work)


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
