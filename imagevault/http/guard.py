"""What every route demands unless it says otherwise: a caller, known query parameters, and a body of its media type."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, cast
from urllib.parse import parse_qsl

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.enums import ParamType
from litestar.handlers import BaseRouteHandler
from litestar.params import ParameterKwarg

from imagevault.config.sources import nearest
from imagevault.errors import BadInput, NotSignedIn
from imagevault.http.problems import HTTPRefusal
from imagevault.http.request import context_of
from imagevault.http.types import Scope

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
WITHOUT_BODY = frozenset({"GET", "DELETE", "OPTIONS"})

Guard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], Awaitable[None]]


def require_caller(search_is_open: Callable[[], bool]) -> Guard:
    """Return the guard of all routes: only signed-in callers pass, unless the `opt` of the route says `open`.

    `open: True` lets anyone pass. `open: "search"` lets anyone pass while the admin has opened the search, except
    callers whose credential is not valid.
    """

    async def check(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        access = handler.opt.get("open")
        if connection.scope["user"] is not None or access is True:
            return
        if connection.scope.get("method") == "OPTIONS":
            return
        bad_credential = context_of(cast("Scope", connection.scope)).bad_credential
        if access == "search" and search_is_open() and not bad_credential:
            return
        raise NotSignedIn

    return check


class QueryParameters:
    """Refuses query parameters that a route does not have, and repeated ones."""

    def __init__(self) -> None:
        self._names: dict[BaseRouteHandler, frozenset[str]] = {}

    def check(self, request: Request[Any, Any, Any]) -> None:
        """Check the names in the query.

        Raises:
            BadInput: A parameter is unknown or repeated. The message offers the nearest name, or lists all.
        """
        query = request.scope["query_string"].decode()
        if not query or request.method == "OPTIONS":
            return
        known = self._names_of(request.route_handler)
        names = [name for name, _ in parse_qsl(query, keep_blank_values=True)]
        for name in names:
            if name not in known:
                raise BadInput(name, f"there is no such parameter.{_offer(name, known)}")
            if names.count(name) > 1:
                raise BadInput(name, "must be given once")

    def _names_of(self, handler: BaseRouteHandler) -> frozenset[str]:
        if handler not in self._names:
            self._names[handler] = query_parameters(handler)
        return self._names[handler]


def query_parameters(handler: BaseRouteHandler) -> frozenset[str]:
    """Return the names of the query parameters in the signature of a handler, each declared by `QueryParameter`."""
    names = set()
    for name, field in handler.parsed_fn_signature.parameters.items():
        declaration = field.kwarg_definition
        if field.is_di_field or not isinstance(declaration, ParameterKwarg):
            continue
        if declaration.param_type == ParamType.QUERY:
            names.add(declaration.name or name)
    return frozenset(names)


def check_content_type(request: Request[Any, Any, Any]) -> None:
    """Check the media type of a body before the body is read. Otherwise a page of another site could send a form.

    Raises:
        HTTPRefusal: 415, if the route takes a body and it is of another type.
    """
    if request.method in WITHOUT_BODY:
        return
    options = request.route_handler.opt
    expected = FORM if options.get("form") else JSON
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent == expected:
        return
    if options.get("body", True) or _has_body(request):
        detail = f"The body must be {expected}, named in the Content-Type header."
        raise HTTPRefusal(415, detail, {"Accept": expected})


def _offer(name: str, known: Iterable[str]) -> str:
    """Return the nearest of the known names, or all of them if none is near."""
    offer = nearest(name, known)
    if offer:
        return offer
    return f" There are: {', '.join(sorted(known))}." if known else ""


def _has_body(request: Request[Any, Any, Any]) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
