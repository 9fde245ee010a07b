"""Health for load balancers."""

import asyncio
from typing import Any

import pytest

from imagevault.errors import DatabaseUnavailable
from imagevault.storage import database
from imagevault.storage.sqlite import SQLite


class TestHealth:
    @pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
    async def test_is_fine(self, api: Any, path: str) -> None:
        """Anyone gets 200 with one word, even with a bad credential."""
        for headers in ({}, {"Authorization": "Bearer expired"}):
            answer = await api.get(path, headers=headers)

            assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
            assert answer.headers["content-type"] == "application/json"

    async def test_without_a_database_it_lives_and_is_not_ready(
        self, start: Any, monkeypatch: pytest.MonkeyPatch, edge_of: Any
    ) -> None:
        """A restart would not help, but sending it no requests does."""
        api = await start()

        async def away() -> None:
            raise DatabaseUnavailable("gone")

        monkeypatch.setattr(edge_of(api).health, "check_database", away)

        ready, live = await api.get("/health/ready"), await api.get("/health/live")

        assert (ready.status_code, live.status_code) == (503, 200)
        assert ready.headers["content-type"] == "application/problem+json"
        assert ready.headers["retry-after"] == "1"

    async def test_a_database_that_does_not_answer_is_not_waited_for(
        self, start: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A probe gets 503 before it times out."""
        api = await start()
        monkeypatch.setattr(database, "READY_DEADLINE", 0.05)
        monkeypatch.setattr(SQLite, "ping", lambda _: asyncio.Event().wait())

        assert (await api.get("/health/ready")).status_code == 503

    async def test_a_server_that_drains_lives_and_is_not_ready(self, start: Any) -> None:
        """It answers 503 to `ready`, and still answers all other requests."""
        api = await start(toml="draining = true")

        ready, live, other = [await api.get(path) for path in ("/health/ready", "/health/live", "/docs")]

        assert (ready.status_code, live.status_code, other.status_code) == (503, 200, 200)
        assert ready.json()["detail"].startswith("The server is draining.")
        assert ready.headers["retry-after"] == "60"
        assert "connection" not in ready.headers
