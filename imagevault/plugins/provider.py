"""A provider: a loaded plugin with the settings that it runs on. Other settings make another `Provider`."""

import functools
import re
from collections.abc import Sequence
from pathlib import Path

import httpx

from imagevault.config.settings import Settings
from imagevault.errors import InvalidResponse, NotFound
from imagevault.plugins.cache import PluginCache
from imagevault.plugins.provider_settings import LoadedPlugin, configure, private_texts, read_values
from imagevault.records import Image, Page, SearchQuery
from imagevault.security.redaction import SECRET_NAME, pattern_of, redacted


class Provider:
    """One provider with its settings.

    Only two attributes ever change, by `compare_with`: they say what became of the provider's name since, for searches
    that still use this object.

    Attributes:
        plugin: its plugin. `name`, `source`, `hooks` and `declared` are the plugin's own.
        holds_files: whether it holds its picture files itself (`open_file`).
        keep: the cache that its hooks are given.
        state: whether it can be asked; see `ProviderConfig`, also for `reason`, `config_error`, `config_error_key`,
            `is_missing_setting`, `host`, `settings` and `info`.
        disabled: whether an admin has switched it off since; no call may leave any more.
        superseded: whether it has another key or address since.

    """

    def __init__(self, plugin: LoadedPlugin, settings: Settings) -> None:
        self.plugin = plugin
        self.name = plugin.name
        self.source = plugin.source
        self.hooks = plugin.hooks
        self.declared = plugin.declared
        self.holds_files = "open_file" in plugin.hooks

        self.configured_values = read_values(plugin, settings)
        config = configure(plugin, self.configured_values)
        self.state = config.state
        self.reason = config.reason
        self.config_error = config.config_error
        self.config_error_key = config.config_error_key
        self.is_missing_setting = config.is_missing_setting
        self.host = config.host
        self.settings = config.settings
        self.info = config.info

        self.keep = PluginCache()
        self.disabled = False
        self.superseded = False

    def is_configured_by(self, settings: Settings) -> bool:
        """Return whether these settings would make the same provider. One with a wrong setting is always made anew."""
        values = read_values(self.plugin, settings)
        is_same = [given.setting for given in values] == [given.setting for given in self.configured_values]
        return is_same and self.config_error is None

    def compare_with(self, current: "Provider") -> None:
        """Update `disabled` and `superseded`: `current` is the provider of this name that is now in force."""
        self.disabled = current.state == "disabled"
        self.superseded = self.reached_by != current.reached_by

    @property
    def reached_by(self) -> tuple[str | None, object]:
        """What a call depends on: the address, and the plugin's own settings with the key among them."""
        return self.host.base_url, self.settings

    @property
    def public_reason(self) -> str:
        """Why it cannot be asked, for everybody. Only admins see what is set wrongly."""
        if self.config_error:
            return f"{self.info.title} is misconfigured; an admin can see the reason"
        return f"{self.reason}"

    @property
    def secrets(self) -> list[str]:
        """The values that must not be shown: those of keys, secrets, tokens and passwords."""
        texts = private_texts(self.configured_values, self.settings)
        return [text for key, text in texts if SECRET_NAME.search(key)]

    def redacted(self, text: str) -> str:
        """Return the text without any setting of the plugin's own, whatever its name, and without credentials."""
        return redacted(text, self._private)

    @functools.cached_property
    def _private(self) -> re.Pattern[str] | None:
        return pattern_of(text for _, text in private_texts(self.configured_values, self.settings))

    async def search_images(self, query: SearchQuery, http: httpx.AsyncClient) -> Page:
        """Return the plugin's page.

        Raises:
            InvalidResponse: if the hook returns no Page. All errors of the hook pass through.

        """
        page = await self.plugin.call(
            "search_images",
            query=query,
            http=http,
            settings=self.settings,
            keep=self.keep,
        )
        if not isinstance(page, Page) or not isinstance(page.images, Sequence):
            raise InvalidResponse(f"search_images of {self.name} must return a Page")
        return page

    async def fetch_image(self, image_id: str, http: httpx.AsyncClient) -> Image | None:
        """Return the plugin's image with this id; None if there is none.

        Raises:
            NotFound: if the plugin has no such hook.
            InvalidResponse: if the hook returns something else. All errors of the hook pass through.

        """
        if "fetch_image" not in self.hooks:
            raise NotFound(f"{self.name} cannot look up a single image")
        image = await self.plugin.call(
            "fetch_image",
            image_id=image_id,
            http=http,
            settings=self.settings,
            keep=self.keep,
        )
        if image is not None and not isinstance(image, Image):
            raise InvalidResponse(f"fetch_image of {self.name} must return an Image or None")
        return image

    async def image_downloaded(self, image: Image, http: httpx.AsyncClient) -> None:
        """Tell the provider of a download, if its plugin has this hook. All errors of the hook pass through."""
        if "image_downloaded" in self.hooks:
            await self.plugin.call(
                "image_downloaded",
                image=image,
                http=http,
                settings=self.settings,
                keep=self.keep,
            )

    def open_file(self, image_id: str, rendition: str, scratch: Path) -> Path | None:
        """Return the path of a rendition's file; None if there is none. Blocks, so call it in a thread.

        Raises:
            InvalidResponse: if the hook returns something else. All errors of the hook pass through.

        """
        path = self.plugin.call(
            "open_file",
            image_id=image_id,
            rendition=rendition,
            settings=self.settings,
            scratch=scratch,
        )
        if path is not None and not isinstance(path, Path):
            raise InvalidResponse(f"open_file of {self.name} must return a Path or None")
        return path
