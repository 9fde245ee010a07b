"""Which addresses the gateway fetches a file from: the text of a URL, and the IP address that its host leads to.

Both are checked. The text alone is not enough, because a name may lead to any machine. The IP address alone is not
enough either, because parsers disagree about the host of an odd URL.
"""

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from imagevault.errors import InvalidResponse

MAX_URL = 2048  # characters
MAX_HOST = 253  # characters
PRINTABLE = re.compile(r"[!-\[\]-~]+")  # ASCII without blanks, control characters and the backslash
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
OCTETS = re.compile(r"(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}")
DEFAULT_PORTS = {"https": 443, "http": 80}

# `is_global` of the standard library lets multicast, NAT64, 6to4 and addresses of cloud services through.
REFUSED_V4 = [
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]
UNICAST_V6 = ipaddress.ip_network("2000::/3")  # leaves out loopback, mapped IPv4, NAT64, link-local, private, multicast
REFUSED_V6 = [
    ipaddress.ip_network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
]
ISATAP = b"\x00\x5e\xfe"  # bytes 9 to 11 of an address that holds an IPv4 address


class FileAddress(NamedTuple):
    """The parts of a URL that a request needs.

    Attributes:
        scheme: `https` or `http`.
        host: in lower case, without a full stop at the end; an IPv6 address without brackets.
        port: the port that the URL names, or that of its scheme.
        target: path and query, percent-encoded.

    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port."""
        return self.scheme, self.host, self.port


def read_address(url: str) -> FileAddress:
    """Return the parts of a URL that is written so that every parser reads the same.

    Raises:
        InvalidResponse: it is not http or https, it has a user or password, or its host is no name and no plain
            address. `2130706433`, `0x7f.1` and `127.1` are such hosts.

    """
    if len(url) > MAX_URL or not PRINTABLE.fullmatch(url):
        raise InvalidResponse(f"an address must be printable ASCII of at most {MAX_URL} characters")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").removesuffix(".")
    except ValueError:
        raise InvalidResponse("the address cannot be read") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise InvalidResponse("the address is neither https nor http")
    if "@" in parts.netloc:
        raise InvalidResponse("the address has a user or a password")
    if port == 0 or not _is_host(host):
        raise InvalidResponse("the host of the address is no name and no plain address")
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    return FileAddress(parts.scheme, host, port or DEFAULT_PORTS[parts.scheme], target)


def read_redirect(url: str, location: bytes) -> str:
    """Return the URL that a redirect of `url` leads to. Raises InvalidResponse if it cannot be read."""
    text = location.decode("latin-1")
    if len(text) > MAX_URL or not PRINTABLE.fullmatch(text):
        raise InvalidResponse("the target of a redirect cannot be read")
    try:
        return urljoin(url, text)
    except ValueError:
        raise InvalidResponse("the target of a redirect cannot be read") from None


def is_allowed(address: str, networks: Iterable[str] = ()) -> bool:
    """Return whether the gateway may connect to an IP address: a public one, or one of these networks."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return _is_public(ip) or any(ip in _network(network) for network in networks)


def _is_public(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in network for network in REFUSED_V4)
    is_isatap = ip.packed[8] in {0, 2} and ip.packed[9:12] == ISATAP
    is_refused = is_isatap or ip.scope_id is not None or any(ip in network for network in REFUSED_V6)
    return ip in UNICAST_V6 and not is_refused


def _is_host(host: str) -> bool:
    """Whether a text is a host name, four decimal octets, or an IPv6 address without brackets and zone."""
    if ":" in host:
        return "%" not in host and _is_ip(host)
    labels = host.split(".")
    if len(host) > MAX_HOST or not all(LABEL.fullmatch(label) for label in labels):
        return False
    if NUMBER.fullmatch(labels[-1]):  # the resolver may read it as an address in another form
        return OCTETS.fullmatch(host) is not None and _is_ip(host)
    return True


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=64)
def _network(network: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(network)
