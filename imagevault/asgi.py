"""The server as ASGI: `uvicorn imagevault.asgi:app`. The edge in front of the app, as plain ASGI."""

import logging
import multiprocessing
import time
from typing import Any, cast

from imagevault import logs
from imagevault.config import last_good as lastgood
from imagevault.config.settings import Settings, load
from imagevault.errors import ImageVaultError
from imagevault.http.app import create_app
from imagevault.http.authentication import Identify
from imagevault.http.drain import Drain
from imagevault.http.edge import Envelope
from imagevault.http.health import Health
from imagevault.http.rate_limit import Limit
from imagevault.http.types import App
from imagevault.runtime.services import Services

log = logging.getLogger(__name__)


def create(services: Services) -> Envelope:
    """Envelope -> health -> identify -> limit -> app."""
    settings = services.settings
    drain = Drain(lambda: services.settings.draining)
    limited = Limit(cast("App", create_app(services)), settings.limits.requests)
    identified = Identify(limited, services.accounts.verify)
    watched = Health(identified, services.database.ping, drain)
    envelope = Envelope(
        watched, settings, drain, use_database=services.database.use, loopback_only=services.keyring.own
    )

    def configure(settings: Settings, _before: object) -> None:
        limited.set_rate(settings.limits.requests)
        envelope.configure(settings)
        logs.configure(settings)
        lastgood.keep(settings.text)

    services.live.subscribe(configure)
    return envelope


def __getattr__(name: str) -> Any:
    """Makes `app` when a server asks for it, so that importing this module starts nothing."""
    if name != "app":
        raise AttributeError(name)
    try:
        globals()["app"] = create(Services(load(text=lastgood.last_good())))
    except ImageVaultError as error:
        if multiprocessing.parent_process() is not None:
            log.error("a worker cannot start: %s", error)
            time.sleep(1)  # whoever watches over it starts another at once
        raise SystemExit(f"imagevault: {error}") from None
    return globals()["app"]
