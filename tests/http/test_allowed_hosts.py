"""The names and addresses at which the server answers."""

from typing import Any

import pytest


class TestHost:
    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1:8000",
            "127.0.0.1",
            "127.0.0.1:9",
            "localhost",
            "LOCALHOST:8000",
            "localhost.",
            "[::1]",
            "[::1]:8000",
            "images.example",
            "Images.Example:443",
            "other.example",
            "[2001:db8::7]:8080",
        ],
    )
    async def test_own_names_are_answered(self, start: Any, host: str) -> None:
        """Loopback, the public address and `allowed_hosts` are answered with any port and in any letter case."""
        hosts = {"IMAGEVAULT_ALLOWED_HOSTS": "other.example, [2001:db8::7]"}
        api = await start({"IMAGEVAULT_PUBLIC_URL": "http://images.example:8443", **hosts})

        answer = await api.get("/health/live", headers={"Host": host})

        assert answer.status_code == 200

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "imagesXexample",
            "images.example.evil.example",
            "evil-images.example",
            "images.example@evil.example",
            "evil.example:80@images.example",
            "images.example:80:80",
            "images.example:http",
            "images.example/",
            "images.example,evil.example",
            "127.0.0.2",
            "[::2]",
            "::1",
            "[::1",
            "0x7f000001",
            "",
            ".",
            ":8000",
            "imäges.example",
        ],
    )
    async def test_any_other_is_refused(self, start: Any, host: str) -> None:
        """A foreign name that points to this server (DNS rebinding) is refused."""
        api = await start({"IMAGEVAULT_PUBLIC_URL": "https://images.example"})

        answer = await api.get("/health/live", headers={"Host": host.encode()})

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "Host"

    @pytest.mark.parametrize("hosts", [[], ["127.0.0.1", "127.0.0.1"], ["127.0.0.1", "evil.example"]])
    async def test_none_or_two_are_refused(self, api: Any, hosts: list[str], ask: Any, edge_of: Any) -> None:
        """A request names exactly one host."""
        status = await ask(edge_of(api), headers=[(b"host", host.encode()) for host in hosts])

        assert status == 400

    async def test_links_are_made_from_the_public_address(self, start: Any) -> None:
        """The Host header never gets into a response."""
        api = await start({"IMAGEVAULT_PUBLIC_URL": "https://images.example"})
        headers = await api.sign_in()

        answer = await api.get("/search?q=mountain&provider=local&per_page=1", headers=headers)

        assert "127.0.0.1" not in answer.text + answer.headers["link"]
        assert "https://images.example/media/local/" in answer.text


class TestOwnSecret:
    """A server that generated its secret serves its own machine only."""

    @pytest.mark.parametrize("server", ["127.0.0.1", "127.8.9.1", "::1"])
    async def test_loopback_is_served(self, start: Any, server: str, ask: Any, edge_of: Any) -> None:
        """Connections that arrive at a loopback address are answered."""
        api = await start({"SECRET_KEY": ""})

        assert await ask(edge_of(api), headers=[(b"host", b"127.0.0.1")], server=(server, 8000)) == 200

    @pytest.mark.parametrize("server", [("192.0.2.1", 8000), ("0.0.0.0", 8000), ("2001:db8::1", 8000), None])
    async def test_any_other_address_is_refused(
        self, start: Any, server: tuple[str, int] | None, ask: Any, edge_of: Any
    ) -> None:
        """`uvicorn --host 0.0.0.0` starts, but it serves no other machine."""
        api = await start({"SECRET_KEY": ""})

        assert await ask(edge_of(api), headers=[(b"host", b"127.0.0.1")], server=server) == 503

    async def test_with_a_given_secret_every_address_is_served(self, api: Any, ask: Any, edge_of: Any) -> None:
        """The rule depends on the secret alone."""
        assert await ask(edge_of(api), headers=[(b"host", b"127.0.0.1")], server=("192.0.2.1", 8000)) == 200
