"""Signed links to files that a provider holds itself. A link works for at least a day, so it may be cached."""

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import msgspec
from anyio import CapacityLimiter, to_thread

from imagevault.errors import Forbidden, ResourceNotFound
from imagevault.plugins.provider import Provider
from imagevault.plugins.registry import PluginRegistry
from imagevault.security import base64url
from imagevault.security.keyring import Keyring
from imagevault.upstream.provider_errors import to_provider_error

DAY = 86400  # seconds
FILES_AT_ONCE = 2  # opened at once; a thumbnail may have to be made
HEAD = 32  # bytes that tell the type of a file
# The first bytes of the raster formats that are sent. SVG, HTML and the like are never sent.
SIGNATURES = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


class OpenedFile(msgspec.Struct, frozen=True):
    """A file to send, and the seconds for which its link still works."""

    path: Path
    media_type: str
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
        path = f"/media/{provider}/{rendition}/{quote(id)}"
        return f"{self._base_url}{path}?expires={expires}&signature={signature}"

    async def open(self, provider: str, id: str, rendition: str, expires: int, signature: str) -> OpenedFile:
        """Return the file behind a link.

        Raises:
            Forbidden: this server did not make the link, or it no longer works.
            ResourceNotFound: there is no such file any more.
            ProviderError: the provider failed.

        """
        seconds_left = expires - int(self._clock())
        if not self._keyring.verifies("media", _message(provider, id, rendition, expires), _bytes(signature)):
            raise Forbidden("This link is not one that this server gave.")
        if seconds_left <= 0:
            raise Forbidden("This link has expired; search again for a new one.")
        owner = self._plugins.providers.get(provider)
        if owner is None or owner.state != "ok" or not owner.holds_files:
            raise ResourceNotFound(f"There are no files of {provider} here.")
        folder = self._scratch / provider
        try:
            path = await to_thread.run_sync(_open, owner, id, rendition, folder, limiter=self._limiter)
        except Exception as error:  # noqa: BLE001  a stranger's code: it fails, the server does not
            raise to_provider_error(error, owner) from None
        kind = await to_thread.run_sync(media_type, path) if path is not None else None
        if path is None or kind is None:
            raise ResourceNotFound(f"{provider} has no such file any more.")
        return OpenedFile(path, kind, seconds_left)


def media_type(path: Path) -> str | None:
    """Return the type of a raster image by its first bytes, None for anything else."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return None
    for signature, kind in SIGNATURES.items():
        if head.startswith(signature):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return "image/avif" if head[4:12] in {b"ftypavif", b"ftypavis"} else None


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
