"""The server as ASGI: `uvicorn imagevault.asgi:app`. The edge in front of the app, as plain ASGI."""

from typing import Any, cast

from imagevault.app import Services, create_app
from imagevault.edge.envelope import Envelope
from imagevault.edge.health import Health
from imagevault.edge.identify import Identify
from imagevault.edge.limit import Limit
from imagevault.edge.types import App
from imagevault.errors import ImageVaultError
from imagevault.settings import load


def create(services: Services) -> Envelope:
    """Envelope -> health -> identify -> limit -> app."""
    app = cast("App", create_app(services))
    limited = Limit(app, services.settings.limits.requests)
    identified = Identify(limited, services.accounts.verify)
    watched = Health(identified, services.database.ping)
    return Envelope(
        watched,
        services.settings,
        use_database=services.database.use,
        loopback_only=services.keyring.own,
    )


def __getattr__(name: str) -> Any:
    """Makes `app` when a server asks for it, so that importing this module starts nothing."""
    if name != "app":
        raise AttributeError(name)
    try:
        globals()["app"] = create(Services(load()))
    except ImageVaultError as error:
        raise SystemExit(f"imagevault: {error}") from None
    return globals()["app"]
