"""The API's own documentation: OpenAPI 3.1, and Swagger UI served by us, nothing from elsewhere."""

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
from imagevault.http.guard import FORM
from imagevault.http.problems import MEDIA_TYPE, Problem

ABOUT = """One search over many image providers, behind one account, with a record of who took what under which licence.

Sign up with `POST /signup`, sign in with `POST /token` (here: the Authorize button), send the token as
`Authorization: Bearer ...`. Every error is `application/problem+json` (RFC 9457) with a `detail` that says what would
be right. Every answer carries `X-Request-ID`, and `RateLimit` says how many requests are left. Beside the errors listed
below, any call may be answered 405, 408, 414, 431 or 500.
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
    200: "It worked.",
    201: "It is made.",
    400: "Something in the request is wrong; `errors` names the field and what would be right.",
    401: "No valid credential came with the request.",
    403: "Not allowed, or closed by an admin.",
    404: "There is no such thing.",
    409: "It exists already.",
    413: "The body is too large.",
    415: "The body is of another type than this operation takes.",
    422: "None of the providers asked can do this.",
    429: "Too many requests; `Retry-After` says when to come again.",
    502: "The providers failed.",
    503: "Not possible right now; `Retry-After` says when to come again.",
    504: "The providers did not answer in time.",
}
HEALTHY = {"description": STATUSES[200], "content": {"application/json": {"example": {"status": "ok"}}}}
PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
HEALTH = {
    "/health/live": ("Is the process alive?", "For load balancers; never counted against a limit.", {"200": HEALTHY}),
    "/health/ready": (
        "Can it serve?",
        "For load balancers: 503 while the database does not answer; never counted against a limit.",
        {"200": HEALTHY, "503": {"description": STATUSES[503], "content": PROBLEM}},
    ),
}


@get("/docs", opt=OPEN, include_in_schema=False, media_type="text/html")
async def page() -> Response[str]:
    """Swagger UI, its start script in a file of its own, so that the page's policy forbids inline scripts."""
    headers = {"Content-Security-Policy": POLICY, "Cross-Origin-Opener-Policy": "same-origin"}
    return Response(PAGE, media_type="text/html", headers=headers)


@get("/docs/openapi.json", opt=OPEN, include_in_schema=False)
async def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The OpenAPI document."""
    return Response(document(request.app), media_type="application/json")


@get("/docs-assets/{name:str}", opt=OPEN, include_in_schema=False)
async def assets(name: Annotated[str, PathParameter()]) -> Response[bytes]:
    """One of the few files that the page needs."""
    if name not in ASSETS:
        raise ResourceNotFound(f"There is no file {name} here.")
    folder = files("imagevault.http") if name == "docs.js" else files("swagger_ui") / "static"
    content = (folder / name).read_bytes()
    return Response(content, media_type=ASSETS[name], headers={"Cache-Control": "public, max-age=86400"})


def openapi_config(version: str, base_url: str) -> OpenAPIConfig:
    """What the document says of the whole API."""
    bearer = SecurityScheme(
        type="oauth2",
        description="Username and password; the same token works as `Authorization: Bearer ...` anywhere.",
        flows=OAuthFlows(password=OAuthFlow(token_url="/token", scopes={})),  # noqa: S106  a path
    )
    return OpenAPIConfig(
        title="ImageVault",
        version=version,
        description=ABOUT,
        license=License(name="MIT", identifier="MIT"),
        # The relative one first: the page works under whichever name it was opened, its policy lets it call no other.
        servers=[Server(url="/"), Server(url=base_url)],
        components=Components(security_schemes={"account": bearer}),
        security=[{"account": []}],
        use_handler_docstrings=True,
        operation_id_creator=lambda handler, *_: str(handler.handler_name),
        render_plugins=[JsonRenderPlugin()],  # with none, Litestar adds all of its pages
        openapi_router=Router("/schema", route_handlers=[], include_in_schema=False, opt=OPEN, guards=[_absent]),
    )


def _absent(connection: Any, handler: Any) -> None:  # noqa: ARG001
    """A guard that hides what it guards: pages of Litestar's own, which load from a CDN."""
    raise NotFoundException


@cache
def document(app: Litestar) -> bytes:
    """The document as JSON, with the example of each answer, and the problems that each operation may answer."""
    handlers = {
        str(handler.handler_name): handler
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        if isinstance(handler, HTTPRouteHandler)
    }
    whole = app.openapi_schema.to_schema()
    forms = [handler.opt["form"] for handler in handlers.values() if "form" in handler.opt]
    _, definitions = msgspec.json.schema_components([Problem, *forms], ref_template="#/components/schemas/{name}")
    whole["components"]["schemas"].update(definitions)
    for item in whole["paths"].values():
        for operation in item.values():
            handler = handlers[operation["operationId"]]
            _complete(operation, handler)
            if handler.opt.get("open") == "search" and app.state.search_is_open():
                operation["security"] = [{}, {"account": []}]
    for path, (summary, description, answers) in HEALTH.items():
        operation = {"operationId": path[1:].replace("/", "_"), "summary": summary, "description": description}
        whole["paths"][path] = {"get": {**operation, "tags": ["health"], "security": [{}], "responses": answers}}
    return msgspec.json.encode(whole)


def _complete(operation: dict[str, Any], handler: HTTPRouteHandler) -> None:
    answers = operation["responses"]
    if body := handler.opt.get("body"):
        operation["requestBody"]["content"]["application/json"]["example"] = body
    for status in [status for status in answers if int(status) >= 400]:
        del answers[status]
    for status, answer in answers.items():
        answer["description"] = STATUSES[int(status)]
        if example := handler.opt.get("example"):
            for content in answer["content"].values():
                content["example"] = example
        else:  # a file
            answer["content"] = {"image/*": {}}
            answer["headers"] = {}
    if form := handler.opt.get("form"):
        schema = {"$ref": f"#/components/schemas/{form.__name__}"}
        operation["requestBody"] = {"content": {FORM: {"schema": schema}}, "required": True}
    for status in sorted(
        {400, 429, 503, *handler.opt.get("problems", ()), *(() if handler.opt.get("open") else (401,))}
    ):
        answers[str(status)] = {"description": STATUSES[status], "content": PROBLEM}


ROUTES = [page, openapi, assets]
