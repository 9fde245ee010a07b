"""Passwords: which are accepted, and how they are hashed without stopping the server."""

import os
import unicodedata
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import anyio
import msgspec
from anyio import to_thread
from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from imagevault.config.settings import Settings
from imagevault.errors import BadInput, Busy

T = TypeVar("T")

MAX_LENGTH = 256  # characters, normalized
MAX_TYPED = 4 * MAX_LENGTH  # characters; to normalize thousands of combining marks takes seconds
# A score below 2 means fewer than a million guesses, which an attacker can make in spite of rate limits.
MIN_SCORE = 2
# zxcvbn reads this many characters. Its time grows with the cube of the length for some passwords ("4@8({[<36..."), and
# it blocks all threads: 0.04 s for 24 characters, 0.6 s for 72 and 1 s for 256 (measured with zxcvbn-rs-py 0.3.0).
ESTIMATED_LENGTH = 24


class Verification(msgspec.Struct, frozen=True):
    """The result of a password check.

    Attributes:
        is_correct: whether the password belongs to the hash.
        new_hash: a hash to store instead, if the cost has changed since the stored one was made.

    """

    is_correct: bool
    new_hash: str | None = None


class Passwords:
    """Hashes passwords with Argon2id in threads: fewer at once than cores, and a bounded queue before them."""

    def __init__(self, settings: Settings) -> None:
        self.configure(settings)
        self.max_running = max(1, (os.cpu_count() or 2) - 1)
        self.max_waiting = 4 * self.max_running
        self.limiter = anyio.CapacityLimiter(self.max_running)
        self.jobs = 0  # running and waiting

    def configure(self, settings: Settings) -> None:
        """Put these settings in force. After a change of cost, an account gets a new hash at its next sign-in."""
        self.min_length = settings.password_min_length
        argon2 = Argon2Hasher(
            time_cost=settings.argon2.passes,
            memory_cost=settings.argon2.memory,
            parallelism=1,
        )
        self.hasher = PasswordHash((argon2,))
        self.dummy_hash: str | None = None

    async def hash(self, password: str) -> str:
        """Return the hash of a new password.

        Raises:
            Busy: too many others wait.

        """
        return await self._in_thread(self.hasher.hash, _normalize(password))

    async def check(self, password: str, username: str, field: str = "password") -> None:
        """Check that a new password is acceptable. `field` is what it is called in the request.

        Raises:
            BadInput: it is too short, too long or easy to guess, with the reason.
            Busy: too many others wait.

        """
        try:
            await self._in_thread(check_password, password, username, self.min_length)
        except BadInput as error:
            raise BadInput(field, error.message) from None

    async def verify(self, password: str, stored_hash: str | None) -> Verification:
        """Return whether the password belongs to this hash.

        None, the hash of an unknown user, takes as long as any other and is never correct.

        Raises:
            Busy: too many others wait.

        """
        if len(password) > MAX_TYPED or len(_normalize(password)) > MAX_LENGTH:
            return await self._in_thread(self._verify, "", None)
        return await self._in_thread(self._verify, password, stored_hash)

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        if self.jobs >= self.max_running + self.max_waiting:
            raise Busy("Too many people are signing in right now.", retry_after=1)
        self.jobs += 1
        try:
            return await to_thread.run_sync(partial(work, *arguments), limiter=self.limiter)
        finally:
            self.jobs -= 1

    def _verify(self, password: str, stored_hash: str | None) -> Verification:
        # Made at the first sign-in, whether the user is known or not, so that its time tells nothing.
        if self.dummy_hash is None:
            self.dummy_hash = self.hasher.hash("nobody's")
        try:
            is_correct, new_hash = self.hasher.verify_and_update(_normalize(password), stored_hash or self.dummy_hash)
        except UnknownHashError:
            return Verification(is_correct=False)
        if not stored_hash:
            return Verification(is_correct=False)
        return Verification(is_correct, new_hash)


def check_password(password: str, username: str, min_length: int) -> None:
    """Check that a new password is acceptable. Blocks for up to 0.05 s; `Passwords.check` does not block.

    Args:
        password: the new password.
        username: the normalized username.
        min_length: how many characters the password must have.

    Raises:
        BadInput: it is too short, too long or easy to guess, with the reason.

    """
    if len(password) > MAX_TYPED:
        raise BadInput("password", f"must have at most {MAX_LENGTH} characters")
    password = _normalize(password)
    if len(password) < min_length:
        raise BadInput("password", f"must have at least {min_length} characters")
    if len(password) > MAX_LENGTH:
        raise BadInput("password", f"must have at most {MAX_LENGTH} characters")
    if username in unicodedata.normalize("NFKC", password).casefold():
        raise BadInput("password", "must not contain the username")
    _check_strength(password, username)


def _check_strength(password: str, username: str) -> None:
    from zxcvbn_rs_py import zxcvbn  # noqa: PLC0415  9 MB of word lists, needed only for new passwords

    estimate = zxcvbn(password[:ESTIMATED_LENGTH], [username, "imagevault"])
    if int(estimate.score) >= MIN_SCORE:
        return
    reason = "This password is easy to guess"
    if estimate.feedback is not None and estimate.feedback.warning is not None:
        reason = str(estimate.feedback.warning).rstrip(".")
    raise BadInput("password", f"{reason}; a few uncommon words in a row are a good password")


def _normalize(password: str) -> str:
    """Return the composed form (NFC): keyboards differ in how they write an accented letter."""
    return unicodedata.normalize("NFC", password)
