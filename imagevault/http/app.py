"""The composition root: what the server is made of. Read this first; `asgi` puts the edge in front of it."""

import logging
import multiprocessing
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Any

from litestar import Litestar, Request
from litestar.datastructures import State
from litestar.di import Provide

from imagevault.accounts import routes as account_routes
from imagevault.downloads import routes as download_routes
from imagevault.errors import DatabaseUnavailable
from imagevault.http import openapi as docs
from imagevault.http import problems
from imagevault.http.guard import Parameters, check_content_type, guard
from imagevault.runtime.services import Services
from imagevault.search import routes as search_routes
from imagevault.search.outcome import SearchFailed

log = logging.getLogger(__name__)

PATIENCE = 10.0  # seconds that one of several workers waits for the database, which was there when the server started


def create_app(services: Services) -> Litestar:
    """The routes with all they need, and the one way from an error to its answer."""
    parameters = Parameters()

    def search_is_open() -> bool:
        return services.settings.search == "open"

    async def check_request(request: Request[Any, Any, Any]) -> None:
        parameters.check(request)
        check_content_type(request)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        of_several = multiprocessing.parent_process() is not None
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(services.serving(PATIENCE if of_several else 0.0))
            except DatabaseUnavailable as error:
                if not of_several:
                    raise
                # A worker that says that it cannot start ends the whole server; one that dies is started again.
                log.error("a worker ends, and another will try: %s", error)
                os._exit(os.EX_TEMPFAIL)
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
        guards=[guard(search_is_open)],
        before_request=check_request,
        exception_handlers={SearchFailed: _search_failed, Exception: problems.handle},
        openapi_config=docs.openapi_config(version("imagevault"), services.settings.base_url),
        lifespan=[lifespan],
        state=State({"search_is_open": search_is_open}),
        logging_config=None,
        debug=False,
    )


def _giver(part: object) -> Any:
    return lambda: part


def _search_failed(request: Request[Any, Any, Any], error: SearchFailed) -> Any:
    headers = {"Retry-After": str(error.retry_after or 60)} if error.http_status == 503 else {}
    refusal = problems.HTTPRefusal(error.http_status, str(error), headers, providers=list(error.statuses))
    return problems.handle(request, refusal)
