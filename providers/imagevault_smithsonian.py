"""The Smithsonian's open access. https://edan.si.edu/openaccess/apidocs/; the key, its calls: https://api.data.gov/docs/."""

import re
from urllib.parse import quote

import httpx
import msgspec

from imagevault import (
    Author,
    Image,
    License,
    Page,
    ProviderInfo,
    Quota,
    Rendition,
    SearchQuery,
    decode,
    decode_each,
    hookimpl,
)

SYNTAX = re.compile(r'["()\[\]{}:^~*?!/\\]|&&|\|\||(?<!\w)[-+]+')  # of their query language; words shall be words
OPEN = ' AND online_media_type:"Images" AND media_usage:CC0'  # some have no free file all the same (measured)
MAKERS = ["artist", "artist/maker", "creator", "created by", "photographer", "author", "designer", "maker", "collector"]


class Settings(msgspec.Struct, frozen=True):
    """What an admin sets: the key from https://api.data.gov/signup/, or DEMO_KEY for a first look."""

    api_key: str


class _Medium(msgspec.Struct):  # or a file of one: the last four; some lack these, or their sizes (measured)
    type: str = ""
    content: str = ""
    usage: dict[str, str | None] = {}
    thumbnail: str | None = None
    resources: list["_Medium"] = []
    label: str = ""
    url: str | None = None
    width: int | None = None
    height: int | None = None


class _About(msgspec.Struct):
    title: dict[str, str | None]
    metadata_usage: dict[str, str | None]
    data_source: str = "Smithsonian Institution"
    record_link: str | None = None
    guid: str | None = None
    online_media: dict[str, list[msgspec.Raw] | int] = {}  # missing where nothing is free (measured)


class _Content(msgspec.Struct):
    about: _About = msgspec.field(name="descriptiveNonRepeating")
    freetext: dict[str, list[dict[str, str | None]]] = {}
    indexed: dict[str, list[object]] = msgspec.field(name="indexedStructured", default_factory=dict)


class _Row(msgspec.Struct):
    url: str
    content: _Content


class _Rows(msgspec.Struct):
    rows: list[msgspec.Raw]
    total: int = msgspec.field(name="rowCount")


class _Answer(msgspec.Struct):
    response: msgspec.Raw


@hookimpl
def provider_info() -> ProviderInfo:
    """What a key gets; what DEMO_KEY gets is less, and the header tells."""
    return ProviderInfo(
        title="Smithsonian",
        homepage="https://www.si.edu/openaccess",
        base_url="https://api.si.edu/openaccess/api/v1.0/",
        settings=Settings,
        page_size=100,  # of 1000, for one may have 10 KB; who asks for more than 1000 gets 10 (measured)
        quotas=[Quota(1000, "hour", remaining="X-RateLimit-Remaining")],
        license=License("cc0-1.0", "CC0 1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
        file_hosts={"ids.si.edu", "collections.nmnh.si.edu", "n2t.net"},  # the last redirects
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings) -> Page:
    """One page of `GET /search`."""
    if not (words := " ".join(SYNTAX.sub(" ", query.text).split())):
        return Page([], total=0, last=True)
    params = {"q": words + OPEN, "start": f"{(query.page - 1) * query.per_page}", "rows": f"{query.per_page}"}
    response = await http.get("search", params=params, headers={"X-Api-Key": settings.api_key})
    found = msgspec.json.decode(decode(response, _Answer).response, type=_Rows)
    images = [image for row in decode_each(found.rows, _Row) if (image := _image(row))]
    return Page(images, found.total, last=not found.rows or query.page * query.per_page >= found.total)


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings) -> Image | None:
    """`GET /content/{id}`, None if there is nothing to show. Ids are `edanmdm:` and the like; others cost no call."""
    if not re.fullmatch("[a-z_]+:[!-~]+", image_id):
        return None
    response = await http.get(f"content/{quote(image_id, safe=':')}", headers={"X-Api-Key": settings.api_key})
    return _image(msgspec.json.decode(decode(response, _Answer).response, type=_Row))


def _image(row: _Row) -> Image | None:
    """The first free picture of a record in our terms, None if it has none."""
    about, media = row.content.about, row.content.about.online_media.get("media")
    pictures = decode_each(media, _Medium) if isinstance(media, list) else []
    picture = next((each for each in pictures if each.type == "Images" and each.usage.get("access") == "CC0"), None)
    if picture is None or about.metadata_usage.get("access") != "CC0":
        return None
    small = f"{picture.content}&max=400" if "/deliveryService?id=" in picture.content else picture.thumbnail
    jpeg = next((each for each in picture.resources if "JPEG" in each.label), _Medium())
    files = [Rendition(name="thumbnail", url=small), Rendition(name="large", url=picture.content)]
    files.append(Rendition(name="original", url=jpeg.url, width=jpeg.width, height=jpeg.height))
    names = {(n.get("label") or "").lower(): n.get("content") for n in reversed(row.content.freetext.get("name", []))}
    maker, title = next((names[role] for role in MAKERS if names.get(role)), None), about.title.get("content")
    return Image(
        id=row.url,
        title=title,
        alt=title,
        width=jpeg.width,
        height=jpeg.height,
        tags=[topic for topic in row.content.indexed.get("topic", []) if isinstance(topic, str)],
        author=Author(maker or about.data_source),
        source_url=(about.record_link or about.guid or "").replace("http:", "https:", 1),
        renditions=[each for each in files if each.url],
        credit=f"{', '.join(filter(None, (maker, title or 'Untitled')))}. {about.data_source}",
    )
