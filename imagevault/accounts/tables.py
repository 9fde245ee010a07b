"""The table of accounts."""

from piccolo.columns import UUID, Boolean, Integer, Text, Timestamptz, Varchar
from piccolo.table import Table

from imagevault.storage.database import DB


class Account(Table, tablename="iv_account", db=DB):
    """One account.

    `username` is normalized (NFKC, case-folded). Raising `epoch` revokes every token issued before.
    """

    id = UUID(primary_key=True)
    username = Varchar(length=64, unique=True)
    password_hash = Text()
    is_admin = Boolean(default=False)
    is_active = Boolean(default=True)
    epoch = Integer(default=0)
    created_at = Timestamptz()
