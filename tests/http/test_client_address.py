"""Whose address counts: that of the connection, or one that a trusted proxy names."""

from typing import Any

import pytest

from imagevault.config.settings import Settings
from imagevault.http.client_address import MAX_HOPS, ClientAddress
from imagevault.http.request import RequestHead
from tests.support.linear_time import is_linear

PROXIES = ("10.0.0.0/8", "2001:db8:aaaa::/48")


@pytest.fixture
def address_of(raw_scope: Any) -> Any:
    """Reads the address of a caller: `address_of("10.0.0.1", b"192.0.2.7")`."""

    def address_of(peer: str, *forwarded: bytes, proxies: tuple[str, ...] = PROXIES) -> str:
        head = RequestHead.read(raw_scope([(b"x-forwarded-for", value) for value in forwarded], client=(peer, 1)))
        return ClientAddress(Settings(trusted_proxies=proxies)).of(head)

    return address_of


class TestTrustedProxy:
    @pytest.mark.parametrize(
        ("forwarded", "expected"),
        [
            ([b"192.0.2.7"], "192.0.2.7"),
            ([b"6.6.6.6, 192.0.2.7"], "192.0.2.7"),
            ([b"192.0.2.7, 10.1.1.1"], "192.0.2.7"),
            ([b"6.6.6.6", b"192.0.2.7", b"10.1.1.1,10.1.1.2"], "192.0.2.7"),
            ([b"6.6.6.6,192.0.2.7:49152"], "192.0.2.7"),
            ([b"2001:db8:1::7"], "2001:db8:1::7"),
            ([b"[2001:db8:1::7]:49152"], "2001:db8:1::7"),
            ([b"192.0.2.7, 2001:db8:aaaa::1"], "192.0.2.7"),
            ([b"192.0.2.7, ::ffff:10.0.0.9"], "192.0.2.7"),
            ([b"10.2.2.2, 10.1.1.1"], "10.2.2.2"),
        ],
    )
    def test_the_last_address_that_is_no_proxy_counts(
        self, address_of: Any, forwarded: list[bytes], expected: str
    ) -> None:
        """Repeated headers are one list. A port is left out. If all are proxies, the first of them is the caller."""
        assert address_of("10.0.0.1", *forwarded) == expected

    @pytest.mark.parametrize("peer", ["10.0.0.1", "::ffff:10.0.0.1", "2001:db8:aaaa::5"])
    def test_is_known_in_every_spelling(self, address_of: Any, peer: str) -> None:
        assert address_of(peer, b"192.0.2.7") == "192.0.2.7"

    @pytest.mark.parametrize(
        "garbage", [b"unknown", b"", b" ", b"_hidden", b"192.0.2.999", b"\xff\xfe", b"1" * 5000, b"[::1", b"a:b:c"]
    )
    def test_what_is_no_address_ends_the_walk(self, address_of: Any, garbage: bytes) -> None:
        """What stands left of it is not believed, so the last proxy that is known counts."""
        assert address_of("10.0.0.1", b"6.6.6.6, " + garbage) == "10.0.0.1"
        assert address_of("10.0.0.1", b"6.6.6.6, " + garbage + b", 10.1.1.1") == "10.1.1.1"
        assert address_of("10.0.0.1", garbage + b", 192.0.2.7") == "192.0.2.7"

    def test_of_200_addresses_the_last_counts(self, address_of: Any) -> None:
        """Also where each stands in a header of its own."""
        addresses = [b"203.0.113.%d" % number for number in range(200)]

        assert address_of("10.0.0.1", b", ".join(addresses)) == "203.0.113.199"
        assert address_of("10.0.0.1", *addresses) == "203.0.113.199"

    def test_a_long_list_of_proxies_is_read_from_its_end_only(self, address_of: Any) -> None:
        """The address of a caller who writes such a list himself is that of a proxy."""
        proxies = [b"10.0.1.%d" % number for number in range(200)]

        assert address_of("10.0.0.1", b"6.6.6.6", b", ".join(proxies)) == f"10.0.1.{200 - MAX_HOPS}"

    def test_the_work_is_bounded(self, address_of: Any) -> None:
        """Twice as many addresses take no more than twice the time."""
        assert is_linear(lambda size: address_of("10.0.0.1", b"10.0.0.1," * size), 20_000)


class TestStranger:
    @pytest.mark.parametrize("peer", ["192.0.2.1", "11.0.0.1", "local", "testclient", "2001:db8:bbbb::1"])
    def test_is_not_believed(self, address_of: Any, peer: str) -> None:
        """An address that is no proxy counts itself, whatever it sends."""
        assert address_of(peer, b"6.6.6.6") == peer

    def test_nobody_is_believed_by_default(self, address_of: Any) -> None:
        assert address_of("127.0.0.1", b"6.6.6.6", proxies=()) == "127.0.0.1"


class TestHost:
    @pytest.mark.parametrize(
        ("peer", "forwarded", "expected"),
        [
            ("10.0.0.1", [b"images.example"], b"images.example"),
            ("10.0.0.1", [b" images.example , inner.lan"], b"images.example"),
            ("10.0.0.1", [b"images.example", b"inner.lan"], b"images.example"),
            ("10.0.0.1", [], b"own.lan"),
            ("192.0.2.1", [b"images.example"], b"own.lan"),
        ],
    )
    def test_is_what_the_outermost_trusted_proxy_saw(
        self, raw_scope: Any, peer: str, forwarded: list[bytes], expected: bytes
    ) -> None:
        """From anybody else, the Host header counts."""
        headers = [(b"host", b"own.lan"), *((b"x-forwarded-host", value) for value in forwarded)]
        head = RequestHead.read(raw_scope(headers, client=(peer, 1)))

        assert ClientAddress(Settings(trusted_proxies=PROXIES)).host_of(head) == expected


class TestServer:
    async def test_limits_count_by_the_address_behind_a_proxy(self, start: Any) -> None:
        """Each caller behind the proxy has a limit of its own, and spelling the header differently earns none."""
        api = await start({"IMAGEVAULT_TRUSTED_PROXIES": "127.0.0.1", "IMAGEVAULT_LIMITS_REQUESTS": "2/hour"})

        async def statuses(*forwarded: str) -> list[int]:
            return [(await api.get("/nothing", headers={"X-Forwarded-For": each})).status_code for each in forwarded]

        assert await statuses("192.0.2.7", "6.6.6.6, 192.0.2.7", "192.0.2.7:80") == [404, 404, 429]
        assert await statuses("192.0.2.8", "192.0.2.8") == [404, 404]

    async def test_limits_of_a_server_without_proxies_ignore_the_header(self, start: Any) -> None:
        api = await start({"IMAGEVAULT_LIMITS_REQUESTS": "2/hour"})

        answers = [await api.get("/nothing", headers={"X-Forwarded-For": f"192.0.2.{number}"}) for number in range(3)]

        assert [answer.status_code for answer in answers] == [404, 404, 429]

    async def test_a_changed_list_is_in_force_at_once(self, start: Any, edge_of: Any) -> None:
        api = await start()
        edge = edge_of(api)

        edge.configure(Settings(trusted_proxies=("127.0.0.1",)))

        assert len(edge.client_address.proxies) == 1

    def test_uvicorn_does_not_read_the_header(self, wire: Any) -> None:
        """It would believe every program on this machine. Two names for a caller share one limit."""
        seen = []
        for address in (b"192.0.2.7", b"192.0.2.8"):
            head = b"GET /nothing HTTP/1.1\r\n" + wire.host + b"X-Forwarded-For: " + address
            seen.append(wire.send(head + b"\r\nConnection: close\r\n\r\n").headers["ratelimit"])

        left = [int(text.partition("r=")[2].partition(";")[0]) for text in seen]
        assert left[1] < left[0]
