"""The tables of the cache: pages, the page on which each image stands, and how often the cache served."""

from piccolo.columns import BigInt, Bytea, Integer, Text, Varchar
from piccolo.table import Table

from imagevault.storage.database import DB


class CachedPage(Table, tablename="iv_page", db=DB):
    """A provider's page (msgpack), and the page that it replaced (`former`). Times are milliseconds since 1970."""

    key = Varchar(length=64, primary_key=True)
    provider = Varchar(length=64, index=True)
    stored_at = BigInt(default=0, index=True)
    content = Bytea(default=b"")
    former = Bytea(null=True, default=None)
    former_at = BigInt(default=0)


class CachedImage(Table, tablename="iv_page_image", db=DB):
    """The page on which an image was seen last. `id` is `PROVIDER:ID`."""

    id = Text(primary_key=True)
    page = Varchar(length=64, index=True)


class CacheUsage(Table, tablename="iv_cache_use", db=DB):
    """How often a provider's pages came from the cache in one slot of five minutes (`slot`: Unix time / 300)."""

    key = Varchar(length=96, primary_key=True)
    provider = Varchar(length=64)
    slot = BigInt(default=0, index=True)
    hits = Integer(default=0)
    stale = Integer(default=0)
    misses = Integer(default=0)
