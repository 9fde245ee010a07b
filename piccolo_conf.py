"""For Piccolo's own commands in a checkout: `piccolo migrations new imagevault` and the like."""

from imagevault.database import Database
from imagevault.migrations import APP_REGISTRY
from imagevault.settings import load

DB = Database(load()).engine

__all__ = ["APP_REGISTRY", "DB"]
