"""When a worker wants no more requests. tests/runtime/test_reload.py stops real servers."""

from typing import Any

import pytest

from imagevault import logs
from imagevault.http.drain import Drain


class TestDrain:
    def test_follows_the_config(self) -> None:
        """`draining` may be set and taken back while the server runs."""
        draining = [False]
        drain = Drain(lambda: draining[0])

        assert not drain.is_draining
        draining[0] = True
        assert drain.is_draining
        assert not drain.stopping
        draining[0] = False
        assert not drain.is_draining

    def test_a_stop_is_announced_once_and_for_all(self, caplog: pytest.LogCaptureFixture) -> None:
        """The log line belongs to no request, even if the signal interrupts one."""
        logs.bind_fields({"request_id": "interrupted"})
        drain = Drain(lambda: False)

        drain.announce_stop()

        assert (drain.stopping, drain.is_draining) == (True, True)
        [record] = caplog.records
        assert record.getMessage().startswith("draining: ")

    async def test_each_response_of_a_stopping_worker_ends_its_connection(
        self, api: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Clients then connect to another worker."""
        before = await api.get("/health/live")
        monkeypatch.setattr(api.app.drain, "stopping", True)
        after = [await api.get(path) for path in ("/health/live", "/health/ready", "/nothing")]

        assert "connection" not in before.headers
        assert [response.headers["connection"] for response in after] == ["close"] * 3
        assert [response.status_code for response in after] == [200, 503, 404]
