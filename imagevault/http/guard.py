"""What every route demands unless it says otherwise: a caller, known parameters, and a body of its type and size."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast, get_args
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec
from litestar import Request
from litestar.enums import ParamType
from litestar.handlers import BaseRouteHandler
from litestar.params import ParameterKwarg

from imagevault.config.sources import alternatives, nearest
from imagevault.errors import BadInput, Forbidden, NotSignedIn
from imagevault.http.invalid_fields import MAX_NAME, expected, remedy
from imagevault.http.problems import HTTPRefusal
from imagevault.http.request import RequestContext, context_of
from imagevault.http.request_limits import check_declared_body
from imagevault.http.types import Scope as ASGIScope
from imagevault.search.parameters import PARAMETER
from imagevault.security.caller import Caller, Scope

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
IDENTITY = "identity"
HALF_CHARACTER = re.compile("[\ud800-\udfff]")
WITHOUT_BODY = frozenset({"GET", "DELETE", "OPTIONS"})


def check_caller(request: Request[Any, Any, Any], search_is_open: Callable[[], bool]) -> None:
    """Check that the caller may use the route: only people who signed in pass, unless its `opt` says otherwise.

    `scopes: ("search", ...)` lets API keys pass too that have one of these scopes; with `SCOPES`, every key passes.
    `open: True` lets anyone pass, but no key where it is a page of HTML, which is for people. `open: "search"` lets
    anyone pass while the admin has opened the search, except callers whose credential is not valid. OPTIONS, which
    only lists the methods, is open.

    Raises:
        NotSignedIn: The route needs a caller.
        HTTPRefusal: 403, if an API key lacks the scope.
    """
    if request.method == "OPTIONS":
        return
    context = context_of(cast("ASGIScope", request.scope))
    options = request.route_handler.opt
    access = options.get("open")
    if access is True and (context.caller is None or not options.get("page")):
        return
    check_access(context, options.get("scopes", ()), is_open=access == "search" and search_is_open())


def check_access(context: RequestContext, scopes: Sequence[Scope], *, is_open: bool) -> None:
    """Check that the caller may use a route.

    Args:
        context: of the request.
        scopes: an API key needs one of these.
        is_open: whether anyone may use the route now, except callers whose credential is not valid.

    Raises:
        NotSignedIn: The route needs a caller.
        Forbidden: The caller is known by a cookie only, and the request does not say which site it comes from.
        HTTPRefusal: 403, if an API key lacks the scope.
    """
    if context.caller is not None:
        _check_scopes(context.caller, scopes)
    elif context.has_unproven_session and not is_open:
        raise Forbidden("The cookie of a session counts for the pages of this server only; send a token.")
    elif not is_open or context.bad_credential:
        raise NotSignedIn


def _check_scopes(caller: Caller, scopes: Sequence[Scope]) -> None:
    """Check that a credential may be used at a route.

    Raises:
        HTTPRefusal: 403, with the challenge of RFC 6750, section 3.1.
    """
    if caller.key_id is None or not caller.scopes.isdisjoint(scopes):
        return
    if not scopes:
        raise Forbidden("An API key cannot do this; sign in with POST /token.")
    wanted = alternatives(scopes)
    challenge = f'Bearer error="insufficient_scope", scope="{scopes[0]}"'
    detail = f"This API key lacks the scope {wanted}; create a key that has it."
    raise HTTPRefusal(403, detail, {"WWW-Authenticate": challenge})


class QueryParameters:
    """Refuses query parameters that a route does not have, and repeated ones."""

    def __init__(self) -> None:
        self._known: dict[BaseRouteHandler, Mapping[str, Any]] = {}

    def check(self, request: Request[Any, Any, Any]) -> None:
        """Check the names in the query.

        Raises:
            BadInput: A parameter is unknown or repeated. The message offers the nearest name, or lists all. A page
                (`page` in the `opt` of its route) ignores unknown ones, and may take some repeatedly (`repeated`).
        """
        try:
            query = request.scope["query_string"].decode()
        except UnicodeDecodeError:
            raise BadInput("query", "must be UTF-8, percent-encoded") from None
        if not query or request.method == "OPTIONS":
            return
        known = self._parameters_of(request.route_handler)
        is_page = request.route_handler.opt.get("page", False)
        may_repeat = request.route_handler.opt.get("repeated", ())
        has_others = request.route_handler.opt.get("provider_parameters", False)
        given = parse_qsl(query, keep_blank_values=True)
        counts = Counter(name for name, _ in given)
        for name, value in given:
            is_other = has_others and PARAMETER.fullmatch(name)  # the search knows which there are
            if name not in known and not is_other:
                if is_page:
                    continue
                raise BadInput(name, f"there is no such parameter.{_offer(name, known)}")
            if counts[name] > 1 and name not in may_repeat:
                raise BadInput(name, "must be given once")
            # Litestar would take it for a parameter that was left out.
            if value == "null" and name in known and not _takes_text(known[name]):
                raise BadInput(name, expected(known[name]))

    def _parameters_of(self, handler: BaseRouteHandler) -> Mapping[str, Any]:
        if handler not in self._known:
            self._known[handler] = query_parameters(handler)
        return self._known[handler]


def query_parameters(handler: BaseRouteHandler) -> dict[str, Any]:
    """Return the query parameters in the signature of a handler with their types, each declared by `QueryParameter`."""
    parameters = {}
    for name, field in handler.parsed_fn_signature.parameters.items():
        declaration = field.kwarg_definition
        if field.is_di_field or not isinstance(declaration, ParameterKwarg):
            continue
        if declaration.param_type == ParamType.QUERY:
            parameters[declaration.name or name] = field.annotation
    return parameters


def _takes_text(annotation: Any) -> bool:
    return str in {annotation, *get_args(annotation)}


def check_content_type(request: Request[Any, Any, Any]) -> None:
    """Check the media type of a body before the body is read. Otherwise a page of another site could send a form.

    Raises:
        HTTPRefusal: 415, if the route takes a body and it is of another type, or compressed.
    """
    options = request.route_handler.opt
    if options.get("no_body") or (request.method in WITHOUT_BODY and not options.get("takes_body")):
        return
    expected = FORM if options.get("form") else JSON
    coding = request.headers.get("content-encoding", IDENTITY).strip().lower()
    if coding != IDENTITY:
        detail = "The body must be sent as it is, without Content-Encoding."
        raise HTTPRefusal(415, detail, {"Accept-Encoding": IDENTITY})
    sent = _media_type(request)
    if sent == expected or (sent == JSON and options.get("json")):
        return
    if options.get("body", True) or _has_body(request):
        detail = f"The body must be {expected}, named in the Content-Type header."
        raise HTTPRefusal(415, detail, {"Accept": expected})


async def check_body(request: Request[Any, Any, Any]) -> None:
    """Check what decoding a body would pass over, or blame on something else.

    Raises:
        BadInput: The body is not UTF-8, is no JSON, names a field twice, has a value of another type that Litestar
            would convert, or came to a route that takes none (`no_body` in its `opt`).
    """
    options = request.route_handler.opt
    if request.method in WITHOUT_BODY and not options.get("takes_body"):
        return
    body = await request.body()
    if not body:
        return
    if options.get("no_body"):
        raise BadInput("body", "must be left out; parameters go into the query")
    try:
        text = body.decode()
        if _media_type(request) == JSON:
            json.loads(text, object_pairs_hook=_check_fields, parse_int=str, parse_float=str)
            _check_types(body, request.route_handler)
        else:
            unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise BadInput("body", "must be UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadInput("body", f"is no JSON: {error}") from None
    except RecursionError:
        raise BadInput("body", "is nested too deeply") from None


def _check_fields(pairs: list[tuple[str, Any]]) -> None:
    """Check that no name is given twice, because two readers could take two values, and that texts are whole."""
    for name, count in Counter(name for name, _ in pairs).items():
        if count > 1:
            raise BadInput(name[:MAX_NAME], "must be given once")
    for name, value in pairs:
        if isinstance(value, str) and HALF_CHARACTER.search(value):
            raise BadInput(name[:MAX_NAME], "must be text; an escape such as \\ud83d alone is half of a character")


def _check_types(body: bytes, handler: BaseRouteHandler) -> None:
    """Check that values have the types that they must have. Litestar takes 1 for true, and a number for a time."""
    field = handler.parsed_data_field
    if field is None:
        return
    try:
        msgspec.json.decode(body, type=field.annotation)
    except msgspec.ValidationError as error:
        message, _, name = str(error).rpartition(" - at `$.")
        try:
            msgspec.json.decode(body, type=field.annotation, strict=False)
        except msgspec.ValidationError as other:
            if str(other) == str(error):
                return  # Litestar refuses it too, and names every field that is wrong
        raise BadInput(name.rstrip("`"), remedy(message, None)) from None
    except msgspec.DecodeError:
        return  # the same


def limit_body(request: Request[Any, Any, Any]) -> None:
    """Put the route's own limit of the body in force, before the body is read. `max_body` in its `opt` says the bytes.

    Raises:
        HTTPRefusal: 413, if the head declares a larger body.
    """
    max_body = request.route_handler.opt.get("max_body")
    if max_body is None:
        return
    context = context_of(cast("ASGIScope", request.scope))
    context.max_body = max_body
    check_declared_body(context.head, max_body)


def _offer(name: str, known: Iterable[str]) -> str:
    """Return the nearest of the known names, or all of them if none is near."""
    offer = nearest(name, known)
    if offer:
        return offer
    return f" There are: {', '.join(sorted(known))}." if known else ""


def _media_type(request: Request[Any, Any, Any]) -> str:
    """Return the media type of the body, without its parameters. Letter case makes no difference (RFC 9110, 8.3.1)."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _has_body(request: Request[Any, Any, Any]) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
