"""The routes of what the server holds about an account."""

import uuid
from typing import Annotated, Any

import msgspec
from litestar import Request, delete, get
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream
from msgspec import Meta

from imagevault.accounts import audit
from imagevault.accounts.credentials import CredentialVerifier
from imagevault.accounts.passwords import MAX_LENGTH
from imagevault.accounts.sign_in import SignIn
from imagevault.errors import NotSignedIn
from imagevault.personal.deletion import delete_account
from imagevault.personal.export import export
from imagevault.personal.usage import Usage, measure_usage
from imagevault.search.gateway import Gateway
from imagevault.security.caller import SCOPES, Caller

MAX_BODY = 4096  # bytes
COUNTS = {"searches": 12, "upstream_calls": 3, "downloads": 1}
USAGE = {
    "today": COUNTS,
    "last_30_days": {"searches": 240, "upstream_calls": 61, "downloads": 17},
    "requests": {"amount": 600, "seconds": 60},
    "providers": None,
}
EXPORT: dict[str, Any] = {
    "account": {"id": "0b6f7a52-9c1e-4f5c-8f0a-3d5b8d1c2e7f", "username": "ada", "is_admin": False},
    "sign_in_networks": [],
    "sessions": [],
    "api_keys": [],
    "usage": [],
    "security_events": [],
    "repeatable_saves": [],
    "downloads": [],
}


class Deletion(msgspec.Struct, forbid_unknown_fields=True):
    """The proof that the owner deletes the account.

    Attributes:
        password: the account's password.

    """

    password: Annotated[str, Meta(examples=["violet-harbour-71"], extra_json_schema={"maxLength": MAX_LENGTH})]


@get("/usage", opt={"scopes": SCOPES, "example": USAGE}, tags=["accounts"], summary="How much I use")
async def usage(request: Request[Caller, Any, Any], gateway: NamedDependency[Gateway]) -> Usage:
    """Return what the account used today and in the last 30 days, and its limit of requests.

    Admins also see what is used of each provider's quotas, and by whom.
    """
    return await measure_usage(gateway, request.user)


@get(
    "/account/export",
    media_type="application/json",
    opt={"example": EXPORT},
    tags=["accounts"],
    summary="All that is held about me",
)
async def export_account(request: Request[Caller, Any, Any]) -> Stream:
    """Return everything that the server holds about the account, as one JSON object.

    It has the account, the networks that its owner signed in from, sessions, API keys, usage, security events,
    answers to saves with an `Idempotency-Key`, and downloads. Hashes of passwords and keys are left out.
    """
    await audit.record("account_exported", account=request.user.id, username=request.user.username)
    headers = {"Content-Disposition": 'attachment; filename="imagevault-account.json"', "Cache-Control": "no-store"}
    return Stream(export(request.user), media_type="application/json", headers=headers)


@delete(
    "/account",
    opt={"takes_body": True, "max_body": MAX_BODY, "problems": (413, 415)},
    tags=["accounts"],
    summary="Delete my account",
)
async def remove_account(
    request: Request[Caller, Any, Any],
    data: JSONBody[Deletion],
    sign_in: NamedDependency[SignIn],
    credentials: NamedDependency[CredentialVerifier],
) -> None:
    """Delete the account with its keys, sessions, downloads and usage. A wrong password is refused (403).

    Export the downloads first: with the account goes the record of who took what under which licence. What stays is the
    audit trail without name and address, and reports of downloads that are due to providers, which name no person.
    """
    caller = request.user
    address = request.scope["imagevault"].network  # type: ignore[typeddict-item]
    await sign_in.check(caller.username, data.password, address)
    was_there = await delete_account(uuid.UUID(caller.id), caller.username)
    credentials.forget(caller.id)
    if not was_there:
        raise NotSignedIn


ROUTES = [usage, export_account, remove_account]
