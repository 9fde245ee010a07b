"""Signed links to files that a provider holds itself. A link works for at least a day, so it may be cached.

A link works in one spelling only, so that a cache keeps one copy of a file. In its path, the characters that may stand
in a path are not encoded (RFC 3986, 3.3), so that a proxy that decodes the path and encodes it by these rules gets the
same one.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlencode

import msgspec
from anyio import CapacityLimiter, to_thread

from imagevault.errors import OUT_OF_FILES, Busy, Forbidden, ResourceNotFound
from imagevault.images.conditional import file_tag
from imagevault.images.media_types import HEAD, type_of_content
from imagevault.plugins.provider import Provider
from imagevault.plugins.registry import PluginRegistry
from imagevault.security import base64url
from imagevault.security.keyring import Keyring
from imagevault.upstream.provider_errors import to_provider_error

DAY = 86400  # seconds
FILES_AT_ONCE = 2  # opened at once; a thumbnail may have to be made
IN_PATHS = "/!$&'()*+,;=:@"  # beside letters, digits and `-._~`, which `quote` never encodes


class OpenedFile(msgspec.Struct, frozen=True):
    """A file to send.

    Attributes:
        path: where it is.
        media_type: its type, by its content.
        tag: its entity tag, without quotes.
        seconds_left: for how long its link still works.
    """

    path: Path
    media_type: str
    tag: str
    seconds_left: int


class SignedLinks:
    """Makes such links, and opens the files behind them."""

    def __init__(
        self,
        plugins: PluginRegistry,
        keyring: Keyring,
        base_url: str,
        scratch: Path,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare.

        Args:
            plugins: all providers.
            keyring: signs the links.
            base_url: how callers reach this server, without a slash at the end.
            scratch: the folder in which providers keep thumbnails.
            clock: Unix time.

        """
        self._plugins = plugins
        self._keyring = keyring
        self._base_url = base_url
        self._scratch = scratch
        self._clock = clock
        self._limiter = CapacityLimiter(FILES_AT_ONCE)

    def link(self, provider: str, id: str, rendition: str) -> str:
        """Return the link to a rendition. It is the same all day, and works until the day after tomorrow begins."""
        today = int(self._clock()) // DAY
        expires = (today + 2) * DAY
        signature = base64url.encode(self._keyring.tag("media", _message(provider, id, rendition, expires)))
        return f"{self._base_url}{_path(provider, id, rendition)}?{_query(expires, signature)}"

    def passed_on(self, provider: str, id: str, url: str) -> str:
        """Return the link by which this server passes a provider's file on. It works as long as that of `link`.

        Args:
            provider: the provider.
            id: its own id of the image.
            url: where the file is.

        """
        today = int(self._clock()) // DAY
        expires = (today + 2) * DAY
        signature = base64url.encode(self._keyring.tag("passed_on", _message(provider, id, url, expires)))
        query = urlencode({"id": id, "url": url, "expires": expires, "signature": signature})
        return f"{self._base_url}/media/{quote(provider)}?{query}"

    def check_passed_on(self, provider: str, id: str, url: str, expires: int, signature: str) -> None:
        """Check such a link. Raises Forbidden if this server did not make it, or it no longer works."""
        message = _message(provider, id, url, expires)
        if not self._keyring.verifies("passed_on", message, _bytes(signature)):
            raise Forbidden("This link is not one that this server gave.")
        if expires <= int(self._clock()):
            raise Forbidden("This link has expired; load the page again for a new one.")

    async def open(
        self, provider: str, id: str, rendition: str, expires: int, signature: str, *, path: str | None, query: str
    ) -> OpenedFile:
        """Return the file behind a link.

        Args:
            provider: the parts of the link, decoded: this, and the four after it.
            id: the provider's own id of the image.
            rendition: its name.
            expires: until when the link works, Unix time.
            signature: in base64url.
            path: the path as it was sent; None if the server does not say it.
            query: the query as it was sent.

        Raises:
            Forbidden: this server did not make the link, or it no longer works.
            ResourceNotFound: there is no such file any more.
            ProviderError: the provider failed.
            Busy: the server has too many open files.

        """
        seconds_left = expires - int(self._clock())
        is_spelled_right = path in {None, _path(provider, id, rendition)} and query == _query(expires, signature)
        message = _message(provider, id, rendition, expires)
        if not is_spelled_right or not self._keyring.verifies("media", message, _bytes(signature)):
            raise Forbidden("This link is not one that this server gave.")
        if seconds_left <= 0:
            raise Forbidden("This link has expired; search again for a new one.")
        return await self.find(provider, id, rendition, seconds_left)

    async def find(self, provider: str, id: str, rendition: str, seconds_left: int = 0) -> OpenedFile:
        """Return a file that a provider holds. Raises the errors of `open`, except Forbidden."""
        owner = self._plugins.providers.get(provider)
        if owner is None or owner.state != "ok" or not owner.holds_files:
            raise ResourceNotFound(f"There are no files of {provider} here.")
        folder = self._scratch / provider
        try:
            file = await to_thread.run_sync(_open, owner, id, rendition, folder, limiter=self._limiter)
        except Exception as error:  # noqa: BLE001  a stranger's code: it fails, the server does not
            raise to_provider_error(error, owner) from None
        opened = await to_thread.run_sync(_look_into, file, seconds_left) if file is not None else None
        if opened is None:
            raise ResourceNotFound(f"{provider} has no such file any more.")
        return opened


def _look_into(path: Path, seconds_left: int) -> OpenedFile | None:
    """Return the file if it is a raster image that can be read.

    Raises:
        Busy: the server has too many open files.

    """
    try:
        with path.open("rb") as file:
            kind = type_of_content(file.read(HEAD))
            tag = file_tag(os.fstat(file.fileno()))
    except OSError as error:
        if error.errno in OUT_OF_FILES:
            raise Busy("The server has too many open files.") from None
        return None
    return OpenedFile(path, kind, tag, seconds_left) if kind is not None else None


def _path(provider: str, id: str, rendition: str) -> str:
    return f"/media/{provider}/{rendition}/{quote(id, safe=IN_PATHS)}"


def _query(expires: int, signature: str) -> str:
    return f"expires={expires}&signature={signature}"


def _message(provider: str, id: str, rendition: str, expires: int) -> bytes:
    return f"GET\0{provider}\0{rendition}\0{expires}\0{id}".encode()


def _bytes(signature: str) -> bytes:
    """The bytes of a signature; none for a text that is no signature, which then does not verify."""
    try:
        return base64url.decode(signature)
    except ValueError:
        return b""


def _open(owner: Provider, id: str, rendition: str, folder: Path) -> Path | None:
    folder.mkdir(parents=True, exist_ok=True)
    return owner.open_file(id, rendition, folder)
