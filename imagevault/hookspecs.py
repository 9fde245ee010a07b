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
    """What this provider can do and what its terms demand. Needed; called once, at load."""


@hookspec
def configure(info: ProviderInfo, settings: Any) -> ProviderInfo:  # type: ignore[empty-body]
    """The info as these settings change it: another page size with a token, say. Called when they come into force."""


@hookspec
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Any, keep: Keep) -> Page:  # type: ignore[empty-body]
    """One page of results. Needed; a coroutine. Raises a `ProviderError` or lets `httpx` errors through."""


@hookspec
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Any, keep: Keep) -> Image | None:
    """The image with this id of the provider's own, or None if there is none. A coroutine."""


@hookspec
async def image_downloaded(image: Image, http: httpx.AsyncClient, settings: Any, keep: Keep) -> None:
    """Tells the provider that a user takes this image, where its terms demand that. A coroutine; it may be repeated.

    A provider with this hook has a part of its quota kept for it.
    """


@hookspec
def open_file(image_id: str, rendition: str, settings: Any, scratch: Path) -> Path | None:
    """The file of a provider that holds its files itself, or None if there is none.

    Runs in a thread. `scratch` is a folder of the provider's own, made by the host, for files such as thumbnails.
    """
