"""The table of downloads: the ledger."""

from piccolo.columns import UUID, Boolean, Integer, Text, Timestamptz, Varchar
from piccolo.table import Table

from imagevault.storage.database import DB


class Download(Table, tablename="iv_download", db=DB):
    """One download, with title, author, licence and credit as they were when it was recorded."""

    id = UUID(primary_key=True)
    account = UUID(default=None)
    image = Text(null=True, default=None)
    provider = Varchar(length=64, null=True, default=None)
    url = Text()
    rendition = Varchar(length=16, null=True, default=None)
    width = Integer(null=True, default=None)
    height = Integer(null=True, default=None)
    title = Text(null=True, default=None)
    author_name = Text(null=True, default=None)
    author_url = Text(null=True, default=None)
    source_url = Text(null=True, default=None)
    license_id = Text(null=True, default=None)
    license_name = Text(null=True, default=None)
    license_url = Text(null=True, default=None)
    attribution_required = Boolean(null=True, default=None)
    commercial = Boolean(null=True, default=None)
    modification = Boolean(null=True, default=None)
    credit_text = Text(null=True, default=None)
    credit_html = Text(null=True, default=None)
    credit_markdown = Text(null=True, default=None)
    provider_ref = Text(null=True, default=None)
    project = Text(null=True, default=None)
    note = Text(null=True, default=None)
    created_at = Timestamptz()
