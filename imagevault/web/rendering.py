"""From a template to the bytes of a response."""

import zlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from imagevault.accounts import api_keys, one_time_codes, passwords
from imagevault.downloads import finding, record
from imagevault.search import query_text
from imagevault.web import words
from imagevault.web.address import account_form_address, export_address, picture_path, search_address
from imagevault.web.assets import ICON, SCRIPTS, STYLE, address_of
from imagevault.web.forms import MAX_USERNAME

MAX_WORDS = 100  # characters of a title that a list of downloads is searched for
# The formats of `GET /downloads/export`, and what they are called.
EXPORTS = (("csv", "Table (CSV)"), ("html", "HTML"), ("markdown", "Markdown"), ("json", "JSON"), ("jsonld", "JSON-LD"))
# Characters that the server takes in a field.
LIMITS = {
    "query": query_text.MAX_TEXT,
    "username": MAX_USERNAME,
    "password": passwords.MAX_LENGTH,
    "code": one_time_codes.MAX_CODE,
    "key_name": api_keys.MAX_NAME,
    "project": record.MAX_PROJECT,
    "note": record.MAX_NOTE,
    "filter": finding.MAX_FILTER,
}
GZIP = 16 + zlib.MAX_WBITS  # zlib's name for the format
LEVEL = 6


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("imagevault.web"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        style=STYLE,
        formats=EXPORTS,
        limits=LIMITS,
        export_of=export_address,
        icon=address_of(ICON),
        scripts=[address_of(name) for name in SCRIPTS],
        picture_path=picture_path,
        downloads_of=lambda title: "/my/downloads?" + urlencode({"q": (title or "")[:MAX_WORDS]}),
        sign_in_for=lambda address: account_form_address("/my/sign-in", address),
        sign_up_for=lambda address: account_form_address("/my/sign-up", address),
        search_for=lambda text: search_address([("q", text)]),
        words=words,
    )
    return environment


TEMPLATES = _environment()


def render(template: str, **values: Any) -> str:
    """Return a page. Every value is escaped."""
    return TEMPLATES.get_template(template).render(**values)


async def compressed(parts: AsyncIterator[str]) -> AsyncIterator[bytes]:
    """Compress a page. Each part can be read when it arrives, before the next one is made."""
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
    async for part in parts:
        yield compressor.compress(part.encode()) + compressor.flush(zlib.Z_SYNC_FLUSH)
    yield compressor.flush()


async def encoded(parts: AsyncIterator[str]) -> AsyncIterator[bytes]:
    """Encode a page, part by part."""
    async for part in parts:
        yield part.encode()
