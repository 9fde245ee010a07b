"""What a plugin's client may do: call the declared hosts, repeat marked calls; and what broken XML means."""

import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator

import defusedxml.ElementTree
import httpx
import pytest

from imagevault import InvalidResponse, ProviderInfo
from imagevault.plugins.provider import Provider
from imagevault.upstream.provider_errors import to_provider_error
from imagevault.upstream.transport import _is_repeatable, open_client
from tests.support.plain_provider import provider_of


@pytest.fixture
def provider() -> Provider:
    """A provider that gets its tokens on another host."""
    return provider_of(
        ProviderInfo(
            title="Test", page_size=1, base_url="https://api.a.example/", api_hosts={"auth.a.example"}, timeout=12
        )
    )


def answer(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, text="yes")


class TestHosts:
    @pytest.mark.parametrize("url", ["https://api.a.example/x", "https://auth.a.example/token"])
    async def test_declared_ones_are_called(self, provider: Provider, url: str) -> None:
        async with open_client(provider, transport=httpx.MockTransport(answer)) as http:
            assert (await http.get(url)).text == "yes"

    @pytest.mark.parametrize(
        "url",
        [
            "https://b.example/",
            "http://auth.a.example/token",
            "https://auth.a.example:8443/token",
            "https://auth.a.example.b.example/token",
            "https://169.254.169.254/",
        ],
    )
    async def test_others_are_not(self, provider: Provider, url: str) -> None:
        async with open_client(provider, transport=httpx.MockTransport(answer)) as http:
            with pytest.raises(InvalidResponse, match="leads to another host"):
                await http.get(url)

    async def test_a_redirect_leads_to_no_other_host(self, provider: Provider) -> None:
        def redirect(_: httpx.Request) -> httpx.Response:
            return httpx.Response(302, headers={"Location": "https://b.example/"})

        async with open_client(provider, transport=httpx.MockTransport(redirect)) as http:
            with pytest.raises(InvalidResponse, match=r"leads to another host: b\.example; api_hosts does not name it"):
                await http.get("x")

    def test_its_time_out_is_the_declared_one(self, provider: Provider) -> None:
        assert provider.timeout == 12


class TestRepeated:
    @pytest.mark.parametrize(
        ("method", "extensions", "expected"),
        [
            ("GET", {}, True),
            ("POST", {}, False),
            ("POST", {"imagevault": {"retry": True}}, True),
            ("POST", {"imagevault": {"retry": "yes"}}, False),
            ("POST", {"imagevault": "retry"}, False),
            ("DELETE", {}, False),
        ],
    )
    def test_a_get_and_what_the_plugin_marks(self, method: str, extensions: dict[str, object], expected: bool) -> None:
        request = httpx.Request(method, "https://a.example/", json={"query": "{}"}, extensions=extensions)

        assert _is_repeatable(request) is expected

    def test_no_body_that_can_be_read_once_only(self) -> None:
        async def body() -> AsyncIterator[bytes]:
            yield b"{}"

        request = httpx.Request(
            "POST", "https://a.example/", content=body(), extensions={"imagevault": {"retry": True}}
        )

        assert not _is_repeatable(request)


class TestXML:
    @pytest.mark.parametrize(
        "document",
        [
            "<rss><item></rss>",
            "",
            '{"not": "xml"}',
            '<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><x>&c;</x>',
            '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
        ],
    )
    def test_that_is_broken_or_hostile_is_an_invalid_response(self, provider: Provider, document: str) -> None:
        with pytest.raises((ET.ParseError, ValueError)) as raised:
            defusedxml.ElementTree.fromstring(document)

        error = to_provider_error(raised.value, provider)

        assert isinstance(error, InvalidResponse)
        assert "/etc/passwd" not in str(error)
