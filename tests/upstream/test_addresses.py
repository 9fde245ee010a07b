"""Which addresses a file is fetched from: by the text of the URL, and by the IP address."""

import pytest

from imagevault.errors import InvalidResponse
from imagevault.upstream.addresses import is_allowed, read_address, read_redirect
from tests.support.linear_time import is_linear

REFUSED = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "192.0.0.192",
    "192.88.99.1",
    "168.63.129.16",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:93.184.215.14",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001::1",
    "2001:db8::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1%eth0",
    "fec0::1",
    "ff02::1",
    "3fff::1",
    "5f00::1",
    "2606:4700:0:0:0:5efe:7f00:1",
    "",
    "localhost",
    "127.1",
]


class TestIPAddresses:
    @pytest.mark.parametrize("address", REFUSED)
    def test_all_but_public_ones_are_refused(self, address: str) -> None:
        assert not is_allowed(address)

    @pytest.mark.parametrize(
        "address", ["93.184.215.14", "1.1.1.1", "172.15.255.255", "2606:4700::6810:1", "2a00:1450::1"]
    )
    def test_public_ones_are_allowed(self, address: str) -> None:
        assert is_allowed(address)

    def test_networks_of_the_admin_are_allowed_too(self) -> None:
        networks = ("192.168.7.0/24", "::1")

        assert is_allowed("192.168.7.9", networks)
        assert is_allowed("::1", networks)
        assert not is_allowed("192.168.8.9", networks)
        assert not is_allowed("::ffff:192.168.7.9", networks)


class TestURLs:
    @pytest.mark.parametrize(
        "url",
        [
            "ftp://img.example/a.jpg",
            "file:///etc/passwd",
            "//img.example/a.jpg",
            "/a.jpg",
            "https:///a.jpg",
            "https://",
            "https://user@img.example/a.jpg",
            "https://user:pass@img.example/a.jpg",
            "https://@img.example/a.jpg",
            "https://img.example\\@127.0.0.1/a.jpg",
            "https://127.0.0.1\\.img.example/",
            "https://img.example /a.jpg",
            "https://img.example/a b.jpg",
            "https://img\t.example/",
            "https://img.example/a.jpg\r\nHost: x",
            "https://１２７.0.0.1/",
            "https://127。0。0。1/",
            "https://bücher.example/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0x7f.0.0.1/",
            "https://0177.0.0.1/",
            "https://127.1/",
            "https://127.0.1/",
            "https://0/",
            "https://1.2.3.4.5/",
            "https://256.0.0.1/",
            "https://img.example:0/",
            "https://img.example:65536/",
            "https://img.example:x/",
            "https://img..example/",
            "https://.img.example/",
            "https://-img.example/",
            "https://img.%65xample/",
            "https://[fe80::1%25eth0]/",
            "https://[::1",
            "https://[127.0.0.1]/",
            f"https://{'a' * 64}.example/",
            f"https://{'a.' * 127}example/",
            f"https://img.example/{'a' * 2048}",
        ],
    )
    def test_odd_ones_are_refused(self, url: str) -> None:
        """Before anything is looked up."""
        with pytest.raises(InvalidResponse):
            read_address(url)

    def test_a_plain_one_is_read(self) -> None:
        address = read_address("HTTPS://IMG.Example.:443/a%20b.jpg?w=400&x=1#part")

        assert address == ("https", "img.example", 443, "/a%20b.jpg?w=400&x=1")
        assert read_address("http://img.example") == ("http", "img.example", 80, "/")
        assert read_address("https://[2606:4700::1]:8443/").origin == ("https", "2606:4700::1", 8443)

    def test_a_redirect_is_relative_to_where_it_came_from(self) -> None:
        base = "https://img.example/x/a.jpg?w=1"

        assert read_redirect(base, b"b.jpg") == "https://img.example/x/b.jpg"
        assert read_redirect(base, b"//cdn.example/b.jpg") == "https://cdn.example/b.jpg"
        for bad in (b"", b"/a b", b"/\xe4", b"/\t", b"\\\\host\\", b"https://[::1", b"/" + b"a" * 3000):
            with pytest.raises(InvalidResponse):
                read_address(read_redirect(base, bad))

    @pytest.mark.parametrize("piece", ["a.", "1.", "x", "[", "@", "%C3"])
    def test_a_long_text_costs_nothing(self, piece: str) -> None:
        def read(length: int) -> None:
            with pytest.raises(InvalidResponse):
                read_address("https://" + piece * length)

        assert is_linear(read, 200_000)
