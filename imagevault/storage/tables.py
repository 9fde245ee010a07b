"""The table of the clock. The tables of each package are in that package."""

from piccolo.columns import BigInt, Varchar
from piccolo.table import Table

from imagevault.storage.database import DB


class HostBoot(Table, tablename="iv_boot", db=DB):
    """When this host booted, by its clock as a worker first read it: milliseconds since 1970. Only with SQLite."""

    boot = Varchar(length=64, primary_key=True)
    booted_at = BigInt(default=0)
