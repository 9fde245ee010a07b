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
from imagevault.cli.output import err, say, say_wrapped
from imagevault.config.last_good import share_last_good
from imagevault.config.settings import Settings, load, variable
from imagevault.errors import ConfigError, ImageVaultError

if TYPE_CHECKING:
    from imagevault.plugins.provider import Provider
    from imagevault.plugins.registry import PluginRegistry
    from imagevault.runtime.services import Services

log = logging.getLogger(__name__)

GRACE = 35  # seconds that current requests may take after a signal to stop; a search takes 30 at most
START_TIMEOUT = 60  # seconds that a new worker may take until it serves, on a busy machine

LABEL = 15  # characters of the names in the report
EXAMPLE = """-d '{"username": "ada", "password": "violet-harbour-71"}'"""


@cli.command()
@click.option(
    "--host",
    metavar="ADDRESS",
    help="The address to listen on, such as 0.0.0.0 for every network of this machine. By default, the setting host: "
    "127.0.0.1 if it is not set, which only this machine reaches.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="The port to listen on. By default, the setting port: 8000 if it is not set.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    help="How many processes answer requests. By default, the setting workers: 1 if it is not set.",
)
@click.option(
    "--reload",
    is_flag=True,
    help="Restart the server whenever a Python file changes, while you develop a plugin.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Do not start if a plugin cannot be loaded or has a wrong setting. Without this option, the server starts "
    "without that provider.",
)
def serve(host: str | None, port: int | None, workers: int | None, reload: bool, strict: bool) -> None:
    """Run the server: imagevault serve --workers 4.

    Ctrl-C or SIGTERM stops it after the current requests. SIGHUP replaces two or more workers one by one. A changed
    imagevault.toml is in force within a second.
    """
    from imagevault import logs
    from imagevault.runtime.services import Services
    from imagevault.upstream.tls import tls_context

    _set_environment(host=host, port=port, workers=workers)
    settings = load()
    logging.config.dictConfig(logs.dict_config(settings))
    _check_secret(settings)
    services = Services(settings)
    tls_context()  # certificates that cannot be read stop the start here, with one line
    if strict:
        _check_plugins(services.plugins)
    _check_address(settings)
    has_accounts = asyncio.run(_open_database(services))
    _announce(settings, services, has_accounts=has_accounts)
    _run(settings, services, reload=reload)


def _set_environment(**options: object) -> None:
    """Put the options into the environment, where the workers read them too."""
    for key, value in options.items():
        if value is not None:
            os.environ[variable(key)] = str(value)


def _check_secret(settings: Settings) -> None:
    """A generated secret is for loopback only. The message ends in a command to copy."""
    from imagevault.security.keyring import check_own_secret

    try:
        check_own_secret(settings)
    except ConfigError as error:
        raise ImageVaultError(f"SECRET_KEY {error.message}") from None


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


async def _open_database(services: "Services") -> bool:
    """Open the database once, so that the migrations run, and an error ends the command.

    Returns:
        Whether there is an account.

    """
    async with services.running():
        return await services.accounts.has_any()


def _announce(settings: Settings, services: "Services", *, has_accounts: bool) -> None:
    """Print where the server is; with `log = "json"`, as one log line."""
    report = _report(settings, services)
    if settings.log == "json":
        fields = {name.replace(" ", "_"): text for name, text in report.items()}
        log.info("serving", extra={"version": version("imagevault"), "url": settings.base_url, **fields})
        return
    head = (f"ImageVault {version('imagevault')}", "bold")
    err.print(Text.assemble(head, " on ", (settings.base_url, "bold")), soft_wrap=True)
    for name, text in report.items():
        is_known = name == "listening" and not settings.public_url  # the address is in the first line then
        if text and not is_known:
            say_wrapped(f"  {name:<{LABEL}}{text}", indent=" " * (LABEL + 2))
    for problem in services.live.problems():
        say(f"  {'config':<{LABEL}}{problem}")
    suggestion = _suggestion(settings, has_accounts=has_accounts)
    if suggestion:
        say(f"  {'try this':<{LABEL}}{suggestion}")


def _report(settings: Settings, services: "Services") -> dict[str, str]:
    """What the server serves and where, by the names of the lines. What is wrong in the config is not part of it."""
    providers = services.plugins.providers.values()
    ready = [provider.name for provider in providers if provider.state == "ok"]
    missing = [f"{provider.name} ({provider.missing_variable})" for provider in providers if _lacks_setting(provider)]
    disabled = [provider.name for provider in providers if provider.state == "disabled"]
    return {
        "listening": f"{settings.host} port {settings.port}",
        "documentation": f"{settings.base_url}/docs",
        "providers": ", ".join(ready),
        "not configured": ", ".join(missing),
        "disabled": ", ".join(disabled),
        "database": services.database.place,
    }


def _lacks_setting(provider: "Provider") -> bool:
    """Whether it only needs a setting. One that is disabled needs none now."""
    return provider.state == "unconfigured" and provider.missing_variable is not None


def _suggestion(settings: Settings, *, has_accounts: bool) -> str | None:
    """A first command that works as it is, if there is one."""
    if settings.search == "open":
        return f"curl '{settings.base_url}/search?q=mountain'"
    if has_accounts:
        return None
    if settings.signup != "open":
        return "imagevault users create ada --admin"
    return f"curl {settings.base_url}/signup -H 'Content-Type: application/json' {EXAMPLE}"


def _run(settings: Settings, services: "Services", *, reload: bool) -> None:
    """Serve until a signal stops the server: in this process, in workers, or in one that restarts on changes."""
    import uvicorn
    from uvicorn.supervisors import ChangeReload

    from imagevault import logs
    from imagevault.asgi import create
    from imagevault.cli.workers import Workers
    from imagevault.http.protocol import LimitedHttpProtocol

    in_this_process = settings.workers == 1 and not reload
    _handle_signals(in_this_process=in_this_process)
    config = uvicorn.Config(
        create(services) if in_this_process else "imagevault.asgi:app",
        host=settings.host,
        port=settings.port,
        http=LimitedHttpProtocol,
        workers=settings.workers,
        reload=reload,
        reload_dirs=[str(settings.plugins_dir)] if reload and settings.plugins_dir else None,
        server_header=False,
        proxy_headers=False,  # only the edge reads X-Forwarded-For, see `trusted_proxies`
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
