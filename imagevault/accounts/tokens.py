"""Access tokens: signed with HS256 by PyJWT, every claim checked (RFC 8725)."""

import math
import secrets
import time
from collections.abc import Callable
from typing import Any

import jwt
import msgspec

from imagevault.security.keyring import Keyring

ISSUER = "imagevault"
AUDIENCE = "imagevault"
TYPE = "iv+jwt"
MAX_LENGTH = 2048  # characters
LEEWAY = 5  # seconds by which the clocks of two servers may differ
SETTINGS_DELAY = 2  # seconds until every worker has the settings that one worker has
REQUIRED_CLAIMS = ["exp", "iat", "sub", "aud", "iss", "jti"]


class Claims(msgspec.Struct, frozen=True):
    """What a valid token says.

    Attributes:
        account: the account's id.
        epoch: the account's epoch when the token was issued.
        expires: when the token expires, in Unix time.

    """

    account: str
    epoch: int
    expires: int


class Tokens:
    """Issues and verifies access tokens. A token signed with the previous secret is still valid.

    Args:
        keyring: the secrets.
        ttl: for how many seconds a token is valid.
        clock: Unix time.

    """

    def __init__(self, keyring: Keyring, ttl: int, clock: Callable[[], float] = time.time) -> None:
        self.ttl = ttl
        self.previous_ttl = ttl
        self.ttl_changed_at = -math.inf
        self.clock = clock
        self.keys = dict(keyring.subkeys("jwt"))
        self.jwt = jwt.PyJWT(options={"enforce_minimum_key_length": True})

    def set_ttl(self, ttl: int) -> None:
        """Issue tokens that are valid for `ttl` seconds.

        A shorter ttl ends longer tokens at once. A longer one takes effect after `SETTINGS_DELAY`, because workers
        that do not know it yet refuse such tokens.
        """
        if ttl != self.ttl:
            self.previous_ttl = self.lifetime
            self.ttl = ttl
            self.ttl_changed_at = self.clock()

    @property
    def lifetime(self) -> int:
        """For how many seconds a token issued now is valid."""
        if self.clock() < self.ttl_changed_at + SETTINGS_DELAY:
            return min(self.previous_ttl, self.ttl)
        return self.ttl

    def issue(self, account: str, epoch: int) -> str:
        """Return a token for this account, valid for `lifetime` seconds."""
        now = int(self.clock())
        key_id, key = next(iter(self.keys.items()))
        claims = {
            "sub": account,
            "epoch": epoch,
            "iat": now,
            "exp": now + self.lifetime,
            "jti": secrets.token_urlsafe(16),
            "iss": ISSUER,
            "aud": AUDIENCE,
        }
        return self.jwt.encode(claims, key, algorithm="HS256", headers={"typ": TYPE, "kid": key_id})

    def verify(self, token: str) -> Claims | None:
        """Return what a token says; None if it is not one of ours or no longer valid."""
        if len(token) > MAX_LENGTH:
            return None
        try:
            decoded = self._decode(token)
        except (jwt.PyJWTError, ValueError, KeyError, TypeError):
            return None
        claims = decoded["payload"]
        issued_at = claims["iat"]
        expires = claims["exp"]
        if decoded["header"].get("typ") != TYPE:
            return None
        if not isinstance(issued_at, int) or not isinstance(expires, int):
            return None
        if not 0 < expires - issued_at <= self.ttl + LEEWAY:
            return None
        return Claims(claims["sub"], claims.get("epoch", -1), expires)

    def _decode(self, token: str) -> dict[str, Any]:
        """Return header and payload; raises many kinds of errors for a token that is not valid."""
        key = self.keys[jwt.get_unverified_header(token)["kid"]]
        return self.jwt.decode_complete(
            token,
            key,
            algorithms=["HS256"],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=LEEWAY,
            options={"require": REQUIRED_CLAIMS, "strict_aud": True},
        )
