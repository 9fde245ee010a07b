"""Every error as problem details (RFC 9457).

`STATUS` maps the type of an error to its HTTP status. Two errors bring their own: `HTTPRefusal` and `SearchFailed`.
"""

import logging
import math
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Annotated, Any, cast

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from imagevault import errors
from imagevault.http.invalid_fields import invalid_fields
from imagevault.http.request import context_of
from imagevault.http.types import Scope, Send
from imagevault.storage.database import count_refusal

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
ABOUT_BLANK = "about:blank"
# Problem type of the IANA registry for an exhausted limit (draft-ietf-httpapi-ratelimit-headers).
QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
DEFAULT_RETRY_AFTER = 60  # seconds, for errors that pass but do not say when
RENAMED = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
UNEXPECTED = "Something went wrong here; it is logged under this request_id."
STATUS: dict[type[Exception], int] = {
    errors.BadInput: 400,
    errors.NotSignedIn: 401,
    errors.Forbidden: 403,
    errors.ResourceNotFound: 404,
    errors.Conflict: 409,
    errors.KeyReused: 422,
    errors.RangeNotSatisfiable: 416,
    errors.TooMany: 429,
    errors.Busy: 503,
    errors.ProviderError: 502,
    errors.NotFound: 404,
    errors.RateLimited: 503,
    errors.Unconfigured: 503,
    errors.TimedOut: 504,
}


class Field(msgspec.Struct, frozen=True):
    """What is wrong with one field of the request.

    Attributes:
        field: the name of the parameter or field.
        message: what would be right.

    """

    field: str
    message: Annotated[str, msgspec.Meta(min_length=1)]


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of every error (RFC 9457).

    Attributes:
        title: the name of the HTTP status.
        status: the HTTP status.
        detail: what went wrong, and what would be right.
        request_id: the id of the request, as in `X-Request-ID` and in the log.
        type: identifies the kind of problem.
        errors: the fields that are wrong.
        providers: what each provider did, if no provider answered a search.

    """

    title: Annotated[str, msgspec.Meta(min_length=1)]
    status: Annotated[int, msgspec.Meta(ge=400, le=599)]
    detail: Annotated[str, msgspec.Meta(min_length=1)]
    request_id: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9._-]{1,64}$")]
    type: Annotated[str, msgspec.Meta(extra_json_schema={"format": "uri"})] = ABOUT_BLANK
    errors: list[Field] = []
    providers: list[Any] = []


class HTTPRefusal(Exception):
    """A refusal with an HTTP status of its own, for errors that exist only in HTTP.

    Attributes:
        status: The status of the response; `str(error)` is its detail.
        headers: Headers of the response.
        providers: The member `providers` of the problem.
    """

    def __init__(
        self, status: int, detail: str, headers: dict[str, str] | None = None, providers: Sequence[Any] = ()
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers or {}
        self.providers = list(providers)


class Description(msgspec.Struct, frozen=True):
    """What the response to an error says."""

    status: int
    detail: str
    headers: dict[str, str] = {}
    type: str = ABOUT_BLANK
    fields: list[Field] = []
    providers: list[Any] = []


def title_of(status: int) -> str:
    """Return the phrase of RFC 9110 for a status. Before Python 3.13, `http` has older ones for some."""
    return RENAMED.get(status) or HTTPStatus(status).phrase


def describe(error: Exception, scope: Scope) -> tuple[Problem, dict[str, str]]:
    """Describe an error to the caller of the request in this scope. A 500 is logged and says nothing of its cause.

    Returns:
        The problem, and the headers that go with it.
    """
    description = _describer_of(error)(error, scope)
    request_id = context_of(scope).request_id
    detail = description.detail
    if description.status == 500:
        log.error("request %s failed", request_id, exc_info=error)
        detail = UNEXPECTED
    problem = Problem(
        title=title_of(description.status),
        status=description.status,
        detail=detail,
        request_id=request_id,
        type=description.type,
        errors=description.fields,
        providers=description.providers,
    )
    return problem, description.headers


async def send_problem(error: Exception, scope: Scope, send: Send) -> None:
    """Answer a request with the problem of this error."""
    problem, headers = describe(error, scope)
    body = msgspec.json.encode(problem)
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    encoded.append((b"content-type", MEDIA_TYPE.encode()))
    encoded.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": problem.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def handle(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """Respond to any error, as Litestar's exception handler."""
    problem, headers = describe(error, cast("Scope", request.scope))
    return Response(problem, status_code=problem.status, headers=headers, media_type=MEDIA_TYPE)


def _describe_refusal(error: HTTPRefusal, _: Scope) -> Description:
    return Description(error.status, str(error), headers=dict(error.headers), providers=error.providers)


def _describe_known(error: Exception, _: Scope) -> Description:
    """Describe an error in `STATUS` by its own message. Any other error is a 500."""
    return Description(_status_of(error), str(error), headers=_retry_headers(error))


def _describe_bad_input(error: errors.BadInput, _: Scope) -> Description:
    return Description(_status_of(error), str(error), fields=[Field(error.field, error.message)])


def _describe_not_signed_in(error: errors.NotSignedIn, scope: Scope) -> Description:
    """The challenge says whether a credential came (RFC 6750, section 3)."""
    parameter = 'error="invalid_token"' if context_of(scope).bad_credential else 'realm="imagevault"'
    return Description(_status_of(error), str(error), headers={"WWW-Authenticate": f"Bearer {parameter}"})


def _describe_range(error: errors.RangeNotSatisfiable, _: Scope) -> Description:
    return Description(_status_of(error), str(error), headers={"Content-Range": f"bytes */{error.size}"})


def _describe_too_many(error: errors.TooMany, _: Scope) -> Description:
    return Description(_status_of(error), str(error), headers=_retry_headers(error), type=QUOTA_EXCEEDED)


def _describe_database_unavailable(_error: errors.DatabaseUnavailable, _: Scope) -> Description:
    """The reason may name the host of the database, so only the log has it: once, when the outage begins."""
    count_refusal()
    return Description(503, "The database does not answer; try again soon.", headers={"Retry-After": "1"})


def _describe_litestar(error: HTTPException, scope: Scope) -> Description:
    if error.status_code == 404:
        detail = f"There is nothing at {scope['path']}; the API is described at /docs."
        return Description(404, detail, headers=dict(error.headers or {}))
    if error.status_code == 405:
        return Description(405, f"{scope['method']} is not possible here.", headers=dict(error.headers or {}))
    if error.status_code >= 500:
        return Description(500, UNEXPECTED)
    return _describe_invalid_request(error, scope)


def _describe_invalid_request(error: HTTPException, scope: Scope) -> Description:
    messages = invalid_fields(error, scope["route_handler"])
    fields = [Field(name, message) for name, message in messages]
    detail = "; ".join(f"{field.field}: {field.message}" for field in fields)
    return Description(error.status_code, detail, headers=dict(error.headers or {}), fields=fields)


# The describer of the nearest base class counts.
DESCRIBERS: dict[type[Exception], Callable[[Any, Scope], Description]] = {
    HTTPRefusal: _describe_refusal,
    errors.BadInput: _describe_bad_input,
    errors.NotSignedIn: _describe_not_signed_in,
    errors.RangeNotSatisfiable: _describe_range,
    errors.TooMany: _describe_too_many,
    errors.DatabaseUnavailable: _describe_database_unavailable,
    HTTPException: _describe_litestar,
    Exception: _describe_known,
}


def _describer_of(error: Exception) -> Callable[[Any, Scope], Description]:
    return next(DESCRIBERS[kind] for kind in type(error).__mro__ if kind in DESCRIBERS)


def _status_of(error: Exception) -> int:
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def _retry_headers(error: Exception) -> dict[str, str]:
    """Retry-After in whole seconds, rounded up, where it helps to try again."""
    seconds: float | None = getattr(error, "retry_after", None)
    if seconds is None and isinstance(error, errors.RateLimited | errors.Unconfigured):
        seconds = DEFAULT_RETRY_AFTER
    return {} if seconds is None else {"Retry-After": str(max(1, math.ceil(seconds)))}
