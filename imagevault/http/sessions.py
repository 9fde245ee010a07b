"""The routes of sessions, for the page: they set a cookie and take it away. Programs use tokens and API keys."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency

from imagevault.accounts.credentials import CredentialVerifier
from imagevault.accounts.service import Accounts
from imagevault.accounts.sessions import Sessions
from imagevault.accounts.sign_in import SignIn
from imagevault.errors import BadInput
from imagevault.http.guard import JSON
from imagevault.http.request import RequestContext, context_of
from imagevault.http.session_cookie import SessionCookie
from imagevault.http.types import Scope
from imagevault.web.address import HOME, local_path
from imagevault.web.forms import MAX_USERNAME
from imagevault.web.responses import form_again

MAX_BODY = 4096  # bytes
FIELDS = ("username", "password", "next")
# A form is answered with a redirect, JSON with 204. Neither is in the OpenAPI document, which is for programs.
OPTIONS = {"open": True, "form": True, "json": True, "max_body": MAX_BODY}


@post("/session", opt=OPTIONS, include_in_schema=False)
async def begin_session(
    request: Request[Any, Any, Any],
    accounts: NamedDependency[Accounts],
    sign_in: NamedDependency[SignIn],
    sessions: NamedDependency[Sessions],
    session_cookie: NamedDependency[SessionCookie],
) -> Response[None]:
    """Sign in with `username` and `password`, and begin a session. `next` is the path to go to afterwards."""
    context = _context(request)
    # A page of another site could sign its reader in to an account of its own.
    session_cookie.check_site(context)
    fields = _read_fields(await request.body(), context)
    if _is_form(context):
        next = local_path(fields.get("next", HOME))
        form_again(
            request,
            "sign_in.html",
            {401: "password"},
            note=None,
            username=fields.get("username", "")[:MAX_USERNAME],
            next=next,
            may_sign_up=request.app.state["sign_up_is_open"](),
        )
    for name in ("username", "password"):
        if name not in fields:
            raise BadInput(name, "is missing")
    account = await sign_in.authenticate(fields["username"], fields["password"], context.network)
    lifetime = accounts.tokens.lifetime
    value = await sessions.begin(account.id, account.epoch, lifetime)
    return _respond(context, fields, {"Set-Cookie": session_cookie.header(value, lifetime)})


@post("/session/end", opt={**OPTIONS, "body": False}, include_in_schema=False)
async def end_session(
    request: Request[Any, Any, Any],
    sessions: NamedDependency[Sessions],
    credentials: NamedDependency[CredentialVerifier],
    session_cookie: NamedDependency[SessionCookie],
) -> Response[None]:
    """End this session and no other. `POST /logout` ends all."""
    context = _context(request)
    session_cookie.check_site(context)
    value = session_cookie.read(context.head)
    account = await sessions.end(value) if value is not None else None
    if account is not None:
        credentials.forget(account)
    body = await request.body()
    headers = {"Set-Cookie": session_cookie.header("", 0), "Clear-Site-Data": '"cache", "storage"'}
    return _respond(context, _read_fields(body, context) if body else {}, headers)


def _read_fields(body: bytes, context: RequestContext) -> dict[str, str]:
    """Return the fields of a form, or of JSON.

    Raises:
        BadInput: a field is given twice or unknown, or the JSON is no object of texts.

    """
    if _is_form(context):
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
        for name, count in Counter(name for name, _ in pairs).items():
            if count > 1:
                raise BadInput(name[:40], "must be given once")
        return dict(pairs)
    try:
        fields = msgspec.json.decode(body, type=dict[str, str])
    except msgspec.MsgspecError as error:
        raise BadInput("body", f"must be a JSON object of texts: {error}") from None
    for name in fields:
        if name not in FIELDS:
            raise BadInput(name[:40], f"there is no such field. There are: {', '.join(FIELDS)}.")
    return fields


def _respond(context: RequestContext, fields: Mapping[str, str], headers: dict[str, str]) -> Response[None]:
    if not _is_form(context):
        return Response(None, status_code=204, headers=headers)
    return Response(None, status_code=303, headers={**headers, "Location": local_path(fields.get("next", HOME))})


def _is_form(context: RequestContext) -> bool:
    sent = (context.head.content_type or b"").partition(b";")[0].strip().lower().decode("latin-1")
    return sent != JSON


def _context(request: Request[Any, Any, Any]) -> RequestContext:
    return context_of(cast("Scope", request.scope))


ROUTES = [begin_session, end_session]
