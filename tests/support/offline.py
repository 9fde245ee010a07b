"""The environment in which no test calls an upstream that is not simulated."""

from importlib.metadata import entry_points

OURS = tuple(f"{point.name.upper()}_" for point in entry_points(group="imagevault"))
"""How the variables of each provider of ours begin."""
OFFLINE = {f"{name}ENABLED": "false" for name in OURS if name[:-1].lower() not in {"local", "pexels"}}
"""Every provider is off, except those that need no network or are simulated."""
