"""The index that a page of somebody's ledger is read by: newest first, by (time, id)."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from imagevault.downloads.tables import Download

ID = "2026-11-23T07:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "index of the ledger by account and time"


async def forwards() -> MigrationManager:
    """A migration of its own: raw steps run before the tables of the same file are made."""
    manager = MigrationManager(migration_id=ID, app_name="imagevault", description=DESCRIPTION)

    async def create_index() -> None:
        await Download.raw("CREATE INDEX iv_download_by_account ON iv_download (account, created_at, id)")

    manager.add_raw(create_index)
    return manager
