"""What a walk has shown already: the pictures of the pages that it has passed, as far as they are cached."""

import asyncio
from collections.abc import Iterable

import msgspec

from imagevault.cache.keys import PageKey, token_digest
from imagevault.cache.page_cache import PageCache
from imagevault.cache.page_digests import PageDigests
from imagevault.images.identity import digests
from imagevault.plugins.provider import Provider
from imagevault.records import Image
from imagevault.search.cursor import LongToken, Place
from imagevault.search.provider_cursor import ProviderCursor

MAX_PAGES = 64  # of one provider; a walk that is deeper looks at the last of them
PAGES_OF_ENDED_LIST = 16  # the cursor of an ended list does not say how many pages it had


class Passed(msgspec.Struct, frozen=True):
    """A provider's place in a walk, and what is needed to find the pages that the walk has passed."""

    cursor: ProviderCursor
    provider: Provider
    place: Place
    first_page: PageKey


class PassedPictures:
    """The pictures that earlier answers of a walk have shown, by the digests of their keys."""

    def __init__(self, by_provider: dict[str, set[bytes]], filtered: set[str]) -> None:
        """Make the collection.

        Args:
            by_provider: provider -> digests.
            filtered: providers whose records the gateway filters. What such a provider had on a page may never have
                been shown, so it hides nothing but the same record.

        """
        self._by_provider = by_provider
        self._filtered = filtered

    def was_shown(self, cursor: ProviderCursor, image: Image) -> bool:
        """Return whether an earlier answer of the walk showed the same picture."""
        if not any(self._by_provider.values()):
            return False
        keys = digests(image)
        own_id = keys[:1]
        for name, shown in self._by_provider.items():
            if name not in self._filtered and not shown.isdisjoint(keys):
                return True
            if name == cursor.name and not shown.isdisjoint(own_id):
                return True
        return False


async def read_passed(pages: PageCache, walked: Iterable[Passed]) -> PassedPictures:
    """Return what the walk has shown at these places. A page that is no longer cached counts as never shown."""
    started = [passed for passed in walked if passed.place.offset != 0]
    found = await asyncio.gather(*(_read(pages, passed) for passed in started))
    by_provider = {passed.cursor.name: shown for passed, shown in zip(started, found, strict=True)}
    filtered = {passed.cursor.name for passed in started if passed.cursor.plan.tests}
    return PassedPictures(by_provider, filtered)


async def _read(pages: PageCache, passed: Passed) -> set[bytes]:
    place = passed.place
    offset = _end_of_list(passed) if place.offset is None else place.offset
    whole, index = divmod(offset, place.size)
    numbers = range(max(0, whole - MAX_PAGES), whole + 1 if index else whole)
    read_pages = _follow_tokens if passed.first_page.paging == "token" else _read_numbers
    found = await read_pages(pages, passed, numbers)
    shown: set[bytes] = set()
    for number, page in found.items():
        if number < whole:
            shown |= page.of_passed_page()
        elif place.offset is None:
            shown |= page.of_passed_page(index)
        else:
            shown |= page.of_first_images(index, place.version)
    return shown


async def _read_numbers(pages: PageCache, passed: Passed, numbers: range) -> dict[int, PageDigests]:
    """The pages with these numbers that are kept."""
    keys = {number: passed.first_page.at(number).digest for number in numbers}
    found = await pages.read_digests(passed.provider, list(keys.values()))
    return {number: found[key] for number, key in keys.items() if key in found}


async def _follow_tokens(pages: PageCache, passed: Passed, numbers: range) -> dict[int, PageDigests]:
    """The pages with these numbers that are kept, each found by the token that the page before it names.

    A page may have been replaced since, and name another token. Then the pages after it may not be those that the walk
    has passed, so none of them counts unless they lead to the place where the walk stands.
    """
    if numbers.start > 0:
        return {}
    found: dict[int, PageDigests] = {}
    token: bytes | None = None
    for number in range(numbers.stop):
        key = passed.first_page.at(number, token).digest
        page = (await pages.read_digests(passed.provider, [key])).get(key)
        if page is None:
            break
        found[number] = page
        token = page.next_token
        if number + 1 == _number_of_place(passed.place) and token != _digest(passed.place.token):
            return {0: found[0]}
        if token is None:
            break
    return found


def _number_of_place(place: Place) -> int | None:
    return None if place.offset is None else place.offset // place.size


def _digest(token: str | LongToken | None) -> bytes | None:
    if token is None:
        return None
    if isinstance(token, LongToken):
        return token.digest
    return token_digest(token)


def _end_of_list(passed: Passed) -> int:
    """Up to which offset the walk has read at most. What lies beyond `max_results` was never shown."""
    most = PAGES_OF_ENDED_LIST * passed.place.size
    readable = passed.provider.info.max_results
    return most if readable is None else min(most, readable)
