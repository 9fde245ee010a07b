"""The tables of the cache: pages, the page on which each image stands, the eviction, and how often the cache served."""

from piccolo.columns import BigInt, Bytea, Integer, Text, Varchar
from piccolo.table import Table

from imagevault.storage.database import DB


class CachedPage(Table, tablename="iv_page", db=DB):
    """A provider's page (msgpack), and the page that it replaced (`former`). Times are milliseconds since 1970.

    `digests` are those of the pictures on the page (`cache/page_digests.py`). `used_at` is when the page was used last,
    exact to ten minutes, and `size` what it takes with its images (`cache/eviction.py`); both are 0 in a row of an
    older version.
    """

    key = Varchar(length=64, primary_key=True)
    provider = Varchar(length=64, index=True)
    stored_at = BigInt(default=0, index=True)
    content = Bytea(default=b"")
    former = Bytea(null=True, default=None)
    former_at = BigInt(default=0)
    digests = Bytea(null=True, default=None)
    former_digests = Bytea(null=True, default=None)
    used_at = BigInt(default=0, index=True)
    size = BigInt(default=0, index=True)


class CachedImage(Table, tablename="iv_page_image", db=DB):
    """The page on which an image was seen last. `id` is `PROVIDER:ID`."""

    id = Text(primary_key=True)
    page = Varchar(length=64, index=True)


class CacheEviction(Table, tablename="iv_cache_eviction", db=DB):
    """Whose turn it is to evict: when the last turn began, and the image up to which lost ones were looked for."""

    name = Varchar(length=16, primary_key=True)
    began_at = BigInt(default=0)
    image = Text(default="")


class CacheUsage(Table, tablename="iv_cache_use", db=DB):
    """How often a provider's pages came from the cache in one slot of five minutes (`slot`: Unix time / 300)."""

    key = Varchar(length=96, primary_key=True)
    provider = Varchar(length=64)
    slot = BigInt(default=0, index=True)
    hits = Integer(default=0)
    stale = Integer(default=0)
    misses = Integer(default=0)
