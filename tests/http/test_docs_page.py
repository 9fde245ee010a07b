"""The documentation page, which loads nothing from another server."""

import re
from typing import Any

import pytest

ASSETS = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png", "docs.js"]


class TestPage:
    async def test_loads_nothing_from_elsewhere(self, api: Any) -> None:
        """Every address in it is an existing path of this server."""
        answer = await api.get("/docs")
        addresses = re.findall(r'(?:src|href|data-openapi)="([^"]*)"', answer.text)

        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "//" not in answer.text.replace("<!DOCTYPE", "")
        assert {f"/docs-assets/{name}" for name in ASSETS} | {"/docs/openapi.json"} == set(addresses)
        for address in addresses:
            assert (await api.get(address)).status_code == 200

    async def test_its_policy_lets_in_only_ourselves(self, api: Any) -> None:
        """It allows no inline script, no other host, and no frame around the page."""
        headers = (await api.get("/docs")).headers
        policy = {
            name: set(values)
            for name, *values in (part.split() for part in headers["content-security-policy"].split(";"))
        }

        assert policy["default-src"] == {"'none'"}
        assert policy["script-src"] == {"'self'"}
        assert policy["connect-src"] == {"'self'"}
        assert policy["frame-ancestors"] == policy["base-uri"] == {"'none'"}
        assert set().union(*policy.values()) <= {"'none'", "'self'", "'unsafe-inline'", "data:"}
        assert [name for name, values in policy.items() if "'unsafe-inline'" in values] == ["style-src"]
        assert headers["cross-origin-opener-policy"] == "same-origin"

    async def test_has_no_inline_script(self, api: Any) -> None:
        """Its own policy would block one."""
        text = (await api.get("/docs")).text

        assert re.findall(r"<script[^>]*>([^<]*)</script>", text) == ["", ""]
        assert not re.search(r"\son\w+=|javascript:|<style", text)

    @pytest.mark.parametrize("path", ["", "/", "/openapi.json", "/openapi.yaml", "/swagger", "/redoc", "/nothing"])
    async def test_the_framework_has_no_pages_of_its_own_here(self, api: Any, path: str) -> None:
        """They would load scripts from a CDN."""
        for headers in (None, api.headers):
            answer = await api.get(f"/schema{path}", headers=headers)

            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


class TestAssets:
    @pytest.mark.parametrize("name", ASSETS)
    async def test_have_their_type_and_a_policy(self, api: Any, name: str) -> None:
        """A browser recognises their type and may cache them."""
        kinds = {"css": "text/css", "js": "text/javascript", "png": "image/png"}

        answer = await api.get(f"/docs-assets/{name}")

        assert answer.headers["content-type"].split(";")[0] == kinds[name.rpartition(".")[2]]
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["cache-control"] == "public, max-age=86400"
        assert len(answer.content) > 100

    @pytest.mark.parametrize("name", ["swagger-ui.css", "docs.js"])
    async def test_ask_for_nothing_elsewhere(self, api: Any, name: str) -> None:
        """No style or script of the page fetches from another host."""
        text = (await api.get(f"/docs-assets/{name}")).text

        assert not re.search(r"(?:url\(|@import|src=|fetch\()\s*['\"]?(?:https?:)?//", text)

    @pytest.mark.parametrize(
        "name",
        [
            "nothing.js",
            "docs.py",
            "..%2fdocs.py",
            "%2e%2e%2fdocs.py",
            "..%5cdocs.py",
            "%2fetc%2fpasswd",
            "docs.js%20",
            "DOCS.JS",
            ".",
            "%2e%2e",
            "%252e%252e%252fdocs.py",
        ],
    )
    async def test_nothing_else_is_there(self, api: Any, name: str) -> None:
        """Names are looked up, never joined to a folder (CVE-2024-32982)."""
        answer = await api.get(f"/docs-assets/{name}")

        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
