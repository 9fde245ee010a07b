"""Access tokens: HS256 by PyJWT, every claim checked (RFC 8725)."""

import math
import secrets
import time
from collections.abc import Callable

import jwt
import msgspec

from imagevault.security.keyring import Keyring

ISSUER = AUDIENCE = "imagevault"
TYPE = "iv+jwt"
MAX_LENGTH = 2048
LEEWAY = 5  # seconds that two clocks may differ
SETTLED = 2  # seconds after which every worker has the settings that one has


class Claims(msgspec.Struct, frozen=True):
    """What a good token says: the account, its epoch when the token was made, and until when it is good (Unix time)."""

    account: str
    epoch: int
    expires: int


class Tokens:
    """Makes and checks tokens with the subkey for them; a token made with the previous secret is still good."""

    def __init__(self, keyring: Keyring, ttl: int, clock: Callable[[], float] = time.time) -> None:
        self.ttl = self.former = ttl
        self.changed = -math.inf
        self.clock = clock
        self.keys = dict(keyring.subkeys("jwt"))
        self.jwt = jwt.PyJWT(options={"enforce_minimum_key_length": True})

    def set_ttl(self, ttl: int) -> None:
        """From now on tokens are good for so long; shortening ends longer ones at once.

        Longer ones are made a little later, for other workers do not take them before they know it too.
        """
        if ttl != self.ttl:
            self.former, self.ttl, self.changed = self.lifetime, ttl, self.clock()

    @property
    def lifetime(self) -> int:
        """The seconds that a token made now is good for."""
        return min(self.former, self.ttl) if self.clock() < self.changed + SETTLED else self.ttl

    def make(self, account: str, epoch: int) -> str:
        """A token for this account, good for `lifetime` seconds."""
        now = int(self.clock())
        kid, key = next(iter(self.keys.items()))
        claims = {
            "sub": account,
            "epoch": epoch,
            "iat": now,
            "exp": now + self.lifetime,
            "jti": secrets.token_urlsafe(16),
            "iss": ISSUER,
            "aud": AUDIENCE,
        }
        return self.jwt.encode(claims, key, algorithm="HS256", headers={"typ": TYPE, "kid": kid})

    def read(self, token: str) -> Claims | None:
        """What a token says, or None if it is not one of ours, or no longer good."""
        if len(token) > MAX_LENGTH:
            return None
        try:
            key = self.keys[jwt.get_unverified_header(token)["kid"]]
            decoded = self.jwt.decode_complete(
                token,
                key,
                algorithms=["HS256"],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=LEEWAY,
                options={"require": ["exp", "iat", "sub", "aud", "iss", "jti"], "strict_aud": True},
            )
        except (jwt.PyJWTError, ValueError, KeyError, TypeError):
            return None
        claims = decoded["payload"]
        if decoded["header"].get("typ") != TYPE or not all(isinstance(claims[name], int) for name in ("iat", "exp")):
            return None
        if not 0 < claims["exp"] - claims["iat"] <= self.ttl + LEEWAY:
            return None
        return Claims(claims["sub"], claims.get("epoch", -1), claims["exp"])
