"""Smithsonian: the open access pictures of its museums, all CC0.

Each fact below names its source:

* "API docs": https://edan.si.edu/openaccess/apidocs/
* "model": https://sirismm.si.edu/siris/EDAN_IMM_OBJECT_RECORDS_1.09.pdf, which describes the fields of a record
* "api.data.gov": https://api.data.gov/docs/, for the key and its calls
* "recorded": seen in recorded answers of the real API
* "published": seen in answers of the real API, or found by calls to it, that others published
* "caution": no source says so; this file takes the reading that permits less

A record is an object of a museum. Of its pictures, the first one that is free becomes the image.
"""

import asyncio
import re
from typing import TypeVar
from urllib.parse import quote

import httpx
import msgspec

from imagevault import (
    Author,
    Declared,
    Image,
    InvalidResponse,
    License,
    Page,
    ProviderInfo,
    Quota,
    Rendition,
    SearchQuery,
    Terms,
    decode,
    decode_each,
    decode_part,
    decode_parts,
    hookimpl,
    text_of,
)

T = TypeVar("T")

# `rows` is 1000 at most (API docs), and a larger value silently gives 10 (published). A row has about 5 KB (recorded).
PAGE_SIZE = 100

# A key has 1000 calls an hour (api.data.gov). DEMO_KEY has fewer; the header says how many are left.
QUOTA = Quota(1000, "hour", remaining="X-RateLimit-Remaining")

# Everything that is shown is CC0, so `_image` sets no licence.
LICENSE = License(
    id="cc0-1.0",
    name="CC0 1.0",
    url="https://creativecommons.org/publicdomain/zero/1.0/",
    attribution_required=False,
    commercial=True,
    modification=True,
)

# What `access` says of a record and of a picture that are free (model). Anything else has conditions.
FREE = "CC0"

# Restricts a search to pictures that are free (published). Some records found so have none all the same.
ONLY_FREE_PICTURES = ' AND online_media_type:"Images" AND media_usage:CC0'

# Signs of the query language. "Boolean operators" and "fielded searches" are documented (API docs); the rest is that of
# Lucene, on which the search runs (model): title:cat, "a phrase", (a b), ca*t, wh?t, near~2, cat^4, [1 TO 2], /x/, \,
# !cat, a && b, a || b. The signs of "R&D" and "100%" are none.
SYNTAX = re.compile(r'["()\[\]{}:^~*?!/\\]|&&|\|\|')

# A sign before a word excludes or requires it: "-dog +cat". Those of "black-and-white" and "C++" do not.
SIGN_BEFORE_WORD = re.compile(r"(?<!\S)[-+]+")

# Words that are operators in capitals only (API docs): "cats AND dogs".
OPERATORS = re.compile(r"(?<!\S)(?:AND|OR|NOT)(?!\S)")

# An id, such as edanmdm:nmah_1448973. It may hold any printable sign, but no blank.
RECORD_ID = re.compile(r"[a-z_]{1,30}:[!-~]{1,200}")

# The labels of those who made an object, the most likely first (recorded, published). A collector found or gathered it,
# such as the skin of a bird (recorded), and made neither the object nor the picture.
MAKERS = (
    "artist",
    "artist/maker",
    "creator",
    "created by",
    "photographer",
    "author",
    "designer",
    "maker",
)

# What begins the label of a note that describes the object: "Description (Brief)" (recorded), "Summary" (published).
# Others do not: "Record Last Modified", "Specimen Count" (recorded).
DESCRIPTIONS = ("description", "brief description", "summary")

# Only so many characters are read: of one text, which may be HTML, of a label, and of all texts about an object.
MAX_TEXT = 10_000
MAX_LABEL = 200
MAX_TEXTS = 30_000

# ImageVault shows 200 characters of an author's name.
MAX_AUTHOR = 200

# The museum of a record that names none. The field is mandatory (model).
SMITHSONIAN = "Smithsonian Institution"

# A link to a page, on a host without a port, for it is made https.
PAGE = re.compile(r"https?://[^/:\s]{1,200}(?:/\S{0,1800})?")

# The addresses of a picture that the delivery service scales to any size (published):
# https://ids.si.edu/ids/deliveryService?id=NMAH-1 becomes ...?id=NMAH-1&max=400
# https://ids.si.edu/ids/deliveryService/id/ark:/65665/m31 becomes .../m31/400
NAME_AT_SERVICE = re.compile(r"https?://ids\.si\.edu/ids/deliveryService\?id=([^&#\s]{1,200})")
ARK_AT_SERVICE = re.compile(r"https?://ids\.si\.edu/ids/deliveryService/id/ark:/[0-9]{1,10}/[A-Za-z0-9]{1,80}")

# The longer side of a scaled file, in pixels.
THUMBNAIL_SIDE = 400
MEDIUM_SIDE = 1280


class Settings(msgspec.Struct, frozen=True):
    """The settings of this provider.

    Attributes:
        api_key: The key from https://api.data.gov/signup/, or DEMO_KEY for a first look. Its environment variable is
            SMITHSONIAN_API_KEY.

    """

    api_key: str


class _Fact(msgspec.Struct, frozen=True):
    """A fact of a record that is shown as `extra`.

    Attributes:
        name: ImageVault's name of it.
        group: The group of `freetext` that holds it.
        labels: Its labels in that group, in lower case; none for all labels.

    """

    name: str
    group: str
    labels: frozenset[str] = frozenset()


# The groups and labels are those of records (recorded, published).
FACTS = (
    _Fact("collector", "name", frozenset({"collector"})),
    _Fact("place", "place"),
    _Fact("object type", "objectType"),
    _Fact("medium", "physicalDescription", frozenset({"medium", "physical description", "material"})),
    _Fact("dimensions", "physicalDescription", frozenset({"dimensions", "measurements"})),
    _Fact("culture", "culture"),
    _Fact("common name", "taxonomicName", frozenset({"common name"})),
    _Fact("catalog number", "identifier", frozenset({"catalog number", "id number", "object number", "usnm number"})),
    _Fact("credit line", "creditLine"),
)

# The groups that are read.
GROUPS = tuple(dict.fromkeys(["name", "date", *(fact.group for fact in FACTS), "notes"]))


class _Usage(msgspec.Struct):
    """Whether something is free: `CC0` or `Usage conditions apply` (model)."""

    access: object = None


class _Resource(msgspec.Struct):
    """A file of a picture.

    Attributes:
        label: `High-resolution JPEG`, `High-resolution TIFF`, `Screen Image` or `Thumbnail Image` (published).
        width: Pixels. Only the high-resolution files have sizes (published).
        height: Pixels.

    """

    label: str
    url: str
    width: object = None
    height: object = None


class _Medium(msgspec.Struct):
    """A picture of a record, or a 3D model, a recording or the like.

    The fields without which there is no picture are required. The others may be missing or odd.

    Attributes:
        type: `Images` for a picture (model).
        content: The address of the picture.
        thumbnail: The address of a small file.
        ids_id: Its name at the delivery service, or its address if it is elsewhere (recorded).
        alt_text: What it shows, for people who cannot see it. It may be empty (published).
        resources: Its files. Many pictures have none (recorded).

    """

    type: str
    usage: _Usage
    content: object = None
    thumbnail: object = None
    ids_id: object = msgspec.field(name="idsId", default=None)
    alt_text: object = msgspec.field(name="altTextAccessibility", default=None)
    resources: msgspec.Raw = msgspec.Raw(b"[]")


class _OnlineMedia(msgspec.Struct):
    """The pictures of a record, undecoded, so that an odd one is left out and the others stay."""

    media: msgspec.Raw


class _Entry(msgspec.Struct):
    """A text with its label, as everywhere in `freetext`."""

    label: str | None = None
    content: str | None = None


class _About(msgspec.Struct):
    """The part of a record that has each field once.

    Attributes:
        metadata_usage: Whether the record is free.
        title: An `_Entry`.
        data_source: The museum.
        record_link: The page of the record. It may be missing (published) or http (recorded).
        guid: The lasting address of the object. It may be missing (model) or http (recorded).
        online_media: Missing where nothing is free (recorded).

    """

    metadata_usage: _Usage
    title: msgspec.Raw = msgspec.Raw(b"{}")
    data_source: object = None
    record_link: object = None
    guid: object = None
    online_media: msgspec.Raw = msgspec.Raw(b"{}")


class _Content(msgspec.Struct):
    """What is said about an object. All but the first part is undecoded: an odd part is left out, the record stays.

    Attributes:
        freetext: Lists of `_Entry` by the name of their group. Texts may hold HTML (recorded).
        indexed: Lists of terms by the name of their group.

    """

    about: _About = msgspec.field(name="descriptiveNonRepeating")
    freetext: msgspec.Raw = msgspec.Raw(b"{}")
    indexed: msgspec.Raw = msgspec.field(name="indexedStructured", default=msgspec.Raw(b"{}"))


class _Row(msgspec.Struct):
    """One record.

    Attributes:
        url: Its lasting id, such as `edanmdm:nmah_1448973`. The field `id` of a row is another one, and is not used.
        title: The title once more (recorded), for records whose other one is missing or odd.

    """

    url: str
    content: _Content
    title: object = None


class _Labelled(msgspec.Struct):
    """A text about an object as plain text, never blank, with its label in lower case, which may be blank."""

    label: str
    content: str


# The texts about an object by the name of their group, such as "notes".
_Texts = dict[str, list[_Labelled]]


class _Rows(msgspec.Struct):
    """One page of results.

    Attributes:
        rows: Undecoded, so that `decode_each` can drop a bad record and keep the page.
        total: How many records match, also those without a free picture. None if the answer does not say.

    """

    rows: list[msgspec.Raw]
    total: int | None = msgspec.field(name="rowCount", default=None)


class _SearchAnswer(msgspec.Struct):
    """The answer to a search."""

    response: _Rows


class _ContentAnswer(msgspec.Struct):
    """The answer to a look-up."""

    response: _Row


@hookimpl
def provider_info() -> ProviderInfo:
    """Describe what the Smithsonian offers. It sends no flags, so none is declared."""
    return ProviderInfo(
        title="Smithsonian",
        homepage="https://www.si.edu/openaccess",
        base_url="https://api.si.edu/openaccess/api/v1.0/",
        settings=Settings,
        page_size=PAGE_SIZE,
        sorts={"relevance": "relevancy", "newest": "newest"},
        quotas=[QUOTA],
        license=LICENSE,
        file_hosts={"ids.si.edu", "collections.nmnh.si.edu", "n2t.net"},  # n2t.net redirects to the others
        terms=Terms(
            url="https://edan.si.edu/openaccess/apidocs/",
            checked_on="2026-11-22",
            evaluation="DEMO_KEY answers a few calls for a trial; a key of your own is free.",
        ),
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings) -> Page:
    """Fetch one page of `GET /search`. A query of signs alone finds nothing, and costs no call.

    Raises:
        InvalidResponse: The answer has no records, and no number of them.
        httpx.HTTPStatusError: The Smithsonian answered 4xx or 5xx. The gateway names these errors.
        msgspec.MsgspecError: The answer does not have the documented form. The gateway names this error too.

    """
    words = _words(query.text)
    if not words:
        return Page([], total=0, last=True)
    start = (query.page - 1) * query.per_page
    params = {
        "q": words + ONLY_FREE_PICTURES,
        "start": str(start),
        "rows": str(query.per_page),
    }
    if "sort" in query.native:
        params["sort"] = query.native["sort"]
    response = await http.get("search", params=params, headers=_headers(settings))
    found = decode(response, _SearchAnswer).response
    if found.total is None and not found.rows:
        raise InvalidResponse("the Smithsonian sent no records, and does not say how many it found")
    images = []
    for row in decode_each(found.rows, _Row):
        image = _image(row)
        if image is not None:
            images.append(image)
        await asyncio.sleep(0)  # HTML of the worst kind takes a while: other requests may run in between
    return Page(
        images=images,
        total=found.total,
        last=not found.rows or (found.total is not None and start + query.per_page >= found.total),
    )


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings) -> Image | None:
    """Fetch one record by `GET /content/{id}`, or return None if there is no such record, or no free picture of it.

    An id of another form costs no call, and its signs are encoded, so it cannot change the path.

    Raises the errors of `search_images`, except for a 404.
    """
    if not RECORD_ID.fullmatch(image_id):
        return None
    response = await http.get(f"content/{quote(image_id, safe=':')}", headers=_headers(settings))
    if response.status_code == httpx.codes.NOT_FOUND:
        return None
    return _image(decode(response, _ContentAnswer).response)


def _headers(settings: Settings) -> dict[str, str]:
    """Return the headers of a call. The key could go into the query too, but addresses get into logs."""
    return {"X-Api-Key": settings.api_key}


def _words(text: str) -> str:
    """Return a query without operators: words are words. `title:cat -dog AND "a b"` becomes `title cat dog and a b`."""
    without_signs = SIGN_BEFORE_WORD.sub("", SYNTAX.sub(" ", text))
    words = " ".join(without_signs.split())
    return OPERATORS.sub(lambda found: found[0].lower(), words)


def _text(value: object) -> str | None:
    """Return the plain text of a field that may hold HTML, or None if it is blank or no text."""
    if not isinstance(value, str):
        return None
    return text_of(value[:MAX_TEXT]) or None


def _address(value: object) -> str | None:
    """Return an address without blanks around it, or None if it is blank or no text."""
    if not isinstance(value, str):
        return None
    return value.strip() or None


def _image(row: _Row) -> Image | None:
    """Convert a record into ImageVault's, or return None if it has no free picture.

    The Smithsonian states no colour and no BlurHash.
    """
    about = row.content.about
    picture = _free_picture(about)
    if picture is None:
        return None
    texts = _texts(row.content)
    title = _title(row)
    size = _size(_master(picture))
    return Image(
        id=row.url,
        title=title,
        alt=_alt(picture, title),
        description=_description(texts),
        date=_date(texts),
        extra=_extra(texts, _museum(about)),
        width=size[0] if size else None,
        height=size[1] if size else None,
        tags=_tags(row.content),
        author=_author(texts),
        source_url=_source_url(row),
        declared=Declared("metadata_usage.access + usage.access", FREE),
        identities=_identities(picture),
        renditions=_renditions(picture),
        credit=_credit(title, _author(texts), _museum(about)),
    )


def _free_picture(about: _About) -> _Medium | None:
    """Return the first picture that is free and has a file. The record has to be free too (caution)."""
    online = decode_part(about.online_media, _OnlineMedia)
    if online is None or about.metadata_usage.access != FREE:
        return None
    for medium in decode_parts(online.media, _Medium):
        is_free_picture = medium.type == "Images" and medium.usage.access == FREE
        if is_free_picture and _renditions(medium):
            return medium
    return None


def _texts(content: _Content) -> _Texts:
    """Return the texts about an object as plain text, with their labels in lower case, without those that are blank."""
    groups = decode_part(content.freetext, dict[str, msgspec.Raw]) or {}
    texts: _Texts = {}
    left = MAX_TEXTS
    for group in GROUPS:
        texts[group] = []
        for entry in decode_parts(groups[group], _Entry) if group in groups else []:
            markup = (entry.content or "")[: min(left, MAX_TEXT)]
            left -= len(markup)
            text = _text(markup)
            if text is not None:
                texts[group].append(_Labelled((entry.label or "")[:MAX_LABEL].casefold(), text))
    return texts


def _title(row: _Row) -> str | None:
    """Return the title, which may hold HTML (published), or None if there is none."""
    title = decode_part(row.content.about.title, _Entry)
    if title is not None and _text(title.content):
        return _text(title.content)
    return _text(row.title)


def _alt(picture: _Medium, title: str | None) -> str | None:
    """Return what the picture shows, or None if nobody wrote it, or it only repeats the title."""
    alt = _text(picture.alt_text)
    is_repetition = _compared(alt) == _compared(title)
    return None if is_repetition else alt


def _compared(text: str | None) -> str:
    """Return what counts when two texts are compared: "A Puppet." and "a puppet" are the same."""
    return (text or "").casefold().strip(" .")


def _description(texts: _Texts) -> str | None:
    """Return the first note that describes the object, or None if there is none."""
    for note in texts.get("notes", []):
        if note.label.startswith(DESCRIPTIONS):
            return note.content
    return None


def _date(texts: _Texts) -> str | None:
    """Return when the object was made, in the museum's words: "1969", "22 Apr 1958" (recorded).

    A date of accession says when the museum got it.
    """
    for date in texts.get("date", []):
        if "date" in date.label and "accession" not in date.label:
            return date.content
    return None


def _extra(texts: _Texts, museum: str) -> dict[str, str]:
    """Return the museum and further facts by their names. Several values are set apart by a semicolon."""
    facts = {"museum": museum}
    for fact in FACTS:
        entries = texts.get(fact.group, [])
        values = [entry.content for entry in entries if not fact.labels or entry.label in fact.labels]
        if values:
            facts[fact.name] = "; ".join(dict.fromkeys(values))
    return facts


def _tags(content: _Content) -> list[str]:
    """Return the topics. They come from lists of terms (model), and hold no HTML."""
    groups = decode_part(content.indexed, dict[str, msgspec.Raw]) or {}
    return decode_parts(groups["topic"], str) if "topic" in groups else []


def _makers(texts: _Texts) -> list[str]:
    """Return who made the object: all names of the most likely role, or none if the record names nobody."""
    names = texts.get("name", [])
    for role in MAKERS:
        makers = [name.content for name in names if name.label == role]
        if makers:
            return list(dict.fromkeys(makers))
    return []


def _author(texts: _Texts) -> Author | None:
    """Return who made the object, or None: neither the museum that keeps it nor a collector made it.

    Several are set apart by a semicolon, for names hold commas: "Example, Ada; Sample, Bo". Those that no longer fit
    into a name are left out.
    """
    name = ""
    for maker in _makers(texts):
        longer = f"{name}; {maker}" if name else maker
        if name and len(longer) > MAX_AUTHOR:
            break
        name = longer
    return Author(name) if name else None


def _museum(about: _About) -> str:
    """Return the museum that keeps the object."""
    return _text(about.data_source) or SMITHSONIAN


def _credit(title: str | None, author: Author | None, museum: str) -> str:
    """Return the credit line: maker, title, and museum. No full stop follows another."""
    sentence = title or "Untitled"
    if author is not None:
        sentence = f"{author.name}, {sentence}"
    if not sentence.endswith((".", "!", "?")):
        sentence = f"{sentence}."
    return f"{sentence} {museum}"


def _source_url(row: _Row) -> str:
    """Return the page of a record: its link, else its lasting address, else its page in the common catalogue.

    That page is the `record_link` of many records, https://collections.si.edu/search/detail/edanmdm:nmah_1 (published).
    """
    for value in (row.content.about.record_link, row.content.about.guid):
        address = _address(value)
        if address is not None and PAGE.fullmatch(address):
            return address.replace("http:", "https:", 1)
    return f"https://collections.si.edu/search/detail/{quote(row.url, safe=':,')}"


def _identities(picture: _Medium) -> list[str]:
    """Return the key of a picture: its name at the delivery service, or none if it has no name."""
    name = _address(picture.ids_id)
    if name is None:
        at_service = NAME_AT_SERVICE.fullmatch(_address(picture.content) or "")
        name = at_service[1] if at_service else None
    return [] if name is None else [f"si:{name}"]


def _master(picture: _Medium) -> _Resource | None:
    """Return the file of all pixels: the JPEG, which browsers show, else the TIFF, else None."""
    resources = decode_parts(picture.resources, _Resource)
    for kind in ("JPEG", "TIFF"):
        for resource in resources:
            if kind in resource.label and _address(resource.url):
                return resource
    return None


def _size(master: _Resource | None) -> tuple[int, int] | None:
    """Return width and height of a file, or None if the record does not state both."""
    if master is None or not isinstance(master.width, int) or not isinstance(master.height, int):
        return None
    return master.width, master.height


def _scaled(content: str | None, side: int) -> str | None:
    """Return the address of a picture with this longer side, or None if its host does not scale it."""
    if content is None:
        return None
    if NAME_AT_SERVICE.fullmatch(content):
        return f"{content}&max={side}"
    if ARK_AT_SERVICE.fullmatch(content):
        return f"{content}/{side}"
    return None


def _renditions(picture: _Medium) -> list[Rendition]:
    """Return the files of a picture, smallest first. Only the file of all pixels has a stated size.

    The sizes of scaled files follow from it. The service does not say how large the file is that it delivers unscaled.
    """
    content = _address(picture.content)
    master = _master(picture)
    size = _size(master)
    renditions = []
    small = _scaled(content, THUMBNAIL_SIDE)
    medium = _scaled(content, MEDIUM_SIDE)
    stated = _address(picture.thumbnail)
    if small:
        renditions.append(Rendition.within("thumbnail", small, size or (0, 0), (THUMBNAIL_SIDE, THUMBNAIL_SIDE)))
    elif stated:
        renditions.append(Rendition(name="thumbnail", url=stated))
    if medium:
        renditions.append(Rendition.within("medium", medium, size or (0, 0), (MEDIUM_SIDE, MEDIUM_SIDE)))
    if content:
        renditions.append(Rendition(name="large", url=content))
    if master:
        renditions.append(_original(master))
    return renditions


def _original(master: _Resource) -> Rendition:
    """Return the file of all pixels. Its address does not end in its type, so the label has to say it."""
    size = _size(master)
    return Rendition(
        name="original",
        url=master.url.strip(),
        width=size[0] if size else None,
        height=size[1] if size else None,
        type="image/jpeg" if "JPEG" in master.label else "image/tiff",
    )
