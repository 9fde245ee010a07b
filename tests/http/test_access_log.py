"""The log line of each request. tests/test_logs.py tests the lines of real servers."""

import logging
from typing import Any

import pytest

LOGGER = "imagevault.http.access_log"


class TestLine:
    async def test_says_what_was_asked_and_answered(self, api: Any, caplog: pytest.LogCaptureFixture) -> None:
        """HEAD is logged as HEAD, the path without its query, and a refusal by the edge like any other request."""
        with caplog.at_level(logging.INFO, LOGGER):
            await api.client.head("/protected?x=secret", headers=api.headers)
            await api.get("/nothing", headers={"Host": "evil.example"})
            await api.get("/" + "a" * 9000)

        lines: list[Any] = [record for record in caplog.records if record.name == LOGGER]
        assert {line.getMessage() for line in lines} == {"request"}
        assert [(line.method, line.path[:10], line.status) for line in lines] == [
            ("HEAD", "/protected", 400),
            ("GET", "/nothing", 400),
            ("GET", "/" + "a" * 9, 414),
        ]
        assert [line.caller is not None for line in lines] == [True, False, False]
        assert all(line.ms >= 0 for line in lines)

    async def test_of_a_health_probe_is_for_debugging(self, api: Any, caplog: pytest.LogCaptureFixture) -> None:
        """Load balancers send one every few seconds."""
        with caplog.at_level(logging.DEBUG, LOGGER):
            await api.get("/health/live")
            await api.get("/health/nothing")
            await api.get("/nothing")

        levels = [record.levelname for record in caplog.records if record.name == LOGGER]
        assert levels == ["DEBUG", "DEBUG", "INFO"]
