"""ImageVault: one search over many image providers. This package exports the names that a plugin author imports."""

from imagevault.errors import (
    InvalidResponse,
    NotFound,
    ProviderError,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from imagevault.licenses import License
from imagevault.plugins.declarative.plugin import declarative
from imagevault.plugins.decoding import decode, decode_each, decode_part, decode_parts, drop_unreadable
from imagevault.plugins.hookspecs import hookimpl
from imagevault.plugins.html_text import text_of
from imagevault.quotas import Quota
from imagevault.records import (
    PLUGIN_API,
    Author,
    Declared,
    Flags,
    Image,
    Keep,
    Page,
    Parameter,
    ProviderInfo,
    Rendition,
    RenditionName,
    SearchQuery,
    Sort,
)
from imagevault.terms import Terms

__all__ = [
    "PLUGIN_API",
    "Author",
    "Declared",
    "Flags",
    "Image",
    "InvalidResponse",
    "Keep",
    "License",
    "NotFound",
    "Page",
    "Parameter",
    "ProviderError",
    "ProviderInfo",
    "Quota",
    "RateLimited",
    "Rendition",
    "RenditionName",
    "SearchQuery",
    "Sort",
    "Terms",
    "Unauthorized",
    "Unavailable",
    "declarative",
    "decode",
    "decode_each",
    "decode_part",
    "decode_parts",
    "drop_unreadable",
    "hookimpl",
    "text_of",
]
