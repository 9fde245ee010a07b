"""`imagevault serve`: the API, in one or several worker processes."""

import asyncio
import logging.config
import os
import signal
import socket
import sys
from importlib.metadata import version

import rich_click as click
from rich.text import Text

from imagevault import logs
from imagevault.cli.group import cli
from imagevault.cli.output import err, say
from imagevault.config import last_good as lastgood
from imagevault.config.settings import Settings, is_loopback, load, variable
from imagevault.config.validation import MAKE_SECRET
from imagevault.errors import ImageVaultError
from imagevault.plugins.registry import PluginRegistry
from imagevault.runtime.services import Services

log = logging.getLogger(__name__)

GRACE = 35  # seconds that requests under way may take when the server is told to stop; a `deadline` is 30 at most
START = 60  # seconds that a new worker may take until it serves, on a busy machine

EXAMPLE = """-d '{"username": "ada", "password": "violet-harbour-71"}'"""


@cli.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes.")
@click.option("--reload", is_flag=True, help="Start again when a source file changes; for development.")
@click.option("--strict", is_flag=True, help="Refuse to start if a plugin or the configuration of one is wrong.")
def serve(host: str | None, port: int | None, workers: int | None, reload: bool, strict: bool) -> None:
    """Serve the API: imagevault serve --workers 4.

    SIGTERM lets requests under way finish, and ends with code 0. SIGHUP replaces two or more workers one by one. A
    changed imagevault.toml is in force within a second.
    """
    # Only this command needs them, and to import them takes as long as all the rest.
    import uvicorn  # noqa: PLC0415
    from uvicorn.supervisors import ChangeReload  # noqa: PLC0415

    from imagevault.asgi import create  # noqa: PLC0415
    from imagevault.cli.workers import Workers  # noqa: PLC0415

    for key, value in (("host", host), ("port", port), ("workers", workers)):
        if value is not None:
            os.environ[variable(key)] = str(value)  # for the workers too, which read their own settings
    settings = load()
    logging.config.dictConfig(logs.dict_config(settings))
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
    if alone and hasattr(signal, "SIGHUP"):  # nobody could take over meanwhile, so it ends, but as it should
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    config = uvicorn.Config(
        create(services) if alone else "imagevault.asgi:app",
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        reload=reload,
        reload_dirs=[str(settings.plugins_dir)] if reload and settings.plugins_dir else None,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        timeout_worker_healthcheck=START,
        log_config=logs.dict_config(settings),
        access_log=False,
    )
    if alone:
        uvicorn.Server(config).run()
    elif reload:
        ChangeReload(config, uvicorn.Server(config).run, [config.bind_socket()]).run()
    else:
        with lastgood.handed_on(settings.text):
            Workers(config, [config.bind_socket()]).run()


def _check_strictly(plugins: PluginRegistry) -> None:
    wrong = [f"{each.name}: {each.reason}" for each in plugins.failures]
    wrong += [f"{each.name}: {each.config_error}" for each in plugins.providers.values() if each.config_error]
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
    if settings.log == "json":  # whoever reads that wants nothing else
        place = f"{settings.host} port {settings.port}"
        fields = {"url": base, "listening": place, "providers": providers, "database": services.database.place}
        log.info("serving", extra={"version": version("imagevault"), **fields})
        return
    err.print(Text.assemble((f"ImageVault {version('imagevault')}", "bold"), " on ", (base, "bold")), soft_wrap=True)
    if settings.public_url:
        say(f"  listening on   {settings.host} port {settings.port}")
    say(f"  documentation  {base}/docs")
    say(f"  providers      {providers}")
    say(f"  database       {services.database.place}")
    for problem in services.live.problems():
        say(f"  config         {problem}")
    say(f"""  try this       curl {base}/signup -H 'Content-Type: application/json' {EXAMPLE}""")
