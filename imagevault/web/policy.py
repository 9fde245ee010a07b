"""The content security policy of a page: pictures come from the declared hosts of the providers that it shows."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from imagevault.plugins.provider import Provider
from imagevault.web.assets import STYLE_HASH

ANY_HOST = "*"  # in `ProviderInfo.file_hosts` of an aggregator: files of many owners' hosts
HTTPS = "https:"


def policy_for(image_sources: Iterable[str]) -> str:
    """Return the policy of a page that shows pictures of these sources.

    It also forbids scripts to turn text into elements (`require-trusted-types-for`).
    """
    sources = " ".join(["'self'", *sorted(set(image_sources))])
    return (
        f"default-src 'none'; script-src 'self'; style-src '{STYLE_HASH}'; img-src {sources}; connect-src 'self'; "
        "form-action 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def sources_of(provider: Provider, base_url: str) -> set[str]:
    """Return the origins that the pictures of a provider come from, as `img-src` takes them.

    Args:
        provider: the provider.
        base_url: the public address of this server, where files that a provider holds itself are.

    """
    if provider.holds_files:
        return {origin_of(base_url)}
    if provider.moved_to is not None and provider.host.files_path is not None:
        return {provider.moved_to.rstrip("/")}
    hosts = provider.info.file_hosts
    sources = {HTTPS} if ANY_HOST in hosts else {f"https://{host}" for host in hosts}
    if provider.moved_to is not None:
        sources.add(provider.moved_to.rstrip("/"))
    return sources


def is_allowed(url: str, sources: Iterable[str]) -> bool:
    """Return whether a policy with these sources lets a browser load a picture from this address."""
    origin = origin_of(url)
    return origin in sources or (HTTPS in sources and origin.startswith(HTTPS))


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address: `http://127.0.0.1:8000`."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.lower()}"
