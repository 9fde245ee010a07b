"""The documentation of the API: OpenAPI 3.1, and Swagger UI. The server delivers every file of that page itself."""

from collections.abc import Mapping
from functools import cache
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

from imagevault.errors import ResourceNotFound
from imagevault.http.guard import FORM, JSON
from imagevault.http.health import LIVE, READY
from imagevault.http.problems import MEDIA_TYPE, Problem

ABOUT = """One search over many image providers, behind one account, with a record of who took what under which licence.

Sign up with `POST /signup`, sign in with `POST /token` (here: the Authorize button), send the token as
`Authorization: Bearer ...`. Every error is `application/problem+json` (RFC 9457) with a `detail` that says what would
be right. Every response carries `X-Request-ID`, and `RateLimit` says how many requests are left. In addition to the
errors listed below, any call may be answered with 405, 408, 414, 431 or 500.
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
    400: "The request is invalid; `errors` names the field and what would be right.",
    401: "The request has no valid credential.",
    403: "The caller may not do this, or an admin has closed it.",
    404: "There is no such resource.",
    409: "The resource exists already.",
    413: "The body is too large.",
    415: "The body has a media type that this operation does not take.",
    422: "None of the chosen providers can do this.",
    429: "Too many requests; `Retry-After` says when to try again.",
    502: "The providers failed.",
    503: "Not possible right now; `Retry-After` says when to try again.",
    504: "The providers did not answer in time.",
}
COMMON_PROBLEMS = frozenset({400, 429, 503})  # of every operation that Litestar serves
SCHEMA = "#/components/schemas/{name}"
PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": SCHEMA.format(name=Problem.__name__)}}}
HEALTHY = {"description": STATUSES[200], "content": {"application/json": {"example": {"status": "ok"}}}}
NOT_READY = {"description": STATUSES[503], "content": PROBLEM}
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
        "description": "For load balancers. 503 while the database does not answer. Never counted against a limit.",
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
    return OpenAPIConfig(
        title="ImageVault",
        version=version,
        description=ABOUT,
        license=License(name="MIT", identifier="MIT"),
        # The relative one comes first, because the policy of the page allows calls to the host it was opened at only.
        servers=[Server(url="/"), Server(url=base_url)],
        components=Components(security_schemes={"account": bearer}),
        security=[{"account": []}],
        use_handler_docstrings=True,
        operation_id_creator=lambda handler, *_: str(handler.handler_name),
        render_plugins=[JsonRenderPlugin()],  # Without any, Litestar adds all of its pages.
        openapi_router=Router("/schema", route_handlers=[], include_in_schema=False, opt=OPEN, guards=[_hide]),
    )


def _hide(connection: Any, handler: Any) -> None:  # noqa: ARG001
    """A guard that hides Litestar's own pages, which load scripts from a CDN."""
    raise NotFoundException


@cache
def document(app: Litestar) -> bytes:
    """Return the document as JSON, with what Litestar does not know: examples, forms, problems, health operations."""
    schema = app.openapi_schema.to_schema()
    handlers = _handlers_by_name(app)
    schema["components"]["schemas"].update(_own_schemas(handlers))
    for methods in schema["paths"].values():
        for operation in methods.values():
            _complete_operation(operation, handlers[operation["operationId"]], app)
    for path, operation in HEALTH_OPERATIONS.items():
        schema["paths"][path] = {"get": operation}
    return msgspec.json.encode(schema)


def _handlers_by_name(app: Litestar) -> dict[str, HTTPRouteHandler]:
    return {
        str(handler.handler_name): handler
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        if isinstance(handler, HTTPRouteHandler)
    }


def _own_schemas(handlers: Mapping[str, HTTPRouteHandler]) -> dict[str, Any]:
    """Return the schemas of problems, and of forms, which handlers read themselves."""
    forms = [handler.opt["form"] for handler in handlers.values() if "form" in handler.opt]
    _, schemas = msgspec.json.schema_components([Problem, *forms], ref_template=SCHEMA)
    return schemas


def _complete_operation(operation: dict[str, Any], handler: HTTPRouteHandler, app: Litestar) -> None:
    _complete_request(operation, handler)
    _complete_successes(operation["responses"], handler)
    operation["responses"] |= _problems_of(handler)
    if handler.opt.get("open") == "search" and app.state.search_is_open():
        operation["security"] = [{}, {"account": []}]


def _complete_request(operation: dict[str, Any], handler: HTTPRouteHandler) -> None:
    example = handler.opt.get("body")
    if example:
        operation["requestBody"]["content"][JSON]["example"] = example
    form = handler.opt.get("form")
    if form:
        schema = {"$ref": SCHEMA.format(name=form.__name__)}
        operation["requestBody"] = {"content": {FORM: {"schema": schema}}, "required": True}


def _complete_successes(responses: dict[str, Any], handler: HTTPRouteHandler) -> None:
    """Describe the good responses, and drop the errors that Litestar assumes."""
    for status in [status for status in responses if int(status) >= 400]:
        del responses[status]
    example = handler.opt.get("example")
    for status, response in responses.items():
        response["description"] = STATUSES[int(status)]
        if example:
            for content in response["content"].values():
                content["example"] = example
        else:  # a picture
            response["content"] = {"image/*": {}}
            response["headers"] = {}


def _problems_of(handler: HTTPRouteHandler) -> dict[str, Any]:
    statuses = COMMON_PROBLEMS | set(handler.opt.get("problems", ()))
    if not handler.opt.get("open"):
        statuses |= {401}
    return {str(status): {"description": STATUSES[status], "content": PROBLEM} for status in sorted(statuses)}


ROUTES = [page, openapi, assets]
