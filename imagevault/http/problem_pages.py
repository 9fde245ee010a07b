"""Which problems are pages: those of people, whose browsers ask for HTML. Programs get problem details."""

import re
from collections.abc import Mapping
from typing import Any, cast

from litestar import Request, Response
from litestar.exceptions import NotFoundException
from litestar.types import HTTPScope

from imagevault.http.guard import JSON
from imagevault.http.problems import describe, handle, send_problem
from imagevault.http.request import RequestHead, context_of
from imagevault.http.types import Scope, Send
from imagevault.web.responses import HTML, problem_page

# The addresses of pages and of their forms.
PAGES = re.compile(r"/(picture/.*|my(/.*)?|session(/end)?)?", re.DOTALL)


async def send_refusal(error: Exception, scope: Scope, send: Send) -> None:
    """Answer a request that no route gets: at the address of a page with a page, if a browser asks for one."""
    head = context_of(scope).head
    if not (PAGES.fullmatch(head.path) and asks_for_page(head)):
        await send_problem(error, scope, send)
        return
    problem, headers = describe(error, scope)
    page = problem_page(Request(cast("HTTPScope", scope)), problem, problem.status, headers)
    encoded = [(name.lower().encode(), value.encode()) for name, value in page.headers.items()]
    encoded.append((b"content-type", f"{HTML}; charset=utf-8".encode()))
    encoded.append((b"content-length", str(len(page.content)).encode()))
    await send({"type": "http.response.start", "status": problem.status, "headers": encoded})
    await send({"type": "http.response.body", "body": page.content, "more_body": False})


def handle_at_route(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Respond to any error, as Litestar's exception handler. Every route of a page answers with a page."""
    if not _is_of_person(request, error):
        return handle(request, error)
    problem, headers = describe(error, cast("Scope", request.scope))
    return problem_page(request, problem, problem.status, headers, may_sign_up=request.app.state["sign_up_is_open"]())


def asks_for_page(head: RequestHead) -> bool:
    """Return whether a request names HTML among what it accepts, as browsers do that open an address."""
    return HTML in head.accept.lower()


def _is_of_person(request: Request[Any, Any, Any], error: Exception) -> bool:
    handler = request.scope.get("route_handler")
    if handler is not None:
        return bool(handler.opt.get("page")) or _is_form(request, handler.opt)
    head = context_of(cast("Scope", request.scope)).head
    return asks_for_page(head) and (isinstance(error, NotFoundException) or bool(PAGES.fullmatch(head.path)))


def _is_form(request: Request[Any, Any, Any], options: Mapping[str, Any]) -> bool:
    """Whether a request is a form of a page, at a route that takes JSON of programs too."""
    return bool(options.get("json")) and not request.headers.get("content-type", "").startswith(JSON)
