"""ImageVault: one search over many image providers. This package exports the names that a plugin author imports."""

from imagevault.errors import (
    InvalidResponse,
    NotFound,
    ProviderError,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from imagevault.plugins.decoding import decode, decode_each
from imagevault.plugins.hookspecs import hookimpl
from imagevault.records import (
    Author,
    Image,
    Keep,
    License,
    Page,
    ProviderInfo,
    Quota,
    Rendition,
    RenditionName,
    SearchQuery,
)

__all__ = [
    "Author",
    "Image",
    "InvalidResponse",
    "Keep",
    "License",
    "NotFound",
    "Page",
    "ProviderError",
    "ProviderInfo",
    "Quota",
    "RateLimited",
    "Rendition",
    "RenditionName",
    "SearchQuery",
    "Unauthorized",
    "Unavailable",
    "decode",
    "decode_each",
    "hookimpl",
]
