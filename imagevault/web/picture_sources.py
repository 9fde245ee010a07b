"""Where the pictures on a page come from: the hosts of their providers, or this server, which passes them on.

With `private_display`, no host of a provider sees the readers of a page: this server passes the pictures on. Where the
terms of a provider demand that its files are loaded from its own host, the page asks first.
"""

from collections.abc import Iterable

import msgspec

from imagevault.images.signed_links import SignedLinks
from imagevault.plugins.provider import Provider
from imagevault.web.policy import is_allowed, origin_of, sources_of


def may_pass_on(provider: Provider) -> bool:
    """Return whether the terms of a provider let this server pass its files on, and it does not hold them anyway."""
    return not provider.holds_files and provider.info.hotlink != "required"


class PictureSources(msgspec.Struct, frozen=True, kw_only=True):
    """The sources of one page.

    Attributes:
        base_url: the public address of this server.
        links: makes the links to pictures that are passed on.
        is_private: the setting `private_display`.
        agreed: whether the reader of the page agreed to load pictures from the hosts of providers.

    """

    base_url: str
    links: SignedLinks
    is_private: bool
    agreed: bool

    def origins(self, providers: Iterable[Provider]) -> set[str]:
        """Return the origins that pictures of these providers are loaded from, for the policy of the page."""
        origins = {origin_of(self.base_url)} if self.is_private else set()
        for provider in providers:
            if not self._is_passed_on(provider) and not self.must_ask(provider):
                origins |= sources_of(provider, self.base_url)
        return origins

    def must_ask(self, provider: Provider) -> bool:
        """Return whether the page may not load pictures of a provider before its reader agrees."""
        is_elsewhere = not provider.holds_files and not may_pass_on(provider)
        return self.is_private and is_elsewhere and not self.agreed

    def showable(self, provider: Provider) -> set[str]:
        """Return the origins whose files of a provider the page can show, itself or through this server."""
        return set() if self.must_ask(provider) else sources_of(provider, self.base_url)

    def address(self, provider: Provider, id: str, url: str) -> str | None:
        """Return the address that the page loads a picture from; None where it may not load it.

        Args:
            provider: whose picture it is.
            id: of the picture, as the provider has it.
            url: where its file is.

        """
        if not is_allowed(url, self.showable(provider)):
            return None
        return self.links.passed_on(provider.name, id, url) if self._is_passed_on(provider) else url

    def _is_passed_on(self, provider: Provider) -> bool:
        return self.is_private and may_pass_on(provider)
