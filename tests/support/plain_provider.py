"""A provider that finds nothing, for tests of what the gateway does around it."""

from types import ModuleType

from imagevault import Page, ProviderInfo, hookimpl
from imagevault.config.settings import Settings
from imagevault.plugins.provider import Provider
from imagevault.plugins.registry import PluginRegistry


def provider_of(info: ProviderInfo) -> Provider:
    """The provider `p`, which describes itself so."""

    @hookimpl
    def provider_info() -> ProviderInfo:
        return info

    @hookimpl
    async def search_images() -> Page:
        return Page([])

    plugin = ModuleType("p")
    plugin.__dict__.update(provider_info=provider_info, search_images=search_images)
    plugins = PluginRegistry()
    plugins.add("p", lambda: plugin, "here")
    plugins.configure(Settings())
    return plugins.providers["p"]
