"""Limits for a busy machine, where a search and its calls take longer than they may by default."""

from imagevault.testing.simulated import SIMULATED

PATIENT = {"IMAGEVAULT_DEADLINE": "20", **{f"{name.upper()}_TIMEOUT": "20" for name in SIMULATED}}


def patience(toml: str) -> dict[str, str]:
    """Those limits of `PATIENT` that this config does not set itself."""
    return {name: limit for name, limit in PATIENT.items() if name.rpartition("_")[2].lower() not in toml}
