"""The Metropolitan Museum of Art: its works in the public domain, without a key.

Each fact below names its source:

* "docs": https://metmuseum.github.io
* "recorded": seen in recorded answers of the real API, checked on 2026-11-29
* "measured on DATE": seen in calls to the real API on that day, by people who published it
* "issue N": reported by users, https://github.com/metmuseum/openaccess/issues/N
* "unverified": no answer has proved it; this file takes the cautious reading

A search answers ids only; each object is one call more. What was looked up is kept, so a page that a limit cuts short
goes on where it stopped.

It is not known whether `q` has operators (unverified), so the words go as they are typed.
"""

import asyncio
import re
from collections.abc import Sequence
from urllib.parse import unquote

import httpx
import msgspec

from imagevault import (
    Author,
    Declared,
    Image,
    InvalidResponse,
    Keep,
    License,
    Page,
    ProviderInfo,
    Quota,
    RateLimited,
    Rendition,
    SearchQuery,
    Terms,
    decode,
    drop_unreadable,
    hookimpl,
)

MUSEUM = "The Metropolitan Museum of Art"

DAY = 24 * 60 * 60  # seconds

# A page costs as many calls as it has objects, so it is small.
PAGE_SIZE = 10

# The ids of ten pages come with one search. `limit` is 100 by default and 500 at most (measured on 2026-10-05).
PAGES_OF_IDS = 10

# Lists end at the 10 000th id, whatever `total` says (measured on 2026-10-05).
MAX_RESULTS = 10_000

# The docs allow 80 calls a second. In fact a firewall blocks after some 30 quick calls, or 80 in 45 seconds, and one
# call a second is safe (measured on 2026-10-05; issues 58 and 60). At six a second a page takes two seconds.
MINUTE_QUOTA = Quota(30, "minute")
SECOND_QUOTA = Quota(6, "second")
CONCURRENCY = 2

# How many seconds a search waits for a page: at least two for its calls, and the time that the museum takes.
TIMEOUT = 5.0

# A block lifts within about a minute (measured on 2026-10-05).
BLOCKED_FOR = 60  # seconds

# Pictures of works in the public domain are CC0 (docs). No file is given of any other work.
LICENSE = License("cc0-1.0", "CC0 1.0", "https://creativecommons.org/publicdomain/zero/1.0/")

# An id, such as 45734. No id begins with 0, and none needs more than 18 digits.
IMAGE_ID = re.compile(r"[1-9][0-9]{0,17}")

# The name of a file without its ending: DP251139 of https://images.metmuseum.org/CRDImages/as/original/DP251139.jpg
FILE_STEM = re.compile(r"/([^/?#]{1,200})\.[0-9A-Za-z]{1,5}(?![^?#])")

# What stands in `objectDate` where there is no date (measured on 2026-10-05).
NO_DATE = "n.d."

# Only so many characters of a text are read. None that was recorded has more than 1000.
MAX_TEXT = 10_000

# A part of a credit line that ends in one of these needs no full stop.
ENDS_OF_SENTENCES = (".", "!", "?")


class _Listing(msgspec.Struct):
    """One page of ids.

    Attributes:
        ids: Undecoded, so that an odd id is left out and the others stay. Null, and not empty, where there are none
            (measured on 2026-10-05).
        total: How many objects match, also those that were withdrawn since (measured on 2026-10-05).

    """

    ids: list[msgspec.Raw] | None = msgspec.field(name="objectIDs")
    total: int | None = None


class _Object(msgspec.Struct, rename="camel"):
    """One object, with the fields that ImageVault uses.

    Texts are plain, and empty where they are unknown (measured on 2026-10-05); null costs nothing here. There are no
    sizes of pictures.

    Attributes:
        id: The object's number.
        is_public_domain: Whether the picture is free. A search cannot ask for it.
        original: The largest file. Empty where the picture is not free.
        small: The same picture, about 600 pixels on its longer side.
        object_name: What kind of thing it is, such as `Hanging scroll`.
        artist_prefix: How sure the attribution is: `Attributed to`, `After`, `Issued by`.
        artist_display_name: The first of those who made or published it.
        ulan: The artist's page at the Getty, by http. May be `(not assigned)` (recorded).
        wikidata: The artist's page at Wikidata.
        culture: Where the object comes from, such as `Japan`. It is no artist.
        object_date: In words: `1889`, `late 17th century`, `n.d.`.
        tags: Objects with a `term`, or null (recorded). Of any type here, so that an odd tag costs no object.

    """

    id: int = msgspec.field(name="objectID")
    is_public_domain: bool
    original: str = msgspec.field(name="primaryImage")
    small: str | None = msgspec.field(name="primaryImageSmall", default=None)
    title: str | None = None
    object_name: str | None = None
    artist_prefix: str | None = None
    artist_display_name: str | None = None
    ulan: str | None = msgspec.field(name="artistULAN_URL", default=None)
    wikidata: str | None = msgspec.field(name="artistWikidata_URL", default=None)
    culture: str | None = None
    period: str | None = None
    object_date: str | None = None
    medium: str | None = None
    department: str | None = None
    accession_number: str | None = None
    credit_line: str | None = None
    tags: object = None


@hookimpl
def provider_info() -> ProviderInfo:
    """Describe what the museum offers. Its terms ask for nothing (docs)."""
    return ProviderInfo(
        title=MUSEUM,
        homepage="https://www.metmuseum.org",
        base_url="https://collectionapi.metmuseum.org/public/collection/",
        page_size=PAGE_SIZE,
        max_results=MAX_RESULTS,
        quotas=[MINUTE_QUOTA, SECOND_QUOTA],
        concurrency=CONCURRENCY,
        timeout=TIMEOUT,
        license=LICENSE,
        file_hosts={"images.metmuseum.org"},  # every file was there (recorded)
        cache_for=DAY,
        tells_sizes=False,
        terms=Terms(
            url="https://metmuseum.github.io/",
            checked_on="2026-11-22",
        ),
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, keep: Keep) -> Page:
    """Fetch one page of `GET /v1.1/search`, and each of its objects.

    Objects that are withdrawn, have no picture or are not free are left out: a search lists them too (issue 57).

    Raises:
        RateLimited: The firewall blocks this server.
        InvalidResponse: This part of the API is gone, or no object of the page can be read.
        httpx.HTTPStatusError: The museum answered another 4xx, or 5xx. The gateway names these errors.
        msgspec.MsgspecError: The list does not have the documented form. The gateway names this error too.

    """
    offset = (query.page - 1) * query.per_page
    listing = await _list_ids(query, offset, http, keep)
    start = offset - _block_offset(query, offset)
    ids = (listing.ids or [])[start : start + query.per_page]
    objects = await _fetch_objects(ids, http, keep)
    return Page(
        images=[_image(item) for item in objects if _is_shown(item)],
        total=listing.total,
        last=_is_last(query, listing, ids),
    )


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, keep: Keep) -> Image | None:
    """Fetch one object by its id, or return None if there is no such object or its picture is not free.

    Ids are numbers (docs), so any other id costs no call and cannot change the path.

    Raises the errors of `search_images`, except for a 404.
    """
    if not IMAGE_ID.fullmatch(image_id):
        return None
    item = await _look_up(image_id, http, keep)
    if item is None or not _is_shown(item):
        return None
    return _image(item)


async def _list_ids(query: SearchQuery, offset: int, http: httpx.AsyncClient, keep: Keep) -> _Listing:
    """Return the block of ids that the page belongs to, which one search lists for several pages."""
    block_offset = _block_offset(query, offset)
    params = {
        "q": query.text,
        "hasImages": "true",  # in small letters: any other value is ignored (measured on 2026-10-05)
        "offset": str(block_offset),
        "limit": str(min(_block_size(query), MAX_RESULTS - block_offset)),
    }

    async def search() -> _Listing:
        response = await _get(http, "v1.1/search", params)
        return decode(response, _Listing)

    return await keep(f"ids {block_offset} {_block_size(query)} {query.text}", search, DAY)


def _block_size(query: SearchQuery) -> int:
    """Return how many ids are asked for at once: those of ten pages."""
    return PAGES_OF_IDS * query.per_page


def _block_offset(query: SearchQuery, offset: int) -> int:
    """Return where the block begins that holds this place of the list."""
    return offset - offset % _block_size(query)


async def _fetch_objects(ids: Sequence[msgspec.Raw], http: httpx.AsyncClient, keep: Keep) -> list[_Object]:
    """Return the objects of these ids, two at once, without those that are gone or cannot be read.

    More at once meet the firewall sooner. Once a call fails, no further one is begun.

    Raises:
        InvalidResponse: There are objects, and none of them can be read.

    """
    records: list[_Object | ValueError] = []
    for start in range(0, len(ids), CONCURRENCY):
        calls = [_look_up_listed(raw_id, http, keep) for raw_id in ids[start : start + CONCURRENCY]]
        for result in await asyncio.gather(*calls, return_exceptions=True):
            if isinstance(result, BaseException) and not isinstance(result, ValueError):
                raise result
            if result is not None:
                records.append(result)
    return drop_unreadable(records)


async def _look_up_listed(raw_id: msgspec.Raw, http: httpx.AsyncClient, keep: Keep) -> _Object | None:
    """Return the object of an id as it stands in the list. A ValueError says that one of the two cannot be read."""
    number = msgspec.json.decode(raw_id, type=int)
    return await _look_up(str(number), http, keep)


async def _look_up(image_id: str, http: httpx.AsyncClient, keep: Keep) -> _Object | None:
    """Return the object by `GET /v1/objects/{id}`, or what is kept of it; None if there is none.

    A 404 is for ids that never were, and for objects that were withdrawn (measured on 2026-10-05). An answer that
    cannot be read, or is about another object, is not kept.
    """

    async def fetch() -> _Object | None:
        response = await _get(http, f"v1/objects/{image_id}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        item = decode(response, _Object)
        if str(item.id) != image_id:
            raise msgspec.ValidationError(f"the answer about object {image_id} has another number")
        return item

    return await keep(f"object {image_id}", fetch, DAY)


async def _get(http: httpx.AsyncClient, path: str, params: dict[str, str] | None = None) -> httpx.Response:
    """Return the answer. Raises the errors whose status would mislead the gateway.

    The firewall answers 403 with HTML, the API itself with JSON (measured on 2026-10-05). A 410 is about a whole
    version of the API, as of `v1/search`, and not about an object (recorded).
    """
    response = await http.get(path, params=params)
    is_json = "json" in response.headers.get("Content-Type", "")
    if response.status_code == httpx.codes.FORBIDDEN and not is_json:
        raise RateLimited("the Met's firewall blocks all calls for about a minute", retry_after=BLOCKED_FOR)
    if response.status_code == httpx.codes.GONE:
        raise InvalidResponse(f"the Met has taken this part of its API away: {response.text}")
    return response


def _is_last(query: SearchQuery, listing: _Listing, ids: Sequence[msgspec.Raw]) -> bool:
    """Return whether no page follows this one. Without a total, a short page ends the list."""
    if listing.total is None:
        return len(ids) < query.per_page
    ids_so_far = query.page * query.per_page
    return not ids or ids_so_far >= min(listing.total, MAX_RESULTS)


def _is_shown(item: _Object) -> bool:
    """Return whether the object has a picture that is free."""
    return item.is_public_domain and bool(item.original)


def _image(item: _Object) -> Image:
    """Convert an object into ImageVault's record. The museum describes no picture and states no size.

    The page is made of the id, because `objectURL` may name an internal host, such as wwwstg.metmuseum.org (recorded).
    """
    return Image(
        id=str(item.id),
        title=_clean(item.title) or None,
        date=_date(item),
        extra=_extra(item),
        tags=_tags(item.tags),
        author=_author(item),
        source_url=f"https://www.metmuseum.org/art/collection/search/{item.id}",
        declared=Declared(field="isPublicDomain", words="true"),
        identities=_identities(item),
        renditions=_renditions(item),
        credit=_credit(item),
    )


def _clean(text: str | None) -> str:
    """Return a text with single blanks, without any at its ends. Line ends and no-break spaces are blanks too."""
    return " ".join((text or "")[:MAX_TEXT].split())


def _date(item: _Object) -> str | None:
    """Return the date in the museum's words, or None if there is none."""
    date = _clean(item.object_date)
    if not date or date == NO_DATE:
        return None
    return date


def _extra(item: _Object) -> dict[str, str]:
    """Return what the museum's label says beside title, artist and date, as far as it is known."""
    facts = {
        "object": _clean(item.object_name),
        "medium": _clean(item.medium),
        "culture": _clean(item.culture),
        "period": _clean(item.period),
        "department": _clean(item.department),
        "accession number": _clean(item.accession_number),
    }
    return {name: fact for name, fact in facts.items() if fact}


def _tags(tags: object) -> list[str]:
    """Return the terms. A tag is an object with a `term` (recorded), or the term itself (reported)."""
    if not isinstance(tags, list):
        return []
    terms = [tag.get("term") if isinstance(tag, dict) else tag for tag in tags]
    return [term for term in terms if isinstance(term, str) and term]


def _author(item: _Object) -> Author | None:
    """Return the artist with how sure the attribution is, or None if the museum names nobody.

    "Attributed to" and "Ada Lind" become "Attributed to Ada Lind". A prefix alone names nobody, nor does a culture.
    """
    name = _clean(item.artist_display_name)
    if not name:
        return None
    full_name = _clean(f"{item.artist_prefix or ''} {name}")
    return Author(name=full_name, url=_author_url(item))


def _author_url(item: _Object) -> str | None:
    """Return the artist's page at the Getty, else at Wikidata, by https. Some values are no address."""
    for url in (item.ulan, item.wikidata):
        if url and url.startswith(("http://", "https://")):
            return url.replace("http://", "https://", 1)
    return None


def _identities(item: _Object) -> list[str]:
    """Return the key that other providers know the picture by: `met:45734:DP251139`.

    An object may have several pictures, so the number alone is no key.
    """
    stem = FILE_STEM.search(item.original)
    if stem is None:
        return []
    return [f"met:{item.id}:{unquote(stem[1])}"]


def _renditions(item: _Object) -> list[Rendition]:
    """Return the files of the picture. The museum states no sizes of them."""
    renditions = []
    if item.small:
        renditions.append(Rendition(name="small", url=item.small))
    renditions.append(Rendition(name="original", url=item.original))
    return renditions


def _credit(item: _Object) -> str:
    """Return the museum's label: artist, title and date, then the museum, then the credit line of the gift.

    Each part is cleaned before they are joined, and no full stop follows another.
    """
    author = _author(item)
    title = _clean(item.title) or "Untitled"
    date = _date(item) or ""
    parts = [
        author.name if author else "",
        title.rstrip(" .,;:") if date else title,
        date,
    ]
    label = ", ".join(part for part in parts if part)
    return _clean(f"{_sentence(label)} {_sentence(MUSEUM)} {item.credit_line or ''}")


def _sentence(text: str) -> str:
    """Return a text that ends in a full stop, or in what ends a sentence already."""
    if text.endswith(ENDS_OF_SENTENCES):
        return text
    return f"{text}."
