"""The documentation of the API: OpenAPI 3.1, and Swagger UI. The server delivers every file of that page itself."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Any

import msgspec
from litestar import Litestar, Request, Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, License, OAuthFlow, OAuthFlows, SecurityScheme, Server
from litestar.params import PathParameter
from litestar.typing import FieldDefinition

from imagevault.errors import ResourceNotFound
from imagevault.http.guard import FORM, JSON
from imagevault.http.health import LIVE, READY
from imagevault.http.problems import MEDIA_TYPE, Problem, title_of
from imagevault.http.schemas import REFERENCE, make_schemas, without_null
from imagevault.plugins.patterns import MAX_VALUE
from imagevault.plugins.provider import Provider

ABOUT = """One search over many image providers, behind one account, with a record of who took what under which licence.

Sign up with `POST /signup`, sign in with `POST /token` (here: the Authorize button), send the token as
`Authorization: Bearer ...`. Machines send an API key in its place (`POST /api-keys`). Every error is
`application/problem+json` (RFC 9457) with a `detail` that says what would be right. Every response carries
`X-Request-ID`, and `RateLimit` says how many requests are left. In addition to the errors listed below, any call may be
answered with 405, 408, 414, 431 or 500.
"""
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ImageVault API</title>
<link rel="icon" href="/docs-assets/favicon-32x32.png">
<link rel="stylesheet" href="/docs-assets/swagger-ui.css">
</head>
<body>
<div id="swagger"></div>
<script src="/docs-assets/swagger-ui-bundle.js"></script>
<script src="/docs-assets/docs.js" data-openapi="/docs/openapi.json"></script>
</body>
</html>
"""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
    "docs.js": "text/javascript",
}
OPEN = {"open": True}
STATUSES = {
    200: "The request succeeded.",
    201: "The resource was created.",
    204: "It is done; the response has no body.",
    206: "The response is the part that `Range` asks for.",
    303: "The terms of the provider want its files to be loaded from its own hosts; `Location` has the link.",
    304: "`If-None-Match` names the `ETag` of the current answer; the response has no body.",
    400: "The request is invalid; `errors` names the field and what would be right.",
    401: "The request has no valid credential.",
    403: "The caller or the API key may not do this, or an admin has closed it.",
    404: "There is no such resource.",
    409: "The resource exists already.",
    413: "The body is too large.",
    415: "The body has a media type that this operation does not take.",
    416: "The wanted part begins after the end of the file; `Content-Range` says its size.",
    422: "None of the chosen providers can do this.",
    429: "Too many requests; `Retry-After` says when to try again.",
    502: "The providers failed.",
    503: "Not possible right now; `Retry-After` says when to try again.",
    504: "The providers did not answer in time.",
}
# The `detail` of an example for each status, as the server words it.
DETAILS = {
    400: "q: must say what to search for; it holds no visible character",
    401: "A valid access token is needed.",
    403: "Signing up is closed; ask an admin of this server for an account.",
    404: "Pexels has no image 1.",
    409: "The username ada is taken; choose another.",
    413: "A body must be at most 4096 bytes.",
    415: "The body must be application/json, named in the Content-Type header.",
    416: "Range: the file has 48213 bytes; ask for a part that begins before its end",
    422: "No provider answered. nasa: color=red is not possible here",
    429: "At most 600 requests in 60 seconds are allowed; wait and try again.",
    502: "No provider answered. pexels: Pexels sent an answer that cannot be read (DecodingError)",
    503: "The database does not answer; try again soon.",
    504: "No provider answered. pexels: Pexels did not answer in time",
}
COMMON_PROBLEMS = frozenset({400, 429, 503})  # of every operation that Litestar serves
PROBLEM_SCHEMA = {"$ref": REFERENCE.format(name=Problem.__name__)}


def _problem_response(status: int) -> dict[str, Any]:
    example = {
        "title": title_of(status),
        "status": status,
        "detail": DETAILS[status],
        "request_id": "b8c1d6f0a2e94753",
    }
    content = {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA, "example": example}}
    return {"description": STATUSES[status], "content": content}


HEALTHY = {"description": STATUSES[200], "content": {"application/json": {"example": {"status": "ok"}}}}
NOT_READY = _problem_response(503)
# The edge answers these, so Litestar does not know them.
HEALTH_OPERATIONS: dict[str, dict[str, Any]] = {
    LIVE: {
        "operationId": "health_live",
        "summary": "Is the process alive?",
        "description": "For load balancers. Never counted against a limit.",
        "tags": ["health"],
        "security": [{}],
        "responses": {"200": HEALTHY},
    },
    READY: {
        "operationId": "health_ready",
        "summary": "Can the server take requests?",
        "description": "For load balancers. 503 while the database does not answer or takes no writes. Never counted.",
        "tags": ["health"],
        "security": [{}],
        "responses": {"200": HEALTHY, "503": NOT_READY},
    },
}


@get("/docs", opt=OPEN, include_in_schema=False, media_type="text/html")
async def page() -> Response[str]:
    """Swagger UI. Its start script is a file of its own, so that the policy of the page forbids inline scripts."""
    headers = {"Content-Security-Policy": POLICY, "Cross-Origin-Opener-Policy": "same-origin"}
    return Response(PAGE, media_type="text/html", headers=headers)


@get("/docs/openapi.json", opt=OPEN, include_in_schema=False)
async def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Return the OpenAPI document."""
    return Response(document(request.app), media_type=JSON)


@get("/docs-assets/{name:str}", opt=OPEN, include_in_schema=False)
async def assets(name: Annotated[str, PathParameter()]) -> Response[bytes]:
    """One of the files that the page needs."""
    if name not in ASSETS:
        raise ResourceNotFound(f"There is no file {name} here.")
    folder = files("imagevault.http") if name == "docs.js" else files("swagger_ui") / "static"
    content = (folder / name).read_bytes()
    return Response(content, media_type=ASSETS[name], headers={"Cache-Control": "public, max-age=86400"})


def openapi_config(version: str, base_url: str) -> OpenAPIConfig:
    """What the document says about the API as a whole."""
    bearer = SecurityScheme(
        type="oauth2",
        description="Username and password. Every operation takes the token as `Authorization: Bearer ...`.",
        flows=OAuthFlows(password=OAuthFlow(token_url="/token", scopes={})),  # noqa: S106  a path
    )
    key = SecurityScheme(
        type="http",
        scheme="bearer",
        bearer_format="iv_...",
        description="An API key. An operation that takes keys names the scopes of which the key needs one.",
    )
    return OpenAPIConfig(
        title="ImageVault",
        version=version,
        description=ABOUT,
        license=License(name="MIT", identifier="MIT"),
        # The relative one comes first, because the policy of the page allows calls to the host it was opened at only.
        servers=[Server(url="/"), Server(url=base_url)],
        components=Components(security_schemes={"account": bearer, "key": key}),
        security=[{"account": []}],
        use_handler_docstrings=True,
        operation_id_creator=lambda handler, *_: str(handler.handler_name),
        render_plugins=[JsonRenderPlugin()],  # Without any, Litestar adds all of its pages.
        openapi_router=Router("/schema", route_handlers=[], include_in_schema=False, opt=OPEN, guards=[_hide]),
    )


def _hide(connection: Any, handler: Any) -> None:  # noqa: ARG001
    """A guard that hides Litestar's own pages, which load scripts from a CDN."""
    raise NotFoundException


def document(app: Litestar) -> bytes:
    """Return the document as JSON, with what Litestar does not know: examples, forms, problems, health operations.

    It says what is in force: the parameters of the providers, and whether anybody may search.
    """
    return _document(app, tuple(app.state.providers().values()), app.state.search_is_open())


@lru_cache(maxsize=1)
def _document(app: Litestar, providers: Sequence[Provider], search_is_open: bool) -> bytes:
    schema = app.openapi_schema.to_schema()
    handlers = _handlers_by_name(app)
    schema["components"]["schemas"] = _schemas(handlers)
    for methods in schema["paths"].values():
        for operation in methods.values():
            handler = handlers[operation["operationId"]]
            _complete_operation(operation, handler)
            if handler.opt.get("provider_parameters"):
                operation["parameters"] += _parameters_of_providers(providers)
            if handler.opt.get("open") is not True:
                operation["security"] = _security_of(handler, search_is_open=search_is_open)
    for path, operation in HEALTH_OPERATIONS.items():
        schema["paths"][path] = {"get": operation}
    return msgspec.json.encode(schema)


def _handlers_by_name(app: Litestar) -> dict[str, HTTPRouteHandler]:
    return {
        str(handler.handler_name): handler
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        if isinstance(handler, HTTPRouteHandler) and handler.include_in_schema
    }


def _schemas(handlers: Mapping[str, HTTPRouteHandler]) -> dict[str, Any]:
    """Return the schemas of all that handlers read and send, in place of Litestar's, which lack descriptions."""
    responses: list[type[msgspec.Struct]] = [Problem]
    requests: list[type[msgspec.Struct]] = []
    for handler in handlers.values():
        if not handler.include_in_schema:
            continue
        signature = handler.parsed_fn_signature
        responses += _structs_in(signature.return_type)
        requests += _structs_in(signature.parameters["data"]) if "data" in signature.parameters else []
        requests += [handler.opt["form"]] if "form" in handler.opt else []
    return make_schemas(responses, requests)


def _structs_in(definition: FieldDefinition) -> list[type[msgspec.Struct]]:
    """Return the Structs in an annotation such as `Response[SearchResponse]`."""
    found = [inner for part in definition.inner_types for inner in _structs_in(part)]
    if inspect.isclass(definition.annotation) and issubclass(definition.annotation, msgspec.Struct):
        found.append(definition.annotation)
    return found


def _complete_operation(operation: dict[str, Any], handler: HTTPRouteHandler) -> None:
    _complete_parameters(operation, handler)
    _complete_request(operation, handler)
    _complete_successes(operation["responses"], handler)
    if handler.opt.get("conditional"):
        operation["responses"]["304"] = _not_modified()
    operation["responses"] |= _problems_of(handler)


def _security_of(handler: HTTPRouteHandler, *, search_is_open: bool) -> list[dict[str, list[str]]]:
    """Return who may call an operation: people who signed in, keys of one of its scopes, and anybody if it is open."""
    anybody: list[dict[str, list[str]]] = [{}]
    is_open = handler.opt.get("open") == "search" and search_is_open
    keys = [{"key": [scope]} for scope in handler.opt.get("scopes", ())]
    return [*(anybody if is_open else []), {"account": []}, *keys]


def _complete_parameters(operation: dict[str, Any], handler: HTTPRouteHandler) -> None:
    """Describe the parameters by what the handler says of them beside their types: enums, defaults, limits."""
    keywords = handler.opt.get("parameters", {})
    for parameter in operation.get("parameters", []):
        schema = without_null(parameter["schema"])
        parameter["schema"] = schema | keywords.get(parameter["name"], {})


def _parameters_of_providers(providers: Iterable[Provider]) -> list[dict[str, Any]]:
    """The search parameters that single providers have, `NAME.parameter`."""
    described = []
    for provider in sorted(providers, key=lambda provider: provider.name):
        for parameter, declared in sorted(provider.info.parameters.items()):
            schema: dict[str, Any] = {"type": "string", "maxLength": MAX_VALUE}
            if declared.values:
                schema["enum"] = list(declared.values)
            if declared.pattern is not None:
                schema["pattern"] = f"^(?:{declared.pattern})$"
            if declared.example is not None:
                schema["examples"] = [declared.example]
            described.append(
                {
                    "name": f"{provider.name}.{parameter}",
                    "in": "query",
                    "description": f"{provider.info.title} only: {declared.description}",
                    "required": False,
                    "schema": schema,
                }
            )
    return described


def _complete_request(operation: dict[str, Any], handler: HTTPRouteHandler) -> None:
    example = handler.opt.get("body")
    if example:
        operation["requestBody"]["content"][JSON]["example"] = example
    form = handler.opt.get("form")
    if form:
        schema = {"$ref": REFERENCE.format(name=form.__name__)}
        operation["requestBody"] = {"content": {FORM: {"schema": schema}}, "required": True}


def _complete_successes(responses: dict[str, Any], handler: HTTPRouteHandler) -> None:
    """Describe the good responses, and drop the errors that Litestar assumes."""
    for status in [status for status in responses if int(status) >= 400]:
        del responses[status]
    example = handler.opt.get("example")
    for status, response in responses.items():
        response["description"] = STATUSES[int(status)]
        if int(status) in {204, 303}:
            response.pop("content", None)
            response["headers"] = (
                {"Location": {"schema": {"type": "string", "format": "uri"}}} if status == "303" else {}
            )
        elif "examples" in handler.opt:
            response["content"] = {
                media_type: {"schema": {"type": "object"}, "example": msgspec.json.decode(example)}
                if "json" in media_type
                else {"schema": {"type": "string"}, "example": example}
                for media_type, example in handler.opt["examples"].items()
            }
        elif example:
            for content in response["content"].values():
                content["example"] = example
        else:  # a picture
            response["content"] = {"image/*": {}}
            response["headers"] = {}


def _not_modified() -> dict[str, Any]:
    return {"description": STATUSES[304], "headers": {"ETag": {"schema": {"type": "string"}}}}


def _problems_of(handler: HTTPRouteHandler) -> dict[str, Any]:
    statuses = COMMON_PROBLEMS | set(handler.opt.get("problems", ()))
    if not handler.opt.get("open"):
        statuses |= {401, 403}
    return {str(status): _problem_response(status) for status in sorted(statuses)}


ROUTES = [page, openapi, assets]
