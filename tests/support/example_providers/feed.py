"""Feed: an archive that answers in XML, always 24 records on a page."""

from collections.abc import Mapping
from urllib.parse import quote
from xml.etree.ElementTree import Element

import httpx
from defusedxml import ElementTree

from imagevault import (
    Author,
    Image,
    InvalidResponse,
    License,
    Page,
    ProviderInfo,
    Quota,
    Rendition,
    SearchQuery,
    Terms,
    drop_unreadable,
    hookimpl,
)

PAGE_SIZE = 24  # the archive has no parameter for it


@hookimpl
def provider_info() -> ProviderInfo:
    return ProviderInfo(
        title="Feed Archive",
        homepage="https://feed.example",
        base_url="https://api.feed.example/v1/",
        page_size=PAGE_SIZE,
        fixed_page_size=True,
        tells_sizes=False,
        quotas=[Quota(20, seconds=10)],
        license=License("feed", "Feed licence", "https://feed.example/licence"),
        file_hosts={"files.feed.example"},
        terms=Terms(url="https://feed.example/terms", checked_on="2026-11-22", automated_use="free"),
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient) -> Page:
    root = await _read(http, "search.xml", {"q": query.text, "page": query.page})
    found = root.find("records")
    if found is None:
        raise InvalidResponse("Feed Archive sent an answer without records")
    images = drop_unreadable([_image_or_error(record) for record in found.findall("record")])
    return Page(
        images,
        total=int(found.get("total", "0")),
        last=found.get("more") != "yes",
    )


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient) -> Image:
    root = await _read(http, f"records/{quote(image_id, safe='')}.xml", {})
    return _image(root)


async def _read(http: httpx.AsyncClient, path: str, params: Mapping[str, str | int]) -> Element:
    response = await http.get(path, params=params)
    response.raise_for_status()
    root: Element = ElementTree.fromstring(response.content)
    return root


def _image_or_error(record: Element) -> Image | ValueError:
    try:
        return _image(record)
    except InvalidResponse as error:
        return ValueError(str(error))


def _image(record: Element) -> Image:
    return Image(
        id=_text(record, "id"),
        title=_text(record, "title"),
        author=Author(_text(record, "by")),
        source_url=f"https://feed.example/records/{_text(record, 'id')}",
        renditions=[Rendition(name="large", url=_text(record, "file"))],
    )


def _text(record: Element, name: str) -> str:
    """Return the text of a child element.

    Raises:
        InvalidResponse: there is none.

    """
    text = record.findtext(name)
    if not text:
        raise InvalidResponse(f"Feed Archive sent a record without {name}")
    return text
