"""The address of a caller, and the host that they addressed: what the request says, or a trusted proxy."""

import ipaddress
from collections.abc import Sequence

from imagevault.config.settings import Settings
from imagevault.http.request import RequestHead

# How many addresses of X-Forwarded-For are read, from the right. A request passes a few proxies; who sends a longer
# header makes it up.
MAX_HOPS = 16
MAX_ADDRESS = 64  # characters; an IPv6 address with brackets and a port has 47


class ClientAddress:
    """Reads `X-Forwarded-For` and `X-Forwarded-Host`, but only from `trusted_proxies`.

    Each proxy adds the address that it sees at the right end. So the header is read from the right, and the first
    address that is no trusted proxy is the caller. What stands left of it was written by the caller.
    """

    def __init__(self, settings: Settings) -> None:
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Put the networks of these settings in force."""
        self.proxies = [ipaddress.ip_network(network) for network in settings.trusted_proxies]

    def of(self, head: RequestHead) -> str:
        """Return the address of the caller of a request."""
        if not self.proxies or not head.forwarded or not self._is_proxy(head.client):
            return head.client
        address = head.client
        for hop in _last_hops(head.forwarded):
            parsed = _parse(hop)
            if parsed is None:  # No proxy writes this, and who wrote it wrote all that stands left of it.
                return address
            address = parsed
            if not self._is_proxy(address):
                return address
        return address

    def host_of(self, head: RequestHead) -> bytes:
        """Return the host that the caller of a request addressed, as sent; empty if there is none."""
        sent = head.forwarded_hosts
        if sent and self.proxies and self._is_proxy(head.client):
            # The outermost proxy wrote the first. A page of another site cannot send this header.
            return sent[0].partition(b",")[0].strip()
        return head.hosts[0] if head.hosts else b""

    def _is_proxy(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped  # On a socket for both versions, IPv4 looks like ::ffff:192.0.2.1.
        return any(parsed in network for network in self.proxies)


def _last_hops(values: Sequence[bytes]) -> list[bytes]:
    """Return the last elements of the header, the last one first. Repeated headers are one list in their order."""
    hops: list[bytes] = []
    for value in reversed(values):
        left = MAX_HOPS - len(hops)
        if left <= 0:
            break
        hops.extend(reversed(value.rsplit(b",", left)[-left:]))
    return hops


def _parse(hop: bytes) -> str | None:
    """Return the address of one element, without the port that some proxies add; None if it is no address."""
    text = hop.strip()
    if len(text) > MAX_ADDRESS:
        return None
    if text.startswith(b"["):  # [2001:db8::1]:49152
        text, closed, _ = text[1:].partition(b"]")
        if not closed:
            return None
    elif text.count(b":") == 1:  # 192.0.2.1:49152
        text = text.partition(b":")[0]
    try:
        return str(ipaddress.ip_address(text.decode("ascii")))
    except ValueError:
        return None
