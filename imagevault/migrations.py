"""Piccolo's migrations, which find our tables by this module; a wheel has no `piccolo_conf.py`."""

import os

from piccolo.apps.migrations.commands.forwards import run_forwards
from piccolo.conf.apps import AppRegistry

from imagevault.database import DB

__all__ = ["APP_REGISTRY", "DB", "run_forwards"]

os.environ.setdefault("PICCOLO_CONF", __name__)
APP_REGISTRY = AppRegistry(apps=["imagevault_migrations.piccolo_app"])
