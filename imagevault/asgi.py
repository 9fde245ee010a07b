"""The server as an ASGI application, `uvicorn imagevault.asgi:app`: the edge in front of the Litestar application."""

import logging
import multiprocessing
import time
from typing import Any, cast

from imagevault import logs
from imagevault.config.last_good import read_last_good, save_last_good
from imagevault.config.settings import Settings, load
from imagevault.errors import ImageVaultError
from imagevault.http.allowed_hosts import AllowedHosts
from imagevault.http.app import create_app
from imagevault.http.authentication import Authentication
from imagevault.http.cors import Cors
from imagevault.http.drain import Drain
from imagevault.http.edge import Edge
from imagevault.http.health import Health
from imagevault.http.rate_limit import RateLimit
from imagevault.http.response_headers import ResponseHeaders
from imagevault.http.types import App
from imagevault.runtime.services import Services

log = logging.getLogger(__name__)

RESTART_PAUSE = 1.0  # seconds before a failed worker exits, because its supervisor starts another one at once


def create(services: Services) -> Edge:
    """The server on these services. It follows their settings when the config file changes."""
    settings = services.settings
    drain = Drain(lambda: services.settings.draining)
    edge = Edge(
        cast("App", create_app(services)),
        use_database=services.database.use,
        drain=drain,
        allowed_hosts=AllowedHosts(settings, loopback_only=services.keyring.own),
        cors=Cors(settings),
        health=Health(services.database.ping, drain),
        authentication=Authentication(services.accounts.verify),
        rate_limit=RateLimit(settings),
        response_headers=ResponseHeaders(settings, drain),
    )

    def configure(settings: Settings, _before: object) -> None:
        edge.configure(settings)
        logs.configure(settings)
        save_last_good(settings.text)

    services.live.subscribe(configure)
    return edge


def __getattr__(name: str) -> Any:
    """Creates `app` when a server asks for it, so that importing this module starts nothing."""
    if name != "app":
        raise AttributeError(name)
    try:
        globals()["app"] = create(Services(load(text=read_last_good())))
    except ImageVaultError as error:
        if multiprocessing.parent_process() is not None:
            log.error("a worker cannot start: %s", error)
            time.sleep(RESTART_PAUSE)
        raise SystemExit(f"imagevault: {error}") from None
    return globals()["app"]
