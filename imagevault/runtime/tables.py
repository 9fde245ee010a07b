"""What workers tell each other for `/metrics`."""

from piccolo.columns import BigInt, Text, Varchar
from piccolo.table import Table

from imagevault.storage.database import DB


class WorkerMetrics(Table, tablename="iv_metrics", db=DB):
    """The counters of one worker, as JSON (`runtime/metrics.py`).

    `host` is the host that it runs on, `written_at` milliseconds since 1970.
    """

    worker = Varchar(length=96, primary_key=True)
    host = Varchar(length=64, index=True)
    written_at = BigInt(default=0)
    content = Text(default="")
