"""The configuration of Piccolo's migrations. `database` names this module in PICCOLO_CONF.

It is imported only when a migration is due.
"""

from piccolo.conf.apps import AppRegistry

from imagevault.storage.database import DB

__all__ = ["APP_REGISTRY", "DB"]

APP_REGISTRY = AppRegistry(apps=["imagevault_migrations.piccolo_app"])
