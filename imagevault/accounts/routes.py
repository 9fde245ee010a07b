"""The routes of accounts."""

from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta

from imagevault.accounts.administration import Administration
from imagevault.accounts.credentials import CredentialVerifier
from imagevault.accounts.passwords import MAX_LENGTH
from imagevault.accounts.service import Accounts
from imagevault.accounts.sign_in import SignIn
from imagevault.accounts.sign_out import SignOut
from imagevault.accounts.signups import Signups
from imagevault.errors import BadInput
from imagevault.security.caller import SCOPES, Caller

# For the document only: the messages of `accounts/service.py` and `passwords.py` say more.
USERNAME_LIMITS = {"minLength": 3, "maxLength": 64}
PASSWORD_LIMITS = {"maxLength": MAX_LENGTH}
Username = Annotated[str, Meta(min_length=3, max_length=64)]
MAX_BODY = 4096  # bytes; a name and a password of 256 characters fit, percent-encoded too


class Signup(msgspec.Struct, forbid_unknown_fields=True):
    """A new account.

    Attributes:
        username: 3 to 64 letters, digits and `. _ - @ +`; letter case does not count.
        password: at most 256 characters that are not easily guessed; an admin sets the least number.
        invitation: the code of an invitation, where the server asks for one.

    """

    username: Annotated[str, Meta(examples=["ada"], extra_json_schema=USERNAME_LIMITS)]
    password: Annotated[str, Meta(examples=["violet-harbour-71"], extra_json_schema=PASSWORD_LIMITS)]
    invitation: str | None = None


class CreatedAccount(msgspec.Struct):
    """The account that was created.

    Attributes:
        id: the account's id.
        username: its name, in lowercase.
        created_at: when it was created.

    """

    id: UUID
    username: Username
    created_at: datetime


class Credentials(msgspec.Struct, frozen=True):
    """The OAuth2 password form (RFC 6749, 4.3.2); its other fields are allowed and ignored.

    Attributes:
        username: the account's name; letter case does not count.
        password: the account's password.

    """

    username: Annotated[str, Meta(examples=["ada"])]
    password: Annotated[str, Meta(examples=["violet-harbour-71"])]


class PasswordReset(msgspec.Struct, forbid_unknown_fields=True):
    """A new password for an account whose password an admin has reset.

    Attributes:
        username: the account's name.
        code: what the admin handed over.
        new_password: at most 256 characters that are not easily guessed.

    """

    username: Annotated[str, Meta(examples=["ada"])]
    code: Annotated[str, Meta(examples=["kT9xw3pUe1mZ0bq5rYh7cVn2sLd"])]
    new_password: Annotated[str, Meta(examples=["amber-meadow-58"], extra_json_schema=PASSWORD_LIMITS)]


class Token(msgspec.Struct):
    """A bearer token.

    Attributes:
        access_token: send it as `Authorization: Bearer ...`.
        token_type: always `bearer`.
        expires_in: seconds for which the token is valid.

    """

    access_token: str
    token_type: Literal["bearer"]
    expires_in: Annotated[int, Meta(ge=1)]


class Me(msgspec.Struct):
    """The account that the credential belongs to.

    Attributes:
        id: the account's id.
        username: its name, in lowercase.
        is_admin: whether the credential has an admin's rights.

    """

    id: UUID
    username: Username
    is_admin: bool


class NewPassword(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A change of the password.

    Attributes:
        current_password: the password until now.
        new_password: at most 256 characters that are not easily guessed; an admin sets the least number.
        revoke_keys: whether the API keys of the account end too.

    """

    current_password: Annotated[str, Meta(examples=["violet-harbour-71"])]
    new_password: Annotated[str, Meta(examples=["copper-lantern-58"], extra_json_schema=PASSWORD_LIMITS)]
    revoke_keys: bool = False


CREATED = {"id": "0b6f7a52-9c1e-4f5c-8f0a-3d5b8d1c2e7f", "username": "ada", "created_at": "2026-11-23T09:30:00Z"}
TOKEN = {"access_token": "eyJhbGciOiJIUzI1NiIs...", "token_type": "bearer", "expires_in": 3600}
ME = {"id": "0b6f7a52-9c1e-4f5c-8f0a-3d5b8d1c2e7f", "username": "ada", "is_admin": False}

NEW_PASSWORD = {"current_password": "violet-harbour-71", "new_password": "copper-lantern-58"}
CLEAR = '"cache", "storage"'


@post(
    "/signup",
    opt={"open": True, "example": CREATED, "max_body": MAX_BODY, "problems": (403, 409, 413, 415)},
    security=[{}],
    tags=["accounts"],
    summary="Create an account",
)
async def signup(
    request: Request[Any, Any, Any],
    data: JSONBody[Signup],
    signups: NamedDependency[Signups],
) -> CreatedAccount:
    """Create an account.

    The username is converted to lowercase and must be free (409). A password that is too short, longer than 256
    characters or easily guessed is refused with the reason (400). An admin can close sign-ups, or ask for an invitation
    (403), and limits how many accounts one address may create (429).
    """
    address = request.scope["imagevault"].network  # type: ignore[typeddict-item]
    account = await signups.create(data.username, data.password, data.invitation, address)
    return CreatedAccount(account.id, account.username, account.created_at)


@post(
    "/token",
    status_code=200,
    opt={"open": True, "form": Credentials, "example": TOKEN, "max_body": MAX_BODY, "problems": (401, 413, 415)},
    security=[{}],
    tags=["accounts"],
    summary="Sign in",
)
async def token(
    request: Request[Any, Any, Any], accounts: NamedDependency[Accounts], sign_in: NamedDependency[SignIn]
) -> Token:
    """Sign in with the OAuth2 password form and get a bearer token.

    A wrong name and a wrong password get the same 401. After several of them, each further one makes the next try wait
    longer (429); `Retry-After` says how long, and the right password has to wait too.
    """
    credentials = read_credentials(await request.body())
    address = request.scope["imagevault"].network  # type: ignore[typeddict-item]
    access_token = await sign_in.token(credentials.username, credentials.password, address)
    return Token(access_token, "bearer", accounts.tokens.lifetime)


def read_credentials(form: bytes) -> Credentials:
    """Read the form. Litestar's own parser would keep the last thousand forms in memory, with their passwords.

    Raises:
        BadInput: a field is missing or given twice.

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


@post(
    "/password-reset",
    status_code=204,
    opt={"open": True, "max_body": MAX_BODY, "problems": (403, 413, 415)},
    security=[{}],
    tags=["accounts"],
    summary="Set a new password with a reset code",
)
async def reset_password(data: JSONBody[PasswordReset], administration: NamedDependency[Administration]) -> None:
    """Set a new password with the code that an admin made for this account. A code works once, within a day.

    Tokens from before do not work any more. A code that is not valid is refused (403).
    """
    await administration.set_password(data.username, data.code, data.new_password)


@get("/protected", opt={"scopes": SCOPES, "example": ME}, tags=["accounts"], summary="Who am I?")
async def protected(request: Request[Caller, Any, Any]) -> Me:
    """Return the account that the token or the API key belongs to; 401 without a valid one."""
    return Me(UUID(request.user.id), request.user.username, request.user.is_admin)


@post(
    "/logout",
    status_code=204,
    opt={"no_body": True},
    tags=["accounts"],
    summary="Sign out everywhere",
)
async def logout(
    request: Request[Caller, Any, Any],
    sign_out: NamedDependency[SignOut],
    credentials: NamedDependency[CredentialVerifier],
    revoke_keys: Annotated[bool, QueryParameter(description="Whether the API keys of the account end too.")] = False,
) -> Response[None]:
    """End every token and session of the account. Every worker refuses them within a second."""
    await sign_out.everywhere(request.user, revoke_keys=revoke_keys)
    credentials.forget(request.user.id)
    return Response(None, status_code=204, headers={"Clear-Site-Data": CLEAR})


@put(
    "/account/password",
    status_code=204,
    opt={"body": NEW_PASSWORD, "max_body": MAX_BODY, "problems": (413, 415)},
    tags=["accounts"],
    summary="Change my password",
)
async def change_password(
    request: Request[Caller, Any, Any],
    data: JSONBody[NewPassword],
    sign_out: NamedDependency[SignOut],
    credentials: NamedDependency[CredentialVerifier],
) -> Response[None]:
    """Change the password. It ends every token and session of the account, so sign in again afterwards.

    A wrong current password is refused with 403, and counts like one at sign-in (429). A new password that is too
    short, longer than 256 characters or easily guessed is refused with the reason (400).
    """
    await sign_out.change_password(
        request.user,
        data.current_password,
        data.new_password,
        revoke_keys=data.revoke_keys,
        address=_network(request),
    )
    credentials.forget(request.user.id)
    return Response(None, status_code=204, headers={"Clear-Site-Data": CLEAR})


ROUTES = [
    signup,
    token,
    reset_password,
    protected,
    logout,
    change_password,
]


def _network(request: Request[Any, Any, Any]) -> str:
    return str(request.scope["imagevault"].network)  # type: ignore[typeddict-item]
