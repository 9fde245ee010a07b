"""The server's secret, and the subkey that each use derives from it.

A signature made for one use (a token, a cursor, a link) is not valid for another.
"""

import contextlib
import hmac
import os
import secrets
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from imagevault.config.settings import Settings
from imagevault.config.validation import MAKE_SECRET, MIN_DISTINCT, MIN_SECRET_BYTES, is_loopback
from imagevault.errors import ConfigError
from imagevault.files.atomic_write import write_atomically

TAG_BYTES = 16


class Keyring(msgspec.Struct, frozen=True):
    """The secret in force and those before it.

    Attributes:
        secret: signs and verifies.
        previous: secrets that only verify.
        own: whether the server generated the secret itself.

    """

    secret: bytes
    previous: tuple[bytes, ...] = ()
    own: bool = False

    def __repr__(self) -> str:
        """Show nothing: all fields are secret."""
        return "Keyring()"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Show nothing in rich either, which would print the fields."""
        return []

    def subkeys(self, use: str) -> list[tuple[str, bytes]]:
        """Return (key id, subkey) for a use (`jwt`, `cursor`, `media`, `passed_on`), the pair in force first."""
        return [
            (sha256(secret).hexdigest()[:8], hmac.digest(secret, f"imagevault/{use}/1".encode(), "sha256"))
            for secret in (self.secret, *self.previous)
        ]

    def tag(self, use: str, message: bytes) -> bytes:
        """Return the HMAC of a message for this use: 16 bytes."""
        _, subkey = self.subkeys(use)[0]
        return _tag(subkey, message)

    def verifies(self, use: str, message: bytes, tag: bytes) -> bool:
        """Return whether `tag` is that of this message and use, by the secret in force or a previous one."""
        return any(hmac.compare_digest(_tag(subkey, message), tag) for _, subkey in self.subkeys(use))


def _tag(subkey: bytes, message: bytes) -> bytes:
    return hmac.digest(subkey, message, "sha256")[:TAG_BYTES]


def open_keyring(settings: Settings) -> Keyring:
    """Return the keyring for these settings.

    Without a `secret_key`, the server generates a secret on first use and stores it in the data folder.

    Raises:
        ConfigError: the stored secret is readable by others or too short, or none can be stored.

    """
    previous = (settings.secret_key_previous.encode(),) if settings.secret_key_previous else ()
    if settings.secret_key:
        return Keyring(settings.secret_key.encode(), previous)
    try:
        secret = _stored_secret(settings.data / "secret_key")
    except OSError as error:
        reason = f"cannot keep a secret there ({error.strerror}); set data to another folder, or SECRET_KEY"
        raise ConfigError("data", str(settings.data), reason) from None
    return Keyring(secret, previous, own=True)


def check_own_secret(settings: Settings) -> None:
    """Raise ConfigError if other machines could reach a server that generates its secret itself."""
    if settings.secret_key is None and not is_loopback(settings.host):
        message = f"must be set to serve on {settings.host}; make one with: {MAKE_SECRET}"
        raise ConfigError("secret_key", settings.where("host"), message)


def _stored_secret(path: Path) -> bytes:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        _store_new_secret(path)
    if path.stat().st_mode & 0o077:
        raise ConfigError("secret_key", str(path), f"can be read by others; run: chmod 600 {path}")
    secret = path.read_bytes().strip()
    if len(secret) < MIN_SECRET_BYTES or len(set(secret)) < MIN_DISTINCT:
        reason = f"is too short or can be guessed; remove the file, or set SECRET_KEY: {MAKE_SECRET}"
        raise ConfigError("secret_key", str(path), reason)
    return secret


def _store_new_secret(path: Path) -> None:
    """Write a new secret to `path`, unless another worker has written one in the meantime.

    A link fails if the file exists, and a rename would replace it: when several workers start at once, all of them
    use the secret of the first.
    """
    candidate = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    write_atomically(candidate, secrets.token_urlsafe(48).encode())
    try:
        with contextlib.suppress(FileExistsError):
            os.link(candidate, path)
    finally:
        candidate.unlink()
