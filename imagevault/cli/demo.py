"""`imagevault demo`: a server over simulated upstreams, to try ImageVault without a key and without a network."""

import asyncio
import logging.config
import os
import secrets
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from importlib.metadata import entry_points, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import rich_click as click
from rich.text import Text

from imagevault.cli.group import cli
from imagevault.cli.output import err, say
from imagevault.config.settings import Settings, load, provider_variable
from imagevault.errors import ImageVaultError

if TYPE_CHECKING:
    from imagevault.runtime.services import Services
    from imagevault.testing.upstream import Upstream

HOST = "127.0.0.1"
USUAL_PORT = 8000
ACCOUNT = "demo"
PATIENCE = "30"  # seconds for a search: all providers share this machine, which may be slow
GRACE = 2  # seconds that current requests may take after a signal to stop
SETTINGS = {
    "IMAGEVAULT_SEARCH": "open",
    "IMAGEVAULT_ALLOW_NETWORKS": "127.0.0.1",  # the simulated hosts of files
    "IMAGEVAULT_LOG_LEVEL": "warning",  # what the command prints stays in sight
    "IMAGEVAULT_DEADLINE": PATIENCE,
    # A page of The Met costs eleven calls, so its real quota allows two searches a minute.
    "MET_QUOTA": "100000/minute, 1000/second",
    "OPENVERSE_CLIENT_ID": "test-client",  # with larger pages and quotas than without
    "OPENVERSE_CLIENT_SECRET": "test-secret",
}


@cli.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=f"The port to listen on; 0 takes a free one. By default {USUAL_PORT}, or a free one if that is taken.",
)
def demo(port: int | None) -> None:
    """Serve invented pictures of simulated providers: imagevault demo.

    Nothing leaves this machine, and your settings and your database are not used. All data is in a temporary folder,
    which is deleted at the end. Stop with Ctrl-C.
    """
    from imagevault import logs
    from imagevault.runtime.services import Services

    _handle_signals()
    with ExitStack() as stack:
        listening = stack.enter_context(_listen(port))
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="imagevault-demo-")))
        upstreams = _start_upstreams(stack)
        settings = load(_environment(upstreams, listening.getsockname()[1]), folder)
        logging.config.dictConfig(logs.dict_config(settings))
        services = Services(settings)
        password = secrets.token_urlsafe(9)
        asyncio.run(_create_account(services, password))
        _announce(settings, folder, list(upstreams), password)
        _run(settings, services, listening)


def _handle_signals() -> None:
    """Leave by SystemExit on SIGTERM and SIGHUP, so that the folder is deleted. uvicorn raises the signal again."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))


def _listen(port: int | None) -> socket.socket:
    """Return a socket on this machine only. Raises ImageVaultError if the port that was asked for is taken."""
    try:
        return socket.create_server((HOST, USUAL_PORT if port is None else port))
    except OSError as error:
        if port is not None:
            raise ImageVaultError(
                f"cannot listen on port {port}: {error.strerror}; choose another with --port"
            ) from None
    return socket.create_server((HOST, 0))


def _start_upstreams(stack: ExitStack) -> "Mapping[str, Upstream]":
    """Start every simulated upstream on a free port, until the stack closes."""
    from imagevault.testing.simulated import SIMULATED
    from imagevault.testing.upstreams.openverse import SimulatedOpenverse

    upstreams = {name: stack.enter_context(make()) for name, make in SIMULATED.items()}
    openverse = upstreams["openverse"]
    if isinstance(openverse, SimulatedOpenverse):
        openverse.throttles["anon_thumbnail"].limit = 100_000  # 150 a minute are fewer than a gallery has
    return upstreams


def _environment(upstreams: "Mapping[str, Upstream]", port: int) -> dict[str, str]:
    """Return the settings of the server. They switch off providers that would call a real upstream."""
    from imagevault.testing.simulated import environment

    environ = {**SETTINGS, "IMAGEVAULT_PORT": str(port)}
    for name, upstream in upstreams.items():
        environ |= environment(name, upstream)
        environ[provider_variable(name, "timeout")] = PATIENCE
    for point in entry_points(group="imagevault"):
        if point.name not in {*upstreams, "local"}:
            environ[provider_variable(point.name, "enabled")] = "false"
    return environ


async def _create_account(services: "Services", password: str) -> None:
    """Create the database, and in it the account of the visitor, who is an admin."""
    async with services.running():
        await services.accounts.create(ACCOUNT, password, is_admin=True)


def _announce(settings: Settings, folder: Path, simulated: list[str], password: str) -> None:
    """Print where the server is and what to try."""
    url = settings.base_url
    head = f"ImageVault {version('imagevault')}"
    err.print(Text.assemble((head, "bold"), ", a demo on ", (url, "bold")), soft_wrap=True)
    say(f"  search         {url}/?q=red+fox&provider=all")
    say(f"  try the API    curl -s '{url}/search?q=red+fox&provider=all&per_page=16' | python3 -m json.tool")
    say(f"  documentation  {url}/docs")
    say(f"  account        {ACCOUNT}, password {password}")
    say(f"  simulated      {', '.join(simulated)}")
    say(f"  networks       {HOST} for files of the simulated providers; the log warns of it, as of any such setting")
    say(f"  data           {folder}, deleted at the end")
    say("  stop           Ctrl-C")


def _run(settings: Settings, services: "Services", listening: socket.socket) -> None:
    """Serve until a signal stops the server."""
    import uvicorn

    from imagevault import logs
    from imagevault.asgi import create

    config = uvicorn.Config(
        create(services),
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE,
        log_config=logs.dict_config(settings),
        access_log=False,
    )
    uvicorn.Server(config).run(sockets=[listening])
