"""The command line. Errors are one line and an exit code: 1 for what failed, 2 for how it was called."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import rich_click as click
import uvicorn
from rich.text import Text

from imagevault import terminal
from imagevault.app import Services
from imagevault.asgi import create
from imagevault.check import Checked, Recorder, check
from imagevault.errors import BadInput, ImageVaultError
from imagevault.gateway.board import board
from imagevault.gateway.search import Asked, Event, choose
from imagevault.gateway.status import SearchFailed
from imagevault.plugins import Plugins
from imagevault.provider import Provider
from imagevault.settings import Settings, is_loopback, load, variable
from imagevault.terminal import err, out, print_json, say
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
    say(f"imagevault: {' '.join(reason.split())}")
    sys.exit(code)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("imagevault"), prog_name="imagevault")
def cli() -> None:
    """One search over many image providers, with a record of who took what under which licence."""


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
    wrong += [f"{each.name}: {each.reason}" for each in plugins.providers.values() if _is_wrong(each)]
    wrong += plugins.problems
    if wrong:
        raise ImageVaultError(f"not started (--strict): {'; '.join(wrong)}")


def _is_wrong(provider: Provider) -> bool:
    """A setting that is missing is no fault; one that is set wrongly is."""
    return provider.state == "failed" or (provider.state == "unconfigured" and not provider.lacking)


def _try_address(settings: Settings) -> None:
    """Before anything says that the server is there."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        where = f"{settings.host} port {settings.port}"
        raise ImageVaultError(
            f"cannot listen on {where}: {error.strerror}; see --host and --port, or IMAGEVAULT_PORT"
        ) from None


async def _try_database(services: Services) -> None:
    async with services.running():
        pass


def _tell_where(settings: Settings, services: Services) -> None:
    base = settings.base_url
    providers = ", ".join(
        name if each.state == "ok" else f"{name} ({each.state})" for name, each in services.plugins.providers.items()
    )
    err.print(Text.assemble((f"ImageVault {version('imagevault')}", "bold"), " on ", (base, "bold")), soft_wrap=True)
    if settings.public_url:
        say(f"  listening on   {settings.host} port {settings.port}")
    say(f"  documentation  {base}/docs")
    say(f"  providers      {providers}")
    say(f"  database       {services.database.place}")
    for problem in services.plugins.problems:
        say(f"  config         {problem}")
    say(f"""  try this       curl {base}/signup -H 'Content-Type: application/json' {EXAMPLE}""")


@cli.command()
@click.argument("words", nargs=-1, required=True)
@click.option("-p", "--provider", help="Names, separated by commas, or `all`; by default the chain of the config.")
@click.option("-n", "--per-page", type=click.IntRange(1, 100), default=10, show_default=True, help="How many images.")
@click.option("--json", "as_json", is_flag=True, help="The answer as the API gives it.")
@click.option("--explain", is_flag=True, help="Tell where each page came from, what it cost, and what is left.")
def search(words: tuple[str, ...], provider: str | None, per_page: int, as_json: bool, explain: bool) -> None:
    """Search for images: imagevault search red fox -p local."""

    async def work(services: Services) -> None:
        asked = Asked(text=" ".join(words), providers=provider, per_page=per_page)
        with terminal.Progress() as progress:
            try:
                answer = await services.gateway.search(asked, progress.watch)
            except SearchFailed as error:
                if as_json:
                    print_json({"images": [], "providers": error.statuses, "next": None})
                raise
        if as_json:
            print_json(answer)
        else:
            terminal.show(answer)
        if explain:
            await services.gateway.pages.settle()
            await _explain(services, progress.events)

    _with_services(work)


async def _explain(services: Services, events: Sequence[Event]) -> None:
    listed = (await board(services.gateway, admin=True)).providers
    asked = {event.provider for event in events}
    left = {
        each.name: ", ".join(f"{quota.left} of {quota.name}" for quota in each.standing.quotas)
        for each in listed
        if each.standing is not None and each.name in asked
    }
    terminal.explain(events, left)


@cli.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def providers(context: click.Context, as_json: bool) -> None:
    """List the providers, and the plugins that could not be loaded."""
    if context.invoked_subcommand is not None:
        return
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
        print_json({"providers": rows, "problems": plugins.problems})
        return
    names = ("name", "state", "source", "reason")
    terminal.print_table(("provider", "state", "from", "why"), [[row[name] for name in names] for row in rows])
    for problem in plugins.problems:
        say(f"config: {problem}")


@providers.command("check")
@click.argument("name", required=False)
@click.option("-q", "--query", default="mountain", show_default=True, help="What to search for.")
@click.option("--record", type=click.Path(path_type=Path, dir_okay=False), help="Save what came back as JSON here.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def check_providers(name: str | None, query: str, record: Path | None, as_json: bool) -> None:
    """Ask a provider, or each that is switched on, one real query: imagevault providers check pexels."""
    if record is not None and name is None:
        raise click.UsageError("--record needs the NAME of one provider.")
    recorder = Recorder()

    async def run() -> list[Checked]:
        services = Services(load(), {name: recorder} if name and record else None)
        async with services.running():
            chosen = choose(services.gateway.providers, name or "all")
            checked = [await check(services, each, query) for each in chosen]
            if record is not None:
                recorder.save(record, chosen[0])
            return checked

    results = asyncio.run(run())
    if as_json:
        print_json({"providers": results})
    else:
        terminal.print_table(
            ("provider", "works", "ms", "images", "total", "lacking", "why not"),
            [_row(each) for each in results],
        )
    if record is not None:
        say(f"{len(recorder.exchanges)} answers are saved in {record}")
    if not all(each.ok for each in results):
        sys.exit(1)


def _row(checked: Checked) -> tuple[object, ...]:
    lacking = ", ".join(f"{field} in {count}" for field, count in checked.missing.items())
    works = "yes" if checked.ok else "no"
    return checked.name, works, checked.milliseconds, checked.images, checked.total, lacking, checked.error


@cli.command()
def migrate() -> None:
    """Bring the database up to date; `serve` does so too."""

    async def work(services: Services) -> None:
        say(f"{services.database.place} is up to date.")

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
            print_json({"users": accounts})
            return
        rows = [
            (each["username"], "admin" if each["is_admin"] else "user", f"{each['created_at']:%Y-%m-%d}")
            for each in accounts
        ]
        terminal.print_table(("username", "role", "since"), rows)

    _with_services(work)
