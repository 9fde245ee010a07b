"""Every error as problem details (RFC 9457), whoever raised it: the only place that gives errors a status."""

import logging
import math
import re
from http import HTTPStatus
from typing import Any, cast

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from imagevault import errors
from imagevault.config.settings import nearest
from imagevault.http.types import Scope, Send

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
# Problem type of the IANA registry for an exhausted limit (draft-ietf-httpapi-ratelimit-headers).
QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
RETRY_AFTER = 60  # seconds, where nobody knows better
STATUS: dict[type[Exception], int] = {
    errors.BadInput: 400,
    errors.NotSignedIn: 401,
    errors.Forbidden: 403,
    errors.ResourceNotFound: 404,
    errors.Conflict: 409,
    errors.TooMany: 429,
    errors.Busy: 503,
    errors.DatabaseUnavailable: 503,
    errors.ProviderError: 502,
    errors.NotFound: 404,
    errors.RateLimited: 503,
    errors.Unconfigured: 503,
    errors.TimedOut: 504,
    RecursionError: 400,
    UnicodeDecodeError: 400,
}


class Field(msgspec.Struct, frozen=True):
    """What is wrong with one field of the request, and what would be right."""

    field: str
    message: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of every error. `providers` is there when a search failed at each of them."""

    title: str
    status: int
    detail: str
    request_id: str
    type: str = "about:blank"
    errors: list[Field] = []
    providers: list[Any] = []


class HTTPRefusal(Exception):
    """A refusal that only HTTP knows: a status, a detail, headers."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers or {}
        self.members = members


def describe(error: Exception, scope: Scope) -> tuple[Problem, dict[str, str]]:
    """The problem and the headers for this error. What we did not expect is logged, and told as no more than a 500."""
    headers: dict[str, str] = {}
    fields: list[Field] = []
    members: dict[str, Any] = {}
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    detail = str(error)
    if isinstance(error, HTTPRefusal):
        status, headers, members = error.status, dict(error.headers), error.members
    elif isinstance(error, errors.BadInput):
        fields = [Field(error.field, error.message)]
    elif isinstance(error, errors.NotSignedIn):
        invalid = ' error="invalid_token"' if scope.get("imagevault.bad_credential") else ' realm="imagevault"'
        headers["WWW-Authenticate"] = f"Bearer{invalid}"
    elif isinstance(error, errors.DatabaseUnavailable):
        detail, headers["Retry-After"] = "The database does not answer; try again soon.", "1"
        log.error("database unavailable: %s", error)
    elif isinstance(error, RecursionError | UnicodeDecodeError):
        detail = (
            "The body is nested too deeply." if isinstance(error, RecursionError) else "The body is not valid UTF-8."
        )
    elif isinstance(error, HTTPException):
        status, detail, fields, headers = _from_litestar(error, scope)
    if (wait := _wait(error)) is not None:
        headers["Retry-After"] = str(max(1, math.ceil(wait)))
    if isinstance(error, errors.TooMany):
        members = {"type": QUOTA_EXCEEDED}
    if status == 500:
        log.error("request %s failed", scope.get("imagevault.request_id", ""), exc_info=error)
        detail = "Something went wrong here; it is logged under this request_id."
    members.setdefault("title", HTTPStatus(status).phrase)
    request_id = scope.get("imagevault.request_id", "")
    return Problem(status=status, detail=detail, request_id=request_id, errors=fields, **members), headers


def _wait(error: Exception) -> float | None:
    """The seconds after which to come again, where that may help."""
    known: float | None = getattr(error, "retry_after", None)
    return RETRY_AFTER if known is None and isinstance(error, errors.RateLimited | errors.Unconfigured) else known


def _from_litestar(error: HTTPException, scope: Scope) -> tuple[int, str, list[Field], dict[str, str]]:
    headers = dict(error.headers or {})
    if error.status_code == 404:
        return 404, f"There is nothing at {scope['path']}; the API is described at /docs.", [], headers
    if error.status_code == 405:
        allowed = {name: value.replace("GET", "GET, HEAD") for name, value in headers.items()}
        return 405, f"{scope['method']} is not possible here.", [], allowed
    if error.status_code >= 500:
        return 500, "", [], {}
    if missing := re.search(r"Missing required \w+ parameter '(\w+)'", error.detail):
        return 400, f"{missing[1]}: is missing", [Field(missing[1], "is missing")], headers
    fields = [_field(each, scope) for each in (error.extra if isinstance(error.extra, list) else ())]
    detail = "; ".join(f"{field.field}: {field.message}" for field in fields)
    return error.status_code, detail or f"The body cannot be read: {error.detail}", fields, headers


def _field(problem: dict[str, str], scope: Scope) -> Field:
    """The field that msgspec means, from its words."""
    message = problem.get("message", "is wrong")
    if unknown := re.search(r"unknown field `(.*?)`", message, re.DOTALL):
        data = scope["route_handler"].parsed_data_field
        known = [field.name for field in msgspec.structs.fields(data.annotation)]
        return Field(unknown[1], f"there is no such field.{nearest(unknown[1], known)} There are: {', '.join(known)}.")
    if missing := re.search(r"missing required field `(\w+)`", message):
        return Field(missing[1], "is missing")
    if message == "'data'":
        return Field("body", "is missing")
    return Field(problem.get("key", "body").replace("data", "body"), message.replace("`", ""))


async def send_problem(error: Exception, scope: Scope, send: Send) -> None:
    """Answers a request with the problem of this error."""
    problem, headers = describe(error, scope)
    body = msgspec.json.encode(problem)
    sent = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    sent += [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": problem.status, "headers": sent})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def handle(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """Litestar's exception handler for everything."""
    problem, headers = describe(error, cast("Scope", request.scope))
    return Response(problem, status_code=problem.status, headers=headers, media_type=MEDIA_TYPE)
