"""Both cache levels as one: memory in front of the database."""

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from imagevault.cache import page_digests
from imagevault.cache.freshness import Freshness, has_upstream
from imagevault.cache.memory import MemoryCache
from imagevault.cache.page_digests import PageDigests
from imagevault.cache.result import CacheTier
from imagevault.cache.store import CacheEntry, PageStore, decode, encode
from imagevault.cache.uses import PageUses
from imagevault.errors import DatabaseUnavailable
from imagevault.plugins.provider import Provider
from imagevault.records import Image, Page

if TYPE_CHECKING:
    from piccolo.querystring import QueryString


class CacheTiers:
    """Reads and writes cached pages. Pages of providers without an upstream stay in memory."""

    def __init__(self, memory: MemoryCache, store: PageStore, freshness: Freshness, uses: PageUses) -> None:
        self._memory = memory
        self._store = store
        self._freshness = freshness
        self._uses = uses

    async def read(
        self, provider: Provider, key: str, version: int | None = None
    ) -> tuple[CacheEntry, CacheTier] | None:
        """Return a page that may be served, and where it was found.

        Memory is read first. The database is read if memory has no fresh page, or not the `version` that a walk began
        with. While the database does not answer, a stale page in memory is returned.

        Raises:
            DatabaseUnavailable: memory has no page, and the database does not answer.

        """
        entry = self._memory.get(key)
        tier: CacheTier = "memory"
        if has_upstream(provider) and not self._suffices(provider, entry, version):
            stored = await self._read_store(key, entry)
            if stored is not None and (entry is None or stored.stored_at > entry.stored_at):
                entry = stored
                tier = "database"
                self._memory.put(key, provider.name, entry, decode(entry.content))
        if entry is None or not self._freshness.is_servable(provider, entry):
            return None
        self._note_use(provider, key)
        return entry, tier

    async def read_shared(self, provider: Provider, key: str) -> Page | None:
        """Return a fresh page from the database, where another worker may have stored it; memory keeps it too."""
        entry = await self._store.read(key)
        if entry is None or not self._freshness.is_fresh(provider, entry):
            return None
        page = decode(entry.content)
        self._memory.put(key, provider.name, entry, page)
        return page

    async def read_versions(self, provider: Provider, key: str) -> AsyncIterator[Page]:
        """Yield every version of a page that is kept, however old: those in memory, then those in the database.

        The database is read only if the caller goes on after those in memory, and as far as it answers.
        """
        in_memory = _contents(self._memory.get(key))
        for content in in_memory:
            yield self.decode(content)
        if not has_upstream(provider):
            return
        try:
            stored = await self._store.read(key)
        except DatabaseUnavailable:
            return
        for content in _contents(stored):
            if content not in in_memory:
                yield self.decode(content)

    async def read_digests(self, provider: Provider, keys: Sequence[str]) -> dict[str, PageDigests]:
        """Return the digests of those pages that are cached, however old.

        Another worker may have replaced a page that is no longer fresh in memory, so the database is asked. While it
        does not answer, such pages are left out.
        """
        in_memory = {key: entry for key in keys if (entry := self._memory.get(key)) is not None}
        found = {key: entry.page_digests for key, entry in in_memory.items() if self._is_newest(provider, entry)}
        others = [key for key in keys if key not in found]
        if not others or not has_upstream(provider):
            return found
        try:
            stored = await self._store.read_digests(others)
        except DatabaseUnavailable:
            return found
        for key in others:
            known = [in_memory[key].page_digests] if key in in_memory else []
            known += [stored[key]] if key in stored else []
            if known:
                found[key] = max(known, key=lambda digests: digests.version)
        return found

    async def find(self, provider: Provider, id: str) -> tuple[Image, float] | None:
        """Return an image from the page on which it was seen last, and when that page was stored.

        None if there is no such page that may be served, or if it is of an earlier revision of the provider's file.
        """
        found = self._memory.find(provider.name, id, provider.revision)
        if found is None and has_upstream(provider):
            found = await self._store.find(provider.name, id, provider.revision)
        if found is None:
            return None
        key, entry = found
        if not self._freshness.is_servable(provider, entry):
            return None
        self._note_use(provider, key)
        images = self._memory.decode(entry.content).images
        image = next((image for image in images if image.id == id), None)
        return (image, entry.stored_at) if image is not None else None

    def put(self, provider: Provider, key: str, page: Page, now: float) -> CacheEntry:
        """Cache a page in memory, and return the entry for `writes_of`."""
        replaced = self._memory.get(key)
        entry = CacheEntry(
            content=encode(page),
            stored_at=now,
            previous=replaced.content if replaced else None,
            previous_stored_at=replaced.stored_at if replaced else 0.0,
            digests=page_digests.encode(page.images, page.next),
            previous_digests=replaced.digests if replaced else b"",
        )
        self._memory.put(key, provider.name, entry, page)
        return entry

    def writes_of(self, provider: Provider, key: str, entry: CacheEntry, page: Page) -> Sequence["QueryString"]:
        """Return what stores a page in the database."""
        ids = [image.id for image in page.images]
        return self._store.writes_of(key, provider.name, entry, ids)

    def version_in_memory(self, key: str) -> int:
        """Return the version of the page in memory, 0 if there is none."""
        entry = self._memory.get(key)
        return entry.version if entry is not None else 0

    def is_current(self, key: str, version: int) -> bool:
        """Return whether memory has no other version of a page than this one."""
        entry = self._memory.get(key)
        return entry is None or entry.version == version

    def decode(self, content: bytes) -> Page:
        """Decode a page; recently used pages stay decoded."""
        return self._memory.decode(content)

    def _note_use(self, provider: Provider, key: str) -> None:
        if has_upstream(provider):
            self._uses.note(key)

    def _is_newest(self, provider: Provider, entry: CacheEntry) -> bool:
        """Whether no other worker has a newer page than this one of the memory."""
        return not has_upstream(provider) or self._freshness.is_fresh(provider, entry)

    def _suffices(self, provider: Provider, entry: CacheEntry | None, version: int | None) -> bool:
        if entry is None or not self._freshness.is_fresh(provider, entry):
            return False
        return version in {None, entry.version, entry.previous_version}

    async def _read_store(self, key: str, in_memory: CacheEntry | None) -> CacheEntry | None:
        try:
            return await self._store.read(key)
        except DatabaseUnavailable:
            if in_memory is None:
                raise
            return in_memory


def _contents(entry: CacheEntry | None) -> list[bytes]:
    """Return the versions of a page, the current one first."""
    return [content for content in (entry.content, entry.previous) if content] if entry is not None else []
