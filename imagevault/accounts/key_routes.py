"""The routes of API keys."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter
from msgspec import Meta

from imagevault.accounts.api_keys import KEY as KEY_PATTERN
from imagevault.accounts.api_keys import MAX_NAME, ApiKeys, KeyRecord, NewApiKey
from imagevault.accounts.credentials import CredentialVerifier
from imagevault.security.caller import SCOPES, Caller

MAX_BODY = 4096  # bytes


class NewKey(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A new API key.

    Attributes:
        name: what it is for, 1 to 100 characters.
        scopes: what it may do: `search`, `downloads`, `interactive` (a person picks each picture), `admin`.
        providers: the names of the providers that it may use; left out for all.
        rate: how many requests it may send, such as `60/minute`; left out for the limit of the account, which always
            holds too.
        expires_at: when it expires, with a time zone; left out for never.

    """

    name: Annotated[str, Meta(examples=["catalogue"], extra_json_schema={"minLength": 1, "maxLength": MAX_NAME})]
    scopes: Annotated[
        list[Annotated[str, Meta(extra_json_schema={"enum": list(SCOPES)})]],
        Meta(examples=[["search"]], extra_json_schema={"minItems": 1}),
    ]
    providers: Annotated[list[str], Meta(extra_json_schema={"minItems": 1})] | None = None
    rate: Annotated[str, Meta(examples=["60/minute"])] | None = None
    expires_at: datetime | None = None


class CreatedKey(KeyRecord, frozen=True, kw_only=True):
    """The API key that was created.

    Attributes:
        id: the id of the key, to revoke it with.
        name: what it is for.
        prefix: how the key begins.
        scopes: what it may do.
        providers: the names of the providers that it may use; null for all.
        rate: how many requests it may send; null for the limit of the account alone.
        created_at: when it was created.
        expires_at: when it expires; null for never.
        last_used: null, because it is new.
        key: the key itself. It is never shown again.

    """

    key: Annotated[str, Meta(pattern=f"^{KEY_PATTERN.pattern}$")]


class KeyList(msgspec.Struct, frozen=True):
    """The API keys of your account.

    Attributes:
        keys: newest first.

    """

    keys: list[KeyRecord]


KEY = {
    "id": "7f0e8a4c-52b1-4a57-9d0c-8a1f3e6b9c25",
    "name": "catalogue",
    "prefix": "iv_4qTz9K",
    "scopes": ["search"],
    "providers": None,
    "rate": "60/minute",
    "created_at": "2026-11-23T09:30:00Z",
    "expires_at": None,
    "last_used": None,
}
CREATED_KEY = {**KEY, "key": f"iv_4qTz9K{'x' * 30}"}
NEW_KEY = {"name": "catalogue", "scopes": ["search"], "rate": "60/minute"}


@post(
    "/api-keys",
    opt={"example": CREATED_KEY, "body": NEW_KEY, "max_body": MAX_BODY, "problems": (403, 409, 413, 415)},
    tags=["accounts"],
    summary="Create an API key",
)
async def create_api_key(
    request: Request[Caller, Any, Any], data: JSONBody[NewKey], api_keys: NamedDependency[ApiKeys]
) -> CreatedKey:
    """Create a key for a machine. The response shows it once; the server stores only its hash.

    Send it as `Authorization: Bearer iv_...`. A key cannot create keys, and it cannot change the account. With
    `providers` it may use only these: any other is refused with 403, and `provider=all` and the default chain mean
    these. The scope `admin` needs an admin's account, and counts only while the account is an admin's.
    """
    wanted = NewApiKey(
        name=data.name,
        scopes=data.scopes,
        providers=data.providers,
        rate=data.rate,
        expires_at=data.expires_at,
    )
    record, key = await api_keys.create(request.user, wanted)
    return CreatedKey(**msgspec.structs.asdict(record), key=key)


@get("/api-keys", opt={"example": {"keys": [KEY]}}, tags=["accounts"], summary="My API keys")
async def list_api_keys(request: Request[Caller, Any, Any], api_keys: NamedDependency[ApiKeys]) -> KeyList:
    """List the account's keys, newest first, without their secrets."""
    return KeyList(await api_keys.list_of(request.user.id))


@delete("/api-keys/{id:str}", opt={"problems": (404,)}, tags=["accounts"], summary="Revoke an API key")
async def revoke_api_key(
    request: Request[Caller, Any, Any],
    api_keys: NamedDependency[ApiKeys],
    credentials: NamedDependency[CredentialVerifier],
    id: Annotated[str, PathParameter(description="The id of the key, from `GET /api-keys`.")],
) -> None:
    """Revoke a key. Every worker refuses it within a second."""
    await api_keys.revoke(request.user, id)
    credentials.forget(request.user.id)


ROUTES = [create_api_key, list_api_keys, revoke_api_key]
