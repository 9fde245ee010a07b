"""A provider: a loaded plugin with the settings that it runs on. Other settings make another `Provider`."""

import functools
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from imagevault.config.settings import Settings
from imagevault.errors import InvalidResponse, NotFound
from imagevault.plugins.cache import PluginCache
from imagevault.plugins.provider_settings import LoadedPlugin, configure, private_texts, read_values
from imagevault.records import Image, Page, SearchQuery
from imagevault.security.redaction import SECRET_NAME, longest_of, pattern_of, redacted, redacted_start

TIMEOUT = 3.0  # seconds that a search waits for a call of a provider that declares no other time


class Provider:
    """One provider with its settings.

    Only two attributes ever change, by `compare_with`: they say what became of the provider's name since, for searches
    that still use this object.

    Attributes:
        plugin: its plugin. `name`, `source`, `hooks`, `declared` and `revision` are the plugin's own.
        holds_files: whether it holds its picture files itself (`open_file`).
        requires_download_events: whether its terms demand a report of each download (`image_downloaded`).
        keep: the cache that its hooks are given.
        state: whether it can be asked; see `ProviderConfig`, also for `reason`, `config_error`, `config_error_key`,
            `further_errors`, `missing_variable`, `host`, `settings` and `info`.
        disabled: whether an admin has switched it off since; no call may leave any more.
        superseded: whether it has another key or address since.

    """

    def __init__(self, plugin: LoadedPlugin, settings: Settings) -> None:
        self.plugin = plugin
        self.name = plugin.name
        self.source = plugin.source
        self.hooks = plugin.hooks
        self.declared = plugin.declared
        self.revision = plugin.revision
        self.holds_files = "open_file" in plugin.hooks
        self.requires_download_events = "image_downloaded" in plugin.hooks

        self.configured_values = read_values(plugin, settings)
        config = configure(plugin, self.configured_values)
        self.state = config.state
        self.reason = config.reason
        self.config_error = config.config_error
        self.config_error_key = config.config_error_key
        self.further_errors = config.further_errors
        self.missing_variable = config.missing_variable
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

    def compare_with(self, current: "Provider | None") -> None:
        """Update `disabled` and `superseded`: `current` is the provider of this name that is now in force, if any."""
        if current is None:
            self.disabled = True
            return
        self.disabled = current.state == "disabled"
        self.superseded = self.reached_by != current.reached_by

    @property
    def reached_by(self) -> tuple[str | None, object]:
        """What a call depends on: the address, and the plugin's own settings with the key among them."""
        return self.host.base_url, self.settings

    def file_link(self, url: str) -> str:
        """Return where the file at this address is: there, or below `files_path` at the host of `base_url`.

        `https://img.example/1.jpg?h=350` is at `http://127.0.0.1:9900/files/img.example/1.jpg?h=350` then. A file that
        is at that host anyway stays where it is.
        """
        if self.moved_to is None or self.host.files_path is None or url.startswith(self.moved_to):
            return url
        path = f"{self.host.files_path.strip('/')}/".removeprefix("/")
        return f"{self.moved_to}{path}{url.partition('://')[2]}"

    @property
    def timeout(self) -> float:
        """How many seconds a search waits for one of its calls: the admin's setting, what it declares, or 3."""
        return self.host.timeout or self.info.timeout or TIMEOUT

    @functools.cached_property
    def moved_to(self) -> str | None:
        """Scheme, host and port to which an admin moved the upstream, with a slash at the end; None if it is not."""
        if self.host.base_url is None:
            return None
        parts = urlsplit(self.host.base_url)
        return f"{parts.scheme}://{parts.netloc}/"

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

    def redacted_start(self, text: str, length: int) -> str:
        """Return the first `length` characters of `redacted(text)`. A long text costs no more than a short one."""
        return redacted_start(text, length, self._private, self._longest_private)

    @functools.cached_property
    def _private(self) -> re.Pattern[str] | None:
        return pattern_of(self._private_texts)

    @functools.cached_property
    def _longest_private(self) -> int:
        return longest_of(self._private_texts)

    @property
    def _private_texts(self) -> list[str]:
        return [text for _, text in private_texts(self.configured_values, self.settings)]

    async def search_images(self, query: SearchQuery, http: httpx.AsyncClient) -> Page:
        """Return the plugin's page.

        Raises:
            InvalidResponse: the hook returns no Page. All errors of the hook pass through.

        """
        page = await self.plugin.call(
            "search_images",
            query=query,
            http=http,
            settings=self.settings,
            keep=self.keep,
        )
        if not isinstance(page, Page) or not isinstance(page.images, Sequence):
            returned = type(page.images if isinstance(page, Page) else page).__name__
            held = "a Page with a list of images, not with" if isinstance(page, Page) else "a Page, not"
            raise InvalidResponse(f"search_images of {self.name} must return {held} {returned}")
        return page

    async def fetch_image(self, image_id: str, http: httpx.AsyncClient) -> Image | None:
        """Return the plugin's image with this id; None if there is none.

        Raises:
            NotFound: the plugin has no such hook.
            InvalidResponse: the hook returns something else. All errors of the hook pass through.

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
            raise InvalidResponse(
                f"fetch_image of {self.name} must return an Image or None, not {type(image).__name__}"
            )
        return image

    async def image_downloaded(self, image: Image, http: httpx.AsyncClient) -> None:
        """Report a download to the provider, if its plugin has this hook. All errors of the hook pass through."""
        if self.requires_download_events:
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
            InvalidResponse: the hook returns something else. All errors of the hook pass through.

        """
        path = self.plugin.call(
            "open_file",
            image_id=image_id,
            rendition=rendition,
            settings=self.settings,
            scratch=scratch,
        )
        if path is not None and not isinstance(path, Path):
            raise InvalidResponse(f"open_file of {self.name} must return a Path or None, not {type(path).__name__}")
        return path
