"""The one Piccolo app: its tables and where its migrations are."""

from importlib.resources import files

from imagevault.accounts.tables import Account, ApiKey, OneTimeCode, PageSession, SecurityEvent, Throttle
from imagevault.downloads.tables import Download, DownloadEvent, RepeatableSave
from imagevault.cache.tables import CacheEviction, CacheUsage, CachedImage, CachedPage
from imagevault.runtime.tables import WorkerMetrics
from imagevault.search.tables import HiddenImage
from imagevault.storage.tables import HostBoot
from imagevault.upstream.tables import DailyUsage, ProviderState, UpstreamCalls
from piccolo.conf.apps import AppConfig

APP_CONFIG = AppConfig(
    app_name="imagevault",
    migrations_folder_path=str(files("imagevault_migrations")),
    table_classes=[
        Account, ApiKey, CacheEviction, CacheUsage, CachedImage, CachedPage, DailyUsage, Download, DownloadEvent,
        HiddenImage, HostBoot, OneTimeCode, PageSession, ProviderState, RepeatableSave, SecurityEvent, Throttle,
        UpstreamCalls, WorkerMetrics,
    ],
    migration_dependencies=[],
    commands=[],
)
