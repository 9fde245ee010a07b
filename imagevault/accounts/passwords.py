"""Passwords: which are accepted, and how they are hashed without stopping the server."""

import os
import unicodedata
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import anyio
from anyio import to_thread
from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from imagevault.config.settings import Settings
from imagevault.errors import BadInput, Busy

T = TypeVar("T")

MAX_LENGTH = 256
# zxcvbn's score counts guesses: below 2 a million are enough, which a throttled attacker can still make.
MIN_SCORE = 2
LOOKED_AT = 24  # characters that zxcvbn reads: with 72 made for it ("4@8({[<36...") it thinks for seconds, so for 0.2


class Passwords:
    """Argon2id hashing off the event loop: fewer at once than cores, and a bounded queue."""

    def __init__(self, settings: Settings) -> None:
        self.configure(settings)
        self.running = max(1, (os.cpu_count() or 2) - 1)
        self.queue = 4 * self.running
        self.limiter = anyio.CapacityLimiter(self.running)
        self.current_flight = 0

    def configure(self, settings: Settings) -> None:
        """Puts these settings in force; a hash of another cost is made anew when its owner signs in."""
        self.min_length, cost = settings.password_min_length, settings.argon2
        self.hasher = PasswordHash((Argon2Hasher(time_cost=cost.passes, memory_cost=cost.memory, parallelism=1),))
        self.dummy: str | None = None

    async def hash(self, password: str) -> str:
        """The hash of a new password. Raises Busy when too many wait for theirs."""
        return await self._off_loop(self.hasher.hash, _normal(password))

    async def check(self, password: str, username: str) -> None:
        """Raises BadInput with the reason if a password is too short, too long or easily guessed."""
        await self._off_loop(check, password, username, self.min_length)

    async def verify(self, password: str, kept: str | None) -> tuple[bool, str | None]:
        """(whether it is right, a new hash if the cost changed since). An unknown user's (None) takes as long."""
        if len(_normal(password)) > MAX_LENGTH:
            password, kept = "", None
        return await self._off_loop(self._verify, password, kept)

    async def _off_loop(self, work: Callable[..., T], *arguments: object) -> T:
        if self.current_flight >= self.running + self.queue:
            raise Busy("Too many people are signing in right now.", retry_after=1)
        self.current_flight += 1
        try:
            return await to_thread.run_sync(partial(work, *arguments), limiter=self.limiter)
        finally:
            self.current_flight -= 1

    def _verify(self, password: str, kept: str | None) -> tuple[bool, str | None]:
        if self.dummy is None:  # at the first sign-in, whoever signs in
            self.dummy = self.hasher.hash("nobody's")
        try:
            right, new_hash = self.hasher.verify_and_update(_normal(password), kept or self.dummy)
        except UnknownHashError:
            return False, None
        return (right, new_hash) if kept else (False, None)


def check(password: str, username: str, min_length: int) -> None:
    """As `Passwords.check`, at once."""
    from zxcvbn import zxcvbn  # noqa: PLC0415  13 MB of word lists, needed only where passwords are made

    password = _normal(password)
    if len(password) < min_length:
        raise BadInput("password", f"must have at least {min_length} characters")
    if len(password) > MAX_LENGTH:
        raise BadInput("password", f"must have at most {MAX_LENGTH} characters")
    if username in unicodedata.normalize("NFKC", password).casefold():
        raise BadInput("password", "must not contain the username")
    verdict = zxcvbn(password[:LOOKED_AT], user_inputs=[username, "imagevault"])
    if verdict["score"] < MIN_SCORE:
        reason = verdict["feedback"]["warning"] or "This password is easy to guess."
        raise BadInput("password", f"{reason.rstrip('.')}; a few uncommon words in a row are a good password")


def _normal(password: str) -> str:
    return unicodedata.normalize("NFC", password)
