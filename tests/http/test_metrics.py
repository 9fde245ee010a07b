"""`GET /metrics`: who may read it, and what it counts of requests."""

from typing import Any

import httpx
import pytest

from imagevault.testing.upstreams.pexels import SimulatedPexels
from tests.runtime.test_metrics import labels, samples
from tests.support.waiting import EVENT_LIMIT, wait_until

TOKEN = "reads-the-metrics-and-nothing-else-9471"


class TestAccess:
    async def test_is_closed_by_default(self, start: Any) -> None:
        """As a path that does not exist."""
        api = await start()

        assert (await api.get("/metrics")).status_code == 404

    async def test_is_open_where_the_settings_say_so(self, start: Any) -> None:
        api = await start({"IMAGEVAULT_METRICS": "open"})

        answer = await api.get("/metrics")

        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert answer.headers["cache-control"] == "no-store"
        assert (await api.client.head("/metrics")).content == b""
        assert (await api.post("/metrics")).status_code == 405

    async def test_needs_the_token_where_there_is_one(self, start: Any) -> None:
        """No token of an account opens it, and no answer or line has the token."""
        api = await start({"IMAGEVAULT_METRICS_TOKEN": TOKEN, "IMAGEVAULT_METRICS": "open"})
        account = await api.sign_in(admin=True)
        right = {"Authorization": f"Bearer {TOKEN}"}
        wrong = [{}, account, {"Authorization": f"Basic {TOKEN}"}, {"Authorization": f"Bearer {TOKEN}x"}]

        refused = [await api.get("/metrics", headers=headers) for headers in wrong]
        accepted = await api.get("/metrics", headers=right)

        assert [answer.status_code for answer in refused] == [401] * 4
        assert all("Bearer" in answer.headers["www-authenticate"] for answer in refused)
        assert accepted.status_code == 200
        assert all(TOKEN not in answer.text for answer in [*refused, accepted])

    async def test_is_limited_like_any_request(self, start: Any) -> None:
        """Each reading costs a query and some milliseconds."""
        api = await start({"IMAGEVAULT_METRICS": "open", "IMAGEVAULT_LIMITS_REQUESTS": "2/minute"})

        assert [(await api.get("/metrics")).status_code for _ in range(4)] == [200, 200, 429, 429]


class TestCounts:
    async def test_are_of_routes_and_not_of_paths(self, start: Any) -> None:
        """What callers choose makes no series: paths, methods, ids."""
        api = await start({"IMAGEVAULT_METRICS": "open"})
        headers = await api.sign_in()
        for number in range(3):
            await api.get(f"/nowhere/{number}")
            await api.get(f"/images/local:{number}", headers=headers)
            await api.client.request(f"ODD{number}", "/health/live")
        await api.get("/health/live")

        found = samples((await api.get("/metrics")).content)
        counted = {labels: value for (name, labels), value in found.items() if name == "imagevault_http_requests_total"}

        assert counted[labels(method="GET", route="other", status="404")] == 3
        assert counted[labels(method="GET", route="/images/{id}", status="404")] == 3
        assert counted[labels(method="other", route="/health/live", status="405")] == 3
        assert counted[labels(method="GET", route="/health/live", status="200")] == 1
        assert found["imagevault_http_request_duration_seconds_count", labels(route="/images/{id}")] == 3

    async def test_are_the_same_for_kept_answers(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """A miss, a hit, and two kept answers."""
        api = await start({"IMAGEVAULT_METRICS": "open", "IMAGEVAULT_SEARCH": "open", **configured})
        for _ in range(4):
            assert (await api.get("/search?q=fox&provider=pexels")).status_code == 200

        found = samples((await api.get("/metrics")).content)

        assert found["imagevault_http_requests_total", labels(method="GET", route="/search", status="200")] == 4
        assert found["imagevault_provider_answers_total", labels(provider="pexels", status="ok")] == 4
        assert found["imagevault_cache_pages_total", labels(provider="pexels", status="hit", tier="memory")] == 3
        assert found["imagevault_cache_pages_total", labels(provider="pexels", status="miss", tier="upstream")] == 1
        assert found["imagevault_kept_answers_total", labels()] == 2
        assert found["imagevault_upstream_calls_total", labels(provider="pexels", result="200")] == 1
        assert found["imagevault_provider_quota_left_ratio", labels(provider="pexels")] <= 1
        assert found["imagevault_kept_answer_bytes", labels()] > 0


@pytest.mark.processes
def test_several_workers_are_one_server(serve: Any) -> None:
    """Every worker shows the requests of all; they are at most a few seconds behind."""
    environ = {"IMAGEVAULT_METRICS": "open", "IMAGEVAULT_WORKERS": "2", "IMAGEVAULT_LOG": "json"}
    server = serve(environ).wait_until_ready()
    sent = 0

    def ask() -> bool:
        nonlocal sent
        for _ in range(10):
            httpx.get(f"{server.url}/nowhere", timeout=EVENT_LIMIT)
            sent += 1
        return len({line["pid"] for line in server.lines("request")}) == 2

    def counted() -> float:
        found = samples(httpx.get(f"{server.url}/metrics", timeout=EVENT_LIMIT).content)
        return found.get(("imagevault_http_requests_total", labels(method="GET", route="other", status="404")), 0)

    wait_until(ask, "requests to both workers")
    wait_until(lambda: all(counted() == sent for _ in range(6)), "both to know all requests")
