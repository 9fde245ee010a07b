"""The licence passport of a download, its checks and its file; saves that may be repeated; hidden images."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.columns.column_types import UUID, BigInt, Column, Text, Timestamptz, Varchar
from piccolo.columns.indexes import IndexMethod

from imagevault.downloads.tables import Download

ID = "2026-11-29T22:00:00:000010"
VERSION = "1.38.0"
DESCRIPTION = "licence passport, checks and file of a download; repeated saves; hidden images"

INDEXES = {
    "iv_download_by_provider": "(account, provider, created_at, id)",
    "iv_download_by_project": "(account, project, created_at, id)",
    "iv_download_by_license": "(account, license_id, created_at, id)",
    "iv_download_by_status": "(account, status, created_at, id) WHERE status IS NOT NULL",
    "iv_download_by_image": "(image, account, created_at)",
    "iv_download_to_check": "(provider, checked_at)",
}


def _columns() -> dict[str, Column]:
    return {
        "fetched_at": Timestamptz(null=True, default=None),
        "declared_by": Varchar(length=16, null=True, default=None),
        "declared_field": Text(null=True, default=None),
        "declared_words": Text(null=True, default=None),
        "record": Text(null=True, default=None),
        "record_hash": Varchar(length=64, null=True, default=None),
        "stated_by_caller": Text(null=True, default=None),
        "search_text": Text(null=True, default=None),
        "status": Varchar(length=16, null=True, default=None),
        "checked_at": BigInt(default=0),
        "change": Text(null=True, default=None),
        "size": BigInt(null=True, default=None),
        "sha256": Varchar(length=64, null=True, default=None),
        "media_type": Varchar(length=40, null=True, default=None),
    }


def _add(manager: MigrationManager, table: str, tablename: str, name: str, kind: type[Column], **more: object) -> None:
    params = {
        "null": False,
        "primary_key": False,
        "unique": False,
        "index": False,
        "index_method": IndexMethod.btree,
        "choices": None,
        "db_column_name": None,
        "secret": False,
        **more,
    }
    manager.add_column(
        table_class_name=table,
        tablename=tablename,
        column_name=name,
        db_column_name=name,
        column_class_name=kind.__name__,
        column_class=kind,
        params=params,
        schema=None,
    )


async def forwards() -> MigrationManager:
    """Raw steps run first, in the transaction of the migration: the indexes need the columns."""
    manager = MigrationManager(migration_id=ID, app_name="imagevault", description=DESCRIPTION)

    async def extend_downloads() -> None:
        for name, column in _columns().items():
            await Download.alter().add_column(name, column)
        for name, columns in INDEXES.items():
            await Download.raw(f"CREATE INDEX {name} ON iv_download {columns}")

    manager.add_raw(extend_downloads)

    manager.add_table(class_name="RepeatableSave", tablename="iv_repeatable_save", schema=None, columns=None)
    save = ("RepeatableSave", "iv_repeatable_save")
    _add(manager, *save, "id", Varchar, length=64, default="", primary_key=True)
    _add(manager, *save, "account", UUID, default=None, index=True)
    _add(manager, *save, "fingerprint", Varchar, length=64, default="")
    _add(manager, *save, "answer", Text, default=None, null=True)
    _add(manager, *save, "created_at", BigInt, default=0, index=True)
    _add(manager, *save, "lease_until", BigInt, default=0)
    _add(manager, *save, "owner", Varchar, length=32, default="")

    manager.add_table(class_name="HiddenImage", tablename="iv_hidden_image", schema=None, columns=None)
    hidden = ("HiddenImage", "iv_hidden_image")
    _add(manager, *hidden, "image", Text, default="", primary_key=True)
    _add(manager, *hidden, "reason", Text, default="")
    _add(manager, *hidden, "hidden_at", BigInt, default=0)

    return manager
