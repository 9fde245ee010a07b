"""The Litestar application: all routes, what they are given, and what every request to them passes."""

import logging
import multiprocessing
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Any

from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.di import Provide
from litestar.plugins.base import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from typing_extensions import override

from imagevault.accounts import key_routes
from imagevault.accounts import routes as account_routes
from imagevault.downloads import credit_routes, file_routes
from imagevault.downloads import routes as download_routes
from imagevault.errors import DatabaseUnavailable
from imagevault.http import openapi, problems, sessions
from imagevault.http.guard import QueryParameters, check_body, check_caller, check_content_type, limit_body
from imagevault.http.problem_pages import handle_at_route
from imagevault.http.session_cookie import SessionCookie
from imagevault.personal import routes as personal_routes
from imagevault.runtime.services import Services
from imagevault.search import routes as search_routes
from imagevault.search.outcome import SearchFailed
from imagevault.web import account_routes as web_account_routes
from imagevault.web import media_routes, my_routes
from imagevault.web import routes as web_routes
from imagevault.web.passing_on import PictureReader

log = logging.getLogger(__name__)

# Seconds for which one of several workers waits for the database, which was there when the server started.
DATABASE_WAIT = 10.0


class LitestarWithoutPydantic(Litestar):
    """Litestar without its plugins for Pydantic and attrs, which nothing here uses.

    Litestar loads them wherever Pydantic is installed, as it always is with Piccolo. They cost a worker 9 MB, measured
    on 2026-12-01.
    """

    @staticmethod
    @override
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return [*plugins, MsgspecDIPlugin()]


def create_app(services: Services) -> Litestar:
    """Return the application on these services."""

    def search_is_open() -> bool:
        return services.settings.search == "open"

    parameters = QueryParameters()

    async def check_request(request: Request[Any, Any, Any]) -> None:
        check_caller(request, search_is_open)  # not one of Litestar's guards: it copies the whole route for each
        parameters.check(request)
        check_content_type(request)
        limit_body(request)
        await check_body(request)

    return LitestarWithoutPydantic(
        [
            *account_routes.ROUTES,
            *key_routes.ROUTES,
            *search_routes.ROUTES,
            *download_routes.ROUTES,
            *file_routes.ROUTES,
            *credit_routes.ROUTES,
            *personal_routes.ROUTES,
            *openapi.ROUTES,
            *sessions.ROUTES,
            *web_routes.ROUTES,
            *my_routes.ROUTES,
            *web_account_routes.ROUTES,
            *media_routes.ROUTES,
        ],
        dependencies=_dependencies(services),
        before_request=check_request,
        exception_handlers={SearchFailed: _handle_failed_search, Exception: handle_at_route},
        openapi_config=openapi.openapi_config(version("imagevault"), services.settings.base_url),
        lifespan=[_lifespan(services)],
        state=State(
            {
                "search_is_open": search_is_open,
                "sign_up_is_open": lambda: services.settings.signup != "closed",
                "providers": lambda: services.gateway.providers,
            }
        ),
        logging_config=None,
        debug=False,
    )


def _dependencies(services: Services) -> dict[str, Provide]:
    """Return the services that handlers ask for by name."""
    parts = {
        "accounts": services.accounts,
        "api_keys": services.api_keys,
        "credentials": services.credentials,
        "sessions": services.sessions,
        "session_cookie": SessionCookie(services.settings),
        "sign_out": services.sign_out,
        "sign_in": services.sign_in,
        "administration": services.administration,
        "signups": services.signups,
        "gateway": services.gateway,
        "plugins": services.plugins,
        "ledger": services.ledger,
        "files": services.files,
        "picture_reader": PictureReader(services.gateway, services.file_client),
    }
    return {name: Provide(_provider_of(part), sync_to_thread=False) for name, part in parts.items()}


def _provider_of(part: object) -> Callable[[], Any]:
    return lambda: part


def _lifespan(services: Services) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    """Open the services when the server starts, and close them when it stops."""

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await _enter(stack, services)
            yield

    return lifespan


async def _enter(stack: AsyncExitStack, services: Services) -> None:
    is_worker = multiprocessing.parent_process() is not None
    try:
        await stack.enter_async_context(services.serving(DATABASE_WAIT if is_worker else 0.0))
    except DatabaseUnavailable as error:
        if not is_worker:
            raise
        # uvicorn ends the whole server if a worker reports a failed start, but replaces a worker that exits.
        log.error("this worker exits and another one starts: %s", error)
        os._exit(os.EX_TEMPFAIL)


def _handle_failed_search(request: Request[Any, Any, Any], error: SearchFailed) -> Response[problems.Problem]:
    headers = {}
    if error.http_status == 503:
        headers["Retry-After"] = str(error.retry_after or problems.DEFAULT_RETRY_AFTER)
    refusal = problems.HTTPRefusal(error.http_status, str(error), headers, providers=error.statuses)
    return problems.handle(request, refusal)
