"""What every route asks for unless it says otherwise: somebody signed in, known parameters, a body of its type."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl

from litestar import Litestar, Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.openapi.spec import Parameter

from imagevault.config.settings import nearest
from imagevault.errors import BadInput, NotSignedIn
from imagevault.http.problems import HTTPRefusal

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


Guard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], Awaitable[None]]


def guard(search_is_open: Callable[[], bool]) -> Guard:
    """The guard of all routes. A route is for signed-in callers unless its `opt` says `open`.

    `open: True` is for anyone; `open: "search"` for anyone if the admin opened the search, though not with a credential
    that is no longer good.
    """

    async def signed_in(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        options = connection.scope.get("method") == "OPTIONS"
        if connection.scope["user"] is not None or handler.opt.get("open") is True or options:
            return
        searching = handler.opt.get("open") == "search" and search_is_open()
        if not searching or connection.scope.get("imagevault.bad_credential"):
            raise NotSignedIn

    return signed_in


class Parameters:
    """Refuses query parameters that a route does not have, and repeated ones; the OpenAPI document knows them."""

    def __init__(self) -> None:
        self.known: dict[str, set[str]] = {}

    def of(self, app: Litestar, handler: BaseRouteHandler, method: str) -> set[str]:
        """The names of the query parameters of a handler."""
        key = f"{handler} {method}"
        if key not in self.known:
            self.known[key] = set(_declared(app, str(handler.handler_name), method))
        return self.known[key]

    def check(self, request: Request[Any, Any, Any]) -> None:
        """BadInput names the parameter, and the nearest right one."""
        given = [name for name, _ in parse_qsl(request.scope["query_string"].decode(), keep_blank_values=True)]
        if not given or request.method == "OPTIONS":
            return
        known = self.of(request.app, request.route_handler, request.method)
        for name in given:
            if name not in known:
                offer = nearest(name, known) or (f" There are: {', '.join(sorted(known))}." if known else "")
                raise BadInput(name, f"there is no such parameter.{offer}")
            if given.count(name) > 1:
                raise BadInput(name, "must be given once")


def _declared(app: Litestar, name: str, method: str) -> Iterator[str]:
    for item in (app.openapi_schema.paths or {}).values():
        operation = getattr(item, method.lower(), None)
        if operation is not None and operation.operation_id == name:
            yield from (each.name for each in operation.parameters or () if _in_query(each))


def _in_query(parameter: Any) -> bool:
    return isinstance(parameter, Parameter) and parameter.param_in == "query"


def check_content_type(request: Request[Any, Any, Any]) -> None:
    """Refuses a body of another type before it is read: a cross-site form could otherwise post without being asked."""
    if request.method in {"GET", "DELETE", "OPTIONS"}:
        return
    wanted = FORM if request.route_handler.opt.get("form") else JSON
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != wanted and (request.route_handler.opt.get("body", True) or _has_body(request)):
        raise HTTPRefusal(415, f"The body must be {wanted}, named in the Content-Type header.", {"Accept": wanted})


def _has_body(request: Request[Any, Any, Any]) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
