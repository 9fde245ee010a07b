"""Health for load balancers."""

import asyncio
from typing import Any

import pytest

from imagevault.errors import DatabaseUnavailable
from imagevault.http import health


class TestHealth:
    @pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
    async def test_is_fine(self, api: Any, path: str) -> None:
        """200 with one word, open to anyone, also with a bad credential."""
        for headers in ({}, {"Authorization": "Bearer expired"}):
            answer = await api.get(path, headers=headers)

            assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
            assert answer.headers["content-type"] == "application/json"

    async def test_without_a_database_it_lives_and_is_not_ready(
        self, start: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Restarting the process would not help; sending it no requests does."""
        api = await start()

        async def away() -> None:
            raise DatabaseUnavailable("gone")

        monkeypatch.setattr(_health(api), "ping", away)

        ready, live = await api.get("/health/ready"), await api.get("/health/live")

        assert (ready.status_code, live.status_code) == (503, 200)
        assert ready.headers["content-type"] == "application/problem+json"
        assert ready.headers["retry-after"] == "1"

    async def test_a_database_that_does_not_answer_is_not_waited_for(
        self, start: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A probe gets its 503 before it gives up."""
        api = await start()
        monkeypatch.setattr(health, "DATABASE_DEADLINE", 0.05)
        monkeypatch.setattr(_health(api), "ping", asyncio.Event().wait)

        async with asyncio.timeout(2):
            assert (await api.get("/health/ready")).status_code == 503


def _health(api: Any) -> Any:
    return api.client._transport.app.app
