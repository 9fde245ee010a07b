"""`imagevault serve`: the API, in one or several worker processes."""

import asyncio
import logging.config
import os
import signal
import socket
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import rich_click as click
from rich.text import Text

from imagevault.cli.group import cli
from imagevault.cli.output import err, say
from imagevault.config.last_good import share_last_good
from imagevault.config.settings import Settings, is_loopback, load, variable
from imagevault.config.validation import MAKE_SECRET
from imagevault.errors import ImageVaultError

if TYPE_CHECKING:
    from imagevault.plugins.registry import PluginRegistry
    from imagevault.runtime.services import Services

log = logging.getLogger(__name__)

GRACE = 35  # seconds that current requests may take after a signal to stop; a search takes 30 at most
START_TIMEOUT = 60  # seconds that a new worker may take until it serves, on a busy machine

EXAMPLE = """-d '{"username": "ada", "password": "violet-harbour-71"}'"""


@cli.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--workers", type=click.IntRange(1, 64), help="Number of worker processes.")
@click.option("--reload", is_flag=True, help="Restart when a source file changes. For development.")
@click.option("--strict", is_flag=True, help="Refuse to start if a plugin or its configuration is wrong.")
def serve(host: str | None, port: int | None, workers: int | None, reload: bool, strict: bool) -> None:
    """Serve the API: imagevault serve --workers 4.

    On SIGTERM the server finishes the current requests and ends with code 0. On SIGHUP it replaces two or more workers
    one by one. A changed imagevault.toml is in force within a second.
    """
    from imagevault import logs
    from imagevault.runtime.services import Services

    _set_environment(host=host, port=port, workers=workers)
    settings = load()
    logging.config.dictConfig(logs.dict_config(settings))
    services = Services(settings)
    _check_secret(services)
    if strict:
        _check_plugins(services.plugins)
    _check_address(settings)
    asyncio.run(_check_database(services))
    _announce(settings, services)
    _run(settings, services, reload=reload)


def _set_environment(**options: object) -> None:
    """Put the options into the environment, where the workers read them too."""
    for key, value in options.items():
        if value is not None:
            os.environ[variable(key)] = str(value)


def _check_secret(services: "Services") -> None:
    """A generated secret is for loopback only."""
    host = services.settings.host
    if services.keyring.own and not is_loopback(host):
        raise ImageVaultError(f"SECRET_KEY must be set to serve on {host}; make one with: {MAKE_SECRET}")


def _check_plugins(plugins: "PluginRegistry") -> None:
    problems = [f"{plugin.name}: {plugin.reason}" for plugin in plugins.failures]
    problems += [
        f"{provider.name}: {provider.config_error}" for provider in plugins.providers.values() if provider.config_error
    ]
    problems += plugins.problems
    if problems:
        raise ImageVaultError(f"not started (--strict): {'; '.join(problems)}")


def _check_address(settings: Settings) -> None:
    """Raises ImageVaultError if the address is in use or not of this machine."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        address = f"{settings.host} port {settings.port}"
        remedy = "choose another with --host and --port, or IMAGEVAULT_PORT"
        raise ImageVaultError(f"cannot listen on {address}: {error.strerror}; {remedy}") from None


async def _check_database(services: "Services") -> None:
    """Open the database once, so that the migrations run, and an error ends the command."""
    async with services.running():
        pass


def _announce(settings: Settings, services: "Services") -> None:
    """Print where the server is; with `log = "json"`, as one log line."""
    providers = ", ".join(
        name if provider.state == "ok" else f"{name} ({provider.state})"
        for name, provider in services.plugins.providers.items()
    )
    url = settings.base_url
    address = f"{settings.host} port {settings.port}"
    database = services.database.place
    if settings.log == "json":
        log.info(
            "serving",
            extra={
                "version": version("imagevault"),
                "url": url,
                "listening": address,
                "providers": providers,
                "database": database,
            },
        )
        return
    err.print(Text.assemble((f"ImageVault {version('imagevault')}", "bold"), " on ", (url, "bold")), soft_wrap=True)
    if settings.public_url:
        say(f"  listening on   {address}")
    say(f"  documentation  {url}/docs")
    say(f"  providers      {providers}")
    say(f"  database       {database}")
    for problem in services.live.problems():
        say(f"  config         {problem}")
    say(f"  try this       curl {url}/signup -H 'Content-Type: application/json' {EXAMPLE}")


def _run(settings: Settings, services: "Services", *, reload: bool) -> None:
    """Serve until a signal stops the server: in this process, in workers, or in one that restarts on changes."""
    import uvicorn
    from uvicorn.supervisors import ChangeReload

    from imagevault import logs
    from imagevault.asgi import create
    from imagevault.cli.workers import Workers

    in_this_process = settings.workers == 1 and not reload
    _handle_signals(in_this_process=in_this_process)
    config = uvicorn.Config(
        create(services) if in_this_process else "imagevault.asgi:app",
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        reload=reload,
        reload_dirs=[str(settings.plugins_dir)] if reload and settings.plugins_dir else None,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        timeout_worker_healthcheck=START_TIMEOUT,
        log_config=logs.dict_config(settings),
        access_log=False,
    )
    if in_this_process:
        uvicorn.Server(config).run()
    elif reload:
        ChangeReload(config, uvicorn.Server(config).run, [config.bind_socket()]).run()
    else:
        with share_last_good(settings.text):
            Workers(config, [config.bind_socket()]).run()


def _handle_signals(*, in_this_process: bool) -> None:
    """Exit with code 0 on SIGTERM, and treat SIGHUP as SIGTERM where no other worker can take over."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises the signal again when it has finished
    if in_this_process and hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
