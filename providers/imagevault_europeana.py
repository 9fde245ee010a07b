"""Europeana: museums, libraries and archives of Europe. https://apis.europeana.eu ("docs")."""

import re
from typing import Annotated
from urllib.parse import quote

import httpx
import msgspec

from imagevault import (
    Author,
    Image,
    InvalidResponse,
    License,
    Page,
    ProviderInfo,
    Quota,
    RateLimited,
    Rendition,
    SearchQuery,
    Unauthorized,
    decode,
    decode_each,
    hookimpl,
)

DEPTH = 1000  # that `start` and `rows` together may not pass (docs)
SYNTAX = re.compile(r'["()\[\]{}:^~*?!/\\]|&&|\|\||(?<!\w)[-+]+')  # of their query language; words shall be words
ASKED = {"profile": "rich", "reusability": ["open", "restricted"], "media": "true", "thumbnail": "true"}
TERMS = "https://rightsstatements.org/vocab/"
RIGHTS = {  # beside Creative Commons; under all others a work is or may be in copyright without a licence: not shown
    code: License(f"{code.lower()}-1.0", f"No Copyright - {name}", f"{TERMS}{code}/1.0/", False, False, "NC" in code)
    for code, name in {"NoC-NC": "Non-Commercial Use Only", "NoC-OKLR": "Other Known Legal Restrictions"}.items()
}
Texts = Annotated[list[str], msgspec.Meta(min_length=1)]


class Settings(msgspec.Struct, frozen=True):
    """What an admin sets: the key from https://pro.europeana.eu/pages/get-api."""

    api_key: str


class _Item(msgspec.Struct, rename="camel"):
    """The fields used: lists, even of what is only one, and maps by language, where `def` is none (measured)."""

    id: str
    type: str
    rights: Texts
    data_provider: Texts
    edm_is_shown_by: Texts
    edm_preview: Texts
    preview_no_distribute: bool = False
    title: list[str] = []
    dc_title_lang_aware: dict[str, list[str]] = {}
    dc_creator_lang_aware: dict[str, list[str]] = {}
    edm_agent: list[str] = []  # links, and in the same order the names of whom they mean (recorded)
    edm_agent_label: list[dict[str, str]] = []
    edm_concept_pref_label_lang_aware: dict[str, list[str]] = {}


class _Answer(msgspec.Struct, rename="camel"):
    success: bool
    error: str = ""
    total_results: int = 0
    items: list[msgspec.Raw] = []


@hookimpl
def provider_info() -> ProviderInfo:
    """What a key gets. Of `reusability`, `open` lacks BY-ND, which is commercial, and BY-NC: licences stay emulated."""
    return ProviderInfo(
        title="Europeana",
        homepage="https://www.europeana.eu",
        base_url="https://api.europeana.eu/record/v2/",
        settings=Settings,
        page_size=100,  # the most (docs)
        max_results=DEPTH,
        filters={"orientation": {shape: f"IMAGE_ASPECTRATIO:{shape}" for shape in ("landscape", "portrait")}},
        quotas=[Quota(10_000, "day")],  # published once (docs); what holds now is not
        tells_sizes=False,
        file_hosts={"api.europeana.eu"},  # of previews; the works are at the museums
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings) -> Page:
    """One page of `GET /search.json`: pictures with a preview and a file that may be used in some way."""
    words, start = " ".join(SYNTAX.sub(" ", query.text).split()), (query.page - 1) * query.per_page + 1
    rows = min(query.per_page, DEPTH - start)
    if rows < 1 or not words:
        return Page([], last=True)
    found = await _find(words, http, settings, qf=[*query.native.values(), "TYPE:IMAGE"], start=start, rows=rows)
    images = [image for item in decode_each(found.items, _Item) if (image := _image(item))]
    return Page(images, found.total_results, not found.items or start + rows > min(found.total_results, DEPTH - 1))


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings) -> Image | None:
    """The same search for an id, `/dataset/name`, as `/record` answers in another form. Other ids cost no call."""
    if not re.fullmatch(r"/\w+/[!#-.0-\[\]-~]+", image_id, re.ASCII):
        return None
    found = await _find(f'europeana_id:"{image_id}"', http, settings)
    return next((_image(item) for item in decode_each(found.items, _Item) if item.id == image_id), None)


async def _find(query: str, http: httpx.AsyncClient, settings: Settings, **more: str | int | list[str]) -> _Answer:
    """The answer. Raises what `success: false` means, which may come with 200 (docs)."""
    params = {"query": query, **ASKED, **more}
    found = decode(await http.get("search.json", params=params, headers={"X-Api-Key": settings.api_key}), _Answer)
    if not found.success:
        known = (("limit", RateLimited), ("key", Unauthorized))
        raise next((error for word, error in known if word in found.error.lower()), InvalidResponse)(found.error)
    return found


def _image(item: _Item) -> Image | None:
    """One item in our terms, None for one that must not be shown or used."""
    rights = item.rights[0]
    license = License.from_url(rights) or RIGHTS.get(rights.partition("//rightsstatements.org/vocab/")[2].split("/")[0])
    if item.type != "IMAGE" or item.preview_no_distribute or license is None:
        return None
    title = next(iter([*item.dc_title_lang_aware.get("en", []), *item.title]), None)
    told, agents = item.dc_creator_lang_aware, dict(zip(item.edm_agent, item.edm_agent_label, strict=False))
    makers = [name for lang in ("en", "def", *told) for name in told.get(lang, [])]
    named = [name for link in makers for name in agents.get(link, {}).values()]
    maker = next((name for name in [*makers, *named] if "://" not in name), None)
    label = ", ".join(filter(None, (title or "Untitled", maker)))
    original = re.sub("^http:", "https:", item.edm_is_shown_by[0])  # as browsers do
    return Image(
        id=item.id,
        title=title,
        alt=title,
        tags=item.edm_concept_pref_label_lang_aware.get("en", ()),
        author=Author(maker or item.data_provider[0]),
        source_url=f"https://www.europeana.eu/item{quote(item.id)}",
        license=license,
        renditions=[Rendition(name="thumbnail", url=item.edm_preview[0]), Rendition(name="original", url=original)],
        credit=f"{label}. {item.data_provider[0]} via Europeana. {license.name}, {license.url}",
    )
