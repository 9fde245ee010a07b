"""The composition root: what the server is made of. Read this first; `asgi` puts the edge in front of it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Any

import httpx
from litestar import Litestar, Request
from litestar.datastructures import State
from litestar.di import Provide

from imagevault.accounts import routes as account_routes
from imagevault.accounts.accounts import Accounts
from imagevault.accounts.passwords import Passwords
from imagevault.accounts.tokens import Tokens
from imagevault.database import Database
from imagevault.downloads import routes as download_routes
from imagevault.downloads.ledger import Ledger
from imagevault.edge import docs, problems
from imagevault.edge.guard import Parameters, check_content_type, guard
from imagevault.edge.limit import Buckets
from imagevault.errors import ConfigError
from imagevault.gateway import routes as search_routes
from imagevault.gateway.gateway import Gateway
from imagevault.gateway.status import SearchFailed
from imagevault.keyring import Keyring, open_keyring
from imagevault.plugins import Plugins
from imagevault.settings import Settings
from imagevault.watchdog import Watchdog


class Services:
    """All parts of one server, made from its settings; tests and the command line use them without HTTP."""

    def __init__(self, settings: Settings, transports: Mapping[str, httpx.AsyncBaseTransport] | None = None) -> None:
        self.settings = settings
        self.keyring: Keyring = open_keyring(settings)
        self.database = Database(settings)
        self.plugins = Plugins.load(settings)
        if not any(name in self.plugins.providers for name in settings.default):
            known = ", ".join(sorted(self.plugins.providers))
            raise ConfigError("default", str(settings.config or "environment"), f"names no provider; there are {known}")
        self.gateway = Gateway(settings, self.plugins, self.keyring, transports)
        passwords = Passwords(settings.argon2, settings.password_min_length)
        self.accounts = Accounts(passwords, Tokens(self.keyring, settings.token_ttl))
        self.ledger = Ledger(self.gateway)
        self.signups = Signups(settings)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Opens the database, and at the end lets go of everything."""
        async with AsyncExitStack() as stack:
            await self.database.open()
            stack.push_async_callback(self.database.close)
            await stack.enter_async_context(self.gateway.running())
            await stack.enter_async_context(Watchdog(self.plugins.modules()).running())
            yield


class Signups(Buckets):
    """How many accounts an address may still make (`limits.signup`), and whether anyone may (`signup`)."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.limits.signup)
        self.open = settings.signup == "open"


def create_app(services: Services) -> Litestar:
    """The routes with all they need, and the one way from an error to its answer."""
    settings = services.settings
    parameters = Parameters()

    async def check_request(request: Request[Any, Any, Any]) -> None:
        parameters.check(request)
        check_content_type(request)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with services.running():
            yield

    provided = {
        "accounts": services.accounts,
        "signups": services.signups,
        "gateway": services.gateway,
        "plugins": services.plugins,
        "ledger": services.ledger,
    }
    return Litestar(
        [*account_routes.ROUTES, *search_routes.ROUTES, *download_routes.ROUTES, *docs.ROUTES],
        dependencies={name: Provide(_giver(part), sync_to_thread=False) for name, part in provided.items()},
        guards=[guard(open_search=settings.search == "open")],
        before_request=check_request,
        exception_handlers={SearchFailed: _search_failed, Exception: problems.handle},
        openapi_config=docs.openapi_config(version("imagevault"), settings.base_url),
        lifespan=[lifespan],
        state=State({"open_search": settings.search == "open"}),
        logging_config=None,
        debug=False,
    )


def _giver(part: object) -> Any:
    return lambda: part


def _search_failed(request: Request[Any, Any, Any], error: SearchFailed) -> Any:
    headers = {"Retry-After": str(error.retry_after or 60)} if error.http_status == 503 else {}
    refusal = problems.HTTPRefusal(error.http_status, str(error), headers, providers=list(error.statuses))
    return problems.handle(request, refusal)
