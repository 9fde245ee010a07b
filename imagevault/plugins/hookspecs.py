"""The hooks of a provider plugin: a module (or object) with some of these functions, each marked `@hookimpl`.

A hook may leave out arguments it does not need. `http` is this provider's own `httpx.AsyncClient`: `base_url`,
User-Agent, time-outs and every rule of the gateway are already in it. `settings` is the provider's own Struct.
"""

from pathlib import Path
from typing import Any

import httpx
import pluggy

from imagevault.records import Image, Keep, Page, ProviderInfo, SearchQuery

hookspec = pluggy.HookspecMarker("imagevault")
hookimpl = pluggy.HookimplMarker("imagevault")


@hookspec
def provider_info() -> ProviderInfo:  # type: ignore[empty-body]
    """What this provider can do and what its terms demand. Needed; a plain function, called once, at load."""


@hookspec
def configure(info: ProviderInfo, settings: Any) -> ProviderInfo:  # type: ignore[empty-body]
    """The info as these settings change it: more calls or larger pages with a token, say. A plain function.

    Called when the settings come into force. A ValueError makes the provider `unconfigured` and is its reason.
    """


@hookspec
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Any, keep: Keep) -> Page:  # type: ignore[empty-body]
    """One page of results; one that found nothing is empty and the last. Needed; a coroutine.

    Raises a `ProviderError`, or lets the errors of `httpx` and `msgspec` through, which the gateway understands.
    """


@hookspec
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Any, keep: Keep) -> Image | None:
    """The image with this id, as `search_images` gave it, or None if there is none. A coroutine.

    `image_id` is whatever a caller wrote: an id that cannot be should cost no call, and in a path it must be quoted.
    Without this hook, an image that no kept page holds cannot be had. Raises as `search_images` does.
    """


@hookspec
async def image_downloaded(image: Image, http: httpx.AsyncClient, settings: Any, keep: Keep) -> None:
    """Tells the provider that a user takes this image, where its terms demand that. A coroutine; it may be repeated.

    `image.ref` is what the plugin put there. A provider with this hook has a part of its quota kept for it.
    """


@hookspec
def open_file(image_id: str, rendition: str, settings: Any, scratch: Path) -> Path | None:
    """The file of a provider that holds its files itself, or None if there is none. A plain function, run in a thread.

    `rendition` is a name that the image's renditions have; theirs have no `url`, and the gateway makes signed links.
    `scratch` is a folder of the provider's own, made by the host, for files such as thumbnails.
    """
