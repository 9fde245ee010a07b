"""Who sends a request, and what they may do."""

from typing import Literal, get_args

import msgspec

from imagevault.config.limits import Rate

Scope = Literal["search", "downloads", "interactive", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The account that a request's credential belongs to, and what that credential allows.

    `accounts/credentials.py` makes it of a verified credential; it is `scope["user"]` of the ASGI scope, `request.user`
    in a route. Callers without a credential are None instead.

    Attributes:
        id: the account's id.
        username: its name, normalized.
        epoch: the account's epoch when it was read. A change that outlives the request compares it again.
        scopes: what the credential allows. `admin` is among them only while the account is an admin.
        providers: the names of the providers that it may use; None for all.
        rate: how many requests it may send, in addition to the limit of its account; None for that limit alone.
        key_id: the id of the API key; None for a person who signed in.

    """

    id: str
    username: str
    epoch: int = 0
    scopes: frozenset[Scope]
    providers: frozenset[str] | None = None
    rate: Rate | None = None
    key_id: str | None = None

    @property
    def is_admin(self) -> bool:
        """Whether an admin's rights come with this credential."""
        return "admin" in self.scopes


def scopes_of_person(*, is_admin: bool) -> frozenset[Scope]:
    """Return the scopes of somebody who signed in with a password. They pick each picture themselves."""
    scopes: set[Scope] = {"search", "downloads", "interactive"}
    return frozenset(scopes | {"admin"} if is_admin else scopes)
