"""Cross-origin requests."""

from typing import Any

import pytest

ORIGIN = "https://app.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


class TestCors:
    async def test_is_off_by_default(self, api: Any) -> None:
        """No other origin may read a response."""
        for answer in (
            await api.get("/health/live", headers={"Origin": ORIGIN}),
            await api.client.options("/download", headers={"Origin": ORIGIN, **PREFLIGHT}),
        ):
            assert not [name for name in answer.headers if name.startswith("access-control-")]
            assert "vary" not in answer.headers

    async def test_a_preflight_of_an_allowed_origin(self, start: Any) -> None:
        """The response lists methods and headers. It needs no credential and never allows cookies."""
        api = await start({"IMAGEVAULT_CORS_ORIGINS": ORIGIN})

        answer = await api.client.options("/download", headers={"Origin": ORIGIN, **PREFLIGHT})

        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "POST" in answer.headers["access-control-allow-methods"].split(", ")
        assert set(answer.headers["access-control-allow-headers"].split(", ")) == {
            *("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "If-Range", "Range", "X-Request-ID")
        }
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in answer.headers

    @pytest.mark.parametrize(
        ("path", "status"), [("/health/live", 200), ("/protected", 401), ("/nothing", 404), ("/search?q=%ff", 400)]
    )
    async def test_an_allowed_origin_may_read_the_answer(self, start: Any, path: str, status: int) -> None:
        """It may read errors too, so that a page can show them."""
        api = await start({"IMAGEVAULT_CORS_ORIGINS": f"https://other.example, {ORIGIN}"})

        answer = await api.get(path, headers={"Origin": ORIGIN})

        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        exposed = answer.headers["access-control-expose-headers"].split(", ")
        assert {"ETag", "Link", "Retry-After", "Idempotent-Replayed", "Content-Disposition"} <= set(exposed)
        assert answer.headers["vary"] == "Origin"

    @pytest.mark.parametrize(
        "origin",
        [
            "https://appXexample",
            "https://app.example.evil.example",
            "http://app.example",
            "https://app.example:8443",
            "https://APP.example",
            "https://evil.example",
            "null",
            "*",
            "",
        ],
    )
    async def test_another_origin_may_not(self, start: Any, origin: str) -> None:
        """Origins are compared character by character, and Vary says that the response depends on them."""
        api = await start({"IMAGEVAULT_CORS_ORIGINS": ORIGIN})

        plain = await api.get("/health/live", headers={"Origin": origin})
        preflight = await api.client.options("/download", headers={"Origin": origin, **PREFLIGHT})

        for answer in (plain, preflight):
            assert not [name for name in answer.headers if name.startswith("access-control-")]
            assert answer.headers["vary"] == "Origin"

    async def test_the_answer_depends_on_the_origin_also_where_none_is_given(self, start: Any) -> None:
        """Otherwise a cache could serve a response without the headers to a page that needs them."""
        api = await start({"IMAGEVAULT_CORS_ORIGINS": ORIGIN})

        assert (await api.get("/health/live")).headers["vary"] == "Origin"
