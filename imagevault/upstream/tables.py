"""The table of provider states."""

from piccolo.columns import Integer, Text, Varchar
from piccolo.table import Table

from imagevault.storage.database import DB


class ProviderState(Table, tablename="iv_provider", db=DB):
    """The state of one provider (`admission.State` as JSON), changed only where `version` is still the one read."""

    name = Varchar(length=64, primary_key=True)
    version = Integer(default=0)
    state = Text(default="{}")
