"""The tour of the README with a real server process over HTTP."""

import asyncio
from typing import Any

import httpx

from imagevault.testing.upstreams.pexels import SimulatedPexels

ACCOUNT = {"username": "Ada", "password": "violet-harbour-71"}


def sign_in(client: httpx.Client) -> dict[str, str]:
    """Create an account over HTTP, and return the headers with its token."""
    made = client.post("/signup", json=ACCOUNT)
    assert (made.status_code, made.json()["username"]) == (201, "ada")
    token = client.post("/token", data=ACCOUNT)
    assert token.json()["token_type"] == "bearer"
    return {"Authorization": f"Bearer {token.json()['access_token']}"}


class TestTour:
    def test_with_no_key_and_no_network(self, serve: Any, database_url: str) -> None:
        """Sign up, log in, search, open a picture, download it, list it; the record survives a restart."""
        server = serve({"DATABASE_URL": database_url}).wait_until_ready()
        with httpx.Client(base_url=server.url) as client:
            headers = sign_in(client)
            assert client.get("/protected", headers=headers).json()["username"] == "ada"
            found = client.get("/search", params={"q": "mountain"}, headers=headers).json()
            assert [provider["status"] for provider in found["providers"]] == ["unconfigured", "unconfigured", "ok"]
            picture = found["images"][0]
            link = picture["renditions"][0]["url"]
            assert link.startswith(server.url)
            assert client.get(link).headers["content-type"].startswith("image/")
            kept = client.post("/download", json={"image": picture["id"]}, headers=headers)
            assert (kept.status_code, kept.json()["attribution"]) == (201, picture["attribution"])
        assert server.stop() == 0

        again = serve({"DATABASE_URL": database_url}).wait_until_ready()
        with httpx.Client(base_url=again.url) as client:
            listed = client.get("/downloads", headers=headers).json()["downloads"]
            assert [record["id"] for record in listed] == [kept.json()["id"]]

    def test_with_a_key(self, serve: Any, pexels: SimulatedPexels, configured: dict[str, str]) -> None:
        """Thirty pictures of Pexels."""
        server = serve(configured).wait_until_ready()
        with httpx.Client(base_url=server.url) as client:
            found = client.get("/search", params={"q": "nature"}, headers=sign_in(client)).json()

        assert [(provider["name"], provider["status"]) for provider in found["providers"]] == [("pexels", "ok")]
        assert len(found["images"]) == 30
        assert len(pexels.calls) == 1


class TestWorkers:
    def test_four_start_at_once_on_an_empty_database(self, serve: Any, empty_database_url: str) -> None:
        """One migrates and the others wait. All serve, and 200 concurrent downloads of one account are all kept."""
        environ = {"DATABASE_URL": empty_database_url, "IMAGEVAULT_LIMITS_REQUESTS": "100000/minute"}
        server = serve(environ, "--workers", "4").wait_until_ready()
        with httpx.Client(base_url=server.url) as client:
            headers = sign_in(client)

        async def save_all() -> list[int]:
            limits = httpx.Limits(max_connections=32)
            async with httpx.AsyncClient(base_url=server.url, headers=headers, limits=limits, timeout=60) as client:
                posts = (client.post("/download", json={"url": f"https://a.example/{n}"}) for n in range(200))
                return [response.status_code for response in await asyncio.gather(*posts)]

        assert asyncio.run(save_all()) == [201] * 200
        with httpx.Client(base_url=server.url) as client:
            kept = client.get("/downloads", params={"limit": 200}, headers=headers).json()["downloads"]
        assert {record["url"] for record in kept} == {f"https://a.example/{n}" for n in range(200)}

    def test_four_separate_servers_start_at_once(self, serve: Any, empty_database_url: str) -> None:
        """As on four hosts: no common parent process, and one empty database."""
        servers = [
            serve({"DATABASE_URL": empty_database_url, "SECRET_KEY": "a test secret of more than thirty-two bytes"})
            for _ in range(4)
        ]

        for server in servers:
            server.wait_until_ready()

        with httpx.Client() as client:
            for server in servers:
                assert client.get(f"{server.url}/health/ready").status_code == 200


def test_documentation_is_served(serve: Any) -> None:
    """By this server, without an account."""
    server = serve().wait_until_ready()

    for path in ("/docs", "/docs/openapi.json", "/docs-assets/swagger-ui-bundle.js", "/docs-assets/docs.js"):
        assert httpx.get(f"{server.url}{path}").status_code == 200, path
