"""The one Piccolo app: its tables and where its migrations are."""

from importlib.resources import files

from imagevault.accounts.tables import Account
from imagevault.downloads.tables import Download
from imagevault.cache.tables import CacheUsage, CachedImage, CachedPage
from imagevault.upstream.tables import ProviderState
from piccolo.conf.apps import AppConfig

APP_CONFIG = AppConfig(
    app_name="imagevault",
    migrations_folder_path=str(files("imagevault_migrations")),
    table_classes=[Account, CacheUsage, Download, CachedImage, CachedPage, ProviderState],
    migration_dependencies=[],
    commands=[],
)
