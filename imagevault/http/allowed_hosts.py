"""The names and addresses at which the server answers. Any other Host is refused, which stops DNS rebinding."""

import re
from urllib.parse import urlsplit

from imagevault.config.settings import Settings
from imagevault.config.validation import is_loopback
from imagevault.errors import BadInput
from imagevault.http.problems import HTTPRefusal
from imagevault.http.request import RequestHead

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
PORT = re.compile(r":\d*$")
MAX_ACCEPTED = 100  # spellings of a Host header that are known to be good; a port may be anything


class AllowedHosts:
    """Checks the host that a request names. With `loopback_only`, it also refuses connections to any other address."""

    def __init__(self, settings: Settings, *, loopback_only: bool) -> None:
        self.loopback_only = loopback_only
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Allow loopback names, `host`, the host of `public_url`, and `allowed_hosts`."""
        names = [*LOOPBACK_NAMES, settings.host, _host_of(settings.base_url), *settings.allowed_hosts]
        self.names = {name.lower().rstrip(".") for name in names}
        self._accepted: set[bytes] = set()

    def check(self, head: RequestHead) -> None:
        """Check the Host header, in any letter case and with any port.

        Raises:
            HTTPRefusal: 503, if only loopback is served and the connection arrived elsewhere.
            BadInput: The Host header is missing, repeated, or names another host.
        """
        if self.loopback_only and not is_loopback(head.server):
            raise HTTPRefusal(
                503,
                "This server generated its secret, so it serves its own machine only. Set SECRET_KEY to serve others.",
            )
        if len(head.hosts) != 1:
            raise BadInput("Host", "must be sent once")
        if head.hosts[0] in self._accepted:
            return
        host = head.hosts[0].decode("latin-1").lower()
        if PORT.sub("", host).rstrip(".") not in self.names:
            raise BadInput("Host", "is not a name of this server; an admin can add it to allowed_hosts")
        if len(self._accepted) < MAX_ACCEPTED:
            self._accepted.add(head.hosts[0])


def _host_of(url: str) -> str:
    """Return the host of a URL as it stands in a Host header: IPv6 addresses in brackets."""
    host = urlsplit(url).hostname or ""
    return f"[{host}]" if ":" in host else host
