"""The secret from which each use derives its own subkey, so that nothing signed for one door opens another."""

import hmac
import os
import secrets
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from imagevault.config.settings import Settings
from imagevault.config.validation import MAKE_SECRET
from imagevault.errors import ConfigError

TAG_BYTES = 16


class Keyring(msgspec.Struct, frozen=True):
    """The secret in force and those before it, which still verify. `own`: the server made the secret itself."""

    secret: bytes
    previous: tuple[bytes, ...] = ()
    own: bool = False

    def __repr__(self) -> str:
        """Shows nothing: it is all secret."""
        return "Keyring()"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """The same for rich, which would print the fields."""
        return []

    def subkeys(self, use: str) -> list[tuple[str, bytes]]:
        """(key id, subkey) of this use (`jwt`, `cursor`, `media`), the one in force first."""
        return [
            (sha256(secret).hexdigest()[:8], hmac.digest(secret, f"imagevault/{use}/1".encode(), "sha256"))
            for secret in (self.secret, *self.previous)
        ]

    def tag(self, use: str, message: bytes) -> bytes:
        """The HMAC of a message for this use, 16 bytes."""
        return hmac.digest(self.subkeys(use)[0][1], message, "sha256")[:TAG_BYTES]

    def verifies(self, use: str, message: bytes, tag: bytes) -> bool:
        """Whether `tag` was made for this message and use, now or with a previous secret."""
        return any(
            hmac.compare_digest(hmac.digest(key, message, "sha256")[:TAG_BYTES], tag) for _, key in self.subkeys(use)
        )


def open_keyring(settings: Settings) -> Keyring:
    """The keyring of these settings; without a `secret_key`, one made on first use and kept in the data folder.

    Raises ConfigError if the kept secret can be read by others, or cannot be kept.
    """
    previous = (settings.secret_key_previous.encode(),) if settings.secret_key_previous else ()
    if settings.secret_key:
        return Keyring(settings.secret_key.encode(), previous)
    try:
        secret = _kept_secret(settings.data / "secret_key")
    except OSError as error:
        reason = f"cannot keep a secret there ({error.strerror}); set data to another folder, or SECRET_KEY"
        raise ConfigError("data", str(settings.data), reason) from None
    return Keyring(secret, previous, own=True)


def _kept_secret(path: Path) -> bytes:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_name(f".secret_key-{secrets.token_hex(8)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(secrets.token_urlsafe(48))
        try:
            os.link(draft, path)  # of workers that start at once, the first one's secret stays
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    if path.stat().st_mode & 0o077:
        raise ConfigError("secret_key", str(path), f"can be read by others; run: chmod 600 {path}")
    secret = path.read_bytes().strip()
    if len(secret) < 32:
        raise ConfigError("secret_key", str(path), f"is too short; remove the file, or set SECRET_KEY: {MAKE_SECRET}")
    return secret
