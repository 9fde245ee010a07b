"""The headers of every response."""

from typing import Any

import pytest

# One of each kind of answer: method, path, status.
ANSWERS = [
    ("GET", "/health/live", 200),
    ("GET", "/health/ready", 200),
    ("GET", "/docs", 200),
    ("GET", "/docs/openapi.json", 200),
    ("GET", "/docs-assets/docs.js", 200),
    ("GET", "/docs-assets/nothing", 404),
    ("GET", "/nothing", 404),
    ("GET", "/a%ff", 400),
    ("GET", "/?" + "a" * 9000, 414),
    ("GET", "/protected", 401),
    ("GET", "/media/local/original/fox?expires=1&signature=x", 403),
    ("POST", "/protected", 405),
    ("POST", "/health/live", 405),
    ("OPTIONS", "/protected", 204),
    ("POST", "/signup", 415),
    ("HEAD", "/protected", 401),
]


class TestEveryAnswer:
    @pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
    async def test_has_the_headers_of_every_answer(self, api: Any, method: str, path: str, status: int) -> None:
        """Errors, health and pages have an id, a timing, and security headers."""
        answer = await api.client.request(method, path)

        assert answer.status_code == status
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["permissions-policy"].startswith("camera=(), geolocation=()")
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cache-control"] in {"no-store", "public, max-age=86400"}
        assert answer.headers["server-timing"].startswith("total;dur=")
        assert answer.headers["x-request-id"]
        assert not {"server", "strict-transport-security", "access-control-allow-origin"} & answer.headers.keys()

    @pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
    async def test_has_each_header_once(self, api: Any, method: str, path: str, status: int) -> None:
        """A header that a route sets is not set again."""
        names = [name.lower() for name, _ in (await api.client.request(method, path)).headers.raw]

        assert sorted(names) == sorted(set(names))

    async def test_tells_browsers_to_stay_on_https(self, start: Any) -> None:
        """HSTS is sent if the public address is https."""
        api = await start({"IMAGEVAULT_PUBLIC_URL": "https://images.example"})

        answer = await api.get("/health/live")

        assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
