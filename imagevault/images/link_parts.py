"""The parts of a link, by one pattern. A page of results has hundreds of links, and `urlsplit` is ten times slower."""

import functools
import re
from typing import NamedTuple
from urllib.parse import urlsplit

# Visible ASCII, a host without user or brackets: `urlsplit` would find the same parts.
ORDINARY = re.compile(
    r"https?://(?P<netloc>[A-Za-z0-9.-]+(?::[0-9]{1,5})?)"
    r"(?P<path>(?:/[\x21-\x22\x24-\x3e\x40-\x7e]*)?)"
    r"(?:\?(?P<query>[\x21-\x22\x24-\x7e]*))?"
    r"(?:#[\x21-\x7e]*)?"
)

KEPT = 1024  # links, of at most 2 KB each: a page's are split again for their host, their type and their keys


class LinkParts(NamedTuple):
    """What `urlsplit` calls by the same names, without the scheme and the fragment."""

    netloc: str
    path: str
    query: str

    @property
    def host(self) -> str:
        """The host in lower case, without port and without a dot at the end; empty if there is none."""
        if "@" in self.netloc or "[" in self.netloc:
            return (urlsplit(f"//{self.netloc}").hostname or "").rstrip(".")
        return self.netloc.partition(":")[0].lower().rstrip(".")


@functools.lru_cache(KEPT)
def split_link(url: str) -> LinkParts:
    """Return the parts of a link. Raises ValueError if it is no URL."""
    found = ORDINARY.fullmatch(url)
    if found is not None:
        return LinkParts(found["netloc"], found["path"], found["query"] or "")
    parts = urlsplit(url)
    return LinkParts(parts.netloc, parts.path, parts.query)
