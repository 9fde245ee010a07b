"""The server as an ASGI application, `uvicorn imagevault.asgi:app`: the edge in front of the Litestar application."""

import logging
import multiprocessing
import time
from typing import Any, cast

from imagevault import logs
from imagevault.config.last_good import read_last_good, save_last_good
from imagevault.config.settings import Settings, load
from imagevault.errors import ImageVaultError
from imagevault.http.access_log import AccessLog, silence_server_log
from imagevault.http.allowed_hosts import AllowedHosts
from imagevault.http.app import create_app
from imagevault.http.authentication import Authentication
from imagevault.http.client_address import ClientAddress
from imagevault.http.cors import Cors
from imagevault.http.drain import Drain
from imagevault.http.edge import Edge
from imagevault.http.health import Health
from imagevault.http.kept_answers import KeptAnswers
from imagevault.http.metrics import MetricsEndpoint
from imagevault.http.rate_limit import RateLimit
from imagevault.http.response_headers import ResponseHeaders
from imagevault.http.session_cookie import SessionCookie
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
        client_address=ClientAddress(settings),
        allowed_hosts=AllowedHosts(settings, loopback_only=services.keyring.own),
        cors=Cors(settings),
        health=Health(services.database.check_ready, drain),
        authentication=Authentication(
            services.credentials.verify, services.credentials.verify_session, SessionCookie(settings)
        ),
        rate_limit=RateLimit(settings),
        response_headers=ResponseHeaders(settings, drain),
        access_log=AccessLog(settings, services.counters),
        metrics=MetricsEndpoint(settings, services.counters, services.metrics.text),
        kept_answers=KeptAnswers(
            services.gateway.pages.answers, lambda: services.settings.search == "open", services.gateway.usage
        ),
    )

    def configure(settings: Settings, _before: object) -> None:
        edge.configure(settings)
        logs.configure(settings)
        save_last_good(settings.text)

    services.live.subscribe(configure)
    services.database.log_outages()
    silence_server_log()
    return edge


def __getattr__(name: str) -> Any:
    """Create `app` when a server asks for it, so that importing this module starts nothing."""
    if name != "app":
        raise AttributeError(name)
    try:
        settings = load(text=read_last_good())
        logs.configure_fallback(settings)
        globals()["app"] = create(Services(settings))
    except ImageVaultError as error:
        if multiprocessing.parent_process() is not None:
            log.error("a worker cannot start: %s", error)
            time.sleep(RESTART_PAUSE)
            raise SystemExit(1) from None  # the log may be JSON, so the text stands in its line only
        raise SystemExit(f"imagevault: {error}") from None
    return globals()["app"]
