"""Both cache levels as one: memory in front of the database."""

from imagevault.cache.freshness import Freshness, has_upstream
from imagevault.cache.memory import MemoryCache
from imagevault.cache.result import CacheTier
from imagevault.cache.store import CacheEntry, PageStore, decode, encode
from imagevault.errors import DatabaseUnavailable
from imagevault.plugins.provider import Provider
from imagevault.records import Image, Page


class CacheTiers:
    """Reads and writes cached pages. Pages of providers without an upstream stay in memory."""

    def __init__(self, memory: MemoryCache, store: PageStore, freshness: Freshness) -> None:
        self._memory = memory
        self._store = store
        self._freshness = freshness

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
        return entry, tier

    async def read_shared(self, provider: Provider, key: str) -> Page | None:
        """Return a fresh page from the database, where another worker may have stored it; memory keeps it too."""
        entry = await self._store.read(key)
        if entry is None or not self._freshness.is_fresh(provider, entry):
            return None
        page = decode(entry.content)
        self._memory.put(key, provider.name, entry, page)
        return page

    async def find(self, provider: Provider, id: str) -> Image | None:
        """Return an image from the page on which it was seen last, if that page may be served."""
        entry = self._memory.find(provider.name, id)
        if entry is None and has_upstream(provider):
            entry = await self._store.find(provider.name, id)
        if entry is None or not self._freshness.is_servable(provider, entry):
            return None
        images = self._memory.decode(entry.content).images
        return next((image for image in images if image.id == id), None)

    def put(self, provider: Provider, key: str, page: Page, now: float) -> CacheEntry:
        """Cache a page in memory, and return the entry to `store`."""
        replaced = self._memory.get(key)
        entry = CacheEntry(
            content=encode(page),
            stored_at=now,
            previous=replaced.content if replaced else None,
            previous_stored_at=replaced.stored_at if replaced else 0.0,
        )
        self._memory.put(key, provider.name, entry, page)
        return entry

    async def store(self, provider: Provider, key: str, entry: CacheEntry, page: Page) -> None:
        """Store a page in the database."""
        ids = [image.id for image in page.images]
        await self._store.write(key, provider.name, entry.content, ids, entry.stored_at)

    async def evict(self, before: float) -> None:
        """Delete the pages in the database that were stored before this time."""
        await self._store.evict(before)

    def version_in_memory(self, key: str) -> int:
        """Return the version of the page in memory, 0 if there is none."""
        entry = self._memory.get(key)
        return entry.version if entry is not None else 0

    def decode(self, content: bytes) -> Page:
        """Decode a page; recently used pages stay decoded."""
        return self._memory.decode(content)

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
