from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.columns.column_types import Bytea
from piccolo.columns.indexes import IndexMethod

ID = "2026-11-29T13:40:12:318704"
VERSION = "1.38.0"
DESCRIPTION = "page digests"


async def forwards():
    manager = MigrationManager(
        migration_id=ID, app_name="imagevault", description=DESCRIPTION
    )

    manager.add_column(
        table_class_name="CachedPage",
        tablename="iv_page",
        column_name="digests",
        db_column_name="digests",
        column_class_name="Bytea",
        column_class=Bytea,
        params={
            "default": None,
            "null": True,
            "primary_key": False,
            "unique": False,
            "index": False,
            "index_method": IndexMethod.btree,
            "choices": None,
            "db_column_name": None,
            "secret": False,
        },
        schema=None,
    )

    manager.add_column(
        table_class_name="CachedPage",
        tablename="iv_page",
        column_name="former_digests",
        db_column_name="former_digests",
        column_class_name="Bytea",
        column_class=Bytea,
        params={
            "default": None,
            "null": True,
            "primary_key": False,
            "unique": False,
            "index": False,
            "index_method": IndexMethod.btree,
            "choices": None,
            "db_column_name": None,
            "secret": False,
        },
        schema=None,
    )

    return manager
