"""The configuration of Piccolo's own commands in a checkout, such as `piccolo migrations new imagevault`."""

from imagevault.config.settings import load
from imagevault.storage.database import Database
from imagevault.storage.migrations import APP_REGISTRY

DB = Database(load()).engine

__all__ = ["APP_REGISTRY", "DB"]
