"""Refusals at the addresses of pages: pages for browsers, problem details for programs."""

from typing import Any

import pytest

from imagevault.errors import DatabaseUnavailable

# As Chromium and Firefox send it when they open an address.
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"}
PAGES = ["/", "/?q=fox", "/picture/local:fox-in-snow.jpg", "/my/downloads", "/my/nope", "/session"]
PROBLEM = "application/problem+json"


def check_page(response: Any, status: int) -> None:
    """Checks that a response is a whole page that holds the id of its request."""
    assert (response.status_code, response.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert response.text.startswith("<!DOCTYPE html>")
    assert response.text.rstrip().endswith("</html>")
    assert f"Request {response.headers['x-request-id']}" in response.text
    assert "script-src 'self'" in response.headers["content-security-policy"]
    assert response.headers["cache-control"] == "no-store"


class TestWithoutRoute:
    """What the edge refuses before a route is found."""

    @pytest.mark.parametrize("path", PAGES)
    async def test_too_many_requests(self, start: Any, path: str) -> None:
        api = await start({"IMAGEVAULT_LIMITS_REQUESTS": "1/hour"})
        await api.get("/docs")

        page = await api.get(path, headers=BROWSER)
        problem = await api.get(path)

        check_page(page, 429)
        assert "<h1>Too Many Requests</h1>" in page.text
        assert (problem.status_code, problem.headers["content-type"]) == (429, PROBLEM)
        for name in ("retry-after", "ratelimit-policy", "ratelimit"):
            assert page.headers[name] == problem.headers[name]

    async def test_a_database_that_is_away(self, start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is asked who has the session before a route is looked for."""
        api = await start()

        async def away(*_: Any) -> None:
            raise DatabaseUnavailable("could not connect to server db.internal:5432")

        monkeypatch.setattr(api.client._transport.app.authentication, "verify_session", away)
        cookie = {"Cookie": "iv=abc"}

        page = await api.get("/my/downloads", headers={**BROWSER, **cookie})
        problem = await api.get("/my/downloads", headers=cookie)

        check_page(page, 503)
        assert "The database does not answer" in page.text
        assert "db.internal" not in page.text
        assert page.headers["retry-after"] == problem.headers["retry-after"] == "1"
        assert problem.headers["content-type"] == PROBLEM

    async def test_a_head_has_no_body(self, start: Any) -> None:
        api = await start({"IMAGEVAULT_LIMITS_REQUESTS": "1/hour"})
        await api.get("/docs")

        response = await api.client.request("HEAD", "/", headers=BROWSER)

        assert (response.status_code, response.content) == (429, b"")

    @pytest.mark.parametrize("path", ["/search?q=fox", "/downloads", "/docs", "/mywork", "/sessions"])
    async def test_the_api_answers_as_before(self, start: Any, path: str) -> None:
        api = await start({"IMAGEVAULT_LIMITS_REQUESTS": "1/hour"})
        await api.get("/docs")

        response = await api.get(path, headers=BROWSER)

        assert (response.status_code, response.headers["content-type"]) == (429, PROBLEM)


class TestWithoutHandler:
    @pytest.mark.parametrize("path", ["/nope", "/my/nope", "/my/downloads/123", "/picture", "/nope/<b>"])
    async def test_no_such_address(self, api: Any, path: str) -> None:
        """It needs no account to say so, but shows whose session it is."""
        page = await api.get(path, headers={**BROWSER, **api.headers})
        problem = await api.get(path)

        check_page(page, 404)
        assert ">ada</a>" in page.text
        assert "<b>" not in page.text
        assert (problem.status_code, problem.headers["content-type"]) == (404, PROBLEM)

    async def test_another_method(self, api: Any) -> None:
        page = await api.post("/", headers=BROWSER)
        problem = await api.client.request("PATCH", "/downloads", headers=BROWSER)

        check_page(page, 405)
        assert page.headers["allow"] == (await api.post("/")).headers["allow"]
        assert (problem.status_code, problem.headers["content-type"]) == (405, PROBLEM)
