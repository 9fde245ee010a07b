"""The first cache level: encoded pages in memory, bounded in bytes, the least recently used evicted first."""

import msgspec
from cachetools import LRUCache

from imagevault.cache.keys import is_of
from imagevault.cache.store import CacheEntry, decode
from imagevault.records import Page

MAX_BYTES = 32 * 1024 * 1024
# Bytes of the pages that are kept decoded too, as they are encoded: some 30 pages, which take five times as much. A
# search that uses one saves 0.1 ms. A page of the longest records has 13 MB.
MAX_DECODED = 2 * 1024 * 1024
OVERHEAD = 200  # bytes that an entry costs beside its content, and so does each id in the index


class _Slot(msgspec.Struct, frozen=True):
    """A cached page, whose it is, and the ids of its images."""

    entry: CacheEntry
    provider: str
    ids: tuple[str, ...]

    @property
    def size(self) -> int:
        digests = len(self.entry.digests) + len(self.entry.previous_digests)
        return len(self.entry.content) + len(self.entry.previous or b"") + digests + OVERHEAD * (1 + len(self.ids))


class _Decoded(msgspec.Struct, frozen=True):
    """A decoded page, and its size as it is encoded."""

    page: Page
    size: int


class _Slots(LRUCache[str, _Slot]):
    """The slots by key. The index of images follows when a slot is deleted or evicted."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes, getsizeof=lambda slot: slot.size)
        self.page_of: dict[tuple[str, str], str] = {}  # (provider, image id) -> key of the page it was seen on last

    def __setitem__(self, key: str, slot: _Slot) -> None:
        super().__setitem__(key, slot)
        self.page_of.update(((slot.provider, id), key) for id in slot.ids)

    def __delitem__(self, key: str) -> None:
        slot = LRUCache.__getitem__(self, key)
        super().__delitem__(key)
        for id in slot.ids:
            if self.page_of.get((slot.provider, id)) == key:
                del self.page_of[slot.provider, id]


class MemoryCache:
    """Pages by key, and on which of them each image stands. One for each worker."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._slots = _Slots(max_bytes)
        self._decoded: LRUCache[bytes, _Decoded] = LRUCache(MAX_DECODED, getsizeof=lambda decoded: decoded.size)

    @property
    def size(self) -> int:
        """The bytes in use."""
        return int(self._slots.currsize)

    def get(self, key: str) -> CacheEntry | None:
        """Return a cached page, however old."""
        slot = self._slots.get(key)
        return slot.entry if slot is not None else None

    def put(self, key: str, provider: str, entry: CacheEntry, page: Page) -> None:
        """Cache a page of a provider. A page that is larger than the whole cache is not kept."""
        slot = _Slot(entry, provider, tuple(image.id for image in page.images))
        self._slots.pop(key, None)
        if slot.size <= self._slots.maxsize:
            self._slots[key] = slot

    def decode(self, content: bytes) -> Page:
        """Decode a page; recently used pages stay decoded."""
        decoded = self._decoded.get(content)
        if decoded is None:
            decoded = _Decoded(decode(content), len(content))
            if decoded.size <= MAX_DECODED:
                self._decoded[content] = decoded
        return decoded.page

    def find(self, provider: str, id: str, revision: str) -> tuple[str, CacheEntry] | None:
        """Return the page on which an image was seen last, with its key, if it is of this revision."""
        key = self._slots.page_of.get((provider, id))
        if key is None or not is_of(key, revision):
            return None
        entry = self.get(key)
        return (key, entry) if entry is not None else None
