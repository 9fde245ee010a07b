"""The table of accounts."""

from piccolo.columns import UUID, Boolean, Integer, Text, Timestamptz, Varchar
from piccolo.table import Table

from imagevault.storage.database import DB


class Account(Table, tablename="iv_account", db=DB):
    """One account. `username` is folded (NFKC, case); `epoch` counts up to end every token given out before."""

    id = UUID(primary_key=True)
    username = Varchar(length=64, unique=True)
    password_hash = Text()
    is_admin = Boolean(default=False)
    is_active = Boolean(default=True)
    epoch = Integer(default=0)
    created_at = Timestamptz()
