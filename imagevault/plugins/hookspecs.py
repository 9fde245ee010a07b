"""The hooks of a provider plugin: a module (or object) with some of these functions, each marked `@hookimpl`.

A hook may leave out arguments that it does not need. `http` is this provider's own `httpx.AsyncClient`: `base_url`,
User-Agent, time-outs and the rules of the gateway are already set. `settings` is the provider's own Struct.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from imagevault.records import Image, Keep, Page, ProviderInfo, SearchQuery

if TYPE_CHECKING:
    import httpx  # slow to import, and only for annotations here

hookspec = pluggy.HookspecMarker("imagevault")
hookimpl = pluggy.HookimplMarker("imagevault")


@hookspec
def provider_info() -> ProviderInfo:  # type: ignore[empty-body]
    """Return what this provider can do and what its terms demand. Required; a plain function, called once, at load."""


@hookspec
def configure(info: ProviderInfo, settings: Any) -> ProviderInfo:  # type: ignore[empty-body]
    """Return the info as these settings change it, for example more calls or larger pages with a token.

    A plain function, called when the settings come into force. A ValueError makes the provider `unconfigured`; its
    message is the reason.
    """


@hookspec
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Any, keep: Keep) -> Page:  # type: ignore[empty-body]
    """Return one page of results. Required; a coroutine.

    A search that finds nothing returns an empty page with `last=True`. Raise a `ProviderError`, or let the errors of
    `httpx` and `msgspec` through: the gateway understands them.
    """


@hookspec
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Any, keep: Keep) -> Image | None:
    """Return the image with this id, as `search_images` would return it, or None if there is none. A coroutine.

    `image_id` is whatever a caller wrote. Return None without a call for an id that cannot exist, and quote it in a
    path. Without this hook, the gateway finds only images on pages that it still caches; the test class says
    `has_lookup = False` then. Raises the same errors as `search_images`.
    """


@hookspec
async def image_downloaded(image: Image, http: httpx.AsyncClient, settings: Any, keep: Keep) -> None:
    """Report to the provider that a user takes this image, where its terms demand that. A coroutine.

    The gateway calls it once for each recorded download, after the caller has the answer, and reserves a part of the
    quota for it. `image` is as it was then; `image.ref` is what the plugin put there. `settings` are those in force at
    the time of the call, which may be days later and after a restart.

    An error lets the gateway call again later, for 30 days; so raise one if the provider has not counted the download.
    `NotFound` ends it. A call that was cut off is repeated too, so the hook must be safe to call twice.
    """


@hookspec
def open_file(image_id: str, rendition: str, settings: Any, scratch: Path) -> Path | None:
    """Return the path of a file that the provider itself holds, or None if there is none.

    A plain function, which runs in a thread. `rendition` is a name among the image's renditions; these have no `url`,
    because the gateway makes signed links. `scratch` is an existing folder for the provider's own files, such as
    thumbnails.
    """
