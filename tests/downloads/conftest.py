"""What the tests of the ledger share."""

from typing import Any

import pytest


@pytest.fixture
async def api(start: Any, database_url: str) -> Any:
    """A server on each engine, whose limit of requests no test reaches."""
    return await start({"DATABASE_URL": database_url, "IMAGEVAULT_LIMITS_REQUESTS": "100000/minute"})
