"""The table of provider states."""

from piccolo.columns import Integer, Text, Varchar
from piccolo.table import Table

from imagevault.storage.database import DB


class ProviderState(Table, tablename="iv_provider", db=DB):
    """The state of one provider: `models.State` as JSON, replaced only while `version` is the one that was read."""

    name = Varchar(length=64, primary_key=True)
    version = Integer(default=0)
    state = Text(default="{}")
