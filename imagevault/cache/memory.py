"""The first storey of the cache: encoded pages in memory, bounded in bytes, the least recently used out first."""

from collections import OrderedDict

import msgspec

from imagevault.cache.store import CacheEntry
from imagevault.records import Image, Page

MAX_BYTES = 32 * 1024 * 1024
DECODED = 32  # pages kept decoded too: some 300 KB each, and 0.1 ms less for every search that is cut out of them
OVERHEAD = 200  # bytes that an entry costs beside its content, and each id in the index

_decoder = msgspec.msgpack.Decoder(Page)


def encode(page: Page) -> bytes:
    """A page as it is kept."""
    return msgspec.msgpack.encode(page)


def decode(content: bytes) -> Page:
    """A page from what was kept."""
    return _decoder.decode(content)


class MemoryCache:
    """Pages by key, and on which of them each image stands."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        self.kept: OrderedDict[str, tuple[CacheEntry, str, tuple[str, ...]]] = OrderedDict()
        self.seen: dict[tuple[str, str], str] = {}
        self.decoded: OrderedDict[bytes, Page] = OrderedDict()

    def get(self, key: str) -> CacheEntry | None:
        """What is kept under this key, however old."""
        if (found := self.kept.get(key)) is None:
            return None
        self.kept.move_to_end(key)
        return found[0]

    def put(self, key: str, provider: str, kept: CacheEntry, page: Page) -> None:
        """Keeps a page of a provider."""
        self._drop(key)
        ids = tuple(image.id for image in page.images)
        self.kept[key] = (kept, provider, ids)
        self.bytes += _size(kept, ids)
        self.seen.update(((provider, id), key) for id in ids)
        while self.bytes > self.max_bytes:
            self._drop(next(iter(self.kept)))

    def read(self, content: bytes) -> Page:
        """The page of this content, decoded at most once while it is much asked for."""
        if (page := self.decoded.get(content)) is None:
            page = self.decoded[content] = decode(content)
            if len(self.decoded) > DECODED:
                self.decoded.popitem(last=False)
        else:
            self.decoded.move_to_end(content)
        return page

    def find(self, provider: str, id: str) -> CacheEntry | None:
        """The page on which an image was seen last."""
        key = self.seen.get((provider, id))
        return self.get(key) if key is not None else None

    def _drop(self, key: str) -> None:
        if (found := self.kept.pop(key, None)) is None:
            return
        kept, provider, ids = found
        self.bytes -= _size(kept, ids)
        for id in ids:
            if self.seen.get((provider, id)) == key:
                del self.seen[provider, id]


def on_page(kept: CacheEntry, id: str) -> Image | None:
    """The image of this id on a kept page."""
    return next((image for image in decode(kept.content).images if image.id == id), None)


def _size(kept: CacheEntry, ids: tuple[str, ...]) -> int:
    return len(kept.content) + len(kept.former or b"") + OVERHEAD * (1 + len(ids))
