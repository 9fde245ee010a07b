"""What Piccolo's migrations look for, by the name that `database` gives them; loaded only when one is due."""

from piccolo.conf.apps import AppRegistry

from imagevault.storage.database import DB

__all__ = ["APP_REGISTRY", "DB"]

APP_REGISTRY = AppRegistry(apps=["imagevault_migrations.piccolo_app"])
