"""The cookie that carries a session of the page, and the check that no other site uses it."""

from urllib.parse import urlsplit

from imagevault.config.settings import Settings
from imagevault.errors import Forbidden
from imagevault.http.request import RequestContext, RequestHead

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITES = frozenset({b"same-origin", b"none"})  # `none`: the user typed the address or opened a bookmark
MAX_VALUE = 128  # characters


class SessionCookie:
    """Reads and writes the cookie. Its name begins with `__Host-` where the public address is https.

    Browsers take such a cookie over https only, for this host only, and for all paths
    (draft-ietf-httpbis-rfc6265bis, 4.1.3.2).
    """

    def __init__(self, settings: Settings) -> None:
        address = urlsplit(settings.base_url)
        self.is_secure = address.scheme == "https"
        self.name = "__Host-iv" if self.is_secure else "iv"
        self.origin = f"{address.scheme}://{address.netloc}".encode()
        self.schemes = (b"https",) if self.is_secure else (b"http", b"https")

    def read(self, head: RequestHead) -> str | None:
        """Return the value that a request carries; None if there is none, or several that differ."""
        name = self.name.encode()
        sent = (cookie.strip().partition(b"=") for cookie in b";".join(head.cookies).split(b";"))
        values = {value for key, _, value in sent if key == name}
        if len(values) != 1:
            return None
        [value] = values
        return value.decode("latin-1") if 0 < len(value) <= MAX_VALUE else None

    def header(self, value: str, lifetime: int) -> str:
        """Return the Set-Cookie header of a session of some seconds; of 0 seconds to take the cookie away."""
        secure = "; Secure" if self.is_secure else ""
        return f"{self.name}={value}; Path=/; Max-Age={lifetime}; HttpOnly; SameSite=Lax{secure}"

    def check_site(self, context: RequestContext) -> None:
        """Check that a request comes from a page of this server, or from no page.

        Browsers send Sec-Fetch-Site, and older ones Origin with every request that is neither GET nor HEAD. An origin
        is our own if it is that of `public_url`, or names the host that the request was sent to. A program sends
        neither header.

        Raises:
            Forbidden: it comes from another site.

        """
        head = context.head
        if head.fetch_site is not None:
            is_own = head.fetch_site in OWN_SITES
        elif head.origin is not None:
            is_own = head.origin == self.origin or self._names_host(head.origin, context.host)
        else:
            is_own = True
        if not is_own:
            raise Forbidden(
                "Another site may not do this with your session; use the pages of this server, or send a token."
            )

    def _names_host(self, origin: bytes, host: bytes) -> bool:
        """Whether an origin names a host. Where the public address is https, no page without TLS counts as ours."""
        scheme, separator, authority = origin.lower().partition(b"://")
        return bool(separator and host) and scheme in self.schemes and authority == host.lower()
