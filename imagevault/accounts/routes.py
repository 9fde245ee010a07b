"""The routes of accounts."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta

from imagevault.accounts.service import Accounts
from imagevault.accounts.signups import Signups
from imagevault.errors import BadInput, Forbidden
from imagevault.records import Caller


class Signup(msgspec.Struct, forbid_unknown_fields=True):
    """A new account: 3 to 64 letters, digits and `. _ - @ +`; a password that is not easily guessed."""

    username: Annotated[str, Meta(examples=["ada"])]
    password: Annotated[str, Meta(examples=["violet-harbour-71"])]


class CreatedAccount(msgspec.Struct):
    """The account that was created; `username` in lowercase."""

    id: UUID
    username: str
    created_at: datetime


class Credentials(msgspec.Struct, frozen=True):
    """The OAuth2 password form (RFC 6749, 4.3.2); its other fields are allowed and ignored."""

    username: Annotated[str, Meta(examples=["ada"])]
    password: Annotated[str, Meta(examples=["violet-harbour-71"])]


class Token(msgspec.Struct):
    """A bearer token; `expires_in` in seconds."""

    access_token: str
    token_type: str
    expires_in: int


class Me(msgspec.Struct):
    """The account that the token belongs to."""

    id: UUID
    username: str
    is_admin: bool


CREATED = {"id": "0b6f7a52-9c1e-4f5c-8f0a-3d5b8d1c2e7f", "username": "ada", "created_at": "2026-11-23T09:30:00Z"}
TOKEN = {"access_token": "eyJhbGciOiJIUzI1NiIs...", "token_type": "bearer", "expires_in": 3600}
ME = {"id": "0b6f7a52-9c1e-4f5c-8f0a-3d5b8d1c2e7f", "username": "ada", "is_admin": False}


@post(
    "/signup",
    opt={"open": True, "example": CREATED, "problems": (403, 409, 413, 415)},
    security=[{}],
    tags=["accounts"],
    summary="Create an account",
)
async def signup(
    request: Request[Any, Any, Any],
    data: JSONBody[Signup],
    accounts: NamedDependency[Accounts],
    signups: NamedDependency[Signups],
) -> CreatedAccount:
    """Create an account.

    The username is converted to lowercase and must be free (409). A password that is too short, longer than 256
    characters or easily guessed is refused with the reason (400). An admin can close sign-ups (403) and limits how many
    accounts one address may create (429).
    """
    if not signups.open:
        raise Forbidden("Signing up is closed; ask an admin of this server for an account.")
    network = request.scope["imagevault"].network  # type: ignore[typeddict-item]
    signups.take(network)
    try:
        account = await accounts.create(data.username, data.password)
    except Exception:
        signups.give_back(network)
        raise
    return CreatedAccount(account.id, account.username, account.created_at)


@post(
    "/token",
    status_code=200,
    opt={"open": True, "form": Credentials, "example": TOKEN, "problems": (401, 413, 415)},
    security=[{}],
    tags=["accounts"],
    summary="Sign in",
)
async def token(request: Request[Any, Any, Any], accounts: NamedDependency[Accounts]) -> Token:
    """Sign in with the OAuth2 password form and get a bearer token.

    A wrong name and a wrong password get the same 401.
    """
    credentials = read_credentials(await request.body())
    access_token = await accounts.sign_in(credentials.username, credentials.password)
    return Token(access_token, "bearer", accounts.tokens.lifetime)


def read_credentials(form: bytes) -> Credentials:
    """Read the form. Litestar's own parser would keep the last thousand forms in memory, with their passwords.

    Raises:
        BadInput: if a field is missing or given twice.
        UnicodeDecodeError: if the form is not UTF-8.

    """
    fields = parse_qsl(form.decode(), keep_blank_values=True, errors="strict")
    return Credentials(
        username=_only_value(fields, "username"),
        password=_only_value(fields, "password"),
    )


def _only_value(fields: list[tuple[str, str]], wanted: str) -> str:
    values = [value for name, value in fields if name == wanted]
    if not values:
        raise BadInput(wanted, "is missing")
    if len(values) > 1:
        raise BadInput(wanted, "must be given once")
    return values[0]


@get("/protected", opt={"example": ME}, tags=["accounts"], summary="Who am I?")
async def protected(request: Request[Caller, Any, Any]) -> Me:
    """Return the account that the token belongs to; 401 without a valid token."""
    return Me(UUID(request.user.id), request.user.username, request.user.is_admin)


ROUTES = [signup, token, protected]
