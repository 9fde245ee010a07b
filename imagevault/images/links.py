"""Links to files and pages: made valid, and split into their parts.

Both are done by one pattern for nearly all links. A page of results has hundreds, and `urlsplit` is ten times slower.
"""

import re
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import idna

MAX_URL = 2048  # characters
NOT_IN_URLS = re.compile(r"[^\x21-\x7e]|[\\<>\"`]")
# Some upstreams do not encode their links: blanks, letters beyond ASCII, and `%` that encodes nothing (50% off).
STAYS_IN_URLS = "".join(char for char in map(chr, range(0x80)) if char != " ")
STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
# Nearly all links are so: of a host with a dot, and without any of the letters that need a closer look.
VALID_AS_IT_IS = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)+(?:[/?][!#$&-;=?-\[\]^_a-z{|}~]*)?")
# Visible ASCII, a host without user or brackets: `urlsplit` would find the same parts.
# The host of a link, up to its port, where it has letters beyond ASCII: münchen in https://münchen.example/
HOST_BEYOND_ASCII = re.compile(
    r"\A(https?://)(?=[0-9a-z.-]{0,253}[^ -~])([^\s/?#@:\[\]%\\]{1,253})(?=[/?#:]|\Z)", re.IGNORECASE
)
PARTS = re.compile(
    r"https?://(?P<netloc>[A-Za-z0-9.-]+(?::[0-9]{1,5})?)"
    r"(?P<path>(?:/[\x21-\x22\x24-\x3e\x40-\x7e]*)?)"
    r"(?:\?(?P<query>[\x21-\x22\x24-\x7e]*))?"
    r"(?:#[\x21-\x7e]*)?"
)


class LinkParts(NamedTuple):
    """What `urlsplit` calls by the same names, without the scheme and the fragment."""

    netloc: str
    path: str
    query: str

    @property
    def host(self) -> str:
        """The host in lower case, without port and without a dot at the end; empty if there is none."""
        if "@" in self.netloc or "[" in self.netloc or "%" in self.netloc:
            return (urlsplit(f"//{self.netloc}").hostname or "").rstrip(".")
        return self.netloc.partition(":")[0].lower().rstrip(".")


def split_link(url: str) -> LinkParts:
    """Return the parts of a link. Raises ValueError if it is no URL."""
    found = PARTS.fullmatch(url)
    if found is not None:
        netloc, path, query = found.groups("")
        return LinkParts(netloc, path, query)
    parts = urlsplit(url)
    return LinkParts(parts.netloc, parts.path, parts.query)


def link(url: str | None) -> str | None:
    """Return an http(s) link with blanks and letters beyond ASCII encoded; None if it is no such link.

    >>> link("http://münchen.example/ü.jpg")
    'http://xn--mnchen-3ya.example/%C3%BC.jpg'
    """
    if not url or len(url) > MAX_URL:
        return None
    if VALID_AS_IT_IS.fullmatch(url):
        return url
    url = HOST_BEYOND_ASCII.sub(_with_ascii_host, url.strip())
    if NOT_IN_URLS.search(url) or "%" in url:
        url = quote(STRAY_PERCENT.sub("%25", url), safe=STAYS_IN_URLS, errors="ignore")
        if len(url) > MAX_URL or NOT_IN_URLS.search(url):
            return None
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError where it is no number
    except ValueError:
        return None
    has_odd_host = not parts.hostname or "@" in parts.netloc or "%" in parts.netloc
    return url if parts.scheme in {"http", "https"} and not has_odd_host else None


def _with_ascii_host(found: re.Match[str]) -> str:
    """Return the beginning of a link with its host as DNS knows it; unchanged where it is no name of a host.

    Signs that only look like ASCII, such as the wide digits of 127.0.0.1, make no name.
    """
    scheme, host = found.groups()
    try:
        ascii_host = idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        return found[0]
    return scheme + ascii_host if "xn--" in ascii_host else found[0]
