"""Links to files that a provider of ours holds itself: signed, good for a day at least, so they may sit in caches."""

import base64
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread

from imagevault.errors import Forbidden, ResourceNotFound
from imagevault.plugins.provider import Provider
from imagevault.plugins.registry import PluginRegistry
from imagevault.security.keyring import Keyring
from imagevault.upstream.transport import explain

DAY = 86400
# The first bytes of the raster formats that are sent on; SVG, HTML and the like never are.
SIGNATURES = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


class SignedLinks:
    """Makes and opens such links. `scratch`: where providers keep their thumbnails."""

    def __init__(
        self,
        plugins: PluginRegistry,
        keyring: Keyring,
        base_url: str,
        scratch: Path,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.plugins = plugins
        self.keyring = keyring
        self.base_url = base_url
        self.scratch = scratch
        self.clock = clock
        self.limiter = CapacityLimiter(2)  # pictures being scaled at once

    def link(self, provider: str, id: str, rendition: str) -> str:
        """A link to a rendition; the same one all day, good until the day after tomorrow begins."""
        expires = (int(self.clock()) // DAY + 2) * DAY
        path = f"/media/{provider}/{rendition}/{quote(id)}"
        return f"{self.base_url}{path}?expires={expires}&signature={self._sign(provider, id, rendition, expires)}"

    async def open(self, provider: str, id: str, rendition: str, expires: int, signature: str) -> tuple[Path, str, int]:
        """(file, media type, seconds left). Raises Forbidden for a link that we did not give or that is over."""
        left = expires - int(self.clock())
        if not self.keyring.verifies("media", _message(provider, id, rendition, expires), _bytes(signature)):
            raise Forbidden("This link is not one that this server gave.")
        if left <= 0:
            raise Forbidden("This link is over; search again for a new one.")
        owner = self.plugins.providers.get(provider)
        if owner is None or owner.state != "ok" or not owner.holds_files:
            raise ResourceNotFound(f"There are no files of {provider} here.")
        folder = self.scratch / provider
        try:
            path = await to_thread.run_sync(_opened, owner, id, rendition, folder, limiter=self.limiter)
        except Exception as error:  # noqa: BLE001  a stranger's code: it fails, not the server
            raise explain(error, owner) from None
        if path is None or (kind := await to_thread.run_sync(media_type, path)) is None:
            raise ResourceNotFound(f"{provider} has no such file any more.")
        return path, kind, left

    def _sign(self, provider: str, id: str, rendition: str, expires: int) -> str:
        tag = self.keyring.tag("media", _message(provider, id, rendition, expires))
        return base64.urlsafe_b64encode(tag).rstrip(b"=").decode()


def _message(provider: str, id: str, rendition: str, expires: int) -> bytes:
    return f"GET\0{provider}\0{rendition}\0{expires}\0{id}".encode()


def _bytes(signature: str) -> bytes:
    try:
        return base64.b64decode(signature + "=" * (-len(signature) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""


def _opened(owner: Provider, id: str, rendition: str, folder: Path) -> Path | None:
    folder.mkdir(parents=True, exist_ok=True)
    return owner.open_file(id, rendition, folder)


def media_type(path: Path) -> str | None:
    """The type of a raster image by its first bytes, None for anything else."""
    try:
        with path.open("rb") as file:
            head = file.read(32)
    except OSError:
        return None
    for signature, kind in SIGNATURES.items():
        if head.startswith(signature):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return "image/avif" if head[4:12] in {b"ftypavif", b"ftypavis"} else None
