"""What one credential allows by itself: a token, a session or a key."""

import math

import msgspec

from imagevault.config.limits import Rate
from imagevault.security.caller import Scope


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What an access token, an API key or a session of the page says.

    Attributes:
        account: the account's id.
        epoch: the epoch that the account must have; None where the credential outlives an epoch.
        expires: when it ends, Unix time.
        scopes: what it allows; None for all that a person may do.
        providers: the providers that it may use; None for all.
        rate: its own limit of requests; None for that of the account alone.
        key_id: the id of the API key; None for another credential.

    """

    account: str
    epoch: int | None = None
    expires: float = math.inf
    scopes: frozenset[Scope] | None = None
    providers: frozenset[str] | None = None
    rate: Rate | None = None
    key_id: str | None = None
