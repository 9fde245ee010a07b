"""NASA: the pictures of the NASA Image and Video Library, without a key.

Each fact below names its source:

* "docs": https://images.nasa.gov/docs/images.nasa.gov_api_docs.pdf, version 1.22.0
* "guidelines": https://www.nasa.gov/nasa-brand-center/images-and-media/
* "JPL": https://www.jpl.nasa.gov/jpl-image-use-policy
* "ESA/Hubble": https://esahubble.org/copyright/; https://esawebb.org/copyright/ says the same of ESA/Webb
* "recorded": seen in recorded answers of the real API of April 2026
* "published": seen in answers of the real API that others published
* "caution": no source says so; this file takes the reading that permits less

No field declares a licence. The licence and the credit follow from the captions, which people write by hand.
"""

import asyncio
import datetime
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Annotated, TypeVar
from urllib.parse import quote, unquote

import httpx
import msgspec

from imagevault import (
    Author,
    Declared,
    Image,
    License,
    Page,
    ProviderInfo,
    Quota,
    Rendition,
    RenditionName,
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

# The default `page_size` (docs), and the largest that was seen (recorded).
PAGE_SIZE = 100

# A page behind the 10 000th result is a 400 (published).
MAX_RESULTS = 10_000

# NASA publishes no quota. These numbers are a courtesy.
HOURLY_QUOTA = Quota(1000, "hour")
BURST_QUOTA = Quota(4, "second")

# NASA's own pictures. The guidelines ask for credit, and are neither a licence nor a public domain mark.
LICENSE = License(
    id="nasa",
    name="NASA Media Usage Guidelines",
    url="https://www.nasa.gov/nasa-brand-center/images-and-media/",
    attribution_required=True,
    commercial=True,
    modification=True,
)

# A picture that its caption marks as somebody else's: use needs the consent of its holder (guidelines).
THIRD_PARTY_LICENSE = License(
    id="nasa-third-party",
    name="Third-party material at NASA",
    url="https://www.nasa.gov/nasa-brand-center/images-and-media/",
    attribution_required=True,
    commercial=False,
    modification=False,
)

# A picture that its caption credits to ESA/Hubble or ESA/Webb, which must be named (ESA/Hubble).
ESA_LICENSE = License(
    id="cc-by-4.0",
    name="CC BY 4.0",
    url="https://creativecommons.org/licenses/by/4.0/",
    attribution_required=True,
    commercial=True,
    modification=True,
)

# The end of a file's name -> ImageVault's name of the rendition (recorded). Not every picture has every file.
RENDITION_NAMES: dict[str, RenditionName] = {
    "thumb": "thumbnail",
    "small": "small",
    "medium": "medium",
    "large": "large",
    "orig": "original",
}

# "large" in https://images-assets.nasa.gov/image/PIA00001/PIA00001~large.jpg
FILE_NAME_END = re.compile(r"~(thumb|small|medium|large|orig)\.[A-Za-z0-9]{1,5}$")

# What an id holds encoded: `%`, `&`, `<`, and the second of two blanks, as in "ArtemisII  second poster" (recorded).
ENCODED_IN_IDS = re.compile(r"[%&<]|(?<= ) ")
CODE_IN_IDS = re.compile(r"%(?:25|26|3C|20)")

# The id of a photo from Flickr is the name of its file there: 55000000001_0a1b2c3d4e_o (recorded), or older
# a-quiet-nebula_17000000001_o (published). The number in it is Flickr's id. Eight digits may be a day: 20171208.
FLICKR_FILE = re.compile(r"(?:^|_)([0-9]{9,12})_(?:[0-9a-f]{10}_)?o$")

# Titles that say nothing: "DSC_0228", "IMG_1234", "SONY DSC".
CAMERA_NAME = re.compile(r"(?:_?DSC[NF]?|IMG|PICT)[_-]?[0-9]{3,6}|SONY DSC|OLYMPUS DIGITAL CAMERA", re.IGNORECASE)

# The end of a title that is a file's name: "Quiet Probe.jpg"
FILE_ENDING = re.compile(r"\.(?:jpe?g|png|tiff?|gif)$", re.IGNORECASE)

# The day in 2026-04-10T00:00:00Z. The time is midnight (recorded), or that of a release (published), so it is left out.
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?=T|$)")

# Some captions hold the description for the blind behind such a label: "508 Description:The Moon is seen" (recorded).
ALT_LABEL = re.compile(r"\b508 description: ?", re.IGNORECASE)

# What stands for nobody: "n/a" (recorded), "none" and "unknown" (caution).
NOBODY = {"n/a", "none", "unknown"}

# A caption is cut to this many characters before it is read. The longest recorded one has 910.
MAX_CAPTION = 20_000

# Where a paragraph of a caption ends: a line break, two blanks (recorded), or HTML such as <br> and </p>.
# A line that ends in "and", a comma, a colon, `&` or `/` goes on: "Photo Credits:\n(NASA/Ada Example)".
END_OF_PARAGRAPH = re.compile(
    r"(?<![\s,:&/])(?<!\band)(?:\s{2,}|\n)|<(?:br|/?p|/?div|/?li)\b[^<>]{0,100}>", re.IGNORECASE
)

# Who helped with a picture stands in the next paragraph (published): "Acknowledgment: A. Example (Example University)"
ACKNOWLEDGMENT = re.compile(r"acknowledge?ments?:", re.IGNORECASE)

# What stands before a credit (recorded, published): "Image credit: ", "Photo Credits: ", "Image courtesy of ",
# "Courtesy NASA". A "Text credit: " is none of the picture.
CREDIT_LABEL = re.compile(
    r"(?<!text )(?<!story )(?<!video )(?<!music )\bcredits?: ?|\bcourtesy(?:: ?| of:? | (?=(?:the )?(?:NASA|JPL)))",
    re.IGNORECASE,
)

# Where a credit ends, beside the end of its paragraph (recorded, published): another label, a link, an invitation to
# read on, or the full stop of a sentence, but not that of an initial or of "Univ. of": "NASA, R. Example (Example
# Univ.), and others. Seen in May."
END_OF_CREDIT = re.compile(
    r"(?i:\b(?:[a-z]{1,15} )?credits?:)"
    r"|(?i:\bhttps?://)"
    r"|(?i:\b(?:to )?(?:read|learn|see|find out) more\b)"
    r"|(?i:\bfor more\b)"
    r"|(?i:\bNASA image use policy\b)"
    r"|(?i:\bfollow us\b)"
    r"|(?i:\boriginal caption\b)"
    r"|(?i:\b508 description:)"
    r"|(?<!\b[A-Z])(?<!\bDr)(?<!\bSt)(?<!\bJr)(?<!\bUniv)(?<!\bInst)\.(?= (?![a-z])|$)"
)

# A longer credit is cut after a word, and so is the name of an author, of which ImageVault shows 200 characters.
MAX_CREDIT = 500
MAX_AUTHOR = 200

# How many credits of one picture are read.
MAX_CREDITS = 10

# A credit that names one of these is of a picture that may be used.
FREE_TO_USE = re.compile(r"\b(?:NASA|JPL)|\bESA/(?:Hubble|Webb)\b", re.IGNORECASE)
ESA_RELEASE = re.compile(r"\bESA/(?:Hubble|Webb)\b", re.IGNORECASE)

# Words that mark somebody else's picture: "Copyright 2021 Example Rockets", "(c) 2021", "Image courtesy of Example
# University", "Ada Example/Getty Images", "CC BY-NC 2.0". Not: "not copyrighted", "Courtesy NASA/JPL-Caltech".
THIRD_PARTY = re.compile(
    r"©"
    r"|\(c\) ?[0-9]{4}"
    r"|(?<!not )copyright"
    r"|all rights reserved"
    r"|used with permission"
    r"|courtesy(?!:? ?(?:of:? )?(?:the )?(?:NASA|JPL|ESA/Hubble\b|ESA/Webb\b))"
    r"|\b(?:Getty Images|Reuters|Associated Press|AFP)\b"
    r"|\bCC[ -]BY-(?:NC|ND|SA)\b",
    re.IGNORECASE,
)

# What stands before the name of a holder: "Copyright 2021 Example Rockets, Inc.", "© 2019-2021 Ada Example".
HOLDER_LABEL = re.compile(
    r"(?i:©|\(c\)|\bcopyright:?)(?: ?(?:©|\([cC]\)))?(?: ?[0-9]{4}(?: ?[-,\u2013] ?[0-9]{4})?)?,?(?: by)? ?"
    r"(?=[^\W\d_])(?![a-z])(?!Law\b|Act\b|Notice\b|Policy\b|Office\b|All [Rr]ights\b)"
)

# Agencies and firms whose photographers keep their rights, unless NASA is named beside them (caution).
PARTNERS = re.compile(r"\b(?:ESA|JAXA|CSA|SpaceX|Boeing|Lockheed|Northrop|Axiom)\b", re.IGNORECASE)

# How many characters of a mark are kept as proof.
MAX_MARK = 100


class _Link(msgspec.Struct):
    """A file of a picture.

    Attributes:
        href: Its address. It may hold blanks, and may be http (recorded).
        width: Pixels. Answers before version 1.1 have no sizes (docs).
        height: Pixels.

    """

    href: str
    width: object = None
    height: object = None


# ImageVault takes no longer ids.
Id = Annotated[str, msgspec.Meta(max_length=200)]


class _Data(msgspec.Struct):
    """What an item says about a picture.

    Only id and type are required. The other fields are often missing (recorded), and may have another type than the
    docs say: then they count as missing. Texts may hold HTML (published).

    Attributes:
        nasa_id: It may hold blanks, dots, `~` and letters beyond ASCII (recorded).
        media_type: `image`, `video` or `audio` (docs).
        center: The short name of the NASA centre that published it, such as `KSC`.
        description: The caption.
        description_508: A description for people who cannot see the picture. It may be a copy of the caption
            (recorded) or of the title (published).
        date_created: Such as `2026-04-10T00:00:00Z`.
        secondary_creator: Who else made it; `n/a` for nobody (recorded).

    """

    nasa_id: Id
    media_type: str
    center: object = None
    title: object = None
    description: object = None
    description_508: object = None
    date_created: object = None
    location: object = None
    photographer: object = None
    secondary_creator: object = None
    keywords: object = None


class _Item(msgspec.Struct):
    """One result.

    Attributes:
        data: What is said about it; the list has one element (docs).
        links: Its files, undecoded, so that an odd link is left out and the others stay. Sounds have none (docs).

    """

    data: Annotated[list[_Data], msgspec.Meta(min_length=1)]
    links: msgspec.Raw = msgspec.Raw(b"[]")


class _PageLink(msgspec.Struct):
    """A link to another page. Its address is http (recorded), and is not used."""

    rel: str


class _Metadata(msgspec.Struct):
    """What is said about all results."""

    total_hits: int


class _Collection(msgspec.Struct):
    """One page of results.

    Attributes:
        items: Undecoded, so that `decode_each` can drop a bad item and keep the page.
        metadata: Undecoded, so that an odd one costs the total only.
        links: The links to other pages, undecoded likewise. The last page has no `next`.

    """

    items: list[msgspec.Raw]
    metadata: msgspec.Raw = msgspec.Raw(b"{}")
    links: msgspec.Raw = msgspec.Raw(b"[]")


class _Answer(msgspec.Struct):
    """An answer in the form of Collection+JSON."""

    collection: _Collection


class _Rights(msgspec.Struct):
    """The licence of a picture, and the words from which it follows; None where nothing in the caption says more."""

    license: License
    declared: Declared | None = None


@hookimpl
def provider_info() -> ProviderInfo:
    """Describe what the library offers. It sends no flags, so none is declared."""
    return ProviderInfo(
        title="NASA",
        homepage="https://images.nasa.gov",
        base_url="https://images-api.nasa.gov",
        page_size=PAGE_SIZE,
        max_results=MAX_RESULTS,
        quotas=[HOURLY_QUOTA, BURST_QUOTA],
        file_hosts={"images-assets.nasa.gov"},  # every file was there (recorded)
        terms=Terms(
            url="https://www.nasa.gov/nasa-brand-center/images-and-media/",
            checked_on="2026-11-22",
        ),
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient) -> Page:
    """Fetch one page of `GET /search`, pictures only.

    `q` is "free text" (docs): no operator is documented, so there is none to neutralise, and words go as typed.

    Raises:
        httpx.HTTPStatusError: NASA answered 4xx or 5xx. The gateway names these errors.
        msgspec.MsgspecError: The answer does not have the documented form. The gateway names this error too.

    """
    params = {
        "q": query.text,
        "media_type": "image",
        "page": str(query.page),
        "page_size": str(query.per_page),
    }
    response = await http.get("search", params=params)
    if response.status_code == httpx.codes.BAD_REQUEST and query.page > 1:
        return Page([], last=True)  # the page is behind the last; a wrong request fails on page 1
    collection = decode(response, _Answer).collection
    return Page(
        images=await _images(collection),
        total=_total(collection),
        last=not _has_next(collection),
    )


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient) -> Image | None:
    """Fetch one picture by `GET /search?nasa_id=`, or return None if there is no such picture.

    Any text may be an id, so each costs a call. It goes into the query, and cannot change the path.

    Raises the errors of `search_images`, except for a 404.
    """
    response = await http.get("search", params={"nasa_id": _nasa_id(image_id)})
    if response.status_code == httpx.codes.NOT_FOUND:
        return None
    collection = decode(response, _Answer).collection
    for image in await _images(collection):
        if image.id == image_id:
            return image
    return None


async def _images(collection: _Collection) -> list[Image]:
    """Return the pictures of a page, without videos, sounds, and what has no picture file."""
    images = []
    for item in decode_each(collection.items, _Item):
        files = _files(item)
        if item.data[0].media_type == "image" and files:
            images.append(_image(item.data[0], files))
            await asyncio.sleep(0)  # HTML of the worst kind takes a while: other requests may run in between
    return images


def _total(collection: _Collection) -> int | None:
    """Return how many results there are, or None if the answer does not say."""
    metadata = decode_part(collection.metadata, _Metadata)
    return None if metadata is None else metadata.total_hits


def _has_next(collection: _Collection) -> bool:
    """Return whether another page follows. Only the link to it says so (recorded)."""
    return any(link.rel == "next" for link in decode_parts(collection.links, _PageLink))


def _image(data: _Data, files: dict[RenditionName, _Link]) -> Image:
    """Convert a picture into ImageVault's record. NASA states no colour and no BlurHash."""
    credits = _caption_credits(data)
    rights = _rights(data, credits)
    size = _size(files["original"]) if "original" in files else None
    return Image(
        id=_image_id(data.nasa_id),
        title=_title(data),
        alt=_alt(data),
        description=_description(data),
        date=_date(data),
        extra=_extra(data),
        width=size[0] if size else None,
        height=size[1] if size else None,
        tags=_tags(data),
        author=_author(data, credits, rights),
        source_url=f"https://images.nasa.gov/details/{quote(data.nasa_id, safe='')}",
        license=rights.license,
        declared=rights.declared,
        identities=_identities(data),
        renditions=_renditions(files),
        credit=_credit(data, credits, rights),
    )


def _image_id(nasa_id: str) -> str:
    """Return ImageVault's id: NASA's own, with a few characters encoded.

    Earlier versions of ImageVault changed these characters in ids, and saved ids hold them encoded.
    """
    return ENCODED_IN_IDS.sub(lambda found: quote(found[0]), nasa_id)


def _nasa_id(image_id: str) -> str:
    """Return NASA's own id: the reverse of `_image_id`, and no other code is decoded."""
    return CODE_IN_IDS.sub(lambda found: unquote(found[0]), image_id)


def _text(value: object) -> str | None:
    """Return the plain text of a field that may hold HTML, or None if it is blank or no text."""
    if not isinstance(value, str):
        return None
    return _plain(value[:MAX_CAPTION]) or None


@lru_cache(maxsize=32)  # the texts of a record are looked at a few times each
def _plain(markup: str) -> str:
    """Return the text of HTML."""
    return text_of(markup)


def _title(data: _Data) -> str | None:
    """Return the title, or None if it is the name of a file: NASA's id, or a camera's "DSC_0228.JPG"."""
    title = FILE_ENDING.sub("", _text(data.title) or "")
    is_id = title == data.nasa_id and " " not in title
    if not title or is_id or CAMERA_NAME.fullmatch(title):
        return None
    return title


def _alt(data: _Data) -> str | None:
    """Return the description for people who cannot see the picture, or None if it only repeats title or id.

    It stands behind a label, in the one or the other description, or else is all of `description_508`.
    """
    for text in (_text(data.description_508), _text(data.description)):
        label = ALT_LABEL.search(text or "")
        if text and label and text[label.end() :]:
            return text[label.end() :]
    alt = _text(data.description_508)
    is_repetition = _letters(alt or "") in {_letters(_text(data.title) or ""), _letters(data.nasa_id)}
    return None if is_repetition else alt


def _description(data: _Data) -> str | None:
    """Return the caption, or None if it only repeats the title. What is `alt` already is left out with its label."""
    caption = _text(data.description) or ""
    label = ALT_LABEL.search(caption)
    if label and caption[label.end() :] == _alt(data):
        caption = caption[: label.start()].strip()
    if not caption or caption == _text(data.title):
        return None
    return caption


def _date(data: _Data) -> str | None:
    """Return the day of `2026-04-10T00:00:00Z`, or NASA's words where they have another form.

    It is None where there is no such day.
    """
    date = _text(data.date_created)
    day = DAY.match(date or "")
    if day is None:
        return date
    return day[0] if _is_day(day[0]) else None


def _is_day(date: str) -> bool:
    """Return whether there is such a day: no 2026-13-45, no 0000-00-00."""
    try:
        datetime.date.fromisoformat(date)
    except ValueError:
        return False
    return True


def _extra(data: _Data) -> dict[str, str]:
    """Return where the picture was taken, and which NASA centre published it."""
    facts = {
        "place": _text(data.location),
        "center": _text(data.center),
    }
    return {name: value for name, value in facts.items() if value and value.casefold() not in NOBODY}


def _tags(data: _Data) -> list[str]:
    """Return the keywords, without what is no text."""
    if not isinstance(data.keywords, list):
        return []
    return [keyword for keyword in data.keywords if isinstance(keyword, str)]


def _identities(data: _Data) -> list[str]:
    """Return the keys of this picture: NASA's id, and Flickr's where the photo came from there."""
    identities = [f"nasa:{data.nasa_id}"]
    flickr = FLICKR_FILE.search(data.nasa_id)
    if flickr:
        identities.append(f"flickr:{flickr[1]}")
    return identities


def _paragraphs(value: object) -> list[str]:
    """Return the paragraphs of a caption as plain text. An acknowledgment joins the paragraph before it."""
    if not isinstance(value, str):
        return []
    paragraphs: list[str] = []
    for part in END_OF_PARAGRAPH.split(value[:MAX_CAPTION]):
        paragraph = text_of(part)
        if paragraphs and ACKNOWLEDGMENT.match(paragraph):
            paragraphs[-1] = f"{paragraphs[-1]}, {paragraph}"
        elif paragraph:
            paragraphs.append(paragraph)
    return paragraphs


def _caption_credits(data: _Data) -> list[Declared]:
    """Return whom the captions credit, each with the name of the field that says so.

    "Image credit: ESA/Hubble & NASA, Acknowledgement: Ada Example Text credit: European Space Agency" credits
    "ESA/Hubble & NASA, Acknowledgement: Ada Example".
    """
    credits: dict[str, Declared] = {}
    for credit in islice(_labelled_credits(data), MAX_CREDITS):
        if credit.words:
            credits.setdefault(credit.words, credit)
    return list(credits.values())


def _labelled_credits(data: _Data) -> Iterator[Declared]:
    """Yield what stands behind each label such as "Image credit:". It may be nothing."""
    for field in ("description", "description_508"):
        for paragraph in _paragraphs(getattr(data, field)):
            for label in CREDIT_LABEL.finditer(paragraph):
                yield Declared(field, _names_after(paragraph, label.end()))


def _names_after(paragraph: str, start: int) -> str:
    """Return the names that begin here, behind the label of a credit: "NASA/Ada Example" of "(NASA/Ada Example)."."""
    names = _cut(paragraph[start : start + MAX_CREDIT + 1], MAX_CREDIT)
    names = names[: _end_of_credit(names)].strip(" .,;:-")
    if names.startswith("(") and names.find(")") == len(names) - 1:
        names = names[1:-1].strip()
    return names


def _cut(text: str, max_length: int) -> str:
    """Return a text of at most this many characters, cut after a word."""
    if len(text) <= max_length:
        return text
    return text[: max_length + 1].rpartition(" ")[0] or text[:max_length]


def _end_of_credit(names: str) -> int:
    """Return where a credit ends, also before a bracket that it did not open: "(Credit: NASA) The probe"."""
    end_found = END_OF_CREDIT.search(names)
    end = end_found.start() if end_found else len(names)
    open_brackets = 0
    for position in range(end):
        if names[position] == "(":
            open_brackets += 1
        if names[position] == ")":
            open_brackets -= 1
        if open_brackets < 0:
            return position
    return end


def _people(data: _Data) -> list[Declared]:
    """Return photographer and secondary creator, each with the name of its field, without those who are nobody."""
    people = []
    for field in ("photographer", "secondary_creator"):
        name = _text(getattr(data, field))
        if name and _letters(name) and name.casefold() not in NOBODY:
            people.append(Declared(field, name))
    return people


def _center(data: _Data) -> str:
    """Return NASA with its centre, such as "NASA/KSC". JPL asks for "NASA/JPL-Caltech" (JPL)."""
    center = _text(data.center)
    if center is None:
        return "NASA"
    if center == "JPL":
        return "NASA/JPL-Caltech"
    return f"NASA/{center}"


def _rights(data: _Data, credits: list[Declared]) -> _Rights:
    """Return the licence of a picture, with the words in its record that declare it."""
    mark = _third_party_mark(data, credits)
    if mark is not None:
        return _Rights(THIRD_PARTY_LICENSE, mark)
    for named in [*credits, *_people(data)]:
        if ESA_RELEASE.search(named.words):
            return _Rights(ESA_LICENSE, named)
    return _Rights(LICENSE)


def _third_party_mark(data: _Data, credits: list[Declared]) -> Declared | None:
    """Return the words that mark a picture as somebody else's, or None if there are none.

    Words such as "copyright" mark it (guidelines), and so does a credit, or a photographer of another agency, that
    does not name NASA (caution).
    """
    for field in ("title", "description", "description_508", "photographer", "secondary_creator"):
        text = _text(getattr(data, field)) or ""
        found = THIRD_PARTY.search(text)
        if found:
            return Declared(field, text[found.start() : found.start() + MAX_MARK])
    for credit in credits:
        if not FREE_TO_USE.search(credit.words):
            return credit
    people = _people(data)
    if any(FREE_TO_USE.search(person.words) for person in people):
        return None
    return next((person for person in people if PARTNERS.search(person.words)), None)


def _letters(name: str) -> str:
    """Return what two spellings of a name have in common: "NASA/Ada Example" and "nasa / Ada Example" are the same."""
    return "".join(char for char in name.casefold() if char.isalnum())


def _names(name: str, other: str) -> bool:
    """Return whether one name holds another: "NASA, ESA, and A. Example" names "NASA"."""
    return _letters(other) in _letters(name)


def _distinct(names: list[str]) -> list[str]:
    """Return the names in their order, without those that another one holds."""
    distinct: list[str] = []
    for name in names:
        if not any(_names(other, name) for other in distinct):
            distinct = [other for other in distinct if not _names(name, other)]
            distinct.append(name)
    return distinct


def _credited(data: _Data, credits: list[Declared]) -> list[str]:
    """Return whom to credit: those of the caption, then the people, and NASA's centre where nobody names NASA."""
    names = _distinct([named.words for named in [*credits, *_people(data)]])
    is_nasa_named = any("NASA" in name for name in names)
    if not is_nasa_named or names == ["NASA"]:
        names = _distinct([_center(data), *names])
    return names


def _holder(data: _Data, mark: Declared | None) -> str | None:
    """Return who holds the rights by the words that mark a picture as somebody else's, or None if they name nobody."""
    text = _text(getattr(data, mark.field)) if mark else None
    label = HOLDER_LABEL.search(text or "")
    if text is None or label is None:
        return None
    return _names_after(text, label.end()) or None


def _author(data: _Data, credits: list[Declared], rights: _Rights) -> Author | None:
    """Return the photographer, else the secondary creator, else whom the caption credits, else NASA's centre.

    The name is written as in the credit. Of somebody else's picture, NASA is not the author: then it is the holder of
    the rights, or None.
    """
    makers = [named.words for named in [*_people(data), *credits]]
    if not makers and rights.license is THIRD_PARTY_LICENSE:
        holder = _holder(data, rights.declared)
        return Author(_cut(holder, MAX_AUTHOR)) if holder else None
    maker = makers[0] if makers else _center(data)
    credited = _credited(data, credits)
    name = next((name for name in credited if _names(name, maker)), maker)
    return Author(_cut(name, MAX_AUTHOR))


def _credit(data: _Data, credits: list[Declared], rights: _Rights) -> str | None:
    """Return the credit line. JPL asks for the word "Courtesy" (JPL), ESA for the licence (ESA/Hubble).

    It is None for somebody else's picture whose holder is not named.
    """
    if rights.license is THIRD_PARTY_LICENSE and not credits and not _people(data):
        holder = _holder(data, rights.declared)
        return f"Credit: {holder}" if holder else None
    label = "Courtesy" if data.center == "JPL" else "Credit:"
    names = ", ".join(_credited(data, credits))
    if rights.license is ESA_LICENSE:
        return f"{label} {names} ({rights.license.name})"
    return f"{label} {names}"


def _files(item: _Item) -> dict[RenditionName, _Link]:
    """Return the files of an item by their names. An original may be there twice (published); the first is taken."""
    files: dict[RenditionName, _Link] = {}
    for link in decode_parts(item.links, _Link):
        name_end = FILE_NAME_END.search(link.href)
        if name_end:
            files.setdefault(RENDITION_NAMES[name_end[1]], link)
    original = files.get("original")
    if original is not None and _is_turned(original, files):
        files["original"] = msgspec.structs.replace(original, width=original.height, height=original.width)
    return files


def _size(link: _Link) -> tuple[int, int] | None:
    """Return width and height of a file, or None if the answer does not state both."""
    if not isinstance(link.width, int) or not isinstance(link.height, int):
        return None
    return link.width, link.height


def _is_turned(original: _Link, files: dict[RenditionName, _Link]) -> bool:
    """Return whether the original is stated as it lies in its file, and not as it is seen.

    Of a photo that the camera marked as upright, the original is stated as 8192 x 4608, and the thumbnail as
    360 x 640 (recorded).
    """
    size = _size(original)
    if size is None:
        return False
    for file in files.values():
        other = _size(file)
        if other is None:
            continue
        is_wide_but_seen_upright = size[0] > size[1] and other[0] < other[1]
        is_upright_but_seen_wide = size[0] < size[1] and other[0] > other[1]
        if is_wide_but_seen_upright or is_upright_but_seen_wide:
            return True
    return False


def _renditions(files: dict[RenditionName, _Link]) -> list[Rendition]:
    """Return the files, smallest first, with the sizes that the answer states. No address is made up.

    A preview without other files, as in answers before version 1.1 (docs), stays a thumbnail.
    """
    renditions = []
    for name in RENDITION_NAMES.values():
        if name not in files:
            continue
        size = _size(files[name])
        renditions.append(
            Rendition(
                name=name,
                url=files[name].href,
                width=size[0] if size else None,
                height=size[1] if size else None,
            )
        )
    return renditions
