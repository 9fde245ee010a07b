"""The tables of upstream calls: the states of providers, who caused the calls, and how they went."""

from piccolo.columns import BigInt, Integer, Text, Varchar
from piccolo.table import Table

from imagevault.storage.database import DB


class ProviderState(Table, tablename="iv_provider", db=DB):
    """The state of one provider: `models.State` as JSON, replaced only while `version` is the one that was read."""

    name = Varchar(length=64, primary_key=True)
    version = Integer(default=0)
    state = Text(default="{}")


class DailyUsage(Table, tablename="iv_usage", db=DB):
    """What one caller used on one day (`day`: days since 1970): searches, and the calls that they caused.

    `provider` is empty in the row that counts searches. The key is `DAY:CALLER:PROVIDER`.
    """

    key = Varchar(length=160, primary_key=True)
    day = Integer(default=0, index=True)
    caller = Varchar(length=64, index=True)
    provider = Varchar(length=64)
    searches = Integer(default=0)
    calls = Integer(default=0)


class UpstreamCalls(Table, tablename="iv_upstream_calls", db=DB):
    """The calls to one provider in one slot of five minutes (`slot`: Unix time / 300), and the time that all took."""

    key = Varchar(length=96, primary_key=True)
    provider = Varchar(length=64)
    slot = BigInt(default=0, index=True)
    calls = Integer(default=0)
    failures = Integer(default=0)
    milliseconds = BigInt(default=0)
