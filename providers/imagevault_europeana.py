"""Europeana: pictures of thousands of European museums, libraries and archives, each under its own rights.

Each fact below names its source:

* "API docs": https://apis.europeana.eu
* "recorded": seen in recorded answers of the real API, checked on 2026-11-29
* "published": seen in answers of the real API that others published, read on 2026-11-29
* "source code": https://github.com/europeana, read on 2026-11-29
* "unverified": no answer has proved it; this file takes the cautious reading

Europeana holds records and previews. The files are on the servers of the institutions.

Texts are plain: Europeana removes HTML when it takes a record in (source code, metis-framework,
`CleanMarkupTagsNormalizer`). Records are CC0 (https://www.europeana.eu/rights/terms-of-use).
"""

import ipaddress
import re
from itertools import islice
from typing import Annotated
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from imagevault import (
    Author,
    Declared,
    Flags,
    Image,
    InvalidResponse,
    License,
    Page,
    ProviderError,
    ProviderInfo,
    Quota,
    RateLimited,
    Rendition,
    SearchQuery,
    Terms,
    Unauthorized,
    decode,
    decode_each,
    hookimpl,
)

# The largest `rows` (API docs). A larger page costs no more quota.
PAGE_SIZE = 100

# The cursor of the first page. Each answer names the next one, while `start` ends at 1000 items (API docs).
FIRST_CURSOR = "*"

# The order by relevance. With a cursor, Europeana leaves the score out unless it is asked for, and then a cursor needs
# the id too, which tells items of the same score apart (source code, corelib, `SearchServiceImpl`).
BY_RELEVANCE = "score desc,europeana_id asc"

# How many seconds a search waits. Without a cursor, Europeana's own limit is 30 s; with one it has none (source code).
TIMEOUT = 5.0

# 10 000 calls a day were published once. What a key allows today is not published.
QUOTA = Quota(10_000, "day")

# Filter -> ImageVault's value -> Europeana's condition for `qf` (API docs).
# `license` is emulated: `reusability=open` lacks BY-ND, which allows commercial use, and BY-NC, which allows changes.
FILTERS = {
    "orientation": {
        "landscape": "IMAGE_ASPECTRATIO:landscape",
        "portrait": "IMAGE_ASPECTRATIO:portrait",
    },
}

# What each call asks for (API docs): all fields, and only items with a file and a preview that may be used in some way.
PARAMS: dict[str, str | list[str]] = {
    "profile": "rich",
    "reusability": ["open", "restricted"],
    "media": "true",
    "thumbnail": "true",
}

# The condition for `qf` that leaves out texts, sounds, videos and 3D objects (API docs).
ONLY_PICTURES = "TYPE:IMAGE"

# The characters with a meaning in the query language, which is Lucene's (API docs), in any place: "rose*" or who:rose.
# Of `+` and `-`, which mean something before a word only, `_words` takes care.
SPECIAL = re.compile(r'["()\[\]{}:^~*?!/\\]|&&|\|\|')

# The words with a meaning in the query language, in capitals only (API docs).
OPERATORS = {"AND", "OR", "NOT"}

# An id: the data set, a slash, a name. Such as /90402/SK_A_4118. Quotes and backslashes, which could end the quotes
# around it in a query, are no part of ids.
ITEM_ID = re.compile(r"/[A-Za-z0-9_]{1,200}/[!#-.0-\[\]-~]{1,200}")

# The two statements without a licence under which somebody may use a work in some way. All other statements of
# https://rightsstatements.org say that a work is in copyright or may be, or that education alone may use it
# (InC-EDU), which no flag of a `License` can say. Items under them are not shown.
NON_COMMERCIAL_ONLY = License(
    id="noc-nc-1.0",
    name="No Copyright - Non-Commercial Use Only",
    url="https://rightsstatements.org/vocab/NoC-NC/1.0/",
    commercial=False,
)
# The law that limits the use is not named, so the cautious reading is that it forbids both.
OTHER_RESTRICTIONS = License(
    id="noc-oklr-1.0",
    name="No Copyright - Other Known Legal Restrictions",
    url="https://rightsstatements.org/vocab/NoC-OKLR/1.0/",
    commercial=False,
    modification=False,
)

# The code in the address of a statement -> its licence.
NO_COPYRIGHT = {
    "NoC-NC": NON_COMMERCIAL_ONLY,
    "NoC-OKLR": OTHER_RESTRICTIONS,
}

# The code in the address of a statement -> the limit beside copyright that it states.
RESTRICTIONS = {
    "NoC-NC": "Non-Commercial Use Only",
    "NoC-OKLR": "Other Known Legal Restrictions",
}

# The code in the address of a statement: "NoC-NC" in http://rightsstatements.org/vocab/NoC-NC/1.0/
STATEMENT = re.compile(r"https?://rightsstatements\.org/vocab/([A-Za-z-]{1,20})/1\.0/?")

# A creator that is an id and no name: http://data.europeana.eu/agent/7, #DE-7_Beteiligte_r, urn:nbn:de:7, _:b7
IDS_BEGIN_WITH = ("#", "urn:", "_:")

# The links that Europeana adds to the creators of a record. They mean somebody whom the record names itself
# (published: the link in `def`, and "Vincent van Gogh" in `en`).
EUROPEANAS_AGENTS = "http://data.europeana.eu/"

# A title that is the name of a file: DSC_0228.JPG
FILE_NAME = re.compile(r"\S{1,200}\.(?:jpe?g|tiff?|png|gif|jp2|bmp)", re.IGNORECASE)

# Words of a name, without years and punctuation: "Gogh, Vincent van, 1853-1890" has gogh, van and vincent.
WORD_OF_NAME = re.compile(r"[^\W\d_]+")

# A record in more languages than these is read in the first ones. So are longer texts, and longer lists of texts.
MAX_LANGUAGES = 40
MAX_TEXT = 10_000  # characters
MAX_TEXTS = 200

# Only so much of a name is compared with others.
MAX_NAME = 300

# The greatest lengths of the parts of a credit. Together with the longest licence they are less than the 1000
# characters that ImageVault shows, so a long title never cuts the licence off.
MAX_CREDIT_TITLE = 250
MAX_CREDIT_CREATORS = 400
MAX_CREDIT_INSTITUTION = 150

# A list of texts. Nearly every field is one (recorded). A single text and null are taken too, so that one odd field
# does not lose an item.
Texts = list[str | None] | str | None

# Texts by language, such as {"es": ["Carteles taurinos"]}. The key `def` has those without a language (recorded).
TextsByLanguage = dict[str, Texts] | None

# A field without which there is nothing to show.
Required = Annotated[list[str], msgspec.Meta(min_length=1)]


class Settings(msgspec.Struct, frozen=True):
    """The settings of this provider.

    Attributes:
        api_key: The key from https://pro.europeana.eu/pages/get-api. Its environment variable is EUROPEANA_API_KEY.

    """

    api_key: str


class _Item(msgspec.Struct, rename="camel"):
    """One item, with the fields that ImageVault uses.

    Attributes:
        id: Such as `/90402/SK_A_4118`, the same in every answer.
        rights: The address of a licence or of a rights statement. One in every item (recorded).
        data_provider: The institution that has the work, and sometimes others.
        edm_is_shown_by: The address of the file.
        edm_preview: The address of Europeana's own preview.
        edm_is_shown_at: The page of the institution.
        language: The languages of the record, such as `es`.
        title: The titles, in any language.
        dc_creator_lang_aware: Names, links to people, or ids that only the institution understands (recorded).
        edm_agent: Links to all people that the record mentions, creators or not.
        edm_agent_label: Their names, as `{"def": NAME}`.
        edm_agent_label_lang_aware: The same names by language.
        edm_concept_pref_label_lang_aware: Subjects, by language.
        dcterms_spatial: Places, as names and as links.
        year: Years in which something happened to the work (API docs).

    """

    id: Annotated[str, msgspec.Meta(max_length=200)]
    type: str
    rights: Required
    data_provider: Required
    edm_is_shown_by: Required
    edm_preview: Required
    preview_no_distribute: bool | None = None
    edm_is_shown_at: Texts = None
    language: Texts = None
    title: Texts = None
    dc_title_lang_aware: TextsByLanguage = None
    dc_description_lang_aware: TextsByLanguage = None
    dc_creator_lang_aware: TextsByLanguage = None
    edm_agent: Texts = None
    edm_agent_label: list[dict[str, str]] | None = None
    edm_agent_label_lang_aware: TextsByLanguage = None
    edm_concept_pref_label_lang_aware: TextsByLanguage = None
    dcterms_spatial: Texts = None
    year: Texts = None


class _Listing(msgspec.Struct, rename="camel"):
    """The answer to a search.

    Attributes:
        success: False for a failure, also under status 200 (API docs).
        error: Why it failed.
        total_results: How many items match.
        next_cursor: The cursor of the next page. Absent where an answer has no items (source code, api2).
        items: Undecoded, so that `decode_each` can drop a bad item and keep the page.

    """

    success: bool
    error: str | None = None
    total_results: int | None = None
    next_cursor: object = None
    items: list[msgspec.Raw] = []


@hookimpl
def provider_info() -> ProviderInfo:
    """Describe what Europeana offers. Its records have no flags of ImageVault, no sizes and no colours."""
    return ProviderInfo(
        title="Europeana",
        homepage="https://www.europeana.eu",
        base_url="https://api.europeana.eu/record/v2/",
        settings=Settings,
        page_size=PAGE_SIZE,
        paging="token",
        timeout=TIMEOUT,
        filters=FILTERS,
        quotas=[QUOTA],
        tells_sizes=False,
        aggregator=True,
        file_hosts={"api.europeana.eu", "*"},  # the previews; the files are on hosts that nobody can list
        terms=Terms(
            url="https://www.europeana.eu/rights/terms-of-use",
            checked_on="2026-11-22",
        ),
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings) -> Page:
    """Fetch one page of `GET /search.json` by its cursor.

    Words that are operators only find nothing, and cost no call.

    Raises the errors of `_find`. A cursor that Europeana no longer knows is a 400.
    """
    words = _words(query.text)
    if not words:
        return Page([])
    params: dict[str, str | list[str]] = {
        "query": words,
        "qf": [*query.native.values(), ONLY_PICTURES],
        "cursor": query.token or FIRST_CURSOR,
        "sort": BY_RELEVANCE,
        "rows": str(query.per_page),
    }
    listing = await _find(params, http, settings)
    items = decode_each(listing.items, _Item)
    return Page(
        images=_images(items),
        total=listing.total_results,
        next=_next_cursor(listing, query.per_page),
    )


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings) -> Image | None:
    """Fetch one item by its id, or return None if there is no such item or nobody may use it.

    This is the same search, for an item's own address answers in another form (API docs). Any text that cannot be an
    id costs no call.

    Raises the errors of `_find`.
    """
    if not ITEM_ID.fullmatch(image_id):
        return None
    listing = await _find({"query": f'europeana_id:"{image_id}"'}, http, settings)
    items = decode_each(listing.items, _Item)
    for image in _images(items):
        if image.id == image_id:
            return image
    return None


async def _find(params: dict[str, str | list[str]], http: httpx.AsyncClient, settings: Settings) -> _Listing:
    """Call the search and return its answer.

    The key goes into a header (API docs), so no address holds it.

    Raises:
        Unauthorized, RateLimited, InvalidResponse: Europeana says that the call failed.
        httpx.HTTPStatusError: Europeana answered 4xx or 5xx. The gateway names these errors.
        msgspec.MsgspecError: The answer does not have the documented form. The gateway names this error too.

    """
    headers = {"X-Api-Key": settings.api_key}
    response = await http.get("search.json", params={**PARAMS, **params}, headers=headers)
    listing = decode(response, _Listing)
    if not listing.success:
        raise _failure(listing.error or "Europeana says that the call failed, but not why")
    return listing


def _failure(error: str) -> ProviderError:
    """Return the error that a `success: false` under status 200 stands for (API docs).

    The wording is unverified. A used-up key is named in it too, so its limit is looked for first.
    """
    lower_case = error.lower()
    if "limit" in lower_case:
        return RateLimited(error)
    if "key" in lower_case:
        return Unauthorized(error)
    return InvalidResponse(error)


def _words(text: str) -> str:
    """Return a query as words, without the operators of the query language.

    `who:rose AND -"red*"` becomes `who rose and red`. Signs inside a word stay: `black-and-white`, `c++`.
    """
    words = []
    for word in SPECIAL.sub(" ", text).split():
        without_sign = word.lstrip("+-")
        if without_sign in OPERATORS:
            without_sign = without_sign.lower()
        if without_sign:
            words.append(without_sign)
    return " ".join(words)


def _next_cursor(listing: _Listing, rows: int) -> str | None:
    """Return the cursor of the next page, or None at the end.

    A page with fewer items than asked for is the last one, though its answer names a cursor. That cursor would lead to
    an empty page, at the cost of a call (source code).
    """
    if len(listing.items) < rows:
        return None
    if listing.next_cursor is not None and not isinstance(listing.next_cursor, str):
        raise InvalidResponse("Europeana names a next page that is no text")
    return listing.next_cursor


def _images(items: list[_Item]) -> list[Image]:
    """Convert items into ImageVault's records, without those that must not be shown."""
    images = [_image(item) for item in items]
    return [image for image in images if image is not None]


def _image(item: _Item) -> Image | None:
    """Convert an item into ImageVault's record.

    Return None if it is no picture, if nobody may use it, if Europeana must not show its preview, or if nobody
    outside the institution can open its file.
    """
    license = _license(item)
    renditions = _renditions(item)
    if item.type != "IMAGE" or item.preview_no_distribute or license is None or not renditions:
        return None
    return Image(
        id=item.id,
        title=_title(item),
        description=_description(item),
        date=_date(item),
        extra=_extra(item),
        tags=_readable(item.edm_concept_pref_label_lang_aware, item),
        author=_author(item),
        source_url=f"https://www.europeana.eu/item{quote(item.id)}",
        license=license,
        declared=Declared(field="rights", words=item.rights[0]),
        flags=_flags(item),
        identities=_identities(item),
        renditions=renditions,
        credit=_credit(item, license),
    )


def _license(item: _Item) -> License | None:
    """Return the licence, or None if nobody may use the work without asking."""
    rights = item.rights[0]
    return NO_COPYRIGHT.get(_statement(rights)) or License.from_url(rights)


def _flags(item: _Item) -> Flags:
    """Return the limit beside copyright that a rights statement states."""
    restriction = RESTRICTIONS.get(_statement(item.rights[0]))
    return Flags(restrictions=[restriction]) if restriction else Flags()


def _statement(rights: str) -> str:
    """Return the code of a rights statement, such as `NoC-NC`; empty if the address is none."""
    found = STATEMENT.fullmatch(rights)
    return found[1] if found else ""


def _title(item: _Item) -> str | None:
    """Return the title in English, else the first one, else None. The name of a file is no title."""
    in_english = _texts((item.dc_title_lang_aware or {}).get("en"))
    for title in [*in_english, *_texts(item.title)]:
        if not _is_id(title) and not FILE_NAME.fullmatch(title):
            return title
    return None


def _description(item: _Item) -> str | None:
    """Return all that the record says of the work, in one language.

    It describes the work, not what is seen, so it is no `alt`.
    """
    return _sentences(_readable(item.dc_description_lang_aware, item)) or None


def _date(item: _Item) -> str | None:
    """Return the year, or None if there are several.

    Of several years, nothing says which one is that of the work, and not of its restoration or of its photograph.
    """
    years = set(_texts(item.year))
    return years.pop() if len(years) == 1 else None


def _extra(item: _Item) -> dict[str, str]:
    """Return the institution that has the work, and the places that the record names."""
    extra = {"institution": item.data_provider[0]}
    places = [place for place in _texts(item.dcterms_spatial) if not _is_id(place)]
    if places:
        extra["place"] = "; ".join(places)
    return extra


def _author(item: _Item) -> Author | None:
    """Return all creators as one author, or None if the record names none. The institution is no author.

    Names hold commas (recorded: "Villemin, Charles, fl. 1835-1849"), so semicolons are between them.
    """
    creators = _creators(item)
    if not creators:
        return None
    return Author(name="; ".join(creators))


def _creators(item: _Item) -> list[str]:
    """Return the names of all creators, each once.

    Names come from `def` and from the languages of the record: a name in another language may be a translation by a
    machine. Another language counts only where these have no name. A link counts where the answer says whose it is;
    one of Europeana's own repeats a name, so it counts last.
    """
    by_language = item.dc_creator_lang_aware or {}
    agents = _agents(item)
    names: list[str] = []
    added: list[str] = []
    for language in _languages(item):
        for creator in _texts(by_language.get(language)):
            if not _is_id(creator):
                names.append(creator)
            elif creator in agents and creator.startswith(EUROPEANAS_AGENTS):
                added.append(agents[creator])
            elif creator in agents:
                names.append(agents[creator])
    return _each_once(names or _names_in_another_language(by_language) or added)


def _names_in_another_language(by_language: dict[str, Texts]) -> list[str]:
    """Return the names in the first language that has any. English, into which machines translate, comes last."""
    others = [language for language in islice(by_language, MAX_LANGUAGES) if language != "en"]
    for language in (*others, "en"):
        names = [text for text in _texts(by_language.get(language)) if not _is_id(text)]
        if names:
            return names
    return []


def _agents(item: _Item) -> dict[str, str]:
    """Return the people whom the record mentions: link -> name, as far as the answer says whose name is which.

    The names stand in one list, with a name for each language (recorded). They are in the order of the links only
    where each person has one name, that is, where all names are in one language (recorded). The names of a single
    person are all theirs.
    """
    links = _texts(item.edm_agent)
    labels = (item.edm_agent_label or [])[:MAX_TEXTS]
    names = [name[:MAX_TEXT] for label in labels for name in islice(label.values(), MAX_LANGUAGES)]
    by_language = item.edm_agent_label_lang_aware or {}
    if len(links) == 1 and names:
        names = [*_names_in_original_language(by_language, item), *_readable(by_language, item), *names]
        return {links[0]: names[0]}
    if len(links) == len(names) and len(by_language) == 1:
        return dict(zip(links, names, strict=True))
    return {}


def _names_in_original_language(by_language: dict[str, Texts], item: _Item) -> list[str]:
    """Return the texts without a language and in the languages of the record, without ids."""
    texts = [text for language in _languages(item) for text in _texts(by_language.get(language))]
    return [text for text in texts if not _is_id(text)]


def _each_once(names: list[str]) -> list[str]:
    """Return each name once, as it is written first: "Gogh, Vincent van, 1853-1890" is "Vincent van Gogh" too."""
    by_words: dict[frozenset[str], str] = {}
    for name in names:
        words = frozenset(WORD_OF_NAME.findall(name[:MAX_NAME].casefold()))
        by_words.setdefault(words or frozenset([name]), name)
    return list(by_words.values())


def _identities(item: _Item) -> list[str]:
    """Return the keys of the picture: its id, and its page at the institution."""
    identities = [f"eu:{item.id.removeprefix('/')}"]
    pages = _texts(item.edm_is_shown_at)
    if pages and pages[0].startswith(("http://", "https://")):
        identities.append(f"url:{pages[0]}")
    return identities


def _renditions(item: _Item) -> list[Rendition]:
    """Return the preview and the file, smallest first; none if nobody outside the institution can open the file.

    Neither has a stated size. A preview is 400 pixels wide (unverified).
    """
    url = _file_url(item.edm_is_shown_by[0].strip())
    if url is None:
        return []
    preview = Rendition(name="thumbnail", url=item.edm_preview[0])
    original = Rendition(name="original", url=url)
    return [preview, original]


def _file_url(url: str) -> str | None:
    """Return the address of a file as consumers can use it, or None if nobody outside the institution can.

    * `http://museum.example/7.jpg` becomes https, as browsers ask for it themselves in https pages.
    * `http://museum.example:8080/7.jpg` and `http://198.51.100.7/7.jpg` stay as they are: such servers answer http
      only. Browsers follow these links, and servers fetch them, but no https page can embed them.
    * `http://localhost/7.jpg`, `http://archive/7.jpg` and `http://192.168.1.7/7.jpg` lead nowhere from outside.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        has_port = parts.port is not None
    except ValueError:  # a broken port, or broken brackets of an IPv6 address
        return None
    if parts.scheme not in {"http", "https"}:
        return None
    address = _ip_address(host)
    if address is not None:
        return url if address.is_global else None
    if "." not in host:
        return None
    if has_port or parts.scheme == "https":
        return url
    return "https:" + url[len("http:") :]


def _ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return a host as an IP address, or None if it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _credit(item: _Item, license: License) -> str:
    """Return the credit: title, creators, institution, and the licence with its address.

    Creative Commons asks for these (https://wiki.creativecommons.org/wiki/Recommended_practices_for_attribution).
    """
    label = _one_line(_title(item) or "Untitled", MAX_CREDIT_TITLE)
    author = _author(item)
    if author is not None:
        creators = _one_line(author.name, MAX_CREDIT_CREATORS)
        label = f"{label.rstrip(' .,;:/')}, {creators}"
    institution = _one_line(item.data_provider[0], MAX_CREDIT_INSTITUTION)
    return _sentences([label, f"{institution} via Europeana", f"{license.name}, {license.url}"])


def _sentences(parts: list[str]) -> str:
    """Join parts by full stops, and add none after a part that ends in one."""
    text = ""
    for part in parts:
        if text:
            text += " " if text.endswith((".", "!", "?", "…")) else ". "
        text += part
    return text


def _one_line(text: str, max_length: int) -> str:
    """Return a text on one line with single blanks, cut to a length."""
    line = " ".join(text.split())
    if len(line) <= max_length:
        return line
    return line[: max_length - 1].rstrip() + "…"


def _readable(by_language: TextsByLanguage, item: _Item) -> list[str]:
    """Return the texts in one language, without ids.

    English comes first, then the texts without a language, the languages of the record, and any other.
    """
    if not by_language:
        return []
    for language in ("en", *_languages(item), *islice(by_language, MAX_LANGUAGES)):
        texts = [text for text in _texts(by_language.get(language)) if not _is_id(text)]
        if texts:
            return texts
    return []


def _texts(texts: Texts) -> list[str]:
    """Return the texts of a field, without blank ones."""
    if texts is None:
        return []
    if isinstance(texts, str):
        texts = [texts]
    cut = [text[:MAX_TEXT].strip() for text in texts[:MAX_TEXTS] if text]
    return [text for text in cut if text]


def _languages(item: _Item) -> list[str]:
    """Return the keys of the texts that are no translations: those without a language, and the record's languages."""
    keys = dict.fromkeys(["def", *_texts(item.language)])
    return list(keys)[:MAX_LANGUAGES]


def _is_id(text: str) -> bool:
    """Return whether a text is a link or an id, and no words for people."""
    is_one_word = not any(char.isspace() for char in text)
    return is_one_word and ("://" in text or text.startswith(IDS_BEGIN_WITH))
